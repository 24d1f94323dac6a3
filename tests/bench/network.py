"""How fast a network answers beside rustworkx and networkx, same graph and same run, and its memory.

`python -m tests.bench.network [LINKS ...]` prints one JSON line for each size, 100,000 and a million links if
none is given. The graph is drawn like a city's drains: a tree that gathers to one outfall, short branches and
long trunks, with a second way on at every fiftieth node and a gate on every five hundredth link. Every answer
is compared with rustworkx's before its time counts.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import rustworkx as rx

from geodata.network import Network

LINKS = (100_000, 1_000_000)
SECOND_WAY = 50  # one node in so many has two ways on
GATES = 500  # one link in so many is a gate
NODES_ASKED = 1_000
CHANGES = 200  # of gates, one after another


def drains(links: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return tail, head and travel time (s) of every link; node 0 is the outfall."""
    dice = np.random.default_rng(20260)
    n = int(links * SECOND_WAY / (SECOND_WAY + 1)) + 1
    node = np.arange(1, n)
    # Half of the nodes follow the one before: trunks. The others join somewhere nearer the outfall.
    joins = (node * dice.random(n - 1)).astype(np.int64)
    near = np.maximum(node - 1 - dice.integers(0, 50, n - 1), 0)
    head = np.where(dice.random(n - 1) < 0.05, joins, np.where(dice.random(n - 1) < 0.6, node - 1, near))
    extra = dice.choice(node, links - (n - 1), replace=False)
    beside = np.maximum(extra - 2 - dice.integers(0, 200, len(extra)), 0)
    tail, head = np.concatenate([node, extra]), np.concatenate([head, beside])
    return tail, head, dice.gamma(2.0, 40.0, links) + 0.5


def memory_mb() -> float:
    """Memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def best(function: Callable[[], object], times: int = 5) -> float:
    """Return the shortest of several runs, s."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def build(links: int) -> tuple[Network, dict[str, float]]:
    """Build the network with its forest; memory is what the process grew by meanwhile."""
    gc.collect()
    before = memory_mb()
    start = time.perf_counter()
    tail, head, travel = drains(links)
    flow = np.full(links, 0.01)
    names = np.char.add("N", np.arange(int(tail.max()) + 1).astype(str))
    ids = np.char.add("L", np.arange(links).astype(str))
    drawn = time.perf_counter()
    gates = {f"G{k}": str(ids[k]) for k in range(0, links, GATES)}
    net = Network.of(names, ids, tail, head, travel_s=travel, flow_m3s=flow, length_m=travel, gates=gates)
    built = time.perf_counter()
    net.forest(back=True)
    grown = time.perf_counter()
    del tail, head, travel, flow, names, ids
    gc.collect()
    facts = {
        "build_s": round(built - drawn, 3),
        "first_trace_extra_s": round(grown - built, 3),
        "memory_mb": round(memory_mb() - before),
        "peak_process_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
    }
    assert drawn > start
    return net, facts


def rival(net: Network) -> Any:
    """Return the same graph in rustworkx, turned so that upstream is the way of its links."""
    graph = rx.PyDiGraph()
    graph.add_nodes_from(range(len(net.node_ids)))
    graph.add_edges_from(list(zip(net.tail.tolist(), net.head.tolist(), net.travel_s.tolist(), strict=True)))
    return graph


def agree(net: Network, graph: Any, node: int) -> None:
    """Assert that reach and times of one node are rustworkx's."""
    back = graph.copy()
    back.reverse()
    want = dict(rx.dijkstra_shortest_path_lengths(back, node, float))
    nodes, seconds = net.times(node, back=True)
    mine = dict(zip(nodes.tolist(), seconds.tolist(), strict=True))
    assert mine.pop(node) == 0.0
    assert set(mine) == set(want) == rx.ancestors(graph, node)
    assert set(net.reach(node, back=True).tolist()) == {node, *want.keys()}
    keys = list(mine)
    assert np.allclose([mine[k] for k in keys], [want[k] for k in keys], rtol=1e-9, atol=1e-6)


def everything(net: Network, graph: Any) -> dict[str, float]:
    """All that is upstream of the outfall: reach and times, beside the others."""
    back = graph.copy()
    back.reverse()
    ours_reach = best(lambda: net.reach(0, back=True))
    ours_times = best(lambda: net.times(0, back=True))
    rust_reach = best(lambda: rx.ancestors(graph, 0), 3)
    rust_times = best(lambda: rx.dijkstra_shortest_path_lengths(back, 0, float), 3)
    plain = nx.DiGraph()
    plain.add_edges_from(zip(net.tail.tolist(), net.head.tolist(), strict=True))
    nx_reach = best(lambda: nx.ancestors(plain, 0), 1)
    return {
        "reach_ms": round(ours_reach * 1e3, 2),
        "times_ms": round(ours_times * 1e3, 2),
        "rustworkx_reach_ms": round(rust_reach * 1e3, 1),
        "rustworkx_times_ms": round(rust_times * 1e3, 1),
        "networkx_reach_ms": round(nx_reach * 1e3, 1),
        "reach_ratio_rustworkx": round(rust_reach / ours_reach, 1),
        "reach_ratio_networkx": round(nx_reach / ours_reach, 1),
        "times_ratio_rustworkx": round(rust_times / ours_times, 1),
    }


def from_many(net: Network, back: bool) -> dict[str, float]:
    """Traces with times from random nodes, by name and in order as the page gets them."""
    dice = np.random.default_rng(7)
    seconds, sizes = [], []
    start = time.perf_counter()
    net.forest(back=back)
    built = time.perf_counter() - start
    walk = net.upstream if back else net.downstream
    for node in dice.integers(0, len(net.node_ids), NODES_ASKED):
        name = str(net.node_ids[node])
        start = time.perf_counter()
        found = walk(name)
        seconds.append(time.perf_counter() - start)
        sizes.append(len(found.nodes))
    cuts = statistics.quantiles(seconds, n=100)
    return {
        "p50_ms": round(cuts[49] * 1e3, 2),
        "p95_ms": round(cuts[94] * 1e3, 2),
        "max_ms": round(max(seconds) * 1e3, 2),
        "nodes_p95": int(statistics.quantiles(sizes, n=100)[94]),
        "built_before_s": round(built, 3),
    }


def after_gates(net: Network, graph: Any) -> dict[str, float]:
    """Gates close and open one after another: the next trace of the outfall beside the one before it.

    Each round is a trace in the present state, a change of one gate picked by chance, and the first trace in
    the new state; reach and times take turns. Some states are compared with rustworkx.
    """
    dice = np.random.default_rng(11)
    gates, stand, state = list(net.gates), dict[str, float](), net
    seconds: dict[str, list[float]] = {}
    for turn in range(CHANGES):
        gate = gates[int(dice.integers(len(gates)))]
        stand[gate] = 0.0 if stand.get(gate, 1.0) else 1.0
        name, trace = ("reach", Network.reach) if turn % 2 else ("times", Network.times)
        start = time.perf_counter()
        trace(state, 0, back=True)
        before = time.perf_counter()
        state = state.with_gates({gate: stand[gate]})
        changed = time.perf_counter()
        trace(state, 0, back=True)
        after = time.perf_counter()
        for word, took in (("before", before - start), ("change", changed - before),
                           ("next", after - changed), ("change_and_next", after - before)):  # fmt: skip
            seconds.setdefault(f"{name}_{word}_ms", []).append(took)
        if turn % (CHANGES // 5) == 0:
            cut = graph.copy()
            for shut in (g for g, p in stand.items() if not p):
                cut.remove_edge_from_index(net.gates[shut])
            agree(state, cut, 0)
    cut_off = len(net.reach(0, back=True)) - len(state.reach(0, back=True))
    return {
        "changes": CHANGES,
        "nodes_cut_off": cut_off,
        **{k: round(statistics.median(v) * 1e3, 3) for k, v in seconds.items()},
    }


def measure(links: int) -> dict[str, Any]:
    """Build, compare, time."""
    net, facts = build(links)
    graph = rival(net)
    dice = np.random.default_rng(3)
    for node in (0, *dice.integers(0, len(net.node_ids), 20).tolist()):
        agree(net, graph, node)
    return {
        "bench": "network",
        "links": links,
        "nodes": len(net.node_ids),
        **facts,
        "upstream_of_outfall": everything(net, graph),
        "upstream_of_1000_nodes": from_many(net, back=True),
        "downstream_of_1000_nodes": from_many(net, back=False),
        "after_gates": after_gates(net, graph),
        "machine": {
            "python": platform.python_version(),
            "processor": platform.machine(),
            "cpus": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
            **{name: importlib.metadata.version(name) for name in ("scipy", "rustworkx", "networkx")},
        },
    }


def main() -> None:
    """Print one JSON line for each size, each measured in a process of its own."""
    sizes = [int(word) for word in sys.argv[1:]] or LINKS
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for facts in pool.imap(measure, sizes, chunksize=1):
            print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
