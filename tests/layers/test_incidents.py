"""An incident as a drawing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import shapely

from geodata.network import Network
from geodata.words import Text
from layers import incidents
from layers.feature import feature
from layers.network import followed
from tests.twin.parks import tiny_park
from twin.model import (
    Arrival,
    GateMove,
    GatePlan,
    Incident,
    IncidentState,
    Level,
    PlanSet,
    Ranking,
    Sample,
    Suspect,
)

PARK = tiny_park()
NET = Network.from_park(PARK)
ONSET = datetime(2026, 11, 22, 2, 31, tzinfo=UTC)
NOW = ONSET + timedelta(minutes=15)
INCIDENT = Incident(
    "EV-20261122-01", ONSET, IncidentState.OPEN, Level.CRITICAL, Text("异常", "Anomaly"), ("S01", "S02"),
    ("w01018",), (), NOW,
)  # fmt: skip


def ranking() -> Ranking:
    def suspect(who: str, p: float) -> Suspect:
        start = ONSET - timedelta(minutes=40)
        return Suspect(who, p, f"{who}-YS001", (), NET.path("N1", "N3"), start, start + timedelta(minutes=30))

    found = (suspect("E02", 0.6), suspect("E01", 0.3), suspect("E03", 0.05))
    sample = Sample("N2", Text("渠段", "channel"), 0.4, 0.9)
    return Ranking(INCIDENT.id, NOW, found, 0.05, (), (sample,), "tiny-1", "x", 9)


def planset(speed: float = 1.0) -> PlanSet:
    """A plan whose plume is `speed` times as fast as the stored flow."""
    seconds = NET.travel_times([NET.nodes["N3"]])[0]

    def arrival(place: str, node: str) -> Arrival:
        middle = timedelta(seconds=float(seconds[NET.nodes[node]]) / speed)
        return Arrival(place, ONSET + middle * 0.7, ONSET + middle, ONSET + middle * 1.5, 1.0)

    near, far = arrival("G01", "C3"), arrival("G02", "C5")
    moves = (
        GateMove("G01", NOW - timedelta(minutes=1), near, 240, 600, 300, True, False, Text("", "")),
        GateMove("G02", NOW + timedelta(minutes=30), far, 420, 600, 300, False, True, Text("", "")),
    )
    plan = GatePlan("x/A", "x", Text("A", "A"), moves, 0.9, 0.5, 1.0, 2.0, 3.0, (), True)
    path = ("LN3", "LC2", "LG1", "LC4", "LG2")
    return PlanSet(INCIDENT.id, NOW, (plan,), (near, far, arrival("R1", "O1")), path, "tiny-1")


def drawn(**more: Any) -> dict[str, list[dict[str, Any]]]:
    parts: dict[str, Any] = {"ranking": ranking(), "planset": planset(), "now": NOW, "lang": "en"} | more
    found = incidents.features(PARK, INCIDENT, parts.pop("ranking"), parts.pop("planset"), **parts)
    json.dumps(found)
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for f in found["features"]:
        by_kind.setdefault(f["properties"]["kind"], []).append(f)
    return by_kind


def test_before_ranking_and_plan_the_alarmed_stations_are_drawn() -> None:
    found = drawn(ranking=None, planset=None)
    assert set(found) == {"alarm"}
    assert [f["properties"]["station"] for f in found["alarm"]] == ["S01", "S02"]
    assert found["alarm"][0]["properties"]["level"] == Level.CRITICAL


def test_suspects_in_order_with_names_in_the_readers_language() -> None:
    props = [f["properties"] for f in drawn()["suspect"]]
    assert [(p["rank"], p["enterprise"]) for p in props] == [(1, "E02"), (2, "E01"), (3, "E03")]
    assert props[0]["label"] == "Yi Agro"
    assert next(f["properties"]["label"] for f in drawn(lang="zh")["suspect"]) == "乙农药"


def test_the_path_is_one_line_from_outlet_to_station() -> None:
    (line,) = drawn()["trace"]
    assert len(line["geometry"]["coordinates"]) == 3
    first, last = line["geometry"]["coordinates"][0], line["geometry"]["coordinates"][-1]
    assert first[1] > last[1]  # the channel runs south


def test_the_first_gate_still_to_be_closed_is_the_loud_one() -> None:
    tags = {f["properties"]["gate"]: f["properties"] for f in drawn()["close"]}
    assert (tags["G01"]["late"], tags["G01"]["hot"], tags["G01"]["text"]) == (True, False, "too late")
    assert (tags["G02"]["late"], tags["G02"]["hot"]) == (False, True)
    assert tags["G02"]["text"] == "close by 11:16 · flood lock"  # 03:16 UTC, in the park's own time


def test_receptors_say_when() -> None:
    (tag,) = drawn()["receptor"]
    assert tag["properties"]["title"] == "Sea mouth"
    assert tag["properties"]["text"].startswith("reached 1")


@pytest.mark.parametrize("speed", [1.0, 0.5, 2.0])
def test_the_plume_follows_the_arrivals_of_the_plan(speed: float) -> None:
    found = {
        tuple(f["geometry"]["coordinates"][-1]): f["properties"]
        for f in drawn(planset=planset(speed))["front"]
    }
    assert len(found) == 5
    plan = planset(speed)
    gate = feature(shapely.Point(*_at("C3")), PARK.crs)["geometry"]["coordinates"]
    front = found[tuple(gate)]
    wanted = plan.arrivals[0]
    assert front["middle"][-1] == pytest.approx(wanted.middle.timestamp() * 1000, abs=2000)
    assert front["early"][-1] == pytest.approx(wanted.early.timestamp() * 1000, abs=2000)
    assert front["late"][-1] == pytest.approx(wanted.late.timestamp() * 1000, abs=2000)
    assert front["hold_ms"] == 30 * 60 * 1000


def test_moments_along_the_plume_never_go_back() -> None:
    for f in drawn()["front"]:
        p = f["properties"]
        for name in ("early", "middle", "late"):
            assert (np.diff(p[name]) >= 0).all()
        assert all(a <= b <= c for a, b, c in zip(p["early"], p["middle"], p["late"], strict=True))


def test_a_walk_by_hand_is_coloured_by_hours() -> None:
    trace = NET.downstream("N1")
    hours = {
        tuple(f["geometry"]["coordinates"][0]): f["properties"]["hours"] for f in followed(PARK, NET, trace)
    }
    assert len(hours) == len(trace.links)
    assert min(hours.values()) == 0.0
    assert max(hours.values()) > 0.1


def test_lines_that_do_not_meet_stay_apart() -> None:
    a = shapely.LineString([(0, 0), (10, 0)])
    b = shapely.LineString([(10, 0), (20, 5)])
    c = shapely.LineString([(50, 0), (60, 0)])
    assert [len(line.coords) for line in incidents.chain([a, b, c])] == [3, 2]
    assert incidents.chain([]) == []


def _at(node: str) -> tuple[float, float]:
    row = PARK.nodes[PARK.nodes["id"] == node].iloc[0]
    return float(row["x"]), float(row["y"])


def test_the_view_goes_to_the_first_receptor_only_where_no_gate_is_left() -> None:
    assert [f["properties"]["fit"] for f in drawn()["receptor"]] == [False]
    late = drawn(now=NOW + timedelta(hours=2))
    assert [f["properties"]["fit"] for f in late["receptor"]] == [True]
