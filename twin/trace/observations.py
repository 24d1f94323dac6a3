"""What the stations said in a window of time, on one grid: the only form in which the tracer reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.places import Park
from twin.curves import Window
from twin.trace import signals
from twin.trace.signals import Signals

Floats = NDArray[np.float64]

# Flow, pH, colour, oxygen, temperature: they do not mix as concentrations do and are left to detection.
NOT_CARRIED = frozenset(("w00000", "w01001", "w01002", "w01009", "w01010"))
FLOW = "w00000"
USABLE_FLAGS = (0, ord("N"), ord("S"), ord("T"))  # none sent, normal, set by hand, over range (still risen)


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Readings of f factors at s stations at n times.

    Attributes
    ----------
    stations, factors : tuple of str
    t_s : (n,)
        Epoch seconds, evenly spaced.
    value : (f, s, n)
        NaN where nothing usable was said.
    hold : int
        Grid samples for which one reading of the slowest logger speaks.
    readings : int
        How many readings went in.
    asked_s : tuple of float
        From when until when readings were asked for; 0 where nobody has said.
    means : bool
        Minute means stand in for earlier readings.
    """

    stations: tuple[str, ...]
    factors: tuple[str, ...]
    t_s: Floats
    value: Floats
    hold: int
    readings: int
    asked_s: tuple[float, float] = (0.0, 0.0)
    means: bool = False

    @classmethod
    def of(
        cls,
        stations: Sequence[str],
        factors: Sequence[str],
        station: NDArray[np.integer],
        factor: NDArray[np.integer],
        at_ms: NDArray[np.int64],
        value: Floats,
        flag: NDArray[np.uint8] | None = None,
        *,
        step_s: float = 60.0,
        slowest_s: float = 120.0,
    ) -> Observations:
        """Put readings, in any order, on a grid; of several in one step the last is kept.

        Parameters
        ----------
        stations, factors : sequence of str
        station, factor : (m,) int
            Positions in them.
        at_ms : (m,) int
            Park time, epoch milliseconds.
        value : (m,) float
        flag : (m,) uint8
            HJ 212 data marks as character codes; readings with a mark of fault or upkeep are left out.
        step_s, slowest_s : float
            Spacing of the grid, and the longest usual interval between readings of a station.
        """
        good = np.isfinite(value)
        if flag is not None:
            good &= np.isin(flag, USABLE_FLAGS)
        step = round(step_s * 1000)
        slot = at_ms[good] // step
        low = int(slot.min()) if len(slot) else 0
        n = int(slot.max()) - low + 1 if len(slot) else 1
        grid = np.full((len(factors), len(stations), n), np.nan)
        order = np.argsort(at_ms[good], kind="stable")
        grid[factor[good][order], station[good][order], slot[order] - low] = value[good][order]
        t = np.asarray((np.arange(n) + low) * step_s, np.float64)
        hold = max(1, int(np.ceil(2.5 * slowest_s / step_s)))
        return cls(tuple(stations), tuple(factors), t, grid, hold, int(good.sum()))

    @classmethod
    def from_window(cls, window: Window, park: Park) -> Observations:
        """Read what history gives; loggers the park does not know are left out."""
        factors = sorted({f for s in park.stations for f in s.factors})
        of_mn = {s.mn: k for k, s in enumerate(park.stations)}
        of_factor = {f: k for k, f in enumerate(factors)}
        count = np.diff(window.start)
        station = np.repeat([of_mn.get(mn, -1) for mn, _ in window.points], count).astype(np.int64)
        factor = np.repeat([of_factor.get(f, -1) for _, f in window.points], count).astype(np.int64)
        known = (station >= 0) & (factor >= 0)
        intervals = [s.interval_s for s in park.stations] or [60]
        return cls.of(
            [s.id for s in park.stations],
            factors,
            station[known],
            factor[known],
            window.at_ms[known],
            window.value[known],
            window.flag[known],
            step_s=float(min(intervals)),
            slowest_s=float(max(intervals)),
        )

    def signals(self, factor: str, quiet_until_s: float, stations: Sequence[int]) -> Signals:
        """Return baselines and events of one factor at some stations (positions)."""
        rows = self.value[self.factors.index(factor), list(stations)]
        return signals.read(self.t_s, rows, quiet_until_s, self.hold)

    @property
    def step_s(self) -> float:
        """Spacing of the grid."""
        return float(self.t_s[1] - self.t_s[0]) if len(self.t_s) > 1 else 60.0

    @property
    def span_s(self) -> float:
        """Length of the grid."""
        return float(self.t_s[-1] - self.t_s[0]) + self.step_s

    @property
    def carried(self) -> tuple[str, ...]:
        """Factors that mix as concentrations do."""
        return tuple(f for f in self.factors if f not in NOT_CARRIED)
