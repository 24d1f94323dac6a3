"""Overview: how every logger keeps to the standard, what was rejected and why, who may do and did what."""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

import dash
from dash import Dash, Input, Output, State, dcc, html

from callbacks import audit_words, dossier, ids, panel, park_use, timeline, wording
from callbacks.admin_tab import Tab
from callbacks.deviations import said as deviation
from callbacks.pages import Visit, Web, in_thread, reader_lang
from callbacks.shell import glyph
from geodata.places import Park
from geodata.words import Lang, Text, as_lang
from twin.access import User
from twin.clock import as_datetime, wall_ms
from twin.errors import UnavailableError
from twin.model import AuditLine

AGAIN_MS = 10_000
REJECTS, AUDITS = 40, 120
SHOWN_BYTES = 160
SKEW_BAD_MS = 60_000
PARTS = ("ad-sum", "ad-stations", "ad-rejects", "ad-users", "ad-audit")

ROLES: dict[str, Text] = {
    "viewer": Text("查看", "viewer"),
    "manager": Text("管理层", "manager"),
    "duty_officer": Text("值班长", "duty officer"),
    "commander": Text("指挥", "commander"),
    "admin": Text("系统管理", "administrator"),
}
REASONS: dict[str, Text] = {
    "crc_mismatch": Text("CRC 不符", "CRC does not match"),
    "crc_field_or_length": Text("CRC 或长度不符", "CRC or length wrong"),
    "truncated_or_length": Text("截断或长度不符", "cut short, or length wrong"),
    "length_wrong": Text("长度不符", "length wrong"),
    "length_field": Text("长度字段无效", "length field unreadable"),
    "no_header": Text("没有包头", "no packet header"),
    "tail_missing": Text("没有包尾", "no packet tail"),
    "mn_missing": Text("没有 MN", "no MN"),
    "name_unknown": Text("未登记的 MN", "MN not registered"),
    "name_too_long": Text("MN 过长", "MN too long"),
    "undecodable": Text("无法解码", "cannot be decoded"),
    "datatime_missing": Text("没有 DataTime", "no DataTime"),
    "datatime_invalid": Text("DataTime 无效", "DataTime invalid"),
    "split_incomplete": Text("分包不全", "split message incomplete"),
    "flood": Text("来得过多", "too much at once"),
    "idle": Text("长时间无数据", "silent for too long"),
}


def layout(web: Web, visit: Visit) -> Any:
    """Return the tab, its tables still empty."""
    wait = panel.waiting(Text("正在读取", "Reading"), visit.lang, 3)
    return html.Div(
        [
            dcc.Interval(id="ad-again", interval=AGAIN_MS),
            dcc.Store(id="ad-seen"),
            html.Div(id="ad-sum", className="ad-sum"),
            html.Div(wait, id="ad-stations", className="ad-st"),
            html.Div(wait, id="ad-rejects", className="ad-rj"),
            html.Div(id="ad-users", className="ad-us"),
            html.Div(id="ad-audit", className="ad-au"),
        ],
        className="ad",
    )


def table(heads: Sequence[tuple[Text, str]], rows: Sequence[Any], lang: Lang) -> Any:
    """Return a table with a head that stays in sight."""
    head = html.Tr([html.Th(t.say(lang), className=c, scope="col") for t, c in heads])
    return html.Div(
        html.Table([html.Thead(head), html.Tbody(rows)], className="at"), className="ad-scroll", tabIndex=0
    )


def summary(park: Park, counters: Mapping[str, Any] | None, lang: Lang) -> Any:
    """Return the gateway's totals since it was started."""
    if counters is None:
        away = Text(
            "网关没有计数：未启动，或数据流中断",
            "No counters: the gateway is not running, or the stream is away",
        )
        return panel.failed(away, lang)
    by_mn = counters.get("by_mn", {})
    known = {s.mn for s in park.stations}
    frames, rejects = counters.get("frames", 0), counters.get("rejects", 0)
    share = rejects / (frames + rejects) if frames + rejects else None
    items = (
        (Text("收到数据包", "Frames accepted"), wording.number(frames, lang=lang)),
        (Text("读数", "Readings"), wording.number(counters.get("readings"), lang=lang)),
        (Text("拒收", "Rejected"), wording.number(rejects, lang=lang)),
        (Text("拒收占比", "Share rejected"), wording.rate(share, lang, 2)),
        (Text("来过的数采仪", "Loggers heard"), f"{len(known & set(by_mn))} / {len(park.stations)}"),
        (Text("未登记的 MN", "Unknown MN"), str(len(set(by_mn) - known))),
    )
    return html.Ul([html.Li([html.Span(k.say(lang)), html.B(v)]) for k, v in items])


def with_doors(counters: Mapping[str, Any] | None, doors: bytes | None) -> Mapping[str, Any] | None:
    """Return the gateway's counters with those of loggers that come in through another door."""
    found: dict[str, Any] = {}
    for door in json.loads(doors).get("doors", ()) if doors else ():
        found |= door.get("by_mn", {})
    if not found:
        return counters
    return {**(counters or {}), "by_mn": {**found, **(counters or {}).get("by_mn", {})}}


def stations(park: Park, counters: Mapping[str, Any] | None, now_ms: int, lang: Lang) -> Any:
    """Return every logger with what the gateway counted: worst first.

    Parameters
    ----------
    now_ms : int
        Wall clock, epoch milliseconds.
    """
    title = Text("站点与报文合规", "Stations and conformance")
    by_mn = dict((counters or {}).get("by_mn", {}))
    order = sorted(park.stations, key=lambda s: (-_faults(by_mn.get(s.mn)), s.id))
    heads = (
        (Text("站点", "Station"), ""),
        (Text("MN", "MN"), ""),
        (Text("包", "Frames"), "num"),
        (Text("拒收", "Rejected"), "num"),
        (Text("合规 %", "Conform %"), "num"),
        (Text("时钟偏差", "Skew"), "num"),
        (Text("最近", "Last"), "num"),
        (Text("偏离标准", "Deviations"), ""),
    )
    rows = [_station(s.id, s.name.say(lang), s.mn, by_mn.get(s.mn), now_ms, lang) for s in order]
    odd = sum(_faults(by_mn.get(s.mn)) > 0 for s in park.stations)
    note = Text("{n} 个有偏离", "{n} deviate").fill(n=odd)
    return panel.region(title, lang, [table(heads, rows, lang)], note=note.say(lang))


def _faults(count: Mapping[str, Any] | None) -> int:
    if not count:
        return 1
    skewed = abs(float(count.get("skew_ms") or 0)) > SKEW_BAD_MS
    return int(count.get("rejects", 0)) + len(count.get("deviations") or {}) + 5 * skewed


def _station(id: str, name: str, mn: str, count: Mapping[str, Any] | None, now_ms: int, lang: Lang) -> Any:
    label = [glyph("offline", live_station=id), html.B(id), html.Span(name)]
    if not count:
        never = Text("网关启动后没有来过", "not heard since the gateway was started")
        return html.Tr(
            [
                html.Td(label, className="who"),
                html.Td(mn, className="mono"),
                html.Td(never.say(lang), colSpan=6, className="none"),
            ]
        )
    skew = float(count.get("skew_ms") or 0)
    deviations = count.get("deviations") or {}
    said = [
        html.Span(f"{deviation(name, lang)} ×{wording.number(n, lang=lang)}", className="tag")
        for name, n in sorted(deviations.items())
    ]
    rejects = int(count.get("rejects", 0))
    age = max(now_ms - int(count.get("last_ms") or 0), 0) / 1000
    return html.Tr(
        [
            html.Td(label, className="who"),
            html.Td(mn, className="mono"),
            html.Td(wording.number(count.get("frames", 0), lang=lang), className="num"),
            html.Td(wording.number(rejects, lang=lang), className="num tx-alarm" if rejects else "num mut"),
            html.Td(wording.number(count.get("conformance"), 1, lang=lang), className="num"),
            html.Td(
                wording.skew(skew / 1000, lang),
                className="num tx-warning" if abs(skew) > SKEW_BAD_MS else "num mut",
            ),
            html.Td(_age(age, lang), className="num mut"),
            html.Td(said),
        ]
    )


def _age(seconds: float, lang: Lang) -> str:
    """An age that does not change with every second, so that an unchanged table is not sent again."""
    if seconds < 120:
        return Text("2 分内", "< 2 min").say(lang)
    return wording.span(seconds // 60 * 60, lang)


def rejects(found: Sequence[Mapping[str, Any]], lang: Lang) -> Any:
    """Return what the gateway could not understand: when, from whom, why, and the bytes themselves."""
    title = Text("拒收报文", "Rejected frames")
    if not found:
        return panel.region(title, lang, [panel.empty(Text("没有拒收", "Nothing was rejected"), lang)])
    rows = [
        html.Li(
            [
                html.P(
                    [
                        html.Time(wording.hms(as_datetime(int(r.get("at_ms", 0))))),
                        html.B(reason(str(r.get("reason", "")), lang)),
                        html.Span(str(r.get("mn") or wording.NONE), className="mono"),
                        html.Span(str(r.get("peer", "")), className="mut"),
                    ]
                ),
                html.Code(readable(str(r.get("hex", ""))), className="raw"),
            ]
        )
        for r in found
    ]
    note = Text("最近 {n} 条，按网关时钟", "last {n}, gateway clock").fill(n=len(found))
    return panel.region(
        title,
        lang,
        [html.Div(html.Ul(rows, className="rj"), className="ad-scroll", tabIndex=0)],
        note=note.say(lang),
    )


def reason(code: str, lang: Lang) -> str:
    """Return why a frame was rejected, in words where there are some."""
    return REASONS[code].say(lang) if code in REASONS else code


def readable(hexed: str) -> str:
    """Return bytes as text, what is not printable as `\\x0d`; bounded."""
    try:
        raw = binascii.unhexlify(hexed)
    except (binascii.Error, ValueError):
        return hexed[:SHOWN_BYTES]
    said = "".join(chr(b) if 32 <= b < 127 else f"\\x{b:02x}" for b in raw[:SHOWN_BYTES])
    return said + (" …" if len(raw) > SHOWN_BYTES else "")


def users(found: Sequence[User], lang: Lang) -> Any:
    """Return everybody with an account, and what they may do."""
    title = Text("用户", "Users")
    heads = ((Text("账号", "Account"), ""), (Text("姓名", "Name"), ""), (Text("角色", "Role"), ""))
    rows = [
        html.Tr(
            [
                html.Td(u.name, className="mono"),
                html.Td(u.display.say(lang)),
                html.Td(ROLES.get(str(u.role), Text(str(u.role), str(u.role))).say(lang)),
            ]
        )
        for u in found
    ]
    if not rows:
        return panel.region(title, lang, [panel.empty(Text("还没有账号", "No account yet"), lang)])
    return panel.region(title, lang, [table(heads, rows, lang)])


def audit(found: Sequence[AuditLine], people: Mapping[str, Text], lang: Lang) -> Any:
    """Return who did what, newest first."""
    title = Text("审计", "Audit")
    if not found:
        return panel.region(title, lang, [panel.empty(Text("还没有记录", "Nothing on record yet"), lang)])
    heads = (
        (Text("时间", "Time"), ""),
        (Text("谁", "Who"), ""),
        (Text("做了什么", "What"), ""),
        (Text("关于", "About"), ""),
    )
    rows = [
        html.Tr(
            [
                html.Td(wording.day_hms(line.at, lang), className="mut"),
                html.Td(who := audit_words.named(line.who, people, lang)),
                html.Td(
                    [
                        html.Span(audit_words.said(line.what, lang), className="mut"),
                        "" if line.detail.say(lang) == who else f"　{line.detail.say(lang)}",
                    ]
                ),
                html.Td(line.about, className="mut"),
            ]
        )
        for line in found
    ]
    return panel.region(title, lang, [table(heads, rows, lang)], note=timeline.NOTE.say(lang))


def view(web: Web, lang: Lang) -> dict[str, Any]:
    """Return every part of the page."""
    parts: dict[str, Any] = {}
    try:
        body = web.stream.get("stations")
        gateway = json.loads(body) if body else None
        counters = with_doors(gateway, web.stream.get("doors"))
        last = [json.loads(entry.body) for entry in reversed(web.stream.last("rejects", REJECTS))]
        parts["ad-rejects"] = rejects(last, lang)
    except UnavailableError:
        gateway = counters = None
        parts["ad-rejects"] = panel.failed(Text("数据流没有应答", "The stream does not answer"), lang)
    parts["ad-sum"] = [summary(web.park, gateway and counters, lang), park_use.line(web, lang)]
    parts["ad-stations"] = stations(web.park, counters, wall_ms(), lang)
    try:
        parts["ad-users"] = users(web.access.users(), lang)
        parts["ad-audit"] = audit(web.records.audits(limit=AUDITS), dossier.users(web.records), lang)
    except UnavailableError:
        parts["ad-audit"] = panel.failed(Text("记录库没有应答", "The records do not answer"), lang)
    return parts


def register(app: Dash, web: Web) -> None:
    """Add the callbacks."""

    @app.callback(
        *[Output(part, "children") for part in PARTS],
        Output("ad-seen", "data"),
        Input("ad-again", "n_intervals"),
        Input(ids.REVISION, "data"),
        State("ad-seen", "data"),
    )
    @in_thread
    def _view(_: Any, __: Any, seen: Mapping[str, str] | None) -> Any:
        out, prints = panel.changed(view(web, reader_lang(as_lang(web.config.lang))), seen)
        return *[out.get(part, dash.no_update) for part in PARTS], {**(seen or {}), **prints}


TAB = Tab("overview", Text("总览", "Overview"), layout, register)
