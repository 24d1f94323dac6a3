"""Follow the water by hand: everything upstream or downstream of a point, with the time it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import shapely
from dash import html
from dash.development.base_component import Component

from callbacks import card
from callbacks.pages import data
from geodata.network import Trace
from geodata.places import OutletKind
from geodata.words import Lang, Text
from layers.feature import feature
from layers.network import followed

if TYPE_CHECKING:
    from callbacks.pages import Web

Way = Literal["up", "down"]
SHOWN = 60
TITLES: dict[Way, Text] = {"up": Text("上游", "Upstream"), "down": Text("下游", "Downstream")}
NONE: dict[Way, Text] = {
    "up": Text("上游没有排口", "No outlet upstream"),
    "down": Text("下游没有闸与敏感点", "No gate or receptor downstream"),
}
NOTE = Text(
    "按日常水流与闸门现状推算，关着的闸不通过；园区版本 {v}",
    "By the usual flow and the gates as they stand; closed gates are walls. Park version {v}",
)
CLEAR = Text("清除", "Clear")


@dataclass(frozen=True, slots=True)
class Found:
    """One place a walk reached: what, how far in time (s)."""

    kind: str
    key: str
    name: Text
    seconds: float


def walk(web: Web, node: str, way: Way) -> Trace:
    """Walk the network from a node, through gates as they stand now.

    Raises
    ------
    KeyError
        There is no such node.
    """
    positions = {g.gate: g.position for g in web.live.facts.gates if g.position is not None}
    net = web.network.with_gates({k: v for k, v in positions.items() if k in web.network.gates})
    return net.upstream(node) if way == "up" else net.downstream(node)


def places(web: Web, trace: Trace, way: Way) -> list[Found]:
    """Return outlets and stations upstream, or gates, receptors and stations downstream, nearest first."""
    seconds = dict(zip(trace.nodes.tolist(), trace.travel_s.tolist(), strict=True))
    park, found = web.park, []
    if way == "up":
        names = {e.id: e.short for e in park.enterprises}
        for o in park.outlets:
            if o.node in seconds and o.kind is not OutletKind.CROSSING:
                name = Text("{who} {code}", "{who} {code}").fill(who=names.get(o.enterprise, ""), code=o.code)
                found.append(Found("outlet", o.id, name, seconds[o.node]))
    else:
        start = {
            g.id: str(web.network.node_ids[web.network.tail[web.network.gates[g.id]]]) for g in park.gates
        }
        found += [
            Found("gate", g.id, Text(f"{g.id} {g.name.zh}", f"{g.id} {g.name.en}"), seconds[start[g.id]])
            for g in park.gates
            if start[g.id] in seconds
        ]
        found += [
            Found("receptor", r.id, r.name, seconds[r.node]) for r in park.receptors if r.node in seconds
        ]
    found += [Found("station", s.id, s.name, seconds[s.node]) for s in park.stations if s.node in seconds]
    return sorted((f for f in found if f.seconds > 0), key=lambda f: (f.seconds, f.key))


def drawing(web: Web, node: str, trace: Trace, way: Way) -> dict[str, Any]:
    """Return a walk as a drawing for the map."""
    table = web.park.nodes
    row = table[table["id"] == node].iloc[0]
    start = feature(shapely.Point(row["x"], row["y"]), web.park.crs, kind="point")
    return {
        "type": "FeatureCollection",
        "features": [*followed(web.park, web.network, trace), start],
        "key": f"follow/{way}/{node}",
        "pad": [40, 400, 40, 40],
    }


def follow(web: Web, node: str, way: Way, lang: Lang) -> tuple[Component, dict[str, Any]]:
    """Return the list and the drawing of a walk from a node."""
    trace = walk(web, node, way)
    found = places(web, trace, way)
    lines = [card.place(f.kind, f.key, f.name.say(lang), card.span(f.seconds, lang)) for f in found[:SHOWN]]
    length = sum(web.network.length_m[web.network.links[k]] for k in trace.links.tolist()) / 1000
    count = Text("{n} 处 · {km} km", "{n} places · {km} km").fill(n=len(found), km=f"{length:.1f}").say(lang)
    head = html.H3(
        [
            TITLES[way].say(lang),
            html.Em(count),
            html.Button(CLEAR.say(lang), className="btn s", **data(follow_clear="")),
        ],
        className="h",
    )
    body = html.Ul(lines, className="card-list") if lines else html.P(NONE[way].say(lang), className="empty")
    return html.Div([head, html.P(NOTE.fill(v=web.park.version).say(lang), className="mut"), body]), drawing(
        web, node, trace, way
    )
