"""Readings on a grid."""

from __future__ import annotations

import numpy as np

from tests.twin.parks import tiny_park
from twin.curves import Window
from twin.trace.observations import Observations


def test_readings_in_any_order_land_on_their_minute_and_the_last_of_two_wins() -> None:
    at = np.array([180_000, 60_000, 65_000, 120_000], np.int64)
    value = np.array([4.0, 1.0, 2.0, 3.0])
    none = np.zeros(4, np.int64)
    obs = Observations.of(["S01"], ["w01018"], none, none, at, value)
    assert obs.t_s.tolist() == [60.0, 120.0, 180.0]
    assert obs.value[0, 0].tolist() == [2.0, 3.0, 4.0]
    assert obs.readings == 4


def test_flagged_and_unknown_values_are_missing() -> None:
    at = np.array([60_000, 120_000, 180_000, 240_000], np.int64)
    value = np.array([1.0, 2.0, np.nan, 4.0])
    flag = np.array([ord("N"), ord("D"), ord("N"), 0], np.uint8)
    none = np.zeros(4, np.int64)
    obs = Observations.of(["S01"], ["w01018"], none, none, at, value, flag)
    assert obs.readings == 2
    assert np.isnan(obs.value[0, 0]).tolist() == [False, True, True, False]


def test_a_window_of_history_is_read_and_strange_loggers_are_left_out() -> None:
    park = tiny_park()
    points = ((park.station("S02").mn, "w01018"), ("nobody", "w01018"), (park.station("S02").mn, "w99999"))
    at = np.array([60_000, 120_000, 60_000, 60_000], np.int64)
    window = Window(points, np.array([0, 2, 3, 4]), at, np.array([5.0, 6.0, 7.0, 8.0]), np.zeros(4, np.uint8))
    obs = Observations.from_window(window, park)
    k, f = obs.stations.index("S02"), obs.factors.index("w01018")
    assert obs.value[f, k].tolist() == [5.0, 6.0]
    assert obs.readings == 2
    assert "w01001" not in obs.carried
    assert "w01014" in obs.carried


def test_no_readings_at_all_are_still_observations() -> None:
    empty = Window((), np.array([0]), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.uint8))
    obs = Observations.from_window(empty, tiny_park())
    assert obs.readings == 0
    assert np.isnan(obs.value).all()
