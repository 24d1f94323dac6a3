"""A directed graph prepared so that "everything that reaches a node" is a slice, and its times a subtraction.

Water has a choice only at a few nodes. Every other node passes all it gets on by one link, so it hangs on
that link's end like a leaf on a twig, and the graph falls into trees whose roots are the nodes with a choice
or without a way on. Nodes are numbered tree by tree and every node before what hangs on it: what hangs on a
node is then a run of numbers behind its own, and the time from any of them to it is the difference of two
times to the root. The links that do not hang (`doors`: those of the roots, and whatever may close) lead from
tree to tree. A walk is one slice, a shortest-path search over the doors alone, and the slices of the trees it
finds.

The numbering is found with three sparse triangular solves: sizes, times and places are sums along the twigs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, dijkstra
from scipy.sparse.linalg import spsolve_triangular

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

NEAR = 1_000  # trees (and doors of them) up to which a search by hand beats one that looks at every door
DENSE = 4  # a walk over more than a 1/DENSE of all nodes looks at all of them in one sweep


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """n nodes in r trees, m links of which d are doors. A walk goes from b to a, against the links.

    Attributes
    ----------
    a, b : (m,) int32
        Ends of the links; a hangs on b.
    travel_s : (m,) float64
    place : (n,) int32
        Number of each node in the order of the trees.
    node : (n,) int32
        The node at each place.
    size : (n,) int32
        Of each place: how many nodes hang on it, itself counted.
    time : (n,) float64
        Of each place: s to the root of its tree.
    tree : (r + 1,) int32
        Where each tree begins; the root lies there.
    door : (m,) int32
        Which door a link is; -1 where something hangs by it, or where it leads nowhere.
    doors : (d,) int32
        Links, by the place of their b.
    door_place : (d,) int32
        Place of b.
    door_tree : (d,) int32
        Tree whose root is a.
    door_s : (d,) float64
        Time from a through the door to the root of b's tree.
    door_begin : (r + 1,) int32
        Where the doors into each tree begin.
    """

    a: Ints
    b: Ints
    travel_s: Floats
    place: Ints
    node: Ints
    size: Ints
    time: Floats
    tree: Ints
    door: Ints
    doors: Ints
    door_place: Ints
    door_tree: Ints
    door_s: Floats
    door_begin: Ints

    @classmethod
    def of(cls, n: int, a: Ints, b: Ints, travel_s: Floats, may_close: Bools) -> Forest:
        """Build the forest of n nodes; a link that may close never hangs, so that closing it is free."""
        ways = np.bincount(a[a != b], minlength=n)
        hangs = (ways[a] == 1) & (a != b) & ~may_close
        by, order, above = _grow(n, a, b, hangs)
        twig = _Twigs(above)
        sizes = twig.gathered(np.ones(n + 1))
        step = np.zeros(n + 1)
        twigs = np.flatnonzero(by[order[1:]] >= 0) + 1
        step[twigs] = travel_s[by[order[twigs]]]
        times = twig.summed(step)
        places = np.rint(twig.summed(_behind_siblings(above, sizes))).astype(np.int32) - 1
        place, node = np.empty(n, np.int32), np.empty(n, np.int32)
        place[order[1:]] = places[1:]
        node[place] = np.arange(n, dtype=np.int32)
        size, time = np.empty(n, np.int32), np.empty(n)
        size[places[1:]] = np.rint(sizes[1:]).astype(np.int32)
        time[places[1:]] = times[1:]
        tree = np.append(np.sort(places[1:][above[1:] == 0]), n).astype(np.int32)
        leads = a != b
        leads[by[by >= 0]] = False
        doors = np.flatnonzero(leads).astype(np.int32)
        doors = doors[np.argsort(place[b[doors]], kind="stable")]
        door = np.full(len(a), -1, np.int32)
        door[doors] = np.arange(len(doors), dtype=np.int32)
        door_place = place[b[doors]]
        door_tree = (np.searchsorted(tree, place[a[doors]], "right") - 1).astype(np.int32)
        door_s = travel_s[doors] + time[door_place]
        door_begin = np.searchsorted(door_place, tree).astype(np.int32)
        doorways = (door, doors, door_place, door_tree, door_s, door_begin)
        return cls(a, b, travel_s, place, node, size, time, tree, *doorways)

    def reach(self, start: int, shut: Sequence[int] | Ints = (), bars: Sequence[int] = ()) -> Ints:
        """Return the nodes from which a node can be reached, itself among them.

        Parameters
        ----------
        shut : sequence of int
            Links that cannot be passed. A walk costs what it finds and what is shut, not what is open.
        bars : sequence of int
            Nodes that are reached and not passed.
        """
        walk = _Walk(self, start, shut, bars)
        if (near := walk.near()) is not None:
            trees = near[0]
        else:
            graph, source = walk.graph()
            found = breadth_first_order(graph, source, return_predecessors=False)
            trees = np.sort(found[found != source]).astype(np.int64)
        return np.concatenate([self.node[walk.direct()], self.node[walk.indirect(trees)[0]]])

    def times(
        self, start: int, shut: Sequence[int] | Ints = (), bars: Sequence[int] = ()
    ) -> tuple[Ints, Floats]:
        """Return the same nodes, and the fastest time from each of them, s."""
        walk = _Walk(self, start, shut, bars)
        direct = walk.direct()
        hanging = self.time[direct] - self.time[walk.low]
        near = walk.near()
        if near is None:
            graph, source = walk.graph()
            every = dijkstra(graph, indices=source)[:-1]
            found = np.flatnonzero(np.isfinite(every))
            root_s = every[found]
        else:
            found, root_s = near
        far, to_root = walk.indirect(found, root_s)
        return (
            np.concatenate([self.node[direct], self.node[far]]),
            np.concatenate([hanging, to_root + self.time[far]]),
        )


class _Walk:
    """One walk: what hangs on the start, the doors that are open to it, and what is cut off."""

    def __init__(self, forest: Forest, start: int, shut: Sequence[int] | Ints, bars: Sequence[int]) -> None:
        self.forest = forest
        self.low = int(forest.place[start])
        self.high = self.low + int(forest.size[self.low])
        closed = np.asarray(shut, np.int64)
        doors, links = forest.door[closed], closed[forest.door[closed] < 0]
        # A link without a door that leads from a node to itself holds nothing.
        twigs = forest.place[forest.a[links[forest.a[links] != forest.b[links]]]].astype(np.int64)
        barred = forest.place[[b for b in bars if b != start]].astype(np.int64)
        # A closed twig cuts its lower end off as well, a barred node only what hangs on it.
        shut_low, high = np.concatenate([twigs, barred]), np.concatenate([twigs, barred])
        high += forest.size[high]
        self.cuts = list(zip(np.append(twigs, barred + 1).tolist(), high.tolist(), strict=True))
        self.shut_doors = doors[doors >= 0]
        if len(shut_low):
            cut = self._doors_in(shut_low, high)
            self.shut_doors = np.concatenate([self.shut_doors, cut])
            within = (shut_low > self.low) & (high <= self.high)
            self.inner = [c for c, inside in zip(self.cuts, within.tolist(), strict=True) if inside]
            cut = self._doors_in(shut_low[within], high[within])
        else:
            self.inner, cut = [], self.shut_doors[:0]
        first, last = np.searchsorted(forest.door_place, (self.low, self.high))
        # What is cut off above the start does not bar the doors of what hangs on it.
        self.mine = np.delete(np.arange(first, last), self._of(first, last, doors[doors >= 0], cut))

    def _doors_in(self, low: NDArray[np.int64], high: NDArray[np.int64]) -> Ints:
        """Doors into runs of places."""
        begins, ends = np.searchsorted(self.forest.door_place, (low, high))
        return runs(begins, ends).astype(np.int32)

    @staticmethod
    def _of(first: int, last: int, *doors: Ints) -> Ints:
        """Which of some doors lie in a run of them, counted from its first."""
        every = np.concatenate(doors)
        return every[(every >= first) & (every < last)] - np.int32(first)

    def direct(self) -> NDArray[np.int64]:
        """Places that hang on the start."""
        places = np.arange(self.low, self.high, dtype=np.int64)
        if not self.inner:
            return places
        kept = np.ones(len(places), bool)
        for low, high in self.inner:
            kept[low - self.low : high - self.low] = False
        return places[kept]

    def near(self) -> tuple[NDArray[np.int64], Floats] | None:
        """Trees that the walk finds, in order, and the time from the root of each; None if they are many.

        Most walks end after a few trees, and a library's search begins by looking at every door there is.
        """
        f, left = self.forest, NEAR - len(self.mine)
        if left < 0:
            return None
        base = float(f.time[self.low])
        shut = set(self.shut_doors.tolist())
        heap = [(s - base, t) for s, t in zip(f.door_s[self.mine].tolist(), f.door_tree[self.mine].tolist(),
                                              strict=True)]  # fmt: skip
        heapify(heap)
        done: dict[int, float] = {}
        while heap:
            s, tree = heappop(heap)
            if tree in done:
                continue
            done[tree] = s
            begin, end = int(f.door_begin[tree]), int(f.door_begin[tree + 1])
            left -= 1 + end - begin
            if left < 0:
                return None
            ways = zip(range(begin, end), *(c[begin:end].tolist() for c in (f.door_s, f.door_tree)),
                       strict=True)  # fmt: skip
            for door, more, to in ways:
                if to not in done and door not in shut:
                    heappush(heap, (s + more, to))
        trees = np.array(sorted(done), np.int64)
        return trees, np.array([done[t] for t in trees.tolist()], float)

    def graph(self) -> tuple[csr_array, int]:
        """The trees as a graph: doors are edges, the start is the last node."""
        f = self.forest
        count = len(f.tree) - 1
        to = np.concatenate([f.door_tree, f.door_tree[self.mine]])
        # A shut door leads back where it came from, which no search minds.
        to[self.shut_doors] = np.searchsorted(f.door_begin, self.shut_doors, "right") - 1
        seconds = np.concatenate([f.door_s, f.door_s[self.mine] - f.time[self.low]])
        begins = np.append(f.door_begin, np.int32(len(to)))
        return csr_array((seconds, to, begins), shape=(count + 1, count + 1)), count

    def indirect(
        self, trees: NDArray[np.int64], root_s: Floats | None = None
    ) -> tuple[NDArray[np.int64], Floats]:
        """Places of whole trees, in order, without what hangs on the start and what is cut off.

        With times of the roots also that of each place's root, else none.
        """
        f = self.forest
        low, high = f.tree[trees], f.tree[trees + 1]
        sizes = high - low
        to_root = np.repeat(root_s, sizes) if root_s is not None else np.empty(0)
        if int(sizes.sum()) * DENSE > len(f.node):
            flags = np.zeros(len(f.tree) - 1, bool)
            flags[trees] = True
            found = np.repeat(flags, np.diff(f.tree))
            whole = found.copy() if root_s is not None else found
            for a, b in ((self.low, self.high), *self.cuts):
                found[a:b] = False
            places = np.flatnonzero(found).astype(np.int64, copy=False)
            return places, to_root[found[whole]] if root_s is not None else to_root
        places = runs(low, high)
        kept = np.ones(len(places), bool)
        cuts = np.array([(self.low, self.high), *self.cuts], np.int64)
        for begin, end in np.searchsorted(places, cuts).tolist():
            kept[begin:end] = False
        return places[kept], to_root[kept] if root_s is not None else to_root


class _Twigs:
    """Sums along the twigs: node i hangs on node above[i] < i, node 0 on nothing."""

    def __init__(self, above: Ints) -> None:
        size = len(above)
        index = np.empty(2 * size - 1, np.int32)
        index[0::2] = np.arange(size)
        index[1::2] = above[1:]
        value = np.ones(2 * size - 1)
        value[1::2] = -1.0  # column i of the upper triangle: -1 in row above[i], 1 on the diagonal
        begins = np.concatenate([[0], np.arange(1, 2 * size, 2)]).astype(np.int32)
        self.upper = csc_array((value, index, begins), shape=(size, size))

    def gathered(self, own: Floats) -> Floats:
        """Return each node's own value and those of all that hang on it."""
        return np.asarray(spsolve_triangular(self.upper, own, lower=False, unit_diagonal=True), float)

    def summed(self, step: Floats) -> Floats:
        """Return the sum of the steps from each node to node 0."""
        return np.asarray(spsolve_triangular(self.upper.T, step, lower=True, unit_diagonal=True), float)


def _grow(n: int, a: Ints, b: Ints, hangs: Bools) -> tuple[Ints, Ints, Ints]:
    """By which link each node hangs, -1 for a root, and `_from_the_roots`. Rings are opened at one node."""
    parent, by = np.full(n, n, np.int32), np.full(n, -1, np.int32)
    links = np.flatnonzero(hangs).astype(np.int32)
    parent[a[links]], by[a[links]] = b[links], links
    order, above = _from_the_roots(n, parent)
    if len(order) > n:
        return by, order, above
    lost = np.ones(n + 1, bool)
    lost[order] = False
    here = np.flatnonzero(lost[:n])
    edges = csr_array((np.ones(len(here)), (here, parent[here])), shape=(n, n))
    _, ring = connected_components(edges, directed=True, connection="strong")
    round_ = here[np.bincount(ring)[ring[here]] > 1]
    _, one = np.unique(ring[round_], return_index=True)
    parent[round_[one]], by[round_[one]] = n, -1
    return by, *_from_the_roots(n, parent)


def _from_the_roots(n: int, parent: Ints) -> tuple[Ints, Ints]:
    """Nodes from node n (on which the roots hang) outward, and the rank in it of what each hangs on."""
    children = np.argsort(parent, kind="stable").astype(np.int32)
    begins = np.concatenate([[0], np.cumsum(np.bincount(parent, minlength=n + 1))]).astype(np.int32)
    graph = csr_array((np.ones(n), children, begins), shape=(n + 1, n + 1))
    order = breadth_first_order(graph, n, return_predecessors=False)
    rank = np.empty(n + 1, np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    above = np.zeros(len(order), np.int32)
    above[1:] = rank[parent[order[1:]]]
    return order, above


def _behind_siblings(above: Ints, sizes: Floats) -> Floats:
    """Steps from the place of a node to those that hang on it: one, and the sizes of the siblings before."""
    before = np.concatenate([[0.0], np.cumsum(sizes[1:])[:-1]])
    first = np.ones(len(above) - 1, bool)
    first[1:] = above[2:] != above[1:-1]
    began = np.maximum.accumulate(np.where(first, np.arange(len(first)), 0))
    return np.concatenate([[0.0], 1.0 + before - before[began]])


def runs(low: Ints, high: Ints) -> NDArray[np.int64]:
    """Return every number from low to below high, run after run."""
    sizes = (high - low).astype(np.int64)
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    shift: NDArray[np.int64] = np.repeat(low - (ends - sizes), sizes)
    return np.arange(total, dtype=np.int64) + shift
