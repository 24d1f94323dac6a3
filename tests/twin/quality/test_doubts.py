"""Checks that failed, words that differ and odd runs: what each takes away, and what it leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.twin.quality.test_days import COD, MIDNIGHT, RULES, hourly
from twin.curves import Curve, Versions
from twin.quality import point
from twin.quality.days import days
from twin.quality.doubts import Suspect, checks_of, compared, judged, unproven
from twin.quality.hours import FLOW, HOUR_MS, Verdict
from twin.quality.rules import Check

DAY_MS = 24 * HOUR_MS


def curve(pairs: dict[int, float]) -> Curve:
    at = np.array(sorted(pairs), np.int64)
    return Curve(at, np.array([pairs[int(t)] for t in at]), np.full(len(at), ord("N"), np.uint8))


def hour(i: int) -> int:
    return MIDNIGHT + i * HOUR_MS


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        ([], []),
        ([Check(hour(1), True), Check(hour(4), True)], []),
        ([Check(hour(1), True), Check(hour(4), False), Check(hour(6), True)], [1, 2, 3, 4, 5]),
        ([Check(hour(6), True), Check(hour(4), False), Check(hour(1), True)], [1, 2, 3, 4, 5]),
        ([Check(hour(2), False)], [0, 1, 2, 3, 4, 5, 6, 7]),
        ([Check(hour(2), False), Check(hour(3), False), Check(hour(4), True)], [0, 1, 2, 3]),
        ([Check(hour(3) + 60_000, True), Check(hour(5), False)], [3, 4, 5, 6, 7]),
    ],
)
def test_a_failed_check_takes_everything_between_two_passed_ones(
    checks: list[Check], expected: list[int]
) -> None:
    it = hourly([10.0 * (i + 1) for i in range(8)])
    assert np.flatnonzero(unproven(it.start_ms, checks)).tolist() == expected
    found = judged(it, None, COD, RULES, checks=checks)
    assert np.flatnonzero(found.verdict == Verdict.UNPROVEN).tolist() == expected
    assert np.flatnonzero(np.isnan(found.value)).tolist() == expected


def test_a_standard_sample_is_passed_within_the_ruled_share() -> None:
    measured, standard = (
        curve({1: 91.0, 2: 89.0, 3: 110.0, 4: 50.0}),
        curve({1: 100.0, 2: 100.0, 3: 100.0, 5: 50.0}),
    )
    assert checks_of(measured, standard, RULES) == [Check(1, True), Check(2, False), Check(3, True)]


def test_an_hour_of_which_the_logger_says_something_else_is_not_valid() -> None:
    it = hourly([100.0, 100.0, 100.0, None, 3.0])
    told = curve(
        {hour(0): 100.9, hour(1): 101.1, hour(3): 80.0, hour(4): 3.1}
    )  # of 3.1 the last digit is rounding
    found = judged(it, None, COD, RULES, told)
    assert found.verdict.tolist() == [
        Verdict.VALID,
        Verdict.DIFFERS,
        Verdict.VALID,
        Verdict.MISSING,
        Verdict.VALID,
    ]


def test_an_hour_that_did_not_come_whole_is_not_compared() -> None:
    it = hourly([100.0])
    it = replace(it, due=it.due * 60, received=it.received * 50)
    assert judged(it, None, COD, RULES, curve({hour(0): 50.0})).verdict.tolist() == [Verdict.VALID]


def test_a_day_differs_only_from_who_agrees_with_neither_mean() -> None:
    conc, flow = hourly([100.0] * 12 + [200.0] * 12), hourly([10.0] * 12 + [30.0] * 12)
    found, plain = days(conc, flow, COD, RULES), [d.value for d in days(conc, None, COD, RULES)]
    for told, verdict in ((175.0, Verdict.VALID), (150.0, Verdict.VALID), (160.0, Verdict.DIFFERS)):
        (day,) = compared(found, plain, curve({MIDNIGHT: told}), COD, RULES)
        assert (day.verdict, day.value is None) == (verdict, verdict is Verdict.DIFFERS)


def test_odd_runs_are_marked_and_still_count() -> None:
    it = hourly([50.0, 90.0, 90.0, 90.0, 90.0, 80.0, 80.0, 80.0, None, 80.0])
    found = judged(it, None, COD, RULES)
    assert found.suspect.tolist() == [0, 3, 2, 2, 2, 0, 0, 0, 0, 0]
    assert not np.isnan(found.value[:8]).any()


def test_zero_is_odd_only_while_water_runs() -> None:
    conc = hourly([0.0, 0.0, 0.0, 5.0, 0.0])
    still, running = hourly([0.0] * 5), hourly([10.0, 10.0, 0.0, 10.0, 10.0])
    assert not (judged(conc, still, COD, RULES).suspect & Suspect.ZERO).any()
    assert np.flatnonzero(judged(conc, running, COD, RULES).suspect & Suspect.ZERO).tolist() == [0, 1]


class Past:
    """A day of minute means, the logger's own hours and day, and a check that failed at noon."""

    def series(
        self, mn: str, factor: str, from_ms: int, to_ms: int, cn: str = "2011", stat: str | None = None
    ) -> Curve:
        if cn == "2051":
            return curve(
                {MIDNIGHT + i * 600_000: 10.0 if factor == FLOW else 100.0 + i % 3 for i in range(144)}
            )
        if factor == COD and cn == "2061":
            return curve({hour(i): 150.0 if i == 3 else 101.0 for i in range(24)})
        if factor == COD and cn == "2062":
            return curve(
                {hour(-5): 100.0, hour(20): 100.0}
                if stat == "StandardValue"
                else {hour(-5): 99.0, hour(20): 70.0}
            )
        return curve({})

    def versions(self, *_: object, **__: object) -> Versions:
        raise AssertionError


def test_a_point_is_judged_by_all_of_it() -> None:
    written = replace(RULES, checks={("S01", COD): (Check(hour(19), True),)})
    for rules, unproven_from in ((RULES, 0), (written, 19)):
        span = {"from_ms": MIDNIGHT, "to_ms": MIDNIGHT + DAY_MS}
        found = point.read(Past(), "m", COD, metered=True, interval_s=600, rules=rules, station="S01", **span)
        said = found.hours.verdict.tolist()
        assert said[unproven_from:] == [Verdict.UNPROVEN] * (24 - unproven_from)
        assert said[:unproven_from] == [
            Verdict.DIFFERS if i == 3 else Verdict.VALID for i in range(unproven_from)
        ]
