"""Closings that a person has thought of, run beside the plan, its second best and doing nothing.

All of them are run anew with the same release and over the same hours, so that the numbers can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from geodata.network import CLOSED_BELOW
from geodata.places import Park
from twin.config import Config
from twin.errors import MissingError
from twin.hydraulics.graft import Release
from twin.hydraulics.pollutants import BY_FACTOR
from twin.hydraulics.runner import Course, Runners
from twin.model import GatePlan, GateState, PlanSet, Ranking
from twin.plan.outlook import lost_kg
from twin.plan.own_plan import Draft, Told
from twin.plan.release import release
from twin.plan.source import devices_of
from twin.plan.waters import Waters, of_park, warmed

HOURS = 6.0  # after the last closing or the end of the release that runs go on
FULL = 0.999  # of the depth to a bank


def compare(
    park: Park,
    draft: Draft,
    planset: PlanSet,
    ranking: Ranking,
    gates: Sequence[GateState],
    config: Config,
    runners: Runners,
    folder: Path | None = None,
) -> tuple[tuple[Told, ...], str, float]:
    """Run a draft beside the recommended plan, the second best and doing nothing.

    Returns
    -------
    tuple
        What was found, own closings first; the factor; the hours the runs look ahead.

    Raises
    ------
    MissingError
        Nobody is suspected, so there is no release to simulate; or a gate is not known.
    UnavailableError
        The engine took too long, or the runners were stopped.
    """
    if not ranking.suspects:
        raise MissingError(f"nobody is suspected in {draft.incident}: there is no release to simulate")
    suspect = ranking.suspects[0]
    factor, inflow = release(park, suspect, planset.at)
    kg_s = inflow.flow_m3s * inflow.mg_l[BY_FACTOR[factor].pollutant] / 1000
    waters = warmed(of_park(park, inflow.node, suspect.release_from), runners, folder)
    released = waters.release(suspect.release_from, inflow.duration_s, kg_s)
    stops = {d.id: d.stroke_s for d in devices_of(park, suspect.outlet)}
    unknown = [c.gate for c in draft.closings if c.gate not in waters.cards and c.gate not in stops]
    if unknown:
        raise MissingError(f"{unknown[0]} is neither a gate nor a valve of the suspected outlet")

    def second(at: datetime) -> float:
        return max((at - waters.begin).total_seconds(), 0.0)

    shut = _shut(waters, gates, second(planset.at))
    own = {c.gate: second(c.at) for c in draft.closings}
    end_s = max([*own.values(), released.start_s + released.long_s, second(planset.at)]) + HOURS * 3600
    courses: list[tuple[str, str, Mapping[str, float]]] = [("own", draft.id, own)]
    for label, plan in zip(("plan", "second"), _best(planset), strict=False):
        now_s = second(planset.at) + config.decision_s
        dispatch = {g: waters.cards[g].dispatch_s for g in (m.gate for m in plan.moves)}
        courses.append((label, plan.id, {m.gate: now_s + dispatch[m.gate] for m in plan.moves}))
    courses.append(("nothing", "", {}))
    tasks = [
        waters.task(
            _cut(released, times, stops),
            end_s,
            [*shut, *((g, t) for g, t in times.items() if g not in stops)],
        )
        for _, _, times in courses
    ]
    runs = runners.map(tasks)
    lost = [lost_kg(run, waters) for run in runs]
    all_kg = max(sum(lost[-1].values()), 1e-9)
    told = tuple(
        Told(
            label,
            plan,
            tuple(sorted(times)),
            {r: round(k, 3) for r, k in kg.items()},
            round(max(1 - sum(kg.values()) / all_kg, 0.0), 4),
            _overtops_h(run, runs[-1], second(draft.at)),
        )
        for (label, plan, times), run, kg in zip(courses, runs, lost, strict=True)
    )
    return told, factor, (end_s - second(draft.at)) / 3600


def _best(planset: PlanSet) -> list[GatePlan]:
    """Return the recommended plan and the second best."""
    return sorted(planset.plans, key=lambda p: not p.recommended)[:2]


def _shut(waters: Waters, gates: Sequence[GateState], now_s: float) -> list[tuple[str, float]]:
    """Return strokes of gates that stand closed already though they usually do not."""
    closed = {g.gate for g in gates if g.position is not None and g.position < CLOSED_BELOW}
    usual = {g for g, c in waters.cards.items() if c.normal_position >= CLOSED_BELOW}
    return [(g, max(now_s - waters.cards[g].stroke_s, 1.0)) for g in sorted(closed & usual)]


def _cut(released: Release, times: Mapping[str, float], stops: Mapping[str, float]) -> Release:
    """Return the release as the enterprise's own valve or pump ends it."""
    ends = [at + stops[d] for d, at in times.items() if d in stops]
    if not ends:
        return released
    return Release(
        released.node,
        released.start_s,
        min(released.long_s, max(min(ends) - released.start_s, 1.0)),
        released.kg_s,
    )


def _overtops_h(run: Course, nothing: Course, now_s: float) -> float | None:
    """Return the hours until water is at a bank that stays dry if nothing is done."""
    if not run.fill.size:
        return None
    usual = nothing.fill.max(0, initial=0.0) >= FULL
    full = np.flatnonzero((run.fill[:, ~usual] >= FULL).any(1))
    return round(max(float(run.bank_s[full[0]]) - now_s, 0.0) / 3600, 2) if len(full) else None
