"""The queue on disk: in order, once, whatever is interrupted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from twin.errors import UnavailableError
from twin.forward.spool import Copy, Spool


def copies(mn: str, *numbers: int, target: str = "city") -> list[Copy]:
    return [Copy(target, mn, 1000 + n, b"%d" % n) for n in numbers]


def raws(spool: Spool, mn: str, count: int = 99) -> list[int]:
    return [int(f.raw) for f in spool.next("city", mn, count)]


def test_frames_come_out_in_order_by_logger(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "s")) as spool:
        spool.add("1-0", copies("A", 1, 2) + copies("B", 3))
        spool.add("2-0", copies("A", 4))
        assert raws(spool, "A") == [1, 2, 4]
        assert raws(spool, "A", 1) == [1]
        assert raws(spool, "B") == [3]
        assert spool.waiting == {"city": {"A": 3, "B": 1}}
        assert spool.oldest_ms("city") == 1001


def test_an_entry_read_again_changes_nothing_even_after_a_crash(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    assert spool.add("1-0", copies("A", 1))
    with closing(Spool(tmp_path / "s")) as again:  # the first was never closed, as after a crash
        assert not again.add("1-0", copies("A", 1))
        assert raws(again, "A") == [1]
        assert again.waiting == {"city": {"A": 1}}
        assert again.last_entry() == "1-0"
    spool.close()


def test_what_is_done_is_gone_and_what_is_refused_can_be_taken_back(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "s")) as spool:
        spool.add("1-0", copies("A", 1, 2, 3))
        first, second, _ = spool.next("city", "A", 9)
        spool.done("city", [("A", first.id)])
        spool.refuse("city", "A", second.id, "QnRtn=2")
        assert raws(spool, "A") == [3]
        assert spool.waiting == {"city": {"A": 1}}
        assert spool.refused("city") == {"QnRtn=2": 1}
        assert spool.take_back("city") == 1
        assert raws(spool, "A") == [2, 3]
        assert spool.refused("city") == {}


def test_the_bound_drops_the_oldest_of_that_target_only(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "s")) as spool:
        spool.add("1-0", copies("A", 1) + copies("A", 9, target="province") + copies("B", 2, 3))
        assert spool.cut("city", 2) == 1
        assert (raws(spool, "A"), raws(spool, "B")) == ([], [2, 3])
        assert spool.cut("city", 2) == 0
        assert spool.waiting["province"] == {"A": 1}


def test_a_disk_that_fails_is_told_and_loses_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.add("1-0", copies("A", 1))
    with closing(sqlite3.connect(tmp_path / "s", isolation_level=None)) as other:
        other.execute("PRAGMA journal_size_limit=0")
        other.execute("BEGIN EXCLUSIVE")
        spool._db.execute("PRAGMA busy_timeout=10")
        with pytest.raises(UnavailableError):
            spool.add("2-0", copies("A", 2))
        with pytest.raises(UnavailableError):
            spool.done("city", [("A", 1)])
        other.execute("ROLLBACK")
    assert spool.waiting == {"city": {"A": 1}}
    assert spool.add("2-0", copies("A", 2))
    assert raws(spool, "A") == [1, 2]
    spool.close()
    with pytest.raises(UnavailableError):
        spool.next("city", "A", 1)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        Spool(tmp_path / "none" / "s")


def test_only_entries_of_the_stream_tell_how_far_it_was_read(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "s")) as spool:
        spool.add("17-0", copies("A", 1))
        spool.add("past-1-2", copies("A", 2))
        spool.add("again-18-0-0", copies("A", 3))
        assert spool.last_entry() == "17-0"
