"""Hostile input costs no more than its length: steps of the interpreter are counted, not seconds."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import pytest

from tests.fuzz.hj212 import GENEROUS, Line
from tests.fuzz.streams import sealed
from twin.clock import LIVE, ParkClock
from twin.ingest.connection import Connection
from twin.ingest.gateway import Gateway
from twin.ingest.hj212.frame import LONGEST, RAW_KEPT
from twin.stream import AsyncStream

HEAD = b"QN=20240601080000123;ST=32;CN=2011;PW=123456;MN=m1;Flag=5;CP=&&DataTime=20240601080000"
STREAMS: dict[str, Callable[[int], bytes]] = {
    "hashes": lambda n: b"#" * n,
    "headers": lambda n: b"##0170" * (n // 6),
    "longest headers": lambda n: b"##9999" * (n // 6),
    "nested headers": lambda n: b"".join(b"##%04d" % (9999 - i % 9999) for i in range(n // 6)),
    "line ends": lambda n: b"\r\n" * (n // 2),
    "headers and line ends": lambda n: b"##0010\r\n" * (n // 8),
    "ampersands": lambda n: b"&" * n,
    "zeroes": lambda n: b"\x00" * n,
    "right length, wrong check": lambda n: (
        (b"##0100" + b"CN=2011;CP=&&".ljust(98, b"x") + b"&&FFFE\r\n") * (n // 112)
    ),
}
AREAS: dict[str, Callable[[int], bytes]] = {
    "separators": lambda n: b";" * n,
    "commas": lambda n: b"," * n,
    "equals": lambda n: b"=" * n,
    "times": lambda n: b";DataTime=20240601080000" * (n // 24),
    "one name": lambda n: b";w1-Rtd=1" * (n // 9),
    "marks": lambda n: b";w1-Flag=N" * (n // 10),
    "digits": lambda n: b";w1-Rtd=" + b"9" * n,
    "names": lambda n: b"".join(b";w%05d-Rtd=1" % i for i in range(n // 13)),
    "spaces": lambda n: b" " * n,
}


def steps(data: bytes, piece: int) -> int:
    """Lines run and calls made, of Python and of C, while a connection takes bytes in."""
    count = 0

    def calls(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += 1

    async def feed() -> int:
        gateway = Gateway(AsyncStream("unix:///nowhere"), ParkClock(lambda: LIVE), GENEROUS)
        connection = Connection(gateway)
        connection.connection_made(Line())  # type: ignore[arg-type]
        reader, held = connection._reader, 0
        sys.setprofile(calls)
        try:
            for at in range(0, len(data), piece):
                connection.data_received(data[at : at + piece])
                held = max(held, reader.pending)
        finally:
            sys.setprofile(None)
        assert held <= LONGEST + RAW_KEPT + piece
        return count + reader.checked // 8  # bytes that went through a check are work of C

    return asyncio.run(feed())


@pytest.mark.parametrize("kind", STREAMS)
def test_twice_the_rubbish_costs_twice_the_steps(kind: str) -> None:
    few, many = (steps(STREAMS[kind](n), 1400) for n in (40_000, 160_000))
    assert many < 5 * few + 2000, (kind, few, many)


@pytest.mark.parametrize("kind", AREAS)
def test_a_frame_with_a_right_check_and_a_hostile_area_costs_its_length(kind: str) -> None:
    few, many = (steps(sealed(HEAD + AREAS[kind](n) + b"&&") * 4, 65_536) for n in (2000, 8000))
    assert many < 5 * few + 2000, (kind, few, many)


def test_byte_by_byte_costs_steps_for_each_byte_only() -> None:
    few, many = (steps(sealed(HEAD + b";w1-Rtd=1" * k + b"&&"), 1) for k in (100, 400))
    assert many < 5 * few
