"""How water runs through the canals after gates have moved: a diffusive wave on the stored flow field.

Every canal link gets the conductance that reproduces its stored flow from its stored fall of level; where
fall and depth change, the conductance follows Manning. Levels are marched in a few growing steps, so that a
reach without a way out fills as it does in nature. Leaks of closed gates keep the share of the open flow that
the gate card states. Sewers and rain channels drop freely into the canals and keep their flow.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array
from scipy.sparse.linalg import splu

from geodata.network import CLOSED_BELOW, IDLE_M3S, Network
from geodata.places import Park, System

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEPS_S = (300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0)  # lengths of the marched steps
TURNS = 4  # looks at friction in each step
STIFF = 6.0  # a conductance never leaves this factor around its stored value
LEAST_DROP_M = 2e-4
FREEBOARD_M = 0.3  # kept free below the bank
SPILL_M2S = 25.0  # m2/s of an overflow weir per m of rise


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """The flow field from some moment on.

    Attributes
    ----------
    from_s : seconds after the gates moved.
    flow : (m,) m3/s, signed along the network's tail to head.
    rise : (n,) m above the stored level, at the end of the stage.
    """

    from_s: float
    flow: Floats
    rise: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Canals:
    """The canals of a park as conductances between levels.

    Attributes
    ----------
    network : Network
        With gates as they usually stand.
    links : (k,) int
        Canal links, positions in the network.
    level : (n,) m
        Stored water level against an arbitrary zero; NaN off the canals.
    conductance : (k,) m2/s
    inflow : (n,) m3/s
        Water entering each canal node from outside the canals; negative at outfalls.
    fixed : (n,) bool
        Nodes whose level stays: the sea, the river.
    surface : (n,) m2
    room : (n,) m
        How far the level may rise.
    depth : (k,) m
        Stored depth in each canal link; gates, whose opening stays under water, get infinity.
    crest : (n,) m
        How far the level must rise before an overflow weir of the node runs; infinity without one.
    leak : (m,) m3/s
        Signed flow through each gate when it is closed.
    """

    network: Network
    links: Ints
    level: Floats
    conductance: Floats
    inflow: Floats
    fixed: NDArray[np.bool_]
    surface: Floats
    room: Floats
    depth: Floats
    crest: Floats
    leak: Floats

    @classmethod
    def of(cls, park: Park, network: Network) -> Canals:
        """Prepare the canals of a park; `network` is its network with gates as they usually stand."""
        n = len(network.node_ids)
        canal = (network.system == str(System.CANAL)) & (network.kind != "weir")
        links = np.flatnonzero(canal)
        tail, head = network.tail[links], network.head[links]
        flow = network.flow_m3s[links]
        drop = np.maximum(network.drop_m[links], LEAST_DROP_M)
        level = _levels(n, tail, head, drop)
        fall = np.maximum(level[tail] - level[head], LEAST_DROP_M)
        inflow = np.asarray(np.bincount(tail, flow, n) - np.bincount(head, flow, n), np.float64)
        table = park.nodes.set_index("id").loc[network.node_ids.tolist()]
        surface = np.bincount(tail, network.surface_m2[links] / 2, n) + np.bincount(
            head, network.surface_m2[links] / 2, n
        )
        surface = np.maximum(surface + table["area_m2"].to_numpy(float), 50.0)
        stored = _depths(park, network)
        depth = np.where(
            np.isin(network.kind[links], ("gate", "valve")), np.inf, np.maximum(stored[links], 0.05)
        )
        leak = np.zeros(len(network.link_ids))
        for gate in park.gates:
            k = network.gates[gate.id]
            usual = network.flow_m3s[k] if network.open[k] else 0.0
            leak[k] = gate.leakage * usual if network.open[k] else network.flow_m3s[k]
        outfall = table["kind"].to_numpy(str) == "outfall"
        return cls(
            network=network,
            links=links,
            level=level,
            conductance=np.maximum(flow, IDLE_M3S) / fall,
            inflow=inflow,
            fixed=outfall & (surface > 50.0),
            surface=surface,
            room=np.maximum(
                table["max_depth_m"].to_numpy(float) - _node_depths(network, stored) - FREEBOARD_M, 0.1
            ),
            depth=depth,
            crest=_crests(park, network, stored),
            leak=leak,
        )

    def after(self, positions: Mapping[str, float]) -> tuple[Stage, ...]:
        """March the water from its stored state after gates stand at new positions.

        Parameters
        ----------
        positions : mapping
            Gate to position, 0 closed .. 1 open; the others stay as they usually stand.
        """
        scale, leak = self._opened(positions)
        if np.allclose(scale, 1.0):
            return (Stage(0.0, self.network.flow_m3s.copy(), np.zeros(len(self.level))),)
        rise = np.zeros(len(self.level))
        stages, at = [], 0.0
        for long in STEPS_S:
            rise, flow = self._step(rise, scale, leak, long)
            stages.append(Stage(at, flow, rise))
            at += long
        return tuple(stages)

    def quick(self, closed: Collection[str], long_s: float) -> Floats:
        """Return the flow field about `long_s` after some gates were closed, in one coarse step, (m,)."""
        scale, leak = self._opened(dict.fromkeys(closed, 0.0))
        if np.allclose(scale, 1.0):
            return self.network.flow_m3s.copy()
        return self._step(np.zeros(len(self.level)), scale, leak, long_s)[1]

    def _opened(self, positions: Mapping[str, float]) -> tuple[Floats, Floats]:
        """Return the factor on each canal link's conductance, and fixed leaks, both (k,)."""
        scale = np.ones(len(self.links))
        leak = np.zeros(len(self.links))
        where = {int(k): i for i, k in enumerate(self.links)}
        for gate, link in self.network.gates.items():
            if link not in where:
                continue
            i, usual = where[link], bool(self.network.open[link])
            position = positions.get(gate, 1.0 if usual else 0.0)
            if position < CLOSED_BELOW:
                leak[i] = self.leak[link]
                scale[i] = 0.0 if usual else 1.0
                if not usual:
                    leak[i] = 0.0
            elif usual:
                # An orifice passes in proportion to its opening; stored flows belong to the usual opening.
                scale[i] = min(position, 1.0)
        return scale, leak

    def _step(self, rise: Floats, scale: Floats, leak: Floats, long: float) -> tuple[Floats, Floats]:
        """One implicit step: levels at its end and the flows that lead there."""
        net, k = self.network, self.links
        tail, head = net.tail[k], net.head[k]
        n = len(self.level)
        nodes = np.unique(np.concatenate([tail, head]))
        place = np.full(n, -1)
        place[nodes] = np.arange(len(nodes))
        old, new = rise, rise
        g = self.conductance
        for turn in range(TURNS):
            g = self._conductances(new, scale)
            over = new > self.crest
            spill = np.where(over, SPILL_M2S, 0.0)
            hold = np.where(self.fixed, 1e9, self.surface / long + spill)
            spilt = np.where(over, SPILL_M2S * np.where(over, self.crest, 0.0), 0.0)
            # In terms of the rise over the stored levels, stored flows are the source of imbalance.
            push = g * (self.level[tail] - self.level[head])
            out = np.bincount(tail, push + leak, n) - np.bincount(head, push + leak, n)
            kept = np.where(self.fixed, 0.0, self.surface / long * old) + spilt
            right = (self.inflow - out + kept)[nodes]
            a, b = place[tail], place[head]
            rows = np.concatenate([a, b, a, b, np.arange(len(nodes))])
            columns = np.concatenate([a, b, b, a, np.arange(len(nodes))])
            values = np.concatenate([g, g, -g, -g, hold[nodes]])
            right = np.where(self.fixed[nodes], 0.0, right)
            matrix = csc_array(coo_array((values, (rows, columns)), shape=(len(nodes), len(nodes))))
            found = splu(matrix).solve(right)
            new = np.zeros(n)
            new[nodes] = 0.5 * (found + new[nodes]) if turn < TURNS - 1 else found
        # The conductances of the last solution keep the water: what a node gains is what it stores.
        flow = net.flow_m3s.copy()
        flow[k] = g * (self.level[tail] + new[tail] - self.level[head] - new[head]) + leak
        return new, flow

    def _conductances(self, rise: Floats, scale: Floats) -> Floats:
        tail, head = self.network.tail[self.links], self.network.head[self.links]
        usual = np.maximum(np.abs(self.level[tail] - self.level[head]), LEAST_DROP_M)
        now = np.maximum(np.abs(self.level[tail] + rise[tail] - self.level[head] - rise[head]), LEAST_DROP_M)
        factor = np.clip(np.sqrt(usual / now), 1 / STIFF, STIFF)
        deeper = np.maximum(1 + (rise[tail] + rise[head]) / 2 / self.depth, 0.1) ** (5 / 3)  # Manning
        return np.asarray(self.conductance * scale * factor * deeper)


def overtops_h(canals: Canals, stages: Sequence[Stage]) -> float | None:
    """Return hours until water nears a bank within the marched time; None where it does not."""
    before, at = 0.0, 0.0
    for stage, long in zip(stages, STEPS_S, strict=False):
        full = float(np.max(stage.rise / canals.room))
        end = stage.from_s + long
        if full >= 1.0:
            return (at + (1.0 - before) / max(full - before, 1e-9) * (end - at)) / 3600
        before, at = full, end
    return None


def _levels(n: int, tail: NDArray[np.int32], head: NDArray[np.int32], drop: Floats) -> Floats:
    """Fit one level to every node so that falls along links come out as stored; NaN off the canals."""
    nodes = np.unique(np.concatenate([tail, head]))
    place = np.full(n, -1)
    place[nodes] = np.arange(len(nodes))
    a, b = place[tail], place[head]
    weight = 1.0 / np.maximum(drop, 1e-3)
    m = len(nodes)
    rows, columns = np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a])
    values = np.concatenate([weight, weight, -weight, -weight])
    anchor = np.full(m, 1e-9)  # any constant may be added; this picks one
    matrix = csc_array(coo_array((values, (rows, columns)), shape=(m, m))) + csc_array(
        coo_array((anchor, (np.arange(m), np.arange(m))), shape=(m, m))
    )
    right = np.bincount(a, weight * drop, m) - np.bincount(b, weight * drop, m)
    level = np.full(n, np.nan)
    level[nodes] = splu(csc_array(matrix)).solve(right)
    return np.asarray(np.nan_to_num(level))


def _depths(park: Park, network: Network) -> Floats:
    """Return the stored depth of every link, (m,)."""
    table = park.links.set_index("id").loc[network.link_ids.tolist(), "depth_m"]
    return np.asarray(table.to_numpy(float))


def _node_depths(network: Network, stored: Floats) -> Floats:
    """Return the largest stored depth of the open channels at every node, (n,)."""
    depth = np.zeros(len(network.node_ids))
    water = np.where(np.isin(network.kind, ("reach", "channel")), stored, 0.0)
    for end in (network.tail, network.head):
        np.maximum.at(depth, end, water)
    return depth


def _crests(park: Park, network: Network, stored: Floats) -> Floats:
    """Return how far the level must rise before a canal's overflow weir runs, (n,); infinity without one."""
    crest = np.full(len(network.node_ids), np.inf)
    offset = park.links.set_index("id").loc[network.link_ids.tolist(), "offset_in_m"].to_numpy(float)
    depth = _node_depths(network, stored)
    for k in np.flatnonzero((network.system == str(System.CANAL)) & (network.kind == "weir")):
        node = network.tail[k]
        crest[node] = min(crest[node], max(float(offset[k] - depth[node]), 0.0))
    return crest
