"""How gates that were closed open again: a step at a time, by two people as they closed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from geodata.words import Text
from twin.model import Arrival, Command, CommandState, GateMove, GatePlan, Incident, IncidentState
from twin.plan.levels import CLEAN_H, STEP_PERCENT

LETTER = "R"
STEPS = (STEP_PERCENT / 100, 0.5, 1.0)  # of full opening; each after the section below was clean once more


def plan(incident: str, commands: Iterable[Command], now: datetime) -> GatePlan | None:
    """Return the next step of opening the gates that this incident's commands have closed; None if none is.

    Parameters
    ----------
    commands : iterable of Command
        Of the incident, in any order.
    """
    steps = {g: _next(c.target) for g, c in _last(commands).items()}
    lowest = min((s for s in steps.values() if s is not None), default=None)
    if lowest is None:
        return None
    gates = sorted(g for g, s in steps.items() if s == lowest)
    return GatePlan(
        id=f"{incident}/{LETTER}",
        incident=incident,
        name=Text("复位：{g} 开到 {p}", "Reopen {g} to {p}").fill(
            g=Text("、".join(gates), ", ".join(gates)), p=f"{lowest:.0%}"
        ),
        moves=tuple(_move(g, lowest, now) for g in gates),
        contained=0.0,
        contained_late=0.0,
        volume_m3=0.0,
        storage_m3=0.0,
        hours_to_full=0.0,
        side_effects=(),
        recommended=False,
    )


def is_reopening(plan: str) -> bool:
    """Tell whether a plan's id is that of the next step of opening."""
    return plan.endswith(f"/{LETTER}")


def obstacle(
    incident: Incident, step: GatePlan | None, others: Iterable[tuple[Incident, Iterable[Command]]]
) -> Text | None:
    """Say why the gates of an incident must not open now; None where nothing stands against it.

    An incident that has ended still gives back its gates: the sections before them must be clean for two
    days before they open, and by then it is over as a rule.

    Parameters
    ----------
    step : GatePlan or None
        What `plan` has made of the incident's commands.
    others : iterable of (Incident, commands)
        The other incidents that are going on.
    """
    if incident.state is IncidentState.OPEN:
        return NOT_HELD
    if step is None:
        return NOTHING_SHUT
    gates = {m.gate for m in step.moves}
    for other, commands in others:
        shut = sorted(g for g, c in _last(commands).items() if g in gates and c.target < STEPS[-1])
        if shut:
            names = Text("、".join(shut), ", ".join(shut))
            return ELSEWHERE.fill(g=names, title=other.title)
    return None


def _last(commands: Iterable[Command]) -> dict[str, Command]:
    """Return the last command of each gate that was carried out."""
    found: dict[str, Command] = {}
    for c in sorted(commands, key=lambda c: c.turn):
        if c.state is CommandState.DONE:
            found[c.gate] = c
    return found


def _next(target: float) -> float | None:
    return next((s for s in STEPS if s > target + 0.01), None)


def _move(gate: str, target: float, now: datetime) -> GateMove:
    return GateMove(
        gate=gate,
        close_by=now,
        arrival=Arrival(gate, now, now, now, 0.0),
        stroke_s=0.0,
        decision_s=0.0,
        margin_s=0.0,
        too_late=False,
        flood_lock=False,
        why=WHEN.fill(h=CLEAN_H),
        target=target,
    )


WHEN = Text(
    "须闸前断面连续 {h} 小时达标或已转输处理", "only after {h} h clean before the gate, or pumped out"
)
NOT_HELD = Text(
    "污水还没有拦住，闸不能复位；确认拦住之后再办",
    "the polluted water is not held yet: no gate opens again before it is",
)
NOTHING_SHUT = Text("本事件没有还关着的闸", "no gate is closed for this incident any more")
ELSEWHERE = Text("{g} 还在为另一事件关着：{title}", "{g} is still closed for another incident: {title}")
