"""Walks over a network: what lies upstream and downstream of a node, and the fastest way between two."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from geodata.forest import runs

if TYPE_CHECKING:
    from geodata.network import Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
Names = NDArray[np.str_]

REVERSING = 0.05  # share of time from which a link counts as running both ways


class Trace(NamedTuple):
    """Part of a network that a walk reached.

    nodes: ids, nearest in time first; links: ids of those walked between them; travel_s: time to each node.
    """

    nodes: Names
    links: Names
    travel_s: Floats


def barred(net: Network, barriers: Collection[str]) -> tuple[Ints, list[int]]:
    """Return the links that cannot be passed, in order, and the nodes that cannot.

    Raises
    ------
    KeyError
        There is no such gate, link or node.
    """
    shut, bars = set(net.shut), list[int]()
    for name in barriers:
        if name in net.nodes:
            bars.append(net.nodes[name])
        else:
            shut.add(net.gates[name] if name in net.gates else net.links[name])
    return np.array(sorted(shut), np.int32), bars


def walk(net: Network, node: str, barriers: Collection[str], *, back: bool, reversing: bool) -> Trace:
    """Return what a walk from a node reaches; see `geodata.network.Network.upstream`."""
    start = net.nodes[node]
    shut, bars = barred(net, barriers)
    if reversing:
        return _walk_both_ways(net, start, shut, bars, back=back)
    reached, time = net.forest(back=back).times(start, shut, bars)
    begins, links = (net.in_start, net.in_links) if back else (net.out_start, net.out_links)
    passed = reached[~np.isin(reached, [b for b in bars if b != start])] if bars else reached
    walked = np.sort(links[runs(begins[passed], begins[passed + 1])])
    return _trace(net, reached, time, _without(walked, shut))


def route(net: Network, a: int, b: int) -> list[int]:
    """Return the links (positions) of the fastest open way between two nodes (positions)."""
    open_ = net.open
    _, before = dijkstra(matrix(net, open_, back=False, reversing=False), indices=a, return_predecessors=True)
    found: list[int] = []
    at = b
    while at != a:
        came = int(before[at])
        if came < 0:
            return []
        leaving = net.out_links[net.out_start[came] : net.out_start[came + 1]]
        between = leaving[(net.head[leaving] == at) & open_[leaving]]
        found.append(int(between[np.argmin(net.travel_s[between])]))
        at = came
    return found[::-1]


def matrix(net: Network, walkable: Bools, *, back: bool, reversing: bool) -> csr_array:
    """Return travel times from node to node, (n, n) seconds; of parallel links only the fastest is kept."""
    index = np.flatnonzero(walkable)
    a, b = (net.head, net.tail) if back else (net.tail, net.head)
    row, column, time = a[index], b[index], net.travel_s[index]
    if reversing:
        both = np.flatnonzero(walkable & (net.reversal > REVERSING))
        row, column = np.concatenate([row, b[both]]), np.concatenate([column, a[both]])
        time = np.concatenate([time, net.travel_s[both]])
    n = len(net.node_ids)
    order = np.lexsort((time, column, row))
    key = row[order].astype(np.int64) * n + column[order]
    first = np.ones(len(key), bool)
    first[1:] = key[1:] != key[:-1]
    kept = order[first]
    return csr_array((time[kept], (row[kept], column[kept])), shape=(n, n))


def _without(links: Ints, shut: Ints) -> Ints:
    """Return links (in order) without those that are shut."""
    if not len(links) or not len(shut):
        return links
    at = np.minimum(np.searchsorted(links, shut), len(links) - 1)
    return np.delete(links, at[links[at] == shut])


def _walk_both_ways(net: Network, start: int, shut: Ints, bars: Collection[int], *, back: bool) -> Trace:
    """Walk, and pass links that reverse in either direction."""
    walkable = np.ones(len(net.link_ids), bool)
    walkable[shut] = False
    leaves, other = (net.head, net.tail) if back else (net.tail, net.head)
    for bar in bars:
        if bar != start:
            walkable &= leaves != bar
    time = dijkstra(matrix(net, walkable, back=back, reversing=True), indices=start)
    reached = np.flatnonzero(np.isfinite(time)).astype(np.int32)
    walked = walkable & np.isfinite(time[leaves])
    walked |= walkable & (net.reversal > REVERSING) & np.isfinite(time[other])
    return _trace(net, reached, time[reached], np.flatnonzero(walked).astype(np.int32))


def _trace(net: Network, reached: Ints, time: Floats, walked: Ints) -> Trace:
    order = np.argsort(time, kind="stable")
    names, time = net.node_ids[reached[order]], time[order]
    again = time[1:] == time[:-1]
    tied = np.flatnonzero(np.append(again, False) | np.append(False, again))
    names[tied] = names[tied[np.lexsort((names[tied], time[tied]))]]
    return Trace(names, net.link_ids[walked], time)
