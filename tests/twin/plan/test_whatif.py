"""A plan and doing nothing by the hydraulic engine, on the tiny park."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from geodata import park as parks
from geodata.places import Park
from geodata.words import Text
from tests.twin.parks import tiny_park
from twin.errors import MissingError
from twin.model import (
    Arrival,
    GateMove,
    GatePlan,
    Incident,
    IncidentState,
    Level,
    PlanSet,
    Ranking,
    Suspect,
)
from twin.plan import whatif

AT = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def park() -> Park:
    return tiny_park()


@pytest.fixture(scope="module")
def park_path(park: Park, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("park") / "tiny.gpkg"
    # The engine takes one pipe at an outfall; the sewers play no part here.
    links = park.links[~park.links["id"].isin(("LP2", "LP3"))].assign(capacity_m3s=0.0)
    nodes = park.nodes[~park.nodes["id"].isin(("P2", "P3"))]
    parks.write(replace(park, links=links, nodes=nodes), path)
    return path


def suspect(**changes: object) -> Suspect:
    given = {
        "enterprise": "E01",
        "probability": 0.8,
        "outlet": "E01-YS001",
        "reasons": (),
        "path": ("LN1", "LN2"),
        "release_from": AT - timedelta(minutes=90),
        "release_to": AT - timedelta(minutes=50),
        "strength_kg": 120.0,
        "strength_of": "w01018",
    }
    return Suspect(**(given | changes))  # type: ignore[arg-type]


def asked(who: tuple[Suspect, ...]) -> tuple[PlanSet, Ranking, Incident]:
    arrival = Arrival(
        "G01", AT + timedelta(minutes=40), AT + timedelta(minutes=60), AT + timedelta(hours=2), 1.0
    )
    move = GateMove("G01", AT, arrival, 240.0, 300.0, 300.0, False, False, Text("", ""))
    plan = GatePlan("EV/A", "EV", Text("", ""), (move,), 0.9, 0.8, 100.0, 9000.0, 3.0, (), True)
    incident = Incident(
        "EV", AT, IncidentState.OPEN, Level.ALARM, Text("", ""), ("S01",), ("w01018",), (), AT
    )
    plans = PlanSet("EV", AT, (plan,), (arrival,), (), "tiny-1")
    return plans, Ranking("EV", AT, who, 0.1, (), (), "tiny-1", "t", 1), incident


@pytest.mark.slow
def test_closing_the_gate_keeps_the_spill_from_the_sea(park_path: Path, tmp_path: Path) -> None:
    plans, ranking, incident = asked((suspect(),))
    plans = replace(plans, park_version=parks.read(park_path).version)
    found = whatif.run(park_path, plans, "EV/A", ranking, incident, folder=tmp_path, hours=6.0)
    assert found.factor == "w01018"
    assert found.kg_nothing["R1"] == pytest.approx(120.0, rel=0.25)
    assert found.kg_plan["R1"] < 0.3 * found.kg_nothing["R1"]
    assert set(found.kg_plan) == {"R1", "R2"}
    assert found.seconds > 0
    assert (found.incident, found.plan, found.at) == ("EV", "EV/A", AT)


def test_an_unknown_plan_or_no_suspect_is_said(park_path: Path) -> None:
    plans, ranking, incident = asked((suspect(),))
    with pytest.raises(MissingError):
        whatif.run(park_path, plans, "EV/Z", ranking, incident)
    plans, nobody, incident = asked(())
    with pytest.raises(MissingError):
        whatif.run(park_path, plans, "EV/A", nobody, incident)


def test_a_release_has_the_told_mass_and_goes_on_if_it_was_still_seen(park: Park) -> None:
    factor, over = whatif.release(park, suspect(), AT)
    assert factor == "w01018"
    assert over.node == "N1"
    assert over.duration_s == 2400
    assert over.flow_m3s * over.mg_l["COD"] * over.duration_s / 1000 == pytest.approx(120.0)
    _, still = whatif.release(park, suspect(release_to=AT - timedelta(minutes=5)), AT)
    assert still.duration_s == 120 * 60
    assert still.flow_m3s * still.mg_l["COD"] * still.duration_s / 1000 == pytest.approx(120 * 120 / 85)


def test_a_strength_in_a_factor_the_engine_does_not_carry_is_told_in_cod(park: Park) -> None:
    assert whatif.release(park, suspect(strength_of="w23002"), AT)[0] == "w01018"
    assert whatif.release(park, suspect(strength_of="w21017"), AT)[1].mg_l["F"] > 0
