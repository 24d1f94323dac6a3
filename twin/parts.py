"""Files of the history: their names, how they appear, and blocks of readings as the columns they hold."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.blocks import Block, Series
from twin.curves import Rows, joined
from twin.factors import canonical

Place = tuple[int, int]  # id of a stream entry: milliseconds, number
Placed = list[tuple[Place, Block]]

WATER = "32"  # system type the 2005 codes of a park's water loggers are read by
_NAME = re.compile(r"(\d+)-(\d+)_(\d+)-(\d+)_(-?\d+)-(-?\d+)_(\d)\.parquet")


class Part(NamedTuple):
    """One file of readings or frames, as its name tells.

    first, last: first and last stream entry in it; from_ms, to_ms: park time it spans; tier: how many times
    it was merged from smaller ones.
    """

    path: Path
    first: Place
    last: Place
    from_ms: int
    to_ms: int
    tier: int


class Columns(NamedTuple):
    """A table before it is a file: columns of words, each as (dictionary, index), and columns of numbers."""

    words: dict[str, tuple[list[str], NDArray[np.int32]]]
    numbers: dict[str, NDArray[np.int64] | NDArray[np.float64] | NDArray[np.uint8]]
    raw: list[bytes] | None = None

    def __len__(self) -> int:
        return len(self.numbers["at_ms"])

    def take(self, order: NDArray[np.intp]) -> Columns:
        """Only some rows, in that order."""
        return Columns(
            {key: (values, index[order]) for key, (values, index) in self.words.items()},
            {key: column[order] for key, column in self.numbers.items()},
            None if self.raw is None else [self.raw[i] for i in order.tolist()],
        )


def name(first: Place, last: Place, from_ms: int, to_ms: int, tier: int) -> str:
    """Return a part's file name."""
    return f"{first[0]}-{first[1]}_{last[0]}-{last[1]}_{from_ms}-{to_ms}_{tier}.parquet"


def read_name(path: Path) -> Part | None:
    """Read what a file's name tells; None if it is not a part's."""
    m = _NAME.fullmatch(path.name)
    if m is None:
        return None
    a, b, c, d, low, high, tier = map(int, m.groups())
    return Part(path, (a, b), (c, d), low, high, tier)


def listed(folder: Path) -> list[Part]:
    """Every part of a folder, oldest first. Files being written have other names and are never seen."""
    found: list[Part | None] = []
    with contextlib.suppress(FileNotFoundError):
        found = [read_name(folder / name) for name in os.listdir(folder)]  # noqa: PTH208 - half the time
    return sorted((p for p in found if p is not None), key=lambda part: (part.first, part.last))


def place(entry_id: str) -> Place:
    """Read a stream entry's id."""
    ms, _, n = entry_id.partition("-")
    return int(ms), int(n)


def appear(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file so that it is there whole and durable, or not at all.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(aside)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        aside.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what writers that were killed left half written. Only the folder's one writer may do this."""
    for left in folder.glob(".*.tmp"):
        left.unlink(missing_ok=True)


def readings(blocks: Placed) -> Columns:
    """Readings of some blocks as columns, sorted by series and moment so that queries can skip most."""
    ids: dict[Series, int] = {}
    found = [np.empty(0, np.int64)]
    for _, block in blocks:
        local = np.array([ids.setdefault(s, len(ids)) for s in block.series], np.int64)
        found.append(local[block.series_index] if len(block) else found[0])
    which = np.concatenate(found)
    columns = [
        np.concatenate([np.empty(0, kind), *(getattr(b, column) for _, b in blocks)])
        for column, kind in (("at_ms", np.int64), ("value", np.float64), ("flag", np.uint8))
    ]
    numbers = dict(zip(("at_ms", "value", "flag"), columns, strict=True))
    numbers |= _places(blocks, [len(b) for _, b in blocks])
    words = {}
    for i, field in enumerate(Series._fields):
        position = {value: k for k, value in enumerate(sorted({s[i] for s in ids}))}
        words[field] = (list(position), np.array([position[s[i]] for s in ids], np.int32)[which])
    return ordered(Columns(words, numbers))


def frames(blocks: Placed) -> Columns:
    """Raw frames of some blocks as columns; a frame without readings stands at the moment of its receipt."""
    mn: list[str] = []
    low, high = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for _, block in blocks:
        names = ["" for _ in block.raw]
        for i in np.unique(block.frame, return_index=True)[1].tolist():
            names[block.frame[i]] = block.series[block.series_index[i]].mn
        mn += [known or mn_of(raw) for known, raw in zip(names, block.raw, strict=True)]
        first = np.full(len(block.raw), np.iinfo(np.int64).max)
        last = np.full(len(block.raw), np.iinfo(np.int64).min)
        np.minimum.at(first, block.frame, block.at_ms)
        np.maximum.at(last, block.frame, block.at_ms)
        empty = first > last
        low.append(np.where(empty, block.received_ms, first))
        high.append(np.where(empty, block.received_ms, last))
    position = {value: i for i, value in enumerate(sorted(set(mn)))}
    numbers = {
        "at_ms": np.concatenate(low),
        "last_ms": np.concatenate(high),
        "received_ms": np.concatenate([np.empty(0, np.int64), *(b.received_ms for _, b in blocks)]),
    }
    numbers |= _places(blocks, [len(b.raw) for _, b in blocks])
    index = np.array([position[m] for m in mn], np.int32)
    raw = [r for _, block in blocks for r in block.raw]
    return ordered(Columns({"mn": (list(position), index)}, numbers, raw))


def ordered(columns: Columns) -> Columns:
    """Sort rows by their words, then by moment, then as received; a row that is there twice stays once.

    Dictionaries must be sorted, so that the order of their indices is the order of their words.
    """
    joint = np.zeros(len(columns), np.int64)
    for values, index in columns.words.values():
        joint = joint * len(values) + index
    n = columns.numbers
    order = np.lexsort((n["row"], n["entry_n"], n["entry_ms"], n["at_ms"], joint))
    same = [np.diff(n[key][order]) == 0 for key in ("entry_ms", "entry_n", "row")]
    order = order[np.concatenate((np.ones(min(1, len(order)), bool), ~np.all(same, axis=0)))]
    return columns.take(order)


def among(columns: Columns, name: str, wanted: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which rows have one of the wanted words in a column."""
    values, index = columns.words[name]
    hit = np.array([value in wanted for value in values], bool)
    return hit[index] if len(hit) else np.zeros(len(index), bool)


class Found:
    """Rows gathered from several places, with one list of points for all of them."""

    def __init__(self) -> None:
        self.points: list[tuple[str, str]] = []
        self._ids: dict[tuple[str, str], int] = {}
        self._parts: list[Rows] = []

    @property
    def rows(self) -> Rows:
        """Everything gathered."""
        return joined(self._parts)

    def add(self, columns: Columns, keep: NDArray[np.bool_] | None = None) -> None:
        """Add a table's rows; factor codes of 2005 become those of 2017."""
        (names, name), (codes, code) = columns.words["mn"], columns.words["factor"]
        pair = name.astype(np.int64) * len(codes) + code
        n = columns.numbers
        if keep is not None:
            pair, n = pair[keep], {key: column[keep] for key, column in n.items()}
        distinct, inverse = np.unique(pair, return_inverse=True)
        ids = [self._id(names[p // len(codes)], codes[p % len(codes)]) for p in distinct.tolist()]
        key = np.array(ids, np.int64)[inverse]
        self._parts.append(Rows._make([key, *(n[column] for column in Rows._fields[1:])]))

    def _id(self, mn: str, code: str) -> int:
        point = (mn, canonical(WATER, code))
        if point not in self._ids:
            self._ids[point] = len(self.points)
            self.points.append(point)
        return self._ids[point]


def mn_of(raw: bytes) -> str:
    """Read the logger's number from a raw frame; empty where there is none."""
    found = re.search(rb"MN=([^;&]*)", raw)
    return found[1].decode("ascii", "replace") if found else ""


def _places(blocks: Placed, counts: list[int]) -> dict[str, NDArray[np.int64]]:
    """Where each row came from in the stream: what tells the last received of two."""
    ids = np.array([where for where, _ in blocks], np.int64).reshape(-1, 2)
    return {
        "entry_ms": np.repeat(ids[:, 0], counts),
        "entry_n": np.repeat(ids[:, 1], counts),
        "row": np.concatenate([np.empty(0, np.int64), *(np.arange(n) for n in counts)]),
    }
