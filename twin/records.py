"""The records: incidents, anomalies, rankings, plans, commands, accounts and audit.

Whole nouns are kept as JSON beside the few columns that queries need. Every write has a natural key, so doing
it twice changes nothing. What must be decided once (an approval, an incident's number) is one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from geodata import zone
from geodata.words import Text
from twin import records_tables as t
from twin.approval import approved, stepped
from twin.clock import as_datetime, as_ms
from twin.errors import MissingError, RefusedError
from twin.model import (
    Anomaly,
    AuditLine,
    Command,
    CommandState,
    GateState,
    Incident,
    IncidentState,
    PlanSet,
    Ranking,
    WhatIf,
    from_json,
    to_json,
)
from twin.records_store import Row, Store, noun_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account as it is kept; `secret` is the salted hash of the password, never the password."""

    name: str
    display: Text
    role: str
    secret: str


class Records(Store):
    """Everything that is decided and must be kept, for one park; see `Store` for where."""

    # incidents and what belongs to them -------------------------------------------------------------------

    def next_incident_id(self, at: datetime) -> str:
        """Reserve the next id of that park-local day; no two callers get the same."""
        prefix = f"EV-{zone.local(at):%Y%m%d}"
        with self._writing() as c:
            insert = self._insert(t.counters, {"name": prefix, "n": 1}).on_conflict_do_update(
                index_elements=["name"], set_={"n": t.counters.c.n + 1}
            )
            n = c.scalar(insert.returning(t.counters.c.n))
        return f"{prefix}-{n:02d}"

    def put_incident(self, incident: Incident) -> None:
        """Write an incident; one that is older than what is on record changes nothing."""
        with self._writing() as c:
            self._put_incident(c, incident)

    def change_incident(self, id: str, change: Callable[[Incident], Incident]) -> Incident:
        """Read, change and write one incident in one transaction, so no other process's change is lost.

        Raises
        ------
        MissingError
            There is no such incident.
        """
        with self._writing() as c:
            query = sa.select(t.incidents.c.body).where(t.incidents.c.id == id).with_for_update()
            before = noun_of(c.scalar(query), Incident)
            if before is None:
                raise MissingError(f"no incident {id}")
            after = change(before)
            self._put_incident(c, after)
        return after

    def incident(self, id: str) -> Incident | None:
        """One incident."""
        return self._one(sa.select(t.incidents.c.body).where(t.incidents.c.id == id), Incident)

    def incidents(self, states: Collection[IncidentState] | None = None, limit: int = 500) -> list[Incident]:
        """Incidents, newest first; only those in `states` if given."""
        query = sa.select(t.incidents.c.body).order_by(t.incidents.c.opened.desc(), t.incidents.c.id.desc())
        if states is not None:
            query = query.where(t.incidents.c.state.in_([str(s) for s in states]))
        return self._all(query.limit(limit), Incident)

    def put_anomaly(self, anomaly: Anomaly) -> None:
        """Write an anomaly; its id is its natural key."""
        row = {
            "id": anomaly.id,
            "incident": anomaly.incident,
            "since": as_ms(anomaly.since),
            "until": None if anomaly.until is None else as_ms(anomaly.until),
            "body": to_json(anomaly),
        }
        with self._writing() as c:
            self._put(c, t.anomalies, row)

    def anomalies(
        self,
        incident: str | None = None,
        open_only: bool = False,
        limit: int = 1000,
        since: datetime | None = None,
    ) -> list[Anomaly]:
        """Anomalies, newest first; of one incident, still open, or begun since a moment, if asked."""
        query = sa.select(t.anomalies.c.body).order_by(t.anomalies.c.since.desc(), t.anomalies.c.id)
        if incident is not None:
            query = query.where(t.anomalies.c.incident == incident)
        if open_only:
            query = query.where(t.anomalies.c.until.is_(None))
        if since is not None:
            query = query.where(t.anomalies.c.since >= as_ms(since))
        return self._all(query.limit(limit), Anomaly)

    def put_ranking(self, ranking: Ranking) -> None:
        """Write one ranking of an incident's suspects; all are kept."""
        row = {"incident": ranking.incident, "at": as_ms(ranking.at), "body": to_json(ranking)}
        with self._writing() as c:
            self._put(c, t.rankings, row)

    def ranking(self, incident: str) -> Ranking | None:
        """The latest ranking of an incident."""
        return self._one(_of(t.rankings, incident).order_by(t.rankings.c.at.desc()).limit(1), Ranking)

    def rankings(self, incident: str) -> list[Ranking]:
        """Every ranking of an incident, oldest first."""
        return self._all(_of(t.rankings, incident).order_by(t.rankings.c.at), Ranking)

    def put_plans(self, plans: PlanSet) -> None:
        """Write the plans for an incident; earlier ones are kept."""
        row = {"incident": plans.incident, "at": as_ms(plans.at), "body": to_json(plans)}
        with self._writing() as c:
            self._put(c, t.plans, row)

    def plans(self, incident: str) -> PlanSet | None:
        """The latest plans for an incident."""
        return self._one(_of(t.plans, incident).order_by(t.plans.c.at.desc()).limit(1), PlanSet)

    def plansets(self, incident: str) -> list[PlanSet]:
        """Every set of plans of an incident, oldest first."""
        return self._all(_of(t.plans, incident).order_by(t.plans.c.at), PlanSet)

    def put_whatif(self, whatif: WhatIf) -> None:
        """Write what the hydraulic engine says of a plan."""
        row = {
            "incident": whatif.incident,
            "plan": whatif.plan,
            "at": as_ms(whatif.at),
            "body": to_json(whatif),
        }
        with self._writing() as c:
            self._put(c, t.whatifs, row)

    def whatifs(self, incident: str) -> list[WhatIf]:
        """Every what-if of an incident, oldest first."""
        return self._all(_of(t.whatifs, incident).order_by(t.whatifs.c.at, t.whatifs.c.plan), WhatIf)

    # gates ------------------------------------------------------------------------------------------------

    def put_gates(self, gates: Sequence[GateState], at: datetime) -> None:
        """Write how every gate stood at a moment; pages do not read the records again for it."""
        with self._writing() as c:
            self._put(c, t.gates, {"at": as_ms(at), "body": to_json(list(gates))}, bump=False)

    def gates(self, at: datetime, since: datetime) -> list[GateState]:
        """How the gates stood when last written down between two moments; none where nothing was."""
        query = sa.select(t.gates.c.body).where(t.gates.c.at.between(as_ms(since), as_ms(at)))
        return self._one(query.order_by(t.gates.c.at.desc()).limit(1), list[GateState]) or []

    def gate_rows(self, since: datetime, until: datetime) -> list[tuple[datetime, list[GateState]]]:
        """How the gates stood whenever it was written down between two moments, oldest first."""
        query = sa.select(t.gates.c.at, t.gates.c.body).where(
            t.gates.c.at.between(as_ms(since), as_ms(until))
        )
        with self._reading() as c:
            rows = c.execute(query.order_by(t.gates.c.at)).all()
        return [(as_datetime(at), from_json(body, list[GateState])) for at, body in rows]

    # commands ---------------------------------------------------------------------------------------------

    def propose(self, command: Command) -> Command:
        """Put a command up for approval; a second proposal with the same id returns what is on record.

        Raises
        ------
        RefusedError
            It already carries approvals or a later state; those come only from `approve`.
        """
        if command.state is not CommandState.PROPOSED or command.approvals:
            raise RefusedError("a command starts as a proposal without approvals")
        with self._writing() as c:
            before = c.scalar(sa.select(sa.func.count()).select_from(t.commands)) or 0
            row = _command_row(replace(command, number=before + 1))
            insert = self._insert(t.commands, row).on_conflict_do_nothing()
            self._wrote(c, insert)
            kept = noun_of(
                c.scalar(sa.select(t.commands.c.body).where(t.commands.c.id == command.id)), Command
            )
        assert kept is not None
        return kept

    def approve(self, command_id: str, user: str, reason: str, at: datetime) -> Command:
        """Add one person's approval, as one transaction; the second person's makes it APPROVED.

        Raises
        ------
        MissingError
            There is no such command.
        RefusedError
            The command is not waiting for approval, or this person has already approved it.
        """
        return self._change_command(command_id, lambda command: approved(command, user, reason, at))

    def set_command(self, command: Command) -> None:
        """Write what happened to a command: refused by a person, or sent, moving, done, failed.

        Raises
        ------
        MissingError
            There is no such command.
        RefusedError
            The step is not allowed, above all any that would go round the two approvals.
        """
        self._change_command(command.id, lambda before: stepped(before, command))

    def command(self, id: str) -> Command | None:
        """One command."""
        return self._one(sa.select(t.commands.c.body).where(t.commands.c.id == id), Command)

    def commands(
        self, incident: str | None = None, states: Collection[CommandState] | None = None, limit: int = 500
    ) -> list[Command]:
        """Commands, newest proposal first."""
        query = sa.select(t.commands.c.body).order_by(t.commands.c.proposed.desc(), t.commands.c.id.desc())
        if incident is not None:
            query = query.where(t.commands.c.incident == incident)
        if states is not None:
            query = query.where(t.commands.c.state.in_([str(s) for s in states]))
        return sorted(self._all(query.limit(limit), Command), key=lambda c: c.turn, reverse=True)

    # papers: what people lay down beside incidents ---------------------------------------------------------

    def put_paper(self, kind: str, id: str, about: str, at: datetime, paper: object) -> None:
        """Write a paper; kind and id are its natural key."""
        row = {"kind": kind, "id": id, "about": about, "at": as_ms(at), "body": to_json(paper)}
        with self._writing() as c:
            self._put(c, t.papers, row)

    def add_paper(self, kind: str, id: str, about: str, at: datetime, paper: object) -> bool:
        """Write a paper that must be the first of its kind and id; tells whether it was."""
        row = {"kind": kind, "id": id, "about": about, "at": as_ms(at), "body": to_json(paper)}
        with self._writing() as c:
            return self._wrote(c, self._insert(t.papers, row).on_conflict_do_nothing())

    def change_paper(self, kind: str, id: str, noun: type[T], change: Callable[[T], T]) -> T:
        """Read, change and write one paper in one transaction.

        Raises
        ------
        MissingError
            There is no such paper.
        """
        query = sa.select(t.papers).where(t.papers.c.kind == kind, t.papers.c.id == id).with_for_update()
        with self._writing() as c:
            found = c.execute(query).mappings().first()
            if found is None:
                raise MissingError(f"no {kind} {id}")
            after = change(from_json(found["body"], noun))
            self._put(c, t.papers, {**found, "body": to_json(after)})
        return after

    def paper(self, kind: str, id: str, noun: type[T]) -> T | None:
        """One paper, by its natural key."""
        query = sa.select(t.papers.c.body).where(t.papers.c.kind == kind, t.papers.c.id == id)
        return self._one(query, noun)

    def papers(self, kind: str, noun: type[T], about: str | None = None, limit: int = 200) -> list[T]:
        """Papers of a kind, newest first; only those about something if given."""
        query = sa.select(t.papers.c.body).where(t.papers.c.kind == kind)
        if about is not None:
            query = query.where(t.papers.c.about == about)
        return self._all(query.order_by(t.papers.c.at.desc(), t.papers.c.id.desc()).limit(limit), noun)

    # audit and accounts -----------------------------------------------------------------------------------

    def audit(self, line: AuditLine) -> None:
        """Keep one line of what people and machines did; the same line twice is kept once."""
        body = to_json(line)
        row = {
            "digest": hashlib.sha256(body).hexdigest(),
            "at": as_ms(line.at),
            "about": line.about,
            "body": body,
        }
        with self._writing() as c:
            self._wrote(c, self._insert(t.audit, row).on_conflict_do_nothing())

    def audits(self, about: str | None = None, limit: int = 200) -> list[AuditLine]:
        """Audit lines, newest first."""
        query = sa.select(t.audit.c.body).order_by(t.audit.c.at.desc(), t.audit.c.digest)
        if about is not None:
            query = query.where(t.audit.c.about == about)
        return self._all(query.limit(limit), AuditLine)

    def put_account(self, account: Account) -> None:
        """Write a person's account."""
        with self._writing() as c:
            self._put(c, t.accounts, {"name": account.name, "body": to_json(account)})

    def account(self, name: str) -> Account | None:
        """One account."""
        return self._one(sa.select(t.accounts.c.body).where(t.accounts.c.name == name), Account)

    def accounts(self) -> list[Account]:
        """Every account, by name."""
        return self._all(sa.select(t.accounts.c.body).order_by(t.accounts.c.name), Account)

    def take_attempt(self, name: str, now_ms: int, burst: int, every_ms: int) -> bool:
        """Take one sign-in attempt of a name: `burst` at once, then one every `every_ms`; False if spent.

        Kept here, not in a process, because any web process may serve any browser.
        """
        with self._writing() as c:
            c.execute(sa.delete(t.attempts).where(t.attempts.c.due <= now_ms))  # guessed names leave no trace
            query = sa.select(t.attempts.c.due).where(t.attempts.c.name == name).with_for_update()
            due = max(int(c.scalar(query) or 0), now_ms)
            if due - now_ms > (burst - 1) * every_ms:
                return False
            self._put(c, t.attempts, {"name": name, "due": due + every_ms}, bump=False)
        return True

    def clear_attempts(self, name: str) -> None:
        """Give a name all its attempts back, after a sign-in that worked."""
        with self._writing() as c:
            c.execute(sa.delete(t.attempts).where(t.attempts.c.name == name))

    # how it is done ---------------------------------------------------------------------------------------

    def _change_command(self, id: str, change: Callable[[Command], Command]) -> Command:
        with self._writing() as c:
            query = sa.select(t.commands.c.body).where(t.commands.c.id == id).with_for_update()
            before = noun_of(c.scalar(query), Command)
            if before is None:
                raise MissingError(f"no command {id}")
            after = change(before)
            self._put(c, t.commands, _command_row(after))
        return after

    def _put_incident(self, c: sa.Connection, incident: Incident) -> None:
        row = {
            "id": incident.id,
            "state": str(incident.state),
            "opened": as_ms(incident.opened),
            "updated": as_ms(incident.updated),
            "body": to_json(incident),
        }
        self._put(c, t.incidents, row, only_newer="updated")


def _of(table: sa.Table, incident: str) -> sa.Select[Any]:
    return sa.select(table.c.body).where(table.c.incident == incident)


def _command_row(command: Command) -> Row:
    return {
        "id": command.id,
        "incident": command.incident,
        "state": str(command.state),
        "proposed": as_ms(command.proposed_at),
        "body": to_json(command),
    }
