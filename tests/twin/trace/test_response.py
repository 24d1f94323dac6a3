"""Responses against what can be worked out by hand: one tank, one plug, a fork, a link that turns."""

from __future__ import annotations

import numpy as np
import pytest

from geodata.network import Network
from twin.trace.response import ensemble, fields, respond, turned


def network(flows: list[float], reversal: list[float] | None = None) -> Network:
    """A --600 s--> B; from there 300 s to C and, where it flows, 900 s to D."""
    links = [(0, 1, 600.0), (1, 2, 300.0), (1, 3, 900.0)]
    return Network.of(
        list("ABCD"),
        ["ab", "bc", "bd"],
        [a for a, _, _ in links],
        [b for _, b, _ in links],
        travel_s=[t for *_, t in links],
        flow_m3s=flows,
        reversal=reversal,
    )


def test_one_stirred_link_lets_its_water_go_by_the_exponential_law() -> None:
    r = respond(network([0.01, 0.01, 0.0]), np.array([0]), np.array([1]), step_s=5, horizon_s=4000)
    law = 1 - np.exp(-r.lag_s / 600)
    assert r.passed[0, 0] == pytest.approx(law, abs=0.02)


def test_a_plug_arrives_all_at_once() -> None:
    net = network([0.01, 0.01, 0.0])
    r = respond(net, np.array([0]), np.array([2]), step_s=5, horizon_s=2000, stirred=False)
    assert r.passed[0, 0, r.lag_s < 860].max() < 0.01
    assert r.passed[0, 0, r.lag_s > 960].min() > 0.99


def test_a_fork_shares_the_water_and_nothing_runs_uphill() -> None:
    net = network([0.03, 0.02, 0.01])
    r = respond(net, np.array([0, 2]), np.array([2, 3]), step_s=20, horizon_s=20000)
    assert r.passed[0, :, -1] == pytest.approx([2 / 3, 1 / 3], abs=0.01)
    assert (r.passed[1, 1] == 0).all()
    assert r.passed[1, 0, 0] == 1.0  # a sensor sees what is released at it at once
    assert (np.diff(r.passed, axis=2) >= -1e-6).all()
    assert r.flow_m3s == pytest.approx([0.02, 0.01])


def test_links_that_turn_give_more_than_one_field() -> None:
    still = network([0.03, 0.02, 0.01])
    assert len(fields(still)) == 1
    turning = network([0.03, 0.02, 0.01], [0.0, 0.0, 0.4])
    assert [f.tail[2] for f in fields(turning)] == [1, 3]
    both = ensemble(turning, np.array([3]), np.array([2]), step_s=20, horizon_s=9000)
    assert [bool(r.passed[0, 0, -1] > 0.9) for r in both] == [False, False, True]


def test_a_field_is_in_doubt_as_far_as_its_links_turn() -> None:
    def doubt(turning: int) -> float:
        at, some = list(range(101)), np.ones(100)
        chain = Network.of(
            [str(i) for i in at],
            [f"l{i}" for i in at[1:]],
            at[:-1],
            at[1:],
            travel_s=60 * some,
            flow_m3s=0.01 * some,
            reversal=0.3 * (np.arange(100) < turning),
        )
        return turned(chain)

    told = [doubt(k) for k in (0, 3, 5, 8, 10, 40)]
    assert told[:2] == [0.0, 0.0]
    assert told[-2:] == [1.0, 1.0]
    assert 0 < told[2] < told[3] < 1
