"""Blocks of the stream as the columns that files hold, sorted by series and moment, and cut by day."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.blocks import Block, Series
from twin.history.catalogue import Place
from twin.history.names import of_logger
from twin.series import Catalogue, Finder

DAY_MS = 86_400_000
ZONE_MS = 8 * 3_600_000  # a park's days are those of China
Placed = list[tuple[Place, Block]]
Number = Callable[[Series], int]


class Columns(NamedTuple):
    """Rows of one kind, n of them.

    Attributes
    ----------
    numbers : dict of str to (n,) array
        `series` int32, `at_ms` int64 and, of readings, `value` float64 and `flag` uint8; of frames,
        `last_ms` and `received_ms` int64. `entry_ms` int64, `entry_n` and `row` int32 are the row's place
        in the stream: what tells the last received of several.
    raw : list of bytes
        Of frames; None for readings.
    """

    numbers: dict[str, NDArray[np.generic]]
    raw: list[bytes] | None = None

    def __len__(self) -> int:
        return len(self.numbers["at_ms"])

    def take(self, order: NDArray[np.intp] | NDArray[np.bool_]) -> Columns:
        """Only some rows, in that order."""
        index = np.flatnonzero(order) if order.dtype == np.bool_ else order
        return Columns(
            {key: column[index] for key, column in self.numbers.items()},
            None if self.raw is None else [self.raw[i] for i in index.tolist()],
        )


def readings(blocks: Placed, finder: Finder) -> Columns:
    """Return the readings of some blocks, in the order of the stream, sorted by series and moment."""
    found = [np.empty(0, np.int32)]
    for _, block in blocks:
        local = finder.of(Catalogue.of(block.series)).astype(np.int32)
        found.append(local[block.series_index] if len(block) else found[0])
    numbers: dict[str, NDArray[np.generic]] = {"series": np.concatenate(found)}
    for column, kind in (("at_ms", np.int64), ("value", np.float64), ("flag", np.uint8)):
        numbers[column] = np.concatenate([np.empty(0, kind), *(getattr(b, column) for _, b in blocks)])
    numbers |= _places(blocks, [len(b) for _, b in blocks])
    return ordered(Columns(numbers))


def frames(blocks: Placed, number: Number) -> Columns:
    """Return the raw frames of some blocks; one without readings stands at the moment of its receipt."""
    which = [np.empty(0, np.int32)]
    low, high = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for _, block in blocks:
        which.append(_loggers(block, number))
        first = np.full(len(block.raw), np.iinfo(np.int64).max)
        last = np.full(len(block.raw), np.iinfo(np.int64).min)
        np.minimum.at(first, block.frame, block.at_ms)
        np.maximum.at(last, block.frame, block.at_ms)
        empty = first > last
        low.append(np.where(empty, block.received_ms, first))
        high.append(np.where(empty, block.received_ms, last))
    numbers: dict[str, NDArray[np.generic]] = {
        "series": np.concatenate(which),
        "at_ms": np.concatenate(low),
        "last_ms": np.concatenate(high),
        "received_ms": np.concatenate([np.empty(0, np.int64), *(b.received_ms for _, b in blocks)]),
    }
    numbers |= _places(blocks, [len(b.raw) for _, b in blocks])
    return ordered(Columns(numbers, [r for _, block in blocks for r in block.raw]))


def _loggers(block: Block, number: Number) -> NDArray[np.int32]:
    """Return whose each frame is: of its first reading, or as the frame itself says."""
    whose = np.full(len(block.raw), -1, np.int32)
    if len(block):
        series = Catalogue.of(block.series)
        known = np.array([number(of_logger(mn)) for mn in series.names], np.int32)
        frame = block.frame[::-1]  # of several readings the first is written last, and stays
        whose[frame] = known[series.name[block.series_index[::-1]]]
    for i in np.flatnonzero(whose < 0).tolist():
        whose[i] = number(of_logger(mn_of(block.raw[i])))
    return whose


def ordered(columns: Columns) -> Columns:
    """Sort by series and moment; rows of one moment stay in the order they are in."""
    if not len(columns):
        return columns
    n = columns.numbers
    at, series = n["at_ms"].astype(np.int64), n["series"].astype(np.int64)
    low, high = int(at.min()), int(at.max())
    if (high - low + 1) * (int(series.max()) + 1) < 1 << 62:
        order = np.argsort(series * (high - low + 1) + (at - low), kind="stable")
    else:  # a logger far off in time makes the product too large for a number
        order = np.lexsort((at, series))
    return columns.take(order)


def days(columns: Columns) -> Iterator[tuple[str, Columns]]:
    """Cut rows by the park's day."""
    if not len(columns):
        return
    day = (columns.numbers["at_ms"].astype(np.int64) + ZONE_MS) // DAY_MS
    low, high = int(day.min()), int(day.max())
    if low == high:
        yield day_name(low), columns
        return
    for one in np.unique(day).tolist():
        yield day_name(one), columns.take(day == one)


def day_name(day: int) -> str:
    """Name a day, counted from 1970-01-01: "2026-11-22"."""
    return str(np.datetime64(day, "D"))


def mn_of(raw: bytes) -> str:
    """Read the logger's number from a raw frame; empty where there is none."""
    found = re.search(rb"MN=([^;&]*)", raw)
    return found[1].decode("ascii", "replace") if found else ""


def place(entry_id: str) -> Place:
    """Read a stream entry's id."""
    ms, _, n = entry_id.partition("-")
    return int(ms), int(n)


def _places(blocks: Placed, counts: Sequence[int]) -> dict[str, NDArray[np.generic]]:
    ids = np.array([where for where, _ in blocks], np.int64).reshape(-1, 2)
    return {
        "entry_ms": np.repeat(ids[:, 0], counts),
        "entry_n": np.repeat(ids[:, 1].astype(np.int32), counts),
        "row": np.concatenate([np.empty(0, np.int32), *(np.arange(n, dtype=np.int32) for n in counts)]),
    }
