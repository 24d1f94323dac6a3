"""Draws the ground: fields, roads, green belts, the canals as water, racks, the boundary and labels."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from itertools import pairwise

import shapely
from shapely.geometry import LineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from geodata.demo import canals, sewers
from geodata.demo.coast import COAST, FAR
from geodata.demo.frame import HEIGHT, WIDTH
from geodata.demo.layout import (
    CANAL_U,
    CANAL_V,
    GREEN_TO,
    ROAD_TO,
    TRUNK_U,
    TRUNK_WIDTH,
    blocks,
    parcels,
    rack_v,
)

Drawn = tuple[BaseGeometry, Mapping[str, object]]

RIVER_U = -620.0
RIVER_WIDTH = 74.0
RING_ROAD = 24.0
RACK_ROAD = 16.0
HIGHWAY_V = 7700.0
HIGHWAY_U = -1500.0
NOTHING_NEAR = 330.0  # m of open ground kept free of fields around the park


def boundary() -> Iterator[Drawn]:
    """The park's legal border."""
    yield box(0.0, 0.0, WIDTH, HEIGHT), {"kind": "park"}


def _river() -> LineString:
    """The river west of the park that the canals draw from."""
    points = [(RIVER_U, 7100 + FAR), (RIVER_U - 900, 15000), (RIVER_U - 1100, 11800), (RIVER_U - 250, 9300)]
    points += [(RIVER_U, 7600), (RIVER_U - 40, 4700), (RIVER_U + 30, 2450), (RIVER_U, -200)]
    points += [(RIVER_U + 500, -1900), (RIVER_U + 300, -4300), (RIVER_U + 900, -7600), (RIVER_U + 600, -FAR)]
    return LineString(_rounded(points))


def _south_river() -> LineString:
    """Where the south border canal goes after it has left the park."""
    end = CANAL_U["V4"]
    points = [(end, canals.SOUTH_END), (end - 60, -900), (end - 500, -1700), (end - 900, -2500)]
    points += [(end - 700, -2900), (end - 450, -3050)]
    return LineString(_rounded(points))


def _rounded(points: list[tuple[float, float]], times: int = 3) -> list[tuple[float, float]]:
    """Cut the corners of a line a few times over (Chaikin), keeping its ends."""
    for _ in range(times):
        cut = [points[0]]
        for (ax, ay), (bx, by) in pairwise(points):
            cut += [
                (0.75 * ax + 0.25 * bx, 0.75 * ay + 0.25 * by),
                (0.25 * ax + 0.75 * bx, 0.25 * ay + 0.75 * by),
            ]
        points = [*cut, points[-1]]
    return points


def canal_axes() -> Iterator[tuple[str, LineString, float]]:
    """Return every stretch of canal: its canal, its axis and the width of its water (m)."""
    for canal in (*CANAL_V, *CANAL_U, "X4"):
        first, last = canals.ends(canal)
        first = RIVER_U if canal[0] == "H" else first
        inner = sorted((p for p, _ in canals.junctions(canal)), reverse=last < first)
        marks = [first, *(p for p in inner if p not in (first, last)), last]
        for i, (a, b) in enumerate(pairwise(marks)):
            axis = LineString([canals.axis(canal, a), canals.axis(canal, b)])
            yield canal, axis, canals.top_width(canals.DESIGN[canal][i])


def canal_water() -> Iterator[Drawn]:
    """Canals and rivers as water."""
    by_canal: dict[str, list[BaseGeometry]] = {}
    for canal, axis, width in canal_axes():
        by_canal.setdefault(canal, []).append(axis.buffer(width / 2, cap_style="square", join_style="mitre"))
    for canal, parts in by_canal.items():
        name = canals.NAMES["H4" if canal == "X4" else canal]
        yield shapely.union_all(parts), {"kind": "canal", "zh": name.zh, "en": name.en}
    yield _river().buffer(RIVER_WIDTH / 2), {"kind": "river", "zh": "潮引河", "en": "Chaoyin River"}
    yield _south_river().buffer(20.0), {"kind": "river", "zh": "南排河", "en": "South Drain"}


def greens() -> Iterator[Drawn]:
    """Green belts along the canals and around the park."""
    belts = [axis.buffer(GREEN_TO, cap_style="flat") for _, axis, _ in canal_axes()]
    belts.append(_river().buffer(RIVER_WIDTH / 2 + 45))
    belts.append(_south_river().buffer(52.0))
    shore = Polygon([*COAST, (-FAR, -FAR), (-FAR, HEIGHT + FAR)])
    ring = box(-70.0, -60.0, 8420.0, HEIGHT + 90.0).difference(box(40.0, 60.0, 8330.0, HEIGHT - 60.0))
    whole = shapely.union_all([*belts, ring]).intersection(shore)
    yield whole, {"kind": "belt"}
    trees = random.Random(71)
    for parcel in parcels():
        if parcel.owner == "CC":
            for _ in range(9):
                u = trees.uniform(parcel.u0 + 60, parcel.u1 - 220)
                v = trees.uniform(parcel.v0 + 40, parcel.v1 - 160)
                yield box(u, v, u + trees.uniform(60, 150), v + trees.uniform(40, 110)), {"kind": "garden"}


def roads() -> Iterator[Drawn]:
    """Ring roads along the canals, rack and trunk roads inside the blocks, and the ways out of the park."""
    for block in blocks():
        gap = (GREEN_TO + ROAD_TO) / 2
        west, east, south, north = block.west + gap, block.east - gap, block.south + gap, block.north - gap
        ring = LineString([(west, south), (east, south), (east, north), (west, north), (west, south)])
        yield ring, {"kind": "ring", "width_m": RING_ROAD}
        middle = rack_v(block.row)
        for v in (middle - 40.0, middle + 40.0):
            yield LineString([(west, v), (east, v)]), {"kind": "rack", "width_m": RACK_ROAD}
        if block.col == "C2":
            continue
        trunk = TRUNK_U["W" if block.col == "C1" else "E"]
        if block.row != "R3":
            for u in (trunk - TRUNK_WIDTH / 2 + 9, trunk + TRUNK_WIDTH / 2 - 9):
                yield LineString([(u, south), (u, north)]), {"kind": "trunk", "width_m": RACK_ROAD}
    for v in CANAL_V.values():  # bridges: the roads beside the link canals cross the cross canals
        for u in CANAL_U.values():
            for side in (-75.0, 75.0):
                if u + side < WIDTH - 100:
                    yield (
                        LineString([(u + side, v - 75), (u + side, v + 75)]),
                        {"kind": "bridge", "width_m": 14.0},
                    )
    yield from _highways()


def _highways() -> Iterator[Drawn]:
    kind = {"kind": "highway", "width_m": 34.0}
    yield LineString([(HIGHWAY_U, HEIGHT + FAR), (HIGHWAY_U, -FAR)]), kind
    yield LineString([(-FAR, HIGHWAY_V), (8040.0, HIGHWAY_V)]), kind
    local = {"kind": "local", "width_m": 18.0}
    for row in ("R1", "R2", "R3"):
        yield LineString([(HIGHWAY_U, rack_v(row)), (CANAL_U["V1"] + 75, rack_v(row))]), local
    for u in (CANAL_U["V2"], CANAL_U["V3"]):
        yield LineString([(u + 75, CANAL_V["H1"]), (u + 75, HIGHWAY_V)]), local
        yield LineString([(u - 75, CANAL_V["H4"]), (u - 75, -5200.0)]), local
    for v in (-1300.0, 9900.0):
        yield LineString([(-FAR, v), (7700.0, v)]), local
    yield LineString([(-4700.0, HEIGHT + FAR), (-4700.0, -FAR)]), local


def fields() -> Iterator[Drawn]:
    """Farmland around the park: strips of unlike width, broken by tracks and ditches."""
    dice = random.Random(20260)
    free = shapely.union_all(
        [
            box(-NOTHING_NEAR, -NOTHING_NEAR, 10_000.0, HEIGHT + NOTHING_NEAR),
            _river().buffer(RIVER_WIDTH / 2 + 60),
            _south_river().buffer(70.0),
            *(shape.buffer(45.0) for shape, _ in _highways()),
        ]
    )
    shore = Polygon([*COAST, (-FAR, -FAR), (-FAR, HEIGHT + FAR)]).buffer(-220.0)
    v = -FAR + 4500.0
    while v < HEIGHT + FAR - 4500.0:
        deep = dice.choice((350.0, 420.0, 480.0))
        u = -FAR + 4500.0 + dice.uniform(0.0, 300.0)
        while u < 9200.0:
            wide = dice.choice((260.0, 380.0, 620.0, 840.0))
            cell = box(u, v, u + wide - 22.0, v + deep - 22.0).intersection(shore).difference(free)
            if dice.random() > 0.07 and cell.area > 9000.0:
                yield cell, {"kind": "field"}
            u += wide
        v += deep


def racks() -> Iterator[Drawn]:
    """Pipe racks: the ground under the bundles of pipes."""
    for trunk in "WE":
        paths = [LineString(lane.path[1:]) for lane in sewers.lanes() if lane.trunk == trunk]
        if trunk == "E":
            paths.append(LineString(sewers.rising_main()[1:]))
        bundle = shapely.union_all([p.buffer(6.0, cap_style="flat", join_style="mitre") for p in paths])
        yield bundle, {"kind": f"trunk-{trunk}"}
    yield LineString(sewers.shared_path()).buffer(6.0, cap_style="flat"), {"kind": "shared"}


ROAD_NAMES = (
    ("疏港一路", "Port Road 1", ((400.0, rack_v("R1") + 40), (8100.0, rack_v("R1") + 40))),
    ("疏港二路", "Port Road 2", ((400.0, rack_v("R2") + 40), (8100.0, rack_v("R2") + 40))),
    ("疏港三路", "Port Road 3", ((400.0, rack_v("R3") + 40), (8100.0, rack_v("R3") + 40))),
    ("西廊路", "West Rack Road", ((1654.0, 2600.0), (1654.0, 6700.0))),
    ("东廊路", "East Rack Road", ((7046.0, 2600.0), (7046.0, 6700.0))),
    ("潮屿大道", "Chaoyu Avenue", ((-5000.0, HIGHWAY_V), (7600.0, HIGHWAY_V))),
)


def labels() -> Iterator[Drawn]:
    """Names that are written on the map: waters along their axis, the sea, roads."""
    for canal, name in canals.NAMES.items():
        inner = [p for p, _ in canals.junctions(canal)]
        for a, b in pairwise(inner):
            axis = LineString([canals.axis(canal, a), canals.axis(canal, b)])
            yield axis, {"kind": "canal", "zh": name.zh, "en": name.en}
    yield _river(), {"kind": "canal", "zh": "潮引河", "en": "Chaoyin River"}
    for at, zh, en in (
        ((10150.0, 5750.0), "潮屿湾", "Chaoyu Bay"),
        ((11900.0, 1100.0), "东 海", "East Sea"),
    ):
        point = Point(at)
        tiny = LineString([(point.x - 300, point.y), (point.x + 300, point.y)])
        yield tiny, {"kind": "sea", "zh": zh, "en": en}
    for zh, en, points in ROAD_NAMES:
        yield LineString(points), {"kind": "road", "zh": zh, "en": en}
