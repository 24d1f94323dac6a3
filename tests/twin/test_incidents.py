"""Anomalies become incidents: what opens one, what never does, what joins, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from geodata.places import Park
from geodata.words import Text
from tests.geodata import parks
from tests.twin.detect.series import MINUTE, WASTE, World, small_world
from tests.twin.parks import tiny_park
from twin.clock import as_datetime
from twin.errors import RefusedError
from twin.incidents import LIVE, TRANSITIONS, moved
from twin.model import (
    Anomaly,
    Arrival,
    GateMove,
    GatePlan,
    Incident,
    IncidentState,
    Kind,
    Level,
    PlanSet,
    Point,
)


@pytest.fixture(scope="module")
def demo_park() -> Park:
    return parks.demo_park()


@pytest.fixture
def world() -> World:
    return small_world(90, seed=4)


def slug(world: World, station: str, share: float, *, but: str = "") -> dict[int, float]:
    """What a slug of waste adds to a station's factors, as shares of their usual values."""
    usual = {"w01018": 16.0, "w21003": 0.6, "w01014": 850.0, "w21001": 2.0, "w21011": 0.12}
    return {
        world.at(station, f): usual[f] * (WASTE[f] - 1) * share
        for f in world.park.station(station).factors
        if f in usual and f != but
    }


def travel_minutes(world: World, a: str, b: str) -> int:
    ids = [s.id for s in world.park.stations]
    return round(world.reach.after(ids.index(a))[ids.index(b)] / 60)


@pytest.mark.parametrize(
    ("seed", "memory", "swing"),
    [
        (1, 0.0, 0.0),
        pytest.param(2, 0.7, 0.15, marks=pytest.mark.slow),
        pytest.param(3, 0.3, 0.25, marks=pytest.mark.slow),
    ],
)
def test_a_day_of_noise_on_the_whole_park_opens_nothing(
    demo_park: Park, seed: int, memory: float, swing: float
) -> None:
    world = World(demo_park, seed=seed, noise=0.04, memory=memory, swing=swing)
    world.run(24 * 60)
    assert len(world.table.points) >= 400
    assert world.opened() == []
    suspects = {c.anomaly.id for _, c in world.changes if c.anomaly.kind is Kind.SUSPECT}
    assert len(suspects) <= 3


def test_a_slug_opens_one_incident_within_three_readings(world: World) -> None:
    began = world.now_ms
    world.run(6, slug(world, "S01", 0.3))
    (incident,) = world.opened()
    assert (incident.opened - as_datetime(began)) <= timedelta(minutes=3)
    assert incident.stations == ("S01",)
    assert {"w01018", "w21003"} <= set(world.correlator.cases[0].incident.factors)
    now = world.correlator.cases[0].incident
    assert now.level is Level.CRITICAL  # COD is over class V by now
    assert now.title.zh.startswith("雨水渠站 ")
    assert "疑似雨水口排放" in now.title.zh
    assert "rain outlet suspected" in now.title.en
    mine = [c.anomaly for _, c in world.changes if c.anomaly.incident == incident.id]
    assert {a.kind for a in mine} <= {Kind.EXCEEDANCE, Kind.DEVIATION}
    assert {a.id for a in mine} == set(now.anomalies)


def test_the_same_slug_downstream_joins_and_opens_nothing_new(world: World) -> None:
    late = travel_minutes(world, "S01", "S02")
    world.run(late, slug(world, "S01", 0.4))
    world.run(20, {**slug(world, "S01", 0.4), **slug(world, "S02", 0.1)})
    assert len(world.opened()) == 1
    assert world.correlator.cases[0].incident.stations == ("S01", "S02")
    world.run(travel_minutes(world, "S02", "S03"))
    world.run(15, slug(world, "S03", 0.06))
    assert len(world.opened()) == 1
    assert world.correlator.cases[0].incident.stations == ("S01", "S02", "S03")


def test_two_slugs_that_cannot_be_one_are_two_incidents(world: World) -> None:
    """Nothing that passes the sea gate's station can have reached the channel after it."""
    world.run(30, slug(world, "S03", 0.2))
    assert len(world.opened()) == 1
    world.run(400)
    world.run(10, slug(world, "S01", 0.3))
    assert len(world.opened()) == 2


@pytest.mark.parametrize(("rest", "tidal", "told"), [(75, False, 2), (40, False, 1), (75, True, 1)])
def test_what_a_station_shows_after_an_hour_of_usual_water_is_another_slug(
    rest: int, tidal: bool, told: int
) -> None:
    """The first is still at S02 then; where water turns with the tide it may be the same one, coming back."""
    park = tiny_park()
    links = park.links.assign(reversal=park.links["reversal"].where(park.links["id"] != "LN3", 0.4))
    world = small_world(90, seed=4)
    if tidal:
        world = World(replace(park, links=links), seed=4)
        world.run(90)
    late = travel_minutes(world, "S01", "S02")
    below = slug(world, "S02", 0.1)
    world.run(late, slug(world, "S01", 0.4))
    world.run(5, {**slug(world, "S01", 0.4), **below})
    world.run(10 + rest, below)  # a reading is no longer away some minutes after the water is as ever
    assert len(world.opened()) == 1
    world.run(10, {**slug(world, "S01", 0.4), **below})
    assert len(world.opened()) == told
    assert [c.incident.state for c in world.correlator.cases] == [IncidentState.OPEN] * told
    assert world.correlator.cases[0].incident.stations[:2] == ("S01", "S02")


def test_a_second_slug_on_its_way_is_followed_apart_from_the_first(world: World) -> None:
    late = travel_minutes(world, "S01", "S02")
    world.run(late, slug(world, "S01", 0.4))
    world.run(85, slug(world, "S02", 0.1))
    world.run(10, {**slug(world, "S01", 0.4), **slug(world, "S02", 0.1)})
    world.run(120, slug(world, "S01", 0.4))
    first, second = (dict.fromkeys(c.points) for c in world.correlator.cases)
    assert not first.keys() & second.keys()
    assert {world.table.points[i].station for i in second} >= {"S01"}


def test_what_joins_late_at_a_station_of_an_incident_is_no_lying_instrument(world: World) -> None:
    first = {world.at("S02", f): rise for f, rise in (("w21003", 0.9), ("w01014", 300.0))}
    world.run(80, first)
    assert world.opened()
    world.run(30, first | {world.at("S02", "w01018"): 12.0})
    mine = [c.anomaly for _, c in world.changes if c.anomaly.point == Point("S02", "w01018")]
    assert mine
    assert {a.kind for a in mine} == {Kind.DEVIATION}
    assert mine[-1].incident == world.opened()[0].id


def test_one_factor_alone_is_a_suspect_instrument_and_no_incident(world: World) -> None:
    i = world.at("S02", "w01018")
    world.run(60, {i: 60.0})  # COD far over its limit, everything else as ever
    assert world.opened() == []
    open_now = world.alarms.open[i]
    assert open_now.kind is Kind.SUSPECT
    assert "先检查仪器" in open_now.reason.zh
    world.run(10)
    assert i not in world.alarms.open
    assert all(c.anomaly.incident == "" for _, c in world.changes)


def test_a_drifting_sensor_is_no_incident_either(world: World) -> None:
    i = world.at("S02", "w21003")
    for k in range(240):
        world.minute({i: 0.02 * k})
    assert world.opened() == []


def test_an_instrument_that_failed_before_the_slug_does_not_hide_it(world: World) -> None:
    i = world.at("S02", "w01018")
    world.run(90, {i: 60.0})
    world.run(4, {**slug(world, "S02", 0.15, but="w01018"), i: 60.0})
    assert len(world.opened()) == 1


def test_one_factor_confirmed_downstream_opens_an_incident(world: World) -> None:
    cod = {s: world.at(s, "w01018") for s in ("S02", "S03")}
    late = travel_minutes(world, "S02", "S03")
    world.run(late, {cod["S02"]: 40.0})
    assert world.opened() == []
    world.run(12, {cod["S02"]: 40.0, cod["S03"]: 30.0})
    (incident,) = world.opened()
    case = world.correlator.cases[0].incident
    assert incident.id == case.id
    assert case.stations == ("S02", "S03")
    assert world.alarms.open[cod["S02"]].kind is Kind.EXCEEDANCE
    assert world.alarms.open[cod["S02"]].incident == incident.id


def test_two_lone_factors_that_no_water_connects_are_two_instruments(world: World) -> None:
    world.run(60, {world.at("S01", "w01018"): 60.0, world.at("S03", "w21003"): 3.0})
    assert world.opened() == []


def test_a_routine_batch_at_an_outlet_is_an_alarm_and_a_long_one_an_incident(world: World) -> None:
    batch = {world.at("S04", "w01018"): 1200.0, world.at("S04", "w21003"): 120.0}
    world.run(20, batch)
    world.run(15)
    assert world.opened() == []
    kinds = {c.anomaly.kind for _, c in world.changes if c.anomaly.point.station == "S04"}
    assert kinds == {Kind.EXCEEDANCE}
    world.run(45, batch)
    (incident,) = world.opened()
    assert incident.title.zh == "甲染料总排口 COD、氨氮 异常，甲染料排口超标"


@pytest.mark.parametrize(("more", "told"), [(2500.0, True), (500.0, False)])
def test_one_factor_far_over_its_limit_for_half_an_hour_is_no_batch(
    world: World, more: float, told: bool
) -> None:
    """COD at 2,800 or at 800 where 500 is allowed; ammonia leaves its usual too, but not its limit."""
    world.run(45, {world.at("S04", "w01018"): more, world.at("S04", "w21003"): 10.0})
    assert bool(world.opened()) is told


@pytest.mark.parametrize(
    ("minutes", "ammonia", "told"), [(45, 30.0, True), (20, 30.0, False), (45, 8.0, False)]
)
def test_other_water_than_usual_for_half_an_hour_is_no_batch_though_one_limit_alone_is_passed(
    world: World, minutes: int, ammonia: float, told: bool
) -> None:
    """COD at 800 where 500 is allowed, ammonia within its limit at several times its usual."""
    world.run(minutes, {world.at("S04", "w01018"): 500.0, world.at("S04", "w21003"): ammonia})
    assert bool(world.opened()) is told


@pytest.mark.parametrize(
    ("minutes", "water", "told"),
    [
        (45, {"w21003": 20.0, "w21011": 4.0, "w01014": 9000.0}, True),
        (20, {"w21003": 20.0, "w21011": 4.0, "w01014": 9000.0}, False),
        (45, {"w21003": 20.0, "w21011": 3.0}, False),  # less than four times their usual
        (45, {"w21003": 24.0, "w21011": 5.5}, True),
        (45, {"w21003": 25.0}, False),
    ],
)
def test_water_far_from_its_usual_for_half_an_hour_is_an_incident_within_every_limit(
    world: World, minutes: int, water: dict[str, float], told: bool
) -> None:
    world.run(minutes, {world.at("S04", f): more for f, more in water.items()})
    assert not [c for _, c in world.changes if c.anomaly.kind is Kind.EXCEEDANCE]
    assert bool(world.opened()) is told
    if told:
        title = world.correlator.cases[0].incident.title
        assert "水质与平时不同，限值内" in title.zh
        assert "water unlike its usual, within limits" in title.en


def test_the_shared_pipe_used_outside_its_hours_is_told_within_minutes(world: World) -> None:
    """E01's hours are 22:00 to 02:00; it is about 20:40 local time."""
    batch = {world.at("S04", "w00000"): 200.0, world.at("S04", "w01014"): 3000.0}
    began = world.now_ms
    world.run(12, batch)
    (incident,) = world.opened()
    assert incident.opened - as_datetime(began) <= timedelta(minutes=8)
    now = world.correlator.cases[0].incident
    assert "疑似在时段外使用公管" in now.title.zh
    assert len(now.anomalies) >= 1


def test_the_same_batch_within_its_hours_is_routine(world: World) -> None:
    world.run(100)  # to 22:20
    world.run(60, {world.at("S04", "w00000"): 200.0, world.at("S04", "w01014"): 3000.0})
    assert world.opened() == []
    assert not [c for _, c in world.changes if c.anomaly.point.station == "S04"]


def test_readings_back_to_normal_close_it_and_the_next_slug_is_a_new_one(world: World) -> None:
    world.run(20, slug(world, "S03", 0.3))
    assert len(world.correlator.cases) == 1
    world.run(100)
    assert world.correlator.cases == []
    last = [(i, e) for _, i, e in world.incidents][-1]
    assert last[0].state is IncidentState.CLOSED
    assert last[1] == "incident.closed"
    world.run(10, slug(world, "S03", 0.3))
    assert [i.id for i in world.opened()] == ["EV-01", "EV-02"]


def test_closed_gate_contains_and_a_late_one_does_not(world: World) -> None:
    world.run(10, slug(world, "S01", 0.3))
    world.gates = {"G01": 1.0, "G02": 1.0}
    world.run(3, slug(world, "S01", 0.3))
    assert world.correlator.cases[0].incident.state is IncidentState.OPEN
    world.gates = {"G01": 0.0, "G02": 1.0}
    world.run(2, slug(world, "S01", 0.3))
    case = world.correlator.cases[0]
    assert case.incident.state is IncidentState.CONTAINED
    world.plans["EV-01"] = plan_set(as_datetime(world.now_ms) - timedelta(hours=1), "G01")
    world.run(1, slug(world, "S01", 0.3))
    assert world.correlator.cases[0].incident.state is IncidentState.OPEN


def plan_set(middle: datetime, *gates: str, contained: float = 0.95) -> PlanSet:
    """A plan of these gates, with the plume expected at each at a moment."""
    say = Text("", "")
    arrivals = tuple(Arrival(g, middle, middle, middle, 1.0) for g in gates)
    moves = tuple(
        GateMove(a.place, middle, a, 240, 600, 300, too_late=False, flood_lock=False, why=say)
        for a in arrivals
    )
    plan = GatePlan("EV-01/A", "EV-01", say, moves, contained, 0.8, 1.0, 2.0, 3.0, (), True)
    return PlanSet("EV-01", middle, (plan,), arrivals, (), "v")


def test_a_plan_is_believed_where_the_network_alone_leaves_a_way_round() -> None:
    """A ditch that usually carries nothing passes by G01 and G02 to the sea."""
    park = tiny_park()
    ditch = park.links[park.links["id"] == "LC1"].assign(
        id="LX", from_node="C2", to_node="O1", flow_m3s=0.0, velocity_ms=0.0
    )
    world = World(replace(park, links=pd.concat([park.links, ditch], ignore_index=True)), seed=4)
    world.run(90)
    soon = as_datetime(world.now_ms + 60 * MINUTE)
    world.run(10, slug(world, "S01", 0.3))
    world.gates = {"G01": 0.0, "G02": 1.0}
    world.run(2, slug(world, "S01", 0.3))
    assert world.correlator.cases[0].incident.state is IncidentState.OPEN
    world.plans["EV-01"] = plan_set(soon, "G01", contained=0.4)
    world.run(1, slug(world, "S01", 0.3))
    assert world.correlator.cases[0].incident.state is IncidentState.OPEN
    world.plans["EV-01"] = plan_set(soon, "G01")
    world.run(1, slug(world, "S01", 0.3))
    assert world.correlator.cases[0].incident.state is IncidentState.CONTAINED
    world.plans["EV-01"] = plan_set(soon, "G02", contained=0.1)  # plans made since no longer name the gate
    world.run(travel_minutes(world, "S01", "S03"), slug(world, "S01", 0.3))
    assert world.correlator.cases[0].incident.state is IncidentState.CONTAINED
    world.run(12, {**slug(world, "S01", 0.3), **slug(world, "S03", 0.2)})  # seen beyond the gate
    assert world.correlator.cases[0].incident.state is IncidentState.OPEN


def test_a_plume_that_passes_the_gate_opens_it_again(world: World) -> None:
    world.run(10, slug(world, "S01", 0.3))
    world.gates = {"G01": 0.0}
    world.run(travel_minutes(world, "S01", "S03"), slug(world, "S01", 0.3))
    assert world.correlator.cases[0].incident.state is IncidentState.CONTAINED
    world.run(15, {**slug(world, "S01", 0.3), **slug(world, "S03", 0.2)})
    assert world.correlator.cases[0].incident.state is IncidentState.OPEN
    assert len(world.opened()) == 1


def test_what_a_person_ended_as_a_fault_does_not_come_back_by_itself(world: World) -> None:
    world.run(10, slug(world, "S01", 0.3))
    world.correlator.drop("EV-01")
    world.run(10, slug(world, "S01", 0.3))
    assert len(world.opened()) == 1
    world.run(10)
    world.run(5, slug(world, "S01", 0.3))
    assert len(world.opened()) == 2


def test_a_restarted_watch_goes_on_with_the_same_incident(world: World) -> None:
    world.run(10, slug(world, "S01", 0.3))
    incident = world.correlator.cases[0].incident
    known = list({c.anomaly.id: c.anomaly for _, c in world.changes}.values())
    fresh = small_world(90, seed=4)
    fresh.run(10)
    assert fresh.alarms.adopt(a for a in known if a.until is None) == []

    def of(id: str) -> list[Anomaly]:
        return [a for a in known if a.incident == id]

    fresh.correlator.restore([incident], of)
    fresh.run(10, slug(fresh, "S01", 0.3))
    assert fresh.opened() == []
    assert fresh.correlator.cases[0].incident.id == incident.id
    assert set(incident.anomalies) <= set(fresh.correlator.cases[0].incident.anomalies)


def test_the_table_of_transitions_is_kept() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    base = Incident("EV-1", now, IncidentState.OPEN, Level.ALARM, tiny_park().name, (), (), (), now)
    for state, allowed in TRANSITIONS.items():
        for target in IncidentState:
            incident = replace(base, state=state)
            if target in allowed:
                assert moved(incident, target, now + timedelta(1)).state is target
            else:
                with pytest.raises(RefusedError):
                    moved(incident, target, now)
    assert set(LIVE) == {IncidentState.OPEN, IncidentState.CONTAINED}


def test_a_slug_in_the_demo_park_stays_one_incident_over_many_stations(demo_park: Park) -> None:
    """Follow the water from a channel mouth with the stored travel times, diluted on its way."""
    world = World(demo_park, seed=9)
    world.run(60)
    ids = [s.id for s in demo_park.stations]
    start = ids.index("S60")  # mouth of YQ08
    travel = world.reach.after(start)
    begun = world.now_ms
    for minute in range(300):
        extra: dict[int, float] = {}
        for k in np.flatnonzero(np.isfinite(travel)):
            since = minute - travel[k] / 60 * 1.15  # slower than the stored flow says
            if 0 <= since < 90:
                share = (0.3 if k == start else 0.05) * min(since / 10, 1.0)
                extra.update(slug(world, ids[int(k)], share))
        world.minute(extra)
    assert len(world.opened()) == 1
    assert (world.opened()[0].opened - as_datetime(begun)) <= timedelta(milliseconds=8 * MINUTE)
    seen = world.correlator.cases[0].incident.stations
    assert seen[0] == "S60"
    assert len(seen) >= 4
