"""What came from whom: counters per logger, bounded, published for the pages as one JSON object."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

MOST = 10_000  # loggers counted by name; what any further one sends is counted under OTHERS
OTHERS = "*"
SKEW_EVERY_MS = 1000


@dataclass(slots=True)
class Station:
    """Counters of one logger.

    Attributes
    ----------
    frames, readings, rejects : int
        Frames taken in, numbers read from them, and frames or runs of bytes that could not be.
    deviations, reasons : Counter
        By name: what was not standard in frames taken in, and why others were rejected.
    last_ms : int
        Wall clock of the last frame, epoch milliseconds.
    skew_ms : int or None
        Its clock minus park time at its last QN; None while it sent none.
    peer : str
        Address it sends from.
    """

    frames: int = 0
    readings: int = 0
    rejects: int = 0
    deviations: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    last_ms: int = 0
    skew_ms: int | None = None
    skew_at_ms: int = 0
    peer: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "frames": self.frames,
            "readings": self.readings,
            "rejects": self.rejects,
            "deviations": dict(self.deviations),
            "reasons": dict(self.reasons),
            "last_ms": self.last_ms,
            "skew_ms": self.skew_ms,
            "peer": self.peer,
        }


@dataclass(slots=True)
class Stations:
    """Counters of all loggers, and of peers that never said who they are."""

    by_mn: dict[str, Station] = field(default_factory=dict)
    frames: int = 0
    readings: int = 0
    rejects: int = 0
    dropped: int = 0
    """Frames given up because the stream was away too long; they were not answered."""
    suppressed: int = 0
    """Rejects counted but not stored, because too many came at once."""
    cut: Counter[str] = field(default_factory=Counter)
    """Connections closed by us, by reason: flood, slow, idle, full."""
    nameless: Counter[str] = field(default_factory=Counter)
    """Rejects of peers that never sent a good frame, by reason."""
    connections: int = 0

    def of(self, mn: str) -> Station:
        """Return the counters of a logger, new ones for one not met before."""
        station = self.by_mn.get(mn)
        if station is None:
            if len(self.by_mn) >= MOST:
                mn = OTHERS
            station = self.by_mn.setdefault(mn, Station())
        return station

    def frame(self, mn: str, peer: str, now_ms: int, readings: int) -> Station:
        """Count one frame taken in."""
        station = self.of(mn)
        station.frames += 1
        station.readings += readings
        station.last_ms = now_ms
        station.peer = peer
        self.frames += 1
        self.readings += readings
        return station

    def reject(self, mn: str | None, reason: str) -> None:
        """Count one frame or run of bytes that was not taken in."""
        self.rejects += 1
        if mn is None:
            self.nameless[reason] += 1
            return
        station = self.of(mn)
        station.rejects += 1
        station.reasons[reason] += 1

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form that is published under the state key "stations"."""
        return {
            "frames": self.frames,
            "readings": self.readings,
            "rejects": self.rejects,
            "dropped": self.dropped,
            "suppressed": self.suppressed,
            "connections": self.connections,
            "cut": dict(self.cut),
            "nameless": dict(self.nameless),
            "by_mn": {mn: station.as_dict() for mn, station in self.by_mn.items()},
        }
