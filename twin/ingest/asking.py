"""The platform's requests over live connections: awaitable, one at a time for each logger.

The rules are in `hj212.exchange`; here is time, and the way to the line a logger is on at the moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from twin.errors import RefusedError
from twin.ingest.hj212.exchange import End, Exchange, Outcome, Party, Patience
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.requests import Request
from twin.ingest.hj212.times import qn

QUEUED = 8  # requests that may wait for one logger


class Lines(Protocol):
    """Where a logger can be reached."""

    def party(self, mn: str) -> Party | None:
        """How a logger is addressed; None for one that is not connected."""

    def send(self, mn: str, data: bytes) -> bool:
        """Send bytes on the line a logger is on; False where there is none."""

    def password(self, mn: str, pw: str) -> None:
        """A logger has taken a new PW."""


class Asker:
    """All exchanges that are under way.

    Parameters
    ----------
    lines : Lines
        The gateway.
    now_ms : callable
        Park time, epoch milliseconds: what the QN is made of.
    """

    def __init__(self, lines: Lines, now_ms: Callable[[], int]) -> None:
        self._lines = lines
        self._now_ms = now_ms
        self._last_qn = 0
        self._locks: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}
        self._ended: dict[str, asyncio.Event] = {}
        self.patience: dict[str, Patience] = {}
        """By MN, where a 1000 has changed it."""
        self.active: dict[str, Exchange] = {}
        """Exchange under way, by MN."""

    def reaches(self, mn: str) -> bool:
        """Tell whether a logger is connected."""
        return self._lines.party(mn) is not None

    async def ask(self, mn: str, request: Request) -> Outcome:
        """Send a request and wait for what comes of it. Never raises for anything a peer does.

        Raises
        ------
        RefusedError
            Too many requests are waiting for this logger.
        """
        if self._waiting.get(mn, 0) >= QUEUED:
            raise RefusedError(f"{QUEUED} requests are already waiting for {mn}")
        self._waiting[mn] = self._waiting.get(mn, 0) + 1
        try:
            async with self._locks.setdefault(mn, asyncio.Lock()):
                outcome = await self._exchange(mn, request)
        finally:
            self._waiting[mn] -= 1
            if not self._waiting[mn]:
                del self._waiting[mn], self._locks[mn]
        self._learn(mn, request, outcome)
        return outcome

    def packet(self, packet: Packet) -> bool:
        """Show a packet to the exchange of its logger; True if it was part of it."""
        mn = packet.mn or ""
        exchange = self.active.get(mn)
        if exchange is None:
            return False
        taken = exchange.take(packet, time.monotonic())
        if taken:
            self._ended[mn].set()
        return taken

    def close(self) -> None:
        """End every exchange."""
        for mn, exchange in self.active.items():
            exchange.give_up(End.NO_RESULT, time.monotonic())
            self._ended[mn].set()

    async def _exchange(self, mn: str, request: Request) -> Outcome:
        party = self._lines.party(mn)
        number = self._number()
        if party is None:
            return Outcome(End.OFFLINE, mn, request.cn, number)
        exchange = Exchange(request, party, number, self.patience.get(mn, Patience()))
        moved = self._ended[mn] = asyncio.Event()
        self.active[mn] = exchange
        try:
            data: bytes | None = exchange.start(time.monotonic())
            while exchange.outcome is None:
                if data is not None and not self._lines.send(mn, data):
                    data = None  # a re-send finds the logger on its next line
                moved.clear()
                with suppress(TimeoutError):
                    wait = max(exchange.deadline - time.monotonic(), 0.0)
                    async with asyncio.timeout(wait):
                        await moved.wait()
                data = exchange.tick(time.monotonic())
            return exchange.outcome
        finally:
            del self.active[mn], self._ended[mn]

    def _number(self) -> str:
        """Return a QN that no request of this process had before."""
        self._last_qn = max(self._now_ms(), self._last_qn + 1)
        return qn(self._last_qn)

    def _learn(self, mn: str, request: Request, outcome: Outcome) -> None:
        if outcome.end is not End.DONE:
            return
        if request.cn == "1072":
            self._lines.password(mn, request.value("NewPW"))
        if request.cn == "1000":
            over, count = float(request.value("OverTime")), int(request.value("ReCount"))
            self.patience[mn] = replace(self.patience.get(mn, Patience()), over_time_s=over, re_count=count)
