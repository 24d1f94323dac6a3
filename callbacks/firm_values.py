"""One enterprise's week by the rules of data quality: what came, what counts, what was carried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from dash import dcc, html

from callbacks import wording
from callbacks.point_tables import address, since
from geodata.places import Station
from geodata.words import Lang, Text
from twin.curves import Window
from twin.factors import factor
from twin.history.columns import DAY_MS
from twin.indicators import Transfer, together
from twin.quality import point
from twin.quality.days import Total, total
from twin.quality.hours import FLOW
from twin.quality.point import PointValues
from twin.quality.rules import Rules

DAYS = 7
Values = Mapping[tuple[str, str], PointValues]
"""By station and factor."""


class Past(Protocol):
    """What of the history is asked here."""

    def window(
        self,
        from_ms: int,
        to_ms: int,
        cn: str = "2011",
        stat: str | None = None,
        mns: Sequence[str] | None = None,
    ) -> Window:
        """Values of some loggers."""


def read(
    history: Past, stations: Sequence[Station], now_ms: int, rules: Rules
) -> dict[tuple[str, str], PointValues]:
    """Read the last days of an enterprise's stations; nothing where their loggers send no minute means.

    Raises
    ------
    UnavailableError
        The history is away.
    """
    if not stations:
        return {}
    from_ms = since(now_ms, DAYS)
    window = history.window(from_ms, now_ms, point.MEANS, mns=[s.mn for s in stations])
    if not len(window.at_ms):
        return {}
    return {
        (s.id, code): point.of_window(
            window,
            s.mn,
            code,
            metered=FLOW in s.factors,
            interval_s=600.0,
            from_ms=from_ms,
            to_ms=now_ms,
            rules=rules,
        )
        for s in stations
        for code in s.factors
    }


def carried(found: Values, code: str) -> Total | None:
    """Return the load of a factor over all stations that can tell it; None where none can."""
    days = [day for (_, c), it in found.items() if c == code for day in it.days if day.weighted]
    return total(days) if any(day.valid for day in days) else None


def water_m3(found: Values) -> float | None:
    """Return the volume that passed, None where no flow is measured."""
    days = [day for (_, c), it in found.items() if c == FLOW for day in it.days if day.valid]
    return sum(day.m3 for day in days) if days else None


def of_week(found: Values, code: str, lang: Lang) -> Any:
    """Return the week's load of a factor, which opens to its readings; its title tells how complete it is."""
    place = next((key for key in found if key[1] == code), None)
    if code == FLOW:
        m3 = water_m3(found)
        said, note = (None if m3 is None else " ".join(wording.volume(m3, lang))), ""
    else:
        load = carried(found, code)
        said = None if load is None else f"{wording.kilograms(load.kg + load.replaced_kg, lang=lang)} kg"
        note = "" if load is None else _complete(load, lang)
    if said is None or place is None:
        return html.Span(wording.NONE, className="wk")
    mark = "*" if note and carried_replaced(found, code) else ""
    return dcc.Link(f"{said}{mark}", href=address(*place, DAYS), title=note, className="wk")


def carried_replaced(found: Values, code: str) -> bool:
    """Tell whether some of a load was put in place of days without a value."""
    load = carried(found, code)
    return load is not None and load.replaced_days > 0


def _complete(load: Total, lang: Lang) -> str:
    done = Text("实测 {k} kg，小时完整率 {p}%", "measured {k} kg, {p}% of the hours").fill(
        k=wording.kilograms(load.kg, lang=lang), p=wording.percent(load.share, lang=lang)
    )
    more = Text("；替代 {k} kg（{n} 天）", "; replaced {k} kg (days: {n})").fill(
        k=wording.kilograms(load.replaced_kg, lang=lang), n=load.replaced_days
    )
    return done.say(lang) + (more.say(lang) if load.replaced_days else "")


def rates(found: Values, now_ms: int) -> dict[tuple[str, str], Transfer]:
    """Return what came and what counts in the last day, point by point."""
    return {key: it.hours.since(now_ms - DAY_MS).transfer for key, it in found.items()}


def rate_table(
    stations: Sequence[Station], found: Values, now_ms: int, rules: Rules, lang: Lang
) -> list[Any]:
    """Return the three rates of every point in the last day; each opens to its readings."""
    by_point = rates(found, now_ms)
    if not by_point:
        none = Text("没有分钟均值，无法统计", "no minute means to count")
        return [html.P(none.say(lang), className="empty")]
    head = (
        Text("因子", "Factor"),
        Text("传输率", "Received"),
        Text("有效率", "Valid"),
        Text("传输有效率", "Both"),
    )
    rows = [
        html.Tr(
            [
                html.Td(f"{factor(code).short.say(lang)}{'' if len(stations) == 1 else ' ' + station}"),
                *[
                    html.Td(wording.rate(share, lang), className="num")
                    for share in (sent.rate, sent.valid_rate)
                ],
                html.Td(
                    dcc.Link(wording.rate(sent.effective, lang), href=address(station, code)),
                    className=f"num {_grade(sent.effective, rules)}",
                ),
            ]
        )
        for (station, code), sent in by_point.items()
    ]
    every = together(list(by_point.values()))
    note = f"≥ {rules.good.value * 100:.0f}% · {rules.good.cited.say(lang)}"
    last = html.Tr(
        [
            html.Td(Text("合计", "all").say(lang)),
            *[
                html.Td(wording.rate(share, lang), className="num")
                for share in (every.rate, every.valid_rate)
            ],
            html.Td(
                html.B(wording.rate(every.effective, lang)),
                className=f"num {_grade(every.effective, rules)}",
            ),
        ]
    )
    first = html.Tr([html.Th(text.say(lang)) for text in head])
    return [html.Table([html.Thead(first), html.Tbody([*rows, last])], className="rt", title=note)]


def _grade(share: float | None, rules: Rules) -> str:
    if share is None:
        return "none"
    return "" if share >= rules.good.value else "fair" if share >= rules.fair.value else "poor"
