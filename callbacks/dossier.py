"""Everything on record about one incident at one moment: what the desk and the wall are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from callbacks import response
from callbacks.incidents import LIVE as GOING_ON
from callbacks.incidents import pick
from geodata.words import Text
from twin import confirmed, notes
from twin.clock import LIVE, as_datetime, park_ms
from twin.confirmed import Source
from twin.errors import UnavailableError
from twin.floodlock import FloodBook, FloodLock, Override, locked
from twin.model import (
    Anomaly,
    AuditLine,
    Command,
    GatePlan,
    GateState,
    Incident,
    IncidentState,
    PlanSet,
    Ranking,
    WhatIf,
    from_json,
)
from twin.notes import Note
from twin.plan import reopen
from twin.plan.afterwards import Review
from twin.plan.own_plan import DRAFT, Draft, own_plans
from twin.statement import KIND as STATEMENT
from twin.statement import Statement

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
    locks: tuple[FloodLock, ...] = ()  # in force
    overrides: tuple[Override, ...] = ()
    statements: tuple[Statement, ...] = ()
    drafts: tuple[Draft, ...] = ()
    notes: tuple[Note, ...] = ()
    source: Source | None = None  # who people found it was
    review: Review | None = None

    @property
    def ranking(self) -> Ranking | None:
        """The latest ranking."""
        return self.rankings[-1] if self.rankings else None

    @property
    def first(self) -> datetime:
        """Onset of the first anomaly; when the incident was opened where none is on record."""
        return min((a.since for a in self.anomalies), default=self.incident.opened)

    @property
    def plans(self) -> tuple[GatePlan, ...]:
        """Everything that can be signed: stopping the source, gate plans, own closings that were run."""
        if self.planset is None:
            return ()
        source = (self.planset.source,) if self.planset.source is not None else ()
        again = self.reopen
        return (*source, *self.planset.plans, *own_plans(self.drafts), *((again,) if again else ()))

    @property
    def reopen(self) -> GatePlan | None:
        """The next step of opening what was closed; only once the plume is held, and when all is over."""
        if self.incident.state is IncidentState.OPEN:
            return None
        return reopen.plan(self.incident.id, self.commands, self.incident.updated)

    @property
    def flood(self) -> frozenset[str]:
        """Gates of any of the plans that a flood lock holds open."""
        gates = {m.gate for p in self.plans for m in p.moves} | {c.gate for c in self.commands}
        return locked(gates, self.locks, self.overrides, self.incident.id)

    def may_sign(self, plan: GatePlan | None) -> bool:
        """Tell whether a plan may be signed: while the incident goes on any, then only opening again."""
        going_on = self.incident.state in GOING_ON
        return going_on or (plan is not None and reopen.is_reopening(plan.id))

    def others(self, plan: GatePlan | None) -> tuple[str, ...]:
        """Ids of the other plans there are now."""
        return tuple(p.id for p in self.plans if plan is None or p.id != plan.id)

    def plan(self, id: str | None = None) -> GatePlan | None:
        """The plan people act on: the one chosen, else the one that already has commands, else the best."""
        if id is None and self.planset is not None:
            used = {c.plan for c in response.latest(self.commands).values()}
            for plan in self.planset.plans:
                if plan.id in used:
                    return plan
        for plan in self.plans:
            if plan.id == id:
                return plan
        return response.chosen(self.planset, id)


def moment(stream: Stream, wall_ms: int | None = None) -> Moment:
    """Read park time and gates; with the stream away the wall clock must do, and no gate is known."""
    try:
        clock = stream.clock()
        bodies = [stream.get("gates"), stream.get("devices")]
    except UnavailableError:
        return Moment(as_datetime(park_ms(LIVE, wall_ms)), False, {}, up=False)
    states = [s for body in bodies if body for s in from_json(body, list[GateState])]
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
    commands, book = records.commands(incident.id), FloodBook(records)
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
        locks=tuple(book.standing()),
        overrides=tuple(book.overrides(incident.id)),
        statements=tuple(records.papers(STATEMENT, Statement, incident.id)),
        drafts=tuple(reversed(records.papers(DRAFT, Draft, incident.id))),
        notes=tuple(notes.of(records, incident.id)),
        source=next(iter(confirmed.of(records, incident.id)), None),
        review=next(iter(records.papers("review", Review, incident.id)), None),
    )


def obstacle(records: Records, case: Dossier, wanted: str) -> Text | None:
    """Say why a plan of an incident must not be signed now; None where nothing stands against it.

    Parameters
    ----------
    wanted : str
        Id of the plan that the page showed.

    Raises
    ------
    UnavailableError
        The records are away.
    """
    if not reopen.is_reopening(wanted):
        return None if case.incident.state in GOING_ON else OVER
    others = [i for i in records.incidents(GOING_ON) if i.id != case.incident.id]
    return reopen.obstacle(case.incident, case.reopen, ((i, records.commands(i.id)) for i in others))


OVER = Text(
    "事件已结束，不再为它关闸；已关的闸可以复位",
    "the incident is over: no gate closes for it any more, and those that were closed may open again",
)


def users(records: Records) -> dict[str, Text]:
    """Return the people known here: what to call each account."""
    return {a.name: a.display for a in records.accounts()}
