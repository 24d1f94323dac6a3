"""Indicators: kilograms by hand, gaps not filled, missing counted as missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.curves import EMPTY, Curve
from twin.indicators import Load, hourly, load, together, transfer

MINUTE = 60_000


def curve(values: list[float], step_s: float = 60.0, flag: str = "N", start: int = 0) -> Curve:
    at = start + np.arange(len(values), dtype=np.int64) * int(step_s * 1000)
    return Curve(at, np.array(values, float), np.full(len(values), ord(flag), np.uint8))


def test_an_hour_at_a_hundred_milligrams_and_ten_litres_a_second() -> None:
    done = load(curve([100.0] * 60), curve([10.0] * 60), 60.0)
    assert done.hours == pytest.approx(1.0)
    assert done.kg == pytest.approx(100 * 10 * 3600 / 1e6)
    assert done.share_of(3.6 * 8760 / 1000) == pytest.approx(1.0)


def test_gaps_are_left_out_and_bad_marks_too() -> None:
    flow = curve([10.0] * 60)
    with_gap = Curve(np.delete(flow.at_ms, slice(20, 40)), np.full(40, 10.0), np.full(40, ord("N"), np.uint8))
    assert load(curve([100.0] * 60), with_gap, 60.0).hours == pytest.approx(40 / 60)
    marked = curve([100.0] * 60, flag="M")
    assert load(marked, flow, 60.0) == Load(0.0, 0.0)
    assert load(EMPTY, flow, 60.0).share_of(10.0) is None
    assert Load(1.0, 1.0).share_of(0.0) is None


def test_negative_readings_take_nothing_away() -> None:
    assert load(curve([-5.0, 100.0]), curve([10.0, 10.0]), 60.0).kg == pytest.approx(0.06)


def test_transfer_counts_each_interval_of_each_factor_once() -> None:
    twice = Curve(np.array([0, 10, MINUTE, 2 * MINUTE], np.int64), np.ones(4), np.full(4, ord("N"), np.uint8))
    got = transfer([twice, EMPTY], 60.0, 0, 10 * MINUTE)
    assert (got.due, got.received, got.valid) == (20, 3, 3)
    assert got.rate == pytest.approx(0.15)
    bad = transfer([curve([1.0] * 10, flag="D")], 60.0, 0, 10 * MINUTE)
    assert (bad.rate, bad.effective) == (1.0, 0.0)
    assert transfer([EMPTY], 60.0, 0, 1000).rate is None
    assert together([got, bad]).due == 30


@given(st.sets(st.integers(0, 59), max_size=60))
def test_transfer_is_a_share(minutes: set[int]) -> None:
    at = np.array(sorted(minutes), np.int64) * MINUTE
    got = transfer([Curve(at, np.ones(len(at)), np.zeros(len(at), np.uint8))], 60.0, 0, 60 * MINUTE)
    assert got.received == len(minutes)
    assert 0 <= (got.rate or 0) <= 1


def test_hourly_share_shows_when_it_was_missing() -> None:
    full = curve([1.0] * 120)
    half = Curve(full.at_ms[:60], full.value[:60], full.flag[:60])
    assert hourly([(full, 60.0)], 0, 120 * MINUTE, 4).tolist() == pytest.approx([1, 1, 1, 1])
    assert hourly([(half, 60.0)], 0, 120 * MINUTE, 4).tolist() == pytest.approx([1, 1, 0, 0])
    odd = hourly([(full, 60.0)], 0, 119 * MINUTE + 1, 7)
    assert odd.tolist() == pytest.approx([1] * 7)
    assert np.isnan(hourly([], 0, 120 * MINUTE, 2)).all()
