"""Contractors' files become one park, after one confirmation where something had to be guessed."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
from shapely import LineString, Point, Polygon

from geodata import crs, park
from geodata.formats.mapping import LayerMap, dump, load
from geodata.framing import Settings
from geodata.intake import Intake, gather, proposal
from geodata.network import Network
from geodata.places import Park, StationKind
from tests.geodata import surveys
from tests.geodata.parks import demo_park


def made(intake: Intake) -> Park:
    assert intake.park is not None, intake.report.say("en")
    return intake.park


def positions(p: Park) -> np.ndarray:
    return p.nodes.set_index("id").loc[["WS1", "WS2", "WS3", "WS4"], ["x", "y"]].to_numpy(float)


def truth() -> np.ndarray:
    x, y = surveys.origin()
    return surveys.POINTS[["dx", "dy"]].to_numpy() + np.array([x, y])


def test_gbk_swapped_and_zoned_shapefile_lands_after_one_confirmation(tmp_path: Path) -> None:
    for name, frame in (("WSP", surveys.points("EPSG:4528")), ("WSL", surveys.lines("EPSG:4528"))):
        frame.geometry = [surveys.swap(g) for g in frame.geometry]
        surveys.shapefile(frame, tmp_path / f"{name}.shp")
    files = [tmp_path / "WSP.shp", tmp_path / "WSL.shp"]
    asked = gather(files, Settings())
    assert asked.park is None
    kinds = {(g.file, g.kind, g.value) for g in asked.report.guesses}
    assert kinds == {
        (f, k, v) for f in ("WSP.shp", "WSL.shp") for k, v in (("encoding", "gb18030"), ("crs", "EPSG:4528"))
    }
    proofs = [g.proof.zh for g in asked.report.guesses if g.kind == "crs"]
    assert all("带号 40" in p and "X 为北" in p for p in proofs)
    p = made(gather(files, Settings(yes=True)))
    assert np.abs(positions(p) - truth()).max() < 1.0
    assert p.crs == surveys.PLANE
    assert len(p.links) == 3
    x, y = crs.to_lonlat(p.nodes["x"], p.nodes["y"], p.crs)
    assert (float(x[0]), float(y[0])) == pytest.approx(surveys.HERE, abs=1e-6)


def test_a_saved_proposal_is_a_confirmation(tmp_path: Path) -> None:
    frame = surveys.points("EPSG:4528")
    frame.geometry = [surveys.swap(g) for g in frame.geometry]
    surveys.shapefile(frame, tmp_path / "WSP.shp")
    files = [tmp_path / "WSP.shp"]
    asked = gather(files, Settings())
    (tmp_path / "m.toml").write_text(dump(proposal(asked)), "utf-8")
    mapping = load(tmp_path / "m.toml")
    assert mapping["WSP.shp/WSP"].encoding == "gb18030"
    assert (mapping["WSP.shp/WSP"].crs, mapping["WSP.shp/WSP"].axes) == ("EPSG:4528", "yx")
    assert np.abs(positions(made(gather(files, Settings(mapping=mapping)))) - truth()).max() < 1.0


def test_declared_files_need_no_word(tmp_path: Path) -> None:
    surveys.shapefile(surveys.points(), tmp_path / "WSP.shp", encoding="utf-8", cpg=True, prj=True)
    surveys.shapefile(surveys.lines(), tmp_path / "WSL.shp", encoding="gbk", cpg=True, prj=True)
    made(gather([tmp_path / "WSP.shp", tmp_path / "WSL.shp"], Settings()))


def test_survey_tables_give_levels_directions_and_sources(tmp_path: Path) -> None:
    surveys.workbook(surveys.tables(), tmp_path / "survey.xlsx")
    asked = gather([tmp_path / "survey.xlsx"], Settings())
    assert [(g.kind, g.value) for g in asked.report.guesses] == [("crs", "")]  # six digits: which meridian?
    assert asked.preview is None
    p = made(gather([tmp_path / "survey.xlsx"], Settings(near=surveys.HERE, yes=True)))
    assert np.abs(positions(p) - truth()).max() < 1e-3
    nodes, links = p.nodes.set_index("id"), p.links
    assert list(links["from_node"]) == ["WS1", "WS2", "WS3"]  # the second was declared backward
    assert list(links["to_node"]) == ["WS2", "WS3", "WS4"]
    assert list(links["direction_source"]) == ["declared", "declared", "invert"]
    assert nodes.loc["WS1", "invert_m"] == pytest.approx(4.00 - 1.50)
    assert nodes.loc["WS3", "invert_m"] == pytest.approx(3.90 - 1.95)
    second = links.iloc[1]
    assert second["offset_out_m"] == pytest.approx(0.05)  # it ends 5 cm above the lowest pipe
    assert second["offset_in_m"] == pytest.approx(3.95 - 1.75 - (3.95 - 1.75))
    assert list(links["shape"]) == ["circular", "circular", "rectangle"]
    assert links["width_m"].tolist() == pytest.approx([0.4, 0.4, 0.6])
    assert links["roughness"].tolist() == pytest.approx([0.010, 0.013, 0.013])
    assert nodes.loc["WS4", "kind"] == "outfall"
    assert set(links["system"]) == {"sewage"}
    assert links["source"].iloc[0] == "survey.xlsx/WSL:2"
    assert links["confidence"].iloc[0] == "surveyed"
    assert Network.from_park(p).downstream("WS1").nodes.tolist() == ["WS1", "WS2", "WS3", "WS4"]


def test_rows_left_out_are_named_with_row_and_reason(tmp_path: Path) -> None:
    tables = surveys.tables()
    tables["WSP"].loc[4] = ["", 1, 1, 4.0, ""]
    tables["WSP"].loc[5] = ["WS6", 0, 0, 4.0, ""]
    tables["WSP"].loc[6] = ["WS1", *tables["WSP"].loc[0, ["X", "Y"]], 4.0, ""]
    tables["WSL"].loc[3] = ["WS1", "NOWHERE", 1.0, 99.0, "abc", "", ""]
    tables["WSL"].loc[4] = ["", "", 1.0, 1.0, "400", "", ""]
    surveys.workbook(tables, tmp_path / "survey.xlsx")
    made_ = gather([tmp_path / "survey.xlsx"], Settings(crs={"": surveys.PLANE}, axes={"": "yx"}))
    points, lines = made_.report.layers
    assert [(n.row, n.field) for n in points.notes if n.skipped] == [(6, "物探点号"), (7, "X"), (8, "id")]
    assert (points.read, points.mapped, points.skipped) == (7, 4, 3)
    assert [(n.row, n.text.en) for n in lines.notes if n.skipped] == [
        (6, "it names no end points and draws no line"),
        (5, "its end NOWHERE is not among the nodes"),
    ]
    warned = [(n.row, n.field) for n in lines.notes if not n.skipped and n.row]
    assert (5, "管径") in warned
    assert (5, "to_depth_m") in warned
    assert len(made(made_).links) == 3


def test_three_contractors_become_one_network(tmp_path: Path) -> None:
    x, y = surveys.origin()
    surveys.workbook(surveys.tables(), tmp_path / "sewage.xlsx")
    river = gpd.GeoDataFrame(
        {"名称": ["横河"]},
        geometry=[LineString([(x - 100, y + 40), (x + 180.2, y + 40), (x + 400, y + 40)])],
        crs=surveys.PLANE,
    )
    river.to_crs("EPSG:4326").to_file(tmp_path / "河道.geojson", driver="GeoJSON")
    firms = pd.DataFrame(
        {
            "企业名称": ["甲化工", "乙化工"],
            "统一社会信用代码": ["A", "B"],
            "经度": [120.8, 120.801],
            "纬度": [33.2, 33.2],
        }
    )
    firms.to_csv(tmp_path / "企业.csv", index=False, encoding="gbk")
    outlets = pd.DataFrame(
        {
            "排口编号": ["DW001", "DW001"],
            "企业名称": ["甲化工", "乙化工"],
            "X": [x + 60, x + 9000],
            "Y": [y + 6, y],
        }
    )
    outlets.to_csv(tmp_path / "排口.csv", index=False, encoding="utf-8-sig")
    files = [tmp_path / n for n in ("sewage.xlsx", "河道.geojson", "企业.csv", "排口.csv")]
    made_ = gather(files, Settings(yes=True))
    p = made(made_)
    network = Network.from_park(p)
    reached = network.downstream("WS1")
    assert "WS4" in reached.nodes
    assert (
        p.links.set_index("id").loc[list(reached.links), "system"].tolist().count("canal") == 1
    )  # on, downstream
    assert (
        p.nodes.set_index("id").loc["WS4", "kind"] == "junction"
    )  # the mouth in the river is no end of the world
    assert any("split" in t.en for t in made_.report.merged)
    assert [(e.id, e.name.zh) for e in p.enterprises] == [("E01", "甲化工"), ("E02", "乙化工")]
    assert [(o.id, o.enterprise, o.node) for o in p.outlets] == [("E01-DW001", "E01", "WS2")]
    left = [n for r in made_.report.layers if r.role == "outlet" for n in r.notes if n.skipped]
    assert [(n.row, "50" in n.text.zh) for n in left] == [(3, True)]
    assert any("GCJ-02" in n.text.en for r in made_.report.layers if r.format == "GeoJSON" for n in r.notes)


def test_gates_and_stations_are_attached(tmp_path: Path) -> None:
    x, y = surveys.origin()
    gates = {
        "闸名": ["横河节制闸"],
        "东坐标": [x + 90],
        "北坐标": [y + 8],
        "启闭时间": [480],
        "远程控制": ["是"],
    }
    stations = {"站名": ["三号河道站"], "MN": ["32099012345678"], "东坐标": [x + 121], "北坐标": [y + 5]}
    stations["因子"] = ["w01018;w21003"]
    sheets = {**surveys.tables(), "闸门": pd.DataFrame(gates), "监测站点": pd.DataFrame(stations)}
    surveys.workbook(sheets, tmp_path / "park.xlsx")
    p = made(gather([tmp_path / "park.xlsx"], Settings(near=surveys.HERE, yes=True)))
    (gate,) = p.gates
    assert (gate.name.zh, gate.kind, gate.stroke_s, gate.remote) == ("横河节制闸", "regulate", 480.0, True)
    assert p.links.set_index("id").loc[gate.link, "gate"] == gate.id
    (station,) = p.stations
    assert (station.node, station.factors, station.kind) == ("WS3", ("w01018", "w21003"), StationKind.CANAL)


def test_the_demo_park_comes_back_as_it_was() -> None:
    old = demo_park()
    new = made(gather([park.demo_path()], Settings()))
    assert new.crs == old.crs
    for name in (
        "enterprises",
        "outlets",
        "gates",
        "devices",
        "stations",
        "receptors",
        "pools",
        "facilities",
        "fingerprints",
    ):
        assert getattr(new, name) == getattr(old, name)
    for table in ("nodes", "links"):
        was = getattr(old, table)
        for column in was.columns:
            assert was[column].equals(getattr(new, table)[column]), column
    assert set(new.scenery) == set(old.scenery)


def test_two_surveys_of_one_manhole_are_one_node(tmp_path: Path) -> None:
    surveys.workbook(surveys.tables(), tmp_path / "a.xlsx")
    other = surveys.tables()
    other["WSP"] = other["WSP"].assign(物探点号=["B1", "WS2", "B3", "WS1"])
    other["WSP"]["X"] += [0.2, 0.1, 500, 500]
    del other["WSL"]
    surveys.workbook(other, tmp_path / "b.xlsx")
    made_ = gather([tmp_path / "a.xlsx", tmp_path / "b.xlsx"], Settings(near=surveys.HERE, yes=True))
    assert set(made(made_).nodes["id"]) == {"WS1", "WS2", "WS3", "WS4", "B3", "WS1@b.xlsx"}
    assert any("b.xlsx" in t.en and "made one" in t.en for t in made_.report.merged)


def test_drawings_without_ids_are_snapped(tmp_path: Path) -> None:
    x, y = surveys.origin()
    frame = gpd.GeoDataFrame(
        {"管径": [300, 300]},
        geometry=[LineString([(x, y), (x + 50, y)]), LineString([(x + 50.2, y + 0.1), (x + 90, y)])],
        crs=surveys.PLANE,
    )
    frame.to_file(tmp_path / "雨水管.gpkg", driver="GPKG")
    made_ = gather([tmp_path / "雨水管.gpkg"], Settings())
    p = made(made_)
    assert (len(p.nodes), len(p.links)) == (3, 2)
    assert set(p.links["system"]) == {"rain"}
    assert any("within 0.5 m" in t.en for t in made_.report.merged)
    assert any("direction of 2 links is assumed" in t.en for t in made_.report.merged)
    apart = made(gather([tmp_path / "雨水管.gpkg"], Settings(snap_m=0.1)))
    assert len(apart.nodes) == 4


def test_gas_and_power_are_not_followed(tmp_path: Path) -> None:
    x, y = surveys.origin()
    frame = gpd.GeoDataFrame(
        {"管线类型": ["污水", "燃气", "RQ"]},
        geometry=[LineString([(x, y + i), (x + 50, y + i)]) for i in range(3)],
        crs=surveys.PLANE,
    )
    frame.to_file(tmp_path / "pipes.gpkg", driver="GPKG")
    made_ = gather([tmp_path / "pipes.gpkg"], Settings())
    assert len(made(made_).links) == 1
    assert [n.row for n in made_.report.layers[0].notes if n.skipped] == [3, 2]


def test_scenery_is_kept_and_unknown_layers_are_named(tmp_path: Path) -> None:
    x, y = surveys.origin()
    square = Polygon([(x, y), (x + 9, y), (x + 9, y + 9)])
    for i, name in enumerate(("道路", "不明")):
        frame = gpd.GeoDataFrame({"备注": ["a"]}, geometry=[square], crs=surveys.PLANE)
        pyogrio.write_dataframe(frame, tmp_path / "base.gpkg", layer=name, driver="GPKG", append=i > 0)
    made_ = gather([tmp_path / "base.gpkg"], Settings())
    assert list(made(made_).scenery) == ["road"]
    assert [(r.layer, r.role) for r in made_.report.layers] == [("道路", "scenery"), ("不明", "skip")]


def test_shifted_positions_are_put_right(tmp_path: Path) -> None:
    from geodata.datum import wgs84_to_gcj02

    x, y = surveys.origin()
    lon, lat = wgs84_to_gcj02(
        *crs.to_lonlat(surveys.POINTS["dx"] + x, surveys.POINTS["dy"] + y, surveys.PLANE)
    )
    points = surveys.points().set_geometry(
        [Point(a, b) for a, b in zip(lon, lat, strict=True)], crs="EPSG:4326"
    )
    points.to_file(tmp_path / "points.geojson", driver="GeoJSON")
    p = made(gather([tmp_path / "points.geojson"], Settings(crs={"points.geojson": "GCJ-02"})))
    assert np.abs(positions(p) - truth()).max() < 0.1


def test_a_plane_of_its_own_and_the_earth_do_not_mix(tmp_path: Path) -> None:
    surveys.shapefile(surveys.points(), tmp_path / "WSP.shp", cpg=True, prj=True)
    model = Path(__file__).parents[1] / "data" / "networks" / "user5.inp"
    mixed = gather([tmp_path / "WSP.shp", model], Settings(yes=True))
    assert mixed.park is None
    assert "user5.inp=grid:" in mixed.report.errors[0].en
    grid = f"grid:{surveys.PLANE},dx=-200000,dy=3500000,scale=0.3048"
    assert gather([tmp_path / "WSP.shp", model], Settings(crs={"user5.inp": grid})).park is not None


def test_a_mapping_may_say_everything(tmp_path: Path) -> None:
    x, y = surveys.origin()
    pd.DataFrame({"a": ["P1", "P2"], "b": [x, x + 10], "c": [y, y]}).to_csv(tmp_path / "odd.csv", index=False)
    asked = gather([tmp_path / "odd.csv"], Settings())
    assert asked.report.layers[0].role == "skip"
    said = LayerMap("node", {"id": "a", "x": "b", "y": "c"}, crs=surveys.PLANE, system="rain")
    p = made(gather([tmp_path / "odd.csv"], Settings(mapping={"odd.csv/odd": said})))
    assert p.nodes[["id", "system"]].to_numpy().tolist() == [["P1", "rain"], ["P2", "rain"]]
    said.fields["ground_m"] = "z"
    wrong = gather([tmp_path / "odd.csv"], Settings(mapping={"odd.csv/odd": said}))
    assert "z" in wrong.report.errors[0].en


def test_spoilt_text_is_named_and_not_passed_on(tmp_path: Path) -> None:
    frame = surveys.points()
    frame["物探点号"] = ["WS1", "锟斤拷", "WS3", "WS4"]
    frame["附属物"] = ["检查井", "检查井", "化工".encode().decode("gb18030"), "检查井"]
    pyogrio.write_dataframe(frame, tmp_path / "WSP.gpkg", driver="GPKG")
    made_ = gather([tmp_path / "WSP.gpkg"], Settings())
    notes = [(n.row, n.field, n.skipped) for n in made_.report.layers[0].notes]
    assert notes == [(2, "物探点号", False), (3, "附属物", False), (2, "物探点号", True)]
    assert "“化工”" in made_.report.layers[0].notes[1].text.zh
    assert list(made(made_).nodes["id"]) == ["WS1", "WS3", "WS4"]


def test_layers_without_a_row_ask_nothing(tmp_path: Path) -> None:
    surveys.workbook(surveys.tables(), tmp_path / "survey.xlsx")
    p = made(gather([tmp_path / "survey.xlsx"], Settings(near=surveys.HERE, yes=True)))
    park.write(p, tmp_path / "park.gpkg")  # of enterprises, gates and stations it holds none
    again = gather([tmp_path / "park.gpkg"], Settings())
    assert again.report.guesses == []
    assert (len(made(again).nodes), len(made(again).links)) == (4, 3)


def test_two_layers_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        surveys.shapefile(surveys.points(), tmp_path / folder / "WSP.shp", cpg=True, prj=True)
    both = gather([tmp_path / "a", tmp_path / "b"], Settings())
    assert both.park is None
    assert "WSP.shp/WSP" in both.report.errors[0].en
    assert "rename" in both.report.errors[0].en


def test_one_broken_file_of_an_archive_does_not_hide_the_others(tmp_path: Path) -> None:
    import zipfile

    surveys.workbook(surveys.tables(), tmp_path / "survey.xlsx")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(tmp_path / "survey.xlsx", "survey.xlsx")
        archive.writestr("broken.kml", "<!DOCTYPE lolz><kml/>")
        archive.writestr("图/平面.dwg", "AC1032")
        archive.writestr("more.zip", "PK")
        archive.writestr("说明.pdf", "%PDF")
    got = gather([tmp_path / "all.zip"], Settings(near=surveys.HERE, yes=True))
    assert {x.layer for x in got.report.layers} == {"WSP", "WSL"}
    assert len(got.report.errors) == 1
    assert "DOCTYPE" in got.report.errors[0].en
    left = " ".join(t.en for t in got.report.merged)
    assert "图/平面.dwg" in left
    assert "DXF" in left
    assert "说明.pdf" in left
    assert "more.zip" in left


def test_questions_of_two_layers_of_one_file_are_kept_apart(tmp_path: Path) -> None:
    x, y = surveys.origin("EPSG:4528")
    u, v = surveys.origin("EPSG:4527")
    for i, (name, a, b) in enumerate((("WSP", x, y), ("YSP", v, u))):
        frame = pd.DataFrame({"物探点号": ["1", "2"], "东坐标": [a, a + 9], "北坐标": [b, b]})
        pyogrio.write_dataframe(frame, tmp_path / "two.xlsx", layer=name, driver="XLSX", append=i > 0)
    asked = gather([tmp_path / "two.xlsx"], Settings())
    assert [(g.value, g.axes, g.layers) for g in asked.report.guesses] == [
        ("EPSG:4528", "", ("WSP",)),
        ("EPSG:4527", "yx", ("YSP",)),
    ]
    m = proposal(asked)
    assert [(m[k].crs, m[k].axes) for k in sorted(m)] == [("EPSG:4528", ""), ("EPSG:4527", "yx")]
    p = made(gather([tmp_path / "two.xlsx"], Settings(mapping=m)))
    assert np.ptp(p.nodes["x"]) < 20
    assert np.ptp(p.nodes["y"]) < 20
