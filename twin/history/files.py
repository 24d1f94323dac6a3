"""Parquet files of the history: how rows are laid down in few bytes, exactly, and how files become one.

Rows are sorted by series and moment, so that a series is a run, its moments are even steps (kept as
differences) and its place in the stream hardly changes. A value as a logger sends it is a decimal number:
it is kept as a whole number and how many digits stand behind the point, which gives the same double back to
the bit. The few values that are no such number (NaN, -0, more than 15 digits) stand beside, as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from twin.history.catalogue import Kind
from twin.history.columns import Columns

GROUP_ROWS = 65_536  # the least a query reads of one series
FRAME_ROWS = 8192
DIGITS = 9  # most digits behind the point
POWERS = 10.0 ** np.arange(DIGITS + 1)
_WHOLE = float(1 << 53)
_LEVEL = {"readings": 3, "frames": 6}
_DELTA = "DELTA_BINARY_PACKED"
_ENCODED = {
    "readings": dict.fromkeys(("series", "at_ms", "k", "entry_ms"), _DELTA),
    "frames": dict.fromkeys(("series", "at_ms", "last_ms", "received_ms", "entry_ms"), _DELTA),
}
_DICTIONARY = {"readings": ["scale", "flag", "entry_n", "row"], "frames": ["entry_n"]}
_PLACE = [("entry_ms", pa.int64()), ("entry_n", pa.int32()), ("row", pa.int32())]
SCHEMA = {
    "readings": pa.schema(
        [
            ("series", pa.int32()),
            ("at_ms", pa.int64()),
            ("k", pa.int64()),
            ("scale", pa.int8()),
            ("exact", pa.float64()),
            ("flag", pa.uint8()),
            *_PLACE,
        ]
    ),
    "frames": pa.schema(
        [
            ("series", pa.int32()),
            ("at_ms", pa.int64()),
            ("last_ms", pa.int64()),
            ("received_ms", pa.int64()),
            ("raw", pa.binary()),
            *_PLACE,
        ]
    ),
}


class Laid(NamedTuple):
    """What a file holds."""

    rows: int
    odd: int
    from_ms: int
    to_ms: int


def digits(value: NDArray[np.float64]) -> NDArray[np.int8]:
    """Return how many digits behind the point each value needs; -1 where it is no such decimal number.

    ``k / 10**d`` of a whole number below 2**53 is the double nearest to that decimal number, which is also
    what reading it from text gives (Clinger 1990); so equality here means equality to the bit, but for -0.
    """
    found = np.full(len(value), -1, np.int8)
    left = np.flatnonzero(np.isfinite(value) & ~((value == 0.0) & np.signbit(value)))
    for d in range(DIGITS + 1):
        v = value[left]
        with np.errstate(over="ignore"):  # what is too large fits nowhere
            scaled = v * POWERS[d]
        whole = np.rint(scaled)
        fits = (np.abs(scaled) < _WHOLE) & (whole / POWERS[d] == v)
        found[left[fits]] = d
        left = left[~fits]
        if not len(left):
            break
    return found


def table(columns: Columns) -> pa.Table:
    """Return rows as a file holds them. They must be sorted by series."""
    n = columns.numbers
    if columns.raw is not None:
        kept: dict[str, Any] = {**n, "raw": pa.array(columns.raw, pa.binary())}
        return pa.table({f.name: kept[f.name] for f in SCHEMA["frames"]}, SCHEMA["frames"])
    value, series = n["value"].astype(np.float64), n["series"]
    need = digits(value)
    scale = need
    if len(need):
        # One scale for a series, so that its whole numbers are near each other.
        begin = np.concatenate(([0], np.flatnonzero(np.diff(series)) + 1))
        most = np.maximum(np.maximum.reduceat(need, begin), 0)
        scale = np.repeat(most, np.diff(np.append(begin, len(need))))
        # With the others' digits a long number may no longer fit; it keeps its own.
        with np.errstate(over="ignore"):
            wide = (need >= 0) & (np.abs(value * POWERS[scale]) >= _WHOLE)
        scale = np.where(wide, need, scale).astype(np.int8)
    odd = need < 0
    k = np.rint(np.where(odd, 0.0, value) * POWERS[scale]).astype(np.int64)
    # The rounded number must give the value back with the wider scale too.
    odd |= k / POWERS[scale] != np.where(odd, 0.0, value)
    kept = {**n, "k": k, "scale": scale, "exact": pa.array(value, mask=~odd)}
    return pa.table({f.name: kept[f.name] for f in SCHEMA["readings"]}, SCHEMA["readings"])


def values(it: pa.Table) -> NDArray[np.float64]:
    """Return the values of a table that has `k` and `scale`, and `exact` where any row needs it."""
    value: NDArray[np.float64] = it["k"].to_numpy() / POWERS[it["scale"].to_numpy()]
    if "exact" in it.column_names and it["exact"].null_count < len(it):
        exact = it["exact"].combine_chunks()
        odd = np.asarray(exact.is_valid())
        value[odd] = exact.to_numpy(zero_copy_only=False)[odd]
    return value


class Sink:
    """A file in the making. Rows come sorted, in tables of any length."""

    def __init__(self, kind: Kind, path: Path) -> None:
        self._kind = kind
        self._group = GROUP_ROWS if kind == "readings" else FRAME_ROWS
        self._file = pq.ParquetWriter(
            path,
            SCHEMA[kind],
            compression="zstd",
            compression_level=_LEVEL[kind],
            use_dictionary=_DICTIONARY[kind],
            column_encoding=_ENCODED[kind],
        )
        self._waiting: list[pa.Table] = []
        self._rows = 0
        self.laid = Laid(0, 0, 1 << 62, -(1 << 62))

    def add(self, it: pa.Table) -> None:
        """Add rows; whole row groups are written at once."""
        if not len(it):
            return
        odd = 0 if self._kind == "frames" else len(it) - it["exact"].null_count
        last = it["last_ms" if self._kind == "frames" else "at_ms"].to_numpy().max()
        laid = self.laid
        self.laid = Laid(
            laid.rows + len(it),
            laid.odd + odd,
            min(laid.from_ms, int(it["at_ms"].to_numpy().min())),
            max(laid.to_ms, int(last)),
        )
        self._waiting.append(it)
        self._rows += len(it)
        if self._rows >= self._group:
            self._write(self._rows // self._group * self._group)

    def close(self) -> Laid:
        """Write what waits and the file's end."""
        if self._rows:
            self._write(self._rows)
        self._file.close()
        return self.laid

    def abandon(self) -> None:
        """Let go of a file that will not be used."""
        self._waiting.clear()
        self._file.close()

    def _write(self, rows: int) -> None:
        whole = pa.concat_tables(self._waiting)
        self._file.write_table(whole[:rows], row_group_size=self._group)
        rest = whole[rows:]
        self._waiting, self._rows = [rest] if len(rest) else [], len(rest)


def write(kind: Kind, path: Path, columns: Columns) -> Laid:
    """Write rows, sorted by series and moment, as one file."""
    sink = Sink(kind, path)
    sink.add(table(columns))
    return sink.close()


class _Run:
    """One file of several that become one, read a row group at a time."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path)
        self._next, self._groups = 0, self._file.metadata.num_row_groups
        self.rows: pa.Table = self._file.schema_arrow.empty_table()
        self.series: NDArray[np.int32] = np.empty(0, np.int32)

    @property
    def more(self) -> bool:
        """Whether there are row groups not yet read."""
        return bool(self._next < self._groups)

    def fill(self) -> None:
        """Read one more row group behind what is there."""
        self.rows = pa.concat_tables([self.rows, self._file.read_row_group(self._next)]).combine_chunks()
        self.series = self.rows["series"].to_numpy()
        self._next += 1

    def cut(self, bound: int) -> pa.Table:
        """Take the rows of the series below a bound."""
        at = int(np.searchsorted(self.series, bound))
        taken, self.rows, self.series = self.rows[:at], self.rows[at:], self.series[at:]
        return taken

    def close(self) -> None:
        self._file.close()


def merge(kind: Kind, paths: Sequence[Path], sink: Sink, *, rough: bool) -> Iterator[int]:
    """Make one file of several, a few series at a time, in memory that does not grow with them.

    Parameters
    ----------
    paths : sequence of Path
        In the order in which their rows were received.
    sink : Sink
        Not closed here.
    rough : bool
        Keep of a row's place in the stream only the second, where its moment has no other row. Right only
        if no file outside holds a row of the same moment that was received before.

    Yields
    ------
    int
        Rows written since the last time; a place to stop for a while.
    """
    runs = [_Run(path) for path in paths]
    try:
        while True:
            for run in runs:
                if not len(run.series) and run.more:
                    run.fill()
            ends = [int(run.series[-1]) for run in runs if run.more]
            bound = min(ends, default=1 << 31)
            ready = [taken for run in runs if len(taken := run.cut(bound))]
            if ready:
                rows = _joined(kind, pa.concat_tables(ready), rough=rough)
                sink.add(rows)
                yield len(rows)
            elif not ends:
                return
            else:  # one series is longer than a row group
                for run in runs:
                    if run.more and int(run.series[-1]) == bound:
                        run.fill()
    finally:
        for run in runs:
            run.close()


def _joined(kind: Kind, it: pa.Table, *, rough: bool) -> pa.Table:
    """Sort rows of several files; what is there twice stays once."""
    n = {name: it[name].to_numpy() for name in it.column_names if name not in ("raw", "exact", "k", "scale")}
    if kind == "readings":
        n["value"] = values(it)
    order = np.lexsort((n["row"], n["entry_n"], n["entry_ms"], n["at_ms"], n["series"]))
    n = {name: column[order] for name, column in n.items()}
    same = _repeats(n, ("series", "at_ms"))
    # Sent again unchanged, a reading is the same reading; a frame is a frame of its own.
    again = same & _repeats(n, ("entry_ms", "entry_n", "row"))
    if kind == "readings":
        bits = {"value": n["value"].view(np.int64), "flag": n["flag"]}
        again |= same & _repeats(bits, ("value", "flag"))
    if rough:
        alone = ~same & ~np.append(same[1:], False)
        n["entry_ms"] = np.where(alone, n["entry_ms"] // 1000 * 1000, n["entry_ms"])
        for name in ("entry_n", "row"):
            n[name] = np.where(alone, 0, n[name]).astype(np.int32)
    keep = np.flatnonzero(~again)
    if kind == "readings":
        return table(Columns({name: column[keep] for name, column in n.items()}))
    columns = {name: pa.array(column[keep]) for name, column in n.items()}
    columns["raw"] = it["raw"].combine_chunks().take(pa.array(order[keep]))
    return pa.table({f.name: columns[f.name] for f in SCHEMA[kind]}, SCHEMA[kind])


def _repeats(n: dict[str, NDArray[Any]], names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which rows agree in some columns with the row before."""
    out = np.ones(len(n[names[0]]), bool)
    if len(out):
        out[0] = False
    for name in names:
        out[1:] &= n[name][1:] == n[name][:-1]
    return out
