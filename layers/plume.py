"""How closing gates cuts the plume: what is still let through, for every link the plume would take.

A link behind a gate holds the plume only as long as water that passed before the gate shut is still there. In
terms of travel times that is one number a link: by how much the last of the plume may lag behind its middle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import numpy as np

from geodata.network import Network
from geodata.places import Park
from layers.incidents import Floats, spread, travel_since_onset
from twin.model import Incident, PlanSet


def let_through(
    park: Park, net: Network, incident: Incident, planset: PlanSet, shut: Mapping[str, Mapping[str, datetime]]
) -> dict[str, dict[str, int]]:
    """Return by how much the last of the plume lags behind its middle where gates cut it.

    Parameters
    ----------
    shut : mapping of str to mapping of str to datetime
        Of every scenario, the moment each of its gates is shut.

    Returns
    -------
    dict of str to dict of str to int
        By link and scenario, ms; negative where the gate shuts before the plume's middle would pass. A link
        that no closed gate shields is not named.
    """
    since = travel_since_onset(park, net, incident, planset.path)
    scale, _, _ = spread(park, incident, planset.arrivals, net, since)
    passes = since * scale
    links = [net.links[key] for key in planset.path if key in net.links]
    onset = incident.opened.timestamp()
    found: dict[str, dict[str, int]] = {}
    for scenario, gates in shut.items():
        closing = {net.gates[g]: at.timestamp() - onset for g, at in gates.items() if g in net.gates}
        for link, lag in _lags(net, links, passes, closing).items():
            if np.isfinite(lag):
                found.setdefault(str(net.link_ids[link]), {})[scenario] = round(lag * 1000)
    return found


def _lags(
    net: Network, links: Iterable[int], passes: Floats, closing: Mapping[int, float]
) -> dict[int, float]:
    """Return the lag of every link, s; infinite where nothing shields it.

    Water reaches a place by several ways: what the most open of them lets through counts.
    """
    at: dict[int, float] = {}
    lags: dict[int, float] = {}
    known = [link for link in links if np.isfinite(passes[net.tail[link]])]
    for link in sorted(known, key=lambda k: float(passes[net.tail[k]])):
        tail, head = int(net.tail[link]), int(net.head[link])
        lag = at.get(tail, np.inf)
        if link in closing:
            lag = min(lag, closing[link] - float(passes[tail]))
        lags[link] = lag
        at[head] = max(at.get(head, -np.inf), lag)
    return lags
