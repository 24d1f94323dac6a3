"""Blocks of the stream become columns: sorted, with their place in the stream, cut by the park's day."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from twin.blocks import Block, BlockBuilder, Series
from twin.history import columns
from twin.history.columns import Columns
from twin.series import Finder


class Numbers:
    """Gives numbers in the order in which series are met."""

    def __init__(self) -> None:
        self.known: list[Series] = []

    def __call__(self, series: Series) -> int:
        if series not in self.known:
            self.known.append(series)
        return self.known.index(series)


def block(*rows: tuple[str, str, int, float], raw: bytes = b"##", received: int = 7) -> Block:
    builder = BlockBuilder()
    builder.add(raw, received, [(Series(mn, f, "2011", "Rtd"), at, v, 78) for mn, f, at, v in rows])
    return builder.build()


def test_readings_are_sorted_by_series_and_moment_and_kept_with_their_place() -> None:
    placed = [
        ((5, 1), block(("A", "x", 2, 1.0), ("B", "y", 1, 2.0))),
        ((5, 2), block(("A", "x", 9, 3.0), ("A", "x", 1, 4.0), ("A", "x", 2, 5.0))),
    ]
    names = Numbers()
    got = columns.readings(placed, Finder(names))
    n = got.numbers
    assert [names.known[i].mn for i in n["series"].tolist()] == ["A", "A", "A", "A", "B"]
    assert n["value"].tolist() == [4.0, 1.0, 5.0, 3.0, 2.0]  # of one moment as received
    assert n["entry_n"].tolist() == [2, 1, 2, 2, 1]
    assert n["row"].tolist() == [1, 0, 2, 0, 1]


def test_frames_stand_at_their_readings_or_at_their_receipt() -> None:
    both = block(("A", "x", 20, 1.0), ("A", "x", 10, 1.0), raw=b"one")
    bare = block(raw=b"ST=91;CN=9013;MN=B;CP=&&&&")
    names = Numbers()
    got = columns.frames([((1, 0), both), ((1, 1), bare)], names)
    assert [names.known[i] for i in got.numbers["series"].tolist()] == [("A", "", "", ""), ("B", "", "", "")]
    assert got.numbers["at_ms"].tolist() == [10, 7]
    assert got.numbers["last_ms"].tolist() == [20, 7]
    assert got.raw == [b"one", b"ST=91;CN=9013;MN=B;CP=&&&&"]


def test_nothing_is_nothing() -> None:
    empty = BlockBuilder().build()
    for placed in ([], [((1, 0), empty)]):
        for made in (columns.readings(placed, Finder(Numbers())), columns.frames(placed, Numbers())):
            assert len(made) == 0
            assert list(columns.days(made)) == []
    assert columns.mn_of(b"\x00 no number") == ""


def test_a_parks_day_begins_at_its_own_midnight() -> None:
    midnight = 1_795_276_800_000  # 2026-11-22 00:00 in China
    rows = block(("A", "x", midnight - 1, 1.0), ("A", "x", midnight, 2.0), ("A", "y", midnight + 1, 3.0))
    cut = dict(columns.days(columns.readings([((1, 0), rows)], Finder(Numbers()))))
    assert {day: part.numbers["value"].tolist() for day, part in cut.items()} == {
        "2026-11-21": [1.0],
        "2026-11-22": [2.0, 3.0],
    }


@given(
    st.lists(st.tuples(st.integers(0, 3), st.one_of(st.integers(-(2**62), 2**62), st.integers(0, 5)))),
)
def test_sorting_is_stable_however_far_off_a_clock_is(rows: list[tuple[int, int]]) -> None:
    numbers: dict[str, np.ndarray] = {
        "series": np.array([s for s, _ in rows], np.int32),
        "at_ms": np.array([at for _, at in rows], np.int64),
        "row": np.arange(len(rows), dtype=np.int32),
    }
    got = columns.ordered(Columns(numbers)).numbers["row"].tolist()
    assert got == sorted(range(len(rows)), key=lambda i: rows[i])
