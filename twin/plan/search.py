"""Which gates to close: sets tried by the engine itself, grown along the ways the release then takes.

A set whose water leaves the banks is never chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import combinations, islice

import numpy as np

from twin.hydraulics.graft import Release
from twin.hydraulics.runner import Course, Runners, Task
from twin.plan.hint import Hint
from twin.plan.outlook import lost_kg, passed_kg
from twin.plan.waters import Waters

EVERY = 4  # up to so many gates all sets are tried
FOLLOWED = 0.6  # of the sets: those found by following the release; the others mend the best of them
PASSING = 0.01  # of the release that must pass a gate for its closing to be tried
AT_ONCE = 4
DEAD_END = 0.2  # of the release passes gates that may still be closed: less, and the water is what to stop
STILLED = 0.05  # of the release: what stilling a gate's water is hoped to keep, for the order of trials
RUNNING_M3S = 0.5  # of water through a gate, for its closing to still anything
HINTS = 8  # sets that a coarse look proposes
LARGEST = 6
MOST = 40  # sets tried
WORTH = 0.01  # of the release: a gate more must keep so much more
ENOUGH = 0.01  # of the release: when no more than this is lost, larger sets are not looked for
FULL = 0.999  # of the depth to the bank: there it overtops
NOTED_S = 60.0  # runs are noted so often
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
    passed: dict[str, float] = field(default_factory=dict)  # kg by gate, after it could be closed
    water: dict[str, float] = field(default_factory=dict)  # m3/s by gate, in either direction, since then


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
    flow, roughness : float
        Factors on what the model says.
    follow : bool
        Note what passes gates, too.
    """

    waters: Waters
    release: Release
    order_s: Mapping[str, float]
    seconds: float
    done: tuple[tuple[str, float], ...] = ()
    flow: float = 1.0
    roughness: float = 1.0
    follow: bool = True

    def task(self, gates: Gates = (), wait_s: float = 0.0, opens: Gates = ()) -> Task:
        """Return the run of a set of gates closed, and others opened, ordered now or so much later."""
        orders = [*self.done, *((g, self.order_s[g] + wait_s) for g in gates)]
        return self.waters.task(
            self.release,
            self.seconds,
            orders,
            flow=self.flow,
            roughness=self.roughness,
            opens=[(g, self.order_s[g] + wait_s) for g in opens],
            lost_alone=not self.follow,
        )

    def whole(self, also: Sequence[str] = ()) -> Task:
        """Return the run of doing nothing more, with every place noted.

        A park's run keeps its state at the moment of the first order, from which all sets go on.
        """
        made = self.waters.task(
            self.release, self.seconds, self.done, flow=self.flow, roughness=self.roughness, also=also
        )
        moment = self._moment_s
        return replace(made, keep_s=moment) if self.waters.start is not None and moment > 0 else made

    @property
    def _moment_s(self) -> float:
        """Shortly before the first stroke may begin, when runs are noted; 0 where strokes are under way."""
        at = min((s for g, s in self.order_s.items() if self.waters.cards[g].usable), default=0.0)
        busy = any(s + self.waters.cards[g].stroke_s > at for g, s in self.done)
        before = np.ceil(min(at, self.seconds - NOTED_S) / NOTED_S - 1) * NOTED_S
        return 0.0 if busy else max(float(before), 0.0)

    def onward(self, nothing: Course) -> Question:
        """Return the same question asked at the moment of the first order, where its state was kept."""
        at = self._moment_s
        if nothing.state is None:
            return self
        r = self.release
        left = r.start_s + r.long_s - max(r.start_s, at)
        # A release that is over brings nothing more; the tracer is in the water.
        r = replace(
            r, start_s=max(r.start_s - at, 0.0), long_s=max(left, 1.0), kg_s=r.kg_s if left > 0 else 0.0
        )
        return replace(
            self,
            waters=self.waters.later(at, nothing.state),
            release=r,
            order_s={g: s - at for g, s in self.order_s.items()},
            seconds=self.seconds - at,
            done=tuple((g, 0.0) for g, _ in self.done),
        )

    @property
    def kg(self) -> float:
        """What is released altogether."""
        return self.release.kg_s * self.release.long_s


class Trials:
    """Sets that were tried, each once."""

    def __init__(self, question: Question, runners: Runners, nothing: Course) -> None:
        self.question, self._runners = question, runners
        self.nothing = judged((), nothing, question, nothing)
        self._asked = question.onward(nothing)
        self._from_s = question.seconds - self._asked.seconds
        self._base = nothing.since(self._from_s) if self._from_s else nothing
        # What came before the first order came whatever is closed.
        after = lost_kg(self._base, question.waters)
        self._before = {r: kg - after[r] for r, kg in self.nothing.lost.items()}
        self.tried: dict[Gates, Trial] = {(): self.nothing}

    def look(self, sets: Iterable[Gates], most: float = np.inf) -> None:
        """Try sets that were not tried yet, as long as there are no more than `most`."""
        new = [s for s in dict.fromkeys(tuple(sorted(s)) for s in sets) if s not in self.tried]
        for some in _batches(new, 4):
            if len(self.tried) > most:
                return
            for t in self.later(0.0, some):
                self.tried[t.gates] = t

    def later(self, wait_s: float, sets: Sequence[Gates]) -> list[Trial]:
        """Try sets that are ordered so much later; these are not kept."""
        q = self._asked
        courses = self._runners.map([q.task(gates, wait_s) for gates in sets])
        return [self._judged(g, c) for g, c in zip(sets, courses, strict=True)]

    def waited(self, waits_s: Sequence[float], gates: Gates) -> list[Trial]:
        """Try one set ordered so much later, all waits at once; these are not kept."""
        courses = self._runners.map([self._asked.task(gates, wait) for wait in waits_s])
        return [self._judged(gates, c) for c in courses]

    @staticmethod
    def alike(several: Sequence[Trials], sets: Iterable[Gates]) -> None:
        """Try the same sets in several trials that share their runners, all at once."""
        new = [(t, s) for s in dict.fromkeys(sets) for t in several if s not in t.tried]
        if not new:
            return
        courses = new[0][0]._runners.map([t._asked.task(s) for t, s in new])
        for (t, s), course in zip(new, courses, strict=True):
            t.tried[s] = t._judged(s, course)

    def opened(self, gates: Gates, opens: Sequence[str]) -> list[Trial]:
        """Try a set with each of some gates opened besides; these are not kept."""
        courses = self._runners.map([self._asked.task(gates, opens=(gate,)) for gate in opens])
        return [self._judged(gates, c) for c in courses]

    def _judged(self, gates: Gates, course: Course) -> Trial:
        t = judged(gates, course, self._asked, self._base)
        lost = {r: kg + self._before[r] for r, kg in t.lost.items()}
        over = None if t.overtops_s is None else t.overtops_s + self._from_s
        return replace(t, lost=lost, lost_kg=sum(lost.values()), overtops_s=over)

    def hints(self, gates: Sequence[str]) -> list[Gates]:
        """Return sets that a coarse look at a park's canals proposes; none for an imported model."""
        q = self.question
        if q.waters.park is None or not self._base.strong.size:
            return []
        r, asked = q.release, self._asked
        strong = dict(zip(q.waters.banks, self._base.strong[0].tolist(), strict=True))
        inside = float(asked.release.kg_s * asked.release.long_s)
        hint = Hint.of(q.waters.park, tuple(q.waters.receptors.values()))
        return hint.sets(gates, [g for g, _ in q.done], strong, (r.node, inside))

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

    def best(self, among: Collection[str] | None = None) -> Trial:
        """Return the best of all sets, doing nothing among them; or of those of these gates alone."""
        sets = [t for t in self.tried.values() if among is None or set(t.gates) <= set(among)]
        return min(sets, key=lambda t: (t.overtops_s is not None, t.lost_kg))


def search(
    trials: Trials, gates: Sequence[str], most: int = MOST, hints: Iterable[Gates] = ()
) -> list[Trial]:
    """Try sets of gates until a larger one is not worth it or so many were tried; returns them, best first.

    With few gates every set is tried. Else the release is followed: of every set that was run it is known
    through which gates what it loses still passes after they could be closed, and those are closed next, the
    set first that would lose least if what passes its new gate were held. Closing a gate may only send the
    plume another way; then the run shows that way and the gate on it. At the end the best set loses a gate or
    gains any other, as long as that helps: a gate behind the plume may still the water.

    Parameters
    ----------
    gates : sequence of str
        Gates that may be closed.
    hints : iterable of sets
        Looked at first, best first.
    """
    if len(gates) <= EVERY:
        trials.look(s for n in range(1, len(gates) + 1) for s in combinations(gates, n))
        return trials.ranked()
    for some in _batches(list(islice(hints, HINTS)), AT_ONCE):
        trials.look(some)
        if trials.enough(trials.best()):
            break
    follow(trials, gates, most * FOLLOWED)
    polish(trials, gates, most)
    return trials.ranked()


def follow(trials: Trials, gates: Sequence[str], most: float) -> None:
    """Close the gates that what is lost still passes; where it passes none, those that bring the water.

    Sets with other gates than these are left aside.
    """
    q = trials.question
    mine = set(gates)
    ways: list[tuple[float, int, Gates]] = []
    still: list[tuple[float, int, Gates]] = []

    def grow(t: Trial) -> None:
        if t.overtops_s is not None or len(t.gates) >= LARGEST or not mine.issuperset(t.gates):
            return
        loose = sum(t.passed.get(g, 0.0) for g in gates if g not in t.gates) / q.kg
        for g in gates:
            larger = tuple(sorted((*t.gates, g)))
            if g in t.gates or larger in trials.tried:
                continue
            passing = t.passed.get(g, 0.0)
            if passing >= PASSING * q.kg:
                left = max(t.lost_kg - passing, 0.0) / q.kg
                heappush(ways, (round(left + WORTH * len(larger), 6), len(larger), larger))
            if t.gates and loose < DEAD_END and t.water.get(g, 0.0) > RUNNING_M3S:
                brought = STILLED * t.water[g] / (1 + t.water[g])
                heappush(still, (round(t.lost_kg / q.kg - brought, 6), len(larger), larger))

    for t in list(trials.tried.values()):
        grow(t)
    while (ways or still) and len(trials.tried) <= most and not trials.enough(trials.best(mine)):
        some = [s for heap in (ways, still) for s in _popped(heap, trials.tried, AT_ONCE // 2)]
        trials.look(some)
        for s in dict.fromkeys(some):
            grow(trials.tried[s])


def _popped(heap: list[tuple[float, int, Gates]], tried: Mapping[Gates, Trial], count: int) -> list[Gates]:
    """Take the first sets from a heap that were not tried yet."""
    found: list[Gates] = []
    while heap and len(found) < count:
        gates = heappop(heap)[2]
        if gates not in tried and gates not in found:
            found.append(gates)
    return found


def polish(trials: Trials, gates: Sequence[str], most: float) -> None:
    """Let the best set gain a gate, then lose one, as long as that helps.

    A gate through which no water runs changes nothing; those that bring most are tried first.
    """
    done: set[Gates] = set()
    while len(trials.tried) <= most:
        ranked = trials.ranked()
        if not ranked or ranked[0].gates in done:
            return
        best = ranked[0]
        if not trials.enough(best) and len(best.gates) < LARGEST:
            running = sorted((-best.water.get(g, 0.0), g) for g in gates if g not in best.gates)
            more = [tuple(sorted((*best.gates, g))) for w, g in running if -w > RUNNING_M3S]
            new = [s for s in more if s not in trials.tried][:AT_ONCE]
            if new:
                trials.look(new, most)
                continue
        done.add(best.gates)
        if len(best.gates) > 1:
            trials.look([tuple(g for g in best.gates if g != out) for out in best.gates], most)


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
    cards = q.waters.cards
    open_ = {g: course.t_s > q.order_s[g] + cards[g].stroke_s for g in cards if cards[g].link in course.links}
    water = {
        g: float(np.abs(course.flow[late, course.links.index(cards[g].link)]).mean()) * q.waters.model.m3s
        for g, late in open_.items()
        if late.any()
    }
    passed = {
        g: passed_kg(course, q.waters, g, q.order_s[g] + cards[g].stroke_s)
        for g in cards
        if cards[g].link in course.links
    }
    return Trial(
        gates,
        lost,
        sum(lost.values()),
        min(moments, default=None),
        float(dry.max(initial=0.0)),
        passed,
        water,
    )


def _batches(items: Sequence[Gates], size: int) -> Iterator[Sequence[Gates]]:
    for k in range(0, len(items), size):
        yield items[k : k + size]
