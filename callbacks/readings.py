"""读数: what stands behind a number: one point's hours, days and readings, with what was replaced.

`/readings/S01/w01018/7`: station, factor, days. Opened from a number of an enterprise or from a card; it asks
the history once and can be saved as a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from dash import Dash, dcc, html

from callbacks import panel, wording
from callbacks.firm_panels import limit_text
from callbacks.pages import Page, Visit, Web, reader_theme
from callbacks.point_tables import DAYS, PATH, VERDICTS, address, asked, file_address, replaced, verdict
from geodata.places import Station
from geodata.words import Lang, Text
from layers import charts
from twin.clock import as_datetime
from twin.curves import Versions
from twin.errors import UnavailableError
from twin.factors import Factor, factor
from twin.history.columns import DAY_MS
from twin.quality import point
from twin.quality.days import Day, total
from twin.quality.hours import Hours, Verdict
from twin.quality.point import PointValues
from twin.quality.rules import Rule

NAME = Text("读数", "Readings")
MOST_ROWS = 400
"""Readings shown on the page; a file has all of them."""
MARKS = {"N": Text("正常", "normal"), "F": Text("停运", "stopped"), "M": Text("维护", "maintenance")}
MARKS |= {"S": Text("手工", "set by hand"), "D": Text("故障", "fault"), "C": Text("校准", "calibration")}
MARKS |= {"T": Text("超量程", "over range"), "B": Text("通信异常", "no communication")}
GONE = Text("没有这个点位", "No such point")
AWAY = Text("历史库没有应答，请稍后再看", "The history does not answer; look again later")


def layout(web: Web, visit: Visit) -> Any:
    """Return the page of one point."""
    lang = visit.lang
    station_id, _, rest = visit.rest.partition("/")
    code, _, said = rest.partition("/")
    days = int(said) if said in {str(d) for d in DAYS} else DAYS[0]
    try:
        station, found, every = asked(web, station_id, code, days)
    except KeyError:
        return html.Div(panel.empty(GONE, lang), className="empty-page")
    except UnavailableError:
        return html.Div(panel.failed(AWAY, lang), className="rd")
    it = factor(code)
    shown = [
        _head(web, station, it, days, lang),
        html.Div(_sums(web, found, lang), className="rd-sums"),
        html.Div(_chart(web, station, it, found, lang), className="rd-chart"),
        html.Div([_hours(it, found, lang), _days(it, found, lang)], className="rd-left"),
        html.Div(_every(it, station, every, days, lang), className="rd-right"),
    ]
    return html.Div(shown, className="rd")


def _head(web: Web, station: Station, it: Factor, days: int, lang: Lang) -> Any:
    words = {1: Text("昨天起", "Since yesterday"), 7: Text("7 天", "7 days"), 30: Text("30 天", "30 days")}
    spans = [
        dcc.Link(
            words[d].say(lang),
            href=address(station.id, it.code, d),
            className="btn s on" if d == days else "btn s",
        )
        for d in DAYS
    ]
    others = [
        dcc.Link(
            factor(c).short.say(lang),
            href=address(station.id, c, days),
            className="lnk on" if c == it.code else "lnk",
        )
        for c in station.factors
    ]
    files = [
        html.A(
            text.say(lang),
            href=file_address(station.id, it.code, days, name, lang),
            className="btn s",
        )
        for name, text in (
            ("all.xlsx", Text("导出 Excel", "Save as Excel")),
            ("readings.csv", Text("读数 CSV", "Readings, CSV")),
            ("hours.csv", Text("小时值 CSV", "Hours, CSV")),
        )
    ]
    firm = next((e for e in web.park.enterprises if e.id == station.enterprise), None)
    owner = dcc.Link(firm.short.say(lang), href=f"/enterprise/{firm.id}") if firm else ""
    limit = limit_text(web.limits.of(station.id, it.code), it.decimals)
    facts = Text("{s} · 数采仪 {m} · 限值 {l} {u}", "{s} · logger {m} · limit {l} {u}").fill(
        s=station.id, m=station.mn, l=limit, u=it.unit
    )
    return html.Header(
        [
            html.Div(
                [
                    html.H1(f"{station.name.say(lang)} · {it.name.say(lang)}"),
                    html.P([owner, html.Span(facts.say(lang))]),
                    html.Nav(others, className="rd-others"),
                ]
            ),
            html.Div([html.Div(spans, className="rd-spans"), html.Div(files, className="rd-files")]),
        ],
        className="rd-head",
    )


def _sums(web: Web, found: PointValues, lang: Lang) -> Any:
    sent, load = found.hours.transfer, total(found.days)
    good = [d for d in found.days if d.value is not None]
    valid = _counts(sent.valid, sent.received, lang)
    items: list[tuple[Text, str, str]] = [
        (
            Text("传输率", "Received of due"),
            wording.rate(sent.rate, lang),
            _counts(sent.received, sent.due, lang),
        ),
        (Text("有效率", "Valid of received"), wording.rate(sent.valid_rate, lang), valid),
        (
            Text("传输有效率", "Valid of due"),
            wording.rate(sent.effective, lang),
            _cite(web.rules.good, lang),
        ),
        (
            Text("有效日均值", "Valid daily means"),
            f"{len(good)}/{sum(d.due > 0 for d in found.days)}",
            _cite(web.rules.day_share, lang),
        ),
    ]
    if load.days:
        done = Text("完整率 {p}%", "complete {p}%").fill(p=wording.percent(load.share, lang=lang))
        instead = Text("，另替代 {k} kg", ", replaced {k} kg").fill(
            k=wording.kilograms(load.replaced_kg, lang=lang)
        )
        note = done.say(lang) + (instead.say(lang) if load.replaced_days else "")
        items.append((Text("负荷", "Load"), f"{wording.kilograms(load.kg, lang=lang)} kg", note))
    return html.Ul(
        [html.Li([html.P(t.say(lang)), html.B(v), html.Span(n, title=n)]) for t, v, n in items],
        className="rd-kp",
    )


def _counts(some: int, of: int, lang: Lang) -> str:
    return f"{wording.number(some, lang=lang)} / {wording.number(of, lang=lang)}"


def _cite(rule: Rule, lang: Lang) -> str:
    return f"≥ {rule.value * 100:.0f}% · {rule.cited.say(lang)}"


def _chart(web: Web, station: Station, it: Factor, found: PointValues, lang: Lang) -> Any:
    thin, limit = found.curve.measured().downsample(1200), web.limits.of(station.id, it.code)
    line = charts.Line(thin.at_ms, thin.value, limit.low if limit else None, limit.high if limit else None)
    figure = charts.curve(
        line,
        it,
        (found.from_ms, found.to_ms),
        interval_s=max(found.interval_s, 1.0),
        lang=lang,
        theme=reader_theme("light"),
    )
    if found.to_ms - found.from_ms > 2 * DAY_MS:
        figure.update_xaxes(tickformat="%m-%d")
    kind = (
        Text("分钟数据（报文 2051）", "minute data (message 2051)")
        if found.cn == point.MEANS
        else Text("实时数据（报文 2011）", "real-time data (message 2011)")
    )
    return panel.region(
        Text("曲线", "Curve"),
        lang,
        [
            dcc.Graph(
                figure=figure, config={"displayModeBar": False, "responsive": True}, className="rd-graph"
            )
        ],
        note=kind.say(lang),
    )


def _table(head: Sequence[Text], rows: list[Any], lang: Lang) -> Any:
    first = html.Tr([html.Th(text.say(lang)) for text in head])
    return html.Div(
        html.Table([html.Thead(first), html.Tbody(rows)], className="rd-t"),
        className="rd-scroll",
        tabIndex="0",
    )


def _said(verdict: Verdict, lang: Lang) -> Any:
    return html.Td(VERDICTS[verdict].say(lang), className="" if verdict is Verdict.VALID else "no")


def _kind(hours: Hours, i: int) -> str:
    """Nothing that wants a look looks well."""
    return "" if hours.verdict[i] == Verdict.VALID and not hours.suspect[i] else "no"


def _hours(it: Factor, found: PointValues, lang: Lang) -> Any:
    h, rows = found.hours, []
    for i in reversed(range(len(h))):
        at = wording.local(as_datetime(int(h.start_ms[i])))
        low, high = it.show(float(h.low[i])), it.show(float(h.high[i]))
        rows.append(
            html.Tr(
                [
                    html.Td(wording.day_hm(at, lang)),
                    html.Td(html.B(it.show(float(h.value[i]))), className="num"),
                    html.Td(f"{low} – {high}" if h.valid[i] else wording.NONE, className="num mut"),
                    html.Td(f"{h.valid[i]}/{h.received[i]}/{h.due[i]}", className="num mut"),
                    html.Td(verdict(h, i, lang), className=_kind(h, i)),
                ]
            )
        )
    head = (
        Text("小时", "Hour"),
        Text("均值", "Mean"),
        Text("最小–最大", "Least–greatest"),
        Text("有效/收到/应报", "Valid/received/due"),
        Text("判定", "Verdict"),
    )
    title = Text("小时值", "Hour values")
    return panel.region(title, lang, [_table(head, rows, lang)] if rows else [_none(lang)], note=it.unit)


def _days(it: Factor, found: PointValues, lang: Lang) -> Any:
    rows = [_day(it, d, lang) for d in reversed(found.days)]
    head = (
        Text("日", "Day"),
        Text("日均值", "Daily mean"),
        Text("有效/应有小时", "Hours valid/due"),
        Text("负荷 kg", "Load kg"),
        Text("判定", "Verdict"),
    )
    weighted = any(d.weighted for d in found.days)
    note = Text("按流量加权", "weighted by flow") if weighted else Text("不加权", "not weighted")
    title = Text("日值", "Day values")
    return panel.region(
        title, lang, [_table(head, rows, lang)] if rows else [_none(lang)], note=note.say(lang)
    )


def _day(it: Factor, day: Day, lang: Lang) -> Any:
    at = wording.local(as_datetime(day.start_ms))
    load: Any = wording.kilograms(day.kg, lang=lang) if day.weighted and day.valid else wording.NONE
    if day.replaced_kg is not None:
        words = Text("{k}（替代）", "{k} (replaced)").fill(k=wording.kilograms(day.replaced_kg, lang=lang))
        load = [html.S(load), " ", html.Em(words.say(lang))]
    return html.Tr(
        [
            html.Td(wording.day(at, lang)),
            html.Td(html.B(it.show(day.value)), className="num"),
            html.Td(f"{day.valid}/{day.due}", className="num mut"),
            html.Td(load, className="num"),
            _said(day.verdict, lang),
        ]
    )


def _every(it: Factor, station: Station, every: Versions, days: int, lang: Lang) -> Any:
    old = replaced(every)
    rows = []
    for i in reversed(range(max(len(every.at_ms) - MOST_ROWS, 0), len(every.at_ms))):
        mark = chr(every.flag[i]) if every.flag[i] else ""
        value = it.show(float(every.value[i]))
        note = (
            Text("已被替换", "replaced").say(lang) if old[i] else MARKS.get(mark, Text(mark, mark)).say(lang)
        )
        at, seen = (wording.local(as_datetime(int(ms[i]))) for ms in (every.at_ms, every.received_ms))
        rows.append(
            html.Tr(
                [
                    html.Td(wording.day_hms(at, lang)),
                    html.Td(html.S(value) if old[i] else html.B(value), className="num"),
                    html.Td(note, className="no" if old[i] or mark not in ("", "N") else "mut"),
                    html.Td(wording.day_hms(seen, lang), className="num mut"),
                ],
                className="old" if old[i] else "",
            )
        )
    head = (
        Text("时间", "Time"),
        Text("读数", "Reading"),
        Text("标记", "Mark"),
        Text("收到（服务器时钟）", "Received (server clock)"),
    )
    n = Text("{n} 条，其中被替换 {o} 条", "{n}, of which {o} replaced").fill(
        n=wording.number(len(every.at_ms), lang=lang), o=wording.number(int(old.sum()), lang=lang)
    )
    frames = html.A(
        Text("最近 1 小时原始报文", "Raw frames of the last hour").say(lang),
        href=f"/raw/{station.mn}.txt?minutes=60",
        target="_blank",
        className="card-link",
    )
    body: list[Any] = [_table(head, rows, lang), frames] if rows else [_none(lang)]
    if len(every.at_ms) > MOST_ROWS:
        more = Text("只列最近 {n} 条，全部见导出文件", "the newest {n}; the file has all").fill(n=MOST_ROWS)
        body.append(html.P(more.say(lang), className="mut"))
    return panel.region(Text("实时读数", "Readings"), lang, body, note=n.say(lang))


def _none(lang: Lang) -> Any:
    return panel.empty(Text("这段时间没有数据", "No data in this time"), lang)


def register(app: Dash, web: Web) -> None:
    """Add the page; it has no callbacks."""
    web.pages.add(Page(PATH, NAME, partial(layout, web), theme="light", nav=False))
