"""Whether one release is enough: a second source at the same time, only where the evidence asks for it.

What the likeliest source explains is set aside, station by station. If stations that stand out remain, the
other candidates are tried on those alone. Two releases must explain more than one by as much as a second one
at the same hour is rare, and by a margin on top: otherwise the rest stays "somebody else's event" and nobody
is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from twin.trace.evidence import NEVER, Hydraulic, Weights, hydraulic, sheet_of
from twin.trace.response import Response
from twin.trace.signals import Signals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RARE = 0.1  # of incidents are two releases at once
MARGIN = 3.0  # nats beyond that
BLUNTED = 1.6  # evidence for it is weighted by this: averaging has blunted it
EXPLAINED = 1.0  # nats from which on a release is said to explain what a station saw


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """A second release.

    Attributes
    ----------
    candidate : int
    nats : float
        By which two releases explain more than one, their rarity paid.
    sensors : tuple of int
        What the first leaves unexplained and the second explains.
    """

    candidate: int
    nats: float
    sensors: tuple[int, ...]


def beside(
    responses: Sequence[Response],
    signals: Signals,
    alarm_s: float,
    found: Hydraulic,
    first: int,
    w: Weights,
    prior: Floats | None = None,
    barred: Bools | None = None,
) -> Beside | None:
    """Return the second release that the evidence asks for; None where it asks for none.

    Parameters
    ----------
    responses, signals, alarm_s, w
        As for `evidence.hydraulic`, which has returned `found`.
    first : int
        The likeliest candidate.
    prior : (c,)
        Log-share of each candidate before any evidence; alike if not given.
    barred : (c,) bool
        Who cannot be the second: the first one's other outlets.
    """
    left = unexplained(signals, alarm_s, found, first, w)
    if not left.any():
        return None
    prior = np.full(len(found.total), -np.log(len(found.total))) if prior is None else prior
    free = np.ones(len(prior), bool) if barred is None else ~barred
    free[first] = False
    if not free.any():
        return None
    rest = set_aside(signals, ~left & _shows(signals, found, first))
    at = float(rest.events.onset_s[np.isin(rest.events.sensor, np.flatnonzero(left))].min())
    other = hydraulic(responses, rest, at, w)
    total = np.where(free, other.total / w.temper * BLUNTED + prior, -np.inf)
    nats = float(logsumexp(total) + np.log(RARE / (1 - RARE)))
    best = int(np.argmax(total))
    explains = tuple(int(j) for j in np.flatnonzero(left & (other.told[best] > EXPLAINED)))
    return Beside(best, nats, explains) if nats > MARGIN and explains else None


def unexplained(signals: Signals, alarm_s: float, found: Hydraulic, first: int, w: Weights) -> Bools:
    """Return which sensors stand out by more than the first release explains, (s,)."""
    sheet = sheet_of(signals, alarm_s, w)
    stands = (sheet.event >= 0) & (sheet.null < -MARGIN)
    return np.asarray(stands & (found.told[first] < EXPLAINED))


def _shows(signals: Signals, found: Hydraulic, first: int) -> Bools:
    """Return where the first release shows or is explained: nothing there speaks about a second."""
    risen = np.zeros(len(signals.rise), bool)
    risen[signals.events.sensor] = True
    return np.asarray((found.due_s[first] < NEVER / 2) | (risen & (found.told[first] >= EXPLAINED)))


def set_aside(signals: Signals, sensors: Bools) -> Signals:
    """Return the signals with some sensors silent."""
    e = signals.events
    kept = ~sensors[e.sensor]
    events = replace(
        e,
        **{
            name: getattr(e, name)[kept]
            for name in ("sensor", "onset_s", "gap_s", "end_s", "open", "peak", "mass", "rise_s", "z")
        },
    )
    return replace(
        signals,
        rise=np.where(sensors[:, None], np.nan, signals.rise),
        alive=signals.alive & ~sensors[:, None],
        events=events,
    )
