"""The longitudinal profile along a way through the network: ground, bottom, top and water by chainage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.network import Network
from geodata.places import Park

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A way of k links, k + 1 nodes; levels are m, NaN where nobody knows them.

    Attributes
    ----------
    nodes, links : tuple of str
        In the order they are passed.
    chainage_m : (k + 1,) float
        Way to each node.
    ground_m, node_bottom_m : (k + 1,) float
        At each node.
    bottom_m, top_m, water_m : (k, 2) float
        Of each link, where the way enters and leaves it: bottom, crown or bank, water at the stored depth.
        A gate, valve, pump or weir has a bottom alone: its height is an opening, its depth that of a jet.
    travel_s : (k + 1,) float
        Time to each node at the stored flow.
    """

    nodes: tuple[str, ...]
    links: tuple[str, ...]
    chainage_m: Floats
    ground_m: Floats
    node_bottom_m: Floats
    bottom_m: Floats
    top_m: Floats
    water_m: Floats
    travel_s: Floats


def profile(park: Park, network: Network, links: Sequence[str]) -> Profile:
    """Return the profile along connected links, as `Network.path` gives them.

    Raises
    ------
    KeyError
        There is no such link.
    ValueError
        There are no links, or two that follow each other do not meet.
    """
    if not links:
        raise ValueError("a profile needs a way of at least one link")
    rows = np.array([network.links[k] for k in links], np.int64)
    tail, head = network.tail[rows], network.head[rows]
    for i in np.flatnonzero(tail[1:] != head[:-1]).tolist():
        raise ValueError(f"links {links[i]} and {links[i + 1]} do not meet")
    at = np.concatenate([tail[:1], head])
    nodes, table = park.nodes, park.links.iloc[rows]
    low = nodes["invert_m"].to_numpy(float)
    # The way goes with the water; a link the water passes backwards is entered at its own end.
    turned = network.turned[rows]
    into, out = table["offset_in_m"].to_numpy(float), table["offset_out_m"].to_numpy(float)
    entered = low[tail] + np.where(turned, out, into)
    left = low[head] + np.where(turned, into, out)
    bottom = np.column_stack([entered, left])
    carries = ~np.isin(network.kind[rows], ("gate", "valve", "pump", "weir"))
    height = np.where(carries, table["height_m"].to_numpy(float), np.nan)
    depth = np.where(carries, table["depth_m"].to_numpy(float), np.nan)
    steps = network.length_m[rows]
    return Profile(
        nodes=tuple(network.node_ids[at].tolist()),
        links=tuple(links),
        chainage_m=np.concatenate([[0.0], np.cumsum(steps)]),
        ground_m=nodes["ground_m"].to_numpy(float)[at],
        node_bottom_m=low[at],
        bottom_m=bottom,
        top_m=bottom + height[:, None],
        water_m=bottom + depth[:, None],
        travel_s=np.concatenate([[0.0], np.cumsum(network.travel_s[rows])]),
    )
