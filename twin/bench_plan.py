"""`twin bench plan`: random spills on the park, planned, and held against everything that could be done.

The truth is the engine with other flows, roughness and tide than the planner's. For every spill the best that
was possible is searched for in that truth: all single gates, the sets of two, the sets of three and four that
grow from the best of them, and the best ordered later. The planner's closing is run in the truth as well. The
last line of the output is one JSON object.
"""

from __future__ import annotations

import json
import multiprocessing
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from geodata import park as park_file
from geodata.places import OutletKind, Park
from twin.config import Config
from twin.hydraulics.runner import Course, Runners
from twin.plan.by_hand import Made, Spill
from twin.plan.outlook import SOME, front_s, fronts
from twin.plan.search import MOST, Trial, Trials
from twin.plan.waters import LEAD_S, Stages, Waters, of_park, warmed

DAY = datetime(2026, 11, 21, tzinfo=UTC)
FLOWS, ROUGH = (0.75, 1.25), (0.8, 1.2)
OUT_OF_ORDER = 0.25
TIDE_H, TIDE_M = 12.42, 0.45  # semidiurnal; so high that the outer canals run backwards at flood
BRINGS_TIDE = 0.5  # outfalls whose mean level is at most this (m) lie at the sea
CONFIRM_S = 600.0  # from a station's front to the plan: detected, confirmed, traced
UNSEEN_S = 3600.0
HELD = 0.05  # of the release may come to receptors where it counts as contained
TRIPLES, QUADS = 8, 3  # pairs, triples that are grown
LATER_S, LATER = (900.0, 1800.0), 3  # other close times, tried for the best sets
PASSED = 0.02


@dataclass(frozen=True, slots=True)
class Case:
    """One spill and how the world differs from what the planner knows."""

    node: str
    started: datetime
    seconds: float
    kg_s: float
    flow: float
    roughness: float
    broken: frozenset[str]
    tide: Stages  # as predicted
    real_tide: Stages


@dataclass(frozen=True, slots=True)
class Score:
    """How a plan did."""

    possible: bool
    contained: bool
    kept_ratio: float | None
    overtopped: bool
    late: int
    inside: tuple[bool, ...]
    errors: tuple[float, ...]
    plan_s: float


def case(park: Park, seed: int, number: int) -> Case:
    """Draw a spill: place, hour, strength, flows, tide, gates out of order."""
    rng = np.random.default_rng((seed, number))
    wet = [o for o in park.outlets if o.kind is not OutletKind.WASTEWATER]
    outlet = wet[rng.integers(len(wet))]
    seconds = float(rng.uniform(900, 5400))
    kg = float(np.exp(rng.uniform(np.log(100), np.log(1500))))
    phase = float(rng.uniform(0, TIDE_H))
    return Case(
        node=outlet.node,
        started=DAY + timedelta(seconds=float(rng.uniform(0, 86400))),
        seconds=seconds,
        kg_s=kg / seconds,
        flow=float(rng.uniform(*FLOWS)),
        roughness=float(rng.uniform(*ROUGH)),
        broken=frozenset(g.id for g in park.gates if rng.random() < OUT_OF_ORDER),
        tide=tide(park, TIDE_M, phase),
        real_tide=tide(park, TIDE_M * float(rng.uniform(0.9, 1.1)), phase + float(rng.uniform(-0.25, 0.25))),
    )


def tide(park: Park, height_m: float, phase_h: float) -> Stages:
    """Return the level of every outfall at the sea, from the start of a run on; it sets in within an hour."""
    table = park.nodes[(park.nodes["kind"] == "outfall") & (park.nodes["stage_m"] <= BRINGS_TIDE)]
    hours = np.arange(0, 30, 0.25)
    wave = height_m * np.sin(2 * np.pi * (hours + phase_h) / TIDE_H) * np.minimum(hours, 1.0)
    return {
        str(n.id): list(zip(hours.tolist(), (n.stage_m + wave).tolist(), strict=True))
        for n in table.itertuples()
    }


def play(park: Park, c: Case, config: Config, runners: Runners) -> Score:
    """Plan one spill and hold the plan against the best there was."""
    truth = of_park(park, c.node, c.started, stages=c.real_tide, flow=c.flow, roughness=c.roughness)
    truth = warmed(truth, runners)
    release = truth.release(c.started, c.seconds, c.kg_s)
    now = c.started + timedelta(seconds=_seen_s(park, truth, c, runners) + CONFIRM_S)
    spill = Spill(c.started, c.seconds, c.kg_s, now)
    scene = warmed(of_park(park, c.node, c.started, stages=c.tide), runners)
    cards = {g: replace(card, usable=g not in c.broken) for g, card in scene.cards.items()}
    began = time.monotonic()
    made = Made.of(replace(scene, cards=cards), spill, runners, config, MOST)
    took = time.monotonic() - began
    asked = replace(made.trials.question, waters=truth, release=release)
    nothing = runners.map([truth.task(release, asked.seconds)])[0]
    trials = Trials(asked, runners, nothing)
    best = optimum(
        trials, [g for g in truth.cards if g not in c.broken and truth.cards[g].normal_position > 0]
    )
    mine = trials.nothing
    if made.best is not None:
        trials.look([made.best.gates])
        mine = trials.tried[made.best.gates]
        if mine.overtops_s is None:  # the search leaves sets out; what the planner found was possible too
            best = min(best, mine, key=lambda t: t.lost_kg)
    return _score(made, trials, mine, best, nothing, took)


def _seen_s(park: Park, truth: Waters, c: Case, runners: Runners) -> float:
    """Return when the first station sees it, seconds after the release began."""
    known = {r[0] for name in ("JUNCTIONS", "STORAGE", "OUTFALLS") for r in truth.model.rows(name)}
    nodes = tuple(dict.fromkeys(s.node for s in park.stations if s.node in known))
    release = truth.release(c.started, c.seconds, c.kg_s)
    task = replace(truth.task(release, LEAD_S + 4 * 3600), nodes=nodes, links=(), banks=())
    course = runners.map([task])[0]
    most = [float(course.conc[:, j].max()) > 1.0 for j in range(len(nodes))]
    seen = [front_s(course, j, LEAD_S) for j in range(len(nodes)) if most[j]]
    return min([s for s in seen if np.isfinite(s)], default=UNSEEN_S)


def optimum(trials: Trials, gates: Sequence[str]) -> Trial:
    """Return the best that could be done, doing nothing included.

    Sets of which the release would pass no gate, and that hold no good single gate, are left out: closing
    them cannot hold it back. Nothing is looked for beyond a set that loses less than the engine's own error.
    """
    q = trials.question
    course_of = trials.nothing
    trials.look((g,) for g in gates)

    def best(size: int) -> list[Trial]:
        return [t for t in trials.ranked() if len(t.gates) == size and t.overtops_s is None]

    def enough() -> bool:
        found = [t.lost_kg for t in trials.tried.values() if t.overtops_s is None]
        return min(found) <= 0.005 * q.kg

    if not enough():
        useful = {t.gates[0] for t in best(1) if course_of.lost_kg - t.lost_kg > PASSED * q.kg}
        useful |= {t.gates[0] for t in best(1)[:3]}
        trials.look(s for s in combinations(sorted(gates), 2) if useful & set(s))
    for size, many in ((2, TRIPLES), (3, QUADS)):
        if not enough():
            trials.look((*t.gates, g) for t in best(size)[:many] for g in gates if g not in t.gates)
    found = min((t for t in trials.tried.values() if t.overtops_s is None), key=lambda t: t.lost_kg)
    for wait in LATER_S:
        later = trials.later(wait, [t.gates for t in trials.ranked()[:LATER]])
        found = min([found, *(t for t in later if t.overtops_s is None)], key=lambda t: t.lost_kg)
    return found


def _score(made: Made, trials: Trials, mine: Trial, best: Trial, nothing: Course, took: float) -> Score:
    q, kg = trials.question, trials.question.kg
    kept_best = trials.nothing.lost_kg - best.lost_kg
    kept = trials.nothing.lost_kg - mine.lost_kg
    real = fronts(nothing, q.waters, q.release)
    both = [(made.arrivals[p], at) for p, at in real.items() if p in made.arrivals and at > 0]
    matter = trials.nothing.lost_kg > HELD * kg
    gates = made.best.gates if made.best else ()
    return Score(
        possible=matter and best.lost_kg <= HELD * kg,
        contained=mine.lost_kg <= HELD * kg,
        kept_ratio=max(kept, 0.0) / kept_best if kept_best > SOME * kg else None,
        overtopped=bool(gates) and mine.overtops_s is not None,
        late=sum((made.deadlines[g].slack_s or 0.0) < 0 for g in gates),
        inside=tuple(b.early_s <= at <= b.late_s for b, at in both),
        errors=tuple(abs(b.middle_s - at) / at for b, at in both),
        plan_s=took,
    )


def main(config: Config, spills: int, seed: int, out: Any = None) -> int:
    """Play so many spills; the last line printed is the result."""
    write = (out or sys.stdout).write
    park = park_file.read(config.park)
    scores = []
    with Runners(2) as runners:
        runners.warm()
        for number in range(spills):
            c = case(park, seed, number)
            began = time.monotonic()
            s = play(park, c, config, runners)
            scores.append(s)
            ratio = "-" if s.kept_ratio is None else f"{s.kept_ratio:.3f}"
            write(
                f"{number} {c.node} {c.kg_s * c.seconds:.0f} kg: kept {ratio} of the best, "
                f"contained {s.contained} (possible {s.possible}), {s.plan_s:.1f} s, "
                f"{time.monotonic() - began:.0f} s in all\n"
            )
            (out or sys.stdout).flush()
    write(json.dumps(summary(scores)) + "\n")
    return 0


def summary(scores: Sequence[Score]) -> dict[str, Any]:
    """Return the result of many spills."""
    possible = [s.contained for s in scores if s.possible]
    ratios = [s.kept_ratio for s in scores if s.kept_ratio is not None]
    inside = [x for s in scores for x in s.inside]
    errors = [x for s in scores for x in s.errors]
    return {
        "spills": len(scores),
        "contained_where_possible": _mean(possible),
        "mass_kept_ratio": _mean(ratios),
        "overtopped": sum(s.overtopped for s in scores),
        "late_gates": sum(s.late for s in scores),
        "band_coverage": _mean(inside),
        "median_arrival_error": round(float(np.median(errors)), 4) if errors else None,
        "plan_s_p95": round(float(np.quantile([s.plan_s for s in scores], 0.95)), 2) if scores else None,
        "possible": len(possible),
        "arrivals": len(inside),
        "machine": {
            "cores": multiprocessing.cpu_count(),
            "python": platform.python_version(),
            "system": platform.platform(),
            "memory_gib": _memory_gib(),
        },
    }


def _mean(values: Sequence[float | bool]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def _memory_gib() -> float | None:
    path = Path("/proc/meminfo")
    if not path.exists():
        return None
    first = path.read_text("ascii").split("\n", 1)[0].split()
    return round(int(first[1]) / 2**20, 1)
