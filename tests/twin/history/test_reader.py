"""Whatever is sent, written, merged and sent again, in whatever order: a dictionary would say the same."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.embedded import Embedded
from tests.twin.history.scene import COD, MINUTE, NH3N, T0, A, B, append, one
from twin.blocks import Block, encode
from twin.errors import UnavailableError
from twin.history import compaction
from twin.history.reader import History
from twin.history.writer import Writer
from twin.stream import Keys, Stream

Sent = tuple[str, str, int, float, int]
sent = st.tuples(
    st.sampled_from([A, B]),
    st.sampled_from([COD, NH3N]),
    st.sampled_from([0, 1, 2, 600, 1500, 44_000]),  # minutes: two days, and another month
    st.sampled_from([1.0, 1.5, 2.25, 0.1 + 0.2, -0.0]),
    st.sampled_from([ord("N"), ord("D"), 0]),
)
deed = st.one_of(sent, st.sampled_from(["write", "over"]))
LAST = T0 + 50_000 * MINUTE
number = count()


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Everything is merged as soon as may be."""
    monkeypatch.setattr(compaction, "FAN", 2)
    monkeypatch.setattr(compaction, "DAY_QUIET_MS", 1 << 60)
    monkeypatch.setattr(compaction, "MONTH_QUIET_MS", 1 << 60)
    return monkeypatch


@pytest.mark.slow
@given(st.lists(deed, max_size=14))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_history_is_a_dictionary_that_remembers(
    tmp_path: Path, embedded: Embedded, eager: pytest.MonkeyPatch, deeds: list[Sent | str]
) -> None:
    n = next(number)
    folder, stream = tmp_path / str(n), Stream(embedded.url, Keys(f"oracle{n}"))
    h, writer = History(folder, stream), Writer(folder, every_s=0)
    received: dict[tuple[str, str], dict[int, list[tuple[float, int]]]] = {}
    for it in [*deeds, "write", "over"]:
        if isinstance(it, tuple):
            append(stream, one(*it))
            mn, code, minute, value, flag = it
            known = received.setdefault((mn, code), {}).setdefault(T0 + minute * MINUTE, [])
            if not known or (str(known[-1][0]), known[-1][1]) != (str(value), flag):
                known.append((value, flag))
        else:
            quiet = 0 if it == "over" else 1 << 60
            eager.setattr(compaction, "DAY_QUIET_MS", quiet)
            eager.setattr(compaction, "MONTH_QUIET_MS", quiet)
            writer.step(stream)
        check(h, received)
    writer.close()
    parts_only = History(folder)
    check(parts_only, received)
    for it in (h, parts_only, stream):
        it.close()


def check(h: History, received: dict[tuple[str, str], dict[int, list[tuple[float, int]]]]) -> None:
    window = h.window(T0, LAST)
    assert set(window.points) == set(received)
    assert set(h.window(T0, LAST, mns=[B]).points) == {point for point in received if point[0] == B}
    assert h.window(T0, LAST, mns=["nobody"]).points == ()
    for (mn, code), moments in received.items():
        newest = [(at, str(v), flag) for at, versions in sorted(moments.items()) for v, flag in versions[-1:]]
        for curve in (h.series(mn, code, T0, LAST), window.curve(mn, code)):
            told = zip(curve.at_ms.tolist(), map(str, curve.value.tolist()), curve.flag.tolist(), strict=True)
            assert list(told) == newest
        every = h.versions(mn, code, T0, LAST)
        told = zip(every.at_ms.tolist(), map(str, every.value.tolist()), every.flag.tolist(), strict=True)
        assert list(told) == [(at, str(v), f) for at, vs in sorted(moments.items()) for v, f in vs]
        old = every.replaced()
        assert len(old.at_ms) == sum(len(versions) - 1 for versions in moments.values())


def test_a_reader_with_an_old_catalogue_finds_its_files_for_a_while(
    tmp_path: Path, embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "FAN", 2)
    stream, writer = embedded.stream(), Writer(tmp_path, every_s=0)
    append(stream, one(A, COD, 0, 1.0))
    writer.step(stream)
    h = History(tmp_path)
    before = h._watched.now()
    append(stream, one(A, COD, 1, 2.0))
    writer.step(stream)
    assert len(h.series(A, COD, T0, LAST).value) == 2
    monkeypatch.setattr(h._watched, "now", lambda: before)
    assert h.series(A, COD, T0, LAST).value.tolist() == [1.0]  # merged since, but still there
    h.close()
    writer.close()


def test_files_are_dropped_when_their_time_is_over(tmp_path: Path, embedded: Embedded) -> None:
    stream = embedded.stream()
    append(stream, one(A, COD, 0, 1.0))
    writer = Writer(tmp_path, every_s=0, keep_days={"frames": 1e-9})
    writer.step(stream)
    append(stream, one(A, COD, 1, 2.0))
    writer.step(stream)
    h = History(tmp_path)
    assert h.series(A, COD, T0, LAST).value.tolist() == [1.0, 2.0]
    assert len(h.raw_frames(A, T0, LAST)) < 2
    h.close()
    writer.close()


def test_a_second_writer_waits_for_the_first(tmp_path: Path, embedded: Embedded) -> None:
    stream, first, second = embedded.stream(), Writer(tmp_path, every_s=0), Writer(tmp_path, every_s=0)
    append(stream, one(A, COD, 0, 1.0))
    assert first.step(stream) == 1
    append(stream, one(A, COD, 1, 2.0))
    with pytest.raises(UnavailableError, match="another process"):
        second.step(stream)
    first.close()
    assert second.step(stream) == 1
    second.close()
    h = History(tmp_path)
    assert h.series(A, COD, T0, LAST).value.tolist() == [1.0, 2.0]
    h.close()


def test_shards_whose_clocks_differ_lose_nothing_and_keep_their_order(
    tmp_path: Path, embedded: Embedded
) -> None:
    stream = Stream(f"{embedded.url}?shards=2")
    late, fast = 1_000_000_000_000, 2_000_000_000_000

    def put(shard: int, ms: int, block: Block) -> None:
        key = stream._all[shard].stream("readings")
        stream._r.xadd(key, {b"b": encode(block)}, id=f"{ms}-0")

    h, writer = History(tmp_path, stream), Writer(tmp_path, every_s=0)
    put(0, fast, one(A, COD, 0, 1.0))
    put(1, late, one(B, COD, 0, 1.0))
    assert writer.step(stream) == 2
    put(1, late + 1, one(B, COD, 0, 2.0))  # before everything shard 0 ever had, but new
    assert h.series(B, COD, T0, LAST).value.tolist() == [2.0]
    taken = stream.take(["readings"], "history", "writer", wait_ms=1)
    assert len(taken) == 1
    writer.close()  # it died with the entry in its hands
    writer = Writer(tmp_path, every_s=0)
    assert writer.step(stream) == 1
    assert writer.step(stream) == 0
    assert h.series(B, COD, T0, LAST).value.tolist() == [2.0]
    assert h.versions(B, COD, T0, LAST).value.tolist() == [1.0, 2.0]
    assert h.series(A, COD, T0, LAST).value.tolist() == [1.0]
    for it in (h, writer, stream):
        it.close()
