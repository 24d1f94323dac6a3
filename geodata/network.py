"""Pipes, rain channels and canal reaches of a park as one directed graph of plain arrays.

Every link points the way its water runs in the stored flow field: a link whose stored flow is negative is
turned round. Gates, valves, pumps and overflows are links like any other, with a conductance: 0 is shut, and
nothing walks through; 1 passes what the stored flow field says. `with_states` gives the network as everything
stands now: columns and what walks are answered from are shared between all states, and a state of its own is
only what is shut and what is part open, so that a change costs what has changed and networks can be read by
many at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from geodata import walks
from geodata.forest import Forest
from geodata.ids import Ids
from geodata.section import Section, drops, sections
from geodata.walks import Trace

if TYPE_CHECKING:
    from geodata.places import Park

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
Names = NDArray[np.str_]

CLOSED_BELOW = 0.05  # a gate less open than this is a wall with a leak
CLOSING = ("gate", "valve", "pump")  # kinds of links that shut and open, by whatever name
IDLE_M3S = 1e-6  # below this a link carries no water
IDLE_MS = 0.05  # speed that a first slug is given in a link that carries none, m/s
LEAST_S = 1e-3  # no link is passed in no time: shortest-path codes read 0 as "no link"


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """One directed graph; n nodes, m links.

    Attributes
    ----------
    node_ids : (n,) str
    link_ids : (m,) str
    tail, head : (m,) int32
        Node the stored flow leaves and the node it reaches.
    travel_s : (m,) float64
        Time to pass at the stored flow; an idle link is given a slow nominal speed.
    flow_m3s : (m,) float64
        Never negative.
    length_m : (m,) float64
    volume_m3 : (m,) float64
        Water in the link.
    drop_m : (m,) float64
        Fall of the water surface along the link at the stored flow.
    surface_m2 : (m,) float64
        Free water surface, what a rise of level has to fill.
    reversal : (m,) float64
        Share of time the water runs head to tail.
    kind, system : (m,) str
        `geodata.places.LinkKind` and `System`.
    turned : (m,) bool
        True where tail and head are the link's own to and from.
    out_start, out_links : int32
        CSR of links leaving each node.
    in_start, in_links : int32
        CSR of links reaching each node.
    nodes, links, gates : mapping of str to int
        Positions of ids; `gates` gives the link of a gate.
    usual : mapping of int to float
        By link: how far a gate stood open when the flow field was stored, where that was not wholly.
    shut : frozenset of int
        Links that nothing passes.
    part : mapping of int to float
        By link: what it passes as a share of what it passed when the flow field was stored, where that is
        neither nothing nor the same.
    assumed : tuple of str
        Links whose direction nobody measured, declared or derived.
    forests : dict of bool to Forest
        What walks up (True) and down are answered from; built at the first of them.
    """

    node_ids: Names
    link_ids: Names
    tail: Ints
    head: Ints
    travel_s: Floats
    flow_m3s: Floats
    length_m: Floats
    volume_m3: Floats
    drop_m: Floats
    surface_m2: Floats
    reversal: Floats
    kind: Names
    system: Names
    turned: Bools
    out_start: Ints
    out_links: Ints
    in_start: Ints
    in_links: Ints
    nodes: Mapping[str, int]
    links: Mapping[str, int]
    gates: dict[str, int]
    usual: Mapping[int, float] = field(default_factory=dict, repr=False)
    shut: frozenset[int] = field(default=frozenset(), repr=False)
    part: Mapping[int, float] = field(default_factory=dict, repr=False)
    assumed: tuple[str, ...] = ()
    forests: dict[bool, Forest] = field(default_factory=dict, repr=False)

    @classmethod
    def from_park(cls, park: Park) -> Network:
        """Build the network of a park from its stored dry-weather flow field."""
        table = park.links
        status = table["status"].to_numpy(str) if "status" in table else np.full(len(table), "open")
        nodes = park.nodes["id"].to_numpy(str)
        # Python's own texts as keys: numpy's would be made one by one.
        at = {n: i for i, n in enumerate(park.nodes["id"].astype(str).tolist())}
        flow = table["flow_m3s"].to_numpy(float)
        length = table["length_m"].to_numpy(float)
        section = sections(table)
        speed = np.abs(table["velocity_ms"].to_numpy(float))
        kind = table["kind"].to_numpy(str)
        travel = np.where(speed > 0, length / np.maximum(speed, 1e-4), length / IDLE_MS)
        in_structure = np.isin(kind, ("pump", "weir"))
        travel = np.where(in_structure, np.minimum(travel, 5.0), travel)
        return cls.of(
            nodes,
            table["id"].to_numpy(str),
            [at[a] for a in table["from_node"].astype(str).tolist()],
            [at[b] for b in table["to_node"].astype(str).tolist()],
            travel_s=travel,
            flow_m3s=flow,
            length_m=length,
            volume_m3=_volume(section, length, flow, travel),
            drop_m=drops(section, length, flow, kind),
            surface_m2=section.top_m * length,
            # A pump or check valve lets nothing back, whatever small backflow a mean may hold.
            reversal=np.where(
                (kind == "pump") | (status == "one_way"), 0.0, table["reversal"].to_numpy(float)
            ),
            kind=kind,
            system=table["system"].to_numpy(str),
            gates={g.id: g.link for g in park.gates},
            usual={g.link: g.normal_position for g in park.gates},
            shut=[
                *(g.link for g in park.gates if g.normal_position < CLOSED_BELOW),
                *(table["id"][status == "closed"].astype(str)),
            ],
            assumed=[str(i) for i in table["id"][table["direction_source"] == "assumed"]],
        )

    @classmethod
    def of(
        cls,
        node_ids: Sequence[str] | Names,
        link_ids: Sequence[str] | Names,
        from_node: Sequence[int] | Ints,
        to_node: Sequence[int] | Ints,
        *,
        travel_s: Sequence[float] | Floats,
        flow_m3s: Sequence[float] | Floats,
        length_m: Sequence[float] | Floats | None = None,
        volume_m3: Sequence[float] | Floats | None = None,
        drop_m: Sequence[float] | Floats | None = None,
        surface_m2: Sequence[float] | Floats | None = None,
        reversal: Sequence[float] | Floats | None = None,
        kind: Sequence[str] | Names | None = None,
        system: Sequence[str] | Names | None = None,
        gates: Mapping[str, str] | None = None,
        shut: Collection[str] = (),
        usual: Mapping[str, float] | None = None,
        assumed: Sequence[str] = (),
    ) -> Network:
        """Build a network from columns; a negative flow turns its link round.

        Raises
        ------
        ValueError
            An id is used twice.
        """
        m = len(link_ids)
        flow, travel = np.asarray(flow_m3s, float), np.maximum(np.asarray(travel_s, float), LEAST_S)
        a, b = np.asarray(from_node, np.int32), np.asarray(to_node, np.int32)
        turned = flow < 0
        tail, head = np.where(turned, b, a).astype(np.int32), np.where(turned, a, b).astype(np.int32)
        node_names, link_names = _narrow(node_ids), _narrow(link_ids)
        nodes, links = Ids(node_names), Ids(link_names)
        out_start, out_links = _csr(tail, len(nodes))
        in_start, in_links = _csr(head, len(nodes))
        back = _column(reversal, m, 0.0)
        positions = {links[k]: p for k, p in (usual or {}).items() if CLOSED_BELOW <= p < 1.0}
        return cls(
            node_ids=node_names,
            link_ids=link_names,
            tail=tail,
            head=head,
            travel_s=travel,
            flow_m3s=np.abs(flow),
            length_m=_column(length_m, m, 0.0),
            volume_m3=np.abs(flow) * travel if volume_m3 is None else np.asarray(volume_m3, float),
            drop_m=np.abs(_column(drop_m, m, 0.0)),
            surface_m2=_column(surface_m2, m, 0.0),
            reversal=np.where(turned & (back > 0.5), 1.0 - back, back),
            kind=np.broadcast_to("pipe", m) if kind is None else np.asarray(kind, str),
            system=np.broadcast_to("", m) if system is None else np.asarray(system, str),
            turned=turned,
            out_start=out_start,
            out_links=out_links,
            in_start=in_start,
            in_links=in_links,
            nodes=nodes,
            links=links,
            gates={g: links[link] for g, link in (gates or {}).items()},
            usual=positions,
            shut=frozenset(links[s] for s in shut),
            assumed=tuple(assumed),
        )

    @property
    def open(self) -> Bools:
        """Whether each link can be passed, (m,); made when it is asked for, and the asker's own."""
        found = np.ones(len(self.link_ids), bool)
        found[list(self.shut)] = False
        return found

    @property
    def conductance(self) -> Floats:
        """What each link passes, as a share of what it passed when the flow field was stored; 0 if shut."""
        found = self.open.astype(float)
        found[list(self.part)] = list(self.part.values())
        return found

    def upstream(self, node: str, barriers: Collection[str] = (), *, reversing: bool = False) -> Trace:
        """Return everything whose water can reach a node, with the time it takes, in seconds.

        Parameters
        ----------
        barriers : collection of str
            Gates or links that are not walked through, or nodes that are reached and not passed.
        reversing : bool
            Walk links that reverse for more than `REVERSING` of the time both ways.

        Raises
        ------
        KeyError
            There is no such node or barrier.
        """
        return walks.walk(self, node, barriers, back=True, reversing=reversing)

    def downstream(self, node: str, barriers: Collection[str] = (), *, reversing: bool = False) -> Trace:
        """Return everything water at a node can reach, with the time it takes; see `upstream`."""
        return walks.walk(self, node, barriers, back=False, reversing=reversing)

    def reach(self, node: int, barriers: Collection[str] = (), *, back: bool) -> Ints:
        """Return the nodes (positions) that reach a node (position), or that it reaches; in no order.

        The bare answer of `upstream` (`back`) and `downstream`, for networks of a million links.
        """
        shut, bars = walks.barred(self, barriers)
        return self.forest(back=back).reach(node, shut, bars)

    def times(self, node: int, barriers: Collection[str] = (), *, back: bool) -> tuple[Ints, Floats]:
        """Return the same nodes as `reach` and the fastest time to or from each of them, s."""
        shut, bars = walks.barred(self, barriers)
        return self.forest(back=back).times(node, shut, bars)

    def forest(self, *, back: bool) -> Forest:
        """Return what walks one way are answered from; built once for all states of the gates."""
        a, b = (self.tail, self.head) if back else (self.head, self.tail)
        found = self.forests.get(back)
        if found is None or found.a is not a or found.b is not b or found.travel_s is not self.travel_s:
            may_close = np.any([self.kind == k for k in CLOSING], axis=0)
            may_close[[*self.shut, *self.gates.values()]] = True
            found = Forest.of(len(self.node_ids), a, b, self.travel_s, may_close)
            self.forests[back] = found
        return found

    def path(self, a: str, b: str) -> tuple[str, ...]:
        """Return the link ids of the fastest open way from a to b; empty if there is none or a is b."""
        return tuple(str(self.link_ids[k]) for k in self.route(self.nodes[a], self.nodes[b]))

    def route(self, a: int, b: int) -> list[int]:
        """Return the links (positions) of the fastest open way between two nodes (positions)."""
        return walks.route(self, a, b)

    def travel_times(
        self,
        sources: Sequence[int] | NDArray[np.signedinteger[Any]],
        *,
        back: bool = False,
        reversing: bool = False,
    ) -> Floats:
        """Return the fastest travel time from k nodes (positions) to every node: (k, n) seconds, inf if none.

        With `back` the time from every node to each of the k.
        """
        graph = walks.matrix(self, self.open, back=back, reversing=reversing)
        return np.atleast_2d(dijkstra(graph, indices=np.asarray(sources, int)))

    def ways(self, *, back: bool = False, reversing: bool = False) -> csr_array:
        """Return the travel time of every open way from node to node, (n, n) seconds, for walks of one's own.

        Of parallel links the fastest counts. With `back` every way is turned round; with `reversing` links
        that reverse for more than `REVERSING` of the time are ways in both directions.
        """
        return walks.matrix(self, self.open, back=back, reversing=reversing)

    def shares(self) -> Floats:
        """Return each link's share of the water leaving its tail, (m,).

        Closed links take none, and a gate that is half as open as it was takes half of what it took.
        """
        flow = np.where(self.open, self.flow_m3s * self.conductance, 0.0)
        total = np.bincount(self.tail, flow, len(self.node_ids))
        idle = np.bincount(self.tail, self.open, len(self.node_ids))
        even = self.open / np.maximum(idle[self.tail], 1)
        wet = total[self.tail] > IDLE_M3S
        return np.where(wet, flow / np.maximum(total[self.tail], IDLE_M3S), even)

    def node_flow(self) -> Floats:
        """Return the water passing each node, (n,) m3/s: the larger of what comes and what goes."""
        n = len(self.node_ids)
        flow = np.where(self.open, self.flow_m3s, 0.0)
        return np.maximum(np.bincount(self.head, flow, n), np.bincount(self.tail, flow, n))

    def with_gates(self, positions: Mapping[str, float]) -> Network:
        """Return the network with gates as they stand, 0 closed to 1 open; gates not named keep their state.

        Valves, pumps and any other link may be named by their own ids: a pump that is off is at 0.

        Raises
        ------
        KeyError
            There is no such gate or link.
        """
        shut, part = set(self.shut), dict(self.part)
        for name, position in positions.items():
            k = self.gates[name] if name in self.gates else self.links[name]
            if position < CLOSED_BELOW:
                shut.add(k)
                part.pop(k, None)
                continue
            shut.discard(k)
            if (share := position / self.usual.get(k, 1.0)) != 1.0:
                part[k] = share
            else:
                part.pop(k, None)
        return replace(self, shut=frozenset(shut), part=part)

    def with_states(
        self, positions: Mapping[str, float], flow_m3s: Mapping[str, float] | None = None
    ) -> Network:
        """Return the network as it stands now.

        Parameters
        ----------
        positions : mapping of str to float
            As in `with_gates`.
        flow_m3s : mapping of str to float, optional
            Flow in links where it is known otherwise than from the stored field, positive from the link's own
            first node to its second: a reach that runs backwards is turned, and passed in the time its water
            takes now.

        Raises
        ------
        KeyError
            There is no such gate or link.
        """
        made = self.with_gates(positions)
        if not flow_m3s:
            return made
        rows = np.array([self.links[name] for name in flow_m3s], np.int64)
        now = np.array(list(flow_m3s.values()), float) * np.where(self.turned[rows], -1.0, 1.0)
        signed, travel = self.flow_m3s.copy(), self.travel_s.copy()
        signed[rows] = now
        travel[rows] = self._passing(rows, now)
        return made._flowing(signed, travel)

    def _passing(self, rows: Any, signed_m3s: Floats) -> Floats:
        """Time to pass links at another flow; the water in them stays what it is."""
        size = np.maximum(np.abs(signed_m3s), IDLE_M3S)
        idle = np.maximum(self.length_m[rows] / IDLE_MS, self.travel_s[rows])
        took: Floats = np.where(size > IDLE_M3S, self.volume_m3[rows] / size, idle)
        return np.maximum(took, LEAST_S)

    def with_flow(self, signed_m3s: Floats) -> Network:
        """Return the network in another flow field, signed along the present tail to head.

        The water in each link stays what it is, so travel times follow the flow.
        """
        return self._flowing(signed_m3s, self._passing(slice(None), signed_m3s))

    def _flowing(self, signed_m3s: Floats, travel: Floats) -> Network:
        back = signed_m3s < 0
        tail, head = np.where(back, self.head, self.tail), np.where(back, self.tail, self.head)
        n = len(self.node_ids)
        (out_start, out_links), (in_start, in_links) = _csr(tail, n), _csr(head, n)
        return replace(
            self,
            tail=tail.astype(np.int32),
            head=head.astype(np.int32),
            flow_m3s=np.abs(signed_m3s),
            travel_s=travel,
            turned=self.turned ^ back,
            out_start=out_start,
            out_links=out_links,
            in_start=in_start,
            in_links=in_links,
            forests={},
        )


def _narrow(names: Sequence[str] | Names) -> Names:
    """As an array no wider than its longest name; numbers written by numpy come 21 characters wide."""
    array = np.asarray(names, str)
    return array.astype(f"<U{max(int(np.strings.str_len(array).max(initial=1)), 1)}", copy=False)


def _column(values: Sequence[float] | Floats | None, m: int, default: float) -> Floats:
    return np.broadcast_to(default, m) if values is None else np.asarray(values, float)


def _csr(of: Ints, n: int) -> tuple[Ints, Ints]:
    order = np.argsort(of, kind="stable").astype(np.int32)
    start = np.concatenate([[0], np.cumsum(np.bincount(of, minlength=n))]).astype(np.int32)
    return start, order


def _volume(section: Section, length: Floats, flow: Floats, travel: Floats) -> Floats:
    """Water in each link: what passes in its travel time, or what stands in its section where none does."""
    return np.where(np.abs(flow) > IDLE_M3S, np.abs(flow) * travel, section.area_m2 * length)
