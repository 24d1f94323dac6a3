"""Which gates to close: sets of gates tried by the engine itself, singles first, the best grown gate by gate.

With few gates every set is tried. Else single gates and the sets of all gates ahead come first; then the best
sets lose a gate or gain one, as long as that helps. A set whose water leaves the banks is never chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from twin.hydraulics.graft import Release
from twin.hydraulics.runner import Course, Runners, Task
from twin.plan.outlook import lost_kg
from twin.plan.waters import Waters

EVERY = 6  # up to so many gates all sets are tried
OUTER = 3  # sets of all gates ahead: all, all but the nearest, ...
BEAM = 3  # one of so many best sets is grown, as long as one of them was not
LARGEST = 5
MOST = 60  # sets tried
WORTH = 0.01  # of the release: a gate more must keep so much more
ENOUGH = 0.01  # of the release: when no more than this is lost, larger sets are not looked for
FULL = 0.999  # of the depth to the bank: there it overtops
SPILT_M3 = 1.0  # more water than in the run without closing must have left the network to count as a flood

Gates = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of gates, tried."""

    gates: Gates
    lost: dict[str, float]  # kg by receptor
    lost_kg: float  # at all of them: what passes an intake on its way to the sea counts at both
    overtops_s: float | None  # after the start of the run
    fullest: float  # of the depth to a bank


@dataclass(frozen=True, slots=True)
class Question:
    """What a search is told.

    Attributes
    ----------
    order_s : mapping
        When each gate's stroke would begin, seconds of the run.
    seconds : float
        How long runs last.
    done : sequence of (gate, second)
        Strokes that were ordered already, whatever is decided now.
    """

    waters: Waters
    release: Release
    order_s: Mapping[str, float]
    seconds: float
    done: tuple[tuple[str, float], ...] = ()

    def task(self, gates: Gates = (), wait_s: float = 0.0) -> Task:
        """Return the run of a set of gates, ordered now or so much later."""
        orders = [*self.done, *((g, self.order_s[g] + wait_s) for g in gates)]
        return self.waters.task(self.release, self.seconds, orders)

    @property
    def kg(self) -> float:
        """What is released altogether."""
        return self.release.kg_s * self.release.long_s


class Trials:
    """Sets that were tried, each once."""

    def __init__(self, question: Question, runners: Runners, nothing: Course) -> None:
        self.question, self._runners = question, runners
        self.nothing = judged((), nothing, question, nothing)
        self._base = nothing
        self.tried: dict[Gates, Trial] = {(): self.nothing}

    def look(self, sets: Iterable[Gates], most: float = np.inf) -> None:
        """Try sets that were not tried yet, as long as there are no more than `most`."""
        q = self.question
        new = [s for s in dict.fromkeys(tuple(sorted(s)) for s in sets) if s not in self.tried]
        for some in _batches(new, 4):
            if len(self.tried) > most:
                return
            tasks = [q.task(gates) for gates in some]
            for gates, course in zip(some, self._runners.map(tasks), strict=True):
                self.tried[gates] = judged(gates, course, q, self._base)

    def later(self, wait_s: float, sets: Sequence[Gates]) -> list[Trial]:
        """Try sets that are ordered so much later; these are not kept."""
        q = self.question
        courses = self._runners.map([q.task(gates, wait_s) for gates in sets])
        return [judged(g, c, q, self._base) for g, c in zip(sets, courses, strict=True)]

    def enough(self, best: Trial) -> bool:
        """Whether so little is lost that no larger set is worth it."""
        return best.overtops_s is None and best.lost_kg <= ENOUGH * self.question.kg

    def ranked(self, among: Callable[[Trial], bool] = lambda _: True) -> list[Trial]:
        """Return what was tried, best first: dry banks, little lost, few gates."""
        q = self.question

        def cost(t: Trial) -> tuple[bool, float, int, Gates]:
            return (
                t.overtops_s is not None,
                round(t.lost_kg / q.kg + WORTH * len(t.gates), 6),
                len(t.gates),
                t.gates,
            )

        return sorted((t for t in self.tried.values() if t.gates and among(t)), key=cost)


def search(trials: Trials, gates: Sequence[str], passed: Collection[str], most: int = MOST) -> list[Trial]:
    """Try sets of gates until a larger one is not worth it or so many were tried; returns them, best first.

    Parameters
    ----------
    gates : sequence of str
        Gates that may be closed, those to be tried first in front.
    passed : collection of str
        Those of them that the release comes to.
    """
    if len(gates) <= EVERY:
        trials.look(s for n in range(1, len(gates) + 1) for s in combinations(gates, n))
        return trials.ranked()
    ahead = [g for g in gates if g in passed]
    outer = [tuple(ahead[k:]) for k in range(min(len(ahead), OUTER))]  # all of them; all but the nearest; ...
    trials.look([*((g,) for g in gates), *outer])
    grown: set[Gates] = set()
    while len(trials.tried) <= most:
        ranked = trials.ranked()
        if not ranked or trials.enough(ranked[0]):
            break
        best = next((t for t in ranked[:BEAM] if t.gates not in grown and len(t.gates) < LARGEST), None)
        if best is None:
            break
        grown.add(best.gates)
        fewer = (
            [tuple(g for g in best.gates if g != out) for out in best.gates] if len(best.gates) > 2 else []
        )
        trials.look([*fewer, *((*best.gates, g) for g in gates if g not in best.gates)], most)
    return trials.ranked()


def judged(gates: Gates, course: Course, q: Question, nothing: Course) -> Trial:
    """Read a run."""
    lost = lost_kg(course, q.waters)
    n = min(len(course.flooded), len(nothing.flooded))
    spilt = (course.flooded[:n] - nothing.flooded[:n]) * q.waters.model.m3
    over = np.flatnonzero(spilt > SPILT_M3)
    fill = course.fill
    usual = nothing.fill.max(0, initial=0.0) >= FULL  # banks that are under water anyway tell nothing
    dry = fill[:, ~usual] if fill.size else fill
    full = np.flatnonzero((dry >= FULL).any(1)) if dry.size else np.array([], int)
    moments = [float(course.t_s[over[0]])] if len(over) else []
    moments += [float(course.bank_s[full[0]])] if len(full) else []
    return Trial(gates, lost, sum(lost.values()), min(moments, default=None), float(dry.max(initial=0.0)))


def _batches(items: Sequence[Gates], size: int) -> Iterator[Sequence[Gates]]:
    for k in range(0, len(items), size):
        yield items[k : k + size]
