"""Models made by others come in whole: every row of their sections is a node or a link, ids as they are."""

import re
from pathlib import Path

import numpy as np
import pytest

from geodata import crs
from geodata.formats import inp
from geodata.formats.inp_epanet import manning
from geodata.formats.report import FormatError
from geodata.framing import Settings
from geodata.intake import gather
from geodata.network import Network

MODELS = Path(__file__).parents[2] / "data" / "networks"
NODES = ("JUNCTIONS", "OUTFALLS", "STORAGE", "RESERVOIRS", "TANKS")
LINKS = ("CONDUITS", "PUMPS", "ORIFICES", "WEIRS", "PIPES", "VALVES")


def ids(file: Path, sections: tuple[str, ...]) -> list[str]:
    """Ids by a reader of its own: first words of the lines of these sections."""
    found = []
    for name in sections:
        body = re.search(rf"^\[{name}\]$(.*?)^\[", file.read_text("utf-8"), re.S | re.M)
        lines = body[1].splitlines() if body else []
        found += [line.split()[0] for line in lines if line.strip() and not line.strip().startswith(";")]
    return found


@pytest.mark.parametrize(
    ("name", "nodes", "links", "unit"),
    [("cid203", 203, 206, "local:ft"), ("infoswmm7", 369, 378, "local"), ("user5", 200, 276, "local:ft"),
     ("ky10", 935, 1061, "local:ft")],
)  # fmt: skip
def test_a_model_comes_in_whole(name: str, nodes: int, links: int, unit: str) -> None:
    file = MODELS / f"{name}.inp"
    asked = gather([file], Settings())
    assert asked.park is None
    assert [(g.kind, g.value) for g in asked.report.guesses] == [("crs", unit)]
    park = gather([file], Settings(crs={"": unit})).park
    assert park is not None
    assert park.crs == crs.LOCAL
    assert (len(park.nodes), len(park.links)) == (nodes, links)
    assert set(park.nodes["id"]) == set(ids(file, NODES))
    assert set(park.links["id"]) == set(ids(file, LINKS))
    network = Network.from_park(park)
    assert (len(network.node_ids), len(network.link_ids)) == (nodes, links)
    ends = park.nodes.set_index("id").loc[park.links["from_node"], ["x", "y"]].to_numpy()
    starts = np.array([g.coords[0] for g in park.links.geometry])
    assert np.allclose(starts, ends, atol=1e-6)


def test_hydraulics_are_in_metres() -> None:
    sheet = inp.read(MODELS / "cid203.inp")[0]
    assert sheet.model is not None
    links = sheet.model.links.set_index("id")
    text = (MODELS / "cid203.inp").read_text("utf-8")
    first = re.search(
        r"^\[CONDUITS\]$\n(?:;.*\n)*(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+)", text, re.M
    )
    assert first is not None
    row = links.loc[first[1]]
    assert (row["from_node"], row["to_node"]) == (first[2], first[3])
    assert row["length_m"] == pytest.approx(float(first[4]) * 0.3048)
    assert row["roughness"] == pytest.approx(float(first[5]))
    assert row["offset_in_m"] == pytest.approx(float(first[6]) * 0.3048)
    assert sheet.model.nodes["inflow_m3s"].sum() > 0
    assert sheet.model.links.query("kind == 'pump'")["capacity_m3s"].max() > 0


SMALL = """[OPTIONS]
FLOW_UNITS CMS
LINK_OFFSETS ELEVATION
[JUNCTIONS]
A 2.0 3
B 1.0 0
[OUTFALLS]
O 0.5 FIXED 1.2 NO
[STORAGE]
S 1 4 0 TABULAR TANK
[CONDUITS]
ditch A B 100 0 2.5 1.0
pipe B O 50 0.013 * 0.5
[PUMPS]
lift S A LIFT ON
[ORIFICES]
hole S B SIDE 1.5 0.65 NO
[XSECTIONS]
ditch IRREGULAR natural
pipe CIRCULAR 0.6
hole RECT_CLOSED 0.4 0.5
[TRANSECTS]
NC 0.04 0.05 0.03
X1 natural 4 0 10 0 0 0 0 0
GR 2 0 0 3 0 7 2 10
[CURVES]
LIFT PUMP3 0 9
LIFT 0.2 1
TANK STORAGE 0 10
TANK 4 25
[COORDINATES]
A 0 0
B 100 0
O 150 0
"""


def test_sections_offsets_curves_and_missing_places(tmp_path: Path) -> None:
    file = tmp_path / "small.inp"
    file.write_text(SMALL)
    made = gather([file], Settings(crs={"": "local"}))
    assert made.park is not None
    links, nodes = made.park.links.set_index("id"), made.park.nodes.set_index("id")
    assert links.loc["ditch", ["kind", "shape"]].tolist() == ["channel", "trapezoid"]
    # Depth 2, top 10, area 14 when full: bottom 4, sides 1.5.
    section = links.loc["ditch", ["height_m", "width_m", "side_slope", "roughness", "offset_in_m"]]
    assert section.tolist() == pytest.approx([2.0, 4.0, 1.5, 0.03, 0.5])
    assert links.loc["lift", "capacity_m3s"] == pytest.approx(0.2)
    assert links.loc["hole", ["kind", "offset_in_m", "width_m"]].tolist() == ["gate", 0.5, 0.5]
    assert (nodes.loc["S", "area_m2"], nodes.loc["O", "stage_m"]) == (25.0, 1.2)
    assert np.isnan(nodes.loc["B", "max_depth_m"])  # SWMM's 0 is "not said"
    assert nodes.loc["S", ["x", "y"]].tolist() == [50.0, 0.0]  # amid A and B, and said so
    assert any("S" in n.text.en and "no position" in n.text.en for n in made.report.layers[0].notes)


def test_a_wrong_number_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.inp"
    file.write_text(SMALL.replace("ditch A B 100", "ditch A B 1oo"))
    report = gather([file], Settings()).report
    assert "bad.inp line 12, Length: “1oo”" in report.errors[0].en


def test_a_link_to_nowhere_is_left_out_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "lost.inp"
    file.write_text(SMALL.replace("pipe B O", "pipe B X"))
    made = gather([file], Settings(yes=True))
    assert made.park is not None
    assert "pipe" not in set(made.park.links["id"])
    note = next(n for n in made.report.layers[0].notes if n.skipped)
    assert (note.row, note.field) == (13, "CONDUITS")
    assert made.report.layers[0].skipped == 1


@pytest.mark.parametrize("text", ["", "nothing", "[TITLE]\nx\n", SMALL.split("[COORDINATES]")[0]])
def test_what_is_no_model_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "no.inp"
    file.write_text(text)
    with pytest.raises(FormatError):
        inp.read(file)


def test_epanet_states_and_directions(tmp_path: Path) -> None:
    file = tmp_path / "e.inp"
    file.write_text(
        "[JUNCTIONS]\nA 10 5\nB 8\n[TANKS]\nT 20 1 0 4 10 0\n[RESERVOIRS]\nR 50\n"
        "[PIPES]\np1 R A 100 300 130 0 CV\np2 A B 100 200 130\np3 B T 100 200 130 0 Closed\n"
        "[VALVES]\nv A T 200 PRV 40\n[OPTIONS]\nUnits LPS\nHeadloss H-W\n"
        "[COORDINATES]\nR 0 0\nA 100 0\nB 200 0\nT 200 100\n"
    )
    park = gather([file], Settings(yes=True)).park
    assert park is not None
    links, nodes = park.links.set_index("id"), park.nodes.set_index("id")
    assert links["direction_source"].to_dict() == {
        "p1": "declared",
        "p2": "assumed",
        "p3": "assumed",
        "v": "declared",
    }
    assert links["status"].to_dict() == {"p1": "one_way", "p2": "open", "p3": "closed", "v": "one_way"}
    assert links["kind"].to_dict() == {"p1": "pipe", "p2": "pipe", "p3": "pipe", "v": "valve"}
    assert set(links["regime"]) == {"pressure"}
    network = Network.from_park(park)
    assert network.open.tolist() == [True, True, False, True]
    assert links.loc["p1", "height_m"] == pytest.approx(0.3)
    assert nodes["kind"].to_dict() == {"A": "junction", "B": "junction", "T": "storage", "R": "source"}
    assert nodes.loc["A", "inflow_m3s"] == pytest.approx(-0.005)
    assert nodes.loc["T", "area_m2"] == pytest.approx(np.pi * 25)


def test_roughness_of_epanet_becomes_mannings() -> None:
    assert manning(0.012, 0.3, "C-M", 1e-3) == 0.012
    assert manning(130, 0.3, "H-W", 1e-3) == pytest.approx(0.0102, abs=5e-4)
    assert manning(1.5, 0.3, "D-W", 1e-3) == pytest.approx(0.013, abs=1e-3)
