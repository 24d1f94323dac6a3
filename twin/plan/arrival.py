"""When the plume comes to every gate and receptor: bands from an ensemble that starts where it was last seen.

Every member has its own source (drawn by probability), its own flow (30 % either way, for the whole network
and for every link) and its own release. Its plume is put on the clock by the alarmed stations: a member's
front at the last alarmed station is where the readings say it was, whatever was thought of the release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from geodata.network import Network
from geodata.places import Park
from twin.model import Ranking, Suspect
from twin.plan.drift import Parcels, drift, fields
from twin.trace.transport import solve

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MEMBERS = 64
PARCELS = 100  # a member
FLOW_SD = 0.17  # in logs, network-wide: 95 % within about 30 %
LINK_SD = 0.15  # in logs, every link on its own
TANKS = (1, 1, 1, 2, 3)  # stirred tanks in a link, member by member: nobody knows how a canal mixes
LAG_S = (0.0, 900.0)  # from the first risen reading of a station to a tenth of the peak there
FRONT = 0.1  # share of a member's parcels that has passed when its front counts as arrived
LEAST = 0.04  # share of the members that must come for a band to be told
SOME = 0.03  # share of a member's parcels that must come at all
SEED = 20260101
SUSPECTS = 6
HORIZON_S = 24 * 3600.0  # how long plumes are followed
HELD_S = 10 * 3600.0  # how long gates are taken to hold: the time treatment and pumping have


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """Members of one plume and what they do if nobody does anything.

    Attributes
    ----------
    places : tuple of str
        Gate and receptor ids, w of them.
    front_s : (members, w) epoch s
        When each member's front comes; infinity where it does not.
    share : (w,)
        Part of all parcels that passes.
    parcels : Parcels
        All of them as they stand now, in course 0.
    link_speed : (members, m)
    passed : (p, r) bool
        Parcels that have come to each receptor already.
    receptors : (r,) int
        Nodes.
    loads : float
        How many receptors a parcel comes to in the end, on average, if nobody does anything.
    expected : dict of str to (float, float, float)
        Alarmed station to the band (epoch s) that the stations before it gave; none for the first.
    """

    places: tuple[str, ...]
    front_s: Floats
    share: Floats
    parcels: Parcels
    link_speed: Floats
    passed: NDArray[np.bool_]
    receptors: Ints
    loads: float
    expected: dict[str, tuple[float, float, float]]

    def band(self, place: str) -> tuple[float, float, float] | None:
        """Return the early (5 %), middle and late (95 %) arrival of the members that come; None if few do."""
        found = self.front_s[:, self.places.index(place)]
        found = found[np.isfinite(found)]
        if len(found) < LEAST * MEMBERS:
            return None
        early, middle, late = np.quantile(found, (0.05, 0.5, 0.95))
        return float(early), float(middle), float(late)


@dataclass(frozen=True, slots=True, eq=False)
class _Start:
    """Where, how long and how strong each member's release is."""

    node: Ints
    begin_s: Floats
    long_s: Floats


def ensemble(
    park: Park,
    network: Network,
    ranking: Ranking,
    seen: Mapping[str, float],
    flow: Floats,
    now_s: float,
) -> Ensemble:
    """Carry the likely plumes until a day from now.

    Parameters
    ----------
    park, network
    ranking : Ranking
        Who may have released it, and when.
    seen : mapping
        Station to the time (epoch s) its first reading of the plume was taken.
    flow : (m,)
        Present flow field, signed along the network's tail to head.
    now_s : float
        Park time, epoch seconds.
    """
    rng = np.random.default_rng(SEED)
    start = _starts(park, network, ranking, seen, now_s)
    overall = np.exp(FLOW_SD * _even_normals(MEMBERS, rng))
    link_speed = overall[:, None] * np.exp(LINK_SD * rng.standard_normal((MEMBERS, len(flow))))
    still = fields(network, [[(0.0, flow)]])
    stations = [s for s in seen if s in {x.id for x in park.stations}]
    places, nodes = _places(park, network)
    watched = np.array([*nodes, *(network.nodes[park.station(s).node] for s in stations)], np.int64)
    receptors = np.array([network.nodes[r.node] for r in park.receptors], np.int64)
    parcels = _parcels(start, rng)
    released = parcels.time_s.copy()
    times = drift(still, parcels, link_speed, float(start.begin_s.min()) + 3 * HORIZON_S, watched, rng)
    travel = times - released[:, None]
    fronts = _fronts(travel, start.long_s)
    shift = _shifts(fronts[:, len(nodes) :] + start.begin_s[:, None], [seen[s] for s in stations])
    front = _anchored(
        network, fronts[:, : len(nodes)], fronts[:, len(nodes) :], nodes, watched, start, seen, stations
    )
    moved = _Start(start.node, start.begin_s + shift, start.long_s)
    state = _parcels(moved, np.random.default_rng(SEED + 1))
    passed = drift(still, state, link_speed, now_s, receptors, np.random.default_rng(SEED + 2))
    return Ensemble(
        places=places,
        front_s=front,
        share=np.isfinite(times[:, : len(nodes)]).mean(0),
        parcels=state,
        link_speed=link_speed,
        passed=np.isfinite(passed),
        receptors=receptors,
        loads=float(np.isfinite(times[:, len(park.gates) : len(nodes)]).sum(1).mean()),
        expected=_expected(fronts[:, len(nodes) :], seen, stations),
    )


def _expected(
    at: Floats, seen: Mapping[str, float], stations: list[str]
) -> dict[str, tuple[float, float, float]]:
    """Return when each alarmed station was to see the plume, told from the last one that saw it before.

    Parameters
    ----------
    at : (members, stations)
        From release to front.
    """
    found = {}
    lag = np.linspace(-LAG_S[1], LAG_S[1], len(at)) / 2  # either station may have noticed it late
    order = sorted(range(len(stations)), key=lambda k: (seen[stations[k]], stations[k]))
    for n, k in enumerate(order):
        for j in reversed(order[:n]):
            ok = np.isfinite(at[:, k]) & np.isfinite(at[:, j]) & (at[:, k] > at[:, j])
            between = at[ok, k] - at[ok, j]
            if ok.sum() >= LEAST * len(at):
                early, middle, late = np.quantile(seen[stations[j]] + between + lag[ok], (0.05, 0.5, 0.95))
                found[stations[k]] = (float(early), float(middle), float(late))
                break
    return found


def _even_normals(count: int, rng: np.random.Generator) -> Floats:
    """Return normal deviates that cover the distribution evenly, in random order."""
    return rng.permutation(ndtri((np.arange(count) + 0.5) / count))


def _starts(
    park: Park, network: Network, ranking: Ranking, seen: Mapping[str, float], now_s: float
) -> _Start:
    """Deal the members out to the suspects whose usual water passes every alarmed station.

    The others start at the alarmed stations themselves: who an unlisted source is nobody knows, and what
    comes over a weir that usually stands dry does not follow the stored flow.
    """
    outlets = {o.id: o for o in park.outlets}
    likely = _explaining(park, network, ranking, seen)
    alarmed = sorted(seen, key=lambda s: (seen[s], s))
    weight = [s.probability for s in likely]
    if alarmed:
        weight.append(max(ranking.unknown, 0.02, 1.0 - sum(weight) - 0.5))
    if not weight:
        raise ValueError("neither a suspect nor an alarmed station: there is no plume to carry")
    edge = np.cumsum(weight) / sum(weight)
    pick = np.searchsorted(edge, (np.arange(MEMBERS) + 0.5) / MEMBERS)
    node = np.zeros(MEMBERS, np.int64)
    begin, long = np.zeros(MEMBERS), np.zeros(MEMBERS)
    rng = np.random.default_rng(SEED + 3)
    stretch = np.exp(0.3 * _even_normals(MEMBERS, rng))
    for k, p in enumerate(pick):
        if p < len(likely):
            s = likely[p]
            node[k] = network.nodes[outlets[s.outlet].node]
            begin[k] = s.release_from.timestamp()
            long[k] = _length(s, now_s) * stretch[k]
        else:
            station = alarmed[k % len(alarmed)]
            node[k] = network.nodes[park.station(station).node]
            begin[k] = seen[station]
            long[k] = max(now_s - seen[station], 1800.0) * stretch[k]
    return _Start(node, begin, long)


def _explaining(park: Park, network: Network, ranking: Ranking, seen: Mapping[str, float]) -> list[Suspect]:
    """Return the likely suspects whose water passes all alarmed stations in the stored flow."""
    likely = [s for s in ranking.suspects[:SUSPECTS] if s.probability > 0.02 and s.path]
    if not likely or not seen:
        return likely
    nodes = {o.id: network.nodes[o.node] for o in park.outlets}
    origins = np.array([nodes[s.outlet] for s in likely], np.int64)
    places = np.array([network.nodes[park.station(s).node] for s in seen], np.int64)
    share = solve(network, origins, places, overflow=0.0).share
    return [s for s, row in zip(likely, share, strict=True) if np.all(row > SOME)]


def _length(s: Suspect, now_s: float) -> float:
    """Return how long a suspect's release lasts; one that may still go on is given half an hour more."""
    begin, end = s.release_from.timestamp(), s.release_to.timestamp()
    if end > now_s - 1800.0:
        end = max(end, now_s + 1800.0)
    return max(end - begin, 600.0)


def _places(park: Park, network: Network) -> tuple[tuple[str, ...], Ints]:
    """Return gates and receptors and the nodes where arrivals at them are noted."""
    gates = [(g.id, int(network.tail[network.gates[g.id]])) for g in park.gates]
    receptors = [(r.id, network.nodes[r.node]) for r in park.receptors]
    both = gates + receptors
    return tuple(p for p, _ in both), np.array([n for _, n in both], np.int64)


def _parcels(start: _Start, rng: np.random.Generator) -> Parcels:
    member = np.repeat(np.arange(MEMBERS), PARCELS)
    along = (np.tile(np.arange(PARCELS), MEMBERS) + rng.random(len(member))) / PARCELS
    time = start.begin_s[member] + along * start.long_s[member]
    return Parcels.at(start.node[member], time, member, np.array(TANKS)[member % len(TANKS)])


def _fronts(travel: Floats, long_s: Floats) -> Floats:
    """Return the time from release to front of every member at every place, (members, w)."""
    shaped = travel.reshape(MEMBERS, PARCELS, -1)
    count = np.isfinite(shaped).sum(1)
    ranked = np.sort(shaped, axis=1)
    nth = np.clip(np.ceil(FRONT * count).astype(int) - 1, 0, PARCELS - 1)
    front = np.take_along_axis(ranked, nth[:, None, :], axis=1)[:, 0]
    return np.where(count >= SOME * PARCELS, front, np.inf)


def _shifts(at: Floats, seen: list[float]) -> Floats:
    """Return by how much each member is late against the last alarmed station it passes, (members,)."""
    if not seen:
        return np.zeros(len(at))
    order = np.argsort(seen)[::-1]
    shift = np.zeros(len(at))
    done = np.zeros(len(at), bool)
    for k in order:
        ok = np.isfinite(at[:, k]) & ~done
        shift[ok] = seen[k] - at[ok, k]
        done |= ok
    return shift


def _anchored(
    network: Network,
    fronts: Floats,
    at_stations: Floats,
    nodes: Ints,
    watched: Ints,
    start: _Start,
    seen: Mapping[str, float],
    stations: list[str],
) -> Floats:
    """Return when fronts come to the places, each on the clock of the nearest alarmed station before it."""
    out = fronts + start.begin_s[:, None]
    if not stations:
        return out
    lag = np.random.default_rng(SEED + 5).permutation(np.linspace(*LAG_S, MEMBERS))
    own = watched[len(nodes) :]
    ahead = network.travel_times(own)[:, nodes]  # (stations, places)
    for w in range(len(nodes)):
        ranked = np.argsort(ahead[:, w], kind="stable")
        done = np.zeros(len(out), bool)
        for k in ranked:
            ok = np.isfinite(at_stations[:, k]) & np.isfinite(fronts[:, w]) & ~done
            if np.isinf(ahead[k, w]):
                # The place is not below this station: it only tells when the release began.
                late = seen[stations[k]] + lag - (start.begin_s + at_stations[:, k])
                out[ok, w] = start.begin_s[ok] + fronts[ok, w] + late[ok]
            else:
                between = np.maximum(fronts[ok, w] - at_stations[ok, k], 0.0)
                out[ok, w] = seen[stations[k]] + lag[ok] + between
            done |= ok
    return out


def reached(
    e: Ensemble,
    network: Network,
    courses: Sequence[Sequence[tuple[float, Floats]]],
    now_s: float,
    per_member: int = 20,
) -> Floats:
    """Return what has come to receptors `HELD_S` from now, in every course of events, (courses,).

    As a share of what comes to them in the end if nobody does anything. A plume that passes an intake on its
    way to the sea counts at both. All courses carry the same parcels from now on.
    """
    p = e.parcels
    keep = np.flatnonzero(np.arange(len(p.time_s)) % max(PARCELS // per_member, 1) == 0)
    count = len(courses)
    all_ = p.repeated(keep, count)
    rng = np.random.default_rng(SEED + 4)
    seen = drift(fields(network, courses), all_, e.link_speed, now_s + HELD_S, e.receptors, rng)
    came = np.isfinite(seen) | np.tile(e.passed[keep], (count, 1))
    return np.asarray(came.sum(1).reshape(count, len(keep)).mean(1) / max(e.loads, 1e-9))
