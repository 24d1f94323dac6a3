"""Loggers that ask for the time: once their notice is answered they get a 1012, but not all the time."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from twin.clock import ParkClock
from twin.errors import RefusedError
from twin.ingest.asking import Asker
from twin.ingest.hj212.requests import set_time

EVERY_S = 60.0  # of one logger
MOST = 40_000
log = logging.getLogger(__name__)


class Timekeeper:
    """Answers requests for the time with park time."""

    def __init__(self, asker: Asker, clock: ParkClock) -> None:
        self._asker, self._clock = asker, clock
        self._told: dict[str, float] = {}
        self._sending: set[asyncio.Task[None]] = set()

    def asked(self, mn: str, answered: asyncio.Event) -> None:
        """A logger has asked; it is told when `answered` says that its notice has been answered."""
        now = time.monotonic()
        if now - self._told.get(mn, -EVERY_S) < EVERY_S:
            return
        if len(self._told) >= MOST:
            self._told.clear()
        self._told[mn] = now
        task = asyncio.get_running_loop().create_task(self._tell(mn, answered))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def tasks(self) -> list[asyncio.Task[None]]:
        """What is under way."""
        return list(self._sending)

    async def _tell(self, mn: str, answered: asyncio.Event) -> None:
        await answered.wait()
        with suppress(RefusedError):
            outcome = await self._asker.ask(mn, set_time(self._clock.now_ms()))
            log.info("clock of %s: %s", mn, outcome.said().en)
