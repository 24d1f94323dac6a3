"""Two different people, and no way round them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.approval import approved, stepped
from twin.errors import RefusedError
from twin.model import Approval, Command, CommandState

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
PROPOSAL = Command(
    "C1", "EV-20261122-01", "EV-20261122-01/A", "G01", 0.0, "li", AT, (), CommandState.PROPOSED
)


def test_two_people_approve_and_the_proposer_may_be_one_of_them() -> None:
    once = approved(PROPOSAL, "li", "plume", AT)
    assert once.state is CommandState.PROPOSED
    assert once.approvals == (Approval("li", AT, "plume"),)
    twice = approved(once, "chen", "agreed", AT + timedelta(seconds=9))
    assert twice.state is CommandState.APPROVED
    assert [a.user for a in twice.approvals] == ["li", "chen"]


@pytest.mark.parametrize("again", ["li", "Li", " LI "])
def test_one_person_is_one_person_however_typed(again: str) -> None:
    once = approved(PROPOSAL, "li", "plume", AT)
    with pytest.raises(RefusedError, match="second person"):
        approved(once, again, "plume", AT)


def test_nobody_and_a_third_person_are_refused() -> None:
    with pytest.raises(RefusedError):
        approved(PROPOSAL, "  ", "plume", AT)
    done = approved(approved(PROPOSAL, "li", "", AT), "chen", "", AT)
    with pytest.raises(RefusedError, match="not waiting"):
        approved(done, "wang", "", AT)


@given(st.lists(st.sampled_from(list(CommandState)), max_size=8))
def test_no_chain_of_steps_leaves_the_proposal_without_approvals(states: list[CommandState]) -> None:
    command = PROPOSAL
    for state in states:
        try:
            command = stepped(command, replace(command, state=state))
        except RefusedError:
            continue
    assert command.state in (CommandState.PROPOSED, CommandState.REFUSED)


def test_what_was_approved_cannot_be_changed_on_the_way() -> None:
    command = approved(approved(PROPOSAL, "li", "", AT), "chen", "", AT)
    sent = stepped(command, replace(command, state=CommandState.SENT, sent_at=AT))
    assert stepped(sent, replace(sent, state=CommandState.MOVING, position=0.5)).position == 0.5
    for changed in (
        replace(command, state=CommandState.SENT, gate="G02"),
        replace(command, state=CommandState.SENT, target=1.0),
        replace(command, state=CommandState.SENT, approvals=()),
    ):
        with pytest.raises(RefusedError, match="cannot be changed"):
            stepped(command, changed)


def test_a_stuck_gate_may_come_free_but_done_is_done() -> None:
    failed = replace(PROPOSAL, state=CommandState.FAILED)
    assert stepped(failed, replace(failed, state=CommandState.DONE)).state is CommandState.DONE
    done = replace(PROPOSAL, state=CommandState.DONE)
    with pytest.raises(RefusedError):
        stepped(done, replace(done, state=CommandState.MOVING))
