"""A person's own closings: what was asked, what the engine said, and the plan they make when signed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from geodata.words import Text
from twin.model import Arrival, GateMove, GatePlan
from twin.trace.sentences import clock

DRAFT = "draft"
DUE = timedelta(minutes=1)  # so long before its time a closing may be signed


class DraftState(StrEnum):
    """Where somebody's own closings stand."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Closing:
    """A gate, valve or pump to close, and when its stroke is to begin."""

    gate: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """One course of events: what comes to receptors, and when water would be at a bank."""

    label: str  # own | plan | second | nothing
    plan: str  # id of the plan; empty for own closings and for nothing
    gates: tuple[str, ...]
    kg: dict[str, float]
    kept: float  # share of what comes if nothing is done
    overtops_h: float | None


@dataclass(frozen=True, slots=True)
class Draft:
    """Somebody's own closings: asked for, run, compared. A simulation until two people sign it."""

    id: str  # "<incident>/U1"
    incident: str
    by: str
    at: datetime
    closings: tuple[Closing, ...]
    state: DraftState = DraftState.WAITING
    told: tuple[Told, ...] = ()
    factor: str = ""
    hours: float = 0.0
    seconds: float = 0.0
    message: Text | None = None
    wall_ms: int = field(default=0)  # when it was asked for, by the wall clock
    ended: datetime | None = None  # when it was done, failed or was cancelled


def own_plans(drafts: Iterable[Draft]) -> tuple[GatePlan, ...]:
    """Return the drafts that were run, as plans that people may sign like any other."""
    return tuple(_plan(d) for d in drafts if d.state is DraftState.DONE)


def due(plan: GatePlan, now: datetime) -> GatePlan:
    """Return a plan with those moves alone that are due: a gate is signed for when it is to be closed."""
    return replace(
        plan, moves=tuple(m for m in plan.moves if m.not_before is None or m.not_before <= now + DUE)
    )


def _plan(draft: Draft) -> GatePlan:
    own = next((t for t in draft.told if t.label == "own"), None)
    kept = 0.0 if own is None else own.kept
    return GatePlan(
        id=draft.id,
        incident=draft.incident,
        name=Text("自拟 {g}", "Own: {g}").fill(
            g=Text("、".join(c.gate for c in draft.closings), ", ".join(c.gate for c in draft.closings))
        ),
        moves=tuple(_move(c) for c in sorted(draft.closings, key=lambda c: (c.at, c.gate))),
        contained=kept,
        contained_late=kept,
        volume_m3=0.0,
        storage_m3=0.0,
        hours_to_full=0.0,
        side_effects=(),
        recommended=False,
        checked=own is not None,
        overtops_h=None if own is None else own.overtops_h,
    )


def _move(closing: Closing) -> GateMove:
    at = closing.at
    return GateMove(
        gate=closing.gate,
        close_by=at,
        arrival=Arrival(closing.gate, at, at, at, 0.0),
        stroke_s=0.0,
        decision_s=0.0,
        margin_s=0.0,
        too_late=False,
        flood_lock=False,
        why=AT.fill(at=clock(at.timestamp())),
        not_before=at,
    )


AT = Text("自拟：{at} 关闭，到时签字", "somebody's own closing: at {at}, to be signed then")
