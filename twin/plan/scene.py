"""What gate plans are made from: the park's water as it runs now, and sets of gates carried through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.network import Network
from geodata.places import Park
from twin.config import Config
from twin.model import GateMove
from twin.plan.arrival import Ensemble
from twin.plan.field import Canals, Stage
from twin.plan.look import Checked

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything a plan set is made from."""

    park: Park
    network: Network
    canals: Canals
    config: Config
    now_s: float
    closed: tuple[str, ...]
    flow: Floats
    ensemble: Ensemble
    locked: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """A set of gates carried through in time."""

    gates: tuple[str, ...]
    moves: tuple[GateMove, ...]
    stages: tuple[Stage, ...]
    contained: float
    contained_late: float
    checked: Checked | None = None

    @property
    def barred(self) -> bool:
        """Whether a gate of the set is too late, or held open by a flood lock: never recommended."""
        return any(m.too_late or m.flood_lock for m in self.moves)
