"""Numbers for series: files hold a number, one list beside them says what it stands for.

The list only grows, a JSON line a series, and its n-th line is number n. The catalogue says how much of it
counts, so that a line a killed writer left behind is never taken for one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.blocks import Series
from twin.errors import UnavailableError
from twin.factors import canonical
from twin.history.catalogue import NAMES
from twin.series import Finder

WATER = "32"  # system type the 2005 codes of a park's water loggers are read by
Point = tuple[str, str]  # logger, 2017 code of the factor


def of_logger(mn: str) -> Series:
    """Return the series that stands for a logger itself: raw frames are kept under it."""
    return Series(mn, "", "", "")


class Numbering:
    """The writer's side: gives numbers and keeps them.

    Raises
    ------
    UnavailableError
        The list cannot be read.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._path = folder / NAMES
        self._new: list[Series] = []
        self.finder = Finder(self.number)
        """Numbers of the series of whole blocks."""
        self.size = size
        """Bytes of the list that are durable."""
        self._numbers = {s: i for i, s in enumerate(_lines(self._path, 0, size))}
        if self._path.exists() and self._path.stat().st_size > size:
            os.truncate(self._path, size)

    def number(self, series: Series) -> int:
        """Return a series' number, a new one if it has none."""
        found = self._numbers.get(series)
        if found is None:
            found = self._numbers[series] = len(self._numbers)
            self._new.append(series)
        return found

    def keep(self) -> None:
        """Write new numbers, durably; to be called before a catalogue names a file that uses them."""
        if not self._new:
            return
        text = "".join(json.dumps(s) + "\n" for s in self._new).encode()
        with self._path.open("ab") as file:
            # What an attempt that failed may have left behind does not count.
            file.truncate(self.size)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self.size += len(text)
        self._new.clear()


class Known:
    """A reader's side: the list as far as it goes, and the points that its series belong to.

    Attributes
    ----------
    points : list of (MN, 2017 factor code)
        Every point met so far, in files or in the stream.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAMES
        self._size = 0
        self._of_mn: dict[str, list[int]] = {}
        self._of_point: dict[int, list[int]] = {}
        self._loggers: dict[str, int] = {}
        self._kinds: dict[tuple[str, str], int] = {}
        self._ids: dict[Point, int] = {}
        self.points: list[Point] = []
        self._point, self._kind = np.empty(0, np.int32), np.empty(0, np.int32)

    def read(self, size: int) -> None:
        """Read on, to so many bytes.

        Raises
        ------
        UnavailableError
            The list cannot be read.
        """
        if size <= self._size:
            return
        new = _lines(self._path, self._size, size)
        start = len(self._kind)
        kinds = [self.kind(s.cn, s.stat) for s in new]
        points = [self.point(s.mn, s.factor) for s in new]
        # The columns first: other threads look series up while this goes on.
        self._kind = np.concatenate((self._kind, np.array(kinds, np.int32)))
        self._point = np.concatenate((self._point, np.array(points, np.int32)))
        for i, (s, point) in enumerate(zip(new, points, strict=True), start):
            self._of_point.setdefault(point, []).append(i)
            if not s.factor:
                self._loggers[s.mn] = i
        self._size = size

    def point(self, mn: str, code: str) -> int:
        """Return the number of a point, a new one if need be; a code of 2005 means that of 2017."""
        key = (mn, canonical(WATER, code))
        found = self._ids.get(key)
        if found is None:
            found = self._ids[key] = len(self.points)
            self.points.append(key)
            self._of_mn.setdefault(mn, []).append(found)
        return found

    def kind(self, cn: str, stat: str) -> int:
        """Return the number of a command and statistic."""
        return self._kinds.setdefault((cn, stat), len(self._kinds))

    def met(self, mns: Sequence[str], code: str | None) -> list[int]:
        """Return the points of some loggers that are known: of one factor, or (None) of every one."""
        if code is None:
            return [point for mn in mns for point in self._of_mn.get(mn, ())]
        found = [self._ids.get((mn, canonical(WATER, code))) for mn in mns]
        return [point for point in found if point is not None]

    def series_of(self, points: Sequence[int], kind: int) -> list[int]:
        """Return the series of some points that are of one kind."""
        return [i for p in points for i in self._of_point.get(p, ()) if self._kind[i] == kind]

    def loggers(self, mns: Sequence[str]) -> dict[int, str]:
        """Return the numbers under which some loggers' raw frames are kept."""
        return {self._loggers[mn]: mn for mn in mns if mn in self._loggers}

    @property
    def point_of(self) -> NDArray[np.int32]:
        """(n,) which point each series belongs to."""
        return self._point

    @property
    def kind_of(self) -> NDArray[np.int32]:
        """(n,) which kind each series is of."""
        return self._kind


def _lines(path: Path, start: int, end: int) -> list[Series]:
    if end <= start:
        return []
    try:
        with path.open("rb") as file:
            file.seek(start)
            body = file.read(end - start)
        if len(body) < end - start:
            raise ValueError(f"it ends at {start + len(body)}, the catalogue counts {end} bytes")
        return [Series(*json.loads(line)) for line in body.splitlines()]
    except (OSError, ValueError, TypeError) as error:
        raise UnavailableError(f"the list of series {path} cannot be read: {error}") from error
