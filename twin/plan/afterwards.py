"""After an incident: what was foretold against what came, in numbers that can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from geodata.network import CLOSED_BELOW, Network
from geodata.places import Park
from geodata.words import Text
from twin.model import Anomaly, Command, CommandState, PlanSet, Ranking, Sighting, WhatIf

NEAR_S = 600.0  # a station within this travel time of a place tells when the plume came there


@dataclass(frozen=True, slots=True)
class Came:
    """One place: the first band that was told for it, and when the plume was seen there."""

    place: str
    early: datetime
    middle: datetime
    late: datetime
    seen: datetime
    lead_s: float  # of the forecast: from its making to the arrival

    @property
    def inside(self) -> bool:
        """Whether the plume came within the band."""
        return self.early <= self.seen <= self.late

    @property
    def error(self) -> float:
        """How far the middle was off, as a share of the time foretold."""
        return abs((self.middle - self.seen).total_seconds()) / max(self.lead_s, 60.0)


@dataclass(frozen=True, slots=True)
class Review:
    """One incident's score.

    Attributes
    ----------
    arrivals : tuple of Came
    in_time, late, failed : int
        Gates that were closed before their close-by (order and stroke), after it, and not at all.
    kg_nothing, kg_plan : float or None
        What the engine says would have come to the receptors, and what came with the gates as ordered.
    reached : tuple of str
        Receptors where a station saw the plume.
    final : bool
        Made after the incident was over; before that the score may still change.
    kg_first, kg_last : float or None
        What the first and the last ranking with a strength say was released.
    kg_came : dict of str to float
        By receptor: the most that can have come, as its station measured; where there is one.
    sightings : tuple of Sighting
        When each station saw the plume, and when that was expected by those that saw it before.
    """

    incident: str
    arrivals: tuple[Came, ...]
    in_time: int
    late: int
    failed: int
    kg_nothing: float | None
    kg_plan: float | None
    reached: tuple[str, ...]
    at: datetime | None = None
    final: bool = True
    kg_first: float | None = None
    kg_last: float | None = None
    kg_came: dict[str, float] = field(default_factory=dict)
    sightings: tuple[Sighting, ...] = ()

    @property
    def kept(self) -> float | None:
        """Share of the mass that was kept from the receptors, by the engine."""
        if self.kg_nothing is None or self.kg_plan is None or self.kg_nothing <= 0:
            return None
        return min(max(1 - self.kg_plan / self.kg_nothing, 0.0), 1.0)

    @property
    def score(self) -> int | None:
        """Points of a hundred: bands that held, closeness of times, gates in time, mass kept; equal parts.

        What cannot be told yet does not count; None while nothing can.
        """
        moved = self.in_time + self.late + self.failed
        parts = [
            self.inside,
            None if self.error is None else max(1 - self.error, 0.0),
            self.in_time / moved if moved else None,
            self.kept,
        ]
        known = [p for p in parts if p is not None]
        return round(100 * sum(known) / len(known)) if known else None

    @property
    def inside(self) -> float | None:
        """Share of arrivals within their band."""
        return sum(c.inside for c in self.arrivals) / len(self.arrivals) if self.arrivals else None

    @property
    def error(self) -> float | None:
        """Median error of the arrivals."""
        ranked = sorted(c.error for c in self.arrivals)
        return ranked[len(ranked) // 2] if ranked else None

    def told(self) -> Text:
        """Say the score in one line."""
        parts = []
        if self.arrivals:
            parts.append(
                Text(
                    "到达 {n} 处，{i:.0%} 在区间内，中位误差 {e:.0%}",
                    "{n} arrivals, {i:.0%} within their band, median error {e:.0%}",
                ).fill(n=len(self.arrivals), i=self.inside, e=self.error)
            )
        parts.append(
            Text("闸：及时 {a}，超时 {b}，失败 {c}", "gates: {a} in time, {b} late, {c} failed").fill(
                a=self.in_time, b=self.late, c=self.failed
            )
        )
        if self.kg_nothing is not None and self.kg_plan is not None:
            parts.append(
                Text(
                    "核算保住 {k:.0f} kg（不处置 {n:.0f}）", "{k:.0f} kg kept of {n:.0f} by the engine"
                ).fill(k=self.kg_nothing - self.kg_plan, n=self.kg_nothing)
            )
        if self.reached:
            listed = "、".join(self.reached)
            parts.append(Text("到达敏感点：{r}", "seen at {r}").fill(r=Text(listed, ", ".join(self.reached))))
        zh, en = "；".join(p.zh for p in parts), "; ".join(p.en for p in parts)
        return Text(f"复盘：{zh}", f"Review: {en}")


def review(
    park: Park,
    network: Network,
    incident: str,
    plansets: Sequence[PlanSet],
    anomalies: Iterable[Anomaly],
    commands: Iterable[Command],
    whatifs: Sequence[WhatIf],
    rankings: Sequence[Ranking] = (),
    kg_came: Mapping[str, float] | None = None,
    *,
    at: datetime | None = None,
    final: bool = True,
) -> Review:
    """Score an incident.

    Parameters
    ----------
    network : Network
        As gates usually stand.
    plansets : sequence of PlanSet
        Every one of the incident, oldest first: a place is judged by the first that spoke of it before the
        plume was there.
    rankings : sequence of Ranking
        Oldest first; their leaders' strengths are compared.
    kg_came : mapping, optional
        What was measured at receptors, by `twin.plan.mass.came_kg`.
    """
    seen = _seen(park, network, anomalies)
    arrivals = []
    for place, came in seen.items():
        before = [p for p in plansets if p.at < came]
        told = next((a for p in before for a in p.arrivals if a.place == place), None)
        made = next((p.at for p in before if any(a.place == place for a in p.arrivals)), None)
        if told is not None and made is not None:
            lead = (told.middle - made).total_seconds()
            arrivals.append(Came(place, told.early, told.middle, told.late, came, lead))
    due = {m.gate: m.close_by for p in reversed(plansets) for plan in p.plans for m in plan.moves}
    shut = [c for c in commands if c.incident == incident and c.target < CLOSED_BELOW]
    done = [c for c in shut if c.state is CommandState.DONE and c.sent_at is not None]
    late = sum(c.sent_at is not None and c.gate in due and c.sent_at > due[c.gate] for c in done)
    last = _of_what_was_done(whatifs, plansets, {c.gate for c in done})
    kg = [r.suspects[0].strength_kg for r in rankings if r.suspects and r.suspects[0].strength_kg is not None]
    receptors = {r.id for r in park.receptors}
    return Review(
        incident,
        tuple(sorted(arrivals, key=lambda c: c.seen)),
        len(done) - late,
        late,
        sum(c.state is CommandState.FAILED for c in shut),
        None if last is None or not done else sum(last.kg_nothing.values()),
        None if last is None or not done else sum(last.kg_plan.values()),
        tuple(sorted(receptors & seen.keys())),
        at,
        final,
        kg[0] if kg else None,
        kg[-1] if kg else None,
        dict(kg_came or {}),
        next((p.sightings for p in reversed(plansets) if p.sightings), ()),
    )


def _of_what_was_done(
    whatifs: Sequence[WhatIf], plansets: Sequence[PlanSet], closed: set[str]
) -> WhatIf | None:
    """Return the engine's latest word on the plan whose gates were closed, else on the last recommended."""
    plans = {p.id: p for s in plansets for p in s.plans}
    done = [w for w in whatifs if w.plan in plans and {m.gate for m in plans[w.plan].moves} == closed]
    best = [w for w in whatifs if w.plan in plans and plans[w.plan].recommended]
    return next(iter([*reversed(done), *reversed(best), *reversed(whatifs)]), None)


def _seen(park: Park, network: Network, anomalies: Iterable[Anomaly]) -> dict[str, datetime]:
    """Return when the plume was seen at gates and receptors: by the station nearest in time of travel."""
    first: dict[str, datetime] = {}
    for a in anomalies:
        first[a.point.station] = min(a.since, first.get(a.point.station, a.since))
    stations = [(s, network.nodes[s.node]) for s in park.stations if s.id in first]
    places = [(g.id, int(network.tail[network.gates[g.id]])) for g in park.gates]
    places += [(r.id, network.nodes[r.node]) for r in park.receptors]
    found: dict[str, datetime] = {}
    if not stations:
        return found
    # What a station before a gate sees says nothing of a place beyond it.
    parted = network.with_gates(dict.fromkeys(network.gates, 0.0))
    ahead = parted.travel_times([n for _, n in stations])
    for place, node in places:
        k = int(ahead[:, node].argmin())
        if ahead[k, node] <= NEAR_S:
            found[place] = first[stations[k][0].id]
    return found
