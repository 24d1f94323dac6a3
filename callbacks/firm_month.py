"""Enterprises since the first of the month: one of them, those of its trade, those it is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callbacks import firms
from geodata.places import Enterprise
from geodata.words import Text
from twin import scorecard
from twin.clock import as_datetime
from twin.quality import point
from twin.quality.hours import FLOW
from twin.scorecard import Indicator, Month, Score, Square, Standing

if TYPE_CHECKING:
    from callbacks.pages import Web

FRESH_MS = 900_000
"""A point whose last value is older is not online."""
MEAN_S = 600.0
"""Usual distance of minute means, where too few came to tell."""
MOST_ALARMS = 200_000
"""Alarms of a month, of the whole park; more than can be."""
MOST = 4
"""Enterprises side by side."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Some enterprises by the same indicators.

    Attributes
    ----------
    firms : list of Enterprise
        The one on screen first, then those it is compared with.
    scores : mapping of enterprise to mapping of indicator to Score
        Of those, and of everybody of the first one's trade.
    squares : list of Square
        Calendar of the first.
    """

    firms: list[Enterprise]
    scores: Mapping[str, Mapping[str, Score]]
    squares: list[Square]
    trade: list[str]

    def value(self, firm: str, indicator: Indicator) -> float | None:
        """Return an indicator's value, None where it cannot be counted."""
        score = self.scores[firm].get(indicator.key)
        return None if score is None else score.value

    def note(self, indicator: Indicator) -> Text | None:
        """Return what belongs to the first enterprise's number; what is missing where it has none."""
        score = self.scores[self.firms[0].id].get(indicator.key)
        return indicator.needs if score is None else score.note

    def standing(self, indicator: Indicator) -> Standing | None:
        """Return where the first enterprise stands in its trade."""
        mine = self.value(self.firms[0].id, indicator)
        return scorecard.standing(indicator, mine, [self.value(f, indicator) for f in self.trade])


def compare(web: Web, firm: str, others: Sequence[str] = ()) -> Compared:
    """Count an enterprise, those of its trade and those it is compared with.

    Raises
    ------
    UnavailableError
        History or records are away.
    KeyError
        There is no such enterprise.
    """
    park = web.park
    chosen = list(dict.fromkeys([firm, *others]))[:MOST]
    shown = [park.enterprise(i) for i in chosen]
    trade = [e.id for e in park.enterprises if e.trade == shown[0].trade]
    by_id = {e.id: e for e in park.enterprises}
    counted = months(web, [by_id[i] for i in dict.fromkeys([*chosen, *trade])])
    limits = web.limits
    scores = {i: scorecard.score(month, limits, web.rules) for i, month in counted.items()}
    return Compared(shown, scores, scorecard.calendar(counted[firm], limits), trade)


def calendar(web: Web, firm: str) -> list[Square]:
    """Return the calendar of one enterprise, when nothing else of its month is asked.

    Raises
    ------
    UnavailableError
        History or records are away.
    KeyError
        There is no such enterprise.
    """
    return scorecard.calendar(months(web, [web.park.enterprise(firm)])[firm], web.limits)


def months(web: Web, wanted: Sequence[Enterprise]) -> dict[str, Month]:
    """Read what is known of some enterprises since the first of the month.

    Raises
    ------
    UnavailableError
        History or records are away.
    """
    now_ms = web.live.now_ms()
    from_ms = scorecard.month_start(now_ms)
    owned = firms.stations_of(web.park)
    mns = [s.mn for e in wanted for s in owned[e.id]]
    window = web.history.window(from_ms, now_ms, point.MEANS, mns=mns)
    newest = web.history.window(now_ms - FRESH_MS, now_ms, mns=mns)
    held = frozenset(window.points)
    fresh = {p for i, p in enumerate(newest.points) if newest.start[i + 1] > newest.start[i]}
    over = web.records.anomalies(limit=MOST_ALARMS, since=as_datetime(from_ms))
    found = {}
    for firm in wanted:
        stations = owned[firm.id]
        ids = {s.id for s in stations}
        values = {
            (s.id, code): point.of_window(
                window,
                s.mn,
                code,
                metered=FLOW in s.factors,
                interval_s=MEAN_S,
                from_ms=from_ms,
                to_ms=now_ms,
                rules=web.rules,
            )
            for s in stations
            for code in s.factors
            if (s.mn, code) in held
        }
        found[firm.id] = Month(
            firm=firm,
            stations=stations,
            values=values,
            anomalies=[a for a in over if a.point.station in ids],
            fresh=sum((s.mn, code) in fresh for s in stations for code in s.factors),
            now=as_datetime(now_ms),
        )
    return found
