"""Within what a release lies: when it began, how long it went on, how strong it was, nine times in ten.

Every release that was tried for a candidate counts as much as it explains, times how many releases it stands
for (the starts and ends between it and its neighbours). Lengths are taken to be as likely in every octave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from twin.trace.curves import NEVER_S, SHORTEST_S, Bench, Cloud, Cost, pairs
from twin.trace.evidence import Weights, sheet_of
from twin.trace.response import Response
from twin.trace.signals import Signals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OUTSIDE = (0.05, 0.95)
WITHIN = (-0.35, 0.0, 0.35)  # of the way to the neighbours: a try stands for what lies around it
ONGOING_S = 1800.0  # by how much a release that has not ended may go on


@dataclass(frozen=True, slots=True)
class Within:
    """Bounds of one release: epoch seconds, seconds, and rate in units of the signal times m3/s."""

    start_s: tuple[float, float]
    duration_s: tuple[float, float]
    amount: tuple[float, float]


def within(
    responses: Sequence[Response], signals: Signals, alarm_s: float, w: Weights, candidates: Ints
) -> dict[int, Within]:
    """Return the bounds of some candidates' releases; those that explain nothing are left out.

    Parameters
    ----------
    responses, signals, alarm_s, w
        As for `evidence.hydraulic`.
    candidates : (k,) int
        Positions.
    """
    sheet = sheet_of(signals, alarm_s, w)
    if not (sheet.event >= 0).any() or len(candidates) == 0:
        return {}
    bench = Bench(sheet, w.trusts, Cost(w.kappa, w.soft))
    heard: dict[int, list[Floats]] = {}
    for response in responses:
        p = pairs(replace(response, passed=response.passed[candidates]), sheet)
        if len(p.candidate) == 0:
            continue
        for speed in w.speeds:
            for cloud in bench.clouds(p, speed):
                for i, c in enumerate(p.candidate):
                    rows = _releases(cloud, i, float(sheet.t_s[-1] + sheet.width_s[-1] / 2), sheet.step_s)
                    heard.setdefault(int(candidates[c]), []).append(rows)
    return {c: found for c, rows in heard.items() if (found := _bounds(np.concatenate(rows), alarm_s))}


def _releases(cloud: Cloud, i: int, now_s: float, step_s: float) -> Floats:
    """Return what one candidate tried: weight (log), start, length and log-rate, (n, 4)."""
    start, end = cloud.start_s[i], np.minimum(cloud.end_s[i], now_s + ONGOING_S)
    wide_a = np.maximum(np.abs(np.gradient(start)), step_s)
    wide_b = np.maximum(np.abs(np.gradient(end)), step_s)
    wide_b[cloud.end_s[i] >= NEVER_S] = ONGOING_S
    a, b = np.repeat(np.arange(len(start)), len(end)), np.tile(np.arange(len(end)), len(start))
    rows = []
    for shift in WITHIN:
        for other in WITHIN:
            from_, to = start[a] + shift * wide_a[a], end[b] + other * wide_b[b]
            long = np.maximum(to - from_, SHORTEST_S / 2)
            weight = cloud.total[i] + np.log(wide_a[a] * wide_b[b]) - np.log(long)
            # What was released is known better than how fast: a shorter release was a stronger one.
            rows.append(
                np.stack([weight, from_, long, cloud.log_rate[i] + np.log(_length(start, end, a, b))])
            )
    return np.concatenate(rows, axis=1).T


def _length(start: Floats, end: Floats, a: Ints, b: Ints) -> Floats:
    return np.maximum(end[b] - start[a], SHORTEST_S / 2)


def _bounds(rows: Floats, alarm_s: float) -> Within | None:
    rows = rows[np.isfinite(rows[:, 0])]
    if len(rows) == 0:
        return None
    weight = np.exp(rows[:, 0] - rows[:, 0].max())
    low, high = zip(*(_quantiles(rows[:, k], weight) for k in (1, 2, 3)), strict=True)
    return Within(
        (alarm_s + low[0], alarm_s + high[0]),
        (low[1], high[1]),
        (float(np.exp(low[2])), float(np.exp(high[2]))),
    )


def _quantiles(value: Floats, weight: Floats) -> tuple[float, float]:
    order = np.argsort(value, kind="stable")
    held = np.cumsum(weight[order])
    at = np.searchsorted(held, np.array(OUTSIDE) * held[-1])
    low, high = value[order][np.minimum(at, len(value) - 1)]
    return float(low), float(high)
