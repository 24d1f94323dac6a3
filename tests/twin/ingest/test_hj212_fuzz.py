"""Mutated streams: never an error, never a byte unaccounted for, never a wrong number. Seeded and bounded."""

from __future__ import annotations

import random
import re

import pytest

from tests.twin.ingest.test_hj212_crc import by_the_book
from tests.twin.ingest.test_hj212_frame import covers
from tests.twin.ingest.test_hj212_samples import SAMPLES, raw
from twin.ingest.hj212.answers import answer_to
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet, Reject
from twin.ingest.hj212.readings import Interpreter

ROUNDS = 4000
WORDS = (
    b"##",
    b"\r\n",
    b"&&",
    b"=",
    b";",
    b",",
    b"-",
    b"##0170",
    b"##9999",
    b"FFFF",
    b"NaN",
    b"\xff",
    b"\xc7\xe5",
)
SEEDS = [raw(s) for s in SAMPLES if len(raw(s)) < 700]
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def read(data: bytes, tolerant: bool) -> list[Packet | Reject]:
    reader = Reader(tolerant=tolerant)
    return [*reader.feed(data), *reader.close()]


def mutate(random_: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(random_.randint(1, 5)):
        at = random_.randrange(len(out) + 1)
        kind = random_.randrange(5)
        if kind == 0 and at < len(out):
            out[at] = random_.randrange(256)
        elif kind == 1:
            out[at : at + random_.randint(1, 20)] = b""
        elif kind == 2:
            out[at:at] = random_.choice(WORDS)
        elif kind == 3:
            out[at:at] = random_.choice(SEEDS)[: random_.randint(1, 200)]
        else:
            out[at:at] = out[at : at + random_.randint(1, 60)]
    return bytes(out)


def check_numbers(packet: Packet) -> None:
    """Every number stored stands in a frame of right length and check, as a number, under its own name."""
    rows = Interpreter().readings(packet).rows
    if not rows:
        return
    assert packet.trusted
    for series, _, value, _ in rows:
        stated = [
            item[1]
            for group in packet.groups
            for item in group
            if len(item) == 2 and item[0].strip().casefold() == f"{series.factor}-{series.stat}".casefold()
        ]
        assert any(NUMBER.fullmatch(text.strip(" ")) and float(text) == value for text in stated)


@pytest.mark.parametrize("tolerant", [False, True], ids=["strict", "tolerant"])
def test_mutated_streams(tolerant: bool) -> None:
    random_ = random.Random(212)
    delivered = 0
    for _ in range(ROUNDS):
        data = mutate(random_, random_.choice(SEEDS) + random_.choice((b"", random_.choice(SEEDS))))
        found = read(data, tolerant)
        assert covers(found, len(data))
        for one in found:
            if isinstance(one, Packet):
                delivered += 1
                answer_to(one)
                check_numbers(one)
                if not tolerant:
                    length = int(one.raw[2:6])
                    assert one.raw[:2] == b"##"
                    assert len(one.raw) == length + 12
                    assert int(one.raw[-6:-2], 16) == by_the_book(one.raw[6:-6])
    assert delivered > ROUNDS / 10


@pytest.mark.parametrize("tolerant", [False, True], ids=["strict", "tolerant"])
def test_one_wrong_byte_never_changes_a_number(tolerant: bool) -> None:
    """Each byte of real frames replaced: what is stored is what the untouched frame would have stored."""
    random_ = random.Random(2011)
    for data in [raw(s) for s in SAMPLES if s["valid"]][:12]:
        interpreter = Interpreter()
        right = {
            row[:3]
            for p in read(data, tolerant)
            if isinstance(p, Packet)
            for row in interpreter.readings(p).rows
        }
        for at in range(len(data)):
            wrong = bytearray(data)
            wrong[at] ^= random_.randrange(1, 256)
            for one in read(bytes(wrong), tolerant):
                if isinstance(one, Packet):
                    assert {row[:3] for row in interpreter.readings(one).rows} <= right


@pytest.mark.parametrize("tolerant", [False, True], ids=["strict", "tolerant"])
def test_mutated_streams_do_not_depend_on_the_cut(tolerant: bool) -> None:
    random_ = random.Random(17)
    for _ in range(ROUNDS // 8):
        data = mutate(random_, random_.choice(SEEDS) + random_.choice(SEEDS))
        reader = Reader(tolerant=tolerant)
        found: list[Packet | Reject] = []
        at = 0
        while at < len(data):
            step = random_.choice((1, 2, 5, 50))
            found += reader.feed(data[at : at + step])
            at += step
        assert [*found, *reader.close()] == read(data, tolerant)
