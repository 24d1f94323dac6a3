"""Wetted cross-sections of links, and the fall of water level that their flow needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import geopandas as gpd

Floats = NDArray[np.float64]

GRAVITY = 9.81
CONTRACTION = 0.65  # discharge coefficient of a gate opening under water
LEAST_DEPTH_M = 0.02


class Section(NamedTuple):
    """Wetted section of m links: area, hydraulic radius, width of the water surface, Manning roughness."""

    area_m2: Floats
    radius_m: Floats
    top_m: Floats
    roughness: Floats


def sections(links: gpd.GeoDataFrame) -> Section:
    """Return the wetted section of every link at its stored depth.

    Parameters
    ----------
    links : GeoDataFrame
        The link table of a `geodata.places.Park`.
    """
    shape = links["shape"].to_numpy(str)
    height = links["height_m"].to_numpy(float)
    width = links["width_m"].to_numpy(float)
    side = np.nan_to_num(links["side_slope"].to_numpy(float))
    depth = np.clip(links["depth_m"].to_numpy(float), LEAST_DEPTH_M, np.maximum(height, LEAST_DEPTH_M))
    round_ = shape == "circular"
    side = np.where(shape == "trapezoid", side, 0.0)
    area, wetted, top = _prism(width, side, depth)
    a, p, t = _circle(np.maximum(width, 1e-3), np.minimum(depth, 0.999 * np.maximum(width, 1e-3)))
    area, wetted, top = np.where(round_, a, area), np.where(round_, p, wetted), np.where(round_, t, top)
    roughness = np.nan_to_num(links["roughness"].to_numpy(float))
    roughness = np.where(roughness > 0, roughness, 0.015)
    return Section(area, area / np.maximum(wetted, 1e-6), top, roughness)


def drops(section: Section, length_m: Floats, flow_m3s: Floats, kind: NDArray[np.str_]) -> Floats:
    """Return the fall of the water surface along each link, m: Manning's friction, or a drowned gate's head.

    Source: Manning (SI), h = L (n v)^2 / R^(4/3); orifice, h = (v / C)^2 / 2g.
    """
    speed = np.abs(flow_m3s) / np.maximum(section.area_m2, 1e-6)
    friction = length_m * (section.roughness * speed) ** 2 / np.maximum(section.radius_m, 1e-3) ** (4 / 3)
    opening = (speed / CONTRACTION) ** 2 / (2 * GRAVITY)
    return np.where(np.isin(kind, ("gate", "valve")), opening, friction)


def _prism(width: Floats, side: Floats, depth: Floats) -> tuple[Floats, Floats, Floats]:
    """Area, wetted perimeter and surface width of rectangles and trapezoids."""
    top = width + 2 * side * depth
    return (width + side * depth) * depth, width + 2 * depth * np.sqrt(1 + side**2), top


def _circle(diameter: Floats, depth: Floats) -> tuple[Floats, Floats, Floats]:
    """Area, wetted perimeter and surface width of partly full round pipes."""
    angle = 2 * np.arccos(1 - 2 * depth / diameter)
    area = diameter**2 / 8 * (angle - np.sin(angle))
    return area, diameter * angle / 2, diameter * np.sin(angle / 2)
