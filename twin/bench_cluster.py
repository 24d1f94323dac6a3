"""`twin bench ingest --cluster`: the same load on three nodes, two gateways and two watches; one dies.

The watches are told apart as the role `watch` tells them apart: one looks at limits, one writes history, and
who is killed is followed by who is left, which claims what the dead one had taken and not finished. Every
reading is accounted for three times: in the stream (doubled ones are counted there), where limits are looked
at, and in the files of the history. A frame that was answered and is missing in any of them is lost.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from twin.bench_frames import FACTORS
from twin.bench_ingest import (
    DRAIN_S,
    WARM_S,
    Tally,
    answer_size,
    bare_costs,
    bench_park,
    cpu_s,
    hear,
    machine,
    rss_mb,
    told,
    wait_for,
)
from twin.bench_load import FIRST_MS, Load
from twin.blocks import decode
from twin.config import Config
from twin.duties import Duties
from twin.ending import told_to_end
from twin.errors import UnavailableError
from twin.history.catalogue import load as load_catalogue
from twin.history.reader import History
from twin.history.writer import Writer
from twin.in_order import InOrder
from twin.limits import Limits
from twin.nodes import Nodes
from twin.series import Catalogue, Series
from twin.state import State
from twin.stream import Stream
from twin.supervisor import free_port
from twin.worker import DETECTING, WRITING, Companion, Inbox

NODES, MEMBERS = 3, ("1", "2")
PER_FRAME = len(FACTORS)
KILL_AT = 1 / 3  # of the time that is measured
TAKEN_UP_S = 60.0
LOOK_S = 0.02
SEEN = "seen"


@dataclass(frozen=True, slots=True)
class Task:
    """What a watch of the bench is told."""

    url: str
    folder: Path
    park: Path
    loggers: int
    seconds: int
    member: str


@dataclass(slots=True)
class Watches:
    """The processes of the watches, and what became of the one that was killed."""

    processes: dict[str, Any]
    pipes: dict[str, Connection]
    killed: dict[str, Any] = field(default_factory=dict)


def seen_by_limits(folder: Path, loggers: int, seconds: int, mode: Any) -> Any:
    """How often each reading of each second was looked at, in a file that outlives who wrote it."""
    return np.memmap(folder / SEEN, np.uint8, mode, shape=(seconds, loggers * PER_FRAME))


def work(task: Task, pipe: Connection) -> None:
    """A watch's process: limits or history or both, whichever is its duty, until told to stop."""
    state = State(park := bench_park(task.park, task.loggers), Limits.load(park))
    tally = Tally(task.loggers, task.seconds, seen_by_limits(task.folder, task.loggers, task.seconds, "r+"))
    duties = Duties("watch", task.member, (DETECTING, WRITING))
    stop, last = threading.Event(), threading.Event()
    history = threading.Thread(target=_write_history, args=(task, duties, last))
    with (
        closing(Stream(task.url)) as stream,
        Companion("duties", stop, lambda: duties.run(task.url, stop)),
    ):
        stream.join("readings", "watch")
        history.start()
        pipe.send("ready")
        while not pipe.poll():
            if duties.has(DETECTING):
                stream.claim("readings", "watch", task.member)
                inbox = Inbox(stream, ("readings",), "watch", task.member)
                _look_at_limits(inbox, state, tally, duties, pipe)
            time.sleep(LOOK_S)
        last.set()
        history.join()
    pipe.send(np.bincount(state.level, minlength=6).tolist())
    pipe.recv()
    pipe.recv()  # until our processor time has been read


def _look_at_limits(inbox: Inbox, state: State, tally: Tally, duties: Duties, pipe: Connection) -> None:
    quiet = False
    while duties.has(DETECTING) and not (quiet and pipe.poll()):
        entries = inbox.take()
        for _, entry in entries:
            block = decode(entry.body)
            state.fold(block)
            tally.add(block.series, block.series_index, block.at_ms)
        inbox.done(entries)
        quiet = not entries


def _write_history(task: Task, duties: Duties, stop: threading.Event) -> None:
    writer = Writer(task.folder / "history")
    with closing(InOrder(task.url)) as stream, closing(writer):
        while not stop.wait(0.2):
            if duties.has(WRITING):
                writer.step(stream)
            else:
                writer.close()
                stream.forget()
        if duties.has(WRITING):
            while writer.step(stream, now=True):
                pass


@contextmanager
def _site(config: Config) -> Iterator[tuple[Path, Nodes, list[int], dict[str, int]]]:
    """A cluster and two gateways of their own in folders that go away; with their process ids."""
    folder, nodes = Path(tempfile.mkdtemp(prefix="twin-bench-")), Nodes(NODES)
    gateways: list[subprocess.Popen[bytes]] = []
    ports = [free_port() for _ in MEMBERS]
    try:
        nodes.open()
        for member, port in zip(MEMBERS, ports, strict=True):
            settings = {
                "TWIN_DATA": str(folder),
                "TWIN_REDIS_URL": nodes.url,
                "TWIN_LOGGERS": "",
                "TWIN_MEMBER": member,
                "TWIN_GATEWAY_PORT": str(port),
            }
            environment = {**config.environment, **settings}
            gateways.append(subprocess.Popen([sys.executable, "-m", "twin", "gateway"], env=environment))
            wait_for(port, gateways[-1])
        pids = {f"gateway {m}": p.pid for m, p in zip(MEMBERS, gateways, strict=True)}
        pids |= {f"redis {i}": p.pid for i, p in enumerate(nodes.processes, 1) if p is not None}
        yield folder, nodes, ports, pids
    finally:
        for process in gateways:
            told_to_end(process, "a process of the bench")
        nodes.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _watches(config: Config, url: str, folder: Path, loggers: int, seconds: int) -> Iterator[Watches]:
    spawn = multiprocessing.get_context("spawn")
    it = Watches({}, {})
    try:
        for member in MEMBERS:
            there, here = spawn.Pipe()
            task = Task(url, folder, config.park, loggers, seconds, member)
            it.processes[member] = spawn.Process(target=work, args=(task, here), daemon=True)
            it.pipes[member] = there
            it.processes[member].start()
        for member in MEMBERS:
            hear(it.pipes[member], it.processes[member].is_alive, 180.0)
        yield it
    finally:
        for process in it.processes.values():
            process.kill()
            process.join(10)


def kill_a_watch(it: Watches, url: str, after_s: float) -> None:
    """SIGKILL the watch that looks at limits while it holds blocks, and see that the other claims them."""
    time.sleep(after_s)
    with closing(Stream(url)) as stream:
        dead = next(
            m for m, body in stream.told("watch.members").items() if DETECTING in json.loads(body)["duties"]
        )
        left = next(m for m in MEMBERS if m != dead)
        while not stream.held("readings", "watch", dead):
            time.sleep(0.001)
        it.killed |= {"member": dead, "cpu_s": cpu_s({dead: it.processes[dead].pid})[dead]}
        os.kill(it.processes[dead].pid, signal.SIGKILL)
        began = time.monotonic()
        it.killed["held_blocks"] = stream.held("readings", "watch", dead)
        while stream.held("readings", "watch", dead):
            if time.monotonic() - began > TAKEN_UP_S:
                raise UnavailableError("nobody claimed what the killed watch had taken")
            time.sleep(LOOK_S)
        it.killed |= {"claimed_by": left, "claimed_after_s": round(time.monotonic() - began, 1)}


def run(config: Config, points: int, seconds: int, sockets: int) -> dict[str, Any]:
    """Run the bench; returns what is printed. Parameters as of `bench_ingest.run`."""
    loggers, all_s = -(-points // PER_FRAME), WARM_S + seconds
    with ExitStack() as stack:
        folder, nodes, ports, pids = stack.enter_context(_site(config))
        seen_by_limits(folder, loggers, all_s, "w+").flush()
        it = stack.enter_context(_watches(config, nodes.url, folder, loggers, all_s))
        pids |= {f"watch {m}": p.pid for m, p in it.processes.items()}
        load = stack.enter_context(closing(Load(ports, sockets, loggers, answer_size())))
        load.run(WARM_S)
        warm, load.sent = load.sent, type(load.sent)()
        cpu, began = cpu_s(pids), time.monotonic()
        with ThreadPoolExecutor(1) as beside:
            killing = beside.submit(kill_a_watch, it, nodes.url, seconds * KILL_AT)
            sent = load.run(seconds, WARM_S)
            killing.result()
        dead = it.killed["member"]
        memory = {name: rss_mb(pid) for name, pid in pids.items() if name != f"watch {dead}"}
        left = it.killed["claimed_by"]
        it.pipes[left].send("stop")
        levels = hear(it.pipes[left], it.processes[left].is_alive, DRAIN_S + 60.0)
        drained = time.monotonic() - began
        after = cpu_s({n: p for n, p in pids.items() if n != f"watch {dead}"})
        after[f"watch {dead}"] = it.killed["cpu_s"]
        spent = {name: round(value - cpu[name], 2) for name, value in after.items()}
        proved = load.proved(all_s)
        seen = {**_accounted(nodes.url, folder, loggers, all_s, proved), "levels": levels}
        bare = bare_costs(load, nodes.url, 400)
    return {
        "bench": "ingest",
        "nodes": NODES,
        "gateways": len(MEMBERS),
        "watches": len(MEMBERS),
        "killed": it.killed,
        "lost_where": seen.pop("lost_where"),
        "looked_at_again": seen.pop("again"),
        **told(sent, warm.frames, drained, spent, memory, seen),
        "bare": bare,
        "points": points,
        "seconds": seconds,
        "sockets": sockets,
        "warm_s": WARM_S,
        "machine": machine(),
    }


def _accounted(url: str, folder: Path, loggers: int, seconds: int, proved: Any) -> dict[str, Any]:
    """Look for every answered frame in the stream, where limits were looked at, and in the history."""
    in_stream, in_files = Tally(loggers, seconds), Tally(loggers, seconds)
    with closing(Stream(url)) as stream:
        after = "0"
        while entries := stream.since("readings", after, 200):
            after = entries[-1].id
            for block in (decode(entry.body) for entry in entries):
                in_stream.add(block.series, block.series_index, block.at_ms)
    with closing(History(folder / "history")) as history:
        for second in range(0, seconds, 10):
            at_ms = FIRST_MS + second * 1000
            window = history.window(at_ms, at_ms + 9_999)
            series = Catalogue.of(Series(mn, code, "2011", "Rtd") for mn, code in window.points)
            in_files.add(series, np.repeat(np.arange(len(series)), np.diff(window.start)), window.at_ms)
    looked = seen_by_limits(folder, loggers, seconds, "r")
    at_limits = Tally(loggers, seconds, looked)
    tallies = {"stream": in_stream, "limits": at_limits, "history": in_files}
    missing = {name: proved & ~tally.whole() for name, tally in tallies.items()}
    lost = np.logical_or.reduce(list(missing.values()))
    files = load_catalogue(folder / "history").of("readings")
    return {
        "rows": in_stream.rows,
        "distinct": in_stream.distinct,
        "written": sum(file.rows for file in files),
        "lost": int(np.count_nonzero(lost)),
        "lost_where": {name: int(np.count_nonzero(gone)) * PER_FRAME for name, gone in missing.items()},
        "again": int(looked.sum(dtype=np.int64)) - at_limits.distinct,
        "readings_bytes": sum(file.size for file in files),
    }
