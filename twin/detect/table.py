"""What the detectors must know of every point, as columns: one row a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from geodata.places import Park, Station, StationKind, System
from twin.detect.contract import Bools, Floats, Index, Millis
from twin.factors import factor
from twin.limits import Limit, Limits
from twin.model import Point

FLOW, TEMPERATURE, PH, OXYGEN = "w00000", "w01010", "w01001", "w01009"
# Every other factor is odd when it is high. Flow has a usual only at an enterprise's own meter.
SIDES = {FLOW: 0, TEMPERATURE: 0, PH: 2, OXYGEN: -1}


class Place(IntEnum):
    """What kind of water a station watches, because that decides what is routine there."""

    AMBIENT = 0  # canal and rain channel: nothing is routine
    SEWER = 1  # works, pump stations: mixtures of many batches
    OUTLET = 2  # an enterprise's own wastewater meter: batches are routine


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One row a point (n) and one entry a station (m).

    Attributes
    ----------
    points : tuple of Point, n long
    stations : tuple of Station, m long
    station : (n,) intp
        Position in `stations`.
    interval_ms : (n,) int64
    limits : tuple, n long
        The limit that counts for the point, None if there is none.
    low, high : (n,) float64
        The limit as numbers, NaN where there is none.
    decimals : (n,) intp
    side : (n,) int8
        See `twin.detect.deviation.Deviation`.
    place : (m,) int8
        `Place` of every station.
    """

    points: tuple[Point, ...]
    stations: tuple[Station, ...]
    station: Index
    interval_ms: Millis
    limits: tuple[Limit | None, ...]
    low: Floats
    high: Floats
    decimals: Index
    side: NDArray[np.int8]
    place: NDArray[np.int8]

    @classmethod
    def of(cls, park: Park, points: Sequence[Point], limits: Limits) -> Table:
        """Build the table of a park's points."""
        at = {s.id: i for i, s in enumerate(park.stations)}
        station = np.array([at[p.station] for p in points], np.intp)
        found = tuple(limits.of(p.station, p.factor) for p in points)
        interval = np.array([s.interval_s for s in park.stations], np.int64) * 1000
        return cls(
            points=tuple(points),
            stations=park.stations,
            station=station,
            interval_ms=interval[station],
            limits=found,
            low=np.array([_number(None if f is None else f.low) for f in found], np.float64),
            high=np.array([_number(None if f is None else f.high) for f in found], np.float64),
            decimals=np.array([factor(p.factor).decimals for p in points], np.intp),
            side=_sides(park, points),
            place=places(park),
        )

    def members(self) -> list[Index]:
        """Return the points of every station, m arrays of positions."""
        order = np.argsort(self.station, kind="stable")
        ends = np.cumsum(np.bincount(self.station, minlength=len(self.stations)))
        return list(np.split(order, ends[:-1])) if len(self.stations) else []

    @property
    def quiet(self) -> Bools:
        """(n,) true where standing still is natural: flow."""
        return np.array([p.factor == FLOW for p in self.points], bool)


def places(park: Park) -> NDArray[np.int8]:
    """Return the `Place` of every station of a park, (m,)."""
    system = dict(zip(park.nodes["id"].astype(str), park.nodes["system"].astype(str), strict=True))

    def place(station: Station) -> Place:
        if system.get(station.node) != System.SEWAGE:
            return Place.AMBIENT
        return Place.OUTLET if station.kind is StationKind.OUTLET else Place.SEWER

    return np.array([place(s) for s in park.stations], np.int8)


def _sides(park: Park, points: Sequence[Point]) -> NDArray[np.int8]:
    owned = {s.id for s in park.stations if s.kind is StationKind.OUTLET}
    return np.array(
        [1 if p.factor == FLOW and p.station in owned else SIDES.get(p.factor, 1) for p in points], np.int8
    )


def _number(limit: float | None) -> float:
    return np.nan if limit is None else limit
