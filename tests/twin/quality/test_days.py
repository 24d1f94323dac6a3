"""Day means against plain sums; a load is what was measured, and what was put in its place stands apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.history.columns import DAY_MS
from twin.quality import rules
from twin.quality.days import KG, Day, days, month_mean, replaced, total
from twin.quality.hours import FLOW, HOUR_MS, PH, Hours, Verdict

RULES = rules.load()
COD = "w01018"
MIDNIGHT = 1_795_276_800_000  # 2026-11-22 00:00 in China


def hourly(values: list[float | Verdict | None], start: int = MIDNIGHT) -> Hours:
    """Hours with a value, or the reason why there is none (None: missing)."""
    said = [Verdict.VALID if isinstance(v, float) else v for v in values]
    verdict = [Verdict.MISSING if v is None else v for v in said]
    plain = [v if isinstance(v, float) else np.nan for v in values]
    n = len(values)
    ones = np.ones(n, np.int64)
    column = np.array(plain)
    return Hours(
        start + HOUR_MS * np.arange(n, dtype=np.int64),
        column,
        column,
        column,
        ones,
        ones,
        ones,
        np.array(verdict, np.uint8),
        np.zeros(n, np.uint8),
    )


def test_a_day_is_weighted_by_flow() -> None:
    conc, flow = hourly([100.0] * 12 + [200.0] * 12), hourly([10.0] * 12 + [30.0] * 12)
    (day,) = days(conc, flow, COD, RULES)
    assert day.value == pytest.approx(175.0)
    assert day.kg == pytest.approx((100 * 10 + 200 * 30) * 12 * 3600 / 1e6)
    assert day.m3 == pytest.approx(40 * 12 * 3.6)
    assert (day.due, day.valid, day.weighted, day.share) == (24, 24, True, 1.0)


def test_hours_without_discharge_are_not_due() -> None:
    conc = hourly([Verdict.NO_FLOW] * 20 + [50.0] * 3 + [None])
    flow = hourly([0.0] * 20 + [5.0] * 4)
    (day,) = days(conc, flow, COD, RULES)
    assert (day.due, day.valid, day.verdict) == (4, 3, Verdict.VALID)
    dry = days(hourly([Verdict.NO_FLOW] * 24), hourly([0.0] * 24), COD, RULES)[0]
    assert (dry.value, dry.verdict, dry.share) == (None, Verdict.NO_FLOW, None)


def test_too_little_is_no_value_and_says_so() -> None:
    flow = hourly([5.0] * 24)
    (day,) = days(hourly([9.0] * 17 + [None] * 7), flow, COD, RULES)
    assert (day.value, day.verdict) == (None, Verdict.TOO_FEW)
    assert day.kg == pytest.approx(9 * 5 * 17 * KG)  # what was measured was measured
    assert days(hourly([None] * 24), flow, COD, RULES)[0].verdict is Verdict.MISSING
    assert days(hourly([]), None, COD, RULES) == []


def test_without_a_flow_meter_the_mean_is_plain_and_there_is_no_load() -> None:
    (day,) = days(hourly([10.0, 20.0] * 12), None, COD, RULES)
    assert (day.value, day.weighted, day.kg) == (15.0, False, 0.0)
    assert total([day]).days == 0
    (ph,) = days(hourly([6.0, 8.0] * 12), hourly([5.0] * 24), PH, RULES)
    assert ph.value == pytest.approx(-np.log10((1e-6 + 1e-8) / 2))
    (flow,) = days(hourly([5.0] * 24), hourly([5.0] * 24), FLOW, RULES)
    assert (flow.value, flow.weighted) == (5.0, False)


def test_days_are_the_parks() -> None:
    found = days(hourly([1.0] * 48, MIDNIGHT - 6 * HOUR_MS), None, COD, RULES)
    assert [(d.start_ms - MIDNIGHT) // DAY_MS for d in found] == [-1, 0, 1]
    assert [d.due for d in found] == [24, 24, 18]
    assert [d.verdict for d in found] == [Verdict.TOO_FEW, Verdict.VALID, Verdict.NOT_OVER]
    assert replaced(found)[2].replaced_kg is None


def test_missing_days_are_replaced_in_loads_and_stand_apart() -> None:
    good, less, none = (
        Day(0, v, True, 24, n, verdict, kg)
        for v, n, verdict, kg in (
            (10.0, 24, Verdict.VALID, 8.0),
            (20.0, 20, Verdict.VALID, 4.0),
            (None, 3, Verdict.TOO_FEW, 1.0),
        )
    )
    dry = Day(0, None, True, 0, 0, Verdict.NO_FLOW)
    found = replaced([good, less, none, dry])
    assert [d.replaced_kg for d in found] == [None, None, 6.0, None]
    assert [d.value for d in found] == [10.0, 20.0, None, None]
    done = total(found)
    assert (done.kg, done.replaced_kg, done.replaced_days) == (12.0, 6.0, 1)
    assert done.share == pytest.approx(47 / 72)
    assert replaced([none]) == [none]
    assert total([]).share is None


def test_a_month_needs_its_days() -> None:
    day = Day(0, 10.0, True, 24, 24, Verdict.VALID)
    bad = Day(0, None, True, 24, 3, Verdict.TOO_FEW)
    dry = Day(0, None, True, 0, 0, Verdict.NO_FLOW)
    assert month_mean([day] * 3 + [bad] + [dry] * 9, RULES) == 10.0
    assert month_mean([day] * 2 + [bad], RULES) is None
    assert month_mean([dry], RULES) is None


hour = st.one_of(
    st.floats(0, 900), st.none(), st.sampled_from([Verdict.MARKED, Verdict.NO_FLOW, Verdict.TOO_FEW])
)
water = st.one_of(st.floats(0, 50), st.none())


@given(st.lists(st.tuples(hour, water), min_size=24, max_size=24))
def test_a_day_is_what_the_sums_say(rows: list[tuple[float | Verdict | None, float | None]]) -> None:
    (got,) = days(hourly([c for c, _ in rows]), hourly([q for _, q in rows]), COD, RULES)
    due = [(c, q) for c, q in rows if c is not Verdict.NO_FLOW]
    both = [(c, q) for c, q in due if isinstance(c, float) and isinstance(q, float)]
    mass, volume = sum(c * q for c, q in both), sum(q for _, q in both)
    assert (got.due, got.valid) == (len(due), len(both))
    assert got.kg == pytest.approx(mass * 3600 / 1e6)
    assert got.m3 == pytest.approx(volume * 3.6)
    if due and both and len(both) >= 0.75 * len(due) and volume > 0:
        assert got.value == pytest.approx(mass / volume)
        assert min(c for c, _ in both) - 1e-6 <= (got.value or 0) <= max(c for c, _ in both) + 1e-6
    else:
        assert got.value is None
        assert got.verdict is not Verdict.VALID
