"""A plan for a release somebody states: no incident, no suspects, the engine alone.

close-by = early arrival - stroke - dispatch - decision - margin, per gate, from its card. A gate whose
close-by is over is never recommended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from geodata.network import CLOSED_BELOW
from twin.config import Config
from twin.hydraulics.runner import Course, Runners
from twin.plan.deadlines import Deadline, Spill, deadline, horizon_s, order_s
from twin.plan.outlook import PROBES, Band, Outlook, marks, passed_kg
from twin.plan.robust import chosen
from twin.plan.said import told
from twin.plan.search import MOST, Question, Trial, Trials, follow, search
from twin.plan.waters import Waters

WAITS_S = (300.0, 900.0, 1800.0)
WRONG, FINER = 0.3, 3  # error of the engine, as a share, that asks for shorter steps; how often they are cut
STAND_IN = 8  # sets tried for a gate that might fail and that no known set does without
HARM, LOWER = 0.005, 0.01  # of the release, of the depth to a bank: what a by-pass may cost and must give
WORTH = 0.02  # of the release that a plan must keep


def answer(
    waters: Waters, spill: Spill, runners: Runners, config: Config, *, most: int = MOST
) -> dict[str, Any]:
    """Return arrivals, deadlines, the recommended closing and its price, ready for JSON."""
    return told(Made.of(waters, spill, runners, config, most))


@dataclass(frozen=True, slots=True, eq=False)
class Foreseen:
    """What comes where and when if nobody does anything.

    Attributes
    ----------
    outlook : Outlook
    question : Question
        In the likeliest water.
    nothing : Course
        Its run of doing nothing.
    arrivals : dict of str to Band
        By gate and receptor.
    """

    outlook: Outlook
    question: Question
    nothing: Course
    arrivals: dict[str, Band]

    @classmethod
    def of(cls, waters: Waters, spill: Spill, runners: Runners, config: Config) -> Foreseen:
        """Run the usual water, and others around it, and band what they say."""
        release = waters.release(spill.started, spill.seconds, spill.kg_s)
        orders = {g: order_s(c, spill, waters.begin, config) for g, c in waters.cards.items()}
        asked = Question(waters, release, orders, horizon_s(waters, spill))
        outlook, question, nothing = _outlook(*_sound(asked, spill, runners), spill, runners)
        waters = question.waters
        share = {p: passed_kg(nothing, waters, p) / question.kg for p in (*waters.cards, *waters.receptors)}
        return cls(outlook, question, nothing, outlook.bands(share))


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A plan and everything it was chosen from."""

    waters: Waters
    spill: Spill
    outlook: Outlook
    arrivals: dict[str, Band]
    deadlines: dict[str, Deadline]
    trials: Trials
    usable: list[str]
    best: Trial | None
    error: float = 0.0

    @classmethod
    def of(cls, waters: Waters, spill: Spill, runners: Runners, config: Config, most: int) -> Made:
        """Run, band, search, choose."""
        seen = Foreseen.of(waters, spill, runners, config)
        outlook, question, nothing, arrivals = seen.outlook, seen.question, seen.nothing, seen.arrivals
        waters = question.waters
        deadlines = {g: deadline(c, arrivals.get(g), spill, config) for g, c in waters.cards.items()}
        trials = Trials(question, runners, nothing)
        usable = sorted(
            (g for g, d in deadlines.items() if d.usable and waters.cards[g].normal_position > 0.0),
            key=lambda g: (deadlines[g].close_by is None, deadlines[g].close_by or spill.now, g),
        )
        ranked = search(trials, usable, most, trials.hints(usable))
        least = trials.nothing.lost_kg - WORTH * question.kg
        good = [t for t in ranked if t.overtops_s is None and t.lost_kg <= least]
        sure = chosen(trials, good, usable, outlook.members, runners)
        best = sure[0] if sure else None
        return cls(waters, spill, outlook, arrivals, deadlines, trials, usable, best, nothing.error)

    def waiting(self) -> dict[str, Trial]:
        """Return the recommended gates ordered 5, 15, 30 minutes later, by minutes."""
        if self.best is None:
            return {}
        tried = self.trials.waited(WAITS_S, self.best.gates)
        return {f"{w / 60:.0f}": t for w, t in zip(WAITS_S, tried, strict=True)}

    def second_best(self) -> dict[str, list[str]]:
        """Return, for each gate of the plan, the best gates that do without it."""
        found = {}
        for gate in self.best.gates if self.best else ():
            if not self._without(gate):  # none that was tried: look for one
                others = [g for g in self.usable if g != gate]
                follow(self.trials, others, len(self.trials.tried) + STAND_IN)
            without = self._without(gate)
            found[gate] = list(without[0].gates) if without else []
        return found

    def _without(self, gate: str) -> list[Trial]:
        return [t for t in self.good() if gate not in t.gates]

    def good(self) -> list[Trial]:
        """Return the sets that keep something and the banks dry, best first."""
        least = self.trials.nothing.lost_kg - WORTH * self.trials.question.kg
        return [t for t in self.trials.ranked() if t.overtops_s is None and t.lost_kg <= least]

    def ends(self) -> dict[str, Trial]:
        """Return the best of the sets that hold it nearest to the release, and outermost.

        A set stands where the release first meets one of its gates.
        """

        def meets(t: Trial) -> float:
            return min((self.arrivals[g].middle_s for g in t.gates if g in self.arrivals), default=np.inf)

        sets = [t for t in self.good() if np.isfinite(meets(t))]
        if not sets:
            return {}
        near, far = min(map(meets, sets)), max(map(meets, sets))
        return {
            "nearest": next(t for t in sets if meets(t) == near),
            "outermost": next(t for t in sets if meets(t) == far),
        }

    def by_passes(self) -> list[ByPass]:
        """Return what opening a gate that usually stands closed does to the plan: clean water led round."""
        return [] if self.best is None else by_passes(self.trials, self.best)


@dataclass(frozen=True, slots=True)
class ByPass:
    """A gate that usually stands closed, opened with the plan.

    Attributes
    ----------
    lost_kg : float
        What then comes to the receptors.
    lower : float
        By how much of the depth to a bank the fullest place is less full.
    helps : bool
        It costs next to nothing and leaves more room, or keeps more.
    """

    gate: str
    lost_kg: float
    lower: float
    helps: bool


def by_passes(trials: Trials, best: Trial) -> list[ByPass]:
    """Return what opening each gate that usually stands closed does to a set."""
    cards, kg = trials.question.waters.cards, trials.question.kg
    shut = [g for g, c in cards.items() if c.normal_position < CLOSED_BELOW and c.usable]
    found = []
    for gate, t in zip(shut, trials.opened(best.gates, shut), strict=True):
        more, lower = t.lost_kg - best.lost_kg, best.fullest - t.fullest
        dry = t.overtops_s is None
        helps = dry and more <= HARM * kg and (lower > LOWER or more < 0)
        found.append(ByPass(gate, t.lost_kg, lower, helps))
    return found


def _sound(question: Question, spill: Spill, runners: Runners) -> tuple[Question, Course]:
    """Return the question in steps short enough that the engine keeps the mass, and its run of doing nothing.

    In an imported model flow through gates between short reaches may turn round from step to step; the engine
    then makes mass.
    """
    course = runners.map([question.whole(_stations(question, spill))])[0]
    for _ in range(FINER):
        if question.waters.park is not None or course.error < WRONG:
            break
        question = replace(question, waters=question.waters.finer())
        course = runners.map([question.whole(_stations(question, spill))])[0]
    return question, course


def _stations(question: Question, spill: Spill) -> list[str]:
    """Return the nodes of stations that the model has."""
    known = question.waters.nodes()
    return [n for n in dict.fromkeys((*spill.seen, *sorted(spill.clean))) if n in known]


def _outlook(
    question: Question, first: Course, spill: Spill, runners: Runners
) -> tuple[Outlook, Question, Course]:
    """Return the outlook, and the question in the likeliest water with its run of doing nothing."""
    waters, release = question.waters, question.release
    stations = _stations(question, spill)
    others = [replace(question, flow=q, roughness=n).whole(stations) for q, n in PROBES[1:]]
    probes = [first, *runners.map([replace(t, keep_s=None, banks=()) for t in others])]
    found = Outlook.of(
        [marks(c, waters, release, stations) for c in probes],
        {n: spill.after_s(at) for n, at in spill.seen.items() if n in stations},
        spill.clean.intersection(stations),
        spill.after_s(spill.now),
    )
    if not stations:
        return found, question, probes[0]
    flow, rough = found.members.middle
    likely = replace(question, flow=flow, roughness=rough)
    nothing = runners.map([likely.whole(stations)])[0]
    return found.around(marks(nothing, waters, release, stations), (flow, rough)), likely, nothing
