"""The short way and the careful way say the same, whatever comes; only the short way is short."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from twin.blocks import Series
from twin.ingest.hj212 import quick
from twin.ingest.hj212.answers import answer_to
from twin.ingest.hj212.crc import crc_text
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet, Reject
from twin.ingest.hj212.quick import Head, Memory, Taken, learn, take
from twin.ingest.hj212.readings import Interpreter
from twin.ingest.hj212.write import frame

MN = "010000A8900016F000169DC0"
Row = tuple[Series, int, float, int]
Said = tuple[bytes, list[Row], bytes | None] | tuple[int, str]


def segment(
    second: int = 0, values: str = "w01018-Rtd=12.50,w01018-Flag=N", mn: str = MN, flag: str = "5"
) -> str:
    return (
        f"QN=202406010800{second:02d}123;ST=32;CN=2011;PW=123456;MN={mn};Flag={flag};"
        f"CP=&&DataTime=202406010800{second:02d};{values}&&"
    )


class Careful:
    """Frame, fields, readings and answer, each frame from scratch."""

    def __init__(self) -> None:
        self.reader = Reader(tolerant=True)
        self.interpreter = Interpreter()
        self.said: list[Said] = []

    def feed(self, data: bytes) -> None:
        self.settle(self.reader.feed(data))

    def settle(self, found: list[Packet | Reject]) -> None:
        for one in found:
            if isinstance(one, Reject):
                self.said.append((one.length, one.reason))
                continue
            reply = answer_to(one)
            rows = self.interpreter.readings(one).rows
            self.said.append((one.raw, rows, None if reply is None else reply.encode()))
            self.learn(one)

    def learn(self, packet: Packet) -> None:
        """Nothing."""


class Quick(Careful):
    """The same with the short way before it, as a connection does it."""

    def __init__(self) -> None:
        super().__init__()
        self.heads: dict[bytes, Head] = {}
        self.memory = Memory()
        self.short = 0

    def feed(self, data: bytes) -> None:
        data = self.reader.release(len(data)) + data
        if self.reader.idle:
            taken: list[Taken] = []
            done = take(data, self.heads, self.memory, taken)
            self.reader.passed(done)
            for one in taken:
                triples = zip(one.layout.series, one.values, one.flags, strict=True)
                rows = [(s, one.at_ms, v, f) for s, v, f in triples]
                self.said.append((one.raw, rows, quick.answer(one)))
            self.short += len(taken)
            data = data[done:]
        super().feed(data)

    def learn(self, packet: Packet) -> None:
        if packet.trusted:
            learn(packet, self.interpreter, self.heads, self.memory, None)


def both(pieces: list[bytes]) -> Quick:
    careful, short = Careful(), Quick()
    for piece in pieces:
        careful.feed(piece)
        short.feed(piece)
    careful.settle(careful.reader.close())
    short.settle(short.reader.close())
    assert short.said == careful.said
    return short


def test_known_frames_go_the_short_way_and_others_do_not() -> None:
    first, second = frame(segment(0).encode()), frame(segment(1, "w01018-Rtd=7,w01018-Flag=D").encode())
    other = frame(segment(2, "w01001-Rtd=7").encode())
    got = both([first + second, second, other + second, second + other])
    assert got.short == 3


def test_a_frame_cut_in_two_reads() -> None:
    one = frame(segment(0).encode())
    got = both([one, one[:50], one[50:], one + one[:3], one[3:] + one[:-1], one[-1:]])
    assert got.short == 4  # all but the first


def test_everything_the_careful_way_minds_is_minded() -> None:
    good = frame(segment(0).encode())
    odd = [
        segment(0).replace("080000123", "086000123"),  # QN
        segment(0).replace("Time=20240601080000", "Time=20240631080000"),
        segment(0).replace("Time=20240601080000", "Time=20240601080000123"),
        segment(0, "w01018-Rtd=,w01018-Flag=N"),
        segment(0, "w01018-Rtd=1_0,w01018-Flag=N"),
        segment(0, "w01018-Rtd= 1,w01018-Flag=N"),
        segment(0, "w01018-Rtd=nan,w01018-Flag=N"),
        segment(0, "w01018-Rtd=1e3,w01018-Flag=N"),
        segment(0, "w01018-Rtd=1.2.3,w01018-Flag=N"),
        segment(0, "w01018-Rtd=" + "9" * 400 + ",w01018-Flag=N"),
        segment(0, "w01018-Rtd=1,w01018-Flag=NN"),
        segment(0, "w01018-Rtd=1,w01018-Flag="),
        segment(0, "w01018-Rtd=1,w01018-Flag=?"),
        segment(0, "w01018-Rtd=1,w01018-Flag=é"),
        segment(0, "w01018-Rtd=1;w01018-Flag=N"),
        segment(0, "w01018-Rtd=1,w01018-Flag=N,w01018-Rtd=2"),
        segment(0, flag="4"),
        segment(0, flag="9"),
        segment(0)[:-1],
        segment(0) + ";",
    ]
    pieces = [good]
    for text in odd:
        pieces += [frame(text.encode()), good, frame(text.encode()) + good]
    got = both(pieces)
    assert got.short >= len(odd)
    assert len(got.said) >= len(pieces)


def test_what_only_one_of_two_marks_says_is_not_mixed_up() -> None:
    two = "w01018-Rtd=1,w01018-Flag={};w01001-Rtd=2,w01001-Flag={}"
    pieces = [frame(segment(0, two.format("N", "N")).encode())]
    pieces += [frame(segment(0, two.format(a, b)).encode()) for a, b in (("NN", ""), ("", "NN"), ("N", ","))]
    both(pieces * 2)


def test_an_answer_is_the_careful_ways_answer() -> None:
    got = both([frame(segment(s, flag=f).encode()) for f in "0145" for s in (1, 2, 3)])
    assert got.short == 8
    assert sum(len(x) == 3 and x[2] is not None for x in got.said) == 6


def test_a_peer_cannot_make_us_remember_without_end() -> None:
    got = Quick()
    for i in range(50):
        got.feed(frame(segment(0, f"w{i:05d}-Rtd=1").encode()))
    (head,) = got.heads.values()
    assert len(head.forms) == quick.FORMS_PER_HEAD
    memory = Memory()
    for i in range(10_000):
        memory.of(b"202406%02d%02d%02d%02d" % (1 + i % 28, i // 28 % 24, i // 672 % 60, 0))
    assert len(memory._known) <= quick.MOMENTS_KEPT


def mutated(rng: random.Random) -> bytes:
    """A frame of a known or nearly known form, often broken, often with a right check all the same."""
    values = ";".join(
        f"w{rng.choice((1018, 1001, 1010)):05d}-Rtd="
        + f"{rng.random() * 10 ** rng.randint(0, 3):.{rng.randint(0, 3)}f}"
        + rng.choice(("", f",w{rng.choice((1018, 1001)):05d}-Flag={rng.choice('NNNNDC')}"))
        for _ in range(rng.randint(1, 3))
    )
    text = bytearray(segment(rng.randint(0, 61), values, flag=rng.choice("55541")).encode())
    for _ in range(rng.choice((0, 0, 0, 0, 1, 2))):
        at = rng.randrange(len(text))
        text[at : at + rng.randint(0, 2)] = rng.choice(
            (b"", b"&", b"=", b";", b",", b"#", b" ", b"\xe9", b"7", b"-")
        )
    data = frame(bytes(text))
    if rng.random() < 0.1:
        at = rng.randrange(len(data))
        data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    return data


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_mutations_cut_anywhere(seed: int) -> None:
    rng = random.Random(seed)
    usual = frame(segment(3, "w01018-Rtd=1.5,w01018-Flag=N;w01001-Rtd=7,w01001-Flag=N").encode())
    data = b"".join(rng.choice((usual, mutated(rng))) for _ in range(60))
    pieces, at = [], 0
    while at < len(data):
        step = rng.choice((1, 7, 200, 1000, 5000))
        pieces.append(data[at : at + step])
        at += step
    both([usual, *pieces])


def test_the_check_is_done() -> None:
    good = frame(segment(0).encode())
    wrong = good[:-6] + (b"0000" if crc_text(good[6:-6]) != b"0000" else b"0001") + b"\r\n"
    got = both([good, wrong, good])
    assert got.short == 1
