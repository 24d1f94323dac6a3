"""The suspects of one incident: how likely, why and why not, who cannot be told apart, what to sample."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dash import html

from callbacks import panel, prints, sample_form, wording
from geodata.places import Enterprise
from geodata.words import Lang, Text
from twin.model import Bounds, Change, Ranking, Reason, Sample, Suspect

KINDS: dict[str, Text] = {
    "reach": Text("水力可达", "Reach"),
    "onset": Text("到达时间", "Arrival time"),
    "clean": Text("未报警站点", "Quiet stations"),
    "shape": Text("形状与总量", "Shape, mass"),
    "fingerprint": Text("特征指纹", "Fingerprint"),
    "meter": Text("排口计量", "Outlet meter"),
    "valve": Text("阀门", "Valve"),
    "slot": Text("公管时段", "Pipe slot"),
    "permit": Text("许可", "Permit"),
    "history": Text("历史", "History"),
    "sample": Text("采样结果", "Sample"),
}
"""Kinds of evidence, in the order in which they are read."""

TOP = 3
FULL = 3.5  # nats that fill a bar
VAST = 1000.0  # nine in ten lie within so many times
ROOM = 24  # px a bar may be long, with room for its number in half a cell

TITLE = Text("疑似源", "Suspected sources")


def name(enterprises: Mapping[str, Enterprise], id: str, lang: Lang) -> str:
    """Return an enterprise's short name; its id where the park does not know it."""
    return enterprises[id].short.say(lang) if id in enterprises else id


def others(ranking: Ranking) -> float:
    """Return what is left for the suspects that are not shown."""
    return max(0.0, 1.0 - ranking.unknown - sum(s.probability for s in ranking.suspects[:TOP]))


def weights(suspect: Suspect) -> dict[str, float]:
    """Return a suspect's evidence in nats, by kind."""
    total: dict[str, float] = {}
    for reason in suspect.reasons:
        total[reason.kind] = total.get(reason.kind, 0.0) + reason.nats
    return total


def shown_kinds(top: tuple[Suspect, ...]) -> list[str]:
    """Return the kinds of evidence any of them has, known kinds first in their order."""
    have = {kind for suspect in top for kind in weights(suspect)}
    return [k for k in KINDS if k in have] + sorted(have - set(KINDS))


def _head(rank: int, suspect: Suspect, who: str, lang: Lang, *, chosen: bool) -> Any:
    return html.Th(
        html.Button(
            [
                html.Span(
                    [html.I(str(rank), className=f"rk s{rank}"), _probability(suspect.probability, lang)]
                ),
                html.Span(who, className="who"),
            ],
            id={"type": "em-suspect", "index": rank - 1},
            className="sus-pick is-on" if chosen else "sus-pick",
            **panel.attrs(aria_pressed="true" if chosen else "false"),
        ),
        scope="col",
    )


def _probability(share: float, lang: Lang) -> Any:
    return html.B([wording.percent(share, lang=lang), html.Small("%")], className="pr")


def evidence_bar(nats: float | None, rank: int, lang: Lang) -> Any:
    """Return one cell of the evidence table: a bar to the right for, to the left against, and the number."""
    if nats is None:
        return html.Span(wording.NONE, className="ev none")
    width = min(abs(nats) / FULL, 1.0) * ROOM
    side = "for" if nats >= 0 else "against"
    return html.Span(
        [
            html.I(className=f"s{rank}", style={"width": f"{width:.1f}px"}),
            html.B(wording.signed(nats, lang=lang)),
        ],
        className=f"ev {side}",
        style={"--w": f"{width:.1f}px"},
    )


def matrix(ranking: Ranking, enterprises: Mapping[str, Enterprise], lang: Lang, chosen: int) -> Any:
    """Return the table of evidence: a row a kind, a column a suspect."""
    top = ranking.suspects[:TOP]
    columns = [weights(s) for s in top]
    head = [
        _head(i, s, name(enterprises, s.enterprise, lang), lang, chosen=i - 1 == chosen)
        for i, s in enumerate(top, 1)
    ]
    rows = [
        html.Tr(
            [
                html.Th(KINDS.get(kind, Text(kind, kind)).say(lang), scope="row"),
                *[html.Td(evidence_bar(column.get(kind), i, lang)) for i, column in enumerate(columns, 1)],
            ]
        )
        for kind in shown_kinds(top)
    ]
    return html.Table([html.Thead(html.Tr([html.Td(), *head])), html.Tbody(rows)], className="mx")


def axis(lang: Lang) -> Any:
    """Return what the bars mean."""
    words = (
        Text("◂ 反对", "◂ against"),
        Text("证据强度（自然对数）", "strength, natural log"),
        Text("支持 ▸", "for ▸"),
    )
    return html.P([html.Span(w.say(lang)) for w in words], className="ax")


def share_bar(ranking: Ranking, lang: Lang) -> Any:
    """Return one bar of all probability: the first three, the others, the source on no list."""
    top = ranking.suspects[:TOP]
    parts = [(f"s{i}", s.probability) for i, s in enumerate(top, 1)]
    parts += [("s5", others(ranking)), ("s4", ranking.unknown)]
    more = len(ranking.suspects) - len(top)
    legend = [
        html.Span(
            Text("其余 {n} 家 {p}%", "{n} others {p}%")
            .fill(n=more, p=wording.percent(others(ranking), lang=lang))
            .say(lang)
        )
        if more > 0
        else None,
        html.Span(unknown_text(ranking).say(lang), className="un"),
    ]
    return html.Div(
        [
            html.Div(
                [html.I(className=c, style={"flexGrow": f"{p:.4f}"}) for c, p in parts], className="shr"
            ),
            html.P(legend, className="shl"),
        ]
    )


def unknown_text(ranking: Ranking) -> Text:
    """Say the share of a source that is on no list."""
    return Text("未列明来源 {p}%", "unlisted source {p}%").fill(
        p=wording.Figure(wording.percent, ranking.unknown)
    )


def group_texts(ranking: Ranking, enterprises: Mapping[str, Enterprise]) -> list[Text]:
    """Say who cannot be told apart: by number if shown above, otherwise by name; best first, two at most."""
    order = {s.enterprise: i for i, s in enumerate(ranking.suspects, 1)}
    groups = [sorted(g, key=lambda e: order.get(e, 999)) for g in ranking.groups if len(g) > 1]
    groups.sort(key=lambda g: order.get(g[0], 999))
    said = []
    for group in groups[:2]:
        if order.get(group[0], 999) > TOP:
            continue

        def called(id: str, lang: Lang) -> str:
            who = name(enterprises, id, lang)
            return f"{order[id]} {who}" if order.get(id, 999) <= TOP else who

        first = group[:4]
        more = len(group) - len(first)
        zh = "、".join(called(e, "zh") for e in first) + (f" 等 {len(group)} 家" if more else "")
        en = ", ".join(called(e, "en") for e in first) + (f" and {more} more" if more else "")
        said.append(Text(zh, en))
    return said


def groups(ranking: Ranking, enterprises: Mapping[str, Enterprise], lang: Lang) -> list[Any]:
    """Return a bar for each group that hydraulics cannot tell apart."""
    why = Text(
        "水力上不可分，只能靠指纹、阀门或采样区分",
        "cannot be told apart by hydraulics; fingerprint, valve or a sample must decide",
    )
    return [
        html.Div([html.B(text.say(lang)), html.Span(why.say(lang))], className="grp")
        for text in group_texts(ranking, enterprises)
    ]


def in_order(reasons: tuple[Reason, ...]) -> tuple[list[Reason], list[Reason]]:
    """Return the evidence for and the evidence against, each with the strongest first.

    What weighs nothing is no evidence for anybody: it stands last, behind what speaks against.
    """
    return (
        sorted((r for r in reasons if r.nats > 0), key=lambda r: -r.nats),
        sorted((r for r in reasons if r.nats <= 0), key=lambda r: r.nats),
    )


def sentence(reason: Reason, lang: Lang) -> Any:
    """Return one piece of evidence as a sentence with its sign."""
    if reason.nats > 0:
        tag, kind = Text("证", "for"), "f"
    elif reason.nats < 0:
        tag, kind = Text("反", "against"), "a"
    else:
        tag, kind = Text("平", "neutral"), "a"
    return html.Li([html.Em(tag.say(lang), className=kind), html.Span(reason.text.say(lang))])


def sentences(suspect: Suspect, lang: Lang, most: int = 99) -> Any:
    """Return the evidence on one suspect in words: for, then against; both sides keep their strongest."""
    pro, con = in_order(suspect.reasons)
    if len(pro) + len(con) > most:
        keep = min(len(con), max(1, most - len(pro)))
        pro, con = pro[: most - keep], con[:keep]
    return html.Ul([sentence(r, lang) for r in (*pro, *con)], className="why")


def _vast(within: Bounds) -> bool:
    """Whether so little is known of an amount that a number would mislead."""
    return (within.kg_most or 0.0) > VAST * max(within.kg_least or 0.0, 0.01)


ONGOING = Text("{a} 起", "since {a}")


def release(suspect: Suspect, at: datetime, lang: Lang, *, mass: bool = True) -> str:
    """Say when, where and, if asked, how much this suspect would have let go, as was known at a moment."""
    a, b = wording.hm(suspect.release_from), wording.hm(suspect.release_to)
    vague = suspect.bounds is not None and _vast(suspect.bounds)
    when = ONGOING.fill(a=a).say(lang) if suspect.release_to > at else f"{a}–{b}"
    much = (
        f"　{wording.kilograms(suspect.strength_kg, lang=lang)} kg"
        if mass and suspect.strength_kg and not vague
        else ""
    )
    return f"{when}　{suspect.outlet}{much}"


def bounds(within: Bounds) -> Text:
    """Say within what a release lies nine times in ten."""
    mass = within.kg_least is not None and within.kg_most is not None and not _vast(within)
    return Text(
        "九成把握：{a}–{b} 开始，历时 {m}–{n} 分{mass}", "9 in 10: begun {a}–{b}, for {m}–{n} min{mass}"
    ).fill(
        a=wording.hm(within.from_early),
        b=wording.hm(within.from_late),
        m=f"{within.minutes_least:.0f}",
        n=f"{within.minutes_most:.0f}",
        mass=Text("，{x}–{y} kg", ", {x}–{y} kg").fill(
            x=wording.Figure(wording.kilograms, within.kg_least),
            y=wording.Figure(wording.kilograms, within.kg_most),
        )
        if mass
        else Text("", ""),
    )


def news(ranking: Ranking, change: Change | None, lang: Lang) -> list[Any]:
    """Return why the first is another one than before, and a second source where one is not enough."""
    told = [
        (Text("首位已变", "Another leads"), change.text if change else None),
        (Text("可能有两处", "Perhaps two"), ranking.second.text if ranking.second else None),
    ]
    return [
        html.Div([html.B(head.say(lang)), html.Span(text.say(lang))], className="grp")
        for head, text in told
        if text is not None
    ]


def _sample(sample: Sample, lang: Lang) -> Any:
    return html.Li(
        [
            html.B(sample.node),
            html.Span(
                [sample.name.say(lang), html.Small(sample_form.told(sample.factor, sample.minutes, lang))]
            ),
            panel.bar(sample.top),
            html.B(f"{wording.percent(sample.top, lang=lang)}%", className="num"),
        ]
    )


def samples(ranking: Ranking, lang: Lang) -> Any:
    """Return where a sample would decide most."""
    title = Text("下一采样", "Sample next")
    note = Text("采后首位把握（期望）", "expected certainty of the first")
    body = (
        html.Ul([_sample(s, lang) for s in ranking.samples[:3]], className="ns")
        if ranking.samples
        else panel.empty(Text("没有能再区分的采样点", "No sample would tell more"), lang)
    )
    return html.Div([panel.heading(title, lang, note.say(lang)), body])


MADE_OF = Text("按园区版本 {v} 排序", "ranked on park version {v}")


def show(
    ranking: Ranking | None,
    enterprises: Mapping[str, Enterprise],
    lang: Lang,
    chosen: int = 0,
    change: Change | None = None,
    found: Any = None,
) -> Any:
    """Return the whole panel.

    Parameters
    ----------
    ranking : Ranking or None
        None while it is being computed.
    chosen : int
        Whose sentences are shown, counted from 0.
    change : Change, optional
        The last change of the leader.
    found : component, optional
        Who people have found it was; stands above what the machine thinks.
    """
    if ranking is None:
        return panel.region(
            TITLE, lang, [found, panel.waiting(Text("正在计算疑似源", "Ranking the sources"), lang, 8)]
        )
    if not ranking.suspects:
        body: list[Any] = [
            found,
            panel.empty(ranking.note or Text("没有可达的企业", "No enterprise can have done it"), lang),
            html.P(unknown_text(ranking).say(lang), className="shl"),
        ]
        return panel.region(TITLE, lang, body)
    at = min(max(chosen, 0), min(TOP, len(ranking.suspects)) - 1)
    suspect = ranking.suspects[at]
    note = Text("{t}，{n} 条读数", "{t}, {n} readings").fill(
        t=wording.hm(ranking.at), n=wording.number(ranking.readings_used, lang=lang)
    )
    return panel.region(
        TITLE,
        lang,
        [
            found,
            matrix(ranking, enterprises, lang, at),
            axis(lang),
            share_bar(ranking, lang),
            *news(ranking, change, lang),
            *groups(ranking, enterprises, lang),
            *prints.against_sample(ranking, enterprises, lang),
            html.P(
                [
                    html.B(name(enterprises, suspect.enterprise, lang)),
                    html.Span(release(suspect, ranking.at, lang)),
                ],
                className="sus-of",
            ),
            html.P(bounds(suspect.bounds).say(lang), className="sus-in") if suspect.bounds else None,
            sentences(suspect, lang),
            samples(ranking, lang),
            html.P(ranking.note.say(lang), className="foot") if ranking.note else None,
            html.P(MADE_OF.fill(v=ranking.park_version).say(lang), className="foot"),
        ],
        note=note.say(lang),
    )
