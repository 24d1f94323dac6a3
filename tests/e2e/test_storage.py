"""A disk that is full and a stream server that is away for long: no answer, nothing lost, and it goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.kills import Loggers, Site, accounted

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
FULL_MB = 3


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="twin-storage-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def more(loggers: Loggers, frames: int, seconds: float = 40.0) -> bool:
    """Wait until so many more frames are answered; False where they are not."""
    goal, deadline = loggers.answered + frames, time.monotonic() + seconds
    while loggers.answered < goal and time.monotonic() < deadline:
        assert loggers.failure is None, loggers.failure
        time.sleep(0.05)
    return loggers.answered >= goal


def settle(it: Site, loggers: Loggers) -> dict[str, int]:
    loggers.finishing.set()
    loggers.join(60)
    assert not loggers.is_alive(), "some frames were never answered"
    found = accounted(it, loggers)
    assert (found["lost"], found["raw_lost"], found["wrong"], found["doubled"]) == (0, 0, 0, 0), found
    return found


def test_a_full_disk_stops_the_answers_and_loses_nothing(folder: Path) -> None:
    """The stream's own disk: a small file system where this process may make one, else a limit for files."""
    disk = folder / "redis"
    disk.mkdir()
    mounted = os.geteuid() == 0 and not subprocess.call(
        ["mount", "-t", "tmpfs", "-o", f"size={FULL_MB}m", "tmpfs", str(disk)], stderr=subprocess.DEVNULL
    )
    limit = () if mounted else ("bash", "-c", f'ulimit -f {FULL_MB * 1024}; exec "$@"', "limited")
    it = Site(folder, server=limit)
    loggers = Loggers(it.port)
    try:
        for role in ("redis", "gateway", "watch"):
            it.start(role)
        loggers.start()
        assert more(loggers, 200)
        if mounted:
            (disk / "filler").write_bytes(b"x" * (os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize))
        else:
            it.kill("redis")
            it.server = ("bash", "-c", 'ulimit -f 1; exec "$@"', "limited")
            it.start("redis")
        revived = time.monotonic()
        time.sleep(0.5)
        still = loggers.answered
        while time.monotonic() < revived + 3:  # whoever looks after the server starts it again and again
            if it.redis is not None and it.redis.poll() is not None:
                it.start("redis")
            time.sleep(0.1)
        assert loggers.answered <= still + 36  # what was on its way when the disk filled up
        assert not more(loggers, 1, 1.0) or loggers.answered <= still + 36
        (disk / "filler").unlink(missing_ok=True)
        it.server = ()
        it.kill("redis")
        it.start("redis")
        assert more(loggers, 200), "it did not go on"
        settle(it, loggers)
    finally:
        loggers.ended.set()
        it.close()
        if mounted:
            subprocess.call(["umount", "-l", str(disk)])


def test_a_server_away_for_longer_than_a_block_is_held(folder: Path) -> None:
    """Blocks are given up unanswered; the loggers repeat; the same reading comes twice and is there once."""
    it = Site(folder)
    loggers = Loggers(it.port)
    try:
        for role in ("redis", "gateway", "watch"):
            it.start(role)
        loggers.start()
        assert more(loggers, 200)
        it.kill("redis")
        still = loggers.answered
        time.sleep(25.0)  # blocks are tried again for twenty seconds
        assert loggers.answered - still <= 36
        it.start("redis")
        assert more(loggers, 300), "it did not go on"
        found = settle(it, loggers)
        assert found["sent_again"] > 36
    finally:
        loggers.ended.set()
        it.close()
