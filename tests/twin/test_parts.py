"""Files of the history: names that can be read back, files that appear whole, rows that come back sorted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin import parts
from twin.blocks import Block, BlockBuilder, Series

place = st.tuples(st.integers(0, 2**42), st.integers(0, 99))


@given(place, place, st.integers(-5, 2**42), st.integers(-5, 2**42), st.integers(0, 3))
def test_a_parts_name_tells_what_is_in_it(
    first: parts.Place, last: parts.Place, low: int, high: int, tier: int
) -> None:
    name = parts.name(first, last, low, high, tier)
    found = parts.read_name(Path(name))
    assert found == parts.Part(Path(name), first, last, low, high, tier)


def test_only_whole_files_are_listed_oldest_first(tmp_path: Path) -> None:
    assert parts.listed(tmp_path / "nowhere") == []
    names = [parts.name((n, 0), (n, 5), 0, 9, 0) for n in (9, 10, 2)]
    for name in (*names, f".{names[0]}.123.tmp", "notes.txt"):
        (tmp_path / name).touch()
    assert [p.first for p in parts.listed(tmp_path)] == [(2, 0), (9, 0), (10, 0)]
    parts.sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*names, "notes.txt"])


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    seen: list[str] = []

    def half(path: Path) -> None:
        path.write_bytes(b"half")
        seen.extend(p.name for p in tmp_path.iterdir())
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        parts.appear(tmp_path / "part", half)
    assert seen != ["part"]
    assert list(tmp_path.iterdir()) == []
    parts.appear(tmp_path / "deep" / "part", lambda p: p.write_bytes(b"whole"))
    assert (tmp_path / "deep" / "part").read_bytes() == b"whole"


def block(*rows: tuple[str, str, int, float], raw: bytes = b"##", received: int = 7) -> Block:
    builder = BlockBuilder()
    builder.add(raw, received, [(Series(mn, f, "2011", "Rtd"), at, v, 78) for mn, f, at, v in rows])
    return builder.build()


def test_readings_are_sorted_by_series_and_moment_and_kept_with_their_place() -> None:
    placed = [
        ((5, 1), block(("B", "x", 2, 1.0), ("A", "y", 1, 2.0))),
        ((5, 2), block(("A", "x", 9, 3.0), ("A", "x", 3, 4.0))),
    ]
    columns = parts.readings(placed)
    values, index = columns.words["mn"]
    assert [values[i] for i in index] == ["A", "A", "A", "B"]
    assert columns.numbers["value"].tolist() == [4.0, 3.0, 2.0, 1.0]
    assert columns.numbers["entry_n"].tolist() == [2, 2, 1, 1]
    assert columns.numbers["row"].tolist() == [1, 0, 1, 0]


def test_a_row_written_twice_after_a_crash_stays_once_but_a_correction_stays() -> None:
    first, again = ((5, 1), block(("A", "x", 2, 1.0))), ((5, 2), block(("A", "x", 2, 1.5)))
    columns = parts.readings([first, again, first])
    assert columns.numbers["value"].tolist() == [1.0, 1.5]


def test_frames_stand_at_their_readings_or_at_their_receipt() -> None:
    both = block(("A", "x", 20, 1.0), ("A", "x", 10, 1.0), raw=b"one")
    bare = block(raw=b"ST=91;CN=9013;MN=B;CP=&&&&")
    columns = parts.frames([((1, 0), both), ((1, 1), bare)])
    values, index = columns.words["mn"]
    assert [values[i] for i in index] == ["A", "B"]
    assert columns.numbers["at_ms"].tolist() == [10, 7]
    assert columns.numbers["last_ms"].tolist() == [20, 7]
    assert columns.raw == [b"one", b"ST=91;CN=9013;MN=B;CP=&&&&"]


def test_nothing_is_nothing() -> None:
    empty = BlockBuilder().build()
    for placed in ([], [((1, 0), empty)]):
        assert len(parts.readings(placed)) == 0
        assert len(parts.frames(placed)) == 0
    assert parts.mn_of(b"\x00 no number") == ""


def test_found_rows_share_one_list_of_points_under_the_codes_of_2017() -> None:
    found = parts.Found()
    found.add(parts.readings([((1, 0), block(("A", "011", 1, 1.0), ("B", "w01018", 1, 2.0)))]))
    late = parts.readings([((2, 0), block(("C", "x", 1, 9.0), ("A", "w01018", 2, 3.0)))])
    found.add(late, parts.among(late, "mn", ["A"]))
    rows = found.rows
    assert found.points == [("A", "w01018"), ("B", "w01018")]
    assert sorted(zip(rows.key.tolist(), rows.at_ms.tolist(), rows.value.tolist(), strict=True)) == [
        (0, 1, 1.0),
        (0, 2, 3.0),
        (1, 1, 2.0),
    ]
    assert rows.entry_ms.dtype == np.int64
