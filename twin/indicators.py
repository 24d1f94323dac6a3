"""Indicators of an enterprise or the park, counted from readings alone. What they do not say is None."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.curves import Curve

HOURS_A_YEAR = 8760.0
HOLD_INTERVALS = 2.5
"""A value counts until the next one, but no longer than this many intervals: gaps are not filled."""


@dataclass(frozen=True, slots=True)
class Load:
    """A mass that passed, and over how many hours of valid readings it was counted."""

    kg: float
    hours: float

    def share_of(self, permit_t: float) -> float | None:
        """Return the load against what the permit gives for the same hours of the year; 1 is just permitted.

        Parameters
        ----------
        permit_t : float
            Permitted load, t/a.
        """
        if self.hours <= 0 or permit_t <= 0:
            return None
        return self.kg / (permit_t * 1000 * self.hours / HOURS_A_YEAR)


@dataclass(frozen=True, slots=True)
class Transfer:
    """How many values were due, how many came, how many of those are measurements."""

    due: int
    received: int
    valid: int

    @property
    def rate(self) -> float | None:
        """传输率: received of due."""
        return min(self.received / self.due, 1.0) if self.due else None

    @property
    def valid_rate(self) -> float | None:
        """有效率: valid of received."""
        return min(self.valid / self.received, 1.0) if self.received else None

    @property
    def effective(self) -> float | None:
        """传输有效率: 传输率 times 有效率, which is valid of due."""
        return min(self.valid / self.due, 1.0) if self.due else None


def load(concentration: Curve, flow: Curve, interval_s: float) -> Load:
    """Return the mass that passed an outlet.

    Parameters
    ----------
    concentration : Curve
        mg/L.
    flow : Curve
        L/s.
    interval_s : float
        Usual distance of two readings; a gap longer than 2.5 of it is left out, not filled.

    Returns
    -------
    Load
        Sum of concentration times flow over the moments at which both were measured.
    """
    c, q = concentration.measured(), flow.measured()
    at, ic, iq = np.intersect1d(c.at_ms, q.at_ms, assume_unique=True, return_indices=True)
    if not len(at):
        return Load(0.0, 0.0)
    hold = HOLD_INTERVALS * interval_s
    step = np.append(np.diff(at) / 1000.0, interval_s)
    step = np.where(step <= hold, step, interval_s)
    mg_s = np.maximum(c.value[ic], 0.0) * np.maximum(q.value[iq], 0.0)
    return Load(float((mg_s * step).sum()) / 1e6, float(step.sum()) / 3600.0)


def transfer(curves: Iterable[Curve], interval_s: float, from_ms: int, to_ms: int) -> Transfer:
    """Count what a logger sent between two moments, each factor in each interval once.

    Parameters
    ----------
    curves : iterable of Curve
        One for every factor it should send; an empty one counts as due and missing.
    """
    slots = max(int((to_ms - from_ms) / (interval_s * 1000)), 0)
    due = received = valid = 0
    for curve in curves:
        due += slots
        received += _filled(curve, interval_s, from_ms, to_ms)
        valid += _filled(curve.measured(), interval_s, from_ms, to_ms)
    return Transfer(due, min(received, due), min(valid, due))


def together(parts: Sequence[Transfer]) -> Transfer:
    """Return several loggers as one."""
    return Transfer(sum(p.due for p in parts), sum(p.received for p in parts), sum(p.valid for p in parts))


def hourly(
    curves: Sequence[tuple[Curve, float]], from_ms: int, to_ms: int, parts: int
) -> NDArray[np.float64]:
    """Return the share received in equal parts of a stretch of time; NaN where nothing was due.

    Parameters
    ----------
    curves : sequence of (Curve, float)
        Every factor of every logger with its interval, seconds.
    """
    edges = np.linspace(from_ms, to_ms, parts + 1)
    received, due = np.zeros(parts), np.zeros(parts)
    for curve, interval_s in curves:
        step = int(interval_s * 1000)
        slots = np.arange(max((to_ms - from_ms) // step, 0))
        have = np.isin(slots, (curve.at_ms - from_ms) // step)
        # Both are placed by the start of their slot, so that no part is due more than it can get.
        due += np.histogram(from_ms + slots * step, edges)[0]
        received += np.histogram(from_ms + slots[have] * step, edges)[0]
    share: NDArray[np.float64] = np.full(parts, np.nan)
    np.divide(received, due, out=share, where=due >= 1)
    return np.minimum(share, 1.0)


def _filled(curve: Curve, interval_s: float, from_ms: int, to_ms: int) -> int:
    at = curve.at_ms[(curve.at_ms >= from_ms) & (curve.at_ms < to_ms)]
    return len(np.unique((at - from_ms) // int(interval_s * 1000)))
