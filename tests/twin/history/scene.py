"""Readings that tell where they come from, and what a history shows of them."""

from __future__ import annotations

from twin.blocks import Block, BlockBuilder, Series, encode
from twin.history.reader import History
from twin.stream import Stream

T0 = 1_795_300_000_000
MINUTE = 60_000
A, B = "010000A8900016F000000001", "010000A8900016F000000002"
COD, NH3N = "w01018", "w21003"


def frame(minute: int, mns: tuple[str, ...] = (A, B), shift: float = 0.0) -> Block:
    """One frame a logger for one minute; the value tells where it comes from."""
    builder = BlockBuilder()
    for k, mn in enumerate(mns):
        at = T0 + minute * MINUTE
        values = [(COD, 100.0 * k + minute + shift), (NH3N, 1.0 + k + shift)]
        rows = [(Series(mn, f, "2011", "Rtd"), at, v, ord("N")) for f, v in values]
        builder.add(f"##MN={mn};minute={minute};shift={shift}".encode(), at + 900, rows)
    return builder.build()


def one(mn: str, code: str, minute: int, value: float, flag: int = 78) -> Block:
    """One frame of one reading."""
    builder = BlockBuilder()
    at = T0 + minute * MINUTE
    builder.add(b"x", at, [(Series(mn, code, "2011", "Rtd"), at, value, flag)])
    return builder.build()


def append(stream: Stream, *blocks: Block) -> None:
    for block in blocks:
        stream.append("readings", encode(block))


def cod(h: History, mn: str = A) -> list[tuple[int, float]]:
    """(minute, value) of COD of one logger."""
    curve = h.series(mn, COD, T0, T0 + 10_000 * MINUTE)
    return [((int(at) - T0) // MINUTE, float(v)) for at, v in zip(curve.at_ms, curve.value, strict=True)]
