"""A set of gates as a plan that people read: what it is called, what it traps and costs, who stands in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twin.model import GateMove, GatePlan, Incident
from twin.plan import choice, telling
from twin.plan.field import STEPS_S, Stage, overtops_h
from twin.plan.look import Bypass
from twin.plan.scene import Carried, Scene

HOLD_H = 4.0  # h the gates are taken to stay closed when trapped water is counted
FOREVER_H = 999.0
WORTH = 0.05  # share that a gate must hold back more than nothing


def composed(
    scene: Scene,
    incident: Incident,
    c: Carried,
    k: int,
    deadlines: dict[str, GateMove],
    sets: list[choice.Screened],
    bypasses: Sequence[Bypass] = (),
) -> GatePlan:
    cards = {g.id: g for g in scene.park.gates}
    own = [cards[m.gate] for m in c.moves]
    volume, hours = _filling(scene, c.stages, sum(g.storage_m3 for g in own))
    late = min(c.stages, key=lambda s: abs(s.from_s - HOLD_H * 3600))
    effects = telling.side_effects(
        scene.park,
        scene.network,
        own,
        late.flow,
        late.rise,
        overtops_h(scene.canals, c.stages),
        flood_lock=any(g.id in scene.locked for g in own),
    )
    if c.checked is not None:
        effects += telling.of_the_engine(c.checked, bypasses)
    return GatePlan(
        id=f"{incident.id}/{'ABCDEF'[k]}",
        incident=incident.id,
        name=telling.name(own, _kind(c, deadlines)),
        moves=c.moves,
        contained=c.contained,
        contained_late=min(c.contained_late, c.contained),
        volume_m3=volume,
        storage_m3=sum(g.storage_m3 for g in own),
        hours_to_full=hours,
        side_effects=effects,
        recommended=k == 0 and not c.barred,
        if_fails=_stand_ins(c, sets),
        checked=c.checked is not None,
        contained_after={} if c.checked is None else c.checked.after,
        overtops_h=overtops_h(scene.canals, c.stages) if c.checked is None else c.checked.overtops_h,
    )


def _kind(c: Carried, deadlines: dict[str, GateMove]) -> str:
    ahead = sorted(
        (g for g in deadlines if not deadlines[g].too_late), key=lambda g: deadlines[g].arrival.early
    )
    if ahead and ahead[0] in c.gates:
        return "nearest"
    return "outermost" if len(ahead) > 1 and ahead[-1] in c.gates else "joint"


def _stand_ins(c: Carried, sets: list[choice.Screened]) -> dict[str, str]:
    """Return, for each gate that might fail, the gate that then holds most with the others."""
    held = {frozenset(s.gates): s.held for s in sets}
    every = sorted({g for s in sets for g in s.gates})
    found = {}
    for gate in c.gates:
        rest = frozenset(c.gates) - {gate}
        others = {g: held[rest | {g}] for g in every if g not in c.gates and rest | {g} in held}
        best = max(others, key=lambda g: (round(others[g], 4), g), default="")
        if best and others[best] > held.get(rest, 0.0) + WORTH:
            found[gate] = best
    return found


def _filling(scene: Scene, stages: tuple[Stage, ...], storage_m3: float) -> tuple[float, float]:
    """Return the water that gathers in `HOLD_H` (m3) and the hours until the storage is full."""
    gathered = [
        float((scene.canals.surface * np.maximum(s.rise, 0.0))[~scene.canals.fixed].sum()) for s in stages
    ]
    ends = [s.from_s + long for s, long in zip(stages, STEPS_S, strict=False)]
    volume = float(np.interp(HOLD_H * 3600, [0.0, *ends], [0.0, *gathered]))
    if len(gathered) < 2 or gathered[-1] < storage_m3:
        # Levels settle where the water finds other ways; what still gathers then is what counts.
        rate = (gathered[-1] - gathered[-2]) / (ends[-1] - ends[-2]) if len(gathered) > 1 else 0.0
        left = storage_m3 - gathered[-1]
        hours = (ends[-1] + left / rate) / 3600 if rate > 0 else FOREVER_H
    else:
        hours = float(np.interp(storage_m3, [0.0, *gathered], [0.0, *ends])) / 3600
    overtops = overtops_h(scene.canals, stages)
    return volume, min(hours, FOREVER_H, FOREVER_H if overtops is None else overtops)
