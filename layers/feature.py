"""A shape of the park's CRS as GeoJSON in WGS 84."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata import crs

DECIMALS = 7
"""Of a degree: a centimetre."""


def lonlat(shape: Any, source: str) -> Any:
    """Return shapes of a CRS in WGS 84, rounded to `DECIMALS`."""

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = crs.to_lonlat(points[:, 0], points[:, 1], source)
        return np.column_stack([lon.round(DECIMALS), lat.round(DECIMALS)])

    return shapely.transform(shape, move)


def feature(shape: Any, source: str, **properties: Any) -> dict[str, Any]:
    """Return one shape of a CRS as a GeoJSON feature."""
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": json.loads(shapely.to_geojson(lonlat(shape, source))),
    }
