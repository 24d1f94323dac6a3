"""Good frames in: readings to the block of their shard, counters, and what each frame gives cause for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from twin.clock import ParkClock
from twin.ingest.commit import Committer
from twin.ingest.connection import Connection, Limits
from twin.ingest.hj212.answers import answer_to
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.quick import Memory, Taken, answer, learn
from twin.ingest.hj212.readings import Interpreter
from twin.ingest.hj212.splits import Splits
from twin.ingest.lines import Line, LineBook
from twin.ingest.rejects import Rejects
from twin.ingest.stations import SKEW_EVERY_MS, Station, Stations
from twin.shards import shard_of
from twin.stream import AsyncStream

NEWEST = 4  # entries looked through for a block whose answer got lost
HEADS_KEPT = 60_000  # headers of frames that are read the short way


class Known(NamedTuple):
    """Whose frames a header is on, for frames that are read the short way."""

    station: Station
    line: Line
    shard: int


class Intake:
    """Turns good frames into blocks of readings.

    Parameters
    ----------
    relieved : callable
        Called when a block is written and there is room for more.
    """

    def __init__(
        self,
        stream: AsyncStream,
        clock: ParkClock,
        limits: Limits,
        lines: LineBook,
        relieved: Callable[[], None],
    ) -> None:
        self.stations = Stations()
        self.rejects = Rejects(stream, limits.rejects_stored_per_s)
        self.memory = Memory()
        self.splits = Splits()
        self._stream, self._clock, self._lines = stream, clock, lines
        self._interpreter = Interpreter()
        self._heads_left = HEADS_KEPT
        self.committers = tuple(
            Committer(
                partial(stream.append, "readings", shard=shard),
                partial(self._has_written, shard),
                tick_s=limits.tick_s,
                retry_s=limits.retry_s,
                most_bytes=limits.held_bytes // stream.shards,
                relieved=relieved,
            )
            for shard in range(stream.shards)
        )

    @property
    def full(self) -> bool:
        """True while more is held than may be."""
        return any(committer.full for committer in self.committers)

    @property
    def dropped(self) -> int:
        """Frames given up unanswered."""
        return sum(committer.dropped for committer in self.committers)

    @property
    def trouble(self) -> str:
        """Why readings cannot be written at the moment; empty while all is well."""
        return next((c.trouble for c in self.committers if c.trouble), "")

    def committer(self, mn: str) -> Committer:
        """Return what writes a logger's frames."""
        return self.committers[shard_of(mn, len(self.committers))]

    def packet(self, connection: Connection, packet: Packet, received_ms: int) -> None:
        """Take one good frame in: readings to the block, its answer to wait for the block."""
        mn = packet.mn or ""
        shard = shard_of(mn, len(self.committers))
        readings = self._interpreter.readings(packet)
        said = answer_to(packet)
        self.committers[shard].add(
            packet.raw, received_ms, readings.rows, connection, None if said is None else said.encode()
        )
        station = self.stations.frame(mn, connection.peer, received_ms, len(readings.rows))
        if packet.deviations:
            station.deviations.update(packet.deviations)
        if readings.notes:
            station.deviations.update({note.reason for note in readings.notes})
            self.rejects.noted(connection.peer, packet, readings.notes, received_ms)
        if received_ms - station.skew_at_ms >= SKEW_EVERY_MS:
            qn_ms = packet.qn_ms
            if qn_ms is not None:
                station.skew_at_ms, station.skew_ms = received_ms, qn_ms - self._clock.now_ms()
        line = self._lines.note(connection, packet)
        if line is not None and self._heads_left > 0:
            before = len(connection.heads)
            learn(packet, self._interpreter, connection.heads, self.memory, Known(station, line, shard))
            self._heads_left -= len(connection.heads) - before
        if packet.pnum is not None:
            self._unfinished(self.splits.add(packet, time.monotonic()))

    def taken(self, connection: Connection, taken: list[Taken], received_ms: int) -> None:
        """Take in good frames that were read the short way."""
        readings, park_ms = 0, 0
        shares: list[tuple[list[Taken], list[bytes]]] = [([], []) for _ in self.committers]
        for one in taken:
            station, line, shard = one.head.about
            count = len(one.values)
            readings += count
            station.frames += 1
            station.readings += count
            station.last_ms = received_ms
            if line.connection is not connection:
                self._lines.move(one.head.mn, connection)
                station.moved(connection.peer)
            if received_ms - station.skew_at_ms >= SKEW_EVERY_MS:
                park_ms = park_ms or self._clock.now_ms()
                qn_ms = self.memory.qn(one.qn)
                station.skew_at_ms, station.skew_ms = received_ms, None if qn_ms is None else qn_ms - park_ms
            frames, answers = shares[shard]
            frames.append(one)
            data = answer(one)
            if data is not None:
                answers.append(data)
        self.stations.frames += len(taken)
        self.stations.readings += readings
        for committer, (frames, answers) in zip(self.committers, shares, strict=True):
            if frames:
                committer.add_taken(frames, received_ms, connection, answers)

    def refused(self, peer: str, mn: str | None, reason: str, raw: bytes, at_ms: int) -> None:
        """Count broken bytes and queue them for the rejects stream."""
        self.stations.reject(mn, reason)
        self.rejects.broken(peer, mn, reason, raw, at_ms)

    def closed(self, connection: Connection) -> None:
        """Forget what is known of a connection's frames."""
        self._heads_left += len(connection.heads)
        connection.heads.clear()

    def look(self, now: float) -> None:
        """Give up messages whose parts stay away."""
        self._unfinished(self.splits.expire(now))

    def _unfinished(self, mns: Sequence[str]) -> None:
        for mn in mns:
            self.stations.of(mn).deviations["split_incomplete"] += 1

    async def _has_written(self, shard: int, body: bytes) -> bool:
        """Tell whether a block is in the stream although the server's word for it never came."""
        return any(e.body == body for e in await self._stream.last("readings", NEWEST, shard=shard))
