"""A value that repeats longer than this point's own habit of repeating can explain."""

from __future__ import annotations

import numpy as np

from twin.detect.contract import Bools, Floats, Wave
from twin.detect.moving import Move

CHANCE = 1e-9  # a run less likely than this is a fault, not luck
LEAST_RUN = 20  # readings
TAUGHT_RUN = 60  # a longer run teaches nothing: it may be the fault itself


class Frozen:
    """Score 1 when a run of equal values has a chance of `CHANCE` at the point's own rate of repeats.

    Parameters
    ----------
    exempt : (n,) bool
        Points where standing still is natural (flow of an outlet that is shut).

    Notes
    -----
    Small concentrations sent with few digits repeat often: the rate of repeats is learnt for every point,
    with a prior of 0.5 worth 20 readings, so such a point needs a long run and a noisy one a short run. Zero
    is never frozen: below the detection limit is a true value of clean water.
    """

    def __init__(self, exempt: Bools) -> None:
        n = len(exempt)
        self._exempt = exempt
        self._last = np.full(n, np.nan)
        self._run = np.zeros(n)
        self._same, self._seen = np.full(n, 10.0), np.full(n, 20.0)
        self.since_ms = np.zeros(n, np.int64)

    def score(self, wave: Wave) -> Floats:
        """Return (k,) improbabilities of the run that each reading makes, 1 at the threshold."""
        p = wave.point
        run = np.where(self._equal(wave), self._run[p] + 1, 0.0)
        rate = np.clip(self._same[p] / self._seen[p], 0.05, 0.999)
        score = np.minimum(run * np.log(rate) / np.log(CHANCE), run / LEAST_RUN)
        return np.where(self._exempt[p] | (wave.value == 0), 0.0, score)

    def learn(self, wave: Wave, fit: Bools) -> None:
        """Count runs; a run too long to be natural does not teach a higher rate."""
        p = wave.point
        equal = self._equal(wave)
        run = np.where(equal, self._run[p] + 1, 0.0)
        self.since_ms[p] = np.where(equal, self.since_ms[p], wave.at_ms)
        self._run[p] = run
        self._last[p] = wave.value
        teach = fit & (run <= TAUGHT_RUN)
        # Old habits fade with a memory of about a thousand readings.
        keep = np.where(teach & (self._seen[p] > 1000), 0.999, 1.0)
        self._same[p] = self._same[p] * keep + (teach & equal)
        self._seen[p] = self._seen[p] * keep + teach

    def carry(self, before: Frozen, move: Move) -> None:
        """Take over runs and habits from another table."""
        move.carry(before, self, ("_last", "_run", "_same", "_seen", "since_ms"))

    def _equal(self, wave: Wave) -> Bools:
        equal: Bools = wave.value == self._last[wave.point]
        return equal
