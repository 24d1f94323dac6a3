"""Who can have told whom: travel times between stations, and whether two onsets fit one slug."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from geodata.network import Network
from geodata.places import Park

Floats = NDArray[np.float64]

FAST, SLOW = 0.5, 2.5  # real travel time over stored travel time
SLACK_S = 900.0  # readings, clocks and weak fronts
TAIL_S = 1800.0  # a flat front is noticed this much later


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """Travel times at the stored flow, seconds, infinite where no water goes.

    Attributes
    ----------
    station : (m, m) float64
        From each station to each other.
    outlet : (k, m) float64
        From each of the park's outlets, in its order, to each station.
    around : (m, m) float64
        The same between stations when water may run either way, as it does once gates have moved.
    """

    station: Floats
    outlet: Floats
    around: Floats

    @classmethod
    def of(cls, park: Park, network: Network) -> Reach:
        """Compute the tables of a park."""
        places = [network.nodes[s.node] for s in park.stations]
        outlets = [network.nodes[o.node] for o in park.outlets]
        both = network.travel_times([*places, *outlets], reversing=True)[:, places]
        n = len(network.node_ids)
        order = np.argsort(-network.travel_s, kind="stable")  # the fastest of parallel links is kept last
        fastest = {(int(network.tail[k]), int(network.head[k])): network.travel_s[k] for k in order}
        row, column = np.array(list(fastest)).T
        graph = csr_array((np.array(list(fastest.values())), (row, column)), shape=(n, n))
        around = dijkstra(graph, directed=False, indices=places)[:, places]
        return cls(both[: len(places)], both[len(places) :], np.atleast_2d(around))

    def follows(self, a: int, b: int, later_s: float) -> bool:
        """Tell whether one slug passing station `a` can have set off `b` so many seconds later."""
        travel = self.station[a, b]
        return bool(np.isfinite(travel)) and FAST * travel - SLACK_S <= later_s <= SLOW * travel + TAIL_S

    def along(self, a: int, b: int, later_s: float) -> bool:
        """Tell whether `a` and `b` can have seen one slug, whichever lies upstream."""
        return self.follows(a, b, later_s) or self.follows(b, a, -later_s)

    def share_source(self, a: int, b: int, later_s: float) -> bool:
        """Tell whether some outlet reaches both, with onsets that far apart."""
        to_a, to_b = self.outlet[:, a], self.outlet[:, b]
        both = np.isfinite(to_a) & np.isfinite(to_b)
        if not both.any():
            return False
        apart = to_b[both] - to_a[both]
        allowed = 0.5 * np.abs(apart) + 0.25 * np.minimum(to_a[both], to_b[both]) + SLACK_S
        return bool(np.any(np.abs(later_s - apart) <= allowed))

    def driven(self, a: int, b: int, later_s: float) -> bool:
        """Tell whether water turned by a gate can have carried it from `a` to `b` by then."""
        travel = self.around[a, b]
        return bool(np.isfinite(travel)) and later_s >= FAST * travel - SLACK_S

    def next_s(self, members: Collection[int], horizon_s: float) -> float:
        """Longest travel time from any of these stations to one that is not of them, within a horizon."""
        inside = np.zeros(len(self.station), bool)
        inside[list(members)] = True
        ahead = self.station[inside][:, ~inside]
        ahead = ahead[np.isfinite(ahead) & (ahead <= horizon_s)]
        return float(ahead.max(initial=0.0))
