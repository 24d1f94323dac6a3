"""The one door to coordinate systems: everywhere in the product x is east (or longitude) and y is north.

PROJ's own axis order for CGCS2000 is north first; every transformer here is made with ``always_xy`` so that
the commonest mistake with these systems cannot be made behind this door.
"""

from __future__ import annotations

from functools import lru_cache

import geopandas as gpd
import numpy as np
import pyproj
from numpy.typing import ArrayLike, NDArray

WGS84 = "EPSG:4326"

Floats = NDArray[np.float64]


@lru_cache(maxsize=32)
def _between(source: str, target: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def to_lonlat(x: ArrayLike, y: ArrayLike, crs: str) -> tuple[Floats, Floats]:
    """Turn positions of a CRS into WGS 84 longitude and latitude.

    Parameters
    ----------
    x, y
        East and north (m), or longitude and latitude (degrees) for a geographic CRS; any shape.
    crs
        What `pyproj` understands, for example ``"EPSG:4549"``.

    Returns
    -------
    tuple of ndarray
        Longitude and latitude in degrees, in the shape given.

    Raises
    ------
    pyproj.exceptions.CRSError
        If the CRS is not known.
    """
    lon, lat = _between(crs, WGS84).transform(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    return np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)


def to_metres(lon: ArrayLike, lat: ArrayLike, crs: str) -> tuple[Floats, Floats]:
    """Turn WGS 84 longitude and latitude (degrees) into x east, y north (m) of a projected CRS.

    Raises
    ------
    pyproj.exceptions.CRSError
        If the CRS is not known.
    """
    x, y = _between(WGS84, crs).transform(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
    return np.asarray(x, dtype=float), np.asarray(y, dtype=float)


def to_wgs84(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a copy of a table whose geometry is WGS 84 longitude, latitude.

    Raises
    ------
    ValueError
        If the table carries no CRS.
    """
    if frame.crs is None:
        raise ValueError("the table carries no CRS")
    return frame.to_crs(WGS84)
