"""The indicators of one enterprise beside others, its month as a calendar; "no data" is never green."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from callbacks import panel, wording
from callbacks.firm_month import Compared
from callbacks.firm_panels import NO_DATA
from callbacks.point_tables import address
from geodata.words import Lang, Text
from twin.clock import as_datetime
from twin.model import Level
from twin.scorecard import Indicator, Score, Square

MONTH_DAYS = 30
PERIOD_WORDS: dict[str, Text] = {
    "now": Text("当前", "now"),
    "day": Text("日", "day"),
    "month": Text("本月", "this month"),
    "year": Text("本年", "this year"),
}
UNITS: dict[str, Text] = {
    "n": Text("次", ""),
    "d": Text("天", "d"),
    "min": Text("分钟", "min"),
}
WEEKDAYS = Text("一 二 三 四 五 六 日", "M T W T F S S")
SAID: dict[Level, Text] = {
    Level.ALARM: Text("日均值超限", "daily mean over"),
    Level.WARNING: Text("有超标，日均值达标", "over, mean within"),
    Level.NORMAL: Text("日均值达标", "daily mean within"),
    Level.OFFLINE: Text("无有效日均值", "no valid mean"),
}


def unit(indicator: Indicator, lang: Lang) -> str:
    """Return an indicator's unit as it is read."""
    return UNITS[indicator.unit].say(lang) if indicator.unit in UNITS else indicator.unit


def shown(indicator: Indicator, value: float, lang: Lang) -> str:
    """Return a value with the digits it deserves."""
    if indicator.unit == "n":
        return f"{value:.0f}"
    return wording.number(value, 0 if indicator.unit in ("d", "min") or value >= 1000 else 1, lang=lang)


def bounds(indicator: Indicator, lang: Lang) -> str:
    """Return from where on an indicator is green, and from where on red: `≤ 80 / > 100`."""
    if indicator.good is None or indicator.fair is None:
        return Text("未定", "not set").say(lang)
    green, red = ("≤", ">") if indicator.less else ("≥", "<")
    return f"{green}\u2009{indicator.good:g} / {red}\u2009{indicator.fair:g}"


def table(indicators: Sequence[Indicator], found: Compared, lang: Lang) -> Any:
    """Return every indicator: the enterprise on screen, its place in its trade, and those beside it."""
    first = found.firms[0]
    head = [
        Text("指标", "Indicator"),
        Text("时段", "Period"),
        first.short,
        Text("同行业排名", "In its trade"),
        Text("同行业中位", "Trade median"),
        *[e.short for e in found.firms[1:]],
        Text("绿 / 红", "Green / red"),
        Text("说明", "Note"),
    ]
    rows = [_row(it, found, lang) for it in indicators]
    # What can be counted comes first: nobody looks for it among what cannot.
    rows.sort(key=lambda row: row.className == "none")
    note = Text("{t}，{n} 家", "{t}: {n}").fill(t=first.trade, n=len(found.trade))
    return panel.region(
        Text("全部指标", "All indicators"),
        lang,
        [
            html.Table(
                [
                    html.Thead(html.Tr([html.Th(text.say(lang), scope="col") for text in head])),
                    html.Tbody(rows),
                ],
                className="en-all",
            )
        ],
        note=note.say(lang),
        name="en-cards-table",
    )


def _row(indicator: Indicator, found: Compared, lang: Lang) -> Any:
    scores = [found.scores[e.id].get(indicator.key) for e in found.firms]
    place = found.standing(indicator)
    rank = wording.NONE if place is None else f"{place.rank}/{place.of}"
    middle = wording.NONE if place is None else shown(indicator, place.middle, lang)
    note = found.note(indicator)
    known = any(score is not None for score in scores)
    return html.Tr(
        [
            html.Th(
                [indicator.name.say(lang), html.Small(unit(indicator, lang))],
                scope="row",
                title=indicator.formula.say(lang),
            ),
            html.Td(PERIOD_WORDS[indicator.period].say(lang), className="mut"),
            _value(indicator, scores[0], lang),
            html.Td(rank, className="num"),
            html.Td(middle, className="num mut"),
            *[_value(indicator, score, lang) for score in scores[1:]],
            html.Td(bounds(indicator, lang), className="num mut"),
            html.Td(note.say(lang) if note else "", className="mut nt"),
        ],
        className="" if known else "none",
    )


def _value(indicator: Indicator, score: Score | None, lang: Lang) -> Any:
    if score is None or score.value is None:
        return html.Td([panel.mark(Level.OFFLINE, lang), html.Span(NO_DATA.say(lang))], className="nd")
    level = indicator.level(score.value)
    said = html.B(shown(indicator, score.value, lang))
    days = MONTH_DAYS if indicator.period == "month" else 1
    body = said if score.point is None else dcc.Link(said, href=address(*score.point, days))
    unjudged = indicator.good is None
    return html.Td([None if unjudged else panel.mark(level, lang), body], className="vl")


def calendar(squares: Sequence[Square], lang: Lang) -> Any:
    """Return the month so far, a square a day; each opens to the readings of its worst point."""
    title = Text("达标日历", "Compliance calendar")
    if not squares:
        return panel.region(title, lang, [panel.empty(Text("没有数据", "No data"), lang)], name="en-cal")
    first = wording.local(as_datetime(squares[0].start_ms))
    lead = [html.Li(className="pad") for _ in range(first.weekday())]
    names = [html.Li(day, className="wd") for day in WEEKDAYS.say(lang).split()]
    now = Text("{y} 年 {m} 月", "{y}-{m:02d}").fill(y=first.year, m=first.month)
    key = html.P(
        [html.Span([panel.mark(level, lang), text.say(lang)]) for level, text in SAID.items()],
        className="cal-key",
    )
    body = html.Ul([*names, *lead, *[_square(square, lang) for square in squares]], className="cal")
    return panel.region(title, lang, [body, key], note=now.say(lang), name="en-cal")


def _square(square: Square, lang: Lang) -> Any:
    day = wording.local(as_datetime(square.start_ms)).day
    said = Text(
        "{d} 日：{s}；{n} 个日均值，{b} 个超限，{e} 次超标",
        "day {d}: {s}; daily means {n}, outside {b}, exceedances {e}",
    )
    words = said.fill(d=day, s=SAID[square.level], n=square.judged, b=square.outside, e=square.episodes).say(
        lang
    )
    inside = [html.Span(str(day)), panel.mark(square.level, lang)]
    body = (
        html.Span(inside, title=words)
        if square.point is None
        else dcc.Link(inside, href=address(*square.point, MONTH_DAYS), title=words)
    )
    return html.Li(body, className=f"dy d-{square.level.name.lower()}", **panel.attrs(aria_label=words))
