"""Which sets of gates are worth a closer look: every small set is tried on the flow that would follow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, eye_array
from scipy.sparse.linalg import splu

from geodata.network import IDLE_M3S, Network
from twin.plan.field import Canals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PATIENCE_S = 8 * 3600.0  # water that takes longer to a receptor counts little
EXTENDED = (0, 0, 4, 3)  # how many sets of two, of three gates are tried with one gate more
GOOD_ENOUGH = 0.02  # a larger set must hold back so much more than the smaller one
SCREEN_S = 5400.0  # the flow this long after closing is what sets are compared on


@dataclass(frozen=True, slots=True)
class Screened:
    """A set of gates and how much it is likely to hold back, 0..1 of what would reach a receptor soon."""

    gates: tuple[str, ...]
    held: float


def screen(
    canals: Canals,
    closed: Sequence[str],
    ahead: Sequence[str],
    behind: Sequence[str],
    place: Floats,
    receptors: Ints,
) -> list[Screened]:
    """Try sets of up to four gates, best first.

    Parameters
    ----------
    canals : Canals
    closed : sequence of str
        Gates that stand closed already.
    ahead, behind : sequence of str
        Gates the plume has yet to pass, of which every set has one, and gates whose closing stills the water
        behind it.
    place : (n,)
        Where the mass is, by node; sums to 1.
    receptors : int array
        Nodes.
    """
    every = [*ahead, *behind]
    nothing = float(place @ soon(canals.network, canals.quick(closed, SCREEN_S), receptors))
    tried: dict[tuple[str, ...], float] = {}

    def held(gates: tuple[str, ...]) -> float:
        if gates not in tried:
            flow = canals.quick([*closed, *gates], SCREEN_S)
            left = float(place @ soon(canals.network, flow, receptors))
            tried[gates] = 1.0 - left / max(nothing, 1e-9)
        return tried[gates]

    for size in (1, 2):
        for gates in combinations(every, size):
            if set(gates) & set(ahead):
                held(gates)
    for size in (2, 3):
        best = sorted((g for g in tried if len(g) == size), key=lambda g: (-tried[g], g))
        for gates in best[: EXTENDED[size]]:
            for more in every:
                if more not in gates:
                    held(tuple(sorted((*gates, more), key=every.index)))
    ranked = sorted(tried, key=lambda g: (-round(tried[g] - GOOD_ENOUGH * len(g), 4), len(g), g))
    return [Screened(g, tried[g]) for g in ranked]


def soon(network: Network, flow: Floats, receptors: Ints) -> Floats:
    """Return, for water at every node, what comes to receptors soon: the sum of mean exp(-time / patience).

    Parameters
    ----------
    flow : (m,)
        Signed along the network's tail to head.
    """
    n = len(network.node_ids)
    tail = np.where(flow >= 0, network.tail, network.head)
    head = np.where(flow >= 0, network.head, network.tail)
    share = _shares(network, flow, tail)
    time = network.volume_m3 / np.maximum(np.abs(flow), IDLE_M3S)
    time = np.where(np.abs(flow) < IDLE_M3S, np.maximum(time, network.travel_s), time)
    kept = share / (1 + time / PATIENCE_S)
    seed = np.zeros(n)
    seed[receptors] = 1.0
    step = csc_array((kept, (tail, head)), shape=(n, n))
    return np.asarray(splu(csc_array(eye_array(n, format="csc") - step)).solve(seed))


def carried(network: Network, flow: Floats, place: Floats) -> Floats:
    """Return what share of the mass at `place` will pass each link, (m,)."""
    n = len(network.node_ids)
    tail = np.where(flow >= 0, network.tail, network.head)
    head = np.where(flow >= 0, network.head, network.tail)
    share = _shares(network, flow, tail)
    step = csc_array((share * (1 - 1e-4), (head, tail)), shape=(n, n))
    passing = splu(csc_array(eye_array(n, format="csc") - step)).solve(place)
    return np.asarray(passing[tail] * share)


def _shares(network: Network, flow: Floats, tail: NDArray[np.int32]) -> Floats:
    size = np.abs(flow)
    out = np.bincount(tail, size, len(network.node_ids))[tail]
    return np.where(out > IDLE_M3S, size / np.maximum(out, IDLE_M3S), 0.0)
