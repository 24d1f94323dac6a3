"""The gateway: many loggers' TCP connections into one durable stream of readings.

Everything about the protocol is in `hj212`, about durability in `commit`, about the peers in `crowd`; here
they are put together. A peer that misbehaves is contained: what it sends is bounded, counted and, beyond a
limit, cut off, and no other connection notices.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from functools import partial

from twin.clock import ParkClock
from twin.ending import ended
from twin.errors import ConfigError
from twin.ingest.asking import Asker
from twin.ingest.bulletin import Bulletin
from twin.ingest.commit import Committer
from twin.ingest.connection import Connection, Limits
from twin.ingest.crowd import Crowd
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.quick import Memory, Taken
from twin.ingest.intake import Intake
from twin.ingest.lines import LineBook
from twin.ingest.loggers import Loggers
from twin.ingest.orders import Orders
from twin.ingest.stations import Stations
from twin.ingest.timekeeping import Timekeeper
from twin.model import AuditLine
from twin.stream import AsyncStream

LOOK_S = 0.25  # how often waiting connections are looked after


class Gateway:
    """All connections, what they bring, and what is told about them.

    Parameters
    ----------
    stream : AsyncStream
        Where blocks, rejects and counters go.
    clock : ParkClock
        Park time, for the loggers' clock skew.
    audit : callable
        Keeps an audit line of a request to a logger; called in a thread.
    loggers : Loggers
        Who may send; everybody if not given.
    member : str
        Name of this gateway among those of the park.
    """

    def __init__(
        self,
        stream: AsyncStream,
        clock: ParkClock,
        limits: Limits | None = None,
        audit: Callable[[AuditLine], None] = lambda line: None,
        loggers: Loggers | None = None,
        member: str = "1",
    ) -> None:
        self.limits = limits or Limits()
        loggers = loggers or Loggers()
        self.refusal = loggers.refusal
        self.unseal: Callable[[bytes], Sequence[bytes] | None] | None = loggers.keyring()
        self._lines = LineBook(loggers)
        self.intake = Intake(stream, clock, self.limits, self._lines, self._relieved)
        self.crowd = Crowd(self.limits, self.stations.cut)
        self.asker = Asker(self._lines, clock.now_ms)
        self._timekeeper = Timekeeper(self.asker, clock)
        self._bulletin = Bulletin(stream, member, self.intake, self.crowd)
        self._orders = Orders(stream, clock, self.asker, audit, member)
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._committing: list[asyncio.Task[None]] = []

    @property
    def stations(self) -> Stations:
        """What came from whom."""
        return self.intake.stations

    @property
    def committer(self) -> Committer:
        """What writes the readings of the first shard."""
        return self.intake.committers[0]

    async def open(self, host: str, port: int) -> int:
        """Listen; return the port (of use where 0 was asked for).

        Raises
        ------
        ConfigError
            The port is taken or may not be used.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(partial(Connection, self), host, port, backlog=1024)
        except OSError as error:
            raise ConfigError(
                f"port {port} of the gateway cannot be opened ({error.strerror}): set TWIN_GATEWAY_PORT"
            ) from error
        self._committing = [loop.create_task(committer.run()) for committer in self.intake.committers]
        jobs = (self._look_after, self._bulletin.run, self.intake.rejects.run, self._orders.run)
        self._tasks = [loop.create_task(job()) for job in jobs]
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self, flush_s: float = 3.0) -> None:
        """Take in nothing more, write what is held, answer it, close all connections.

        Parameters
        ----------
        flush_s : float
            How long the stream may take for what is held; one second more for everything else.
        """
        if self._server is not None:
            self._server.close()
        for connection in self.crowd:
            connection.pause(True)
        await self._orders.close()
        await ended([*self._tasks, *self._timekeeper.tasks()])
        with suppress(TimeoutError):
            flushes = (committer.flush(flush_s) for committer in self.intake.committers)
            async with asyncio.timeout(flush_s):
                await asyncio.gather(*flushes)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await self._last_words()
        await ended(self._committing)
        await self.crowd.close()

    async def _last_words(self) -> None:
        await self.intake.rejects.flush()
        await self._bulletin.publish()

    # what a connection reports ----------------------------------------------------------------------------

    @property
    def memory(self) -> Memory:
        """What the short way of reading frames remembers."""
        return self.intake.memory

    @property
    def asking(self) -> bool:
        """True while a request to some logger is under way."""
        return bool(self.asker.active)

    def opened(self, connection: Connection) -> None:
        """A connection is there."""
        self.crowd.opened(connection)

    def closed(self, connection: Connection) -> None:
        """A connection is gone."""
        self.crowd.closed(connection)
        self._lines.drop(connection)
        self.intake.closed(connection)

    def waits(self, connection: Connection, waiting: bool) -> None:
        """A connection holds bytes that time may settle, or no longer does."""
        self.crowd.waits(connection, waiting)

    def too_fast(self, connection: Connection, seconds: float) -> None:
        """A connection sends more than it may."""
        self.crowd.slow_down(connection, seconds)

    def was_cut(self, reason: str) -> None:
        """A connection is being closed by us."""
        self.crowd.cut[reason] += 1

    def known(self) -> Container[str]:
        """The loggers that good frames have come from."""
        return self.stations.by_mn

    def packet(self, connection: Connection, packet: Packet, received_ms: int) -> None:
        """A good frame came in."""
        self.intake.packet(connection, packet, received_ms)
        if self.asker.active:
            self.asker.packet(packet)
        if packet.cn == "1013":
            mn = packet.mn or ""
            self._timekeeper.asked(mn, self.intake.committer(mn).settled)
        if self.intake.full:
            self.crowd.pause(True)

    def taken(self, connection: Connection, taken: list[Taken], received_ms: int) -> None:
        """Good frames came in that were read the short way."""
        self.intake.taken(connection, taken, received_ms)
        if self.intake.full:
            self.crowd.pause(True)

    def refused(self, peer: str, mn: str | None, reason: str, raw: bytes, at_ms: int) -> None:
        """Bytes came in that are no good frame."""
        self.intake.refused(peer, mn, reason, raw, at_ms)

    def _relieved(self) -> None:
        if not self.intake.full:
            self.crowd.pause(False)

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            now = time.monotonic()
            self.intake.rejects.refill(LOOK_S)
            self.crowd.look(now)
            self.intake.look(now)
