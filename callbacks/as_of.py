"""The moment a reader looks at: now, or while they replay the past a moment gone by.

A page in replay names its moment with every request (header `HEADER`, park time, epoch ms). Then what the
page's code asks — stream, records, history, live levels — answers as of that moment, and refuses every write;
the code itself need not know. Other readers, and everything that runs beside requests, see the present.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from callbacks.live import Board, Facts, Live, Standing
from geodata.places import Park
from geodata.words import Text
from twin.blocks import Block
from twin.clock import ClockState, as_datetime
from twin.curves import Window
from twin.gate_log import gates_at
from twin.history.reader import History
from twin.model import IncidentState
from twin.park_watch import Present
from twin.past import HistoryThen, StreamThen
from twin.records import Records
from twin.records_past import RecordsThen
from twin.series import Catalogue, Series
from twin.state import STALE_INTERVALS, STALE_LEAST_S, State
from twin.stream import Stream

HEADER = b"x-park-moment"
KEPT = 6  # moments whose state is remembered: the callbacks of one refresh ask for the same one
HOUR_MS = 3_600_000
ROWS = 2_000_000  # of history, read at once
NO_MOMENT = Text(
    "x-park-moment 不是时刻：应为园区时间的毫秒数",
    "x-park-moment is no moment: park time in milliseconds since 1970 is expected",
)
GOING_ON = (IncidentState.OPEN, IncidentState.CONTAINED)

_MOMENT: ContextVar[int | None] = ContextVar("moment", default=None)


def moment() -> int | None:
    """Return the moment the present request replays, park time, epoch ms; None for the present."""
    return _MOMENT.get()


class AsOf:
    """Middleware that takes the moment from a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, its moment set."""
        given = next((v for k, v in scope.get("headers", ()) if k == HEADER), b"")
        if given and not (given.isdigit() and len(given) <= 15) and scope["type"] == "http":
            # never the present in its place: whoever asked would take it for the past
            said = f"{NO_MOMENT.zh}\n{NO_MOMENT.en}\n"
            await PlainTextResponse(said, status_code=400)(scope, receive, send)
            return
        token = _MOMENT.set(int(given) if given else None)
        try:
            await self._app(scope, receive, send)
        finally:
            _MOMENT.reset(token)


class Doors(Protocol):
    """What pages ask: of the present, or of a moment."""

    @property
    def stream(self) -> Stream:
        """Park time and what processes say."""

    @property
    def records(self) -> Records:
        """Incidents and what belongs to them."""

    @property
    def history(self) -> History:
        """Readings."""

    @property
    def live(self) -> Live:
        """Levels and gates."""


@dataclass(frozen=True, slots=True)
class Now:
    """The present."""

    stream: Stream
    records: Records
    history: History
    live: Live


class Then:
    """A moment gone by. Everything is read when it is first asked for.

    Parameters
    ----------
    now : Now
    present : Present
        The park in use: the past is shown with its points and limits.
    at_ms : int
        Park time, epoch ms.
    """

    def __init__(self, now: Now, present: Present, at_ms: int, build: str = "") -> None:
        self._now, self._present, self.at_ms, self._build = now, present, at_ms, build
        self.records: Records = RecordsThen(now.records, as_datetime(at_ms))
        self.history: History = HistoryThen(now.history, at_ms)

    @cached_property
    def facts(self) -> Facts:
        """Small state beside the readings, as it was."""
        return self.facts_at(self.at_ms)

    @cached_property
    def stream(self) -> Stream:
        """Park time, which stands, and gates."""
        return StreamThen(self.facts.clock, self.facts.gates)

    @cached_property
    def live(self) -> Live:
        """Levels and gates as they were, told by the same code that tells the present."""
        board = self.board()
        board.delta(self.facts)
        return self._now.live.still(board, self.facts)

    def board(self) -> Board:
        """Levels as they were: the last values, judged by limits and by what had been found unusual."""
        park, _, limits = self._present
        board = Board(park, State(park, limits), self._build)
        board.take(block_of(self.history.latest(self.at_ms, look_back_ms(park))))
        board.stand(self.facts.standing)
        return board

    def facts_at(self, at_ms: int, standing: Standing | None = None) -> Facts:
        """Return the small state at this or another moment of the past; `standing` where it is known."""
        at = as_datetime(at_ms)
        if standing is None:
            records = RecordsThen(self._now.records, at)
            going_on = tuple(records.incidents(GOING_ON))
            standing = Standing(going_on, tuple(records.anomalies(open_only=True)))
        clock = self._now.live.facts.clock
        return Facts(
            clock=ClockState(clock.drill, clock.scenario, 0.0, at_ms, 0),
            gates=tuple(gates_at(self._now.records, at)),
            standing=standing,
            revision=f"then {at_ms}",
            stream=True,
            data_ms=at_ms,
            now_ms=at_ms,
        )


class Past:
    """Moments of the past that readers look at, a few of them remembered.

    Parameters
    ----------
    present : callable
        The park in use.
    """

    def __init__(self, now: Now, present: Callable[[], Present], build: str = "") -> None:
        self.now, self._present, self._build = now, present, build
        self._kept: OrderedDict[tuple[str, int], Then] = OrderedDict()

    @property
    def park(self) -> Park:
        """The park in use."""
        return self._present().park

    def at(self, at_ms: int) -> Then:
        """Return a moment."""
        present = self._present()
        key = present.park.version, at_ms
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = Then(self.now, present, at_ms, self._build)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def doors(self) -> Doors:
        """Return what the present request asks: the present, or its moment."""
        at_ms = moment()
        return self.now if at_ms is None else self.at(at_ms)


def look_back_ms(park: Park) -> int:
    """Return how far back a last value is looked for, ms: all that may still count, more where it is few."""
    slowest = max((s.interval_s for s in park.stations), default=60)
    counts = round(max(STALE_INTERVALS * slowest, STALE_LEAST_S) * 1000)
    return min(max(counts, min(HOUR_MS, at_once_ms(park))), 6 * HOUR_MS)


def at_once_ms(park: Park) -> int:
    """Return how long a stretch of history may be read at once, ms, so that memory stays bounded."""
    rows_ms = sum(len(s.factors) / max(s.interval_s, 1) for s in park.stations) / 1000
    return round(ROWS / max(rows_ms, 1e-9))


def block_of(window: Window) -> Block:
    """Return real-time values of the history as the block that would have brought them."""
    n = len(window.at_ms)
    return Block(
        series=Catalogue.of([Series(mn, code, "2011", "Rtd") for mn, code in window.points]),
        series_index=np.repeat(np.arange(len(window.points), dtype=np.int32), np.diff(window.start)),
        at_ms=window.at_ms,
        value=window.value,
        flag=window.flag,
        frame=np.zeros(n, np.int32),
        raw=(),
        received_ms=np.empty(0, np.int64),
    )
