"""Gates worked by hand: whom to telephone and what to say, and the form that confirms what was done."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dash import html

from callbacks import panel, photo_pick, wording
from callbacks.signing import Desk, Outcome, Signature, announced, identified
from geodata.places import Device, Gate, Park
from geodata.words import Lang, Text
from twin.errors import MissingError, RefusedError, UnavailableError
from twin.model import Command, CommandState, GateMove, GatePlan, GateState, Order, to_json
from twin.photos import NAME
from twin.records import Records
from twin.statement import SHUT, Statement, differs, state

TITLE = Text("现场电话单", "Call sheet")
NOBODY = Text("没有要打的电话", "Nobody needs to be called")
DRILL = Text("这是演练。", "This is a drill. ")
SAY = Text(
    "“{drill}园区应急值班。请现在去把 {name}（{id}）关到底，{until}，关好后回这个电话报开度和姓名。”",
    "“{drill}Park emergency desk. Go and close {name} ({id}) fully, {until}; then call back with "
    "the opening and your name.”",
)
NOW = Text("立即关好", "at once")
UNTIL = Text("{t} 前关好", "done before {t}")
MOST_MIN = 7 * 24 * 60.0
WAITS = (CommandState.SENT, CommandState.FAILED)


@dataclass(frozen=True, slots=True)
class Call:
    """One telephone call: to whom, by when, what to say in one sentence."""

    gate: Gate | Device
    command: Command
    call_by: datetime
    say: Text
    overdue: bool


def calls(
    park: Park,
    commands: Sequence[Command],
    plans: Sequence[GatePlan],
    now: datetime,
    drill: bool,
) -> tuple[Call, ...]:
    """Return the calls that approved commands for gates worked by hand ask for, most urgent first."""
    moves: dict[str, GateMove] = {m.gate: m for p in reversed(plans) for m in p.moves}
    by_hand = {m.id: m for m in park.movables if not m.remote}
    found = [
        _call(by_hand[c.gate], c, moves.get(c.gate), now, drill)
        for c in commands
        if c.gate in by_hand and c.state in WAITS
    ]
    return tuple(sorted(found, key=lambda c: (c.call_by, c.gate.id)))


def _call(gate: Gate | Device, command: Command, move: GateMove | None, now: datetime, drill: bool) -> Call:
    sent = command.sent_at or command.proposed_at
    by = sent + timedelta(minutes=5) if move is None else max(move.close_by, sent)
    until = NOW
    if move is not None:
        done = by + timedelta(seconds=move.decision_s + gate.stroke_s)
        until = UNTIL.fill(t=wording.hm(done))
    said = SAY.fill(drill=DRILL if drill else Text("", ""), name=gate.name, id=gate.id, until=until)
    return Call(gate, command, by, said, now > by)


def show(
    found: Sequence[Call],
    statements: Sequence[Statement],
    gates: Mapping[str, GateState],
    lang: Lang,
) -> Any:
    """Return the call sheet, ready to print or to press a number on a telephone."""
    rows: list[Any] = [_row(c, lang) for c in found]
    if not found:
        rows.append(panel.empty(NOBODY, lang))
    said = [_said(s, gates.get(s.gate), lang) for s in statements]
    return html.Div([*rows, html.Ul(said, className="cs-said") if said else None])


def _row(call: Call, lang: Lang) -> Any:
    gate = call.gate
    owner = gate.owner.say(lang) if isinstance(gate, Gate) else ""
    late = Text("逾期未确认", "overdue").say(lang)
    return html.Article(
        [
            html.Div(
                [
                    html.B(f"{gate.id} {gate.name.say(lang)}"),
                    html.Span(owner),
                    html.A(gate.phone, href=f"tel:{gate.phone.replace(' ', '')}", className="cs-phone"),
                    html.Span(
                        [
                            Text("最晚通话 ", "call by ").say(lang) + wording.hm(call.call_by) + " ",
                            html.B(late, className="tx-alarm") if call.overdue else panel.until(call.call_by),
                        ],
                        className="cs-by",
                    ),
                ],
                className="cs-head",
            ),
            html.P(call.say.say(lang), className="cs-say"),
        ],
        className="cs-call late" if call.overdue else "cs-call",
    )


def _said(s: Statement, measured: GateState | None, lang: Lang) -> Any:
    at = None if measured is None or measured.stated else measured.position
    word = STATED.fill(
        g=s.gate,
        who=s.who,
        t=wording.hm(s.done_at),
        p=f"{wording.percent(s.position, lang=lang)}%",
        n=s.notes,
    )
    wrong = DIFFERS.fill(p=f"{wording.percent(at, lang=lang)}%").say(lang) if differs(s, at) else ""
    photo = photo_pick.link(s.photo, lang) if NAME.fullmatch(s.photo) else None
    return html.Li([html.Span(word.say(lang)), html.B(wrong, className="tx-alarm") if wrong else None, photo])


STATED = Text(
    "{g} 由 {who} 陈述 {t} 开度 {p} {n}（非实测）", "{g}: {who} says {p} open at {t} {n} (not measured)"
)
DIFFERS = Text("反馈实测 {p}，与陈述不符，请再核实", "measured {p}: does not agree, check again")


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed into the confirmation, and the photo as the browser read it."""

    gate: str
    who: str
    minutes_ago: float
    percent: float
    notes: str
    photo: str


def confirm(
    desk: Desk, records: Records, incident: str, form: Form, mark: Signature, at: datetime, photos: Path
) -> Outcome:
    """Put on record what somebody at the gate has said; one person's name is enough, it moves nothing.

    The photo is kept in `photos` first, so that no statement shows one that is not there.
    """
    if not (abs(form.minutes_ago) <= MOST_MIN and math.isfinite(form.percent)):  # nor what is no number
        return Outcome(False, NUMBERS)
    try:
        person = identified(desk, mark, "propose", incident, at, reason=False)
        if isinstance(person, Outcome):
            return person
        waits = [c for c in records.commands(incident) if c.gate == form.gate and c.state in WAITS]
        if not waits:
            return Outcome(
                False, Text("{g} 没有待确认的指令", "{g} waits for no confirmation").fill(g=form.gate)
            )
        photo = photo_pick.kept(photos, form.photo)
        command = max(waits, key=lambda c: c.turn)
        number = len(records.papers("statement", Statement, incident)) + 1
        after = state(
            records,
            Statement(
                id=f"{command.id}/s{number}",
                gate=form.gate,
                command=command.id,
                incident=incident,
                who=form.who,
                by=person.name,
                at=at,
                done_at=at - timedelta(minutes=max(form.minutes_ago, 0.0)),
                position=form.percent / 100,
                notes=form.notes.strip()[:200],
                photo=photo.sha256 if photo else "",
            ),
        )
        desk.stream.append("commands", to_json(Order("gate.stated", at, person.name, about=command.id)))
        announced(desk, "command.changed", command.id, at)
        there = after.position is not None and abs(after.position - after.target) <= SHUT
        return Outcome(True, (KEPT if there else NOT_THERE).fill(g=form.gate))
    except RefusedError as error:
        return Outcome(False, error.text)
    except MissingError:
        return Outcome(False, Text("没有这条指令", "There is no such command"))
    except UnavailableError:
        return Outcome(False, Text("服务没有应答，请再提交一次", "A server does not answer; send it again"))
    except OSError:
        return Outcome(False, photo_pick.FULL)


NUMBERS = Text(
    "请写明开度（0–100%）和几分钟前到位", "Write the opening (0 to 100 %) and how many minutes ago"
)
KEPT = Text("已记录：{g} 按陈述为关闭", "Recorded: {g} closed by statement")
NOT_THERE = Text("已记录：{g} 未关到位，请启用备用闸", "Recorded: {g} is not closed; use its fallback")
