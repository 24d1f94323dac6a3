"""Positions survive the way through the one door, and axes are never swapped."""

import geopandas as gpd
import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata import crs
from geodata.datum import Frame


def test_central_meridian_is_easting_500000() -> None:
    lon, lat = crs.to_lonlat([500_000.0], [3_655_000.0], "EPSG:4549")
    assert lon[0] == pytest.approx(120.0, abs=1e-9)
    assert lat[0] == pytest.approx(33.02, abs=0.01)


def test_known_point_by_meridian_arc() -> None:
    # The arc from the equator to 30 N on the CGCS2000 ellipsoid is 3 320 113.4 m (Gauss-Krueger scale 1).
    x, y = crs.to_metres([120.0], [30.0], "EPSG:4549")
    assert x[0] == pytest.approx(500_000.0, abs=1e-3)
    assert y[0] == pytest.approx(3_320_113.4, abs=0.1)


@given(st.floats(119.0, 121.5), st.floats(28.0, 38.0))
def test_there_and_back(lon: float, lat: float) -> None:
    x, y = crs.to_metres(lon, lat, "EPSG:4549")
    back = crs.to_lonlat(x, y, "EPSG:4549")
    assert np.allclose(back, (lon, lat), atol=1e-8)


def test_zone_prefix_is_kept_apart() -> None:
    plain, _ = crs.to_metres(120.8, 33.2, "EPSG:4549")
    zoned, _ = crs.to_metres(120.8, 33.2, "EPSG:4528")
    assert zoned - plain == pytest.approx(40_000_000.0)


def test_geographic_cgcs2000_is_longitude_first() -> None:
    lon, lat = crs.to_lonlat(120.8, 33.2, "EPSG:4490")
    assert (float(lon), float(lat)) == pytest.approx((120.8, 33.2), abs=1e-6)


@pytest.mark.parametrize(
    "plane", ["EPSG:4549", "EPSG:4528", "EPSG:4496", crs.CGCS2000, "EPSG:32651", "EPSG:2385"]
)
def test_the_way_to_wgs84_is_projs_own(plane: str) -> None:
    there = pyproj.Transformer.from_crs(plane, crs.WGS84, always_xy=True)
    back = pyproj.Transformer.from_crs(crs.WGS84, plane, always_xy=True)
    lon, lat = np.array([118.2, 120.8, 121.9]), np.array([28.1, 33.2, 38.4])
    x, y = crs.to_metres(lon, lat, plane)
    assert np.array_equal((x, y), back.transform(lon, lat))
    assert np.array_equal(crs.to_lonlat(x, y, plane), there.transform(x, y))


def test_table_without_crs_is_refused() -> None:
    with pytest.raises(ValueError, match="no CRS"):
        crs.to_wgs84(gpd.GeoDataFrame(geometry=gpd.points_from_xy([0], [0])))


def test_table_is_reprojected() -> None:
    table = gpd.GeoDataFrame(geometry=gpd.points_from_xy([500_000], [3_320_113.4]), crs="EPSG:4549")
    point = crs.to_wgs84(table).geometry.iloc[0]
    assert (point.x, point.y) == pytest.approx((120.0, 30.0), abs=1e-5)


def test_what_has_no_place_on_earth_is_refused() -> None:
    for source in (crs.LOCAL, "EPSG:1"):
        with pytest.raises(crs.CrsError):
            crs.to_lonlat(1.0, 2.0, source)


def test_planes_by_meridian_and_by_place() -> None:
    assert [crs.cgcs2000(m) for m in (75, 117, 120, 135)] == [
        "EPSG:4534",
        "EPSG:4548",
        "EPSG:4549",
        "EPSG:4554",
    ]
    assert crs.plane_at(120.8, 33.2) == "EPSG:4549"
    assert crs.plane_at(-84.5, 38.0) == "EPSG:32616"
    with pytest.raises(crs.CrsError):
        crs.cgcs2000(121)


GRID = "grid:{plane},dx=500000,dy=3300000,scale=1.00002,rotation=12.5"


@pytest.mark.parametrize(
    "plane", ["EPSG:4549", "EPSG:32651", "EPSG:3857"]
)  # north first, and twice east first
def test_a_local_grid_with_parameters_is_a_crs(plane: str) -> None:
    text = GRID.format(plane=plane)
    frame = Frame.parse(text)
    x, y = np.array([0.0, 5000.0, -1200.5]), np.array([0.0, -300.0, 8000.25])
    lon, lat = crs.to_lonlat(x, y, text)
    wanted = frame.to(x, y, crs.WGS84)
    assert np.abs(lon - wanted[0]).max() < 1e-9
    assert np.abs(lat - wanted[1]).max() < 1e-9
    back = crs.to_metres(lon, lat, text)
    assert np.abs(np.array(back) - [x, y]).max() < 1e-3
    assert crs.is_known(text)
    assert not crs.is_local(text)
    assert not crs.is_geographic(text)
    assert crs.of_layers(text) == crs.LOCAL


@pytest.mark.parametrize(
    "text", ["grid:EPSG:4549", "grid:EPSG:4549,dx=1,dy=x", "grid:EPSG:4490,dx=1,dy=2", "grid:,dx=1,dy=2"]
)
def test_a_grid_that_is_none_is_not_known(text: str) -> None:
    assert not crs.is_known(text)


def test_seven_parameters_are_projs_own() -> None:
    """Beijing 1954 by a position-vector shift: a hundred metres off without it."""
    shifted = "+proj=tmerc +lat_0=0 +lon_0=120 +x_0=500000 +ellps=krass +towgs84=15.8,-154.4,-82.3,0,0,0,0"
    bare = "+proj=tmerc +lat_0=0 +lon_0=120 +x_0=500000 +ellps=krass +no_defs"
    assert crs.is_known(shifted)
    lon, lat = (float(v) for v in crs.to_lonlat(541_000.0, 3_362_000.0, shifted))
    x, y = (float(v) for v in crs.to_metres(lon, lat, shifted))
    assert (x, y) == pytest.approx((541_000.0, 3_362_000.0), abs=1e-3)
    other = [float(v) for v in crs.to_lonlat(541_000.0, 3_362_000.0, bare)]
    assert 30 < np.hypot((lon - other[0]) * 96_000, (lat - other[1]) * 111_000) < 300
