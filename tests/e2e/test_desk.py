"""The process that reads files: it tells what it does, can be stopped, and is bounded."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from geodata import park as parks
from tests.geodata import surveys
from tests.twin.test_park_desk import put
from twin import park_desk
from twin.park_desk import Desk, DeskError, Standing, Work

pytestmark = pytest.mark.e2e


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


def until(work: Work, over: Callable[[Standing], bool], seconds: float = 60.0) -> Standing:
    deadline = time.monotonic() + seconds
    while not over(now := work.standing()):
        assert time.monotonic() < deadline, now
        time.sleep(0.05)
    return now


def test_a_process_of_its_own_reads_and_tells(desk: Desk) -> None:
    work = desk.open("me")
    surveys.workbook(surveys.tables(), work.files_in / "survey.xlsx")
    desk.start(work, parks.demo_path())
    with pytest.raises(DeskError, match="being read"):
        desk.start(work, parks.demo_path())
    assert until(work, lambda now: now.word != "running") == Standing("done", park_desk.READY, 1.0)
    result = work.result()
    assert (result["ready"], result["counts"]["link"]) == (False, 3)  # the demo park's place proposes a zone
    assert [(g["kind"], g["value"]) for g in result["guesses"]] == [("crs", "EPSG:4549")]
    assert parks.read(work.park(result["version"])).version == result["version"]


def test_a_reading_is_stopped(desk: Desk) -> None:
    work = desk.open("me")
    rows = "\n".join(f"P{i},{i},{i}" for i in range(400_000))
    put(work, "points.csv", f"物探点号,X,Y\n{rows}".encode())
    desk.start(work, parks.demo_path())
    work.stop()
    assert until(work, lambda now: now.word != "running").word == "stopped"
    assert work.result() == {}
    assert list(work.folder.glob("*.gpkg")) == []


def test_a_mapping_among_the_files_that_is_none_is_said(desk: Desk) -> None:
    work = desk.open("me")
    put(work, "a.csv", "物探点号,X,Y\n1,1,1\n".encode())
    put(work, "wrong.toml", b"[")
    desk.start(work, parks.demo_path())
    now = until(work, lambda now: now.word != "running")
    assert now.word == "failed"
    assert "wrong.toml" in now.step.zh


def test_a_file_that_needs_too_much_memory_is_stopped_with_a_sentence(desk: Desk) -> None:
    work = desk.open("me")
    rows = "\n".join(f"P{i},{i},{i},{i}" for i in range(900_000))
    put(work, "points.csv", f"物探点号,X,Y,地面高程\n{rows}".encode())
    small = "import sys, twin.park_stage as s; s.MEMORY = 400 * 2**20; sys.exit(s.main(sys.argv[1:]))"
    words = [sys.executable, "-c", small, str(work.folder), str(parks.demo_path())]
    assert subprocess.run(words, check=False).returncode == 0
    now = work.standing()
    assert now.word == "failed"
    assert "memory" in now.step.en
    assert work.result() == {}
