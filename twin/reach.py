"""Who can have told whom: travel times between stations, and whether two onsets fit one slug.

A table of every station against every other has 676 million entries in a park of 26,000; what is asked is
about the few stations that see something. So a row is worked out when it is first asked for, and kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from geodata.network import Network
from geodata.places import Park

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FAST, SLOW = 0.5, 2.5  # real travel time over stored travel time
SLACK_S = 900.0  # readings, clocks and weak fronts
TAIL_S = 1800.0  # a flat front is noticed this much later
KEPT = 2048  # rows of each kind; one holds only what is reached


class _Row(NamedTuple):
    """What one place reaches: positions, ascending, and the time to each, s."""

    at: Ints
    seconds: Floats

    def to(self, k: int) -> float:
        """Time to a position; infinite where it is not reached."""
        i = int(np.searchsorted(self.at, k))
        return float(self.seconds[i]) if i < len(self.at) and self.at[i] == k else np.inf


class _Rows:
    """Rows worked out when first asked for; of very many the one not asked for longest is forgotten."""

    def __init__(self, work: Callable[[int], Floats]) -> None:
        self._work = work
        self._known: OrderedDict[int, _Row] = OrderedDict()

    def of(self, k: int) -> _Row:
        """Return the row of a station."""
        row = self._known.get(k)
        if row is None:
            seconds = self._work(k)
            at = np.flatnonzero(np.isfinite(seconds))
            row = self._known[k] = _Row(at, seconds[at])
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(k)
        return row


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """Travel times at the stored flow between a park's stations (by position, m of them), in seconds.

    Attributes
    ----------
    stations : (m,) int64
        Their nodes.
    outlets : (k,) int64
        Nodes of the park's outlets, in its order.
    forth, back : csr_array
        Travel time of every way as water runs, and the same turned round. Where the flow often reverses there
        is a way in both directions.
    either : csr_array
        Every way, open or not, as it is once gates have moved: to be walked in either direction.
    """

    stations: Ints
    outlets: Ints
    forth: csr_array
    back: csr_array
    either: csr_array
    _rows: dict[str, _Rows] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, park: Park, network: Network) -> Reach:
        """Prepare the walks of a park.

        Raises
        ------
        KeyError
            A station or an outlet stands at a node that the network does not have.
        """
        n = len(network.node_ids)
        order = np.argsort(-network.travel_s, kind="stable")  # the fastest of parallel links is kept last
        key = network.tail[order].astype(np.int64) * n + network.head[order]
        kept = order[::-1][np.unique(key[::-1], return_index=True)[1]]
        either = csr_array(
            (network.travel_s[kept], (network.tail[kept], network.head[kept])),
            shape=(n, n),
        )
        made = cls(
            stations=np.array([network.nodes[s.node] for s in park.stations], np.int64),
            outlets=np.array([network.nodes[o.node] for o in park.outlets], np.int64),
            forth=network.ways(reversing=True),
            back=network.ways(back=True, reversing=True),
            either=either,
        )
        walks = (("after", made.after), ("sources", made.sources), ("around", made.around))
        made._rows.update({name: _Rows(walk) for name, walk in walks})
        return made

    def after(self, a: int) -> Floats:
        """Return the time from a station to each of the stations, (m,); infinite where no water goes."""
        found: Floats = dijkstra(self.forth, indices=int(self.stations[a]))[self.stations]
        return found

    def sources(self, a: int) -> Floats:
        """Return the time from each of the outlets to a station, (k,)."""
        found: Floats = dijkstra(self.back, indices=int(self.stations[a]))[self.outlets]
        return found

    def around(self, a: int) -> Floats:
        """Return the time between a station and each of the stations if water may run either way, (m,)."""
        found: Floats = dijkstra(self.either, directed=False, indices=int(self.stations[a]))[self.stations]
        return found

    def reached_by(self, a: int) -> Ints:
        """Return the outlets (positions) whose water comes to a station."""
        return self._rows["sources"].of(a).at

    def follows(self, a: int, b: int, later_s: float) -> bool:
        """Tell whether one slug passing station `a` can have set off `b` so many seconds later."""
        travel = self._rows["after"].of(a).to(b)
        return bool(np.isfinite(travel)) and FAST * travel - SLACK_S <= later_s <= SLOW * travel + TAIL_S

    def along(self, a: int, b: int, later_s: float) -> bool:
        """Tell whether `a` and `b` can have seen one slug, whichever lies upstream."""
        return self.follows(a, b, later_s) or self.follows(b, a, -later_s)

    def share_source(self, a: int, b: int, later_s: float) -> bool:
        """Tell whether some outlet reaches both, with onsets that far apart."""
        one, other = self._rows["sources"].of(a), self._rows["sources"].of(b)
        _, i, j = np.intersect1d(one.at, other.at, assume_unique=True, return_indices=True)
        to_a, to_b = one.seconds[i], other.seconds[j]
        apart = to_b - to_a
        allowed = 0.5 * np.abs(apart) + 0.25 * np.minimum(to_a, to_b) + SLACK_S
        return bool(np.any(np.abs(later_s - apart) <= allowed))

    def driven(self, a: int, b: int, later_s: float) -> bool:
        """Tell whether water turned by a gate can have carried it from `a` to `b` by then."""
        travel = self._rows["around"].of(a).to(b)
        return bool(np.isfinite(travel)) and later_s >= FAST * travel - SLACK_S

    def turns(self, a: int) -> bool:
        """Tell whether water at a station runs both ways in turn: what has passed may come back."""
        node = int(self.stations[a])
        out, into = (
            ways.indices[ways.indptr[node] : ways.indptr[node + 1]] for ways in (self.forth, self.back)
        )
        return bool(len(np.intersect1d(out, into)))

    def next_s(self, members: Collection[int], horizon_s: float) -> float:
        """Longest travel time from any of these stations to one that is not of them, within a horizon."""
        longest = 0.0
        for a in members:
            row = self._rows["after"].of(a)
            ahead = row.seconds[(row.seconds <= horizon_s) & ~np.isin(row.at, list(members))]
            longest = max(longest, float(ahead.max(initial=0.0)))
        return longest
