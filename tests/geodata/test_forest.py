"""The forest against networkx on random graphs, with random links shut and nodes barred."""

from __future__ import annotations

from unittest import mock

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.forest import Forest

Edge = tuple[int, int]


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, list[Edge], list[int], set[int], set[int], set[int], int]:
    """Nodes, links, travel times, links that may close, links closed, nodes barred, start."""
    n = draw(st.integers(1, 14))
    node = st.integers(0, n - 1)
    # Mostly one way on from a node, as in a sewer: few choices make long twigs.
    edges = [(i, draw(node)) for i in range(n) if draw(st.integers(0, 4))]
    edges += draw(st.lists(st.tuples(node, node), max_size=6))
    link = st.integers(0, max(len(edges) - 1, 0))
    some = st.sets(link, max_size=4) if edges else st.just(set())
    travel = draw(st.lists(st.integers(1, 50), min_size=len(edges), max_size=len(edges)))
    return n, edges, travel, draw(some), draw(some), draw(st.sets(node, max_size=2)), draw(node)


def oracle(
    n: int, edges: list[Edge], travel: list[int], closed: set[int], bars: set[int], start: int
) -> dict[int, float]:
    """Shortest times to the start by networkx, without links that are shut or end at a barred node."""
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(n))
    for k, (a, b) in enumerate(edges):
        if k not in closed and b not in bars - {start}:
            graph.add_edge(b, a, weight=travel[k])
    return nx.single_source_dijkstra_path_length(graph, start)


@given(cases(), st.sampled_from([1000, 3, -1]), st.sampled_from([4, 0]))
def test_reach_and_times_are_those_of_networkx(
    case: tuple[int, list[Edge], list[int], set[int], set[int], set[int], int], near: int, dense: int
) -> None:
    n, edges, travel, may_close, closed, bars, start = case
    a, b = (np.array([e[i] for e in edges], np.int32) for i in (0, 1))
    flags = np.zeros(len(edges), bool)
    flags[list(may_close)] = True
    forest = Forest.of(n, a, b, np.array(travel, float), flags)
    shut = sorted(closed)
    want = oracle(n, edges, travel, closed, bars, start)
    # By hand, begun by hand, by the library; gathered tree by tree or in one sweep over all places.
    with mock.patch.multiple("geodata.forest", NEAR=near, DENSE=dense):
        assert sorted(forest.reach(start, shut, list(bars)).tolist()) == sorted(want)
        nodes, seconds = forest.times(start, shut, list(bars))
    assert len(set(nodes.tolist())) == len(nodes)
    assert dict(zip(nodes.tolist(), seconds.tolist(), strict=True)) == pytest.approx(want)


def test_what_hangs_on_a_node_is_a_run_of_places() -> None:
    #  0 -> 1 -> 3 -> 4,  2 -> 3,  4 has no way on
    forest = Forest.of(
        *(5, np.array([0, 1, 2, 3], np.int32), np.array([1, 3, 3, 4], np.int32)),
        *(np.array([1.0, 2.0, 4.0, 8.0]), np.zeros(4, bool)),
    )
    assert len(forest.doors) == 0
    assert len(forest.tree) == 2
    low = forest.place[3]
    assert set(forest.node[low : low + forest.size[low]].tolist()) == {0, 1, 2, 3}
    assert forest.time[forest.place].tolist() == [11.0, 10.0, 12.0, 8.0, 0.0]


def test_a_ring_is_opened_and_still_walked_round() -> None:
    a = np.arange(5, dtype=np.int32)
    forest = Forest.of(5, a, (a + 1) % 5, np.ones(5), np.zeros(5, bool))
    nodes, seconds = forest.times(2)
    assert dict(zip(nodes.tolist(), seconds.tolist(), strict=True)) == {2: 0, 1: 1, 0: 2, 4: 3, 3: 4}
