"""The latest value and level of every point: a fold over blocks of readings. Pure; no Redis, no clock.

A point is one factor at one station, in the fixed order of the park. Only real-time values (2011, Rtd) move
it. A level that people or detectors have set stands until it is cleared; without one the value speaks, and
where there is no fresh, good value the point is offline: nothing forgotten is ever shown as normal.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from geodata.places import Park
from twin.blocks import Block
from twin.factors import canonical, factor
from twin.limits import Limits
from twin.model import Level, Point
from twin.series import Finder, Series

REAL_TIME = ("2011", "Rtd")
WATER = "32"  # system type the 2005 codes of a park's water loggers are read by
NEAR = 0.8  # share of a limit from which a value is a warning
STALE_INTERVALS, STALE_LEAST_S = 2.5, 120.0
AHEAD_MS = 3_600_000  # a value from further ahead than this is no present value
MANY = 4096  # bound of what is remembered about senders nobody knows

Indices = NDArray[np.intp]
_NOWHERE, _UNKNOWN, _UNLISTED = -1, -2, -3


class State:
    """Present state of every point of a park.

    Attributes
    ----------
    points : tuple of Point, n long
        Fixed order: stations as in the park, factors as in the station.
    value : (n,) float64
        Latest real-time value, NaN where there is none.
    at_ms : (n,) int64
        Moment it is for, park time, epoch milliseconds; 0 where there is none.
    flag : (n,) uint8
        HJ 212 data mark as its character code; 0 where none was sent.
    level : (n,) uint8
        `Level` of every point.
    unknown : dict of str to int
        Readings from loggers that belong to no station, by MN.
    unlisted : dict of Point to int
        Readings of factors that their station does not list.
    """

    def __init__(self, park: Park, limits: Limits) -> None:
        self.points = tuple(Point(s.id, f) for s in park.stations for f in s.factors)
        self.index = {point: i for i, point in enumerate(self.points)}
        self.stations = tuple(s.id for s in park.stations)
        n = len(self.points)
        self.value = np.full(n, np.nan)
        self.at_ms = np.zeros(n, np.int64)
        self.flag = np.zeros(n, np.uint8)
        self.level = np.zeros(n, np.uint8)
        self.unknown: dict[str, int] = {}
        self.unlisted: dict[Point, int] = {}
        self._by_mn = {s.mn: s.id for s in park.stations}
        self._targets = Finder(self._resolve)
        self._override = np.full(n, -1, np.int16)
        self._stale = np.ones(n, bool)
        counts = [len(s.factors) for s in park.stations]
        self._station_of = np.repeat(np.arange(len(counts)), counts)
        intervals = np.repeat([s.interval_s for s in park.stations], counts).astype(float)
        self._stale_ms = np.maximum(STALE_INTERVALS * intervals, STALE_LEAST_S) * 1000
        found = [limits.of(p.station, p.factor) for p in self.points]
        self._low = np.array([-np.inf if x is None or x.low is None else x.low for x in found])
        self._high = np.array([np.inf if x is None or x.high is None else x.high for x in found])
        self._scale = np.array([10.0 ** factor(p.factor).decimals for p in self.points])
        # A band such as that of pH has no "near": its middle is not zero.
        one_sided = np.isinf(self._low) | np.isinf(self._high)
        self._near_low = np.where(one_sided, self._low / NEAR, -np.inf)
        self._near_high = np.where(one_sided, self._high * NEAR, np.inf)

    def fold(self, block: Block) -> Indices:
        """Take in a block of readings.

        A value moves its point if it is for a later moment than the one held, or corrects it: at the same
        moment the last received wins. Values that are not numbers are passed over.

        Returns
        -------
        (k,) intp
            Points whose value, moment, flag or level is now different, ascending.
        """
        targets = self._targets.of(block.series)
        if not targets.size:
            return np.empty(0, np.intp)
        where = targets[block.series_index]
        if targets.min() < _NOWHERE:
            self._count(block, where)
        good = np.flatnonzero((where >= 0) & np.isfinite(block.value))
        good = good[block.at_ms[good] >= self.at_ms[where[good]]]
        good = good[np.argsort(block.at_ms[good], kind="stable")]
        # Seen from the end, the first row of each point is its newest, and of equals the last received.
        touched, first = np.unique(where[good][::-1], return_index=True)
        rows = good[::-1][first]
        changed = (
            (self.value[touched] != block.value[rows])
            | (self.at_ms[touched] != block.at_ms[rows])
            | (self.flag[touched] != block.flag[rows])
        )
        self.value[touched] = block.value[rows]
        self.at_ms[touched] = block.at_ms[rows]
        self.flag[touched] = block.flag[rows]
        self._stale[touched] = False
        moved: Indices = touched[self._relevel(touched) | changed]
        return moved

    def carry(self, before: State) -> None:
        """Take over what another version of the park knew of the points that are in both."""
        pairs = [(i, j) for p, i in self.index.items() if (j := before.index.get(p)) is not None]
        if pairs:
            here, there = np.array(pairs, np.intp).T
            for name in ("value", "at_ms", "flag", "_override", "_stale"):
                getattr(self, name)[here] = getattr(before, name)[there]
        self.unknown, self.unlisted = before.unknown, before.unlisted
        self._relevel(np.arange(len(self.points)))

    def age(self, now_ms: int) -> Indices:
        """Mark as offline what is older than max(2.5 intervals, 120 s).

        Parameters
        ----------
        now_ms : int
            Park time, epoch milliseconds. A value held for a moment over an hour ahead of it is dropped: its
            logger's clock was wrong or the park's clock was set back, and it would hide every true value.

        Returns
        -------
        (k,) intp
            Points that changed.
        """
        ahead = self.at_ms > now_ms + AHEAD_MS
        if ahead.any():
            self.value[ahead], self.at_ms[ahead], self.flag[ahead] = np.nan, 0, 0
        self._stale = now_ms - self.at_ms > self._stale_ms
        return np.flatnonzero(self._relevel(np.arange(len(self.points))) | ahead)

    def override(self, point: Point, level: Level | None) -> Indices:
        """Set the level of a point until it is cleared with None; an unlisted point is passed over."""
        i = self.index.get(point)
        if i is None:
            return np.empty(0, np.intp)
        self._override[i] = -1 if level is None else level
        only = np.array([i])
        return only[self._relevel(only)]

    def set_overrides(self, levels: Mapping[Point, Level]) -> Indices:
        """Replace every override by these, and return the points that changed."""
        self._override[:] = -1
        for point, level in levels.items():
            i = self.index.get(point)
            if i is not None:
                self._override[i] = level
        return np.flatnonzero(self._relevel(np.arange(len(self.points))))

    def station_level(self, station: str) -> Level:
        """The worst level among a station's points; OFFLINE where nothing is known.

        Raises
        ------
        KeyError
            There is no such station.
        """
        try:
            return Level(int(self.station_levels()[self.stations.index(station)]))
        except ValueError:
            raise KeyError(station) from None

    def station_levels(self) -> NDArray[np.uint8]:
        """The worst level of every station, in the order of `stations`."""
        worst = np.zeros(len(self.stations), np.uint8)
        np.maximum.at(worst, self._station_of, self.level)
        return worst

    def _relevel(self, at: Indices) -> NDArray[np.bool_]:
        """Work out the level of some points again; returns which of them changed."""
        value = np.rint(self.value[at] * self._scale[at]) / self._scale[at]
        level = np.full(len(at), int(Level.NORMAL), np.uint8)
        level[(value >= self._near_high[at]) | (value <= self._near_low[at])] = Level.WARNING
        level[(value > self._high[at]) | (value < self._low[at])] = Level.ALARM
        # Only N, or no mark at all, is a measurement: the others are faults, upkeep or typed by hand.
        measured = (self.flag[at] == ord("N")) | (self.flag[at] == 0)
        level[self._stale[at] | ~measured | np.isnan(self.value[at])] = Level.OFFLINE
        override = self._override[at]
        level = np.where(override >= 0, override, level).astype(np.uint8)
        changed: NDArray[np.bool_] = level != self.level[at]
        self.level[at] = level
        return changed

    def _resolve(self, series: Series) -> int:
        """Index of the point a series belongs to, or why it has none."""
        station = self._by_mn.get(series.mn)
        if station is None:
            return _UNKNOWN
        if (series.cn, series.stat) != REAL_TIME:
            return _NOWHERE
        return self.index.get(Point(station, canonical(WATER, series.factor)), _UNLISTED)

    def _count(self, block: Block, where: Indices) -> None:
        odd, counts = np.unique(block.series_index[where < _NOWHERE], return_counts=True)
        for i, n in zip(odd.tolist(), counts.tolist(), strict=True):
            series = block.series[i]
            if self._resolve(series) == _UNKNOWN:
                key = series.mn if series.mn in self.unknown or len(self.unknown) < MANY else ""
                self.unknown[key] = self.unknown.get(key, 0) + n
            elif len(self.unlisted) < MANY:
                point = Point(self._by_mn[series.mn], canonical(WATER, series.factor))
                self.unlisted[point] = self.unlisted.get(point, 0) + n
