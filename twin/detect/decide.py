"""From scores to on or off: persistence before a point is called odd, hysteresis before it is called well."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from twin.detect.contract import Bools, Floats, Index, Millis
from twin.detect.moving import Move


@dataclass(slots=True)
class Persistence:
    """On after `raise_after` scores in a row at or over 1, off after `clear_after` in a row under `clear_at`.

    Parameters
    ----------
    n : int
        Number of points.
    hold_ms : int
        Shortest park time from the first odd score to being on.

    Notes
    -----
    A NaN score says nothing and changes nothing. One episode ends after three normal values by default, as is
    usual at environmental bureaus.
    """

    n: int
    raise_after: int = 2
    clear_at: float = 1.0
    clear_after: int = 3
    hold_ms: int = 0
    on: Bools = field(init=False)
    first_ms: Millis = field(init=False)
    _over: Index = field(init=False)
    _under: Index = field(init=False)

    def __post_init__(self) -> None:
        self.on = np.zeros(self.n, bool)
        self.first_ms = np.zeros(self.n, np.int64)
        self._over = np.zeros(self.n, np.intp)
        self._under = np.zeros(self.n, np.intp)

    def step(self, point: Index, score: Floats, at_ms: Millis) -> Bools:
        """Take one score of each of these points; return (k,) true where on has changed."""
        with np.errstate(invalid="ignore"):
            odd, well = score >= 1.0, score < self.clear_at
        told = ~np.isnan(score)
        on = self.on[point]
        over = np.where(odd, self._over[point] + 1, np.where(told, 0, self._over[point]))
        under = np.where(well, self._under[point] + 1, np.where(told, 0, self._under[point]))
        first = np.where(odd & (over == 1) & ~on, at_ms, self.first_ms[point])
        rises = ~on & odd & (over >= self.raise_after) & (at_ms - first >= self.hold_ms)
        falls = on & well & (under >= self.clear_after)
        self._over[point], self._under[point], self.first_ms[point] = over, under, first
        self.on[point] = (on | rises) & ~falls
        return rises | falls

    def reset(self, point: Index | Bools) -> None:
        """Forget everything about these points."""
        self.on[point] = False
        self._over[point] = self._under[point] = 0

    def carry(self, before: Persistence, move: Move) -> None:
        """Go on from where the points stood in another table."""
        move.carry(before, self, ("on", "first_ms", "_over", "_under"))


@dataclass(slots=True)
class Cusum:
    """One-sided cumulative sum of standardised scores: strong evidence needs two readings, weak more.

    Parameters
    ----------
    n : int
        Number of points.
    allowance : float
        What a score must exceed to count, in robust standard deviations.
    limit : float
        Sum at which a point is called odd.
    cap : float
        The most one reading can bring; `cap - allowance < limit`, so one wild value alone never decides.
    clear_below, clear_after : float, int
        Off after so many readings in a row under so many standard deviations.

    References
    ----------
    E. S. Page, Continuous inspection schemes, Biometrika 41 (1954).
    """

    n: int
    allowance: float = 3.0
    limit: float = 5.0
    cap: float = 7.0
    clear_below: float = 2.5
    clear_after: int = 3
    on: Bools = field(init=False)
    total: Floats = field(init=False)
    first_ms: Millis = field(init=False)
    _under: Index = field(init=False)

    def __post_init__(self) -> None:
        self.on = np.zeros(self.n, bool)
        self.total = np.zeros(self.n)
        self.first_ms = np.zeros(self.n, np.int64)
        self._under = np.zeros(self.n, np.intp)

    def step(self, point: Index, score: Floats, at_ms: Millis) -> Bools:
        """Take one score of each of these points; return (k,) true where on has changed."""
        told = ~np.isnan(score)
        z = np.where(told, score, 0.0)
        before, on = self.total[point], self.on[point]
        grown = np.maximum(before + np.minimum(z, self.cap) - self.allowance, 0.0)
        total = np.where(told, np.minimum(grown, 2 * self.limit), before)
        first = np.where((before == 0) & (total > 0) & ~on, at_ms, self.first_ms[point])
        well = told & (z < self.clear_below)
        under = np.where(well, self._under[point] + 1, np.where(told, 0, self._under[point]))
        rises = ~on & (total >= self.limit)
        falls = on & (under >= self.clear_after)
        self.total[point] = np.where(falls, 0.0, total)
        self.first_ms[point], self._under[point] = first, under
        self.on[point] = (on | rises) & ~falls
        return rises | falls

    def reset(self, point: Index | Bools) -> None:
        """Forget everything about these points."""
        self.on[point] = False
        self.total[point] = 0.0
        self._under[point] = 0

    def carry(self, before: Cusum, move: Move) -> None:
        """Go on from where the points stood in another table."""
        move.carry(before, self, ("on", "total", "first_ms", "_under"))
