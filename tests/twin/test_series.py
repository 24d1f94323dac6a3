"""Series as columns are the same series; and who looks up by column finds what who looks up by name finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin import series as module
from twin.series import Catalogue, Finder, Series

SERIES = st.builds(
    Series, st.sampled_from("abcdef"), st.sampled_from("uvwxyz"), st.just("2011"), st.just("Rtd")
)


@given(st.lists(SERIES, max_size=30))
def test_columns_hold_the_same_series(wanted: list[Series]) -> None:
    found = Catalogue.of(wanted)
    assert list(found) == wanted
    assert [found[i] for i in range(len(found))] == wanted
    assert found == tuple(wanted)
    assert len(set(found.names)) == len(found.names)
    assert Catalogue.of(found) is found


@given(st.lists(st.lists(SERIES, max_size=12), max_size=8), st.sampled_from([1, 9, 1000]))
def test_a_finder_finds_what_a_dictionary_would(blocks: list[list[Series]], cells: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_CELLS", cells)
        asked: list[Series] = []

        def number(series: Series) -> int:
            asked.append(series)
            return ord(series.mn) * 100 + ord(series.factor)

        finder = Finder(number)
        for block in blocks:
            assert finder.of(Catalogue.of(block)).tolist() == [number(s) for s in block]
            del asked[len(asked) - len(block) :]
        if cells == 1000:
            assert len(asked) == len(set(asked)) or any(len(set(b)) < len(b) for b in blocks)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CELLS", 100)
    finder = Finder(lambda s: int(s.mn))
    for i in range(500):
        assert finder.of(Catalogue.of([Series(str(i), f"f{i}", "2011", "Rtd")])).tolist() == [i]
    assert len(finder._rows) * len(finder._columns) <= 100
    assert finder._cells.size <= 4 * 100
