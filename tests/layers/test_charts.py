"""Curves: gaps stay gaps, limits are named, the range holds what matters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.profile import Profile
from layers import charts
from layers.style import Theme
from twin.factors import factor

COD = factor("w01018")
T0 = 1_795_305_600_000  # 2026-11-22 08:00 in the park's own time
MINUTE = 60_000


def line(values: list[float], step: int = MINUTE, high: float | None = None) -> charts.Line:
    return charts.Line(T0 + step * np.arange(len(values)), np.array(values, float), None, high)


def test_a_gap_breaks_the_line_and_adds_no_value() -> None:
    at = np.array([0, 1, 2, 10, 11], np.int64) * MINUTE
    moments, values = charts.broken(at, np.arange(5.0), 60.0)
    assert np.isnan(values).tolist() == [False, False, False, True, False, False]
    assert moments[3] == 10 * MINUTE - 1
    assert np.array_equal(values[~np.isnan(values)], np.arange(5.0))


@given(st.lists(st.integers(1, 400), min_size=0, max_size=40))
def test_broken_keeps_order_and_every_value(steps: list[int]) -> None:
    at = np.cumsum(np.array([0, *steps], np.int64)) * 1000
    moments, values = charts.broken(at, np.ones(len(at)), 60.0)
    assert (np.diff(moments) > 0).all()
    assert np.nansum(values) == len(at)
    assert np.isnan(values).sum() == sum(step > 150 for step in steps)


def test_times_are_the_parks_own() -> None:
    assert charts.local(T0) == "2026-11-22T08:00:00"


def test_limit_is_drawn_and_named_where_it_is_near() -> None:
    figure = charts.curve(line([20, 25, 31], high=30.0), COD, (T0, T0 + 9 * MINUTE), interval_s=60, lang="en")
    assert [shape.y0 for shape in figure.layout.shapes] == [30.0]
    assert figure.layout.annotations[0].text == f"limit {COD.show(30.0)}"
    assert figure.layout.yaxis.range[1] > 31
    marker = figure.data[-1]
    assert marker.marker.color == "#f28a2b"  # the last value is over its limit


def test_a_far_limit_does_not_flatten_the_curve() -> None:
    span = charts.span(line([20.0, 21.0, 22.0], high=500.0))
    assert span is not None
    assert span[1] < 60


def test_no_readings_say_so() -> None:
    figure = charts.curve(line([]), COD, (T0, T0 + MINUTE), interval_s=60, lang="en")
    assert figure.layout.annotations[0].text == "No readings in this time"
    assert charts.span(line([])) is None


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_values_that_are_not_numbers_are_gaps(theme: Theme) -> None:
    figure = charts.curve(line([1.0, float("nan"), 3.0]), COD, (T0, T0 + MINUTE), interval_s=60, theme=theme)
    assert list(figure.data[0].y) == [1.0, None, 3.0]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_section_steps_where_bottoms_step_and_breaks_where_nobody_knows(theme: Theme) -> None:
    section = Profile(
        nodes=("A", "B", "C"),
        links=("k", "m"),
        chainage_m=np.array([0.0, 100.0, 250.0]),
        ground_m=np.array([4.0, np.nan, 4.2]),
        node_bottom_m=np.array([2.0, 1.8, 1.5]),
        bottom_m=np.array([[2.0, 1.9], [1.8, 1.5]]),
        top_m=np.array([[2.4, 2.3], [np.nan, np.nan]]),
        water_m=np.array([[2.1, 2.0], [1.9, 1.6]]),
        travel_s=np.array([0.0, 120.0, 600.0]),
    )
    crown, water, bottom, ground = charts.longitudinal(section, lang="zh", theme=theme).data
    assert list(bottom.x) == [0, 100, 100, 100, 250, 250]
    assert list(bottom.y) == [2.0, 1.9, None, 1.8, 1.5, None]
    assert list(crown.y) == [2.4, 2.3, None, None, None, None]
    assert water.y[1] == 2.0
    assert list(ground.y) == [4.0, None, 4.2]
    assert ground.customdata[2][0] == "C"
    assert ground.customdata[2][1] == "10 min"
    assert [crown.name, ground.name] == ["管顶或岸顶", "地面"]
