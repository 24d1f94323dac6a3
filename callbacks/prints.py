"""Fingerprints as small multiples: water that was seen against the suspects, and one enterprise's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from dash import dcc, html

from callbacks import panel, wording
from callbacks.firm_panels import Point
from geodata.places import Enterprise, Outlet
from geodata.words import Lang, Text
from twin.factors import factor
from twin.fingerprints import LEARNED, PERMIT, RAW, USUAL_SPREAD, Print
from twin.model import Ranking, Suspect

TOP = 3
DECADES = 1.0  # a dot at either end is so many powers of ten away from the middle
OLD_DAYS = 365
LIBRARY = "/admin?tab=fingerprints"
SOURCES: dict[str, Text] = {
    LEARNED: Text("在线学习", "learned from its meter"),
    PERMIT: Text("仅许可限值", "permit limit only"),
    "demo": Text("示例", "demo"),
}


def place(ratio: float) -> float:
    """Return where a ratio stands on a row, per cent from the left; 50 where both agree."""
    decades = math.log10(ratio) / DECADES
    return 50.0 + 50.0 * max(-1.0, min(1.0, decades))


def agrees(ratio: float, spread: float = USUAL_SPREAD) -> bool:
    """Tell whether a ratio is within what batches differ by: two standard deviations."""
    return abs(math.log(ratio)) <= 2 * spread


def times(ratio: float) -> str:
    """Write a ratio: twice as much is ×2, half as much ÷2."""
    if 0.95 < ratio < 1.05:
        return "×1.0"
    size, sign = (ratio, "×") if ratio > 1 else (1 / ratio, "÷")
    return f"{sign}{size:.1f}" if size < 9.95 else f"{sign}{size:.0f}"


def mark(ratio: float | None, rank: int, spread: float = USUAL_SPREAD) -> Any:
    """Return one row of a small multiple: the middle, the band in which batches lie, and the dot."""
    if ratio is None or not ratio > 0 or not math.isfinite(ratio):
        return html.Span(wording.NONE, className="fp-m none")
    band = place(math.exp(2 * spread)) - 50.0
    return html.Span(
        [
            html.Span(
                [
                    html.U(style={"left": f"{50 - band:.1f}%", "width": f"{2 * band:.1f}%"}),
                    html.I(className=f"s{rank}", style={"left": f"{place(ratio):.1f}%"}),
                ],
                className="fp-t",
            ),
            html.B(times(ratio)),
        ],
        className="fp-m" if agrees(ratio, spread) else "fp-m far",
    )


def shown_factors(top: Sequence[Suspect]) -> list[str]:
    """Return the factors any of them is compared in, those compared most often first."""
    count: dict[str, int] = {}
    for suspect in top:
        for code in suspect.makeup:
            count[code] = count.get(code, 0) + 1
    return sorted(count, key=lambda code: (-count[code], code))


def against_sample(ranking: Ranking, enterprises: Mapping[str, Enterprise], lang: Lang) -> list[Any]:
    """Return the small multiples of the first three suspects; nothing where no water can be compared."""
    top = ranking.suspects[:TOP]
    factors = shown_factors(top)
    if len(factors) < 2:
        return []
    title = Text("水样对指纹", "Water against fingerprints")
    note = Text("点在中线：比例相符", "middle: in proportion")
    head = [
        html.Th([html.I(str(k), className=f"rk s{k}"), _short(enterprises, s.enterprise, lang)], scope="col")
        for k, s in enumerate(top, 1)
    ]
    rows = [
        html.Tr(
            [
                html.Th(factor(code).short.say(lang), scope="row"),
                *[html.Td(mark(s.makeup.get(code), k)) for k, s in enumerate(top, 1)],
            ]
        )
        for code in factors
    ]
    table = html.Table([html.Thead(html.Tr([html.Td(), *head])), html.Tbody(rows)], className="fp mx")
    foot = html.P(dcc.Link(_held(ranking).say(lang), href=LIBRARY), className="fp-foot")
    return [html.Div([panel.heading(title, lang, note.say(lang)), table, foot], className="fp-box")]


def _held(ranking: Ranking) -> Text:
    """Say which library the waters were compared with."""
    version = ranking.basis.library if ranking.basis else 0
    return (
        Text("指纹库第 {v} 版", "library version {v}").fill(v=version)
        if version
        else Text("指纹库", "fingerprint library")
    )


def _short(enterprises: Mapping[str, Enterprise], id: str, lang: Lang) -> str:
    return enterprises[id].short.say(lang) if id in enterprises else id


# one enterprise -------------------------------------------------------------------------------------------


def of_firm(
    prints: Sequence[Print],
    outlets: Sequence[Outlet],
    points: Sequence[Point],
    version: int,
    today: date,
    lang: Lang,
) -> Any:
    """Return an enterprise's fingerprints: each water with its factors, and where its meter stands today.

    Parameters
    ----------
    prints : sequence of Print
        Of this enterprise only.
    version : int
        Of the library; 0 where only the park file speaks.
    """
    title = Text("水质指纹", "Fingerprints")
    note = Text("指纹库第 {v} 版", "library version {v}").fill(v=version) if version else None
    if not prints:
        nothing = panel.empty(Text("没有指纹", "No fingerprint"), lang)
        return panel.region(title, lang, [nothing], name="en-fp")
    waters = [RAW, *[o.id for o in outlets]]
    body = [
        _water(mine, now if outlet else {}, today, lang)
        for outlet in waters
        if (mine := [p for p in prints if p.outlet == outlet])
        for now in [_medians(points)]
    ]
    said = dcc.Link((note or Text("指纹库", "fingerprint library")).say(lang), href=LIBRARY)
    return panel.region(title, lang, [html.Div(body, className="fp-2")], note=said, name="en-fp")


def _medians(points: Sequence[Point]) -> dict[str, float]:
    """Median of the last day by factor, of the meters that spoke."""
    found = {}
    for point in points:
        good = point.curve.measured().value
        if len(good):
            found[point.factor] = float(np.median(good))
    return found


def _water(mine: Sequence[Print], now: Mapping[str, float], today: date, lang: Lang) -> Any:
    first = mine[0]
    name = (
        Text("{o} 正常排放", "{o}, normal discharge").fill(o=first.outlet)
        if first.outlet
        else Text("未稀释废水", "undiluted water")
    )
    newest = max(p.as_of for p in mine)
    samples = max(p.samples for p in mine)
    source = " · ".join(
        dict.fromkeys(SOURCES.get(p.source, Text(p.source, p.source)).say(lang) for p in mine)
    )
    old = (today - newest).days > OLD_DAYS
    age = Text("截至 {d}", "as of {d}").fill(d=newest.isoformat()).say(lang)
    count = Text("{n} 个样本", "{n} samples").fill(n=samples).say(lang) if samples else ""
    facts = [html.Span(source), html.Span(count), html.Span(age, className="old" if old else "")]
    rows = [_row(p, now.get(p.factor), lang) for p in mine]
    return html.Div(
        [
            html.H4([html.B(name.say(lang)), *[f for f in facts if f.children]]),
            html.Table([html.Thead(html.Tr(_heads(first, lang))), html.Tbody(rows)], className="fp"),
        ],
        className="fp-w",
    )


def _heads(first: Print, lang: Lang) -> list[Any]:
    words = [Text("中值", "middle"), Text("批次间", "batches")]
    if first.outlet:
        words.append(Text("近 24 小时", "last 24 h"))
    return [html.Td(), *[html.Th(w.say(lang), scope="col") for w in words]]


def _row(p: Print, now: float | None, lang: Lang) -> Any:
    what = factor(p.factor)
    cells = [
        html.Th(what.short.say(lang), scope="row"),
        html.Td([what.show(p.value), html.Small(f" {what.unit}")], className="num"),
    ]
    if p.source == PERMIT:
        words = Text("仅知限值", "only its limit is known")
        return html.Tr([*cells, html.Td(words.say(lang), colSpan=2, className="mut")])
    spread = html.Td(f"×÷{math.exp(p.spread):.2f}", className="num mut")
    if not p.outlet:
        return html.Tr([*cells, spread])
    return html.Tr([*cells, spread, html.Td(mark(now / p.value if now else None, 1, p.spread))])
