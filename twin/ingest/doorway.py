"""One door's desk: readings to the committer, rejects to their stream, counters for the pages.

The HJ 212 gateway has the same three; a door differs only in how its peers speak. What a door has taken in
counts as taken when it is durable, and its peer is told only then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from twin.clock import wall_ms
from twin.ending import ended
from twin.ingest.commit import Committer, Peer
from twin.ingest.hj212.readings import Note, Row
from twin.ingest.rejects import Rejects
from twin.ingest.stations import SKEW_EVERY_MS, Stations
from twin.shards import shard_of
from twin.stream import AsyncStream

TICK_S = 0.04
RETRY_S = 20.0
HELD_BYTES = 8_000_000
REJECTS_PER_S = 20.0
NEWEST = 4  # entries looked through for a block whose answer got lost
MOST_KEPT = 5000  # what waits for the stream and would not come again; at ten seconds a poll about half a day
AGAIN_S = 0.5
REFILL_S = 0.25
log = logging.getLogger(__name__)


class Receipt:
    """Who is told that a batch is durable."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self._then = then
        self.written = False

    def answer(self, data: bytes) -> None:
        """The batch is durable."""
        self.written = True
        self._then()


class _Every:
    """Tells one receiver when several blocks are durable."""

    def __init__(self, count: int, told: Peer) -> None:
        self._left, self._told = count, told

    def answer(self, data: bytes) -> None:
        """One more of them is durable."""
        self._left -= 1
        if not self._left:
            self._told.answer(data)


async def _all(settled: list[asyncio.Event]) -> None:
    for one in settled:
        await one.wait()


class Doorway:
    """The desk of one door.

    Parameters
    ----------
    kind, name : str
        What the door is (mqtt, modbus, opcua) and what its settings call it.
    now_ms : callable
        Park time, epoch milliseconds: what clocks of peers are compared with.
    retry_s : float
        How long a batch that cannot be written is tried again before its peers are left untold.
    """

    def __init__(
        self,
        stream: AsyncStream,
        kind: str,
        name: str,
        now_ms: Callable[[], int],
        retry_s: float = RETRY_S,
    ) -> None:
        self.kind = kind
        self.name = name
        self.now_ms = now_ms
        self.stations = Stations()
        self.connected = False
        self.trouble = ""
        """What keeps the door from its peers; empty while all is well."""
        self.since_ms = wall_ms()
        self.held = 0
        """Batches that wait for the stream to come back."""
        self.unproved = False
        """Whoever answers at the other side is believed: it does not prove who it is."""
        self._keeping = 0
        self._stream = stream
        self._rejects = Rejects(stream, REJECTS_PER_S)
        self._relief = asyncio.Event()
        self._relief.set()
        self._committers = tuple(
            Committer(
                partial(stream.append, "readings", shard=shard),
                partial(self._has_written, shard),
                tick_s=TICK_S,
                retry_s=retry_s,
                most_bytes=HELD_BYTES // stream.shards,
                relieved=self._relieved,
            )
            for shard in range(stream.shards)
        )
        self._tasks: list[asyncio.Task[None]] = []

    def open(self) -> None:
        """Start writing."""
        loop = asyncio.get_running_loop()
        jobs = (*(committer.run for committer in self._committers), self._rejects.run, self._refill)
        self._tasks = [loop.create_task(job()) for job in jobs]

    async def close(self, flush_s: float = 3.0) -> None:
        """Write what is held and end."""
        with suppress(TimeoutError):
            flushes = (committer.flush(flush_s) for committer in self._committers)
            async with asyncio.timeout(flush_s):
                await asyncio.gather(*flushes)
        await ended(self._tasks)
        with suppress(TimeoutError):
            async with asyncio.timeout(flush_s):
                await self._rejects.flush()

    def take(
        self,
        raw: bytes,
        rows: list[Row],
        *,
        peer: str,
        told: Peer | None = None,
        notes: Sequence[Note] = (),
        clocked: bool = True,
    ) -> list[asyncio.Event]:
        """Take in what one message or poll brought.

        Parameters
        ----------
        raw : bytes
            What was received, kept with its readings.
        peer : str
            Where it came from, as a person would look for it.
        told : Peer, optional
            Whose `answer` is called when it is durable; not called if it had to be given up.
        notes : sequence of Note
            What of it was not understood.
        clocked : bool
            The moments are the peer's own; its clock is compared with park time.

        Returns
        -------
        list of asyncio.Event
            Set when it is durable or given up.
        """
        received_ms = wall_ms()
        settled = self._add(raw, rows, told or Receipt(), received_ms)
        counts = Counter(row[0].mn for row in rows)
        for mn, count in counts.items():
            station = self.stations.frame(mn, peer, received_ms, count)
            if notes:
                station.deviations.update({note.reason for note in notes})
            if clocked and received_ms - station.skew_at_ms >= SKEW_EVERY_MS:
                newest = max(row[1] for row in rows if row[0].mn == mn)
                station.skew_at_ms, station.skew_ms = received_ms, newest - self.now_ms()
        for reason in sorted({note.reason for note in notes}) if not counts else ():
            self.stations.reject(None, reason)
        if notes:
            mn = next(iter(counts), "")
            items = [f"{n.name}={n.value} ({n.reason})" for n in notes]
            self._rejects.told(self._peer(peer), mn, notes[0].reason, raw, received_ms, items)
        if any(committer.full for committer in self._committers):
            self._relief.clear()
        return settled

    def refuse(self, peer: str, mn: str | None, reason: str, raw: bytes) -> None:
        """Count and keep what could not be read at all."""
        self.stations.reject(mn, reason)
        self._rejects.told(self._peer(peer), mn or "", reason, raw, wall_ms())

    async def relief(self) -> None:
        """Wait while more is held than may be."""
        await self._relief.wait()

    async def keep(self, raw: bytes, rows: list[Row], **about: Any) -> None:
        """Take in what nobody would send again: held until it is durable, while there is room to hold it."""
        if self._keeping >= MOST_KEPT:
            self.refuse(str(about.get("peer", "")), None, "held_too_long", raw)
            return
        self._keeping += 1
        try:
            await self._keep(raw, rows, about)
        finally:
            self._keeping -= 1

    async def _keep(self, raw: bytes, rows: list[Row], about: Mapping[str, Any]) -> None:
        receipt = Receipt()
        await _all(self.take(raw, rows, told=receipt, **about))
        if receipt.written:
            return
        self.held += 1
        try:
            while not receipt.written:
                await asyncio.sleep(AGAIN_S)
                await _all(self._add(raw, rows, receipt, wall_ms()))
        finally:
            self.held -= 1

    def _add(self, raw: bytes, rows: list[Row], told: Peer, received_ms: int) -> list[asyncio.Event]:
        """Give rows to the committers of their shards; who is told is told when all of them are durable."""
        shares: dict[int, list[Row]] = {}
        for row in rows:
            shares.setdefault(shard_of(row[0].mn, len(self._committers)), []).append(row)
        every = _Every(len(shares) or 1, told)
        settled = []
        for shard, share in (shares or {0: []}).items():
            committer = self._committers[shard]
            committer.add(raw, received_ms, share, every, b"")
            settled.append(committer.settled)
        return settled

    def note(self, trouble: str) -> None:
        """Say what keeps the door from its peers, or that nothing does."""
        self.connected = not trouble
        if trouble != self.trouble:
            self.trouble, self.since_ms = trouble, wall_ms()

    def restore(self, body: Mapping[str, Any]) -> None:
        """Go on counting from what an earlier run published."""
        self.stations.restore(body)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form of everything the pages show of this door."""
        self.stations.dropped = self.dropped
        self.stations.suppressed = self._rejects.suppressed
        self.stations.connections = int(self.connected)
        return {
            "kind": self.kind,
            "name": self.name,
            "connected": self.connected,
            "trouble": self.trouble or next((c.trouble for c in self._committers if c.trouble), ""),
            "since_ms": self.since_ms,
            "held": self.held,
            "unproved": self.unproved,
            **self.stations.as_dict(),
        }

    def _peer(self, peer: str) -> str:
        return f"{self.kind}:{self.name} {peer}"

    @property
    def dropped(self) -> int:
        """Messages and polls that could not be written while they were tried again."""
        return sum(committer.dropped for committer in self._committers)

    def _relieved(self) -> None:
        if not any(committer.full for committer in self._committers):
            self._relief.set()

    async def _has_written(self, shard: int, body: bytes) -> bool:
        return any(e.body == body for e in await self._stream.last("readings", NEWEST, shard=shard))

    async def _refill(self) -> None:
        while True:
            await asyncio.sleep(REFILL_S)
            self._rejects.refill(REFILL_S)


async def retrying(
    once: Callable[[], Awaitable[None]],
    doorway: Doorway,
    away: tuple[type[Exception], ...],
    first_s: float = 0.5,
    longest_s: float = 30.0,
) -> None:
    """Run a door's connection again whenever it breaks, ever more patiently, until cancelled.

    A connection that held for a while starts the patience anew.
    """
    wait_s = first_s
    while True:
        began = time.monotonic()
        try:
            await once()
            trouble = "closed by the other side"
        except away as error:
            trouble = f"{type(error).__name__}: {error}"[:200]
        except Exception as error:  # whatever a peer makes a library do, the other doors must go on
            log.exception("%s:%s met what nobody expected", doorway.kind, doorway.name)
            trouble = f"unexpected {type(error).__name__}: {error}"[:200]
        doorway.note(trouble)
        if time.monotonic() - began > longest_s:
            wait_s = first_s
        await asyncio.sleep(wait_s)
        wait_s = min(wait_s * 2, longest_s)
