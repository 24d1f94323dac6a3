"""Everything on record about one incident at one moment: what the desk and the wall are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from callbacks import response
from callbacks.incidents import pick
from geodata.words import Text
from twin.clock import LIVE, as_datetime, park_ms
from twin.errors import UnavailableError
from twin.model import (
    Anomaly,
    AuditLine,
    Command,
    GatePlan,
    GateState,
    Incident,
    PlanSet,
    Ranking,
    WhatIf,
    from_json,
)

if TYPE_CHECKING:
    from twin.records import Records
    from twin.stream import Stream


@dataclass(frozen=True, slots=True)
class Moment:
    """What the machines say now: park time, whether it is a drill, where the gates stand.

    `up` is False when the stream does not answer; then the gates are not known.
    """

    now: datetime
    drill: bool
    gates: Mapping[str, GateState]
    up: bool = True


@dataclass(frozen=True, slots=True)
class Dossier:
    """One incident with all that belongs to it."""

    incident: Incident
    anomalies: tuple[Anomaly, ...]
    rankings: tuple[Ranking, ...]
    planset: PlanSet | None
    whatifs: tuple[WhatIf, ...]
    commands: tuple[Command, ...]
    audits: tuple[AuditLine, ...]

    @property
    def ranking(self) -> Ranking | None:
        """The latest ranking."""
        return self.rankings[-1] if self.rankings else None

    @property
    def first(self) -> datetime:
        """Onset of the first anomaly; when the incident was opened where none is on record."""
        return min((a.since for a in self.anomalies), default=self.incident.opened)

    def others(self, plan: GatePlan | None) -> tuple[str, ...]:
        """Ids of the other plans there are now."""
        return tuple(p.id for p in self.planset.plans if p is not plan) if self.planset else ()

    def plan(self, id: str | None = None) -> GatePlan | None:
        """The plan people act on: the one chosen, else the one that already has commands, else the best."""
        if id is None and self.planset is not None:
            used = {c.plan for c in response.latest(self.commands).values()}
            for plan in self.planset.plans:
                if plan.id in used:
                    return plan
        return response.chosen(self.planset, id)


def moment(stream: Stream, wall_ms: int | None = None) -> Moment:
    """Read park time and gates; with the stream away the wall clock must do, and no gate is known."""
    try:
        clock = stream.clock()
        body = stream.get("gates")
    except UnavailableError:
        return Moment(as_datetime(park_ms(LIVE, wall_ms)), False, {}, up=False)
    states = from_json(body, list[GateState]) if body else []
    return Moment(as_datetime(park_ms(clock, wall_ms)), clock.drill, {g.gate: g for g in states})


def load(records: Records, wanted: str = "") -> tuple[list[Incident], Dossier | None]:
    """Read the incidents, and everything about the one that is wanted or the newest live one.

    Raises
    ------
    UnavailableError
        The records are away.
    """
    every = records.incidents(limit=60)
    incident = pick(every, wanted)
    return every, None if incident is None else of(records, incident)


def of(records: Records, incident: Incident) -> Dossier:
    """Read everything about one incident."""
    commands = records.commands(incident.id)
    about = [incident.id, *(c.id for c in commands)]
    audits = [line for one in about for line in records.audits(one, limit=80)]
    return Dossier(
        incident=incident,
        anomalies=tuple(records.anomalies(incident.id)),
        rankings=tuple(records.rankings(incident.id)),
        planset=records.plans(incident.id),
        whatifs=tuple(records.whatifs(incident.id)),
        commands=tuple(commands),
        audits=tuple(audits),
    )


def users(records: Records) -> dict[str, Text]:
    """Return the people known here: what to call each account."""
    return {a.name: a.display for a in records.accounts()}
