"""What really happened, written for the referee alone. Nothing else in the product may read it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from twin.hydraulics.engine import Injection
from twin.model import from_json, to_json
from twin.simulate.lines import Counts
from twin.simulate.loggers import Frame
from twin.simulate.scenarios import Play

FRONT = 0.05  # the plume is at a place when this share of its release's mark is there, see `Truth.plume_ms`
WRITE_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Move:
    """A gate told to go somewhere, by its own controller's log; park time."""

    gate: str
    at_ms: int
    target: float
    stroke_s: float


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything about a drill that only the referee may know. Times are park time, epoch milliseconds.

    Attributes
    ----------
    enterprise, outlet : str
        Empty where nobody did anything.
    start_ms, started_ms : int
        Begin of the drill and of the release.
    now_ms : int
        How far nature is.
    plume_ms : dict of str to int
        When the water above a gate or at a receptor first held clearly more than before the release.
    moves : tuple of Move
        Every order a gate's controller obeyed.
    counts : Counts
        Frames of all loggers together.
    """

    scenario: str
    seed: int
    enterprise: str
    outlet: str
    start_ms: int
    started_ms: int
    now_ms: int
    injections: tuple[Injection, ...]
    flow_factor: float
    pollutant: str
    plume_ms: dict[str, int]
    moves: tuple[Move, ...]
    counts: Counts
    waiting: int
    lying: tuple[str, str] | None = None  # station and factor of the instrument at fault


def read(path: Path) -> Truth | None:
    """Read the truth; None while there is none yet."""
    try:
        return from_json(path.read_bytes(), Truth)
    except FileNotFoundError:
        return None


@dataclass(slots=True)
class Scribe:
    """Keeps the truth of one drill and writes it to a file now and then."""

    path: Path
    play: Play
    start_ms: int
    _plume: dict[str, int] = field(default_factory=dict)
    _clean: dict[str, float] = field(default_factory=dict)
    _written: float = 0.0

    def watch(self, at_ms: int, water: Mapping[str, Mapping[str, float]]) -> None:
        """Look at the water above the gates and at the receptors."""
        pollutant = self.play.factor
        for place, mg_l in water.items():
            clean = self._clean.setdefault(place, mg_l[pollutant])
            if (
                self.play.injections
                and place not in self._plume
                and mg_l[pollutant] > clean * (1 + FRONT) + 0.1
            ):
                self._plume[place] = at_ms

    def write(
        self, now_ms: int, moves: tuple[Move, ...], counts: Counts, waiting: int, *, force: bool = False
    ) -> None:
        """Write the file, at most twice a second unless forced."""
        if not force and time.monotonic() - self._written < WRITE_EVERY_S:
            return
        self._written = time.monotonic()
        play = self.play
        truth = Truth(
            scenario=play.kind.name,
            seed=play.seed,
            enterprise=play.enterprise,
            outlet=play.outlet,
            start_ms=self.start_ms,
            started_ms=self.start_ms + round(play.started_s * 1000),
            now_ms=now_ms,
            injections=play.injections,
            flow_factor=play.flow_factor,
            pollutant=play.factor,
            plume_ms=dict(self._plume),
            moves=moves,
            counts=counts,
            waiting=waiting,
            lying=self.play.fault[:2] if self.play.fault else None,
        )
        part = self.path.with_suffix(".part")
        part.write_bytes(to_json(truth))
        part.replace(self.path)


class Journal:
    """Every frame the platform answered, one line each: what must be found in the history afterwards."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("ab")

    def note(self, mn: str, frame: Frame) -> None:
        """Write one answered frame down."""
        self._file.write(f"{mn} {frame.cn} {frame.qn}\n".encode())

    def flush(self) -> None:
        """Hand what was written to the system."""
        self._file.flush()

    def close(self) -> None:
        """Write the rest and close."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def answered(path: Path) -> set[tuple[str, str, str]]:
    """Read a journal: (MN, CN, QN) of every answered frame."""
    found = set()
    for line in path.read_text("ascii").splitlines():
        parts = line.split(" ")
        if len(parts) == 3 and len(parts[2]) == 17:  # the last line may be cut by a kill
            found.add((parts[0], parts[1], parts[2]))
    return found
