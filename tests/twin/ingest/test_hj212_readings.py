"""From a packet to numbers: marks, moments, and everything that is no number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.blocks import Series
from twin.ingest.hj212 import readings as module
from twin.ingest.hj212 import segment as segments
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.readings import Interpreter, Readings

MN = "010000A8900016F000169DC0"
AT = 1_717_200_000_000


def packet(cp: str, cn: str = "2011", mn: str = MN, framing: tuple[str, ...] = ()) -> Packet:
    text = f"QN=20240601080000123;ST=32;CN={cn};PW=123456;MN={mn};Flag=4;CP=&&{cp}&&"
    return segments.read(text.encode(), b"", 0, framing)


def read(cp: str, cn: str = "2011") -> Readings:
    return Interpreter().readings(packet(cp, cn))


def short(got: Readings) -> list[tuple[str, str, float, str]]:
    return [(s.factor, s.stat, value, chr(mark) if mark else "") for s, _, value, mark in got.rows]


def reasons(got: Readings) -> list[str]:
    return [note.reason for note in got.notes]


def test_values_marks_and_the_moment() -> None:
    got = read("DataTime=20240601080000;w01018-Rtd=23.4,w01018-Flag=N;w21003-Rtd=-1.05")
    assert got.rows == [
        (Series(MN, "w01018", "2011", "Rtd"), AT, 23.4, ord("N")),
        (Series(MN, "w21003", "2011", "Rtd"), AT, -1.05, 0),
    ]
    assert not got.notes


def test_all_statistics_of_a_period() -> None:
    got = read(
        "DataTime=20240601080000;a21026-Min=1,a21026-Avg=2,a21026-Max=3,a21026-Cou=4,a21026-ZsAvg=5,a21026-Flag=C",
        "2061",
    )
    assert short(got) == [
        ("a21026", "Min", 1.0, "C"),
        ("a21026", "Avg", 2.0, "C"),
        ("a21026", "Max", 3.0, "C"),
        ("a21026", "Cou", 4.0, "C"),
        ("a21026", "ZsAvg", 5.0, "C"),
    ]
    assert {s.cn for s, _, _, _ in got.rows} == {"2061"}


def test_mark_before_the_value_bare_or_in_lower_case() -> None:
    for group in ("w01018-Flag=D,w01018-Rtd=1", "w01018-Rtd=1,Flag=D", "w01018-Rtd=1,w01018-flag=D"):
        assert short(read(f"DataTime=20240601080000;{group}")) == [("w01018", "Rtd", 1.0, "D")]


def test_mark_of_another_factor_is_not_borrowed() -> None:
    got = read("DataTime=20240601080000;w01018-Rtd=1,w21003-Rtd=2,w21003-Flag=D")
    assert short(got) == [("w01018", "Rtd", 1.0, ""), ("w21003", "Rtd", 2.0, "D")]


def test_a_mark_of_several_characters_is_not_taken_for_normal() -> None:
    assert short(read("DataTime=20240601080000;a-Rtd=1,a-Flag=NN")) == [("a", "Rtd", 1.0, "?")]
    assert short(read("DataTime=20240601080000;a-Rtd=1,a-Flag=正")) == [("a", "Rtd", 1.0, "?")]
    assert short(read("DataTime=20240601080000;a-Rtd=1,a-Flag=")) == [("a", "Rtd", 1.0, "")]


def test_unknown_suffixes_are_kept_as_sent_and_known_ones_in_their_own_case() -> None:
    got = read("DataTime=20240601080000;LA-td=50.1;a-RTD=1;SB1-RS=1;L5-DayData=53.0")
    assert short(got) == [
        ("LA", "td", 50.1, ""),
        ("a", "Rtd", 1.0, ""),
        ("SB1", "RS", 1.0, ""),
        ("L5", "DayData", 53.0, ""),
    ]


def test_texts_and_times_are_no_measurement() -> None:
    got = read("DataTime=20240601080000;a-SampleTime=20240601075500,a-Rtd=1;a-Info=7;a-SN=12;a-EFlag=3")
    assert short(got) == [("a", "Rtd", 1.0, "")]
    assert not got.notes


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *(("NaN", "nonfinite"), ("-Inf", "nonfinite"), ("Infinity", "nonfinite"), ("1e999", "nonfinite")),
        *(
            ("0x1F", "not_a_number"),
            ("1_000", "not_a_number"),
            ("１２", "not_a_number"),
            ("--", "not_a_number"),
        ),
        *(
            ("1.2.3", "not_a_number"),
            ("null", "not_a_number"),
            ("1e", "not_a_number"),
            ("1 2", "not_a_number"),
        ),
        *(("", "empty_value"), (" ", "empty_value"), ("9" * 400, "nonfinite"), ("1\x00", "not_a_number")),
    ],
)
def test_what_is_no_number(text: str, reason: str) -> None:
    got = read(f"DataTime=20240601080000;a-Rtd={text};b-Rtd=2")
    assert short(got) == [("b", "Rtd", 2.0, "")]
    assert reasons(got) == [reason]
    assert got.notes[0].name == "a-Rtd"


@pytest.mark.parametrize("text", ["23", "-0.5", "+7", ".5", "5.", "1e-05", "1E3", " 4 ", "0000.10"])
def test_what_is_a_number(text: str) -> None:
    assert [value for _, _, value, _ in read(f"DataTime=20240601080000;a-Rtd={text}").rows] == [float(text)]


def test_a_decimal_comma_spoils_its_value_only() -> None:
    got = read("DataTime=20240601080000;a-Rtd=12,3,a-Flag=N;b-Rtd=2,b-Flag=N")
    assert short(got) == [("b", "Rtd", 2.0, "N")]
    assert reasons(got) == ["broken_item", "broken_item"]


def test_a_forgotten_separator_spoils_its_value_only() -> None:
    got = read("DataTime=20240601080000;a-Rtd=1.0b-Rtd=2.0;c-Rtd=3")
    assert short(got) == [("c", "Rtd", 3.0, "")]
    assert reasons(got) == ["not_a_number"]


def test_names_that_say_nothing() -> None:
    got = read(f"DataTime=20240601080000;FANSTATUS=1;-Rtd=2;a-=3;{'x' * 70}-Rtd=4")
    assert not got.rows
    assert reasons(got) == ["name_unknown", "factor_missing", "factor_missing", "name_too_long"]
    assert all(len(note.name) <= 64 for note in got.notes)


def test_the_moment_wherever_it_stands() -> None:
    assert read("a-Rtd=1;DataTime=20240601080000").rows[0][1] == AT
    assert read("DataTime=20240601080000123;a-Rtd=1").rows[0][1] == AT + 123


def test_no_moment_no_reading() -> None:
    for cp, reason in (
        ("a-Rtd=1", "datatime_missing"),
        ("DataTime=;a-Rtd=1", "datatime_invalid"),
        ("DataTime=20241301000000;a-Rtd=1", "datatime_invalid"),
        ("a-Rtd=1;DataTime=20240601080000;DataTime=20240601090000", "datatime_ambiguous"),
    ):
        got = read(cp)
        assert not got.rows
        assert reasons(got) == [reason]


def test_several_moments_count_for_what_follows_them() -> None:
    got = read("DataTime=20240601080000;a-Rtd=1;DataTime=20240601090000;a-Rtd=2")
    assert [(at, value) for _, at, value, _ in got.rows] == [(AT, 1.0), (AT + 3_600_000, 2.0)]
    assert not got.notes


def test_the_first_of_two_different_values_counts() -> None:
    got = read("DataTime=20240601080000;a-Rtd=1;a-Rtd=2;b-Rtd=3;b-Rtd=3")
    assert short(got) == [("a", "Rtd", 1.0, ""), ("b", "Rtd", 3.0, "")]
    assert reasons(got) == ["duplicate_key"]


@pytest.mark.parametrize("name", ["crc_mismatch", "length_wrong"])
def test_nothing_of_an_unproved_frame_is_believed(name: str) -> None:
    got = Interpreter().readings(packet("DataTime=20240601080000;a-Rtd=1", framing=(name,)))
    assert not got.rows
    assert reasons(got) == [name]


def test_a_cut_data_area_gives_no_number() -> None:
    text = f"QN=20240601080000123;ST=32;CN=2011;PW=1;MN={MN};Flag=4;CP=&&DataTime=20240601080000;a-Rtd=12.3"
    got = Interpreter().readings(segments.read(text.encode(), b"", 0))
    assert not got.rows
    assert reasons(got) == ["cp_unclosed"]


def test_a_frame_without_mn_gives_no_number() -> None:
    got = Interpreter().readings(packet("DataTime=20240601080000;a-Rtd=1", mn=""))
    assert not got.rows
    assert reasons(got) == ["mn_missing"]


def test_other_commands_carry_no_measurement() -> None:
    assert not read("DataTime=20240601080000;PolId=w01018,i12001-Info=0", "3020").rows
    assert not read("SystemTime=20240601080000", "1011").rows


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLANS_KEPT", 10)
    interpreter = Interpreter()
    for i in range(100):
        got = interpreter.readings(packet(f"DataTime=20240601080000;x{i}-Rtd={i}"))
        assert [value for _, _, value, _ in got.rows] == [float(i)]
        assert len(interpreter._plans) <= 10


CLEAN = st.dictionaries(
    st.sampled_from(["w01018", "w21003", "a21026", "B01", "011"]),
    st.tuples(st.floats(-1e6, 1e6).map(lambda x: f"{x:.3f}"), st.sampled_from("NDTC")),
    min_size=1,
)


@given(st.lists(CLEAN, min_size=1, max_size=4))
def test_the_remembered_way_and_the_long_way_agree(forms: list[dict[str, tuple[str, str]]]) -> None:
    """The same data area, once standard and once with a blank that forces the long way."""
    interpreter = Interpreter()
    for form in forms:
        area = ";".join(f"{k}-Rtd={v},{k}-Flag={mark}" for k, (v, mark) in form.items())
        fast = packet(f"DataTime=20240601080000;{area}")
        slow = packet(f"DataTime=20240601080000; {area}")
        assert fast.flat is not None
        assert slow.flat is None
        assert interpreter.readings(fast) == interpreter.readings(slow)
        assert [(s.factor, v) for s, _, v, _ in interpreter.readings(fast).rows] == [
            (k, float(v)) for k, (v, _) in form.items()
        ]
