"""Fields of a data segment: the standard has no deviation, the rest loses nothing and is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.ingest.hj212 import segment as segments
from twin.ingest.hj212.packet import Packet

HEAD = "QN=20240601080000123;ST=32;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=5;"
AREA = "DataTime=20240601080000;w01018-Rtd=23.4,w01018-Flag=N"


def read(text: str) -> Packet:
    return segments.read(text.encode(), b"", 0)


def test_a_standard_segment_has_no_deviation() -> None:
    packet = read(f"{HEAD}CP=&&{AREA}&&")
    assert packet.deviations == ()
    assert (packet.qn, packet.st, packet.cn, packet.pw) == ("20240601080000123", "32", "2011", "123456")
    assert (packet.mn, packet.flag) == ("010000A8900016F000169DC0", 5)
    assert (packet.version_bits, packet.need_ack, packet.split) == (1, True, False)
    assert packet.data_time_ms == 1_717_200_000_000
    assert packet.qn_ms == 1_717_200_000_123
    assert packet.flat is not None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"{HEAD}", "no_cp"),
        (f"{HEAD}CP=&{AREA}&&", "cp_single_amp"),
        (f"{HEAD}CP=&&{AREA}&", "cp_single_amp"),
        (f"{HEAD}CP=&&{AREA}", "cp_unclosed"),
        (f"{HEAD}CP={AREA}&&", "cp_unopened"),
        (f"{HEAD}CP=&&{AREA};&&", "empty_item"),
        (f"{HEAD}CP=&&{AREA},x&&", "item_without_value"),
        (f"{HEAD}CP=&&{AREA};a=b=c&&", "missing_separator"),
        (f"{HEAD}CP=&&{AREA};w01018-Rtd=1&&", "duplicate_key"),
        (f"{HEAD}CP=&& {AREA}&&", "blank_in_cp"),
        (f"{HEAD}CP=&&DataTime=20240601080000123&&", "datatime_17_digits"),
        (f"{HEAD}CP=&&DataTime=20240230080000&&", "datatime_invalid"),
        (HEAD.replace("Flag=5;", "") + f"CP=&&{AREA}&&", "flag_missing"),
        (HEAD.replace("Flag=5;", "") + f"CP=&&{AREA}&&;Flag=5", "field_after_cp"),
        (HEAD.replace("Flag=5;", "") + f"CP=&&{AREA}&&Flag=5", "field_after_cp"),
        (HEAD.replace("Flag", "FLAG") + f"CP=&&{AREA}&&", "field_name"),
        (HEAD.replace("Flag=5", "Flag=x") + f"CP=&&{AREA}&&", "flag_not_a_number"),
        (HEAD.replace("Flag=5", "Flag=٥") + f"CP=&&{AREA}&&", "flag_not_a_number"),
        (HEAD.replace("Flag=5", "Flag=256") + f"CP=&&{AREA}&&", "flag_out_of_range"),
        (HEAD.replace("Flag=5", "Flag=7") + f"CP=&&{AREA}&&", "pnum_missing"),
        (HEAD + f"PNUM=2;PNO=1;CP=&&{AREA}&&", "pnum_without_flag"),
        (HEAD.replace("Flag=5", "Flag=7") + f"PNUM=2;PNO=3;CP=&&{AREA}&&", "pno_out_of_range"),
        (HEAD.replace("Flag=5", "Flag=7") + f"PNUM={'9' * 5000};PNO=3;CP=&&{AREA}&&", "pnum_not_a_number"),
        (HEAD.replace("20240601080000123", "20240230080000123") + f"CP=&&{AREA}&&", "qn_not_a_time"),
        (HEAD.replace("20240601080000123", "") + f"CP=&&{AREA}&&", "qn_not_17_digits"),
        (HEAD.replace("ST=32", "ST=101") + f"CP=&&{AREA}&&", "st_not_2_chars"),
        (HEAD.replace("CN=2011", "CN=201") + f"CP=&&{AREA}&&", "cn_not_4_digits"),
        (HEAD.replace("PW=123456", "PW=") + f"CP=&&{AREA}&&", "pw_nonstandard"),
        (HEAD + f"XX=1;CP=&&{AREA}&&", "field_unknown"),
        (HEAD + f"MN=7;CP=&&{AREA}&&", "field_repeated"),
        (HEAD + f"PW;CP=&&{AREA}&&", "field_without_value"),
        ("", "mn_missing"),
    ],
)
def test_every_deviation_has_its_name(text: str, name: str) -> None:
    assert name in read(text).deviations


def test_flag_after_the_data_area_and_in_capitals_counts() -> None:
    without = HEAD.replace("Flag=5;", "")
    for text in (
        f"{without}CP=&&{AREA}&&;Flag=5",
        f"{without}CP=&&{AREA}&&Flag=5",
        f"{without}FLAG=5;CP=&&{AREA}&&",
    ):
        packet = read(text)
        assert packet.flag == 5
        assert packet.cp == AREA


def test_resent_data_of_2025_is_no_deviation() -> None:
    packet = read(HEAD.replace("Flag=5", "Flag=9") + f"RF=1;CP=&&{AREA}&&")
    assert packet.resent
    assert packet.deviations == ()


def test_the_first_of_a_repeated_field_counts() -> None:
    assert read(HEAD + f"MN=7;CP=&&{AREA}&&").mn == "010000A8900016F000169DC0"


def test_29_february_takes_the_long_way_to_the_same_result() -> None:
    packet = read(HEAD.replace("20240601", "20240229") + f"CP=&&{AREA}&&")
    assert packet.deviations == ()
    assert packet.qn_ms == 1_709_164_800_123


def test_bytes_in_no_known_encoding_are_named() -> None:
    packet = segments.read(b"CP=&&a=\xff\xff&&", b"", 0)
    assert "undecodable" in packet.deviations


def test_value_finds_whole_names_only() -> None:
    packet = read(f"{HEAD}CP=&&XDataTime=1;a=DataTime=2; DataTime=3&&")
    assert packet.value("DataTime") == "3"
    assert packet.value("Time") is None


@given(st.text(alphabet="QNSTCPMWFlag=;&,#0123456789-DataTimeRtd. \r\n清", max_size=120))
def test_any_text_is_read_without_an_error_and_nothing_is_lost(text: str) -> None:
    packet = read(text)
    assert packet.groups == [
        [i.split("=", 1) for i in g.split(",")] for g in packet.cp.split(";") if packet.cp
    ]
    assert packet.cp in text
    assert len(set(packet.deviations)) == len(packet.deviations)
    if packet.flat is not None:
        assert packet.flat == [part for group in packet.groups for item in group for part in item]


def test_a_last_item_without_value_is_not_made_up_for_by_a_repeated_name() -> None:
    """Counting names would let this pass for pairs: one too many, one twice."""
    cp = "DataTime=20240601080039;w01018-Rtd=2;w01018-Rtd=3;w01001-Rtd"
    packet = read(f"{HEAD}CP=&&{cp}&&")
    assert packet.flat is None
    assert {"duplicate_key", "item_without_value"} <= set(packet.deviations)
