"""People's requests to loggers: orders from the commands stream in, what came of them out.

An order is carried out at most once: what was on the stream before the gateway started is not looked at.
Every outcome becomes an event, a record among the last ones (`told`), and an audit line. Of several gateways
the one that has the logger's line asks; only if none has it, one of them says so.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from geodata.words import Text
from twin.clock import ParkClock
from twin.errors import RefusedError, UnavailableError
from twin.ingest.asking import Asker
from twin.ingest.hj212.exchange import Outcome
from twin.ingest.hj212.requests import Request, parse
from twin.ingest.hj212.write import Item
from twin.model import AuditLine, Event, Order, from_json, to_json
from twin.stream import AsyncStream, Stream

KEY = "asked"
KIND = "logger.ask"
ANSWERED = "logger.answered"
KEPT = 100
ITEMS_SHOWN = 200
MOST = 256  # requests under way at once
AGAIN_S = 1.0
GRACE_S = 1.0  # for a gateway that has the line to say so
HELD_MS = 3_600_000
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a logger and what came of it.

    end: an `exchange.End`, or "impossible" where it was never sent. request: in the written form, without
    passwords.
    """

    id: str  # MN/QN, also what the event is about
    by: str
    at: datetime
    mn: str
    request: str
    end: str
    said: Text
    qn_rtn: str = ""
    exe_rtn: str = ""
    frames: int = 0
    items: tuple[Item, ...] = ()
    sent: int = 0
    seconds: float = 0.0
    odd: tuple[str, ...] = ()

    def line(self) -> AuditLine:
        """Return the line for the audit."""
        detail = Text("{request}：{said}", "{request}: {said}").fill(request=self.request, said=self.said)
        return AuditLine(self.at, self.by, KIND, self.mn, detail)


class Orders:
    """Follows the commands stream for requests to loggers.

    Parameters
    ----------
    audit : callable
        Keeps an audit line; blocking, it is called in a thread.
    """

    def __init__(
        self,
        stream: AsyncStream,
        clock: ParkClock,
        asker: Asker,
        audit: Callable[[AuditLine], None],
        member: str = "1",
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._asker = asker
        self._audit = audit
        self._member = member
        self._last: deque[Asked] = deque(maxlen=KEPT)
        self._tasks: set[asyncio.Task[None]] = set()
        self.begun = asyncio.Event()
        """Set when it is known which orders are new: from then on every one is taken."""

    async def run(self) -> None:
        """Follow until cancelled."""
        after: str | None = None
        while True:
            try:
                if after is None:
                    after = await self._begin()
                    self.begun.set()
                for _, entry in await self._stream.follow({"commands": after}):
                    after = entry.id
                    self._take(entry.id, entry.body)
            except UnavailableError:
                await asyncio.sleep(AGAIN_S)

    async def close(self) -> None:
        """End what is under way, and tell how."""
        self._asker.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=AGAIN_S)

    async def _begin(self) -> str:
        body = (await self._stream.told(KEY)).get(self._member)
        if body is not None:
            self._last.extend(from_json(body, list[Asked]))
        newest = await self._stream.last("commands")
        return newest[-1].id if newest else "0"

    def _take(self, id: str, body: bytes) -> None:
        try:
            order = from_json(body, Order)
        except Exception:  # not ours to judge
            log.warning("an entry of the commands cannot be read")
            return
        if order.kind != KIND:
            return
        if len(self._tasks) >= MOST:
            log.warning("too many requests under way: %s to %s is passed over", order.detail, order.about)
            return
        task = asyncio.get_running_loop().create_task(self._carry_out(id, order))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, id: str, order: Order) -> None:
        if not await self._is_mine(id, order.about):
            return
        try:
            request = parse(order.detail)
            outcome = await self._asker.ask(order.about, request)
        except RefusedError as error:
            await self._tell(_impossible(order, str(error)))
        else:
            await self._tell(_asked(order, request, outcome))

    async def _is_mine(self, id: str, mn: str) -> bool:
        """Tell whether an order is this gateway's: who has the line comes first, then whoever asks first."""
        if not self._asker.reaches(mn):
            await asyncio.sleep(GRACE_S)
        try:
            return await self._stream.claim(f"order:{id}", self._member, HELD_MS)
        except UnavailableError:
            return self._asker.reaches(mn)

    async def _tell(self, asked: Asked) -> None:
        self._last.append(asked)
        try:
            await self._stream.tell(KEY, self._member, to_json(list(self._last)))
            await self._stream.append("events", to_json(Event(ANSWERED, self._clock.now(), asked.id)))
        except UnavailableError:
            log.warning("the outcome of %s to %s cannot be told", asked.request, asked.mn)
        try:
            await asyncio.to_thread(self._audit, asked.line())
        except Exception as error:  # the records are away: the log keeps it
            log.error("not in the audit (%s): %s", error, asked)


def told(stream: Stream) -> list[Asked]:
    """Return what came of the last requests, of all gateways together, newest first.

    Raises
    ------
    UnavailableError
        The stream is away.
    """
    every = [one for body in stream.told(KEY).values() for one in from_json(body, list[Asked])]
    return sorted(every, key=lambda one: one.at, reverse=True)


def _asked(order: Order, request: Request, o: Outcome) -> Asked:
    return Asked(
        f"{o.mn}/{o.qn}",
        order.by,
        order.at,
        o.mn,
        request.text(),
        o.end,
        o.said(),
        o.qn_rtn,
        o.exe_rtn,
        o.frames,
        o.items[:ITEMS_SHOWN],
        o.sent,
        o.seconds,
        o.odd,
    )


def _impossible(order: Order, why: str) -> Asked:
    mn, detail = order.about[:40], re.sub(r"NewPW=[^;]*", "NewPW=***", order.detail)[:80]
    return Asked(f"{mn}/", order.by, order.at, mn, detail, "impossible", Text(why, why))
