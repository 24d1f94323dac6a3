"""A `Block`: many readings as columns, with the raw frames they came from. The unit of the readings stream.

Wire form: zlib of a JSON header line followed by the columns' bytes, little endian. The header names the
version, so that a later form can be told from this one. Version 2 writes each logger's name and each (factor,
command, statistic) once, and a series as two numbers; version 1, which wrote every series out, is still read.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

VERSION = 2


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


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Series that always come together, in the order in which a logger sends them."""

    series: tuple[Series, ...]


class BlockBuilder:
    """Collects readings one frame at a time and turns them into a `Block`.

    A run is so many readings of one frame for one moment, of series that follow each other.
    """

    def __init__(self) -> None:
        self._series: list[Series] = []
        self._ids: dict[Series, int] = {}
        self._starts: dict[Layout, int] = {}
        self._runs: list[tuple[int, int, int, int]] = []  # frame, first series, readings, at_ms
        self._value: list[float] = []
        self._flag = bytearray()
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
            index = ids.get(series)
            if index is None:
                index = ids[series] = len(self._series)
                self._series.append(series)
            self._runs.append((frame, index, 1, at_ms))
            self._value.append(value)
            self._flag.append(flag)

    def add_run(
        self, raw: bytes, received_ms: int, layout: Layout, at_ms: int, values: list[float], flags: bytes
    ) -> None:
        """Add one frame whose readings are those of a layout, all for one moment."""
        start = self._starts.get(layout)
        if start is None:
            start = self._starts[layout] = len(self._series)
            self._series += layout.series
        self._runs.append((len(self._raw), start, len(values), at_ms))
        self._raw.append(raw)
        self._received.append(received_ms)
        self._value += values
        self._flag += flags

    def build(self) -> Block:
        """Return what was added as a block."""
        frame, start, count, at_ms = np.array(self._runs, np.int64).reshape(-1, 4).T
        run_begins = np.cumsum(count) - count
        within = np.arange(len(self._value)) - np.repeat(run_begins, count)
        return Block(
            series=tuple(self._series),
            series_index=(np.repeat(start, count) + within).astype(np.int32),
            at_ms=np.repeat(at_ms, count),
            value=np.array(self._value, np.float64),
            flag=np.frombuffer(bytes(self._flag), np.uint8),
            frame=np.repeat(frame, count).astype(np.int32),
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
    names: dict[str, int] = {}
    kinds: dict[tuple[str, str, str], int] = {}
    name = [names.setdefault(s[0], len(names)) for s in block.series]
    kind = [kinds.setdefault(s[1:], len(kinds)) for s in block.series]
    header = {
        "v": VERSION,
        "n": len(block),
        "m": len(block.raw),
        "s": len(block.series),
        "mn": list(names),
        "kinds": list(kinds),
    }
    parts = [json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode(), b"\n"]
    parts += [np.array(numbers, "<i4").tobytes() for numbers in (name, kind, [len(r) for r in block.raw])]
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
    at = 0
    if header["v"] == 1:
        series = tuple(Series(*s) for s in header["series"])
        lengths = header["raw"]
    elif header["v"] == VERSION:
        (name, at), (kind, at) = _ints(body, header["s"], at), _ints(body, header["s"], header["s"] * 4)
        mn, kinds = header["mn"], [tuple(k) for k in header["kinds"]]
        series = tuple([Series(mn[i], *kinds[k]) for i, k in zip(name, kind, strict=True)])
        lengths, at = _ints(body, header["m"], at)
    else:
        raise ValueError(f"block version {header['v']} is newer than this program ({VERSION})")
    counts = {"received_ms": header["m"]}
    columns = {}
    for column, dtype in _COLUMNS:
        count = counts.get(column, header["n"])
        columns[column] = np.frombuffer(body, dtype, count, at)
        at += count * np.dtype(dtype).itemsize
    raw = []
    for length in lengths:
        raw.append(body[at : at + length])
        at += length
    return Block(series=series, raw=tuple(raw), **columns)


def _ints(body: bytes, count: int, at: int) -> tuple[list[int], int]:
    return np.frombuffer(body, "<i4", count, at).tolist(), at + 4 * count
