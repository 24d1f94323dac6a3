"""Local grids: a plane of a town or a works that four parameters lead from to a national plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PREFIX = "grid:"


@dataclass(frozen=True, slots=True)
class Grid:
    """A local grid by four parameters: x' = dx + k (x cos r - y sin r), y' = dy + k (x sin r + y cos r)."""

    dx_m: float
    dy_m: float
    scale: float = 1.0
    rotation_deg: float = 0.0

    def forward(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Turn local metres into metres of the plane the parameters lead to."""
        c, s = self._turn()
        return self.dx_m + c * x - s * y, self.dy_m + s * x + c * y

    def inverse(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Return (a0, a1, a2) and (b0, b1, b2) of x = a0 + a1 x' + a2 y', y = b0 + b1 x' + b2 y'."""
        c, s = self._turn()
        d = c * c + s * s
        a1, a2, b1, b2 = c / d, s / d, -s / d, c / d
        return (-(a1 * self.dx_m + a2 * self.dy_m), a1, a2), (-(b1 * self.dx_m + b2 * self.dy_m), b1, b2)

    def _turn(self) -> tuple[float, float]:
        r = np.radians(self.rotation_deg)
        return float(self.scale * np.cos(r)), float(self.scale * np.sin(r))


def parse(text: str) -> tuple[str, Grid]:
    """Read ``grid:EPSG:4549,dx=..,dy=..,scale=..,rotation=..`` (the last two may be left out).

    Returns
    -------
    tuple
        The plane the parameters lead to, and the grid.

    Raises
    ------
    ValueError
        It is not written so; the message says what is wrong.
    """
    plane, *pairs = [p.strip() for p in text.strip()[len(PREFIX) :].split(",")]
    names = {"dx": "dx_m", "dy": "dy_m", "scale": "scale", "rotation": "rotation_deg"}
    values: dict[str, float] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            values[names[name.strip()]] = float(value)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{pair} is not dx=, dy=, scale= or rotation= with a number") from error
    if {"dx_m", "dy_m"} - set(values) or not plane:
        raise ValueError("it needs a plane, dx= and dy=")
    if values.get("scale", 1.0) <= 0:
        raise ValueError("the scale must be positive")
    return plane, Grid(**values)
