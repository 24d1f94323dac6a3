"""The network against a naive oracle on random graphs, and on small ones that can be checked by hand."""

from __future__ import annotations

import heapq
from collections.abc import Collection

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.network import Network

Edge = tuple[int, int, float, float]  # from, to, flow (signed), travel


def build(
    n: int, edges: list[Edge], shut: Collection[int] = (), reversal: list[float] | None = None
) -> Network:
    """A network of nodes n0.. and links l0.., every link a gate of the same number."""
    return Network.of(
        [f"n{i}" for i in range(n)],
        [f"l{k}" for k in range(len(edges))],
        [e[0] for e in edges],
        [e[1] for e in edges],
        flow_m3s=[e[2] for e in edges],
        travel_s=[e[3] for e in edges],
        reversal=reversal,
        gates={f"G{k}": f"l{k}" for k in range(len(edges))},
        shut=[f"l{k}" for k in shut],
    )


def oracle(n: int, edges: list[Edge], start: int, shut: Collection[int], *, back: bool) -> dict[int, float]:
    """Naive Dijkstra over a list of edges."""
    best = {start: 0.0}
    heap = [(0.0, start)]
    while heap:
        t, at = heapq.heappop(heap)
        if t > best[at]:
            continue
        for k, (a, b, flow, travel) in enumerate(edges):
            if k in shut:
                continue
            tail, head = (a, b) if flow >= 0 else (b, a)
            if back:
                tail, head = head, tail
            if tail == at and t + travel < best.get(head, np.inf):
                best[head] = t + travel
                heapq.heappush(heap, (t + travel, head))
    return best


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[Edge], set[int]]:
    n = draw(st.integers(1, 9))
    node = st.integers(0, n - 1)
    edge = st.tuples(node, node, st.sampled_from([-2.0, -0.5, 0.0, 0.3, 1.0]), st.integers(1, 99).map(float))
    edges = draw(st.lists(edge, max_size=18))
    shut = draw(st.sets(st.integers(0, max(len(edges) - 1, 0)), max_size=3)) if edges else set()
    return n, edges, shut


@given(graphs(), st.booleans())
def test_walks_agree_with_a_naive_dijkstra(graph: tuple[int, list[Edge], set[int]], back: bool) -> None:
    n, edges, shut = graph
    net = build(n, edges, shut)
    for start in range(n):
        want = oracle(n, edges, start, shut, back=back)
        got = net.upstream(f"n{start}") if back else net.downstream(f"n{start}")
        assert dict(zip(got.nodes.tolist(), got.travel_s.tolist(), strict=True)) == pytest.approx(
            {f"n{i}": t for i, t in want.items()}
        )
        assert list(got.travel_s) == sorted(got.travel_s)
    times = net.travel_times(list(range(n)), back=back)
    assert times[0].tolist() == pytest.approx(
        [oracle(n, edges, 0, shut, back=back).get(i, np.inf) for i in range(n)]
    )


@given(graphs())
def test_a_path_is_connected_open_and_as_fast_as_the_travel_time(
    graph: tuple[int, list[Edge], set[int]],
) -> None:
    n, edges, shut = graph
    net = build(n, edges, shut)
    times = net.travel_times(list(range(n)))
    for a in range(n):
        for b in range(n):
            path = [net.links[k] for k in net.path(f"n{a}", f"n{b}")]
            at = a
            for k in path:
                assert net.open[k]
                assert net.tail[k] == at
                at = net.head[k]
            if path or a == b:
                assert at == b
                assert net.travel_s[path].sum() == pytest.approx(times[a, b])
            else:
                assert np.isinf(times[a, b])


@given(graphs())
def test_shares_of_the_water_leaving_a_node_are_one(graph: tuple[int, list[Edge], set[int]]) -> None:
    n, edges, shut = graph
    net = build(n, edges, shut)
    total = np.bincount(net.tail, net.shares(), n)
    leaving = np.bincount(net.tail, net.open, n)
    assert np.allclose(total[leaving > 0], 1.0)
    assert np.all(net.shares()[~net.open] == 0)


#   0 --l0--> 1 --l1--> 2 --l3--> 4      l2 is declared 3 -> 1 and runs 1 -> 3, l4 closes the loop
#              \--l2--> 3 --l4--> 4
LOOP: list[Edge] = [(0, 1, 1.0, 10), (1, 2, 0.6, 20), (3, 1, -0.4, 5), (2, 4, 0.6, 10), (3, 4, 0.4, 50)]


def test_a_link_whose_flow_is_negative_is_turned_round() -> None:
    net = build(5, LOOP)
    assert (net.tail[2], net.head[2]) == (1, 3)
    assert net.flow_m3s[2] == 0.4
    assert net.turned.tolist() == [False, False, True, False, False]


def test_a_loop_is_walked_by_its_faster_side_and_a_closed_gate_sends_it_round() -> None:
    net = build(5, LOOP)
    assert net.path("n0", "n4") == ("l0", "l1", "l3")
    shut = net.with_gates({"G1": 0.02})
    assert shut.path("n0", "n4") == ("l0", "l2", "l4")
    assert not shut.open[1]
    assert shut.with_gates({"G1": 1.0}).path("n0", "n4") == ("l0", "l1", "l3")
    with pytest.raises(KeyError):
        net.with_gates({"G99": 0.0})


def test_a_gate_half_as_open_takes_half_of_the_water() -> None:
    net = build(5, LOOP)
    share = net.with_gates({"G1": 0.5}).shares()
    assert share[[1, 2]].tolist() == pytest.approx([0.3 / 0.7, 0.4 / 0.7])
    assert net.with_gates({"G1": 0.0}).shares()[[1, 2]].tolist() == [0.0, 1.0]
    half = Network.of(["a", "b"], ["k"], [0], [1], travel_s=[1.0], flow_m3s=[1.0], gates={"G": "k"},
                      usual={"k": 0.5})  # fmt: skip
    assert half.with_gates({"G": 1.0}).conductance.tolist() == [2.0]  # its flow was stored half open
    assert half.conductance.tolist() == [1.0]


def test_a_pump_is_switched_by_its_own_id() -> None:
    net = build(3, [(0, 1, 1.0, 10), (1, 2, 1.0, 10)])
    off = net.with_states({"l1": 0.0})
    assert off.downstream("n0").nodes.tolist() == ["n0", "n1"]
    assert off.with_states({"l1": 1.0}).downstream("n0").nodes.tolist() == ["n0", "n1", "n2"]


def test_a_reach_known_to_run_backwards_is_turned_and_passed_at_its_speed() -> None:
    net = build(5, LOOP)
    before = net.upstream("n4").travel_s.tolist()
    now = net.with_states({}, {"l3": -0.3, "l2": 0.2})
    assert (now.tail[3], now.head[3]) == (4, 2)
    assert (now.tail[2], now.head[2]) == (3, 1)  # its own way is n3 to n1, and so it runs now
    assert now.travel_s[3] == pytest.approx(20.0)  # half the flow, twice the time
    assert set(now.downstream("n4").nodes.tolist()) == {"n4", "n2"}
    assert net.upstream("n4").travel_s.tolist() == before
    assert now.turned.tolist() == [False, False, False, True, False]


@given(graphs(), st.data())
def test_links_turned_by_live_flow_give_the_oracles_reach(
    graph: tuple[int, list[Edge], set[int]], data: st.DataObject
) -> None:
    n, edges, shut = graph
    turn = data.draw(st.sets(st.integers(0, len(edges) - 1), max_size=4)) if edges else set()
    live = {f"l{k}": -edges[k][2] or -0.1 for k in turn}
    net = build(n, edges, shut).with_states({}, live)
    now = [(a, b, live.get(f"l{k}", q), t) for k, (a, b, q, t) in enumerate(edges)]
    other = build(n, now, shut)
    for node in range(n):
        for back in (True, False):
            assert set(net.reach(node, back=back).tolist()) == set(other.reach(node, back=back).tolist())


@given(graphs(), st.data())
def test_after_any_sequence_of_changes_every_state_answers_for_itself(
    graph: tuple[int, list[Edge], set[int]], data: st.DataObject
) -> None:
    n, edges, shut = graph
    net = build(n, edges, shut)
    states = [(net, frozenset(shut))]
    moves = st.tuples(st.integers(0, max(len(edges) - 1, 0)), st.sampled_from([0.0, 0.02, 0.4, 1.0]))
    for k, position in data.draw(st.lists(moves, max_size=6)) if edges else []:
        # From any earlier state, by the gate's name or the link's own, as readers beside one another do.
        state, closed = states[data.draw(st.integers(0, len(states) - 1))]
        name = data.draw(st.sampled_from([f"G{k}", f"l{k}"]))
        states.append(
            (state.with_gates({name: position}), closed - {k} if position >= 0.05 else closed | {k})
        )
    start = data.draw(st.integers(0, n - 1))
    bars = data.draw(st.sets(st.integers(0, len(edges) - 1), max_size=2)) if edges else set()
    for state, closed in data.draw(st.permutations(states)):
        assert np.flatnonzero(~state.open).tolist() == sorted(closed)
        for back in (True, False):
            want = oracle(n, edges, start, closed | bars, back=back)
            walk = state.upstream if back else state.downstream
            got = walk(f"n{start}", [f"l{k}" for k in bars])
            assert dict(zip(got.nodes.tolist(), got.travel_s.tolist(), strict=True)) == pytest.approx(
                {f"n{i}": t for i, t in want.items()}
            )
            ends = state.head if back else state.tail
            walked = [k for k in range(len(edges)) if k not in closed | bars and int(ends[k]) in want]
            assert got.links.tolist() == [f"l{k}" for k in walked]
            assert set(state.reach(start, [f"G{k}" for k in bars], back=back).tolist()) == set(want)


def test_barriers_are_links_gates_or_nodes_that_are_reached_and_not_passed() -> None:
    net = build(5, LOOP)
    assert net.downstream("n0", ["l1", "G4"]).nodes.tolist() == ["n0", "n1", "n3"]
    got = net.downstream("n0", ["n1"])
    assert got.nodes.tolist() == ["n0", "n1"]
    assert got.links.tolist() == ["l0"]
    assert net.upstream("n4", ["n2"]).nodes.tolist() == ["n4", "n2", "n3", "n1", "n0"]


def test_reversing_links_are_walked_both_ways_only_when_asked() -> None:
    net = build(3, [(0, 1, 1.0, 10), (1, 2, 1.0, 10)], reversal=[0.0, 0.3])
    assert net.upstream("n1").nodes.tolist() == ["n1", "n0"]
    assert net.upstream("n1", reversing=True).nodes.tolist() == ["n1", "n0", "n2"]


def test_another_flow_field_turns_links_and_keeps_the_water_in_them() -> None:
    net = build(3, [(0, 1, 1.0, 10), (1, 2, 1.0, 10)])
    other = net.with_flow(np.array([2.0, -0.5]))
    assert other.travel_s.tolist() == pytest.approx([5.0, 20.0])
    assert (other.tail[1], other.head[1]) == (2, 1)
    assert other.turned.tolist() == [False, True]
    assert other.downstream("n2").nodes.tolist() == ["n2", "n1"]


def test_parallel_links_do_not_add_up() -> None:
    net = build(2, [(0, 1, 1.0, 30), (0, 1, 1.0, 10)])
    assert net.travel_times([0])[0].tolist() == [0.0, 10.0]
    assert net.path("n0", "n1") == ("l1",)


def test_an_id_used_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Network.of(["a", "a"], ["l"], [0], [1], travel_s=[1.0], flow_m3s=[1.0])
