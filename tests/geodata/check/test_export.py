"""Findings as files: what was found comes back, and a spreadsheet runs nothing."""

from __future__ import annotations

import csv
from pathlib import Path

import pyogrio
import pytest
from shapely.geometry import LineString, Point

from geodata.check import export
from geodata.check.findings import Finding, finding

CRS = "EPSG:4549"


def findings() -> list[Finding]:
    evil = '=HYPERLINK("http://x","y")'
    return [
        finding("self_loop", "link", evil, LineString([(575_000, 3_677_000), (575_010, 3_677_000)]), "@SUM"),
        finding("isolated_node", "node", "N1", Point(576_000.0, 3_677_000.0)),
        finding("fingerprint_unknown_enterprise", "fingerprint", "E66", None),
    ]


@pytest.mark.parametrize("name", ["out.gpkg", "out.geojson"])
def test_map_files_keep_the_place_and_the_sentences(tmp_path: Path, name: str) -> None:
    export.write(findings(), CRS, tmp_path / name)
    table = pyogrio.read_dataframe(tmp_path / name)
    assert list(table["kind"]) == ["self_loop", "isolated_node", "fingerprint_unknown_enterprise"]
    assert table["sentence_zh"][1] == findings()[1].sentence.zh
    assert table.geometry[2] is None
    where = table.geometry[1]
    assert (where.x, where.y) == pytest.approx(
        (576_000, 3_677_000) if name == "out.gpkg" else (120.8, 33.2), 0.01
    )
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["out.xlsx", "out.csv"])
def test_no_cell_of_a_spreadsheet_begins_a_formula(tmp_path: Path, name: str) -> None:
    export.write(findings(), CRS, tmp_path / name)
    if name.endswith("csv"):
        with (tmp_path / name).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        rows = pyogrio.read_dataframe(tmp_path / name).to_dict("records")
    assert rows[0]["id"].startswith("'=HYPERLINK")
    assert rows[0]["other"] == "'@SUM"
    cells = [str(v) for row in rows for v in row.values()]
    assert not [c for c in cells if c.startswith(("=", "+", "@"))]
    assert float(rows[1]["x"]) == 576_000.0


def test_nothing_found_is_a_file_too(tmp_path: Path) -> None:
    for ending in export.DRIVERS:
        export.write([], CRS, tmp_path / f"none{ending}")
        assert (tmp_path / f"none{ending}").stat().st_size > 0


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.gpkg"):
        export.write(findings(), CRS, tmp_path / "out.docx")
