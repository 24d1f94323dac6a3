"""What transport says about every candidate, as bounded log-likelihoods in arrays of candidates by sensors.

A candidate's release is not known. It is tried at several starts (so that it would cause one of the observed
events), speeds of the water and degrees of mixing, and the best try speaks for the candidate. Every sensor
then says one of three things: the event here is what that release would do; nothing came and something should
have; or it has no say. No sensor can say more than `Weights.most` for a candidate, so that one strong sensor
outvotes nobody, and an event may always be somebody else's.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr

from twin.trace.signals import HOLD_Z, START_Z, Signals
from twin.trace.transport import Transport

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NEVER = 1e9  # s
FRONT = np.array([0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.4, 0.6, 0.8, 0.95])
MOST_GROWTH = 50.0


@dataclass(frozen=True, slots=True)
class Weights:
    """Every number of the method that is a judgement or a fit.

    Attributes
    ----------
    speeds, stretch_sd : stretches of the travel times that are tried, and their prior, in logs.
    mixings : degrees of mixing that are tried.
    time_share, time_samples : standard deviation of an arrival, share of the travel time and samples.
    size_sd, other_sd : of a peak's size, in logs; and of the size of an event that is somebody else's.
    stranger : chance that an event is somebody else's.
    deaf : chance that a sensor misses what it should see.
    overdue_share, overdue_s : how late an arrival must be to be missed.
    most : nats one sensor may say for a candidate.
    temper : share of the transport evidence that is believed.
    anchors : number of events that tries are hung on.
    nearness, pool : weight of plain distance, and the share of the answer that it gives alone.
    """

    speeds: tuple[float, ...] = (0.7, 0.85, 1.0, 1.2, 1.45)
    stretch_sd: float = 0.3
    mixings: tuple[float, ...] = (1.0, 0.5, 0.05)
    time_share: float = 0.2
    time_samples: float = 2.0
    size_sd: float = 0.7
    other_sd: float = 1.5
    stranger: float = 0.1
    deaf: float = 0.12
    overdue_share: float = 0.3
    overdue_s: float = 900.0
    most: float = 4.0
    temper: float = 0.8
    anchors: int = 3
    nearness: float = 0.5
    pool: float = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Hydraulic:
    """What transport says of c candidates.

    Attributes
    ----------
    total : (c,)
        Log-ratio of "its best release did this" to "none of the events is its own", tempered.
    reach, onset, shape, clean : (c,)
        Parts of the total: an event is where its water goes, came when it should, as large and short as it
        should; and sensors that should have seen it and did not.
    start_s, duration_s, rate : (c,)
        Its best release; the rate in units of the signal times m3/s (g/s for mg/L).
    event : (c,) int
        The event the release hangs on; -1 for none.
    match : (c, e)
        Log-ratio of each event being this candidate's to being somebody else's.
    miss : (c, s)
        What each sensor without an event of this candidate says, never positive.
    due_s : (c, s)
        When the release would be seen; `NEVER` and more where it would not.
    """

    total: Floats
    reach: Floats
    onset: Floats
    shape: Floats
    clean: Floats
    start_s: Floats
    duration_s: Floats
    rate: Floats
    event: Ints
    match: Floats
    miss: Floats
    due_s: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Release:
    """One release per candidate that would cause the anchor event, and what it does at every sensor."""

    anchor: int
    reaches: Bools  # (c,)
    duration_s: Floats  # (c,)
    rate: Floats  # (c,)
    peak: Floats  # (c, s)
    seen: Floats  # (c, s) chance that the sensor notices
    delay_s: Floats  # (c, s)
    short: Floats  # (c,) what the brevity of the event says


def hydraulic(transport: Transport, signals: Signals, now_s: float, w: Weights) -> Hydraulic:
    """Score every candidate by what its best release would have done at every sensor.

    Parameters
    ----------
    transport : Transport
        Of c candidates and s sensors.
    signals : Signals
        Of the same sensors.
    now_s : float
        Nothing after this has been seen.
    """
    c, s = transport.share.shape
    best = _nothing(c, s, signals)
    for mixing in w.mixings:
        for anchor in _anchors(signals, w.anchors):
            release = _release(transport, signals, mixing, anchor, w)
            for speed in w.speeds:
                for shift in (-1.0, 0.0, 1.0):
                    best = _better(best, _score(signals, now_s, release, speed, shift, w))
    return best


def _anchors(signals: Signals, count: int) -> list[int]:
    """Return the earliest of the strongest events."""
    events = signals.events
    strong = np.argsort(-events.z, kind="stable")[: count + 2]
    return [int(e) for e in sorted(strong, key=lambda e: (events.onset_s[e], e))[:count]]


def _nothing(c: int, s: int, signals: Signals) -> Hydraulic:
    """No event is any candidate's."""
    events = signals.events
    start = events.onset_s.min() if len(events) else signals.t_s[-1]
    zero, hour = np.zeros(c), np.full(c, 3600.0)
    nowhere = np.full((c, s), NEVER)
    return Hydraulic(
        zero,
        zero,
        zero,
        zero,
        zero,
        np.full(c, float(start)),
        hour,
        zero,
        np.full(c, -1),
        np.zeros((c, len(events))),
        np.zeros((c, s)),
        nowhere,
    )


def _better(old: Hydraulic, new: Hydraulic) -> Hydraulic:
    wins = new.total > old.total
    columns = []
    for f in fields(Hydraulic):
        a, b = getattr(old, f.name), getattr(new, f.name)
        columns.append(np.where(wins if a.ndim == 1 else wins[:, None], b, a))
    return Hydraulic(*columns)


def _release(transport: Transport, signals: Signals, mixing: float, anchor: int, w: Weights) -> _Release:
    """Work out the release of every candidate that would look like the anchor event at its sensor."""
    events = signals.events
    j = int(events.sensor[anchor])
    spread = transport.spread_s(mixing)
    gain = transport.gain()
    width = max(float(events.end_s[anchor] - events.onset_s[anchor]), 0.0) + _step(signals)
    # A rise lasts as long as the release and the spread on the way together; what is left is the release.
    smear = 2.0 * spread[:, j]
    duration = np.sqrt(np.maximum(width**2 - smear**2, (0.2 * width) ** 2))
    excess = np.log(np.maximum(smear / width, 1.0)) / 0.5  # nothing from so far could be so short
    if events.open[anchor]:  # it goes on: at least as long as it has been seen, and its end says nothing yet
        excess, duration = np.zeros_like(excess), np.full_like(duration, width)
    lasting = NEVER if events.open[anchor] else duration[:, None]
    kept = lasting / np.hypot(lasting, 2.5 * spread)
    reaches = gain[:, j] > 0
    height = events.peak[anchor]
    if events.open[anchor]:
        height = height * _growth(transport, signals, mixing, anchor)
    rate = np.where(reaches, height / np.maximum(gain[:, j] * kept[:, j], 1e-30), 0.0)
    full = rate[:, None] * gain
    level = START_Z * np.where(np.isfinite(signals.sigma), signals.sigma, np.inf)[None, :]
    ratio = np.maximum(full * kept, 1e-30) / level
    return _Release(
        anchor=anchor,
        reaches=reaches,
        duration_s=duration,
        rate=rate,
        peak=full * kept,
        seen=np.where(gain > 0, ndtr(np.log(np.maximum(ratio, 1e-30)) / w.size_sd), 0.0),
        delay_s=transport.quantile_s(np.clip(level / np.maximum(full, 1e-30), 0.003, 0.9), mixing),
        short=-0.5 * np.minimum(excess**2, 6.0),
    )


def _growth(transport: Transport, signals: Signals, mixing: float, anchor: int) -> Floats:
    """Return by how much a rise that still goes on will have grown in the end, per candidate, (c,).

    How steeply it rose since its onset tells how far up its front it is: on the way from any candidate the
    front has a shape, and only one part of it rises by so much in so long.
    """
    events = signals.events
    j = int(events.sensor[anchor])
    since = max(float(signals.t_s[-1] - events.onset_s[anchor]), _step(signals))
    grown = max(float(events.peak[anchor] / (HOLD_Z * signals.sigma[j])), 1.0)
    at = np.stack([transport.quantile_s(float(p), mixing)[:, j] for p in FRONT], axis=1)
    at = np.where(np.isfinite(at), at, NEVER)
    later = np.array([np.interp(row + since, row, FRONT) for row in at])
    fits = np.abs(np.log(later / FRONT[None, :]) - np.log(grown))
    reached = later[np.arange(len(at)), np.argmin(fits, axis=1)]
    return np.asarray(np.clip(1 / reached, 1.0, MOST_GROWTH))


def _score(
    signals: Signals, now_s: float, release: _Release, speed: float, shift: float, w: Weights
) -> Hydraulic:
    """Score one try: the release, carried at a speed, begun early (-1), when it fits (0) or late (1)."""
    events = signals.events
    j = int(events.sensor[release.anchor])
    late = np.minimum(release.delay_s * speed, NEVER)
    sd = np.hypot(w.time_share * late, w.time_samples * _step(signals))
    arrived = events.onset_s - 0.5 * events.gap_s
    start = np.where(release.reaches, arrived[release.anchor] - late[:, j] + shift * sd[:, j], 0.0)
    due = start[:, None] + late
    reach, onset, size = _event_parts(signals, release, arrived, due, sd, w)
    missed = _missed(signals, now_s, release, start, late, w)
    match = np.minimum(reach + onset + size, w.most)
    parts = {"reach": np.zeros(len(start)), "onset": np.zeros(len(start)), "size": np.zeros(len(start))}
    for k in np.unique(events.sensor):
        mine = np.flatnonzero(events.sensor == k)
        pick = mine[np.argmax(match[:, mine], axis=1)]
        row = np.arange(len(start))
        own = match[row, pick] > missed[:, k]
        missed[:, k] = np.where(own, 0.0, missed[:, k])
        over = (reach + onset + size)[row, pick] - match[row, pick]
        for name, part in (("reach", reach - over.clip(0)[:, None]), ("onset", onset), ("size", size)):
            parts[name] += np.where(own, part[row, pick], 0.0)
    prior = -0.5 * (np.log(speed) / w.stretch_sd) ** 2
    clean = missed.sum(1)
    total = sum(parts.values()) + release.short + clean + prior
    return Hydraulic(
        total=np.where(release.reaches, w.temper * total, -np.inf),
        reach=w.temper * parts["reach"],
        onset=w.temper * (parts["onset"] + prior),
        shape=w.temper * (parts["size"] + release.short),
        clean=w.temper * clean,
        start_s=start,
        duration_s=release.duration_s,
        rate=release.rate,
        event=np.full(len(start), release.anchor),
        match=w.temper * match,
        miss=w.temper * missed,
        due_s=np.where(release.seen > 0.05, due, NEVER),
    )


def _event_parts(
    signals: Signals, release: _Release, arrived: Floats, due: Floats, sd: Floats, w: Weights
) -> tuple[Floats, Floats, Floats]:
    """Return what each event says by being there at all, by its time and by its size, each (c, e).

    Against it stands an event of somebody else: at any time of the record, of any size.
    """
    of = signals.events.sensor
    span = max(float(signals.t_s[-1] - signals.t_s[0]), 3600.0)
    seen, peak, wide = release.seen[:, of], release.peak[:, of], sd[:, of]
    rare = np.log((1 - w.stranger) / w.stranger) + np.log(span / (2.7 * wide))
    reach = np.where(seen > 1e-3, np.log(np.maximum(seen, 1e-6)) + np.minimum(rare, w.most), -50.0)
    off = np.clip((arrived - due[:, of]) / wide, -1e6, 1e6)
    onset = -2.0 * np.log1p(off**2 / 3.0)  # Student's t, three degrees of freedom
    ratio = np.log(signals.events.peak / np.maximum(peak, 1e-30)) / w.size_sd
    ratio = np.where(signals.events.open & (ratio < 0), 0.0, ratio)  # it may grow yet
    size = -1.5 * np.log1p(ratio**2 / 2.0) + np.log(w.other_sd / w.size_sd)
    return reach, onset, size


def _missed(
    signals: Signals, now_s: float, release: _Release, start: Floats, late: Floats, w: Weights
) -> Floats:
    """Return what silence says at each sensor, (c, s): nothing before an arrival is overdue, or if deaf."""
    overdue = now_s > start[:, None] + late * (1 + w.overdue_share) + w.overdue_s
    due = np.minimum(start[:, None] + late, signals.t_s[-1])
    until = due + np.maximum(release.duration_s[:, None], 1800.0)
    heard = np.where(overdue, np.minimum(1.0, 1.2 * signals.alive_share(due, until)), 0.0)
    return np.asarray(np.log(1 - release.seen * heard * (1 - w.deaf)))


def _step(signals: Signals) -> float:
    return float(signals.t_s[1] - signals.t_s[0]) if len(signals.t_s) > 1 else 60.0


def proximity(apart_m: Floats, neighbours: int = 5) -> Floats:
    """Score candidates by plain distance to the first alarmed sensor, (c,) -> (c,), never positive.

    Directions and flows on record may be wrong; distance is not. The nearest few set the scale.
    """
    scale = np.sort(apart_m)[min(neighbours, len(apart_m) - 1)]
    scale = scale if np.isfinite(scale) and scale > 0 else 1.0
    return np.asarray(-np.log1p(np.minimum(apart_m / scale, 30.0) ** 2))


def pooled(hydraulic: Floats, near: Floats, w: Weights) -> Floats:
    """Mix what transport says with plain distance; log-scores in, normalised log-scores out."""
    both = hydraulic + w.nearness * near
    said = np.log(1 - w.pool) + both - logsumexp(both)
    return np.asarray(np.logaddexp(said, np.log(w.pool) + near - logsumexp(near)))


def normalise(scores: Floats, unknown: float, floor: float) -> tuple[Floats, float]:
    """Turn log-scores and the one of an unlisted source into probabilities.

    Parameters
    ----------
    scores : (c,)
    unknown : float
        Log-score of "a source not on the list", its prior included.
    floor : float
        Share that is dealt out evenly, so that nobody is ever ruled out.
    """
    both = np.concatenate([scores, [unknown]])
    p = np.exp(both - logsumexp(both))
    p = (1 - floor) * p + floor / len(both)
    return p[:-1], float(p[-1])
