"""What transport says about every candidate, as bounded log-likelihoods in arrays of candidates by sensors.

A candidate's release is not known: it is tried at many starts, ends and speeds, in every flow field and
degree of mixing that may have been at work, and carried to every sensor (`response`, `curves`). The curves
are compared with the series under several degrees of trust in the model, and all tries are averaged. No
sensor can say more for a candidate than it costs to call an event somebody else's, so one strong sensor
outvotes nobody; no sensor can say more against one than it costs to be deaf. A sensor that says nothing says
nothing. Where the model explains little, plain distance speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from twin.trace.curves import NEVER_S, Bench, Cost, Pairs, Tries, pairs
from twin.trace.response import Response
from twin.trace.sheet import Sheet, Trust, lay
from twin.trace.signals import HOLD_Z, Signals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NEVER = 1e9  # s
TIME_SHARE, TIME_SAMPLES = (
    0.15,
    2.0,
)  # of a travel time, and samples: how far an arrival may be off, for words
NOTHING = -60.0


@dataclass(frozen=True, slots=True)
class Weights:
    """Every number of the method that is a judgement or a fit.

    Attributes
    ----------
    trusts : how closely carried curves are expected to be right; which holds is not known.
    speeds : stretches of the water's speed that are tried.
    stranger : nats it costs that an event is somebody else's.
    kappa, soft : see `sheet.misfit`.
    temper : weight of the transport evidence; averaging over many tries has blunted it.
    nearness : weight of plain distance beside transport.
    adrift : log-odds that transport is wrong about a candidate and only distance tells.
    claimed : nats below which those whose water passes the same sensors are told as alike.
    tail : nats from which on what one candidate is behind another counts ever less; see `blunted`.
    pool : share of the answer that distance gives alone.
    tail_turning, pool_turning : the same where so many links turn that the flow field is not known; `where`.
    """

    trusts: tuple[Trust, ...] = (
        Trust(gain_sd=0.3, deaf=0.1, part=0.1, shift=1.0, speed_sd=0.2),
        Trust(gain_sd=0.8, deaf=0.3, part=0.25, shift=2.0, speed_sd=0.35, dear=0.5),
    )
    speeds: tuple[float, ...] = (0.5, 0.7, 0.9, 1.1, 1.4)
    stranger: float = 5.0
    kappa: float = 8.0
    soft: float = 3.0
    temper: float = 1.6
    nearness: float = 0.2
    adrift: float = -3.0
    claimed: float = 0.1
    tail: float = np.inf
    pool: float = 0.02
    tail_turning: float = 3.0
    pool_turning: float = 0.35

    def where(self, turned: float) -> Weights:
        """Return the weights for a network whose flow field is in doubt, from 0, not at all, to 1.

        One wrong field misleads all sensors at once, so there evidence is no sum of what each of them says.
        """
        if turned <= 0:
            return self
        pool = self.pool + turned * (self.pool_turning - self.pool)
        return replace(self, tail=min(self.tail, self.tail_turning / turned), pool=pool)


@dataclass(frozen=True, slots=True, eq=False)
class Hydraulic:
    """What transport says of c candidates.

    Attributes
    ----------
    total : (c,)
        Log-ratio of "its release did this" to "none of it is its own", over all tries, tempered and blunted.
    reach, onset, shape, clean : (c,)
        Parts of its best try: events are where its water goes, came when they should, as large and long as
        they should; and sensors that should have seen it and did not.
    start_s, duration_s, rate : (c,)
        Its best release; the rate in units of the signal times m3/s (g/s for mg/L).
    event : (c,) int
        The event the release hangs on; -1 for none.
    alike : (c,) int
        Number of the group of those whose water passes the same sensors that spoke.
    told : (c, s)
        What each sensor says of its best try, against nothing having come, not tempered.
    miss : (c, s)
        What each sensor without an event says, never positive.
    due_s : (c, s)
        When the release would be seen; `NEVER` where it would not.
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
    alike: Ints
    told: Floats
    miss: Floats
    due_s: Floats


def hydraulic(responses: Sequence[Response], signals: Signals, alarm_s: float, w: Weights) -> Hydraulic:
    """Score every candidate by what its releases would have done at every sensor.

    Parameters
    ----------
    responses : sequence of Response
        Of c candidates and s sensors, one for each way the water may be running and mixing.
    signals : Signals
        Of the same sensors.
    alarm_s : float
        When the first alarm stood; bins are finest there.
    """
    c, s, _ = responses[0].passed.shape
    sheet = sheet_of(signals, alarm_s, w)
    best = _nothing(c, s, sheet, alarm_s)
    heard = np.full(c, -np.inf)
    scores = [np.full(c, NOTHING)]
    if (sheet.event >= 0).any():
        bench = Bench(sheet, w.trusts, Cost(w.kappa, w.soft))
        for response in responses:
            p = pairs(response, sheet)
            if len(p.candidate) == 0:
                continue
            for speed in w.speeds:
                for tried in bench.tries(p, speed):
                    score = np.full(c, -np.inf)
                    score[p.candidate] = tried.total
                    scores.append(score)
                    _keep(best, heard, p, tried, speed, sheet, signals, alarm_s)
    among = len(responses) * len(w.trusts) * len(w.speeds)
    total = np.maximum(logsumexp(np.array(scores), axis=0) - np.log(among), NOTHING)
    if len(scores) == 1:
        total = np.zeros(c)
    alike = groups(responses[0], sheet)
    score = blunted(w.temper * levelled(total, alike, w.claimed), w.tail)
    return _tempered(replace(best, alike=alike), score, w.temper)


def groups(response: Response, sheet: Sheet) -> Ints:
    """Number candidates by which of the sensors that spoke their water passes, (c,)."""
    passes = response.passed[:, sheet.bins > 3, -1] > 0
    return np.unique(passes, axis=0, return_inverse=True)[1].reshape(-1)


def levelled(scores: Floats, alike: Ints, worth: float = np.inf) -> Floats:
    """Return scores without the differences inside groups that are too small to be claimed, (c,).

    Those whose water passes the same sensors differ only in how their curves are spread, which nobody knows
    well enough to prefer one by less than `worth` nats. Larger differences are kept, less that much.
    """
    n = int(alike.max(initial=-1)) + 1
    count = np.bincount(alike, minlength=n)
    middle = (np.bincount(alike, scores, n) / np.maximum(count, 1))[alike]
    off = np.where(np.isfinite(scores), scores - middle, 0.0)
    return np.asarray(middle + np.sign(off) * np.maximum(np.abs(off) - worth, 0.0))


def blunted(scores: Floats, tail: float) -> Floats:
    """Return log-scores of which those far behind the best count as less far behind, (c,).

    Small differences are kept; of d nats behind, `tail` log(1 + d / tail) are left, as in Student's t.
    """
    if not np.isfinite(tail):
        return scores
    best = scores.max()
    return np.asarray(best - tail * np.log1p((best - scores) / tail))


def sheet_of(signals: Signals, alarm_s: float, w: Weights) -> Sheet:
    """Lay signals on bins, with what they say while nobody is blamed."""
    return lay(signals, alarm_s, stranger=w.stranger, kappa=w.kappa, soft=w.soft)


def _nothing(c: int, s: int, sheet: Sheet, alarm_s: float) -> Hydraulic:
    """No event is any candidate's."""
    return Hydraulic(
        total=np.zeros(c),
        reach=np.zeros(c),
        onset=np.zeros(c),
        shape=np.zeros(c),
        clean=np.zeros(c),
        start_s=np.full(c, alarm_s),
        duration_s=np.full(c, 3600.0),
        rate=np.zeros(c),
        event=np.full(c, -1),
        alike=np.arange(c),
        told=np.zeros((c, s)),
        miss=np.zeros((c, s)),
        due_s=np.full((c, s), NEVER),
    )


def _keep(
    best: Hydraulic,
    heard: Floats,
    p: Pairs,
    tried: Tries,
    speed: float,
    sheet: Sheet,
    signals: Signals,
    alarm_s: float,
) -> None:
    """Note the releases that are better than what was noted before."""
    wins = tried.total > heard[p.candidate]
    c = p.candidate[wins]
    heard[c] = tried.total[wins]
    best.start_s[c] = tried.start_s[wins] + alarm_s
    end = np.where(tried.end_s >= NEVER_S, sheet.t_s[-1] + sheet.width_s[-1] / 2, tried.end_s)
    best.duration_s[c] = np.maximum(end - tried.start_s, sheet.step_s)[wins]
    best.rate[c] = tried.rate[wins]
    best.event[c] = sheet.event[p.anchor[wins]]
    k = wins[p.of]
    of, j, rel = p.of[k], p.sensor[k], tried.rel[k]
    row = p.candidate[of]
    due = tried.start_s[of] + p.front_s[k] / speed + alarm_s
    strong = p.table[k, -1] * tried.rate[of] > HOLD_Z * sheet.sigma[j]
    best.due_s[c] = NEVER
    best.due_s[row, j] = np.where(strong, due, NEVER)
    risen = sheet.event[j] >= 0
    best.told[c] = 0.0
    best.told[row, j] = rel
    best.miss[c] = 0.0
    best.miss[row, j] = np.where(risen, 0.0, np.minimum(rel, 0.0))
    seen = signals.events.onset_s[sheet.event[j]] if len(signals.events) else due
    off = (seen - due) / np.hypot(TIME_SHARE * p.front_s[k], TIME_SAMPLES * sheet.step_s)
    late = np.where(risen & (rel > 0), np.maximum(-2.0 * np.log1p(off**2 / 3.0), sheet.null[j]), 0.0)
    reach = np.where(risen & (rel > 0), -sheet.null[j], 0.0)
    n = len(best.total)
    for part, value in (
        (best.reach, reach),
        (best.onset, late),
        (best.shape, np.where(risen, rel - reach - late, 0.0)),
        (best.clean, np.where(risen, 0.0, rel)),
    ):
        part[c] = np.bincount(row, value, n)[c]


def _tempered(best: Hydraulic, total: Floats, temper: float) -> Hydraulic:
    return replace(
        best,
        total=total,
        reach=temper * best.reach,
        onset=temper * best.onset,
        shape=temper * best.shape,
        clean=temper * best.clean,
        miss=temper * best.miss,
    )


def proximity(apart_m: Floats, neighbours: int = 5) -> Floats:
    """Score candidates by plain distance to the first alarmed sensor, (c,) -> (c,), never positive.

    Directions and flows on record may be wrong; distance is not. The nearest few set the scale.
    """
    scale = np.sort(apart_m)[min(neighbours, len(apart_m) - 1)]
    scale = scale if np.isfinite(scale) and scale > 0 else 1.0
    return np.asarray(-np.log1p(np.minimum(apart_m / scale, 30.0) ** 2))


def risen(sheet: Sheet, first: int) -> tuple[Ints, Floats]:
    """Return sensors distance is told from, and the chance that the water came there first; both (k,).

    The first alarmed one as far as slow drift does not explain its rise, then those that rose, in order. What
    is left of one is the chance that none of them is it.
    """
    firm = np.where(sheet.event >= 0, 1 - np.exp(sheet.null), 0.0)
    order = np.argsort(sheet.up_s, kind="stable")
    at = np.concatenate([[first], order[(order != first) & (firm[order] > 0)]])
    before = np.concatenate([[1.0], np.cumprod(1 - firm[at])[:-1]])
    return at.astype(np.int64), before * firm[at]


def nearness(apart_m: Floats, chance: Floats) -> Floats:
    """Score candidates by plain distance to where the water rose first, which is not quite known.

    Parameters
    ----------
    apart_m : (c, k)
        To each place where that may have been, the first alarmed sensor first.
    chance : (k,)
        That it was there; as far as it was nowhere, distance prefers nobody.
    """
    near = np.array([proximity(column) for column in apart_m.T])
    nobody = np.full(near.shape[1:], logsumexp(near[0]) - np.log(near.shape[1]))
    weight = np.log(np.maximum(np.append(chance, 1 - chance.sum()), 1e-12))
    return np.asarray(logsumexp(np.vstack([near, nobody]) + weight[:, None], axis=0))


def lifted(hydraulic: Floats, near: Floats, w: Weights, among: Floats | None = None) -> Floats:
    """Join what transport says with the chance that it is wrong about a candidate and only distance tells.

    Parameters
    ----------
    among : (c,)
        Distance as far as it counts beside transport; `near` if not given.
    """
    among = near if among is None else among
    return np.asarray(np.logaddexp(hydraulic + w.nearness * among, w.adrift + near))


def pooled(hydraulic: Floats, near: Floats, w: Weights, *, among: Floats | None = None) -> Floats:
    """Mix what transport says with plain distance; log-scores in, normalised log-scores out.

    Where transport is believed, distance tells groups apart and not those whose water passes the same
    sensors: `among` is then `near`, levelled. See `lifted`.
    """
    both = lifted(hydraulic, near, w, among)
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
