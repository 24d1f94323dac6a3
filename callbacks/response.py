"""What still waits for people in an incident: gates by their commands and by their controllers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

from twin.model import Command, CommandState, GateMove, GatePlan, GateState, PlanSet, WhatIf

SHUT = 0.02
"""A gate at or below this opening counts as closed."""

SETTLES = timedelta(seconds=30)
"""Park time that a measurement must be younger than the end of a stroke before it can speak against it."""
NOTHING_MEASURED: Mapping[str, GateState] = MappingProxyType({})

LIVE = (
    CommandState.PROPOSED,
    CommandState.APPROVED,
    CommandState.SENT,
    CommandState.MOVING,
    CommandState.DONE,
)
"""States of a command that still means something: a gate that has one needs no second."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a person must see to next: a gate, by when, and how far its command has come."""

    gate: str
    move: GateMove
    command: Command | None

    @property
    def approvals(self) -> int:
        """How many people have said yes."""
        return len(self.command.approvals) if self.command else 0


def best(planset: PlanSet | None) -> GatePlan | None:
    """Return the recommended plan, or the first where none is recommended."""
    if planset is None or not planset.plans:
        return None
    return next((p for p in planset.plans if p.recommended), planset.plans[0])


def chosen(planset: PlanSet | None, id: str | None) -> GatePlan | None:
    """Return the plan a reader chose; the best one where the choice is gone."""
    if planset is not None:
        for plan in planset.plans:
            if plan.id == id:
                return plan
    return best(planset)


def is_shut(state: GateState | None) -> bool:
    """Tell whether a gate is closed, as its controller says or, where none does, the people on site."""
    return state is not None and state.position is not None and state.position <= SHUT and not state.failed


def closed_by(command: Command) -> bool:
    """Tell whether a command has closed its gate; one that opened it again has not."""
    return command.state is CommandState.DONE and command.target <= SHUT


def stands(state: GateState | None, target: float) -> bool:
    """Tell whether a gate stands where a move wants it."""
    at = state.position if state is not None and not state.failed else None
    return at is not None and (at <= SHUT if target <= SHUT else abs(at - target) <= SHUT)


def undone(command: Command, state: GateState | None) -> bool:
    """Tell whether a gate that a command closed was measured open since: the command counts no more."""
    return (
        command.state is CommandState.DONE
        and command.target <= SHUT
        and command.done_at is not None
        and state is not None
        and not state.stated
        and state.position is not None
        and state.position > SHUT
        and state.at > command.done_at + SETTLES
    )


def latest(
    commands: Sequence[Command], gates: Mapping[str, GateState] = NOTHING_MEASURED
) -> dict[str, Command]:
    """Return each gate's newest command that still means something, by what its gate is measured to be."""
    found: dict[str, Command] = {}
    for command in sorted(commands, key=lambda c: c.turn):
        if command.state in LIVE or command.state is CommandState.FAILED:
            found[command.gate] = command
    return {gate: command for gate, command in found.items() if not undone(command, gates.get(gate))}


def checks(planset: PlanSet | None, whatifs: Sequence[WhatIf]) -> dict[str, WhatIf]:
    """Return by plan what the engine says of it, nothing that it said of an earlier plan of its letter."""
    newest = {w.plan: w for w in whatifs}
    plans = () if planset is None else planset.plans
    return {
        p.id: newest[p.id]
        for p in plans
        if planset and p.id in newest and (p.checked or newest[p.id].at >= planset.at)
    }


def is_late(plan: GatePlan) -> bool:
    """Tell whether every gate of a plan is too late for the front of the plume."""
    return all(m.too_late for m in plan.moves)


def open_moves(plan: GatePlan, commands: Sequence[Command], gates: Mapping[str, GateState]) -> list[GateMove]:
    """Return the moves nobody has proposed yet and that can still be ordered.

    A gate that is too late is left out, unless the plan has no other: then it may still save the tail.
    """
    have = latest(commands, gates)
    return [
        m
        for m in plan.moves
        if (not m.too_late or is_late(plan))
        and not m.flood_lock
        and not stands(gates.get(m.gate), m.target)
        and (
            m.gate not in have
            or have[m.gate].state is CommandState.FAILED
            or (have[m.gate].state is CommandState.DONE and have[m.gate].target != m.target)
        )
    ]


def actions(
    plan: GatePlan | None, commands: Sequence[Command], gates: Mapping[str, GateState]
) -> tuple[Action, ...]:
    """Return what still waits for people, soonest first: gates not closed and not yet on their way."""
    if plan is None:
        return ()
    have = latest(commands, gates)
    waits = []
    for move in plan.moves:
        command = have.get(move.gate)
        waiting = command is None or command.state in (CommandState.PROPOSED, CommandState.FAILED)
        if waiting and not move.too_late and not move.flood_lock and not is_shut(gates.get(move.gate)):
            waits.append(Action(move.gate, move, command))
    return tuple(sorted(waits, key=lambda a: a.move.close_by))


def moving(commands: Sequence[Command]) -> list[Command]:
    """Return the commands on their way to the gate."""
    going = (CommandState.APPROVED, CommandState.SENT, CommandState.MOVING)
    return [c for c in latest(commands).values() if c.state in going]


def outcome(
    planset: PlanSet | None,
    plan: GatePlan | None,
    commands: Sequence[Command],
    gates: Mapping[str, GateState],
) -> Literal["none", "moving", "held", "opened", "late"]:
    """Tell how far a response is once no gate waits: not made, under way, closed, open again, too late."""
    if moving(commands):
        return "moving"
    if shut(plan, commands, gates):
        return "held"
    if any(c.state is CommandState.DONE for c in latest(commands, gates).values()):
        return "opened"
    return "none" if planset is None else "late"


def shut(plan: GatePlan | None, commands: Sequence[Command], gates: Mapping[str, GateState]) -> list[str]:
    """Return the gates that are closed, of the plan or by command, in order."""
    done = {g for g, c in latest(commands, gates).items() if closed_by(c)}
    closed = {m.gate for m in plan.moves if is_shut(gates.get(m.gate))} if plan else set()
    return sorted(done | closed)


def standing(state: GateState) -> str:
    """Return how a gate is drawn: open, part, closed, moving, failed or unknown."""
    if state.position is None:
        return "unknown"
    if state.failed:
        return "failed"
    if state.moving:
        return "moving"
    return "closed" if state.position <= SHUT else "open" if state.position >= 1 - SHUT else "part"
