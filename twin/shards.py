"""Readings spread over several streams, read as one: which logger goes where, and one order for all entries.

A logger's readings always go to the same shard, so their order is kept, whichever gateway takes them in. The
id of an entry becomes `ms-n` with `n` telling the shard too, so ids stay unique and nearly in order of time.
Nearly: clocks of servers differ. So whoever reads on after an id gets, beside what the id says, what was
really given out with it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

REMEMBERED = 64
Place = tuple[int, int]
Batch = list[tuple[str, bytes]]  # id as its shard has it, body


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a stream: its id and its bytes."""

    id: str
    body: bytes

    @property
    def at_ms(self) -> int:
        """Wall clock of the append, epoch milliseconds."""
        return int(self.id.split("-")[0])


def shard_of(mn: str, shards: int) -> int:
    """Return the shard of a logger; the same in every process and for ever."""
    return zlib.crc32(mn.encode()) % shards if shards > 1 else 0


def place(id: str) -> Place:
    """Read an id as numbers; a bare number is the beginning of that millisecond."""
    ms, _, n = id.partition("-")
    return int(ms), int(n or 0)


class Shards:
    """Ids of one stream that is kept in so many shards.

    Parameters
    ----------
    count : int
        With 1 every id is the server's own.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._given: dict[str, tuple[str, ...]] = {}

    def outer(self, shard: int, id: str) -> str:
        """Return the id by which an entry of a shard is known to readers."""
        if self.count == 1:
            return id
        ms, n = place(id)
        return f"{ms}-{n * self.count + shard}"

    def inner(self, id: str) -> tuple[int, str]:
        """Return shard and own id of an entry."""
        if self.count == 1:
            return 0, id
        ms, n = place(id)
        return n % self.count, f"{ms}-{n // self.count}"

    def by_shard(self, ids: Iterable[str]) -> dict[int, list[str]]:
        """Sort ids by shard."""
        out: dict[int, list[str]] = {}
        for outer in ids:
            shard, own = self.inner(outer)
            out.setdefault(shard, []).append(own)
        return out

    def after(self, id: str, *, exact: bool = False) -> tuple[str, ...]:
        """Return for every shard the id after which to read on ("0" from the beginning, "$" from now on).

        Parameters
        ----------
        exact : bool
            By the id alone, whatever was given out with it.
        """
        if self.count == 1 or id in ("0", "$"):
            return (id,) * self.count
        given = None if exact else self._given.get(id)
        return given or tuple(self._after(shard, id) for shard in range(self.count))

    def _after(self, shard: int, id: str) -> str:
        """Return the last id of a shard that is not after an outer one."""
        ms, n = place(id)
        own = (n - shard) // self.count
        if own >= 0:
            return f"{ms}-{own}"
        return f"{ms - 1}-{2**63}" if ms else "0"

    def merge(self, batches: Sequence[Batch], before: Sequence[str], count: int | None = None) -> list[Entry]:
        """Bring what was read from every shard into one order, and remember how far each was given out.

        Parameters
        ----------
        batches : sequence of lists of (id, body)
            By shard, ids as the shard has them.
        before : sequence of str
            By shard, after which id it was read.
        count : int, optional
            Give no more than so many.
        """
        entries = [Entry(self.outer(s, own), body) for s, batch in enumerate(batches) for own, body in batch]
        if self.count == 1:
            return entries[:count]
        entries.sort(key=lambda e: place(e.id))
        entries = entries[:count]
        if entries:
            reached = list(before)
            for entry in entries:
                shard, own = self.inner(entry.id)
                reached[shard] = own
            while len(self._given) >= REMEMBERED:
                del self._given[next(iter(self._given))]
            self._given[entries[-1].id] = tuple(reached)
        return entries
