"""Park time. Live it is the wall clock; in a drill it starts elsewhere and may run up to 600 times faster.

Whoever runs a drill publishes one small record under the stream's state key "clock"; everybody else reads it.
Readings carry park time, so everything that is computed from readings is in park time too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class ClockState:
    """How park time follows wall time.

    Attributes
    ----------
    drill : bool
        True while what the park shows is a simulation.
    scenario : str
        Name of the drill's scenario, empty when live.
    speed : float
        Seconds of park time a second of wall time. A clock with speed 0 stands, also where it is no drill: it
        shows a moment gone by.
    park_ms, wall_ms : int
        One moment on both clocks, epoch milliseconds.
    """

    drill: bool = False
    scenario: str = ""
    speed: float = 1.0
    park_ms: int = 0
    wall_ms: int = 0


LIVE = ClockState()


def wall_ms() -> int:
    """Return the wall clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


def park_ms(state: ClockState, now_wall_ms: int | None = None) -> int:
    """Return park time now, epoch milliseconds."""
    now = wall_ms() if now_wall_ms is None else now_wall_ms
    if not state.drill and state.speed:
        return now
    return state.park_ms + round((now - state.wall_ms) * state.speed)


def as_datetime(ms: int) -> datetime:
    """Turn epoch milliseconds into an aware UTC datetime."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def as_ms(at: datetime) -> int:
    """Turn an aware datetime into epoch milliseconds."""
    return round(at.timestamp() * 1000)


class ParkClock:
    """Reads park time through a function that returns the last known `ClockState`."""

    def __init__(self, state: Callable[[], ClockState]) -> None:
        self._state = state

    @property
    def state(self) -> ClockState:
        """The clock's present state."""
        return self._state()

    def now_ms(self) -> int:
        """Park time now, epoch milliseconds."""
        return park_ms(self._state())

    def now(self) -> datetime:
        """Park time now, aware UTC."""
        return as_datetime(self.now_ms())
