"""The history writer killed for real, again and again, and the stream server with it; somebody reads on."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.embedded import Embedded
from tests.twin.history.scene import MINUTE, T0, A, B, append, cod, frame
from twin.errors import UnavailableError
from twin.history import catalogue
from twin.history.reader import History

pytestmark = pytest.mark.e2e

ROUNDS = 8
# Everything is merged as soon as may be: parts by twos, days and months at once.
WRITER = """
import sys
from pathlib import Path
from twin.history import compaction
from twin.history.writer import Writer
from twin.stream import Stream
compaction.FAN = 2
compaction.DAY_QUIET_MS = compaction.MONTH_QUIET_MS = 0
writer, stream = Writer(sys.argv[1], every_s=0), Stream(sys.argv[2])
while not Path(sys.argv[3]).exists():
    writer.step(stream)
writer.step(stream)
"""


class Reader(threading.Thread):
    """Asks all the time, and writes down whenever a minute is missing or there twice."""

    def __init__(self, h: History) -> None:
        super().__init__(daemon=True)
        self._h = h
        self.done = 0  # minutes that are surely in the stream
        self.asked = 0
        self.wrong: list[object] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            least = self.done
            try:
                got = cod(self._h)
            except UnavailableError:
                continue  # the stream server was killed: told, not hidden
            self.asked += 1
            if len(got) < least or got != [(m, float(m)) for m in range(len(got))]:
                self.wrong.append((least, got))


def test_sigkill_of_the_writer_and_of_the_server(tmp_path: Path, embedded: Embedded) -> None:
    stream, rnd = embedded.stream(), random.Random(7)
    folder, stop = tmp_path / "history", tmp_path / "stop"
    h = History(folder, stream)
    reader = Reader(History(folder, embedded.stream()))

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", WRITER, str(folder), embedded.url, str(stop)]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    reader.start()
    minute = 0
    for round_ in range(ROUNDS):
        process = start()
        before = catalogue.load(folder).serial
        until, some = time.monotonic() + 30, rnd.randrange(1, 12)
        while time.monotonic() < until and catalogue.load(folder).serial < before + some:
            append(stream, frame(minute))  # feed it until it has written some files, then kill it
            minute += 1
            reader.done = minute
        assert time.monotonic() < until, "the writer wrote nothing"
        if round_ % 4 == 3:
            embedded.kill()
            embedded.start()
        process.kill()
        process.wait(60)
        assert cod(h) == [(m, float(m)) for m in range(minute)]
    stop.touch()
    assert start().wait(120) == 0
    reader.over.set()
    reader.join(60)
    assert reader.wrong == []
    assert reader.asked > ROUNDS
    parts_only = History(folder)
    for it in (h, parts_only):
        assert len(cod(it)) == minute
        assert len(it.raw_frames([A, B], T0, T0 + 10_000 * MINUTE)) == 2 * minute
    assert rows(folder) == {"readings": 4 * minute, "frames": 2 * minute}  # not one twice on the disk
    for it in (h, parts_only, reader._h):
        it.close()


def rows(folder: Path) -> dict[str, int]:
    """Rows that the files of the catalogue hold."""
    it = catalogue.load(folder)
    return {
        kind: sum(pq.ParquetFile(folder / kind / f.name).metadata.num_rows for f in it.of(kind))
        for kind in catalogue.KINDS
    }
