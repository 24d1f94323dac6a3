"""The contract that every detector keeps, run against all of them, and what each is for."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.detect.contract import Method, Wave, waves
from twin.detect.deviation import LEAST, Deviation
from twin.detect.frozen import LEAST_RUN, Frozen
from twin.detect.limit import Limit
from twin.detect.offline import Offline
from twin.detect.outrange import OutRange

N = 6


def _limit() -> Limit:
    low = np.array([np.nan, 6.0, 5.0, np.nan, np.nan, np.nan])
    high = np.array([30.0, 9.0, np.nan, np.nan, 1.5, 0.3])
    return Limit(low, high, np.array([1, 2, 2, 1, 2, 3]))


METHODS: dict[str, Callable[[], Method]] = {
    "limit": _limit,
    "deviation": lambda: Deviation(np.array([1, 2, -1, 0, 1, 1], np.int8), np.full(N, 0.01)),
    "frozen": lambda: Frozen(np.zeros(N, bool)),
    "outrange": lambda: OutRange(["w01018", "w01001", "w01009", "w00000", "w21003", "w21011"]),
}


def wave(values: list[float], at_ms: int = 0, flag: str = "N") -> Wave:
    k = len(values)
    return Wave(np.arange(k), np.full(k, at_ms), np.array(values), np.full(k, ord(flag), np.uint8))


@pytest.mark.parametrize("name", METHODS)
def test_scoring_changes_nothing_and_is_repeatable(name: str) -> None:
    method, rng = METHODS[name](), np.random.default_rng(3)
    for k in range(40):
        method.learn(wave(list(10 + rng.random(N)), k * 60_000), np.ones(N, bool))
    one = wave([12.0, 7.0, 8.0, 1.0, 40.0, 0.2], 3_000_000)
    before, given_value = pickle.dumps(method), one.value.copy()
    first, second = method.score(one), method.score(one)
    assert pickle.dumps(method) == before
    assert np.array_equal(first, second, equal_nan=True)
    assert np.array_equal(one.value, given_value)
    copy = pickle.loads(before)
    assert np.array_equal(copy.score(one), first, equal_nan=True)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), max_size=60))
def test_waves_hold_each_point_once_and_keep_its_order(readings: list[tuple[int, int]]) -> None:
    point = np.array([p for p, _ in readings], np.intp)
    at = np.array([a for _, a in readings], np.int64)
    got = list(waves(point, at, np.arange(len(point), dtype=float), np.zeros(len(point), np.uint8)))
    assert sum(len(w) for w in got) == len(point)
    for w in got:
        assert len(set(w.point.tolist())) == len(w)
    for p in set(point.tolist()):
        times = [int(w.at_ms[w.point == p][0]) for w in got if p in w.point]
        assert times == sorted(times)
        assert len(times) == np.count_nonzero(point == p)


def test_limit_share_and_rounding() -> None:
    score = _limit().score(wave([45.0, 9.5, 4.0, 1e9, 1.504, 0.3005]))
    assert score[0] == pytest.approx(1.5)
    assert score[1] == pytest.approx(4 / 3)  # pH 9.5: two thirds beyond the half width of 6 to 9
    assert score[2] == pytest.approx(1.2)  # oxygen at 4 of 5 mg/L
    assert np.isnan(score[3])  # no limit, nothing to say
    assert score[4] < 1  # 1.504 rounds to 1.50, which complies
    assert score[5] < 1  # half to even: 0.3005 is 0.300
    assert _limit().score(wave([0, 0, 0, 0, 1.506, 0.301]))[4:].min() > 1


def test_deviation_follows_the_day_and_sees_a_step() -> None:
    method, rng = METHODS["deviation"](), np.random.default_rng(5)
    scores = []
    for k in range(900):
        level = 20 * (1 + 0.3 * np.sin(2 * np.pi * k / 1440))
        w = wave([level * (1 + 0.03 * rng.standard_normal())] * N, k * 60_000)
        scores.append(method.score(w))
        method.learn(w, np.ones(N, bool))
    usual = np.array(scores)
    assert np.isnan(usual[: LEAST - 1]).all()
    assert np.isnan(usual[:, 3]).all()  # side 0: never
    assert np.nanmax(usual[100:, 0]) < 4.5
    assert method.score(wave([level * 1.35] * N))[0] > 6
    assert method.score(wave([level * 0.5] * N))[0] < -6  # cleaner water is not odd ...
    assert method.score(wave([level * 0.5] * N))[2] > 6  # ... but less oxygen is


def test_frozen_knows_each_points_own_habit() -> None:
    method, rng = Frozen(np.array([False, False, True])), np.random.default_rng(6)
    coarse = 0.12
    for k in range(400):
        coarse = coarse if rng.random() < 0.9 else float(np.round(0.12 + 0.01 * rng.integers(-1, 2), 2))
        w = wave([float(np.round(16 + rng.standard_normal(), 1)), coarse, 0.0], k)
        assert method.score(w).max() < 1
        method.learn(w, np.ones(3, bool))
    held = wave([16.3, coarse, 20.0])
    first = {}
    for k in range(1, 400):
        for i in np.flatnonzero(method.score(held) >= 1):
            first.setdefault(int(i), k)
        method.learn(held, np.ones(3, bool))
    assert LEAST_RUN <= first[0] <= LEAST_RUN + 2
    assert first[1] > 60  # a value that often repeats needs a long run
    assert 2 not in first  # flow may stand still


def test_out_of_range_and_marked_over_range() -> None:
    method = METHODS["outrange"]()
    assert list(method.score(wave([20.0, 14.5, 8.0, 5.0, -3.0, 0.1]))) == [0, 2, 0, 0, 2, 0]
    assert method.score(wave([20.0] * N, flag="T")).min() == 2


def test_silence_is_judged_against_the_rest_of_the_park() -> None:
    method = Offline(np.full(8, 60_000))
    last = np.full(8, 10_000_000)
    assert not method.step(last, 20_000_000).any()  # all silent: our line, not theirs
    assert not method.on.any()
    last[1:] = 10_600_001
    assert list(np.flatnonzero(method.step(last, 10_600_001))) == [0]
    last[0] = 10_640_000
    assert list(np.flatnonzero(method.step(last, 10_640_000))) == [0]
    assert not method.on.any()
