"""The park as GeoJSON: complete, in the right place, the same bytes every time."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from geodata.places import Park
from layers import geo
from tests.geodata.parks import demo_park
from tests.twin.parks import tiny_park


@pytest.fixture(scope="module")
def demo() -> Park:
    return demo_park()


def read(layer: geo.Layer | None) -> dict[str, Any]:
    assert layer is not None
    assert gzip.decompress(layer.gzipped) == layer.plain
    return dict(json.loads(layer.plain))


def test_every_thing_of_the_park_is_on_a_shelf(demo: Park) -> None:
    shelf = geo.Shelf(demo)
    places = read(shelf.get("places"))["features"]
    found = {(f["properties"]["layer"], f["properties"]["id"]) for f in places}
    wanted = {("station", s.id) for s in demo.stations} | {("gate", g.id) for g in demo.gates}
    wanted |= {("outlet", o.id) for o in demo.outlets} | {("enterprise", e.id) for e in demo.enterprises}
    wanted |= {("receptor", r.id) for r in demo.receptors} | {("pool", p.id) for p in demo.pools}
    wanted |= {("facility", f.id) for f in demo.facilities}
    assert found == wanted
    links = read(shelf.get("network"))["features"]
    assert {f["properties"]["id"] for f in links} == set(demo.links["id"])


def test_scenery_is_drawn_from_every_layer_of_the_file(demo: Park) -> None:
    shelf = geo.Shelf(demo)
    drawn: set[str] = set()
    for name in ("ground", "plots"):
        features = read(shelf.get(name))["features"]
        drawn |= {f["properties"]["layer"] for f in features}
    assert drawn == set(demo.scenery)


def test_positions_are_degrees_within_the_bounds(demo: Park) -> None:
    collection = read(geo.Shelf(demo).get("places"))
    west, south, east, north = collection["bounds"]
    assert 119 < west < east < 123
    assert 32 < south < north < 35
    for f in collection["features"]:
        if f["properties"]["layer"] == "station":
            lon, lat = f["geometry"]["coordinates"]
            assert west <= lon <= east
            assert south <= lat <= north


def test_links_are_turned_the_way_their_water_runs() -> None:
    park = tiny_park()
    features = read(geo.Shelf(park).get("network"))["features"]
    back = next(f for f in features if f["properties"]["id"] == "LC4")  # declared from C5 to C4
    assert (back["properties"]["from"], back["properties"]["to"]) == ("C4", "C5")
    first, last = back["geometry"]["coordinates"][0], back["geometry"]["coordinates"][-1]
    assert first[0] < last[0]
    assert back["properties"]["flow"] == 1.26


def test_same_park_same_bytes_and_another_version_another_tag() -> None:
    park = tiny_park()
    one, again = geo.Shelf(park).get("places"), geo.Shelf(tiny_park()).get("places")
    other = geo.Shelf(replace(park, version="tiny-2")).get("places")
    assert one == again
    assert one is not None
    assert other is not None
    assert one.etag != other.etag


def test_no_such_layer() -> None:
    assert geo.Shelf(tiny_park()).get("secrets") is None


def test_very_many_stations_come_as_columns_in_the_order_of_the_live_feed() -> None:
    park = tiny_park()
    first = park.stations[0]
    many = tuple(replace(first, id=f"P{n}", mn=f"MN{n}", x=first.x + n) for n in range(geo.DENSE + 1))
    lost = replace(first, id="Q", mn="Q", x=float("nan"), y=float("nan"))
    shelf = geo.Shelf(replace(park, stations=(*many, lost)))
    places = read(shelf.get("places"))
    assert places["dense"]
    assert "station" not in {f["properties"]["layer"] for f in places["features"]}
    sites, points = read(shelf.get("sites")), read(shelf.get("points"))
    assert sites["id"] == points["stations"] == [*(s.id for s in many), "Q"]
    assert (sites["lon"][-1], sites["lat"][-1]) == (None, None)
    assert sites["lon"][0] < sites["lon"][100]


def test_few_stations_are_places_and_the_order_of_points_is_told() -> None:
    park = tiny_park()
    shelf = geo.Shelf(park)
    assert not read(shelf.get("places"))["dense"]
    points = read(shelf.get("points"))
    names = [points["factors"][n] for n in points["factor"]]
    stations = [s for s, n in zip(points["stations"], points["many"], strict=True) for _ in range(n)]
    wanted = [(s.id, f) for s in park.stations for f in s.factors]
    assert list(zip(stations, names, strict=True)) == wanted
