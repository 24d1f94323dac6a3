"""The bench of the live feed: what a page that reads notes, and what is told of it."""

from __future__ import annotations

import os
import time

import numpy as np

from callbacks.frames import pack
from twin.bench_live import Heard, processor_s, resident_mb, summary


def frame(seq: int, kind: str = "delta", changes: int = 3, age_ms: float = 50.0) -> bytes:
    """A frame as the live feed packs it, made so long ago."""
    head = {"t": kind, "seq": seq, "wall": time.time() * 1000 - age_ms}
    return pack(head, {"v": ("f8", np.zeros(changes)), "i": ("u4", np.arange(changes))})


def test_a_page_notes_delay_changes_and_missing_frames() -> None:
    heard = Heard()
    for seq in (4, 5, 7):
        heard.take(frame(seq))
    heard.take(frame(12, "snap", 0))  # a snapshot may leap
    heard.take(frame(13))
    assert heard.gaps == 1
    assert heard.changes == 12
    assert min(heard.late_ms) >= 49.0
    assert heard.size == sum(len(frame(n)) for n in (4, 5, 7, 13)) + len(frame(12, "snap", 0))


def test_a_summary_is_of_one_page_in_the_middle() -> None:
    a, b = Heard([10.0, 30.0], 4000, 40, 0, 2), Heard([20.0, 40.0], 4000, 40, 1, 2)
    told = summary([a, b], 2.0, 0.0123, "_x")
    assert told == {
        "cpu_share_x": 0.012,
        "late_ms_p50_x": 25.0,
        "late_ms_p95_x": 38.5,
        "late_ms_max_x": 40.0,
        "frames_per_s_x": 1.0,
        "changes_per_s_x": 20,
        "kb_per_s_x": 2.0,
        "gaps_x": 1,
    }


def test_processor_and_memory_are_of_the_process() -> None:
    before = processor_s(os.getpid())
    sum(n * n for n in range(400_000))
    assert before < processor_s(os.getpid()) + 0.02 < before + 60
    assert 10 < resident_mb(os.getpid()) < 20_000
