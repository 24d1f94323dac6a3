"""The flood lock: while it stands no gate closes, unless two people override it by name for one incident.

In a flood the flood-control order rules and a gate may be closed only with the flood authority's agreement.
A person sets the lock, for the whole park or for one gate, and a person lifts it. An override is for one
gate of one incident and dies with its lock; it needs two different people, a commander among them, and the
command itself still needs its own two approvals.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from geodata.words import Text
from twin.access import Role, User
from twin.approval import NEEDED, same_person
from twin.clock import as_ms
from twin.errors import RefusedError
from twin.model import Approval, AuditLine
from twin.records import Records

MOST = 1_000_000  # locks read: one that stands must be found however many were set since
EVERY = ""  # the gate of a lock on the whole park
LOCK, OVERRIDE = "flood_lock", "flood_override"
COMMANDS = (Role.COMMANDER, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class FloodLock:
    """A lock somebody has set; `gate` is empty where it holds for the whole park."""

    id: str
    gate: str
    by: str
    at: datetime
    reason: str
    lifted_by: str = ""
    lifted_at: datetime | None = None
    lift_reason: str = ""

    @property
    def stands(self) -> bool:
        """Whether it is in force."""
        return self.lifted_at is None


@dataclass(frozen=True, slots=True)
class Override:
    """Leave to close one gate in one incident although a lock stands."""

    id: str
    lock: str
    gate: str
    incident: str
    approvals: tuple[Approval, ...] = ()
    commander: str = ""  # who of them has command

    @property
    def holds(self) -> bool:
        """Whether two people, a commander among them, have given it."""
        return len(self.approvals) >= NEEDED and bool(self.commander)


def lock_on(gate: str, locks: Iterable[FloodLock]) -> FloodLock | None:
    """Return the lock that holds a gate: its own before the park's."""
    standing = [k for k in locks if k.stands and k.gate in (gate, EVERY)]
    return min(standing, key=lambda k: (k.gate == EVERY, k.at), default=None)


def locked(
    gates: Iterable[str], locks: Sequence[FloodLock], overrides: Collection[Override], incident: str
) -> frozenset[str]:
    """Return the gates that must not close in an incident."""
    free = {
        (o.gate, o.lock) for o in overrides if o.holds and o.incident == incident
    }  # an override is of one lock: every lock on the gate needs its own
    return frozenset(
        g for g in gates if any(k.stands and k.gate in (g, EVERY) and (g, k.id) not in free for k in locks)
    )


def agreed(override: Override, person: User, reason: str, at: datetime) -> Override:
    """Add one person's word to an override.

    Raises
    ------
    RefusedError
        This person has spoken already, or two would have without a commander among them.
    """
    if override.holds:
        raise RefusedError(Text("此项越过已由两人同意", "this override is given already"))
    if any(same_person(a.user, person.name) for a in override.approvals):
        raise RefusedError(AGREED.fill(who=person.display))
    commander = override.commander or (person.name if person.role in COMMANDS else "")
    if override.approvals and not commander:
        raise RefusedError(Text("两人中须有一名指挥", "one of the two must be a commander"))
    return replace(
        override,
        approvals=(*override.approvals, Approval(person.name, at, reason)),
        commander=commander,
    )


class FloodBook:
    """Flood locks and overrides of a park, kept in its records with a line in the audit for every step."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def locks(self) -> list[FloodLock]:
        """Every lock there has been, newest first."""
        return self._records.papers(LOCK, FloodLock, limit=MOST)

    def standing(self) -> list[FloodLock]:
        """Locks in force."""
        return [k for k in self.locks() if k.stands]

    def overrides(self, incident: str | None = None) -> list[Override]:
        """Overrides, given or half given, newest first."""
        return self._records.papers(OVERRIDE, Override, incident)

    def locked(self, gates: Iterable[str], incident: str) -> frozenset[str]:
        """Return which of these gates must not close in an incident."""
        locks = self.standing()
        return locked(gates, locks, self.overrides(incident), incident) if locks else frozenset()

    def set(self, gate: str, person: User, reason: str, at: datetime) -> FloodLock:
        """Set a lock, on one gate or with `EVERY` on all.

        Raises
        ------
        RefusedError
            The same lock stands already, or no reason is given.
        """
        _reason(reason)
        if any(k.gate == gate for k in self.standing()):
            raise RefusedError(STANDS.fill(what=_what(gate)))
        lock, n = FloodLock(f"FL-{as_ms(at)}-{gate or 'park'}", gate, person.name, at, reason.strip()), 1
        # Park time may stand: an override of a lock that was lifted must not come alive with a new one.
        while not self._records.add_paper(LOCK, lock.id, gate, at, lock):
            lock, n = replace(lock, id=f"FL-{as_ms(at)}-{gate or 'park'}-{n + 1}"), n + 1
        self._audit(person, "flood.locked", lock, SET.fill(what=_what(gate), r=lock.reason), at)
        return lock

    def lift(self, id: str, person: User, reason: str, at: datetime) -> FloodLock:
        """Lift a lock; its overrides end with it.

        Raises
        ------
        MissingError
            There is no such lock.
        RefusedError
            It is lifted already, or no reason is given.
        """
        _reason(reason)

        def change(lock: FloodLock) -> FloodLock:
            if not lock.stands:
                raise RefusedError(Text("此防汛锁定已解除", "this flood lock is lifted already"))
            return replace(lock, lifted_by=person.name, lifted_at=at, lift_reason=reason.strip())

        lock = self._records.change_paper(LOCK, id, FloodLock, change)
        self._audit(person, "flood.lifted", lock, LIFTED.fill(what=_what(lock.gate), r=lock.lift_reason), at)
        return lock

    def override(
        self, gate: str, incident: str, person: User, reason: str, at: datetime
    ) -> tuple[Override, ...]:
        """Agree to closing a gate in an incident in spite of every lock that holds it.

        Raises
        ------
        RefusedError
            No lock holds the gate, this person has agreed already, no reason is given, or two people would
            have agreed without a commander.
        """
        _reason(reason)
        known = {o.id: o for o in self.overrides(incident)}
        open_ = [
            k
            for k in self.standing()
            if k.gate in (gate, EVERY)
            and not ((o := known.get(_key(k, gate, incident))) is not None and o.holds)
        ]
        if not open_:
            raise RefusedError(FREE.fill(g=gate))
        found = []
        for lock in open_:
            fresh = Override(_key(lock, gate, incident), lock.id, gate, incident)
            self._records.add_paper(OVERRIDE, fresh.id, incident, at, fresh)
            found.append(
                self._records.change_paper(
                    OVERRIDE, fresh.id, Override, lambda o: agreed(o, person, reason.strip(), at)
                )
            )
        said = OVERRIDDEN if all(o.holds for o in found) else ASKED
        line = AuditLine(at, person.name, "flood.override", incident, said.fill(g=gate, r=reason.strip()))
        self._records.audit(line)
        return tuple(found)

    def _audit(self, person: User, what: str, lock: FloodLock, detail: Text, at: datetime) -> None:
        self._records.audit(AuditLine(at, person.name, what, lock.id, detail))


def _key(lock: FloodLock, gate: str, incident: str) -> str:
    return f"{lock.id}/{gate}/{incident}"


def _what(gate: str) -> Text:
    return Text(gate, gate) if gate else Text("全园", "the whole park")


def _reason(reason: str) -> None:
    if not reason.strip():
        raise RefusedError(Text("请写明理由", "Give a reason"))


SET = Text("设置防汛锁定（{what}）：{r}", "flood lock set on {what}: {r}")
LIFTED = Text("解除防汛锁定（{what}）：{r}", "flood lock lifted from {what}: {r}")
ASKED = Text("提请越过防汛锁定关闭 {g}：{r}", "asked to override the flood lock for {g}: {r}")
OVERRIDDEN = Text("两人同意越过防汛锁定关闭 {g}：{r}", "flood lock overridden by two people for {g}: {r}")
AGREED = Text("{who} 已经同意过，须由另一人", "{who} has agreed already; a second person must")
STANDS = Text("防汛锁定（{what}）已在生效", "the flood lock on {what} stands already")
FREE = Text("{g} 没有被防汛锁定", "no flood lock holds {g}")
