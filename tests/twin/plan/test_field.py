"""Flow fields after gates moved: water is kept, closed gates hold, dead reaches fill."""

from __future__ import annotations

import numpy as np
import pytest

from geodata.network import Network
from tests.geodata.parks import demo_park
from tests.twin.parks import tiny_park
from twin.plan.field import STEPS_S, Canals


@pytest.fixture(scope="module")
def tiny() -> Canals:
    park = tiny_park()
    return Canals.of(park, Network.from_park(park))


@pytest.fixture(scope="module")
def demo() -> Canals:
    park = demo_park()
    return Canals.of(park, Network.from_park(park))


def gained(canals: Canals, flow: np.ndarray) -> np.ndarray:
    """Water each canal node gains, m3/s."""
    net, k, n = canals.network, canals.links, len(canals.level)
    out = np.bincount(net.tail[k], flow[k], n) - np.bincount(net.head[k], flow[k], n)
    return np.asarray(canals.inflow - out)


def test_with_gates_as_usual_the_stored_flow_comes_back(demo: Canals) -> None:
    (only,) = demo.after({})
    assert only.flow == pytest.approx(demo.network.flow_m3s)
    k = demo.links
    fall = demo.level[demo.network.tail[k]] - demo.level[demo.network.head[k]]
    assert demo.conductance * fall == pytest.approx(demo.network.flow_m3s[k], abs=1e-6)


@pytest.mark.parametrize("gates", [("G05",), ("G10", "G13"), ("G02", "G12", "G13")])
def test_water_is_kept_and_closed_gates_pass_their_leak(demo: Canals, gates: tuple[str, ...]) -> None:
    stages = demo.after(dict.fromkeys(gates, 0.0))
    before = np.zeros(len(demo.level))
    for stage, long in zip(stages, STEPS_S, strict=True):
        stored = demo.surface * (stage.rise - before) / long
        loose = ~demo.fixed & (stage.rise <= demo.crest)
        nodes = np.unique(np.concatenate([demo.network.tail[demo.links], demo.network.head[demo.links]]))
        inner = nodes[loose[nodes]]
        assert np.abs(gained(demo, stage.flow)[inner] - stored[inner]).max() < 1e-6
        before = stage.rise
        for gate in gates:
            k = demo.network.gates[gate]
            assert abs(stage.flow[k]) == pytest.approx(demo.leak[k])
            assert abs(stage.flow[k]) < 0.05 * demo.network.flow_m3s[k]


def test_water_finds_another_way_round_a_closed_gate(demo: Canals) -> None:
    late = demo.after({"G05": 0.0})[-1]
    gates = demo.network.gates
    for other in ("G03", "G07"):
        assert late.flow[gates[other]] > 1.1 * demo.network.flow_m3s[gates[other]]
    assert late.rise.max() > 0.05


def test_a_reach_without_a_way_out_fills(tiny: Canals) -> None:
    stages = tiny.after({"G01": 0.0})
    c3 = tiny.network.nodes["C3"]
    rises = [s.rise[c3] for s in stages]
    assert rises == sorted(rises)
    # 1.26 m3/s less the leak into some 12,000 m2 of water
    first = rises[0] * float(tiny.surface[[tiny.network.nodes[n] for n in ("C1", "C2", "C3")]].sum())
    assert first == pytest.approx(1.26 * 0.99 * STEPS_S[0], rel=0.25)


def test_the_quick_field_is_near_the_marched_one(demo: Canals) -> None:
    marched = next(s for s in demo.after({"G10": 0.0}) if s.from_s >= 3000)
    quick = demo.quick(["G10"], 5400.0)
    assert np.abs(quick - marched.flow).max() < 0.15 * np.abs(marched.flow).max()


def test_half_a_gate_passes_less(tiny: Canals) -> None:
    k = tiny.network.gates["G02"]
    flows = [tiny.after({"G02": p})[0].flow[k] for p in (1.0, 0.5, 0.2)]
    assert flows[0] > flows[1] > flows[2] > 0
