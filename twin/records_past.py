"""The records as they stood at a moment gone by: nothing later is seen, and nothing can be written.

Rows carry the moment they are about; of what changes in place (incidents, anomalies, commands) the noun
itself says when. Of an incident only the last change is on record: before it the incident counts as open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn, TypeVar

import sqlalchemy as sa

from geodata.words import Text
from twin import records_tables as t
from twin.approval import NEEDED, same_person
from twin.clock import as_ms
from twin.errors import RefusedError
from twin.floodlock import FloodLock, Override
from twin.model import Anomaly, Command, CommandState, GateState, Incident, IncidentState
from twin.plan.own_plan import Draft, DraftState
from twin.records import Records

READ_ONLY = Text(
    "正在回放过去，不能下令或签字；请先回到实时",
    "this is a replay of the past: nothing can be ordered or signed; go back to live first",
)
BEGUN = ("opened", "since", "proposed", "at")
"""Columns that tell when a row began to be true, the first a table has."""
LONGEST = 4000
"""Anomalies looked through for those that were open at a moment."""

MOMENTS: tuple[sa.Column[Any], ...] = (
    t.anomalies.c.since,
    t.anomalies.c.until,
    t.incidents.c.opened,
    t.incidents.c.updated,
    t.rankings.c.at,
    t.plans.c.at,
    t.whatifs.c.at,
    t.audit.c.at,
)
"""When the rows of an incident began or ended."""

T = TypeVar("T")


class RecordsThen(Records):
    """The records at a moment.

    Parameters
    ----------
    now : Records
        The same records, as they are; their connections are shared.
    at : datetime
        Aware UTC, park time.

    Raises
    ------
    RefusedError
        From every method that writes.
    """

    def __init__(self, now: Records, at: datetime) -> None:
        self._engine, self._writer, self._dialect = now._engine, now._writer, now._dialect
        self._at = at

    def close(self) -> None:
        """Leave the connections to the records they belong to."""

    def incidents(self, states: Collection[IncidentState] | None = None, limit: int = 500) -> list[Incident]:
        """Incidents there were, newest first; only those in `states` then, if given."""
        found = super().incidents(None, limit)
        return [it for it in found if states is None or it.state in states]

    def incident(self, id: str) -> Incident | None:
        """One incident, if there was it."""
        return super().incident(id)

    def anomalies(
        self,
        incident: str | None = None,
        open_only: bool = False,
        limit: int = 1000,
        since: datetime | None = None,
    ) -> list[Anomaly]:
        """Anomalies that had begun, newest first."""
        if not open_only:
            return super().anomalies(incident, False, limit, since)
        found = super().anomalies(incident, False, max(limit, LONGEST), since)
        return [it for it in found if it.until is None][:limit]

    def gate_rows(self, since: datetime, until: datetime) -> list[tuple[datetime, list[GateState]]]:
        """How the gates stood whenever it had been written down."""
        return super().gate_rows(since, min(until, self._at))

    def moments(self) -> list[int]:
        """Return every moment at which what is on record had changed by then, epoch ms, ascending.

        Two queries, however many incidents there were.
        """
        until = as_ms(self._at)
        changed = sa.union(*(sa.select(c).where(c <= until) for c in MOMENTS))
        with self._reading() as c:
            found = {int(at) for at in c.scalars(changed)}
        for command in self._all(sa.select(t.commands.c.body), Command):
            told = (command.proposed_at, *(a.at for a in command.approvals), command.sent_at, command.done_at)
            found |= {as_ms(at) for at in told if at is not None and at <= self._at}
        return sorted(found)

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        refuse()
        yield

    def _all(self, query: Any, kind: type[T]) -> list[T]:
        return [self._then(it) for it in super()._all(self._before(query), kind)]

    def _one(self, query: Any, kind: type[T]) -> T | None:
        found = super()._one(self._before(query), kind)
        return None if found is None else self._then(found)

    def _before(self, query: Any) -> Any:
        """Leave out rows that began later; accounts, which have no moment, are as they are."""
        columns = query.get_final_froms()[0].c
        begun = next((columns[name] for name in BEGUN if name in columns), None)
        return query if begun is None else query.where(begun <= as_ms(self._at))

    def _then(self, noun: T) -> T:
        if isinstance(noun, Incident):
            return self._incident(noun)  # type: ignore[return-value]
        if isinstance(noun, Anomaly):
            return anomaly_then(noun, self._at)  # type: ignore[return-value]
        if isinstance(noun, Command):
            return command_then(noun, self._at)  # type: ignore[return-value]
        if isinstance(noun, FloodLock):
            return lock_then(noun, self._at)  # type: ignore[return-value]
        if isinstance(noun, Override):
            return override_then(noun, self._at)  # type: ignore[return-value]
        if isinstance(noun, Draft):
            return draft_then(noun, self._at)  # type: ignore[return-value]
        return noun

    def _incident(self, incident: Incident) -> Incident:
        if incident.updated <= self._at:
            return incident
        seen = sorted(self.anomalies(incident.id), key=lambda it: (it.since, it.id))
        stations = tuple(dict.fromkeys(it.point.station for it in seen)) or incident.stations[:1]
        factors = tuple(dict.fromkeys(it.point.factor for it in seen)) or incident.factors[:1]
        return replace(
            incident,
            state=IncidentState.OPEN,
            stations=tuple(s for s in incident.stations if s in stations) or stations,
            factors=tuple(f for f in incident.factors if f in factors) or factors,
            anomalies=tuple(it.id for it in seen),
            updated=max(incident.opened, max((it.since for it in seen), default=incident.opened)),
        )


def refuse() -> NoReturn:
    """Say why nothing can be done in the past.

    Raises
    ------
    RefusedError
        Always.
    """
    raise RefusedError(READ_ONLY)


def anomaly_then(anomaly: Anomaly, at: datetime) -> Anomaly:
    """Return an anomaly as it stood: without an end that was still to come."""
    return anomaly if anomaly.until is None or anomaly.until <= at else replace(anomaly, until=None)


def lock_then(lock: FloodLock, at: datetime) -> FloodLock:
    """Return a flood lock as it stood: in force until it was lifted."""
    later = lock.lifted_at is not None and lock.lifted_at > at
    return replace(lock, lifted_by="", lifted_at=None, lift_reason="") if later else lock


def override_then(override: Override, at: datetime) -> Override:
    """Return leave to close in spite of a flood lock as it stood: with the words that had been given."""
    given = tuple(a for a in override.approvals if a.at <= at)
    spoke = any(same_person(a.user, override.commander) for a in given)
    return replace(override, approvals=given, commander=override.commander if spoke else "")


def draft_then(draft: Draft, at: datetime) -> Draft:
    """Return somebody's own closings as they stood: asked for, without an answer that was still to come."""
    if draft.ended is None or draft.ended <= at:
        return draft
    return replace(
        draft, state=DraftState.RUNNING, told=(), factor="", hours=0.0, seconds=0.0, message=None, ended=None
    )


def command_then(command: Command, at: datetime) -> Command:
    """Return a command as it stood: without signatures, orders and feedback that were still to come.

    A command that failed or was sent back has no moment for it on record; it reads as failed once it was
    sent, as sent back from the beginning.
    """
    approvals = tuple(a for a in command.approvals if a.at <= at)
    sent = command.sent_at if command.sent_at is not None and command.sent_at <= at else None
    done = command.done_at if command.done_at is not None and command.done_at <= at else None
    failed = sent is not None and command.state is CommandState.FAILED
    if done is not None or failed or command.state is CommandState.REFUSED:
        state = command.state
    elif sent is not None:
        state = CommandState.MOVING if command.done_at is not None else command.state
    else:
        state = CommandState.APPROVED if len(approvals) >= NEEDED else CommandState.PROPOSED
    over = state is command.state
    return replace(
        command,
        approvals=approvals,
        sent_at=sent,
        done_at=done,
        state=state,
        position=command.position if over else None,
        message=command.message if over else None,
    )
