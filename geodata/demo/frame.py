"""The demo park's own drawing frame.

Everything is laid out in metres east (u) and north (v) of the park's south-west corner, as straight as on a
drawing board. The coast here runs neither straight nor due north, so the finished drawing is turned and
gently bent by a conformal map (right angles stay right angles) and then moved to its place in EPSG:4549.
"""

from __future__ import annotations

import cmath
import math

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry

CRS = "EPSG:4549"
WIDTH = 8600.0
HEIGHT = 7100.0
ORIGIN = complex(579_000.0, 3_675_500.0)  # where the middle of the park lies
MIDDLE = complex(WIDTH / 2, HEIGHT / 2)
TURN_DEG = 5.5
BEND = complex(5.0e-6, 5.5e-6)  # 1/m; turns a line by twice this per metre of way
FINEST = 260.0  # m, longest straight edge before bending

Floats = NDArray[np.float64]


def _bend(z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    away = z - MIDDLE
    bent: NDArray[np.complex128] = ORIGIN + cmath.rect(1.0, math.radians(TURN_DEG)) * (
        away + BEND * away * away
    )
    return bent


def place(u: float, v: float) -> tuple[float, float]:
    """Return the CRS position (m, rounded to the centimetre) of a point of the drawing frame."""
    z = _bend(np.array([complex(u, v)]))[0]
    return round(float(z.real), 2), round(float(z.imag), 2)


def turn_at(u: float, v: float) -> float:
    """Return by how many degrees, counter-clockwise, the drawing is turned at a place."""
    away = complex(u, v) - MIDDLE
    return TURN_DEG + math.degrees(cmath.phase(1 + 2 * BEND * away))


def place_shape(shape: BaseGeometry) -> BaseGeometry:
    """Return a geometry of the drawing frame moved to the CRS, coordinates rounded to the centimetre."""

    def move(points: Floats) -> Floats:
        z = _bend(points[:, 0] + 1j * points[:, 1])
        return np.round(np.column_stack([z.real, z.imag]), 2).astype(np.float64)

    return shapely.transform(shapely.segmentize(shape, FINEST), move)


def rect(u0: float, v0: float, u1: float, v1: float) -> Polygon:
    """Return an axis-parallel rectangle of the drawing frame."""
    return box(u0, v0, u1, v1)


def line(*points: tuple[float, float]) -> LineString:
    """Return a line of the drawing frame."""
    return LineString(points)
