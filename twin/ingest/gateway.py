"""The gateway: many loggers' TCP connections into one durable stream of readings.

Everything about the protocol is in `hj212`, everything about durability in `commit`; here are sockets, limits
and counters. A peer that misbehaves is contained: what it sends is bounded, counted and, beyond a limit, cut
off, and no other connection notices.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Container, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from twin.clock import LIVE, ParkClock, wall_ms
from twin.config import Config
from twin.errors import ConfigError, RefusedError, UnavailableError
from twin.ingest.asking import Asker
from twin.ingest.commit import Committer
from twin.ingest.connection import Connection, Limits
from twin.ingest.hj212.answers import answer_to
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.quick import Memory, Taken, answer, learn
from twin.ingest.hj212.readings import Interpreter
from twin.ingest.hj212.requests import set_time
from twin.ingest.hj212.splits import Splits
from twin.ingest.lines import Line, LineBook
from twin.ingest.loggers import Loggers
from twin.ingest.loggers import load as load_loggers
from twin.ingest.orders import Orders
from twin.ingest.rejects import Rejects
from twin.ingest.stations import MOST, SKEW_EVERY_MS, Station, Stations
from twin.model import AuditLine
from twin.stream import AsyncStream

log = logging.getLogger(__name__)

LOOK_S = 0.25  # how often waiting connections are looked after
IDLE_LOOK_S = 5.0
PUBLISH_S = 1.0
NEWEST = 4  # entries looked through for a block whose answer got lost
HEADS_KEPT = 60_000  # headers of frames that are read the short way
SET_CLOCK_EVERY_S = 60.0  # of one logger that asks for it


class Known(NamedTuple):
    """Whose frames a header is on, for frames that are read the short way."""

    station: Station
    line: Line


class Gateway:
    """All connections, the committer, the rejects and the counters.

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
    """

    def __init__(
        self,
        stream: AsyncStream,
        clock: ParkClock,
        limits: Limits | None = None,
        audit: Callable[[AuditLine], None] = lambda line: None,
        loggers: Loggers | None = None,
    ) -> None:
        self.limits = limits or Limits()
        loggers = loggers or Loggers()
        self.refusal = loggers.refusal
        self.unseal: Callable[[bytes], Sequence[bytes] | None] | None = loggers.keyring()
        self.stations = Stations()
        self._stream = stream
        self._clock = clock
        self._connections: set[Connection] = set()
        self._waiting: set[Connection] = set()
        self._addresses: Counter[str] = Counter()
        self._interpreter = Interpreter()
        self._lines = LineBook(loggers)
        self.asker = Asker(self._lines, clock.now_ms)
        self.memory = Memory()
        self._heads_left = HEADS_KEPT
        self._splits = Splits()
        self._restored = False
        self._clocks_set: dict[str, float] = {}
        self._rejects = Rejects(stream, self.limits.rejects_stored_per_s)
        self._published = b""
        self._paused = False
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._orders = Orders(stream, clock, self.asker, audit)
        self.committer = Committer(
            partial(stream.append, "readings"),
            self._has_written,
            tick_s=self.limits.tick_s,
            retry_s=self.limits.retry_s,
            most_bytes=self.limits.held_bytes,
            relieved=self._relieved,
        )

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
        self._tasks = [
            loop.create_task(job())
            for job in (
                self.committer.run,
                self._look_after,
                self._publish,
                self._rejects.run,
                self._orders.run,
            )
        ]
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
        for connection in self._connections:
            connection.pause(True)
        await self._orders.close()
        await _end([*self._tasks[1:], *self._sending])
        with suppress(TimeoutError):
            await asyncio.wait_for(self.committer.flush(flush_s), flush_s)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._last_words(), 0.5)
        await _end(self._tasks)
        for connection in list(self._connections):
            connection.close()
        deadline = time.monotonic() + 0.5
        while self._connections and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.abort()

    async def _last_words(self) -> None:
        await self._rejects.flush()
        await self._publish_once()

    def opened(self, connection: Connection) -> None:
        """Count a new connection, or turn it away."""
        self._connections.add(connection)
        self._addresses[connection.address] += 1
        self.stations.connections = len(self._connections)
        limits = self.limits
        if (
            len(self._connections) > limits.connections
            or self._addresses[connection.address] > limits.per_address
        ):
            connection.cut("full")
        elif self._paused:
            connection.pause(True)

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)
        self._lines.drop(connection)
        self._heads_left += len(connection.heads)
        connection.heads.clear()
        self._waiting.discard(connection)
        self._addresses[connection.address] -= 1
        if self._addresses[connection.address] <= 0:
            del self._addresses[connection.address]
        self.stations.connections = len(self._connections)

    def waits(self, connection: Connection, waiting: bool) -> None:
        """Look after a connection's time limits, or no longer."""
        if waiting:
            self._waiting.add(connection)
        else:
            self._waiting.discard(connection)

    def was_cut(self, reason: str) -> None:
        """Count a connection that is closed by us."""
        self.stations.cut[reason] += 1

    def known(self) -> Container[str]:
        """The loggers that good frames have come from."""
        return self.stations.by_mn

    def packet(self, connection: Connection, packet: Packet, received_ms: int) -> None:
        """Take one good frame in: readings to the block, its answer to wait for the block."""
        readings = self._interpreter.readings(packet)
        said = answer_to(packet)
        self.committer.add(
            packet.raw, received_ms, readings.rows, connection, None if said is None else said.encode()
        )
        station = self.stations.frame(packet.mn or "", connection.peer, received_ms, len(readings.rows))
        if packet.deviations:
            station.deviations.update(packet.deviations)
        if readings.notes:
            station.deviations.update({note.reason for note in readings.notes})
            self._rejects.noted(connection.peer, packet, readings.notes, received_ms)
        if received_ms - station.skew_at_ms >= SKEW_EVERY_MS:
            qn_ms = packet.qn_ms
            if qn_ms is not None:
                station.skew_at_ms, station.skew_ms = received_ms, qn_ms - self._clock.now_ms()
        line = self._lines.note(connection, packet)
        if line is not None and self._heads_left > 0:
            before = len(connection.heads)
            learn(packet, self._interpreter, connection.heads, self.memory, Known(station, line))
            self._heads_left -= len(connection.heads) - before
        if self.asker.active:
            self.asker.packet(packet)
        if packet.pnum is not None:
            self._unfinished(self._splits.add(packet, time.monotonic()))
        if packet.cn == "1013":
            self._set_clock(packet.mn or "")
        if not self._paused and self.committer.full:
            self._pause(True)

    @property
    def asking(self) -> bool:
        """True while a request to some logger is under way."""
        return bool(self.asker.active)

    def taken(self, connection: Connection, taken: list[Taken], received_ms: int) -> None:
        """Take in good frames that were read the short way."""
        answers, readings, park_ms = [], 0, 0
        for one in taken:
            station, line = one.head.about
            count = len(one.values)
            readings += count
            station.frames += 1
            station.readings += count
            station.last_ms = received_ms
            if line.connection is not connection:
                self._lines.move(one.head.mn, connection)
                station.peer = connection.peer
            if received_ms - station.skew_at_ms >= SKEW_EVERY_MS:
                park_ms = park_ms or self._clock.now_ms()
                qn_ms = self.memory.qn(one.qn)
                station.skew_at_ms, station.skew_ms = received_ms, None if qn_ms is None else qn_ms - park_ms
            data = answer(one)
            if data is not None:
                answers.append(data)
        self.stations.frames += len(taken)
        self.stations.readings += readings
        self.committer.add_taken(taken, received_ms, connection, answers)
        if not self._paused and self.committer.full:
            self._pause(True)

    def _unfinished(self, mns: list[str]) -> None:
        for mn in mns:
            self.stations.of(mn).deviations["split_incomplete"] += 1

    def _set_clock(self, mn: str) -> None:
        """A logger asks for the time: once its notice is answered it gets a 1012, but not all the time."""
        now = time.monotonic()
        if now - self._clocks_set.get(mn, -SET_CLOCK_EVERY_S) < SET_CLOCK_EVERY_S:
            return
        if len(self._clocks_set) >= MOST:
            self._clocks_set.clear()
        self._clocks_set[mn] = now
        task = asyncio.get_running_loop().create_task(self._send_clock(mn, self.committer.settled))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_clock(self, mn: str, answered: asyncio.Event) -> None:
        await answered.wait()
        with suppress(RefusedError):
            outcome = await self.asker.ask(mn, set_time(self._clock.now_ms()))
            log.info("clock of %s: %s", mn, outcome.said().en)

    def refused(self, peer: str, mn: str | None, reason: str, raw: bytes, at_ms: int) -> None:
        """Count broken bytes and queue them for the rejects stream."""
        self.stations.reject(mn, reason)
        self._rejects.broken(peer, mn, reason, raw, at_ms)

    def _pause(self, paused: bool) -> None:
        self._paused = paused
        for connection in self._connections:
            connection.pause(paused)

    async def _has_written(self, body: bytes) -> bool:
        """Tell whether a block is in the stream although the server's word for it never came."""
        return any(entry.body == body for entry in await self._stream.last("readings", NEWEST))

    def _relieved(self) -> None:
        if self._paused:
            self._pause(False)

    async def _look_after(self) -> None:
        """Time limits: of half frames often, of silent connections now and then."""
        limits = self.limits
        idle_look_s = 0.0
        while True:
            await asyncio.sleep(LOOK_S)
            now = time.monotonic()
            self._rejects.refill(LOOK_S)
            for connection in list(self._waiting):
                connection.look(now)
            self._unfinished(self._splits.expire(now))
            if now - idle_look_s >= min(IDLE_LOOK_S, limits.idle_s):
                idle_look_s = now
                for connection in list(self._connections):
                    if now - connection.heard_s > limits.idle_s:
                        connection.cut("idle")

    async def _publish(self) -> None:
        while True:
            await self._publish_once()
            await asyncio.sleep(PUBLISH_S)

    async def _restore(self) -> bool:
        """Go on from the counters an earlier run published; until they are known nothing is published."""
        if not self._restored:
            try:
                body = await self._stream.get("stations")
            except UnavailableError:
                return False
            with suppress(ValueError):
                self.stations.restore(json.loads(body or b"{}"))
            self._restored = True
        return True

    async def _publish_once(self) -> None:
        if not await self._restore():
            return
        self.stations.dropped = self.committer.dropped
        self.stations.suppressed = self._rejects.suppressed
        heartbeat = {"at_ms": wall_ms(), "trouble": self.committer.trouble}
        body = json.dumps(self.stations.as_dict(), ensure_ascii=False).encode()
        if body != self._published and await _attempt(self._stream.put("stations", body)):
            self._published = body
        await _attempt(self._stream.put("gateway", json.dumps(heartbeat).encode()))


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: the Redis client can swallow a cancellation while it connects."""
    for _ in range(5):
        left = [task for task in tasks if not task.done()]
        if not left:
            return
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.2)


async def _attempt(doing: Awaitable[object]) -> bool:
    """Do what may fail without harm to readings: counters are tried again soon."""
    try:
        await doing
    except Exception as error:
        log.debug("not written: %s", error)
        return False
    return True


async def serve(
    config: Config,
    stream: AsyncStream,
    clock: ParkClock,
    stop: asyncio.Event,
    *,
    limits: Limits | None = None,
    ready: Callable[[int], None] = lambda port: None,
    audit: Callable[[AuditLine], None] = lambda line: None,
) -> None:
    """Run the gateway until `stop` is set; then write and answer what is held.

    Parameters
    ----------
    ready : callable
        Called once with the port that is listened on.

    Raises
    ------
    ConfigError
        The port cannot be opened.
    """
    gateway = Gateway(stream, clock, limits, audit, load_loggers(config.loggers))
    port = await gateway.open(config.gateway_host, config.gateway_port)
    try:
        ready(port)
        await stop.wait()
    finally:
        await gateway.close()


def run(config: Config) -> None:
    """The gateway's process: serve until SIGTERM or SIGINT."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        stream = AsyncStream(config.redis)
        known = [LIVE]
        clock = loop.create_task(_follow_clock(stream, known))
        try:
            await serve(config, stream, ParkClock(lambda: known[0]), stop, audit=partial(_audit, config))
        finally:
            await _end([clock])
            await stream.close()

    # Thousands of small objects a second die young and none of them in a cycle: look for cycles seldom.
    gc.set_threshold(100_000, 50, 100)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main())


async def _follow_clock(stream: AsyncStream, known: list[Any]) -> None:
    while True:
        with suppress(UnavailableError):
            known[0] = await stream.clock()
        await asyncio.sleep(1.0)


def _audit(config: Config, line: AuditLine) -> None:
    from twin.records import Records

    records = Records(config.db)
    try:
        records.create()
        records.audit(line)
    finally:
        records.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Take uvloop where it is there: it halves the cost of thousands of sockets."""
    if sys.platform == "win32":
        return None
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
