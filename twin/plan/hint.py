"""Sets of gates that are worth a run of the engine, by a coarse look at the water after they are closed.

Every pair and what grows from the best of them is tried on the diffusive wave of a park's canals, in
milliseconds. It knows no tide and no wave that carries water back, so it proposes and the engine decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.network import Network
from geodata.places import Park
from twin.plan import choice
from twin.plan.field import Canals

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Hint:
    """A park's canals and receptors, ready to be asked."""

    canals: Canals
    receptors: NDArray[np.int64]

    @classmethod
    def of(cls, park: Park, receptors: Sequence[str]) -> Hint:
        """Prepare a park; receptors are nodes."""
        network = Network.from_park(park)
        return cls(Canals.of(park, network), np.array([network.nodes[r] for r in receptors], np.int64))

    def sets(
        self,
        gates: Sequence[str],
        closed: Sequence[str],
        strong: Mapping[str, float],
        waiting: tuple[str, float],
    ) -> list[tuple[str, ...]]:
        """Return sets of gates, best first.

        Parameters
        ----------
        gates, closed : sequence of str
            Gates that may be closed, and those that are already.
        strong : mapping
            Node to the concentration there when gates begin to close, mg/L.
        waiting : (node, kg)
            What has yet to come to the canals, and where it enters.
        """
        network = self.canals.network
        n = len(network.node_ids)
        volume = (
            np.bincount(network.tail, network.volume_m3, n) + np.bincount(network.head, network.volume_m3, n)
        ) / 2
        place = np.zeros(n)
        for node, mg_l in strong.items():
            place[network.nodes[node]] = mg_l * volume[network.nodes[node]] / 1000
        place[network.nodes[waiting[0]]] += max(waiting[1], 0.0)
        if not gates or place.sum() <= 0:
            return []
        found = choice.screen(self.canals, closed, gates, (), place / place.sum(), self.receptors)
        return [s.gates for s in found]
