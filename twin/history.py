"""History: readings and raw frames for years, in Parquet parts written from the stream. The only door to it.

A part holds whole stream entries and is named by the first and last of them. It appears whole or not at all,
and entries are acknowledged only after that. So a crash at any point leaves entries to be written again,
never a hole; what is then stored twice is the same row of the same entry, and queries give every reading
once. What is not yet in a part is read from the stream itself.
"""

from __future__ import annotations

import contextlib
import glob
import json
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from twin import parts
from twin.blocks import Block, decode
from twin.clock import wall_ms
from twin.curves import Curve, Window
from twin.errors import ConfigError, UnavailableError
from twin.factors import aliases
from twin.parts import Columns, Place, Placed
from twin.stream import Entry, Stream

GROUP, CONSUMER = "history", "writer"
BATCH = 512  # entries asked for at once
MOST_BYTES = 8 << 20  # of stream entries in one part; what is above waits for the next
MERGE = 16  # parts of one tier that become one of the next
MERGE_BELOW = 64 << 10  # bytes; larger parts are left as they are, so that a merge takes well under a second
TOP_TIER = 3
KEEP_BYTES = 256 << 20  # of the stream, however young: a fast drill must not fill the memory
AGAIN = 5  # times a query is repeated when a merge took a file away under it

Kind = Literal["readings", "frames"]
KINDS: tuple[Kind, ...] = ("frames", "readings")  # in the order in which they are written


class RawFrame(NamedTuple):
    """A frame as it was received. at_ms: park time of its first reading; received_ms: wall clock."""

    mn: str
    at_ms: int
    received_ms: int
    raw: bytes


def _local(place: str | Path) -> Path:
    if "://" in str(place):
        raise ConfigError(f"TWIN_HISTORY_URL={place} is not a folder of this machine: name one")
    return Path(place)


class Writer:
    """Moves readings from the stream to Parquet. One per park; a second one would only repeat its work.

    Parameters
    ----------
    folder : str or Path
        Where `Config.history` points.
    keep_hours : float
        How long entries stay in the stream after they were written, wall time.
    every_s : float
        Least time between two parts, wall time; until then the stream holds what is new, durably.

    Raises
    ------
    ConfigError
        The place is not a folder.
    """

    def __init__(self, folder: str | Path, keep_hours: float = 6.0, every_s: float = 20.0) -> None:
        self._folder = _local(folder)
        self._keep_ms = round(keep_hours * 3_600_000)
        self._every_s = every_s
        self._due = 0.0  # the first step writes at once
        self._member = False
        self._sizes: deque[tuple[int, int]] = deque()  # milliseconds of the id, bytes: of written entries
        self._bytes = 0

    def step(self, stream: Stream, *, now: bool = False) -> int:
        """Write what the stream has and no part holds, then acknowledge it and trim the stream.

        Parameters
        ----------
        stream : Stream
        now : bool
            Write even if the last part is younger than `every_s`.

        Returns
        -------
        int
            Readings written.

        Raises
        ------
        UnavailableError
            The stream server or the folder is away; nothing is lost, call again later.
        """
        if not now and time.monotonic() < self._due:
            return 0
        if not self._member:
            stream.join("readings", GROUP)
            for kind in KINDS:
                parts.sweep(self._folder / kind)
            self._member = True
        entries, more = self._take(stream)
        written = 0
        try:
            if entries:
                written = self._write(stream, entries)
                stream.ack("readings", GROUP, [entry.id for entry in entries])
                self._trim(stream, entries)
            for kind in KINDS:
                _merge(self._folder / kind)
        except (OSError, pa.ArrowException) as error:
            raise UnavailableError(f"the history in {self._folder} cannot be written: {error}") from error
        self._due = 0.0 if more else time.monotonic() + self._every_s
        return written

    def _take(self, stream: Stream) -> tuple[list[Entry], bool]:
        """What an earlier run took and never acknowledged, then what is new; and whether more is waiting."""
        entries: list[Entry] = []
        after = "0"
        while got := stream.pending("readings", GROUP, CONSUMER, after, BATCH):
            entries += got
            after = got[-1].id
        size = sum(len(e.body) for e in entries)
        while size < MOST_BYTES:
            got = [e for _, e in stream.take(["readings"], GROUP, CONSUMER, count=BATCH, wait_ms=1)]
            entries += got
            size += sum(len(e.body) for e in got)
            if len(got) < BATCH:
                return entries, False
        return entries, True

    def _write(self, stream: Stream, entries: list[Entry]) -> int:
        placed: Placed = []
        for entry in entries:
            block = self._decoded(stream, entry)
            if block is not None:
                placed.append((parts.place(entry.id), block))
        first, last = parts.place(entries[0].id), parts.place(entries[-1].id)
        for kind in KINDS:
            columns = parts.readings(placed) if kind == "readings" else parts.frames(placed)
            if len(columns):
                low, high = columns.numbers["at_ms"].min(), columns.numbers["at_ms"].max()
                if kind == "frames":
                    high = columns.numbers["last_ms"].max()
                name = parts.name(first, last, int(low), int(high), 0)
                _put(self._folder / kind / name, columns)
        return sum(len(block) for _, block in placed)

    def _decoded(self, stream: Stream, entry: Entry) -> Block | None:
        """Read an entry; one that cannot be read is kept as it is beside the parts, and told as a reject."""
        try:
            return decode(entry.body)
        except Exception as error:  # whatever is wrong with one entry must not stop all the others
            path = self._folder / "unreadable" / f"{entry.id}.bin"
            parts.appear(path, lambda aside: aside.write_bytes(entry.body))
            reason = f"block {entry.id} cannot be read: {error!r}"[:300]
            note = {"at_ms": wall_ms(), "mn": "", "peer": "", "reason": reason, "hex": entry.body[:64].hex()}
            stream.append("rejects", json.dumps(note).encode())
            return None

    def _trim(self, stream: Stream, entries: list[Entry]) -> None:
        """Drop old entries from the stream: only such as an earlier step has written.

        A query that listed the parts just before this step still finds this step's entries in the stream.
        """
        fresh = parts.place(entries[0].id)[0]
        before = min(wall_ms() - self._keep_ms, fresh)
        while self._sizes and (self._bytes > KEEP_BYTES or self._sizes[0][0] < before):
            ms, size = self._sizes.popleft()
            self._bytes -= size
            before = max(before, ms)
        for entry in entries:
            self._sizes.append((parts.place(entry.id)[0], len(entry.body)))
            self._bytes += len(entry.body)
        stream.trim("readings", str(before))


class History:
    """Readings of any time: Parquet parts and, behind them, what the stream still holds.

    Safe to share between threads. Values received late or again count as corrections: for one moment of one
    point the last received wins.

    Parameters
    ----------
    folder : str or Path
        Where `Config.history` points; it need not exist yet.
    stream : Stream, optional
        Without it only what is in parts is seen.

    Raises
    ------
    ConfigError
        The place is not a folder.
    UnavailableError
        From any query: the stream server or the folder cannot be read.
    """

    def __init__(self, folder: str | Path, stream: Stream | None = None) -> None:
        self._folder = _local(folder)
        self._stream = stream
        self._tails: dict[Kind, _Tail] = {kind: _Tail(kind) for kind in KINDS}
        self._lock = threading.Lock()
        # No extension is ever fetched: a park's network may have no way out.
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": 2,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._db = duckdb.connect(":memory:", config=config)

    def close(self) -> None:
        """Let the query engine go."""
        self._db.close()

    def series(
        self,
        mn: str | Sequence[str],
        factor: str,
        from_ms: int,
        to_ms: int,
        cn: str = "2011",
        stat: str | None = None,
    ) -> Curve:
        """One factor of one logger, or of several that stood at one station one after the other.

        Parameters
        ----------
        mn : str or sequence of str
        factor : str
            2017 code; values sent under the code of 2005 are found too.
        from_ms, to_ms : int
            Park time, epoch milliseconds, both included.
        cn, stat : str
            Command and suffix; without `stat`, Rtd for real-time values (2011) and Avg for all others.
        """
        names = [mn] if isinstance(mn, str) else list(mn)
        found = self._find(names, aliases(factor), from_ms, to_ms, cn, stat)
        rows = found.rows._replace(key=np.zeros(len(found.rows.key), np.int64)).newest()
        return Curve(rows.at_ms, rows.value, rows.flag)

    def window(self, from_ms: int, to_ms: int, cn: str = "2011", stat: str | None = None) -> Window:
        """Every point's values between two moments, both included; as `series` for all of them."""
        found = self._find(None, None, from_ms, to_ms, cn, stat)
        rows = found.rows.newest()
        present, begin = np.unique(rows.key, return_index=True)
        start = np.append(begin, len(rows.key)).astype(np.int64)
        points = tuple(found.points[i] for i in present)
        return Window(points, start, rows.at_ms, rows.value, rows.flag)

    def latest(
        self, at_ms: int, back_ms: int = 3_600_000, cn: str = "2011", stat: str | None = None
    ) -> Window:
        """The newest value of every point at a moment, looking back at most `back_ms`."""
        return self.window(at_ms - back_ms, at_ms, cn, stat).last()

    def raw_frames(self, mn: str | Sequence[str], from_ms: int, to_ms: int) -> list[RawFrame]:
        """Frames of a logger as they were received, oldest first, by the park time of their readings."""
        names = [mn] if isinstance(mn, str) else list(mn)
        columns = "mn, at_ms, received_ms, raw, entry_ms, entry_n, row"
        where = "list_contains(?, mn) AND last_ms >= ? AND at_ms <= ?"
        table, tail = self._scan("frames", columns, where, [names, from_ms, to_ms], from_ms, to_ms)
        found = {}
        if table is not None:
            for name, at, received, raw, *place in zip(*table.to_pydict().values(), strict=True):
                found[tuple(place)] = RawFrame(name, at, received, raw)
        if tail is not None and tail.raw is not None:
            n = tail.numbers
            keep = parts.among(tail, "mn", names) & (n["last_ms"] >= from_ms) & (n["at_ms"] <= to_ms)
            values, index = tail.words["mn"]
            for i in np.flatnonzero(keep).tolist():
                key = tuple(int(n[k][i]) for k in ("entry_ms", "entry_n", "row"))
                at, received = int(n["at_ms"][i]), int(n["received_ms"][i])
                found[key] = RawFrame(values[index[i]], at, received, tail.raw[i])
        return [frame for _, frame in sorted(found.items(), key=lambda item: (item[1].at_ms, item[0]))]

    def span(self) -> tuple[int, int] | None:
        """First and last moment, park time, of what parts hold; None before the first part."""
        known = parts.listed(self._folder / "readings")
        return (min(p.from_ms for p in known), max(p.to_ms for p in known)) if known else None

    def _find(
        self,
        mn: list[str] | None,
        codes: Sequence[str] | None,
        from_ms: int,
        to_ms: int,
        cn: str,
        stat: str | None,
    ) -> parts.Found:
        """Rows of some points (None: all), from parts and tail, with doubles."""
        stat = stat or ("Rtd" if cn == "2011" else "Avg")
        where, values = "cn = ? AND stat = ? AND at_ms BETWEEN ? AND ?", [cn, stat, from_ms, to_ms]
        wanted = [("mn", mn), ("factor", codes)]
        for column, names in wanted:
            if names is not None:
                where += f" AND list_contains(?, {column})"
                values.append(list(names))
        columns = "mn, factor, at_ms, value, flag, entry_ms, entry_n, row"
        table, tail = self._scan("readings", columns, where, values, from_ms, to_ms)
        found = parts.Found()
        if table is not None:
            found.add(_columns(table))
        if tail is not None:
            at = tail.numbers["at_ms"]
            keep = (
                (at >= from_ms)
                & (at <= to_ms)
                & parts.among(tail, "cn", [cn])
                & parts.among(tail, "stat", [stat])
            )
            for column, names in wanted:
                if names is not None:
                    keep &= parts.among(tail, column, names)
            found.add(tail, keep)
        return found

    def _scan(
        self, kind: Kind, columns: str, where: str, values: list[Any], from_ms: int, to_ms: int
    ) -> tuple[pa.Table | None, Columns | None]:
        """Ask the parts that can hold it, and return the stream's tail beside the answer."""
        for attempt in range(AGAIN):
            with self._lock:  # what is listed and what the tail holds must fit together
                known = parts.listed(self._folder / kind)
                until = max((p.last for p in known), default=(0, 0))
                tail = self._tails[kind].columns(self._stream, until) if self._stream else None
            files = [glob.escape(str(p.path)) for p in known if p.to_ms >= from_ms and p.from_ms <= to_ms]
            if not files:
                return None, tail
            query = f"SELECT {columns} FROM read_parquet(?) WHERE {where}"  # noqa: S608 - our own words
            try:
                with self._db.cursor() as cursor:
                    return cursor.sql(query, params=[files, *values]).to_arrow_table(), tail
            except duckdb.Error as error:
                if attempt == AGAIN - 1 or not isinstance(error, duckdb.IOException):
                    raise UnavailableError(
                        f"the history in {self._folder} cannot be read: {error}"
                    ) from error
        raise AssertionError("unreachable")


class _Tail:
    """Stream entries that no part of one kind holds yet, decoded once."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._blocks: Placed = []
        self._seen: Place = (0, 0)
        self._ready: tuple[Place, Columns] | None = None

    def columns(self, stream: Stream, until: Place) -> Columns:
        """Columns of every entry after `until`, the last one that is in a part."""
        self._seen = max(self._seen, until)
        while got := stream.since("readings", f"{self._seen[0]}-{self._seen[1]}", BATCH):
            self._ready = None
            for entry in got:
                self._seen = parts.place(entry.id)
                with contextlib.suppress(Exception):  # the writer keeps and reports what cannot be read
                    self._blocks.append((self._seen, decode(entry.body)))
        if self._ready is None or self._ready[0] != until:
            self._blocks = [b for b in self._blocks if b[0] > until]
            made = parts.readings(self._blocks) if self._kind == "readings" else parts.frames(self._blocks)
            self._ready = (until, made)
        return self._ready[1]


def _put(path: Path, columns: Columns) -> None:
    table = _table(columns)
    parts.appear(path, lambda aside: pq.write_table(table, aside, compression="zstd", row_group_size=65_536))


def _table(columns: Columns) -> pa.Table:
    arrays: dict[str, Any] = {
        key: pa.DictionaryArray.from_arrays(pa.array(index), pa.array(values, pa.string()))
        for key, (values, index) in columns.words.items()
    }
    arrays |= {key: pa.array(column) for key, column in columns.numbers.items()}
    if columns.raw is not None:
        arrays["raw"] = pa.array(columns.raw, pa.binary())
    return pa.table(arrays)


def _columns(table: pa.Table) -> Columns:
    """Back from Arrow, with sorted dictionaries."""
    words, numbers, raw = {}, {}, None
    for key in table.column_names:
        column = table[key]
        if key == "raw":
            raw = column.to_pylist()
        elif pa.types.is_string(column.type) or pa.types.is_dictionary(column.type):
            encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
            if isinstance(encoded, pa.ChunkedArray):
                encoded = encoded.combine_chunks()
            values = encoded.dictionary.to_pylist()
            rank = np.empty(len(values), np.int32)
            rank[np.argsort(np.array(values, object))] = np.arange(len(values), dtype=np.int32)
            words[key] = (sorted(values), rank[encoded.indices.to_numpy()])
        else:
            numbers[key] = column.to_numpy()
    return Columns(words, numbers, raw)


def _merge(folder: Path) -> None:
    """Make one part of many small ones, so that a query opens few files however long the history is."""
    known = parts.listed(folder)
    for tier in range(TOP_TIER):
        small = [p for p in known if p.tier == tier and p.path.stat().st_size < MERGE_BELOW][:MERGE]
        if len(small) < MERGE:
            continue
        # Dictionaries of different parts differ; _columns makes one of them.
        tables = [pq.ParquetFile(p.path).read() for p in small]
        plain = [t.cast(pa.schema([(f.name, _plain(f.type)) for f in t.schema])) for t in tables]
        merged = parts.ordered(_columns(pa.concat_tables(plain)))
        name = parts.name(
            min(p.first for p in small),
            max(p.last for p in small),
            min(p.from_ms for p in small),
            max(p.to_ms for p in small),
            tier + 1,
        )
        _put(folder / name, merged)
        for part in small:
            part.path.unlink()
        return


def _plain(kind: Any) -> Any:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
