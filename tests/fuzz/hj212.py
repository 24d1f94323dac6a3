"""From a socket's bytes to the stored block, a million times, against a second reading of the same bytes."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from contextlib import contextmanager
from typing import Any

from tests.fuzz import streams
from tests.fuzz.oracle import complaint
from twin.blocks import decode, encode
from twin.clock import LIVE, ParkClock
from twin.ingest.commit import _Batch
from twin.ingest.connection import Connection, Limits
from twin.ingest.gateway import Gateway
from twin.ingest.hj212.frame import LONGEST, RAW_KEPT
from twin.stream import AsyncStream

BATCH = 500
HANG_S = 20
LOGGERS = 40
FOREVER = 1e12
GENEROUS = Limits(
    rejects=1 << 60,
    reject_bytes=1 << 60,
    held_bytes=1 << 60,
    peer_bytes_per_s=1 << 60,
    peer_burst_bytes=1 << 60,
)


class Line:
    """The transport of a connection that leads nowhere."""

    def __init__(self) -> None:
        self.sent = 0

    def get_extra_info(self, name: str) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else None

    def write(self, data: bytes) -> None:
        self.sent += len(data)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        raise AssertionError("a connection was cut")


class Bench:
    """A gateway with one connection that has met every logger before: both ways of reading are taken."""

    def __init__(self, rnd: random.Random) -> None:
        self.rnd = rnd
        self.gateway = Gateway(AsyncStream("unix:///nowhere"), ParkClock(lambda: LIVE), GENEROUS)
        self.connection = Connection(self.gateway)
        self.connection.connection_made(Line())  # type: ignore[arg-type]
        self.mns = [f"0100{i:020X}" for i in range(LOGGERS)]
        for mn in self.mns:
            self.connection.data_received(streams.upload(rnd, mn))
        self.frames = self.readings = self.short = 0
        self.most_held = 0
        self._taken = self.gateway.intake.taken
        self.gateway.intake.taken = self._count  # type: ignore[method-assign]
        self._new_batch()

    def _count(self, connection: Connection, taken: list[Any], received_ms: int) -> None:
        self.short += len(taken)
        self._taken(connection, taken, received_ms)

    def _new_batch(self) -> None:
        self.gateway.committer._batch = _Batch()

    def feed(self, data: bytes) -> None:
        """Send an input, in one to three reads, and let what is left of it run out of time."""
        cuts = sorted(self.rnd.randrange(len(data) + 1) for _ in range(self.rnd.choice((0, 0, 1, 2))))
        for low, high in zip([0, *cuts], [*cuts, len(data)], strict=True):
            if high > low:
                self.connection.data_received(data[low:high])
                self.most_held = max(self.most_held, self.connection._reader.pending)
        for _ in range(64):
            if not self.connection._reader.pending:
                return
            self.connection._reader._since = -FOREVER
            self.connection.look(0.0)
        raise AssertionError("bytes are held for ever")

    def settle(self) -> None:
        """Compare what would be stored with what the plain reading finds in the same frames."""
        block = decode(encode(self.gateway.committer._batch.builder.build()))
        self._new_batch()
        self.frames += len(block.raw)
        self.readings += len(block)
        columns = (block.series_index, block.at_ms, block.value, block.flag, block.frame)
        for index, at_ms, value, flag, frame in zip(*(c.tolist() for c in columns), strict=True):
            why = complaint(block.raw[frame], *block.series[index], at_ms, value, flag)
            assert not why, (why, block.raw[frame], block.series[index], at_ms, value, flag)


@contextmanager
def no_longer_than(seconds: int) -> Any:
    """Raise where a batch of inputs takes as long as only a hang can."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError("a hang")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


async def _run(inputs: int, seed: int) -> dict[str, Any]:
    rnd = random.Random(seed)
    bench, began, sent = Bench(rnd), time.process_time(), 0
    for at in range(0, inputs, BATCH):
        with no_longer_than(HANG_S):
            for _ in range(min(BATCH, inputs - at)):
                data = streams.one(rnd, rnd.choice(bench.mns))
                sent += len(data)
                bench.feed(data)
            bench.settle()
    assert bench.most_held <= LONGEST + RAW_KEPT
    return {
        "inputs": inputs,
        "seed": seed,
        "bytes": sent,
        "frames_taken": bench.frames,
        "by_the_short_way": bench.short,
        "readings_checked": bench.readings,
        "rejects": bench.gateway.stations.rejects,
        "wrong": 0,
        "most_held_bytes": bench.most_held,
        "cpu_s": round(time.process_time() - began, 1),
    }


def run(inputs: int, seed: int) -> dict[str, Any]:
    """Feed so many inputs; returns what became of them.

    Raises
    ------
    AssertionError
        A reading would be stored that its frame does not hold, or bytes were held without bound.
    """
    return asyncio.run(_run(inputs, seed))
