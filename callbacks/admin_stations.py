"""Stations: every logger that sends, how it keeps to the standard, when it was heard, and what was rejected.

A logger is picked by its address (``/admin?tab=stations&mn=...``), so a colleague can be sent to it.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import dash
from dash import Dash, Input, Output, State, dcc, html

from callbacks import admin_ask, panel, wording
from callbacks.admin_overview import SKEW_BAD_MS, readable, table
from callbacks.admin_tab import Tab
from callbacks.deviations import said
from callbacks.pages import Visit, Web, in_thread, reader_lang
from callbacks.shell import glyph
from geodata.places import Park, Station
from geodata.words import Lang, Text, as_lang
from twin.clock import as_datetime, wall_ms
from twin.errors import UnavailableError

AGAIN_MS = 5000
QUIET_MS = 15_000  # a gateway that has told nothing for so long is down
REJECTS_READ, REJECTS_SHOWN = 2000, 60
ROWS = 1000
SILENT_INTERVALS, SILENT_LEAST_S = 2.5, 120.0
GOOD, FAIR = 99.0, 90.0
ROW_BYTES = 16
PARTS = ("ads-sum", "ads-list", "ads-raw")
Count = Mapping[str, Any]


def layout(web: Web, visit: Visit) -> Any:
    """Return the tab, its tables still empty."""
    wait = panel.waiting(Text("正在读取", "Reading"), visit.lang, 3)
    return html.Div(
        [
            dcc.Interval(id="ads-again", interval=AGAIN_MS),
            dcc.Store(id="ads-seen"),
            dcc.Store(id="ads-mn", data=visit.query.get("mn", "")),
            html.Div(id="ads-sum", className="ads-sum"),
            html.Div(wait, id="ads-list", className="ads-list"),
            html.Div(
                [*admin_ask.parts(), html.Div(wait, id="ads-raw", className="ads-raw")], className="ads-side"
            ),
        ],
        className="ads",
    )


def summary(counters: Count | None, signs: Mapping[str, bytes], now_ms: int, lang: Lang) -> Any:
    """Return every gateway with its sign of life, and what peers were held to."""
    lives = [_gateway(member, json.loads(body), now_ms, lang) for member, body in sorted(signs.items())]
    if not lives:
        return panel.failed(Text("没有网关在运行", "No gateway is running"), lang)
    it = counters or {}
    cut = {str(k): int(v) for k, v in (it.get("cut") or {}).items()}
    facts = (
        (Text("连接", "Connections"), it.get("connections")),
        (Text("收到数据包", "Frames"), it.get("frames")),
        (Text("拒收", "Rejected"), it.get("rejects")),
        (Text("限速", "Slowed down"), it.get("throttled", 0)),
        (Text("切断", "Cut off"), sum(cut.values())),
        (Text("未应答放弃", "Given up unanswered"), it.get("dropped")),
    )
    tags = [
        html.Span(f"{said(k, lang)} ×{wording.number(n, lang=lang)}", className="tag")
        for k, n in sorted(cut.items())
    ]
    items = [html.Li([html.Span(k.say(lang)), html.B(wording.number(v, lang=lang))]) for k, v in facts]
    return [html.Ul(lives, className="ads-gw"), html.Ul(items), html.P(tags)]


def _gateway(member: str, sign: Count, now_ms: int, lang: Lang) -> Any:
    age_s = max(now_ms - int(sign.get("at_ms") or 0), 0) / 1000
    name = Text("网关 {m}", "Gateway {m}").fill(m=member).say(lang)
    trouble = str(sign.get("trouble") or "")
    if age_s * 1000 > QUIET_MS:
        state = Text("{t} 没有消息", "silent for {t}").fill(t=_age(age_s, lang)).say(lang)
        kind = "tx-alarm"
    elif trouble:
        state = f"{Text('写不进数据流，不应答', 'cannot write, answers nothing').say(lang)}: {trouble[:120]}"
        kind = "tx-alarm"
    else:
        lines = wording.number(sign.get("connections"), lang=lang)
        state, kind = Text("{n} 个连接", "{n} connections").fill(n=lines).say(lang), "mut"
    return html.Li([html.B(name), html.Span(state, className=kind)])


def loggers(park: Park, counters: Count | None, mn: str, now_ms: int, lang: Lang) -> Any:
    """Return every logger, the park's own and those nobody knows: worst first.

    Parameters
    ----------
    mn : str
        The one that is picked.
    now_ms : int
        Wall clock, epoch milliseconds.
    """
    title = Text("数采仪", "Loggers")
    by_mn = dict((counters or {}).get("by_mn", {}))
    known: dict[str, Station | None] = {s.mn: s for s in park.stations}
    every = {**known, **{name: None for name in by_mn if name not in known}}
    order = sorted(every, key=lambda name: (_rank(every[name], by_mn.get(name), now_ms), name))
    heads = (
        (Text("站点", "Station"), ""),
        (Text("MN", "MN"), ""),
        (Text("合规分", "Score"), ""),
        (Text("最近", "Last seen"), "num"),
        (Text("时钟偏差", "Clock"), "num"),
        (Text("包", "Frames"), "num"),
        (Text("拒收", "Rejected"), "num"),
        (Text("来源", "From"), ""),
        (Text("偏离与拒收原因", "Deviations and reasons"), ""),
    )
    rows = [_row(name, every[name], by_mn.get(name), name == mn, now_ms, lang) for name in order[:ROWS]]
    ill = sum(_rank(every[name], by_mn.get(name), now_ms)[0] < 3 for name in every)
    note = Text("{n} 个，{ill} 个需处理", "{n}, {ill} need a look").fill(n=len(every), ill=ill)
    return panel.region(title, lang, [table(heads, rows, lang)], note=note.say(lang))


def _rank(station: Station | None, count: Count | None, now_ms: int) -> tuple[int, float]:
    """Order of attention: unknown senders, silent or wrong clocks, poor scores, then all others."""
    if not count:
        return 1, 0.0
    score = count.get("conformance")
    poor = 100.0 if score is None else float(score)
    if station is None:
        return 0, poor
    if _is_silent(station, count, now_ms) or abs(float(count.get("skew_ms") or 0)) > SKEW_BAD_MS:
        return 1, poor
    return (2, poor) if poor < GOOD else (3, poor)


def _is_silent(station: Station | None, count: Count, now_ms: int) -> bool:
    interval_s = SILENT_LEAST_S if station is None else station.interval_s * SILENT_INTERVALS
    return now_ms - int(count.get("last_ms") or 0) > max(interval_s, SILENT_LEAST_S) * 1000


def _row(mn: str, station: Station | None, count: Count | None, picked: bool, now_ms: int, lang: Lang) -> Any:
    address = f"/admin?tab=stations&mn={mn[:40]}"
    unknown = dcc.Link(Text("未登记", "not registered").say(lang), href=address, className="tx-warning")
    who = (
        [
            glyph("offline", live_station=station.id),
            dcc.Link(html.B(station.id), href=address),
            html.Span(station.name.say(lang)),
        ]
        if station is not None
        else [unknown]
    )
    link = dcc.Link(mn[:40], href=address)
    cells = [html.Td(who, className="who"), html.Td(link, className="mono")]
    kind = "on" if picked else ""
    if not count:
        never = Text("没有来过", "never heard").say(lang)
        return html.Tr([*cells, html.Td(never, colSpan=7, className="none")], className=kind)
    skew = count.get("skew_ms")
    bad = abs(float(skew or 0)) > SKEW_BAD_MS
    silent = _is_silent(station, count, now_ms)
    age = max(now_ms - int(count.get("last_ms") or 0), 0) / 1000
    rejects = int(count.get("rejects", 0))
    moves = int(count.get("moves") or 0)
    peer = str(count.get("peer") or wording.NONE)
    moved = html.Span(f" ⇄{moves}", className="mut") if moves else ""
    cells += [
        html.Td(_score(count.get("conformance"))),
        html.Td(_age(age, lang), className="num tx-alarm" if silent else "num mut"),
        html.Td(
            wording.NONE if skew is None else wording.skew(float(skew) / 1000, lang),
            className="num tx-warning" if bad else "num mut",
        ),
        html.Td(wording.number(count.get("frames", 0), lang=lang), className="num"),
        html.Td(wording.number(rejects, lang=lang), className="num tx-alarm" if rejects else "num mut"),
        html.Td([peer, moved], className="mono"),
        html.Td(
            [*_tags(count.get("reasons"), "tag bad", lang), *_tags(count.get("deviations"), "tag", lang)]
        ),
    ]
    return html.Tr(cells, className=kind)


def _score(score: object) -> Any:
    """A number and a bar; nothing that was never measured looks good."""
    if not isinstance(score, int | float):
        return html.Span(wording.NONE, className="mut")
    kind = "good" if score >= GOOD else "fair" if score >= FAIR else "poor"
    fill = html.I(style={"width": f"{max(min(score, 100.0), 0.0):.0f}%"})
    return html.Span(
        [html.Span(fill, className="ads-bar"), html.B(f"{score:.1f}")], className=f"ads-score {kind}"
    )


def _tags(counts: object, kind: str, lang: Lang) -> list[Any]:
    found = dict(counts) if isinstance(counts, Mapping) else {}
    order = sorted(found.items(), key=lambda item: -int(item[1]))
    return [
        html.Span(f"{said(k, lang)} ×{wording.number(n, lang=lang)}", className=kind, title=k)
        for k, n in order
    ]


def _age(seconds: float, lang: Lang) -> str:
    """An age that does not change with every second, so that an unchanged table is not sent again."""
    if seconds < 60:
        return Text("1 分内", "< 1 min").say(lang)
    return wording.span(seconds // 60 * 60, lang)


def rejects(found: Sequence[Count], mn: str, lang: Lang) -> Any:
    """Return what was not understood, newest first, with its bytes; of one logger where one is picked."""
    title = Text("拒收与原始字节", "Rejected, byte by byte")
    mine = [r for r in found if not mn or r.get("mn") == mn][:REJECTS_SHOWN]
    every = dcc.Link(Text("全部", "all").say(lang), href="/admin?tab=stations")
    note = [html.Span(mn, className="mono"), " ", every] if mn else None
    if not mine:
        nothing = Text("没有拒收", "Nothing was rejected")
        return panel.region(title, lang, [panel.empty(nothing, lang)], note=note)
    rows = html.Ul([_reject(r, lang) for r in mine], className="rj")
    return panel.region(title, lang, [html.Div(rows, className="ad-scroll", tabIndex=0)], note=note)


def _reject(r: Count, lang: Lang) -> Any:
    hexed = str(r.get("hex", ""))
    name = str(r.get("mn") or "")
    whose: Any = dcc.Link(name, href=f"/admin?tab=stations&mn={name}") if name else wording.NONE
    items = [html.Span(str(item), className="tag") for item in r.get("items") or ()]
    size = Text("{n} 字节", "{n} bytes").fill(n=len(hexed) // 2).say(lang)
    return html.Li(
        [
            html.P(
                [
                    html.Time(wording.hms(as_datetime(int(r.get("at_ms", 0))))),
                    html.B(said(str(r.get("reason", "")), lang)),
                    html.Span(whose, className="mono"),
                    html.Span(str(r.get("peer", "")), className="mut"),
                ]
            ),
            html.P(items) if items else None,
            html.Code(readable(hexed), className="raw"),
            html.Details([html.Summary(size), html.Pre(dump(hexed), className="raw")]),
        ]
    )


def dump(hexed: str) -> str:
    """Return bytes sixteen to a line: where, hex, text."""
    try:
        raw = binascii.unhexlify(hexed)
    except (binascii.Error, ValueError):
        return hexed
    lines = []
    for at in range(0, len(raw), ROW_BYTES):
        part = raw[at : at + ROW_BYTES]
        text = "".join(chr(b) if 32 <= b < 127 else "·" for b in part)
        lines.append(f"{at:04x}  {part.hex(' '):<{3 * ROW_BYTES}} {text}")
    return "\n".join(lines)


def view(web: Web, mn: str, lang: Lang) -> dict[str, Any]:
    """Return every part of the tab."""
    try:
        body = web.stream.get("stations")
        counters = json.loads(body) if body else None
        last = [json.loads(entry.body) for entry in reversed(web.stream.last("rejects", REJECTS_READ))]
        signs = web.stream.told("gateways")
    except UnavailableError:
        away = partial(panel.failed, Text("数据流没有应答", "The stream does not answer"), lang)
        return {part: away() for part in PARTS}
    now = wall_ms()
    return {
        "ads-sum": summary(counters, signs, now, lang),
        "ads-list": loggers(web.park, counters, mn, now, lang),
        "ads-raw": rejects(last, mn, lang),
    }


def register(app: Dash, web: Web) -> None:
    """Add the callbacks."""
    admin_ask.register(app, web)

    @app.callback(
        *[Output(part, "children") for part in PARTS],
        Output("ads-seen", "data"),
        Input("ads-again", "n_intervals"),
        Input("ads-mn", "data"),
        State("ads-seen", "data"),
    )
    @in_thread
    def _view(_: Any, mn: str | None, seen: Mapping[str, str] | None) -> Any:
        out, prints = panel.changed(view(web, mn or "", reader_lang(as_lang(web.config.lang))), seen)
        return *[out.get(part, dash.no_update) for part in PARTS], {**(seen or {}), **prints}


TAB = Tab("stations", Text("数采仪", "Loggers"), layout, register)
