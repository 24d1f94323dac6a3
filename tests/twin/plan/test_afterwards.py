"""What was foretold against what came, and stroke times that gates have shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from geodata.network import Network
from geodata.words import Text
from tests.twin.parks import tiny_park
from tests.twin.plan.test_plans import NOW, minutes, plan
from twin.clock import as_ms
from twin.curves import Window
from twin.model import (
    Anomaly,
    Command,
    CommandState,
    Incident,
    IncidentState,
    Kind,
    Level,
    PlanSet,
    Point,
    WhatIf,
    from_json,
    to_json,
)
from twin.plan.afterwards import review
from twin.plan.mass import came_kg
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
        at=NOW + minutes(300),
    )
    assert found.at == NOW + minutes(300)  # when it was scored, not when the plume was last seen
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


def test_the_engines_word_on_what_was_done_counts_and_makes_the_score(told: PlanSet) -> None:
    park = tiny_park()
    plan_a = told.plans[0]
    other = WhatIf("EV", "EV/S", NOW, 10.0, "w01018", {"R1": 200.0}, {"R1": 150.0}, 0.0, 3.0)
    ours = replace(other, plan=plan_a.id, kg_plan={"R1": 20.0})
    done = [command(m.gate, NOW, 200) for m in plan_a.moves]
    found = review(
        park, Network.from_park(park), "EV", [told], [], done, [ours, other], at=NOW, final=False,
        kg_came={"R1": 12.0},
    )  # fmt: skip
    assert (found.kg_plan, found.kept, found.final, found.kg_came) == (20.0, 0.9, False, {"R1": 12.0})
    assert found.score == 95  # gates in time 100, mass kept 90
    assert from_json(to_json(found), type(found)) == found
    nobody = review(park, Network.from_park(park), "EV", [told], [], [], [])
    assert nobody.score is None


def test_mass_at_a_receptor_is_what_its_station_saw_above_the_usual() -> None:
    park = tiny_park()
    network = Network.from_park(park)
    station = next(s for s in park.stations if s.id == "S03")  # at the receptor R2
    at = np.arange(0, 7200, 60) * 1000 + as_ms(NOW) - 3_600_000
    mg_l = np.where(at >= as_ms(NOW) + 600_000, 30.0, 10.0)
    flags = np.full(len(at), ord("N"), np.uint8)
    window = Window(((station.mn, "w01018"),), np.array([0, len(at)]), at, mg_l, flags)
    incident = Incident(
        "EV", NOW, IncidentState.OPEN, Level.ALARM, Text("", ""), ("S01",), ("w01018",), (), NOW
    )
    found = came_kg(park, network, window, incident, "w01018")
    assert set(found) == {"R2"}
    node = network.nodes["C5"]
    through = max(np.abs(network.flow_m3s)[ends == node].sum() for ends in (network.head, network.tail))
    seconds = (at[-1] - as_ms(NOW)) / 1000 - 600 + 30  # half a minute of the rise itself
    assert found["R2"] == pytest.approx(20.0 * seconds / 1000 * through, rel=0.01)
    assert came_kg(park, network, window, incident, "w21003") == {}


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
