"""What a hydraulic engine showed of a network it ran: flows by link, summed up as a park stores them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STILL_M3S = 1e-6  # slower than this is not a direction
FORM = 1  # counts up when what engines are asked or how it is summed up changes: kept runs are then made anew

Share = Callable[[float], None]
"""Is told which share of a run is done, 0..1."""


def untold(_: float) -> None:
    """Take no notice."""


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """Flows of m links over one run, weighted by time.

    Attributes
    ----------
    links : tuple of str
        Ids as the model has them.
    flow_m3s : (m,) float
        Mean, positive from the link's first node to its second.
    speed_ms : (m,) float
        Mean, signed like the flow.
    depth_m : (m,) float
        Mean; NaN where the engine knows none (a pipe that is always full).
    reversal : (m,) float
        Share of the watched time a link ran against its mean.
    hours : float
        How long was watched.
    """

    links: tuple[str, ...]
    flow_m3s: Floats
    speed_ms: Floats
    depth_m: Floats
    reversal: Floats
    hours: float


class Sum:
    """Adds up rows of a running simulation; rows are in whatever units the engine speaks."""

    def __init__(self, links: tuple[str, ...]) -> None:
        m = len(links)
        self.links = links
        self.seconds = 0.0
        self._flow, self._speed, self._depth = np.zeros(m), np.zeros(m), np.zeros(m)
        self._forth, self._back = np.zeros(m), np.zeros(m)

    def take(self, seconds: float, flow: Any, speed: Any, depth: Any, still: float) -> None:
        """Add a row that stood for so many seconds; flows below `still` are in neither direction."""
        q = np.asarray(flow, float)
        self.seconds += seconds
        self._flow += seconds * q
        self._speed += seconds * np.abs(np.asarray(speed, float))
        self._depth += seconds * np.asarray(depth, float)
        self._forth += seconds * (q > still)
        self._back += seconds * (q < -still)

    def watched(self, flow_m3s: float, metre: float) -> Watched:
        """Return the sum, given what one unit of flow and of length is in m3/s and m."""
        long = max(self.seconds, 1e-9)
        mean = self._flow / long * flow_m3s
        sign = np.sign(mean)
        against = np.where(mean < 0, self._forth, self._back) / long
        return Watched(
            links=self.links,
            flow_m3s=mean,
            speed_ms=sign * self._speed / long * metre,
            depth_m=self._depth / long * metre,
            reversal=np.where(sign == 0, 0.0, against),
            hours=self.seconds / 3600,
        )
