"""After the act: what was foretold against what came, scored; kept with the incident."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from callbacks import panel, wording
from geodata.places import Gate, Receptor
from geodata.words import Lang, Text
from twin.plan.afterwards import Came, Review

TITLE = Text("复盘与证据", "Score and evidence")
PACK = Text("证据包（JSON，带校验）", "Evidence (JSON, sealed)")
SIGNED = Text("登录后可导出", "for those who are signed in")
NOTHING = Text("有闸动作之后才有评分", "There is a score once a gate has moved")


def show(
    review: Review | None,
    incident: str,
    gates: Mapping[str, Gate],
    receptors: Mapping[str, Receptor],
    lang: Lang,
) -> Any:
    """Return the score of an incident, its parts, every arrival foretold against seen, and the evidence."""
    pack = html.P(
        [
            html.A(PACK.say(lang), href=f"/export/incident/{incident}.json", download="", className="btn s"),
            html.Span(SIGNED.say(lang), className="mut"),
        ],
        className="sc-file",
    )
    if review is None:
        return html.Div([panel.empty(NOTHING, lang), pack], className="sc")
    score = wording.NONE if review.score is None else str(review.score)
    final = Text("终评", "final") if review.final else Text("暂评", "so far")
    made = "" if review.at is None else f" {wording.hm(review.at)}"
    return html.Div(
        [
            html.Div(
                [html.B(score), html.Span(" / 100"), html.Em(final.say(lang) + made)],
                className="sc-big",
                **panel.attrs(data_score=score),
            ),
            html.Dl([html.Div([html.Dt(k.say(lang)), html.Dd(v.say(lang))]) for k, v in facts(review)]),
            _arrivals(review, gates, receptors, lang),
            pack,
        ],
        className="sc",
    )


def facts(review: Review) -> list[tuple[Text, Text]]:
    """Return the parts of the score, each with what was foretold and what came."""

    def share(value: float | None) -> Text:
        if value is None:
            return Text(wording.NONE, wording.NONE)
        return Text("{p}%", "{p}%").fill(p=wording.Figure(wording.percent, value))

    def kg(value: float | None) -> Text:
        return wording.Figure(wording.kilograms, value)

    came = _came_by(review)
    return [
        (Text("到达在区间内", "Arrivals within band"), share(review.inside)),
        (Text("到达中位误差", "Median arrival error"), share(review.error)),
        (Text("站点符合预测", "Stations as foretold"), _stations(review)),
        (
            Text("闸门 及时/超时/失败", "Gates in time/late/failed"),
            Text("{a} / {b} / {c}", "{a} / {b} / {c}").fill(a=review.in_time, b=review.late, c=review.failed),
        ),
        (
            Text("到达敏感点 不处置→已处置", "Reaching receptors (engine)"),
            Text("{a} → {b} kg", "{a} → {b} kg").fill(a=kg(review.kg_nothing), b=kg(review.kg_plan)),
        ),
        (
            Text("实测到达（上限）", "Measured to arrive (at most)"),
            Text("{w} kg", "{w} kg").fill(w=came) if review.kg_came else Text("无测站", "no station"),
        ),
        (
            Text("排放量 初判→终判", "Released (first → last)"),
            Text("{a} → {b} kg", "{a} → {b} kg").fill(a=kg(review.kg_first), b=kg(review.kg_last)),
        ),
    ]


def _came_by(review: Review) -> Text:
    def by(lang: Lang) -> str:
        return ", ".join(
            f"{r} {wording.kilograms(kg, lang=lang)}" for r, kg in sorted(review.kg_came.items())
        )

    return wording.Figure(by)


def _stations(review: Review) -> Text:
    """Say how many stations saw the plume when it was foretold, and how far the worst was off."""
    seen = review.sightings
    if not seen:
        return Text(wording.NONE, wording.NONE)
    off = max(abs((s.seen - s.middle).total_seconds()) for s in seen) / 60
    return Text("{k} / {n}，最多差 {m} 分", "{k} of {n}, {m} min off at most").fill(
        k=sum(s.expected for s in seen), n=len(seen), m=f"{off:.0f}"
    )


def _arrivals(
    review: Review, gates: Mapping[str, Gate], receptors: Mapping[str, Receptor], lang: Lang
) -> Any:
    if not review.arrivals:
        return None
    heads = (Text("地点", "Place"), Text("预计", "Foretold"), Text("实到", "Seen"), Text("误差", "Error"))
    names = {**{g: v.name for g, v in gates.items()}, **{r: v.name for r, v in receptors.items()}}
    rows = [_came(c, names, lang) for c in review.arrivals]
    return html.Table(
        [html.Thead(html.Tr([html.Th(h.say(lang), scope="col") for h in heads])), html.Tbody(rows)]
    )


def _came(c: Came, names: Mapping[str, Text], lang: Lang) -> Any:
    name = names.get(c.place, Text("", ""))
    band = f"{wording.hm(c.early)}–{wording.hm(c.late)}"
    tone = "num" if c.inside else "num tx-warning"
    return html.Tr(
        [
            html.Td(f"{c.place} {name.say(lang)}"),
            html.Td(f"{wording.hm(c.middle)} ({band})", className="num"),
            html.Td(wording.hm(c.seen), className=tone),
            html.Td(f"{wording.percent(c.error, lang=lang)}%", className=tone),
        ]
    )
