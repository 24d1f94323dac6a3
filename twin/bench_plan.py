"""`twin bench plan`: random spills on the park, planned, and held against everything that could be done.

The truth is the engine with other flows, roughness and tide than the planner's. For every spill the best that
was possible is searched for in that truth: all single gates, the sets of two, the sets of three and four that
grow from the best of them, and the best ordered later (`twin.bench_plan_truth`). The planner's closing is run
in the truth as well. The last line of the output is one JSON object.
"""

from __future__ import annotations

import json
import multiprocessing
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from geodata import park as park_file
from geodata.places import Park
from twin.bench_plan_truth import Truth, case
from twin.config import Config
from twin.hydraulics.runner import Runners
from twin.plan.by_hand import Made
from twin.plan.deadlines import Spill
from twin.plan.outlook import SOME
from twin.plan.search import MOST
from twin.plan.waters import of_park, warmed

HELD = 0.05  # of the release may come to receptors where it counts as contained


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
    gates: tuple[str, ...] = ()
    best: tuple[str, ...] = ()


def play(park: Park, truth: Truth, config: Config, runners: Runners) -> Score:
    """Plan one spill and hold the plan against the best there was."""
    made, took = planned(park, truth, config, runners)
    return _score(made, truth, took)


def planned(park: Park, truth: Truth, config: Config, runners: Runners) -> tuple[Made, float]:
    """Return the plan of a spill by one who knows the park and what stations read; and how long it took."""
    c = truth.case
    spill = Spill(
        c.started,
        c.seconds,
        c.kg_s,
        c.started + timedelta(seconds=truth.now_s),
        truth.read(),
        truth.clean(),
    )
    scene = warmed(of_park(park, c.node, c.started, stages=c.tide), runners)
    cards = {g: replace(card, usable=g not in c.broken) for g, card in scene.cards.items()}
    began = time.monotonic()
    made = Made.of(replace(scene, cards=cards), spill, runners, config, MOST)
    return made, time.monotonic() - began


def _score(made: Made, truth: Truth, took: float) -> Score:
    nothing, kg = truth.trials.nothing, truth.case.kg
    gates = made.best.gates if made.best else ()
    mine = truth.tried(gates) if gates else nothing
    best = truth.best
    if mine.overtops_s is None:  # the search leaves sets out; what the planner found was possible too
        best = min(best, mine, key=lambda t: t.lost_kg)
    kept_best, kept = nothing.lost_kg - best.lost_kg, nothing.lost_kg - mine.lost_kg
    both = [(made.arrivals[p], at) for p, at in truth.fronts.items() if p in made.arrivals and at > 0]
    return Score(
        possible=nothing.lost_kg > HELD * kg and best.lost_kg <= HELD * kg,
        contained=mine.lost_kg <= HELD * kg,
        kept_ratio=max(kept, 0.0) / kept_best if kept_best > SOME * kg else None,
        overtopped=bool(gates) and mine.overtops_s is not None,
        late=sum((made.deadlines[g].slack_s or 0.0) < 0 for g in gates),
        inside=tuple(b.early_s <= at <= b.late_s for b, at in both),
        errors=tuple(abs(b.middle_s - at) / at for b, at in both),
        plan_s=took,
        gates=gates,
        best=best.gates,
    )


def main(
    config: Config,
    spills: int,
    seed: int,
    out: Any = None,
    *,
    cache: Path | None = None,
    jobs: int = 2,
    first: int = 0,
) -> int:
    """Play so many spills; the last line printed is the result.

    Parameters
    ----------
    cache : Path, optional
        Folder where the truth of every spill is kept for the next time.
    jobs : int
        Runs of the engine at a time.
    first : int
        Number of the first spill: a long bench may be played in parts.
    """
    write = (out or sys.stdout).write
    park = park_file.read(config.park)
    scores = []
    with Runners(jobs) as runners:
        runners.warm()
        for number in range(first, first + spills):
            c = case(park, seed, number)
            began = time.monotonic()
            s = play(park, Truth.of(park, c, config, runners, cache), config, runners)
            scores.append(s)
            ratio = "-" if s.kept_ratio is None else f"{s.kept_ratio:.3f}"
            write(
                f"{number} {c.node} {c.kg:.0f} kg: kept {ratio} of the best, "
                f"contained {s.contained} (possible {s.possible}), {s.plan_s:.1f} s, "
                f"{time.monotonic() - began:.0f} s in all; {'+'.join(s.gates)} (best {'+'.join(s.best)})\n"
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
