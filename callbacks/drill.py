"""The drill bar: what is simulated looks simulated, and can be started, sped up and stopped from any page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dash
from dash import ALL, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from callbacks import as_of, login
from callbacks.pages import clicked, data, in_thread, reader_lang
from geodata.words import Lang, Text, as_lang
from twin.access import Act, User
from twin.errors import RefusedError, UnavailableError
from twin.model import AuditLine, Order, to_json
from twin.records_past import READ_ONLY

if TYPE_CHECKING:
    from callbacks.pages import Web

SCENARIOS: dict[str, Text] = {
    "night-discharge": Text("夜间偷排", "Secret night discharge"),
    "pipe-leak": Text("一企一管泄漏", "Leak of a company's own pipe"),
    "tank-overflow": Text("储罐满溢", "Tank overflow"),
    "shared-pipe": Text("公管错时违规", "Shared pipe used outside its slot"),
    "faulty-sensor": Text("仪器故障", "Faulty instrument"),
}
SPEEDS = (1, 5, 10, 20, 60, 150, 600)
DEFAULT_SPEED = 10.0

SENT = Text("已发出：{what}", "Sent: {what}")
NO_NAME = Text(
    "演练须由值班长或指挥下令：请填账号和口令",
    "A duty officer or commander orders drills: give account and password",
)
WRONG = Text("账号或口令不对，未发出", "Account or password is wrong; nothing was sent")
MAY_NOT = Text(
    "{who} 无权下令演练，须值班长或指挥", "{who} may not order drills; a duty officer or commander must"
)
TOO_OFTEN = Text("{why}，未发出", "{why}; nothing was sent")
AWAY = Text("数据流服务没有应答，未发出", "The stream server does not answer; nothing was sent")
STOP = Text("停止演练", "Stop the drill")


def badge(lang: Lang) -> Component:
    """Return the header's mark of a drill; hidden while the park is live."""
    return html.Button(
        [html.Span(Text("演练", "Drill").say(lang)), html.B(**data(live="kpi.speed", unit="×"))],
        id="drill-badge",
        className="drill-badge",
        title=Text("演练控制", "Drill controls").say(lang),
        **data(toggle="drill-bar"),
    )


def bar(lang: Lang) -> Component:
    """Return the controls, shown below the header when the badge is pressed.

    Who is signed in types no name and password.
    """
    known = login.reader() is not None
    scenarios = [
        html.Button(name.say(lang), id=_id("start", key), className="btn s", **data(scenario=key))
        for key, name in SCENARIOS.items()
    ]
    speeds = [
        html.Button(f"{n}×", id=_id("speed", str(n)), className="btn s", **data(speed=str(n))) for n in SPEEDS
    ]
    return html.Div(
        [
            html.Span(Text("情景", "Scenario").say(lang), className="mut"),
            html.Div(scenarios, className="chips"),
            html.Span(Text("速度", "Speed").say(lang), className="mut"),
            html.Div(speeds, className="chips"),
            html.Button(STOP.say(lang), id=_id("stop", "stop"), className="btn s"),
            _field("drill-user", Text("账号", "Account"), "text", lang, known),
            _field("drill-password", Text("口令", "Password"), "password", lang, known),
            html.Span(id="drill-note", className="drill-note", role="status"),
        ],
        id="drill-bar",
        className="drill-bar",
        hidden=True,
    )


def _field(id: str, name: Text, kind: Any, lang: Lang, hidden: bool) -> Component:
    word = name.say(lang)
    box = dcc.Input(id=id, type=kind, value="", debounce=False, autoComplete="off", placeholder=word)
    return html.Label([html.Span(word, className="mut"), box], className="drill-who", hidden=hidden)


def _id(act: str, value: str) -> dict[str, str]:
    return {"type": "drill", "act": act, "value": value}


def order(act: str, value: str, by: str, at: datetime) -> Order:
    """Return the order that a button of the bar stands for."""
    if act == "start":
        return Order("drill.start", at, by, about=value, number=DEFAULT_SPEED)
    if act == "speed":
        return Order("drill.speed", at, by, number=float(value))
    return Order("drill.stop", at, by)


def press(
    web: Web, act: str, value: str, who: tuple[str, str], lang: Lang, reader: User | None = None
) -> str:
    """Send the order of one button if that person may order drills; return what to tell the reader.

    Parameters
    ----------
    who : tuple of str
        Account and password as typed.
    reader : User, optional
        Who is signed in there; needs to type neither.
    """
    if as_of.moment() is not None:
        return READ_ONLY.say(lang)
    name, password = who[0].strip() or (reader.name if reader else ""), who[1]
    if reader is None and not (name and password):
        return NO_NAME.say(lang)
    what = {"start": SCENARIOS.get(value, STOP), "speed": Text(f"{value}×", f"{value}×")}.get(act, STOP)
    at = datetime.now(UTC)
    try:
        person = web.access.authenticate(name, password) if password else reader
        if person is None or not web.access.may(person, Act.DRILL):
            text = WRONG if person is None else MAY_NOT.fill(who=person.display)
            web.records.audit(AuditLine(at, name[:64], "drill.refused", value, text))
            return text.say(lang)
        web.stream.append("commands", to_json(order(act, value, person.name, at)))
        web.records.audit(AuditLine(at, person.name, f"drill.{act}", value, SENT.fill(what=what)))
    except UnavailableError:
        return AWAY.say(lang)
    except RefusedError as error:
        return TOO_OFTEN.fill(why=error.text).say(lang)
    return SENT.fill(what=what).say(lang)


def register(app: Dash, web: Web) -> None:
    """Connect the bar's buttons to the commands stream."""

    @app.callback(
        Output("drill-note", "children"),
        Input({"type": "drill", "act": ALL, "value": ALL}, "n_clicks"),
        State("drill-user", "value"),
        State("drill-password", "value"),
        prevent_initial_call=True,
    )
    @in_thread
    def _press(clicks: list[int | None], user: str | None, password: str | None) -> Any:
        pressed = clicked()
        if not pressed:
            return dash.no_update
        lang = reader_lang(as_lang(web.config.lang))
        return press(
            web, pressed["act"], pressed["value"], (user or "", password or ""), lang, login.reader()
        )
