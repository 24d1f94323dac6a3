"""Transport on networks that can be worked out by hand, and against Dijkstra and a random walk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.network import Network
from twin.trace.transport import solve


def network(
    edges: list[tuple[int, int, float, float]], n: int, reversal: list[float] | None = None
) -> Network:
    return Network.of(
        [f"n{i}" for i in range(n)],
        [f"l{k}" for k in range(len(edges))],
        [e[0] for e in edges],
        [e[1] for e in edges],
        flow_m3s=[e[2] for e in edges],
        travel_s=[e[3] for e in edges],
        length_m=[e[3] for e in edges],
        reversal=reversal,
    )


def at(*nodes: int) -> np.ndarray:
    return np.array(nodes, np.int64)


#   0 --1 m3/s, 100 s--> 1 --0.75, 200 s--> 3 (sensor)
#                         \--0.25, 50 s--> 2 --0.25, 50 s--> 3
FORK = network([(0, 1, 1.0, 100), (1, 3, 0.75, 200), (1, 2, 0.25, 50), (2, 3, 0.25, 50)], 4)


def test_a_chain_adds_travel_times_and_full_mixing_adds_their_squares() -> None:
    t = solve(network([(0, 1, 1.0, 100), (1, 2, 1.0, 300)], 3), at(0, 1), at(2))
    assert t.mean_s[:, 0] == pytest.approx([400, 300], rel=1e-3)
    assert t.paths_s2[:, 0] == pytest.approx([0, 0], abs=100)
    assert t.mixing_s2[:, 0] == pytest.approx([100**2 + 300**2, 300**2], rel=1e-3)
    assert t.spread_s(0.0)[0, 0] < 0.1 * t.spread_s(1.0)[0, 0]


def test_two_ways_to_a_sensor_are_mixed_by_their_water() -> None:
    t = solve(FORK, at(0), at(3, 2))
    assert t.share[0] == pytest.approx([1.0, 0.25], rel=1e-3)
    assert t.mean_s[0, 0] == pytest.approx(0.75 * 300 + 0.25 * 200, rel=1e-3)
    assert t.paths_s2[0, 0] == pytest.approx(0.75 * 0.25 * 100**2, rel=1e-2)
    assert t.fastest_s[0, 0] == 200
    assert t.gain()[0] == pytest.approx([1.0, 1.0], rel=1e-3)  # 0.25 of the water in 0.25 m3/s


def test_who_cannot_reach_a_sensor_has_no_share_and_no_time() -> None:
    t = solve(FORK, at(2, 3), at(1))
    assert t.share.tolist() == [[0.0], [0.0]]
    assert np.isinf(t.mean_s).all()
    assert np.isinf(t.quantile_s(0.05, 1.0)).all()


def test_mixing_makes_the_front_early_and_the_tail_late() -> None:
    t = solve(network([(0, 1, 1.0, 1000)], 2), at(0), at(1))
    early, late = t.quantile_s(0.05, 1.0)[0, 0], t.quantile_s(0.95, 1.0)[0, 0]
    assert 0 < early < 150  # a stirred tank: 51 s
    assert 2500 < late < 3500  # 2996 s
    assert t.quantile_s(0.05, 0.0)[0, 0] == pytest.approx(1000, rel=0.1)


def test_reversing_links_reach_back_and_a_loop_counts_once() -> None:
    edges = [(0, 1, 1.0, 100.0), (1, 2, 1.0, 100.0)]
    assert solve(network(edges, 3), at(2), at(0)).share[0, 0] == 0
    t = solve(network(edges, 3, reversal=[0.4, 0.4]), at(2), at(0))
    assert 0.1 < t.share[0, 0] <= 1.0


def test_a_weir_that_stands_dry_is_a_way_for_what_makes_it_run() -> None:
    net = Network.of(
        ["well", "works", "ditch"],
        ["pipe", "weir"],
        [0, 0],
        [1, 2],
        flow_m3s=[0.1, 0.0],
        travel_s=[600.0, 5.0],
        kind=["pipe", "weir"],
    )
    assert solve(net, at(0), at(2)).share[0, 0] == pytest.approx(0.05, rel=0.1)
    assert solve(net, at(0), at(2), overflow=0.0).share[0, 0] == 0


@st.composite
def flows(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, float, float]]]:
    """Networks without cycles whose links run from lower to higher nodes."""
    n = draw(st.integers(2, 7))
    pairs = draw(
        st.lists(
            st.tuples(st.integers(0, n - 2), st.integers(1, n - 1)).filter(lambda p: p[0] < p[1]), min_size=1
        )
    )
    return n, [(a, b, draw(st.floats(0.1, 2.0)), draw(st.floats(10, 500))) for a, b in pairs]


@settings(max_examples=40)
@given(flows())
def test_shares_and_means_agree_with_every_way_counted_out(
    case: tuple[int, list[tuple[int, int, float, float]]],
) -> None:
    n, edges = case
    net = network(edges, n)
    t = solve(net, at(*range(n)), at(n - 1))
    out = np.bincount([e[0] for e in edges], [e[2] for e in edges], n)

    def ways(node: int) -> list[tuple[float, float]]:
        if node == n - 1:
            return [(1.0, 0.0)]
        found = []
        for a, b, q, time in edges:
            if a == node:
                found += [(q / out[a] * share, time + rest) for share, rest in ways(b)]
        return found

    for i in range(n):
        every = ways(i)
        share = sum(s for s, _ in every)
        assert t.share[i, 0] == pytest.approx(share if share > 2e-3 else 0.0, rel=5e-3, abs=1e-3)
        if share > 0.01:
            assert t.mean_s[i, 0] == pytest.approx(sum(s * x for s, x in every) / share, rel=1e-2, abs=1.0)
            assert t.fastest_s[i, 0] == pytest.approx(min(x for _, x in every), abs=0.1)
