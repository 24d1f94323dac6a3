"""Curves keep every peak when thinned, and of doubles the last received."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from twin.curves import Curve, Rows, Versions, Window, joined

row = st.tuples(st.integers(0, 3), st.integers(0, 4), st.floats(-5, 5), st.integers(0, 255))
Row = tuple[int, int, float, int]


def rows(items: list[Row]) -> Rows:
    key, at, value, flag = zip(*items, strict=True) if items else ((),) * 4
    return Rows(
        np.array(key, np.int32),
        np.array(at, np.int64),
        np.array(value, np.float64),
        np.array(flag, np.uint8),
    )


@given(st.lists(row, max_size=30))
def test_of_several_values_for_one_moment_the_last_received_stays(items: list[Row]) -> None:
    expected = {(key, at): (value, flag) for key, at, value, flag in items}
    got = rows(items).newest()
    assert list(zip(got.key.tolist(), got.at_ms.tolist(), strict=True)) == sorted(expected)
    assert got.value.tolist() == [expected[k][0] for k in sorted(expected)]
    assert got.flag.tolist() == [expected[k][1] for k in sorted(expected)]


@given(st.lists(st.lists(st.integers(0, 3), max_size=6), max_size=4))
def test_sorted_runs_of_many_files_become_one(files: list[list[int]]) -> None:
    items = [
        (key, 10 * f + i, float(i), 78) for f, keys in enumerate(files) for i, key in enumerate(sorted(keys))
    ]
    got = rows(items).newest()
    assert list(zip(got.key.tolist(), got.at_ms.tolist(), strict=True)) == sorted(
        (k, at) for k, at, *_ in items
    )


def test_rows_are_put_behind_each_other() -> None:
    one, two = rows([(1, 2, 3.0, 0)]), rows([(4, 5, 6.0, 0)])
    assert joined([one, two]).value.tolist() == [3.0, 6.0]
    assert joined([]).newest().value.tolist() == []


def test_of_versions_the_last_of_a_moment_counts() -> None:
    at = np.array([1, 2, 2, 2, 3], np.int64)
    it = Versions(at, np.arange(5.0), np.zeros(5, np.uint8), at)
    assert it.replaced().value.tolist() == [1.0, 2.0]
    assert Versions(*(column[:0] for column in it)).replaced().value.tolist() == []


def curve(values: list[float]) -> Curve:
    n = len(values)
    return Curve(np.arange(n, dtype=np.int64) * 60_000, np.array(values, np.float64), np.zeros(n, np.uint8))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(1, 60))
def test_thinning_keeps_ends_extremes_and_order(values: list[float], n: int) -> None:
    full = curve(values)
    thin = full.downsample(n)
    assert len(thin.at_ms) <= max(n + 2, 4)
    assert (np.diff(thin.at_ms) > 0).all()
    assert {thin.at_ms[0], thin.at_ms[-1]} == {full.at_ms[0], full.at_ms[-1]}
    assert (thin.value.min(), thin.value.max()) == (min(values), max(values))
    assert set(thin.at_ms.tolist()) <= set(full.at_ms.tolist())


def test_a_single_spike_in_a_day_survives() -> None:
    values = [20.0] * 1440
    values[777] = 312.0
    thin = curve(values).downsample(100)
    assert thin.value.max() == 312.0
    assert len(thin.value) <= 102


def test_what_is_level_is_drawn_from_end_to_end_and_gaps_stay_gaps() -> None:
    assert len(curve([12.0] * 1440).downsample(100).value) >= 98
    nothing = curve([float("nan")] * 500).downsample(50)
    assert nothing.at_ms.tolist() == [0, 499 * 60_000]


def test_measured_leaves_out_what_is_marked_as_no_measurement() -> None:
    flags = np.array([0, ord("N"), ord("D"), ord("C")], np.uint8)
    marked = Curve(np.arange(4, dtype=np.int64), np.arange(4.0), flags)
    assert marked.measured().value.tolist() == [0.0, 1.0]


def test_a_window_gives_each_point_its_own_curve() -> None:
    window = Window(
        (("A", "w01018"), ("B", "w01018")),
        np.array([0, 2, 3], np.int64),
        np.array([1, 2, 9], np.int64),
        np.array([10.0, 20.0, 30.0]),
        np.zeros(3, np.uint8),
    )
    assert window.curve("A", "w01018").value.tolist() == [10.0, 20.0]
    assert window.nth(1).at_ms.tolist() == [9]
    assert window.curve("C", "w01018").value.tolist() == []
    last = window.last()
    assert last.value.tolist() == [20.0, 30.0]
    assert last.curve("B", "w01018").value.tolist() == [30.0]
