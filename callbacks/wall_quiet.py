"""The wall while nothing happens: what stands beside the map. Blocks keep their place when empty."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dash import html

from callbacks import panel, wording
from callbacks.firms import Firm
from callbacks.pages import data
from callbacks.shell import glyph
from callbacks.timeline import KINDS
from geodata.places import Enterprise, Park, Pool, Station
from geodata.words import Lang, Text
from layers.style import LEVEL_WORDS
from twin.factors import factor
from twin.model import Anomaly, Kind, Level

"""Share of due values that must arrive."""

MARKED = 156
"""Of more stations than this a wall shows the number only; each is on the map."""

ABNORMAL = (Level.CRITICAL, Level.ALARM, Level.WARNING, Level.WATCH)


@dataclass(frozen=True, slots=True)
class Works:
    """One works: what flows in now and what it can take, m3/d; None where the meter is silent."""

    name: Text
    flow_m3d: float | None
    capacity_m3d: float


def _block(title: Text, lang: Lang, body: Sequence[Any], note: Any = None, name: str = "") -> Any:
    return panel.region(title, lang, body, name=f"wl-b {name}".strip(), note=note)


# left -----------------------------------------------------------------------------------------------------


def verdict(lang: Lang) -> Any:
    """Return the answer to "is the park well": the worst level any station has, and how many have it.

    The browser keeps the counts; the style sheet shows the first level whose count is not zero.
    """

    def line(level: Level, name: str) -> Any:
        count = html.B(className="n", **data(live=f"kpi.levels.{int(level)}"))
        word = Text(" 处{w}", " {w}").fill(w=LEVEL_WORDS[level]).say(lang)
        return html.Div([glyph(level.name.lower()), html.Span([count, word])], className=f"vd {name}")

    calm = html.Div(
        [glyph("normal"), html.Span(Text("园区正常", "All normal").say(lang))], className="vd hero calm"
    )
    lost = html.Div(
        [glyph("offline"), html.Span(Text("数据中断", "No data").say(lang))], className="vd hero lost"
    )
    heroes = [line(level, "hero") for level in ABNORMAL]
    others = [*[line(level, "ab") for level in ABNORMAL], line(Level.OFFLINE, "")]
    none = Text("无进行中事件", "no open incident").say(lang)
    others.append(
        html.Div(
            [html.B(none), html.I(className="n0", hidden=True, **data(live="kpi.open"))], className="vd-i"
        )
    )
    return html.Section(
        [html.Div([lost, *heroes, calm], className="vd-h"), html.Div(others, className="vd-o")],
        className="wl-b wl-verdict",
        **panel.attrs(aria_label=Text("园区状态", "The park now").say(lang)),
    )


def stations(park: Park, lang: Lang) -> Any:
    """Return how many stations are online, and one mark for each where there is room for them."""
    shown = park.stations if len(park.stations) <= MARKED else ()
    marks = [glyph("offline", f"{s.id} {s.name.say(lang)}", live_station=s.id) for s in shown]
    note = html.Span([html.Span(**data(live="kpi.levels.0")), Text(" 个离线", " offline").say(lang)])
    count = html.P(
        [html.B(**data(live="kpi.online")), html.Small([" / ", html.Span(**data(live="kpi.total"))])],
        className="kpi",
    )
    title = Text("监测站点在线", "Stations online")
    return _block(title, lang, [count, html.Div(marks, className="wl-dots")], note)


def transmission(
    share: float | None, parts: Sequence[float], hours: float, required: float, lang: Lang
) -> Any:
    """Return the share of due values that arrived and count, with its course over the window."""
    level = Level.OFFLINE if share is None else Level.NORMAL if share >= required else Level.WARNING
    span = wording.hours(hours)
    note = (
        Text("近 {s} · 要求 ≥ {n}%", "{s} · required ≥ {n}%").fill(s=span, n=f"{required * 100:g}").say(lang)
    )
    value = wording.NONE if share is None else wording.number(math.floor(share * 1000) / 10, 1, lang=lang)
    bars = [
        html.I(
            style={"height": f"{max(p, 0.02) * 100:.0f}%"} if math.isfinite(p) else {},
            className="gap" if not math.isfinite(p) else "low" if p < required else "",
        )
        for p in parts
    ]
    row = html.Div(
        [
            html.B(value, className="stat"),
            html.Span("%", className="u"),
            glyph(level.name.lower()),
            html.Div(bars, className="wl-bars"),
        ],
        className="row",
    )
    return _block(Text("数据传输率", "Transmission"), lang, [row], note)


def exceedances(found: Sequence[Anomaly], park: Park, now: datetime, lang: Lang) -> Any:
    """Return today's exceedances on the line of the day."""
    midnight = wording.local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    today = [a for a in found if a.kind is Kind.EXCEEDANCE and a.since >= midnight]
    by = {s.id: s.enterprise or s.id for s in park.stations}
    places = len({by.get(a.point.station, a.point.station) for a in today})
    title = Text("今日超标", "Exceedances today")
    note = Text("{n} 处", "{n} places").fill(n=places).say(lang) if today else None
    if today:
        head = html.Div(
            [html.B(str(len(today)), className="stat"), html.Span(Text("次", "").say(lang), className="u")],
            className="row",
        )
    else:
        head = panel.empty(Text("今日无超标", "None today"), lang)
    share = (now - midnight).total_seconds() / 864.0
    marks = [
        html.Span(
            glyph(a.level.name.lower()),
            className="at",
            style={"left": f"{(a.since - midnight).total_seconds() / 864:.2f}%"},
        )
        for a in today
    ]
    ticks = [
        html.Span(str(h), className="hr", style={"left": f"{h / 24 * 100:.2f}%"}) for h in (0, 6, 12, 18, 24)
    ]
    line = html.Div(
        [html.I(className="gone", style={"width": f"{share:.2f}%"}), *marks, *ticks], className="wl-day"
    )
    return _block(title, lang, [head, line], note)


def works(found: Sequence[Works], lang: Lang) -> Any:
    """Return each works' inflow against what it can take."""
    unit = Text("万 m³/d", "10³ m³/d").say(lang)
    scale = 10_000 if lang == "zh" else 1000
    rows = []
    for one in found:
        share = None if one.flow_m3d is None else one.flow_m3d / one.capacity_m3d
        digits = 2 if lang == "zh" else 1
        said = wording.NONE if one.flow_m3d is None else f"{one.flow_m3d / scale:.{digits}f}"
        rows.append(
            html.Div(
                [
                    html.Span(one.name.say(lang)),
                    _target(share, 1.0),
                    html.B(said),
                    html.Span(f"/ {one.capacity_m3d / scale:.1f}", className="u"),
                ],
                className="wl-wk",
            )
        )
    return _block(Text("污水厂负荷", "Works load"), lang, rows, unit)


def water(outlets_m3d: float | None, metered: int, works_m3d: float | None, lang: Lang) -> Any:
    """Return the water account as far as meters know it: what enterprises let go, what the works receive."""
    scale, digits = (10_000, 2) if lang == "zh" else (1000, 1)
    both = [v for v in (outlets_m3d, works_m3d) if v is not None]
    most = max(both, default=0.0)
    rows = []
    for word, value, name in (
        (Text("企业排口", "Outlets"), outlets_m3d, "w3"),
        (Text("污水厂进水", "Works in"), works_m3d, "w1"),
    ):
        said = wording.NONE if value is None else f"{value / scale:.{digits}f}"
        width = 0.0 if not most or value is None else value / most * 100
        bar = html.I(style={"width": f"{width:.1f}%"}, className=name)
        rows.append(
            html.Div(
                [html.Span(word.say(lang)), html.Div(bar, className="sb"), html.B(said)], className="wl-wa"
            )
        )
    note = Text("万 m³/d · {n} 个流量计", "10³ m³/d · {n} meters").fill(n=metered).say(lang)
    return _block(Text("污水收支", "Sewage account"), lang, rows, note)


def _target(share: float | None, mark: float | None = None) -> Any:
    """Return a bar with a tick at the share that should not be passed."""
    whole = 1.2
    width = 0.0 if share is None else min(share / whole, 1.0) * 100
    tick = html.S(style={"left": f"{mark / whole * 100:.1f}%"}) if mark else None
    return html.Div([html.I(style={"width": f"{width:.1f}%"}), tick], className="tbar")


# right ----------------------------------------------------------------------------------------------------


def alarms(found: Sequence[Anomaly], park: Park, now: datetime, lang: Lang, most: int = 5) -> Any:
    """Return the newest alarms: the ones still open first."""
    midnight = wording.local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    names = {s.id: s for s in park.stations}
    order = sorted(found, key=lambda a: (a.until is None, a.since), reverse=True)[:most]
    today = sum(a.since >= midnight for a in found)
    live = sum(a.until is None for a in found)
    note = Text("今日 {n} 条 · 未解除 {m}", "{n} today · {m} open").fill(n=today, m=live).say(lang)
    title = Text("告警", "Alarms")
    if not order:
        return _block(title, lang, [panel.empty(Text("没有告警", "No alarm"), lang)], note, "wl-al")
    rows = [_alarm(a, names.get(a.point.station), now, lang) for a in order]
    return _block(title, lang, [html.Ul(rows)], note, "wl-al")


def _alarm(anomaly: Anomaly, station: Station | None, now: datetime, lang: Lang) -> Any:
    what = factor(anomaly.point.factor)
    name = station.name.say(lang) if station else ""
    right = (
        Text("限值 {v}", "limit {v}").fill(v=what.show(anomaly.limit))
        if anomaly.limit is not None and anomaly.kind is Kind.EXCEEDANCE
        else KINDS[anomaly.kind]
    )
    level = anomaly.level if anomaly.until is None else Level.OFFLINE
    mark = glyph("normal") if anomaly.until is not None else panel.mark(level, lang)
    return html.Li(
        [
            mark,
            html.Div(
                [
                    html.P(
                        [
                            html.Span(f"{anomaly.point.station} {name}"),
                            html.Time(wording.moment(anomaly.since, now, lang)),
                        ],
                        className="a1",
                    ),
                    html.P(
                        [
                            html.Span(
                                [what.short.say(lang), " ", html.B(what.show(anomaly.value)), f" {what.unit}"]
                            ),
                            html.I(right.say(lang)),
                        ],
                        className="a2",
                    ),
                ]
            ),
        ],
        className="done" if anomaly.until is not None else "",
    )


def loads(firms: Mapping[str, Firm], enterprises: Sequence[Enterprise], lang: Lang, most: int = 5) -> Any:
    """Return the largest COD loads against the permit for the same hours."""
    names = {e.id: e.short for e in enterprises}
    known = sorted((f for f in firms.values() if f.cod is not None), key=lambda f: -(f.cod or 0))[:most]
    title = Text("COD 负荷占许可", "COD load of permit")
    note = Text("按时间比例 %", "% for the hours").say(lang)
    if not known:
        return _block(
            title, lang, [panel.empty(Text("还没有足够的读数", "Not enough readings yet"), lang)], note
        )
    rows = [
        html.Li(
            [
                html.Span(names[f.id].say(lang)),
                _target(f.cod, 1.0),
                html.B(f"{(f.cod or 0) * 100:.0f}"),
                panel.mark(f.level_of(f.cod), lang),
            ]
        )
        for f in known
    ]
    return _block(title, lang, [html.Ul(rows, className="wl-ld")], note)


def gates(park: Park, words: Mapping[str, str], lang: Lang) -> Any:
    """Return every gate by its shape, and how many stand how.

    Parameters
    ----------
    words : mapping
        Gate id to open, part, closed, moving, failed or unknown, as the live feed says it.
    """
    said = [words.get(g.id, "unknown") for g in park.gates]
    counts = (
        (Text("开", "open"), said.count("open") + said.count("part"), ""),
        (Text("关", "closed"), said.count("closed"), ""),
        (Text("动作", "moving"), said.count("moving"), "tx-act"),
        (Text("故障", "failed"), said.count("failed"), "tx-alarm"),
        (Text("无反馈", "silent"), said.count("unknown"), "tx-offline"),
    )
    note = [html.Span(f"{word.say(lang)} {n}", className=name) for word, n, name in counts if n or not name]
    marks = [
        html.Li(
            [
                html.I(className="gate-mark", **data(live_gate=g.id, gate=words.get(g.id, "unknown"))),
                html.Span(g.id),
            ],
            title=g.name.say(lang),
        )
        for g in park.gates
    ]
    return _block(Text("闸门", "Gates"), lang, [html.Ul(marks, className="wl-gt")], note)


def storage(pools: Sequence[Pool], lang: Lang) -> Any:
    """Return the room left on each level of containment, as the park's file has it."""
    names = {
        1: Text("一级 企业池", "Level 1 plants"),
        2: Text("二级 园区池与罐区", "Level 2 park"),
        3: Text("三级 河道", "Level 3 canals"),
    }
    scale, digits = (10_000, 1) if lang == "zh" else (1000, 0)
    rows = []
    for level, name in names.items():
        mine = [p for p in pools if p.level == level]
        if not mine:
            continue
        whole = sum(p.capacity_m3 for p in mine)
        free = whole - sum(p.stored_m3 for p in mine)
        rows.append(
            html.Div(
                [
                    html.Span(name.say(lang)),
                    html.B(f"{free / scale:.{digits}f}"),
                    html.Span(f"/ {whole / scale:.{digits}f}", className="u"),
                    html.Div(html.I(style={"width": f"{free / whole * 100:.1f}%"}), className="tbar"),
                ],
                className="wl-st",
            )
        )
    note = Text("万 m³", "10³ m³").say(lang)
    return _block(Text("应急容积剩余", "Storage left"), lang, rows, note)
