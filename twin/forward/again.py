"""People's orders to send again: what a platform would not have, or all of a span of time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from geodata.words import Text
from twin.clock import as_datetime, wall_ms
from twin.errors import RefusedError, UnavailableError
from twin.forward.past import Old
from twin.forward.spool import Copy, Spool
from twin.forward.targets import Target
from twin.ingest.moments import moment_ms
from twin.model import AuditLine, Order, from_json, to_json
from twin.stream import Stream

KIND = "forward.again"
KEY = "forward.again"
REFUSED = "refused"
LONGEST_MS = 366 * 86_400_000
KEPT = 20
GROUP, CONSUMER = "forward", "1"
WAIT_MS = 500
AWAY_S = 0.5
TAKEN_BACK = Text("{n} 个被拒绝的报文重新排队", "{n} refused frames wait again")
QUEUED = Text("{n} 个报文重新排队", "{n} frames wait again")
NO_TARGET = Text("没有名为 {name} 的上级平台", "there is no platform {name}")
log = logging.getLogger(__name__)


class Past(Protocol):
    """Where frames of the past are."""

    def about(self, mns: Sequence[str], cns: Sequence[str], from_ms: int, to_ms: int) -> Iterator[list[Old]]:
        """Frames about a span of park time, in order."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is sent again: moments of the data, both included."""

    from_ms: int
    to_ms: int

    @classmethod
    def read(cls, text: str) -> Span:
        """Read the written form, `2026-11-20 08:00..2026-11-21 08:00`; what names no zone is China's time.

        Raises
        ------
        RefusedError
            It is no span of up to a year.
        """
        moments = [moment_ms(part) for part in text.split("..")]
        begin, end = moments if len(moments) == 2 else (None, None)
        if begin is None or end is None or not 0 <= end - begin <= LONGEST_MS:
            raise RefusedError(f"{text[:80]!r} is no span of up to a year: write 2026-11-20..2026-11-21")
        return cls(begin, end)


@dataclass(frozen=True, slots=True)
class Done:
    """One order and what came of it."""

    id: str
    at: datetime
    by: str
    target: str
    what: str
    good: bool
    said: Text


class Again:
    """Follows the commands in a group of its own, so that an order outlives this process.

    An order is known to the queue by its id: one that is read again after a crash queues nothing twice.

    Parameters
    ----------
    mns : sequence of str
        This park's loggers.
    audit : callable
        Keeps an audit line.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        spool: Spool,
        stream: Stream,
        past: Past,
        mns: Sequence[str],
        audit: Callable[[AuditLine], None] = lambda line: None,
    ) -> None:
        self._targets: Mapping[str, Target] = {target.name: target for target in targets}
        self._spool, self._stream, self._past, self._mns = spool, stream, past, list(mns)
        self._audit = audit

    def run(self, stop: threading.Event) -> None:
        """Carry out orders until told to stop."""
        after: str | None = "0"
        begun = False
        while not stop.is_set():
            try:
                if not begun:
                    self._stream.join("commands", GROUP)
                    begun = True
                after = self.step(after)
            except UnavailableError as error:
                log.warning("orders wait: %s", error)
                after = "0"
                stop.wait(AWAY_S)

    def step(self, after: str | None, wait_ms: int = WAIT_MS) -> str | None:
        """Carry out what was ordered; `after` as of `Filler.step`."""
        if after is not None:
            entries = self._stream.pending("commands", GROUP, CONSUMER, after)
            if not entries:
                return None
            after = entries[-1].id
        else:
            entries = [e for _, e in self._stream.take(["commands"], GROUP, CONSUMER, wait_ms=wait_ms)]
        for entry in entries:
            try:
                order = from_json(entry.body, Order)
            except Exception:  # not ours to judge
                order = None
            if order is not None and order.kind == KIND:
                self._tell(self._carry_out(entry.id, order))
            self._stream.ack("commands", GROUP, [entry.id])
        return after

    def _carry_out(self, id: str, order: Order) -> Done:
        target = self._targets.get(order.about)
        good, said = False, NO_TARGET.fill(name=order.about[:40])
        if target is not None:
            try:
                good, said = True, self._queue(id, target, order.detail)
            except RefusedError as error:
                said = Text(str(error), str(error))
        return Done(id, order.at, order.by, order.about[:40], order.detail[:100], good, said)

    def _queue(self, id: str, target: Target, what: str) -> Text:
        if what == REFUSED:
            return TAKEN_BACK.fill(n=self._spool.take_back(target.name))
        span = Span.read(what)
        mns = [mn for mn in self._mns if not target.only or mn in target.only]
        count = 0
        for n, day in enumerate(self._past.about(mns, sorted(target.cns), span.from_ms, span.to_ms)):
            copies = [Copy(target.name, old.mn, old.received_ms, old.raw) for old in day]
            self._spool.add(f"again-{id}-{n}", copies)
            count += len(copies)
        return QUEUED.fill(n=count)

    def _tell(self, done: Done) -> None:
        line = Text("{what}：{said}", "{what}: {said}").fill(what=done.what, said=done.said)
        with suppress(UnavailableError):
            self._audit(AuditLine(as_datetime(wall_ms()), done.by, KIND, done.target, line))
        # whoever waits for this may count on it being on record
        last = [done, *(one for one in told(self._stream) if one.id != done.id)][:KEPT]
        self._stream.put(KEY, to_json(last))


def told(stream: Stream) -> list[Done]:
    """Return what came of the last orders, newest first.

    Raises
    ------
    UnavailableError
        The stream is away.
    """
    body = stream.get(KEY)
    return [] if body is None else from_json(body, list[Done])
