"""大屏: the wall nobody touches. An incident takes it over by itself, and hands it back when it is closed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import dash
import numpy as np
from dash import Dash, Input, Output, State, dcc, html

from callbacks import (
    arrivals,
    desk,
    dossier,
    firms,
    flood,
    ids,
    panel,
    wall_incident,
    wall_quiet,
    wall_screens,
)
from callbacks.dossier import Dossier
from callbacks.live import gate_word
from callbacks.pages import Page, Visit, Web, data, in_thread, reader_lang
from geodata.places import Park, StationKind
from geodata.words import Lang, Text, as_lang
from layers import incidents as drawing
from layers.map import draw_id, empty_drawing, park_map, view_id
from layers.style import LEVEL_WORDS
from twin.clock import as_ms
from twin.curves import Window
from twin.errors import UnavailableError
from twin.indicators import hourly, transfer
from twin.model import IncidentState, Level

PATH = "/wall"
NAME = Text("大屏", "Wall")
MAP = "wall-map"
QUICK_MS, SLOW_MS = 5_000, 30_000
BARS = 24

QUICK = ("wl-alarms", "wl-gates", "wl-exceed")
SLOW = ("wl-trans", "wl-works", "wl-water", "wl-loads")
TAKEN = ("wl-head", "wl-next", "wl-who", "wl-arr", "wl-plans")
FILLED = {
    "transmission": "wl-trans",
    "exceedances": "wl-exceed",
    "works": "wl-works",
    "water": "wl-water",
    "alarms": "wl-alarms",
    "loads": "wl-loads",
    "gates": "wl-gates",
}
"""Panels that callbacks fill, by the name a wall's file calls them."""

HIDDEN = "wl-spare"
"""Where panels stand that a wall does not show: they are filled as the others are, and nobody sees them."""


def layout(web: Web, visit: Visit) -> Any:
    """Return a wall, panels empty."""
    lang, park, walls = visit.lang, web.park, web.walls
    wall = walls.find(visit.rest)
    if wall is None:
        return html.Div(wall_screens.unknown(walls, visit.rest, lang), className="empty-page")
    panels = _panels(park, lang)
    sides = {name: [panels.pop(p) for p in getattr(wall, name)] for name in ("left", "right")}
    shown = "".join(f" no-{name}" for name, parts in sides.items() if not parts)
    pad = (64, 44, 84, 30)
    first = wall.views[0]
    return html.Div(
        [
            dcc.Interval(id="wl-quick", interval=QUICK_MS),
            dcc.Interval(id="wl-slow", interval=SLOW_MS),
            dcc.Store(id="wl-seen"),
            dcc.Store(id="wl-slow-seen"),
            dcc.Store(id="wl-screen", data=wall.screen),
            dcc.Store(id="wl-whose"),
            dcc.Store(id="wl-owned"),
            html.Div(sides["left"], className="wl-left"),
            html.Div(
                [
                    park_map(
                        MAP,
                        version=park.version,
                        lang=lang,
                        scale="wall",
                        labels="quiet",
                        interactive=False,
                        layers=dict.fromkeys(first.hide, False),
                        fit=list(first.fit) if first.fit else None,
                        pad=pad,
                    ),
                    html.Div(_legend(lang), className="wl-legend quiet"),
                    html.Div(_trace_key(lang), className="wl-legend taken"),
                ],
                className="wl-map",
            ),
            html.Div(sides["right"], className="wl-right"),
            html.Div(list(panels.values()), className=HIDDEN, hidden=True),
            html.Aside([html.Div(id="wl-next"), html.Div(id="wl-who")], className="wl-inc"),
            html.Div(id="wl-arr", className="wl-chart"),
            html.Div(id="wl-plans", className="wl-cards"),
        ],
        id="wl",
        className=f"wl{shown}",
        **data(turn_s=f"{wall.turn_s:g}", quiet_hour=str(wall.quiet_hour)),
    )


def _panels(park: Park, lang: Lang) -> dict[str, Any]:
    """Return every panel that may stand beside the map, by the name a wall's file calls it."""
    wait = panel.waiting(Text("正在读取", "Reading"), lang, 2)
    fixed = {
        "verdict": wall_quiet.verdict(lang),
        "stations": wall_quiet.stations(park, lang),
        "storage": html.Div(wall_quiet.storage(park.pools, lang)),
    }
    return fixed | {name: html.Div(wait, id=part) for name, part in FILLED.items()}


def header(web: Web, visit: Visit) -> Any:
    """Return what stands in the header: the views, or the incident's head."""
    wall = web.walls.find(visit.rest)
    if wall is None:
        return None
    tabs = [
        html.Span(
            view.name.say(visit.lang),
            className="on" if n == 0 else "",
            **data(view=json.dumps({"hide": view.hide, "fit": view.fit})),
        )
        for n, view in enumerate(wall.views)
    ]
    return html.Div(
        [html.Nav(tabs, className="wl-views", id="wl-views"), html.Div(id="wl-head", className="wl-head")],
        className="wl-slot",
    )


def _legend(lang: Lang) -> list[Any]:
    order = (Level.NORMAL, Level.WATCH, Level.WARNING, Level.ALARM, Level.CRITICAL, Level.OFFLINE)
    return [html.Span([panel.mark(level, lang), LEVEL_WORDS[level].say(lang)]) for level in order]


def _trace_key(lang: Lang) -> list[Any]:
    items = (
        ("k1", Text("溯源路径", "traced path")),
        ("k2", Text("污染团", "plume")),
        ("k3", Text("预计去向", "forecast")),
    )
    return [html.Span([html.I(className=c), t.say(lang)]) for c, t in items]


# quiet ----------------------------------------------------------------------------------------------------


def quick(web: Web, now: datetime, lang: Lang) -> dict[str, Any]:
    """Return the panels that follow the records and the gates.

    Raises
    ------
    UnavailableError
        The records are away.
    """
    found = web.records.anomalies(limit=300)
    facts = web.live.facts
    words = {g.gate: gate_word(g, facts.clock, facts.now_ms) for g in facts.gates}
    return {
        "wl-alarms": wall_quiet.alarms(found, web.park, now, lang),
        "wl-gates": wall_quiet.gates(web.park, words, lang),
        "wl-exceed": wall_quiet.exceedances(found, web.park, now, lang),
    }


@dataclass(frozen=True, slots=True)
class Flows:
    """Present flows, m3/d; None where no meter speaks."""

    works: tuple[wall_quiet.Works, ...]
    outlets: float | None
    metered: int


def flows(park: Park, latest: Window) -> Flows:
    """Return what flows now, from the last values of the flow meters (L/s)."""
    at = {point: float(latest.value[latest.start[i]]) for i, point in enumerate(latest.points)}
    by_node = {s.node: at.get((s.mn, firms.FLOW)) for s in park.stations}
    works = tuple(
        wall_quiet.Works(f.name, _daily(by_node.get(f.node)), f.capacity_m3d)
        for f in park.facilities
        if f.kind == "works"
    )
    of_firms = [
        at[s.mn, firms.FLOW]
        for s in park.stations
        if s.kind is StationKind.OUTLET and (s.mn, firms.FLOW) in at
    ]
    return Flows(works, _daily(sum(of_firms)) if of_firms else None, len(of_firms))


def _daily(litres_s: float | None) -> float | None:
    return None if litres_s is None or not np.isfinite(litres_s) else litres_s * 86.4


def slow(web: Web, now: datetime, lang: Lang) -> dict[str, Any]:
    """Return the panels that are counted from a day of readings.

    Raises
    ------
    UnavailableError
        History or records are away.
    """
    today = firms.day(web.history, as_ms(now))
    curves = [today.window.curve(s.mn, f) for s in web.park.stations for f in s.factors]
    known = len(today.window.at_ms) > 0
    sent = transfer(curves if known else [], today.interval_s, today.from_ms, today.to_ms)
    flow = flows(web.park, today.newest.last())
    works = [w.flow_m3d for w in flow.works if w.flow_m3d is not None]
    counted = firms.count(web.park, today, web.records.anomalies(limit=1000), web.rules)
    ends = (today.from_ms, today.to_ms)
    spaced = [(c, today.interval_s) for c in curves]
    bars = hourly(spaced, *ends, BARS).tolist() if known and ends[1] > ends[0] else []
    return {
        "wl-trans": wall_quiet.transmission(sent.effective, bars, today.hours, web.rules.good.value, lang),
        "wl-works": wall_quiet.works(flow.works, lang),
        "wl-water": wall_quiet.water(flow.outlets, flow.metered, sum(works) if works else None, lang),
        "wl-loads": wall_quiet.loads(counted, web.park.enterprises, lang),
    }


# taken over -----------------------------------------------------------------------------------------------


def taking(web: Web) -> Dossier | None:
    """Return the incident that owns the wall: the newest that is not over.

    Raises
    ------
    UnavailableError
        The records are away.
    """
    live = web.records.incidents(states=[IncidentState.OPEN, IncidentState.CONTAINED], limit=10)
    return dossier.of(web.records, live[0]) if live else None


def taken(web: Web, case: Dossier, lang: Lang) -> tuple[dict[str, Any], Any]:
    """Return the panels and the drawing of the incident that owns the wall."""
    park = web.park
    at = dossier.moment(web.stream)
    people = dossier.users(web.records)
    gates = {g.id: g for g in park.gates}
    receptors = {r.id: r for r in park.receptors}
    enterprises = {e.id: e for e in park.enterprises}
    plan = case.plan()
    parts = {
        "wl-head": wall_incident.head(case, lang),
        "wl-next": [
            flood.banner(case.locks, case.overrides, people, lang),
            wall_incident.next_action(case.planset, plan, case.commands, at.gates, gates, people, lang),
        ],
        "wl-who": wall_incident.who(case.ranking, enterprises, lang),
        "wl-arr": arrivals.chart(
            case.planset,
            plan,
            gates=gates,
            receptors=receptors,
            states=at.gates,
            now=at.now,
            lang=lang,
            most=4,
        ),
        "wl-plans": wall_incident.cards(case, plan, lang),
    }
    drawn = drawing.features(
        park,
        case.incident,
        case.ranking,
        case.planset,
        now=at.now,
        lang=lang,
        network=web.network,
        pad=(80, 220, 80, 220),
    )
    return parts, desk.near(drawn)


def view(web: Web, lang: Lang, *, yields: bool = True) -> tuple[dict[str, Any], Any, bool]:
    """Return the panels that changed with the records, the drawing, and whether an incident owns the wall.

    Parameters
    ----------
    yields : bool
        Whether an incident takes this wall over.

    Raises
    ------
    UnavailableError
        The records are away.
    """
    at = dossier.moment(web.stream)
    case = taking(web) if yields else None
    if case is None:
        return quick(web, at.now, lang), empty_drawing(), False
    parts, drawn = taken(web, case, lang)
    return quick(web, at.now, lang) | parts, drawn, True


def register(app: Dash, web: Web) -> None:
    """Add the page and its callbacks."""
    web.pages.add(
        Page(PATH, NAME, partial(layout, web), theme="dark", scale="wall", header=partial(header, web))
    )
    quick_parts: Sequence[str] = (*QUICK, *TAKEN)

    @app.callback(
        *[Output(part, "children") for part in quick_parts],
        Output(draw_id(MAP), "data"),
        Output("wl-whose", "data"),
        Output(view_id(MAP), "data"),
        Output("wl-seen", "data"),
        Input("wl-quick", "n_intervals"),
        Input(ids.REVISION, "data"),
        State("wl-seen", "data"),
        State("wl-screen", "data"),
    )
    @in_thread
    def _quick(_: Any, __: Any, seen: Mapping[str, str] | None, screen: str) -> Any:
        lang, wall = reader_lang(as_lang(web.config.lang)), web.walls.find(screen)
        every: dict[str, Any]
        try:
            parts, drawn, owned = view(web, lang, yields=wall is None or wall.incident)
            every = {**parts, "draw": drawn, "whose": "incident" if owned else "park"}
        except UnavailableError:
            away = panel.failed(Text("记录库没有应答", "The records do not answer"), lang)
            every = {"wl-alarms": away}
        out, prints = panel.changed(every, seen)
        whose = out.get("whose", dash.no_update)
        home = {"fit": "park", "at": whose} if whose == "park" and seen else dash.no_update
        return (
            *[out.get(part, dash.no_update) for part in quick_parts],
            out.get("draw", dash.no_update),
            whose,
            home,
            {**(seen or {}), **prints},
        )

    app.clientside_callback(  # type: ignore[no-untyped-call]
        "function(whose) { return window.twin.wallWhose(whose); }",
        Output("wl-owned", "data"),
        Input("wl-whose", "data"),
    )

    @app.callback(
        *[Output(part, "children") for part in SLOW],
        Output("wl-slow-seen", "data"),
        Input("wl-slow", "n_intervals"),
        State("wl-slow-seen", "data"),
    )
    @in_thread
    def _slow(_: Any, seen: Mapping[str, str] | None) -> Any:
        lang = reader_lang(as_lang(web.config.lang))
        try:
            parts = slow(web, dossier.moment(web.stream).now, lang)
        except UnavailableError:
            away = panel.failed(Text("历史库没有应答", "The history does not answer"), lang)
            parts = {SLOW[0]: away}
        out, prints = panel.changed(parts, seen)
        return *[out.get(part, dash.no_update) for part in SLOW], {**(seen or {}), **prints}
