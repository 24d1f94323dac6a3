"""One enterprise's screen, panel by panel. What the data do not say is "no data", never green."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from dash import dcc, html

from callbacks import firm_values, incidents, panel, wording
from callbacks.card import PERMITS
from callbacks.firms import COD, FLOW, NH3N, Firm
from callbacks.pages import Theme, data
from callbacks.point_tables import address
from callbacks.shell import glyph
from geodata.places import Enterprise, Outlet, OutletKind, Station
from geodata.words import Lang, Text
from layers.style import tokens
from twin.clock import as_datetime
from twin.curves import Curve
from twin.factors import factor
from twin.limits import Limit
from twin.model import Anomaly, Incident, Kind, Level

OUTLET_KINDS: dict[OutletKind, Text] = {
    OutletKind.WASTEWATER: Text("废水", "wastewater"),
    OutletKind.RAIN: Text("雨水", "rain"),
    OutletKind.CROSSING: Text("管线跨河", "pipe crossing"),
}
TN, TP = "w21001", "w21011"
NO_DATA = Text("无数据", "no data")


@dataclass(frozen=True, slots=True)
class Point:
    """One factor at one station of the enterprise, with its last day."""

    station: Station
    factor: str
    limit: Limit | None
    curve: Curve


def head(firm: Enterprise, level: Level, lang: Lang, *, may_export: bool = False) -> Any:
    """Return the head: who it is, its permit, and the ways on from here."""
    facts = (
        (Text("行业", "trade"), firm.trade.say(lang)),
        (Text("统一代码", "USCC"), firm.uscc),
        (Text("排污许可", "permit"), firm.permit_no),
        (Text("电话", "phone"), firm.phone),
    )
    tags = [PERMITS.get(firm.permit_category, Text(firm.permit_category, firm.permit_category)).say(lang)]
    if firm.slots:
        slots = "、".join(f"{a}–{b}" for a, b in firm.slots)
        tags.append(Text("公管时段 {s}", "shared pipe {s}").fill(s=slots).say(lang))
    return html.Header(
        [
            html.Div(
                [
                    html.H1(
                        [
                            panel.mark(level, lang),
                            firm.short.say(lang),
                            *[html.Span(t, className="tag") for t in tags],
                        ]
                    ),
                    html.P(
                        [html.Span([firm.id, " ", firm.name.say(lang)])]
                        + [html.Span(f"{k.say(lang)} {v}") for k, v in facts]
                    ),
                ]
            ),
            html.Nav(
                [
                    *[
                        html.A(
                            name,
                            href=f"/export/enterprise/{firm.id}.{kind}?lang={lang}",
                            download="",
                            className="btn s",
                            title=Text("导出本月指标", "Save this month's indicators").say(lang),
                        )
                        for kind, name in (("pdf", "PDF"), ("xlsx", "Excel"), ("csv", "CSV"))
                        if may_export
                    ],
                    dcc.Link(
                        Text("在图上看", "Show on map").say(lang),
                        href=f"/atlas?obj=enterprise/{firm.id}",
                        className="btn s",
                    ),
                ],
                className="eh-ways",
            ),
        ],
        className="eh",
        **data(id=firm.id),
    )


def kpis(count: Firm, hours: float, live: int, points: int, lang: Lang) -> Any:
    """Return the indicators the readings allow, and by name those they do not."""
    sent = count.transfer
    effective = None if sent is None else sent.effective
    heard = bool(effective) or bool(count.exceedances)  # none counted where nothing came is not none
    least = count.rules.good.value
    ok = Level.OFFLINE if effective is None else Level.NORMAL if effective >= least else Level.WARNING
    window = Text("近 {s}", "last {s}").fill(s=wording.hours(hours))
    of_permit = Text("占同期许可", "of the permit so far")
    online = Level.OFFLINE if not points else Level.NORMAL if live == points else Level.WARNING
    items: list[tuple[Text, str, str, Level, Text]] = [
        (
            Text("传输有效率", "Valid transmission"),
            _percent(effective, lang, 1),
            "%",
            ok,
            Text("≥ {n} · {w}", "≥ {n} · {w}").fill(n=f"{least * 100:g}", w=window),
        ),
        (Text("COD 负荷", "COD load"), _percent(count.cod, lang), "%", count.level_of(count.cod), of_permit),
        (
            Text("氨氮负荷", "NH₃-N load"),
            _percent(count.nh3n, lang),
            "%",
            count.level_of(count.nh3n),
            of_permit,
        ),
        (
            Text("超标", "Exceedances"),
            str(count.exceedances) if heard else wording.NONE,
            Text("次", "").say(lang),
            Level.ALARM if count.exceedances else Level.NORMAL if heard else Level.OFFLINE,
            window,
        ),
        (
            Text("在线点位", "Points online"),
            f"{live}/{points}" if points else wording.NONE,
            "",
            online,
            Text("当前", "now"),
        ),
        (
            Text("水平衡差率", "Water balance"),
            wording.NONE,
            "",
            Level.OFFLINE,
            Text("未接取水计量", "no intake meter"),
        ),
    ]
    return html.Ul([_kpi(*item, lang) for item in items], className="kp")


def _percent(share: float | None, lang: Lang, decimals: int = 0) -> str:
    return wording.NONE if share is None else wording.number(share * 100, decimals, lang=lang)


def _kpi(title: Text, value: str, unit: str, level: Level, note: Text, lang: Lang) -> Any:
    known = value != wording.NONE
    body = (
        [html.B(value), html.Small(unit), glyph(level.name.lower())] if known else [html.B(NO_DATA.say(lang))]
    )
    return html.Li(
        [html.P(title.say(lang)), html.Div(body), html.Span(note.say(lang))],
        className="" if known else "none",
    )


def loads(firm: Enterprise, count: Firm, lang: Lang, week: firm_values.Values | None = None) -> Any:
    """Return load against permit, and the week's kilograms.

    The bar is the share for the hours counted, the tick what is permitted.
    """
    week = week or {}
    rows = []
    for word, code, share, permit in (
        (Text("COD", "COD"), COD, count.cod, firm.cod_permit_t),
        (Text("氨氮", "NH₃-N"), NH3N, count.nh3n, firm.nh3n_permit_t),
    ):
        level = count.level_of(share)
        width = 0.0 if share is None else min(share / 1.3, 1.0) * 100
        bar = [
            html.I(className=f"b-{level.name.lower()}", style={"width": f"{width:.1f}%"}),
            html.S(style={"left": f"{100 / 1.3:.1f}%"}),
        ]
        said = f"{_percent(share, lang)}%" if share is not None else NO_DATA.say(lang)
        allowed = (
            Text("许可 {t} t/a", "permit {t} t/a").fill(t=wording.number(permit, 1, lang=lang)).say(lang)
        )
        rows.append(
            html.Li(
                [
                    html.Span(word.say(lang)),
                    html.Div(bar, className="bl"),
                    html.B(said),
                    html.Span(allowed, className="mut"),
                    firm_values.of_week(week, code, lang),
                    glyph(level.name.lower()),
                ]
            )
        )
    for word, code in ((Text("总氮", "TN"), TN), (Text("总磷", "TP"), TP), (Text("水量", "Water"), FLOW)):
        none = Text("档案中无许可量", "no permitted load on file")
        rows.append(
            html.Li(
                [
                    html.Span(word.say(lang)),
                    html.Span(none.say(lang), className="none"),
                    firm_values.of_week(week, code, lang),
                    glyph("offline"),
                ],
                className="no",
            )
        )
    title = Text("负荷占许可", "Load against permit")
    note = Text("{h}有效读数，按年许可折算", "{h} of valid readings, permit pro rata").fill(
        h=wording.hours(count.hours)
    )
    week_word = Text("右列：近 {n} 天负荷，* 含替代", "right: load of {n} days, * with days replaced").fill(
        n=firm_values.DAYS
    )
    permitted = Text("同期许可量", "permitted for the same hours").say(lang)
    key = html.P([html.S(), permitted, html.Span(week_word.say(lang), className="wk-key")], className="lgd")
    return panel.region(
        title, lang, [html.Ul(rows, className="lds"), key], note=note.say(lang), name="en-load"
    )


def spark(curve: Curve, limit: Limit | None, theme: Theme, width: int = 104, height: int = 20) -> Any:
    """Return a day's course as a small picture, with the limit if it is near."""
    thin = curve.downsample(60)
    if len(thin.value) < 2:
        return html.Span("", className="spark")
    high = limit.high if limit is not None else None
    low, top = float(np.nanmin(thin.value)), float(np.nanmax(thin.value))
    if high is not None and high < top + 2 * max(top - low, 1e-9):
        top = max(top, high)
    room = max(top - low, 1e-9)

    def y(v: float) -> float:
        return 2 + (top - v) / room * (height - 4)

    span = max(int(thin.at_ms[-1] - thin.at_ms[0]), 1)
    points = " ".join(
        f"{2 + (t - thin.at_ms[0]) / span * (width - 6):.1f},{y(v):.1f}"
        for t, v in zip(thin.at_ms.tolist(), thin.value.tolist(), strict=True)
        if np.isfinite(v)
    )
    t = tokens(theme)
    line = ""
    if high is not None and low <= high <= top:
        line = f'<path d="M0 {y(high):.1f}H{width}" stroke="{t["chart-limit"]}" stroke-dasharray="3 2"/>'
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{line}'
        f'<polyline points="{points}" fill="none" stroke="{t["chart-1"]}" stroke-width="1.4"/>'
        f'<circle cx="{width - 4}" cy="{y(float(thin.value[-1])):.1f}" r="2.4" fill="{t["chart-1"]}"/></svg>'
    )
    return html.Img(
        src="data:image/svg+xml;base64," + b64encode(svg.encode()).decode(), alt="", className="spark"
    )


def limit_text(limit: Limit | None, decimals: int) -> str:
    """Return a limit as it is read beside a value: 500, 6–9, ≥ 2."""
    if limit is None:
        return wording.NONE
    low = None if limit.low is None else f"{limit.low:.{decimals}f}".rstrip("0").rstrip(".")
    high = None if limit.high is None else f"{limit.high:.{decimals}f}".rstrip("0").rstrip(".")
    if low and high:
        return f"{low}–{high}"
    return high or (f"≥ {low}" if low else wording.NONE)


def outlets(found: Sequence[Outlet], points: Sequence[Point], chosen: str, theme: Theme, lang: Lang) -> Any:
    """Return the outlets with their live values, limits and last day."""
    title = Text("排口实时", "Outlets live")
    watched = {p.station.node for p in points}
    rows: list[Any] = []
    before = ""
    for point in points:
        outlet = next((o for o in found if o.node == point.station.node), None)
        label = _outlet(outlet, point.station, lang) if point.station.id != before else ""
        rows.append(_live(point, label, chosen, theme, lang, first=point.station.id != before))
        before = point.station.id
    for outlet in found:
        if outlet.node not in watched and outlet.kind is not OutletKind.CROSSING:
            none = Text("没有在线监测", "not monitored")
            rows.append(
                html.Tr(
                    [
                        html.Td(_outlet(outlet, None, lang)),
                        html.Td(none.say(lang), colSpan=7, className="none"),
                    ],
                    className="fs",
                )
            )
    if not rows:
        return panel.region(title, lang, [panel.empty(Text("档案中没有排口", "No outlet on file"), lang)])
    stations = len({p.station.id for p in points})
    note = Text("{n} 个点位，{s} 个站", "points: {n}, stations: {s}").fill(n=len(points), s=stations)
    return panel.region(
        title, lang, [html.Table(html.Tbody(rows), className="ot")], note=note.say(lang), name="en-out"
    )


def _outlet(outlet: Outlet | None, station: Station | None, lang: Lang) -> Any:
    code = outlet.code if outlet else station.id if station else ""
    kind = OUTLET_KINDS[outlet.kind].say(lang) if outlet else ""
    sid = f" · {station.id}" if station else ""
    return [html.B(code), html.Span(f" {kind}{sid}", className="mut")]


def _live(point: Point, label: Any, chosen: str, theme: Theme, lang: Lang, *, first: bool) -> Any:
    what = factor(point.factor)
    key = f"{point.station.id}/{point.factor}"
    name = html.Button(
        what.short.say(lang),
        id={"type": "en-point", "index": key},
        className="lnk on" if key == chosen else "lnk",
        title=what.name.say(lang),
        **panel.attrs(aria_pressed="true" if key == chosen else "false"),
    )
    return html.Tr(
        [
            html.Td(label),
            html.Td(glyph("offline", live_level=key)),
            html.Td(name),
            html.Td(
                html.B(className="tx", **data(live_point=key, decimals=str(what.decimals))), className="num"
            ),
            html.Td(what.unit, className="mut"),
            html.Td(limit_text(point.limit, what.decimals), className="num mut"),
            html.Td(spark(point.curve, point.limit, theme)),
            html.Td(
                dcc.Link(_last(point.curve), href=address(point.station.id, point.factor)),
                className="num mut",
            ),
        ],
        className="fs" if first else "",
    )


def _last(curve: Curve) -> str:
    if not len(curve.at_ms):
        return wording.NONE
    return wording.hm(as_datetime(int(curve.at_ms[-1])))


def happenings(
    firm: str,
    anomalies: Sequence[Anomaly],
    suspected: Sequence[tuple[Incident, int, float]],
    now: datetime,
    lang: Lang,
) -> Any:
    """Return the incidents it was suspected in and what its own stations reported, newest first."""
    title = Text("事件与告警", "Incidents and alarms")
    rows: list[Any] = []
    for incident, rank, share in suspected[:4]:
        words = Text("疑似源第 {r}，{p}%", "suspect {r}, {p}%").fill(
            r=rank, p=wording.percent(share, lang=lang)
        )
        link = dcc.Link(incident.title.say(lang), href=f"/emergency/{incident.id}")
        when = wording.moment(incident.opened, now, lang)
        rows.append(_happening(incidents.level_of(incident), link, f"{when}　{words.say(lang)}", lang))
    for anomaly in anomalies[:6]:
        said = f"{anomaly.point.station} {_what(anomaly, lang)}"
        end = "" if anomaly.until is None else Text(" 已恢复", " over").say(lang)
        level = anomaly.level if anomaly.until is None else Level.NORMAL
        rows.append(_happening(level, said, wording.moment(anomaly.since, now, lang) + end, lang))
    if not rows:
        rows = [panel.empty(Text("没有事件和告警", "No incident, no alarm"), lang)]
        return panel.region(title, lang, rows, name="en-hap")
    return panel.region(title, lang, [html.Ul(rows, className="td")], name="en-hap")


def _what(anomaly: Anomaly, lang: Lang) -> str:
    """Return a value where the water is told of, a sentence where the instrument or its logger is."""
    if anomaly.kind not in (Kind.EXCEEDANCE, Kind.DEVIATION):
        return anomaly.reason.say(lang)
    what = factor(anomaly.point.factor)
    return f"{what.short.say(lang)} {what.show(anomaly.value)} {what.unit}".strip()


def _happening(level: Level, title: Any, detail: str, lang: Lang) -> Any:
    return html.Li([panel.mark(level, lang), html.Div([html.B(title), html.Span(detail)])])


def quality(
    stations: Sequence[Station], counters: Mapping[str, Any] | None, table: Sequence[Any], lang: Lang
) -> Any:
    """Return what came of the last day, and how its loggers behave since the gateway was started."""
    title = Text("数据质量", "Data quality")
    if not stations:
        return panel.region(title, lang, [panel.empty(Text("没有数采仪", "No logger"), lang)], name="en-q")
    mine = [dict((counters or {}).get("by_mn", {}).get(s.mn) or {}) for s in stations]
    rows = [
        (Text("收到数据包", "Frames"), wording.number(sum(m.get("frames", 0) for m in mine), lang=lang)),
        (Text("拒收", "Rejected"), wording.number(sum(m.get("rejects", 0) for m in mine), lang=lang)),
        (Text("时钟偏差", "Clock skew"), _skew(mine)),
        (Text("偏离标准", "Deviations"), _deviations(mine, lang)),
    ]
    if not counters:
        rows = [(Text("网关计数", "Gateway counters"), NO_DATA.say(lang))]
    body = html.Dl([html.Div([html.Dt(k.say(lang)), html.Dd(v)]) for k, v in rows])
    note = Text("近 24 小时", "last 24 h").say(lang)
    return panel.region(title, lang, [*table, body], note=note, name="en-q")


def _skew(mine: Sequence[Mapping[str, Any]]) -> str:
    worst = max((abs(float(m.get("skew_ms") or 0)) for m in mine), default=0.0)
    return f"{worst / 1000:.1f} s"


def _deviations(mine: Sequence[Mapping[str, Any]], lang: Lang) -> str:
    names = sorted({name for m in mine for name in (m.get("deviations") or {})})
    return ", ".join(names) if names else Text("无", "none").say(lang)
