"""Where a sample would decide most: the place whose answer is expected to lower the entropy furthest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geodata.places import System
from geodata.words import Text
from twin.model import Sample
from twin.trace.case import Case
from twin.trace.evidence import Hydraulic
from twin.trace.transport import solve

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CREW_S = 1500.0  # from the word to the bottle
RIGHT = 0.95  # that a sample tells rightly whether the plume is there
LIKELY = 0.005  # enterprises below this do not choose the place
PLACES = 120
GIVEN = 3
KINDS = {
    System.SEWAGE: Text("污水管检查点", "sewer manhole"),
    System.RAIN: Text("雨水渠", "rain channel"),
    System.CANAL: Text("河道", "canal"),
}


def best(case: Case, h: Hydraulic, chance: Floats, unknown: float, outlet_of: Ints) -> tuple[Sample, ...]:
    """Return the few places whose samples are worth most.

    Parameters
    ----------
    case : Case
    h : Hydraulic
        Of the case's outlets; tells when each would have released.
    chance : (e,)
        Probability of each enterprise of the park.
    unknown : float
        Of a source not listed, which a sample finds half of the time.
    outlet_of : (e,) int
        Each enterprise's likeliest outlet, -1 for none.
    """
    likely = np.flatnonzero((chance > LIKELY) & (outlet_of >= 0))
    if len(likely) < 2 and unknown < 0.1:
        return ()
    outlets = outlet_of[likely]
    nodes = _places(case, outlets)
    there = _present(case, h, outlets, nodes)
    mix = np.concatenate([chance[likely], [unknown]])
    mix = mix / mix.sum()
    positive = np.concatenate([there * RIGHT + (1 - there) * (1 - RIGHT), np.full((1, len(nodes)), 0.5)])
    gain, top = _worth(mix, positive)
    order = np.lexsort((case.network.node_ids[nodes], -np.round(gain, 4)))
    picked: list[int] = []
    for k in order:
        if gain[k] > 0.02 and all(np.abs(positive[:, k] - positive[:, p]).max() > 0.2 for p in picked):
            picked.append(int(k))
        if len(picked) == GIVEN:
            break
    return tuple(
        Sample(
            str(case.network.node_ids[nodes[k]]), _name(case, int(nodes[k])), float(gain[k]), float(top[k])
        )
        for k in picked
    )


def _places(case: Case, outlets: Ints) -> Ints:
    """Return nodes on the ways from the likely outlets to the first alarmed station, the outlets included."""
    network = case.network
    found: set[int] = set()
    station = network.nodes[case.park.station(case.station(case.first)).node]
    for c in outlets:
        node = network.nodes[case.outlets[c].node]
        found.add(node)
        found.update(int(network.head[k]) for k in network.route(node, station))
    nodes = np.array(sorted(found - {station}), np.int64)
    if len(nodes) > PLACES:
        nodes = nodes[np.unique(np.linspace(0, len(nodes) - 1, PLACES).round().astype(np.int64))]
    return nodes


def _present(case: Case, h: Hydraulic, outlets: Ints, nodes: Ints) -> Floats:
    """Return the chance that each outlet's plume is at each place when the crew gets there, (k, p)."""
    origins = np.array([case.network.nodes[case.outlets[c].node] for c in outlets], np.int64)
    transport = solve(case.network, origins, nodes)
    at = case.now_s + CREW_S
    start, stop = h.start_s[outlets], h.start_s[outlets] + h.duration_s[outlets]
    first = start[:, None] + 0.8 * transport.quantile_s(0.05, 1.0)
    last = stop[:, None] + 1.2 * transport.quantile_s(0.9, 1.0)
    # A plume may cling to the place it came from: walls and sediment give it away for a while.
    there = (at >= first) & (at <= np.maximum(last, first + 1800.0)) & (transport.share > 0.02)
    return there.astype(float)


def _worth(mix: Floats, positive: Floats) -> tuple[Floats, Floats]:
    """Return the expected drop of entropy and the expected chance of the leader afterwards, per place."""
    before = -(mix * np.log(np.maximum(mix, 1e-12))).sum()
    after, top = np.zeros(positive.shape[1]), np.zeros(positive.shape[1])
    for outcome in (positive, 1 - positive):
        joint = mix[:, None] * outcome
        total = joint.sum(0)
        p = joint / np.maximum(total, 1e-12)
        after += total * -(p * np.log(np.maximum(p, 1e-12))).sum(0)
        top += joint.max(0)
    return before - after, top


def _name(case: Case, node: int) -> Text:
    node_id = str(case.network.node_ids[node])
    for outlet in case.outlets:
        if outlet.node == node_id:
            who = case.park.enterprise(outlet.enterprise).short
            return Text("{who}排口 {code}", "{who} outlet {code}").fill(who=who, code=outlet.code)
    row = case.park.nodes[case.park.nodes["id"] == node_id].iloc[0]
    return Text(
        f"{KINDS[System(row['system'])].zh} {node_id}", f"{KINDS[System(row['system'])].en} {node_id}"
    )
