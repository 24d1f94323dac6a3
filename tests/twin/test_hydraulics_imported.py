"""What an engine says about a model, where it can be known by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geodata.framing import Settings
from geodata.intake import gather
from geodata.network import Network
from twin.errors import TwinError
from twin.hydraulics import epanet, swmm_file
from twin.hydraulics.imported import flowed
from twin.hydraulics.watched import Sum

PRESSURE = """[JUNCTIONS]
A 10 0
B 8 5
C 8 0
[RESERVOIRS]
R 50
[PIPES]
p1 A R 100 300 130
p2 B A 100 200 130
p3 B C 100 200 130
p4 A C 100 200 130 0 Closed
p5 C B 80 100 130 0 CV
[PUMPS]
pu A B HEAD H
[STATUS]
pu Closed
[CURVES]
H 10 20
[OPTIONS]
Units LPS
Headloss H-W
[COORDINATES]
R 0 0
A 100 0
B 200 0
C 200 100
"""


def test_directions_of_a_pressure_network_are_epanets(tmp_path: Path) -> None:
    file = tmp_path / "e.inp"
    file.write_text(PRESSURE)
    made = gather([file], Settings(yes=True))
    assert "4 links is assumed" in " ".join(t.en for t in made.report.merged)
    flowed(made, [file])
    assert made.park is not None
    assert made.park is made.preview
    links = made.park.links.set_index("id")
    # Everything B takes comes from R by the first two pipes, both drawn against it; C takes nothing.
    assert links["flow_m3s"].to_dict() == pytest.approx(
        {"p1": -0.005, "p2": -0.005, "p3": 0.0, "p4": 0.0, "p5": 0.0, "pu": 0.0}, abs=1e-6
    )
    assert links.loc["p1", "velocity_ms"] == pytest.approx(-0.005 / (np.pi * 0.15**2), rel=1e-3)
    assert links["direction_source"].to_dict() == {
        "p1": "flow",
        "p2": "flow",
        "p3": "assumed",
        "p4": "assumed",
        "p5": "declared",
        "pu": "declared",
    }
    said = " ".join(t.en for t in made.report.merged)
    assert "direction of 2 links is assumed" in said
    assert "2 links that were assumed are known, 2 run against" in said
    network = Network.from_park(made.park)
    assert network.downstream("R").nodes.tolist() == ["R", "A", "B", "C"]
    assert set(network.downstream("R").links.tolist()) == {"p1", "p2", "p3", "p5"}
    on = network.with_states({"p4": 1.0, "pu": 1.0, "p3": 0.0})
    assert set(on.downstream("R").links.tolist()) == {"p1", "p2", "p4", "p5", "pu"}


def test_a_model_the_engine_refuses_keeps_its_drawing_and_says_why(tmp_path: Path) -> None:
    file = tmp_path / "e.inp"
    file.write_text(PRESSURE.replace("pu A B HEAD H", "pu A B HEAD LOST"))
    made = gather([file], Settings(yes=True))
    before = made.park
    assert before is not None
    flowed(made, [file])
    assert made.park is not None
    assert made.park.version == before.version
    assert "EPANET refuses e.inp" in made.report.merged[-1].en
    with pytest.raises(TwinError, match="EPANET refuses"):
        epanet.watch(file, 1e-3, 1.0)


def test_files_that_are_no_models_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "e.inp"
    file.write_text(PRESSURE)
    made = gather([file], Settings(yes=True))
    version = made.park.version if made.park else ""
    flowed(made, [tmp_path / "roads.shp", tmp_path / "gone.inp"])
    assert made.park is not None
    assert made.park.version == version


def test_swmm_is_asked_in_a_process_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "s.inp"
    file.write_text(
        "[OPTIONS]\nFLOW_UNITS LPS\nFLOW_ROUTING KINWAVE\nSTART_DATE 01/01/2026\nEND_DATE 01/01/2026\n"
        "START_TIME 00:00\nEND_TIME 02:00\nROUTING_STEP 30\n[JUNCTIONS]\nA 2 2 0 0 0\nB 1 2 0 0 0\n[OUTFALLS]"
        "\nO 0 FREE NO\n[CONDUITS]\np A B 100 0.013 0 0 0 0\nq B O 100 0.013 0 0 0 0\n[XSECTIONS]\n"
        "p CIRCULAR 0.5 0 0 0\nq CIRCULAR 0.5 0 0 0\n[DWF]\nA FLOW 20\n[COORDINATES]\n"
        "A 0 0\nB 100 0\nO 200 0\n"
    )
    seen = swmm_file.watch(file, 1e-3, 1.0)
    assert seen.links == ("p", "q")
    assert seen.hours == pytest.approx(2, abs=0.1)
    assert seen.flow_m3s == pytest.approx([0.02, 0.02], rel=0.1)
    assert (seen.depth_m > 0.05).all()
    file.write_text("[JUNCTIONS]\nA\n")
    with pytest.raises(TwinError, match="SWMM refuses"):
        swmm_file.watch(file, 1e-3, 1.0)


def test_reversal_is_the_time_against_the_mean() -> None:
    total = Sum(("a", "b", "c"))
    total.take(3.0, [2.0, -4.0, 0.0], [1, 1, 0], [0, 0, 0], 0.01)
    total.take(1.0, [-2.0, 4.0, 0.0], [1, 1, 0], [0, 0, 0], 0.01)
    seen = total.watched(0.5, 1.0)
    assert seen.flow_m3s.tolist() == [0.5, -1.0, 0.0]
    assert seen.reversal.tolist() == [0.25, 0.25, 0.0]
    assert seen.speed_ms.tolist() == [1.0, -1.0, 0.0]
