"""Written messages come back as they went in; what is too long is cut between factors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.readings import Interpreter
from twin.ingest.hj212.segment import STANDARD_CP, STANDARD_SEGMENT
from twin.ingest.hj212.times import epoch_ms, qn, stamp
from twin.ingest.hj212.write import Dialect, Group, Message, area, frame, frames

TEXT = st.text(st.characters(codec="utf-8", exclude_characters=";,=&#"), max_size=12)
NAME = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789-", min_size=1, max_size=12)
GROUPS = st.lists(st.lists(st.tuples(NAME, TEXT), min_size=1, max_size=4), max_size=5)


def message(groups: list[Group], dialect: Dialect = 2017, ack: bool = True) -> Message:
    return Message("32", "2011", "123456", "12091200160055", "20240601080000123", groups, ack, dialect)


def back(data: bytes) -> list[Packet]:
    reader = Reader()
    found = [*reader.feed(data), *reader.close()]
    assert all(isinstance(x, Packet) for x in found)
    return [x for x in found if isinstance(x, Packet)]


@given(GROUPS, st.sampled_from([2005, 2017, 2025]), st.booleans())
def test_round_trip(groups: list[Group], dialect: Dialect, ack: bool) -> None:
    (packet,) = back(b"".join(frames(message(groups, dialect, ack))))
    assert packet.groups == [[list(item) for item in group] for group in groups]
    assert (packet.st, packet.cn, packet.pw, packet.mn) == ("32", "2011", "123456", "12091200160055")
    assert packet.qn == "20240601080000123"
    assert packet.need_ack == ack
    if dialect != 2005 or ack:
        assert packet.version_bits == {2005: 0, 2017: 1, 2025: 2}[dialect]
    else:
        assert packet.flag is None


def test_what_is_standard_comes_back_without_deviation() -> None:
    groups: list[Group] = [[("DataTime", "20240601080000")], [("w01018-Rtd", "23.4"), ("w01018-Flag", "N")]]
    for dialect in (2017, 2025):
        (packet,) = back(frames(message(groups, dialect))[0])
        assert packet.deviations == ()


def test_2005_leaves_out_what_it_did_not_have() -> None:
    one = Message(
        "32", "2011", "123456", "12091200160055", groups=[[("DataTime", "20240601080000")]], dialect=2005
    )
    assert frames(one) == [
        b"##0072ST=32;CN=2011;PW=123456;MN=12091200160055;CP=&&DataTime=20240601080000&&"
        + frames(one)[0][-6:-2]
        + b"\r\n"
    ]


def test_resent_is_marked_where_the_dialect_can() -> None:
    dialects: tuple[tuple[Dialect, bool], ...] = ((2017, False), (2025, True))
    for dialect, marked in dialects:
        one = Message("32", "2011", "1", "12091200160055", "20240601080000123", [], False, dialect, True)
        (packet,) = back(frames(one)[0])
        assert packet.resent is marked


@pytest.mark.parametrize("dialect", [2005, 2017, 2025])
def test_a_long_message_is_cut_between_factors(dialect: Dialect) -> None:
    values = {f"w{i:05d}": i + 0.5 for i in range(60)}
    groups: list[Group] = [[("DataTime", "20240601080000")]]
    groups += [[(f"{k}-Avg", str(v)), (f"{k}-Flag", "N")] for k, v in values.items()]
    parts = frames(message(groups, dialect))
    assert len(parts) > 1
    packets = back(b"".join(parts))
    interpreter = Interpreter()
    got = {}
    for i, packet in enumerate(packets):
        assert (packet.pnum, packet.pno) == (len(parts), i + 1)
        assert packet.split
        assert packet.data_time == "20240601080000"
        assert len(packet.raw) - 12 <= STANDARD_SEGMENT
        assert len(packet.cp) <= STANDARD_CP
        assert not packet.deviations
        got.update({s.factor: v for s, _, v, _ in interpreter.readings(packet).rows})
    assert got == values
    assert [p.qn for p in packets] == [f"20240601080000{123 + i}" for i in range(len(parts))]


@pytest.mark.parametrize(("mn", "limit"), [("12091200160055", 947), ("1", 950)])
def test_exactly_at_the_limit_is_not_cut(mn: str, limit: int) -> None:
    """947: the segment is full first (1024 with its header); 950: the data area is."""
    lead: Group = [("DataTime", "20240601080000")]
    room = limit - len(area([lead]))
    for spare, parts in ((0, 1), (-1, 2)):
        first: Group = [("x", "1" * 300)]
        second: Group = [("y", "1" * (room - spare - len(area([first])) - len(";;y=")))]
        got = frames(Message("32", "2011", "123456", mn, "20240601080000123", [lead, first, second], True))
        assert len(got) == parts


def test_one_factor_that_fits_no_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit a frame"):
        frames(message([[("x", "1" * 2000)]]))
    with pytest.raises(ValueError, match="does not fit a frame"):
        frame(b"x" * 10_000)


@given(st.integers(0, 4_102_444_799_999))
def test_times_come_back(at_ms: int) -> None:
    assert epoch_ms(qn(at_ms)) == at_ms
    assert epoch_ms(stamp(at_ms)) == at_ms // 1000 * 1000


def test_times_are_china_time() -> None:
    assert epoch_ms("19700101080000") == 0
    assert stamp(1_717_200_000_000) == "20240601080000"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024060108000",
        "202406010800000",
        "20240230080000",
        "20240601240000",
        "20240601086000",
        "2024060108000x",
    ],
)
def test_what_is_no_moment(text: str) -> None:
    assert epoch_ms(text) is None
    assert epoch_ms("２０２４０６０１０８００００") is None
