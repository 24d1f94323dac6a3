"""Shifts come back to where they started, and numbers are read for what they are, never silently."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from geodata import crs, datum
from geodata.crs import CrsError
from geodata.datum import Frame, Grid, recognise

LON, LAT = st.floats(73.5, 134.5), st.floats(18.0, 53.0)
HERE = (120.8, 33.2)


def metres(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    return float(np.hypot((lon1 - lon2) * 111_320 * np.cos(np.radians(lat1)), (lat1 - lat2) * 111_320))


def test_shifts_of_a_published_point() -> None:
    assert datum.wgs84_to_gcj02(116.404, 39.915) == pytest.approx((116.41024449916938, 39.91640428150164))
    assert datum.gcj02_to_bd09(116.404, 39.915) == pytest.approx((116.41036949371029, 39.92133699351021))


def test_nothing_is_shifted_abroad() -> None:
    assert datum.wgs84_to_gcj02(-84.5, 38.0) == pytest.approx((-84.5, 38.0), abs=0)


@settings(deadline=None)
@given(LON, LAT)
def test_shifts_come_back_within_a_decimetre(lon: float, lat: float) -> None:
    there = datum.wgs84_to_gcj02(lon, lat)
    assert 10 < metres(lon, lat, float(there[0]), float(there[1])) < 1500
    assert metres(lon, lat, *map(float, datum.gcj02_to_wgs84(*there))) < 0.001
    far = datum.wgs84_to_bd09(lon, lat)
    assert metres(lon, lat, *map(float, datum.bd09_to_wgs84(*far))) < 0.001


def test_columns_come_back_too() -> None:
    lon, lat = np.linspace(104.9, 105.1, 201), np.linspace(30, 31, 201)  # across the kink of the formula
    back = datum.gcj02_to_wgs84(*datum.wgs84_to_gcj02(lon, lat))
    assert np.allclose(back, (lon, lat), atol=1e-8)


@settings(deadline=None, max_examples=30)
@given(LON, st.floats(18.0, 53.0), st.booleans(), st.booleans())
def test_a_zone_is_read_from_its_prefix(lon: float, lat: float, swapped: bool, wide: bool) -> None:
    zone = int(lon // 6) + 1 if wide else max(round(lon / 3), 25)
    assume(not wide or zone > 15)  # 13 to 15 share their digits with Web Mercator; see below
    code = f"EPSG:{4491 + zone - 13 if wide else 4513 + zone - 25}"
    x, y = crs.to_metres(lon, lat, code)
    found = recognise([y], [x]) if swapped else recognise([x], [y])
    assert found.frame is not None
    assert (found.frame.crs, found.frame.swapped, found.sure) == (code, swapped, False)
    assert str(zone) in found.proof.zh
    back = found.frame.to(*((y, x) if swapped else (x, y)), crs.WGS84)
    assert metres(lon, lat, *map(float, back)) < 0.01


@settings(deadline=None, max_examples=30)
@given(st.floats(108.0, 122.0), LAT)
def test_no_prefix_asks_and_a_neighbour_answers(lon: float, lat: float) -> None:
    meridian = 3 * round(lon / 3)
    x, y = crs.to_metres(lon, lat, crs.cgcs2000(meridian))
    asked = recognise([y], [x])
    assert asked.frame is None
    assert len(asked.others) == 21
    found = recognise([y], [x], near=(lon + 0.1, lat))
    assert found.frame == Frame(crs.cgcs2000(meridian), swapped=True)
    assert not found.sure


def test_web_mercator_and_the_far_west_are_told_apart_by_a_neighbour() -> None:
    x, y = crs.to_metres(*HERE, datum.MERCATOR)
    found = recognise([x], [y])
    assert (found.frame, found.others) == (Frame(datum.MERCATOR), ("EPSG:4491",))
    west = recognise([x], [y], near=(75.0, 33.0))
    assert (west.frame, west.others) == (Frame("EPSG:4491"), (datum.MERCATOR,))


def test_degrees_are_named_with_what_they_could_also_be() -> None:
    found = recognise([33.2], [120.8])
    assert found.frame == Frame(crs.CGCS2000, swapped=True)
    assert not found.sure
    assert set(found.others) >= {"GCJ-02", "BD-09"}


def test_a_declared_system_is_believed_while_the_numbers_lie_in_it() -> None:
    x, y = crs.to_metres(*HERE, "EPSG:4528")
    assert recognise([x], [y], "EPSG:4528")[:2] == (Frame("EPSG:4528"), True)
    assert recognise([y], [x], "EPSG:4528")[:2] == (Frame("EPSG:4528", swapped=True), False)
    wrong = recognise([x], [y], "EPSG:4549")  # declared without prefix, written with it
    assert wrong[:2] == (Frame("EPSG:4528"), False)
    assert "EPSG:4549" in wrong.proof.en


def test_a_models_plane_is_local() -> None:
    assert recognise([1200.0], [340.0]).frame == Frame(crs.LOCAL)
    assert recognise([np.nan], [np.nan]).frame is None


@pytest.mark.parametrize("text", ["EPSG:4549", "GCJ-02", "BD-09", "local", "local:ft"])
def test_frames_are_read_as_written(text: str) -> None:
    assert Frame.parse(text).say() == text
    assert Frame.parse(text.lower().replace("-", "")) == Frame.parse(text)


def test_a_local_grid_by_four_parameters() -> None:
    frame = Frame.parse("grid:EPSG:4549,dx=570000,dy=3670000,scale=1.0001,rotation=90")
    x, y = frame.to(100.0, 20.0, "EPSG:4549")
    assert (float(x), float(y)) == pytest.approx((570_000 - 20 * 1.0001, 3_670_000 + 100 * 1.0001))
    assert frame.grid == Grid(570_000, 3_670_000, 1.0001, 90)
    assert Frame.parse(frame.say()) == frame


def test_seven_parameters_go_through_proj() -> None:
    old = "+proj=tmerc +lat_0=0 +lon_0=120 +x_0=500000 +ellps=krass +towgs84=15,-150,-90,0,0,0,0 +units=m"
    x, y = crs.to_metres(*HERE, "EPSG:4549")
    moved = Frame.parse(old).to(x, y, "EPSG:4549")
    assert 50 < np.hypot(moved[0] - x, moved[1] - y) < 300


@pytest.mark.parametrize("text", ["EPSG:1", "mars", "grid:EPSG:4549,dx=1", "grid:EPSG:4549,dx=a,dy=2"])
def test_what_nobody_knows_is_refused(text: str) -> None:
    with pytest.raises(CrsError):
        Frame.parse(text)


def test_a_plane_without_a_place_goes_nowhere() -> None:
    with pytest.raises(CrsError):
        Frame.parse("local").to(1.0, 2.0, "EPSG:4549")
    assert [float(v) for v in Frame.parse("local:ft").to(10.0, 20.0, crs.LOCAL)] == [3.048, 6.096]
