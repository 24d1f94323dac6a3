"""Stroke times that gates have shown: what a command took from sent to in place goes into the gate's card."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from geodata.places import Park
from twin.model import Command, CommandState

LAST = 3  # strokes; the slowest of them counts
LEAST_WAY = 0.5  # of full opening: a shorter way says little of a full stroke
PLAUSIBLE = (0.2, 5.0)  # of the card's own time: outside of it something else was measured


@dataclass(frozen=True, slots=True)
class Measured:
    """What a gate has shown."""

    gate: str
    stroke_s: float
    strokes: int
    last: datetime


def measured(park: Park, commands: Iterable[Command]) -> dict[str, Measured]:
    """Return the stroke time of every gate that has moved at least half its way and was followed to the end.

    Parameters
    ----------
    commands : iterable of Command
        In any order; only those that were carried out count. A gate is taken to have stood where its last
        command left it, or as it usually does.
    """
    cards = {g.id: g for g in park.gates}
    stands = {g.id: g.normal_position for g in park.gates}
    shown: dict[str, list[tuple[datetime, float]]] = {}
    done = [c for c in commands if c.state is CommandState.DONE and c.sent_at and c.done_at]
    for c in sorted(done, key=lambda c: (c.sent_at or c.proposed_at, c.number, c.id)):
        if c.gate not in cards or c.sent_at is None or c.done_at is None:
            continue
        way = abs(c.target - stands[c.gate])
        stands[c.gate] = c.target
        if way < LEAST_WAY:
            continue
        full = (c.done_at - c.sent_at).total_seconds() / way
        low, high = (x * cards[c.gate].stroke_s for x in PLAUSIBLE)
        if low <= full <= high:
            shown.setdefault(c.gate, []).append((c.done_at, full))
    return {
        g: Measured(g, max(s for _, s in found[-LAST:]), len(found), found[-1][0])
        for g, found in shown.items()
    }


def with_measured(park: Park, commands: Iterable[Command]) -> Park:
    """Return the park with the stroke times its gates have shown; the version stays."""
    known = measured(park, commands)
    if not known:
        return park
    gates = tuple(
        replace(g, stroke_s=round(known[g.id].stroke_s, 1)) if g.id in known else g for g in park.gates
    )
    return replace(park, gates=gates)
