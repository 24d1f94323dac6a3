"""Reads from history what a ranking is made of, the same way now and when it is made again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from geodata.places import Park
from twin.clock import as_ms
from twin.curves import Window
from twin.history.reader import History
from twin.trace.observations import Observations

BEFORE = timedelta(hours=4)  # of readings before the incident that the tracer reads
MOST = timedelta(hours=12)  # of readings altogether
MEANS_FROM = timedelta(hours=1)  # where readings begin later than this after the window does, means stand in
MEANS_CN = "2051"  # ten-minute means


def since(opened: datetime, now: datetime) -> datetime:
    """Return from when readings are read for an incident."""
    return max(opened - BEFORE, now - MOST)


def observations(history: History, park: Park, start: datetime, until: datetime) -> Observations:
    """Return all readings of a park in a time; means where there were none yet."""
    window = history.window(as_ms(start), as_ms(until))
    first = int(window.at_ms.min()) if len(window.at_ms) else as_ms(until)
    means = first - as_ms(start) > MEANS_FROM.total_seconds() * 1000
    if means:
        window = joined(history.window(as_ms(start), first - 1, cn=MEANS_CN), window)
    found = Observations.from_window(window, park)
    return replace(found, asked_s=(start.timestamp(), until.timestamp()), means=means)


def joined(first: Window, second: Window) -> Window:
    """Put one window's readings before another's of later times, point by point."""
    points = tuple(dict.fromkeys((*first.points, *second.points)))
    curves = [[w.curve(*p) for w in (first, second)] for p in points]
    count = [sum(len(c.at_ms) for c in pair) for pair in curves]
    flat = [c for pair in curves for c in pair]
    if not flat:
        return second
    return Window(
        points,
        np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
        np.concatenate([c.at_ms for c in flat]),
        np.concatenate([c.value for c in flat]),
        np.concatenate([c.flag for c in flat]),
    )
