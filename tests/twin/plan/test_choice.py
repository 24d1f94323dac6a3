"""Which sets of gates are found worth it."""

from __future__ import annotations

import numpy as np
import pytest

from geodata.network import Network
from tests.geodata.parks import demo_park
from twin.plan import choice
from twin.plan.choice import screen, soon
from twin.plan.field import Canals


@pytest.fixture(scope="module")
def demo() -> Canals:
    park = demo_park()
    return Canals.of(park, Network.from_park(park))


@pytest.fixture(scope="module")
def receptors(demo: Canals) -> np.ndarray:
    park = demo_park()
    return np.array([demo.network.nodes[r.node] for r in park.receptors])


def above(demo: Canals, gate: str) -> np.ndarray:
    """All the mass at the node just above a gate."""
    place = np.zeros(len(demo.level))
    place[demo.network.tail[demo.network.gates[gate]]] = 1.0
    return place


def test_soon_falls_with_the_time_it_takes() -> None:
    net = Network.of(
        ["a", "b", "c"],
        ["ab", "bc"],
        [0, 1],
        [1, 2],
        flow_m3s=[1.0, 1.0],
        travel_s=[choice.PATIENCE_S, choice.PATIENCE_S],
    )
    assert soon(net, net.flow_m3s, np.array([2])) == pytest.approx([0.25, 0.5, 1.0])
    assert soon(net, -net.flow_m3s, np.array([2])) == pytest.approx([0.0, 0.0, 1.0])


def test_a_gate_just_below_the_plume_holds_it_and_a_wrong_one_does_not(
    demo: Canals, receptors: np.ndarray
) -> None:
    found = {s.gates: s.held for s in screen(demo, (), ["G05", "G12"], [], above(demo, "G05"), receptors)}
    assert found[("G05",)] > 0.5
    assert found[("G12",)] < 0.3
    assert found[("G05", "G12")] >= found[("G05",)] - 0.1


def test_every_set_has_a_gate_the_plume_has_yet_to_pass_and_the_best_is_first(
    demo: Canals, receptors: np.ndarray
) -> None:
    found = screen(demo, (), ["G10", "G13"], ["G05", "G03"], above(demo, "G10"), receptors)
    assert all({"G10", "G13"} & set(s.gates) for s in found)
    assert len({frozenset(s.gates) for s in found}) == len(found)
    assert found[0].held >= max(s.held for s in found) - 0.1
    assert max(len(s.gates) for s in found) > 2


def test_carried_is_the_share_of_the_mass_that_takes_a_link() -> None:
    net = Network.of(
        ["a", "b", "c"], ["1", "2", "3"], [0, 0, 1], [1, 2, 2], flow_m3s=[3.0, 1.0, 3.0], travel_s=[10.0] * 3
    )
    assert choice.carried(net, net.flow_m3s, np.array([1.0, 0, 0])) == pytest.approx(
        [0.75, 0.25, 0.75], rel=1e-3
    )
