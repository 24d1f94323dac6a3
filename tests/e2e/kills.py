"""Kills gateway, stream server and watch at any moment while loggers send, and accounts for every frame.

`python -m tests.e2e.kills 2000 --seed 7` kills two thousand times and prints one line of JSON; with `--away`
the stream server then stays away for so many seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import selectors
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.e2e.nursery import Nursery
from twin import embedded
from twin.history.catalogue import load as load_catalogue
from twin.history.reader import History
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.times import qn, stamp
from twin.ingest.hj212.write import Message, frames
from twin.stream import Stream
from twin.supervisor import free_port

FIRST_MS = 1_717_200_000_000
LOGGERS, WINDOW = 12, 3
AGAIN_S = 1.5  # after so long without an answer a logger sends a frame again
LONGEST_PAUSE_S = 0.3
SETTLE_S = 60.0


def name(logger: int) -> str:
    """MN of a logger."""
    return f"0100KILL{logger:016d}"


@dataclass
class Logger:
    """One logger: frames of its own moments and values, each sent until it is answered."""

    number: int
    next: int = 0
    waiting: dict[str, tuple[int, float]] = field(default_factory=dict)  # QN: which frame, when sent
    answered: set[int] = field(default_factory=set)
    resent: int = 0
    plug: socket.socket | None = None
    reader: Reader = field(default_factory=Reader)
    due: float = 0.0  # not before this is a new frame made

    def frame(self, i: int) -> bytes:
        """The i-th frame; the same bytes every time."""
        at_ms = FIRST_MS + i * 1000
        pairs = [[("w01018-Rtd", f"{self.number * 100_000 + i}.5"), ("w01018-Flag", "N")]]
        groups = [[("DataTime", stamp(at_ms))], *pairs]
        return frames(Message("32", "2011", "123456", name(self.number), qn(at_ms), groups, True))[0]


class Loggers(threading.Thread):
    """All loggers in one thread, on real sockets, until they are told to finish.

    With `every_s` each makes a new frame no more often than that; without, as soon as one was answered.
    """

    def __init__(self, *ports: int, every_s: float = 0.0) -> None:
        super().__init__(daemon=True)
        self.ports, self.every_s = ports, every_s
        self._dials = 0
        self.all = [Logger(i) for i in range(LOGGERS)]
        self.finishing = threading.Event()
        self.ended = threading.Event()
        self.failure: BaseException | None = None
        self._select = selectors.DefaultSelector()

    @property
    def answered(self) -> int:
        """Frames answered so far."""
        return sum(len(one.answered) for one in self.all)

    def run(self) -> None:
        """Send, hear, send again."""
        try:
            while not self.ended.is_set():
                if self.finishing.is_set() and not any(one.waiting for one in self.all):
                    return
                for one in self.all:
                    self._send(one, time.monotonic())
                for key, _ in self._select.select(0.005):
                    self._hear(key.data)
        except BaseException as error:
            self.failure = error
        finally:
            for one in self.all:
                self._drop(one)

    def _send(self, one: Logger, now: float) -> None:
        late = [q for q, (_, since) in one.waiting.items() if now - since > AGAIN_S]
        resting = self.finishing.is_set() or now < one.due
        fresh = range(0 if resting else WINDOW - len(one.waiting))
        if not late and not fresh and one.plug is not None:
            return
        if one.plug is None and not self._dial(one):
            return
        todo = [one.waiting[q][0] for q in late]
        one.resent += len(todo)
        for _ in fresh:
            todo.append(one.next)
            one.next += 1
            one.due = now + self.every_s
        for i in todo:
            one.waiting[qn(FIRST_MS + i * 1000)] = i, now
            if not self._push(one, one.frame(i)):
                return

    def _dial(self, one: Logger) -> bool:
        self._dials += 1  # where there are several gateways a logger comes back on any of them
        port = self.ports[(one.number + self._dials) % len(self.ports)]
        try:
            one.plug = socket.create_connection(("127.0.0.1", port), 2)
        except OSError:
            return False
        one.reader = Reader()
        self._select.register(one.plug, selectors.EVENT_READ, one)
        now = time.monotonic()
        for q, (i, _) in list(one.waiting.items()):  # a new line: what was not answered is sent again
            one.waiting[q] = i, now
            one.resent += 1
            if not self._push(one, one.frame(i)):
                return False
        return True

    def _push(self, one: Logger, data: bytes) -> bool:
        assert one.plug is not None
        try:
            one.plug.sendall(data)
        except OSError:
            self._drop(one)
            return False
        return True

    def _hear(self, one: Logger) -> None:
        if one.plug is None:
            return
        try:
            data = one.plug.recv(65_536)
        except OSError:
            data = b""
        if not data:
            self._drop(one)
            return
        for packet in one.reader.feed(data):
            assert isinstance(packet, Packet), packet
            assert (packet.cn, packet.mn) == ("9014", name(one.number)), packet.raw
            found = one.waiting.pop(packet.qn or "", None)
            if found is not None:
                one.answered.add(found[0])

    def _drop(self, one: Logger) -> None:
        if one.plug is not None:
            with suppress(KeyError):
                self._select.unregister(one.plug)
            one.plug.close()
            one.plug = None


class Site:
    """The three processes, their folder, and who is alive."""

    def __init__(self, folder: Path, url: str = "", server: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = url or f"unix://{folder / 'r.sock'}"
        self.server = server  # words before the stream server's own
        self.nursery = Nursery(
            {
                **os.environ,
                "TWIN_DATA": str(folder),
                "TWIN_REDIS_URL": self.url,
                "TWIN_GATEWAY_PORT": str(self.port),
                "TWIN_DB_URL": "",
                "TWIN_LOGGERS": "",
            },
            folder / "logs",
        )
        self.redis: subprocess.Popen[bytes] | None = None
        self.pids: dict[str, int] = {}

    def start(self, role: str) -> None:
        """Start a role; it need not be up when this returns."""
        if role == "redis":
            words = embedded.command(self.folder / "redis", self.folder / "r.sock")
            words = [*self.server, *words]
            self.redis = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        else:
            kind, _, member = role.partition("-")
            self.pids[role] = self.nursery.start(kind, **self.settings(member or "1"))

    def settings(self, member: str) -> dict[str, str]:
        """What one of several processes of a role has for its own."""
        return {"TWIN_MEMBER": member}

    def kill(self, role: str) -> None:
        """SIGKILL."""
        if role == "redis":
            if self.redis is not None:
                self.redis.kill()
                self.redis.wait()
        else:
            self.nursery.kill(self.pids[role])

    def close(self) -> None:
        """End everything."""
        self.nursery.close()
        self.kill("redis")


@contextmanager
def site() -> Iterator[Site]:
    """Three processes in a short-lived folder."""
    folder = Path(tempfile.mkdtemp(prefix="twin-kills-"))
    it = Site(folder)
    try:
        for role in ("redis", "gateway", "watch"):
            it.start(role)
        yield it
    finally:
        it.close()
        shutil.rmtree(folder, ignore_errors=True)


def storm(it: Site, loggers: Loggers, kills: int, seed: int) -> dict[str, int]:
    """Kill so many times; returns how often whom."""
    rnd = random.Random(seed)
    roles = ("gateway", "redis", "watch")
    count = dict.fromkeys(roles, 0)
    while sum(count.values()) < kills:
        time.sleep(rnd.random() ** 2 * LONGEST_PAUSE_S)
        assert loggers.failure is None, loggers.failure
        victims = rnd.sample(roles, rnd.choice((1, 1, 1, 2, 3)))
        for role in victims:
            it.kill(role)
            count[role] += 1
        if rnd.random() < 0.3:
            time.sleep(rnd.random() * 0.1)
        for role in rnd.sample(victims, len(victims)):
            it.start(role)
    return count


def accounted(it: Site, loggers: Loggers) -> dict[str, Any]:
    """Compare what was answered with what history holds, once everything is in files."""
    watches = [role for role in it.pids if role.startswith("watch")]
    for role in watches:
        it.kill(role)
    it.start(watches[0])  # a fresh writer writes at once
    stream = Stream(it.url)
    history = History(it.folder / "history")  # files alone: no stream behind them
    mns = [name(one.number) for one in loggers.all]
    deadline = time.monotonic() + SETTLE_S
    lost = wrong = rows = -1
    while lost and time.monotonic() < deadline:
        time.sleep(0.2)
        lost, wrong, rows = compared(history, loggers)
    frames_kept = {frame.raw for frame in history.raw_frames(mns, 0, 1 << 53)}
    raw_lost = sum(one.frame(i) not in frames_kept for one in loggers.all for i in one.answered)
    history.close()
    stream.close()
    return {
        "answered": loggers.answered,
        "sent_again": sum(one.resent for one in loggers.all),
        "lost": lost,
        "raw_lost": raw_lost,
        "wrong": wrong,
        "doubled": rows + written_twice(it.folder / "history"),
    }


def compared(history: History, loggers: Loggers) -> tuple[int, int, int]:
    """Return how many of the answered frames history lacks, has otherwise, and has more than once."""
    lost = wrong = rows = 0
    top = FIRST_MS + max(one.next for one in loggers.all) * 1000
    for one in loggers.all:
        curve = history.series(name(one.number), "w01018", FIRST_MS, top)
        values = dict(zip(curve.at_ms.tolist(), curve.value.tolist(), strict=True))
        rows += len(curve.at_ms) - len(values)
        for i in one.answered:
            got = values.get(FIRST_MS + i * 1000)
            lost += got is None
            wrong += got is not None and got != one.number * 100_000 + i + 0.5
    return lost, wrong, rows


def written_twice(folder: Path) -> int:
    """Rows of one stream entry that files hold more than once."""
    seen: set[tuple[str, int, int, int]] = set()
    twice = 0
    for file in load_catalogue(folder).files:
        if file.kind != "readings":
            continue
        table = pq.read_table(folder / file.kind / file.name, columns=["entry_ms", "entry_n", "row"])
        for place in zip(*(column.to_pylist() for column in table.columns), strict=True):
            twice += (file.kind, *place) in seen
            seen.add((file.kind, *place))
    return twice


def away(it: Site, loggers: Loggers, seconds: float) -> dict[str, Any]:
    """Take the stream server away for long; returns for how long, and what was answered meanwhile."""
    it.kill("redis")
    time.sleep(1.0)  # answers that were on their way
    before = loggers.answered
    time.sleep(max(seconds - 1.0, 0.0))
    meanwhile = loggers.answered - before
    it.start("redis")
    return {"away_s": seconds, "answered_meanwhile": meanwhile}


def run(kills: int, seed: int, away_s: float = 0.0) -> dict[str, Any]:
    """The whole experiment."""
    began = time.monotonic()
    with site() as it:
        loggers = Loggers(it.port)
        loggers.start()
        try:
            count = storm(it, loggers, kills, seed)
            long = away(it, loggers, away_s) if away_s else {}
            loggers.finishing.set()
            loggers.join(SETTLE_S)
            assert not loggers.is_alive(), "some frames were never answered"
            assert loggers.failure is None, loggers.failure
            found = accounted(it, loggers)
        finally:
            loggers.ended.set()
    return {
        "kills": sum(count.values()),
        **count,
        **long,
        **found,
        "seconds": round(time.monotonic() - began, 1),
    }


def main() -> None:
    """Print one JSON line."""
    words = argparse.ArgumentParser()
    words.add_argument("kills", type=int)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--away", type=float, default=0.0, metavar="S")
    options = words.parse_args()
    print(json.dumps({"seed": options.seed, **run(options.kills, options.seed, options.away)}))


if __name__ == "__main__":
    main()
