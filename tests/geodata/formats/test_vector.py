"""Every vector format gives the same survey back; broken and hostile files give a clear error only."""

import struct
import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import pytest

from geodata import crs
from geodata.formats import guard, vector
from geodata.framing import Settings
from geodata.intake import gather
from tests.geodata import surveys

KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>雨水管</name>
<Placemark><name>YS1</name>
<LineString><coordinates>120.8,33.2,0 120.801,33.2,0</coordinates></LineString></Placemark>
</Document></kml>
"""
BOMB = """<?xml version="1.0"?>
<!DOCTYPE kml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;">]>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>&c;</name></Document></kml>
"""
# A drawing of the year 2000 in code page 936: a sewer on layer WS管线, a manhole, and a gas main.
DXF = """0
SECTION
2
HEADER
9
$ACADVER
1
AC1015
9
$DWGCODEPAGE
3
ANSI_936
0
ENDSEC
0
SECTION
2
ENTITIES
0
LINE
5
A1
100
AcDbEntity
8
WS管线
100
AcDbLine
10
{x}
20
{y}
30
0
11
{x2}
21
{y}
31
0
0
LINE
5
A2
100
AcDbEntity
8
RQ
100
AcDbLine
10
{x}
20
{y}
30
0
11
{x}
21
{y2}
31
0
0
ENDSEC
0
EOF
"""


def error_of(path: Path) -> str:
    made = gather([path], Settings(yes=True))
    assert made.park is None
    assert len(made.report.errors) == 1
    return made.report.errors[0].en


@pytest.mark.parametrize(
    ("name", "driver"),
    [
        ("a.gpkg", "GPKG"),
        ("a.geojson", "GeoJSON"),
        ("a.gdb", "OpenFileGDB"),
        ("a.kml", "KML"),
        ("a.shp", "ESRI Shapefile"),
    ],
)
def test_points_come_back_from_every_format(tmp_path: Path, name: str, driver: str) -> None:
    frame = surveys.points().to_crs("EPSG:4326")
    if driver == "KML":
        frame = frame.rename(columns={"物探点号": "Name"})
    pyogrio.write_dataframe(frame, tmp_path / name, driver=driver)
    (sheet,) = vector.read(tmp_path / name)
    assert sheet.geometry is not None
    column = "Name" if driver == "KML" else next(c for c in sheet.frame.columns if c.startswith("物探"))
    assert list(sheet.frame[column]) == list(surveys.POINTS["物探点号"])
    made = gather([tmp_path / name], Settings())
    assert made.park is not None, made.report.say("en")
    assert made.report.guesses == []
    x, y = surveys.origin()
    got = made.park.nodes[["x", "y"]].to_numpy() - [x, y]
    assert np.abs(got - surveys.POINTS[["dx", "dy"]].to_numpy()).max() < 0.01


def test_every_layer_of_a_file_is_read(tmp_path: Path) -> None:
    pyogrio.write_dataframe(surveys.points(), tmp_path / "a.gpkg", layer="WSP", driver="GPKG")
    pyogrio.write_dataframe(surveys.lines(), tmp_path / "a.gpkg", layer="WSL", driver="GPKG", append=True)
    assert [s.layer for s in vector.read(tmp_path / "a.gpkg")] == ["WSP", "WSL"]


def test_gbk_names_and_values_are_read_with_proof(tmp_path: Path) -> None:
    surveys.shapefile(surveys.points(), tmp_path / "WSP.shp")
    (sheet,) = vector.read(tmp_path / "WSP.shp")
    assert list(sheet.frame["附属物"]) == list(surveys.POINTS["附属物"])
    assert [(g.kind, g.value, g.option) for g in sheet.guesses] == [
        ("encoding", "gb18030", "--encoding gb18030")
    ]
    (said,) = vector.read(tmp_path / "WSP.shp", "GBK")
    assert said.guesses == []


def test_a_cpg_that_lies_is_found_out(tmp_path: Path) -> None:
    surveys.shapefile(surveys.points(), tmp_path / "WSP.shp", cpg=True)
    (tmp_path / "WSP.cpg").write_text("UTF-8")
    (sheet,) = vector.read(tmp_path / "WSP.shp")
    assert [g.value for g in sheet.guesses] == ["gb18030"]
    assert list(sheet.frame["物探点号"]) == list(surveys.POINTS["物探点号"])


def test_a_drawing_is_read_by_its_layers(tmp_path: Path) -> None:
    x, y = surveys.origin()
    text = DXF.format(x=x, y=y, x2=x + 50, y2=y + 50)
    (tmp_path / "管线.dxf").write_bytes(text.encode("gbk"))
    sheets = vector.read(tmp_path / "管线.dxf")
    assert [s.layer for s in sheets] == ["RQ.lines", "WS管线.lines"]
    made = gather([tmp_path / "管线.dxf"], Settings(crs={"": surveys.PLANE}))
    assert made.park is not None, made.report.say("en")
    assert len(made.park.links) == 1
    assert made.park.links["length_m"].iloc[0] == pytest.approx(50.0)
    assert [r.skipped for r in made.report.layers] == [1, 0]


def test_kmz_and_zip_are_opened(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "雨水.kmz", "w") as archive:
        archive.writestr("doc.kml", KML)
    made = gather([tmp_path / "雨水.kmz"], Settings())
    assert made.park is not None, made.report.say("en")
    assert len(made.park.links) == 1
    surveys.shapefile(surveys.points(), tmp_path / "WSP.shp")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for part in tmp_path.glob("WSP.*"):
            archive.write(part, f"普查/{part.name}")
    said = Settings(crs={"": surveys.PLANE}, encoding={"WSP.shp": "gbk"})
    made = gather([tmp_path / "all.zip"], said)
    assert made.park is not None, made.report.say("en")
    assert len(made.park.nodes) == 4


@pytest.mark.parametrize(
    "name", ["../evil.kml", "/evil.kml", "a/../../evil.kml", "..\\evil.kml", "C:/evil.kml"]
)
def test_a_path_out_of_an_archive_is_refused(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "in"
    inner.mkdir()
    with zipfile.ZipFile(inner / "x.kmz", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), KML)
    before = set(tmp_path.rglob("*"))
    assert "leads outside" in error_of(inner / "x.kmz")
    assert set(tmp_path.rglob("*")) == before


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("doc.kml")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.kmz", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    assert "leads outside" in error_of(tmp_path / "x.kmz")


def test_xml_bombs_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "b.kml").write_text(BOMB)
    assert "XML bomb" in error_of(tmp_path / "b.kml")
    (tmp_path / "c.kml").write_bytes(BOMB.encode("utf-16"))
    assert "not XML in UTF-8" in error_of(tmp_path / "c.kml")
    padded = KML.replace("<Document>", "<Document><!-- " + "x" * (guard.CHUNK - 200) + " -->") + BOMB
    (tmp_path / "d.kml").write_text(padded)
    assert "XML bomb" in error_of(tmp_path / "d.kml")


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", KML * 50)
    whole = (tmp_path / "x.zip").read_bytes()
    for cut in (len(whole) - 10, len(whole) // 2, 5):
        (tmp_path / "x.zip").write_bytes(whole[:cut])
        assert "x.zip is not a whole archive" in error_of(tmp_path / "x.zip")


def test_an_archive_that_swells_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_UNPACKED", 1 << 20)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", b"0" * (5 << 20))
    assert (tmp_path / "x.zip").stat().st_size < 20_000
    assert "more than the limit" in error_of(tmp_path / "x.zip")


def test_ten_million_points_are_refused_by_their_header(tmp_path: Path) -> None:
    surveys.shapefile(surveys.points(), tmp_path / "big.shp", prj=True, cpg=True)
    n = 10_000_000
    with (tmp_path / "big.shx").open("r+b") as f:  # a sparse index of ten million points
        f.truncate(100 + 8 * n)
        f.seek(24)
        f.write(struct.pack(">i", (100 + 8 * n) // 2))
    dbf = bytearray((tmp_path / "big.dbf").read_bytes())
    dbf[4:8] = struct.pack("<I", n)
    (tmp_path / "big.dbf").write_bytes(bytes(dbf))
    text = error_of(tmp_path / "big.shp")
    assert "10000000 rows" in text
    assert "split it" in text


def test_too_many_vertices_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_VERTICES", 3)
    pyogrio.write_dataframe(surveys.points(), tmp_path / "a.gpkg", driver="GPKG")
    assert "4 vertices" in error_of(tmp_path / "a.gpkg")


def test_a_file_is_read_as_what_it_is_named(tmp_path: Path) -> None:
    source = "<OGRVRTLayer name='a'><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>"
    vrt = f"<OGRVRTDataSource>{source}</OGRVRTDataSource>"
    for name in ("a.kml", "a.geojson", "a.dxf", "a.shp", "a.gpkg"):
        (tmp_path / name).write_text(vrt)
        assert "does not begin like" in error_of(tmp_path / name)


def test_parts_that_lack_are_named(tmp_path: Path) -> None:
    surveys.shapefile(surveys.points(), tmp_path / "a.shp")
    (tmp_path / "a.dbf").unlink()
    assert "lacks .dbf" in error_of(tmp_path / "a.shp")
    assert "no file" in error_of(tmp_path / "none.shp")
    (tmp_path / "a.dwg").write_text("AC1015")
    assert "save it as DXF" in error_of(tmp_path / "a.dwg")
    (tmp_path / "e.gdb").mkdir()
    assert "not a FileGDB" in error_of(tmp_path / "e.gdb")
    (tmp_path / "z.gpkg").write_bytes(b"")
    assert "empty" in error_of(tmp_path / "z.gpkg")


def test_spoilt_files_end_in_an_error_not_a_crash(tmp_path: Path) -> None:
    pyogrio.write_dataframe(surveys.points(), tmp_path / "a.gpkg", driver="GPKG")
    surveys.shapefile(surveys.lines(), tmp_path / "b.shp", cpg=True, prj=True)
    (tmp_path / "c.geojson").write_text('{"type": "FeatureCollection", "features": [{"type": ')
    rng = np.random.default_rng(7)
    for name in ("a.gpkg", "b.shp", "b.dbf", "c.geojson"):
        data = bytearray((tmp_path / name).read_bytes())
        for _ in range(10):
            for at in rng.integers(16, len(data), 40):
                data[at] = int(rng.integers(0, 256))
            (tmp_path / name).write_bytes(bytes(data))
            made = gather(
                [(tmp_path / name).with_suffix(".shp") if name[0] == "b" else tmp_path / name], Settings()
            )
            assert made.park is not None or made.report.errors or made.report.guesses or made.report.layers


def test_degrees_and_metres_of_one_survey_agree(tmp_path: Path) -> None:
    pyogrio.write_dataframe(surveys.points().to_crs("EPSG:4490"), tmp_path / "d.gpkg", driver="GPKG")
    made = gather([tmp_path / "d.gpkg"], Settings())
    assert made.park is not None
    assert made.park.crs == crs.cgcs2000(120)


@pytest.mark.parametrize("charset", ["gbk", "utf-8"])
def test_a_drawing_that_does_not_say_its_code_page_is_asked_about(tmp_path: Path, charset: str) -> None:
    x, y = surveys.origin()
    text = DXF.format(x=x, y=y, x2=x + 50, y2=y + 50).replace("$DWGCODEPAGE", "$OTHER")
    (tmp_path / "a.dxf").write_bytes(text.encode(charset))
    named = {"gbk": "gb18030", "utf-8": "utf-8"}[charset]
    made = gather([tmp_path / "a.dxf"], Settings(crs={"": surveys.PLANE}))
    assert [(g.kind, g.value) for g in made.report.guesses] == [("encoding", named)]
    assert [r.layer for r in made.report.layers] == ["RQ.lines", "WS管线.lines"]
    said = Settings(crs={"": surveys.PLANE}, encoding={"a.dxf": named})
    assert gather([tmp_path / "a.dxf"], said).park is not None


@pytest.mark.parametrize("name", ["a.geojson", "a.kml", "a.kmz"])
def test_files_that_ought_to_be_utf8_and_are_gbk_are_asked_about(tmp_path: Path, name: str) -> None:
    frame = surveys.points().to_crs("EPSG:4326").rename(columns={"物探点号": "Name"})
    frame["Name"] = [f"井{n}" for n in frame["Name"]]
    driver = "GeoJSON" if name == "a.geojson" else "KML"
    pyogrio.write_dataframe(frame, tmp_path / "utf8", driver=driver)
    body = (tmp_path / "utf8").read_text("utf-8").replace('encoding="utf-8"', 'encoding="GBK"').encode("gbk")
    if name == "a.kmz":
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("doc.kml", body)
    else:
        (tmp_path / name).write_bytes(body)
    asked = gather([tmp_path / name], Settings())
    assert [(g.file, g.kind, g.value) for g in asked.report.guesses] == [(name, "encoding", "gb18030")]
    made = gather([tmp_path / name], Settings(encoding={name: "gbk"}))
    assert made.park is not None, made.report.say("en")
    assert list(made.park.nodes["id"]) == list(frame["Name"])
    wrong = gather([tmp_path / name], Settings(encoding={name: "ascii"}))
    assert "is not in ascii" in wrong.report.errors[0].en


def test_a_bomb_is_found_in_an_archive_and_behind_another_charset(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.kmz", "w") as archive:
        archive.writestr("doc.kml", BOMB)
    assert "XML bomb" in error_of(tmp_path / "b.kmz")
    hidden = "<kml>+ADwAIQ-DOCTYPE a+AD4-<Document/></kml>"  # in UTF-7 that is <!DOCTYPE a>
    (tmp_path / "c.kml").write_text(hidden)
    made = gather([tmp_path / "c.kml"], Settings(yes=True, encoding={"": "utf-7"}))
    assert made.park is None
    assert "XML bomb" in made.report.errors[0].en


def test_a_filegdb_in_an_archive_is_opened(tmp_path: Path) -> None:
    pyogrio.write_dataframe(surveys.points(), tmp_path / "s.gdb", driver="OpenFileGDB", layer="WSP")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for part in (tmp_path / "s.gdb").iterdir():
            archive.write(part, f"交付/s.gdb/{part.name}")
    made = gather([tmp_path / "all.zip"], Settings())
    assert made.park is not None, made.report.say("en")
    assert len(made.park.nodes) == 4
    assert made.report.merged == []


@pytest.mark.parametrize(
    ("name", "driver"),
    [("a.geojson", "GeoJSON"), ("a.kml", "KML"), ("a.gdb", "OpenFileGDB"), ("a.gpkg", "GPKG")],
)
def test_axes_that_contradict_what_the_file_says_are_asked_about(
    tmp_path: Path, name: str, driver: str
) -> None:
    frame = surveys.points().to_crs("EPSG:4326").rename(columns={"物探点号": "Name"})
    frame.geometry = [surveys.swap(g) for g in frame.geometry]
    pyogrio.write_dataframe(frame, tmp_path / name, driver=driver)
    asked = gather([tmp_path / name], Settings())
    assert [(g.kind, g.value) for g in asked.report.guesses] == [("axes", "yx")]
    assert asked.park is None
    made = gather([tmp_path / name], Settings(yes=True)).park
    assert made is not None
    x, y = surveys.origin()
    got = made.nodes.set_index("id").loc[list(surveys.POINTS["物探点号"]), ["x", "y"]].to_numpy() - [x, y]
    assert np.abs(got - surveys.POINTS[["dx", "dy"]].to_numpy()).max() < 0.01


def test_no_error_names_a_folder_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "a.kml").write_text("<kml><Document>")
    said = error_of(tmp_path / "a.kml")
    assert "a.kml" in said
    assert str(tmp_path) not in said
