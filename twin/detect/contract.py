"""What every detector is: a score that changes nothing, and lessons only from readings it may trust.

Readings come as a `Wave`: columns holding at most one reading of each point, so that every detector can index
its arrays by point and treat the whole park in a handful of numpy calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Millis = NDArray[np.int64]
Index = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Wave:
    """At most one reading of each point.

    Attributes
    ----------
    point : (k,) intp
        Position in the table of points; no value twice.
    at_ms : (k,) int64
        Park time the value is for, epoch milliseconds.
    value : (k,) float64
    flag : (k,) uint8
        HJ 212 data mark as its character code, 0 where none was sent.
    """

    point: Index
    at_ms: Millis
    value: Floats
    flag: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.point)

    def pick(self, rows: Bools) -> Wave:
        """Return the rows where `rows` is true."""
        return Wave(self.point[rows], self.at_ms[rows], self.value[rows], self.flag[rows])


class Method(Protocol):
    """One way of finding a reading odd."""

    def score(self, wave: Wave) -> Floats:
        """Return (k,) scores, high is odd, NaN where the method has nothing to say; changes no state."""

    def learn(self, wave: Wave, fit: Bools) -> None:
        """Take the readings in; only rows where `fit` is true may shape what counts as normal."""


def waves(point: Index, at_ms: Millis, value: Floats, flag: NDArray[np.uint8]) -> Iterator[Wave]:
    """Split readings into waves: each point's readings in order of time, its first in the first wave."""
    order = np.lexsort((at_ms, point))
    sorted_point = point[order]
    starts = np.flatnonzero(np.r_[True, sorted_point[1:] != sorted_point[:-1]])
    turn = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    for k in range(int(turn.max(initial=-1)) + 1):
        rows = order[turn == k]
        yield Wave(point[rows], at_ms[rows], value[rows], flag[rows])
