"""What was foretold against what came, and stroke times that gates have shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from geodata.network import Network
from geodata.words import Text
from tests.twin.parks import tiny_park
from tests.twin.plan.test_plans import NOW, minutes, plan
from twin.model import Anomaly, Command, CommandState, Kind, Level, PlanSet, Point, WhatIf
from twin.plan.afterwards import review
from twin.plan.strokes import measured, with_measured


def anomaly(station: str, at: datetime) -> Anomaly:
    return Anomaly(
        f"{station}/w01018/deviation/{round(at.timestamp())}",
        Point(station, "w01018"),
        Kind.DEVIATION,
        "t",
        at,
        0.0,
        None,
        Level.ALARM,
        9.0,
        Text("", ""),
    )


def command(gate: str, sent: datetime, took_s: float, state: CommandState = CommandState.DONE) -> Command:
    done = sent + timedelta(seconds=took_s) if state is CommandState.DONE else None
    return Command(f"C-{gate}-{sent:%H%M}", "EV", "", gate, 0.0, "duty", sent, (), state, 0.0, sent, done)


@pytest.fixture(scope="module")
def told() -> PlanSet:
    return plan(tiny_park(), saw={"S01": 5})


def test_an_arrival_within_its_band_and_gates_in_time(told: PlanSet) -> None:
    park = tiny_park()
    band = next(a for a in told.arrivals if a.place == "G01")
    due = next(m.close_by for p in told.plans for m in p.moves if m.gate == "G01")
    whatif = WhatIf("EV", "EV/A", NOW, 10.0, "w01018", {"R1": 200.0}, {"R1": 15.0}, 0.0, 3.0)
    found = review(
        park,
        Network.from_park(park),
        "EV",
        [told],
        [anomaly("S01", NOW - minutes(5)), anomaly("S02", band.middle + minutes(1))],
        [command("G01", due - minutes(2), 240), command("G02", NOW, 0, CommandState.FAILED)],
        [whatif],
    )
    assert [c.place for c in found.arrivals] == ["G01"]
    assert found.inside == 1.0
    assert found.error is not None
    assert found.error < 0.2
    assert (found.in_time, found.late, found.failed) == (1, 0, 1)
    assert (found.kg_nothing, found.kg_plan, found.reached) == (200.0, 15.0, ())
    assert "185 kg kept of 200" in found.told().en
    assert "1 in time, 0 late, 1 failed" in found.told().en


def test_a_plume_outside_its_band_a_late_order_and_a_receptor_reached_are_counted(told: PlanSet) -> None:
    park = tiny_park()
    band = next(a for a in told.arrivals if a.place == "R2")
    due = next(m.close_by for p in told.plans for m in p.moves if m.gate == "G01")
    found = review(
        park,
        Network.from_park(park),
        "EV",
        [told, replace(told, at=NOW + minutes(30), arrivals=())],
        [anomaly("S03", band.late + minutes(60))],
        [command("G01", due + minutes(2), 240)],
        [],
    )
    assert {c.place for c in found.arrivals} == {"G02", "R2"}
    assert found.inside == 0.0
    assert (found.in_time, found.late) == (0, 1)
    assert found.reached == ("R2",)
    assert found.kg_plan is None
    assert "R2" in found.told().zh


def test_nothing_seen_and_nothing_ordered_is_no_score(told: PlanSet) -> None:
    park = tiny_park()
    found = review(park, Network.from_park(park), "EV", [told], [], [], [])
    assert (found.inside, found.error, found.kg_nothing) == (None, None, None)


def test_the_slowest_of_the_last_strokes_goes_into_the_card() -> None:
    park = tiny_park()
    times = (300.0, 250.0, 260.0, 270.0)
    done = []
    for i, t in enumerate(times):
        shut = command("G01", NOW + timedelta(hours=i), t)
        back = replace(
            shut, id=f"B{i}", target=1.0, sent_at=NOW + timedelta(hours=i, minutes=20), done_at=None
        )
        done += [shut, back, replace(back, done_at=back.sent_at + timedelta(seconds=255))]  # type: ignore[operator]
    found = measured(park, reversed(done))
    assert found["G01"].stroke_s == 270.0
    assert found["G01"].strokes == 8
    learnt = with_measured(park, done)
    assert learnt.gate("G01").stroke_s == 270.0
    assert learnt.gate("G02") == park.gate("G02")
    assert learnt.version == park.version


def test_a_stroke_that_failed_or_took_no_time_teaches_nothing() -> None:
    park = tiny_park()
    taught = [command("G01", NOW, 0, CommandState.FAILED), command("G02", NOW, 1.0)]
    assert measured(park, taught) == {}
    assert with_measured(park, taught) is park
