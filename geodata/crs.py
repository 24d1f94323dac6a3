"""The one door to coordinate systems: everywhere in the product x is east (or longitude) and y is north.

A CRS is named as PROJ knows it, or ``grid:EPSG:4549,dx=...,dy=...,scale=...,rotation=...``: a local grid that
four parameters lead to a plane from (`geodata.grid`). Seven parameters are PROJ's own ``+towgs84``.

PROJ's own axis order for CGCS2000 is north first; every transformer here is made with ``always_xy`` so that
the commonest mistake with these systems cannot be made behind this door.
"""

from __future__ import annotations

from functools import lru_cache

import geopandas as gpd
import numpy as np
import pyproj
from numpy.typing import ArrayLike, NDArray

from geodata import grid

WGS84 = "EPSG:4326"
CGCS2000 = "EPSG:4490"
# A plane of its own, placed nowhere on Earth: models and drawings without a position.
LOCAL = (
    'ENGCRS["local plane",EDATUM["local origin"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],'
    'LENGTHUNIT["metre",1]]'
)

Floats = NDArray[np.float64]


class CrsError(ValueError):
    """PROJ does not know this coordinate system, or has no way between two."""


@lru_cache(maxsize=128)  # every zone both ways
def _between(source: str, target: str) -> pyproj.Transformer:
    a, b = _crs(source), _crs(target)
    if WGS84 in (source, target) and CGCS2000 in (_degrees(a), _degrees(b)):
        # PROJ knows of no difference between the two and looks 40 ms for one, for every plane anew.
        a, b = (_crs(CGCS2000) if name == WGS84 else end for name, end in ((source, a), (target, b)))
    try:
        return pyproj.Transformer.from_crs(a, b, always_xy=True)
    except pyproj.exceptions.ProjError as error:
        raise CrsError(f"no way from {source} to {target}: {error}") from error


def _degrees(crs: pyproj.CRS) -> str:
    """Return the geographic system under a CRS where nothing but it is under it, else nothing."""
    base = None if crs.is_bound else crs.geodetic_crs
    return f"EPSG:{base.to_epsg()}" if base is not None else ""


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
    CrsError
        If the CRS is not known, or is a local plane.
    """
    lon, lat = _between(crs, WGS84).transform(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    return np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)


def to_metres(lon: ArrayLike, lat: ArrayLike, crs: str) -> tuple[Floats, Floats]:
    """Turn WGS 84 longitude and latitude (degrees) into x east, y north (m) of a projected CRS.

    Raises
    ------
    CrsError
        If the CRS is not known, or is a local plane.
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


def is_known(crs: str) -> bool:
    """Say whether PROJ understands a CRS."""
    try:
        _crs(crs)
    except CrsError:
        return False
    return True


def is_local(crs: str) -> bool:
    """Say whether a CRS is a plane without a place on Earth."""
    return bool(_crs(crs).is_engineering)


def is_geographic(crs: str) -> bool:
    """Say whether positions of a CRS are degrees."""
    return bool(_crs(crs).is_geographic)


def title(crs: str) -> str:
    """Return the short code of a CRS where it has one ("EPSG:4549"), else its name."""
    found = _crs(crs)
    authority = found.to_authority(min_confidence=100)
    return ":".join(authority) if authority else str(found.name)


def area(crs: str) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north (degrees) of where a CRS is meant for; None if it does not say."""
    found = _crs(crs).area_of_use
    return None if found is None else (found.west, found.south, found.east, found.north)


def convert(x: ArrayLike, y: ArrayLike, source: str, target: str) -> tuple[Floats, Floats]:
    """Turn positions of one CRS into another, x east and y north in both; what cannot be turned is infinite.

    Raises
    ------
    CrsError
        A CRS is not known, or one is a local plane and the other is not.
    """
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if source == target:
        return a, b
    u, v = _between(source, target).transform(a, b)
    return np.asarray(u, dtype=float), np.asarray(v, dtype=float)


def cgcs2000(meridian: float) -> str:
    """Return the CGCS2000 3-degree plane of a central meridian, without zone prefix.

    Raises
    ------
    CrsError
        The meridian is none of 75, 78 ... 135.
    """
    if meridian not in range(75, 136, 3):
        raise CrsError(f"no CGCS2000 zone has the central meridian {meridian}")
    return f"EPSG:{4534 + (int(meridian) - 75) // 3}"


def plane_at(lon: float, lat: float) -> str:
    """Return a plane in metres fit for a place: CGCS2000 of the nearest 3-degree meridian, else UTM."""
    meridian = 3 * round(lon / 3)
    if 75 <= meridian <= 135 and 3 <= lat <= 54:
        return cgcs2000(meridian)
    zone = min(max(int((lon + 180) // 6) + 1, 1), 60)
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"


def of_layers(crs: str) -> str:
    """Return the CRS that layers of a park are written with: GIS know no grid, and see a plane of its own."""
    return LOCAL if crs.lower().startswith(grid.PREFIX) else crs


@lru_cache(maxsize=64)
def for_gdal(crs: str) -> str:
    """Return a CRS as GDAL is told it: the number of EPSG, else in full."""
    found = _crs(crs)
    number = found.to_epsg()
    return f"EPSG:{number}" if number else str(found.to_wkt("WKT1_GDAL"))


@lru_cache(maxsize=64)
def _crs(crs: str) -> pyproj.CRS:
    try:
        if crs.lower().startswith(grid.PREFIX):
            return _of_grid(crs)
        return pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise CrsError(f"no coordinate system {crs}") from error


def _of_grid(text: str) -> pyproj.CRS:
    """Return a local grid as a CRS derived from its plane (EPSG method 9624)."""
    try:
        plane, parameters = grid.parse(text)
    except ValueError as error:
        raise CrsError(f"{text}: {error}") from error
    base = _crs(plane)
    if not base.is_projected:
        raise CrsError(f"{text}: {plane} is no plane")
    x, y = parameters.inverse()
    if base.axis_info[0].direction == "north":  # the method counts in the order of the plane's own axes
        x, y = (y[0], y[2], y[1]), (x[0], x[2], x[1])
    codes = (("A0", 8623), ("A1", 8624), ("A2", 8625), ("B0", 8639), ("B1", 8640), ("B2", 8641))
    made = base.to_json_dict()
    return pyproj.CRS.from_json_dict(
        {
            "$schema": made["$schema"],
            "type": "DerivedProjectedCRS",
            "name": "local grid",
            "base_crs": {k: v for k, v in made.items() if k in ("type", "name", "base_crs", "conversion")}
            | {"coordinate_system": made["coordinate_system"]},
            "conversion": {
                "name": "to the local grid",
                "method": {
                    "name": "Affine parametric transformation",
                    "id": {"authority": "EPSG", "code": 9624},
                },
                "parameters": [
                    {
                        "name": name,
                        "value": value,
                        "unit": "metre" if name in ("A0", "B0") else "unity",
                        "id": {"authority": "EPSG", "code": code},
                    }
                    for (name, code), value in zip(codes, (*x, *y), strict=True)
                ],
            },
            "coordinate_system": made["coordinate_system"],
        }
    )
