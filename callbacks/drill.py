"""The drill bar: what is simulated looks simulated, and can be started, sped up and stopped from any page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dash
from dash import ALL, Dash, Input, Output, html
from dash.development.base_component import Component

from callbacks.pages import data, in_thread, reader_lang
from geodata.words import Lang, Text, as_lang
from twin.errors import UnavailableError
from twin.model import Order, to_json

if TYPE_CHECKING:
    from callbacks.pages import Web

SCENARIOS: dict[str, Text] = {
    "night-discharge": Text("夜间偷排", "Secret night discharge"),
    "pipe-leak": Text("一企一管泄漏", "Leak of a company's own pipe"),
    "tank-overflow": Text("储罐满溢", "Tank overflow"),
    "shared-pipe": Text("公管错时违规", "Shared pipe used outside its slot"),
    "faulty-sensor": Text("仪器故障", "Faulty instrument"),
}
SPEEDS = (1, 5, 20, 60, 150, 600)
DEFAULT_SPEED = 20.0

SENT = Text("已发出：{what}", "Sent: {what}")
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
    """Return the controls, shown below the header when the badge is pressed."""
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
            html.Span(id="drill-note", className="drill-note", role="status"),
        ],
        id="drill-bar",
        className="drill-bar",
        hidden=True,
    )


def _id(act: str, value: str) -> dict[str, str]:
    return {"type": "drill", "act": act, "value": value}


def order(act: str, value: str, by: str, at: datetime) -> Order:
    """Return the order that a button of the bar stands for."""
    if act == "start":
        return Order("drill.start", at, by, about=value, number=DEFAULT_SPEED)
    if act == "speed":
        return Order("drill.speed", at, by, number=float(value))
    return Order("drill.stop", at, by)


def press(web: Web, act: str, value: str, lang: Lang) -> str:
    """Send the order of one button and return what to tell the reader."""
    what = {"start": SCENARIOS.get(value, STOP), "speed": Text(f"{value}×", f"{value}×")}.get(act, STOP)
    try:
        web.stream.append("commands", to_json(order(act, value, "web", datetime.now(UTC))))
    except UnavailableError:
        return AWAY.say(lang)
    return SENT.fill(what=what).say(lang)


def register(app: Dash, web: Web) -> None:
    """Connect the bar's buttons to the commands stream."""

    @app.callback(
        Output("drill-note", "children"),
        Input({"type": "drill", "act": ALL, "value": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    @in_thread
    def _press(clicks: list[int | None]) -> Any:
        pressed = dash.ctx.triggered_id
        if not pressed or not any(clicks):
            return dash.no_update
        return press(web, pressed["act"], pressed["value"], reader_lang(as_lang(web.config.lang)))
