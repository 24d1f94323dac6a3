"""Sending again to upper platforms, on the doors tab: what was refused or a span of time, signed."""

from __future__ import annotations

import json
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
from twin.forward.again import KIND, REFUSED, Done, Span, told

TITLE = Text("重新发送", "Send again")
TARGET = Text("上级平台", "Platform")
WHAT = Text("发送什么", "What")
WHATS = {
    REFUSED: Text("对方拒绝过的报文", "what it has refused"),
    "span": Text("一段时间的数据", "the data of a span of time"),
}
BEGIN = Text("从，如 2026-11-20 08:00", "From, such as 2026-11-20 08:00")
END = Text("到", "To")
SEND = Text("签名并重新发送", "Sign and send again")
SENT = Text("{who} 已下达，结果在下面", "{who} has ordered it; the result comes below")
SHOWN = 8


def form(names: Sequence[str], lang: Lang) -> Any:
    """Return the fields; nothing where no platform is set."""
    if not names:
        return None
    whats = [(key, text.say(lang)) for key, text in WHATS.items()]
    rows = [
        labelled(TARGET.say(lang), pick("target", TARGET.say(lang), [(n, n) for n in names], names[0])),
        labelled(WHAT.say(lang), pick("what", WHAT.say(lang), whats, REFUSED)),
        *(labelled(t.say(lang), box(name, t.say(lang))) for name, t in (("begin", BEGIN), ("end", END))),
    ]
    inside = html.Div([*rows, signature("send", SEND.say(lang), lang)], className="ado-form")
    return panel.region(TITLE, lang, [html.Div(inside, **data(form="ado-act"))])


def written(sent: Press) -> str:
    """Return what is to be sent again, in the written form.

    Raises
    ------
    RefusedError
        It is no span of time.
    """
    if sent.fields.get("what") == REFUSED:
        return REFUSED
    text = "..".join(sent.fields.get(name, "").strip() for name in ("begin", "end"))
    Span.read(text)
    return text


def send(web: Web, sent: Press) -> tuple[bool, Text]:
    """Give the order, signed by an administrator; returns whether it went out, and the sentence to show."""
    target = sent.fields.get("target", "")
    try:
        what = written(sent)
    except RefusedError as error:
        return False, Text(str(error), str(error))
    person = ordered(web, sent.signature(), KIND, target, what, what)
    if isinstance(person, Text):
        return False, person
    return True, SENT.fill(who=person.display)


def results(found: Sequence[Done], lang: Lang) -> Any:
    """Return what came of the last orders, newest first; nothing where there was none."""
    if not found:
        return None
    return html.Ul([_result(one, lang) for one in found[:SHOWN]], className="rj")


def _result(one: Done, lang: Lang) -> Any:
    what = WHATS[REFUSED].say(lang) if one.what == REFUSED else one.what.replace("..", " – ")
    parts = [
        html.Time(wording.hms(one.at)),
        html.B(one.target),
        html.Span(what),
        html.Span(one.said.say(lang), className="mut" if one.good else "tx-alarm"),
        html.Span(one.by, className="mut"),
    ]
    return html.Li(html.P(parts))


def parts() -> list[Any]:
    """Return the tab's own elements."""
    return [
        dcc.Store(id="ado-act"),
        dcc.Store(id="ado-again-seen"),
        html.Div(
            [
                html.Div(id="ado-form"),
                html.Div(id="ado-said", className="af-say"),
                html.Div(id="ado-came"),
            ],
            className="ado-again",
        ),
    ]


def register(app: Dash, web: Web) -> None:
    """Add the callbacks."""
    default = as_lang(web.config.lang)

    @app.callback(Output("ado-said", "children"), Input("ado-act", "data"), prevent_initial_call=True)
    @in_thread
    def _send(pressed: Any) -> Any:
        done, text = send(web, Press.of(pressed))
        return said(text, reader_lang(default), good=done)

    @app.callback(
        Output("ado-form", "children"),
        Output("ado-came", "children"),
        Output("ado-again-seen", "data"),
        Input("ado-again", "n_intervals"),
        Input("ado-said", "children"),
        State("ado-again-seen", "data"),
    )
    @in_thread
    def _show(_: Any, __: Any, seen: Mapping[str, str] | None) -> Any:
        lang = reader_lang(default)
        try:
            body, found = web.stream.get("forward"), told(web.stream)
        except UnavailableError:
            return (dash.no_update,) * 3
        names = [str(row["name"]) for row in json.loads(body)["targets"]] if body else []
        out, prints = panel.changed({"form": form(names, lang), "came": results(found, lang)}, seen)
        return out["form"], out["came"], prints
