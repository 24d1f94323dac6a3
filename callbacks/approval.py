"""The panel of signatures: the steps, who took them, what the gates report, what a signature is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dash import html

from callbacks import panel, plans, wording
from callbacks.signing import Outcome, Round, listed, verb
from geodata.words import Lang, Text
from twin.approval import NEEDED
from twin.model import Command, CommandState, GateState

TITLE = Text("批准与执行", "Approval")


def button_text(now: Round, lang: Lang) -> str:
    """Return what the one primary button says: the act and the gates it is about."""
    if not now.gates:
        return Text("没有待批准的闸", "No gate to approve").say(lang)
    act = (
        Text("批准并下发 {do} {g}", "Approve and order: {do} {g}")
        if now.waiting and now.approvals
        else Text("前锋已过，仍批准 {do} {g}", "Front missed, still approve: {do} {g}")
        if now.late
        else Text("拟定并批准 {do} {g}", "Propose and approve: {do} {g}")
    )
    return act.fill(g=listed(now.gates), do=verb(now.target)).say(lang)


def _step(number: int, title: Text, detail: Any, standing: str, lang: Lang) -> Any:
    said = Text("完成", "done") if standing == "ok" else Text("", "")
    return html.Li(
        [
            html.I(str(number)),
            html.Div([html.B(title.say(lang)), html.Span(detail)]),
            html.Em(said.say(lang)),
        ],
        className=standing,
        **(panel.attrs(aria_current="step") if standing == "now" else {}),
    )


def who_signed(now: Round, users: Mapping[str, Text], lang: Lang) -> list[tuple[str, datetime, str]]:
    """Return the people who signed for what the round is about: name, moment, reason."""
    counted = now.waiting or (() if now.fresh else now.commands)
    if not counted:
        return []
    approvals = max((c.approvals for c in counted), key=len)
    return [(users[a.user].say(lang) if a.user in users else a.user, a.at, a.reason) for a in approvals]


def steps(now: Round, users: Mapping[str, Text], gates: Mapping[str, GateState], lang: Lang) -> Any:
    """Return the steps of the approval, with who did what when, and the feedback of every gate."""
    signed = who_signed(now, users, lang)
    items = []
    for n, title in (
        (1, Text("第一人 拟定并批准", "First person")),
        (2, Text("第二人 批准并下发", "Second person")),
    ):
        if len(signed) >= n:
            name, at, reason = signed[n - 1]
            items.append(_step(n, title, f"{name}　{wording.hms(at)}　{reason}", "ok", lang))
        elif len(signed) == n - 1 and now.gates:
            hint = Text("待签", "waiting") if n == 1 else Text("须为另一人", "must be somebody else")
            items.append(_step(n, title, hint.say(lang), "now", lang))
        else:
            items.append(_step(n, title, "", "", lang))
    running = [c for c in now.commands if len(c.approvals) >= NEEDED]
    done = bool(running) and all(c.state is CommandState.DONE for c in running)
    items.append(_step(3, Text("下发与反馈", "Order and feedback"), "", "ok" if done else "", lang))
    return html.Div([html.Ol(items), feedback(running, gates, lang)])


def feedback(running: Sequence[Command], gates: Mapping[str, GateState], lang: Lang) -> Any:
    """Return each ordered gate with what its controller says, position live."""
    rows = []
    for command in sorted(running, key=lambda c: c.gate):
        state = gates.get(command.gate)
        tone = {CommandState.FAILED: "tx-alarm", CommandState.DONE: "tx-normal"}.get(command.state, "tx-act")
        message = command.message.say(lang) if command.message else ""
        rows.append(
            html.Li(
                [
                    plans.gate_mark(
                        state or GateState(command.gate, None, False, False, command.proposed_at)
                    ),
                    html.B(command.gate),
                    html.Span(wording.COMMAND_STATES[command.state].say(lang), className=tone),
                    _position(command, state, lang),
                    html.Span(message, className="mut msg") if message else None,
                ]
            )
        )
    return html.Ul(rows, className="fb") if rows else None


def _position(command: Command, state: GateState | None, lang: Lang) -> Any:
    """The gate's opening; the browser keeps the number (`data-pct`) up to date."""
    at = state.position if state is not None and state.position is not None else command.position
    shown = panel.attrs(data_live_gate=command.gate, data_pct="" if at is None else f"{at * 100:.0f}")
    return html.Span([Text("开度", "open").say(lang), html.B(className="pct", **shown)], className="pos")


def hint(users: Mapping[str, Text], drill: bool, lang: Lang) -> Any:
    """Return the demo's accounts, only where they exist and the park is simulated."""
    demo = [name for name in ("duty", "office") if name in users]
    if not drill or len(demo) < 2:
        return None
    text = Text(
        "演示账号 {a}（{an}）、{b}（{bn}），口令为 demo-账号",
        "Demo accounts {a} ({an}), {b} ({bn}); password demo-<account>",
    ).fill(a=demo[0], an=users[demo[0]], b=demo[1], bn=users[demo[1]])
    return html.P(text.say(lang), className="hint")


def status(outcome: Outcome, lang: Lang) -> Any:
    """Return the sentence a signature is answered with."""
    name = "say ok" if outcome.done else "say no"
    return html.P(outcome.text.say(lang), className=name, role="status" if outcome.done else "alert")
