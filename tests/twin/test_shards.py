"""Shards: one logger always to the same one, ids that go there and back, nothing skipped or told twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twin.shards import Shards, place, shard_of

IDS = st.tuples(st.integers(0, 5), st.integers(0, 3)).map(lambda p: f"{p[0]}-{p[1]}")
BATCHES = st.lists(st.sets(IDS, max_size=8), min_size=1, max_size=5)


def ordered(ids: set[str]) -> list[str]:
    return sorted(ids, key=place)


def test_a_logger_stays_in_its_shard_and_all_shards_are_used() -> None:
    names = [f"0100{i:020X}" for i in range(2000)]
    where = [shard_of(mn, 6) for mn in names]
    assert where == [shard_of(mn, 6) for mn in names]
    assert min(where.count(s) for s in range(6)) > 250
    assert {shard_of(mn, 1) for mn in names} == {0}
    assert shard_of("010000A8900016F000169DC0", 6) == 3  # what is written once must be found for ever


@given(st.integers(1, 9), IDS)
def test_ids_go_there_and_back(count: int, own: str) -> None:
    shards = Shards(count)
    for shard in range(count):
        assert shards.inner(shards.outer(shard, own)) == (shard, own)
        assert place(shards.outer(shard, own))[0] == place(own)[0]


@given(BATCHES, st.integers(1, 5))
def test_read_piece_by_piece_everything_comes_once_and_in_order(batches: list[set[str]], piece: int) -> None:
    shards, found, after = Shards(len(batches)), [], "0"
    while True:
        before = shards.after(after)
        rest = [
            [(own, b"") for own in ordered(ids) if b == "0" or place(own) > place(b)][:piece]
            for ids, b in zip(batches, before, strict=True)
        ]
        got = shards.merge(rest, before, piece)
        if not got:
            break
        found += [e.id for e in got]
        after = got[-1].id
    assert found == sorted(found, key=place)
    assert sorted(map(shards.inner, found)) == sorted(
        (s, own) for s, ids in enumerate(batches) for own in ids
    )


def test_an_older_entry_of_another_shard_that_comes_late_is_not_skipped() -> None:
    shards = Shards(2)
    first = shards.merge([[("100-0", b"a")], []], ("0", "0"))
    assert shards.after(first[-1].id) == ("100-0", "0")
    late = shards.merge([[], [("99-0", b"b")]], shards.after(first[-1].id))
    assert [e.body for e in late] == [b"b"]
    assert shards.after(late[-1].id) == ("100-0", "99-0")


@given(st.integers(2, 6), IDS, IDS)
def test_without_memory_an_id_says_what_is_not_after_it(count: int, a: str, b: str) -> None:
    shards = Shards(count)
    for shard in range(count):
        for other in range(count):
            after = shards.after(shards.outer(shard, a))[other]
            is_after = place(shards.outer(other, b)) > place(shards.outer(shard, a))
            assert is_after == (after == "0" or place(b) > place(after))
