"""The engine: water runs the right way, nothing floods, mass comes out, and a closed gate holds it."""

from pathlib import Path

import numpy as np
import pytest

from geodata import park as park_file
from geodata.places import LinkKind, Park, StationKind
from tests.geodata.parks import demo_park
from twin.errors import TwinError, UnavailableError
from twin.hydraulics.engine import Injection, Stepper
from twin.hydraulics.scenario import Closure, Scenario, _advance_with_gates, run, run_in_child, warm_state

pytestmark = pytest.mark.slow  # runs the hydraulic engine


@pytest.fixture(scope="module")
def park() -> Park:
    return demo_park()


@pytest.fixture(scope="module")
def warm(park: Park, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return warm_state(park, tmp_path_factory.mktemp("warm"))


def outlet_node(park: Park, name: str) -> str:
    return next(o.node for o in park.outlets if o.id == name)


def test_dry_weather_stays_steady_and_dry(park: Park, warm: Path) -> None:
    watched = (StationKind.CANAL, StationKind.CHANNEL)
    stations = tuple(s.node for s in park.stations if s.kind in watched)
    out = run(park, Scenario(3, start_state=warm), nodes=stations)
    assert out.flooding_m3 == 0.0
    assert out.continuity_error < 0.01
    assert np.ptp(out.depth, axis=0).max() < 0.01
    assert np.ptp(out.conc["COD"], axis=0).max() < 0.1


def test_water_runs_to_the_sea(park: Park) -> None:
    reaches = park.links[park.links["kind"] == LinkKind.REACH]
    assert (reaches["flow_m3s"] > 0).all()
    still = park.links.set_index("id").loc[park.gate("G11").link, "flow_m3s"]
    usual = reaches[reaches["flow_m3s"] > 2 * still]  # all but the dead end behind the closed north sea gate
    assert len(reaches) - len(usual) <= 4
    assert usual["velocity_ms"].between(0.18, 0.6).all()
    assert usual["velocity_ms"].between(0.25, 0.6).mean() > 0.95
    assert usual["depth_m"].between(1.5, 2.5).all()
    assert (park.links["reversal"] < 0.01).all()


def test_channels_run_as_designed(park: Park) -> None:
    channels = park.links[park.links["kind"] == LinkKind.CHANNEL]
    assert channels["velocity_ms"].between(0.25, 0.85).all()  # the fastest fall into their canal
    assert channels["velocity_ms"].between(0.25, 0.4).mean() > 0.9
    assert channels["flow_m3s"].between(0.03, 0.1001).all()


@pytest.mark.parametrize("outlet", ["E19-YS001", "E04-CX01"])
def test_injected_mass_comes_out(park: Park, warm: Path, outlet: str) -> None:
    node = outlet_node(park, outlet)
    sinks = tuple(park.nodes.loc[park.nodes["kind"] == "outfall", "id"])
    spill = Injection(node, 600, 3000, 0.06, {"COD": 9000.0, "F": 300.0})
    base = run(park, Scenario(16, start_state=warm), nodes=sinks)
    dirty = run(park, Scenario(16, (spill,), start_state=warm), nodes=sinks)
    for pollutant, mg_l in spill.mg_l.items():
        put_in = 0.06 * 3000 * mg_l / 1000
        came_out = sum(dirty.load_kg[n][pollutant] - base.load_kg[n][pollutant] for n in sinks)
        assert came_out == pytest.approx(put_in, rel=0.03), pollutant


def test_stepper_injection_equals_the_time_series(park: Park, warm: Path) -> None:
    node = outlet_node(park, "E19-YS001")
    mouth = next(s.node for s in park.stations if "YQ09 口" in s.name.zh)
    mg_l = {"COD": 4000.0, "SALT": 9000.0}
    spill = Injection(node, 600, 1800, 0.12, mg_l)
    told = run(park, Scenario(2, (spill,), start_state=warm), nodes=(mouth,))
    seen = []
    with Stepper(park, hours=2, start_state=warm) as stepper:
        for minute in range(120):
            if minute == 10:
                stepper.set_inflow(node, 0.12, mg_l)
            if minute == 40:
                stepper.set_inflow(node, 0.0, {})
            stepper.advance(60)
            seen.append([stepper.conc(mouth, "COD"), stepper.conc(mouth, "SALT")])
    peak = told.conc["COD"].max()
    assert np.abs(np.array(seen)[:, 0] - told.conc["COD"][:, 0]).max() < 0.04 * peak
    assert np.trapezoid(np.array(seen)[:, 1]) == pytest.approx(
        np.trapezoid(told.conc["SALT"][:, 0]), rel=0.02
    )


def test_closed_gate_keeps_the_water_beyond_clean(park: Park, warm: Path) -> None:
    node = outlet_node(park, "E19-YS001")
    beyond = park.links.set_index("id").loc[park.gate("G05").link, "to_node"]
    spill = Injection(node, 0, 2400, 0.12, {"COD": 5000.0})
    closing = (Closure("G05", 1500, 0.0, 400),)
    free = run(park, Scenario(5, (spill,), start_state=warm), nodes=(beyond,), links=("G05",))
    shut = run(park, Scenario(5, (spill,), closing, start_state=warm), nodes=(beyond,), links=("G05",))
    assert free.conc["COD"].max() > 30.0
    assert free.link_flow.min() > 5.0
    late = shut.t_s > 2400
    assert np.abs(shut.link_flow[late]).max() < 0.05 * free.link_flow.mean()
    passed = shut.load_kg[beyond]["COD"] - shut.load_kg[beyond]["COD"] * 0
    assert passed < 0.25 * free.load_kg[beyond]["COD"]
    assert shut.flooding_m3 == 0.0


def test_gate_moves_with_its_stroke(park: Park, warm: Path) -> None:
    with Stepper(park, hours=1, start_state=warm) as stepper:
        _advance_with_gates(stepper, (Closure("G05", 100, 0.0, 400),), 300)
        half = stepper.gate_position("G05")
        _advance_with_gates(stepper, (Closure("G05", 100, 0.0, 400),), 900)
        assert half == pytest.approx(0.5, abs=0.06)
        assert stepper.gate_position("G05") == 0.0


def test_gate_leaks_what_its_card_says(park: Park, warm: Path) -> None:
    with Stepper(park, hours=3, start_state=warm, movable=()) as stepper:
        stepper.advance(60)
        before = stepper.flow("G05")
        stepper.set_gate("G05", 0.0)
        stepper.advance(2 * 3600)
        assert 0 < stepper.flow("G05") < 2 * park.gate("G05").leakage * before


def test_factors_change_the_flow(park: Park, tmp_path: Path) -> None:
    reach = ("H2-10",)
    flows = [
        run(park, Scenario(4, flow_factor=f, roughness_factor=n), links=reach, pollutants=()).link_flow[-1, 0]
        for f, n in ((0.7, 1.0), (1.0, 1.0), (1.3, 1.0))
    ]
    assert flows[0] < flows[1] < flows[2]


def test_child_gives_the_same_answer(park: Park, warm: Path) -> None:
    ask = Scenario(
        1, (Injection(outlet_node(park, "E19-YS001"), 0, 900, 0.1, {"COD": 3000.0}),), start_state=warm
    )
    here = run(park, ask, nodes=("YQ09-15",))
    there = run_in_child(park_file.demo_path(), ask, nodes=("YQ09-15",), timeout_s=60)
    assert np.array_equal(here.conc["COD"], there.conc["COD"])


def test_child_is_killed_when_it_takes_too_long(park: Park) -> None:
    with pytest.raises(UnavailableError, match="longer than"):
        run_in_child(park_file.demo_path(), Scenario(2000), timeout_s=2.5)


def test_child_hands_back_errors(park: Park) -> None:
    with pytest.raises(ValueError, match="no node nowhere"):
        run_in_child(park, Scenario(1, (Injection("nowhere", 0, 60, 1.0, {}),)), timeout_s=60)


def test_refused_model_is_told(park: Park, tmp_path: Path) -> None:
    bad = tmp_path / "bad.hsf"
    bad.write_text("not a state")
    with pytest.raises(TwinError, match="SWMM refuses"), Stepper(park, hours=1, start_state=bad):
        pass


def test_inflow_only_at_movable_nodes(park: Park) -> None:
    with Stepper(park, hours=1, movable=("YQ09-10",)) as stepper, pytest.raises(KeyError, match="YQ01-00"):
        stepper.set_inflow("YQ01-00", 0.1, {})


def test_outlets_stay_dry_until_told(park: Park) -> None:
    node = outlet_node(park, "E02-DW001")
    with Stepper(park, hours=2, enterprise_base=False) as stepper:
        stepper.advance(1800)
        dry = stepper.inflow(node)
        stepper.set_inflow(node, 0.03, {"COD": 260.0, "NH3N": 20.0})
        stepper.advance(1800)
        assert dry < 1e-6
        assert stepper.inflow(node) == pytest.approx(0.03, rel=0.01)
        assert stepper.conc(node, "COD") == pytest.approx(260.0, rel=0.01)
        stepper.set_inflow(node, 0.03, {"COD": 130.0})
        stepper.advance(60)
        assert stepper.conc(node, "COD") == pytest.approx(130.0, rel=0.01)
        assert stepper.conc(node, "NH3N") == pytest.approx(0.0, abs=0.01)


def test_mass_made_in_a_long_channel_is_small(park: Park, warm: Path) -> None:
    mouth = next(s.node for s in park.stations if "YQ09 口" in s.name.zh)
    spill = Injection(outlet_node(park, "E21-YS001"), 600, 1800, 0.12, {"TP": 5000.0})
    base = run(park, Scenario(6, start_state=warm), nodes=(mouth,))
    dirty = run(park, Scenario(6, (spill,), start_state=warm), nodes=(mouth,))
    came_out = dirty.load_kg[mouth]["TP"] - base.load_kg[mouth]["TP"]
    assert came_out == pytest.approx(1080.0, rel=0.07)


def test_overflow_of_the_shared_pipe_reaches_its_channel(park: Park, warm: Path) -> None:
    spill = Injection(outlet_node(park, "E09-DW001"), 0, 5400, 0.15, {"COD": 5500.0})
    out = run(park, Scenario(3, (spill,), start_state=warm), nodes=("PS1-WELL",), links=("PS1-SPILL",))
    flow = out.link_flow[:, 0]
    assert flow[:25].max() < 1e-4  # the well and the pipe hold some first
    assert flow.max() > 0.04
    assert flow[-1] < 1e-3


def test_warm_state_is_kept_by_version(park: Park, warm: Path) -> None:
    made = warm.stat().st_mtime_ns
    assert warm_state(park, warm.parent) == warm
    assert warm.stat().st_mtime_ns == made
    assert park.version in warm.name


def test_a_run_ends_where_its_hours_are_not_whole_report_steps(park: Park) -> None:
    closure = Closure("G05", 300.0, 0.0, 120.0)
    scenario = Scenario(0.32, (), (closure,), report_s=120.0)
    outcome = run(park, scenario, nodes=(park.receptors[0].node,))
    assert outcome.t_s[-1] == pytest.approx(0.32 * 3600, abs=121)
