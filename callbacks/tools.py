"""The tools of the desk: flood lock, call sheet, own closings and score, each a sheet over the map.

What people type lies in the layout and stays untouched; what changes lies in parts of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import dash
from dash import ALL, Dash, Input, Output, State, dcc, html

from callbacks import calls, dossier, flood, login, own, panel, photo_pick, score, signing
from callbacks.approval import status
from callbacks.pages import Web, clicked, in_thread, reader_lang
from geodata.words import Lang, Text, as_lang
from twin.clock import wall_ms

NAMES = ("flood", "calls", "own", "score")
TITLES = {"flood": flood.TITLE, "calls": calls.TITLE, "own": own.TITLE, "score": score.TITLE}
PARTS = ("em-flood", "em-calls", "em-own", "em-score")
ACTS = {"set": flood.SET, "lift": flood.LIFT, "override": flood.OVERRIDE}
ACCOUNT, PASSWORD = Text("账号", "Account"), Text("口令", "Password")
REASON = Text("理由", "Reason")
STALE = Text("请先选一个事件", "Pick an incident first")


def bar(lang: Lang) -> Any:
    """Return the buttons that open the sheets."""
    buttons = [
        html.Button(
            TITLES[n].say(lang),
            id={"type": "em-tool", "index": n},
            className="btn s",
        )
        for n in NAMES
    ]
    return html.Nav(buttons, className="em-tools", **panel.attrs(aria_label=Text("工具", "Tools").say(lang)))


def sheets(web: Web, lang: Lang) -> list[Any]:
    """Return the sheets, closed."""
    made = {
        "flood": [html.Div(id="em-flood"), _flood_form(web, lang)],
        "calls": [html.Div(id="em-calls"), _calls_form(lang)],
        "own": [_own_form(web, lang), html.Div(id="em-own")],
        "score": [html.Div(id="em-score")],
    }
    return [
        html.Aside(
            [
                html.H2(
                    [
                        TITLES[n].say(lang),
                        _print(lang) if n == "calls" else None,
                        html.Button(
                            "×",
                            id={"type": "em-close", "index": n},
                            className="btn s em-x",
                            title=Text("关闭", "Close").say(lang),
                        ),
                    ],
                    className="h",
                ),
                *made[n],
            ],
            id={"type": "em-sheet", "index": n},
            className=f"em-sheet {n}",
            hidden=True,
            **panel.attrs(aria_label=TITLES[n].say(lang)),
        )
        for n in NAMES
    ]


def _print(lang: Lang) -> Any:
    word = Text("打印", "Print").say(lang)
    return html.Button(word, id="em-print", className="btn s")


def _box(id: str, word: Text, lang: Lang, kind: Any = "text", **more: Any) -> Any:
    field = dcc.Input(id=id, type=kind, value="", debounce=False, autoComplete="off", **more)
    return html.Label([html.Span(word.say(lang)), field])


def _who(name: str, lang: Lang, *, reason: bool) -> list[Any]:
    boxes = [
        _box(f"em-{name}-user", ACCOUNT, lang),
        _box(f"em-{name}-password", PASSWORD, lang, "password"),
    ]
    if reason:
        boxes.append(_box(f"em-{name}-reason", REASON, lang, maxLength=200))
    return [*boxes, html.Div(id=f"em-{name}-say", className="em-say")]


def _flood_form(web: Web, lang: Lang) -> Any:
    picks = dcc.RadioItems(
        id="em-flood-gate", options=flood.options(web.park.gates, lang), value="*", inline=True
    )
    buttons = [
        html.Button(word.say(lang), id={"type": "em-flood", "index": act}, className="btn s")
        for act, word in ACTS.items()
    ]
    return html.Div(
        [
            html.P(flood.RULE.say(lang), className="mut"),
            picks,
            *_who("flood", lang, reason=True),
            html.Div(buttons, className="chips"),
        ],
        className="em-tf",
    )


def _calls_form(lang: Lang) -> Any:
    return html.Div(
        [
            html.H3(Text("现场回电确认", "Confirmation from the site").say(lang)),
            dcc.RadioItems(id="em-calls-gate", options=[], value=None, inline=True),
            _box("em-calls-who", Text("现场确认人", "Who on site"), lang, maxLength=60),
            _box("em-calls-ago", Text("几分钟前到位", "Minutes ago"), lang, inputMode="numeric", maxLength=4),
            _box("em-calls-at", Text("开度 %", "Opening %"), lang, inputMode="numeric", maxLength=3),
            _box("em-calls-notes", Text("说明", "Notes"), lang, maxLength=200),
            html.Div(
                [html.Span(Text("照片", "Photo").say(lang)), *photo_pick.box("em-calls", lang)],
                className="cs-pick",
            ),
            *_who("calls", lang, reason=False),
            html.Button(
                Text("按陈述记录", "Record the statement").say(lang), id="em-calls-go", className="btn p"
            ),
        ],
        className="em-tf",
    )


def _own_form(web: Web, lang: Lang) -> Any:
    rows = [(own.SOURCE, Text("停源", "Source"))] + [(g.id, Text(g.id, g.id)) for g in web.park.gates]
    boxes = [
        html.Label(
            [
                html.Span(word.say(lang)),
                dcc.Input(
                    id={"type": "em-own-min", "index": gate}, type="text", inputMode="numeric", maxLength=4
                ),
            ],
            className="ow-min",
        )
        for gate, word in rows
    ]
    return html.Div(
        [
            html.P(own.HOW.say(lang), className="mut"),
            html.Div(boxes, className="ow-mins"),
            *_who("own", lang, reason=False),
            html.Button(Text("推演比较", "Run and compare").say(lang), id="em-own-go", className="btn p"),
        ],
        className="em-tf sim",
    )


def number(value: Any, default: float = 0.0) -> float:
    """Read a number from a box that may be empty; what is no number is told as one that fits nowhere."""
    try:
        return float(str(value).strip()) if value not in (None, "") else default
    except ValueError:
        return float("nan")


def at_ms() -> int:
    """Return something that differs from press to press, so that the desk is drawn again."""
    return wall_ms()


def register(app: Any, web: Web) -> None:
    """Connect the sheets and their forms."""
    app.clientside_callback(
        "function(a, b, ids, open) { const c = window.twin.clicked();"
        " if (!c) return dash_clientside.no_update;"
        " return ids.map((id, k) => !(c.type === 'em-tool' && c.index === id.index && open[k])); }",
        Output({"type": "em-sheet", "index": ALL}, "hidden"),
        Input({"type": "em-tool", "index": ALL}, "n_clicks"),
        Input({"type": "em-close", "index": ALL}, "n_clicks"),
        State({"type": "em-sheet", "index": ALL}, "id"),
        State({"type": "em-sheet", "index": ALL}, "hidden"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        "function(n) { if (n) window.print(); return dash_clientside.no_update; }",
        Output("em-print", "title"),
        Input("em-print", "n_clicks"),
        prevent_initial_call=True,
    )
    _register_flood(app, web)
    _register_calls(app, web)
    _register_own(app, web)


def _desk(web: Web) -> signing.Desk:
    return signing.Desk(web.records, web.access, web.stream)


def _ticket(web: Web, shown: Any) -> signing.Outcome | None:
    """Refuse what does not come from a page of ours."""
    return signing.ticketed(web.tickets, shown, login.name())


def _spend(web: Web, shown: Any, at: datetime) -> None:
    """Use up the ticket of a page that was checked before."""
    said = shown if isinstance(shown, Mapping) else {}
    number = web.tickets.check(said, login.name())
    web.tickets.spend(number, login.name(), str(said.get("incident", "")), at)


def _register_flood(app: Dash, web: Web) -> None:
    @app.callback(
        Output("em-flood-say", "children"),
        Output("em-flood-password", "value"),
        Output("em-signed", "data", allow_duplicate=True),
        Input({"type": "em-flood", "index": ALL}, "n_clicks"),
        State("em-flood-gate", "value"),
        State("em-flood-user", "value"),
        State("em-flood-password", "value"),
        State("em-flood-reason", "value"),
        State("em-shown", "data"),
        prevent_initial_call=True,
    )
    @in_thread
    def _press(clicks: Any, gate: str, user: str, password: str, reason: str, shown: Any) -> Any:
        pressed = clicked()
        if not pressed:
            return (dash.no_update,) * 3
        lang = reader_lang(as_lang(web.config.lang))
        outcome = _ticket(web, shown)
        if outcome is None:
            at = dossier.moment(web.stream).now
            mark = signing.Signature(user or "", password or "", reason or "")
            act, incident = str(pressed["index"]), str((shown or {}).get("incident", ""))
            outcome = flood.press(_desk(web), web.records, act, gate or "*", incident, mark, at)
        return status(outcome, lang), "", at_ms()


def _register_calls(app: Dash, web: Web) -> None:
    @app.callback(
        Output("em-calls-say", "children"),
        Output("em-calls-password", "value"),
        Output("em-calls-photo", "contents"),
        Output("em-calls-photo", "filename"),
        Output("em-signed", "data", allow_duplicate=True),
        Input("em-calls-go", "n_clicks"),
        State("em-calls-gate", "value"),
        State("em-calls-who", "value"),
        State("em-calls-ago", "value"),
        State("em-calls-at", "value"),
        State("em-calls-notes", "value"),
        State("em-calls-photo", "contents"),
        State("em-calls-user", "value"),
        State("em-calls-password", "value"),
        State("em-shown", "data"),
        prevent_initial_call=True,
    )
    @in_thread
    def _confirm(n: Any, gate: Any, who: Any, ago: Any, at: Any, notes: Any, photo: Any, *rest: Any) -> Any:
        if not n:
            return (dash.no_update,) * 5
        user, password, shown = rest
        lang = reader_lang(as_lang(web.config.lang))
        outcome = _ticket(web, shown)
        if outcome is None:
            form = calls.Form(
                gate or "", who or "", number(ago), number(at, float("nan")), notes or "", photo or ""
            )
            mark = signing.Signature(user or "", password or "", "")
            incident = str((shown or {}).get("incident", ""))
            now = dossier.moment(web.stream).now
            place = photo_pick.folder(web.config)
            outcome = calls.confirm(_desk(web), web.records, incident, form, mark, now, place)
        photo = (None, "") if outcome.done else (dash.no_update,) * 2
        return status(outcome, lang), "", *photo, at_ms()


def _register_own(app: Dash, web: Web) -> None:
    @app.callback(
        Output("em-own-say", "children"),
        Output("em-own-password", "value"),
        Output("em-signed", "data", allow_duplicate=True),
        Input("em-own-go", "n_clicks"),
        Input({"type": "em-own-cancel", "index": ALL}, "n_clicks"),
        State({"type": "em-own-min", "index": ALL}, "value"),
        State({"type": "em-own-min", "index": ALL}, "id"),
        State("em-own-user", "value"),
        State("em-own-password", "value"),
        State("em-shown", "data"),
        prevent_initial_call=True,
    )
    @in_thread
    def _try(n: Any, stops: Any, minutes: Any, ids: Any, user: str, password: str, shown: Any) -> Any:
        pressed = clicked()
        if not pressed:
            return (dash.no_update,) * 3
        lang, at = reader_lang(as_lang(web.config.lang)), dossier.moment(web.stream).now
        outcome = _ticket(web, shown)
        mark = signing.Signature(user or "", password or "", "")
        who = (mark, login.reader(), at, partial(_spend, web, shown, at))
        if outcome is None and isinstance(pressed, dict):
            outcome = own.cancel(_desk(web), web.records, str(pressed["index"]), *who)
        elif outcome is None:
            written = zip(ids, minutes, strict=True)
            wanted = {i["index"]: number(m) for i, m in written if m not in (None, "")}
            incident = str((shown or {}).get("incident", ""))
            outcome = own.ask(_desk(web), web.records, web.park, incident, wanted, *who)
        return status(outcome, lang), "", at_ms()
