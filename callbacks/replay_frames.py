"""A stretch of the past as frames of the live feed, made by the code that makes them live.

The first frame is a snapshot at the beginning of the stretch; deltas follow, one a step, so that what
happened within a step is sent together. On the wire each frame (`callbacks.frames`) has its length in front
(uint32, little-endian).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbacks.as_of import Past, at_once_ms, block_of
from callbacks.live import Board
from twin.blocks import Block
from twin.clock import as_datetime, as_ms
from twin.curves import Window
from twin.history.reader import History
from twin.records_past import RecordsThen
from twin.state import STALE_INTERVALS, STALE_LEAST_S

MOST_FRAMES = 240
MOST_BYTES = 6_000_000  # of one answer; what is left out is asked for again from where it ended
LEAST_STEP_MS = 1000
LONG_MS = 26 * 3_600_000  # of a longer window holes are not looked for: it would mean reading all of it
MOST_MARKS = 400
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What of the past is asked for, park time, epoch ms."""

    from_ms: int
    to_ms: int
    step_ms: int = LEAST_STEP_MS

    @classmethod
    def of(cls, from_ms: int, to_ms: int, step_ms: int, now_ms: int) -> Stretch:
        """Keep a request within what there can be: nothing later than now, and only so many frames."""
        end = max(min(to_ms, now_ms), 0)
        start = max(min(from_ms, end), 0)
        step = max(step_ms, LEAST_STEP_MS)
        return cls(start, min(end, start + step * MOST_FRAMES), step)

    @property
    def moments(self) -> list[int]:
        """The moment of every frame after the first."""
        inner = list(range(self.from_ms + self.step_ms, self.to_ms, self.step_ms))
        return [*inner, self.to_ms] if self.to_ms > self.from_ms else []


def wire(past: Past, stretch: Stretch) -> bytes:
    """Return a stretch as it is sent; it may end early, after `MOST_BYTES`.

    Raises
    ------
    UnavailableError
        History or records are away.
    """
    parts: list[bytes] = []
    size = 0
    for frame in frames(past, stretch):
        parts += [_LENGTH.pack(len(frame)), frame]
        size += len(frame)
        if size > MOST_BYTES:
            break
    return b"".join(parts)


def frames(past: Past, stretch: Stretch) -> Iterator[bytes]:
    """Give the frames of a stretch one after the other.

    Raises
    ------
    UnavailableError
        History or records are away.
    """
    then = past.at(stretch.from_ms)
    known_by = RecordsThen(past.now.records, as_datetime(stretch.to_ms))
    changes = np.array(known_by.moments(), np.int64)
    count = _count(changes, stretch.from_ms)
    board, facts = then.board(), replace(then.facts, revision=f"then {count}")
    board.delta(facts)
    yield board.snapshot(facts)
    before = loaded = stretch.from_ms
    rows: Block | None = None
    for at in stretch.moments:
        if at > loaded:
            loaded = min(stretch.to_ms, max(at, before + at_once_ms(past.park)))
            rows = _by_time(past.now.history.window(before + 1, loaded))
        if rows is not None:
            _take(board, rows, before, at)
        known, count = count, _count(changes, at)
        standing = facts.standing if count == known else None
        facts = replace(then.facts_at(at, standing), revision=f"then {count}")
        if standing is None:
            board.stand(facts.standing)
        yield board.delta(facts)
        before = at


def _take(board: Board, rows: Block, after: int, until: int) -> None:
    low, high = np.searchsorted(rows.at_ms, [after, until], side="right")
    if high > low:
        board.take(_part(rows, slice(int(low), int(high))))


def _count(changes: NDArray[np.int64], at_ms: int) -> int:
    """How often the records had changed by a moment: a name for their state."""
    return int(np.searchsorted(changes, at_ms, side="right"))


def marks(past: Past, from_ms: int, to_ms: int) -> dict[str, Any]:
    """Return what is worth a mark on the slider of a window.

    Returns
    -------
    dict
        incidents: [{id, zh, en, from, to, level}]; alarms: [ms, ...]; holes: [[from, to], ...] in which
        nothing was measured, None where the window is too long to look; now: park time, ms.
    """
    now = past.now
    to_ms = min(to_ms, now.live.now_ms())
    then = RecordsThen(now.records, as_datetime(to_ms))
    found = []
    for it in then.incidents(limit=60):
        end = as_ms(it.updated) if str(it.state) in ("closed", "fault") else to_ms
        if end >= from_ms:
            found.append(
                {
                    "id": it.id,
                    "zh": it.title.zh,
                    "en": it.title.en,
                    "from": as_ms(it.opened),
                    "to": end,
                    "level": int(it.level),
                }
            )
    alarms = [as_ms(a.since) for a in then.anomalies(limit=4000)]
    interval_s = min((s.interval_s for s in past.park.stations), default=60)
    least_ms = round(1000 * max(STALE_INTERVALS * interval_s, STALE_LEAST_S))
    return {
        "incidents": found,
        "alarms": sorted(at for at in alarms if at >= from_ms)[-MOST_MARKS:],
        "holes": holes(now.history, from_ms, to_ms, least_ms) if to_ms - from_ms <= LONG_MS else None,
        "now": now.live.now_ms(),
    }


def holes(history: History, from_ms: int, to_ms: int, least_ms: int) -> list[list[int]]:
    """Return the parts of a window, each longer than `least_ms`, in which no real-time value was measured."""
    if to_ms <= from_ms:
        return []
    measured = np.unique(history.window(from_ms, to_ms).at_ms)
    edges = np.concatenate(([from_ms], measured, [to_ms]))
    long = np.flatnonzero(np.diff(edges) > least_ms)
    return np.stack([edges[long], edges[long + 1]], axis=1).tolist()  # type: ignore[no-any-return]


def _by_time(window: Window) -> Block:
    rows = block_of(window)
    return _part(rows, np.argsort(rows.at_ms, kind="stable"))


def _part(rows: Block, which: Any) -> Block:
    columns = (rows.series_index, rows.at_ms, rows.value, rows.flag, rows.frame)
    index, at, value, flag, frame = (column[which] for column in columns)
    return Block(rows.series, index, at, value, flag, frame, rows.raw, rows.received_ms)
