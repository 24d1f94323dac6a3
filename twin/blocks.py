"""A `Block`: many readings as columns, with the raw frames they came from. The unit of the readings stream.

Wire form: zlib of a JSON header line followed by the columns' bytes, little endian. The header names the
version, so that a later form can be told from this one.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

VERSION = 1


class Series(NamedTuple):
    """What a value is a value of. Natural key of a reading: this and the moment it is for.

    mn: logger; factor: code as sent; cn: command (2011 real-time, 2051 minute, 2061 hour, 2031 day);
    stat: suffix as sent (Rtd, Avg, Min, Max, Cou, ZsAvg ...).
    """

    mn: str
    factor: str
    cn: str
    stat: str


@dataclass(frozen=True, slots=True)
class Block:
    """Readings as columns (n of them) from frames (m of them).

    Attributes
    ----------
    series : tuple of Series
        Dictionary of what is in the block.
    series_index : (n,) int32
    at_ms : (n,) int64
        Moment the value is for, park time, epoch milliseconds.
    value : (n,) float64
    flag : (n,) uint8
        HJ 212 data mark as its character code; 0 where none was sent.
    frame : (n,) int32
        Which frame the reading came from.
    raw : tuple of bytes, m long
        The frames as received.
    received_ms : (m,) int64
        Wall clock at receipt, epoch milliseconds.
    """

    series: tuple[Series, ...]
    series_index: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    flag: NDArray[np.uint8]
    frame: NDArray[np.int32]
    raw: tuple[bytes, ...]
    received_ms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.value)


class BlockBuilder:
    """Collects readings one frame at a time and turns them into a `Block`."""

    def __init__(self) -> None:
        self._ids: dict[Series, int] = {}
        self._index: list[int] = []
        self._at: list[int] = []
        self._value: list[float] = []
        self._flag: list[int] = []
        self._frame: list[int] = []
        self._raw: list[bytes] = []
        self._received: list[int] = []

    @property
    def frames(self) -> int:
        """How many frames are in."""
        return len(self._raw)

    def add(self, raw: bytes, received_ms: int, readings: Iterable[tuple[Series, int, float, int]]) -> None:
        """Add one frame and its readings, each (series, at_ms, value, flag code)."""
        frame = len(self._raw)
        self._raw.append(raw)
        self._received.append(received_ms)
        ids = self._ids
        for series, at_ms, value, flag in readings:
            self._index.append(ids.setdefault(series, len(ids)))
            self._at.append(at_ms)
            self._value.append(value)
            self._flag.append(flag)
            self._frame.append(frame)

    def build(self) -> Block:
        """Return what was added as a block."""
        return Block(
            series=tuple(self._ids),
            series_index=np.array(self._index, np.int32),
            at_ms=np.array(self._at, np.int64),
            value=np.array(self._value, np.float64),
            flag=np.array(self._flag, np.uint8),
            frame=np.array(self._frame, np.int32),
            raw=tuple(self._raw),
            received_ms=np.array(self._received, np.int64),
        )


_COLUMNS = (
    ("series_index", "<i4"),
    ("at_ms", "<i8"),
    ("value", "<f8"),
    ("flag", "|u1"),
    ("frame", "<i4"),
    ("received_ms", "<i8"),
)


def encode(block: Block) -> bytes:
    """Return the block's wire form."""
    header = {
        "v": VERSION,
        "n": len(block),
        "m": len(block.raw),
        "series": block.series,
        "raw": [len(r) for r in block.raw],
    }
    parts = [json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode(), b"\n"]
    parts += [np.ascontiguousarray(getattr(block, name), dtype).tobytes() for name, dtype in _COLUMNS]
    parts += block.raw
    return zlib.compress(b"".join(parts), 1)


def decode(data: bytes) -> Block:
    """Read a block's wire form.

    Raises
    ------
    ValueError
        The bytes are not a block of a version this code knows.
    """
    plain = zlib.decompress(data)
    head, _, body = plain.partition(b"\n")
    header = json.loads(head)
    if header["v"] != VERSION:
        raise ValueError(f"block version {header['v']} is newer than this program ({VERSION})")
    counts = {"received_ms": header["m"]}
    columns, at = {}, 0
    for name, dtype in _COLUMNS:
        count = counts.get(name, header["n"])
        columns[name] = np.frombuffer(body, dtype, count, at)
        at += count * np.dtype(dtype).itemsize
    raw = []
    for length in header["raw"]:
        raw.append(body[at : at + length])
        at += length
    return Block(series=tuple(Series(*s) for s in header["series"]), raw=tuple(raw), **columns)
