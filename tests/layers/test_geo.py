"""The park as GeoJSON: complete, in the right place, the same bytes every time."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from geodata import park as parks
from geodata.places import Park
from layers import geo
from tests.twin.parks import tiny_park


@pytest.fixture(scope="module")
def demo() -> Park:
    return parks.read(parks.demo_path())


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
