"""The wall when an incident has taken it over: what to do next and by when, who did it, which plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from dash import html

from callbacks import panel, plans, response, suspects, wording
from callbacks.dossier import Dossier
from callbacks.incidents import REPORT_S, level_of
from callbacks.pages import data
from geodata.places import Enterprise, Gate
from geodata.words import Lang, Text
from layers.style import LEVEL_WORDS
from twin.approval import NEEDED
from twin.clock import as_ms
from twin.model import Command, GatePlan, GateState, PlanSet, Ranking, Suspect

LONG_ZH, LONG_EN = 31, 58
"""Characters of a sentence that fill one line of the wall."""


def head(case: Dossier, lang: Lang) -> Any:
    """Return the head: what it is, how bad, since when, by when the first report is due."""
    incident = case.incident
    level = level_of(incident)
    facts = [
        html.B(LEVEL_WORDS[level].say(lang)),
        html.Span(wording.STATES[incident.state].say(lang)),
        html.Span(incident.id),
        html.Span(Text("首次异常 {t}", "first anomaly {t}").fill(t=wording.hms(case.first)).say(lang)),
        html.Span(
            [
                Text("已持续 ", "for ").say(lang),
                html.Span(**data(since=str(as_ms(case.first)))),
            ]
        ),
        html.Span(Text("初报时限 {t}", "report due {t}").fill(t=_due(case)).say(lang)),
    ]
    return [
        panel.mark(level, lang),
        html.Div([html.H1(incident.title.say(lang)), html.P(facts)], className="wl-title"),
    ]


def _due(case: Dossier) -> str:
    return wording.hm(case.incident.opened + timedelta(seconds=REPORT_S))


# what to do next ------------------------------------------------------------------------------------------


def next_action(
    planset: PlanSet | None,
    plan: GatePlan | None,
    commands: Sequence[Command],
    states: Mapping[str, GateState],
    names: Mapping[str, Gate],
    people: Mapping[str, Text],
    lang: Lang,
) -> Any:
    """Return the next action and its countdown; gates under way, or done, where nobody is waited for.

    Every gate that waits is written, soonest first, and the style sheet shows the first not yet past.
    """
    outcome = response.outcome(planset, plan, commands, states)
    acts = [_waiting(a, names, people, lang) for a in response.actions(plan, commands, states)]
    acts.append(_otherwise(outcome, response.shut(plan, commands, states), commands, lang))
    return html.Section(
        acts, className="wl-next", **panel.attrs(aria_label=Text("下一动作", "Next action").say(lang))
    )


def _waiting(
    action: response.Action, names: Mapping[str, Gate], people: Mapping[str, Text], lang: Lang
) -> Any:
    who = (
        [people.get(a.user, Text(a.user, a.user)).say(lang) for a in action.command.approvals]
        if action.command
        else []
    )
    return html.Div(
        [
            html.Div(
                [
                    html.P(
                        [
                            Text("下一动作", "Next").say(lang),
                            html.B(
                                Text("关 {g}", "close {g}")
                                .fill(g=plans.gate_name(names, action.gate, lang))
                                .say(lang)
                            ),
                        ],
                        className="l1",
                    ),
                    panel.until(action.move.close_by, "big"),
                    html.P(plans.reckoning(action.move, lang), className="l2"),
                ],
                className="c0",
            ),
            html.Div(
                [
                    html.Span(Text("已批准", "approved").say(lang)),
                    html.B([str(action.approvals), html.Small(f" / {NEEDED}")]),
                    html.Span("、".join(who) if who else Text("须两人", "two people").say(lang)),
                ],
                className="ap",
            ),
        ],
        className="act",
    )


SAYINGS: dict[str, tuple[Text, Text]] = {
    "none": (
        Text("方案计算中", "Working out plans"),
        Text("正在推算到达时间与可关的闸", "arrivals, and gates in time"),
    ),
    "held": (Text("{g} 已关闭", "{g} closed"), Text("按方案拦截，等待前锋到闸", "holding as planned")),
    "opened": (
        Text("闸门分步复位", "Gates open again, step by step"),
        Text("留意下游断面", "watch the sections below"),
    ),
    "late": (
        Text("没有来得及的闸", "No gate in time"),
        Text("按到达时间通知敏感点，准备下游取水口", "warn the receptors by their arrival times"),
    ),
}


def _otherwise(outcome: str, closed: Sequence[str], commands: Sequence[Command], lang: Lang) -> Any:
    """What stands there when no gate waits for people any more."""
    if outcome == "moving":
        return _moving(response.moving(commands), lang)
    big, small = SAYINGS[outcome]
    below = html.P(small.say(lang), className="l2")
    return _saying(Text("处置", "Response"), big.fill(g="、".join(closed)), below, lang)


def _moving(going: Sequence[Command], lang: Lang) -> Any:
    """The gates on their way, each with its opening live."""
    opening = [
        html.Span(
            [f"{c.gate} ", Text("开度", "open").say(lang), html.B(className="pct", **data(live_gate=c.gate))]
        )
        for c in going
    ]
    big = Text("正在关闭 {g}", "Closing {g}").fill(g="、".join(c.gate for c in going))
    return _saying(Text("闸门动作", "Gates moving"), big, html.P(opening, className="l2 pos"), lang)


def _saying(label: Text, big: Text, below: Any, lang: Lang) -> Any:
    body = [html.P(label.say(lang), className="l1"), html.P(big.say(lang), className="say"), below]
    return html.Div(html.Div(body, className="c0"), className="act last")


# who ------------------------------------------------------------------------------------------------------


def who(ranking: Ranking | None, enterprises: Mapping[str, Enterprise], lang: Lang) -> Any:
    """Return the first three suspects with their strongest reasons on both sides, and what is not known."""
    title = suspects.TITLE
    if ranking is None:
        return panel.region(title, lang, [panel.waiting(Text("正在计算", "Ranking"), lang, 4)], name="wl-who")
    note = suspects.unknown_text(ranking).say(lang)
    more = len(ranking.suspects) - suspects.TOP
    if more > 0:
        rest = Text("其余 {n} 家合计 {p}%", "{n} others {p}%")
        note += "　" + rest.fill(n=more, p=wording.percent(suspects.others(ranking), lang=lang)).say(lang)
    if not ranking.suspects:
        none = ranking.note or Text("没有可达的企业", "No enterprise can have done it")
        return panel.region(title, lang, [panel.empty(none, lang)], name="wl-who", note=note)
    top = ranking.suspects[: suspects.TOP]
    rows = [
        _suspect(
            i,
            s,
            ranking.at,
            suspects.name(enterprises, s.enterprise, lang),
            fitting(s, lang) if i == 1 else 2,
            lang,
        )
        for i, s in enumerate(top, 1)
    ]
    return panel.region(
        title, lang, [html.Ol(rows), _next_sample(ranking, enterprises, lang)], name="wl-who", note=note
    )


def fitting(suspect: Suspect, lang: Lang, lines: int = 4) -> int:
    """Return how many of the first suspect's sentences fit: a long one takes two lines."""
    pro, con = suspects.in_order(suspect.reasons)
    long = LONG_ZH if lang == "zh" else LONG_EN
    taken = sum(1 + (len(r.text.say(lang)) > long) for r in con[:1])
    found = len(con[:1])
    for reason in pro:
        taken += 1 + (len(reason.text.say(lang)) > long)
        if taken > lines:
            break
        found += 1
    return max(found, 2)


def _suspect(rank: int, suspect: Suspect, at: datetime, called: str, lines: int, lang: Lang) -> Any:
    return html.Li(
        [
            html.Span(str(rank), className=f"rk s{rank}"),
            html.Div(
                [
                    html.Div(
                        [html.H3(called), html.Span(suspects.release(suspect, at, lang, mass=False))],
                        className="sn",
                    ),
                    panel.bar(suspect.probability, f"p{rank}"),
                    suspects.sentences(suspect, lang, lines),
                ],
                className="sm",
            ),
            html.B([wording.percent(suspect.probability, lang=lang), html.Small("%")], className="pr"),
        ],
        className=f"sus-{rank}",
    )


def _next_sample(ranking: Ranking, enterprises: Mapping[str, Enterprise], lang: Lang) -> Any:
    apart = Text("{g} 仅凭水力不能分开。", "{g}: hydraulics cannot tell them apart. ")
    said: list[Any] = [apart.fill(g=g).say(lang) for g in suspects.group_texts(ranking, enterprises)[:1]]
    for sample in ranking.samples[:1]:
        said += [
            Text("下一采样 ", "Sample next ").say(lang),
            html.B(f"{sample.node} {sample.name.say(lang)}"),
            Text("，首位把握可到 ", ": certainty to ").say(lang),
            html.B(f"{wording.percent(sample.top, lang=lang)}%"),
        ]
    return html.P(said, className="nx") if said else None


# which plan -----------------------------------------------------------------------------------------------


def cards(case: Dossier, shown: GatePlan | None, lang: Lang) -> Any:
    """Return the plans side by side, doing nothing among them."""
    if case.planset is None:
        return html.Div(
            panel.waiting(Text("正在计算关闸方案", "Working out gate plans"), lang, 4), className="pl"
        )
    found = [_card(p, shown is not None and p.id == shown.id, lang) for p in case.planset.plans[:2]]
    return [*found, _nothing(case, lang)]


def _card(plan: GatePlan, on: bool, lang: Lang) -> Any:
    trapped, unit = wording.volume(plan.volume_m3, lang)
    used = plan.volume_m3 / plan.storage_m3 if plan.storage_m3 > 0 else None
    drop = plan.contained - plan.contained_late
    rows = (
        (Text("受污水量", "trapped"), f"{trapped} {unit}", ""),
        (
            Text("库容占用", "storage used"),
            f"{wording.percent(used, lang=lang)}%" if used is not None else wording.NONE,
            "",
        ),
        (
            Text("晚 15 分", "15 min later"),
            f"{wording.percent(plan.contained_late, lang=lang)}%",
            "tx-alarm" if drop > 0.1 else "",
        ),
    )
    note = plan.name.say(lang) + ("　" + Text("推荐", "best").say(lang) if plan.recommended else "")
    return html.Article(
        [
            html.Div(
                [
                    html.Span(plans.letter(plan), className="pk"),
                    html.B(" + ".join(m.gate for m in plan.moves)),
                ],
                className="ph",
            ),
            html.P(note, className="pn"),
            html.Div(
                [
                    html.B(wording.percent(plan.contained, lang=lang)),
                    html.Small("%"),
                    html.Span(Text("拦住", "held").say(lang)),
                ],
                className="pv",
            ),
            html.Dl([x for k, v, c in rows for x in (html.Dt(k.say(lang)), html.Dd(v, className=c))]),
        ],
        className="pl on" if on else "pl",
    )


def _nothing(case: Dossier, lang: Lang) -> Any:
    """What happens if no gate is closed, as far as the hydraulic engine has said."""
    whatif = case.whatifs[-1] if case.whatifs else None
    words = Text("到敏感点", "to receptors"), Text("按方案则", "with the plan")
    masses = [] if whatif is None else [sum(whatif.kg_nothing.values())]
    if whatif is not None and whatif in response.checks(case.planset, case.whatifs).values():
        masses.append(sum(whatif.kg_plan.values()))
    rows = [(k, f"{wording.kilograms(kg, lang=lang)} kg") for k, kg in zip(words, masses, strict=False)]
    rows = rows or [(words[0], Text("核算中", "being counted").say(lang))]
    return html.Article(
        [
            html.Div(
                [html.Span("—", className="pk"), html.B(Text("不关闸", "No gate").say(lang))], className="ph"
            ),
            html.P(Text("基线：自然下泄", "baseline").say(lang), className="pn"),
            html.Div(
                [html.B("0"), html.Small("%"), html.Span(Text("拦住", "held").say(lang))], className="pv"
            ),
            html.Dl([x for k, v in rows for x in (html.Dt(k.say(lang)), html.Dd(v))]),
        ],
        className="pl",
    )
