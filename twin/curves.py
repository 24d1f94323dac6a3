"""Readings as curves: columns of moment, value and mark, cleaned of doubles and thinned for drawing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Moments = NDArray[np.int64]
Values = NDArray[np.float64]
Flags = NDArray[np.uint8]


class Curve(NamedTuple):
    """One point's values in order of time.

    at_ms: (n,) epoch milliseconds, park time, ascending; value: (n,) in the factor's unit; flag: (n,) HJ 212
    data mark as its character code, 0 where none was sent.
    """

    at_ms: Moments
    value: Values
    flag: Flags

    def measured(self) -> Curve:
        """Only what is a measurement: marked N, or not marked."""
        keep = (self.flag == ord("N")) | (self.flag == 0)
        return Curve(self.at_ms[keep], self.value[keep], self.flag[keep])

    def downsample(self, n: int) -> Curve:
        """Thin the curve to at most about `n` values without losing a peak.

        Time is cut into n // 2 equal parts and the smallest and the largest value of each are kept, with the
        curve's two ends.
        """
        if len(self.at_ms) <= max(n, 4):
            return self
        parts = max(n // 2 - 1, 1)
        since = self.at_ms - self.at_ms[0]
        part = since * parts // max(int(since[-1]) + 1, 1)
        order = np.lexsort((self.value, part))
        edge = np.flatnonzero(np.diff(part[order]))
        lowest = order[np.concatenate(([0], edge + 1))]
        highest = order[np.concatenate((edge, [len(order) - 1]))]
        keep = np.unique(np.concatenate((lowest, highest, [0, len(order) - 1])))
        return Curve(self.at_ms[keep], self.value[keep], self.flag[keep])


class Window(NamedTuple):
    """Many points' values over one stretch of time, point by point and in order of time.

    points: (MN, 2017 factor code) of each of p points; start: (p + 1,) where each point begins and
    the last one ends; at_ms, value, flag: (n,) as in `Curve`.
    """

    points: tuple[tuple[str, str], ...]
    start: NDArray[np.int64]
    at_ms: Moments
    value: Values
    flag: Flags

    def curve(self, mn: str, factor: str) -> Curve:
        """One point's values; an empty curve where it has none."""
        try:
            i = self.points.index((mn, factor))
        except ValueError:
            return EMPTY
        return self.nth(i)

    def nth(self, i: int) -> Curve:
        """Values of the point at a position in `points`."""
        part = slice(int(self.start[i]), int(self.start[i + 1]))
        return Curve(self.at_ms[part], self.value[part], self.flag[part])

    def last(self) -> Window:
        """Only the newest value of every point."""
        at = self.start[1:] - 1
        start = np.arange(len(self.points) + 1, dtype=np.int64)
        return Window(self.points, start, self.at_ms[at], self.value[at], self.flag[at])


EMPTY = Curve(np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.uint8))


class Rows(NamedTuple):
    """Readings as they were received: n of them, in any order, with doubles.

    key: (n,) which point; entry_ms, entry_n, row: (n,) place in the stream, which decides who came last.
    """

    key: NDArray[np.int64]
    at_ms: Moments
    value: Values
    flag: Flags
    entry_ms: NDArray[np.int64]
    entry_n: NDArray[np.int64]
    row: NDArray[np.int64]

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Rows:
        """Only some of the rows."""
        return Rows._make(column[index] for column in self)

    def newest(self) -> Rows:
        """Sort by point and moment; of several rows for the same, only the last received stays."""
        if not len(self.key):
            return self
        low = self.at_ms.min()
        span = int(self.at_ms.max() - low) + 1
        joint = self.key * span + (self.at_ms - low)
        order = np.argsort(joint, kind="stable")
        same = np.diff(joint[order]) == 0
        if not same.any():
            return self.take(order)
        # Doubles are rare; only then is the place in the stream looked at.
        order = np.lexsort((self.row, self.entry_n, self.entry_ms, joint))
        last = np.append(np.diff(joint[order]) != 0, True)
        return self.take(order[last])


def joined(parts: list[Rows]) -> Rows:
    """Put several sets of rows behind each other."""
    if not parts:
        none = np.empty(0, np.int64)
        return Rows(none, none, np.empty(0, np.float64), np.empty(0, np.uint8), none, none, none)
    return Rows._make(np.concatenate(columns) for columns in zip(*parts, strict=True))
