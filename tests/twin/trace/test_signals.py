"""Events in series: onset, silence, frozen sensors, slow loggers."""

from __future__ import annotations

import numpy as np
import pytest

from twin.trace import signals

N, STEP = 240, 60.0
T = np.arange(N) * STEP


def series(seed: int = 0, base: float = 20.0) -> np.ndarray:
    return base * (1 + 0.05 * np.random.default_rng(seed).normal(size=N))


def with_plume(start: int, stop: int, height: float, seed: int = 0) -> np.ndarray:
    y = series(seed)
    y[start:stop] += height
    return y


def test_a_quiet_sensor_has_no_event_and_a_plume_is_one_event_with_its_onset() -> None:
    found = signals.read(T, np.stack([series(1), with_plume(150, 190, 40.0)]), T[140])
    assert found.events.sensor.tolist() == [1]
    assert abs(found.events.onset_s[0] - T[150]) <= 2 * STEP
    assert abs(found.events.end_s[0] - T[189]) <= 2 * STEP
    assert found.events.peak[0] == pytest.approx(40, rel=0.15)
    assert found.events.mass[0] == pytest.approx(40 * 40 * STEP, rel=0.1)
    assert not found.events.open[0]


def test_a_plume_that_still_stands_is_open() -> None:
    found = signals.read(T, with_plume(200, N, 40.0)[None], T[190])
    assert found.events.open.tolist() == [True]


def test_a_frozen_sensor_is_missing_and_not_clean() -> None:
    frozen = series(2)
    frozen[140:] = frozen[140]
    silent = series(3)
    silent[140:] = np.nan
    found = signals.read(T, np.stack([series(1), frozen, silent]), T[140])
    share = found.alive_share(np.full((1, 3), T[150]), np.full((1, 3), T[230]))
    assert share[0].tolist() == [1.0, 0.0, 0.0]
    assert len(found.events) == 0


def test_a_slow_logger_is_heard_between_its_readings() -> None:
    slow = with_plume(150, 190, 40.0)
    slow[1::2] = np.nan
    found = signals.read(T, slow[None], T[140], hold=3)
    assert found.alive.mean() == 1.0
    assert abs(found.events.onset_s[0] - T[150]) <= 3 * STEP
    assert found.events.mass[0] == pytest.approx(40 * 40 * STEP, rel=0.15)


def test_one_wild_sample_is_no_event() -> None:
    wild = series(4)
    wild[170] *= 8
    assert len(signals.read(T, wild[None], T[140]).events) == 0


def test_two_plumes_are_two_events() -> None:
    y = with_plume(150, 165, 40.0)
    y[200:215] += 25
    found = signals.read(T, y[None], T[140])
    assert len(found.events) == 2
    assert found.events.z[0] > found.events.z[1]


def test_an_earlier_short_rise_does_not_lift_the_baseline() -> None:
    y = with_plume(20, 50, 60.0)
    assert signals.read(T, y[None], T[140]).base[0] == pytest.approx(20, rel=0.05)


def test_a_sensor_that_said_too_little_has_no_baseline() -> None:
    y = series(5)
    y[:138] = np.nan
    found = signals.read(T, y[None], T[140])
    assert np.isnan(found.base[0])
    assert len(found.events) == 0
