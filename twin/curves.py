"""Readings as curves: columns of moment, value and mark, cleaned of doubles and thinned for drawing."""

from __future__ import annotations

from typing import Any, NamedTuple

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
        begin = np.concatenate(([0], np.flatnonzero(np.diff(part)) + 1))
        length = np.diff(np.append(begin, len(part)))
        kept = [np.array([0, len(part) - 1])]
        for extreme in (np.fmin, np.fmax):
            found = np.flatnonzero(self.value == np.repeat(extreme.reduceat(self.value, begin), length))
            # Of equals the first smallest and the last largest: what is level is drawn from end to end.
            new = np.diff(part[found]) != 0
            chosen = np.append(True, new) if extreme is np.fmin else np.append(new, True)
            kept.append(found[chosen[: len(found)]])
        keep = np.unique(np.concatenate(kept))
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


class Versions(NamedTuple):
    """Every value ever received for one point, in order of time and then of receipt.

    at_ms, value, flag: (n,) as in `Curve`; received_ms: (n,) wall clock at which it became durable, to the
    second once its day is put together. Of several values for one moment the last counts.
    """

    at_ms: Moments
    value: Values
    flag: Flags
    received_ms: Moments

    def replaced(self) -> Versions:
        """Only the values that a later one has replaced."""
        old = np.append(np.diff(self.at_ms) == 0, False)[: len(self.at_ms)]
        return Versions._make(column[old] for column in self)


class Rows(NamedTuple):
    """Readings in the order in which they were received: n of them, with doubles.

    key: (n,) which point.
    """

    key: NDArray[np.int32]
    at_ms: Moments
    value: Values
    flag: Flags

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Rows:
        """Only some of the rows."""
        return Rows._make(column[index] for column in self)

    def newest(self) -> Rows:
        """Sort by point and moment; of several rows for the same, only the last received stays.

        What comes from a few files is a few sorted runs a point, one after the other in time. They are moved
        as runs, which takes a fraction of a sort; only points with corrections are sorted.
        """
        if not len(self.key):
            return self
        rows = self._grouped()
        late = (np.diff(rows.key) == 0) & (np.diff(rows.at_ms) <= 0)
        if not late.any():
            return rows
        late_keys = np.zeros(int(rows.key[-1]) + 1, bool)
        late_keys[rows.key[1:][late]] = True
        messy = np.flatnonzero(late_keys[rows.key])
        order = np.arange(len(rows.key))
        order[messy] = messy[np.lexsort((rows.at_ms[messy], rows.key[messy]))]
        key, at_ms = rows.key[order], rows.at_ms[order]
        last = np.append((np.diff(key) != 0) | (np.diff(at_ms) != 0), True)
        return rows.take(order[last])

    def _grouped(self) -> Rows:
        """Bring each point's rows together, in the order they are in."""
        step = np.diff(self.key)
        if np.all(step >= 0):
            return self
        begin = np.concatenate(([0], np.flatnonzero(step) + 1))
        length = np.diff(np.append(begin, len(self.key)))
        order = np.argsort(self.key[begin], kind="stable")
        target = np.empty(len(begin), np.int64)
        target[order] = np.cumsum(length[order]) - length[order]
        index = np.arange(len(self.key))
        index += np.repeat(target - begin, length)
        return Rows(*(_scattered(column, index) for column in self))


def _scattered(column: NDArray[Any], index: NDArray[np.int64]) -> NDArray[Any]:
    out = np.empty_like(column)
    out[index] = column
    return out


def joined(parts: list[Rows]) -> Rows:
    """Put several sets of rows behind each other."""
    if not parts:
        return Rows(np.empty(0, np.int32), *EMPTY)
    if len(parts) == 1:
        return parts[0]
    return Rows._make(np.concatenate(columns) for columns in zip(*parts, strict=True))
