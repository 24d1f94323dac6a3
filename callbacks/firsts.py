"""What stands before gate plans: the source, a gate that failed and what takes its place, own closings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html

from callbacks import own, panel, plans, response, wording
from geodata.places import Device, Gate
from geodata.words import Lang, Text
from twin.model import Command, CommandState, GatePlan, GateState, PlanSet, WhatIf
from twin.plan import reopen

FAILED = Text("{g} 失败：{why}", "{g} failed: {why}")
INSTEAD = Text("改关 {g}", "close {g} instead")
OTHER = Text("改用方案 {p}：关 {g}", "take plan {p}: close {g}")
NONE_LEFT = Text("没有第二道闸来得及", "no second gate is in time")


def show(
    planset: PlanSet | None,
    every: Sequence[GatePlan],
    *,
    picked: str | None,
    movables: Mapping[str, Gate | Device],
    gates: Mapping[str, GateState],
    commands: Sequence[Command],
    whatifs: Sequence[WhatIf],
    lang: Lang,
) -> list[Any]:
    """Return the rows, most urgent first; none while there is no plan."""
    if planset is None:
        return []
    rows: list[Any] = failures(planset, commands, gates, lang)
    if planset.source is not None:
        answers = {w.plan: w for w in whatifs}
        rows.append(
            source(planset.source, picked, movables, gates, commands, answers.get(planset.source.id), lang)
        )
    rows += [_own(p, picked, lang) for p in every if own.ORDERED.search(p.id)][-2:]
    rows += [
        _row(p, p.name, [html.Em(p.moves[0].why.say(lang))], picked, lang)
        for p in every
        if reopen.is_reopening(p.id)
    ]
    return [html.Div(rows, className="em-firsts")] if rows else []


def failures(
    planset: PlanSet, commands: Sequence[Command], gates: Mapping[str, GateState], lang: Lang
) -> list[Any]:
    """Return a row for every gate whose command failed, with the second best to press at once."""
    rows = []
    for gate, command in sorted(response.latest(commands).items()):
        if command.state is not CommandState.FAILED or response.is_shut(gates.get(gate)):
            continue
        why = command.message or Text("没有到位", "not in place")
        plan, word = second(planset, command, gates)
        press = None
        if plan is not None:
            press = html.Button(
                word.say(lang), id={"type": "em-pick", "index": f"{gate}|{plan.id}"}, className="btn s p"
            )
        rows.append(
            html.Div(
                [
                    html.B(FAILED.fill(g=gate, why=why).say(lang)),
                    press or html.Span(word.say(lang)),
                ],
                className="ef bad",
                role="alert",
            )
        )
    return rows


def second(
    planset: PlanSet, command: Command, gates: Mapping[str, GateState]
) -> tuple[GatePlan | None, Text]:
    """Return what takes the place of a gate that failed: the best plan without it that is still in time."""
    named = {p.if_fails.get(command.gate) for p in planset.plans if p.id == command.plan}
    free = [
        p
        for p in planset.plans
        if command.gate not in {m.gate for m in p.moves}
        and not any(m.too_late or m.flood_lock for m in p.moves)
    ]
    # The stand-in that the plan itself named comes before plans that were made for other reasons.
    free.sort(key=lambda p: (not named & {m.gate for m in p.moves}, not p.recommended, -p.contained))
    if not free:
        return None, NONE_LEFT
    best = free[0]
    left = [m.gate for m in best.moves if not response.is_shut(gates.get(m.gate))]
    said = Text("、".join(left), ", ".join(left))
    return best, OTHER.fill(p=plans.letter(best), g=said)


def source(
    plan: GatePlan,
    picked: str | None,
    movables: Mapping[str, Gate | Device],
    gates: Mapping[str, GateState],
    commands: Sequence[Command],
    whatif: WhatIf | None,
    lang: Lang,
) -> Any:
    """Return the row of the enterprise's own end: valve and pump, what stopping saves, where they stand."""
    have = response.latest(commands, gates)
    parts: list[Any] = []
    for m in plan.moves:
        name = movables[m.gate].name.say(lang) if m.gate in movables else m.gate
        state, command = gates.get(m.gate), have.get(m.gate)
        if response.is_shut(state):
            word, tone = Text("已关", "closed"), "tx-normal"
        elif command is not None:
            word, tone = wording.COMMAND_STATES[command.state], "tx-act"
        else:
            word, tone = Text("立即关", "close now"), "tx-warning"
        parts.append(
            html.Span([f"{name} ", html.B(word.say(lang), className=tone)], title=m.gate, className="ef-m")
        )
    saves = Text("停源少排 {p}%", "stops {p}% of the release").fill(
        p=wording.percent(plan.contained, lang=lang)
    )
    reach = None
    if whatif is not None:
        reach = Text("推演到达 {a} → {b} kg", "engine: {a} → {b} kg reach").fill(
            a=wording.kilograms(sum(whatif.kg_nothing.values()), lang=lang),
            b=wording.kilograms(sum(whatif.kg_plan.values()), lang=lang),
        )
    return _row(
        plan,
        Text("企业端先停源", "Source first"),
        [*parts, html.Em(saves.say(lang)), html.Em(reach.say(lang)) if reach else None],
        picked,
        lang,
    )


def _own(plan: GatePlan, picked: str | None, lang: Lang) -> Any:
    word = Text("推演拦住 {p}%", "simulated: {p}% held").fill(p=wording.percent(plan.contained, lang=lang))
    note = Text("签署后立即下发，不等所拟时刻", "when signed the order goes out at once")
    row = _row(plan, plan.name, [html.Em(word.say(lang)), html.Span(note.say(lang))], picked, lang)
    return html.Div(row, className="sim", **panel.attrs(data_watermark=own.WATERMARK.say(lang)))


def _row(plan: GatePlan, title: Text, body: Sequence[Any], picked: str | None, lang: Lang) -> Any:
    on = plan.id == picked
    return html.Button(
        [html.Span(plans.letter(plan), className="pk"), html.B(title.say(lang)), *body],
        id={"type": "em-plan", "index": plan.id},
        className="ef on" if on else "ef",
        **panel.attrs(aria_pressed="true" if on else "false"),
    )
