"""What the stream holds behind the files: readings of the last seconds, seen before they are written."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.blocks import Block, Series, decode
from twin.curves import Rows
from twin.history import columns
from twin.history.catalogue import Catalogue, Place
from twin.history.columns import Columns, Placed
from twin.history.names import Known
from twin.series import Catalogue as SeriesColumns
from twin.series import Finder
from twin.stream import Stream

BATCH = 512  # entries asked for at once


class Fresh(NamedTuple):
    """Readings that no file holds yet, n of them in the order of their receipt.

    rows: key is the point's number; kind: (n,) number of command and statistic; received_ms: (n,) wall clock.
    """

    rows: Rows
    kind: NDArray[np.int32]
    received_ms: NDArray[np.int64]


class _Held(NamedTuple):
    """One entry of the stream: its id, its shard and its id there, and what it holds."""

    place: Place
    shard: int
    own: Place
    block: Block


class Tail:
    """Stream entries that no file holds yet, each decoded once."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._points = Finder(lambda series: known.point(series.mn, series.factor))
        self._blocks: list[_Held] = []
        self._seen: tuple[Place, ...] = ()
        self._ready: tuple[object, Fresh] | None = None

    def read(self, stream: Stream, it: Catalogue) -> Placed:
        """Return the blocks of every entry that no file of a catalogue holds.

        Raises
        ------
        UnavailableError
            The stream server is away.
        """
        known = [*self._seen, *[(0, 0)] * stream.shards]
        seen = [max(known[shard], it.reached(shard)) for shard in range(stream.shards)]
        while got := stream.since("readings", [f"{ms}-{n}" for ms, n in seen], BATCH):
            for entry in got:
                shard, own = stream.inside("readings", entry.id)
                seen[shard] = own
                with contextlib.suppress(Exception):  # the writer keeps and reports what cannot be read
                    block = decode(entry.body)
                    self._blocks.append(_Held(columns.place(entry.id), shard, own, block))
        self._seen = tuple(seen)
        self._blocks = [b for b in self._blocks if b.own > it.reached(b.shard)]
        return [(b.place, b.block) for b in self._blocks]

    def readings(self, stream: Stream, it: Catalogue) -> Fresh:
        """Return the readings of every entry that no file of a catalogue holds."""
        blocks = self.read(stream, it)
        if self._ready is None or self._ready[0] != (it.until, self._seen):
            self._ready = (it.until, self._seen), self._columns(blocks)
        return self._ready[1]

    def _columns(self, blocks: Placed) -> Fresh:
        key, kind = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
        for _, block in blocks:
            series = SeriesColumns.of(block.series)
            kinds = np.array([self._known.kind(cn, stat) for _, cn, stat in series.kinds], np.int32)
            key.append(self._points.of(series).astype(np.int32)[block.series_index])
            kind.append(kinds[series.kind][block.series_index])
        at = np.concatenate([np.empty(0, np.int64), *(b.at_ms for _, b in blocks)])
        value = np.concatenate([np.empty(0, np.float64), *(b.value for _, b in blocks)])
        flag = np.concatenate([np.empty(0, np.uint8), *(b.flag for _, b in blocks)])
        received = np.repeat(
            np.array([p[0] for p, _ in blocks], np.int64), [len(block) for _, block in blocks]
        )
        return Fresh(Rows(np.concatenate(key), at, value, flag), np.concatenate(kind), received)


def frames(blocks: Placed) -> tuple[list[str], Columns]:
    """Return the raw frames of some blocks; `series` counts in the list of loggers returned with them."""
    loggers: dict[str, int] = {}

    def number(series: Series) -> int:
        return loggers.setdefault(series.mn, len(loggers))

    found = columns.frames(blocks, number)
    return list(loggers), found
