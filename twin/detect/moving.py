"""Where the points of one table are in another: what detectors know goes along when the park changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twin.detect.contract import Index
from twin.detect.table import Table

GONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """From an old table to a new one.

    Attributes
    ----------
    old, new : Table
    point : (n,) intp
        Position in the new table of every point of the old one, `GONE` where it has none.
    station : (m,) intp
        The same of stations.
    same : bool
        The points are the same in the same order.
    """

    old: Table
    new: Table
    point: Index
    station: Index
    same: bool

    @classmethod
    def between(cls, old: Table, new: Table) -> Move:
        """Find every point and station of the old table in the new one."""
        point_at = {p: i for i, p in enumerate(new.points)}
        station_at = {s.id: k for k, s in enumerate(new.stations)}
        point = np.array([point_at.get(p, GONE) for p in old.points], np.intp)
        same = len(point) == len(new.points) and bool(np.array_equal(point, np.arange(len(point))))
        station = np.array([station_at.get(s.id, GONE) for s in old.stations], np.intp)
        return cls(old, new, point, station, same)

    def carry(self, before: object, after: object, columns: Sequence[str]) -> None:
        """Give one object's columns of points (rows first) to another of the same kind.

        Where the points are the same the columns themselves change hands, so that a park of 200,000 points
        with three hours of readings each is not copied.
        """
        kept = self.point != GONE
        for name in columns:
            column = getattr(before, name)
            if self.same:
                setattr(after, name, column)
            else:
                getattr(after, name)[self.point[kept]] = column[kept]
