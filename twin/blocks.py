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
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.series import Catalogue, Kind
from twin.series import Series as Series

VERSION = 2


@dataclass(frozen=True, slots=True)
class Block:
    """Readings as columns (n of them) from frames (m of them).

    Attributes
    ----------
    series : Catalogue
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

    series: Catalogue
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
    """Series that always come together, in the order in which a logger sends them.

    kinds: better one and the same tuple for all loggers that send alike.
    """

    mn: str
    kinds: tuple[Kind, ...]

    @property
    def series(self) -> tuple[Series, ...]:
        """Each of them by name."""
        return tuple([Series(self.mn, *kind) for kind in self.kinds])


class BlockBuilder:
    """Collects readings one frame at a time and turns them into a `Block`.

    A run is so many readings of one frame for one moment, of series that follow each other.
    """

    def __init__(self) -> None:
        self._chunks: list[tuple[str, tuple[Kind, ...]]] = []
        self._size = 0  # series in them
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
                index = ids[series] = self._size
                self._size += 1
                self._chunks.append((series[0], (series[1:],)))
            self._runs.append((frame, index, 1, at_ms))
            self._value.append(value)
            self._flag.append(flag)

    def add_run(
        self, raw: bytes, received_ms: int, layout: Layout, at_ms: int, values: list[float], flags: bytes
    ) -> None:
        """Add one frame whose readings are those of a layout, all for one moment."""
        start = self._starts.get(layout)
        if start is None:
            start = self._starts[layout] = self._size
            self._size += len(layout.kinds)
            self._chunks.append((layout.mn, layout.kinds))
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
            series=Catalogue.chunks(self._chunks),
            series_index=(np.repeat(start, count) + within).astype(np.int32),
            at_ms=np.repeat(at_ms, count),
            value=np.array(self._value, np.float64),
            flag=np.frombuffer(bytes(self._flag), np.uint8),
            frame=np.repeat(frame, count).astype(np.int32),
            raw=tuple(self._raw),
            received_ms=np.array(self._received, np.int64),
        )


_COLUMNS_1 = (
    ("series_index", "<i4"),
    ("at_ms", "<i8"),
    ("value", "<f8"),
    ("flag", "|u1"),
    ("frame", "<i4"),
    ("received_ms", "<i8"),
)
_COLUMNS = (("value", "<f8"), ("flag", "|u1"), ("received_ms", "<i8"))
_RUNS = (("frame", "<i4"), ("start", "<i4"), ("count", "<i4"), ("run_at_ms", "<i8"))


def encode(block: Block) -> bytes:
    """Return the block's wire form."""
    series = Catalogue.of(block.series)
    begins, count = _runs(block)
    header = {
        "v": VERSION,
        "n": len(block),
        "m": len(block.raw),
        "s": len(series),
        "r": len(begins),
        "mn": list(series.names),
        "kinds": list(series.kinds),
    }
    parts = [json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode(), b"\n"]
    parts += [
        np.array(numbers, "<i4").tobytes() for numbers in (series.name, series.kind, [*map(len, block.raw)])
    ]
    runs = (block.frame[begins], block.series_index[begins], count, block.at_ms[begins])
    parts += [np.asarray(x, dtype).tobytes() for x, (_, dtype) in zip(runs, _RUNS, strict=True)]
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
    if header["v"] == 1:
        return _decode_1(header, body)
    if header["v"] != VERSION:
        raise ValueError(f"block version {header['v']} is newer than this program ({VERSION})")
    n, m, s, r = (header[key] for key in "nmsr")
    sizes = [("name", "<i4", s), ("kind", "<i4", s), ("raw", "<i4", m)]
    sizes += [(name, dtype, r) for name, dtype in _RUNS]
    sizes += [(name, dtype, m if name == "received_ms" else n) for name, dtype in _COLUMNS]
    column, at = _columns(body, sizes, 0)
    names, kinds = tuple(header["mn"]), tuple((f, cn, stat) for f, cn, stat in header["kinds"])
    count = column["count"]
    within = np.arange(n, dtype=np.int32) - np.repeat(np.cumsum(count) - count, count)
    return Block(
        series=Catalogue(names, kinds, column["name"], column["kind"]),
        series_index=(np.repeat(column["start"], count) + within).astype(np.int32),
        at_ms=np.repeat(column["run_at_ms"], count),
        value=column["value"],
        flag=column["flag"],
        frame=np.repeat(column["frame"], count),
        raw=_raw(body, at, column["raw"].tolist()),
        received_ms=column["received_ms"],
    )


def _decode_1(header: dict[str, Any], body: bytes) -> Block:
    sizes = [(x, dtype, header["m" if x == "received_ms" else "n"]) for x, dtype in _COLUMNS_1]
    columns, at = _columns(body, sizes, 0)
    series = Catalogue.of(Series(*s) for s in header["series"])
    return Block(series=series, raw=_raw(body, at, header["raw"]), **columns)


def _runs(block: Block) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where runs begin (one frame, one moment, series that follow each other), and how long they are."""
    if not len(block):
        return np.empty(0, np.intp), np.empty(0, np.intp)
    goes_on = (np.diff(block.frame) == 0) & (np.diff(block.at_ms) == 0) & (np.diff(block.series_index) == 1)
    begins = np.flatnonzero(np.concatenate(([True], ~goes_on)))
    return begins, np.diff(begins, append=len(block))


def _columns(body: bytes, sizes: list[tuple[str, str, int]], at: int) -> tuple[dict[str, Any], int]:
    columns = {}
    for name, dtype, count in sizes:
        columns[name] = np.frombuffer(body, dtype, count, at)
        at += count * np.dtype(dtype).itemsize
    return columns, at


def _raw(body: bytes, at: int, lengths: list[int]) -> tuple[bytes, ...]:
    ends = list(accumulate(lengths, initial=at))
    return tuple([body[a:b] for a, b in pairwise(ends)])
