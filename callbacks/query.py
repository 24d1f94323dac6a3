"""Questions asked by hand on the map: upstream, downstream, a way from A to B, what drains here.

What is asked is a small dict that lives in the browser, in its address where somebody sends it on:
``{"way": "up", "from": "S33", "to": "", "bars": ["G05"]}``. Everything is answered for the water as it runs
now: gates as they stand, canals as they settle with them.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
from dash import dcc, html
from dash.development.base_component import Component

from callbacks import about, card, wording
from callbacks.pages import Theme, data
from geodata.network import Network
from geodata.places import OutletKind
from geodata.profile import profile
from geodata.walks import Trace
from geodata.words import Lang, Text
from layers import charts
from layers import network as drawn
from twin.errors import MissingError
from twin.park_now import present
from twin.park_trace import Places, trace
from twin.query import Drained, drained, way

if TYPE_CHECKING:
    from callbacks.pages import Web

ASK = "atlas-ask"
SHOWN = 60
MOST_BARS = 40
WAYS: dict[str, Text] = {
    "up": Text("上游", "Upstream"),
    "down": Text("下游", "Downstream"),
    "drain": Text("汇水范围", "What drains here"),
    "path": Text("路径", "Way"),
}
NONE: dict[str, Text] = {
    "up": Text("上游没有排口", "No outlet upstream"),
    "down": Text("下游没有闸与敏感点", "No gate or receptor downstream"),
    "drain": Text("没有企业汇到这里", "No enterprise drains here"),
    "path": Text("沿途没有闸、站点与敏感点", "No gate, station or receptor on the way"),
}
NOTE = Text("按闸门现状和此刻水流推算", "For the gates as they stand and the water as it runs now")
SHUT = Text("现关 {gates}", "shut now: {gates}")
HINT = Text("点闸：设为截断，再点取消", "Press a gate to bar it, again to free it")
BARS = Text("截断", "Barred")
WHERE_TO = Text("在图上点选终点", "Press the end on the map")
NO_WAY = Text("水不会从 {a} 流到 {b}", "No water runs from {a} to {b}")
UNKNOWN = Text("{id} 不在管网上", "{id} is not on the network")
CLEAR, SHARE = Text("清除", "Clear"), Text("链接", "Link")
ASSUMED = Text("其中 {n} 条流向是假定的（虚线）", "{n} links of assumed direction (dashed)")
COUNT = Text("{n} 处 · {km} km", "{n} places · {km} km")


@dataclass(frozen=True, slots=True)
class Ask:
    """One question.

    Attributes
    ----------
    way : str
        One of `WAYS`.
    start, end : str
        Ids; `end` only for a way, empty until it is chosen.
    bars : tuple of str
        What is not walked through, besides gates that are shut.
    """

    way: str
    start: str
    end: str = ""
    bars: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Ask | None:
        """Read a question from the browser or an address; None where it is none."""
        if not given or given.get("way") not in WAYS or not str(given.get("from") or ""):
            return None
        bars = given.get("bars") or ()
        listed = bars.split(",") if isinstance(bars, str) else [str(b) for b in bars]
        end = str(given.get("to") or "") if given["way"] == "path" else ""
        return cls(
            str(given["way"]),
            str(given["from"]),
            end,
            tuple(dict.fromkeys(b for b in listed if b))[:MOST_BARS],
        )

    def data(self) -> dict[str, Any]:
        """Return the question as the browser keeps it."""
        return {"way": self.way, "from": self.start, "to": self.end, "bars": list(self.bars)}

    def address(self) -> str:
        """Return the address that opens the map with this question."""
        parts = {"way": self.way, "from": self.start, "to": self.end, "bars": ",".join(self.bars)}
        return "/atlas?" + urlencode({k: v for k, v in parts.items() if v})

    def toggled(self, bar: str) -> Ask:
        """Return the question with one more bar, or without it."""
        bars = tuple(b for b in self.bars if b != bar) if bar in self.bars else (*self.bars, bar)
        return replace(self, bars=bars[-MOST_BARS:])


@dataclass(slots=True)
class Waters:
    """The network as the water runs now; reckoned again only when a gate has moved."""

    web: Web
    _key: tuple[Any, ...] = ()
    _network: Network | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> Network:
        """Return it."""
        gates = self.web.live.facts.gates
        stand = {g.gate: round(g.position, 2) for g in gates if g.position is not None}
        key = (self.web.park.version, *sorted(stand.items()))
        with self._lock:
            if self._network is None or key != self._key:
                self._network = present(self.web.park, self.web.network, stand)
                self._key = key
            return self._network


@dataclass(frozen=True, slots=True)
class Found:
    """One place on the way: what, how far in time (s)."""

    kind: str
    key: str
    name: Text
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found; `said` stands instead where nothing could be."""

    trace: Trace
    places: tuple[Found, ...] = ()
    drained: Drained | None = None
    way_links: tuple[str, ...] = ()
    length_m: float = 0.0
    assumed: frozenset[str] = frozenset()
    said: Text | None = None


NOTHING = Trace(np.array([], str), np.array([], str), np.array([], float))


def picked(ask: Ask | None, pick: Mapping[str, Any] | None) -> Ask | None:
    """Return the question that a press on the map makes of the present one; None if it makes none.

    While a way waits for its end, what is pressed is the end. A gate is barred or freed.
    """
    if ask is None or not pick or pick.get("kind") == "none":
        return None
    if ask.way == "path" and not ask.end:
        standing = pick.get("node") or pick.get("kind") == "enterprise"
        key = str(pick.get("id") or "") if standing else ""
        return replace(ask, end=key) if key and key != ask.start else None
    if pick.get("kind") == "gate":
        return ask.toggled(str(pick["id"]))
    return None


def answer(web: Web, network: Network, ask: Ask, lang: Lang) -> Answer:
    """Return what a question finds on a network."""
    park = web.park
    try:
        if ask.way == "path":
            return _way(web, network, ask, lang)
        direction = "downstream" if ask.way == "down" else "upstream"
        found = trace(park, network, ask.start, direction, ask.bars, lang)
        about = drained(park, network, ask.start, ask.bars, lang) if ask.way == "drain" else None
    except MissingError as error:
        return Answer(NOTHING, said=Text(str(error), str(error)))
    seconds = np.array([found["travel_s"][n] for n in found["nodes"]], float)
    walked = Trace(np.array(found["nodes"], str), np.array(found["links"], str), seconds)
    return Answer(
        walked,
        places(web, walked, ask.way),
        about,
        length_m=float(sum(network.length_m[network.links[k]] for k in found["links"])),
        assumed=frozenset(found["assumed_links"]),
    )


def _way(web: Web, network: Network, ask: Ask, lang: Lang) -> Answer:
    if not ask.end:
        Places(web.park, network, lang).start(ask.start, back=False)
        return Answer(NOTHING, said=WHERE_TO)
    found = way(web.park, network, ask.start, ask.end, ask.bars, lang)
    if found is None:
        return Answer(NOTHING, said=NO_WAY.fill(a=ask.start, b=ask.end))
    walked = Trace(np.array(found.nodes, str), np.array(found.links, str), np.array(found.seconds, float))
    return Answer(
        walked,
        places(web, walked, "path"),
        way_links=found.links,
        length_m=found.length_m,
        assumed=frozenset(found.assumed),
    )


def places(web: Web, walked: Trace, way: str) -> tuple[Found, ...]:
    """Return outlets and stations upstream, or gates, receptors and stations downstream, nearest first."""
    seconds = dict(zip(walked.nodes.tolist(), walked.travel_s.tolist(), strict=True))
    park, found = web.park, list[Found]()
    if way in ("up", "drain"):
        names = {e.id: e.short for e in park.enterprises}
        for o in park.outlets:
            if o.node in seconds and o.kind is not OutletKind.CROSSING:
                name = Text("{who} {code}", "{who} {code}").fill(who=names.get(o.enterprise, ""), code=o.code)
                found.append(Found("outlet", o.id, name, seconds[o.node]))
    else:
        net = web.network
        above = {g.id: str(net.node_ids[net.tail[net.gates[g.id]]]) for g in park.gates}
        found += [
            Found("gate", g.id, Text(f"{g.id} {g.name.zh}", f"{g.id} {g.name.en}"), seconds[above[g.id]])
            for g in park.gates
            if above[g.id] in seconds
        ]
        found += [
            Found("receptor", r.id, r.name, seconds[r.node]) for r in park.receptors if r.node in seconds
        ]
    if way != "drain":
        found += [Found("station", s.id, s.name, seconds[s.node]) for s in park.stations if s.node in seconds]
    return tuple(sorted((f for f in found if f.seconds > 0), key=lambda f: (f.seconds, f.key)))


def drawing(web: Web, network: Network, ask: Ask, found: Answer, lang: Lang) -> dict[str, Any]:
    """Return an answer as a drawing for the map: reaches by the time to them, bars, ends."""
    features = drawn.followed(web.park, network, found.trace, found.assumed)
    firms = found.drained.enterprises if found.drained else {}
    features += drawn.parcels(web.park, firms)
    features += drawn.barred(web.park, network, ask.bars)
    ends = [(ask.start, "A" if ask.way == "path" else ""), (ask.end, "B")]
    places = Places(web.park, network, lang)
    for key, title in ends:
        try:
            nodes = places.start(key, back=False).nodes if key else ()
        except MissingError:
            continue
        features += [drawn.spot(web.park, node, title) for node in nodes[:1]]
    wide = 300 if found.way_links else 40
    return {
        "type": "FeatureCollection",
        "features": features,
        "key": f"query/{ask.way}/{ask.start}/{ask.end}",
        "pad": [40, 400, wide, 40],
    }


def panel(web: Web, network: Network, ask: Ask, found: Answer, lang: Lang) -> Component:
    """Return what stands beside the map: the answer in words, bars, the legend, places by time."""
    title = f"{WAYS[ask.way].say(lang)} · {ask.start}" + (f" → {ask.end}" if ask.end else "")
    head = html.H3(
        [
            html.Span(title),
            html.A(SHARE.say(lang), href=ask.address(), className="card-link"),
            html.Button(CLEAR.say(lang), className="btn s", **data(follow_clear="")),
        ],
        className="h",
    )
    if found.said is not None:
        body: list[Any] = [html.P(found.said.say(lang), className="query-said", role="status")]
    else:
        body = [_facts(network, found, lang), _legend(network, found, lang), _listed(web, ask, found, lang)]
    return html.Div([head, *_bars(web, ask, lang), *body], className="query")


def _facts(network: Network, found: Answer, lang: Lang) -> Component:
    count = COUNT.fill(n=len(found.places), km=wording.number(found.length_m / 1000, 1, lang=lang)).say(lang)
    shut = [g for g, k in network.gates.items() if not network.open[k]]
    note = NOTE.say(lang) + ("；" if lang == "zh" else "; ") + SHUT.fill(gates=", ".join(shut)).say(lang)
    lines = [
        html.P(count, className="query-count"),
        html.P(note if shut else NOTE.say(lang), className="mut"),
    ]
    if found.way_links:
        whole = card.span(float(found.trace.travel_s[-1]), lang)
        lines.insert(1, html.P(Text(f"用时 {whole}", f"Takes {whole}").say(lang)))
    if found.drained is not None:
        d = found.drained
        ground = "—" if np.isnan(d.area_ha) else f"{d.area_ha:.0f} ha"
        said = Text(
            f"企业 {len(d.enterprises)} 家 · 地块 {ground} · 流量 {d.flow_m3s:.3g} m³/s",
            f"{len(d.enterprises)} enterprises · {ground} of ground · {d.flow_m3s:.3g} m³/s",
        )
        lines.insert(1, html.P(said.say(lang)))
    if found.assumed:
        lines.append(html.P(ASSUMED.fill(n=len(found.assumed)).say(lang), className="query-assumed"))
    return html.Div(lines)


def _legend(network: Network, found: Answer, lang: Lang) -> Component:
    """Bands of time, each with the kilometres in it."""
    km = dict.fromkeys(range(1, len(drawn.BANDS) + 2), 0.0)
    for key, band in drawn.bands(network, found.trace).items():
        km[band] += float(network.length_m[network.links[key]]) / 1000
    rows = [
        html.Li(
            [
                html.I(className=f"iso iso-{b}"),
                html.Span(drawn.band_name(b).say(lang)),
                html.Em(f"{wording.number(v, 1, lang=lang)} km"),
            ]
        )
        for b, v in km.items()
        if v > 0
    ]
    return html.Ul(rows, className="query-legend")


def _bars(web: Web, ask: Ask, lang: Lang) -> list[Component]:
    chips = [
        html.Button(
            [b, html.Span("×")],
            id={"type": "atlas-bar", "id": b},
            className="query-bar",
            title=CLEAR.say(lang),
        )
        for b in ask.bars
    ]
    if not web.park.gates and not chips:
        return []
    label = [html.Span(BARS.say(lang), className="mut"), *chips] if chips else []
    hint = [] if chips else [html.Span(HINT.say(lang), className="mut")]
    return [html.Div([*label, *hint], className="query-bars")]


def _listed(web: Web, ask: Ask, found: Answer, lang: Lang) -> Component:
    if found.drained is not None:
        names = {e.id: e.short for e in web.park.enterprises}
        lines = [
            card.place("enterprise", key, names.get(key, Text(key, key)).say(lang), card.span(s, lang))
            for key, s in list(found.drained.enterprises.items())[:SHOWN]
        ]
    else:
        lines = [
            card.place(f.kind, f.key, f.name.say(lang), card.span(f.seconds, lang)) for f in found.places
        ]
    if not lines:
        return html.P(NONE[ask.way].say(lang), className="empty")
    return html.Ul(lines[:SHOWN], className="card-list")


def section(web: Web, network: Network, found: Answer, lang: Lang, theme: Theme) -> Component | None:
    """Return the longitudinal profile along a way; None where there is no way."""
    if not found.way_links:
        return None
    figure = charts.longitudinal(profile(web.park, network, found.way_links), lang=lang, theme=theme)
    return html.Div(
        [
            html.H3([charts.PROFILE.say(lang), about.mark(charts.PROFILE, lang)], className="h"),
            dcc.Graph(
                figure=figure, config={"displayModeBar": False, "responsive": True}, style={"height": "204px"}
            ),
        ],
        className="query-section",
    )
