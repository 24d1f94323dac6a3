"""Draws what stands on the parcels: process units, buildings, tanks in their bunds, basins and pools."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from shapely.geometry import Point, box
from shapely.geometry.base import BaseGeometry

from geodata.demo import names
from geodata.demo.layout import Parcel, parcels

Drawn = tuple[BaseGeometry, Mapping[str, object]]

EDGE = 24.0  # m between a parcel's fence and the first thing in it
ROAD = 17.0  # m between the yards of a plant
ROUND = 5  # segments of a quarter circle

# How much of a plant's ground is tanks, by trade.
TANKS: dict[str, float] = {
    "refining": 0.55, "petrochem": 0.42, "storage": 0.8, "resin": 0.3, "fertiliser": 0.34, "salt": 0.24,
    "coating": 0.26, "polymer": 0.18, "phosphorus": 0.24,
}  # fmt: skip
USUAL_TANKS = 0.16

# Yards and sheds behind the quays, outside every parcel.
QUAYS = (
    (8720.0, 6180.0, 8960.0, 6420.0),
    (8720.0, 5900.0, 8990.0, 6120.0),
    (8720.0, 5420.0, 9010.0, 5840.0),
    (8720.0, 5130.0, 8900.0, 5360.0),
    (8700.0, 4060.0, 8830.0, 4330.0),
    (8720.0, 3620.0, 9090.0, 3900.0),
    (8720.0, 3330.0, 9110.0, 3560.0),
    (8700.0, 2860.0, 8810.0, 3120.0),
)

# What stands on ground that no enterprise holds.
# Enterprises whose accident pool is one of the park's level 1 pools.
POOL_OWNERS = ("E01", "E11", "E14", "E25", "E02", "E18", "E26", "E22")

SPECIAL: dict[str, str] = {
    "TF": "tank farm",
    "EP": "pool",
    "WW1": "works",
    "WW2": "works",
    "PS1": "station",
    "CC": "centre",
}


@dataclass(frozen=True, slots=True)
class Thing:
    """One shape on a parcel: its layer, outline and kind."""

    layer: str  # plot, tank or pool
    shape: BaseGeometry
    kind: str


@dataclass(frozen=True, slots=True)
class Yard:
    """A rectangle of a plant between its roads."""

    u0: float
    v0: float
    u1: float
    v1: float

    @property
    def width(self) -> float:
        """West to east, m."""
        return self.u1 - self.u0

    @property
    def height(self) -> float:
        """South to north, m."""
        return self.v1 - self.v0

    def inset(self, by: float) -> Yard:
        """Return the yard less a strip along its edges."""
        return Yard(self.u0 + by, self.v0 + by, self.u1 - by, self.v1 - by)


def parcel_plots() -> Iterator[Drawn]:
    """Every parcel with its enterprise, or with the facility that stands on it."""
    for parcel in parcels():
        firm = "" if parcel.owner in SPECIAL else parcel.owner
        row = {"enterprise": firm, "kind": SPECIAL.get(parcel.owner, "enterprise")}
        yield box(parcel.u0, parcel.v0, parcel.u1, parcel.v1), row


def plots() -> Iterator[Drawn]:
    """Buildings, process units and bunds."""
    yield from _drawn("plot")
    for u0, v0, u1, v1 in QUAYS:
        yield box(u0, v0, u1, v1), {"enterprise": "", "kind": "quay"}


def tanks() -> Iterator[Drawn]:
    """Tanks."""
    yield from _drawn("tank")


def pools() -> Iterator[Drawn]:
    """Open water on parcels: emergency pools and the basins of the works."""
    yield from _drawn("pool")


def _drawn(layer: str) -> Iterator[Drawn]:
    for owner, things in _all_things():
        for thing in things:
            if thing.layer == layer:
                yield thing.shape, {"enterprise": "" if owner in SPECIAL else owner, "kind": thing.kind}


@cache
def _all_things() -> tuple[tuple[str, tuple[Thing, ...]], ...]:
    return tuple((p.owner, tuple(_things(p))) for p in parcels())


def _things(parcel: Parcel) -> Iterator[Thing]:
    dice = random.Random(f"ground of {parcel.owner}")
    yard = Yard(parcel.u0, parcel.v0, parcel.u1, parcel.v1).inset(EDGE)
    kind = SPECIAL.get(parcel.owner)
    if kind == "tank farm":
        yield from _tank_farm(yard)
    elif kind == "pool":
        yield from _park_pools(yard)
    elif kind == "works":
        yield from _works(yard)
    elif kind == "centre":
        yield from _centre(yard, dice)
    elif kind == "station":
        yield Thing("plot", box(yard.u0 + 20, yard.v1 - 190, yard.u1 - 10, yard.v1 - 40), "building")
        yield Thing("plot", box(yard.u0 + 30, yard.v0 + 60, yard.u1 - 40, yard.v0 + 170), "basin")
    else:
        yield from _plant(yard, parcel.owner, dice)


def _plant(yard: Yard, owner: str, dice: random.Random) -> Iterator[Thing]:
    trade = next(f.trade for f in names.firms() if f.id == owner)
    share = TANKS.get(trade, USUAL_TANKS)
    yards = sorted(
        _split(yard, 190.0 if trade in ("refining", "petrochem") else 165.0, dice), key=lambda y: y.v0
    )
    wanted = share * yard.width * yard.height
    # Tanks lie together on one side of a plant, away from its gate.
    start = dice.choice((yard.u0, yard.u1))
    by_far = sorted(yards, key=lambda y: abs(y.u0 - start) + 0.4 * y.v0)
    tank_yards: set[Yard] = set()
    for y in by_far:
        if wanted <= 0:
            break
        tank_yards.add(y)
        wanted -= y.width * y.height
    basin = by_far[-1]
    for y in yards:
        if y in tank_yards:
            yield from _tank_yard(y, dice)
        elif y is basin:
            yield from _basins(y, owner in POOL_OWNERS)
        else:
            yield from _process_yard(y, dice)


def _split(yard: Yard, least: float, dice: random.Random) -> list[Yard]:
    """Cut a yard by roads until the pieces are about `least` across."""
    longer = max(yard.width, yard.height)
    if longer < 1.75 * least or (longer < 2.3 * least and dice.random() < 0.25):
        return [yard]
    at = dice.uniform(0.38, 0.62)
    if yard.width >= yard.height:
        cut = yard.u0 + at * yard.width
        halves = (
            Yard(yard.u0, yard.v0, cut - ROAD / 2, yard.v1),
            Yard(cut + ROAD / 2, yard.v0, yard.u1, yard.v1),
        )
    else:
        cut = yard.v0 + at * yard.height
        halves = (
            Yard(yard.u0, yard.v0, yard.u1, cut - ROAD / 2),
            Yard(yard.u0, cut + ROAD / 2, yard.u1, yard.v1),
        )
    return [piece for half in halves for piece in _split(half, least, dice)]


def _tank_yard(yard: Yard, dice: random.Random) -> Iterator[Thing]:
    """Equal tanks in rows."""
    # Drawn a little larger than life: tanks are what a plant is known by on a map.
    size = min(dice.choice((46.0, 58.0, 70.0, 86.0)), yard.width * 0.8, yard.height * 0.8)
    gap = size * 0.36
    across = max(1, int((yard.width + gap) // (size + gap)))
    along = max(1, int((yard.height + gap) // (size + gap)))
    du, dv = yard.width / across, yard.height / along
    for i in range(across):
        for j in range(along):
            centre = Point(yard.u0 + (i + 0.5) * du, yard.v0 + (j + 0.5) * dv)
            yield Thing("tank", centre.buffer(size / 2, quad_segs=ROUND), "tank")


def _process_yard(yard: Yard, dice: random.Random) -> Iterator[Thing]:
    """A unit, a few buildings, or ground still free."""
    if dice.random() < 0.06:
        return
    style = dice.random()
    if style < 0.42 or min(yard.width, yard.height) < 70:
        yield Thing("plot", box(yard.u0, yard.v0, yard.u1, yard.v1), "unit")
        return
    rows = dice.choice((2, 3)) if yard.height > yard.width else 1
    columns = 1 if rows > 1 else dice.choice((2, 3))
    du, dv = yard.width / columns, yard.height / rows
    for i in range(columns):
        for j in range(rows):
            if dice.random() < 0.1:
                continue
            shrink = dice.choice((1.0, 1.0, 0.72))
            u, v = yard.u0 + i * du, yard.v0 + j * dv
            shape = box(u + 4, v + 4, u + du * shrink - 4, v + dv - 4)
            yield Thing("plot", shape, "building")


def _basins(yard: Yard, has_pool: bool) -> Iterator[Thing]:
    """The plant's own treatment: a basin, its accident pool if it has one, and a building."""
    third = yard.height / 3
    for k in range(2):
        v = yard.v0 + k * third
        pond = k == 0 and has_pool
        shape = box(yard.u0 + 6, v + 8, yard.u0 + yard.width * 0.62, v + third - 8)
        yield Thing("pool" if pond else "plot", shape, "accident pool" if pond else "basin")
    yield Thing("plot", box(yard.u0 + 6, yard.v0 + 2 * third + 8, yard.u1 - 6, yard.v1 - 6), "building")
    centre = Point(yard.u0 + yard.width * 0.82, yard.v0 + third)
    yield Thing("tank", centre.buffer(min(yard.width * 0.13, third * 0.6), quad_segs=ROUND), "tank")


def _tank_farm(yard: Yard) -> Iterator[Thing]:
    """Twelve tanks of 10 000 m3 in four bunds, and the pump house."""
    tanks_high = yard.v1 - 150.0 - yard.v0
    du, dv = yard.width / 4, tanks_high / 3
    for i in range(4):
        for j in range(3):
            centre = Point(yard.u0 + (i + 0.5) * du, yard.v0 + (j + 0.5) * dv)
            yield Thing("tank", centre.buffer(0.36 * min(du, dv), quad_segs=8), "accident tank")
    for k in range(3):
        u = yard.u0 + k * yard.width / 3
        yield Thing("plot", box(u + 8, yard.v1 - 110, u + yard.width / 3 - 8, yard.v1 - 10), "building")


def _park_pools(yard: Yard) -> Iterator[Thing]:
    """The park's emergency pool in three cells."""
    width = yard.width * 0.72 / 3
    for k in range(3):
        u = yard.u0 + k * width
        yield Thing("pool", box(u + 10, yard.v0 + 180, u + width - 10, yard.v1 - 210), "emergency pool")
    u = yard.u0 + yard.width * 0.76
    yield Thing("plot", box(u, yard.v1 - 330, yard.u1, yard.v1 - 210), "building")
    yield Thing("plot", box(u, yard.v0 + 180, yard.u1, yard.v0 + 320), "building")
    yield Thing("plot", box(yard.u0 + 10, yard.v1 - 150, yard.u1, yard.v1 - 20), "yard")


def _works(yard: Yard) -> Iterator[Thing]:
    """A works: settling tanks, aeration basins, buildings."""
    columns = max(2, math.floor(yard.width / 210))
    du = yard.width / columns
    for i in range(columns):
        u = yard.u0 + (i + 0.5) * du
        for j in range(2):
            centre = Point(u, yard.v0 + 90 + j * 150)
            yield Thing("tank", centre.buffer(58.0, quad_segs=8), "settling tank")
        for j in range(3):
            v = yard.v0 + 330 + j * 100
            if not (140 < u - yard.u0 < 260 and j == 0):
                yield Thing("plot", box(u - du * 0.42, v, u + du * 0.42, v + 74), "aeration basin")
        yield Thing("plot", box(u - du * 0.42, yard.v1 - 170, u + du * 0.42, yard.v1 - 20), "building")


def _centre(yard: Yard, dice: random.Random) -> Iterator[Thing]:
    """Offices, fire station and port yards."""
    for y in _split(yard, 210.0, dice):
        if dice.random() < 0.8:
            by = min(y.width, y.height) * dice.choice((0.08, 0.2))
            yield Thing("plot", box(y.u0 + by, y.v0 + by, y.u1 - by, y.v1 - by), "building")
