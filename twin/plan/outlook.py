"""When the front of a release comes to gates and receptors, from a few runs of the engine and what is unsure.

Arrival times answer flow and roughness as powers of them. A handful of runs fits the powers for every place;
an ensemble drawn on them gives the band.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from twin.hydraulics.graft import Release
from twin.hydraulics.runner import Course
from twin.plan.waters import Waters

Floats = NDArray[np.float64]

MEMBERS = 200
FLOW_SD, ROUGH_SD = 0.17, 0.12  # in logs: flows within 30 %, roughness within 20 %
OWN_SD = 0.09  # in logs: what no run knows, place by place, a tide out of step among it
PROBES = ((1.0, 1.0), (0.78, 1.0), (1.28, 1.0), (1.0, 1.2))  # factors on flow and roughness that are run
USUAL = (-0.6, 0.5)  # powers of flow and roughness where too few runs say
FRONT = 0.05  # of the highest concentration at a place: its front
SOME = 0.01  # of the release that must pass a place for it to count
SEED = 20260102


@dataclass(frozen=True, slots=True)
class Band:
    """Seconds after the release began: early (5 %), middle and late (95 %); and the share that passes."""

    early_s: float
    middle_s: float
    late_s: float
    share: float


def front_s(course: Course, node: int, since_s: float) -> float:
    """Return when the front comes to a noted node, seconds after `since_s`; infinity where it never does."""
    conc = course.conc[:, node]
    most = float(conc.max(initial=0.0))
    if most <= 0:
        return np.inf
    k = int(np.argmax(conc >= FRONT * most))
    if k == 0:
        return float(course.t_s[0] - since_s)
    low, high = conc[k - 1], conc[k]
    part = (FRONT * most - low) / max(high - low, 1e-12)
    return float(course.t_s[k - 1] + part * (course.t_s[k] - course.t_s[k - 1]) - since_s)


def passed_kg(course: Course, waters: Waters, place: str) -> float:
    """Return the kilograms that come to a receptor, or pass a gate in either direction."""
    units = waters.model.m3s
    step = np.diff(course.t_s, prepend=0.0)
    if place in waters.receptors:
        j = waters.places.index(waters.receptors[place])
        return float((course.conc[:, j] * np.maximum(course.inflow[:, j], 0) * step).sum()) * units / 1000
    first, second = (waters.places.index(n) for n in waters.ends[place])
    flow = course.flow[:, list(waters.cards).index(place)]
    carried = np.where(flow >= 0, course.conc[:, first], course.conc[:, second]) * np.abs(flow)
    return float((carried * step).sum()) * units / 1000


def fronts(course: Course, waters: Waters, release: Release) -> dict[str, float]:
    """Return when the front comes to every gate and receptor, seconds after the release began."""
    total = release.kg_s * release.long_s
    found = {}
    for place in (*waters.cards, *waters.receptors):
        if passed_kg(course, waters, place) < SOME * total:
            continue
        nodes = waters.ends.get(place) or (waters.receptors[place],)
        at = min(front_s(course, waters.places.index(n), release.start_s) for n in nodes)
        if np.isfinite(at):
            found[place] = max(at, 0.0)
    return found


def bands(waters: Waters, release: Release, probes: Sequence[Course]) -> dict[str, Band]:
    """Return the band of every place the release comes to.

    Parameters
    ----------
    probes : sequence of Course
        One run for each of `PROBES`, in that order.
    """
    seen = [fronts(c, waters, release) for c in probes]
    total = max(release.kg_s * release.long_s, 1e-9)
    rng = np.random.default_rng(SEED)
    log_flow, log_rough = FLOW_SD * _normals(rng), ROUGH_SD * _normals(rng)
    found = {}
    for place, middle in seen[0].items():
        low, high, rough = (s.get(place) for s in seen[1:])
        down = _power(low, middle, PROBES[1][0], USUAL[0])
        up = _power(high, middle, PROBES[2][0], USUAL[0])
        stiff = _power(rough, middle, PROBES[3][1], USUAL[1])
        spread = np.where(log_flow < 0, down, up) * log_flow + stiff * log_rough + OWN_SD * _normals(rng)
        times = middle * np.exp(spread)
        early, mid, late = np.quantile(times, (0.05, 0.5, 0.95))
        share = min(passed_kg(probes[0], waters, place) / total, 1.0)
        found[place] = Band(float(early), float(mid), float(late), share)
    return found


def _normals(rng: np.random.Generator) -> Floats:
    return rng.permutation(ndtri((np.arange(MEMBERS) + 0.5) / MEMBERS))


def _power(there: float | None, here: float, factor: float, usual: float) -> float:
    """Return the power of a factor that explains two arrival times."""
    if there is None or there <= 0 or here <= 0:
        return usual
    return float(np.clip(np.log(there / here) / np.log(factor), *((-2.0, 0.0) if usual < 0 else (0.0, 1.5))))


def lost_kg(course: Course, waters: Waters) -> dict[str, float]:
    """Return the kilograms that came to every receptor."""
    return {r: passed_kg(course, waters, r) for r in waters.receptors}
