"""Codes become names, units and decimals; nothing unknown is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.words import Text
from twin.factors import aliases, canonical, factor, known


@pytest.mark.parametrize(
    ("code", "zh", "en", "unit", "decimals"),
    [
        ("w01018", "COD", "COD", "mg/L", 1),
        ("w21003", "氨氮", "NH3-N", "mg/L", 2),
        ("w21011", "总磷", "TP", "mg/L", 3),
        ("w21001", "总氮", "TN", "mg/L", 2),
        ("w21017", "氟化物", "Fluoride", "mg/L", 3),
        ("w01014", "电导率", "Cond.", "μS/cm", 1),
        ("w00000", "流量", "Flow", "L/s", 1),
        ("w01001", "pH", "pH", "", 2),
        ("w01010", "水温", "Temp.", "℃", 1),
        ("w19002", "阴离子表面活性剂", "Anionic surfactants", "mg/L", 2),
        ("w33007", "滴滴涕", "DDT", "ng/L", 0),
        ("a24088", "非甲烷总烃", "NMHC", "mg/m³", 3),
    ],
)
def test_names_units_and_decimals(code: str, zh: str, en: str, unit: str, decimals: int) -> None:
    f = factor(code)
    assert (f.short, f.unit, f.decimals) == (Text(zh, en), unit, decimals)


def test_the_full_name_is_kept_beside_the_short_one() -> None:
    assert factor("w01018").name == Text("化学需氧量", "Chemical oxygen demand (COD)")


def test_an_unknown_code_gives_itself() -> None:
    assert factor("x99").name == Text("x99", "x99")
    assert factor("x99").show(1.234) == "1.23"


def test_every_row_of_the_table_can_be_shown() -> None:
    assert len(known()) == 201
    assert all(f.show(1.0) and f.short.zh and f.short.en for f in known())
    assert len({f.code for f in known()}) == 201


def test_values_are_written_with_the_factors_decimals() -> None:
    cod = factor("w01018")
    assert [cod.show(v) for v in (312.25, 0.0, None, float("nan"))] == ["312.2", "0.0", "—", "—"]


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        ("32", "011", "w01018"),
        ("21", "060", "w21003"),
        ("32", "B01", "w00000"),
        ("32", "b01", "w00000"),
        ("31", "S02", "a01011"),
        ("31", "02", "a21026"),
        ("32", "030", "w20123"),
        ("31", "30", "a05001"),
        ("32", "w01018", "w01018"),
        ("32", "W01018", "w01018"),
        ("23", "Leq", "Leq"),
        ("80", "011", "w01018"),
        ("31", "011", "011"),
        ("32", "O3", "O3"),
    ],
)
def test_codes_of_2005_by_system_type(system: str, code: str, expected: str) -> None:
    assert canonical(system, code) == expected


@given(st.text(max_size=8), st.text(max_size=8))
def test_canonical_is_settled_after_one_step(system: str, code: str) -> None:
    once = canonical(system, code)
    assert canonical(system, once) == once


def test_aliases_lead_back_to_the_factor() -> None:
    assert aliases("w01018") == ("w01018", "011")
    assert aliases("x99") == ("x99",)
    for f in known():
        system = "31" if f.code.startswith("a") else "32"
        assert {canonical(system, code) for code in aliases(f.code)} == {f.code}
