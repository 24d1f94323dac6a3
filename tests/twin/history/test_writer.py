"""History loses nothing and shows nothing twice, wherever it is interrupted."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.embedded import Embedded
from tests.twin.history.scene import COD, MINUTE, NH3N, T0, A, B, append, cod, frame, one
from twin.blocks import BlockBuilder, Series
from twin.curves import Window
from twin.errors import ConfigError, UnavailableError
from twin.history import catalogue, compaction
from twin.history import writer as writing
from twin.history.reader import History
from twin.history.writer import Writer
from twin.stream import Keys, Stream


@pytest.fixture
def stream(embedded: Embedded) -> Stream:
    return embedded.stream()


@pytest.fixture
def h(tmp_path: Path, stream: Stream) -> Iterator[History]:
    it = History(tmp_path / "history", stream)
    yield it
    it.close()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    it = Writer(tmp_path / "history", every_s=0)
    yield it
    it.close()


# --- what a query sees ------------------------------------------------------------------------------------


def test_readings_are_seen_at_once_and_after_they_were_written(
    h: History, writer: Writer, stream: Stream
) -> None:
    assert cod(h) == []
    append(stream, *(frame(m) for m in range(5)))
    expected = [(m, float(m)) for m in range(5)]
    assert cod(h) == expected  # all of it in the stream
    assert writer.step(stream) == 20
    assert cod(h) == expected  # all of it in a part
    append(stream, frame(5))
    assert cod(h) == [*expected, (5, 5.0)]  # both
    assert cod(h, B)[0] == (0, 100.0)
    assert writer.step(stream) == 4
    assert writer.step(stream) == 0
    assert cod(h) == [*expected, (5, 5.0)]


def test_a_query_is_bounded_by_its_moments(h: History, writer: Writer, stream: Stream) -> None:
    append(stream, *(frame(m) for m in range(4)))
    writer.step(stream)
    append(stream, *(frame(m) for m in range(4, 8)))
    got = h.series(A, COD, T0 + 3 * MINUTE, T0 + 5 * MINUTE)
    assert got.value.tolist() == [3.0, 4.0, 5.0]
    assert got.flag.tolist() == [ord("N")] * 3
    assert h.series(A, COD, T0 + 90 * MINUTE, T0 + 99 * MINUTE).value.tolist() == []
    assert h.series("nobody", COD, T0, T0 + 99 * MINUTE).value.tolist() == []


def test_the_last_received_wins_wherever_it_is(h: History, writer: Writer, stream: Stream) -> None:
    append(stream, frame(1), frame(2))
    writer.step(stream)
    append(stream, frame(1, shift=0.5))  # a correction, still in the stream
    assert cod(h) == [(1, 1.5), (2, 2.0)]
    writer.step(stream)
    assert cod(h) == [(1, 1.5), (2, 2.0)]
    append(stream, frame(2, shift=0.1), frame(2, shift=0.2), frame(0))  # twice, and one that was late
    assert cod(h) == [(0, 0.0), (1, 1.5), (2, 2.2)]
    writer.step(stream)
    assert cod(h) == [(0, 0.0), (1, 1.5), (2, 2.2)]


def test_a_window_holds_every_point(h: History, writer: Writer, stream: Stream) -> None:
    append(stream, *(frame(m) for m in range(6)))
    writer.step(stream)
    append(stream, frame(6, mns=("C",)))
    window = h.window(T0 + 2 * MINUTE, T0 + 6 * MINUTE)
    assert set(window.points) == {(mn, f) for mn in (A, B, "C") for f in (COD, NH3N)}
    assert window.curve(B, COD).value.tolist() == [102.0, 103.0, 104.0, 105.0]
    assert window.curve("C", COD).value.tolist() == [6.0]
    assert len(window.value) == 4 * 4 + 2
    latest = h.latest(T0 + 4 * MINUTE)
    assert latest.curve(A, COD).value.tolist() == [4.0]
    assert h.window(T0 - 9 * MINUTE, T0 - 1).points == ()
    assert h.span() == (T0, T0 + 5 * MINUTE)


def test_loggers_of_2005_and_replaced_ones_give_one_curve(h: History, writer: Writer, stream: Stream) -> None:
    append(stream, one(A, "011", 0, 0.0), one(A, COD, 1, 1.0))
    writer.step(stream)
    append(stream, one(B, "011", 2, 2.0), one(B, COD, 2, 2.0))
    assert h.series([A, B], COD, T0, T0 + 9 * MINUTE).value.tolist() == [0.0, 1.0, 2.0]
    assert h.window(T0, T0 + 9 * MINUTE).points == ((A, COD), (B, COD))


def test_hour_values_do_not_mix_with_real_time(h: History, writer: Writer, stream: Stream) -> None:
    builder = BlockBuilder()
    hour = [(Series(A, COD, "2061", s), T0, v, 78) for s, v in (("Avg", 7.0), ("Max", 9.0))]
    builder.add(b"x", 0, hour)
    append(stream, builder.build(), frame(0))
    for _ in range(2):
        assert h.series(A, COD, T0, T0).value.tolist() == [0.0]
        assert h.series(A, COD, T0, T0, cn="2061").value.tolist() == [7.0]
        assert h.series(A, COD, T0, T0, cn="2061", stat="Max").value.tolist() == [9.0]
        assert h.window(T0, T0, cn="2061").points == ((A, COD),)
        writer.step(stream)


def test_raw_frames_are_kept_word_for_word(h: History, writer: Writer, stream: Stream) -> None:
    append(stream, *(frame(m) for m in range(3)))
    writer.step(stream)
    append(stream, frame(3), frame(1, shift=0.5))
    got = h.raw_frames(A, T0 + MINUTE, T0 + 3 * MINUTE)
    assert [f.raw for f in got] == [
        f"##MN={A};minute={m};shift={s}".encode() for m, s in ((1, 0.0), (1, 0.5), (2, 0.0), (3, 0.0))
    ]
    assert [(f.mn, f.at_ms, f.received_ms) for f in got[:1]] == [(A, T0 + MINUTE, T0 + MINUTE + 900)]
    assert len(h.raw_frames([A, B], T0, T0 + 9 * MINUTE)) == 10
    assert h.raw_frames("nobody", T0, T0 + 9 * MINUTE) == []


# --- the writer -------------------------------------------------------------------------------------------


def test_parts_are_written_no_more_often_than_asked(tmp_path: Path, stream: Stream) -> None:
    writer = Writer(tmp_path, every_s=3600)
    append(stream, frame(0))
    assert writer.step(stream) == 4  # the first at once
    append(stream, frame(1))
    assert writer.step(stream) == 0
    assert writer.step(stream, now=True) == 4
    writer.close()


def test_what_is_written_leaves_the_stream_and_what_is_not_stays(
    tmp_path: Path, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeps = Writer(tmp_path / "keeps", keep_hours=6.0, every_s=0)
    append(stream, *(frame(m) for m in range(6)))
    keeps.step(stream)
    assert stream.length("readings") == 6
    keeps.close()
    drops = Writer(tmp_path / "keeps", keep_hours=0.0, every_s=0)
    time.sleep(0.005)
    append(stream, frame(6))
    drops.step(stream)
    assert stream.length("readings") == 1  # only the newest, whose millisecond is not over
    drops.close()
    monkeypatch.setattr(writing, "KEEP_BYTES", 1000)
    small = Writer(tmp_path / "keeps", every_s=0)
    for m in range(20):
        append(stream, frame(m))
        time.sleep(0.002)
        if m % 5 == 4:
            small.step(stream)
    assert 5 <= stream.length("readings") <= 11
    h = History(tmp_path / "keeps", stream)
    assert len(cod(h)) == 20
    h.close()
    small.close()


def test_a_full_backlog_is_written_in_several_parts(
    tmp_path: Path, stream: Stream, h: History, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "BATCH", 4)
    monkeypatch.setattr(writing, "MOST_BYTES", 600)
    append(stream, *(frame(m) for m in range(30)))
    steps = 0
    while writer.step(stream):
        steps += 1
    assert steps > 3
    assert cod(h) == [(m, float(m)) for m in range(30)]


def test_many_small_parts_become_few(
    tmp_path: Path, stream: Stream, h: History, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "FAN", 3)
    for m in range(20):
        append(stream, frame(m))
        writer.step(stream)
        assert cod(h) == [(k, float(k)) for k in range(m + 1)]
        assert len(h.raw_frames(A, T0, T0 + 99 * MINUTE)) == m + 1
    it = catalogue.load(tmp_path / "history")
    for kind in catalogue.KINDS:
        assert sorted(f.tier for f in it.of(kind)) == [0, 0, 2, 2]
        assert sum(f.rows for f in it.of(kind)) == {"readings": 80, "frames": 40}[kind]


def test_an_entry_that_cannot_be_read_is_kept_and_told(
    tmp_path: Path, stream: Stream, h: History, writer: Writer
) -> None:
    append(stream, frame(0))
    bad = stream.append("readings", b"not a block")
    append(stream, frame(1))
    assert cod(h) == [(0, 0.0), (1, 1.0)]
    assert writer.step(stream) == 8
    assert cod(h) == [(0, 0.0), (1, 1.0)]
    assert (tmp_path / "history" / "unreadable" / f"{bad}.bin").read_bytes() == b"not a block"
    assert bad.encode() in stream.last("rejects")[0].body
    assert writer.step(stream) == 0


def test_places_that_are_no_folder_are_named(tmp_path: Path, stream: Stream) -> None:
    for make in (Writer, History):
        with pytest.raises(ConfigError, match="TWIN_HISTORY_URL"):
            make("s3://bucket/history")
    (tmp_path / "file").write_bytes(b"")
    append(stream, frame(0))
    with pytest.raises(UnavailableError, match="cannot be written"):
        Writer(tmp_path / "file").step(stream)
    odd = tmp_path / "a[1] b*"
    writer = Writer(odd)
    assert writer.step(stream) == 4  # the same readings, once the folder is there
    h = History(odd)
    assert cod(h) == [(0, 0.0)]
    h.close()
    writer.close()


def test_a_part_that_cannot_be_read_is_named(
    tmp_path: Path, stream: Stream, h: History, writer: Writer
) -> None:
    append(stream, frame(0))
    writer.step(stream)
    held = catalogue.load(tmp_path / "history").of("readings")[0]
    (tmp_path / "history" / "readings" / held.name).write_bytes(b"not parquet")
    with pytest.raises(UnavailableError, match="cannot be read"):
        cod(h)


# --- interrupted ------------------------------------------------------------------------------------------


class KilledError(Exception):
    """The moment a process would have died."""


class Trap:
    """Raises before or after the n-th dangerous call, and never again."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.left = -1
        self.sprung = False
        for owner, name in (
            (Stream, "pending"),
            (Stream, "take"),
            (Stream, "ack"),
            (Stream, "trim"),
            (pq.ParquetWriter, "write_table"),
            (os, "fsync"),
            (Path, "replace"),
            (Path, "unlink"),
        ):
            patch.setattr(owner, name, self._watched(getattr(owner, name)))

    def set(self, n: int) -> None:
        self.left, self.sprung = n, False

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            self._tick()
            result = call(*args, **kwargs)
            self._tick()
            return result

        return watched

    def _tick(self) -> None:
        self.left -= 1
        if self.left == -1:
            self.sprung = True
            raise KilledError


def seen(h: History) -> tuple[list[tuple[int, float]], int, int]:
    window: Window = h.window(T0, T0 + 99 * MINUTE)
    return cod(h), len(window.value), len(h.raw_frames([A, B], T0, T0 + 99 * MINUTE))


def stepped(folder: Path, stream: Stream, keep_hours: float = 6.0) -> None:
    """One step of a writer that then is gone, as its process would be."""
    writer = Writer(folder, keep_hours, every_s=0)
    try:
        writer.step(stream)
    finally:
        writer.close()


def rows_in_files(folder: Path) -> tuple[int, int]:
    """Rows of readings and of frames that the catalogue's files hold, doubles and all."""
    it = catalogue.load(folder)
    counts = [
        sum(pq.ParquetFile(folder / kind / f.name).metadata.num_rows for f in it.of(kind))
        for kind in ("readings", "frames")
    ]
    return counts[0], counts[1]


@pytest.mark.slow
def test_killed_at_any_point_nothing_is_lost_and_nothing_doubled(
    tmp_path: Path, embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "FAN", 2)
    trap = Trap(monkeypatch)
    expected = [(m, float(m)) for m in range(6)]
    for point in range(1000):
        stream = Stream(embedded.url, Keys(f"park{point}"))
        folder = tmp_path / str(point)
        h = History(folder, stream)
        trap.set(-1)
        append(stream, frame(0), frame(1), frame(2))
        stepped(folder, stream)
        append(stream, frame(3), frame(4))
        trap.set(point)
        with contextlib.suppress(KilledError):
            stepped(folder, stream)
        trap.left = -1
        append(stream, frame(5))
        assert seen(h) == (expected, 24, 12), f"killed at {point}"
        stepped(folder, stream, keep_hours=0.0)
        assert seen(h) == (expected, 24, 12), f"written again after {point}"
        assert rows_in_files(folder) == (24, 12), f"doubled in files after {point}"
        parts_only = History(folder)
        assert seen(parts_only) == (expected, 24, 12), f"parts alone after {point}"
        h.close()
        parts_only.close()
        stream.close()
        if not trap.sprung:
            break
    assert 20 < point < 999


def test_a_server_that_is_away_costs_nothing(
    embedded: Embedded, stream: Stream, h: History, writer: Writer
) -> None:
    append(stream, frame(0))
    writer.step(stream)
    append(stream, frame(1))
    embedded.kill()
    with pytest.raises(UnavailableError):
        writer.step(stream)
    with pytest.raises(UnavailableError):
        cod(h)
    embedded.start()
    assert cod(h) == [(0, 0.0), (1, 1.0)]
    assert writer.step(stream) == 4
    assert cod(h) == [(0, 0.0), (1, 1.0)]


@pytest.mark.slow
def test_readers_see_everything_while_parts_are_written_and_merged(
    tmp_path: Path, embedded: Embedded, stream: Stream, h: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "FAN", 2)
    stopped, wrong = threading.Event(), list[object]()
    done = [0]  # minutes that are surely in the stream

    def read() -> None:
        while not stopped.is_set():
            least = done[0]
            try:
                got = cod(h)
            except Exception as error:
                wrong.append(error)
                return
            if len(got) < least or got != [(m, float(m)) for m in range(len(got))]:
                wrong.append((least, got))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    writer = Writer(tmp_path / "history", every_s=0)
    for m in range(40):
        append(stream, frame(m))
        done[0] = m + 1
        writer.step(stream)
    stopped.set()
    for reader in readers:
        reader.join(60)
    assert wrong == []
