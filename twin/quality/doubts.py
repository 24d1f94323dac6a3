"""What speaks against hour and day values that are complete: checks that failed, words that differ, odd runs.

A failed check and a difference between logger and platform make an hour invalid. An odd run (a jump, values
that do not move, zero while water runs) only makes it suspect: it still counts, until a person has decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from twin.curves import EMPTY, Curve
from twin.factors import factor
from twin.quality.days import Day
from twin.quality.hours import FLOW, HOUR_MS, Hours, Verdict
from twin.quality.rules import Check, Rules


class Suspect(IntFlag):
    """Why an hour wants a look."""

    JUMP = 1
    CONSTANT = 2
    ZERO = 4


def checks_of(measured: Curve, standard: Curve, rules: Rules) -> list[Check]:
    """Return the checks that a logger has reported: what it measured of a standard of known value.

    Notes
    -----
    HJ 355 table 1: a standard sample may be off by so much of its value; the share is a rule.
    """
    _, here, there = np.intersect1d(measured.at_ms, standard.at_ms, return_indices=True)
    known, found = standard.value[there], measured.value[here]
    passed = np.abs(found - known) <= rules.standard.value * np.abs(known)
    pairs = zip(measured.at_ms[here].tolist(), passed.tolist(), strict=True)
    return [Check(at_ms, good) for at_ms, good in pairs]


def unproven(start_ms: NDArray[np.int64], checks: Sequence[Check]) -> NDArray[np.bool_]:
    """(n,) tell which hours lie between the last check passed before a failed one and the next passed after.

    Notes
    -----
    HJ 356-2019: what was measured since the last passed check falls with a failed one, and what is measured
    until the next one passes.
    """
    found = np.zeros(len(start_ms), bool)
    good_until = np.iinfo(np.int64).min
    failed = False
    for check in sorted(checks, key=lambda c: c.at_ms):
        if check.passed:
            if failed:
                found |= (start_ms + HOUR_MS > good_until) & (start_ms < check.at_ms)
            good_until, failed = check.at_ms, False
        else:
            failed = True
    if failed:
        found |= start_ms + HOUR_MS > good_until
    return found


def differing(it: Hours, told: Curve, code: str, rules: Rules) -> NDArray[np.bool_]:
    """(n,) tell which hours the logger itself gives another value for than follows from what it sent.

    Only hours that came whole are compared; a step of the factor's last decimal is rounding.
    """
    found = np.zeros(len(it), bool)
    _, here, there = np.intersect1d(it.start_ms, told.at_ms // HOUR_MS * HOUR_MS, return_indices=True)
    ours, theirs = it.value[here], told.value[there]
    with np.errstate(invalid="ignore"):
        off = np.abs(ours - theirs) > _room(ours, code, rules)
    found[here] = off & (it.received[here] == it.due[here]) & (it.verdict[here] == Verdict.VALID)
    return found


def suspects(it: Hours, flow: Hours | None, code: str, rules: Rules) -> NDArray[np.uint8]:
    """(n,) `Suspect` of every hour that has a value; 0 where nothing is odd."""
    n = len(it)
    out = np.zeros(n, np.uint8)
    if not n:
        return out
    valid = it.verdict == Verdict.VALID
    value = np.where(valid, it.value, np.nan)
    before = np.append(np.nan, value[:-1])
    with np.errstate(invalid="ignore"):
        jump = (before > 0) & (np.abs(value - before) > rules.jump.value * before)
        step = 10.0 ** -max(factor(code).decimals, 0)
        same = np.append(False, np.abs(np.diff(value)) < step / 2)
        zero = value < step / 2
    out[jump] |= np.uint8(Suspect.JUMP)
    out[_runs(same, valid, int(rules.constant.value) - 1)] |= np.uint8(Suspect.CONSTANT)
    if flow is not None and code != FLOW:
        running = (flow.verdict == Verdict.VALID) & (flow.value > rules.zero_flow.value)
        at_zero = zero & running
        long = _lengths(at_zero) >= int(rules.zero.value)
        out[long] |= np.uint8(Suspect.ZERO)
    return out


def judged(
    it: Hours, flow: Hours | None, code: str, rules: Rules, told: Curve = EMPTY, checks: Sequence[Check] = ()
) -> Hours:
    """Return hour values with everything that speaks against them.

    Parameters
    ----------
    told : Curve
        The logger's own hour values (2061).
    checks : sequence of Check
        Of this point's analyser.
    """
    verdict = it.verdict.copy()
    verdict[differing(it, told, code, rules)] = Verdict.DIFFERS
    verdict[unproven(it.start_ms, checks) & np.isin(verdict, (Verdict.VALID, Verdict.DIFFERS))] = (
        Verdict.UNPROVEN
    )
    value = np.where(verdict == Verdict.VALID, it.value, np.nan)
    found = replace(it, value=value, verdict=verdict)
    return replace(found, suspect=suspects(found, flow, code, rules))


def compared(
    found: Sequence[Day], plain: Sequence[float | None], told: Curve, code: str, rules: Rules
) -> list[Day]:
    """Return day values; one that the logger itself gives otherwise (2031) is not valid.

    Parameters
    ----------
    plain : sequence of float or None
        The same days' arithmetic means: a logger may weight by flow or not, and only who differs from both
        differs.
    """
    theirs = dict(zip(told.at_ms.tolist(), told.value.tolist(), strict=True))
    out = []
    for day, mean in zip(found, plain, strict=True):
        value = theirs.get(day.start_ms)
        ours = [x for x in (day.value, mean) if x is not None]
        off = value is not None and all(abs(x - value) > float(_room(np.array(x), code, rules)) for x in ours)
        wrong = day.verdict is Verdict.VALID and off
        out.append(replace(day, value=None, verdict=Verdict.DIFFERS) if wrong else day)
    return out


def _room(value: NDArray[np.float64], code: str, rules: Rules) -> NDArray[np.float64]:
    rounding = 1.001 * 10.0 ** -max(factor(code).decimals, 0)  # the step itself, whatever binary makes of it
    room: NDArray[np.float64] = np.maximum(np.abs(value) * rules.differs.value, rounding)
    return room


def _runs(same: NDArray[np.bool_], valid: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """(n,) tell which hours belong to a run of at least so many equal steps, the first hour included."""
    long = _lengths(same & valid) >= steps
    found: NDArray[np.bool_] = long | np.append(long[1:] & same[1:], False)
    return found


def _lengths(on: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(n,) how long the run is that each belongs to; 0 outside any."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], on, [False])).astype(np.int8)))
    out = np.zeros(len(on), np.int64)
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        out[begin:end] = end - begin
    return out
