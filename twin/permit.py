"""What an approved command must still pass, asked again just before it is sent."""

from __future__ import annotations

import logging
from collections.abc import Collection

from geodata.network import CLOSED_BELOW
from geodata.places import Device, Gate, Park
from geodata.words import Text
from twin.approval import NEEDED, same_person
from twin.clock import wall_ms
from twin.floodlock import EVERY, FloodBook, lock_on
from twin.interlock import Interlock
from twin.model import AuditLine, Command
from twin.records import Records

ORDER_VALID_S = 600.0  # wall time; an order found later (a worker was away) is not carried out any more
UNKNOWN = Text(
    "{g}：水位无法推算，连锁未能检查，按两人批准放行",
    "{g}: levels cannot be reckoned, the interlock was not checked; let through on two approvals",
)
log = logging.getLogger(__name__)


class Permit:
    """The rules of one park: two people, a fresh order, no flood lock, no reach that would overtop."""

    def __init__(self, park: Park, records: Records) -> None:
        self._park, self._flood, self._records = park, FloodBook(records), records
        self._interlock: Interlock | None = None  # made when the first gate is to close

    def refusal(
        self,
        command: Command,
        gate: Gate | Device | None,
        ordered_wall_ms: int,
        position: float | None,
        shut: Collection[str],
    ) -> Text | None:
        """Say why an approved command must not be sent all the same, or None.

        Parameters
        ----------
        position : float or None
            Where the gate stands now.
        shut : collection of str
            Gates that stand closed or are on their way there.
        """
        people: list[str] = []
        for approval in command.approvals:
            if not any(same_person(approval.user, p) for p in people):
                people.append(approval.user)
        if len(people) < NEEDED:
            return Text("没有两个不同的人批准", "not approved by two different people")
        if gate is None:
            return Text("没有这座闸", "there is no such gate")
        if not 0.0 <= command.target <= 1.0:
            return Text("目标开度不在 0–1 之间", "the target is not between 0 and 1")
        if wall_ms() - ordered_wall_ms > ORDER_VALID_S * 1000:
            return Text("命令已过时，请重新下达", "the order is too old, give it again")
        closes = command.target < (1.0 if position is None else position)
        return (self._flooded(command) if closes else None) or (
            self._interlocked(command, shut) if command.target < CLOSED_BELOW else None
        )

    def _flooded(self, command: Command) -> Text | None:
        """Say which flood lock holds the gate; whatever the plan said when it was made."""
        if command.gate not in {g.id for g in self._park.gates}:
            return None  # valves and pumps of an enterprise hold back no flood
        if not self._flood.locked([command.gate], command.incident):
            return None
        lock = lock_on(command.gate, self._flood.standing())
        if lock is None:
            return None
        return Text(
            "防汛锁定中（{what}，{who}：{r}），不得关闸",
            "flood lock on {what} ({who}: {r}): the gate must not be closed",
        ).fill(
            what=Text("全园", "the whole park") if lock.gate == EVERY else Text(lock.gate, lock.gate),
            who=lock.by,
            r=lock.reason,
        )

    def _interlocked(self, command: Command, shut: Collection[str]) -> Text | None:
        """Say whether the gates that are or will be closed forbid this one to close too."""
        known = {g.id for g in self._park.gates}
        if command.gate not in known:
            return None
        try:
            if self._interlock is None:
                self._interlock = Interlock(self._park)
            return self._interlock.forbids(command.gate, sorted(set(shut) & known))
        except (ValueError, KeyError, ArithmeticError, RuntimeError) as error:
            # Two people have decided; a park whose levels cannot be reckoned must not stop them.
            log.warning("no interlock for %s: %s", command.gate, error)
            at, said = command.approvals[-1].at, UNKNOWN.fill(g=command.gate)
            self._records.audit(AuditLine(at, "advise", "interlock.unknown", command.incident, said))
            return None
