"""How near a value is to the limit that counts for its point."""

from __future__ import annotations

import numpy as np

from twin.detect.contract import Bools, Floats, Index, Wave


class Limit:
    """Share of the limit used up: 1 at the limit, 1.5 for one and a half times over.

    Parameters
    ----------
    low, high : (n,) float64
        Limits in the factor's unit, NaN where there is none.
    decimals : (n,) intp
        Values are rounded to the factor's decimals, half to even (GB/T 8170), before they are compared.

    Notes
    -----
    Where both limits exist (pH) the score is the distance from their middle over half their width; where only
    a low one exists (dissolved oxygen) it is 1 + the missing share. A point without a limit scores NaN.
    """

    def __init__(self, low: Floats, high: Floats, decimals: Index) -> None:
        self.low, self.high = low, high
        self._scale = 10.0 ** np.asarray(decimals, float)
        self._both = ~np.isnan(low) & ~np.isnan(high)

    def score(self, wave: Wave) -> Floats:
        """Return (k,) shares of the limit, NaN where the point has none."""
        p = wave.point
        low, high, scale = self.low[p], self.high[p], self._scale[p]
        value = np.round(wave.value * scale) / scale
        with np.errstate(divide="ignore", invalid="ignore"):
            one = np.where(np.isnan(high), 2.0 - value / low, value / high)
            two = np.abs(value - (low + high) / 2) * 2 / (high - low)
        # A value on the limit is within it: only what is over it reaches 1.
        score = np.where(self._both[p], two, one)
        return np.where(score <= 1.0, np.minimum(score, np.nextafter(1.0, 0.0)), score)

    def learn(self, wave: Wave, fit: Bools) -> None:
        """Limits are law, nothing is learnt."""
