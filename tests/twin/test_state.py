"""The fold: latest value and level of every point, and never normal without a fresh good value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.twin.parks import real_time, tiny_park
from twin.blocks import Block, BlockBuilder, Series
from twin.limits import Limits
from twin.model import Level, Point
from twin.state import State

T0 = 1_795_300_000_000
PARK = tiny_park()
LIMITS = Limits.load(PARK)
COD = Point("S02", "w01018")  # limit 40
MN = {s.id: s.mn for s in PARK.stations}


def state() -> State:
    return State(PARK, LIMITS)


def rows(*readings: tuple[Series, int, float, str]) -> Block:
    builder = BlockBuilder()
    builder.add(b"x", 0, [(s, at, v, ord(f) if f else 0) for s, at, v, f in readings])
    return builder.build()


def cod(value: float, at: int = T0, flag: str = "N", code: str = "w01018", mn: str = MN["S02"]) -> Block:
    return rows((Series(mn, code, "2011", "Rtd"), at, value, flag))


def test_points_stand_in_the_order_of_the_park() -> None:
    s = state()
    assert s.points[:2] == (Point("S01", "w01001"), Point("S01", "w01010"))
    assert len(s.points) == sum(len(x.factors) for x in PARK.stations)
    assert s.index[COD] == s.points.index(COD)
    assert s.stations == ("S01", "S02", "S03", "S04")
    assert not s.level.any()
    assert np.isnan(s.value).all()


@pytest.mark.parametrize(
    ("value", "level"),
    [
        (20.0, Level.NORMAL),
        (31.9, Level.NORMAL),
        (32.0, Level.WARNING),
        (40.04, Level.WARNING),  # rounds to the limit itself
        (40.06, Level.ALARM),
        (400.0, Level.ALARM),
    ],
)
def test_the_level_of_a_value_against_its_limit(value: float, level: Level) -> None:
    s = state()
    changed = s.fold(cod(value))
    assert changed.tolist() == [s.index[COD]]
    assert s.level[s.index[COD]] == level
    assert s.station_level("S02") == level
    assert s.station_level("S01") == Level.OFFLINE


@pytest.mark.parametrize(
    ("value", "level"), [(7.0, Level.NORMAL), (6.0, Level.NORMAL), (5.9, Level.ALARM), (9.2, Level.ALARM)]
)
def test_a_band_has_two_sides_and_no_near(value: float, level: Level) -> None:
    s = state()
    s.fold(real_time(PARK, "S02", T0, {"w01001": value}))
    assert s.level[s.index[Point("S02", "w01001")]] == level


def test_a_lower_limit_warns_from_above() -> None:
    park = replace(PARK, stations=(replace(PARK.stations[0], factors=("w01009",)),))  # oxygen, at least 2
    s = State(park, Limits.load(park))
    seen = []
    for minute, value in enumerate((6.0, 2.4, 1.9)):
        s.fold(real_time(park, "S01", T0 + minute * 60_000, {"w01009": value}))
        seen.append(Level(int(s.level[0])))
    assert seen == [Level.NORMAL, Level.WARNING, Level.ALARM]


def test_a_point_without_limit_is_normal_whatever_its_value() -> None:
    s = state()
    s.fold(real_time(PARK, "S02", T0, {"w01014": 1e6}))
    assert s.level[s.index[Point("S02", "w01014")]] == Level.NORMAL


@pytest.mark.parametrize("flag", list("FMSDCTB0"))
def test_only_a_measurement_is_judged(flag: str) -> None:
    s = state()
    s.fold(cod(400.0, flag=flag))
    i = s.index[COD]
    assert (s.value[i], s.level[i], s.flag[i]) == (400.0, Level.OFFLINE, ord(flag))
    s.fold(cod(400.0, at=T0 + 1, flag=""))
    assert s.level[i] == Level.ALARM


def test_late_values_do_not_move_a_point_and_corrections_do() -> None:
    s = state()
    i = s.index[COD]
    s.fold(cod(20.0, at=T0))
    assert s.fold(cod(99.0, at=T0 - 1)).tolist() == []
    assert s.value[i] == 20.0
    assert s.fold(cod(21.0, at=T0)).tolist() == [i]
    assert s.fold(cod(21.0, at=T0)).tolist() == []
    assert s.value[i] == 21.0


def test_only_real_time_values_move_a_point() -> None:
    s = state()
    for cn, stat in (("2051", "Avg"), ("2061", "Avg"), ("2011", "Avg"), ("2051", "Rtd")):
        assert s.fold(rows((Series(MN["S02"], "w01018", cn, stat), T0, 9.0, "N"))).tolist() == []
    assert s.unknown == {}
    assert s.unlisted == {}


def test_codes_of_2005_move_the_same_point() -> None:
    s = state()
    assert s.fold(cod(50.0, code="011")).tolist() == [s.index[COD]]
    assert s.level[s.index[COD]] == Level.ALARM


def test_unknown_loggers_and_unlisted_factors_are_counted() -> None:
    s = state()
    for _ in range(3):
        assert s.fold(cod(1.0, mn="NOBODY")).tolist() == []
    s.fold(cod(1.0, code="w01009"))
    s.fold(
        rows(
            (Series(MN["S02"], "w01018", "2011", "Rtd"), T0, 5.0, "N"), (Series("X", "a", "b", "c"), 0, 0, "")
        )
    )
    assert s.unknown == {"NOBODY": 3, "X": 1}
    assert s.unlisted == {Point("S02", "w01009"): 1}
    assert s.value[s.index[COD]] == 5.0


def test_values_that_are_no_numbers_are_passed_over() -> None:
    s = state()
    s.fold(cod(20.0))
    for value in (float("nan"), float("inf")):
        assert s.fold(cod(value, at=T0 + 5)).tolist() == []
    assert s.value[s.index[COD]] == 20.0


def test_an_empty_block_changes_nothing() -> None:
    assert state().fold(BlockBuilder().build()).tolist() == []


# --- age --------------------------------------------------------------------------------------------------


def test_a_point_goes_offline_after_two_and_a_half_intervals_and_comes_back() -> None:
    s = state()
    i = s.index[COD]
    s.fold(cod(20.0))  # the station sends every 60 s: 150 s
    assert s.age(T0 + 150_000).tolist() == []
    assert s.level[i] == Level.NORMAL
    assert s.age(T0 + 150_001).tolist() == [i]
    assert (s.level[i], s.value[i]) == (Level.OFFLINE, 20.0)
    assert s.age(T0 + 200_000).tolist() == []
    s.fold(cod(21.0, at=T0 + 210_000))
    assert s.level[i] == Level.NORMAL


def test_quick_stations_are_given_two_minutes() -> None:
    park = replace(PARK, stations=tuple(replace(x, interval_s=10) for x in PARK.stations))
    s = State(park, LIMITS)
    s.fold(cod(20.0))
    assert s.age(T0 + 120_000).tolist() == []
    assert s.age(T0 + 120_001).tolist() == [s.index[COD]]


def test_a_clock_set_back_does_not_hide_the_true_values() -> None:
    s = state()
    i = s.index[COD]
    s.fold(cod(99.0, at=T0 + 86_400_000))
    assert s.age(T0).tolist() == [i]
    assert (s.level[i], s.at_ms[i]) == (Level.OFFLINE, 0)
    assert np.isnan(s.value[i])
    s.fold(cod(20.0, at=T0))
    assert s.level[i] == Level.NORMAL


# --- overrides --------------------------------------------------------------------------------------------


def test_an_override_stands_until_it_is_cleared() -> None:
    s = state()
    i = s.index[COD]
    s.fold(cod(20.0))
    assert s.override(COD, Level.CRITICAL).tolist() == [i]
    s.fold(cod(21.0, at=T0 + 1))
    s.age(T0 + 10_000_000)
    assert s.level[i] == Level.CRITICAL
    assert s.station_level("S02") == Level.CRITICAL
    assert s.override(COD, None).tolist() == [i]
    assert s.level[i] == Level.OFFLINE
    assert s.override(Point("S02", "x"), Level.ALARM).tolist() == []
    with pytest.raises(KeyError):
        s.station_level("S99")


def test_a_suspected_instrument_is_shown_as_judged_not_as_measured() -> None:
    s = state()
    s.fold(cod(400.0))
    s.override(COD, Level.WATCH)
    assert s.level[s.index[COD]] == Level.WATCH


def test_all_overrides_at_once() -> None:
    s = state()
    ph = Point("S01", "w01001")
    a, b = s.index[ph], s.index[COD]
    assert s.set_overrides({COD: Level.ALARM, Point("S9", "x"): Level.ALARM}).tolist() == [b]
    assert s.set_overrides({COD: Level.ALARM}).tolist() == []
    assert s.set_overrides({ph: Level.WATCH}).tolist() == [a, b]
    assert s.station_levels().tolist() == [Level.WATCH, 0, 0, 0]


# --- the fold against its plain meaning -------------------------------------------------------------------

SERIES = [
    Series(mn, factor, cn, "Rtd")
    for mn in (MN["S01"], MN["S02"], "NOBODY")
    for factor in ("w01018", "011", "w21003", "w99999")
    for cn in ("2011", "2051")
]
reading = st.tuples(
    st.sampled_from(SERIES),
    st.integers(T0, T0 + 5),
    st.sampled_from([1.0, 33.0, 44.0, float("nan")]),
    st.sampled_from(["N", "D", ""]),
)


@given(st.lists(st.lists(reading, max_size=12), max_size=5))
def test_folding_blocks_is_taking_every_reading_in_turn(
    blocks: list[list[tuple[Series, int, float, str]]],
) -> None:
    s = state()
    latest: dict[Point, tuple[int, float, int]] = {}
    stations = {mn: id_ for id_, mn in MN.items()}
    for block in blocks:
        before = dict(latest)
        for series, at, value, flag in block:
            code = "w01018" if series.factor == "011" else series.factor
            point = Point(stations.get(series.mn, ""), code)
            if series.cn != "2011" or value != value or point not in s.index:
                continue
            if at >= latest.get(point, (0, 0.0, 0))[0]:
                latest[point] = (at, value, ord(flag) if flag else 0)
        changed = s.fold(rows(*block))
        assert {s.points[i] for i in changed} == {p for p in latest if latest[p] != before.get(p)}
    for point, (at, value, flag_code) in latest.items():
        i = s.index[point]
        assert (s.at_ms[i], s.value[i], s.flag[i]) == (at, value, flag_code)
    assert np.isnan(s.value).sum() == len(s.points) - len(latest)


def test_many_blocks_fold_and_every_reading_changes_its_point() -> None:
    stations = tuple(
        replace(PARK.stations[0], id=f"S{n:03d}", mn=f"MN{n:020d}", factors=PARK.stations[0].factors[:5])
        for n in range(80)
    )
    park = replace(PARK, stations=stations)
    s = State(park, LIMITS)
    blocks = []
    for k in range(200):
        builder = BlockBuilder()
        for station in stations[k % 5 * 16 : k % 5 * 16 + 16]:
            at = T0 + k * 1000
            builder.add(
                b"", 0, [(Series(station.mn, f, "2011", "Rtd"), at, 1.0 + k, 78) for f in station.factors]
            )
        blocks.append(builder.build())
    assert all(s.fold(block).size == 80 for block in blocks)


def test_another_version_of_the_park_takes_over_what_is_known() -> None:
    s = state()
    s.fold(cod(30.0))
    s.age(T0)
    s.override(Point("S03", "w01018"), Level.ALARM)
    strict = replace(PARK.stations[1], limit_set="GB 3838-2002/I")
    park = replace(PARK, stations=(PARK.stations[2], strict))
    new = State(park, Limits.load(park))
    new.carry(s)
    assert new.value[new.index[COD]] == 30.0
    assert new.level[new.index[COD]] == Level.ALARM  # 15 mg/L now
    assert new.level[new.index[Point("S03", "w01018")]] == Level.ALARM
    assert new.level[new.index[Point("S03", "w01001")]] == Level.OFFLINE
