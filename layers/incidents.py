"""One incident as a drawing: suspects, traced path, moving plume, tags. Kinds: see `layers.map`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata import zone
from geodata.network import Network
from geodata.places import Park
from geodata.words import Lang, Text
from layers.feature import feature
from layers.gates import KINDS
from twin.factors import factor
from twin.model import Arrival, GateMove, Incident, PlanSet, Ranking, Suspect

SHOWN = 3
"""Suspects, and stations with a call-out."""
SAMPLES = 2
HALF_PLOT_M = 120.0
HOLD_LEAST_S = 600.0
EARLY, LATE = 0.8, 1.35
"""Shares of the middle travel time that bound the plume where a plan says nothing better."""

CLOSE_BY = Text("{time} 前关", "close by {time}")
TOO_LATE = Text("来不及", "too late")
FLOOD_LOCK = Text("防汛锁定", "flood lock")
REACHES = Text("{early}–{late} 到达", "reached {early}–{late}")

Features = list[dict[str, Any]]
Floats = NDArray[np.float64]


def features(
    park: Park,
    incident: Incident,
    ranking: Ranking | None,
    planset: PlanSet | None,
    *,
    now: datetime,
    lang: Lang = "zh",
    network: Network | None = None,
    pad: Sequence[int] = (60, 60, 60, 60),
) -> dict[str, Any]:
    """Return an incident as a GeoJSON drawing, WGS 84.

    Parameters
    ----------
    ranking, planset
        None while they are not ready: the drawing then holds what is known.
    now : datetime
        Park time; deadlines before it are not drawn as the next one.
    network : Network, optional
        The park's network, if the caller has it; built from the park otherwise.
    pad : sequence of int
        Pixels the map keeps free when it flies there, top right bottom left.
    """
    net = network or Network.from_park(park)
    found: Features = []
    if ranking:
        found += suspects(park, ranking, lang)
        found += samples(park, ranking, lang)
        for suspect in ranking.suspects[:1]:
            found += path(park, suspect.path)
    if planset:
        found += fronts(park, net, incident, ranking, planset)
        found += tags(park, planset, now, lang)
    found += alarms(park, incident, lang)
    return {"type": "FeatureCollection", "features": found, "key": incident.id, "pad": list(pad)}


def suspects(park: Park, ranking: Ranking, lang: Lang) -> Features:
    """Return the plots of the first suspects."""
    plots = _plots(park)
    names = {e.id: e for e in park.enterprises}
    found: Features = []
    for rank, suspect in enumerate(ranking.suspects[:SHOWN], start=1):
        firm = names.get(suspect.enterprise)
        if firm is None:
            continue
        shape = plots.get(firm.id)
        if shape is None:
            shape = shapely.box(
                firm.x - HALF_PLOT_M, firm.y - HALF_PLOT_M, firm.x + HALF_PLOT_M, firm.y + HALF_PLOT_M
            )
        found.append(
            feature(
                shape,
                park.crs,
                kind="suspect",
                rank=rank,
                enterprise=firm.id,
                label=firm.short.say(lang),
                probability=round(suspect.probability, 4),
                fit=rank <= 2,
            )
        )
    return found


def path(park: Park, link_ids: Sequence[str]) -> Features:
    """Return the way from a suspect's outlet to the first alarmed station, as one line where it is one."""
    lines = [line for line in _lines(park, link_ids).values() if line is not None]
    return [feature(line, park.crs, kind="trace") for line in chain(lines)]


def fronts(
    park: Park, net: Network, incident: Incident, ranking: Ranking | None, planset: PlanSet
) -> Features:
    """Return the links the plume takes, each with the moments it passes their vertices."""
    lines = {key: line for key, line in _lines(park, planset.path).items() if key in net.links}
    if not lines or not incident.stations:
        return []
    since_onset = travel_since_onset(park, net, incident, planset.path)
    scale, early, late = spread(park, incident, planset.arrivals, net, since_onset)
    hold = _hold(ranking.suspects[0] if ranking and ranking.suspects else None)
    onset_ms = incident.opened.timestamp() * 1000
    found: Features = []
    for key, line in lines.items():
        link = net.links[key]
        start, end = since_onset[net.tail[link]], since_onset[net.head[link]]
        if not np.isfinite(start):
            continue
        end = end if np.isfinite(end) and end > start else start + net.travel_s[link]
        xy = shapely.get_coordinates(line)
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
        middle = (start + (end - start) * along / max(along[-1], 1e-9)) * scale
        low, high = np.where(middle > 0, early, late), np.where(middle > 0, late, early)
        found.append(
            feature(
                line,
                park.crs,
                kind="front",
                fit=False,
                link=key,
                early=_moments(onset_ms, middle * low),
                middle=_moments(onset_ms, middle),
                late=_moments(onset_ms, middle * high),
                hold_ms=round(hold * 1000),
            )
        )
    return found


def travel_since_onset(park: Park, net: Network, incident: Incident, links: Sequence[str]) -> Floats:
    """Return seconds from the first alarm to the plume's passing of every node, (n,); inf where never."""
    everything = net.with_gates(dict.fromkeys(net.gates, 1.0))
    seen = net.nodes[park.station(incident.stations[0]).node]
    inside = [net.links[key] for key in links if key in net.links]
    heads = {int(net.head[k]) for k in inside}
    sources = [int(net.tail[k]) for k in inside if int(net.tail[k]) not in heads] or [seen]
    from_seen = everything.travel_times([seen])[0]
    found: Floats = from_seen.copy()
    for row in everything.travel_times(sources):
        if np.isfinite(row[seen]):
            found = np.fmin(found, row - row[seen])
        elif not np.isfinite(found[sources]).any():
            found = np.fmin(found, row)
    return found


def spread(
    park: Park, incident: Incident, arrivals: Iterable[Arrival], net: Network, since_onset: Floats
) -> tuple[float, float, float]:
    """Return how the arrivals stretch the stored travel times: (middle, early and late as its shares)."""
    nodes = {r.id: r.node for r in park.receptors}
    for gate in park.gates:
        if gate.id in net.gates:
            nodes[gate.id] = str(net.node_ids[net.tail[net.gates[gate.id]]])
    scale, early, late = [], [], []
    for arrival in arrivals:
        middle = (arrival.middle - incident.opened).total_seconds()
        stored = since_onset[net.nodes[nodes[arrival.place]]] if arrival.place in nodes else np.inf
        if middle <= 0 or not np.isfinite(stored) or stored <= 0:
            continue
        scale.append(middle / stored)
        early.append((arrival.early - incident.opened).total_seconds() / middle)
        late.append((arrival.late - incident.opened).total_seconds() / middle)
    if not scale:
        return 1.0, EARLY, LATE
    return float(np.median(scale)), float(np.median(early)), float(np.median(late))


def tags(park: Park, planset: PlanSet, now: datetime, lang: Lang) -> Features:
    """Return close-by tags of the recommended plan, and arrivals everywhere else."""
    plan = next((p for p in planset.plans if p.recommended), planset.plans[0] if planset.plans else None)
    moves = plan.moves if plan else ()
    found: Features = []
    first = next((m.gate for m in moves if not m.too_late and m.close_by >= now), None)
    for move in moves:
        gate = park.gate(move.gate)
        title = f"{gate.id} {KINDS[gate.kind].say(lang)}"
        found.append(
            _point(
                park, gate.x, gate.y, kind="close", gate=gate.id, title=title, text=_deadline(move, lang),
                hot=move.gate == first, late=move.too_late,
            )
        )  # fmt: skip
    loud = first is not None
    return [*found, *arrivals(park, planset, {m.gate for m in moves}, lang, far=loud)]


def arrivals(
    park: Park, planset: PlanSet, closing: Collection[str], lang: Lang, *, far: bool = True
) -> Features:
    """Return when the plume passes gates that stay open, and when it reaches receptors.

    The view goes to source and gates; unless `far`, also to the first receptor, for lack of a gate to close.
    """
    gates, receptors = {g.id: g for g in park.gates}, {r.id: r for r in park.receptors}
    found: Features = []
    for arrival in sorted(planset.arrivals, key=lambda a: a.early):
        if arrival.place in receptors:
            it = receptors[arrival.place]
            words = REACHES.fill(early=clock(arrival.early), late=clock(arrival.late)).say(lang)
            name = it.name.say(lang)
            found.append(_point(park, it.x, it.y, kind="receptor", title=name, text=words, fit=not far))
            far = True
        elif arrival.place in gates and arrival.place not in closing:
            g, words = gates[arrival.place], clock(arrival.middle)
            found.append(
                _point(park, g.x, g.y, kind="arrival", text=words, angle=round(g.angle, 1), fit=False)
            )
    return found


def alarms(park: Park, incident: Incident, lang: Lang) -> Features:
    """Return the stations of an incident; the scripts add the live value to the call-out."""
    short = [factor(code).short.say(lang) for code in incident.factors[:2]]
    found: Features = []
    for n, station in enumerate(park.station(key) for key in incident.stations[:SHOWN]):
        level = int(incident.level) if n == 0 else min(int(incident.level), 4)
        found.append(
            _point(
                park, station.x, station.y, kind="alarm", station=station.id, level=level,
                title=f"{station.id} {station.name.say(lang)}", text=" · ".join(short),
            )
        )  # fmt: skip
    return found


def samples(park: Park, ranking: Ranking, lang: Lang) -> Features:
    """Return where a sample would decide most."""
    at = {str(i): (x, y) for i, x, y in zip(park.nodes["id"], park.nodes["x"], park.nodes["y"], strict=True)}
    return [
        _point(park, *at[s.node], kind="sample", title=s.name.say(lang), node=s.node, fit=False)
        for s in ranking.samples[:SAMPLES]
        if s.node in at
    ]


def chain(lines: Sequence[Any]) -> list[Any]:
    """Join lines that follow one another end to start into as few as possible, keeping their direction."""
    found: list[Any] = []
    run: Floats | None = None
    for line in lines:
        xy = shapely.get_coordinates(line)
        if run is not None and np.hypot(*(run[-1] - xy[0])) < 1.0:
            run = np.vstack([run, xy[1:]])
            continue
        if run is not None:
            found.append(shapely.LineString(run))
        run = xy
    if run is not None:
        found.append(shapely.LineString(run))
    return found


def clock(at: datetime) -> str:
    """Return "14:26", in the park's own time."""
    return zone.local(at).strftime("%H:%M")


def _deadline(move: GateMove, lang: Lang) -> str:
    if move.too_late:
        return TOO_LATE.say(lang)
    words = CLOSE_BY.fill(time=clock(move.close_by)).say(lang)
    return f"{words} · {FLOOD_LOCK.say(lang)}" if move.flood_lock else words


def _hold(suspect: Suspect | None) -> float:
    if suspect is None:
        return HOLD_LEAST_S
    return max(HOLD_LEAST_S, (suspect.release_to - suspect.release_from).total_seconds())


def _moments(onset_ms: float, seconds: Floats) -> list[int]:
    return [round(onset_ms + 1000 * float(s)) for s in seconds]


def _point(park: Park, x: float, y: float, **properties: Any) -> dict[str, Any]:
    return feature(shapely.Point(x, y), park.crs, **properties)


def _plots(park: Park) -> dict[str, Any]:
    table = park.scenery.get("parcel")
    if table is None or "enterprise" not in table.columns:
        return {}
    return {
        str(owner): shape for owner, shape in zip(table["enterprise"], table.geometry, strict=True) if owner
    }


def _lines(park: Park, link_ids: Sequence[str]) -> dict[str, Any]:
    """Return the lines of links, turned the way their water runs, in the order asked."""
    table = park.links
    wanted = set(link_ids)
    rows = {
        str(key): shapely.reverse(line) if flow < 0 else line
        for key, line, flow in zip(table["id"], table.geometry, table["flow_m3s"], strict=True)
        if str(key) in wanted
    }
    return {key: rows[key] for key in link_ids if key in rows}
