"""A group's entries of many shards in the strict order of their ids: for a reader that keeps one place only.

Who writes history notes the last entry that is in a file, and takes everything up to it for written. So an
entry must not be given out while another shard may still bring an older one. How far that is, each shard's own
server says: what is not read yet from a shard is younger than what was read last or, where nothing was left,
than the server's clock before that look. A shard that is away holds back the others; nothing is lost by that.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from twin.servers import Name
from twin.shards import Entry, place
from twin.stream import SHARDED, Stream

AGAIN_S = 0.02
# The clock first: whatever is added after that is younger.
_READ = (
    "local t = redis.call('TIME') "
    "local r = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS', KEYS[1], '>') "
    "return {t[1], t[2], r and r[1][2] or {}}"
)


class InOrder(Stream):
    """The same stream, whose `pending` and `take` give readings in the order of their ids."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._held: list[Entry] = []  # read and not yet given out

    def take(
        self, names: Sequence[Name], group: str, consumer: str, *, count: int = 64, wait_ms: int = 500
    ) -> list[tuple[Name, Entry]]:
        """Read new entries for a consumer, waiting at most `wait_ms`."""
        if self.shards == 1 or list(names) != [SHARDED]:
            return super().take(names, group, consumer, count=count, wait_ms=wait_ms)
        until = time.monotonic() + wait_ms / 1000
        while True:
            ready = self._ready(self._read(group, consumer, count))
            if ready or time.monotonic() >= until:
                out, rest = ready[:count], ready[count:]
                self._held = rest + self._held
                return [(SHARDED, entry) for entry in out]
            time.sleep(AGAIN_S)

    def pending(
        self, name: Name, group: str, consumer: str, after: str = "0", count: int = 64
    ) -> list[Entry]:
        """Read again what this consumer took and never acknowledged, as far as its order is sure."""
        found = super().pending(name, group, consumer, after, count)
        if self.shards == 1 or name != SHARDED or not found:
            return found
        bound = min(self._undelivered(key, group) for key in self._keys(name))
        sure = [e for e in found if e.at_ms < bound]
        self._held, more = [], found[len(sure) :]
        while more:
            self._held += more
            more = super().pending(name, group, consumer, more[-1].id, count)
        return sure

    def _read(self, group: str, consumer: str, count: int) -> int:
        """Take what is new from every shard; return the moment before which nothing more will come."""
        bound = 1 << 62
        for shard, key in enumerate(self._keys(SHARDED)):
            seconds, micros, rows = self._call("eval", _READ, 1, key, group, consumer, count)
            now_ms = int(seconds) * 1000 + int(micros) // 1000
            found = [Entry(self._ids.outer(shard, own.decode()), fields[1]) for own, fields in rows if fields]
            self._held += found
            bound = min(bound, found[-1].at_ms if len(found) == count else now_ms)
        self._held.sort(key=lambda e: place(e.id))
        return bound

    def _ready(self, bound: int) -> list[Entry]:
        ready = [e for e in self._held if e.at_ms < bound]
        self._held = self._held[len(ready) :]
        return ready

    def _undelivered(self, key: str, group: str) -> int:
        """Return the moment before which a shard has nothing that this group was not given."""
        now: Any = self._call("eval", "return redis.call('TIME')", 1, key)
        last = place(self._call("xinfo_stream", key)["last-generated-id"].decode())
        for row in self._call("xinfo_groups", key):
            given = place(row["last-delivered-id"].decode())
            if row["name"] == group.encode() and given < last:
                return given[0]
        return int(now[0]) * 1000 + int(now[1]) // 1000
