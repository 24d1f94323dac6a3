"""Entering what a bottle held: barcode, place, time, factor, value, who took it; sources are ranked again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, State, dcc, html, no_update

from callbacks import dossier, login, menu, signing
from callbacks.pages import in_thread, reader_lang
from callbacks.wording import hm, local
from geodata.words import Lang, Text, as_lang
from twin import lab
from twin.access import Act, User
from twin.errors import RefusedError, UnavailableError
from twin.factors import factor, known

if TYPE_CHECKING:
    from callbacks.pages import Web

TITLE = Text("录入采样结果", "Enter a sample's result")
KEEP = Text("录入并重新排序", "Enter and rank again")
USUAL = ("w01018", "w21003", "w21011", "w21001")  # measured in the field within minutes, told first
FIELDS: dict[str, Text] = {
    "barcode": Text("条码", "Barcode"),
    "node": Text("点位", "Place"),
    "time": Text("采样时间", "Taken at"),
    "value": Text("数值", "Value"),
    "person": Text("采样人", "Taken by"),
}
HINTS: dict[str, Text] = {
    "node": Text("井号，如建议点位", "manhole, as proposed"),
    "time": Text("如 02:35，空为现在", "e.g. 02:35, empty for now"),
}
NO_INCIDENT = Text("没有进行中的事件", "There is no incident")
NO_CLOCK = Text("时间请写成 02:35", "Write the time like 02:35")
AWAY = Text("记录库没有应答，未录入", "The records do not answer; nothing was entered")
REFUSED = Text("{why}，未录入", "{why}; nothing was entered")
DONE = Text("已录入，正在重新排序", "Entered; the sources are being ranked again")


def form(lang: Lang) -> Any:
    """Return the form, closed until it is asked for. Who is signed in types no name and password."""
    signed = login.reader() is not None
    boxes = [_box(name, word, lang) for name, word in FIELDS.items()]
    codes = sorted(known(), key=lambda f: (f.code not in USUAL, f.code))
    measured = ((f.code, f"{f.short.say(lang)} {f.unit}") for f in codes if f.unit)
    which = menu.menu("sample-factor", measured, lang, USUAL[0])
    boxes.insert(3, html.Label([html.Span(Text("因子", "Factor").say(lang)), which]))
    for name, word, kind in (
        ("user", Text("账号", "Account"), "text"),
        ("password", Text("口令", "Password"), "password"),
    ):
        boxes.append(_box(name, word, lang, kind, hidden=signed))
    return html.Details(
        [
            html.Summary(TITLE.say(lang)),
            html.Div(
                [
                    *boxes,
                    html.Button(KEEP.say(lang), id="sample-keep", className="btn p"),
                    html.Div(id="sample-say", className="em-say", role="status"),
                ],
                className="em-form",
            ),
        ],
        className="sample-form",
    )


def _box(name: str, word: Text, lang: Lang, kind: Any = "text", *, hidden: bool = False) -> Any:
    box = dcc.Input(
        id=f"sample-{name}",
        type=kind,
        debounce=False,
        autoComplete="off",
        maxLength=80,
        placeholder=HINTS[name].say(lang) if name in HINTS else "",
    )
    return html.Label([html.Span(word.say(lang)), box], hidden=hidden)


def moment(text: str, now: datetime) -> datetime | None:
    """Return the last moment a clock in the park showed this; now if nothing is said, None if unread."""
    if not text.strip():
        return now
    try:
        hour, minute = (int(x) for x in text.strip().replace("：", ":").split(":"))
        at = local(now).replace(hour=hour, minute=minute, second=0, microsecond=0)
    except ValueError:
        return None
    return at if at <= now else at - timedelta(days=1)


def press(
    web: Web,
    incident: str,
    said: Mapping[str, str],
    who: tuple[str, str],
    lang: Lang,
    reader: User | None = None,
) -> tuple[bool, str]:
    """Keep a result if that person may and it makes sense; return whether, and what to tell the reader.

    Parameters
    ----------
    said : mapping
        `FIELDS` and "factor", as typed.
    who : tuple of str
        Account and password as typed.
    reader : User, optional
        Who is signed in; needs to type neither.
    """
    now = dossier.moment(web.stream).now
    desk = signing.Desk(web.records, web.access, web.stream)
    try:
        person = signing.known(desk, signing.Signature(*who, ""), reader, Act.INCIDENT, incident, now)
        if isinstance(person, signing.Outcome):
            return False, person.text.say(lang)
        if not incident or web.records.incident(incident) is None:
            return False, NO_INCIDENT.say(lang)
        at = moment(said.get("time", ""), now)
        if at is None:
            return False, NO_CLOCK.say(lang)
        typed = lab.Typed(
            said.get("barcode", "").strip(),
            said.get("node", "").strip(),
            at,
            said.get("factor", ""),
            _number(said.get("value", "")),
            said.get("person", "").strip(),
        )
        wrong = lab.wrong(typed, web.network, now)
        if wrong is not None:
            return False, wrong.say(lang)
        lab.keep(web.records, web.stream, incident, typed, person.name, now, Text(hm(at), hm(at)))
    except UnavailableError:
        return False, AWAY.say(lang)
    except RefusedError as error:
        return False, REFUSED.fill(why=error).say(lang)
    return True, DONE.say(lang)


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return float("nan")


def told(code: str, minutes: float, lang: Lang) -> str:
    """Say which factor to measure and how long a crew takes."""
    if not code:
        return ""
    text = Text("测 {f}，约 {n} 分钟", "measure {f}, about {n} min")
    return text.fill(f=factor(code).short, n=f"{minutes:.0f}").say(lang)


def register(app: Dash, web: Web) -> None:
    """Connect the form."""

    @app.callback(
        Output("sample-say", "children"),
        Output("sample-barcode", "value"),
        Output("sample-value", "value"),
        Output("sample-password", "value"),
        Input("sample-keep", "n_clicks"),
        *[State(f"sample-{name}", "value") for name in (*FIELDS, "factor", "user", "password")],
        State("em-shown", "data"),
        prevent_initial_call=True,
    )
    @in_thread
    def _keep(clicks: int | None, *typed: Any) -> Any:
        if not clicks:
            return (no_update,) * 4
        *said, user, password, shown = typed
        words = {k: str(v) if v is not None else "" for k, v in zip((*FIELDS, "factor"), said, strict=True)}
        lang = reader_lang(as_lang(web.config.lang))
        done, text = press(
            web,
            str((shown or {}).get("incident", "")),
            words,
            (user or "", password or ""),
            lang,
            login.reader(),
        )
        note = html.P(text, className="say ok" if done else "say no", role="status" if done else "alert")
        return (note, "", "", "") if done else (note, no_update, no_update, "")
