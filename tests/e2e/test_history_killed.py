"""The history writer killed for real, again and again, and the stream server with it."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Embedded
from tests.twin.history.scene import MINUTE, T0, A, B, append, cod, frame
from twin.history.reader import History

WRITER = """
import sys
from pathlib import Path
from twin.history import compaction
from twin.history.writer import Writer
from twin.stream import Stream
compaction.FAN = 3
writer, stream = Writer(sys.argv[1], every_s=0), Stream(sys.argv[2])
while not Path(sys.argv[3]).exists():
    writer.step(stream)
writer.step(stream)
"""


@pytest.mark.e2e
def test_sigkill_of_the_writer_and_of_the_server(tmp_path: Path, embedded: Embedded) -> None:
    stream, rnd = embedded.stream(), random.Random(7)
    h = History(tmp_path / "history", stream)
    stop = tmp_path / "stop"

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", WRITER, str(tmp_path / "history"), embedded.url, str(stop)]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    minute = 0
    for round_ in range(2):
        process = start()
        until = time.monotonic() + 20
        before = len(list(tmp_path.glob("history/readings/*.parquet")))
        while time.monotonic() < until:  # feed it until it has written, then kill it somewhere on the way
            append(stream, frame(minute))
            minute += 1
            time.sleep(0.005)
            if len(list(tmp_path.glob("history/readings/*.parquet"))) not in (0, before):
                break
        assert time.monotonic() < until, "the writer wrote nothing"
        for _ in range(rnd.randrange(30)):
            append(stream, frame(minute))
            minute += 1
        if round_ == 1:
            embedded.kill()
            embedded.start()
        process.kill()
        process.wait()
        assert cod(h) == [(m, float(m)) for m in range(minute)]
    stop.touch()
    assert start().wait() == 0
    assert seen_all(h) == (minute, 2 * minute)
    parts_only = History(tmp_path / "history")
    assert seen_all(parts_only) == (minute, 2 * minute)
    parts_only.close()
    h.close()


def seen_all(h: History) -> tuple[int, int]:
    """Minutes and raw frames that history shows."""
    return len(cod(h)), len(h.raw_frames([A, B], T0, T0 + 10_000 * MINUTE))
