"""What the gateway tells about itself: counters of every logger and a sign of life, under small state keys.

Several gateways each tell their own part; each puts the sum of all parts where the pages read it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable
from contextlib import suppress

from twin.clock import wall_ms
from twin.errors import UnavailableError
from twin.ingest.crowd import Crowd
from twin.ingest.intake import Intake
from twin.ingest.stations import Stations
from twin.stream import AsyncStream

PUBLISH_S = 1.0
SHARE = 0.02  # of the process's time that telling may take: counters of ten thousands are told less often
SLICE = 500  # loggers written down before others get a turn
FRESH_MS = 10_000  # a gateway not heard for so long counts no connections
STATIONS, PARTS, SIGNS = "stations", "stations.parts", "gateways"
log = logging.getLogger(__name__)


class Bulletin:
    """Publishes one gateway's counters.

    Parameters
    ----------
    member : str
        Name of this gateway among those of the park.
    """

    def __init__(self, stream: AsyncStream, member: str, intake: Intake, crowd: Crowd) -> None:
        self._stream, self._member = stream, member
        self._intake, self._crowd = intake, crowd
        self._restored = False
        self._published = b""
        self._cost_s = 0.0

    async def run(self) -> None:
        """Publish until cancelled."""
        due = 0.0
        while True:
            await self._sign()
            if time.monotonic() >= due:
                await self.publish()
                due = time.monotonic() + self._cost_s / SHARE
            await asyncio.sleep(PUBLISH_S)

    async def publish(self) -> None:
        """Tell the counters, if anything has been counted since."""
        if not await self._restore():
            return
        stations = self._intake.stations
        stations.dropped = self._intake.dropped
        stations.suppressed = self._intake.rejects.suppressed
        stations.connections, stations.throttled = len(self._crowd), self._crowd.throttled
        body, self._cost_s = await _written(stations)
        if body == self._published:
            return
        if await self._alone():
            done = await _attempt(self._stream.put(STATIONS, body))
        else:
            done = await _attempt(self._stream.tell(PARTS, self._member, body))
            done = done and await _attempt(self._sum())
        if done:
            self._published = body

    async def _sign(self) -> None:
        sign = {"at_ms": wall_ms(), "trouble": self._intake.trouble, "connections": len(self._crowd)}
        body = json.dumps(sign, ensure_ascii=False).encode()
        await _attempt(self._stream.tell(SIGNS, self._member, body))
        await _attempt(self._stream.put("gateway", body))

    async def _restore(self) -> bool:
        """Go on from the counters an earlier run published; until they are known nothing is published."""
        if not self._restored:
            try:
                parts = await self._stream.told(PARTS)
                body = parts.get(self._member)
                if body is None and not parts:
                    body = await self._stream.get(STATIONS)
            except UnavailableError:
                return False
            with suppress(ValueError):
                self._intake.stations.restore(json.loads(body or b"{}"))
            self._restored = True
        return True

    async def _alone(self) -> bool:
        """Tell whether no other gateway has ever been there."""
        with suppress(UnavailableError):
            return set(await self._stream.told(SIGNS)) <= {self._member}
        return False

    async def _sum(self) -> None:
        """Put the sum of all parts where it is read."""
        total = Stations()
        now, signs = wall_ms(), await self._stream.told(SIGNS)
        for body in (await self._stream.told(PARTS)).values():
            with suppress(ValueError):
                total.restore(json.loads(body))
        for body in signs.values():
            with suppress(ValueError):
                sign = json.loads(body)
                fresh = now - int(sign.get("at_ms", 0)) < FRESH_MS
                total.connections += int(sign.get("connections", 0)) if fresh else 0
        await self._stream.put(STATIONS, (await _written(total))[0])


async def _written(stations: Stations) -> tuple[bytes, float]:
    """Return the JSON form, and the seconds it took.

    Written in slices, so that no frame waits for the counters of ten thousands.
    """
    cost_s = 0.0
    head = json.dumps(stations.totals(), ensure_ascii=False)
    rows: list[str] = []
    names = list(stations.by_mn)
    for at in range(0, len(names), SLICE):
        began = time.perf_counter()
        part = {mn: stations.by_mn[mn].as_dict() for mn in names[at : at + SLICE]}
        rows.append(json.dumps(part, ensure_ascii=False)[1:-1])
        cost_s += time.perf_counter() - began
        await asyncio.sleep(0)
    return f'{head[:-1]}, "by_mn": {{{", ".join(rows)}}}}}'.encode(), cost_s


async def _attempt(doing: Awaitable[object]) -> bool:
    """Do what may fail without harm to readings: counters are tried again soon."""
    try:
        await doing
    except Exception as error:
        log.debug("not written: %s", error)
        return False
    return True
