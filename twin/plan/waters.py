"""The water a plan is made on: a park, or an imported SWMM model, ready for runs of the engine.

A park is cut to what a plan can change: canals, and what lies downstream of the release. What the rest brings
stays as steady inflow where it comes in.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from geodata.network import Network
from geodata.places import LinkKind, Park, System
from twin.errors import ConfigError
from twin.hydraulics.graft import LOOKS, Model, Release
from twin.hydraulics.inp import Setup, opening, to_inp
from twin.hydraulics.runner import Move, Runners, Task
from twin.plan.cards import Card

Stages = Mapping[str, Sequence[tuple[float, float]]]

LEAD_S = 1800.0  # of a run before the release begins
WARM_S = 36 * 3600.0  # of dry weather before that, kept once
WARM_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # any: dry weather knows no date
# Longest routing step, cut to what waves allow. Fixed steps of 30 s take as long and lose 5 to 10 % of the
# mass near closed gates; what comes to receptors is then a fifth off the same run in steps of 5 s.
STEP_S, COURANT = 60.0, 1.0
MODEL_LEAD = timedelta(hours=12)  # of an imported model whose own clock does not hold the release
LONGEST = timedelta(days=7)  # an imported model is not run longer than this before the release


@dataclass(frozen=True, slots=True, eq=False)
class Waters:
    """A model and what of it a plan speaks of.

    Attributes
    ----------
    model : Model
        Without release.
    begin : datetime
        When its runs begin.
    cards : dict of str to Card
        By gate.
    receptors : dict of str to str
        Receptor to node.
    ends : dict of str to (str, str)
        The two nodes of each gate's link.
    node : str
        Where the release enters.
    banks : tuple of str
        Nodes whose level is held against their bank.
    stages : mapping
        Outfall to the water level it is expected to have: (hours from `begin`, m).
    end : datetime or None
        When the model itself ends.
    start : bytes or None
        The state runs begin from.
    park : Park or None
        What it was made of.
    """

    model: Model
    begin: datetime
    cards: dict[str, Card]
    receptors: dict[str, str]
    ends: dict[str, tuple[str, str]]
    node: str
    banks: tuple[str, ...]
    stages: Stages = field(default_factory=dict)
    end: datetime | None = None
    start: bytes | None = field(default=None, repr=False)
    park: Park | None = field(default=None, repr=False)

    @property
    def places(self) -> tuple[str, ...]:
        """Every node that is looked at: ends of gates, then receptors."""
        ends = [n for pair in self.ends.values() for n in pair]
        return tuple(dict.fromkeys([*ends, *self.receptors.values()]))

    def nodes(self) -> set[str]:
        """Return the nodes of the model."""
        sections = ("JUNCTIONS", "OUTFALLS", "STORAGE", "DIVIDERS")
        return {r[0] for s in sections for r in self.model.rows(s)}

    def release(self, started: datetime, seconds: float, kg_s: float) -> Release:
        """Return a release on this model's clock."""
        return Release(self.node, (started - self.begin).total_seconds(), seconds, kg_s)

    def finer(self) -> Waters:
        """Return an imported model with a quarter of its own routing step."""
        words = self.model.option("ROUTING_STEP", "20").split(":")
        step = sum(float(w) * 60**k for k, w in enumerate(reversed(words)))
        return replace(self, model=self.model.with_options(ROUTING_STEP=f"{step / 4:g}"))

    def later(self, at_s: float, state: bytes) -> Waters:
        """Return this water from a moment of its run on, in the state it then had.

        For a park's model alone: one that was imported may hold series that count from the start of the run.
        """
        hours = at_s / 3600
        moved = {
            node: [
                (0.0, float(np.interp(hours, [h for h, _ in points], [z for _, z in points]))),
                *((h - hours, z) for h, z in points if h > hours + 1e-9),
            ]
            for node, points in self.stages.items()
        }
        return replace(self, begin=self.begin + timedelta(seconds=at_s), stages=moved, start=state)

    def task(
        self,
        release: Release,
        seconds: float,
        orders: Sequence[tuple[str, float]] = (),
        *,
        flow: float = 1.0,
        roughness: float = 1.0,
        opens: Sequence[tuple[str, float]] = (),
        also: Sequence[str] = (),
        lost_alone: bool = False,
    ) -> Task:
        """Return the run of a release with some gates ordered to close.

        Parameters
        ----------
        seconds : float
            From `begin` to the end of the run.
        orders : sequence of (gate, second)
            When each gate's stroke begins; one of second 0 is over by then.
        flow, roughness : float
            Factors on what the model says.
        opens : sequence of (gate, second)
            When gates that stand closed begin to open.
        also : sequence of str
            Nodes that are noted besides: stations.
        lost_alone : bool
            Note the receptors alone; such a run tells what is lost and what overtops.
        """
        shut = [self.cards[g].link for g, _ in (*orders, *opens)]
        model = self.model.without_rules(shut).scaled(flow, roughness).with_stages(self.stages)
        model = model.with_tracer([release])
        stands = {
            c.link: opening(c.normal_position, c.leakage)
            for c in self.cards.values()
            if c.normal_position < 1.0
        }
        stands |= {self.cards[g].link: opening(0.0, self.cards[g].leakage) for g, at in orders if at <= 0}
        noted = tuple(self.receptors.values()) if lost_alone else self.places
        return Task(
            text=model.between(self.begin, self.begin + timedelta(seconds=seconds + 120)).text(),
            seconds=seconds,
            nodes=tuple(dict.fromkeys((*noted, *also))),
            links=() if lost_alone else tuple(c.link for c in self.cards.values()),
            settings=stands,
            moves=tuple(Move(self.cards[g].link, at, 1.0, self.cards[g].stroke_s) for g, at in opens)
            + tuple(
                Move(self.cards[g].link, at, opening(0.0, self.cards[g].leakage), self.cards[g].stroke_s)
                for g, at in orders
                if at > 0
            ),
            banks=self.banks,
            start=self.start,
        )


def of_park(
    park: Park,
    node: str,
    started: datetime,
    *,
    stages: Stages | None = None,
    flow: float = 1.0,
    roughness: float = 1.0,
) -> Waters:
    """Return the water of a park around a release; call `warmed` before it is run.

    Parameters
    ----------
    node : str
        Where the release enters.
    started : datetime
        When it began.
    stages : mapping
        Outfall to the water level it is expected to have: (hours from `begin`, m).
    flow, roughness : float
        Factors on what the park says.
    """
    if node not in set(park.nodes["id"]):
        raise ConfigError(f"there is no node {node}")
    cut = trimmed(park, node)
    setup = Setup(48.0, STEP_S, courant=COURANT, pollutants=(), flow_factor=flow, roughness_factor=roughness)
    model = Model.of(to_inp(cut, setup))
    ends = cut.links.set_index("id")[["from_node", "to_node"]]
    canal = cut.nodes[(cut.nodes["system"] == str(System.CANAL)) & (cut.nodes["kind"] != "outfall")]
    return Waters(
        model=model,
        begin=started - timedelta(seconds=LEAD_S),
        cards={g.id: Card.of(g) for g in park.gates},
        receptors={r.id: r.node for r in park.receptors},
        ends={
            g.id: (str(ends.loc[g.link, "from_node"]), str(ends.loc[g.link, "to_node"])) for g in park.gates
        },
        node=node,
        banks=tuple(canal["id"]),
        stages=stages or {},
        park=park,
    )


def trimmed(park: Park, node: str) -> Park:
    """Return the canals of a park and what lies downstream of a node; the rest becomes steady inflow."""
    network = Network.from_park(park)
    below = set(network.downstream(node).nodes.tolist()) | {node}
    kept = (park.nodes["system"] == str(System.CANAL)) | park.nodes["id"].isin(below)
    names = set(park.nodes["id"][kept])
    links = park.links
    a, b = links["from_node"].isin(names), links["to_node"].isin(names)
    nodes = park.nodes[kept].copy()
    border = links[(a ^ b) & (links["kind"] != LinkKind.PUMP)]
    signed = np.where(border["to_node"].isin(names), border["flow_m3s"], -border["flow_m3s"])
    inner = np.where(border["to_node"].isin(names), border["to_node"], border["from_node"])
    extra: dict[str, float] = {}
    for n, q in zip(inner, signed, strict=True):
        extra[n] = extra.get(n, 0.0) + max(float(q), 0.0)
    nodes["inflow_m3s"] = nodes["inflow_m3s"] + nodes["id"].map(extra).fillna(0.0)
    return replace(park, nodes=nodes, links=links[a & b], facilities=())


def of_model(path: Path, node: str, started: datetime) -> Waters:
    """Return the water of an imported SWMM model: orifices and weirs are gates, outfalls receptors.

    Where the model's own clock holds the release it is kept; else the run begins some hours before it.

    Raises
    ------
    ConfigError
        It is no SWMM model, has no such node, or a clock that cannot be read.
    """
    model = Model.of(path.read_text(encoding="utf-8", errors="replace")).without(LOOKS)
    if model.rows("PIPES") or not model.rows("CONDUITS"):
        raise ConfigError(f"{path.name} is no SWMM model: it has no conduits (an EPANET network has pipes)")
    begin, end = model.clock()
    own = begin <= started < end and started - begin <= LONGEST
    begin = begin if own else started - MODEL_LEAD
    gates = {r[0]: (r[1], r[2]) for s in ("ORIFICES", "WEIRS") for r in model.rows(s) if len(r) > 2}
    outfalls = [r[0] for r in model.rows("OUTFALLS")]
    standing = [r[0] for s in ("JUNCTIONS", "STORAGE") for r in model.rows(s)]
    known = {*outfalls, *standing, *(r[0] for r in model.rows("DIVIDERS"))}
    if node not in known:
        raise ConfigError(f"{path.name} has no node {node}")
    cards = {k: Card(k, k) for k in gates}
    return Waters(
        model=model.with_options(THREADS="1"),
        begin=begin,
        cards=cards,
        receptors={n: n for n in outfalls},
        ends={c.gate: gates[c.link] for c in cards.values()},
        node=node,
        banks=tuple(standing),
        end=end if own else None,
    )


def warmed(waters: Waters, runners: Runners, folder: Path | None = None) -> Waters:
    """Return the water of a park as it stands after a day and a half of dry weather; kept from run to run.

    An imported model begins as it says itself.
    """
    still = Release(waters.node, 0.0, 1.0, 0.0)
    # The tide begins with the run: before it outfalls stand at their mean.
    task = replace(waters, stages={}, begin=WARM_DAY).task(still, WARM_S)
    name = hashlib.sha256(repr((task.text, sorted(task.settings.items()))).encode()).hexdigest()[:24]
    where = folder or _own_folder()
    path = where / f"waters-{name}.hsf"
    if not path.exists():
        kept = runners.map([replace(task, nodes=(), links=(), banks=(), every_s=3600.0, keep_s=WARM_S - 60)])
        where.mkdir(parents=True, exist_ok=True)
        part = where / f"{path.name}.{os.getpid()}"
        part.write_bytes(kept[0].state or b"")
        part.replace(path)
    return replace(waters, start=path.read_bytes())


def with_cards(waters: Waters, cards: dict[str, Card]) -> Waters:
    """Return the water with other gate cards."""
    return replace(waters, cards=cards)


def with_receptors(waters: Waters, names: Sequence[str]) -> Waters:
    """Return the water with only some receptors, or other nodes, to be kept clean.

    Raises
    ------
    ConfigError
        There is no such receptor or node.
    """
    nodes = waters.nodes()
    chosen = {n: waters.receptors.get(n, n) for n in names}
    lost = [n for n, node in chosen.items() if node not in nodes]
    if lost:
        raise ConfigError(f"there is no receptor and no node {lost[0]}")
    return replace(waters, receptors=chosen)


def moment(text: str) -> datetime:
    """Read an ISO time; one without a zone is UTC.

    Raises
    ------
    ConfigError
        It is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is not an ISO 8601 time such as 2026-11-22T03:42:00+08:00") from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _own_folder() -> Path:
    return Path(tempfile.gettempdir()) / f"park-twin-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
