"""What is changed in a model's text: clock, flows, stages, rules, tracer; and what the engine makes of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.twin.plan.canal import canal
from twin.errors import ConfigError, TwinError, UnavailableError
from twin.hydraulics.graft import Model, Release
from twin.hydraulics.runner import Move, Runners, Task, run

FOOT = 0.3048
SMALL = """[TITLE]
one channel ; with a remark
[OPTIONS]
FLOW_UNITS {units}
FLOW_ROUTING DYNWAVE
START_DATE 01/31/2026
START_TIME 22:00:00
END_DATE 02/01/2026
END_TIME 00:00:00
ROUTING_STEP 10
[JUNCTIONS]
A {a} {deep} {wet} 0 0
B {b} {deep} {wet} 0 0
[OUTFALLS]
O {c} FIXED {stage} NO
[CONDUITS]
C1 A B {long} 0.025 0 0 0 0
[ORIFICES]
G B O SIDE 0 0.8 NO 0
[XSECTIONS]
C1 TRAPEZOIDAL {deep} {deep} 1 1
G RECT_CLOSED {deep} {deep} 0 0
[POLLUTANTS]
OLD MG/L 0 0 0 0 NO * 0 5 0
[INFLOWS]
A FLOW "" FLOW 1.0 1.0 {flow}
A OLD "" CONCEN 1.0 1.0 9
[CONTROLS]
RULE SHUT
IF NODE B DEPTH > 1
THEN ORIFICE G SETTING = 0.5
RULE OTHER
IF NODE B DEPTH > 3
THEN ORIFICE H SETTING = 0
"""


def small(units: str = "CMS") -> Model:
    m, flow = {"CMS": (1.0, 1.0), "CFS": (1 / FOOT, FOOT**-3), "LPS": (1.0, 1000.0)}[units]
    lengths = {"a": 1.0, "b": 0.9, "c": 0.85, "deep": 4.0, "wet": 1.0, "stage": 1.9, "long": 200.0}
    return Model.of(SMALL.format(units=units, flow=flow, **{k: v * m for k, v in lengths.items()}))


def brought_kg(model: Model, *moves: Move, seconds: float = 3 * 3600.0) -> float:
    course = run(Task(model.text(), seconds, nodes=("O",), moves=moves))
    assert moves or course.error < 0.005
    return float((course.conc[:, 0] * course.inflow[:, 0]).sum()) * 60 * model.m3s / 1000


@pytest.mark.parametrize("units", ["CMS", "CFS", "LPS"])
@pytest.mark.parametrize("node", ["A", "B"])  # A is fed by an inflow of its own, B is not
def test_a_release_arrives_whole_in_any_units(units: str, node: str) -> None:
    model = small(units).without({"CONTROLS"}).with_tracer([Release(node, 600.0, 1800.0, 0.2)])
    clock = model.between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 4, tzinfo=UTC))
    assert brought_kg(clock) == pytest.approx(360.0, rel=0.01)


def test_a_gate_that_is_ordered_holds_the_release_and_no_rule_opens_it() -> None:
    model = small().without_rules(["G"]).with_tracer([Release("B", 3000.0, 600.0, 0.2)])
    model = model.between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 4, tzinfo=UTC))
    assert [r[1] for r in model.rows("CONTROLS") if r[0] == "RULE"] == ["OTHER"]
    model = model.without({"CONTROLS"})
    shut = Move("G", 1200.0, 0.0, 300.0)
    assert brought_kg(model, shut) < 1.0


def test_the_clock_is_read_over_the_end_of_a_month() -> None:
    assert small().clock() == (datetime(2026, 1, 31, 22, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    with pytest.raises(ConfigError, match="clock"):
        small().with_options(START_DATE="soon").clock()


def test_factors_change_flows_and_roughness_and_nothing_else() -> None:
    model = Model.of(canal())
    scaled = model.scaled(1.2, 0.9)
    assert {r[0]: float(r[5]) for r in scaled.rows("INFLOWS")} == {"A0": 1.2, "B0": 1.2}
    assert {float(r[4]) for r in scaled.rows("CONDUITS")} == {0.027}
    assert scaled.rows("XSECTIONS") == model.rows("XSECTIONS")
    assert model.scaled(1.0, 1.0) is model


def test_a_tide_is_a_series_of_the_outfall() -> None:
    tidal = small().with_stages({"O": [(0.0, 1.9), (6.0, 2.4)]})
    assert tidal.rows("OUTFALLS")[0][2:] == ["TIMESERIES", "STAGE-O", "NO"]
    assert len(tidal.rows("TIMESERIES")) == 2


def test_a_release_at_no_node_and_a_model_the_engine_refuses_are_said() -> None:
    with pytest.raises(ConfigError, match="no node NOWHERE"):
        small().with_tracer([Release("NOWHERE", 0.0, 60.0, 1.0)])
    with pytest.raises(TwinError, match="refuses"):
        run(Task(small().without({"OUTFALLS"}).text(), 60.0))


def test_a_run_that_takes_too_long_is_killed_and_the_next_one_runs() -> None:
    long = Model.of(canal()).between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    short = Task(small().without({"CONTROLS"}).text(), 60.0, nodes=("O",))
    with Runners(1, timeout_s=30.0) as runners:
        runners.map([short])
        runners._timeout_s = 0.1
        with pytest.raises(UnavailableError, match="longer"):
            runners.map([Task(long.text(), 3e7)])
        runners._timeout_s = 30.0
        assert len(runners.map([short])[0].t_s) == 1
