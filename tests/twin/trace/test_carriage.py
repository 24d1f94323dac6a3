"""Carriage is worked out once for a state of the network, and again when a gate or the water changes."""

from __future__ import annotations

import numpy as np

from geodata.network import Network
from twin.trace.carriage import Carriage

NETWORK = Network.of(
    list("ABC"),
    ["AC", "BC"],
    [0, 1],
    [2, 2],
    travel_s=[600, 900],
    flow_m3s=[0.01, 0.01],
    length_m=[300, 450],
    gates={"G": "AC"},
)
ORIGINS, SENSORS = np.array([0, 1]), np.array([2])


def asked(it: Carriage, network: Network, horizon_s: float = 5000.0) -> np.ndarray:
    (first, *_) = it.responses(network, ORIGINS, SENSORS, step_s=60, horizon_s=horizon_s)
    return first.passed[:, 0, -1]


def test_the_same_state_is_looked_up_and_a_gate_makes_another() -> None:
    it = Carriage()
    open_ = asked(it, NETWORK)
    assert it.solved == 1
    assert asked(it, NETWORK, 7000.0).tolist() == open_.tolist()  # a horizon that has grown a little
    assert it.solved == 1
    shut = asked(it, NETWORK.with_gates({"G": 0.0}))
    assert it.solved == 2
    assert (open_ > 0.5).tolist() == [True, True]
    assert (shut > 0.5).tolist() == [False, True]
    assert asked(it, NETWORK.with_gates({"G": 0.0}).with_gates({"G": 1.0})).tolist() == open_.tolist()
    assert it.solved == 2  # open again: still here


def test_other_water_is_another_state_and_old_ones_are_forgotten() -> None:
    it = Carriage(most=2)
    asked(it, NETWORK)
    asked(it, NETWORK.with_flow(np.array([0.01, 0.03])))
    asked(it, NETWORK.with_gates({"G": 0.0}))
    assert it.solved == 3
    asked(it, NETWORK)
    assert it.solved == 4


def test_transport_is_kept_beside_responses() -> None:
    it = Carriage()
    asked(it, NETWORK)
    found = it.transport(NETWORK, ORIGINS, SENSORS)
    assert it.solved == 2
    assert it.transport(NETWORK, ORIGINS, SENSORS) is found
