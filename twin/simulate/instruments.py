"""What an instrument makes of the water: noise, slow wander, range, calibration, and faults on purpose."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_ZONE_MS = 8 * HOUR_MS  # park time to local time
_WANDER_HOURS = 3.0


@dataclass(frozen=True, slots=True)
class Character:
    """How an instrument of one factor behaves.

    Attributes
    ----------
    share, floor : float
        Standard deviation of the noise: a share of the value, but at least so much of the unit.
    wander : float
        Standard deviation of the slow error, as a share (of the unit for pH and temperature).
    low, high : float
        Measuring range.
    decimals : int
        As sent.
    calibrates : bool
        Once a day it measures its own standard for a few minutes and says so (mark C).
    """

    share: float
    floor: float
    wander: float
    low: float
    high: float
    decimals: int
    calibrates: bool = False


CHARACTERS: dict[str, Character] = {
    "w00000": Character(0.02, 0.05, 0.01, 0.0, 99999.0, 2),
    "w01001": Character(0.0, 0.03, 0.05, 0.0, 14.0, 2),
    "w01010": Character(0.0, 0.08, 0.3, -5.0, 60.0, 1),
    "w01014": Character(0.008, 3.0, 0.01, 0.0, 99999.0, 1),
    "w01018": Character(0.035, 0.8, 0.02, 0.0, 20000.0, 1, True),
    "w21003": Character(0.035, 0.02, 0.02, 0.0, 1000.0, 2, True),
    "w21011": Character(0.04, 0.006, 0.02, 0.0, 500.0, 3, True),
    "w21001": Character(0.04, 0.05, 0.02, 0.0, 1000.0, 2, True),
    "w21017": Character(0.04, 0.02, 0.02, 0.0, 500.0, 2),
}
USUAL = Character(0.03, 0.01, 0.01, 0.0, 1e6, 2)
OWN_SCALE = frozenset({"w01001", "w01010"})  # their slow error is in units, not a share
CALIBRATION_MS = 6 * 60_000


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with one instrument for a while, park time.

    kind: "offset" shows the water `size` times as strong, growing over `rise_ms`; "frozen" repeats the last
    value; "silent" gives nothing (mark B, no communication with the logger).
    """

    station: str
    factor: str
    kind: Literal["offset", "frozen", "silent"]
    from_ms: int
    to_ms: int
    size: float = 1.0
    rise_ms: int = 0

    def factor_at(self, at_ms: int) -> float:
        """Return by how much the value is multiplied at a moment."""
        if self.kind != "offset" or not self.from_ms <= at_ms < self.to_ms:
            return 1.0
        done = 1.0 if self.rise_ms <= 0 else min((at_ms - self.from_ms) / self.rise_ms, 1.0)
        return 1.0 + (self.size - 1.0) * done


@dataclass(frozen=True, slots=True)
class Measured:
    """One value as an instrument gives it, with its HJ 212 data mark."""

    value: float
    flag: str


@dataclass(slots=True)
class Instrument:
    """One factor at one station."""

    station: str
    factor: str
    seed: int
    faults: tuple[Fault, ...] = ()
    noise: float = 1.0  # 1: as the factor's character says
    _dice: random.Random = field(init=False)
    _wander: float = field(init=False, default=0.0)
    _last_ms: int = field(init=False, default=0)
    _shown: float = field(init=False, default=0.0)
    _calibrates_at: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._dice = random.Random(f"{self.seed}/{self.station}/{self.factor}")
        self._wander = self._dice.gauss(0.0, 1.0)
        self._calibrates_at = self._dice.randrange(6 * HOUR_MS, 20 * HOUR_MS)  # by day, local time

    @property
    def character(self) -> Character:
        """How this instrument behaves."""
        return CHARACTERS.get(self.factor, USUAL)

    def measure(self, at_ms: int, true: float) -> Measured:
        """Look at the water once; moments must not go backwards."""
        c = self.character
        self._step_wander(at_ms)
        for fault in self.faults:
            if fault.from_ms <= at_ms < fault.to_ms:
                if fault.kind == "silent":
                    return Measured(self._shown, "B")
                if fault.kind == "frozen":
                    return Measured(self._shown, "N")
                true *= fault.factor_at(at_ms)
        if (
            c.calibrates
            and (at_ms + _ZONE_MS) % DAY_MS // CALIBRATION_MS == self._calibrates_at // CALIBRATION_MS
        ):
            return Measured(round(c.high / 20, c.decimals), "C")
        slow = c.wander * self._wander * self.noise
        shown = true + slow if self.factor in OWN_SCALE else true * (1.0 + slow)
        shown += self._dice.gauss(0.0, 1.0) * max(abs(true) * c.share, c.floor) * self.noise
        flag = "T" if shown > c.high else "N"
        self._shown = round(min(max(shown, c.low), c.high), c.decimals)
        return Measured(self._shown, flag)

    def _step_wander(self, at_ms: int) -> None:
        hours = max(at_ms - self._last_ms, 0) / HOUR_MS if self._last_ms else 0.0
        keep = math.exp(-hours / _WANDER_HOURS)
        self._wander = self._wander * keep + self._dice.gauss(0.0, 1.0) * math.sqrt(1.0 - keep * keep)
        self._last_ms = at_ms


def faults_of(faults: Iterable[Fault], station: str, factor: str) -> tuple[Fault, ...]:
    """Return the faults of one instrument."""
    return tuple(f for f in faults if f.station == station and f.factor == factor)


def daily(at_ms: int, phase_h: float, size: float) -> float:
    """Return a gentle daily swing around 1, highest at `phase_h` local time."""
    hours = ((at_ms + _ZONE_MS) % DAY_MS) / HOUR_MS
    return 1.0 + size * math.cos((hours - phase_h) / 24.0 * 2.0 * math.pi)
