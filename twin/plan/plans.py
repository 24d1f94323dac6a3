"""Which gates to close by when: deadlines, sets that contain the plume, what they cost and who stands in.

close-by = early arrival - stroke - decision - margin, per gate, from its own card. Sets of gates are screened
on the flow that would follow them (`choice`), and the best are carried through in time, with the strokes that
the gates need, ordered now and fifteen minutes later (`drift`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from geodata.network import Network
from geodata.places import Gate, Park
from twin.config import Config
from twin.model import Anomaly, Arrival, GateMove, GatePlan, GateState, Incident, PlanSet, Ranking, Sighting
from twin.plan import arrival, choice, levels, source, telling
from twin.plan.arrival import Ensemble
from twin.plan.cards import ON_SITE_S
from twin.plan.composed import HOLD_H, WORTH, composed
from twin.plan.drift import AT_NODE
from twin.plan.field import STEPS_S, Canals, overtops_h
from twin.plan.look import Checked, Look, aged, passing
from twin.plan.present import closed_gates, first_seen
from twin.plan.robust import OVERTOPS
from twin.plan.scene import Carried, Scene

Floats = NDArray[np.float64]

WAIT_S = 900.0  # what waiting costs is told for a quarter of an hour
SOME = 0.03  # share of the plume that must come to a place for it to be told
AHEAD, LATE, BEHIND = 5, 1, 3  # gates that are tried in sets
FULL_STEPS = 5  # marched stages after closing; the last of them lasts for good
CLOSER = 5  # sets that are carried through in time
PLANS = 3
ON_THE_WAY = 0.12  # share of the mass that must take a link for it to be on the expected path


def make(
    park: Park,
    network: Network,
    ranking: Ranking,
    incident: Incident,
    gates: Sequence[GateState],
    config: Config,
    now: datetime,
    locked: Collection[str] = (),
    anomalies: Sequence[Anomaly] = (),
    look: Look | None = None,
) -> PlanSet:
    """Return when the plume comes to every gate and receptor, and the gate plans that hold it.

    Parameters
    ----------
    park : Park
    network : Network
        Of the park with gates as they usually stand.
    ranking : Ranking
        Who may have released it.
    incident : Incident
    gates : sequence of GateState
        As their controllers say; a gate not named stands as usual. A failed gate is not counted on.
    config : Config
        Decision time and margins.
    now : datetime
        Park time.
    locked : collection of str
        Gates under a flood lock: their moves are marked, may only be made by an override, and never
        recommended.
    anomalies : sequence of Anomaly
        Those of the incident tell when each station saw the plume; without them the incident's own list does.
    look : Look, optional
        What the hydraulic engine found for the sets it tried; its word goes before our own estimate.
    """
    now_s = now.timestamp()
    seen = first_seen(park, incident, anomalies)
    canals = Canals.of(park, network)
    closed = closed_gates(gates, network)
    flow = canals.quick(closed, STEPS_S[3] * 2) if closed else network.flow_m3s.copy()
    e = arrival.ensemble(park, network, ranking, seen, flow, now_s)
    scene = Scene(park, network, canals, config, now_s, closed, flow, e, frozenset(locked))
    failed = {g.gate for g in gates if g.failed}
    deadlines = _deadlines(scene, failed)
    made = _plans(scene, incident, failed, deadlines, look, _stake(look, ranking))
    sightings = tuple(
        Sighting(s, *(datetime.fromtimestamp(round(t), UTC) for t in (*band, seen[s])))
        for s, band in e.expected.items()
    )
    return PlanSet(
        incident=incident.id,
        at=now,
        plans=made,
        arrivals=tuple(passing(a, look) for a in _arrivals(e)),
        path=_path(scene, seen),
        park_version=park.version,
        note=telling.late(deadlines, made) or telling.contradicted(sightings),
        sightings=sightings,
        levels=levels.levels(park, ranking, made),
        undo=levels.undo(made),
        source=source.plan(park, ranking, incident.id, config, now),
    )


def _arrivals(e: Ensemble) -> tuple[Arrival, ...]:
    found = [a for p in e.places if (a := _arrival(e, p)) is not None]
    return tuple(sorted(found, key=lambda a: (a.early, a.place)))


def _arrival(e: Ensemble, place: str) -> Arrival | None:
    band = e.band(place)
    share = float(e.share[e.places.index(place)])
    if band is None or share < SOME:
        return None
    early, middle, late = (datetime.fromtimestamp(round(t), UTC) for t in band)
    return Arrival(place, early, middle, late, share)


def _usable(scene: Scene, failed: set[str]) -> list[Gate]:
    """Return gates that may be closed: in order, open now, and open as a rule."""
    return [
        g
        for g in scene.park.gates
        if g.id not in failed and g.id not in scene.closed and scene.network.open[scene.network.gates[g.id]]
    ]


def _deadlines(scene: Scene, failed: set[str]) -> dict[str, GateMove]:
    """Return the deadline of every usable gate that the plume comes to."""
    return {g.id: m for g in _usable(scene, failed) if (m := _move(scene, g)) is not None}


def _plans(
    scene: Scene,
    incident: Incident,
    failed: set[str],
    deadlines: dict[str, GateMove],
    look: Look | None,
    stake: float,
) -> tuple[GatePlan, ...]:
    """Return the plans, best first; none where nothing can reach a receptor or be held.

    Only a plan whose gates are all in time is recommended. One that is too late for the front may keep the
    tail; it never comes before one that is in time.
    """
    place = _place(scene)
    if not np.any(place):
        return ()
    usable = _usable(scene, failed)
    ahead = _ahead(scene, deadlines)
    if not ahead:
        return ()
    behind = _behind(scene, [g for g in usable if g.id not in deadlines], ahead)
    if look is not None:
        gone = [g for g, m in deadlines.items() if m.too_late]
        look = aged(look, datetime.fromtimestamp(scene.now_s, UTC), gone)
    sets = choice.screen(scene.canals, scene.closed, ahead, behind, place, scene.ensemble.receptors)
    known = _known(look, {g.id for g in usable})
    closer = _closer(sets, deadlines)
    if known:
        best = [gates for gates in known if any(g in deadlines for g in gates)][:CLOSER]
        closer = [*best, *(s for s in closer if tuple(sorted(s)) not in known)][:CLOSER]
    floods = {s.gates for s in look.sets if s.floods(HOLD_H)} if look is not None else set()
    closer = [s for s in closer if tuple(sorted(s)) not in floods]
    if not closer:
        return ()
    carried, nothing = _carry(scene, closer, deadlines)
    carried = [_corrected(c, known) for c in carried]
    good = [c for c in carried if (c.contained * stake if c.checked else c.contained - 1 + nothing) > WORTH]
    ranked = sorted(
        good,
        key=lambda c: (c.barred, bool(known) and not c.checked, -_worth(scene, c), c.gates),
    )
    bypasses = look.bypasses if look is not None else ()
    return tuple(
        composed(scene, incident, c, k, deadlines, sets, bypasses)
        for k, c in enumerate(_different(ranked, deadlines))
    )


def _stake(look: Look | None, ranking: Ranking) -> float:
    """Return the share of the release that comes to receptors if nothing more is done, as the engine sees it.

    The engine's word on a set is a share of that: nine tenths of what seeps past a closed gate is no reason
    to close another one.
    """
    released = ranking.suspects[0].strength_kg if ranking.suspects else None
    if look is None or not released:
        return 1.0
    return min(sum(look.kg_nothing.values()) / released, 1.0)


def _known(look: Look | None, usable: Collection[str]) -> dict[tuple[str, ...], Checked]:
    """Return what the engine found, best first, of sets that can still be closed and keep banks dry."""
    sets = look.sets if look is not None else ()
    return {s.gates: s for s in sets if not s.floods(HOLD_H) and set(s.gates) <= set(usable)}


def _corrected(c: Carried, known: Mapping[tuple[str, ...], Checked]) -> Carried:
    """Put the engine's word in place of our estimate, which knows no wave that carries water back."""
    found = known.get(tuple(sorted(c.gates)))
    if found is None:
        return c
    late = found.after.get("15", found.contained)
    return replace(c, contained=found.contained, contained_late=late, checked=found)


def _place(scene: Scene) -> Floats:
    """Return where the mass is that is not at a receptor yet, by node."""
    e, net = scene.ensemble, scene.network
    p = e.parcels
    inside = p.link >= 0
    ahead = np.where(scene.flow >= 0, net.head, net.tail)
    waiting = p.link == AT_NODE
    count = np.bincount(ahead[p.link[inside]], minlength=len(net.node_ids)).astype(float)
    count += np.bincount(p.node[waiting], minlength=len(net.node_ids))
    return np.asarray(count / max(len(p.link), 1))


def _move(scene: Scene, gate: Gate) -> GateMove | None:
    """Return a gate's deadline; None where the plume does not come."""
    found = _arrival(scene.ensemble, gate.id)
    return None if found is None else _deadline(scene, gate, found)


def _deadline(scene: Scene, gate: Gate, found: Arrival, *, helps: bool = False) -> GateMove:
    c = scene.config
    left = found.early.timestamp() - scene.now_s
    margin = max(c.margin_s, c.margin_share * max(left, 0.0))
    # Who works a gate by hand must be called and get there first; the engine's search counts that too.
    decision = c.decision_s + (0.0 if gate.remote else ON_SITE_S)
    by = found.early.timestamp() - gate.stroke_s - decision - margin
    move = GateMove(
        gate=gate.id,
        close_by=datetime.fromtimestamp(round(by), UTC),
        arrival=found,
        stroke_s=gate.stroke_s,
        decision_s=decision,
        margin_s=margin,
        too_late=by < scene.now_s,
        flood_lock=gate.id in scene.locked,
        why=telling.name([gate], "joint"),
    )
    return replace(move, why=telling.why(gate, move, helps=helps))


def _ahead(scene: Scene, deadlines: dict[str, GateMove]) -> list[str]:
    """Return gates that may be closed before the plume, and those that come too late for its front only."""
    order = sorted(deadlines, key=lambda g: (deadlines[g].arrival.early, g))
    in_time = [g for g in order if not deadlines[g].too_late][:AHEAD]
    tail_only = [
        g for g in order if deadlines[g].too_late and deadlines[g].arrival.late.timestamp() > scene.now_s
    ]
    return in_time + tail_only[-LATE:]


def _behind(scene: Scene, gates: Sequence[Gate], ahead: Sequence[str]) -> list[str]:
    """Return the gates whose water pushes the plume on to the first gates ahead of it, nearest first."""
    net = scene.network
    now = net.with_flow(scene.flow).with_gates(dict.fromkeys(scene.closed, 0.0))
    time = now.travel_times([int(now.tail[net.gates[g]]) for g in ahead[:2]], back=True).min(0)
    to = {g.id: float(time[now.head[net.gates[g.id]]]) for g in gates}
    return sorted((g for g in to if np.isfinite(to[g])), key=lambda g: (to[g], g))[:BEHIND]


def _closer(sets: list[choice.Screened], deadlines: dict[str, GateMove]) -> list[tuple[str, ...]]:
    """Return the sets worth carrying through: the best, those in time first; of one gate; the outermost."""
    late = {g for g, m in deadlines.items() if m.too_late}
    in_time = [s for s in sets if not late & set(s.gates)]
    picked = [s.gates for s in in_time[: CLOSER - 2]]
    picked += [s.gates for s in sets[: max(CLOSER - 2 - len(in_time), 1)]]
    picked += [s.gates for s in in_time if len(s.gates) == 1][:1]
    sets = in_time or sets
    best = sets[0].held

    def time(s: choice.Screened) -> float:
        return min(deadlines[g].arrival.early.timestamp() for g in s.gates if g in deadlines)

    far = [s for s in sets if s.held > best - 0.1 and s.gates not in picked]
    picked += [max(far, key=lambda s: (time(s), -len(s.gates), s.gates)).gates] if far else []
    return list(dict.fromkeys(picked))


def _carry(
    scene: Scene, sets: list[tuple[str, ...]], deadlines: dict[str, GateMove]
) -> tuple[list[Carried], float]:
    """Carry sets of gates through in time; second comes the share at receptors if nothing is done."""
    cards = {g.id: g for g in scene.park.gates}
    courses: list[list[tuple[float, Floats]]] = [[(0.0, scene.flow)]]
    marched = []
    for gates in sets:
        stages = scene.canals.after(dict.fromkeys([*scene.closed, *gates], 0.0))[:FULL_STEPS]
        marched.append(stages)
        stroke = max(cards[g].stroke_s for g in gates)
        for wait in (0.0, WAIT_S):
            shut = scene.now_s + wait + scene.config.decision_s + stroke
            courses.append([(0.0, scene.flow), *((shut + s.from_s, s.flow) for s in stages)])
    reached = arrival.reached(scene.ensemble, scene.network, courses, scene.now_s)
    found = []
    for i, gates in enumerate(sets):
        first = min((g for g in gates if g in deadlines), key=lambda g: deadlines[g].arrival.early)
        moves = [
            deadlines.get(g) or _deadline(scene, cards[g], _still(deadlines[first].arrival), helps=True)
            for g in gates
        ]
        moves.sort(key=lambda m: (m.close_by, m.gate))
        found.append(
            Carried(
                gates, tuple(moves), marched[i], 1 - float(reached[1 + 2 * i]), 1 - float(reached[2 + 2 * i])
            )
        )
    return found, float(reached[0])


def _still(first: Arrival) -> Arrival:
    """Return when a gate behind the plume has to be closed: when the front comes to the first gate."""
    return Arrival(first.place, first.early, first.middle, first.late, 0.0)


def _worth(scene: Scene, c: Carried) -> float:
    """Weigh a set: what it holds back first, then how sure, how simple and how gentle it is."""
    cards = {g.id: g for g in scene.park.gates}
    own = [cards[g] for g in c.gates]
    overtops = overtops_h(scene.canals, c.stages)
    cost = 0.015 * (len(own) - 1)
    cost += 0.02 * sum(not g.remote for g in own) + 0.015 * sum(not g.pre_authorised for g in own)
    cost += 0.3 if overtops is not None and overtops < HOLD_H else 0.0
    cost += OVERTOPS * c.checked.risk if c.checked is not None else 0.0
    return c.contained - cost


def _different(ranked: list[Carried], deadlines: dict[str, GateMove]) -> list[Carried]:
    """Return the best set and others that are not merely the same with a gate more."""
    kept: list[Carried] = []
    for c in ranked:
        if all(not set(k.gates) <= set(c.gates) for k in kept):
            kept.append(c)
    outermost = max(
        kept,
        key=lambda c: (min(deadlines[g].arrival.early for g in c.gates if g in deadlines), c.gates),
        default=None,
    )
    chosen = kept[:PLANS]
    if outermost is not None and outermost not in chosen:
        chosen[-1] = outermost
    return chosen


def _path(scene: Scene, seen: dict[str, float]) -> tuple[str, ...]:
    """Return the links the plume is expected to take from the first alarmed station on, in order of time."""
    if not seen:
        return ()
    first = min(seen, key=lambda s: (seen[s], s))
    start = scene.network.nodes[scene.park.station(first).node]
    place = np.zeros(len(scene.network.node_ids))
    place[start] = 1.0
    share = choice.carried(scene.network, scene.flow, place)
    now = scene.network.with_flow(scene.flow)
    time = now.travel_times([start])[0][now.tail]
    taken = np.flatnonzero((share > ON_THE_WAY) & np.isfinite(time))
    return tuple(str(scene.network.link_ids[k]) for k in taken[np.argsort(time[taken], kind="stable")])
