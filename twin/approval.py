"""The two-person rule and the steps a command may take: pure functions, no storage."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from geodata.words import Text
from twin.errors import RefusedError
from twin.model import Approval, Command, CommandState

NEEDED = 2  # different people
AGAIN = Text(
    "{user} 已经批准过 {id}，须由另一人批准", "{user} has already approved {id}; a second person must"
)

_MACHINE = (CommandState.SENT, CommandState.MOVING, CommandState.DONE, CommandState.FAILED)
_RUNNING = frozenset((*_MACHINE, CommandState.REFUSED))
# PROPOSED -> APPROVED is missing on purpose: only `approved` makes that step.
STEPS: Mapping[CommandState, Collection[CommandState]] = {
    CommandState.PROPOSED: frozenset((CommandState.PROPOSED, CommandState.REFUSED)),
    CommandState.APPROVED: _RUNNING | {CommandState.APPROVED},
    CommandState.SENT: _RUNNING,
    CommandState.MOVING: _RUNNING,
    CommandState.FAILED: frozenset(_MACHINE),  # a stuck gate may come free and report late
    CommandState.DONE: frozenset((CommandState.DONE,)),
    CommandState.REFUSED: frozenset((CommandState.REFUSED,)),
}


def approved(command: Command, user: str, reason: str, at: datetime) -> Command:
    """Add one person's word to a command; with two different people's it becomes APPROVED.

    Raises
    ------
    RefusedError
        The command is not waiting for approval, or this person has already spoken.
    """
    if command.state is not CommandState.PROPOSED:
        raise RefusedError(f"command {command.id} is {command.state}, not waiting for approval")
    if not user.strip():
        raise RefusedError(Text("批准须有姓名", "an approval needs a person's name"))
    if any(same_person(a.user, user) for a in command.approvals):
        raise RefusedError(AGAIN.fill(user=user, id=command.id))
    approvals = (*command.approvals, Approval(user, at, reason))
    state = CommandState.APPROVED if len(approvals) >= NEEDED else CommandState.PROPOSED
    return replace(command, approvals=approvals, state=state)


def same_person(one: str, other: str) -> bool:
    """Tell whether two account names are one person's, however they were typed."""
    return one.strip().casefold() == other.strip().casefold()


def stepped(before: Command, after: Command) -> Command:
    """Return `after` if a command on record as `before` may become it.

    Raises
    ------
    RefusedError
        The step is not allowed, above all any that would go round the approvals.
    """
    if after.state not in STEPS[before.state]:
        raise RefusedError(f"command {after.id} cannot go from {before.state} to {after.state}")
    if (after.approvals, after.gate, after.target) != (before.approvals, before.gate, before.target):
        raise RefusedError(f"what was approved in {after.id} cannot be changed")
    return after
