"""How much of a factor really came to the receptors, as the stations near them measured it."""

from __future__ import annotations

import numpy as np

from geodata.network import Network
from geodata.places import Park
from twin.clock import as_ms
from twin.curves import Window
from twin.model import Incident
from twin.plan.afterwards import NEAR_S

LEAST = 5  # measurements before the incident that tell what is usual
ABOVE = 3.0  # of the usual spread: less than that above the usual is not the plume


def came_kg(
    park: Park, network: Network, window: Window, incident: Incident, factor: str
) -> dict[str, float]:
    """Return what passed each receptor that a station watches, kg above what is usual there.

    The flow is that of ordinary days: where gates stand closed less water passes, so that this is the most it
    can have been. A receptor without a station near it is not in the answer.

    Parameters
    ----------
    network : Network
        As gates usually stand.
    window : Window
        Readings from some hours before the incident on.
    factor : str
        Code of a factor in mg/L.
    """
    stations = [s for s in park.stations if factor in s.factors]
    if not stations or not park.receptors:
        return {}
    parted = network.with_gates(dict.fromkeys(network.gates, 0.0))  # beyond a gate it is other water
    ahead = parted.travel_times([network.nodes[s.node] for s in stations])
    flows = np.abs(network.flow_m3s)
    through = np.maximum(
        np.bincount(network.head, flows, len(network.node_ids)),
        np.bincount(network.tail, flows, len(network.node_ids)),
    )
    found = {}
    for receptor in park.receptors:
        node = network.nodes[receptor.node]
        k = int(ahead[:, node].argmin())
        if ahead[k, node] > NEAR_S:
            continue
        curve = window.curve(stations[k].mn, factor).measured()
        kg = _above(curve.at_ms, curve.value, as_ms(incident.opened) - 1_800_000)
        if kg is not None:
            found[receptor.id] = round(kg * float(through[node]), 2)
    return found


def _above(at_ms: np.ndarray, mg_l: np.ndarray, since_ms: int) -> float | None:
    """Return the time integral of what is above the usual, kg at 1 m3/s; None if nobody can say."""
    before = mg_l[at_ms < since_ms]
    if len(before) < LEAST:
        return None
    usual = float(np.median(before))
    spread = 1.4826 * float(np.median(np.abs(before - usual)))
    after = at_ms >= since_ms
    rise = np.where(mg_l[after] > usual + ABOVE * max(spread, 0.02 * usual), mg_l[after] - usual, 0.0)
    seconds = at_ms[after] / 1000
    if len(seconds) < 2:
        return 0.0
    # mg/L is g/m3; at 1 m3/s so many grams a second
    return float(np.trapezoid(rise, seconds)) / 1000
