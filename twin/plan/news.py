"""What of new advice is worth telling: people read it, so it changes only when it says something else."""

from __future__ import annotations

from dataclasses import replace

from twin.model import GatePlan, PlanSet, Ranking, WhatIf
from twin.plan.look import Look, aged

NEWS = 0.03  # a probability that has moved less is not told again
CLOSE_BY_NEWS_S = 60.0
HELD_NEWS = 0.05  # share of the plume contained


def what_ifs(look: Look, plans: PlanSet) -> list[WhatIf]:
    """Return what the engine says of every plan it has looked at, the recommended one last."""
    look = aged(look, plans.at, {m.gate for p in plans.plans for m in p.moves if m.too_late})
    kg = {s.gates: s.kg for s in look.sets}
    known = [(p, kg[gates]) for p in plans.plans if (gates := tuple(sorted(m.gate for m in p.moves))) in kg]
    if plans.source is not None and look.kg_stopped:
        known.append((plans.source, look.kg_stopped))
    known.sort(key=lambda pair: (pair[0].recommended, pair[0].id))
    return [
        WhatIf(
            look.incident, p.id, plans.at, look.hours, look.factor, look.kg_nothing, there, 0.0, look.seconds
        )
        for p, there in known
    ]


def recommended(plans: PlanSet) -> GatePlan | None:
    """Return the recommended plan, or the first."""
    for plan in plans.plans:
        if plan.recommended:
            return plan
    return plans.plans[0] if plans.plans else None


def news_of_ranking(old: Ranking, new: Ranking) -> bool:
    """Tell whether a new ranking says something else: a probability that moved, or of another park."""
    before = {s.enterprise: s.probability for s in old.suspects}
    after = {s.enterprise: s.probability for s in new.suspects}
    moved = [abs(after.get(e, 0.0) - before.get(e, 0.0)) for e in before.keys() | after.keys()]
    return (
        old.park_version != new.park_version
        or (old.second and old.second.enterprise) != (new.second and new.second.enterprise)
        or (new.basis.results if new.basis else ()) != (old.basis.results if old.basis else ())
        or max([*moved, abs(new.unknown - old.unknown)], default=0.0) >= NEWS
    )


def news_of_plans(old: PlanSet, new: PlanSet) -> bool:
    """Tell whether new plans ask for something else, or for the same at clearly another time."""
    if [(p.id, p.recommended, [m.gate for m in p.moves]) for p in old.plans] != [
        (p.id, p.recommended, [m.gate for m in p.moves]) for p in new.plans
    ]:
        return True
    if len(old.sightings) != len(new.sightings) or _passages(old) != _passages(new):
        return True
    for a, b in zip(old.plans, new.plans, strict=True):
        if abs(a.contained - b.contained) >= HELD_NEWS:
            return True
        for m, n in zip(a.moves, b.moves, strict=True):
            later = abs((m.close_by - n.close_by).total_seconds())
            if later >= CLOSE_BY_NEWS_S or (m.too_late, m.flood_lock) != (n.too_late, n.flood_lock):
                return True
    stops = [[m.gate for m in p.source.moves] if p.source else [] for p in (old, new)]
    return stops[0] != stops[1] or old.park_version != new.park_version


def _passages(plans: PlanSet) -> set[str]:
    """Return the places of which it is known how long the plume stays."""
    return {a.place for a in plans.arrivals if a.peak is not None}


def steady(old: PlanSet | None, new: PlanSet) -> PlanSet:
    """Keep recommending the plan people already read, unless another is clearly better or it is too late."""
    before = None if old is None else recommended(old)
    best = recommended(new)
    if before is None or best is None:
        return new
    gates = [m.gate for m in before.moves]
    for plan in new.plans:
        same = [m.gate for m in plan.moves] == gates
        if (
            same
            and plan.contained >= best.contained - HELD_NEWS
            and not any(m.too_late or m.flood_lock for m in plan.moves)
        ):
            chosen = plan.id
            return replace(new, plans=tuple(replace(p, recommended=p.id == chosen) for p in new.plans))
    return new
