"""The choice among the best sets: what they keep where flows are other than thought, too.

The set is taken that loses least on average over a low, a middle and a high flow, all of them likely; never
one that overtops in any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from twin.hydraulics.runner import Runners
from twin.plan.search import WORTH, Trial, Trials

CLOSE = 0.1  # of the release: sets that lose so much more than the best are not looked at beside it
AT_ONCE = 4
MOST = 12  # sets looked at again until one is found that stays dry
ROOM = 0.95  # of the depth to a bank: water is to stay below, whatever flow and roughness turn out to be
WEIGHTS = (0.3, 0.4, 0.3)  # low, middle, high


def chosen(
    trials: Trials,
    ranked: Sequence[Trial],
    ends: Sequence[tuple[float, float]],
    runners: Runners,
) -> list[Trial]:
    """Return the best sets anew, best first.

    Parameters
    ----------
    ranked : sequence of Trial
        Sets worth closing, best first, all on dry banks.
    ends : sequence of (float, float)
        Factors on flow and roughness at a low and a high flow.
    """
    if not ranked:
        return []
    kg = trials.question.kg
    asked = [replace(trials.question, flow=q, roughness=n, follow=False) for q, n in ends]
    nothing = runners.map([a.whole() for a in asked])
    others = [Trials(a, runners, course) for a, course in zip(asked, nothing, strict=True)]

    def cost(t: Trial) -> tuple[float, tuple[str, ...]]:
        low, high = (o.tried[t.gates].lost_kg for o in others)
        mean = WEIGHTS[0] * low + WEIGHTS[1] * t.lost_kg + WEIGHTS[2] * high
        return round(mean / kg + WORTH * len(t.gates), 6), t.gates

    narrow: list[Trial] = []  # dry, but near the bank
    for k in range(0, min(len(ranked), MOST), AT_ONCE):
        near = [t for t in ranked[k : k + AT_ONCE] if t.lost_kg <= ranked[k].lost_kg + CLOSE * kg]
        for other in others:
            other.look(t.gates for t in near)
        dry = [t for t in near if all(o.tried[t.gates].overtops_s is None for o in others)]
        roomy = [t for t in dry if max(o.tried[t.gates].fullest for o in others) <= ROOM]
        if roomy:
            return sorted(roomy, key=cost)
        narrow += dry
    return sorted(narrow, key=cost)
