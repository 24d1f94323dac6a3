"""The records at a moment: nothing later is seen, what was open is open, and nothing can be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from tests.callbacks import story
from twin.clock import as_ms
from twin.errors import RefusedError
from twin.floodlock import FloodBook, Override
from twin.model import Approval, AuditLine, Command, CommandState, GateState, IncidentState
from twin.plan.own_plan import Draft, DraftState, Told
from twin.records import Account, Records
from twin.records_past import RecordsThen, command_then, draft_then

M = timedelta(minutes=1)
CLOSED = story.NOW + 200 * M
COMMAND = Command(
    f"{story.ID}/A/G05/1", story.ID, f"{story.ID}/A", "G05", 0.0, "duty", story.NOW,
    (Approval("duty", story.NOW + M, "a"), Approval("office", story.NOW + 2 * M, "b")),
    CommandState.DONE, 0.0, story.NOW + 3 * M, story.NOW + 9 * M, None,
)  # fmt: skip


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    folder: Path = tmp_path_factory.mktemp("records")
    it = Records(f"sqlite:///{folder / 'r.sqlite'}")
    it.create()
    told = story.story()
    story.put(it, told)
    for anomaly in told.anomalies:
        it.put_anomaly(replace(anomaly, until=CLOSED))
    it.put_incident(replace(told.incident, state=IncidentState.CLOSED, updated=CLOSED))
    it.propose(replace(COMMAND, approvals=(), state=CommandState.PROPOSED, sent_at=None, done_at=None))
    for said in COMMAND.approvals:
        it.approve(COMMAND.id, said.user, said.reason, said.at)
    for state in (CommandState.SENT, CommandState.MOVING, CommandState.DONE):
        it.set_command(replace(COMMAND, state=state))
    it.audit(AuditLine(story.NOW + M, "duty", "command.proposed", story.ID, story.story().incident.title))
    it.put_account(Account("duty", told.incident.title, "duty_officer", "x"))
    it.put_gates([GateState("G05", 1.0, False, False, story.NOW)], story.NOW)
    it.put_gates([GateState("G05", 0.0, False, False, story.NOW + 9 * M)], story.NOW + 9 * M)
    yield it
    it.close()


def test_every_moment_of_change_is_told_in_a_few_queries(records: Records) -> None:
    asked: list[str] = []

    def heard(*call: Any) -> None:
        asked.append(call[2])

    event.listen(records._engine, "before_cursor_execute", heard)
    try:
        found = RecordsThen(records, CLOSED).moments()
    finally:
        event.remove(records._engine, "before_cursor_execute", heard)
    assert sum(not statement.startswith(("BEGIN", "COMMIT")) for statement in asked) <= 2
    assert found == sorted(set(found))
    told = story.story()
    times = [COMMAND.proposed_at, *(a.at for a in COMMAND.approvals), COMMAND.sent_at, COMMAND.done_at]
    times += [told.incident.opened, CLOSED, *(a.since for a in told.anomalies)]
    assert {as_ms(at) for at in times if at is not None} <= set(found)
    early = RecordsThen(records, story.NOW).moments()
    assert early == [at for at in found if at <= as_ms(story.NOW)]


def test_before_anything_there_is_nothing(records: Records) -> None:
    then = RecordsThen(records, story.ONSET - M)
    assert then.incidents() == []
    assert then.incident(story.ID) is None
    assert then.anomalies() == then.anomalies(open_only=True) == []
    kept: tuple[Callable[[str], list[Any]], ...] = (then.rankings, then.plansets, then.whatifs, then.commands)
    for found in (*kept, then.audits):
        assert found(story.ID) == []
    assert (then.ranking(story.ID), then.plans(story.ID)) == (None, None)
    assert [a.name for a in then.accounts()] == ["duty"]  # who there is has no moment


def test_an_incident_grows_as_it_did(records: Records) -> None:
    early = RecordsThen(records, story.ONSET + 70 * timedelta(seconds=1))
    seen = early.incident(story.ID)
    assert seen is not None
    assert (seen.state, seen.factors, len(seen.anomalies)) == (IncidentState.OPEN, ("w01018", "w01014"), 2)
    assert [a.until for a in early.anomalies(open_only=True)] == [None, None]
    later = RecordsThen(records, story.NOW)
    assert len(later.incidents({IncidentState.OPEN})) == 1
    assert later.incidents({IncidentState.CLOSED}) == []
    assert len(later.anomalies(story.ID)) == 3


def test_after_its_end_an_incident_is_closed(records: Records) -> None:
    then = RecordsThen(records, CLOSED)
    assert [i.state for i in then.incidents()] == [IncidentState.CLOSED]
    assert then.anomalies(open_only=True) == []


def test_gates_are_as_last_written_down(records: Records) -> None:
    since = story.NOW - 30 * M
    assert [g.position for g in RecordsThen(records, story.NOW + M).gates(story.NOW + 20 * M, since)] == [1.0]
    assert [g.position for g in records.gates(story.NOW + 20 * M, since)] == [0.0]
    assert records.gates(since, since - M) == []
    now, then = (
        r.gate_rows(since, story.NOW + 20 * M) for r in (records, RecordsThen(records, story.NOW + M))
    )
    assert [at for at, _ in now] == sorted(at for at, _ in now)
    assert [states[0].position for _, states in now][-1] == 0.0
    assert then == [row for row in now if row[0] <= story.NOW + M] != now


@pytest.mark.parametrize(
    ("minutes", "state", "signed"),
    [
        (0.5, CommandState.PROPOSED, 0),
        (1.5, CommandState.PROPOSED, 1),
        (2.5, CommandState.APPROVED, 2),
        (4.0, CommandState.MOVING, 2),
        (9.0, CommandState.DONE, 2),
    ],
)
def test_a_command_is_as_far_as_it_was(
    records: Records, minutes: float, state: CommandState, signed: int
) -> None:
    (command,) = RecordsThen(records, story.NOW + minutes * M).commands(story.ID)
    assert (command.state, len(command.approvals)) == (state, signed)
    assert (command.position is None) == (state is not CommandState.DONE)


@given(st.integers(-10, 20), st.sampled_from(list(CommandState)))
def test_no_command_knows_its_future(minutes: int, state: CommandState) -> None:
    at: datetime = story.NOW + minutes * M
    found = command_then(replace(COMMAND, state=state), at)
    known = [a.at for a in found.approvals] + [t for t in (found.sent_at, found.done_at) if t]
    assert all(t <= at for t in known)
    assert command_then(found, at) == found


def test_nothing_can_be_written(records: Records) -> None:
    told, then = story.story(), RecordsThen(records, story.NOW)
    writes: list[Callable[[], object]] = [
        lambda: then.put_incident(told.incident),
        lambda: then.put_anomaly(told.anomalies[0]),
        lambda: then.put_plans(told.planset),
        lambda: then.propose(replace(COMMAND, approvals=(), state=CommandState.PROPOSED)),
        lambda: then.approve(COMMAND.id, "office", "b", story.NOW),
        lambda: then.set_command(COMMAND),
        lambda: then.audit(AuditLine(story.NOW, "x", "y", "z", told.incident.title)),
        lambda: then.next_incident_id(story.NOW),
    ]
    before = records.revision()
    for write in writes:
        with pytest.raises(RefusedError, match="replay"):
            write()
    assert records.revision() == before
    then.close()
    assert records.incident(story.ID) is not None  # its connections are not closed with it


def test_leave_given_in_spite_of_a_flood_lock_comes_word_by_word(records: Records) -> None:
    words = (Approval("duty", story.NOW + M, "a"), Approval("chief", story.NOW + 3 * M, "b"))
    whole = Override("o", "FL-1", "G05", story.ID, words, "Chief")
    records.put_paper("flood_override", whole.id, story.ID, story.NOW + M, whole)

    def seen(at: datetime) -> list[tuple[int, str, bool]]:
        found = FloodBook(RecordsThen(records, at)).overrides(story.ID)
        return [(len(o.approvals), o.commander, o.holds) for o in found]

    assert seen(story.NOW) == []
    assert seen(story.NOW + 2 * M) == [(1, "", False)]
    assert seen(story.NOW + 3 * M) == [(2, "Chief", True)]


def test_an_own_closing_has_no_answer_before_it_was_there(records: Records) -> None:
    told = (Told("own", "", ("G05",), {}, 0.9, None),)
    done = Draft(f"{story.ID}/U1", story.ID, "duty", story.NOW, (), DraftState.DONE, told, "w01018", 6.0)
    done = replace(done, ended=story.NOW + 2 * M, message=story.story().incident.title)
    records.put_paper("draft", done.id, story.ID, done.at, done)

    def seen(at: datetime) -> list[Draft]:
        return RecordsThen(records, at).papers("draft", Draft, story.ID)

    assert seen(story.NOW - M) == []
    (early,) = seen(story.NOW + M)
    assert (early.state, early.told, early.factor, early.message) == (DraftState.RUNNING, (), "", None)
    assert seen(story.NOW + 2 * M) == [done]
    assert (
        draft_then(replace(done, ended=None), story.NOW).told == told
    )  # of an earlier version: no moment kept
