"""What was measured when: queries over the files and, behind them, what the stream still holds.

Nothing is locked. A query takes the catalogue as it is and asks the files it names; files that are replaced
meanwhile stay on the disk for a while, and where one is gone all the same the query starts again.
"""

from __future__ import annotations

import glob
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twin.curves import Curve, Rows, Versions, Window, joined
from twin.errors import UnavailableError
from twin.history.catalogue import File, Watched, local
from twin.history.columns import Placed
from twin.history.files import values
from twin.history.names import Known
from twin.history.tail import Tail, frames
from twin.stream import Stream

AGAIN = 5  # times a query is repeated when a file went away under it
FEW = 400  # series that are named one by one in a query; more are picked out of the answer


class RawFrame(NamedTuple):
    """A frame as it was received. at_ms: park time of its first reading; received_ms: wall clock."""

    mn: str
    at_ms: int
    received_ms: int
    raw: bytes


class _Ask(NamedTuple):
    """What a query is about. points: None for all; kind: number of command and statistic."""

    points: list[int] | None
    kind: int
    from_ms: int
    to_ms: int


class History:
    """Readings of any time. Safe to share between threads.

    Values received late or again count as corrections: for one moment of one point the last received wins,
    and `versions` still gives those before it.

    Parameters
    ----------
    folder : str or Path
        Where `Config.history` points; it need not exist yet.
    stream : Stream, optional
        Without it only what is in files is seen.

    Raises
    ------
    ConfigError
        The place is not a folder, or holds a history of another version.
    UnavailableError
        From any query: the stream server or the folder cannot be read.
    """

    def __init__(self, folder: str | Path, stream: Stream | None = None) -> None:
        self._folder = local(folder)
        self._stream = stream
        self._watched, self._known = Watched(self._folder), Known(self._folder)
        self._tail = Tail(self._known)
        self._lock = threading.Lock()
        # No extension is ever fetched: a park's network may have no way out.
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": 2,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._db = duckdb.connect(":memory:", config=config)
        self._db.execute("SET GLOBAL parquet_metadata_cache = true")  # files never change

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
        rows, _ = self._find(mn, factor, from_ms, to_ms, cn, stat)
        rows = rows._replace(key=np.zeros(len(rows.key), np.int32)).newest()
        return Curve(rows.at_ms, rows.value, rows.flag)

    def versions(
        self,
        mn: str | Sequence[str],
        factor: str,
        from_ms: int,
        to_ms: int,
        cn: str = "2011",
        stat: str | None = None,
    ) -> Versions:
        """Every value received for the moments of a point, also those that a later one has replaced."""
        rows, received = self._find(mn, factor, from_ms, to_ms, cn, stat, received=True)
        order = np.argsort(rows.at_ms, kind="stable")
        at, value, flag = rows.at_ms[order], rows.value[order], rows.flag[order]
        bits = value.view(np.int64)
        again = (np.diff(at) == 0) & (np.diff(bits) == 0) & (flag[1:] == flag[:-1])
        keep = np.concatenate((np.ones(min(len(at), 1), bool), ~again))  # sent again unchanged
        return Versions(at[keep], value[keep], flag[keep], received[order][keep])

    def window(
        self,
        from_ms: int,
        to_ms: int,
        cn: str = "2011",
        stat: str | None = None,
        mns: Sequence[str] | None = None,
    ) -> Window:
        """Every point's values between two moments, both included; as `series` for all of them.

        Parameters
        ----------
        mns : sequence of str, optional
            Only the points of these loggers.
        """
        rows, _ = self._find(mns, None, from_ms, to_ms, cn, stat)
        rows = rows.newest()
        begin = np.flatnonzero(np.diff(rows.key, prepend=-1))
        start = np.append(begin, len(rows.key)).astype(np.int64)
        points = tuple(self._known.points[i] for i in rows.key[begin].tolist())
        return Window(points, start, rows.at_ms, rows.value, rows.flag)

    def latest(
        self, at_ms: int, back_ms: int = 3_600_000, cn: str = "2011", stat: str | None = None
    ) -> Window:
        """The newest value of every point at a moment, looking back at most `back_ms`."""
        return self.window(at_ms - back_ms, at_ms, cn, stat).last()

    def raw_frames(self, mn: str | Sequence[str], from_ms: int, to_ms: int) -> list[RawFrame]:
        """Frames of a logger as they were received, oldest first, by the park time of their readings."""
        names = [mn] if isinstance(mn, str) else list(mn)
        for attempt in range(AGAIN):
            with self._lock:
                it = self._watched.now()
                self._known.read(it.names)
                tail = list(self._tail.read(self._stream, it)) if self._stream else []
            loggers = self._known.loggers(names)
            held = [f for f in it.of("frames") if f.to_ms >= from_ms and f.from_ms <= to_ms]
            where = f"last_ms >= {int(from_ms)} AND at_ms <= {int(to_ms)} AND {_among(list(loggers))}"
            try:
                table = self._ask(held, "series, at_ms, received_ms, raw", where) if loggers else None
            except _GoneError as error:
                if attempt == AGAIN - 1:
                    raise UnavailableError(str(error)) from error
                continue
            found = (
                []
                if table is None
                else [RawFrame(loggers[s], at, received, raw) for s, at, received, raw in _tuples(table)]
            )
            found += _fresh_frames(tail, set(names), from_ms, to_ms)
            return sorted(found, key=lambda frame: frame.at_ms)  # stable: of one moment as received
        raise AssertionError("unreachable")

    def span(self) -> tuple[int, int] | None:
        """First and last moment, park time, of what files hold; None before the first file."""
        held = self._watched.now().of("readings")
        return (min(f.from_ms for f in held), max(f.to_ms for f in held)) if held else None

    def _find(
        self,
        mn: str | Sequence[str] | None,
        factor: str | None,
        from_ms: int,
        to_ms: int,
        cn: str,
        stat: str | None,
        *,
        received: bool = False,
    ) -> tuple[Rows, NDArray[np.int64]]:
        """Rows of some points (None: all) in the order of receipt, and when that was if it is asked for."""
        names = None if mn is None else [mn] if isinstance(mn, str) else list(mn)
        for attempt in range(AGAIN):
            with self._lock:  # the catalogue and what the tail holds must fit together
                it = self._watched.now()
                self._known.read(it.names)
                fresh = self._tail.readings(self._stream, it) if self._stream else None
                kind = self._known.kind(cn, stat or ("Rtd" if cn == "2011" else "Avg"))
                points = None if names is None else self._known.met(names, factor)
            ask = _Ask(points, kind, from_ms, to_ms)
            held = [f for f in it.of("readings") if f.to_ms >= from_ms and f.from_ms <= to_ms]
            try:
                found, when = self._from_files(held, ask, received=received)
            except _GoneError as error:
                if attempt == AGAIN - 1:
                    raise UnavailableError(str(error)) from error
                continue
            if fresh is not None:
                at = fresh.rows.at_ms
                keep = (at >= from_ms) & (at <= to_ms) & (fresh.kind == kind)
                if points is not None:
                    keep &= np.isin(fresh.rows.key, points)
                found.append(fresh.rows.take(keep))
                when.append(fresh.received_ms[keep])
            return joined(found), np.concatenate([np.empty(0, np.int64), *when])
        raise AssertionError("unreachable")

    def _from_files(
        self, held: list[File], ask: _Ask, *, received: bool
    ) -> tuple[list[Rows], list[NDArray[np.int64]]]:
        where = f"at_ms BETWEEN {int(ask.from_ms)} AND {int(ask.to_ms)}"
        wanted = None
        if ask.points is None:
            wanted = self._known.kind_of == ask.kind
            if not wanted.any():
                return [], []
        else:
            few = self._known.series_of(ask.points, ask.kind)
            if not few:
                return [], []
            if len(few) > FEW:
                wanted = np.zeros(len(self._known.kind_of), bool)
                wanted[few] = True
            where += " AND " + (_among(few) if wanted is None else _between(few))
        columns = "series, at_ms, k, scale, flag"
        columns += ", exact" if any(f.odd for f in held) else ""
        table = self._ask(held, columns + (", entry_ms" if received else ""), where)
        if table is None:
            return [], []
        series = table["series"].to_numpy()
        rows = Rows(
            self._known.point_of[series], table["at_ms"].to_numpy(), values(table), table["flag"].to_numpy()
        )
        when = table["entry_ms"].to_numpy() if received else np.empty(0, np.int64)
        if wanted is not None and not wanted.all():
            keep = wanted[series]
            rows, when = rows.take(keep), when[keep] if received else when
        return [rows], [when]

    def _ask(self, held: list[File], columns: str, where: str) -> pa.Table | None:
        """Ask files, oldest received first; the answer's rows are in that order."""
        if not held:
            return None
        paths = [glob.escape(str(self._folder / f.kind / f.name)) for f in held]
        query = f"SELECT {columns} FROM read_parquet(?) WHERE {where}"  # noqa: S608 - our own words
        try:
            with self._db.cursor() as cursor:
                return cursor.sql(query, params=[paths]).to_arrow_table()
        except duckdb.IOException as error:
            raise _GoneError(f"the history in {self._folder} cannot be read: {error}") from error
        except duckdb.Error as error:
            raise UnavailableError(f"the history in {self._folder} cannot be read: {error}") from error


class _GoneError(Exception):
    """A file was not there any more."""


def _among(series: list[int]) -> str:
    # An equality for each row group to be judged by, and a range for whole files.
    return f"series IN ({', '.join(map(str, series))}) AND {_between(series)}" if series else "false"


def _between(series: list[int]) -> str:
    return f"series BETWEEN {min(series)} AND {max(series)}"


def _tuples(table: pa.Table) -> list[tuple[int, int, int, bytes]]:
    columns: list[list[Any]] = [table[name].to_pylist() for name in table.column_names]
    return [(s, at, received, raw) for s, at, received, raw in zip(*columns, strict=True)]


def _fresh_frames(blocks: Placed, names: set[str], from_ms: int, to_ms: int) -> list[RawFrame]:
    if not blocks:
        return []
    loggers, held = frames(blocks)
    n = held.numbers
    among = np.array([mn in names for mn in loggers], bool)
    if not among.any():
        return []
    at, last = n["at_ms"].astype(np.int64), n["last_ms"].astype(np.int64)
    keep = among[n["series"]] & (last >= from_ms) & (at <= to_ms)
    return [
        RawFrame(loggers[int(n["series"][i])], int(n["at_ms"][i]), int(n["received_ms"][i]), held.raw[i])
        for i in np.flatnonzero(keep).tolist()
        if held.raw is not None
    ]
