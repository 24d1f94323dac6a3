"""Parcels of dirty water carried through the network, link by link, while the flow field changes under them.

A link is one stirred tank or a few in a row: a parcel leaves a tank in any second with the chance flow x 1 s
/ volume. One tank makes fronts early and tails long, as the fully mixed conduits of SWMM do; more of them
carry a sharper front. The chance has no memory, so a parcel whose flow field changes simply draws again. At a
node it goes a way with the share of the water that does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.network import IDLE_M3S, Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

AT_NODE, OUT = -1, -2
TURNS = 3000  # moves of one parcel; more means it turns in a loop


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """Flow fields one after another, for several courses of events at once; a field is a row of all arrays.

    Attributes
    ----------
    begin : (courses, stages) s
        When each field of each course begins; padded with infinity.
    first : (courses,) int
        Row of each course's first field.
    rate : (f, m) 1/s
        Chance of leaving a link in a second.
    forward : (f, m) bool
        Whether the link runs tail to head.
    ways : (f, n + 1) int
        Where each node's ways out begin among the field's `link` and `chance`.
    link : (f, m) int
    chance : (f * m,)
        Cumulative chance of each way, plus the node's number, plus (n + 2) times the field's row.
    tail, head : (m,) int
    """

    begin: Floats
    first: Ints
    rate: Floats
    forward: NDArray[np.bool_]
    ways: Ints
    link: Ints
    chance: Floats
    tail: Ints
    head: Ints


def fields(network: Network, courses: Sequence[Sequence[tuple[float, Floats]]]) -> Fields:
    """Prepare courses of events, each a sequence of (from when, signed flow of every link)."""
    longest = max(len(c) for c in courses)
    begin = np.full((len(courses), longest), np.inf)
    first = np.zeros(len(courses), np.int64)
    flows: list[Floats] = []
    for i, course in enumerate(courses):
        first[i] = len(flows)
        for k, (at, flow) in enumerate(course):
            begin[i, k] = at if k else -np.inf
            flows.append(flow)
    flow = np.array(flows)
    # A link without water of its own carries a spill slowly on, unless a gate holds it.
    idle = (np.abs(flow) < IDLE_M3S) & (network.open & (network.kind != "gate"))[None, :]
    flow = np.where(idle, IDLE_M3S, flow)
    rate = np.where(idle, 1 / network.travel_s, np.abs(flow) / np.maximum(network.volume_m3, 1e-3))
    ways, link, chance = _ways(network, flow)
    tail, head = network.tail.astype(np.int64), network.head.astype(np.int64)
    return Fields(begin, first, rate, flow >= 0, ways, link, chance, tail, head)


def _ways(network: Network, flow: Floats) -> tuple[Ints, Ints, Floats]:
    """Return the ways out of every node in every field, see `Fields`."""
    n = len(network.node_ids)
    rows, m = flow.shape
    source = np.where(flow >= 0, network.tail, network.head) + np.arange(rows)[:, None] * n
    flat, size = source.ravel(), np.abs(flow).ravel()
    order = np.argsort(flat, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(flat, minlength=rows * n))])
    out = np.bincount(flat, size, rows * n)[flat[order]]
    total = np.cumsum(size[order])
    before = np.concatenate([[0.0], total])[start[flat[order]]]
    part = np.clip((total - before) / np.maximum(out, 1e-300), 0.0, 1.0)
    field, node = np.divmod(flat[order], n)
    ways = np.stack([start[k * n : (k + 1) * n + 1] - k * m for k in range(rows)])
    return ways.astype(np.int64), (order % m).reshape(rows, m), part + node + (n + 2.0) * field


@dataclass(slots=True, eq=False)
class Parcels:
    """p parcels.

    Attributes
    ----------
    node : (p,) int
        Where it is, or was last.
    link : (p,) int
        What it is in; `AT_NODE`, or `OUT` of the network for good.
    time_s : (p,) s
        How far it has been followed; infinity for good.
    member : (p,) int
        Row of the ensemble's speeds.
    tanks, left : (p,) int
        Stirred tanks it meets in every link, and how many of them are still before it in this one.
    course : (p,) int
        Course of events it goes through.
    """

    node: Ints
    link: Ints
    time_s: Floats
    member: Ints
    tanks: Ints
    left: Ints
    course: Ints

    @classmethod
    def at(
        cls, node: Ints, time_s: Floats, member: Ints, tanks: Ints | None = None, course: Ints | None = None
    ) -> Parcels:
        """Return parcels that stand at nodes; one tank a link and the first course unless told otherwise."""
        n = len(node)
        zero, one = np.zeros(n, np.int64), np.ones(n, np.int64)
        return cls(
            node.copy(),
            np.full(n, AT_NODE),
            time_s.copy(),
            member,
            one if tanks is None else tanks,
            zero.copy(),
            zero if course is None else course,
        )

    def repeated(self, which: Ints, courses: int) -> Parcels:
        """Return some of the parcels once for every one of so many courses."""
        held = {f.name: np.tile(getattr(self, f.name)[which], courses) for f in dataclasses.fields(self)}
        return Parcels(**(held | {"course": np.repeat(np.arange(courses), len(which))}))


def drift(
    f: Fields,
    parcels: Parcels,
    link_speed: Floats,
    until_s: float,
    watch: Ints,
    rng: np.random.Generator,
) -> Floats:
    """Carry parcels in place until a moment; return when each first came to each watched node, (p, w).

    Parameters
    ----------
    f : Fields
    parcels : Parcels
        Moved in place.
    link_speed : (members, m)
        Factor on each link's rate in each member of the ensemble.
    until_s : float
    watch : int array
        Nodes to note arrivals at; infinity means never.
    """
    n = f.ways.shape[1] - 1
    places, back = np.unique(watch, return_inverse=True)  # two may be watched at one node
    slot = np.full(n, -1)
    slot[places] = np.arange(len(places))
    seen = np.full((len(parcels.time_s), len(places)), np.inf)
    live = np.flatnonzero((parcels.time_s < until_s) & (parcels.link >= AT_NODE))
    for _ in range(TURNS):
        if len(live) == 0:
            break
        live = _enter(f, parcels, live, slot, seen, rng)
        live = _leave(f, parcels, live, link_speed, until_s, rng)
    return np.asarray(seen[:, back])


def _field(f: Fields, parcels: Parcels, live: Ints) -> tuple[Ints, Floats]:
    """Return which field each parcel is in, and when that field ends."""
    begun = f.begin[parcels.course[live]]
    time = parcels.time_s[live]
    stage = (begun <= time[:, None]).sum(1) - 1
    after = np.minimum(stage + 1, begun.shape[1] - 1)
    row = np.arange(len(live))
    ends = np.where(stage + 1 < begun.shape[1], begun[row, after], np.inf)
    return f.first[parcels.course[live]] + stage, ends


def _enter(
    f: Fields,
    parcels: Parcels,
    live: Ints,
    slot: Ints,
    seen: Floats,
    rng: np.random.Generator,
) -> Ints:
    """Let parcels that stand at a node be noted and go into a link."""
    standing = live[parcels.link[live] == AT_NODE]
    node = parcels.node[standing]
    noted = slot[node]
    mark = standing[noted >= 0]
    at = noted[noted >= 0]
    seen[mark, at] = np.minimum(seen[mark, at], parcels.time_s[mark])
    field, _ = _field(f, parcels, standing)
    m, n = f.link.shape[1], f.ways.shape[1] - 1
    low, high = f.ways[field, node], f.ways[field, node + 1]
    drawn = node + rng.random(len(node)) + (n + 2.0) * field
    pick = np.searchsorted(f.chance, drawn, "right") - field * m
    pick = np.clip(
        pick, low, np.maximum(high - 1, low)
    )  # rounding may leave the last share just short of one
    dead = low == high
    parcels.left[standing] = parcels.tanks[standing]
    parcels.link[standing] = np.where(dead, OUT, f.link[field, np.minimum(pick, m - 1)])
    parcels.time_s[standing[dead]] = np.inf
    return live[np.isfinite(parcels.time_s[live])]


def _leave(
    f: Fields, parcels: Parcels, live: Ints, link_speed: Floats, until_s: float, rng: np.random.Generator
) -> Ints:
    """Let parcels leave their links, or stay until their flow field ends."""
    field, ends = _field(f, parcels, live)
    link = parcels.link[live]
    rate = f.rate[field, link] * link_speed[parcels.member[live], link] * parcels.tanks[live]
    out = parcels.time_s[live] + rng.standard_exponential(len(live)) / np.maximum(rate, 1e-12)
    limit = np.minimum(ends, until_s)
    leaves = out < limit
    parcels.time_s[live] = np.where(leaves, out, limit)
    parcels.left[live[leaves]] -= 1
    leaves &= parcels.left[live] <= 0
    gone = live[leaves]
    ahead = f.forward[field[leaves], link[leaves]]
    parcels.node[gone] = np.where(ahead, f.head[link[leaves]], f.tail[link[leaves]])
    parcels.link[gone] = AT_NODE
    return live[parcels.time_s[live] < until_s]
