"""Whether gates, as they stand, keep a plume from every receptor.

Two ways to know. Water that reached receptors with gates as usual and now finds no open way to any is held,
by the network alone. Where canals leave ways round that carry no water, the plan people acted on is believed:
its gates are closed, all of them before the plume was expected there, and nothing is seen beyond them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from geodata.network import CLOSED_BELOW, Network
from geodata.places import Park
from twin.clock import as_ms
from twin.model import PlanSet

ENOUGH = 0.8  # share of the plume a plan must hold back to be believed


@dataclass(frozen=True, slots=True)
class _Known:
    """A set of gates that a plan named: when the plume is expected at each, epoch ms; and what it holds."""

    expected_ms: Mapping[str, int]
    contained: float


class Containment:
    """Follows the gates and the plans of a park's incidents."""

    def __init__(self, park: Park, network: Network) -> None:
        self._network = network
        self._usual = {g.id: g.normal_position for g in park.gates}
        self._link = {g.id: g.link for g in park.gates}
        self._receptors = frozenset(r.node for r in park.receptors)
        self._shut_ms: dict[str, int] = {}
        self._plans: dict[str, dict[frozenset[str], _Known]] = {}
        self._trusted_ms: int | None = None

    @property
    def turned(self) -> bool:
        """Whether a gate that usually stands open is closed, so that water may run other ways."""
        return bool(self._shut_ms)

    def carry(self, before: Containment) -> None:
        """Go on from what was known of the gates and plans of another version of the park."""
        self._shut_ms = {g: at for g, at in before._shut_ms.items() if g in self._usual}
        self._plans = {
            incident: {gates: plan for gates, plan in known.items() if gates <= self._usual.keys()}
            for incident, known in before._plans.items()
        }
        self._trusted_ms = before._trusted_ms

    def trust(self, at_ms: int) -> None:
        """Take gates that are found closed next as closed since then: an incident was contained before us."""
        self._trusted_ms = at_ms

    def forget(self) -> None:
        """Begin again."""
        self._shut_ms.clear()
        self._plans.clear()

    def note(self, positions: Mapping[str, float], now_ms: int) -> None:
        """Take in where the gates are now, 0 closed .. 1 open; gates not named are not known."""
        for gate, usual in self._usual.items():
            position = positions.get(gate)
            if position is None:
                continue
            if position < CLOSED_BELOW <= usual:
                self._shut_ms.setdefault(gate, now_ms if self._trusted_ms is None else self._trusted_ms)
            else:
                self._shut_ms.pop(gate, None)
        if positions:
            self._trusted_ms = None

    def learn(self, plans: PlanSet | None) -> None:
        """Remember what plans said: those made after a gate was closed no longer name it."""
        if plans is None:
            return
        known = self._plans.setdefault(plans.incident, {})
        arrivals = {a.place: as_ms(a.middle) for a in plans.arrivals}
        for plan in plans.plans:
            expected = {m.gate: arrivals.get(m.gate, as_ms(m.arrival.middle)) for m in plan.moves}
            if expected:
                known[frozenset(expected)] = _Known(expected, plan.contained)

    def holds(self, incident: str, nodes: Collection[str]) -> bool:
        """Tell whether what an incident shows at these nodes is kept from every receptor."""
        if not self._shut_ms or not nodes:
            return False
        known = self._plans.get(incident, {})
        in_time = {g for g, at in self._shut_ms.items() if at <= self._latest_ms(g, known)}
        if not in_time:
            return False
        shut = self._network.with_gates(dict.fromkeys(in_time, 0.0))
        loose = [n for n in nodes if self._reached(shut, n)]
        if not loose:
            return any(self._reached(self._network, n) for n in nodes)
        for gates, plan in known.items():
            if gates <= in_time and plan.contained >= ENOUGH:
                return all(self._before(n, gates) for n in loose)
        return False

    def _latest_ms(self, gate: str, known: Mapping[frozenset[str], _Known]) -> float:
        """Until when a gate had to be closed; any time where no plan speaks of it."""
        return max(
            (k.expected_ms[gate] for k in known.values() if gate in k.expected_ms), default=float("inf")
        )

    def _before(self, node: str, gates: Iterable[str]) -> bool:
        """Tell whether water at a node still has one of these gates ahead of it."""
        ahead = self._network.downstream(node).nodes
        network = self._network
        return any(network.node_ids[network.tail[network.links[self._link[g]]]] in ahead for g in gates)

    def _reached(self, network: Network, node: str) -> bool:
        return bool(self._receptors.intersection(network.downstream(node).nodes.tolist()))
