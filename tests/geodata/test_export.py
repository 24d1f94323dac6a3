"""A park written for other programs, read again by other libraries than ours."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import shapely

from geodata import crs, export
from geodata import park as park_file
from geodata.places import Park
from geodata.words import Text
from tests.geodata.parks import demo_park
from tests.twin.parks import tiny_park
from twin import park_export


@pytest.fixture(scope="module")
def park() -> Park:
    park = tiny_park()
    firm = replace(park.enterprises[0], name=Text("=1+1", "+cmd|' /C calc'!A0"))
    made = replace(park, enterprises=(firm, *park.enterprises[1:]))
    return replace(made, version=park_file.content_hash(made)[:12])


def test_a_geopackage_is_a_whole_park_again(park: Park, tmp_path: Path) -> None:
    export.write(park, tmp_path / "p.gpkg")
    assert park_file.read(tmp_path / "p.gpkg").version == park.version


def test_geojson_is_one_collection_in_degrees(park: Park, tmp_path: Path) -> None:
    export.write(park, tmp_path / "p.geojson")
    found = json.loads((tmp_path / "p.geojson").read_text("utf-8"))
    assert (found["type"], found["version"]) == ("FeatureCollection", park.version)
    layers = [f["properties"]["layer"] for f in found["features"]]
    for layer, count in (("node", 13), ("link", 11), ("gate", 2), ("station", 4), ("enterprise", 3)):
        assert layers.count(layer) == count
    gate = next(f for f in found["features"] if f["properties"].get("id") == "G01")
    lon, lat = gate["geometry"]["coordinates"]
    x, y = crs.to_metres(lon, lat, park.crs)
    assert (float(x), float(y)) == pytest.approx((park.gates[0].x, park.gates[0].y), abs=0.02)
    link = next(f for f in found["features"] if f["properties"].get("id") == "LC4")
    assert shapely.geometry.shape(link["geometry"]).geom_type == "LineString"
    assert link["properties"]["flow_m3s"] == -1.26
    node = next(f for f in found["features"] if f["properties"].get("id") == "C1")
    assert node["properties"]["stage_m"] is None


def test_a_workbook_has_a_sheet_a_table_and_no_formula(park: Park, tmp_path: Path) -> None:
    export.write(park, tmp_path / "p.xlsx")
    book = pd.read_excel(tmp_path / "p.xlsx", sheet_name=None, engine="calamine", keep_default_na=False)
    assert list(book) == [
        *("park", "enterprise", "outlet", "gate", "station", "receptor", "pool", "facility", "fingerprint"),
        *("node", "link", "columns"),
    ]
    assert book["park"].loc[0, "version"] == park.version
    assert book["enterprise"].loc[0, ["name_zh", "name_en"]].tolist() == ["'=1+1", "'+cmd|' /C calc'!A0"]
    assert set(book["link"]["id"]) == set(park.links["id"])
    lon, lat = crs.to_lonlat(park.gates[0].x, park.gates[0].y, park.crs)
    assert book["gate"].loc[0, ["lon", "lat"]].tolist() == pytest.approx([float(lon), float(lat)], abs=1e-6)
    guide = book["columns"]
    assert {"status", "invert_m"} <= set(guide["column"])


def test_a_plane_without_a_place_has_no_geojson(park: Park, tmp_path: Path) -> None:
    local = replace(park, crs=crs.LOCAL, links=park.links.set_crs(crs.LOCAL, allow_override=True))
    with pytest.raises(ValueError, match="no place on Earth"):
        export.write(local, tmp_path / "p.geojson")
    export.write(local, tmp_path / "p.xlsx")
    assert "lon" not in pd.read_excel(tmp_path / "p.xlsx", sheet_name="gate", engine="calamine")
    assert [f.name for f in tmp_path.iterdir()] == ["p.xlsx"]


def test_the_command_writes_beside_the_park_and_never_over_it(
    park: Park, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "p.gpkg"
    park_file.write(park, file)
    assert park_export.main([str(file), "--format", "xlsx"], "en") == 0
    assert (tmp_path / "p.xlsx").stat().st_size > 5000
    assert park.version in capsys.readouterr().out
    before = file.read_bytes()
    assert park_export.main([str(file), "--format", "gpkg"], "en") == 2
    assert "is the park file" in capsys.readouterr().err
    assert file.read_bytes() == before
    assert park_export.main([str(file), "--out", str(tmp_path / "p.shp")], "en") == 2
    assert "gpkg, geojson, xlsx" in capsys.readouterr().err
    assert park_export.main([str(tmp_path / "gone.gpkg"), "--format", "xlsx"], "en") == 2


def test_valves_and_pumps_of_enterprises_leave_with_the_rest(tmp_path: Path) -> None:
    park = demo_park()
    park = replace(park, scenery={}, devices=park.devices[:3])
    export.write(park, tmp_path / "p.xlsx")
    book = pd.read_excel(tmp_path / "p.xlsx", sheet_name=None, engine="calamine")
    assert book["device"]["id"].tolist() == [d.id for d in park.devices]
    assert "device" in set(book["columns"]["sheet"])
    export.write(park, tmp_path / "p.geojson")
    features = json.loads((tmp_path / "p.geojson").read_text("utf-8"))["features"]
    assert [f["properties"]["id"] for f in features if f["properties"]["layer"] == "device"] == [
        d.id for d in park.devices
    ]
