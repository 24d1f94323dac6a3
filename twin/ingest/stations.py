"""What came from whom: counters per logger, bounded, published for the pages as one JSON object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST = 40_000  # loggers counted by name; what any further one sends is counted under OTHERS
OTHERS = "*"
SKEW_EVERY_MS = 1000


GRAVE = frozenset(
    {
        *("crc_modbus", "crc_modbus_swapped", "crc_short", "length_in_characters", "length_field"),
        *("no_cp", "cp_unopened", "cp_unclosed", "cn_missing", "mn_missing", "undecodable"),
        *("datatime_missing", "datatime_invalid", "datatime_ambiguous", "duplicate_key", "not_a_number"),
        *("nonfinite", "broken_item", "missing_separator", "split_incomplete"),
    }
)
"""Deviations that can cost a reading; all others are matters of form."""
FORM_COSTS = 0.2


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
    moves : int
        How often it went on from another address.
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
    moves: int = 0

    def moved(self, peer: str) -> None:
        """It sends from this address now."""
        if peer != self.peer:
            self.moves += bool(self.peer)
            self.peer = peer

    @property
    def conformance(self) -> float | None:
        """How near to the standard it sends, 0 to 100; None before it has sent anything.

        A rejected frame and a grave deviation cost a whole frame, any other deviation a fifth of one.
        """
        total = self.frames + self.rejects
        if not total:
            return None
        cost = self.rejects + sum(
            count * (1.0 if name in GRAVE else FORM_COSTS) for name, count in self.deviations.items()
        )
        return round(100.0 * max(0.0, 1.0 - cost / total), 1)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "conformance": self.conformance,
            "frames": self.frames,
            "readings": self.readings,
            "rejects": self.rejects,
            "deviations": dict(self.deviations),
            "reasons": dict(self.reasons),
            "last_ms": self.last_ms,
            "skew_ms": self.skew_ms,
            "peer": self.peer,
            "moves": self.moves,
        }


@dataclass(slots=True)
class Stations:
    """Counters of all loggers, and of peers that never said who they are."""

    by_mn: dict[str, Station] = field(default_factory=dict)
    frames: int = 0
    readings: int = 0
    rejects: int = 0
    dropped: int = 0
    dropped_before: int = 0
    """Frames given up because the stream was away too long; they were not answered."""
    suppressed: int = 0
    suppressed_before: int = 0
    """Rejects counted but not stored, because too many came at once."""
    cut: Counter[str] = field(default_factory=Counter)
    """Connections closed by us, by reason: flood, slow, idle, full."""
    nameless: Counter[str] = field(default_factory=Counter)
    """Rejects of peers that never sent a good frame, by reason."""
    connections: int = 0
    throttled: int = 0
    throttled_before: int = 0
    """Times a peer was read more slowly than it sent."""

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
        station.moved(peer)
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

    def restore(self, body: Mapping[str, Any]) -> None:
        """Go on counting from what an earlier run published; what is not of that form is passed over."""
        self.frames += _count(body.get("frames"))
        self.readings += _count(body.get("readings"))
        self.rejects += _count(body.get("rejects"))
        self.dropped_before += _count(body.get("dropped"))
        self.suppressed_before += _count(body.get("suppressed"))
        self.throttled_before += _count(body.get("throttled"))
        self.cut.update(_counts(body.get("cut")))
        self.nameless.update(_counts(body.get("nameless")))
        rows = body.get("by_mn")
        for mn, row in rows.items() if isinstance(rows, dict) else ():
            if isinstance(row, dict):
                station = self.of(mn)
                station.frames += _count(row.get("frames"))
                station.readings += _count(row.get("readings"))
                station.rejects += _count(row.get("rejects"))
                station.deviations.update(_counts(row.get("deviations")))
                station.reasons.update(_counts(row.get("reasons")))
                station.moves += _count(row.get("moves"))
                newer = _count(row.get("last_ms")) > station.last_ms
                station.last_ms = max(station.last_ms, _count(row.get("last_ms")))
                if newer or not station.peer:
                    station.peer = str(row.get("peer") or "")
                if (newer or station.skew_ms is None) and isinstance(row.get("skew_ms"), int):
                    station.skew_ms = row["skew_ms"]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form that is published under the state key "stations"."""
        return {**self.totals(), "by_mn": {mn: station.as_dict() for mn, station in self.by_mn.items()}}

    def totals(self) -> dict[str, Any]:
        """Return the JSON form without the single loggers."""
        return {
            "frames": self.frames,
            "readings": self.readings,
            "rejects": self.rejects,
            "dropped": self.dropped + self.dropped_before,
            "suppressed": self.suppressed + self.suppressed_before,
            "connections": self.connections,
            "throttled": self.throttled + self.throttled_before,
            "cut": dict(self.cut),
            "nameless": dict(self.nameless),
        }


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _counts(value: object) -> dict[str, int]:
    return {str(name): _count(count) for name, count in value.items()} if isinstance(value, dict) else {}
