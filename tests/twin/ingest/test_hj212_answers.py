"""Who gets which answer; above all, who gets none."""

from __future__ import annotations

import pytest

from twin.ingest.hj212 import segment as segments
from twin.ingest.hj212.answers import answer_to
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet

DATA = "DataTime=20240601080000;a-Rtd=1"


def packet(cn: str, flag: str | None = "5", cp: str = DATA, **other: str | None) -> Packet:
    fields = {
        "QN": "20240601080000123",
        "ST": "32",
        "CN": cn,
        "PW": "123456",
        "MN": "12091200160055",
        "Flag": flag,
    }
    head = ";".join(f"{k}={v}" for k, v in {**fields, **other}.items() if v is not None)
    return segments.read(f"{head};CP=&&{cp}&&".encode(), b"", 0)


@pytest.mark.parametrize(
    ("flag", "sent"), [("5", "4"), ("7", "4"), ("1", "0"), ("9", "8"), ("11", "8"), ("13", "12")]
)
def test_data_is_answered_with_9014_in_its_own_version(flag: str, sent: str) -> None:
    answer = answer_to(packet("2011", flag))
    assert answer is not None
    (back,) = Reader().feed(answer.encode())
    assert isinstance(back, Packet)
    assert (back.cn, back.st, back.qn, back.pw, back.mn) == (
        *("9014", "91", "20240601080000123", "123456", "12091200160055"),
    )
    assert back.flag == int(sent)
    assert back.cp == ""


@pytest.mark.parametrize(
    "cn", ["2011", "2021", "2031", "2041", "2051", "2061", "2013", "2111", "3015", "3019", "3020"]
)
def test_every_kind_of_data_is_answered(cn: str) -> None:
    answer = answer_to(packet(cn))
    assert answer is not None
    assert answer.cn == "9014"


@pytest.mark.parametrize(
    ("cn", "cp"),
    [
        *(("2081", "RestartTime=20240601080000"), ("1011", "SystemTime=20240601080000")),
        *(("1061", "RtdInterval=30"), ("2071", "AlarmTime=20240601080000")),
    ],
)
def test_replies_that_carry_data_are_answered(cn: str, cp: str) -> None:
    assert answer_to(packet(cn, cp=cp)) is not None


@pytest.mark.parametrize("cn", ["1013", "9015"])
def test_notices_are_answered_with_9013(cn: str) -> None:
    answer = answer_to(packet(cn, cp=""))
    assert answer is not None
    assert answer.cn == "9013"


@pytest.mark.parametrize("cn", ["9011", "9012", "9013", "9014"])
def test_an_answer_is_never_answered(cn: str) -> None:
    for cp in ("", DATA, "QnRtn=1"):
        assert answer_to(packet(cn, "5", cp)) is None


@pytest.mark.parametrize("flag", ["4", "6", "0", "8", None, "x"])
def test_who_wants_no_answer_gets_none(flag: str | None) -> None:
    assert answer_to(packet("2011", flag)) is None


@pytest.mark.parametrize(
    ("cn", "cp"),
    [
        *(
            ("2051", "BeginTime=20240601080000,EndTime=20240601090000"),
            ("2011", ""),
            ("2012", ""),
            ("1011", "PolId=a"),
        ),
        *(
            ("1062", "RtdInterval=30"),
            ("3020", "PolId=a;InfoId=i12001"),
            ("9021", ""),
            ("1000", "OverTime=5"),
        ),
    ],
)
def test_requests_and_unknown_commands_get_none(cn: str, cp: str) -> None:
    assert answer_to(packet(cn, cp=cp)) is None


def test_unproved_frames_get_none() -> None:
    text = f"QN=1;ST=32;CN=2011;PW=1;MN=2;Flag=5;CP=&&{DATA}&&"
    for name in ("crc_mismatch", "length_wrong"):
        assert answer_to(segments.read(text.encode(), b"", 0, (name,))) is None
    assert answer_to(segments.read(text.encode(), b"", 0, ("crc_modbus",))) is not None


def test_a_field_that_was_not_sent_is_not_invented() -> None:
    answer = answer_to(packet("2011", "1", QN=None))
    assert answer is not None
    assert answer.qn is None
    assert answer.encode().startswith(b"##0056ST=91;CN=9014;PW=123456;MN=12091200160055;Flag=0;CP=&&&&")


@pytest.mark.parametrize("value", ["a\r\nb", "清", "x" * 41, "\x00"])
def test_nothing_odd_is_carried_back(value: str) -> None:
    assert answer_to(packet("2011", MN=value)) is None
