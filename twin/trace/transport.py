"""What a release at each origin does at each sensor: whether, when, how spread and how diluted.

Water is followed backwards from the sensors: one sparse factorisation gives, for every node of the network at
once, the share of its water that passes each sensor and the mean and variance of the time that takes. A link
may mix, from not at all (plug flow) to fully (a stirred tank, which is what SWMM does with a conduit); the
variance full mixing would add is kept apart, so that the degree of mixing can stay unknown.

Source: residence times of linear networks add in mean and variance; see Neupauer and Wilson (1999) for the
backward equation, Levenspiel, Chemical Reaction Engineering, for tanks in series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, eye_array
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import splu
from scipy.special import ndtri

from geodata.network import IDLE_M3S, Network
from geodata.walks import REVERSING

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAK = 1e-4  # share lost at every link: closed loops of water would otherwise turn for ever
OVERFLOW = 0.05
SEEN = 2e-3  # a smaller share of an origin's water is taken for none


@dataclass(frozen=True, slots=True, eq=False)
class Transport:
    """Responses of s sensors to releases at c origins.

    Attributes
    ----------
    share : (c, s)
        Part of the origin's water that passes the sensor, 0..1; 0 where less than `SEEN`.
    mean_s : (c, s)
        Mean travel time of that part; inf where share is 0.
    paths_s2 : (c, s)
        Variance of the travel time from taking different ways.
    mixing_s2 : (c, s)
        Variance that full mixing in every link adds.
    fastest_s : (c, s)
        Shortest travel time; inf where there is no way.
    apart_m : (c, s)
        Shortest length of pipe and channel between them, whichever way the water runs.
    flow_m3s : (s,)
        Water passing each sensor.
    """

    share: Floats
    mean_s: Floats
    paths_s2: Floats
    mixing_s2: Floats
    fastest_s: Floats
    apart_m: Floats
    flow_m3s: Floats

    def gain(self) -> Floats:
        """Return the rise at each sensor (mg/L) for a steady 1 g/s at each origin, (c, s)."""
        return self.share / np.maximum(self.flow_m3s, IDLE_M3S)[None, :]

    def spread_s(self, mixing: float) -> Floats:
        """Return the standard deviation of travel times, (c, s); `mixing` 0 is plug flow, 1 stirred links."""
        return np.sqrt(self.paths_s2 + mixing * self.mixing_s2)

    def quantile_s(self, p: Floats | float, mixing: float) -> Floats:
        """Return the time by which a share p of what will pass has passed, (c, s) seconds.

        Travel times are taken as gamma distributed; its quantiles by Wilson and Hilferty (1931).
        """
        mean = np.where(np.isfinite(self.mean_s), self.mean_s, 1.0)
        variance = np.maximum(self.paths_s2 + mixing * self.mixing_s2, (0.02 * mean) ** 2 + 1e-6)
        shape = np.maximum(mean**2 / variance, 0.3)
        root = 1 - 1 / (9 * shape) + ndtri(p) / (3 * np.sqrt(shape))
        return np.where(np.isfinite(self.mean_s), mean * np.maximum(root, 0.02) ** 3, np.inf)


def solve(network: Network, origins: Ints, sensors: Ints, *, overflow: float = OVERFLOW) -> Transport:
    """Return the responses of sensors to releases at origins; both are node positions.

    One factorisation for the network and three solves a sensor: cost does not grow with the origins.

    Parameters
    ----------
    overflow : float
        Share of the water of a node that is taken to leave by a weir which is idle in the stored flow field:
        what enters in secret is what makes it run.
    """
    n = len(network.node_ids)
    tail, head, share, time = moves(network, overflow)
    share = share * (1 - LEAK)
    step = csc_array((share, (tail, head)), shape=(n, n))
    slow = csc_array((share * time, (tail, head)), shape=(n, n))
    square = csc_array((share * time**2, (tail, head)), shape=(n, n))
    factor = splu(csc_array(eye_array(n, format="csc") - step))
    seed = np.zeros((n, len(sensors)))
    seed[sensors, np.arange(len(sensors))] = 1.0
    reach = factor.solve(seed)
    first = factor.solve(slow @ reach)
    second = factor.solve(square @ reach + 2 * (slow @ first))
    mixing = factor.solve(square @ reach)
    # Water that turns in a loop passes a sensor again; every quantity of it counts once.
    again = np.maximum(reach[sensors, np.arange(len(sensors))], 1.0)
    reach, first, second, mixing = (m[origins] / again for m in (reach, first, second, mixing))
    seen = reach > SEEN
    safe = np.where(seen, reach, 1.0)
    mean = np.where(seen, first / safe, np.inf)
    centre = np.where(seen, first / safe, 0.0)
    return Transport(
        share=np.where(seen, np.clip(reach, 0.0, 1.0), 0.0),
        mean_s=mean,
        paths_s2=np.where(seen, np.maximum(second / safe - centre**2, 0.0), 0.0),
        mixing_s2=np.where(seen, np.maximum(mixing / safe, 0.0), 0.0),
        fastest_s=network.travel_times(sensors, back=True, reversing=True)[:, origins].T,
        apart_m=apart(network, sensors)[:, origins].T,
        flow_m3s=network.node_flow()[sensors],
    )


def apart(network: Network, places: Ints) -> Floats:
    """Return lengths along links between k places and every node, direction left aside: (k, n), m."""
    n = len(network.node_ids)
    length = np.maximum(network.length_m, 1.0)
    row, column = np.minimum(network.tail, network.head), np.maximum(network.tail, network.head)
    order = np.lexsort((length, column, row))
    key = row[order].astype(np.int64) * n + column[order]
    first = np.ones(len(key), bool)
    first[1:] = key[1:] != key[:-1]  # of parallel links the shortest
    kept = order[first]
    graph = csr_array((length[kept], (row[kept], column[kept])), shape=(n, n))
    return np.atleast_2d(dijkstra(graph, directed=False, indices=places))


def moves(network: Network, overflow: float) -> tuple[Ints, Ints, Floats, Floats]:
    """Return every way water leaves a node: from, to, share of it, seconds. Reversing links go both ways."""
    open_ = network.open
    turns = np.where(network.reversal > REVERSING, network.reversal, 0.0)
    flow = np.where(open_, network.flow_m3s, 0.0)
    usual = np.bincount(network.tail, flow, len(network.node_ids))[network.tail]
    dry = open_ & (network.kind == "weir") & (flow < overflow * usual)
    flow = np.where(dry, overflow * usual, flow)
    ahead, back = flow * (1 - turns), flow * turns
    tail = np.concatenate([network.tail, network.head]).astype(np.int64)
    head = np.concatenate([network.head, network.tail]).astype(np.int64)
    flow = np.concatenate([ahead, back])
    time = np.concatenate([network.travel_s, network.travel_s])
    total = np.bincount(tail, flow, len(network.node_ids))
    idle = np.concatenate([open_, np.zeros(len(open_), bool)])
    ways = np.bincount(tail, idle, len(network.node_ids))
    even = idle / np.maximum(ways[tail], 1)
    share = np.where(total[tail] > IDLE_M3S, flow / np.maximum(total[tail], IDLE_M3S), even)
    used = share > 0
    return tail[used], head[used], share[used], time[used]
