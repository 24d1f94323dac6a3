"""Day values and loads: means weighted by flow, kilograms, and what was put in place of missing days.

A load is the sum over the hours in which concentration and flow are both valid. A day without a valid mean
is replaced in totals by the mean of the valid days, and told apart wherever it is shown; a concentration is
never replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata import zone
from twin.factors import factor
from twin.history.columns import DAY_MS
from twin.quality.hours import FLOW, HOUR_MS, PH, Hours, Verdict
from twin.quality.rules import Rules

KG = 3600 / 1e6
"""Kilograms that an hour of 1 mg/L in 1 L/s carries."""
_MG_L = {"mg/L": 1.0, "μg/L": 1e-3, "ng/L": 1e-6}


@dataclass(frozen=True, slots=True)
class Day:
    """One factor of one station on one day of the park.

    Attributes
    ----------
    start_ms : int
        Local midnight.
    value : float or None
        Daily mean, None where too few hours are valid.
    weighted : bool
        Whether the mean is weighted by flow; so it is for concentrations where flow is measured.
    due, valid : int
        Hours with discharge, or of which nobody knows; hours that entered the mean.
    verdict : Verdict
    kg, m3 : float
        Carried in the hours that entered the mean; 0 where flow is not measured or the factor has no mass.
    replaced_kg : float or None
        Put in place of a day without a valid mean, by `replaced`.
    """

    start_ms: int
    value: float | None
    weighted: bool
    due: int
    valid: int
    verdict: Verdict
    kg: float = 0.0
    m3: float = 0.0
    replaced_kg: float | None = None

    @property
    def share(self) -> float | None:
        """How complete the day is: hours that entered the mean, of those due."""
        return self.valid / self.due if self.due else None


@dataclass(frozen=True, slots=True)
class Total:
    """A load over some days. kg: of hours measured; replaced_kg: put in place of days without a value."""

    kg: float
    replaced_kg: float
    days: int
    replaced_days: int
    due_hours: int
    valid_hours: int

    @property
    def share(self) -> float | None:
        """Hours counted of hours due."""
        return self.valid_hours / self.due_hours if self.due_hours else None


def days(concentration: Hours, flow: Hours | None, code: str, rules: Rules) -> list[Day]:
    """Return the day values of a factor.

    Parameters
    ----------
    concentration : Hours
        Of any factor, the flow itself too.
    flow : Hours or None
        Over the same hours, L/s.

    Notes
    -----
    ``C_d = Σ(C_h·Q_h) / ΣQ_h`` over valid hours, if at least the ruled share of the hours with discharge is
    valid (HJ 356-2019). Hours without discharge are not due; a day that still goes on has no mean.
    pH is averaged by its hydrogen ions and, as
    temperature, not weighted.
    """
    if not len(concentration):
        return []
    ahead_ms = round(zone.ahead_s(int(concentration.start_ms[0]) / 1000) * 1000)  # clocks as they stood then
    day = (concentration.start_ms + ahead_ms) // DAY_MS
    return [
        _day(int(d) * DAY_MS - ahead_ms, concentration, flow, np.flatnonzero(day == d), code, rules)
        for d in np.unique(day)
    ]


def _day(start: int, conc: Hours, flow: Hours | None, at: NDArray[np.intp], code: str, rules: Rules) -> Day:
    mass = _MG_L.get(factor(code).unit)
    verdict, value = conc.verdict[at], conc.value[at]
    due = (verdict != Verdict.NO_FLOW) & (verdict != Verdict.NOT_DUE)
    valid = verdict == Verdict.VALID
    weighted = flow is not None and mass is not None and code != FLOW
    water = np.zeros(len(at))
    if flow is not None and weighted:
        valid &= flow.verdict[at] == Verdict.VALID
        water = np.where(valid, flow.value[at], 0.0)
    elif code == FLOW:
        water = np.where(valid, value, 0.0)
    # Of hours before the first that is known nobody knows whether there was discharge: they are due.
    unknown = int(conc.start_ms[at[0]] - start) // HOUR_MS
    n_due, n_valid = int(due.sum()) + unknown, int(valid.sum())
    if not n_due:
        said = Verdict.NO_FLOW if (verdict == Verdict.NO_FLOW).any() else Verdict.NOT_DUE
        return Day(start, None, weighted, 0, 0, said)
    carried = float((np.where(valid, value, 0.0) * water).sum())
    kg = carried * KG * (mass or 0.0)
    m3 = float(water.sum()) * 3.6
    if conc.start_ms[at[-1]] + HOUR_MS < start + DAY_MS:
        return Day(start, None, weighted, n_due, n_valid, Verdict.NOT_OVER, kg, m3)
    if n_valid < rules.day_share.value * n_due or not n_valid or (weighted and water.sum() <= 0):
        said = Verdict.MISSING if (verdict[due] == Verdict.MISSING).all() else Verdict.TOO_FEW
        return Day(start, None, weighted, n_due, n_valid, said, kg, m3)
    if weighted:
        mean = carried / float(water.sum())
    elif code == PH:
        mean = float(-np.log10(np.mean(10.0 ** -value[valid])))
    else:
        mean = float(np.mean(value[valid]))
    return Day(start, mean, weighted, n_due, n_valid, Verdict.VALID, kg, m3)


def replaced(found: Sequence[Day]) -> list[Day]:
    """Put the mean load of the valid days in place of days that have hours due and no valid mean.

    Notes
    -----
    HJ 356-2019 replaces by the valid days since the last passed check; give only those. Where no day is valid
    nothing is replaced. A day without discharge carried nothing and is left alone.
    """
    whole = [d.kg for d in found if d.verdict is Verdict.VALID and d.weighted]
    if not whole:
        return list(found)
    mean = sum(whole) / len(whole)
    lacking = (Verdict.TOO_FEW, Verdict.MISSING)
    return [_replace(d, mean) if d.weighted and d.due and d.verdict in lacking else d for d in found]


def total(found: Sequence[Day]) -> Total:
    """Add the loads of some days; of a replaced day only its replacement is counted."""
    kept = [d for d in found if d.weighted]
    return Total(
        kg=sum(d.kg for d in kept if d.replaced_kg is None),
        replaced_kg=sum(d.replaced_kg or 0.0 for d in kept),
        days=len(kept),
        replaced_days=sum(d.replaced_kg is not None for d in kept),
        due_hours=sum(d.due for d in kept),
        valid_hours=sum(d.valid for d in kept),
    )


def month_mean(found: Sequence[Day], rules: Rules) -> float | None:
    """Return the arithmetic mean of the valid days, None where too few of the days due are valid (HJ 356)."""
    due = [d for d in found if d.due]
    good = [d.value for d in due if d.value is not None]
    if not good or len(good) < rules.month_share.value * len(due):
        return None
    return sum(good) / len(good)


def _replace(day: Day, kg: float) -> Day:
    return Day(day.start_ms, day.value, day.weighted, day.due, day.valid, day.verdict, day.kg, day.m3, kg)
