"""What the stream holds behind the files: readings of the last seconds, seen before they are written."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.blocks import Series, decode
from twin.curves import Rows
from twin.history import columns
from twin.history.catalogue import Place
from twin.history.columns import Columns, Placed
from twin.history.names import Known
from twin.stream import Stream

BATCH = 512  # entries asked for at once


class Fresh(NamedTuple):
    """Readings that no file holds yet, n of them in the order of their receipt.

    rows: key is the point's number; kind: (n,) number of command and statistic; received_ms: (n,) wall clock.
    """

    rows: Rows
    kind: NDArray[np.int32]
    received_ms: NDArray[np.int64]


class Tail:
    """Stream entries that no file holds yet, each decoded once."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._blocks: Placed = []
        self._seen: Place = (0, 0)
        self._ready: tuple[Place, Place, Fresh] | None = None

    def read(self, stream: Stream, until: Place) -> Placed:
        """Return the blocks of every entry after `until`, the last one that is in a file.

        Raises
        ------
        UnavailableError
            The stream server is away.
        """
        self._seen = max(self._seen, until)
        while got := stream.since("readings", f"{self._seen[0]}-{self._seen[1]}", BATCH):
            for entry in got:
                self._seen = columns.place(entry.id)
                with contextlib.suppress(Exception):  # the writer keeps and reports what cannot be read
                    self._blocks.append((self._seen, decode(entry.body)))
        self._blocks = [b for b in self._blocks if b[0] > until]
        return self._blocks

    def readings(self, stream: Stream, until: Place) -> Fresh:
        """Return the readings of every entry after `until`."""
        blocks = self.read(stream, until)
        if self._ready is None or self._ready[:2] != (until, self._seen):
            self._ready = until, self._seen, self._columns(blocks)
        return self._ready[2]

    def _columns(self, blocks: Placed) -> Fresh:
        key, kind = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
        for _, block in blocks:
            ids = [(self._known.point(s.mn, s.factor), self._known.kind(s.cn, s.stat)) for s in block.series]
            pairs = np.array(ids, np.int32).reshape(-1, 2)
            key.append(pairs[block.series_index, 0])
            kind.append(pairs[block.series_index, 1])
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
