"""Turns series into what evidence is made of: baselines, events with an onset, and who was listening.

A sensor that is silent, frozen or flagged says nothing; it is never taken for clean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NOISE_FLOOR = 0.05  # of the baseline: no instrument in a sewer is better
START_Z = 4.0  # standard deviations that start an event, median of three samples
HOLD_Z = 2.0  # and that keep it alive
LEAST_SAMPLES = 3  # above the start level
FROZEN_SAMPLES = 5  # equal values in a row that no noisy instrument gives
EVENTS_A_SENSOR = 3
GAP_SAMPLES = 4  # a shorter quiet does not end an event


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Rises over the baseline, e of them.

    Attributes
    ----------
    sensor : (e,) int
    onset_s, gap_s : (e,)
        Time of the first risen sample, and how long before it nothing was known to be risen.
    end_s : (e,)
        Last risen sample.
    open : (e,) bool
        Still risen at the end of the record.
    peak, mass : (e,)
        Largest rise (smoothed) and its integral over time, units and units x s.
    rise_s : (e,)
        Time from onset to the first half of the peak.
    z : (e,)
        Peak in standard deviations.
    """

    sensor: Ints
    onset_s: Floats
    gap_s: Floats
    end_s: Floats
    open: Bools
    peak: Floats
    mass: Floats
    rise_s: Floats
    z: Floats

    def __len__(self) -> int:
        return len(self.sensor)


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """What s sensors said on a common grid of n times.

    Attributes
    ----------
    t_s : (n,)
    rise : (s, n)
        Value less baseline; NaN where nothing trustworthy was said.
    alive : (s, n) bool
    base, sigma : (s,)
        Baseline and its standard deviation; NaN where there was too little to say.
    events : Events
    """

    t_s: Floats
    rise: Floats
    alive: Bools
    base: Floats
    sigma: Floats
    events: Events

    def told(self, clock: Callable[[Floats], Floats]) -> Signals:
        """Return the same with every time told by another clock."""
        e = self.events
        events = replace(e, onset_s=clock(e.onset_s), end_s=clock(e.end_s))
        return replace(self, t_s=clock(self.t_s), events=events)

    def alive_share(self, from_s: Floats, to_s: Floats) -> Floats:
        """Return the share of samples each sensor gave between times, (c, s) for (c, s) bounds."""
        total = np.concatenate([np.zeros((len(self.alive), 1)), np.cumsum(self.alive, 1)], 1)
        a = np.searchsorted(self.t_s, from_s)
        b = np.maximum(np.searchsorted(self.t_s, to_s, "right"), a + 1)
        b = np.minimum(b, len(self.t_s))
        a = np.minimum(a, b - 1)
        s = np.arange(len(self.alive))[None, :]
        return np.asarray((total[s, b] - total[s, a]) / (b - a))


def read(t_s: Floats, value: Floats, quiet_until_s: float, hold: int = 1) -> Signals:
    """Find baselines and events.

    Parameters
    ----------
    t_s : (n,)
        Times of the samples, evenly spaced.
    value : (s, n)
        NaN where a sensor said nothing or its reading is flagged.
    quiet_until_s : float
        Samples before this teach the baseline; medians keep an earlier short rise out of it.
    hold : int
        Samples of the grid for which one reading speaks: slow loggers leave holes that are no silence.
    """
    value = np.where(_frozen(value), np.nan, value)
    alive = _held(np.isfinite(value), hold)
    base, sigma = _baseline(value, t_s < quiet_until_s)
    rise = value - base[:, None]
    return Signals(t_s, rise, alive, base, sigma, _events(t_s, rise, sigma))


def _frozen(value: Floats) -> Bools:
    """Mark runs of equal values, `FROZEN_SAMPLES` or longer (missing samples do not break a run)."""
    frozen = np.zeros(value.shape, bool)
    for row, out in zip(value, frozen, strict=True):
        known = np.flatnonzero(np.isfinite(row))
        if len(known) < FROZEN_SAMPLES:
            continue
        change = np.flatnonzero(np.diff(row[known]) != 0)
        start = np.concatenate([[0], change + 1])
        stop = np.concatenate([change + 1, [len(known)]])
        for a, b in zip(
            start[stop - start >= FROZEN_SAMPLES], stop[stop - start >= FROZEN_SAMPLES], strict=True
        ):
            out[known[a] : known[b - 1] + 1] = True
    return frozen


def _baseline(value: Floats, quiet: Bools) -> tuple[Floats, Floats]:
    """Return median and robust standard deviation of the quiet samples."""
    few = np.isfinite(value[:, quiet]).sum(1) < 5
    held = np.where(few[:, None], 0.0, value[:, quiet])
    base = np.nanmedian(held, axis=1)
    spread = 1.4826 * np.nanmedian(np.abs(held - base[:, None]), axis=1)
    sigma = np.maximum(spread, np.maximum(NOISE_FLOOR * np.abs(base), 1e-9))
    return np.where(few, np.nan, base), np.where(few, np.nan, sigma)


def _events(t_s: Floats, rise: Floats, sigma: Floats) -> Events:
    rows: list[tuple[float, ...]] = []
    for j in np.flatnonzero(np.nanmax(np.where(np.isfinite(rise), rise, -np.inf), 1) > START_Z * sigma):
        known = np.flatnonzero(np.isfinite(rise[j]))
        if len(known) >= LEAST_SAMPLES:
            rows += _events_of(int(j), t_s[known], rise[j, known], median3(rise[j, known]), sigma[j])
    columns = np.array(rows, float).reshape(-1, 9).T
    return Events(
        columns[0].astype(np.int64), columns[1], columns[2], columns[3], columns[4] > 0, *columns[5:]
    )


def _events_of(j: int, t: Floats, rise: Floats, smooth: Floats, sigma: float) -> list[tuple[float, ...]]:
    held = smooth > HOLD_Z * sigma
    edges = np.diff(np.concatenate([[0], _fill(held).astype(int), [0]]))
    found: list[tuple[float, ...]] = []
    for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        if (smooth[a:b] > START_Z * sigma).sum() < LEAST_SAMPLES:
            continue
        peak = float(smooth[a:b].max())
        step = np.diff(t[a : b + 1], append=t[b - 1] + (t[1] - t[0]))[: b - a] if b > a else np.zeros(0)
        mass = float((np.maximum(rise[a:b], 0) * np.minimum(step, 4 * np.median(np.diff(t)))).sum())
        half = a + int(np.argmax(smooth[a:b] >= 0.5 * peak))
        gap = t[a] - t[a - 1] if a else t[1] - t[0]
        found.append(
            (
                j,
                t[a],
                gap,
                t[b - 1],
                float(b >= len(t) - 1),
                peak,
                mass,
                t[half] - t[a] + gap / 2,
                peak / sigma,
            )
        )
    return sorted(found, key=lambda e: -e[8])[:EVENTS_A_SENSOR]


def _fill(held: Bools) -> Bools:
    """Close gaps shorter than `GAP_SAMPLES`."""
    index = np.flatnonzero(held)
    out = held.copy()
    for a, b in pairwise(index):
        if 1 < b - a <= GAP_SAMPLES:
            out[a:b] = True
    return out


def median3(rise: Floats) -> Floats:
    """Median of every sample and its two neighbours; at the ends the less of two."""
    middle = np.median(np.stack([rise[:-2], rise[1:-1], rise[2:]]), axis=0)
    return np.concatenate([[min(rise[0], rise[1])], middle, [min(rise[-2], rise[-1])]])


def _held(known: Bools, hold: int) -> Bools:
    """Mark samples that are known or follow a known one by less than `hold`."""
    out = known.copy()
    for k in range(1, hold):
        out[:, k:] |= known[:, :-k]
    return out
