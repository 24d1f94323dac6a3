"""Hour values: what a logger sent in a clock hour, whether that is enough, and the mean of what counts.

Nothing is filled: an hour without enough valid values has no value, and says why.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from twin.curves import Curve
from twin.indicators import Transfer
from twin.quality.rules import Rules

HOUR_MS = 3_600_000
FLOW, PH = "w00000", "w01001"


class Verdict(IntEnum):
    """Whether an hour or a day has a value, and if not, why."""

    VALID = 0
    NO_FLOW = 1  # nothing was discharged, so a concentration means nothing
    MARKED = 2  # the logger itself says that it did not measure: maintenance, calibration, fault
    IMPOSSIBLE = 3  # outside what the instrument can show
    TOO_FEW = 4
    MISSING = 5
    NOT_DUE = 6
    NOT_OVER = 7  # a day that still goes on
    DIFFERS = 8  # the logger itself gives another value than follows from what it sent
    UNPROVEN = 9  # a check of the analyser failed


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """One factor of one station hour by hour, n hours.

    Attributes
    ----------
    start_ms : (n,) int64
        Begin of the hour; it ends an hour later.
    value : (n,) float64
        Mean of the valid values, NaN where the hour has no value.
    low, high : (n,) float64
        Least and greatest valid value; NaN where there is none.
    due, received, valid : (n,) int64
        Values that should have come, that came, and that count; each interval once.
    verdict : (n,) uint8
        `Verdict`.
    suspect : (n,) uint8
        `twin.quality.doubts.Suspect`: what is odd about a value that counts; 0 for nothing.
    """

    start_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    due: NDArray[np.int64]
    received: NDArray[np.int64]
    valid: NDArray[np.int64]
    verdict: NDArray[np.uint8]
    suspect: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.start_ms)

    def since(self, from_ms: int) -> Hours:
        """Only the hours that begin at a moment or later."""
        at = int(np.searchsorted(self.start_ms, from_ms))
        return Hours(*(getattr(self, f.name)[at:] for f in fields(self)))

    @property
    def transfer(self) -> Transfer:
        """What came of what was due, and what of that counts."""
        return Transfer(int(self.due.sum()), int(self.received.sum()), int(self.valid.sum()))


def hours(
    curve: Curve,
    code: str,
    flow: Hours | None,
    interval_s: float,
    from_ms: int,
    to_ms: int,
    rules: Rules,
) -> Hours:
    """Return the hour values of a factor between two moments; only whole hours.

    Parameters
    ----------
    curve : Curve
        Every value, with its mark.
    code : str
        2017 code. pH is averaged by its hydrogen ions, everything else by time.
    flow : Hours or None
        The station's flow over the same hours; None for the flow itself and where none is measured.
    interval_s : float
        Usual distance of two values.

    Notes
    -----
    Validity after HJ 356-2019, the shares from the rules. What a value of the hour must not be used for is
    left to the reader of the verdict.
    """
    first, last = -(-from_ms // HOUR_MS), to_ms // HOUR_MS
    n = max(last - first, 0)
    start = (first + np.arange(n, dtype=np.int64)) * HOUR_MS
    step = max(round(interval_s * 1000), 1)
    due = (start + HOUR_MS - 1) // step - (start - 1) // step
    marked, possible = ~rules.counts(curve.flag), rules.possible(code, curve.value)
    received = _filled(curve.at_ms, step, first, n)
    # Of an interval at least one value counts, or none does.
    good = ~marked & possible
    valid = _filled(curve.at_ms[good], step, first, n)
    stopped = _filled(curve.at_ms[marked], step, first, n)
    value, low, high = _means(curve.at_ms[good], curve.value[good], code, first, n)
    enough = np.maximum(rules.hour_share.value * due, 1)
    why = np.where(stopped * 2 >= received - valid, Verdict.MARKED, Verdict.IMPOSSIBLE)
    verdict = np.where(received >= enough, why, Verdict.TOO_FEW)
    verdict = np.where(received == 0, Verdict.MISSING, verdict)
    verdict = np.where((valid >= enough) & (valid > 0), Verdict.VALID, verdict)
    verdict = np.where(due == 0, Verdict.NOT_DUE, verdict)
    if flow is not None and code != FLOW:
        dry = (flow.verdict == Verdict.VALID) & (flow.value <= rules.zero_flow.value)
        verdict = np.where(dry, Verdict.NO_FLOW, verdict)
    value = np.where(verdict == Verdict.VALID, value, np.nan)
    return Hours(
        start, value, low, high, due, received, valid, verdict.astype(np.uint8), np.zeros(n, np.uint8)
    )


def _filled(at_ms: NDArray[np.int64], step: int, first: int, n: int) -> NDArray[np.int64]:
    """Count the intervals of each hour in which there is something; an interval belongs where it begins."""
    hour = np.unique(at_ms // step) * step // HOUR_MS - first
    return np.bincount(hour[(hour >= 0) & (hour < n)], minlength=n).astype(np.int64)


def _means(
    at_ms: NDArray[np.int64], value: NDArray[np.float64], code: str, first: int, n: int
) -> tuple[NDArray[np.float64], ...]:
    hour = at_ms // HOUR_MS - first
    within = (hour >= 0) & (hour < n)
    hour, value = hour[within], value[within]
    count = np.bincount(hour, minlength=n)
    weight = 10.0**-value if code == PH else value
    mean = np.full(n, np.nan)
    np.divide(np.bincount(hour, weight, minlength=n), count, out=mean, where=count > 0)
    if code == PH:
        mean = -np.log10(mean)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(low, hour, value)
    np.maximum.at(high, hour, value)
    none = count == 0
    low[none] = high[none] = np.nan
    return mean, low, high
