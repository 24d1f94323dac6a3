"""应急: the desk for one incident, from who most likely did it to the gate that has closed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import dash
from dash import ALL, Dash, Input, Output, State, dcc, html

from callbacks import (
    approval,
    as_of,
    desk,
    dossier,
    ids,
    login,
    notes_form,
    panel,
    sample_form,
    signing,
    source_form,
    tools,
)
from callbacks.pages import Page, Visit, Web, in_thread, reader_lang
from geodata.words import Lang, Text, as_lang
from layers.map import draw_id, park_map
from twin.errors import RefusedError, UnavailableError
from twin.records_past import READ_ONLY

PATH = "/emergency"
NAME = Text("应急", "Emergency")
MAP = "emergency-map"

# What the desk is made of: the component whose children each part is.
PARTS = (
    "em-list",
    "em-timeline",
    "em-head",
    "em-banner",
    "em-suspects",
    "em-strip",
    "em-firsts",
    "em-cards",
    "em-steps",
    "em-hint",
    *tools.PARTS,
)


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
                [html.Div(wait, id="em-list"), notes_form.form(lang), html.Div(id="em-timeline")],
                id="em-left",
                className="em-left",
                hidden=True,  # a drawer on narrow screens; wide ones show it all the same
            ),
            html.Div([_drawer(lang), html.Div(id="em-head")], className="em-top"),
            html.Div(
                [
                    park_map(MAP, version=web.park.version, lang=lang),
                    _map_key(lang),
                    html.Div(id="em-banner"),
                    tools.bar(lang),
                    *tools.sheets(web, lang),
                ],
                className="em-map",
            ),
            html.Div(id="em-strip", className="em-strip"),
            html.Div(
                [
                    html.Div(
                        [
                            html.Div(wait, id="em-suspects"),
                            sample_form.form(lang),
                            source_form.form(web.park, lang),
                        ],
                        className="em-sus",
                    ),
                    _approval(lang),
                ],
                className="em-right",
            ),
            html.Div(
                [html.Div(id="em-firsts"), html.Div(wait, id="em-cards", className="em-cards")],
                className="em-plans",
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

    why = Text("如：COD 超标", "e.g. over limit")
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
                            html.Button(
                                Text("没有待批准的闸", "No gate to approve").say(lang),
                                id="em-sign",
                                className="btn p",
                                disabled=True,
                            ),
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


# who clicked ----------------------------------------------------------------------------------------------


def press(web: Web, act: str, shown: Mapping[str, Any], mark: signing.Signature) -> signing.Outcome:
    """Take a signature, or send back what waits for one.

    Parameters
    ----------
    shown : mapping
        What the person had on screen (`View.shown`): they sign for that incident, plan and gates only.
    """
    if as_of.moment() is not None:
        return signing.Outcome(False, READ_ONLY)
    at, reader = dossier.moment(web.stream), login.name()
    try:
        number = web.tickets.check(shown, reader)
    except RefusedError as error:
        return signing.Outcome(False, error.text)
    try:
        incident = web.records.incident(str(shown.get("incident", "")))
        if incident is None:
            return signing.Outcome(False, signing.NOTHING)
        case = dossier.of(web.records, incident)
        refused = dossier.obstacle(web.records, case, str(shown.get("plan")))
    except UnavailableError:
        return signing.Outcome(False, signing.AWAY)
    if refused is not None:
        return signing.Outcome(False, refused)
    about = desk.matter(web, case, next((p for p in case.plans if p.id == shown.get("plan")), None), at.now)
    doors = signing.Desk(web.records, web.access, web.stream)
    if act == "em-refuse":
        return signing.send_back(doors, about, at.gates, mark, at.now)

    def spend() -> None:
        web.tickets.spend(number, reader, about.incident, at.now)

    seen, percent = shown.get("gates", []), shown.get("percent")
    return signing.sign(doors, about, at.gates, mark, at.now, seen, spend, percent)


def register(app: Dash, web: Web) -> None:
    """Add the page and its callbacks."""
    web.pages.add(Page(PATH, NAME, partial(layout, web), theme="dark"))
    tools.register(app, web)
    notes_form.register(app, web)
    _register_view(app, web)
    _register_picks(app)
    _register_signatures(app, web)
    sample_form.register(app, web)
    source_form.register(app, web)


def _register_view(app: Dash, web: Web) -> None:
    @app.callback(
        *[Output(part, "children") for part in PARTS],
        Output(draw_id(MAP), "data"),
        Output("em-sign", "children"),
        Output("em-sign", "disabled"),
        Output("em-refuse", "hidden"),
        Output("em-seen", "data"),
        Output("em-shown", "data"),
        Output("em-calls-gate", "options"),
        Input(ids.REVISION, "data"),
        Input("em-plan", "data"),
        Input("em-suspect", "data"),
        Input("em-signed", "data"),
        State("em-incident", "data"),
        State("em-seen", "data"),
    )
    @in_thread
    def _view(_: Any, plan: str | None, suspect: int, __: Any, incident: str, seen: Any) -> Any:
        choice = desk.Choice(incident or "", plan, suspect or 0, bool(seen))
        shown = desk.view(web, choice, reader_lang(as_lang(web.config.lang)))
        parts = {**shown.parts, "draw": shown.drawing}
        out, prints = panel.changed({k: v for k, v in parts.items() if v is not dash.no_update}, seen)
        return (
            *[out.get(part, dash.no_update) for part in PARTS],
            out.get("draw", dash.no_update),
            shown.button,
            not shown.can_sign,
            not shown.can_refuse,
            {**(seen or {}), **prints},
            shown.shown,
            list(shown.calls),
        )


def _register_picks(app: Any) -> None:
    app.clientside_callback(
        "function(clicks, others) { const c = window.twin.clicked();"
        " if (!c) return dash_clientside.no_update;"
        " return c.type === 'em-pick' ? c.index.split('|')[1] : c.index; }",
        Output("em-plan", "data"),
        Input({"type": "em-plan", "index": ALL}, "n_clicks"),
        Input({"type": "em-pick", "index": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        "function(clicks, ids) { const c = window.twin.clicked();"
        " return c ? c.index : dash_clientside.no_update; }",
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
        mark = signing.Signature(user or "", password or "", reason or "")
        outcome = press(web, str(dash.ctx.triggered_id), shown or {}, mark)
        keep = dash.no_update
        said = approval.status(outcome, lang)
        if outcome.done:
            return said, "", "", "", (signed or 0) + 1
        return said, keep, "", keep, (signed or 0) + 1
