"""What the history costs: bytes and processor time for a reading, and how long a chart and a map wait.

`python -m tests.bench.history [small]` prints one JSON line. Values have the noise, wander and decimals of
the drill's instruments. Every number has a rival in the same run: SQLite with the natural key as its
clustered primary key, and plain Parquet as pyarrow writes it, appended part by part and asked through DuckDB.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from twin import embedded
from twin.bench_ingest import machine
from twin.blocks import BlockBuilder, Layout, Series, encode
from twin.curves import Curve
from twin.history import catalogue, columns, compaction, files
from twin.history.catalogue import EMPTY, File
from twin.history.columns import Columns
from twin.history.names import Numbering
from twin.history.reader import History
from twin.history.writer import Writer
from twin.ingest.hj212.write import Message, frames
from twin.series import Catalogue as SeriesColumns
from twin.simulate.instruments import CHARACTERS, OWN_SCALE
from twin.stream import Stream

MINUTE, DAY = 60_000, 86_400_000
NOON = 1_764_518_400_000  # 2025-12-01 00:00 in China
FACTORS = ("w00000", "w01001", "w01010", "w01014", "w01018", "w21003", "w21011", "w21001")
TRUE = (12.0, 7.4, 21.0, 900.0, 180.0, 9.0, 1.2, 18.0)
FLAG = ord("N")
KINDS = tuple((code, "2011", "Rtd") for code in FACTORS)


def mn(i: int) -> str:
    """Return the number of a logger."""
    return f"010000A8900016F1{i:08X}"


def values(rng: np.random.Generator, factor: int, moments: int) -> NDArray[np.float64]:
    """Values of one instrument, one a minute: noise, wander with a memory of three hours, a daily swing."""
    code, true = FACTORS[factor], TRUE[factor]
    c = CHARACTERS[code]
    keep = np.exp(-1 / 180)
    step = rng.normal(0, np.sqrt(1 - keep**2), moments)
    wander = np.empty(moments)
    last = rng.normal()
    for at in range(0, moments, 600):  # a filter in pieces, so that its powers stay in range
        part = step[at : at + 600]
        powers = keep ** np.arange(1, len(part) + 1)
        wander[at : at + 600] = powers * (last + np.cumsum(part / powers))
        last = wander[min(at + 599, moments - 1)]
    swing = 1 + 0.2 * np.cos(np.arange(moments) / 1440 * 2 * np.pi) if code not in OWN_SCALE else 1.0
    slow = c.wander * wander
    shown = true * swing + slow if code in OWN_SCALE else true * swing * (1 + slow)
    shown = shown + rng.normal(0, 1, moments) * np.maximum(abs(true) * c.share, c.floor)
    clipped: NDArray[np.float64] = np.round(np.clip(shown, c.low, c.high), c.decimals)
    return clipped


def timed(ask: Callable[[], Any], times: int = 5) -> dict[str, float]:
    """Time some runs, milliseconds: the first, the shortest, and the least processor time of one.

    On a machine that others use too the last says more than the clock.
    """
    took, spent = [], []
    for _ in range(times):
        begun, cpu = time.perf_counter(), time.process_time()
        ask()
        took.append(1000 * (time.perf_counter() - begun))
        spent.append(1000 * (time.process_time() - cpu))
    return {"first_ms": round(took[0], 1), "best_ms": round(min(took), 1), "cpu_ms": round(min(spent), 1)}


# --- bytes and processor time -----------------------------------------------------------------------------


@contextmanager
def stream_in(folder: Path) -> Iterator[Stream]:
    """A stream server of its own."""
    server = embedded.start(folder / "redis", folder / "r.sock")
    try:
        with closing(Stream(f"unix://{folder / 'r.sock'}")) as stream:
            yield stream
    finally:
        server.terminate()
        server.wait()
        if server.stderr is not None:
            server.stderr.close()


def blocks(loggers: int, minutes: int) -> Iterator[list[bytes]]:
    """A park's day as the gateway appends it: real frames, a block for two seconds, minute by minute."""
    rng = np.random.default_rng(11)
    table = np.stack([[values(rng, f, minutes) for f in range(8)] for _ in range(loggers)])
    layouts = [Layout(mn(i), KINDS) for i in range(loggers)]
    for minute in range(minutes):
        builders: dict[int, BlockBuilder] = {}
        at = NOON + minute * MINUTE
        for i, layout in enumerate(layouts):
            seen = at + i * MINUTE // loggers + int(rng.integers(0, 900))
            found = table[i, :, minute].tolist()
            groups = [[("DataTime", _stamp(at))]] + [
                [(f"{code}-Rtd", f"{v:.{CHARACTERS[code].decimals}f}"), (f"{code}-Flag", "N")]
                for code, v in zip(FACTORS, found, strict=True)
            ]
            message = Message(
                "32", "2011", "123456", mn(i), _stamp(seen) + f"{seen % 1000:03d}", groups, ack=True
            )
            raw = b"".join(frames(message))
            builder = builders.setdefault((seen - at) // 2000, BlockBuilder())
            builder.add_run(raw, seen, layout, at, found, bytes([FLAG] * 8))
        yield [encode(b.build()) for _, b in sorted(builders.items())]


def _stamp(ms: int) -> str:
    return (
        str(np.datetime64(ms + columns.ZONE_MS, "ms")).replace("-", "").replace("T", "").replace(":", "")[:14]
    )


def storing(loggers: int, minutes: int) -> dict[str, Any]:
    """A day of a park through stream, writer and compaction; the same rows through the rivals."""
    with tempfile.TemporaryDirectory(prefix="twin-bench-") as name, stream_in(Path(name)) as stream:
        folder, rows, cpu, parts = Path(name) / "history", 0, 0.0, 0
        writer = Writer(folder, every_s=0)
        for minute, bodies in enumerate(blocks(loggers, minutes)):
            for body in bodies:
                stream.append("readings", body)
            if minute % 5 == 4 or minute == minutes - 1:
                begun = time.process_time()
                rows += writer.step(stream)
                cpu += time.process_time() - begun
                parts += 1
        quiet, compaction.DAY_QUIET_MS = compaction.DAY_QUIET_MS, 0
        begun = time.process_time()
        writer.step(stream)
        compacting = time.process_time() - begun
        compaction.DAY_QUIET_MS = quiet
        writer.close()
        it = catalogue.load(folder)
        assert [f.tier for f in it.of("readings")] == [compaction.DAY]
        assert sum(f.rows for f in it.of("readings")) == rows == loggers * 8 * minutes
        size = {kind: sum(f.size for f in it.of(kind)) / rows for kind in catalogue.KINDS}
        rivals = _rivals(Path(name), folder, it, parts)
    return {
        "readings": rows,
        "parts": parts,
        "bytes_per_reading": round(size["readings"], 2),
        "bytes_of_raw_frames_per_reading": round(size["frames"], 2),
        **{f"{key}_bytes_per_reading": round(value / rows, 2) for key, value in rivals.items()},
        "small_parts_readings_per_core_s": round(rows / cpu),
        "merging_to_a_day_readings_per_core_s": round(rows / compacting),
    }


def _rivals(name: Path, folder: Path, it: catalogue.Catalogue, parts: int) -> dict[str, int]:
    """The same rows in SQLite, and as plain Parquet in as many parts."""
    table = pq.read_table(folder / "readings" / it.of("readings")[0].name)
    at, series, value = table["at_ms"].to_numpy(), table["series"].to_numpy(), files.values(table)
    order = np.argsort(at, kind="stable")
    names = [json.loads(x) for x in (folder / catalogue.NAMES).read_text().splitlines()]
    size = 0
    for piece in np.array_split(order, parts):
        words = [[names[s][k] for s in series[piece].tolist()] for k in range(4)]
        plain = pa.table(
            {
                **dict(zip(("mn", "factor", "cn", "stat"), words, strict=True)),
                "at_ms": at[piece],
                "value": value[piece],
                "flag": table["flag"].to_numpy()[piece],
            }
        )
        pq.write_table(plain, name / "plain.parquet")
        size += (name / "plain.parquet").stat().st_size
    with closing(_sqlite(name / "rows.sqlite")) as db:
        _insert(db, series, at, value)
        db.commit()
    return {"plain_parquet": size, "sqlite": (name / "rows.sqlite").stat().st_size}


def _sqlite(path: Path | str) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = OFF")
    db.execute(
        "CREATE TABLE r (series INTEGER, at INTEGER, value REAL, flag INTEGER, PRIMARY KEY (series, at))"
        " WITHOUT ROWID"
    )
    return db


def _insert(db: sqlite3.Connection, series: Any, at: Any, value: Any) -> None:
    rows = zip(series.tolist(), at.tolist(), value.tolist(), [FLAG] * len(at), strict=True)
    db.executemany("INSERT OR REPLACE INTO r VALUES (?, ?, ?, ?)", rows)


def writing(loggers: int, seconds: int) -> dict[str, Any]:
    """How fast one core writes what comes at full load, a frame a second from each logger."""
    rng = np.random.default_rng(5)
    layouts = [Layout(mn(i), KINDS) for i in range(loggers)]
    pool = np.stack([values(rng, f, seconds) for f in range(8)], axis=1)
    bodies, bare = [], []
    for second in range(seconds):
        builder = BlockBuilder()
        row, at = pool[second].tolist(), NOON + 1000 * second
        raw = b"##0000" + b"QN=20251201000000000;ST=32;CN=2011;CP=&&DataTime=20251201000000;" + b"x" * 300
        for i, layout in enumerate(layouts):
            builder.add_run(raw + str(i * second).encode(), at, layout, at, row, bytes([FLAG] * 8))
        block = builder.build()
        bodies.append(encode(block))
        bare.append(block)
    n = loggers * 8 * seconds
    with tempfile.TemporaryDirectory(prefix="twin-bench-") as name, stream_in(Path(name)) as stream:
        for body in bodies:
            stream.append("readings", body)
        writer = Writer(Path(name) / "history", every_s=0)
        begun, written = time.process_time(), 0
        while got := writer.step(stream):
            written += got
        ours = time.process_time() - begun
        writer.close()
        assert written == n
        plain = pa.table(
            {
                "series": np.concatenate([b.series_index for b in bare]),
                "at_ms": np.concatenate([b.at_ms for b in bare]),
                "value": np.concatenate([b.value for b in bare]),
                "flag": np.concatenate([b.flag for b in bare]),
            }
        )
        raw = pa.table({"raw": pa.array([r for b in bare for r in b.raw])})
        begun = time.process_time()
        pq.write_table(plain, Path(name) / "a.parquet")
        pq.write_table(raw, Path(name) / "b.parquet")
        bare_s = time.process_time() - begun
        begun = time.process_time()
        with closing(_sqlite(":memory:")) as db:
            _insert(
                db,
                plain["series"].to_numpy()[: n // 4],
                plain["at_ms"].to_numpy()[: n // 4],
                plain["value"].to_numpy()[: n // 4],
            )
        lite_s = 4 * (time.process_time() - begun)
    return {
        "readings": n,
        "readings_per_core_s": round(n / ours),
        "bare_pyarrow_readings_per_core_s": round(n / bare_s),
        "share_of_bare_pyarrow": round(bare_s / ours, 2),
        "sqlite_in_memory_readings_per_core_s": round(n / lite_s),
        "ratio_to_sqlite": round(lite_s / ours, 1),
    }


# --- waiting ----------------------------------------------------------------------------------------------


def shelve(folder: Path, series: list[Series], made: Iterator[tuple[str, int, Columns]]) -> int:
    """Put files where the writer and compaction would have put them; returns readings."""
    names = Numbering(folder, 0)
    names.finder.of(SeriesColumns.of(series))
    folder.mkdir(parents=True, exist_ok=True)
    names.keep()
    it, rows = EMPTY._replace(names=names.size), 0
    for period, tier, part in made:
        name, place = f"{period}.{it.serial:06d}.parquet", (it.serial, 0)
        (folder / "readings").mkdir(exist_ok=True)
        laid = files.write("readings", folder / "readings" / name, part)
        size = (folder / "readings" / name).stat().st_size
        file = File(
            "readings", name, period, tier, laid.rows, size, laid.odd, laid.from_ms, laid.to_ms, place, place
        )
        it = it._replace(serial=it.serial + 1, files=(*it.files, file))
        rows += laid.rows
    catalogue.save(folder, it)
    return rows


def part_of(series: NDArray[np.int32], at: NDArray[np.int64], value: NDArray[np.float64]) -> Columns:
    """Rows, sorted by series and moment, with the places the stream would give them."""
    n = len(series)
    zero = np.zeros(n, np.int32)
    return Columns(
        {
            "series": series,
            "at_ms": at,
            "value": value,
            "flag": np.full(n, FLAG, np.uint8),
            "entry_ms": at + 1000,
            "entry_n": zero,
            "row": zero,
        }
    )


def a_year(points: int, days: int) -> dict[str, Any]:
    """One point's year at one minute, thinned for a chart: months, then days, then parts."""
    rng = np.random.default_rng(7)
    minutes = days * 1440
    table = np.stack([values(rng, i % 8, minutes) for i in range(points)])
    at = NOON - (days - 1) * DAY + MINUTE * np.arange(minutes)
    months = (at + columns.ZONE_MS).astype("datetime64[ms]").astype("datetime64[M]")
    series = [Series(mn(i // 8), FACTORS[i % 8], "2011", "Rtd") for i in range(points)]

    def cut() -> Iterator[tuple[str, int, Columns]]:
        pieces = [(str(m), 4, np.flatnonzero(months == m)) for m in np.unique(months)[:-1]]
        rest = np.flatnonzero(months == np.unique(months)[-1])
        for day in np.split(rest, range(1440, len(rest), 1440)):
            name = str((at[day[0]] + columns.ZONE_MS).astype("datetime64[ms]").astype("datetime64[D]"))
            last = day[0] == rest[-1] - 1439
            pieces += [(name, 0, p) for p in np.array_split(day, 15)] if last else [(name, 3, day)]
        for period, tier, where in pieces:
            key = np.repeat(np.arange(points, dtype=np.int32), len(where))
            yield period, tier, part_of(key, np.tile(at[where], points), table[:, where].ravel())

    with tempfile.TemporaryDirectory(prefix="twin-bench-") as name:
        rows = shelve(Path(name) / "h", series, cut())
        last = int(at[-1])
        want = series[points // 2]

        def chart(h: History) -> Curve:
            return h.series(want.mn, want.factor, int(at[0]), last).downsample(1200)

        h = History(Path(name) / "h")
        expected = table[points // 2]
        got = h.series(want.mn, want.factor, int(at[0]), last)
        assert np.array_equal(got.value, expected)
        h.close()
        h = History(Path(name) / "h")
        ours = timed(lambda: chart(h), 9)
        peak = chart(h)
        assert (peak.value.max(), peak.value.min()) == (expected.max(), expected.min())
        h.close()
        with closing(_sqlite(Path(name) / "rows.sqlite")) as db:
            for i in range(points):
                _insert(db, np.full(minutes, i), at, table[i])
            db.commit()

            def rival() -> Curve:
                found = np.array(
                    db.execute("SELECT at, value FROM r WHERE series = ?", (points // 2,)).fetchall()
                )
                return Curve(
                    found[:, 0].astype(np.int64), found[:, 1], np.zeros(len(found), np.uint8)
                ).downsample(1200)

            lite = timed(rival)
    return {
        "readings": rows,
        "points": points,
        "values_in_the_chart": minutes,
        **ours,
        "sqlite": lite,
        "ratio_to_sqlite": round(lite["cpu_ms"] / ours["cpu_ms"], 1),
    }


def last_hour(points: int) -> dict[str, Any]:
    """Every factor of every point, one value a minute, the last hour: files as they lie at that moment."""
    rng = np.random.default_rng(9)
    n = points * 8
    series = [Series(mn(i // 8), FACTORS[i % 8], "2011", "Rtd") for i in range(n)]
    minutes = 90
    level = np.round(np.tile(TRUE, points), 2)
    # One large file, some of minutes, some of seconds that hold a third of the points each.
    cuts = [(0, 70), *((a, a + 5) for a in range(70, 85, 5)), *((a, a + 1) for a in range(85, 90))]
    thirds = np.array_split(np.arange(n, dtype=np.int32), 3)

    def made() -> Iterator[tuple[str, int, Columns]]:
        for a, b in cuts:
            for who in [np.arange(n, dtype=np.int32)] if b - a > 1 else thirds:
                value = np.round(level[who, None] * (1 + 0.03 * rng.normal(size=(len(who), b - a))), 2)
                at = np.tile(NOON + MINUTE * np.arange(a, b), len(who))
                yield "2025-12-01", 2 if b - a > 5 else 0, part_of(np.repeat(who, b - a), at, value.ravel())

    with tempfile.TemporaryDirectory(prefix="twin-bench-") as name:
        rows = shelve(Path(name) / "h", series, made())
        low, high = NOON + 30 * MINUTE, NOON + minutes * MINUTE
        h = History(Path(name) / "h")
        assert len(h.window(low, high).value) == n * 60
        ours = timed(lambda: h.window(low, high))
        latest = timed(lambda: h.latest(high, 5 * MINUTE))
        h.close()
        plain = _plain(Path(name), h, series)
        db = duckdb.connect(config={"threads": 2})
        query = f"SELECT mn, factor, at_ms, value FROM read_parquet('{plain}') WHERE at_ms BETWEEN {low} AND {high} ORDER BY mn, factor, at_ms"  # noqa: E501
        rival = timed(lambda: db.sql(query).to_arrow_table(), 2)
        db.close()
    return {
        "readings_held": rows,
        "series": n,
        "readings_asked": n * 60,
        **ours,
        "latest_of_all": latest,
        "plain_parquet": rival,
        "ratio_to_plain_parquet": round(rival["cpu_ms"] / ours["cpu_ms"], 1),
    }


def _plain(name: Path, h: History, series: list[Series]) -> str:
    """The same rows as pyarrow writes them, in order of time, with words for names."""
    for i, path in enumerate(sorted((name / "h" / "readings").iterdir())):
        table = pq.read_table(path)
        order = np.argsort(table["at_ms"].to_numpy(), kind="stable")
        index = pa.array(table["series"].to_numpy()[order])
        words = {
            key: pa.DictionaryArray.from_arrays(index, pa.array([s[k] for s in series]))
            for k, key in ((0, "mn"), (1, "factor"))
        }
        rows = {"at_ms": table["at_ms"].to_numpy()[order], "value": files.values(table)[order]}
        pq.write_table(pa.table({**words, **rows}), name / f"plain{i:03d}.parquet")
    return str(name / "plain*.parquet")


def measure(*, small: bool = False) -> dict[str, Any]:
    """Run everything; `small` for a glance."""
    return {
        "bench": "history",
        "storing": storing(6 if small else 40, 120 if small else 1440),
        "writing": writing(300 if small else 2606, 20 if small else 60),
        "a_year_of_one_point": a_year(8 if small else 24, 40 if small else 365),
        "last_hour_of_all": last_hour(400 if small else 26_000),
        "machine": machine(),
    }


if __name__ == "__main__":
    print(json.dumps(measure(small="small" in sys.argv[1:])), flush=True)
