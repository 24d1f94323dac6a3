"""Inputs: real frames, and what noise, lines and broken loggers make of them, by seed."""

from __future__ import annotations

import random

from tests.fuzz.oracle import check
from tests.twin.ingest.test_hj212_samples import SAMPLES, raw
from twin.ingest.hj212.write import Group, Message, frames

WORDS = (
    *(b"##", b"#", b"\r\n", b"\r", b"\n", b"&&", b"&", b"=", b";", b",", b"-", b"##0170", b"##9999", b"FFFF"),
    *(
        b"NaN",
        b"inf",
        b"1e999",
        b"1_0",
        b"0x1F",
        b"+",
        b"-",
        b".",
        b" ",
        b"\t",
        b"\x00",
        b"\xff",
        b"\xc7\xe5",
    ),
    *(
        "１２".encode(),
        b"-Flag=N",
        b"-Rtd=",
        b"DataTime=",
        b"MN=",
        b"CP=&&",
        b"CN=2051;",
        b"99999999999999999",
    ),
)
FACTORS = ("w00000", "w01001", "w01010", "w01014", "w01018", "w21003", "w21011", "w21001")
USUAL = [raw(s) for s in SAMPLES if len(raw(s)) < 1100]


def upload(rnd: random.Random, mn: str) -> bytes:
    """What most loggers send most of the time."""
    at = f"202406{rnd.randrange(1, 31):02d}{rnd.randrange(24):02d}{rnd.randrange(60):02d}00"
    groups: list[Group] = [[("DataTime", at)]]
    groups += [
        [
            (f"{code}-Rtd", f"{rnd.random() * 10 ** rnd.randrange(4):.{rnd.randrange(4)}f}"),
            (f"{code}-Flag", "N"),
        ]
        for code in FACTORS
    ]
    return frames(Message("32", "2011", "123456", mn, f"{at}{rnd.randrange(1000):03d}", groups, True))[0]


def mutated(rnd: random.Random, data: bytes, times: int) -> bytes:
    """Change, drop, insert, repeat and swap some bytes."""
    out = bytearray(data)
    for _ in range(times):
        at = rnd.randrange(len(out) + 1)
        kind = rnd.randrange(6)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << rnd.randrange(8)
        elif kind == 1:
            del out[at : at + rnd.randint(1, 12)]
        elif kind == 2:
            out[at:at] = rnd.choice(WORDS)
        elif kind == 3 and at < len(out):
            out[at] = rnd.choice(b"0123456789.-=;,&#NnDd \r\n")
        elif kind == 4:
            out[at:at] = out[at : at + rnd.randint(1, 40)]
        else:
            other = rnd.randrange(len(out) + 1)
            out[at:at] = out[other : other + rnd.randint(1, 30)]
    return bytes(out)


def sealed(segment: bytes) -> bytes:
    """Put a right length and a right check around whatever a segment has become."""
    return b"##%04d%b%04X\r\n" % (len(segment), segment, check(segment)) if len(segment) <= 9999 else segment


def one(rnd: random.Random, mn: str) -> bytes:
    """One input: mostly something that is nearly right."""
    whole = upload(rnd, mn) if rnd.random() < 0.6 else rnd.choice(USUAL)
    kind = rnd.random()
    if kind < 0.05:
        return whole
    if kind < 0.55:  # nonsense that passes the check: what is stored of it had better be right
        return sealed(mutated(rnd, whole[6:-6], rnd.randint(1, 4)))
    if kind < 0.9:
        return mutated(rnd, whole, rnd.randint(1, 5))
    return mutated(rnd, whole[: rnd.randrange(len(whole))] + upload(rnd, mn), rnd.randrange(3))
