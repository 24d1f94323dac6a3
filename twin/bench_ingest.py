"""`twin bench ingest`: real sockets, the real gateway process, the durable stream, limits and history.

The load is a park's loggers, one frame of 8 factors a second each. The frames' moments are written down where
limits are looked at, so that every reading is accounted for: lost ones and doubled ones are counted, not
guessed. The last line of the output is one JSON object.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodata import park as parks
from geodata.places import Park
from twin import embedded
from twin.bench_frames import FACTORS, mn
from twin.bench_load import FIRST_MS, Load, Sent
from twin.blocks import decode
from twin.config import Config
from twin.ending import told_to_end
from twin.errors import UnavailableError
from twin.history.writer import Writer
from twin.ingest.hj212.write import frame
from twin.limits import Limits
from twin.series import Catalogue, Finder
from twin.state import State
from twin.stream import Stream
from twin.supervisor import free_port

WARM_S = 4  # sent before anything is measured: the first frame of every logger is read the careful way
DRAIN_S = 60.0
PER_FRAME = len(FACTORS)
Counts = NDArray[np.uint8]
BARE_S = 2  # seconds' worth of bytes for the bare costs


@dataclass(frozen=True, slots=True)
class Task:
    """What the worker of limits and history is told."""

    url: str
    folder: Path
    park: Path
    loggers: int
    seconds: int


class Tally:
    """How often which reading of which second has been seen.

    Parameters
    ----------
    seen : (seconds, 8 * loggers) uint8, optional
        Where it is counted.
    """

    def __init__(self, loggers: int, seconds: int, seen: Counts | None = None) -> None:
        self._seen = np.zeros((seconds, loggers * PER_FRAME), np.uint8) if seen is None else seen
        self._loggers = {mn(i): i for i in range(loggers)}
        self._places = Finder(lambda s: self._loggers[s.mn] * PER_FRAME + FACTORS.index(s.factor))
        self.rows = 0

    @property
    def distinct(self) -> int:
        """Readings seen at least once."""
        return int(np.count_nonzero(self._seen))

    def whole(self) -> NDArray[np.bool_]:
        """(loggers, seconds) frames of which every reading was seen."""
        every: NDArray[np.bool_] = np.all((self._seen > 0).reshape(len(self._seen), -1, PER_FRAME), axis=2).T
        return every

    def add(self, series: Catalogue, index: Any, at_ms: Any) -> None:
        """Tick off the readings of a block."""
        place = self._places.of(series)[index]
        self._seen[(at_ms - FIRST_MS) // 1000, place] += 1
        self.rows += len(index)


def bench_park(path: Path, loggers: int) -> Park:
    """The demo park with so many stations in place of its own."""
    park = parks.read(path)
    like = park.stations
    stations = tuple(
        replace(like[i % len(like)], id=f"L{i}", mn=mn(i), factors=FACTORS, interval_s=1)
        for i in range(loggers)
    )
    return replace(park, stations=stations)


def work(task: Task, pipe: Connection) -> None:
    """The worker's process: limits by one consumer group, history by another, as the role `watch` does."""
    park = bench_park(task.park, task.loggers)
    state, tally = State(park, Limits.load(park)), Tally(task.loggers, task.seconds)
    stop = threading.Event()
    written = [0]
    history = threading.Thread(target=_write_history, args=(task, stop, written))
    with closing(Stream(task.url)) as stream:
        stream.join("readings", "watch")
        history.start()
        pipe.send("ready")
        over = False
        while not over:
            entries = stream.take(["readings"], "watch", "1", count=64, wait_ms=100)
            over = not entries and pipe.poll()
            for _, entry in entries:
                block = decode(entry.body)
                state.fold(block)
                tally.add(block.series, block.series_index, block.at_ms)
                stream.ack("readings", "watch", [entry.id])
    stop.set()
    history.join()
    folder = task.folder / "history"
    size = sum(f.stat().st_size for f in folder.rglob("*.parquet"))
    readings = sum(f.stat().st_size for f in (folder / "readings").glob("*.parquet"))
    pipe.send(
        {
            "rows": tally.rows,
            "distinct": tally.distinct,
            "whole": tally.whole(),
            "written": written[0],
            "levels": np.bincount(state.level, minlength=6).tolist(),
            "history_bytes": size,
            "readings_bytes": readings,
        }
    )
    pipe.recv()  # until our processor time has been read


def _write_history(task: Task, stop: threading.Event, written: list[int]) -> None:
    writer = Writer(task.folder / "history")
    with closing(Stream(task.url)) as stream:
        while not stop.wait(0.2):
            written[0] += writer.step(stream)
        while more := writer.step(stream, now=True):
            written[0] += more


def hear(pipe: Connection, alive: Any, timeout_s: float) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if pipe.poll(0.5):
            return pipe.recv()
        if not alive():
            break
    raise UnavailableError("the worker of the bench did not answer")


@contextmanager
def _site(config: Config) -> Iterator[tuple[Path, str, int, dict[str, int]]]:
    """A stream server and a gateway of their own in a folder that goes away; with their process ids."""
    folder = Path(tempfile.mkdtemp(prefix="twin-bench-"))
    gateway: subprocess.Popen[bytes] | None = None
    server = embedded.start(folder / "redis", folder / "redis.sock")
    url, port = f"unix://{folder / 'redis.sock'}", free_port()
    settings = {"TWIN_DATA": str(folder), "TWIN_REDIS_URL": url, "TWIN_GATEWAY_PORT": str(port)}
    try:
        gateway = subprocess.Popen(
            [sys.executable, "-m", "twin", "gateway"],
            env={**config.environment, **settings, "TWIN_LOGGERS": ""},
        )
        wait_for(port, gateway)
        yield folder, url, port, {"gateway": gateway.pid, "redis": server.pid}
    finally:
        for process in (gateway, server):
            if process is not None:
                told_to_end(process, "a process of the bench")
        if server.stderr is not None:
            server.stderr.close()
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
        else:
            return
    raise UnavailableError("the gateway of the bench did not start")


def run(config: Config, points: int, seconds: int, sockets: int) -> dict[str, Any]:
    """Run the bench; returns what is printed.

    Parameters
    ----------
    points : int
        Readings a second; rounded up to whole frames of 8.
    seconds : int
        How long is measured, after a few seconds that are not.
    sockets : int
        Connections the loggers are spread over.
    """
    loggers = -(-points // PER_FRAME)
    with _site(config) as (folder, url, port, pids):
        there, here = multiprocessing.get_context("spawn").Pipe()
        task = Task(url, folder, config.park, loggers, WARM_S + seconds)
        worker = multiprocessing.get_context("spawn").Process(target=work, args=(task, here), daemon=True)
        worker.start()
        pids = {**pids, "worker": worker.pid or 0}
        hear(there, worker.is_alive, 180.0)
        load = Load([port], sockets, loggers, answer_size())
        with closing(load):
            load.run(WARM_S)
            warm, load.sent = load.sent, type(load.sent)()
            cpu, began = cpu_s(pids), time.monotonic()
            sent = load.run(seconds, WARM_S)
            memory = {name: rss_mb(pid) for name, pid in pids.items()}
            there.send("stop")
            seen = hear(there, worker.is_alive, DRAIN_S + 60.0)
            drained = time.monotonic() - began
            spent = {name: round(value - cpu[name], 2) for name, value in cpu_s(pids).items()}
            there.send("bye")
            seen["lost"] = int(np.count_nonzero(load.proved(WARM_S + seconds) & ~seen.pop("whole")))
        worker.join(10)
        bare = bare_costs(load, url, 40)
    return {
        "bench": "ingest",
        **told(sent, warm.frames, drained, spent, memory, seen),
        "bare": bare,
        "points": points,
        "seconds": seconds,
        "sockets": sockets,
        "warm_s": WARM_S,
        "machine": machine(),
    }


def told(
    sent: Sent,
    warm_frames: int,
    drained: float,
    spent: dict[str, float],
    memory: dict[str, float],
    seen: dict[str, Any],
) -> dict[str, Any]:
    """What the counts mean."""
    in_time = sent.in_time - warm_frames  # a line counts its answers from its beginning
    waits = np.array(sent.wait_s or [np.nan]) * 1000
    offered = sent.frames * PER_FRAME
    return {
        "readings_per_s": round(in_time * PER_FRAME / sent.seconds),
        "frames_per_s": round(in_time / sent.seconds),
        "offered_per_s": round(offered / sent.seconds),
        "lost": seen["lost"] * PER_FRAME,
        "doubled": seen["rows"] - seen["distinct"],
        "unanswered": sent.frames + warm_frames - sent.answered,
        "written": seen["written"],
        "p50_durable_ms": round(float(np.percentile(waits, 50)), 1),
        "p99_durable_ms": round(float(np.percentile(waits, 99)), 1),
        "load_behind_ms": round(sent.behind_s * 1000),
        "drained_s": round(drained, 1),
        "cpu_s": {**spent, "load": round(sent.cpu_s, 2)},
        "readings_per_core_s": round(offered / sum(spent.values())),
        "rss_mb": memory,
        "history_bytes_per_reading": round(seen["readings_bytes"] / max(seen["written"], 1), 2),
        "levels": seen["levels"],
    }


def machine() -> dict[str, Any]:
    """Facts without which the numbers mean little."""
    name = platform.processor() or platform.machine()
    cpus = Path("/proc/cpuinfo")
    if cpus.is_file():
        models = [
            line.split(":", 1)[1].strip() for line in cpus.read_text().splitlines() if "model name" in line
        ]
        name = models[0] if models else name
    return {
        "cpu": name,
        "cores": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def cpu_s(pids: dict[str, int]) -> dict[str, float]:
    """Processor seconds of processes so far, their children that ended included."""
    tick = os.sysconf("SC_CLK_TCK")
    out = {}
    for name, pid in pids.items():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        out[name] = sum(map(int, fields[11:15])) / tick
    return out


def rss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(x.split()[1]) for x in lines if x.startswith("VmRSS")) / 1024, 1)


def answer_size() -> int:
    head = f"QN=20240601080000000;ST=91;CN=9014;PW=123456;MN={mn(0)};Flag=4;CP=&&&&"
    return len(frame(head.encode()))


def bare_costs(load: Load, url: str, blocks: int) -> dict[str, float]:
    """What the same bytes cost through one socket alone, and the newest blocks through Redis alone."""
    with closing(Stream(url)) as stream:
        bodies = [entry.body for entry in stream.last("readings", blocks)]
    return {**_bare_socket(load), **_bare_redis(bodies)}


def _bare_socket(load: Load) -> dict[str, float]:
    """The same bytes through one loopback socket and back out of it, nothing read in them."""
    data = load.frames.second(FIRST_MS) * BARE_S
    with socket.create_server(("127.0.0.1", 0)) as server:
        a = socket.create_connection(server.getsockname())
        b, _ = server.accept()
    cpu = time.process_time()
    with closing(a), closing(b):
        piece = load.frames.size * 13
        for at in range(0, len(data), piece):
            a.sendall(data[at : at + piece])
            left = min(piece, len(data) - at)
            while left:
                left -= len(b.recv(65_536))
    spent = time.process_time() - cpu
    return {"socket_readings_per_core_s": round(len(data) / load.frames.size * PER_FRAME / spent)}


def _bare_redis(bodies: list[bytes]) -> dict[str, float]:
    """The same blocks, ready made, appended to a stream server that does nothing else."""
    folder = Path(tempfile.mkdtemp(prefix="twin-bench-"))
    server = embedded.start(folder / "redis", folder / "redis.sock")
    try:
        readings = sum(len(decode(body)) for body in bodies)
        before, began = cpu_s({"redis": server.pid})["redis"], time.monotonic()
        mine = time.process_time()
        with closing(Stream(f"unix://{folder / 'redis.sock'}")) as stream:
            for body in bodies:
                stream.append("readings", body)
        took = time.monotonic() - began
        spent = cpu_s({"redis": server.pid})["redis"] - before + time.process_time() - mine
    finally:
        told_to_end(server, "the stream server")
        if server.stderr is not None:
            server.stderr.close()
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "redis_readings_per_s": round(readings / took),
        "redis_readings_per_core_s": round(readings / max(spent, 0.01)),
        "block_bytes_per_reading": round(sum(map(len, bodies)) / max(readings, 1), 1),
    }


TOLD = (
    *("readings_per_s", "frames_per_s", "lost", "doubled", "p99_durable_ms"),
    *("cpu_s", "rss_mb", "bare", "machine"),
)
"""What the last line holds, and nothing else."""


def tell(found: dict[str, Any]) -> int:
    """Print what else was measured, then the result, a line each."""
    rest = {name: value for name, value in found.items() if name not in TOLD}
    for line in (rest, {name: found[name] for name in TOLD}):
        sys.stdout.write(json.dumps(line) + "\n")
    return 0
