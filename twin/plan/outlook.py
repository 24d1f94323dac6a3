"""When a release comes to gates and receptors, how strong, until when: an ensemble on a few engine runs.

Times answer flow and roughness as powers of them. A handful of runs fits the powers for every place; members
drawn on them give the band. What stations have read so far tells which members are likely: one whose front
would have been at a station an hour before it was seen there is not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from twin.hydraulics.graft import Release
from twin.hydraulics.runner import Course
from twin.plan.waters import Waters

Floats = NDArray[np.float64]

MEMBERS = 400
FLOW_SD, ROUGH_SD = 0.17, 0.12  # in logs: flows within 30 %, roughness within 20 %
STRENGTH_SD = 0.2  # in logs, of the release
# In logs, of a way of an hour: what no run knows, place by place, a tide out of step among it. On a longer
# way, what is fast here and slow there evens out.
OWN_SD, OWN_S = 0.06, 3600.0
LAG_S = 90.0  # how well the reading of a front tells its time; it is read no sooner than it comes
LEAST_MEMBERS = 40.0  # readings that leave fewer members than this are believed less
PROBES = ((1.0, 1.0), (0.78, 1.0), (1.28, 1.0), (1.0, 1.2))  # factors on flow and roughness that are run
USUAL = (-0.6, 0.5)  # powers of flow and roughness where too few runs say
STEEPEST = 2.0
FRONT = 0.05  # of the highest concentration at a place: its front, and its tail
SOME = 0.01  # of the release that must pass a place for it to count
LIKELY = (0.1, 0.9)  # between these flows a plan has to hold
SEED = 20260102


@dataclass(frozen=True, slots=True)
class Mark:
    """When front, peak and tail of a release are at a place (s after it began), and the peak (mg/L).

    `half_s` is when half of it has passed.
    """

    front_s: float
    half_s: float
    peak_s: float
    tail_s: float
    mg_l: float


Three = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Band:
    """5, 50 and 95 % of a place's marks.

    Attributes
    ----------
    early_s, middle_s, late_s : float
        Of the front, seconds after the release began.
    share : float
        Of the release that passes.
    half_s, peak_s, tail_s, mg_l : (5 %, 50 %, 95 %)
    """

    early_s: float
    middle_s: float
    late_s: float
    share: float
    half_s: Three = (0.0, 0.0, 0.0)
    peak_s: Three = (0.0, 0.0, 0.0)
    tail_s: Three = (0.0, 0.0, 0.0)
    mg_l: Three = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """What flow and roughness may be, in logs, all members alike likely: (members,)."""

    flow: Floats
    rough: Floats

    @property
    def middle(self) -> tuple[float, float]:
        """The factors on flow and roughness in the middle of the members."""
        return float(np.exp(np.median(self.flow))), float(np.exp(np.median(self.rough)))

    def likely(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The factors on flow and roughness at a low and a high flow that have to be reckoned with."""
        low, high = np.quantile(self.flow, LIKELY)
        near = [self.rough[np.argsort(np.abs(self.flow - f))[: MEMBERS // 8]].mean() for f in (low, high)]
        return (float(np.exp(low)), float(np.exp(near[0]))), (float(np.exp(high)), float(np.exp(near[1])))


def front_s(course: Course, node: int, since_s: float) -> float:
    """Return when the front comes to a noted node, seconds after `since_s`; infinity where it never does."""
    return mark(course, node, since_s).front_s


def mark(course: Course, node: int, since_s: float) -> Mark:
    """Return the marks of a noted node (column of the course), seconds after `since_s`."""
    conc = course.conc[:, node]
    most = float(conc.max(initial=0.0))
    if most <= 0:
        return Mark(np.inf, np.inf, np.inf, np.inf, 0.0)
    risen = conc >= FRONT * most
    k, last = int(np.argmax(risen)), len(conc) - 1 - int(np.argmax(risen[::-1]))
    front = float(course.t_s[k])
    if k:
        low, high = conc[k - 1], conc[k]
        part = (FRONT * most - low) / max(high - low, 1e-12)
        front = float(course.t_s[k - 1] + part * (course.t_s[k] - course.t_s[k - 1]))
    peak = float(course.t_s[int(np.argmax(conc))])
    load = np.cumsum(conc * np.abs(course.inflow[:, node]))
    half = float(course.t_s[int(np.searchsorted(load, load[-1] / 2))])
    return Mark(front - since_s, half - since_s, peak - since_s, float(course.t_s[last]) - since_s, most)


def passed_kg(course: Course, waters: Waters, place: str, since_s: float = 0.0) -> float:
    """Return the kilograms that come to a receptor, or pass a gate in either direction, from a moment on."""
    units = waters.model.m3s
    step = np.where(course.t_s > since_s, np.diff(course.t_s, prepend=0.0), 0.0)
    if place in waters.receptors:
        j = course.nodes.index(waters.receptors[place])
        return float((course.conc[:, j] * np.maximum(course.inflow[:, j], 0) * step).sum()) * units / 1000
    first, second = (course.nodes.index(n) for n in waters.ends[place])
    flow = course.flow[:, course.links.index(waters.cards[place].link)]
    carried = np.where(flow >= 0, course.conc[:, first], course.conc[:, second]) * np.abs(flow)
    return float((carried * step).sum()) * units / 1000


def fronts(course: Course, waters: Waters, release: Release) -> dict[str, float]:
    """Return when the front comes to every gate and receptor, seconds after the release began."""
    return {p: m.front_s for p, m in marks(course, waters, release).items()}


def marks(
    course: Course, waters: Waters, release: Release, stations: Collection[str] = ()
) -> dict[str, Mark]:
    """Return the marks of every gate and receptor that the release comes to, and of stations' nodes."""
    total = release.kg_s * release.long_s
    found = {}
    for place in (*waters.cards, *waters.receptors):
        if passed_kg(course, waters, place) < SOME * total:
            continue
        nodes = waters.ends.get(place) or (waters.receptors[place],)
        first = min(
            (mark(course, course.nodes.index(n), release.start_s) for n in nodes), key=lambda m: m.front_s
        )
        if np.isfinite(first.front_s):
            found[place] = replace(first, front_s=max(first.front_s, 0.0))
    for node in stations:
        at = mark(course, course.nodes.index(node), release.start_s)
        if np.isfinite(at.front_s):
            found[at_station(node)] = at
    return found


def at_station(node: str) -> str:
    """Return the name under which a station's node is kept among gates and receptors."""
    return f"@{node}"


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """A few runs of one release, and what follows for flows and roughness that were not run.

    Attributes
    ----------
    probes : tuple of dict
        Marks of the runs of `PROBES`.
    base : dict of str to Mark
        Marks of the run the ensemble is drawn around; that of the middle of the members.
    at : (log flow, log roughness)
        What that run was.
    members : Members
    seen : dict of str to float
        When each station that saw it did, seconds after the release began.
    """

    probes: tuple[Mapping[str, Mark], ...]
    base: Mapping[str, Mark]
    at: tuple[float, float]
    members: Members
    seen: Mapping[str, float]

    @classmethod
    def of(
        cls,
        probes: Sequence[Mapping[str, Mark]],
        seen: Mapping[str, float],
        clean: Collection[str] = (),
        now_s: float = 0.0,
    ) -> Outlook:
        """Draw members and weigh them by what stations read.

        Parameters
        ----------
        probes : sequence
            Marks of the runs of `PROBES`, in that order, stations' among them.
        seen : mapping
            Node to the moment its station read the front, seconds after the release began.
        clean : collection of str
            Nodes whose stations have read nothing by `now_s`.
        """
        rng = np.random.default_rng(SEED)
        drawn = Members(FLOW_SD * _normals(rng), ROUGH_SD * _normals(rng))
        first = cls(tuple(probes), probes[0], (0.0, 0.0), drawn, dict(seen))
        log = np.zeros(MEMBERS)
        for node, at in seen.items():
            told = first._times(at_station(node), "front_s")
            if told is not None and at > 0:
                sd = np.hypot(_own_sd(told), LAG_S / np.maximum(told, LAG_S))
                log -= 0.5 * (np.log(told / at) / sd) ** 2
        for node in clean:
            told = first._times(at_station(node), "front_s")
            if told is not None and now_s > 0:
                sd = np.hypot(_own_sd(told), LAG_S / np.maximum(told, LAG_S))
                log += np.log(np.maximum(ndtr(np.log(told / now_s) / sd), 1e-6))
        kept = _resampled(log, rng)
        return cls(
            tuple(probes), probes[0], (0.0, 0.0), Members(drawn.flow[kept], drawn.rough[kept]), dict(seen)
        )

    def around(self, base: Mapping[str, Mark], at: tuple[float, float]) -> Outlook:
        """Return the outlook around a run made with these factors on flow and roughness."""
        return Outlook(
            self.probes, base, (float(np.log(at[0])), float(np.log(at[1]))), self.members, self.seen
        )

    def _times(self, place: str, what: str) -> Floats | None:
        """Return a mark of every member at a place, before what no run knows, (members,)."""
        here = self.base.get(place)
        if here is None:
            return None
        there = [getattr(p[place], what) if place in p else None for p in self.probes]
        down = _power(there[1], there[0], PROBES[1][0], USUAL[0])
        up = _power(there[2], there[0], PROBES[2][0], USUAL[0])
        stiff = _power(there[3], there[0], PROBES[3][1], USUAL[1])
        flow, rough = self.members.flow, self.members.rough
        bent = np.where(flow < 0, down, up) * flow + stiff * rough
        bent0 = (down if self.at[0] < 0 else up) * self.at[0] + stiff * self.at[1]
        return np.asarray(max(float(getattr(here, what)), 1.0) * np.exp(bent - bent0))

    def bands(self, share: Mapping[str, float]) -> dict[str, Band]:
        """Return the band of every gate and receptor.

        Parameters
        ----------
        share : mapping
            Of the release that passes each place.
        """
        return {p: self._band(p, share[p]) for p in self.base if p in share}

    def _band(self, place: str, share: float) -> Band:
        rng = np.random.default_rng(SEED + 1)
        own, lag = _normals(rng), LAG_S * rng.permutation((np.arange(MEMBERS) + 0.5) / MEMBERS)
        front = self._anchored(place, own, lag)
        # The rest follows the front it belongs to.
        later = [
            np.maximum(self._marks(place, what) - self._marks(place, "front_s"), 0.0)
            for what in ("half_s", "peak_s", "tail_s")
        ]
        strong = self.base[place].mg_l * np.exp(
            STRENGTH_SD * _normals(rng) - (self.members.flow - self.at[0])
        )
        early, middle, late = _three(front)
        half, peak, tail = (_three(front + x) for x in later)
        return Band(early, middle, late, min(share, 1.0), half, peak, tail, _three(strong))

    def _marks(self, place: str, what: str) -> Floats:
        found = self._times(place, what)
        return np.zeros(MEMBERS) if found is None else found

    def _anchored(self, place: str, own: Floats, lag: Floats) -> Floats:
        """Return the fronts of all members at a place: on from the last station that saw it, if any did.

        Parameters
        ----------
        own : (members,)
            Normal deviates of what no run knows.
        lag : (members,)
            How long before its reading the front was at that station, s.
        """
        times = self._marks(place, "front_s")
        here = self.base[place].front_s
        before = [(self.base[s].front_s, n) for n in self.seen if (s := at_station(n)) in self.base]
        before = [(t, n) for t, n in before if t < here]
        if not before:
            return np.asarray(times * np.exp(_own_sd(times) * own))
        _, node = max(before)
        left = np.maximum(times - self._marks(at_station(node), "front_s"), 0.0)
        return np.asarray(self.seen[node] - lag + left * np.exp(_own_sd(left) * own))

    def deviations(self) -> dict[str, tuple[float, float]]:
        """Return what stations were expected to see without their readings, and saw: seconds, by node."""
        return {
            n: (self.probes[0][s].front_s, at)
            for n, at in self.seen.items()
            if (s := at_station(n)) in self.probes[0]
        }


def _resampled(log: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw members by their likelihood; where too few would be left, all readings are believed less."""
    trust = 1.0
    while True:
        weight = np.exp(trust * (log - log.max()))
        weight /= weight.sum()
        if 1.0 / float((weight**2).sum()) >= LEAST_MEMBERS:
            break
        trust *= 0.8
    edges = np.cumsum(weight)
    return np.minimum(np.searchsorted(edges, (np.arange(MEMBERS) + rng.random()) / MEMBERS), MEMBERS - 1)


def _own_sd(way_s: Floats) -> Floats:
    """Return the spread of the time a way takes beside flow and roughness, in logs."""
    return np.asarray(OWN_SD * np.sqrt(OWN_S / np.maximum(way_s, OWN_S)))


def _three(values: Floats) -> Three:
    early, middle, late = np.quantile(values, (0.05, 0.5, 0.95))
    return float(early), float(middle), float(late)


def _normals(rng: np.random.Generator) -> Floats:
    return rng.permutation(ndtri((np.arange(MEMBERS) + 0.5) / MEMBERS))


def _power(there: float | None, here: float | None, factor: float, usual: float) -> float:
    """Return the power of a factor that explains two arrival times."""
    if there is None or here is None or there <= 0 or here <= 0:
        return usual
    low, high = (-STEEPEST, 0.0) if usual < 0 else (0.0, 1.5)
    return float(np.clip(np.log(there / here) / np.log(factor), low, high))


def lost_kg(course: Course, waters: Waters) -> dict[str, float]:
    """Return the kilograms that came to every receptor."""
    return {r: passed_kg(course, waters, r) for r in waters.receptors}
