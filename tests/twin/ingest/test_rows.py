"""Rows of people: a reading, or the reason why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.words import Text
from tests.twin.parks import tiny_park
from twin.blocks import Series
from twin.ingest.rows import REASONS, Fault, Roll, factor_of, read_row
from twin.ingest.sheets import Given, entries, plan

NOW = 1_795_305_900_000
ROLL = Roll(tiny_park())
STATION = tiny_park().stations[0]
GOOD = {"station": STATION.id, "factor": "w01018", "time": "2026-11-22 08:05", "value": 12.5, "kind": "2061"}


def read(**changes: Any) -> Any:
    return read_row({**GOOD, **changes}, ROLL, NOW, 7)


def test_a_row() -> None:
    assert read() == (Series(STATION.mn, "w01018", "2061", "Avg"), NOW, 12.5, 0)
    assert read(flag="s")[3] == ord("S")
    assert read(value="12500", unit="ug/L")[2] == pytest.approx(12.5)
    assert read(kind="实时")[0].stat == "Rtd"
    assert read(kind="日均值", stat="最大")[0] == Series(STATION.mn, "w01018", "2031", "Max")


def test_a_station_by_any_of_its_names() -> None:
    for name in (STATION.id.lower(), STATION.mn, STATION.name.zh, f" {STATION.name.en} "):
        assert read(station=name)[0].mn == STATION.mn
    assert read_row({**GOOD, "station": None, "mn": STATION.mn}, ROLL, NOW, 1)[0].mn == STATION.mn  # type: ignore[index,union-attr]


def test_a_name_that_two_stations_have_names_none() -> None:
    park = tiny_park()
    same = [replace(s, name=Text("同名", "same")) for s in park.stations[:2]]
    roll = Roll(replace(park, stations=tuple(same)))
    assert roll.mn("同名") is None
    assert roll.mn(same[1].id) == same[1].mn


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"station": ""}, "station_missing"),
        ({"station": "S999"}, "station_unknown"),
        ({"factor": None}, "factor_missing"),
        ({"factor": "CODD"}, "factor_unknown"),
        ({"time": " "}, "datatime_missing"),
        ({"time": "yesterday"}, "datatime_invalid"),
        ({"time": "2026-11-22 09:00"}, "time_ahead"),
        ({"kind": None}, "kind_missing"),
        ({"kind": "weekly"}, "kind_unknown"),
        ({"stat": "median"}, "stat_unknown"),
        ({"value": None}, "empty_value"),
        ({"value": "<0.5"}, "not_a_number"),
        ({"value": "1e999"}, "nonfinite"),
        ({"value": True}, "not_a_number"),
        ({"unit": "L/s"}, "unit_unknown"),
        ({"flag": "X"}, "flag_unknown"),
    ],
)
def test_a_row_that_is_none_says_why(changes: dict[str, Any], reason: str) -> None:
    fault = read(**changes)
    assert isinstance(fault, Fault)
    assert (fault.reason, fault.row) == (reason, 7)
    assert REASONS[reason].zh
    assert REASONS[reason].en


@pytest.mark.parametrize(
    ("head", "expected"),
    [("COD（mg/L）", ("w01018", "mg/L")), ("w21003", ("w21003", "")), ("氨氮", ("w21003", "")),
     ("cod", ("w01018", "")), ("备注", None), ("", None)],
)  # fmt: skip
def test_factors_by_name(head: str, expected: object) -> None:
    assert factor_of(head) == expected


def test_one_value_a_row() -> None:
    how = plan(["站点", "监测因子", "监测时间", "监测值", "备注"], Given(kind="2061"))
    assert (how.missing, how.ignored) == ("", ("备注",))
    rows = [["S1", "COD", "t", "1", "x"], ["", "", "", "", ""], ["S2", "COD", "t", "—", ""]]
    assert [(n, e.get("value")) for n, e in entries(how, rows)] == [(0, "1"), (2, None)]


def test_a_column_for_each_factor() -> None:
    how = plan(["测点", "时间", "COD(μg/L)", "氨氮"], Given(kind="2061"))
    found = [(e["factor"], e["value"], e["unit"]) for _, e in entries(how, [["S1", "t", 5.0, "/"]])]
    assert found == [("w01018", 5.0, "μg/L")]


def test_a_mapping_is_believed_before_any_name() -> None:
    told = Given(station="S1", kind="2061", columns={"时间": "skip", "T": "time", "Rohwert": "w01018"})
    how = plan(["时间", "T", "Rohwert"], told)
    assert (how.missing, how.ignored) == ("", ())
    (found,) = entries(how, [["never", "then", 5]])
    assert found == (
        0,
        {"station": "S1", "kind": "2061", "time": "then", "factor": "w01018", "value": 5, "unit": ""},
    )


def test_what_is_missing_is_named() -> None:
    assert plan(["站点", "COD"], Given()).missing == "time"
    assert plan(["时间", "COD"], Given(kind="2061")).missing == "station"
    assert plan(["时间", "站点", "COD"], Given()).missing == "kind"
    assert plan(["时间", "站点", "值"], Given(kind="2061")).missing == "factor"


CELL = (
    st.none()
    | st.text(max_size=12)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.lists(st.none(), max_size=1)
)


@given(st.dictionaries(st.sampled_from(list(GOOD)), CELL))
def test_any_row_gives_a_reading_or_a_fault(changes: dict[str, Any]) -> None:
    found = read(**changes)
    assert isinstance(found, Fault) or abs(found[2]) < float("inf")
