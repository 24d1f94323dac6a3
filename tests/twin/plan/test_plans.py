"""Plans on the tiny park: bands, deadlines, too late, failed and closed gates, flood lock, who stands in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from geodata.network import Network
from geodata.places import Park
from geodata.words import Text
from tests.twin.parks import tiny_park
from twin.config import Config
from twin.model import (
    Anomaly,
    GateState,
    Incident,
    IncidentState,
    Kind,
    Level,
    PlanSet,
    Point,
    Ranking,
    Suspect,
    from_json,
    to_json,
)
from twin.plan.plans import make
from twin.plan.telling import contradicted

NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
CONFIG = Config(data=Path("unused"), park=Path("unused"), decision_s=300, margin_s=120, margin_share=0.1)


def minutes(m: float) -> timedelta:
    return timedelta(minutes=m)


def plan(
    park: Park,
    *,
    saw: dict[str, float],
    gates: tuple[GateState, ...] = (),
    outlet: str = "E01-YS001",
    locked: Collection[str] = (),
    config: Config = CONFIG,
    now: datetime = NOW,
) -> PlanSet:
    """Plans for a plume that stations saw so many minutes ago."""
    since = {s: NOW - minutes(m) for s, m in saw.items()}
    first = min(since.values())
    anomalies = [
        Anomaly(
            s,
            Point(s, "w01018"),
            Kind.DEVIATION,
            "t",
            t,
            0.0,
            None,
            Level.ALARM,
            9.0,
            Text("", ""),
            incident="EV",
        )
        for s, t in since.items()
    ]
    opened = first + minutes(3)
    incident = Incident(
        "EV", opened, IncidentState.OPEN, Level.ALARM, Text("", ""), tuple(saw), ("w01018",), (), opened
    )
    suspect = Suspect(
        "E01", 0.8, outlet, (), ("LN1", "LN2"), first - minutes(20), first + minutes(10), 200.0, "w01018"
    )
    ranking = Ranking("EV", NOW, (suspect,), 0.1, (), (), park.version, "t", 100)
    network = Network.from_park(park)
    return make(park, network, ranking, incident, gates, config, now, locked, anomalies)


def state(gate: str, position: float | None, *, failed: bool = False) -> GateState:
    return GateState(gate, position, False, failed, NOW)


@pytest.fixture(scope="module")
def park() -> Park:
    return tiny_park()


@pytest.fixture(scope="module")
def early(park: Park) -> PlanSet:
    return plan(park, saw={"S01": 5})


def test_bands_are_in_order_downstream_and_fronts_come_before_the_mean_travel_time(
    park: Park, early: PlanSet
) -> None:
    places = [a.place for a in early.arrivals]
    assert sorted(places) == ["G01", "G02", "R1", "R2"]
    assert places[0] == "G01"
    assert places[-1] == "R1"
    for a in early.arrivals:
        assert a.early < a.middle < a.late
        assert a.share > 0.9
    network = Network.from_park(park)
    mean = network.travel_times([network.nodes["N3"]])[0]
    band = next(a for a in early.arrivals if a.place == "G02")
    seen = NOW - minutes(5)
    share = (band.middle - seen).total_seconds() / mean[network.nodes["C5"]]
    assert 0.25 < share < 1.0


def test_close_by_is_early_less_stroke_decision_and_margin(early: PlanSet) -> None:
    for p in early.plans:
        for m in p.moves:
            left = (m.arrival.early - NOW).total_seconds()
            assert m.margin_s == pytest.approx(max(120.0, 0.1 * left))
            by = m.arrival.early - timedelta(seconds=m.stroke_s + m.decision_s + m.margin_s)
            assert abs((m.close_by - by).total_seconds()) <= 1
            assert m.decision_s == 300
            assert m.too_late == (m.close_by < NOW)


def test_the_recommended_plan_holds_nearly_all_and_waiting_costs_nothing_or_more(early: PlanSet) -> None:
    best = early.plans[0]
    assert best.recommended
    assert [p.recommended for p in early.plans].count(True) == 1
    assert best.contained > 0.9
    assert best.contained_late <= best.contained
    assert best.volume_m3 > 0
    assert best.storage_m3 > 0
    assert 0 < best.hours_to_full <= 999
    assert best.moves[0].why.zh
    assert "order by" in best.moves[0].why.en
    assert early.path[0] == "LN3"
    assert from_json(to_json(early), PlanSet) == early


def test_if_the_first_gate_fails_the_other_stands_in(early: PlanSet) -> None:
    single = next(p for p in early.plans if len(p.moves) == 1)
    gate = single.moves[0].gate
    assert single.if_fails == {gate: "G02" if gate == "G01" else "G01"}


def test_a_gate_already_passed_is_useless_and_not_proposed(park: Park) -> None:
    late = plan(park, saw={"S01": 200, "S02": 60, "S03": 0.5})
    for p in late.plans:
        assert "G01" not in {m.gate for m in p.moves}
    assert all(a.late < NOW for a in late.arrivals if a.place == "G01")


def test_too_late_is_said_and_never_recommended_before_a_plan_in_time(park: Park) -> None:
    slow = replace(CONFIG, decision_s=3600.0)
    found = plan(park, saw={"S01": 100, "S02": 0.5}, config=slow)
    flags = [any(m.too_late for m in p.moves) for p in found.plans]
    assert flags == sorted(flags)
    hopeless = plan(park, saw={"S01": 100, "S02": 0.5}, config=replace(CONFIG, decision_s=1e6))
    assert all(m.too_late for p in hopeless.plans for m in p.moves)


def test_a_failed_gate_and_a_closed_gate_are_not_proposed(park: Park) -> None:
    failed = plan(park, saw={"S01": 5}, gates=(state("G01", 1.0, failed=True), state("G02", 1.0)))
    assert {m.gate for p in failed.plans for m in p.moves} == {"G02"}
    closed = plan(park, saw={"S01": 5}, gates=(state("G01", 0.0), state("G02", 1.0)))
    assert all(m.gate != "G01" for p in closed.plans for m in p.moves)
    both = plan(park, saw={"S01": 5}, gates=(state("G01", 0.0), state("G02", 0.0)))
    assert both.plans == ()


def test_a_flood_lock_marks_every_move_and_is_told(park: Park) -> None:
    locked = plan(park, saw={"S01": 5}, locked=("G01", "G02"))
    assert all(m.flood_lock for p in locked.plans for m in p.moves)
    assert any("Flood lock" in e.en for e in locked.plans[0].side_effects)
    assert not any(p.recommended for p in locked.plans)


def test_people_need_time_to_get_to_a_gate_worked_by_hand(park: Park, early: PlanSet) -> None:
    by_hand = replace(park, gates=tuple(replace(g, remote=False) for g in park.gates))
    later = plan(by_hand, saw={"S01": 5})
    ours = {m.gate: m for p in early.plans for m in p.moves}
    theirs = {m.gate: m for p in later.plans for m in p.moves}
    both = ours.keys() & theirs.keys()
    assert both
    assert all(ours[g].close_by - theirs[g].close_by == timedelta(minutes=30) for g in both)
    assert all(m.decision_s == CONFIG.decision_s + 1800 for m in theirs.values())


def test_a_gate_under_a_lock_of_its_own_makes_room_for_another(park: Park, early: PlanSet) -> None:
    best = next(p for p in early.plans if p.recommended)
    own = plan(park, saw={"S01": 5}, locked=(best.moves[0].gate,))
    assert not any(m.flood_lock for p in own.plans if p.recommended for m in p.moves)


def test_side_effects_name_who_must_agree(early: PlanSet) -> None:
    for p in early.plans:
        asks = any("pre-authorised" in e.en for e in p.side_effects)
        assert asks == ("G02" in {m.gate for m in p.moves})  # G01 is


def test_the_same_question_gets_the_same_answer(park: Park, early: PlanSet) -> None:
    assert to_json(plan(park, saw={"S01": 5})) == to_json(early)


def test_a_plume_in_the_sewer_needs_no_gate(park: Park) -> None:
    found = plan(park, saw={"S04": 5}, outlet="E01-DW001")
    assert found.arrivals == ()
    assert found.plans == ()


def test_onsets_are_read_from_the_incident_when_no_anomalies_are_given(park: Park) -> None:
    at = NOW - minutes(5)
    incident = Incident(
        "EV",
        NOW,
        IncidentState.OPEN,
        Level.ALARM,
        Text("", ""),
        ("S01",),
        ("w01018",),
        (f"S01/w01018/deviation/{round(at.timestamp())}",),
        NOW,
    )
    suspect = Suspect("E01", 0.8, "E01-YS001", (), ("LN1", "LN2"), at - minutes(20), at + minutes(10), 200.0)
    ranking = Ranking("EV", NOW, (suspect,), 0.1, (), (), park.version, "t", 100)
    found = make(park, Network.from_park(park), ranking, incident, (), CONFIG, NOW)
    same = plan(park, saw={"S01": 5})
    assert [a.place for a in found.arrivals] == [a.place for a in same.arrivals]
    for a, b in zip(found.arrivals, same.arrivals, strict=True):
        assert np.abs((a.early - b.early).total_seconds()) < 2


def test_when_the_best_gate_is_too_late_those_still_in_time_come_first(park: Park) -> None:
    """G01 holds most but its deadline is over: G02, which is in time, is recommended."""
    slow = replace(park, gates=tuple(replace(g, stroke_s=5000.0) if g.id == "G01" else g for g in park.gates))
    found = plan(slow, saw={"S01": 5})
    assert [m.gate for m in found.plans[0].moves] == ["G02"]
    assert not found.plans[0].moves[0].too_late


def test_a_reading_at_another_time_than_expected_is_told(park: Park) -> None:
    """The first station tells of the second; a reading that fits confirms, another one is named."""
    odd = plan(park, saw={"S01": 500, "S02": 1})
    (late,) = odd.sightings
    assert late.station == "S02"
    assert late.early < late.middle < late.late < late.seen
    assert not late.expected
    way = (late.middle - (NOW - minutes(500))).total_seconds() / 60
    (fits,) = plan(park, saw={"S01": way + 1, "S02": 1}).sightings
    assert fits.expected
    assert abs((fits.middle - fits.seen).total_seconds()) < 120
    assert contradicted([fits]) is None
    assert contradicted([late]) is not None
    assert plan(park, saw={"S01": 5}).sightings == ()
