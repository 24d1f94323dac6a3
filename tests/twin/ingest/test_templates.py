"""Templates: JSON of any shape to readings, and what does not fit to notes with reasons."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.blocks import Series
from twin.errors import ConfigError
from twin.ingest.fields import Fields
from twin.ingest.json_paths import NOTHING, parse
from twin.ingest.templates import Template, Understood, load, read_template, understand

AT = 1_795_305_900_000
COD = {"factor": "w01018", "value": "$.cod"}


def template(**settings: Any) -> Template:
    row = {"pattern": "a/{mn}/b", "mn": "{mn}", "time": "$.t", "value": [COD], **settings}
    return read_template(Fields(row, "test"))


def read(t: Template, message: Any, topic: str = "a/M1/b") -> Understood:
    levels = t.match(topic)
    assert levels is not None
    found = understand(t, levels, json.dumps(message).encode(), AT)
    assert isinstance(found, Understood)
    return found


def test_a_plain_message() -> None:
    t = template(value=[COD | {"flag": "$.q", "unit": "ug/L"}], flags={"good": "N"})
    found = read(t, {"t": AT, "cod": 12_500, "q": "good"})
    assert found.rows == [(Series("M1", "w01018", "2011", "Rtd"), AT, 12.5, ord("N"))]
    assert found.notes == []


def test_rows_in_a_message_with_names_of_their_own() -> None:
    value = {"factor": "@.tag", "value": "@.v"}
    t = template(
        pattern="plant/#", mn="@.dev", each="$.data[*]", time="@.ts", kind="2061", value=[value],
        factors={"COD": "w01018"}, mns={"d7": "M7"},
    )  # fmt: skip
    rows = [{"dev": "d7", "tag": "COD", "ts": "2026-11-22 08:05:00", "v": "31.5"}, {"dev": "d8", "tag": "x"}]
    found = read(t, {"data": rows}, "plant/x/y")
    assert found.rows == [(Series("M7", "w01018", "2061", "Avg"), AT, 31.5, 0)]
    assert [n.reason for n in found.notes] == ["datatime_missing"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"t": AT}, "empty_value"),
        ({"t": AT, "cod": None}, "empty_value"),
        ({"t": AT, "cod": "12,5"}, "not_a_number"),
        ({"t": AT, "cod": True}, "not_a_number"),
        ({"t": AT, "cod": [1]}, "not_a_number"),
        ({"t": AT, "cod": float("inf")}, "nonfinite"),
        ({"t": AT, "cod": "1_000"}, "not_a_number"),
        ({"t": "soon", "cod": 1}, "datatime_invalid"),
        ({"cod": 1}, "datatime_missing"),
    ],
)
def test_what_is_no_reading_is_named(message: Any, reason: str) -> None:
    found = read(template(), message)
    assert found.rows == []
    assert [n.reason for n in found.notes] == [reason]


def test_what_may_be_missing_is_not_named() -> None:
    assert read(template(value=[COD | {"optional": True}]), {"t": AT}) == Understood([], [])


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(b"\xff", "not_json"), (b"{", "not_json"), (b"", "not_json"), (b"[" * 99 + b"]" * 99, "too_deep")],
)
def test_what_is_no_message(payload: bytes, reason: str) -> None:
    assert understand(template(), {"mn": "M"}, payload, AT) == reason


def test_rows_are_bounded() -> None:
    t = template(each="$[*]")
    assert understand(t, {"mn": "M"}, json.dumps([0] * 10_001).encode(), AT) == "too_many_rows"
    assert understand(t, {"mn": "M"}, b"[]", AT) == "no_rows"


def test_brackets_inside_words_are_not_depth() -> None:
    assert load(json.dumps({"a": "[" * 500}).encode()) == ({"a": "[" * 500},)


def test_topics() -> None:
    t = template(pattern="a/+/{mn}")
    assert t.filter == "a/+/+"
    assert t.match("a/x/M") == {"mn": "M"}
    assert t.match("a/x") is None
    assert t.match("a/x/M/y") is None


@pytest.mark.parametrize(
    "settings",
    [
        {"mn": "{who}"},
        {"time": "t"},
        {"pattern": "a/x{mn}/b"},
        {"value": []},
        {"value": [{"factor": "w01018", "value": "$.a", "unit": "L/s"}]},
        {"value": [{"factor": "$.f", "value": "$.a", "unit": "mg/L"}]},
        {"kind": "9999"},
        {"qos": 2},
        {"colour": "red"},
        {"value": [{"factor": "w01018", "value": "$..a"}]},
    ],
)
def test_a_wrong_setting_names_its_place(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="test"):
        template(**settings)


def test_paths() -> None:
    whole = {"a": [{"b c": 1}, {"b c": 2}], "流量": 3}
    assert parse('$.a[1]["b c"]').find(whole, None) == 2
    assert list(parse("$.a[*]").all(whole, None)) == whole["a"]
    assert parse("$.流量").find(whole, None) == 3
    assert parse("@.x").find(whole, {"x": None}) is None
    assert parse("$.a[7]").find(whole, None) is NOTHING


@given(st.binary(max_size=300))
def test_any_bytes_end_in_an_answer(payload: bytes) -> None:
    found = understand(template(), {"mn": "M"}, payload, AT)
    assert isinstance(found, str | Understood)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("tcod"), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_any_json_gives_finite_numbers_or_notes(message: Any) -> None:
    t = template(value=[{"factor": "@.c", "value": "@.o"}], each="$[*]", mn="@.d")
    found = understand(t, {"mn": "M"}, json.dumps(message).encode(), AT)
    if isinstance(found, Understood):
        assert all(abs(row[2]) < float("inf") for row in found.rows)
