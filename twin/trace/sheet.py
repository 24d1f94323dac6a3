"""Series on few bins of time, with how sure each is, and what they say while nobody is blamed.

A baseline drifts over hours, an instrument scatters from sample to sample, and a carried curve is never quite
right where it is high or steep. All three are in one covariance a sensor, so that slow drift is no event and
one strong sensor is not believed to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.trace.signals import Signals, median3

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BEFORE_S = 3600.0  # what the bins hold before the alarm
FINE_BINS, GROWTH = 12, 1.1  # bins of one sample around the alarm, then ever wider
DRIFT, DRIFT_S, OFFSET = 0.2, 4 * 3600.0, 0.08  # of the baseline: its slow wander, how slow, and its error
EARLIEST_S = 3 * 3600.0  # rises that began longer before the alarm are another story
TOP = 0.3  # share of a rise that counts as its top


@dataclass(frozen=True, slots=True)
class Trust:
    """How closely a carried curve is expected to be right.

    gain_sd: of a sensor's dilution, in logs; deaf: chance that a sensor misses what it should see; part:
    share of a rise that may be wrong; shift: samples its edges may be; speed_sd: of the water's speed, in
    logs; dear: nats that explaining an event costs, for what is loose enough to fit anything has said little.
    """

    gain_sd: float
    deaf: float
    part: float
    shift: float
    speed_sd: float
    dear: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """What s sensors said in n bins.

    Attributes
    ----------
    t_s, width_s : (n,)
        Middle and width; seconds since the alarm.
    step_s : float
        Between samples.
    rise, count : (s, n)
        Mean over the baseline, 0 where `count` of samples is.
    bins : (s,)
        How many bins a sensor spoke in.
    sigma, base : (s,)
    null : (s,)
        Log-likelihood of "nothing came" against a perfect fit, not below what somebody else's event costs.
    up_s, down_s : (s,)
        When its main rise passed half its height; inf and -inf where there is none.
    open : (s,) bool
        Still high at the end.
    event : (s,) int
        The event, -1 for none.
    """

    t_s: Floats
    width_s: Floats
    step_s: float
    rise: Floats
    count: Floats
    bins: Floats
    sigma: Floats
    base: Floats
    null: Floats
    up_s: Floats
    down_s: Floats
    open: Bools
    event: NDArray[np.int64]


def lay(signals: Signals, alarm_s: float, *, stranger: float, kappa: float, soft: float) -> Sheet:
    """Put signals on bins, fine around the alarm and wider away from it.

    Parameters
    ----------
    stranger : float
        Nats it costs that an event is somebody else's.
    kappa, soft : float
        See `misfit`.
    """
    t = signals.t_s - alarm_s
    step = float(t[1] - t[0]) if len(t) > 1 else 60.0
    edges = _edges(len(t), int(np.searchsorted(t, 0.0)), int(np.searchsorted(t, -BEFORE_S)))
    known = np.isfinite(signals.rise)
    count = np.add.reduceat(known, edges[:-1], axis=1, dtype=float)
    rise = np.add.reduceat(np.where(known, signals.rise, 0.0), edges[:-1], axis=1) / np.maximum(count, 1)
    sure = np.isfinite(signals.sigma)
    count = np.where(sure[:, None], count, 0.0)
    rise = np.where(count > 0, rise, 0.0)
    size = np.diff(edges)
    up, down, still, event = _edges_of_rises(signals, t, step)
    sheet = Sheet(
        t_s=np.add.reduceat(t, edges[:-1]) / size,
        width_s=size * step,
        step_s=step,
        rise=rise,
        count=count,
        bins=(count > 0).sum(1).astype(float),
        sigma=np.where(sure, signals.sigma, 1.0),
        base=np.where(sure, np.abs(signals.base), 1.0),
        null=np.zeros(len(rise)),
        up_s=up,
        down_s=down,
        open=still,
        event=event,
    )
    plain = precision(sheet, None)
    spare = np.maximum(np.einsum("js,jst,jt->j", rise, plain, rise) - sheet.bins, 0.0)
    sheet.null[:] = np.logaddexp(misfit(spare, kappa, soft), -stranger)
    return sheet


def misfit(spare: Floats, kappa: float, soft: float) -> Floats:
    """Return the log-likelihood of a misfit: Student's t in as many dimensions as it is worth.

    Parameters
    ----------
    spare : squared misfit in standard deviations, less what noise alone gives
    kappa : independent samples a sensor's curve is worth, at most
    soft : by how much neighbouring errors repeat each other
    """
    return np.asarray(-kappa / 2 * np.log1p(spare / (kappa * soft)))


def precision(sheet: Sheet, trust: Trust | None) -> Floats:
    """Return inverse covariances, (s, n, n), zero where a sensor did not speak.

    With `trust` the error of a carried curve is added to the noise of the readings.
    """
    t = sheet.t_s
    n = len(t)
    known = sheet.count > 0
    white = (sheet.sigma**2)[:, None] / np.maximum(sheet.count, 1)
    if trust is not None:
        slope = np.gradient(sheet.rise, t, axis=1) if n > 1 else np.zeros_like(sheet.rise)
        white = white + (trust.part * sheet.rise) ** 2 + (trust.shift * sheet.step_s * slope) ** 2
    away = np.abs(t[:, None] - t[None, :])
    shape = DRIFT**2 * np.exp(-away / DRIFT_S) + OFFSET**2
    cov = (sheet.base**2)[:, None, None] * shape[None]
    i = np.arange(n)
    cov[:, i, i] += np.where(known, white, 1e6 * (sheet.base**2)[:, None] + 1e6 * white)
    return np.where(known[:, :, None] & known[:, None, :], np.linalg.inv(cov), 0.0)


def _edges(n: int, alarm: int, first: int) -> NDArray[np.int64]:
    """Return bounds of the bins: one sample each around the alarm, growing forwards, wide before it."""
    at = max(first, min(alarm, n - 1) - 3)
    ahead, width = [at], 1.0
    while ahead[-1] < n:
        width = 1.0 if len(ahead) <= FINE_BINS else width * GROWTH
        ahead.append(min(n, ahead[-1] + int(width)))
    back, width = [at], 2.0
    while back[-1] > first:
        back.append(max(first, back[-1] - int(width)))
        width *= 1.4
    return np.array(back[::-1] + ahead[1:], np.int64)


def _edges_of_rises(
    signals: Signals, t: Floats, step: float
) -> tuple[Floats, Floats, Bools, NDArray[np.int64]]:
    """Return when each sensor's strongest rise passed half its height, up and down."""
    s, events = len(signals.rise), signals.events
    up, down = np.full(s, np.inf), np.full(s, -np.inf)
    still, event = np.zeros(s, bool), np.full(s, -1)
    order = np.argsort(events.z, kind="stable")
    for e in order:  # the strongest last
        j = int(events.sensor[e])
        known = np.flatnonzero(np.isfinite(signals.rise[j]))
        inside = (signals.t_s[known] >= events.onset_s[e]) & (signals.t_s[known] <= events.end_s[e])
        if t[known[inside][0]] < -EARLIEST_S or t[known[inside][-1]] < -BEFORE_S:
            continue
        smooth = median3(signals.rise[j, known])
        top = np.sort(smooth[inside])[-max(1, round(TOP * inside.sum())) :].mean()
        high = np.flatnonzero(inside & (smooth > 0.5 * top))
        if len(high) == 0:
            continue
        a, b = high[0], high[-1]
        up[j] = t[known[a]] - 0.5 * (t[known[a]] - t[known[a - 1]] if a else step)
        down[j] = t[known[b]] + 0.5 * step
        still[j], event[j] = b >= len(known) - 2, e
    return up, down, still, event
