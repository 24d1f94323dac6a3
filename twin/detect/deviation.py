"""How far a value lies from what is usual at its own point.

The only detector for factors without a limit (conductivity), and the early one for rises below a limit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.detect.contract import Bools, Floats, Index, Wave
from twin.detect.moving import Move

WINDOW = 180  # readings: three hours at one a minute
LEAST = 12  # readings before there is a baseline
FRESHEN = 5  # a baseline is computed anew after so many readings
RELATIVE_FLOOR = 0.025  # no instrument here is better than this share of its reading
COARSE = 0.6  # of one step of a value sent with few digits: rounding alone moves a value by half of it
MAD_TO_SIGMA = 1.4826
USUAL_Z = 0.8  # mean absolute score of Gaussian noise
MEMORY = 1 / 60  # of the mean absolute score
MEANS = 36  # ten-minute means kept for the time before there are enough readings
LEAST_MEANS = 6
MEAN_FLOOR = 0.05  # relative scale of a baseline made of means, at least
AHEAD = 2.0  # the daily trend may carry the baseline at most so many sigma ahead


class Deviation:
    """Standardised distance from a running baseline, in robust standard deviations.

    Parameters
    ----------
    side : (n,) int8
        What counts as odd: 1 above, -1 below, 2 either way, 0 nothing (the point has no baseline).
    step : (n,) float64
        Resolution of the value as sent (one unit of the last digit).
    per_mean : (n,) float64, optional
        How many readings a mean stands for.

    Notes
    -----
    The baseline is the median of the newer half of the last `WINDOW` readings that were fit to learn from,
    carried forward by the step from the older half's median; the scale is the MAD about that line, with
    floors for the instrument and for rounding. Where the point's ordinary scores are larger than noise alone
    would make them (a daily swing, slow noise), the scale grows until they are not. Young baselines get a
    wider scale.

    Before a point has `LEAST` readings the means its logger sent for the hours before stand in for them; a
    mean of k readings is steadier than one reading, so the scale is widened by the root of k.

    Limits: a shift that is learnt for longer than a quarter of the window becomes normal, which is why the
    bank does not let odd readings in; a change of regime must be accepted with `reset`.

    References
    ----------
    F. R. Hampel, The influence curve and its role in robust estimation, JASA 69 (1974).
    """

    def __init__(self, side: NDArray[np.int8], step: Floats, per_mean: Floats | None = None) -> None:
        n = len(side)
        self._per_mean = np.full(n, 10.0) if per_mean is None else per_mean
        self._means = np.full((n, MEANS), np.nan)
        self._seen_means = np.zeros(n, np.intp)
        self._side, self._step = side, step
        self._ring = np.full((n, WINDOW), np.nan)
        self._seen = np.zeros(n, np.intp)
        self._mean_z = np.full(n, USUAL_Z)
        self.median = np.full(n, np.nan)
        self.sigma = np.full(n, np.nan)

    def score(self, wave: Wave) -> Floats:
        """Return (k,) distances in robust standard deviations; NaN without a baseline."""
        p = wave.point
        wide = np.maximum(self._mean_z[p] / USUAL_Z, 1.0)
        z = (wave.value - self.median[p]) / (self.sigma[p] * wide)
        side = self._side[p]
        z = np.where(side == 2, np.abs(z), z * side)
        return np.where(side == 0, np.nan, z)

    def learn(self, wave: Wave, fit: Bools) -> None:
        """Take fit readings into the window."""
        rows = fit & (self._side[wave.point] != 0) & np.isfinite(wave.value)
        p, value = wave.point[rows], wave.value[rows]
        size = np.abs(value - self.median[p]) / self.sigma[p]
        self._mean_z[p] += MEMORY * np.where(np.isnan(size), 0.0, np.minimum(size, 6.0) - self._mean_z[p])
        self._ring[p, self._seen[p] % WINDOW] = value
        self._seen[p] += 1
        due = p[(self._seen[p] >= LEAST) & (self._seen[p] % FRESHEN == LEAST % FRESHEN)]
        if len(due):
            self._freshen(due)

    def prime(self, wave: Wave) -> None:
        """Take in means of the time before the first reading; points with enough readings need none."""
        rows = (self._seen[wave.point] < LEAST) & (self._side[wave.point] != 0) & np.isfinite(wave.value)
        p = wave.point[rows]
        self._means[p, self._seen_means[p] % MEANS] = wave.value[rows]
        self._seen_means[p] += 1
        self._stand_in(p)

    def reset(self, point: Index) -> None:
        """Forget what was usual at these points."""
        self._means[point] = np.nan
        self._seen_means[point] = 0
        self.restart(point)

    def restart(self, point: Index) -> None:
        """Forget the readings of these points; means that came since stand in."""
        self._ring[point] = np.nan
        self._seen[point] = 0
        self._mean_z[point] = USUAL_Z
        self.median[point] = self.sigma[point] = np.nan
        self._stand_in(point)

    def carry(self, before: Deviation, move: Move) -> None:
        """Take over what was usual in another table."""
        move.carry(before, self, ("_means", "_seen_means", "_ring", "_seen", "_mean_z", "median", "sigma"))

    def ready(self, point: Index) -> Bools:
        """Tell which of these points have a baseline."""
        known: Bools = ~np.isnan(self.median[point])
        return known

    def _stand_in(self, point: Index) -> None:
        """Make a baseline of means where there are enough of them."""
        p = point[self._seen_means[point] >= LEAST_MEANS]
        if not len(p):
            return
        count = np.minimum(self._seen_means[p], MEANS)
        median = _median(self._means[p], count)
        mad = _median(np.abs(self._means[p] - median[:, None]), count)
        sigma = MAD_TO_SIGMA * mad * np.sqrt(self._per_mean[p])
        self.median[p] = median
        self.sigma[p] = np.maximum(np.maximum(sigma, MEAN_FLOOR * np.abs(median)), self._step[p])

    def _freshen(self, p: Index) -> None:
        count = np.minimum(self._seen[p], WINDOW)
        columns = (self._seen[p, None] - count[:, None] + np.arange(WINDOW)) % WINDOW
        age = count[:, None] - 1 - np.arange(WINDOW)  # 0 for the newest; negative where nothing is yet
        ring = np.where(age >= 0, self._ring[p[:, None], columns], np.nan)
        half = count // 2
        newer, older = age < half[:, None], age >= half[:, None]
        new = _median(np.where(newer, ring, np.nan), half)
        old = _median(np.where(older, ring, np.nan), count - half)
        step = np.where(count >= WINDOW // 2, new - old, 0.0)
        line = new[:, None] + step[:, None] * (0.5 - (age + 0.5) / np.maximum(half, 1)[:, None])
        sigma = MAD_TO_SIGMA * _median(np.abs(ring - line), count)
        ahead = np.clip(step / 2, -AHEAD * sigma, AHEAD * sigma)
        floor = np.maximum(RELATIVE_FLOOR * np.abs(new), self._step[p])
        self.median[p] = new + ahead
        self.sigma[p] = np.maximum(sigma, np.maximum(floor, _digit(ring) * COARSE)) * (1.0 + 6.0 / count)


def _median(rows: Floats, count: Index) -> Floats:
    """Median of each row's `count` numbers; the rest of a row is NaN, which sorts last."""
    ordered = np.sort(rows, axis=1)
    k = np.arange(len(rows))
    middle: Floats = (ordered[k, (count - 1) // 2] + ordered[k, count // 2]) / 2
    return middle


def _digit(rows: Floats) -> Floats:
    """Smallest step between a row's values: their own resolution, if they have a coarse one; else near 0."""
    steps = np.diff(np.sort(rows, axis=1), axis=1)
    least: Floats = np.where(steps > 0, steps, np.inf).min(axis=1)
    return np.where(np.isfinite(least), least, 0.0)
