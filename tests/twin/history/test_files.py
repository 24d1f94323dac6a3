"""Values come back to the bit, files become one without loss, and few bytes are enough."""

from __future__ import annotations

import struct
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from hypothesis import example, given, settings
from hypothesis import strategies as st

from twin.history import files
from twin.history.catalogue import Kind
from twin.history.columns import Columns, ordered
from twin.history.files import Sink

Row = tuple[int, int, float, int, int]  # series, moment, value, flag, entry
sent = st.decimals(-99999, 99999, places=3, allow_nan=False).map(float)
value = st.one_of(sent, st.floats(), st.sampled_from([-0.0, 0.1 + 0.2, 1e22, 2.0**53, 1e-9, 1e-10]))
row = st.tuples(st.integers(0, 3), st.integers(0, 4), value, st.sampled_from([0, 78]), st.integers(0, 9))


def columns(rows: list[Row]) -> Columns:
    series, at, values, flag, entry = zip(*rows, strict=True) if rows else ((),) * 5
    return ordered(
        Columns(
            {
                "series": np.array(series, np.int32),
                "at_ms": np.array(at, np.int64),
                "value": np.array(values, np.float64),
                "flag": np.array(flag, np.uint8),
                "entry_ms": np.array(entry, np.int64) * 1700,
                "entry_n": np.ones(len(rows), np.int32),
                "row": np.arange(len(rows), dtype=np.int32),
            }
        )
    )


def bits(values: list[float]) -> list[bytes]:
    return [struct.pack("<d", v) for v in values]


ODD = [-0.0, float("nan"), 1.25, 9007199254740991.0]


@given(st.lists(row, max_size=20))
@example([(0, at, v, 0, 0) for at, v in enumerate(ODD)])
@settings(max_examples=40, deadline=None)
def test_every_value_comes_back_to_the_bit(rows: list[Row]) -> None:
    given_ = columns(rows)
    back = files.values(files.table(given_))
    assert bits(back.tolist()) == bits(given_.numbers["value"].tolist())


@settings(deadline=None)
@given(st.decimals(-999_999, 999_999, places=4, allow_nan=False))
def test_a_number_as_loggers_write_it_needs_no_double(text: Decimal) -> None:
    need = files.digits(np.array([float(text)]))
    assert need[0] in range(5) or (text == 0 and text.is_signed())


def merged(tmp: Path, parts: list[list[Row]], *, rough: bool) -> list[Row]:
    """Write each part as a file, make one of them, and read that."""
    kind: Kind = "readings"
    paths = []
    for i, part in enumerate(parts):
        paths.append(tmp / f"{i}.parquet")
        files.write(kind, paths[-1], columns([(s, at, v, f, 10 * i + e) for s, at, v, f, e in part]))
    sink = Sink(kind, tmp / "one.parquet")
    pieces = list(files.merge(kind, paths, sink, rough=rough))
    laid = sink.close()
    table = pq.read_table(tmp / "one.parquet")
    assert laid.rows == len(table) == sum(pieces)
    values = files.values(table).tolist()
    return list(
        zip(
            *(table[c].to_pylist() for c in ("series", "at_ms")),
            values,
            *(table[c].to_pylist() for c in ("flag", "entry_ms")),
            strict=True,
        )
    )


@given(st.lists(st.lists(row, max_size=12), min_size=1, max_size=4), st.booleans(), st.integers(1, 5))
@settings(max_examples=12, deadline=None)
def test_files_become_one_as_a_plain_sort_would_make_it(
    tmp_path_factory: object, parts: list[list[Row]], rough: bool, group: int
) -> None:
    tmp = tmp_path_factory.mktemp("merge")  # type: ignore[attr-defined]
    before, files.GROUP_ROWS = files.GROUP_ROWS, group  # a series is often longer than a row group
    try:
        got = merged(tmp, parts, rough=rough)
    finally:
        files.GROUP_ROWS = before
    rows: list[tuple[tuple[int, int, int, int], float, int]] = []
    for i, part in enumerate(parts):
        rows += [((s, at, (10 * i + e) * 1700, k), v, f) for k, (s, at, v, f, e) in enumerate(part)]
    rows.sort(key=lambda r: r[0])
    kept = [
        r
        for i, r in enumerate(rows)
        if i == 0
        or (r[0][:2], bits([r[1]]), r[2]) != (rows[i - 1][0][:2], bits([rows[i - 1][1]]), rows[i - 1][2])
    ]
    moments = [r[0][:2] for r in rows]

    def seen(r: tuple[tuple[int, int, int, int], float, int]) -> int:
        return r[0][2] // 1000 * 1000 if rough and moments.count(r[0][:2]) == 1 else r[0][2]

    expected = [(r[0][0], r[0][1], bits([r[1]]), r[2], seen(r)) for r in kept]
    assert [(s, at, bits([v]), f, e) for s, at, v, f, e in got] == expected


def test_a_days_readings_of_an_outlet_take_less_than_four_bytes_each(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    minutes, series = 1440, 40
    n = minutes * series
    smooth = np.cumsum(rng.normal(0, 0.3, (series, minutes)), axis=1)
    level = rng.uniform(5, 400, (series, 1))
    it = Columns(
        {
            "series": np.repeat(np.arange(series, dtype=np.int32), minutes),
            "at_ms": np.tile(1_795_276_800_000 + 60_000 * np.arange(minutes), series),
            "value": np.round(level * (1 + 0.01 * smooth + rng.normal(0, 0.01, smooth.shape)), 2).ravel(),
            "flag": np.full(n, 78, np.uint8),
            "entry_ms": np.tile(1_795_276_800_000 + 60_000 * np.arange(minutes), series)
            + rng.integers(0, 3000, n),
            "entry_n": rng.integers(0, 2, n).astype(np.int32),
            "row": rng.integers(0, 400, n).astype(np.int32),
        }
    )
    files.write("readings", tmp_path / "part.parquet", it)
    sink = Sink("readings", tmp_path / "day.parquet")
    list(files.merge("readings", [tmp_path / "part.parquet"], sink, rough=True))
    assert sink.close().odd == 0
    assert (tmp_path / "day.parquet").stat().st_size / n < 2.5
    plain = pq.read_table(tmp_path / "part.parquet").to_pandas()
    plain.to_parquet(tmp_path / "plain.parquet")
    assert (tmp_path / "plain.parquet").stat().st_size > 2 * (tmp_path / "day.parquet").stat().st_size
