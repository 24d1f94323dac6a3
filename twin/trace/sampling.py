"""Which sample decides most for the time it takes: a place and a factor to measure there.

A bottle answers whether more of a factor is there than usual. Whose plume would be there by then, and whether
his water holds enough of that factor to be noticed after dilution, tells how likely each answer is under each
suspect; the expected fall of entropy over the minutes of a crew's way and work makes the order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geodata.places import System
from geodata.words import Text
from twin.model import Sample
from twin.trace.bottles import RIGHT, RISEN, present, usual
from twin.trace.case import Case
from twin.trace.evidence import Hydraulic
from twin.trace.makeup import profiles

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

READY_S, BOTTLE_S = 600.0, 600.0  # of a crew, before it leaves and at the place
CREW_MS = 6.0  # of a car among tanks, over the straight line
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
    if not len(nodes):  # nobody on the list is likely, or no water of theirs is left to be sampled
        return ()
    seconds = _way_s(case, nodes)
    there = present(case, h, outlets, nodes, case.now_s + seconds)
    factors = sorted(case.by_factor)
    noticed = there[:, :, None] * _noticed(case, h, outlets, nodes, factors)
    mix = np.concatenate([chance[likely], [unknown]])
    mix = mix / mix.sum()
    positive = noticed * RIGHT + (1 - noticed) * (1 - RIGHT)
    positive = np.concatenate([positive, np.full((1, *positive.shape[1:]), 0.5)])
    gain, top = _worth(mix, positive.reshape(len(mix), -1))
    gain, top = gain.reshape(len(nodes), -1), top.reshape(len(nodes), -1)
    which = gain.round(4).argmax(1)
    row = np.arange(len(nodes))
    best_gain = gain[row, which]
    order = np.lexsort((case.network.node_ids[nodes], -np.round(best_gain / seconds * 1e3, 4)))
    picked: list[int] = []
    for k in order:
        told = positive[:, k, which[k]]
        if best_gain[k] > 0.02 and all(
            np.abs(told - positive[:, p, which[p]]).max() > 0.2 or which[p] != which[k] for p in picked
        ):
            picked.append(int(k))
        if len(picked) == GIVEN:
            break
    return tuple(
        Sample(
            node=str(case.network.node_ids[nodes[k]]),
            name=_name(case, int(nodes[k])),
            gain=float(best_gain[k]),
            top=float(top[k, which[k]]),
            factor=factors[which[k]],
            minutes=float(seconds[k] / 60),
        )
        for k in picked
    )


def _way_s(case: Case, nodes: Ints) -> Floats:
    """Return how long a crew takes to fill a bottle at each place, from the first alarmed station, s."""
    at = case.park.nodes.set_index("id")[["x", "y"]]
    here = at.loc[case.park.station(case.station(case.first)).node].to_numpy(float)
    places = at.loc[[str(n) for n in case.network.node_ids[nodes]]].to_numpy(float)
    return np.asarray(READY_S + BOTTLE_S + np.hypot(*(places - here).T) / CREW_MS)


def _noticed(case: Case, h: Hydraulic, outlets: Ints, nodes: Ints, factors: list[str]) -> Floats:
    """Return whether each outlet's plume would raise each factor at each place enough, (k, p, f)."""
    origins = np.array([case.network.nodes[case.outlets[c].node] for c in outlets], np.int64)
    carried = case.carriage.transport(case.network, origins, nodes).gain()
    water = profiles(case, factors)[0][outlets]
    lead = factors.index(case.factor)
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = water / water[:, lead : lead + 1]
    parts[:, lead] = 1.0
    rise = (h.rate[outlets][:, None] * carried)[:, :, None] * parts[:, None, :]
    least = np.array([(RISEN - 1) * usual(case, f) for f in factors])
    told = np.where(np.isfinite(rise), rise > least, 0.5)
    return np.where(np.isfinite(least), told, 0.0)


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
