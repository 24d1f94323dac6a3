"""A group's entries of many shards in the strict order of their ids: for a reader that keeps one place only.

Who writes history notes the last entry that is in a file, and takes everything up to it for written. So no
entry may be given out while another shard may still bring an older one. How far that is, each shard's own
server says: what is not read yet from a shard is younger than what was read last or, where nothing was left,
than the server's clock before that look. A shard that is away holds back the others; nothing is lost by
that.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from twin.servers import Name
from twin.shards import Entry, place
from twin.stream import SHARDED, Stream

AGAIN_S = 0.02
# The clock first: whatever is added after that is younger.
_READ = (
    "local t = redis.call('TIME') "
    "local r = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], "
    "'STREAMS', KEYS[1], '>') "
    "return {t[1], t[2], r and r[1][2] or {}}"
)


class InOrder(Stream):
    """The same stream, whose `pending` and `take` give readings in the order of their ids.

    For one group and one consumer, which it reads for alone.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._held: list[Entry] = []  # read and not yet given out, in order
        self._given_out: dict[str, Entry] = {}  # and not acknowledged, in order
        self._bounds = [0] * self.shards  # before which nothing more comes from a shard, milliseconds
        self._begun = False

    def take(
        self, names: Sequence[Name], group: str, consumer: str, *, count: int = 64, wait_ms: int = 500
    ) -> list[tuple[Name, Entry]]:
        """Read new entries for a consumer, waiting at most `wait_ms`."""
        if self.shards == 1 or list(names) != [SHARDED]:
            return super().take(names, group, consumer, count=count, wait_ms=wait_ms)
        until = time.monotonic() + wait_ms / 1000
        while True:
            self._read(group, consumer, count)
            bound = min(self._bounds)
            out = [e for e in self._held[:count] if e.at_ms < bound]
            if out or time.monotonic() >= until:
                self._held = self._held[len(out) :]
                self._given_out |= {e.id: e for e in out}
                return [(SHARDED, entry) for entry in out]
            time.sleep(AGAIN_S)

    def pending(
        self, name: Name, group: str, consumer: str, after: str = "0", count: int = 64
    ) -> list[Entry]:
        """Read again what this consumer took and never acknowledged, as far as its order is sure."""
        if self.shards == 1 or name != SHARDED:
            return super().pending(name, group, consumer, after, count)
        if not self._begun:
            self._begin(group, consumer)
        return [e for e in self._given_out.values() if place(e.id) > place(after)][:count]

    def ack(self, name: Name, group: str, ids: Iterable[str]) -> None:
        """Say that entries are dealt with."""
        wanted = list(ids)
        super().ack(name, group, wanted)
        for entry in wanted:
            self._given_out.pop(entry, None)

    def forget(self) -> None:
        """Begin again at the next call: meanwhile another process may read for this consumer."""
        self._held, self._given_out, self._begun = [], {}, False

    def _begin(self, group: str, consumer: str) -> None:
        """Take over what an earlier run left; what may have an older one before it was not given out then."""
        left: list[Entry] = []
        while got := super().pending(SHARDED, group, consumer, left[-1].id if left else "0", 1000):
            left += got
        self._bounds = [self._undelivered(key, group) for key in self._keys(SHARDED)]
        bound = min(self._bounds)
        self._given_out = {e.id: e for e in left if e.at_ms < bound}
        self._held = left[len(self._given_out) :]
        self._begun = True

    def _read(self, group: str, consumer: str, count: int) -> None:
        """Take what is new from every shard, but not more and more of those that are ahead of another."""
        held, least = [0] * self.shards, min(self._bounds)
        for entry in self._held:
            held[self._ids.inner(entry.id)[0]] += 1
        for shard, key in enumerate(self._keys(SHARDED)):
            if held[shard] >= count and self._bounds[shard] > least:
                continue
            seconds, micros, rows = self._call("eval", _READ, 1, key, group, consumer, count)
            found = [Entry(self._ids.outer(shard, own.decode()), fields[1]) for own, fields in rows if fields]
            self._held += found
            now_ms = int(seconds) * 1000 + int(micros) // 1000
            self._bounds[shard] = found[-1].at_ms if len(rows) == count and found else now_ms
        self._held.sort(key=lambda e: place(e.id))

    def _undelivered(self, key: str, group: str) -> int:
        """Return the moment before which a shard has nothing that this group was not given.

        It is that of the first entry not given, not of the last one given: between the two an earlier run may
        have given out entries of other shards, and they must not be taken for new.
        """
        now: Any = self._call("eval", "return redis.call('TIME')", 1, key)
        for row in self._call("xinfo_groups", key):
            if row["name"] == group.encode():
                after = f"({row['last-delivered-id'].decode()}"
                if left := self._call("xrange", key, after, "+", 1):
                    return place(left[0][0].decode())[0]
        return int(now[0]) * 1000 + int(now[1]) // 1000
