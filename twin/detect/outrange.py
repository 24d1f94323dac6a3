"""Values that no instrument can mean: physically impossible, or marked over range by the logger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from twin.detect.contract import Bools, Floats, Wave

OVER_RANGE = ord("T")  # HJ 212-2017 data mark

# Factor code -> smallest and largest possible value in the factor's unit. Everything else: zero drift .. 1e6.
POSSIBLE: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "w01001": (0.0, 14.0),  # pH
        "w01009": (0.0, 30.0),  # dissolved oxygen, mg/L
        "w01010": (-5.0, 100.0),  # temperature, degC
        "w01014": (0.0, 300_000.0),  # conductivity, uS/cm: saturated brine is about 250 000
        "w01018": (-5.0, 500_000.0),  # COD, mg/L
        "w21003": (-0.5, 100_000.0),  # NH3-N, mg/L
        "w21001": (-0.5, 100_000.0),  # TN, mg/L
        "w21011": (-0.5, 50_000.0),  # TP, mg/L
    }
)


class OutRange:
    """Score 2 outside the possible range or where marked over range, otherwise 0."""

    def __init__(self, factors: Sequence[str]) -> None:
        bounds = [POSSIBLE.get(code, (-1.0, 1e6)) for code in factors]
        self.low = np.array([b[0] for b in bounds], float)
        self.high = np.array([b[1] for b in bounds], float)

    def score(self, wave: Wave) -> Floats:
        """Return (k,) 2 where the value cannot be, else 0."""
        p = wave.point
        possible = (wave.value >= self.low[p]) & (wave.value <= self.high[p])
        return np.where(possible & (wave.flag != OVER_RANGE), 0.0, 2.0)

    def learn(self, wave: Wave, fit: Bools) -> None:
        """Physics is not learnt."""
