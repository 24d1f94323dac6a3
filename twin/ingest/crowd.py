"""Who is connected, and what each peer is held to: how many there may be, how fast, how long in silence.

A peer that sends too much is read more slowly, one that sends nothing gives way when the house is full, and
nobody else notices either.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

from twin.ingest.connection import Connection, Limits

IDLE_LOOK_S = 5.0
NEWCOMER_S = 10.0  # a peer that never sent a good frame is left alone for so long


class Crowd:
    """All open connections.

    Attributes
    ----------
    cut : Counter
        Connections closed by us, by reason: flood, slow, idle, full.
    throttled : int
        Times a peer was read more slowly than it sent.
    """

    def __init__(self, limits: Limits, cut: Counter[str]) -> None:
        self._limits = limits
        self._here: dict[Connection, None] = {}
        self._nameless: dict[Connection, None] = {}  # perhaps: looked at only when the house is full
        self._waiting: set[Connection] = set()
        self._addresses: Counter[str] = Counter()
        self._slowed: dict[Connection, float] = {}
        self._idle_look_s = 0.0
        self.paused = False
        self.cut = cut
        self.throttled = 0

    def __len__(self) -> int:
        return len(self._here)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._here))

    def opened(self, connection: Connection) -> None:
        """Count a new connection, or turn somebody away: the longest nameless, else the newcomer."""
        self._here[connection] = self._nameless[connection] = None
        self._addresses[connection.address] += 1
        limits = self._limits
        if self._addresses[connection.address] > limits.per_address:
            connection.cut("full")
        elif len(self._here) > limits.connections:
            self._give_way(connection).cut("full")
        if self.paused:
            connection.pause(True)

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self._here.pop(connection, None)
        self._nameless.pop(connection, None)
        self._slowed.pop(connection, None)
        self._waiting.discard(connection)
        self._addresses[connection.address] -= 1
        if self._addresses[connection.address] <= 0:
            del self._addresses[connection.address]

    def waits(self, connection: Connection, waiting: bool) -> None:
        """Look after a connection's time limits, or no longer."""
        if waiting:
            self._waiting.add(connection)
        else:
            self._waiting.discard(connection)

    def slow_down(self, connection: Connection, seconds: float) -> None:
        """Read no more from a peer for a while: it has sent more than it may."""
        self.throttled += 1
        self._slowed[connection] = time.monotonic() + seconds
        connection.pause(True)

    def pause(self, paused: bool) -> None:
        """Stop reading everybody, or go on with all but those that are slowed down."""
        if paused != self.paused:
            self.paused = paused
            for connection in self._here:
                if connection not in self._slowed:
                    connection.pause(paused)

    def look(self, now: float) -> None:
        """Time limits: of half frames and slowed peers at every call, of silent connections now and then."""
        for connection in list(self._waiting):
            connection.look(now)
        for connection, until in list(self._slowed.items()):
            if now >= until:
                del self._slowed[connection]
                connection.pause(self.paused)
        if now - self._idle_look_s >= min(IDLE_LOOK_S, self._limits.idle_s):
            self._idle_look_s = now
            for connection in self:
                if now - connection.heard_s > self._limits.idle_s:
                    connection.cut("idle")

    async def close(self, timeout_s: float = 0.5) -> None:
        """Close every connection after what was written to it has gone."""
        for connection in self:
            connection.close()
        deadline = time.monotonic() + timeout_s
        while self._here and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        for connection in self:
            connection.abort()

    def _give_way(self, newcomer: Connection) -> Connection:
        """Whom to turn away: who never said a good word, else the newcomer itself."""
        now = time.monotonic()
        for connection in list(self._nameless):
            if connection.mn is not None:
                del self._nameless[connection]
            elif connection is not newcomer and now - connection.since_s >= NEWCOMER_S:
                return connection
            else:
                break  # the rest came later still
        return newcomer
