"""Questions about the water asked by hand: a way from A to B, what drains to a place.

Together with how the water runs now, what lies upstream and downstream, and the profile along a way::

    net = present(park, Network.from_park(park), {"G05": 0.0})   # twin.park_now: G05 is shut
    trace(park, net, "S33", "upstream")["enterprises"]            # twin.park_trace
    found = way(park, net, "E07", "R1")
    profile(park, net, found.links).bottom_m                      # geodata.profile
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from geodata.network import Network
from geodata.places import OutletKind, Park
from geodata.words import Lang
from twin.park_trace import Places, trace

HECTARE_M2 = 10_000.0


@dataclass(frozen=True, slots=True)
class Way:
    """The fastest open way between two places.

    Attributes
    ----------
    nodes, links : tuple of str
        In the order they are passed; no links where both places are one.
    seconds : tuple of float
        From the start to each node.
    length_m : float
    assumed : tuple of str
        Links of it whose direction nobody knows.
    """

    nodes: tuple[str, ...]
    links: tuple[str, ...]
    seconds: tuple[float, ...]
    length_m: float
    assumed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drained:
    """What drains to a place.

    Attributes
    ----------
    enterprises : mapping of str to float
        Seconds from the nearest outlet of each, nearest first.
    outlets : mapping of str to float
    area_ha : float
        Ground of these enterprises' parcels; NaN where the park draws none.
    length_m : float
        Pipes, channels and reaches that lead here.
    flow_m3s : float
        Water that passes here.
    """

    enterprises: Mapping[str, float]
    outlets: Mapping[str, float]
    area_ha: float
    length_m: float
    flow_m3s: float


def barred(network: Network, barriers: Collection[str]) -> Network:
    """Return the network with gates, links, and every link out of a node, shut.

    Raises
    ------
    KeyError
        There is no such thing on the network.
    """
    shut: dict[str, float] = {}
    for name in barriers:
        if name in network.nodes:
            node = network.nodes[name]
            leaving = network.out_links[network.out_start[node] : network.out_start[node + 1]]
            shut |= dict.fromkeys(network.link_ids[leaving].tolist(), 0.0)
        else:
            shut[name] = 0.0
    return network.with_gates(shut)


def way(
    park: Park, network: Network, a: str, b: str, barriers: Collection[str] = (), lang: Lang = "en"
) -> Way | None:
    """Return the fastest open way from one place to another; None if no water runs there.

    Parameters
    ----------
    a, b : str
        Anything that has an id, as in `twin.park_trace.trace`.

    Raises
    ------
    MissingError
        There is no such id.
    """
    places = Places(park, network, lang)
    begin, end = places.start(a, back=False), places.start(b, back=True)
    open_ = barred(network, [x for name in barriers for x in places.bar(name)])
    first, inner = begin.nodes[0], list[str]()
    if not begin.links or begin.links != end.links:
        sources = [open_.nodes[n] for n in begin.nodes]
        times = open_.travel_times(sources)[:, [open_.nodes[n] for n in end.nodes]]
        if not np.isfinite(times).any():
            return None
        row, column = np.unravel_index(int(np.argmin(times)), times.shape)
        inner = open_.link_ids[open_.route(sources[row], open_.nodes[end.nodes[column]])].tolist()
        first = begin.nodes[row]
    links = tuple(dict.fromkeys((*begin.links, *inner, *end.links)))
    rows = [open_.links[k] for k in links]
    if rows:
        first = str(open_.node_ids[open_.tail[rows[0]]])
    seconds = np.concatenate([[0.0], np.cumsum(open_.travel_s[rows])]) if rows else np.zeros(1)
    assumed = set(open_.assumed)
    return Way(
        nodes=(first, *open_.node_ids[open_.head[rows]].tolist()),
        links=links,
        seconds=tuple(seconds.tolist()),
        length_m=float(open_.length_m[rows].sum()),
        assumed=tuple(k for k in links if k in assumed),
    )


def drained(
    park: Park, network: Network, id: str, barriers: Collection[str] = (), lang: Lang = "en"
) -> Drained:
    """Return what drains to a place: who, how much ground, how many metres of pipe and channel.

    Where an enterprise's pipe only crosses open water it does not drain there, and is left out.

    Raises
    ------
    MissingError
        There is no such id.
    """
    found = trace(park, network, id, "upstream", barriers, lang)
    seconds: dict[str, float] = found["travel_s"]
    outlets = {
        o.id: seconds[o.node]
        for o in sorted(park.outlets, key=lambda o: (seconds.get(o.node, 0.0), o.id))
        if o.node in seconds and o.kind is not OutletKind.CROSSING
    }
    owner = {o.id: o.enterprise for o in park.outlets}
    firms: dict[str, float] = {}
    for outlet, s in outlets.items():
        firms.setdefault(owner[outlet], s)
    rows = [network.links[k] for k in found["links"]]
    nodes = [network.nodes[n] for n in Places(park, network, lang).start(id, back=True).nodes]
    return Drained(
        enterprises=firms,
        outlets=outlets,
        area_ha=_ground(park, firms),
        length_m=float(network.length_m[rows].sum()),
        flow_m3s=float(network.node_flow()[nodes].max()),
    )


def _ground(park: Park, firms: Collection[str]) -> float:
    """Parcels of these enterprises, ha."""
    parcels = park.scenery.get("parcel")
    if parcels is None or parcels.empty:
        return float("nan")
    mine = parcels["enterprise"].isin(list(firms)).to_numpy(bool)
    return float(parcels.geometry[mine].area.sum() / HECTARE_M2)
