"""Where values come from: kept through files, imports and mends, and found by the most particular word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata import park as park_file
from geodata.check.findings import Finding
from geodata.check.mends import mend
from geodata.framing import Settings
from geodata.intake import gather
from geodata.places import Park, Source
from geodata.provenance import Confidence, Origin, Provenance, changed, how, mark, origin
from geodata.versions import compare
from geodata.words import Text
from tests.geodata.parks import demo_park

SURVEY = Origin("a.xlsx/WSL:2", "2026-03-01", "surveyed")


def park(said: dict[tuple[str, str, str], Origin] | None = None) -> Park:
    demo = demo_park()
    links = demo.links.head(3).assign(
        source=["a.xlsx/WSL:2", "a.xlsx/WSL:3", ""],
        as_of=["2026-03-01", "", ""],
        confidence=["surveyed", "declared", ""],
        how=["derived:length_m,offset_in_m;assumed:roughness", "", ""],
    )
    ends = {*links["from_node"], *links["to_node"]}
    nodes = demo.nodes[demo.nodes["id"].isin(ends)].reset_index(drop=True)
    nothing = dict.fromkeys(("outlets", "gates", "stations", "receptors", "facilities"), ())
    return replace(
        demo, links=links, nodes=nodes, scenery={}, provenance=Provenance(said or {}), sources=(), **nothing
    )


def test_the_most_particular_word_counts() -> None:
    first, second, third = park().links["id"]
    edit, whole = Origin("duty", "2026-05-01", "declared"), Origin("book", "", "declared")
    it = park({("link", first, "width_m"): edit, ("link", "", "width_m"): whole, ("link", "", ""): whole})
    assert origin(it, "link", first, "width_m") == edit
    assert origin(it, "link", first, "height_m") == SURVEY
    assert origin(it, "link", first, "length_m") == SURVEY._replace(confidence="derived")
    assert origin(it, "link", first, "roughness") == SURVEY._replace(confidence="assumed")
    assert origin(it, "link", second, "width_m") == Origin("a.xlsx/WSL:3", "", "declared")
    assert origin(it, "link", third, "roughness") == whole
    assert origin(park(), "gate", "G01", "stroke_s") is None


@given(st.lists(st.tuples(*[st.sampled_from([0, 1, 2, 3, 4])] * 3), min_size=1, max_size=30))
def test_marks_become_one_text_a_row_and_back(rows: list[tuple[int, int, int]]) -> None:
    names = ("width_m", "length_m", "roughness")
    table = np.array(rows, np.uint8)
    words = how({n: table[:, i] for i, n in enumerate(names)})
    kinds = list(Confidence)
    for row, word in zip(rows, words, strict=True):
        found = {
            name: kind
            for part in filter(None, word.split(";"))
            for kind, _, listed in [part.partition(":")]
            for name in listed.split(",")
        }
        assert found == {n: str(kinds[c - 1]) for n, c in zip(names, row, strict=True) if c}


def test_it_outlives_the_file_and_is_part_of_the_version(tmp_path: Path) -> None:
    said = {("link", "", "width_m"): Origin("图纸 7", "2026-01", "declared"), ("gate", "G01", ""): SURVEY}
    sources = (Source("a.shp", "WSL", "link", "GCJ-02", "yx", 3, "2026-03-01"),)
    it = replace(park(said), sources=sources)
    park_file.write(it, tmp_path / "p.gpkg")
    read = park_file.read(tmp_path / "p.gpkg")
    assert read.provenance == it.provenance
    assert read.sources == sources
    assert read.version == park_file.content_hash(it)[:12]
    assert read.version != park_file.content_hash(park())[:12]
    found = compare(
        replace(it, provenance=Provenance({("gate", "G01", ""): SURVEY._replace(as_of="")})), read
    )
    assert found["provenance"].added == ("link//width_m",)
    assert found["provenance"].changed == {"gate/G01/": ("as_of",)}


def test_a_broken_layer_names_its_column(tmp_path: Path) -> None:
    park_file.write(park(), tmp_path / "p.gpkg")

    pyogrio.write_dataframe(
        pd.DataFrame({"layer": ["gate"]}), tmp_path / "p.gpkg", layer="provenance", driver="GPKG", append=True
    )
    with pytest.raises(ValueError, match="layer provenance has no column id"):
        park_file.read(tmp_path / "p.gpkg")


def test_a_mend_says_that_it_was_one() -> None:
    it = park()
    link = str(it.links["id"].iloc[0])
    long = replace(it, links=it.links.assign(length_m=[9999.0, *it.links["length_m"][1:]]))
    point = it.links.geometry.iloc[0].centroid
    finding = Finding("length_differs", "warning", "link", link, point.x, point.y, Text("", ""), Text("", ""))
    made = mend(long, finding, "2026-07-01")
    assert origin(made, "link", link, "length_m") == Origin("mend length_differs", "2026-07-01", "derived")
    assert origin(made, "link", link, "width_m") == SURVEY
    assert made.version == park_file.content_hash(made)[:12]


def test_an_edit_speaks_of_what_it_changed_and_forgets_what_is_gone() -> None:
    it = park({("link", "old", ""): SURVEY})
    gone, kept = str(it.links["id"].iloc[2]), str(it.links["id"].iloc[1])
    before = replace(it, provenance=Provenance({("link", gone, ""): SURVEY}))
    links = before.links.iloc[:2].assign(roughness=[it.links["roughness"].iloc[0], 0.02])
    edit = Origin("duty", "2026-07-01", "declared")
    after = changed(before, replace(before, links=links), edit)
    assert after.provenance.said == {("link", kept, "roughness"): edit}


def test_an_import_says_what_it_read_what_it_derived_and_what_it_assumed(tmp_path: Path) -> None:
    x, y = 541_000.0, 3_362_000.0
    points = pd.DataFrame(
        {
            "点号": ["W1", "W2", "W3"],
            "X": [x, x + 50, x + 100],
            "Y": [y, y, y],
            "地面高程": [4.5, 4.4, 4.3],
            "井深": [1.5, 1.6, np.nan],
            "探测日期": ["2026-03-01", "2026-03-02", ""],
        }
    )
    lines = pd.DataFrame(
        {
            "起点点号": ["W1", "W2"],
            "终点点号": ["W2", "W3"],
            "管径": ["400", ""],
            "材质": ["砼", ""],
            "起点管底高程": [3.0, 2.8],
            "终点管底高程": [2.8, 2.6],
        }
    )
    points.to_csv(tmp_path / "WSP.csv", index=False)
    lines.to_csv(tmp_path / "WSL.csv", index=False)
    got = gather([tmp_path / "WSP.csv", tmp_path / "WSL.csv"], Settings(crs={"": "EPSG:4549"}, yes=True))
    made = got.preview
    assert made is not None, got.report.say("en")
    assert origin(made, "node", "W1", "ground_m") == Origin("WSP.csv/WSP:2", "2026-03-01", "surveyed")
    invert, bottom = origin(made, "node", "W1", "invert_m"), origin(made, "node", "W3", "invert_m")
    assert invert is not None
    assert bottom is not None
    assert (invert.confidence, bottom.confidence) == ("derived", "derived")
    first, second = made.links["id"]

    def confidence(link: str, attribute: str) -> str:
        found = origin(made, "link", link, attribute)
        assert found is not None
        return found.confidence

    assert [confidence(first, a) for a in ("height_m", "roughness", "length_m", "flow_m3s")] == [
        "surveyed",
        "derived",
        "derived",
        "assumed",
    ]
    assert [confidence(second, a) for a in ("height_m", "width_m", "roughness")] == ["assumed"] * 3
    assert [(s.file, s.role, s.crs, s.axes) for s in made.sources] == [
        ("WSP.csv", "node", "EPSG:4549", "xy"),
        ("WSL.csv", "link", "", "xy"),
    ]


def test_the_demo_park_says_that_it_is_made_up_and_its_flows_computed() -> None:
    demo = demo_park()
    made_up, run = origin(demo, "gate", "G01", "stroke_s"), origin(demo, "link", "X", "flow_m3s")
    assert made_up is not None
    assert "fictional" in made_up.source
    assert run is not None
    assert run.confidence == "derived"


def test_marks_speak_only_where_a_mask_holds() -> None:
    assert mark(Confidence.ASSUMED, np.array([True, False])).tolist() == [4, 0]
