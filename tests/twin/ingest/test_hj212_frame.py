"""The stream reader: what survives what, in which order, held for how long and at what cost."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.ingest.hj212 import frame as frames
from twin.ingest.hj212.crc import crc_modbus
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet, Reject
from twin.ingest.hj212.write import frame

SEGMENT = (
    b"QN=20240601080000123;ST=32;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=5;"
    b"CP=&&DataTime=20240601080000;w01018-Rtd=23.4,w01018-Flag=N&&"
)
GOOD = frame(SEGMENT)
OTHER = frame(SEGMENT.replace(b"23.4", b"99.9"))
WRONG = GOOD[:-6] + b"0000\r\n"


def read(*pieces: bytes, tolerant: bool = False) -> list[Packet | Reject]:
    reader = Reader(tolerant=tolerant)
    return [x for piece in pieces for x in reader.feed(piece)] + reader.close()


def brief(found: Iterable[Packet | Reject]) -> list[str | int]:
    """Rejects by reason, packets by where they began."""
    return [x.reason if isinstance(x, Reject) else x.offset for x in found]


def covers(found: list[Packet | Reject], size: int) -> bool:
    """Every byte is in exactly one packet or reject, in order."""
    at = 0
    for one in found:
        if one.offset != at:
            return False
        at += len(one.raw) if isinstance(one, Packet) else one.length
    return at == size


def test_half_a_frame_is_nothing_yet() -> None:
    reader = Reader()
    for i in range(len(GOOD) - 1):
        assert reader.feed(GOOD[i : i + 1]) == []
        assert reader.pending == i + 1
    assert brief(reader.feed(GOOD[-1:])) == [0]
    assert reader.pending == 0


def test_two_frames_and_a_half_in_one_read() -> None:
    reader = Reader()
    assert brief(reader.feed(GOOD + OTHER + GOOD[:50])) == [0, len(GOOD)]
    assert brief(reader.feed(GOOD[50:])) == [2 * len(GOOD)]


def test_a_wrong_check_is_one_reject_and_the_frames_around_it_survive() -> None:
    found = read(GOOD + WRONG + OTHER)
    assert brief(found) == [0, "crc_mismatch", 2 * len(GOOD)]
    assert found[1] == Reject(len(GOOD), len(WRONG), WRONG, "crc_mismatch")


def test_two_wrong_checks_are_two_rejects() -> None:
    assert brief(read(WRONG + WRONG)) == ["crc_mismatch", "crc_mismatch"]


@pytest.mark.parametrize("length", [b"0001", b"0100", b"0300", b"0443", b"9999"])
def test_a_wrong_length_does_not_swallow_the_next_good_frame(length: bytes) -> None:
    broken = b"##" + length + GOOD[6:]
    found = read(broken + GOOD + OTHER)
    assert [x.offset for x in found if isinstance(x, Packet)] == [len(broken), len(broken) + len(GOOD)]
    assert isinstance(found[0], Reject)
    assert covers(found, len(broken) + len(GOOD) + len(OTHER))


def test_a_frame_quoted_in_a_log_is_no_frame_of_its_own() -> None:
    log = b"ST=32;CN=3020;PW=123456;MN=12091200160055;Flag=5;CP=&&i11001-Info=//" + GOOD + b"//&&"
    outer = frame(log)
    assert brief(read(outer)) == [0]
    assert brief(read(*(outer[i : i + 1] for i in range(len(outer))))) == [0]
    assert read(outer)[0].raw == outer


def test_rubbish_is_one_reject_up_to_the_next_header() -> None:
    assert brief(read(b"GET / HTTP/1.1\r\n\r\n" + GOOD)) == ["no_header", 18]
    assert brief(read(b"#" + GOOD)) == ["length_field", 1]
    assert brief(read(b"x#" + GOOD)) == ["no_header", 2]
    assert brief(read(b"######" + GOOD)) == ["length_field", 6]


def test_endless_rubbish_is_reported_in_pieces_and_not_kept() -> None:
    reader = Reader()
    found = []
    for _ in range(100):
        found += reader.feed(b"A" * 1000)
        assert reader.pending <= frames.RAW_KEPT
    found += reader.close()
    assert sum(x.length for x in found if isinstance(x, Reject)) == 100_000
    assert len(found) == 25
    assert all(len(x.raw) <= frames.RAW_KEPT for x in found)


def test_time_limit_frees_what_a_wrong_length_holds_back() -> None:
    reader = Reader()
    held = b"##9000" + GOOD[6:]
    assert reader.feed(held, now=100.0) == []
    assert reader.feed(GOOD, now=104.0) == []
    assert reader.expire(109.9) == []
    assert brief(reader.expire(110.0)) == ["truncated_or_length", len(held)]
    assert reader.pending == 0


def test_time_limit_counts_from_the_first_byte_of_what_is_held() -> None:
    reader = Reader()
    reader.feed(GOOD[:20], now=0.0)
    assert brief(reader.feed(GOOD[20:] + OTHER[:20], now=9.0)) == [0]
    assert reader.expire(12.0) == []
    assert brief(reader.feed(OTHER[20:], now=13.0)) == [len(GOOD)]


def test_time_limit_reports_rubbish_that_no_header_follows() -> None:
    reader = Reader()
    assert reader.feed(b"hello\r\n", now=1.0) == []
    assert brief(reader.expire(12.0)) == ["no_header"]
    assert reader.expire(30.0) == []


def test_a_lone_hash_is_settled_by_the_time_limit() -> None:
    reader = Reader()
    assert reader.feed(b"#", now=0.0) == []
    assert brief(reader.expire(10.0)) == ["no_header"]


def test_a_missing_tail_waits_briefly() -> None:
    for tolerant, outcome in ((False, "tail"), (True, 0)):
        reader = Reader(tolerant=tolerant)
        assert reader.feed(GOOD[:-2], now=0.0) == []
        assert reader.expire(0.4) == []
        assert brief(reader.expire(0.5)) == [outcome]


def test_strict_wants_cr_lf_and_the_next_frame_survives() -> None:
    assert brief(read(GOOD[:-2] + OTHER)) == ["tail", len(GOOD) - 2]
    assert brief(read(GOOD[:-2] + b"\n" + OTHER)) == ["tail", len(GOOD) - 1]


@pytest.mark.parametrize(
    ("tail", "name"),
    [(b"", "tail_missing"), (b"\n", "tail_lf"), (b"\r", "tail_cr")],
    ids=["none", "lf", "cr"],
)
def test_tolerant_takes_other_tails(tail: bytes, name: str) -> None:
    found = read(GOOD[:-2] + tail + OTHER, tolerant=True)
    assert brief(found) == [0, len(GOOD) - 2 + len(tail)]
    assert isinstance(found[0], Packet)
    assert found[0].deviations == (name,)


def test_tolerant_takes_the_check_of_modbus_either_way_round() -> None:
    value = crc_modbus(SEGMENT)
    for sent, name in ((value, "crc_modbus"), ((value & 0xFF) << 8 | value >> 8, "crc_modbus_swapped")):
        data = GOOD[:-6] + b"%04X\r\n" % sent
        assert brief(read(data)) == ["crc_modbus"]
        (packet,) = read(data, tolerant=True)
        assert isinstance(packet, Packet)
        assert packet.deviations == (name,)
        assert packet.trusted


def test_tolerant_does_not_trust_a_wrong_check() -> None:
    (packet,) = read(WRONG, tolerant=True)
    assert isinstance(packet, Packet)
    assert packet.deviations == ("crc_mismatch",)
    assert not packet.trusted


def test_tolerant_mends_a_length_only_where_a_second_sign_speaks_for_it() -> None:
    short = b"##%d" % len(SEGMENT) + GOOD[6:]
    (packet,) = read(short, tolerant=True)
    assert isinstance(packet, Packet)
    assert packet.deviations == ("length_field",)
    assert packet.trusted
    (packet,) = read(b"##0087" + GOOD[6:], tolerant=True)
    assert isinstance(packet, Packet)
    assert packet.deviations == ("length_wrong",)
    assert not packet.trusted


def test_tolerant_takes_a_length_in_characters_and_a_dropped_zero() -> None:
    text = "ST=32;CN=3020;PW=123456;MN=12091200160055;Flag=5;CP=&&i11001-Info=//清洗管路//&&"
    whole = frame(text.encode())
    (packet,) = read(b"##%04d" % len(text) + whole[6:], tolerant=True)
    assert isinstance(packet, Packet)
    assert "length_in_characters" in packet.deviations
    assert packet.trusted
    low = next(frame(SEGMENT + b" " * i) for i in range(99) if frame(SEGMENT + b" " * i)[-6:-5] == b"0")
    segment = low[6:-6]
    low = frame(segment)
    dropped = low[:-6] + low[-5:]
    if segment.endswith(b"&&"):
        (packet,) = read(dropped, tolerant=True)
        assert isinstance(packet, Packet)
        assert "crc_short" in packet.deviations


def test_longer_than_the_standard_is_taken_and_named() -> None:
    long = frame(SEGMENT[:-2] + b"".join(b";a%04d-Rtd=1.0" % i for i in range(80)) + b"&&")
    (packet,) = read(long)
    assert isinstance(packet, Packet)
    assert "segment_over_1024" in packet.deviations


class Counting(Reader):
    """Counts the headers that had to be looked at one by one."""

    judged = 0

    def _judge(self, buf: bytes, pos: int, final: bool) -> frames._Verdict:
        self.judged += 1
        return super()._judge(buf, pos, final)


HOSTILE = {
    "hashes": b"#",
    "headers": b"##0000",
    "longest": b"##9999",
    "hex": b"##9998",
    "hex and tail": b"##9996\r\n",
    "lines": b"\n##",
    "empty frames": b"##0000FFFF\r\n",
    "almost": b"##0170QN=1;CN=2011;CP=&&",
    "zeros": b"\0",
}


@pytest.mark.parametrize("tolerant", [False, True], ids=["strict", "tolerant"])
@pytest.mark.parametrize("pattern", HOSTILE.values(), ids=HOSTILE.keys())
def test_work_grows_no_faster_than_hostile_input(pattern: bytes, tolerant: bool) -> None:
    work = []
    for size in (30_000, 60_000):
        reader = Counting(tolerant=tolerant)
        data = (pattern * size)[:size]
        found = []
        for i in range(0, size, 4096):
            found += reader.feed(data[i : i + 4096])
            assert reader.pending <= frames.LONGEST + frames.RAW_KEPT + 4096
        found += reader.close()
        assert covers(found, size)
        reads = size / 4096 + 2
        assert reader.judged <= size / len(pattern) + reads
        work.append(reader.checked)
    assert work[1] <= 3.2 * work[0] + 10_000  # twice the bytes; the first frame's length is a constant part


@given(
    st.lists(st.sampled_from([GOOD, OTHER, WRONG, b"\r\n", b"noise", b"##12", b"##0999"]), max_size=8),
    st.data(),
)
def test_any_cut_gives_the_same(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    whole = read(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    edges = [0, *cuts, len(stream)]
    for tolerant in (False, True):
        pieces = [stream[a:b] for a, b in pairwise(edges)]
        assert read(*pieces, tolerant=tolerant) == read(stream, tolerant=tolerant)
    assert covers(whole, len(stream))
    good = sum(1 for x in parts if x in (GOOD, OTHER))
    assert sum(isinstance(x, Packet) for x in whole) == good
