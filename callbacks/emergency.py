"""应急: the desk for one incident, from who most likely did it to the gate that has closed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import dash
from dash import ALL, Dash, Input, Output, State, dcc, html
from plotly.utils import PlotlyJSONEncoder

from callbacks import approval, arrivals, dossier, ids, incidents, panel, plans, suspects, timeline
from callbacks.dossier import Dossier, Moment
from callbacks.pages import Page, Visit, Web, in_thread, reader_lang
from geodata.places import Gate, Receptor
from geodata.words import Lang, Text, as_lang
from layers import incidents as drawing
from layers.map import draw_id, empty_drawing, park_map
from twin.errors import UnavailableError
from twin.model import GatePlan, Incident

PATH = "/emergency"
NAME = Text("应急", "Emergency")
MAP = "emergency-map"
RECORDS_AWAY = Text("记录库没有应答，正在重试", "The records do not answer; trying again")
NO_INCIDENT = Text("现在没有事件，园区在值守中", "No incident now; the park is being watched")

# What the desk is made of: the component whose children each part is.
PARTS = ("em-list", "em-timeline", "em-head", "em-suspects", "em-strip", "em-cards", "em-steps", "em-hint")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reader has picked on the desk."""

    incident: str = ""
    plan: str | None = None
    suspect: int = 0


def layout(web: Web, visit: Visit) -> Any:
    """Return the desk, its panels still empty."""
    lang = visit.lang
    wait = panel.waiting(Text("正在读取", "Reading"), lang, 4)
    return html.Div(
        [
            dcc.Store(id="em-incident", data=visit.rest),
            dcc.Store(id="em-plan"),
            dcc.Store(id="em-suspect", data=0),
            dcc.Store(id="em-signed", data=0),
            dcc.Store(id="em-seen"),
            dcc.Store(id="em-shown"),
            html.Aside(
                [html.Div(wait, id="em-list"), html.Div(id="em-timeline")],
                id="em-left",
                className="em-left",
                hidden=True,  # a drawer on narrow screens; wide ones show it all the same
            ),
            html.Div([_drawer(lang), html.Div(id="em-head")], className="em-top"),
            html.Div(
                [park_map(MAP, version=web.park.version, lang=lang), _map_key(lang)],
                className="em-map",
            ),
            html.Div(id="em-strip", className="em-strip"),
            html.Div(wait, id="em-suspects", className="em-sus"),
            html.Div(
                [html.Div(wait, id="em-cards", className="em-cards"), _approval(lang)], className="em-plans"
            ),
        ],
        className="em",
    )


def _drawer(lang: Lang) -> Any:
    word = Text("事件与时间线", "Incidents, timeline").say(lang)
    return html.Button(
        html.I(className="em-bars"), className="em-drawer", title=word, **panel.attrs(data_toggle="em-left")
    )


def _map_key(lang: Lang) -> Any:
    items = (
        ("k1", Text("溯源路径", "traced path")),
        ("k2", Text("污染团", "plume")),
        ("k3", Text("预计去向", "forecast")),
    )
    return html.Div([html.Span([html.I(className=c), t.say(lang)]) for c, t in items], className="em-key")


def _approval(lang: Lang) -> Any:
    """The panel of signatures: what changes lies in `em-steps`, what people type stays untouched."""

    def box(id: str, word: Text, **more: Any) -> Any:
        field = dcc.Input(id=id, debounce=False, n_submit=0, autoComplete="off", **more)
        return html.Label([html.Span(word.say(lang)), field])

    why = Text("如：S33 COD 超标，同意拦截", "e.g. COD over limit at S33, agreed")
    return html.Article(
        [
            panel.heading(
                approval.TITLE, lang, Text("建议，不自动执行", "advice; nothing acts by itself").say(lang)
            ),
            html.Div(id="em-steps"),
            html.Div(
                [
                    box("em-user", Text("账号", "Account"), type="text", spellCheck=False),
                    box("em-password", Text("口令", "Password"), type="password"),
                    box(
                        "em-reason",
                        Text("理由", "Reason"),
                        type="text",
                        placeholder=why.say(lang),
                        maxLength=200,
                    ),
                    html.Div(id="em-say", className="em-say"),
                    html.Div(
                        [
                            html.Button(id="em-sign", className="btn p", disabled=True),
                            html.Button(Text("退回", "Send back").say(lang), id="em-refuse", className="btn"),
                        ],
                        className="ab",
                    ),
                    html.Div(id="em-hint"),
                ],
                id="em-form",
                className="em-form",
            ),
        ],
        className="apv",
        **panel.attrs(aria_label=approval.TITLE.say(lang)),
    )


# what the desk shows -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class View:
    """The desk at one moment: the children of every part, and what its form and map need."""

    parts: Mapping[str, Any]
    drawing: Any
    button: str
    can_sign: bool
    can_refuse: bool
    shown: Mapping[str, Any]


def view(web: Web, choice: Choice, lang: Lang) -> View:
    """Read the records and return the whole desk."""
    at = dossier.moment(web.stream)
    try:
        every, case = dossier.load(web.records, choice.incident)
        people = dossier.users(web.records)
    except UnavailableError:
        away = panel.failed(RECORDS_AWAY, lang)
        return View(
            {"em-list": away, "em-suspects": away, "em-cards": away}, dash.no_update, "", False, False, {}
        )
    if case is None:
        return quiet(every, at, lang)
    return desk(web, every, case, at, people, choice, lang)


def quiet(every: list[Incident], at: Moment, lang: Lang) -> View:
    """Return the desk when there has never been an incident."""
    nothing = panel.empty(NO_INCIDENT, lang)
    parts = {
        "em-list": incidents.listing(every, "", at.now, lang),
        "em-timeline": None,
        "em-head": html.Section(
            html.Div([html.H1(NO_INCIDENT.say(lang)), html.P()], className="ttl-t"), className="ttl"
        ),
        "em-suspects": panel.region(suspects.TITLE, lang, [nothing]),
        "em-strip": None,
        "em-cards": [html.Div(panel.region(plans.TITLE, lang, [nothing]), className="pl")],
        "em-steps": None,
        "em-hint": None,
    }
    return View(
        parts, empty_drawing(), Text("没有待批准的闸", "No gate to approve").say(lang), False, False, {}
    )


def desk(
    web: Web,
    every: list[Incident],
    case: Dossier,
    at: Moment,
    people: Mapping[str, Text],
    choice: Choice,
    lang: Lang,
) -> View:
    """Return the desk of one incident."""
    park = web.park
    gates = {g.id: g for g in park.gates}
    receptors = {r.id: r for r in park.receptors}
    enterprises = {e.id: e for e in park.enterprises}
    plan = case.plan(choice.plan)
    waits = plans.actions(plan, case.commands, at.gates)
    outcome = plans.outcome(case.planset, plan, case.commands, at.gates)
    top = case.ranking.suspects[0] if case.ranking and case.ranking.suspects else None
    now = matter(case, plan).round(case.commands, at.gates)
    parts = {
        "em-list": incidents.listing(every, case.incident.id, at.now, lang),
        "em-timeline": timeline.show(_lines(web, case, people), at.now, lang),
        "em-head": incidents.head(case.incident, case.first, waits, outcome, lang),
        "em-suspects": suspects.show(case.ranking, enterprises, lang, choice.suspect),
        "em-strip": arrivals.strip(case.planset, top, case.first, receptors=receptors, now=at.now, lang=lang),
        "em-cards": [
            *plans.show(
                case.planset,
                picked=plan.id if plan else None,
                names=gates,
                receptors=receptors,
                gates=at.gates,
                commands=case.commands,
                whatifs=case.whatifs,
                lang=lang,
            ),
            beside(case, plan, gates, receptors, at, lang),
        ],
        "em-steps": approval.steps(now, people, at.gates, lang),
        "em-hint": approval.hint(people, at.drill, lang),
    }
    return View(
        parts=parts,
        drawing=draw(web, case, at, lang),
        button=approval.button_text(now, lang),
        can_sign=bool(now.gates and case.incident.state in incidents.LIVE),
        can_refuse=bool(now.waiting),
        shown={
            "incident": case.incident.id,
            "plan": plan.id if plan else "",
            "gates": list(now.gates),
        },
    )


def beside(
    case: Dossier,
    plan: GatePlan | None,
    gates: Mapping[str, Gate],
    receptors: Mapping[str, Receptor],
    at: Moment,
    lang: Lang,
) -> Any:
    """Return the arrival chart where fewer than three plans leave room for it."""
    if case.planset is None or len(case.planset.plans) > 2:
        return None
    chart = arrivals.chart(
        case.planset,
        plan,
        gates=gates,
        receptors=receptors,
        states=at.gates,
        now=at.now,
        lang=lang,
        most=6,
        flip=101.0,
    )
    return html.Div(chart, className="pl em-arr")


def matter(case: Dossier, plan: GatePlan | None) -> approval.Matter:
    """Return what a signature on this desk is about."""
    return approval.Matter(case.incident.id, plan, case.others(plan))


def _lines(web: Web, case: Dossier, people: Mapping[str, Text]) -> list[timeline.Line]:
    return timeline.lines(
        case.incident,
        anomalies=case.anomalies,
        rankings=case.rankings,
        planset=case.planset,
        whatifs=case.whatifs,
        commands=case.commands,
        audits=case.audits,
        users=people,
        names={e.id: e.short for e in web.park.enterprises},
        stations={s.id: s for s in web.park.stations},
    )


def draw(web: Web, case: Dossier, at: Moment, lang: Lang) -> Any:
    """Return what the incident adds to the map."""
    return near(
        drawing.features(
            web.park,
            case.incident,
            case.ranking,
            case.planset,
            now=at.now,
            lang=lang,
            network=web.network,
            pad=(70, 120, 60, 120),
        )
    )


def near(drawn: Any) -> Any:
    """Let the map fly to source, alarm and gates; a receptor far out at sea would make them all too small."""
    tags = sum(f["properties"].get("kind") == "close" for f in drawn["features"])
    drawn["key"] = f"{drawn['key']}/{'plan' if tags else 'open'}"  # fly again once there are gates to show
    for feature in drawn["features"]:
        if feature["properties"].get("kind") == "receptor":
            feature["properties"]["fit"] = False
    return drawn


def digest(part: Any) -> str:
    """Return a fingerprint of what would be sent, so that what did not change is not sent again."""
    return hashlib.sha256(json.dumps(part, cls=PlotlyJSONEncoder, sort_keys=True).encode()).hexdigest()[:16]


def changed(
    parts: Mapping[str, Any], seen: Mapping[str, str] | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return each part, or no_update where the reader has it already, and the fingerprints now."""
    prints = {name: digest(part) for name, part in parts.items()}
    before = seen or {}
    out = {n: dash.no_update if before.get(n) == prints[n] else part for n, part in parts.items()}
    return out, prints


# who clicked ----------------------------------------------------------------------------------------------


def press(web: Web, act: str, shown: Mapping[str, Any], mark: approval.Signature) -> approval.Outcome:
    """Take a signature, or send back what waits for one.

    Parameters
    ----------
    shown : mapping
        What the person had on screen (`View.shown`): they sign for that incident, plan and gates only.
    """
    at = dossier.moment(web.stream)
    try:
        incident = web.records.incident(str(shown.get("incident", "")))
        case = dossier.of(web.records, incident) if incident else None
    except UnavailableError:
        return approval.Outcome(False, approval.AWAY)
    if case is None:
        return approval.Outcome(False, approval.NOTHING)
    every = case.planset.plans if case.planset else ()
    about = matter(case, next((p for p in every if p.id == shown.get("plan")), None))
    doors = approval.Desk(web.records, web.access, web.stream)
    if act == "em-refuse":
        return approval.send_back(doors, about, at.gates, mark, at.now)
    return approval.sign(doors, about, at.gates, mark, at.now, shown.get("gates", []))


def register(app: Dash, web: Web) -> None:
    """Add the page and its callbacks."""
    web.pages.add(Page(PATH, NAME, partial(layout, web), theme="dark"))
    _register_view(app, web)
    _register_picks(app)
    _register_signatures(app, web)


def _register_view(app: Dash, web: Web) -> None:
    @app.callback(
        *[Output(part, "children") for part in PARTS],
        Output(draw_id(MAP), "data"),
        Output("em-sign", "children"),
        Output("em-sign", "disabled"),
        Output("em-refuse", "hidden"),
        Output("em-seen", "data"),
        Output("em-shown", "data"),
        Input(ids.REVISION, "data"),
        Input("em-plan", "data"),
        Input("em-suspect", "data"),
        Input("em-signed", "data"),
        State("em-incident", "data"),
        State("em-seen", "data"),
    )
    @in_thread
    def _view(_: Any, plan: str | None, suspect: int, __: Any, incident: str, seen: Any) -> Any:
        shown = view(web, Choice(incident or "", plan, suspect or 0), reader_lang(as_lang(web.config.lang)))
        parts = {**shown.parts, "draw": shown.drawing}
        out, prints = changed({k: v for k, v in parts.items() if v is not dash.no_update}, seen)
        return (
            *[out.get(part, dash.no_update) for part in PARTS],
            out.get("draw", dash.no_update),
            shown.button,
            not shown.can_sign,
            not shown.can_refuse,
            {**(seen or {}), **prints},
            shown.shown,
        )


def _register_picks(app: Any) -> None:
    app.clientside_callback(
        "function(clicks, ids) { const c = dash_clientside.callback_context.triggered_id;"
        " return c && clicks.some(n => n) ? c.index : dash_clientside.no_update; }",
        Output("em-plan", "data"),
        Input({"type": "em-plan", "index": ALL}, "n_clicks"),
        State({"type": "em-plan", "index": ALL}, "id"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        "function(clicks, ids) { const c = dash_clientside.callback_context.triggered_id;"
        " return c && clicks.some(n => n) ? c.index : dash_clientside.no_update; }",
        Output("em-suspect", "data"),
        Input({"type": "em-suspect", "index": ALL}, "n_clicks"),
        State({"type": "em-suspect", "index": ALL}, "id"),
        prevent_initial_call=True,
    )


def _register_signatures(app: Dash, web: Web) -> None:
    @app.callback(
        Output("em-say", "children"),
        Output("em-user", "value"),
        Output("em-password", "value"),
        Output("em-reason", "value"),
        Output("em-signed", "data"),
        Input("em-sign", "n_clicks"),
        Input("em-refuse", "n_clicks"),
        Input("em-reason", "n_submit"),
        State("em-user", "value"),
        State("em-password", "value"),
        State("em-reason", "value"),
        State("em-shown", "data"),
        State("em-signed", "data"),
        running=[(Output("em-form", "className"), "em-form busy", "em-form")],
        prevent_initial_call=True,
    )
    @in_thread
    def _press(a: Any, b: Any, c: Any, user: str, password: str, reason: str, shown: Any, signed: int) -> Any:
        lang = reader_lang(as_lang(web.config.lang))
        if not (a or b or c):
            return (dash.no_update,) * 5
        mark = approval.Signature(user or "", password or "", reason or "")
        outcome = press(web, str(dash.ctx.triggered_id), shown or {}, mark)
        keep = dash.no_update
        said = approval.status(outcome, lang)
        if outcome.done:
            return said, "", "", "", (signed or 0) + 1
        return said, keep, "", keep, (signed or 0) + 1
