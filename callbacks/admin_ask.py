"""Requests to a logger, on the loggers tab: what may be asked, an administrator's signature, what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash
from dash import Dash, Input, Output, State, dcc, html

from callbacks import panel, wording
from callbacks.admin_form import Press, box, labelled, pick, said, signature
from callbacks.admin_park import ordered
from callbacks.pages import Web, data, in_thread, reader_lang
from geodata.words import Lang, Text, as_lang
from twin.errors import RefusedError, UnavailableError
from twin.ingest.hj212.request_words import ASKS, FIELDS
from twin.ingest.hj212.requests import OPERATIONS, parse
from twin.ingest.orders import KIND, Asked, told

USUAL = "1011"
SHOWN = 12
ITEMS = 40
SENT = Text("{who} 已下达：{what}。结果在下面", "{who} asks: {what}. The result comes below")
WELL = ("done", "no_data")


def form(mn: str, cn: str, lang: Lang) -> Any:
    """Return the fields of one request to one logger; nothing where none is picked."""
    if not mn:
        return None
    cn = cn if cn in OPERATIONS else USUAL
    operation = OPERATIONS[cn]
    rows = [pick("cn", ACT.say(lang), [(k, f"{t.say(lang)} {k}") for k, t in ASKS.items()], cn, now="pick")]
    for name in (*operation.needed, *operation.optional):
        if name == "Info" and cn != "3021":
            continue
        text = FIELDS[name].say(lang)
        if name in operation.optional and name != "Info":
            text = OPTIONAL.fill(name=text).say(lang)
        rows.append(labelled(text, box(name, text)))
    sign = signature("send", SEND.say(lang), lang)
    note = html.Span(mn, className="mono")
    inside = html.Div([*rows, sign], className="ads-form", **data(form="ads-act"))
    return panel.region(TITLE, lang, [inside], note=note)


TITLE = Text("向数采仪提请求", "Ask the logger")
ACT = Text("请求", "Request")
OPTIONAL = Text("{name}（可不填）", "{name} (may stay empty)")
SEND = Text("签名并下达", "Sign and send")
CAME = Text("请求和结果", "Requests and results")
NONE_YET = Text("还没有提过请求", "Nothing was asked yet")


def written(sent: Press) -> str:
    """Return the request that a form makes, in the written form.

    Raises
    ------
    RefusedError
        It cannot be sent as it is.
    """
    cn = sent.fields.get("cn", "")
    operation = OPERATIONS.get(cn)
    if operation is None:
        raise RefusedError(f"CN={cn[:8]}")
    parts = [f"CN={cn}"]
    for name in (*operation.needed, *operation.optional):
        value = sent.fields.get(name, "").strip()
        if value:
            key = f"{sent.fields.get('InfoId', '').strip()}-Info" if name == "Info" else name
            parts.append(f"{key}={value}")
    text = ";".join(parts)
    parse(text)
    return text


def send(web: Web, mn: str, sent: Press) -> tuple[bool, Text]:
    """Give the order, signed by an administrator; returns whether it went out, and the sentence to show."""
    try:
        request = written(sent)
    except RefusedError as error:
        return False, Text(str(error), str(error))
    asked = parse(request)
    person = ordered(web, sent.signature(), KIND, mn, request, asked.text())
    if isinstance(person, Text):
        return False, person
    return True, SENT.fill(who=person.display, what=ASKS[asked.cn])


def results(found: Sequence[Asked], mn: str, lang: Lang) -> Any:
    """Return what came of the last requests to a logger, newest first."""
    if not mn:
        return None
    mine = [one for one in found if one.mn == mn][:SHOWN]
    if not mine:
        return panel.region(CAME, lang, [panel.empty(NONE_YET, lang)])
    return panel.region(CAME, lang, [html.Ul([_result(one, lang) for one in mine], className="rj")])


def _result(one: Asked, lang: Lang) -> Any:
    cn = one.request.partition(";")[0].removeprefix("CN=")
    what = ASKS[cn].say(lang) if cn in ASKS else one.request
    good = one.end in WELL
    head = [
        html.Time(wording.hms(one.at)),
        html.B(what),
        html.Span(one.said.say(lang), className="mut" if good else "tx-alarm"),
        html.Span(one.by, className="mut"),
    ]
    items = [html.Span(f"{name}={value}", className="tag") for name, value in one.items[:ITEMS]]
    return html.Li([html.P(head), html.P(items) if items else None])


def parts() -> list[Any]:
    """Return the tab's own elements."""
    return [
        dcc.Store(id="ads-act"),
        dcc.Store(id="ads-came-seen"),
        html.Div(id="ads-ask", className="ads-ask"),
        html.Div(id="ads-said", className="af-say"),
        html.Div(id="ads-came", className="ads-came"),
    ]


def register(app: Dash, web: Web) -> None:
    """Add the callbacks."""
    default = as_lang(web.config.lang)

    @app.callback(
        Output("ads-ask", "children"),
        Output("ads-said", "children"),
        Input("ads-mn", "data"),
        Input("ads-act", "data"),
    )
    @in_thread
    def _ask(mn: str | None, pressed: Any) -> Any:
        lang, press = reader_lang(default), Press.of(pressed)
        if press.act == "send":
            done, text = send(web, mn or "", press)
            return dash.no_update, said(text, lang, good=done)
        return form(mn or "", press.fields.get("cn", press.value or USUAL), lang), None

    @app.callback(
        Output("ads-came", "children"),
        Output("ads-came-seen", "data"),
        Input("ads-again", "n_intervals"),
        Input("ads-mn", "data"),
        Input("ads-said", "children"),
        State("ads-came-seen", "data"),
    )
    @in_thread
    def _came(_: Any, mn: str | None, __: Any, seen: Mapping[str, str] | None) -> Any:
        try:
            shown = results(told(web.stream), mn or "", reader_lang(default))
        except UnavailableError:
            return dash.no_update, dash.no_update
        out, prints = panel.changed({"ads-came": shown}, seen)
        return out.get("ads-came", dash.no_update), {**(seen or {}), **prints}
