"""All detectors together: persistence, hysteresis, and never learning the accident."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.twin.detect.series import MINUTE, World, small_world
from tests.twin.parks import tiny_park
from twin.detect.decide import Cusum, Persistence
from twin.detect.table import Place
from twin.model import Kind


@pytest.fixture
def world() -> World:
    return small_world(90)


def test_persistence_needs_two_and_clears_after_three() -> None:
    p, d = np.array([0]), Persistence(1, clear_at=0.95)
    seen = []
    for k, score in enumerate([1.1, 0.9, 1.2, 1.3, 0.97, 0.97, 0.97, 0.9, 0.9, np.nan, 0.9]):
        d.step(p, np.array([score]), np.array([k * 1000]))
        seen.append(bool(d.on[0]))
    assert seen == [False, False, False, True, True, True, True, True, True, True, False]
    assert d.first_ms[0] == 2000


def test_cusum_ignores_one_wild_value_but_not_two() -> None:
    p, d = np.array([0]), Cusum(1)
    for k, z in enumerate([50.0, 0.0, 0.0, 0.0]):
        d.step(p, np.array([z]), np.array([k * 1000]))
        assert not d.on[0]
    for k, z in enumerate([6.0, 6.0]):
        d.step(p, np.array([z]), np.array([10_000 + k * 1000]))
    assert d.on[0]
    assert d.first_ms[0] == 10_000


def test_a_rise_below_the_limit_is_seen_within_three_readings(world: World) -> None:
    i = world.at("S02", "w01014")  # conductivity has no limit
    began = world.now_ms
    while not world.bank.away[i] and world.now_ms - began < 10 * MINUTE:
        world.minute({i: 400.0})
    assert world.bank.away[i]
    assert world.now_ms - began <= 3 * MINUTE
    assert world.bank.onset_ms(np.array([i]))[0] - began <= 2 * MINUTE


def test_the_accident_is_never_learnt_as_normal(world: World) -> None:
    i = world.at("S02", "w01014")
    before = world.bank.deviation.median[i]
    world.run(300, {i: 500.0})
    assert world.bank.deviation.median[i] == pytest.approx(before, rel=0.05)
    assert world.bank.strong.on[i]
    world.run(8)
    assert not world.bank.strong.on[i]


def test_a_factor_that_rises_slowly_beside_one_that_is_away_is_not_learnt(world: World) -> None:
    first, second = world.at("S02", "w01014"), world.at("S02", "w01018")
    before = world.bank.deviation.median[second]
    for k in range(150):
        world.minute({first: 400.0, second: 0.04 * k})
    assert world.bank.strong.on[first]
    assert world.bank.deviation.median[second] == pytest.approx(before, rel=0.05)
    assert world.bank.hinting[second]


def test_a_slug_that_rises_slowly_is_not_followed_by_the_baseline() -> None:
    seen = 0
    for seed in range(4):
        world = World(tiny_park(), seed=seed, noise=0.04)
        world.run(180)
        i = world.at("S02", "w21003")  # usually 0.6; doubled within two hours, gently at first
        for k in range(150):
            world.minute({i: 0.3 * (1 - np.cos(np.pi * min(k / 120, 1.0)))})
            if world.bank.away[i]:
                seen += 1
                break
    assert seen >= 3


def test_a_wide_daily_swing_is_followed(world: World) -> None:
    i = world.at("S02", "w21003")
    away = 0
    for k in range(900):
        world.minute({i: 0.6 * 0.15 * np.sin(2 * np.pi * k / 1440)})
        away += bool(world.bank.away[i])
    assert away == 0


def test_at_an_outlet_one_factor_of_a_batch_does_not_keep_the_others_from_learning() -> None:
    world = World(tiny_park())
    at_outlet = np.flatnonzero(world.table.place[world.table.station] == Place.OUTLET)
    station = world.table.station[at_outlet[0]]
    first, second, *_ = (int(i) for i in at_outlet if world.table.station[i] == station)
    world.bank.strong.on[first] = True
    assert not world.bank._beside(np.array([second])).any()


def test_a_lasting_shift_that_nothing_speaks_against_becomes_normal_in_the_end(world: World) -> None:
    i = world.at("S02", "w01014")
    world.run(420, {i: 300.0})
    assert not world.bank.strong.on[i]
    assert world.bank.deviation.median[i] == pytest.approx(1150, rel=0.05)


def test_old_repeated_and_future_readings_change_nothing(world: World) -> None:
    i = world.at("S01", "w01018")
    value, late = world.bank.value[i], world.bank.late
    for at_ms in (world.now_ms - 30 * MINUTE, world.now_ms - 10 * MINUTE, world.now_ms + 60 * MINUTE):
        world.send(np.array([i]), np.array([500.0]), at_ms)
    assert world.bank.value[i] == value
    assert world.bank.late == late + 3
    assert not world.bank.odd[i]


def test_a_frozen_value_at_a_high_level_is_an_instrument_and_not_pollution(world: World) -> None:
    i = world.at("S02", "w21003")
    for _ in range(60):
        world.minute(frozen={i: 0.61})
    kinds = {c.anomaly.kind for _, c in world.changes if c.anomaly.point == world.table.points[i]}
    assert kinds == {Kind.FROZEN}
    assert world.opened() == []


def test_a_calibration_is_no_measurement(world: World) -> None:
    i = world.at("S02", "w01018")
    value, median = world.bank.value[i], world.bank.deviation.median[i]
    for _ in range(8):
        world.now_ms += MINUTE
        mark = np.full(1, ord("C"), np.uint8)
        world.bank.step(np.array([i]), np.array([world.now_ms]), np.array([1000.0]), mark, world.now_ms)
    assert not world.bank.odd[i]
    assert world.bank.value[i] == value
    assert world.bank.deviation.median[i] == median
    assert world.bank.at_ms[i] == world.now_ms  # the station is not silent


def test_many_readings_of_a_point_in_one_step_are_all_used(world: World) -> None:
    i = world.at("S02", "w01014")
    at = world.now_ms + MINUTE * np.arange(1, 5)
    order = np.array([2, 0, 3, 1])
    world.now_ms = int(at[-1])
    world.bank.step(np.full(4, i), at[order], np.full(4, 1300.0), np.zeros(4, np.uint8), world.now_ms)
    assert world.bank.strong.on[i]
    assert world.bank.strong.first_ms[i] == at[0]


def test_the_bank_keeps_up_with_a_fast_drill() -> None:
    """80 stations of 5 factors at 120 times speed are 800 readings a second; a core does far more."""
    w = small_world(30)
    point = np.arange(len(w.table.points))
    flag = np.full(len(point), ord("N"), np.uint8)
    begun, readings = time.process_time(), 0
    while readings < 20_000:
        w.now_ms += MINUTE
        w.bank.step(point, np.full(len(point), w.now_ms), w.water(), flag, w.now_ms)
        readings += len(point)
    assert (time.process_time() - begun) / readings < 150e-6


def test_means_of_the_hours_before_make_a_baseline_for_the_first_minutes() -> None:
    w = World(tiny_park(), missing=0.0)
    point = np.arange(len(w.table.points))
    for k in range(24):
        at = w.now_ms - (24 - k) * 600_000
        flag = np.full(len(point), ord("N"), np.uint8)
        w.bank.prime(point, np.full(len(point), at), w.water(), flag, w.now_ms)
    w.run(4)
    assert not w.bank.odd.any()
    i = w.at("S01", "w01014")
    w.run(3, {i: 2000.0, w.at("S01", "w21017"): 5.0})
    assert w.bank.away[i]
    median = w.bank.deviation.median[i]
    flag = np.full(1, ord("N"), np.uint8)
    w.bank.prime(np.array([i]), np.array([w.now_ms]), np.array([9000.0]), flag, w.now_ms)
    assert w.bank.deviation.median[i] == median  # means of a time that has readings teach nothing


def test_after_a_jump_of_park_time_everything_begins_again(world: World) -> None:
    i = world.at("S02", "w01014")
    world.run(5, {i: 600.0})
    assert list(world.bank.restart()) == [i]
    assert not world.bank.odd.any()
    assert not world.bank.deviation.ready(np.arange(len(world.table.points))).any()
