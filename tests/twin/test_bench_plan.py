"""The bench of plans: its spills, its tide, its scores, and the best there was on a small canal."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from geodata.places import OutletKind, Park
from tests.geodata.parks import demo_park
from tests.twin.plan.canal import GATES, canal
from twin import bench_plan as module
from twin import bench_plan_truth as truth
from twin.bench_plan import Came, Score, summary
from twin.bench_plan_truth import FLOWS, ROUGH, case, optimum
from twin.config import load
from twin.hydraulics.runner import Runners
from twin.plan.outlook import Band
from twin.plan.search import Question, Trials
from twin.plan.waters import of_model


@pytest.fixture(scope="module")
def park() -> Park:
    return demo_park()


def test_spills_differ_and_come_again_with_their_seed(park: Park) -> None:
    assert case(park, 3, 5) == case(park, 3, 5)
    cases = [case(park, 1, n) for n in range(40)]
    wet = {o.node for o in park.outlets if o.kind is not OutletKind.WASTEWATER}
    assert len({c.node for c in cases}) > 10
    assert {c.node for c in cases} <= wet
    assert all(FLOWS[0] <= c.flow <= FLOWS[1] and ROUGH[0] <= c.roughness <= ROUGH[1] for c in cases)
    broken = sum(len(c.broken) for c in cases) / (40 * len(park.gates))
    assert 0.15 < broken < 0.35


def test_the_tide_stands_at_the_sea_outfalls_alone_and_the_real_one_differs(park: Park) -> None:
    c = case(park, 1, 0)
    outfalls = park.nodes[park.nodes["kind"] == "outfall"]
    assert set(c.tide) < set(outfalls["id"])
    assert {r.node for r in park.receptors if r.id in ("R1", "R2", "R3")} <= set(c.tide)
    levels = [level for _, level in c.tide["H3-39"]]
    assert max(levels) - min(levels) > 0.7
    assert levels[0] == pytest.approx(0.5)
    assert c.tide != c.real_tide


def test_the_result_counts_only_what_was_possible() -> None:
    came = Came((False, False, True, False), (False, False, False, False), (0.1, 0.2, 0.3, 0.1))
    base = Score(True, True, 1.0, False, 0, came, 1.0)
    found = summary(
        [base, replace(base, contained=False, kept_ratio=0.5, overtopped=True, late=2, plan_s=3.0)]
        + [replace(base, possible=False, contained=False, kept_ratio=None)] * 2
    )
    assert found["spills"] == 4
    assert found["contained_where_possible"] == 0.5
    assert found["mass_kept_ratio"] == 0.75
    assert (found["overtopped"], found["late_gates"]) == (1, 2)
    assert (found["band_coverage"], found["before_band"], found["after_band"]) == (0.75, 0.25, 0.0)
    assert found["median_arrival_error"] == 0.15
    assert 2.5 < found["plan_s_p95"] <= 3.0


def test_a_front_is_held_against_the_band_of_its_place() -> None:
    bands = {"G1": Band(50.0, 100.0, 200.0, 1.0), "G2": Band(50.0, 100.0, 200.0, 1.0)}
    came = Came.of(bands | {"R": Band(1.0, 2.0, 3.0, 1.0)}, {"G1": 40.0, "G2": 250.0, "unforeseen": 9.0})
    assert came == Came((True, False), (False, True), (1.5, 0.6))


@pytest.mark.slow
def test_a_spill_is_planned_and_scored_to_the_last_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    for name, value in (("DIRECTED", 3), ("TRIPLES", 0), ("QUADS", 0), ("LATER_S", ())):
        monkeypatch.setattr(truth, name, value)
    monkeypatch.setattr(truth, "combinations", lambda gates, size: [tuple(gates[:size])])
    assert module.main(load({}), 1, 2, cache=tmp_path) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    found = json.loads(lines[-1])
    monkeypatch.setattr(truth, "optimum", None)  # the second time the truth is read, not searched
    assert module.main(load({}), 1, 2, cache=tmp_path) == 0
    again = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    unlike = {"plan_s_p95", "machine"}
    assert {k: v for k, v in again.items() if k not in unlike} == {
        k: v for k, v in found.items() if k not in unlike
    }
    assert found["spills"] == 1
    assert found["late_gates"] == 0
    assert found["arrivals"] > 0
    assert found["median_arrival_error"] < 0.5


@pytest.mark.slow
def test_the_optimum_is_no_worse_than_any_pair(tmp_path: Path) -> None:
    path = tmp_path / "canal.inp"
    path.write_text(canal(), "utf-8")
    started = datetime(2026, 11, 21, 6, tzinfo=UTC)
    scene = of_model(path, "A2", started)
    release = scene.release(started, 1800.0, 0.1)
    orders = dict.fromkeys(GATES, (started - scene.begin + timedelta(minutes=5)).total_seconds())
    with Runners(2) as runners:
        nothing = runners.map([scene.task(release, 45_000.0)])[0]
        trials = Trials(Question(scene, release, orders, 45_000.0), runners, nothing)
        best = optimum(trials, list(GATES))
        trials.look([("GA3", "GB3"), ("GA2", "GX"), ("GA2", "GB3")])
    assert best.overtops_s is None
    assert all(best.lost_kg <= t.lost_kg for t in trials.tried.values() if t.overtops_s is None)
    assert best.lost_kg < 0.2 * trials.nothing.lost_kg
