"""The demo park's own drawing frame.

Everything is laid out in metres east (u) and north (v) of the park's south-west corner; the coast here does
not run due north, so the finished drawing is turned a little and moved to its place in EPSG:4549.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry

CRS = "EPSG:4549"
ORIGIN_X = 575_000.0
ORIGIN_Y = 3_672_000.0
TURN_DEG = 5.0
WIDTH = 8600.0
HEIGHT = 7100.0


def place(u: float, v: float) -> tuple[float, float]:
    """Return the CRS position (m, rounded to the centimetre) of a point of the drawing frame."""
    turn = math.radians(TURN_DEG)
    x = ORIGIN_X + u * math.cos(turn) - v * math.sin(turn)
    y = ORIGIN_Y + u * math.sin(turn) + v * math.cos(turn)
    return round(x, 2), round(y, 2)


def place_shape(shape: BaseGeometry) -> BaseGeometry:
    """Return a geometry of the drawing frame moved to the CRS, coordinates rounded to the centimetre."""
    turn = math.radians(TURN_DEG)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        u, v = points[:, 0], points[:, 1]
        x = ORIGIN_X + u * math.cos(turn) - v * math.sin(turn)
        y = ORIGIN_Y + u * math.sin(turn) + v * math.cos(turn)
        return np.round(np.column_stack([x, y]), 2).astype(np.float64)

    return shapely.transform(shape, move)


def rect(u0: float, v0: float, u1: float, v1: float) -> Polygon:
    """Return an axis-parallel rectangle of the drawing frame."""
    return box(u0, v0, u1, v1)


def line(*points: tuple[float, float]) -> LineString:
    """Return a line of the drawing frame."""
    return LineString(points)
