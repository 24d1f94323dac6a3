"""Turns one incident into ranked enterprises with probabilities and reasons, and says how sure it is.

Scores are log-likelihoods of bounded pieces of evidence: transport (`evidence`), make-up of the water
(`fingerprint`), the enterprise's own meter, slot, permit and past (`own`), its valves (`valves`). A source
that is not on the list is scored by the same transport from places all over the network, and by water of
unknown make-up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from geodata.network import Network
from geodata.places import OutletKind, Park
from geodata.words import Text
from twin.model import Anomaly, Bounds, Incident, LabResult, Ranking, Reason, Second, Suspect
from twin.trace import basis, bottles, bounds, evidence, makeup, own, sampling, second, sentences, valves
from twin.trace.carriage import Carriage
from twin.trace.case import Case, grams, lay_out
from twin.trace.evidence import Hydraulic, Weights
from twin.trace.observations import Observations
from twin.trace.response import turned
from twin.trace.valves import Stood

if TYPE_CHECKING:
    from twin.fingerprints import Library

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNLISTED = 0.5  # before any evidence, that the source is on no list: a hidden pipe, a tanker
FLOOR = 0.02
ALIKE_NATS = 0.7  # candidates whose transport differs by less are one group
WORTH_NAMING = 0.01
COD = "w01018"
BOUNDED = 6  # suspects whose release is told with bounds
APART = (
    "fingerprint",
    "meter",
    "valve",
    "slot",
    "permit",
    "history",
    "sample",
)  # evidence that is not carriage
SILENT = 0.15  # nats a reason must reach to be said


@dataclass(frozen=True, slots=True, eq=False)
class _Scores:
    """Log-scores of c outlets by kind of evidence, and everything the sentences need."""

    hydraulic: Hydraulic
    total: Floats
    kinds: dict[str, Floats]
    meters: tuple[own.Meter, ...]
    slots: tuple[own.Slot, ...]
    valves: tuple[valves.Valve, ...]
    ratio: Floats  # (c, f) observed over expected rises
    factors: list[str]
    unknown: float


def rank(
    park: Park,
    network: Network,
    observations: Observations,
    incident: Incident,
    anomalies: Sequence[Anomaly],
    now: datetime,
    weights: Weights | None = None,
    *,
    results: Sequence[LabResult] = (),
    gates: Mapping[str, float] | None = None,
    carriage: Carriage | None = None,
    library: Library | None = None,
    stood: Stood | None = None,
    before: Mapping[str, int] | None = None,
) -> Ranking:
    """Rank every enterprise of a park as the source of an incident.

    Parameters
    ----------
    park : Park
    network : Network
        Of the park, gates as they stand.
    observations : Observations
        Some hours before the incident until now; only readings, never the simulator's truth.
    incident : Incident
    anomalies : sequence of Anomaly
        Those of the incident; others are left aside.
    now : datetime
        Park time.
    weights : Weights, optional
    results : sequence of LabResult, optional
        What samples of this incident held.
    gates : mapping of str to float, optional
        How the gates stood that `network` was made with; only kept with the ranking.
    carriage : Carriage, optional
        Keeps what water does between places from one ranking to the next.
    library : Library, optional
        Fingerprints of single outlets; those of undiluted water are taken from the park (`in_force`).
    stood : Stood, optional
        How valves and pumps of enterprises stood in that time.
    before : mapping of str to int, optional
        Of how many earlier incidents each enterprise was found to be the source.

    Returns
    -------
    Ranking
        The same for the same input, whatever the order of enterprises and stations.
    """
    kept, known = carriage or Carriage(), (results, library, stood, before)
    case = lay_out(park, network, observations, incident, anomalies, now.timestamp(), kept, *known)
    return _ranked(case, incident, now, weights or Weights(), gates or {})


def _ranked(case: Case, incident: Incident, now: datetime, w: Weights, gates: Mapping[str, float]) -> Ranking:
    """Score a case that is laid out, and put the answer in words."""
    told_as, w = w, w.where(turned(case.network))
    scores = _score(case, incident, w)
    chance, unknown = evidence.normalise(_by_enterprise(case, scores.total), scores.unknown, FLOOR)
    best = _best_outlets(case, scores.total)
    enterprises = case.park.enterprises
    order = sorted(range(len(enterprises)), key=lambda i: (-chance[i], enterprises[i].id))
    likely = best[[i for i in order[:BOUNDED] if best[i] >= 0]]
    told = bounds.within(case.responses, case.signals, case.alarm_s, w, likely)
    suspects = tuple(_suspect(case, scores, i, float(chance[i]), best, told) for i in order if best[i] >= 0)
    return Ranking(
        incident=incident.id,
        at=now,
        suspects=suspects,
        unknown=unknown,
        groups=_groups(case, scores, chance, best),
        samples=sampling.best(case, scores.hydraulic, chance, unknown, best),
        park_version=case.park.version,
        code_version=_code_version(),
        readings_used=case.observations.readings,
        note=_note(case, suspects, unknown),
        second=_second(case, scores, suspects, w),
        basis=basis.of(case, incident, told_as, gates),
    )


def _score(case: Case, incident: Incident, w: Weights) -> _Scores:
    h = evidence.hydraulic(case.responses, case.signals, case.alarm_s, w)
    near = evidence.nearness(*_apart(case, case.transport.apart_m, w))
    prior = case.prior - np.log(len(case.park.enterprises))
    pooled = evidence.pooled(
        h.total + prior,
        near + prior,
        w,
        among=evidence.levelled(near, h.alike) + prior,
    )
    n = len(case.outlets)
    prints, ratio, factors = makeup.of_stations(case)
    meters = tuple(own.meter(case, c, h.start_s[c], h.duration_s[c]) for c in range(n))
    slots = tuple(_slot(case, h, c) for c in range(n))
    permit, before = own.permitted(case, incident.factors), own.found_before(case)
    shut = tuple(
        valves.valve(case.stood, case.park.devices, o, h.start_s[c], h.duration_s[c])
        for c, o in enumerate(case.outlets)
    )
    kinds = {
        "reach": h.reach,
        "onset": h.onset,
        "shape": h.shape,
        "clean": h.clean,
        "fingerprint": prints,
        "meter": np.array([m.nats for m in meters]),
        "valve": np.array([v.nats for v in shut]),
        "slot": np.array([s.nats for s in slots]),
        "permit": np.array([permit[o.enterprise] for o in case.outlets]),
        "history": np.array([before[o.enterprise] for o in case.outlets]),
        "sample": bottles.score(case, h),
    }
    other = sum((kinds[k] for k in APART), np.zeros(n))
    return _Scores(
        hydraulic=h,
        total=pooled + other,
        kinds=kinds,
        meters=meters,
        slots=slots,
        valves=shut,
        ratio=ratio,
        factors=factors,
        unknown=_unlisted(case, h, near, prior, w),
    )


def _apart(case: Case, apart_m: Floats, w: Weights) -> tuple[Floats, Floats]:
    """Return lengths to the sensors where the water may have risen first, and the chance of each."""
    sensors, chance = evidence.risen(evidence.sheet_of(case.signals, case.alarm_s, w), case.first)
    return apart_m[:, sensors], chance


def _unlisted(case: Case, h: Hydraulic, ours: Floats, prior: Floats, w: Weights) -> float:
    """Score a source that is on no list, on the scale of the pooled scores of those that are."""
    elsewhere = evidence.hydraulic(case.elsewhere, case.signals, case.alarm_s, w)
    near = evidence.nearness(*_apart(case, case.elsewhere_m, w))
    places = float(logsumexp(evidence.lifted(elsewhere.total, near, w)) - np.log(len(near)))
    listed = float(logsumexp(evidence.lifted(h.total, ours, w) + prior))
    return float(np.log(UNLISTED / (1 - UNLISTED)) + places - listed)


def _slot(case: Case, h: Hydraulic, c: int) -> own.Slot:
    outlet = case.outlets[c]
    if outlet.kind is not OutletKind.WASTEWATER:
        return own.Slot(0.0)
    return own.slot(case, case.park.enterprise(outlet.enterprise), h.start_s[c], h.duration_s[c])


def _by_enterprise(case: Case, total: Floats) -> Floats:
    """Sum the likelihoods of each enterprise's outlets; -50 for one without any."""
    out = np.full(len(case.park.enterprises), -50.0)
    for i in np.unique(case.owner):
        out[i] = logsumexp(total[case.owner == i])
    return out


def _best_outlets(case: Case, total: Floats) -> Ints:
    best = np.full(len(case.park.enterprises), -1)
    for c in sorted(range(len(total)), key=lambda c: (total[c], case.outlets[c].id)):
        best[case.owner[c]] = c
    return best


def _suspect(
    case: Case, scores: _Scores, i: int, chance: float, best: Ints, told: Mapping[int, bounds.Within]
) -> Suspect:
    c = int(best[i])
    h = scores.hydraulic
    start, long = float(h.start_s[c]), float(h.duration_s[c])
    of, rate = _strength(case, h, c)
    strength = rate * long / 1000
    outlet = case.outlets[c]
    path: tuple[str, ...] = ()
    if case.alarmed and case.transport.share[c, case.first] > 0:
        path = case.network.path(outlet.node, case.park.station(case.station(case.first)).node)
    return Suspect(
        enterprise=case.park.enterprises[i].id,
        probability=chance,
        outlet=outlet.id,
        reasons=_reasons(case, scores, i, c),
        path=path,
        release_from=datetime.fromtimestamp(round(start), UTC),
        release_to=datetime.fromtimestamp(round(start + long), UTC),
        strength_kg=strength if strength > 0 else None,
        strength_of=of if strength > 0 else "",
        makeup={f: round(float(r), 3) for f, r in zip(scores.factors, scores.ratio[c], strict=True) if r > 0},
        bounds=_told(told.get(c), strength / max(float(h.rate[c]) * long, 1e-30)),
    )


def _told(within: bounds.Within | None, kg: float) -> Bounds | None:
    """Return the bounds of a release in the words of people; `kg` is what one unit of its amount weighs."""
    if within is None:
        return None
    early, late = (datetime.fromtimestamp(round(t), UTC) for t in within.start_s)
    least, most = (a * kg for a in within.amount)
    return Bounds(
        early,
        late,
        minutes_least=within.duration_s[0] / 60,
        minutes_most=within.duration_s[1] / 60,
        kg_least=least if kg > 0 else None,
        kg_most=most if kg > 0 else None,
    )


def _second(case: Case, scores: _Scores, suspects: tuple[Suspect, ...], w: Weights) -> Second | None:
    """Name a second release at the same time, where the evidence asks for one."""
    if not suspects:
        return None
    ids = [o.id for o in case.outlets]
    first = ids.index(suspects[0].outlet)
    prior = case.prior - np.log(len(case.park.enterprises))
    barred = case.owner == case.owner[first]
    h = scores.hydraulic
    found = second.beside(case.responses, case.signals, case.alarm_s, h, first, w, prior, barred)
    if found is None:
        return None
    who = case.outlets[found.candidate].enterprise
    return Second(
        enterprise=who,
        nats=found.nats,
        stations=tuple(case.station(j) for j in found.sensors),
        text=sentences.second(case, who, found.sensors),
    )


def _strength(case: Case, h: Hydraulic, c: int) -> tuple[str, float]:
    """Return the factor a release is best told in, COD where it has risen, and its rate in g/s."""
    rate = float(h.rate[c] * grams(case.factor))
    if case.factor == COD or COD not in case.by_factor or h.event[c] < 0:
        return case.factor, rate
    e, lead, other = int(h.event[c]), case.signals, case.by_factor[COD]
    sensor = int(lead.events.sensor[e])
    inside = (lead.t_s >= lead.events.onset_s[e]) & (lead.t_s <= lead.events.end_s[e])
    both = inside & np.isfinite(lead.rise[sensor]) & np.isfinite(other.rise[sensor])
    if both.sum() < 3 or np.median(other.rise[sensor, both]) < 2 * other.sigma[sensor]:
        return case.factor, rate
    ratio = other.rise[sensor, both].sum() / max(lead.rise[sensor, both].sum(), 1e-12)
    return COD, float(h.rate[c] * ratio * grams(COD))


def _reasons(case: Case, scores: _Scores, i: int, c: int) -> tuple[Reason, ...]:
    """Return what speaks for and against, strongest first, each against the average candidate."""
    h, enterprise = scores.hydraulic, case.park.enterprises[i]
    start, long = float(h.start_s[c]), float(h.duration_s[c])
    texts: dict[str, Text | None] = {
        "reach": sentences.reach(case, c),
        "onset": sentences.onset(case, c, h),
        "clean": sentences.clean(case, c, h),
        "shape": sentences.shape(case, c, h),
        "fingerprint": sentences.fingerprint(
            scores.factors, scores.ratio[c], scores.kinds["fingerprint"][c], makeup.age_days(case, c)
        ),
        "meter": sentences.meter(case, c, scores.meters[c], start, long),
        "valve": sentences.valve(case, c, scores.valves[c], start, long),
        "slot": sentences.slot(enterprise.slots, scores.slots[c]),
        "permit": sentences.PERMIT if scores.kinds["permit"][c] < 0 else None,
        "history": sentences.found_before(case.before.get(enterprise.id, 0)),
        "sample": bottles.sentence(case, h, c),
    }
    reasons = []
    for kind, text in texts.items():
        nats = _against_average(case, scores, kind, c)
        if kind == "reach" and not (case.transport.share[c, list(case.alarmed)] > 0).any():
            nats = min(nats, 0.0)  # early on the average may be lower still; that speaks for nobody
        if text is not None and (abs(nats) >= SILENT or kind in ("reach", "meter")):
            reasons.append(Reason(kind, round(nats, 2), text))
    return tuple(sorted(reasons, key=lambda r: (-abs(r.nats), r.kind)))


def _against_average(case: Case, scores: _Scores, kind: str, c: int) -> float:
    """Return one kind of evidence on one outlet, against the average of all that the water allows."""
    values = scores.kinds[kind]
    if kind in APART:
        return float(values[c])
    if kind != "reach" and scores.hydraulic.event[c] < 0:
        return 0.0
    among = np.ones(len(values), bool) if kind == "reach" else scores.hydraulic.event >= 0
    weight = case.prior[among] - logsumexp(case.prior[among])
    return float(values[c] - logsumexp(values[among] + weight))


def _groups(case: Case, scores: _Scores, chance: Floats, best: Ints) -> tuple[tuple[str, ...], ...]:
    """Return sets of likely enterprises whose water does the same at every station."""
    h = scores.hydraulic
    named = sorted(
        (
            i
            for i in range(len(chance))
            if chance[i] >= WORTH_NAMING and best[i] >= 0 and h.event[best[i]] >= 0
        ),
        key=lambda i: (-chance[i], case.park.enterprises[i].id),
    )
    groups: list[list[int]] = []
    for i in named:
        for group in groups:
            if _alike(case, h, int(best[group[0]]), int(best[i])):
                group.append(i)
                break
        else:
            groups.append([i])
    return tuple(tuple(case.park.enterprises[i].id for i in g) for g in groups if len(g) > 1)


def _alike(case: Case, h: Hydraulic, a: int, b: int) -> bool:
    seen = case.transport.share > 0
    return bool(np.array_equal(seen[a], seen[b]) and abs(h.total[a] - h.total[b]) < ALIKE_NATS)


def _note(case: Case, suspects: tuple[Suspect, ...], unknown: float) -> Text | None:
    if not suspects or unknown > suspects[0].probability:
        return Text(
            "名单内的企业都不能很好地解释这次污染，先查偷排暗管和未登记排口",
            "No listed enterprise explains this well: look for hidden pipes and unregistered outlets first",
        )
    if suspects[0].probability < 0.5:
        return Text(
            "现有数据还不能确定来源，请按建议点位采样",
            "The data cannot decide yet: take the samples that are proposed",
        )
    return None


def _code_version() -> str:
    try:
        return version("park-twin")
    except PackageNotFoundError:
        return "unknown"
