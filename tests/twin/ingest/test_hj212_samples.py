"""Every published or derived sample: framing, fields, answer, reject, whatever way the bytes arrive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from twin.ingest.hj212.answers import answer_to
from twin.ingest.hj212.decode import objects
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet, Reject
from twin.ingest.hj212.readings import Interpreter

FILE = Path(__file__).parents[2] / "data" / "hj212" / "samples.jsonl"
SAMPLES: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
VALID = [s for s in SAMPLES if s["valid"]]
INVALID = [s for s in SAMPLES if not s["valid"]]
LENIENT = [s for s in INVALID if "lenient_frame" in s["expect"] or s["expect"].get("lenient_ok")]


def name(sample: dict[str, Any]) -> str:
    return str(sample["name"])


def raw(sample: dict[str, Any]) -> bytes:
    return bytes.fromhex(sample["raw_hex"]) if sample.get("raw_hex") else sample["raw"].encode("ascii")


def chunks(sample: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(c) for c in sample["chunks_hex"]] if "chunks_hex" in sample else [raw(sample)]


def read(pieces: list[bytes], *, tolerant: bool = False) -> list[Packet | Reject]:
    reader = Reader(tolerant=tolerant)
    out = [found for piece in pieces for found in reader.feed(piece)]
    return out + reader.close()


def packets(found: list[Packet | Reject]) -> list[Packet]:
    return [one for one in found if isinstance(one, Packet)]


def rejects(found: list[Packet | Reject]) -> list[Reject]:
    return [one for one in found if isinstance(one, Reject)]


def ack(packet: Packet) -> dict[str, str | None] | None:
    answer = answer_to(packet)
    return None if answer is None else {"cn": answer.cn, "st": answer.st, "qn": answer.qn}


def check_fields(packet: Packet, expected: dict[str, Any]) -> None:
    for key, value in expected.items():
        got = ack(packet) if key == "ack" else getattr(packet, key)
        assert got == value, key


def test_the_samples_are_all_there() -> None:
    assert len(SAMPLES) == 60
    assert len({name(s) for s in SAMPLES}) == 60


@pytest.mark.parametrize("sample", VALID, ids=name)
def test_valid_frames_and_their_fields(sample: dict[str, Any]) -> None:
    found = read(chunks(sample))
    assert not rejects(found)
    expected = sample["expect"]["frames"]
    assert len(found) == len(expected)
    for packet, fields in zip(packets(found), expected, strict=True):
        check_fields(packet, fields)
    assert b"".join(p.raw for p in packets(found)) == raw(sample)


@pytest.mark.parametrize("sample", INVALID, ids=name)
def test_broken_bytes_become_rejects_with_the_first_rule_broken(sample: dict[str, Any]) -> None:
    found = read(chunks(sample))
    assert rejects(found)[0].reason == sample["expect"]["reason"]
    assert len(packets(found)) == sample["expect"].get("frames_recovered", 0)


@pytest.mark.parametrize("sample", LENIENT, ids=name)
def test_tolerant_mode_delivers_what_a_lenient_platform_takes(sample: dict[str, Any]) -> None:
    found = packets(read(chunks(sample), tolerant=True))
    assert len(found) == 1
    check_fields(found[0], sample["expect"].get("lenient_frame", {}))
    assert found[0].deviations


@pytest.mark.parametrize("sample", VALID, ids=name)
def test_published_deviations_are_named(sample: dict[str, Any]) -> None:
    frames = [o for o in objects(iter([raw(sample)])) if o["kind"] == "frame"]
    for frame in frames:
        named = frame["deviations"]
        assert isinstance(named, list)
        assert set(sample.get("deviation", [])) <= set(named)


@pytest.mark.parametrize("tolerant", [False, True], ids=["strict", "tolerant"])
@pytest.mark.parametrize("sample", SAMPLES, ids=name)
def test_the_cut_of_the_bytes_makes_no_difference(sample: dict[str, Any], tolerant: bool) -> None:
    data = raw(sample)
    whole = read([data], tolerant=tolerant)
    assert read(chunks(sample), tolerant=tolerant) == whole
    assert read([data[i : i + 1] for i in range(len(data))], tolerant=tolerant) == whole
    assert read([data[:7], data[7:11], data[11:]], tolerant=tolerant) == whole


@pytest.mark.parametrize("sample", [s for s in VALID if "chunks_hex" not in s], ids=name)
def test_what_follows_a_frame_does_not_change_it(sample: dict[str, Any]) -> None:
    data = raw(sample)
    alone = read([data])
    assert read([data + data])[: len(alone)] == alone
    followed = read([data + b"GET / HTTP/1.1\r\n\r\n"])
    assert followed[:-1] == alone
    assert followed[-1].offset == len(data)


@pytest.mark.parametrize("sample", [s for s in SAMPLES if "must_not_store_numeric" in s["expect"]], ids=name)
def test_what_is_no_number_is_never_stored_as_one(sample: dict[str, Any]) -> None:
    (packet,) = packets(read(chunks(sample)))
    got = Interpreter().readings(packet)
    stored = {f"{series.factor}-{series.stat}" for series, _, _, _ in got.rows}
    noted = {note.name for note in got.notes}
    for key in sample["expect"]["must_not_store_numeric"]:
        assert key not in stored
        assert key in noted


def test_a_moment_that_is_none_gives_no_reading() -> None:
    (sample,) = [s for s in SAMPLES if s["expect"].get("data_time_valid") is False]
    (packet,) = packets(read(chunks(sample)))
    assert packet.data_time_ms is None
    got = Interpreter().readings(packet)
    assert not got.rows
    assert [note.reason for note in got.notes] == ["datatime_invalid"]


def test_a_qn_that_is_no_moment_is_kept_as_text() -> None:
    (sample,) = [s for s in SAMPLES if s["expect"].get("qn_time_valid") is False]
    (packet,) = packets(read(chunks(sample)))
    assert packet.qn_ms is None
    assert packet.qn == sample["expect"]["frames"][0]["qn"]


def test_utf8_and_gbk_logs_are_read_as_text() -> None:
    for sample in SAMPLES:
        expect = sample["expect"]
        if "cp_text_utf8" in expect:
            (packet,) = packets(read(chunks(sample)))
            assert packet.cp == expect["cp_text_utf8"]
        if expect.get("encoding") == "gbk":
            (packet,) = packets(read(chunks(sample)))
            assert expect["text"] in packet.cp


def test_a_frame_with_a_wrong_check_is_never_answered() -> None:
    for sample in INVALID:
        for packet in packets(read(chunks(sample), tolerant=True)):
            if "crc_mismatch" in packet.deviations:
                assert answer_to(packet) is None
                assert not Interpreter().readings(packet).rows
