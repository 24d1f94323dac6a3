"""One point's values over a stretch of time: hours, days and every reading, the replaced ones too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from twin.curves import EMPTY, Curve, Versions, Window
from twin.quality.days import Day, days, replaced
from twin.quality.doubts import checks_of, compared, judged
from twin.quality.hours import FLOW, HOUR_MS, Hours, hours
from twin.quality.rules import Check, Rules

MEANS, REAL, HOURS, DAYS = "2051", "2011", "2061", "2031"
CHECKED, MEASURED, STANDARD = "2062", "SampleRd", "StandardValue"  # HJ 212-2025: automatic standard check
CHECKED_MS = 7 * 86_400_000  # how far back a check is looked for that passed


class Past(Protocol):
    """What of the history is asked here."""

    def series(
        self,
        mn: str,
        factor: str,
        from_ms: int,
        to_ms: int,
        cn: str = "2011",
        stat: str | None = None,
    ) -> Curve:
        """One point's values."""

    def versions(self, mn: str, factor: str, from_ms: int, to_ms: int, cn: str = "2011") -> Versions:
        """Every value received, those replaced since too."""


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What stands beside a point's values: its logger's own hours and days, and checks of its analyser."""

    hours: Curve = EMPTY
    days: Curve = EMPTY
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PointValues:
    """What one factor of one station said.

    Attributes
    ----------
    cn : str
        What hours are made of: the logger's own minute means (2051), or real-time values (2011).
    interval_s : float
        Usual distance of two of those.
    from_ms, to_ms : int
        What was looked at; hours begin at the first value there is.
    curve : Curve
        What hours are made of.
    hours : Hours
    days : list of Day
        Days without a valid mean carry what was put in their place.
    """

    cn: str
    interval_s: float
    from_ms: int
    to_ms: int
    curve: Curve
    hours: Hours
    days: list[Day]


def read(
    history: Past,
    mn: str,
    code: str,
    *,
    metered: bool,
    interval_s: float,
    from_ms: int,
    to_ms: int,
    rules: Rules,
    station: str = "",
) -> PointValues:
    """Read one point's values.

    Parameters
    ----------
    metered : bool
        Whether the station measures flow.
    interval_s : float
        Distance of its real-time values.
    station : str
        Whose checks, as people have written them down, are looked at.

    Raises
    ------
    UnavailableError
        The history is away.
    """
    cn = MEANS
    curve = history.series(mn, code, from_ms, to_ms, MEANS)
    if not len(curve.at_ms):
        cn, curve = REAL, history.series(mn, code, from_ms, to_ms)
    flow = history.series(mn, FLOW, from_ms, to_ms, cn) if metered and code != FLOW else None
    back_ms = from_ms - CHECKED_MS
    measured, standard = (history.series(mn, code, back_ms, to_ms, CHECKED, s) for s in (MEASURED, STANDARD))
    beside = Beside(
        history.series(mn, code, from_ms, to_ms, HOURS),
        history.series(mn, code, from_ms, to_ms, DAYS),
        (*checks_of(measured, standard, rules), *rules.checks.get((station, code), ())),
    )
    return values(curve, flow, code, cn, interval_s, from_ms, to_ms, rules, beside)


def of_window(
    window: Window,
    mn: str,
    code: str,
    *,
    metered: bool,
    interval_s: float,
    from_ms: int,
    to_ms: int,
    rules: Rules,
) -> PointValues:
    """Do the same with what has been read of many points' minute means."""
    flow = window.curve(mn, FLOW) if metered and code != FLOW else None
    return values(window.curve(mn, code), flow, code, MEANS, interval_s, from_ms, to_ms, rules)


def values(
    curve: Curve,
    flow: Curve | None,
    code: str,
    cn: str,
    interval_s: float,
    from_ms: int,
    to_ms: int,
    rules: Rules,
    beside: Beside | None = None,
) -> PointValues:
    """Count hours and days of a point."""
    every_s = spacing_s(curve, interval_s) if cn == MEANS else interval_s
    first = min((int(c.at_ms[0]) for c in (curve, flow or EMPTY) if len(c.at_ms)), default=from_ms)
    # The hour in which the history begins is not whole unless it begins with it.
    start = max(from_ms, -(-(first - round(every_s * 1000) + 1) // HOUR_MS) * HOUR_MS)
    water = None if flow is None else hours(flow, FLOW, None, every_s, start, to_ms, rules)
    by = beside or Beside()
    it = judged(
        hours(curve, code, water, every_s, start, to_ms, rules), water, code, rules, by.hours, by.checks
    )
    found = days(it, water, code, rules)
    plain = [day.value for day in days(it, None, code, rules)]
    found = compared(found, plain, by.days, code, rules)
    return PointValues(cn, every_s, from_ms, to_ms, curve, it, replaced(found))


def spacing_s(curve: Curve, default: float) -> float:
    """Return the usual distance of two values, seconds."""
    steps = np.diff(curve.at_ms)
    return float(np.median(steps)) / 1000 if len(steps) else default
