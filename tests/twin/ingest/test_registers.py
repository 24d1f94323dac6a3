"""Registers: every number form in every word order, and what is read together."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.errors import ConfigError
from twin.ingest.fields import Fields
from twin.ingest.modbus import interpret, read_device
from twin.ingest.registers import FORMS, MOST_TOGETHER, Register, read_register, spans


def register(**settings: Any) -> Register:
    row = {"address": 0, "type": "uint16", "factor": "w01018", **settings}
    return read_register(Fields(row, "test"), "M1", 10.0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("words", ["big", "little"])
@pytest.mark.parametrize("order", ["big", "little"])
def test_every_form_in_every_order(form: str, words: str, order: str) -> None:
    letter, count = FORMS[form]
    number = -2.5 if letter in "fd" else 40_000 if letter == "H" else 1234
    data = struct.pack(">" + letter, number)
    halves = [data[i : i + 2] for i in range(0, len(data), 2)]
    sent = [struct.unpack("<H" if order == "little" else ">H", h)[0] for h in halves]
    r = register(type=form, words=words, bytes=order)
    assert r.count == count
    assert r.number(sent if words == "big" else sent[::-1]) == (number, "")


def test_scale_offset_and_unit() -> None:
    r = register(scale=0.1, offset=-40, unit="ug/L")
    assert r.number([500])[0] == pytest.approx(0.01)


def test_what_is_no_value() -> None:
    assert register(none=65_535).number([65_535]) == (0.0, "no_value")
    assert register(type="float32").number([0x7FC0, 0]) == (0.0, "nonfinite")
    assert register(type="float32").number([0x7F80, 0]) == (0.0, "nonfinite")


@given(st.lists(st.tuples(st.integers(0, 600), st.sampled_from(list(FORMS))), max_size=60))
def test_spans_hold_every_register_once_and_read_nothing_else(wanted: list[tuple[int, str]]) -> None:
    registers = [register(address=a, type=t, factor=f"x{i}") for i, (a, t) in enumerate(wanted)]
    found = spans(registers)
    assert sorted(r.series.factor for s in found for r in s.registers) == sorted(
        r.series.factor for r in registers
    )
    for span in found:
        mine = {r.address + k for r in span.registers for k in range(r.count)}
        assert mine == set(range(span.address, span.address + span.count))
        assert span.count <= MOST_TOGETHER
        words = list(range(span.address, span.address + span.count))
        for r in span.registers:
            assert span.words_of(r, words) == list(range(r.address, r.address + r.count))


def test_a_span_to_readings_and_notes() -> None:
    pair = [register(flag="N"), register(address=1, type="float32", factor="w01001")]
    (span,) = spans(pair)
    rows, notes = interpret(span, [7, 0x7FC0, 0], 5000)
    assert [(s.factor, at, v, chr(f)) for s, at, v, f in rows] == [("w01018", 5000, 7.0, "N")]
    assert [(n.name, n.reason) for n in notes] == [("w01001", "nonfinite")]


@pytest.mark.parametrize(
    "settings",
    [{"address": 65_535, "type": "float32"}, {"type": "bcd"}, {"table": "coil"}, {"unit": "m"},
     {"flag": "NN"}, {"addres": 3}, {"address": True}, {"scale": "2"}],
)  # fmt: skip
def test_a_wrong_setting_names_its_place(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="test"):
        register(**settings)


def test_one_point_is_read_from_one_register() -> None:
    row = {"address": 1, "type": "int16", "factor": "w01018"}
    device = {"name": "p", "host": "h", "mn": "M1", "register": [row, row | {"address": 2}]}
    with pytest.raises(ConfigError, match="two registers"):
        read_device(Fields(device, "test"))
