"""The choice among the best sets: what they keep and whether banks stay dry where flows are not as thought.

The set is taken that is expected to cost least over the flows that are likely: what it loses at a low, a
middle and a high one, and the chance that water leaves a bank, which weighs as several releases lost. A set
that overtops at one of the three is never taken. Where a set that would be better comes near a bank, a gate
more is looked for that keeps clean water from filling the canal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from twin.hydraulics.runner import Runners
from twin.plan.outlook import Members
from twin.plan.search import FULL, LARGEST, RUNNING_M3S, WORTH, Gates, Trial, Trials

CLOSE = 0.1  # of the release: sets that lose so much more than the best are not looked at beside it
AT_ONCE = 4
MOST = 12  # sets looked at again
WEIGHTS = (0.3, 0.4, 0.3)  # low, middle, high
FILL_SD = 0.02  # of the depth to a bank: tide, roughness and wind, which no run at another flow tells
OVERTOPS = 3.0  # releases that a bank under water weighs: it comes late, watched, and can be averted
RISKY = 0.02  # of the release, as the chance of that weighs: more, and a gate that relieves is looked for
RELIEVED = 2  # times


def chosen(
    trials: Trials, ranked: Sequence[Trial], gates: Sequence[str], members: Members, runners: Runners
) -> list[Trial]:
    """Return the best sets anew, best first; none where every one of them overtops at a likely flow.

    Parameters
    ----------
    ranked : sequence of Trial
        Sets worth closing, best first, all on dry banks.
    gates : sequence of str
        Gates that may be closed.
    members : Members
        What flow and roughness may be.
    """
    found = looked(trials, ranked, gates, members, runners)
    return [t for t, risk in found if risk < 1.0]


def looked(
    trials: Trials, ranked: Sequence[Trial], gates: Sequence[str], members: Members, runners: Runners
) -> list[tuple[Trial, float]]:
    """Return the sets that were looked at again, best first, and the chance that each overtops.

    Parameters as for `chosen`.
    """
    if not ranked:
        return []
    judge = _Judge.of(trials, members, runners)
    kg = trials.question.kg
    for k in range(0, min(len(ranked), MOST), AT_ONCE):
        some = [t for t in ranked[k : k + AT_ONCE] if t.lost_kg <= ranked[k].lost_kg + CLOSE * kg]
        judge.look(some)
        best = judge.ranked()[:1]
        if best and (k + AT_ONCE >= len(ranked) or judge.cost(best[0]) <= judge.nominal(ranked[k + AT_ONCE])):
            break
    done: set[Gates] = set()
    for _ in range(RELIEVED):
        full = judge.full(done)
        if full is None:
            break
        done.add(full.gates)
        judge.look(judge.relieved(full, gates))
    dry = judge.ranked()
    return [(t, judge.risk(t)) for t in [*dry, *(t for t in judge.looked.values() if t not in dry)]]


@dataclass(frozen=True, slots=True)
class _Judge:
    """Sets at the flow expected, and at a low and a high one.

    Attributes
    ----------
    others : (Trials, Trials)
        At the low flow and at the high one.
    span : float
        From the flow expected to the high one, in logs.
    flow : (members,)
        What the flow may be, against that expected, in logs.
    """

    trials: Trials
    others: tuple[Trials, Trials]
    span: float
    flow: np.ndarray
    looked: dict[Gates, Trial]

    @classmethod
    def of(cls, trials: Trials, members: Members, runners: Runners) -> _Judge:
        """Run doing nothing at a low and a high flow."""
        q = trials.question
        asked = [replace(q, flow=f, roughness=n, follow=False) for f, n in members.likely()]
        low, high = runners.map([a.whole() for a in asked])
        others = (Trials(asked[0], runners, low), Trials(asked[1], runners, high))
        at = float(np.log(q.flow))
        return cls(trials, others, max(float(np.log(asked[1].flow)) - at, 1e-3), members.flow - at, {})

    def look(self, some: Iterable[Trial]) -> None:
        """Run sets at the low and the high flow too."""
        new = {t.gates: t for t in some}
        Trials.alike(self.others, new)
        self.looked.update(new)

    def ranked(self) -> list[Trial]:
        """Return the sets that stay dry at all three flows, best first."""
        dry = [t for t in self.looked.values() if t.overtops_s is None and self.risk(t) < 1.0]
        return sorted(dry, key=lambda t: (self.cost(t), t.gates))

    def nominal(self, t: Trial) -> float:
        """Return what a set costs at the flow expected alone, in releases."""
        return t.lost_kg / self.trials.question.kg + WORTH * len(t.gates)

    def cost(self, t: Trial) -> float:
        """Return what a set is expected to cost, in releases."""
        low, high = (o.tried[t.gates].lost_kg for o in self.others)
        mean = WEIGHTS[0] * low + WEIGHTS[1] * t.lost_kg + WEIGHTS[2] * high
        return round(mean / self.trials.question.kg + WORTH * len(t.gates) + OVERTOPS * self.risk(t), 6)

    def risk(self, t: Trial) -> float:
        """Return the chance that water comes to a bank at any likely flow; 1 if a run says so."""
        there = [o.tried[t.gates] for o in self.others]
        if any(x.overtops_s is not None for x in there):
            return 1.0
        steep = max(there[1].fullest - t.fullest, 0.0) / self.span
        return float(ndtr((t.fullest + steep * self.flow - FULL) / FILL_SD).mean())

    def full(self, done: Collection[Gates]) -> Trial | None:
        """Return the set that would cost least if its canal were less full; None where that helps nobody."""
        best = min((self.cost(t) for t in self.ranked()), default=np.inf)
        risky = [
            t
            for t in self.looked.values()
            if t.gates not in done and len(t.gates) < LARGEST and OVERTOPS * self.risk(t) > RISKY
        ]
        worth = [t for t in risky if self.nominal(t) + WORTH < best]
        return min(worth, key=lambda t: (self.nominal(t), t.gates), default=None)

    def relieved(self, t: Trial, gates: Sequence[str]) -> list[Trial]:
        """Return sets with a gate more that leave the most room at the high flow, run at the one expected."""
        high = self.others[1]
        running = [g for g in gates if g not in t.gates and t.water.get(g, 0.0) > RUNNING_M3S]
        more = [tuple(sorted((*t.gates, g))) for g in running]
        high.look(more)
        roomy = sorted((high.tried[s] for s in more), key=lambda x: (x.overtops_s is not None, x.fullest))
        names = [x.gates for x in roomy[:2] if x.fullest < high.tried[t.gates].fullest]
        self.trials.look(names)
        return [self.trials.tried[s] for s in names if self.trials.tried[s].overtops_s is None]
