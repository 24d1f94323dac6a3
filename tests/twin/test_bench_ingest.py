"""The bench's own parts: right frames, right counts. What it measures is in docs, not in a test."""

from __future__ import annotations

import numpy as np
import pytest

from twin.bench_frames import FACTORS, Frames, mn
from twin.bench_ingest import PER_FRAME, Tally
from twin.bench_load import FIRST_MS
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.readings import Interpreter
from twin.series import Catalogue, Series


@pytest.mark.parametrize("second", [0, 59, 86_399])
def test_frames_in_bulk_are_right_frames(second: int) -> None:
    frames = Frames(50)
    data = frames.second(FIRST_MS + second * 1000)
    found = Reader().feed(data)
    assert len(data) == 50 * frames.size
    packets = [p for p in found if isinstance(p, Packet)]
    assert [p.mn for p in packets] == [mn(i) for i in range(50)]
    assert all(not p.deviations and p.need_ack for p in packets)
    rows = [Interpreter().readings(p).rows for p in packets]
    assert all([r[0].factor for r in row] == list(FACTORS) for row in rows)
    assert {r[1] for row in rows for r in row} == {FIRST_MS + second * 1000}
    assert len({r[2] for row in rows for r in row}) > 300


def test_every_reading_is_accounted_for() -> None:
    tally = Tally(loggers=3, seconds=2)
    series = Catalogue.of(Series(mn(i), code, "2011", "Rtd") for i in range(3) for code in FACTORS)
    tally.add(series, np.arange(16), np.full(16, FIRST_MS))
    assert (tally.rows, tally.distinct) == (16, 16)
    tally.add(series, np.arange(8, 24), np.full(16, FIRST_MS))
    assert (tally.rows - tally.distinct, 3 * PER_FRAME * 2 - tally.distinct) == (8, 24)
    tally.add(series, np.arange(24), np.full(24, FIRST_MS + 1000))
    assert tally.distinct == 48
