"""Gate plans of one incident side by side, and the next action that follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html

from callbacks import panel, response, wording
from geodata.places import Gate, Receptor
from geodata.words import Lang, Text
from twin.model import Command, CommandState, GateMove, GatePlan, GateState, PlanSet, WhatIf
from twin.plan.levels import reopening

TITLE = Text("关闸方案", "Gate plans")
EXACT_S = 600.0  # a longer margin is told in whole minutes


def letter(plan: GatePlan) -> str:
    """Return the plan's letter: what follows the incident in its id."""
    return plan.id.rsplit("/", 1)[-1]


def gate_name(gates: Mapping[str, Gate], id: str, lang: Lang) -> str:
    """Return a gate's id and name."""
    return f"{id} {gates[id].name.say(lang)}" if id in gates else id


def reckoning(move: GateMove, lang: Lang) -> str:
    """Say how a close-by time comes about."""
    return (
        Text(
            "{by} 前下令 = 最早到达 {early} − 行程 {stroke} − 决策 {decide} − 裕度 {margin}",
            "Order by {by} = earliest {early} − stroke {stroke} − decision {decide} − margin {margin}",
        )
        .fill(
            by=wording.hm(move.close_by),
            early=wording.hm(move.arrival.early),
            stroke=_span(move.stroke_s),
            decide=_span(move.decision_s),
            margin=_span(move.margin_s if move.margin_s < EXACT_S else round(move.margin_s / 60) * 60),
        )
        .say(lang)
    )


def _span(seconds: float) -> Text:
    return Text(wording.span(seconds, "zh"), wording.span(seconds, "en"))


def _slack(move: GateMove, command: Command | None, state: GateState | None, lang: Lang) -> Any:
    """Return what stands in the slack column: time left, or why there is none to count."""
    if response.is_shut(state):
        said = state is not None and state.stated
        word = Text("陈述已关", "said closed") if said else Text("已关", "closed")
        return html.Span(word.say(lang), className="tx-warning" if said else "tx-normal")
    if command is not None and command.state in (*response.LIVE, CommandState.FAILED):
        tone = "tx-alarm" if command.state is CommandState.FAILED else "tx-act"
        return html.Span(wording.COMMAND_STATES[command.state].say(lang), className=tone)
    if move.flood_lock:
        return html.Span(Text("防汛锁定", "flood lock").say(lang), className="tx-offline")
    if move.too_late:
        return html.Span(Text("来不及", "too late").say(lang), className="tx-offline")
    return panel.until(move.close_by)


def _move(
    move: GateMove,
    names: Mapping[str, Gate],
    have: Mapping[str, Command],
    gates: Mapping[str, GateState],
    lang: Lang,
) -> Any:
    gone = move.too_late or move.flood_lock
    return html.Tr(
        [
            html.Td(
                [
                    html.B(move.gate),
                    html.Span(names[move.gate].name.say(lang) if move.gate in names else ""),
                ],
                className="gname",
            ),
            html.Td(html.B(wording.hm(move.close_by)), className="num"),
            html.Td(_slack(move, have.get(move.gate), gates.get(move.gate), lang), className="num"),
            html.Td(wording.span(move.stroke_s, lang), className="num mut stroke"),
        ],
        className="gone" if gone else "",
        title=move.why.say(lang),
    )


def _moves(
    plan: GatePlan,
    names: Mapping[str, Gate],
    have: Mapping[str, Command],
    gates: Mapping[str, GateState],
    lang: Lang,
) -> Any:
    heads = (
        (Text("闸", "Gate"), ""),
        (Text("最晚", "Close by"), "num"),
        (Text("剩余", "Left"), "num"),
        (Text("行程", "Stroke"), "num stroke"),
    )
    head = html.Tr([html.Th(t.say(lang), className=c, scope="col") for t, c in heads])
    rows = [_move(m, names, have, gates, lang) for m in plan.moves]
    return html.Table([html.Thead(head), html.Tbody(rows)])


def facts(plan: GatePlan, lang: Lang) -> list[tuple[str, str, str]]:
    """Return what the plan costs: label, value, and the class of a value that should alarm."""
    trapped, unit = wording.volume(plan.volume_m3, lang)
    share = plan.volume_m3 / plan.storage_m3 if plan.storage_m3 > 0 else None
    room, room_unit = wording.volume(plan.storage_m3, lang)
    hours = plan.hours_to_full
    full = Text("{h} 小时", "{h} h").fill(h=wording.Figure(wording.number, hours, 1))
    if hours >= 240:
        full = Text("10 天以上", "over 10 days")
    elif hours <= 0:
        full = Text("已满", "full")
    used = f"{wording.percent(share, lang=lang)}%" if share is not None else wording.NONE
    return [
        (Text("受污水量", "Trapped").say(lang), f"{trapped} {unit}", ""),
        (
            Text("库容占用", "Storage used").say(lang),
            used,
            "tx-alarm" if share is not None and share > 1 else "",
        ),
        (Text("闸后库容", "Storage").say(lang), f"{room} {room_unit}", ""),
        (Text("蓄满还需", "Full in").say(lang), full.say(lang), "tx-alarm" if hours < 1 else ""),
    ]


def _now_or_late(plan: GatePlan, lang: Lang) -> Any:
    pairs = (
        (Text("现在做", "Now"), plan.contained, ""),
        (Text("晚 15 分", "15 min later"), plan.contained_late, "late"),
    )
    cells: list[Any] = []
    for word, share, name in pairs:
        cells += [
            html.Span(word.say(lang)),
            panel.bar(share, name),
            html.B(f"{wording.percent(share, lang=lang)}%", className="num"),
        ]
    waits = [f"{m} min {wording.percent(s, lang=lang)}%" for m, s in plan.contained_after.items()]
    title = Text("水力核算，再等：{w}", "By the engine, after waiting: {w}").fill(w=", ".join(waits))
    return html.Div(cells, className="lt", title=title.say(lang) if waits else "")


def kept(whatif: WhatIf | None, receptors: Mapping[str, Receptor], lang: Lang) -> Any:
    """Return what the hydraulic engine says reaches the receptors: doing nothing, and with this plan."""
    if whatif is None:
        return None
    nothing, plan = sum(whatif.kg_nothing.values()), sum(whatif.kg_plan.values())
    rows = [
        html.Li(
            [
                html.Span(receptors[place].name.say(lang) if place in receptors else place),
                html.Span(f"{wording.kilograms(kg, lang=lang)} → "),
                html.B(f"{wording.kilograms(whatif.kg_plan.get(place, 0.0), lang=lang)} kg"),
            ]
        )
        for place, kg in sorted(whatif.kg_nothing.items(), key=lambda item: -item[1])
        if kg >= 0.005
    ]
    title = Text("水力核算 {h} 小时，到达敏感点", "Hydraulic check, {h} h, reaching receptors").fill(
        h=f"{whatif.hours:g}"
    )
    return html.Div(
        [
            html.P(
                [
                    html.Span(title.say(lang)),
                    html.Span(
                        [
                            f"{wording.kilograms(nothing, lang=lang)} → ",
                            html.B(f"{wording.kilograms(plan, lang=lang)} kg"),
                        ]
                    ),
                ],
                className="kg",
            ),
            html.Ul(rows, className="kgs") if len(rows) > 1 else None,
        ],
        title=Text("SWMM，{s} 秒", "SWMM, {s} s").fill(s=f"{whatif.seconds:.1f}").say(lang),
    )


def _notes(plan: GatePlan, lang: Lang) -> list[Any]:
    fails = [
        Text("{a} 失灵 → 改关 {b}", "{a} fails → close {b}").fill(a=a, b=b).say(lang)
        for a, b in plan.if_fails.items()
    ]
    effects = [t.say(lang) for t in plan.side_effects]
    rows = (
        (Text("副作用", "Side effects"), effects or [Text("无", "none").say(lang)]),
        (Text("备用", "Fallback"), fails or [Text("无第二道闸", "no second gate").say(lang)]),
    )
    join = "；" if lang == "zh" else "; "
    return [
        html.P([html.Span(word.say(lang)), join.join(said)], className="sd", title=join.join(said))
        for word, said in rows
    ]


def _more(planset: PlanSet, lang: Lang) -> list[Any]:
    """Return what comes before the river, and how gates open again; both belong to the recommended plan."""
    join = "；" if lang == "zh" else "; "
    rows = ((Text("三级防控", "Three levels"), planset.levels), (Text("复位", "Reopening"), planset.undo))
    said = [(word, join.join(t.say(lang) for t in texts)) for word, texts in rows if texts]
    if not said:
        return []
    title = "，".join(w.zh for w, _ in said) if lang == "zh" else ", ".join(w.en for w, _ in said)
    lines = [html.P([html.Span(w.say(lang)), s], className="sd", title=s) for w, s in said]
    return [html.Details([html.Summary(title, className="sd"), *lines])]


def card(
    plan: GatePlan,
    *,
    on: bool,
    names: Mapping[str, Gate],
    receptors: Mapping[str, Receptor],
    gates: Mapping[str, GateState],
    commands: Sequence[Command],
    whatif: WhatIf | None,
    note: Text | None,
    more: Sequence[Any],
    lang: Lang,
) -> Any:
    """Return one plan: its gates with close-by times, what it holds back, what it costs."""
    have = response.latest([c for c in commands if c.incident == plan.incident], gates)
    header = html.Button(
        [
            html.Span(letter(plan), className="pk"),
            html.B(plan.name.say(lang)),
            html.Span(Text("推荐", "best").say(lang), className="tag") if plan.recommended else None,
            html.Span(
                [html.B(f"{wording.percent(plan.contained, lang=lang)}%"), Text(" 拦住", " held").say(lang)],
                className="pc",
            ),
        ],
        id={"type": "em-plan", "index": plan.id},
        className="pl-head",
        **panel.attrs(aria_pressed="true" if on else "false"),
    )
    pairs = [html.Div([html.Dt(k), html.Dd(v, className=c)]) for k, v, c in facts(plan, lang)]
    return html.Article(
        [
            header,
            None if note is None else html.P(note.say(lang), className="sd tx-warning", title=note.say(lang)),
            _moves(plan, names, have, gates, lang),
            html.Dl(pairs),
            _now_or_late(plan, lang),
            kept(whatif, receptors, lang),
            *_notes(plan, lang),
            *more,
        ],
        className="pl on" if on else "pl",
        **panel.attrs(aria_label=f"{TITLE.say(lang)} {letter(plan)}"),
    )


def show(
    planset: PlanSet | None,
    *,
    picked: str | None,
    names: Mapping[str, Gate],
    receptors: Mapping[str, Receptor],
    gates: Mapping[str, GateState],
    commands: Sequence[Command],
    whatifs: Sequence[WhatIf],
    lang: Lang,
    more: Sequence[Any] = (),
) -> list[Any]:
    """Return the cards of every plan, three at most, or what stands in their place.

    Parameters
    ----------
    more : sequence
        What else stands at the end of the recommended plan's card.
    """
    if planset is None:
        return [
            html.Div(
                panel.waiting(Text("正在计算关闸方案", "Working out gate plans"), lang, 6), className="pl"
            )
        ]
    if not planset.plans and (closed := response.shut(None, commands, gates)):
        held = Text("{g} 已关闭，推算不再需要别的闸", "{g} closed; no other gate is needed any more")
        text = held.fill(g=Text("、".join(closed), ", ".join(closed)))
        again = [
            html.P([html.Span(Text("复位", "Reopening").say(lang)), t.say(lang)], className="sd")
            for t in reopening(closed)
        ]
        return [html.Div([panel.heading(TITLE, lang), panel.empty(text, lang), *again], className="pl")]
    if not planset.plans:
        none = planset.note or Text(
            "没有还来得及的闸可以拦住，见到达时间", "No gate can still hold it; see the arrival times"
        )
        rest = [*_more(planset, lang), *more]
        return [html.Div([panel.heading(TITLE, lang), panel.failed(none, lang), *rest], className="pl")]
    one = response.chosen(planset, picked)
    by_plan = response.checks(planset, whatifs)
    return [
        card(
            p,
            on=one is not None and p.id == one.id,
            names=names,
            receptors=receptors,
            gates=gates,
            commands=commands,
            whatif=by_plan.get(p.id),
            note=planset.note if k == 0 else None,
            more=[*_more(planset, lang), *more] if p.recommended else [],
            lang=lang,
        )
        for k, p in enumerate(planset.plans[:3])
    ]


def gate_mark(state: GateState | None) -> Any:
    """Return a gate's symbol as its controller last said; the browser keeps it up to date."""
    if state is None:
        return html.I(className="gate-mark", **panel.attrs(data_gate="unknown", aria_hidden="true"))
    percent = "" if state.position is None else f"{state.position * 100:.0f}"
    live = panel.attrs(data_gate=response.standing(state), data_live_gate=state.gate, data_pct=percent)
    return html.I(className="gate-mark", **live, **panel.attrs(aria_hidden="true"))
