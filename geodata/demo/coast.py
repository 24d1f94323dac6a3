"""Draws the sea side: coastline, tidal flats, depth lines, dike, jetties and the deep-sea outfall."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from geodata.demo.net import Net

Drawn = tuple[BaseGeometry, Mapping[str, object]]

FAR = 13_000.0  # how far beyond the park the drawing goes
SEA_EDGE = 8600.0 + FAR

# The waterline from north to south. Quays stand out; at every sea gate it steps back to the canal's mouth.
COAST: tuple[tuple[float, float], ...] = (
    (8300.0, 7100.0 + FAR), (8650.0, 16500.0), (8100.0, 13600.0), (8250.0, 11400.0), (7900.0, 9500.0),
    (8120.0, 8100.0), (8420.0, 7420.0), (8600.0, 7080.0), (8620.0, 6800.0), (8890.0, 6690.0),
    (9060.0, 6330.0), (9090.0, 5320.0), (8930.0, 5010.0), (8640.0, 4860.0), (8640.0, 4560.0),
    (8840.0, 4450.0), (8890.0, 4020.0), (9170.0, 3960.0), (9180.0, 3260.0), (8900.0, 3190.0),
    (8840.0, 2700.0), (8640.0, 2590.0), (8640.0, 2320.0), (8790.0, 2190.0), (8830.0, 1380.0),
    (8660.0, 420.0), (8470.0, -420.0), (8020.0, -1500.0), (7640.0, -2600.0), (7500.0, -4200.0),
    (7760.0, -6100.0), (7400.0, -8600.0), (7700.0, -FAR),
)  # fmt: skip

JETTIES: tuple[tuple[tuple[float, float], ...], ...] = (
    ((9060.0, 6180.0), (9620.0, 6150.0)),
    ((9600.0, 6390.0), (9640.0, 5910.0)),
    ((9085.0, 5560.0), (9500.0, 5540.0)),
    ((9490.0, 5720.0), (9510.0, 5360.0)),
    ((9175.0, 3780.0), (9760.0, 3750.0)),
    ((9745.0, 3990.0), (9775.0, 3510.0)),
    ((9180.0, 3400.0), (9470.0, 3385.0)),
    ((9462.0, 3500.0), (9478.0, 3270.0)),
)

DEPTHS = ((2, 1150.0), (5, 2150.0), (10, 3500.0), (15, 5300.0), (20, 7700.0))


def _smooth(offset: float, v: float) -> float:
    """Return the u of a soft line some way off the coast."""
    wave = 260 * math.sin(v / 2300 + offset / 900) + 130 * math.sin(v / 870 + offset / 400)
    bay = -0.10 * max(0.0, abs(v - 3800.0) - 3600.0)
    return 8950.0 + offset + wave * (0.6 + offset / 5000) + bay


def _soft_line(offset: float) -> list[tuple[float, float]]:
    steps = range(int(7100 + FAR), int(-FAR) - 1, -250)
    return [(_smooth(offset, float(v)), float(v)) for v in steps]


def land() -> Iterator[Drawn]:
    """The mainland, as far as the drawing goes."""
    yield Polygon([(-FAR, 7100 + FAR), *COAST, (-FAR, -FAR)]), {"kind": "land"}


def sea() -> Iterator[Drawn]:
    """The sea east of the waterline."""
    yield Polygon([(SEA_EDGE, 7100 + FAR), *COAST, (SEA_EDGE, -FAR)]), {"kind": "sea"}


def flats() -> Iterator[Drawn]:
    """Ground that falls dry at low water."""
    outer = Polygon([(-FAR, 7100 + FAR), *_soft_line(430.0), (-FAR, -FAR)])
    water = Polygon([(SEA_EDGE, 7100 + FAR), *COAST, (SEA_EDGE, -FAR)])
    yield outer.intersection(water), {"kind": "flat"}


def bathymetry() -> Iterator[Drawn]:
    """Depth lines."""
    for depth, offset in DEPTHS:
        yield LineString(_soft_line(offset)), {"depth_m": float(depth)}


def dike() -> Iterator[Drawn]:
    """The sea dike along the waterline."""
    yield LineString(COAST), {"kind": "sea dike"}


def jetties() -> Iterator[Drawn]:
    """Trestles and berths of the port."""
    for points in JETTIES:
        berth = abs(points[0][0] - points[1][0]) < abs(points[0][1] - points[1][1])
        yield (
            LineString(points),
            {"kind": "berth" if berth else "trestle", "width_m": 26.0 if berth else 12.0},
        )


def outfall(net: Net) -> Iterator[Drawn]:
    """The pipe that carries the works' effluent out to deep water."""
    yield LineString(net.links["EFF-SEA"].path), {"kind": "deep-sea outfall"}
