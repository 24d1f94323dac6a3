"""`twin bench plan`: random spills on the park, planned, and held against everything that could be done.

The truth is the engine with other flows, roughness and tide than the planner's. For every spill the best that
was possible is searched for in that truth: all single gates, the sets of two, the sets of three and four that
grow from the best of them, and the best ordered later (`twin.bench_plan_truth`). The planner's closing is run
in the truth as well. Arrivals alone can be held against the truth much faster, for they need no search. The
last line of the output is one JSON object.
"""

from __future__ import annotations

import json
import multiprocessing
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from geodata import park as park_file
from geodata.places import Park
from twin.bench_plan_truth import Truth, Unheld, case
from twin.config import Config
from twin.hydraulics.runner import Runners
from twin.plan.by_hand import Foreseen, Made
from twin.plan.deadlines import Spill
from twin.plan.outlook import SOME, Band
from twin.plan.search import MOST
from twin.plan.waters import Waters, of_park, warmed, with_cards

HELD = 0.05  # of the release may come to receptors where it counts as contained


@dataclass(frozen=True, slots=True)
class Came:
    """How bands of arrivals did: against what came, place by place.

    Attributes
    ----------
    before, after : tuple of bool
        Whether the front came before its band, or after it.
    errors : tuple of float
        Of the middle of the band, as a share of the time since the release began.
    """

    before: tuple[bool, ...]
    after: tuple[bool, ...]
    errors: tuple[float, ...]

    @classmethod
    def of(cls, arrivals: Mapping[str, Band], fronts: Mapping[str, float]) -> Came:
        """Hold bands against when fronts came, seconds after the release began."""
        both = [(arrivals[p], at) for p, at in fronts.items() if p in arrivals and at > 0]
        return cls(
            tuple(at < b.early_s for b, at in both),
            tuple(at > b.late_s for b, at in both),
            tuple(abs(b.middle_s - at) / at for b, at in both),
        )


@dataclass(frozen=True, slots=True)
class Score:
    """How a plan did."""

    possible: bool
    contained: bool
    kept_ratio: float | None
    overtopped: bool
    late: int
    came: Came
    plan_s: float
    gates: tuple[str, ...] = ()
    best: tuple[str, ...] = ()


def play(park: Park, truth: Truth, config: Config, runners: Runners) -> Score:
    """Plan one spill and hold the plan against the best there was."""
    spill, scene = asked(park, truth.unheld, runners)
    began = time.monotonic()
    made = Made.of(scene, spill, runners, config, MOST)
    return _score(made, truth, time.monotonic() - began)


def foreseen(park: Park, unheld: Unheld, config: Config, runners: Runners) -> Came:
    """Hold the bands of one spill's arrivals against what came."""
    spill, scene = asked(park, unheld, runners)
    return Came.of(Foreseen.of(scene, spill, runners, config).arrivals, unheld.fronts)


def asked(park: Park, unheld: Unheld, runners: Runners) -> tuple[Spill, Waters]:
    """Return a spill as one knows it who knows the park and what stations read."""
    c = unheld.case
    now = c.started + timedelta(seconds=unheld.now_s)
    spill = Spill(c.started, c.seconds, c.kg_s, now, unheld.read(), unheld.clean())
    scene = warmed(of_park(park, c.node, c.started, stages=c.tide), runners)
    cards = {g: replace(card, usable=g not in c.broken) for g, card in scene.cards.items()}
    return spill, with_cards(scene, cards)


def _score(made: Made, truth: Truth, took: float) -> Score:
    nothing, kg = truth.trials.nothing, truth.unheld.case.kg
    gates = made.best.gates if made.best else ()
    mine = truth.tried(gates) if gates else nothing
    best = truth.best
    if mine.overtops_s is None:  # the search leaves sets out; what the planner found was possible too
        best = min(best, mine, key=lambda t: t.lost_kg)
    kept_best, kept = nothing.lost_kg - best.lost_kg, nothing.lost_kg - mine.lost_kg
    return Score(
        possible=nothing.lost_kg > HELD * kg and best.lost_kg <= HELD * kg,
        contained=mine.lost_kg <= HELD * kg,
        kept_ratio=max(kept, 0.0) / kept_best if kept_best > SOME * kg else None,
        overtopped=bool(gates) and mine.overtops_s is not None,
        late=sum((made.deadlines[g].slack_s or 0.0) < 0 for g in gates),
        came=Came.of(made.arrivals, truth.unheld.fronts),
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
    arrivals_only: bool = False,
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
    arrivals_only : bool
        Hold only the bands of arrivals against the truth: a few runs a spill, no search.
    """
    write = (out or sys.stdout).write
    park = park_file.read(config.park)
    scores, bands = [], []
    with Runners(jobs) as runners:
        runners.warm()
        for number in range(first, first + spills):
            began = time.monotonic()
            unheld = Unheld.of(park, case(park, seed, number), config, runners, cache)
            if arrivals_only:
                bands.append(foreseen(park, unheld, config, runners))
                write(_said_of_bands(number, unheld, bands[-1]))
            else:
                scores.append(play(park, Truth.of(unheld, runners), config, runners))
                write(_said(number, unheld, scores[-1], time.monotonic() - began))
            (out or sys.stdout).flush()
    found = {"spills": len(bands)} | summary_of_bands(bands) if arrivals_only else summary(scores)
    write(json.dumps(found | {"machine": _machine()}) + "\n")
    return 0


def _said(number: int, unheld: Unheld, s: Score, took: float) -> str:
    ratio = "-" if s.kept_ratio is None else f"{s.kept_ratio:.3f}"
    return (
        f"{number} {unheld.case.node} {unheld.case.kg:.0f} kg: kept {ratio} of the best, "
        f"contained {s.contained} (possible {s.possible}), {s.plan_s:.1f} s, "
        f"{took:.0f} s in all; {'+'.join(s.gates)} (best {'+'.join(s.best)})\n"
    )


def _said_of_bands(number: int, unheld: Unheld, c: Came) -> str:
    middle = f"{np.median(c.errors):.3f}" if c.errors else "-"
    return (
        f"{number} {unheld.case.node}: {len(c.errors)} arrivals, {sum(c.before)} before their band, "
        f"{sum(c.after)} after it; median error {middle}\n"
    )


def summary(scores: Sequence[Score]) -> dict[str, Any]:
    """Return the result of many spills."""
    possible = [s.contained for s in scores if s.possible]
    ratios = [s.kept_ratio for s in scores if s.kept_ratio is not None]
    return {
        "spills": len(scores),
        "contained_where_possible": _mean(possible),
        "mass_kept_ratio": _mean(ratios),
        "overtopped": sum(s.overtopped for s in scores),
        "late_gates": sum(s.late for s in scores),
        "plan_s_p95": round(float(np.quantile([s.plan_s for s in scores], 0.95)), 2) if scores else None,
        "possible": len(possible),
    } | summary_of_bands([s.came for s in scores])


def summary_of_bands(bands: Sequence[Came]) -> dict[str, Any]:
    """Return how many arrivals came within their bands, and before and after them."""
    before = [x for c in bands for x in c.before]
    after = [x for c in bands for x in c.after]
    errors = [x for c in bands for x in c.errors]
    return {
        "arrivals": len(errors),
        "band_coverage": _mean([not (b or a) for b, a in zip(before, after, strict=True)]),
        "before_band": _mean(before),
        "after_band": _mean(after),
        "median_arrival_error": round(float(np.median(errors)), 4) if errors else None,
    }


def _machine() -> dict[str, Any]:
    return {
        "cores": multiprocessing.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "memory_gib": _memory_gib(),
    }


def _mean(values: Sequence[float | bool]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def _memory_gib() -> float | None:
    path = Path("/proc/meminfo")
    if not path.exists():
        return None
    first = path.read_text("ascii").split("\n", 1)[0].split()
    return round(int(first[1]) / 2**20, 1)
