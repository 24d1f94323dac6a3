"""The true water of the plan bench: what comes when, and the best that could have been done, kept on disk.

The truth of a spill does not depend on the planner, so it is searched once and read from then on. Only sets
that a planner chooses and the search left out are run later; they are kept too.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from geodata.places import OutletKind, Park
from twin.config import Config
from twin.hydraulics.runner import Course, Runners
from twin.plan.deadlines import Spill, horizon_s, order_s
from twin.plan.outlook import front_s, fronts
from twin.plan.search import Gates, Question, Trial, Trials, search
from twin.plan.waters import LEAD_S, Stages, Waters, of_park, warmed

DAY = datetime(2026, 11, 21, tzinfo=UTC)
FLOWS, ROUGH = (0.75, 1.25), (0.8, 1.2)
OUT_OF_ORDER = 0.25
TIDE_H, TIDE_M = 12.42, 0.45  # semidiurnal; so high that the outer canals run backwards at flood
BRINGS_TIDE = 0.5  # outfalls whose mean level is at most this (m) lie at the sea
CONFIRM_S = 600.0  # from a station's front to the plan: detected, confirmed, traced
READ_S = 60.0  # stations read so often
WATCH_S = 4 * 3600.0  # how long after its begin a release is looked for at stations
SEEN_MG_L = 1.0  # above the base: what a station notices
UNSEEN_S = 3600.0
DIRECTED = 60  # sets that are tried by following the release, as a planner would who knew the truth
TRIPLES, QUADS = 4, 2  # pairs, triples that are grown by any gate
LATER_S, LATER = (900.0, 1800.0), 3  # other close times, tried for the best sets
PASSED = 0.02
ENOUGH = 0.005  # of the release: what is lost less is not searched on


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

    @property
    def kg(self) -> float:
        """What is released altogether."""
        return self.kg_s * self.seconds


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


@dataclass(frozen=True, slots=True, eq=False)
class Unheld:
    """What really happens in one spill if nobody does anything.

    Attributes
    ----------
    case : Case
    seen : dict of str to float
        When the front came to each station's node, seconds after the release began, as far as it came.
    now_s : float
        When the plan is asked for, seconds after the release began.
    fronts : dict of str to float
        When the front comes to gates and receptors, seconds after the release began.
    stations : tuple of str
        Nodes that are watched.
    question : Question
        What the search is told in the true water.
    nothing : Course
        The run this was read from.
    """

    case: Case
    seen: dict[str, float]
    now_s: float
    fronts: dict[str, float]
    stations: tuple[str, ...]
    question: Question
    nothing: Course
    _known: _Known

    @classmethod
    def of(cls, park: Park, c: Case, config: Config, runners: Runners, cache: Path | None) -> Unheld:
        """Run a case; what stations see is read from the cache where it is known."""
        waters = of_park(park, c.node, c.started, stages=c.real_tide, flow=c.flow, roughness=c.roughness)
        waters = warmed(waters, runners)
        release = waters.release(c.started, c.seconds, c.kg_s)
        first = replace(
            waters.task(release, LEAD_S + WATCH_S), nodes=_stations(park, waters), links=(), banks=()
        )
        known = _Known.of(cache, (first.text, config.decision_s))
        if "seen" not in known.kept:
            course = runners.map([first])[0]
            most = course.conc.max(0)
            at = {n: front_s(course, j, LEAD_S) for j, n in enumerate(course.nodes) if most[j] > SEEN_MG_L}
            known.kept["seen"] = {n: t for n, t in at.items() if np.isfinite(t)}
        seen = known.kept["seen"]
        now_s = min(seen.values(), default=UNSEEN_S) + CONFIRM_S
        now = c.started + timedelta(seconds=now_s)
        spill = Spill(c.started, c.seconds, c.kg_s, now)
        orders = {g: order_s(k, spill, waters.begin, config) for g, k in waters.cards.items()}
        question = Question(waters, release, orders, horizon_s(waters, spill))
        nothing = runners.map([question.whole()])[0]
        came = fronts(nothing, waters, release)
        return cls(c, seen, now_s, came, first.nodes, question, nothing, known)

    def read(self) -> dict[str, datetime]:
        """Return when stations first read the plume, of those that have by the time of the plan."""
        told = {n: float(np.ceil(t / READ_S) * READ_S) for n, t in self.seen.items()}
        return {n: self.case.started + timedelta(seconds=t) for n, t in told.items() if t <= self.now_s}

    def clean(self) -> frozenset[str]:
        """Return the nodes whose stations have read nothing of it by then."""
        return frozenset(self.stations) - self.read().keys()


@dataclass(slots=True, eq=False)
class Truth:
    """What could have been done about one spill.

    Attributes
    ----------
    unheld : Unheld
    trials : Trials
        Sets of gates, tried in the true water.
    best : Trial
        The least that could be lost on dry banks.
    """

    unheld: Unheld
    trials: Trials
    best: Trial
    _known: _Known

    @classmethod
    def of(cls, unheld: Unheld, runners: Runners) -> Truth:
        """Return the best there was, from the cache where it is known."""
        trials, known = Trials(unheld.question, runners, unheld.nothing), unheld._known
        trials.tried |= known.trials("tried")
        if "best" not in known.kept:
            cards, broken = unheld.question.waters.cards, unheld.case.broken
            gates = [g for g, k in cards.items() if g not in broken and k.normal_position > 0]
            known.kept["best"] = asdict(optimum(trials, gates))
            known.kept["tried"] = [asdict(t) for t in trials.tried.values()]
            known.write()
        return cls(unheld, trials, _trial(known.kept["best"]), known)

    def tried(self, gates: Gates) -> Trial:
        """Return what a set of gates does in the true water, ordered at once."""
        gates = tuple(sorted(gates))
        if gates not in self.trials.tried:
            self.trials.look([gates])
            self._known.kept["tried"].append(asdict(self.trials.tried[gates]))
            self._known.write()
        return self.trials.tried[gates]


@dataclass(slots=True)
class _Known:
    """What is kept of one spill."""

    path: Path | None
    kept: dict[str, Any]

    @classmethod
    def of(cls, cache: Path | None, key: object) -> _Known:
        if cache is None:
            return cls(None, {})
        # The search's own bounds belong to the key: other bounds may find another optimum.
        bounds = (WATCH_S, SEEN_MG_L, CONFIRM_S, DIRECTED, TRIPLES, QUADS, LATER_S, LATER, PASSED, ENOUGH)
        name = hashlib.sha256(repr((key, bounds)).encode()).hexdigest()[:24]
        path = cache / f"spill-{name}.json"
        return cls(path, json.loads(path.read_text("utf-8")) if path.exists() else {})

    def trials(self, name: str) -> dict[Gates, Trial]:
        return {t.gates: t for t in map(_trial, self.kept.get(name, ()))}

    def write(self) -> None:
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        part.write_text(json.dumps(self.kept), "utf-8")
        part.replace(self.path)


def _trial(row: Mapping[str, Any]) -> Trial:
    return Trial(**{**row, "gates": tuple(row["gates"])})


def _stations(park: Park, waters: Waters) -> tuple[str, ...]:
    known = {r[0] for name in ("JUNCTIONS", "STORAGE", "OUTFALLS") for r in waters.model.rows(name)}
    return tuple(dict.fromkeys(s.node for s in park.stations if s.node in known))


def optimum(trials: Trials, gates: Sequence[str]) -> Trial:
    """Return the best that could be done, doing nothing included.

    All single gates and pairs, what grows from the best of them, and what the planner's own way of searching
    finds when it is led by the truth, each ordered at once; the best of all also later. Sets of which the
    release would pass no gate, and that hold no good single gate, are left out: closing them cannot hold it
    back. Nothing is looked for beyond a set that loses less than the engine's own error.
    """
    q = trials.question
    nothing = trials.nothing
    search(trials, gates, DIRECTED, trials.hints(gates))
    trials.look((g,) for g in gates)

    def best(size: int) -> list[Trial]:
        return [t for t in trials.ranked() if len(t.gates) == size and t.overtops_s is None]

    def enough() -> bool:
        found = [t.lost_kg for t in trials.tried.values() if t.overtops_s is None]
        return min(found) <= ENOUGH * q.kg

    if not enough():
        useful = {t.gates[0] for t in best(1) if nothing.lost_kg - t.lost_kg > PASSED * q.kg}
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
