"""The process that reads uploaded files: a model's own hydraulics tell which way its water runs."""

from __future__ import annotations

from pathlib import Path

from geodata import park as parks
from tests.twin.parks import tiny_park
from tests.twin.test_hydraulics_imported import PRESSURE
from twin.park_desk import Desk, Room
from twin.park_stage import stage


def test_directions_of_an_uploaded_model_are_its_engines(tmp_path: Path) -> None:
    present = tmp_path / "present.gpkg"
    parks.write(tiny_park(), present)
    work = Desk(tmp_path / "desk", Room(files=3, works=2)).open("me")
    with work.receive("e.inp") as out:
        out.write(PRESSURE.encode())
    told = stage(work, present)
    assert any("EPANET" in text["en"] for text in told["merged"])
    links = parks.read(work.park(told["version"])).links.set_index("id")
    assert links.loc["p1", "direction_source"] == "flow"
    assert links.loc["p1", "flow_m3s"] < 0  # drawn from A to R, and R feeds A
