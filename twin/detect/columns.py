"""From blocks of the stream to columns by point: only what detectors look at, everything else left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodata.places import Park
from twin.blocks import Block
from twin.detect.contract import Floats, Index, Millis
from twin.factors import canonical
from twin.model import Point
from twin.series import Finder, Series

REAL_TIME, MINUTE_MEAN = ("2011", "Rtd"), ("2051", "Avg")
WATER = "32"  # system type by which 2005 codes of a water logger are read
KINDS = 3
NOTHING = 2  # of no point


class Columns(NamedTuple):
    """Readings of known points: point (k,), at_ms (k,), value (k,), flag (k,)."""

    point: Index
    at_ms: Millis
    value: Floats
    flag: NDArray[np.uint8]


class Columner:
    """Knows which series is a reading of which point.

    Parameters
    ----------
    park : Park
    points : sequence of Point
        Their order is that of the columns' `point`.
    """

    def __init__(self, park: Park, points: Sequence[Point]) -> None:
        self._at = {p: i for i, p in enumerate(points)}
        self._station = {s.mn: s.id for s in park.stations}
        self._targets = Finder(self._resolve)

    def read(self, blocks: Sequence[Block]) -> tuple[Columns, Columns]:
        """Return the real-time readings of these blocks, and the minute means."""
        rows = [self._rows(b) for b in blocks if len(b)]
        if not rows:
            none = np.empty(0, np.int64)
            empty = Columns(none.astype(np.intp), none, none.astype(float), none.astype(np.uint8))
            return empty, empty
        kind, point, at_ms, value, flag = (np.concatenate(c) for c in zip(*rows, strict=True))
        readings, means = kind == 0, kind == 1
        return (
            Columns(point[readings], at_ms[readings], value[readings], flag[readings]),
            Columns(point[means], at_ms[means], value[means], flag[means]),
        )

    def _rows(self, block: Block) -> tuple[Index, Index, Millis, Floats, NDArray[np.uint8]]:
        targets = self._targets.of(block.series)[block.series_index]
        return targets % KINDS, targets // KINDS, block.at_ms, block.value, block.flag

    def _resolve(self, series: Series) -> int:
        """Kind (0 reading, 1 mean, else nothing) and point of a series, as one number."""
        said = (series.cn, series.stat)
        station = self._station.get(series.mn)
        if station is None or said not in (REAL_TIME, MINUTE_MEAN):
            return NOTHING
        point = self._at.get(Point(station, canonical(WATER, series.factor)))
        return NOTHING if point is None else KINDS * point + (0 if said == REAL_TIME else 1)
