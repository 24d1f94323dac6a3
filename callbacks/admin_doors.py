"""Doors: what comes in beside HJ 212, what is back-filled, and what goes up to other platforms."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import dash
from dash import Dash, Input, Output, State, dcc, html

from callbacks import admin_again, panel, wording
from callbacks.admin_overview import reason, table
from callbacks.admin_tab import Tab
from callbacks.pages import Visit, Web, in_thread, reader_lang
from geodata.words import Lang, Text, as_lang
from twin.clock import wall_ms
from twin.errors import UnavailableError
from twin.model import Level

AGAIN_MS = 5000
QUIET_MS = 15_000  # a role that has told nothing for so long is down
LATE_S = 60.0
PARTS = ("ado-doors", "ado-up", "ado-rest")
KINDS = {
    "mqtt": Text("MQTT", "MQTT"),
    "modbus": Text("Modbus TCP", "Modbus TCP"),
    "opcua": Text("OPC UA", "OPC UA"),
}
REASONS: Mapping[str, Text] = {
    "not_json": Text("不是 JSON", "not JSON"),
    "topic_unknown": Text("主题无模板", "no template for the topic"),
    "message_too_large": Text("消息过大", "message too large"),
    "too_deep": Text("嵌套过深", "nested too deep"),
    "no_rows": Text("没有数据行", "no rows"),
    "no_value": Text("设备报无值", "the device says no value"),
    "empty_value": Text("没有数值", "no value"),
    "not_a_number": Text("不是数字", "not a number"),
    "nonfinite": Text("不是有限的数", "not finite"),
    "factor_missing": Text("没有因子", "no factor"),
    "station_unknown": Text("站点不认识", "unknown station"),
    "factor_unknown": Text("因子不认识", "unknown factor"),
    "time_ahead": Text("时间在将来", "in the future"),
    "held_too_long": Text("数据流中断过久", "the stream was away too long"),
    "no_answer": Text("无应答", "no answer"),
    "unreadable": Text("无法解析", "unreadable"),
    "QnRtn=3": Text("PW 不符", "wrong PW"),
    "QnRtn=4": Text("MN 不符", "wrong MN"),
    "QnRtn=5": Text("ST 不符", "wrong ST"),
}
EXCEPTION = "modbus_exception_"
DOWN = Text("进程未运行", "not running")
LINKED = Text("已连接", "connected")
CUT = Text("中断", "cut off")
WAITS = Text("等待连接", "waiting for its peer")


def layout(web: Web, visit: Visit) -> Any:
    """Return the tab, its tables still empty."""
    wait = panel.waiting(Text("正在读取", "Reading"), visit.lang, 3)
    return html.Div(
        [
            dcc.Interval(id="ado-again", interval=AGAIN_MS),
            dcc.Store(id="ado-seen"),
            *[html.Div(wait, id=part, className=part) for part in PARTS],
            *admin_again.parts(),
        ],
        className="ado",
    )


UNPROVED = Text("对端身份未验证", "the other side does not prove who it is")


def doors(told: Mapping[str, Any] | None, now_ms: int, lang: Lang) -> Any:
    """Return every door with what came through it.

    Parameters
    ----------
    told : mapping or None
        What the role has published; None where it never has.
    now_ms : int
        Wall clock, epoch milliseconds.
    """
    title = Text("其他接入", "Other doors")
    rows = list((told or {}).get("doors", ()))
    if not rows:
        text = Text(
            "没有其他接入。在 TWIN_DOORS 文件里配置 MQTT、Modbus、OPC UA 后出现在这里",
            "None. What the file of TWIN_DOORS names (MQTT, Modbus, OPC UA) appears here",
        )
        return panel.region(title, lang, [panel.empty(text, lang)])
    heads = (
        (Text("接入", "Door"), ""),
        (Text("状态", "State"), ""),
        (Text("消息", "Messages"), "num"),
        (Text("读数", "Readings"), "num"),
        (Text("拒收", "Rejected"), "num"),
        (Text("待写", "Held"), "num"),
        (Text("数采仪", "Loggers"), "num"),
        (Text("时钟偏差", "Skew"), "num"),
        (Text("原因", "Reasons"), ""),
    )
    quiet = is_quiet(told, now_ms)
    body = table(heads, [_door(row, quiet, lang) for row in rows], lang)
    return panel.region(title, lang, [body])


def _door(row: Mapping[str, Any], quiet: bool, lang: Lang) -> Any:
    kind = KINDS.get(str(row.get("kind")), Text(str(row.get("kind")), str(row.get("kind"))))
    by_mn = row.get("by_mn") or {}
    found: Counter[str] = Counter(row.get("nameless") or {})
    for one in by_mn.values():
        found.update(one.get("reasons") or {})
        found.update(one.get("deviations") or {})
    skews = [abs(one["skew_ms"]) for one in by_mn.values() if one.get("skew_ms") is not None]
    rejects, held = int(row.get("rejects", 0)), int(row.get("held", 0))
    unproved = [html.Span(UNPROVED.say(lang), className="tag tx-warning")] if row.get("unproved") else []
    return html.Tr(
        [
            html.Td([html.B(str(row.get("name", ""))), " ", html.Span(kind.say(lang), className="mut")]),
            _state(row, quiet, lang),
            html.Td(wording.number(row.get("frames"), lang=lang), className="num"),
            html.Td(wording.number(row.get("readings"), lang=lang), className="num"),
            html.Td(wording.number(rejects, lang=lang), className="num tx-alarm" if rejects else "num mut"),
            html.Td(wording.number(held, lang=lang), className="num tx-warning" if held else "num mut"),
            html.Td(str(len(by_mn)), className="num"),
            html.Td(f"{max(skews) / 1000:.0f} s" if skews else wording.NONE, className="num mut"),
            html.Td([*unproved, *tags(found, lang)]),
        ]
    )


def targets(told: Mapping[str, Any] | None, now_ms: int, lang: Lang) -> Any:
    """Return every upper platform: what waits for it and since when, what it took, what it would not have."""
    title = Text("转发上级平台", "Forwarding to upper platforms")
    rows = list((told or {}).get("targets", ()))
    if not rows:
        text = Text("没有配置上级平台", "No upper platform is set")
        return panel.region(title, lang, [panel.empty(text, lang)])
    heads = (
        (Text("平台", "Platform"), ""),
        (Text("状态", "State"), ""),
        (Text("待送", "Waiting"), "num"),
        (Text("滞后", "Lag"), "num"),
        (Text("已送达", "Delivered"), "num"),
        (Text("重发", "Sent again"), "num"),
        (Text("丢弃", "Dropped"), "num"),
        (Text("应召补传", "Called up"), "num"),
        (Text("对方拒绝", "Refused there"), ""),
    )
    quiet = is_quiet(told, now_ms)
    body = table(heads, [_target(row, quiet, lang) for row in rows], lang)
    return panel.region(title, lang, [body])


def _target(row: Mapping[str, Any], quiet: bool, lang: Lang) -> Any:
    lag_s, dropped = float(row.get("lag_s") or 0), int(row.get("dropped") or 0)
    blocked = Counter((row.get("blocked") or {}).values())
    late, where = lag_s > LATE_S, str(row.get("address", ""))
    return html.Tr(
        [
            html.Td([html.B(str(row.get("name", ""))), " ", html.Span(where, className="mut")]),
            _state(row, quiet, lang),
            html.Td(wording.number(row.get("waiting"), lang=lang), className="num"),
            html.Td(wording.span(lag_s, lang), className="num tx-warning" if late else "num mut"),
            html.Td(wording.number(row.get("relayed"), lang=lang), className="num"),
            html.Td(wording.number(row.get("resent"), lang=lang), className="num mut"),
            html.Td(wording.number(dropped, lang=lang), className="num tx-alarm" if dropped else "num mut"),
            html.Td(wording.number(row.get("called"), lang=lang), className="num mut"),
            html.Td(
                [
                    *tags(Counter(row.get("refused") or {}), lang),
                    *tags(blocked, lang, Text("数采仪等待", "loggers held")),
                ]
            ),
        ]
    )


def _state(row: Mapping[str, Any], quiet: bool, lang: Lang) -> Any:
    """Say how a line stands: colour, shape and word; a role that tells nothing is never shown as well."""
    trouble = "" if quiet else str(row.get("trouble") or "")
    if quiet:
        level, said = Level.OFFLINE, DOWN
    elif trouble:
        level, said = Level.ALARM, CUT
    elif not row.get("connected"):
        level, said = Level.OFFLINE, WAITS
    else:
        level, said = Level.NORMAL, LINKED
    detail = [html.Span(trouble, className="mut")] if trouble else []
    parts = [panel.mark(level, lang), html.Span(said.say(lang)), *detail]
    return html.Td(parts, className="ado-st", title=trouble or None)


def rest(told: Mapping[str, bytes], lang: Lang) -> Any:
    """Return what was back-filled over REST, of all web processes together."""
    title = Text("接口补录", "Back-fill over REST")
    taken = refused = 0
    requests: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for body in told.values():
        one = json.loads(body)
        taken, refused = taken + one["taken"], refused + one["refused"]
        requests.update(one["requests"])
        reasons.update(one["reasons"])
    if not requests:
        text = Text("页面进程启动后没有补录请求", "No request since the web process was started")
        return panel.region(title, lang, [panel.empty(text, lang)])
    items = (
        (Text("请求", "Requests"), wording.number(requests.total(), lang=lang)),
        (Text("收下", "Taken"), wording.number(taken, lang=lang)),
        (Text("拒收", "Refused"), wording.number(refused, lang=lang)),
    )
    facts = html.Ul([html.Li([html.Span(k.say(lang)), html.B(v)]) for k, v in items], className="ado-facts")
    return panel.region(title, lang, [facts, html.P(tags(reasons, lang))])


def tags(counts: Mapping[str, int], lang: Lang, about: Text | None = None) -> list[Any]:
    """Return reasons with how often, most frequent first."""
    order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    after = f" {about.say(lang)}" if about else ""
    return [
        html.Span(f"{word(k, lang)} ×{wording.number(n, lang=lang)}{after}", className="tag")
        for k, n in order
    ]


def word(code: str, lang: Lang) -> str:
    """Return a reason in words where there are some."""
    if code.startswith(EXCEPTION):
        return Text("Modbus 异常 {n}", "Modbus exception {n}").fill(n=code.removeprefix(EXCEPTION)).say(lang)
    return REASONS[code].say(lang) if code in REASONS else reason(code, lang)


def is_quiet(told: Mapping[str, Any] | None, now_ms: int) -> bool:
    """Tell whether a role has told nothing for so long that it is down."""
    return now_ms - int((told or {}).get("at_ms", 0)) > QUIET_MS


def view(web: Web, lang: Lang) -> dict[str, Any]:
    """Return every part of the tab."""
    try:
        inside, up, over = web.stream.get("doors"), web.stream.get("forward"), web.stream.told("rest")
    except UnavailableError:
        away = panel.failed(Text("数据流没有应答", "The stream does not answer"), lang)
        return {PARTS[0]: away, PARTS[1]: None, PARTS[2]: None}
    now = wall_ms()
    return {
        PARTS[0]: doors(_json(inside), now, lang),
        PARTS[1]: targets(_json(up), now, lang),
        PARTS[2]: rest(over, lang),
    }


def _json(body: bytes | None) -> Mapping[str, Any] | None:
    return dict(json.loads(body)) if body else None


def register(app: Dash, web: Web) -> None:
    """Add the callbacks."""
    admin_again.register(app, web)

    @app.callback(
        *[Output(part, "children") for part in PARTS],
        Output("ado-seen", "data"),
        Input("ado-again", "n_intervals"),
        State("ado-seen", "data"),
    )
    @in_thread
    def _view(_: Any, seen: Mapping[str, str] | None) -> Sequence[Any]:
        out, prints = panel.changed(view(web, reader_lang(as_lang(web.config.lang))), seen)
        return *[out.get(part, dash.no_update) for part in PARTS], {**(seen or {}), **prints}


TAB = Tab("doors", Text("接入与转发", "Doors"), layout, register)
