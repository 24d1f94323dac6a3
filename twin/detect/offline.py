"""Points that have gone silent.

Silence is judged against what the rest of the park sends, not against the clock alone: when everything is
silent it is our own line that is down, and eighty stations are not accused of it.
"""

from __future__ import annotations

import numpy as np

from twin.detect.contract import Bools, Millis
from twin.detect.moving import Move

INTERVALS = 5.0
LEAST_MS = 600_000  # 10 min of park time
MOST_CURRENT = 0.75  # share of the points that may lag behind what counts as "now"


class Offline:
    """On when a point is silent for `INTERVALS` of its own intervals and at least `LEAST_MS`.

    Parameters
    ----------
    interval_ms : (n,) int64
        How often each point should speak.
    """

    def __init__(self, interval_ms: Millis) -> None:
        self.allowed_ms = np.maximum(interval_ms * INTERVALS, LEAST_MS).astype(np.int64)
        self.on = np.zeros(len(interval_ms), bool)

    def carry(self, before: Offline, move: Move) -> None:
        """Take over who was silent in another table."""
        move.carry(before, self, ("on",))

    def step(self, last_ms: Millis, now_ms: int) -> Bools:
        """Return (n,) true where on has changed; `last_ms` is 0 where a point has never spoken."""
        spoken = last_ms > 0
        if not spoken.any():
            return np.zeros(len(last_ms), bool)
        newest = int(np.quantile(last_ms[spoken], MOST_CURRENT, method="nearest"))
        silent = spoken & (min(now_ms, newest) - last_ms > self.allowed_ms)
        changed: Bools = silent != self.on
        self.on = silent
        return changed
