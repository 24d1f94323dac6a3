"""What samples say: whether a plume was where the bottle was filled, and whose water was in it.

A bottle is read twice. Was there more in it than that place usually carries? Then those whose plume would
have been there when it was taken are likelier, and the others less so. And several factors from one bottle
are compared with profiles, as the rises at a station are. What a laboratory or a crew may get wrong bounds
both.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from geodata.words import Text
from twin.factors import factor
from twin.model import LabResult
from twin.trace import fingerprint
from twin.trace.case import Case
from twin.trace.evidence import Hydraulic
from twin.trace.makeup import FINGERPRINT_MOST, profiles
from twin.trace.sentences import clock

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RIGHT = 0.95  # that a bottle tells rightly whether the plume was there
RISEN = 2.0  # times the usual value from which on a bottle holds more than the place usually carries
LOOSE = 0.3  # in logs: how well the usual value of a place is known from the stations'
LINGERS_S = 1800.0  # a plume clings to the place it came from: walls and sediment give it away for a while


def usual(case: Case, code: str) -> float:
    """Return the usual value of a factor on shared water; NaN where no station measures it."""
    if code not in case.by_factor:
        return float("nan")
    base = case.by_factor[code].base
    return float(np.nanmedian(base)) if np.isfinite(base).any() else float("nan")


def present(case: Case, h: Hydraulic, outlets: Ints, nodes: Ints, at_s: Floats) -> Bools:
    """Tell at which of p places each of k outlets' plumes is, at a time each, (k, p)."""
    origins = np.array([case.network.nodes[case.outlets[c].node] for c in outlets], np.int64)
    transport = case.carriage.transport(case.network, origins, nodes)
    start, stop = h.start_s[outlets], h.start_s[outlets] + h.duration_s[outlets]
    first = start[:, None] + 0.8 * transport.quantile_s(0.05, 1.0)
    last = stop[:, None] + 1.2 * transport.quantile_s(0.9, 1.0)
    there = (at_s >= first) & (at_s <= np.maximum(last, first + LINGERS_S))
    return np.asarray(there & (transport.share > 0.02))


def risen(case: Case, result: LabResult) -> bool:
    """Tell whether a bottle holds more of a factor than shared water usually does."""
    base = usual(case, result.factor)
    return bool(np.isfinite(base) and result.value > RISEN * base)


def bottles(case: Case) -> Iterator[list[LabResult]]:
    """Return the results that came out of one bottle together, for places of this park."""
    of: dict[tuple[str, str], list[LabResult]] = {}
    for r in case.results:
        if r.node in case.network.nodes:
            of.setdefault((r.barcode, r.node), []).append(r)
    yield from of.values()


def score(case: Case, h: Hydraulic) -> Floats:
    """Return what all bottles say of each outlet, (c,) nats."""
    total = np.zeros(len(case.outlets))
    every = np.arange(len(case.outlets))
    for bottle in bottles(case):
        known = [r for r in bottle if np.isfinite(usual(case, r.factor))]
        node = np.array([case.network.nodes[bottle[0].node]])
        if known:
            there = present(case, h, every, node, np.array([bottle[0].at.timestamp()]))[:, 0]
            right = np.where(there, RIGHT, 1 - RIGHT)
            chance = right if any(risen(case, r) for r in known) else 1 - right
            total += np.log(chance) - np.log(chance.mean())
        total += make_up(case, bottle)
    return total


def make_up(case: Case, bottle: list[LabResult]) -> Floats:
    """Compare one bottle with every outlet's water, (c,) nats; 0 where there is too little in it."""
    codes = sorted({r.factor for r in bottle})
    value = np.array([next(r.value for r in bottle if r.factor == c) for c in codes], float)
    base = np.nan_to_num(np.array([usual(case, c) for c in codes]))
    over = value - base
    below = over <= (RISEN - 1) * base
    if (~below).sum() == 0 or len(codes) < 2:
        return np.zeros(len(case.outlets))
    rise = np.where(below, np.maximum((RISEN - 1) * base, 1e-12), over)
    water = profiles(case, codes)[0]
    adds = np.where(np.isfinite(water), np.maximum(water - base, 0.01 * water), np.nan)
    error = LOOSE * base / np.maximum(rise, 1e-12)
    found = fingerprint.compare(rise, adds, error=error, below=below)
    return np.clip(found, -FINGERPRINT_MOST, FINGERPRINT_MOST)


def sentence(case: Case, h: Hydraulic, outlet: int) -> Text | None:
    """Say what the last bottle says of an outlet; None where there is no bottle."""
    last = max(bottles(case), key=lambda b: (b[0].at, b[0].barcode), default=None)
    if last is None:
        return None
    r = max(last, key=lambda r: (risen(case, r), r.factor))
    node = np.array([case.network.nodes[r.node]])
    there = bool(present(case, h, np.array([outlet]), node, np.array([r.at.timestamp()]))[0, 0])
    what = factor(r.factor)
    return Text(
        "{at} 在 {node} 采的样 {what} {value} {unit}，{high}；其排放的水当时{there}流经此处",
        "The sample from {node} at {at} held {value} {unit} {what}, {high}; its water {there} there then",
    ).fill(
        at=clock(r.at.timestamp()),
        node=r.node,
        what=what.short,
        value=what.show(r.value),
        unit=what.unit,
        high=Text("高于平时", "more than usual") if risen(case, r) else Text("与平时相当", "as usual"),
        there=Text("应", "would have been") if there else Text("不", "would not have been"),
    )
