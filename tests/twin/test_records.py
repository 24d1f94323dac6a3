"""Records: whole nouns come back, writes repeat without harm, and two approvals mean two people."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from geodata.words import Text
from twin.errors import ConfigError, MissingError, RefusedError, UnavailableError
from twin.model import (
    Anomaly,
    AuditLine,
    Command,
    CommandState,
    Incident,
    IncidentState,
    Kind,
    Level,
    PlanSet,
    Point,
    Ranking,
    Suspect,
    WhatIf,
)
from twin.records import Account, Records

AT = datetime(2026, 11, 22, 17, 30, 0, 250_000, tzinfo=UTC)
T = Text("测试", "test")


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    it = Records(f"sqlite:///{tmp_path / 'deep' / 'records.sqlite'}")
    it.create()
    yield it
    it.close()


def incident(id: str = "EV-20261123-01", minutes: int = 0, **changes: object) -> Incident:
    at = AT + timedelta(minutes=minutes)
    plain = Incident(id, at, IncidentState.OPEN, Level.CRITICAL, T, ("S01",), ("w01018",), ("a",), at)
    return replace(plain, **changes)  # type: ignore[arg-type]


def anomaly(n: int, incident: str = "", until: datetime | None = None) -> Anomaly:
    since = AT + timedelta(minutes=n)
    point = Point("S01", "w01018")
    return Anomaly(
        f"S01/w01018/exceedance/{n}",
        point,
        Kind.EXCEEDANCE,
        "limit",
        since,
        88.8,
        40.0,
        Level.ALARM,
        2.2,
        T,
        until,
        incident,
    )


def command(id: str = "C1", minutes: int = 0) -> Command:
    at = AT + timedelta(minutes=minutes)
    return Command(id, "EV-1", "EV-1/A", "G01", 0.0, "duty", at, (), CommandState.PROPOSED)


def ranking(minutes: int) -> Ranking:
    at = AT + timedelta(minutes=minutes)
    suspect = Suspect("E01", 0.8, "E01-YS001", (), ("L1", "L2"), at, at, 120.5)
    return Ranking("EV-1", at, (suspect,), 0.07, (("E01", "E02"),), (), "park-1", "code-1", 42)


def test_incidents_come_back_whole_newest_first_and_by_state(records: Records) -> None:
    one, two = incident("EV-20261123-01"), incident("EV-20261123-02", 5, drill=True)
    records.put_incident(one)
    records.put_incident(two)
    assert records.incident(one.id) == one
    assert records.incidents() == [two, one]
    records.put_incident(replace(one, state=IncidentState.CLOSED, updated=AT + timedelta(minutes=9)))
    assert [i.id for i in records.incidents({IncidentState.OPEN})] == [two.id]
    assert records.incident("EV-19990101-01") is None


def test_an_older_copy_of_an_incident_changes_nothing(records: Records) -> None:
    closed = incident(state=IncidentState.CLOSED, updated=AT + timedelta(minutes=9))
    records.put_incident(closed)
    records.put_incident(incident())
    assert records.incident(closed.id) == closed


def test_changes_of_one_incident_by_many_at_once_are_all_kept(records: Records) -> None:
    records.put_incident(incident(stations=()))

    def add(n: int) -> None:
        records.change_incident("EV-20261123-01", lambda i: replace(i, stations=(*i.stations, f"S{n:02d}")))

    run_together([partial(add, n) for n in range(12)])
    kept = records.incident("EV-20261123-01")
    assert kept is not None
    assert sorted(kept.stations) == [f"S{n:02d}" for n in range(12)]
    with pytest.raises(MissingError):
        records.change_incident("EV-19990101-01", lambda i: i)


def test_anomalies_by_incident_and_open(records: Records) -> None:
    lone, mine, over = anomaly(1), anomaly(2, "EV-1"), anomaly(3, "EV-1", until=AT)
    for a in (lone, mine, over):
        records.put_anomaly(a)
    assert records.anomalies() == [over, mine, lone]
    assert records.anomalies(incident="EV-1") == [over, mine]
    assert records.anomalies(open_only=True) == [mine, lone]
    assert records.anomalies(limit=1) == [over]
    records.put_anomaly(replace(lone, incident="EV-1"))
    assert records.anomalies(incident="EV-1") == [over, mine, replace(lone, incident="EV-1")]


def test_rankings_plans_and_whatifs(records: Records) -> None:
    assert records.ranking("EV-1") is None
    records.put_ranking(ranking(5))
    records.put_ranking(ranking(1))
    assert records.ranking("EV-1") == ranking(5)
    assert records.rankings("EV-1") == [ranking(1), ranking(5)]
    assert records.rankings("EV-2") == []
    early, late = (PlanSet("EV-1", AT + timedelta(minutes=m), (), (), ("L1",), "park-1") for m in (1, 2))
    records.put_plans(late)
    records.put_plans(early)
    assert records.plans("EV-1") == late
    assert records.plans("EV-2") is None
    whatif = WhatIf("EV-1", "EV-1/A", AT, 6.0, "w01018", {"R1": 120.0}, {"R1": 0.5}, 0.0, 2.25)
    records.put_whatif(whatif)
    assert records.whatifs("EV-1") == [whatif]


def test_writing_the_same_twice_changes_nothing_and_the_revision_says_so(records: Records) -> None:
    seen = records.revision()

    def grew() -> bool:
        nonlocal seen
        before, seen = seen, records.revision()
        return seen > before

    line = AuditLine(AT, "duty", "approve", "C1", T)
    writes: list[Callable[[], object]] = [
        lambda: records.put_incident(incident()),
        lambda: records.put_anomaly(anomaly(1)),
        lambda: records.put_ranking(ranking(1)),
        lambda: records.propose(command()),
        lambda: records.audit(line),
        lambda: records.put_account(Account("duty", T, "duty_officer", "x")),
    ]
    for write in writes:
        write()
        assert grew()
        write()
        assert not grew()
    assert records.audits() == [line]
    records.approve("C1", "duty", "", AT)
    assert grew()


def test_incident_ids_count_up_within_the_parks_own_day(records: Records) -> None:
    assert records.next_incident_id(AT) == "EV-20261123-01"  # 17:30 UTC is already the 23rd at UTC+8
    assert records.next_incident_id(AT) == "EV-20261123-02"
    assert records.next_incident_id(AT - timedelta(hours=2)) == "EV-20261122-01"
    many: list[str] = []
    run_together([lambda: many.append(records.next_incident_id(AT))] * 10)
    assert sorted(many) == [f"EV-20261123-{n:02d}" for n in range(3, 13)]


# --- commands ---------------------------------------------------------------------------------------------


def test_a_command_goes_from_proposal_over_two_approvals_to_done(records: Records) -> None:
    assert records.propose(command()) == replace(command(), number=1)
    assert records.approve("C1", "duty", "plume", AT).state is CommandState.PROPOSED
    both = records.approve("C1", "office", "agreed", AT)
    assert both.state is CommandState.APPROVED
    assert records.command("C1") == both
    for state in (CommandState.SENT, CommandState.MOVING, CommandState.DONE):
        both = replace(both, state=state, position=0.5)
        records.set_command(both)
    assert records.command("C1") == both
    assert records.commands(states={CommandState.DONE}) == [both]
    assert records.commands(states={CommandState.PROPOSED}) == []


def test_proposing_again_keeps_the_approvals_already_given(records: Records) -> None:
    records.propose(command())
    once = records.approve("C1", "duty", "plume", AT)
    assert records.propose(command()) == once
    with pytest.raises(RefusedError):
        records.propose(replace(command("C2"), state=CommandState.APPROVED))
    with pytest.raises(RefusedError):
        records.propose(replace(once, id="C3"))
    assert [c.id for c in records.commands()] == ["C1"]


def test_no_way_round_the_approvals(records: Records) -> None:
    records.propose(command())
    records.approve("C1", "duty", "plume", AT)
    with pytest.raises(RefusedError):
        records.approve("C1", "duty", "plume", AT)
    with pytest.raises(RefusedError):
        records.set_command(replace(command(), state=CommandState.SENT))
    with pytest.raises(MissingError):
        records.approve("C9", "duty", "plume", AT)
    with pytest.raises(MissingError):
        records.set_command(command("C9"))
    kept = records.command("C1")
    assert kept is not None
    assert kept.state is CommandState.PROPOSED
    assert len(kept.approvals) == 1


def test_commands_of_one_incident_newest_first(records: Records) -> None:
    for c in (command("C1"), command("C2", 3), replace(command("C3", 1), incident="EV-2")):
        records.propose(c)
    assert [c.id for c in records.commands()] == ["C2", "C3", "C1"]
    assert [c.id for c in records.commands(incident="EV-1")] == ["C2", "C1"]


def test_commands_of_one_moment_stand_in_the_order_they_were_proposed_in(records: Records) -> None:
    for name in ("C9", "C10", "C1"):  # park time stands still
        records.propose(command(name))
    assert records.propose(command("C9")).number == 1  # again
    assert [(c.id, c.number) for c in records.commands()] == [("C1", 3), ("C10", 2), ("C9", 1)]
    closed, opened = replace(command("B"), number=7), replace(command("A"), target=1.0, number=8)
    assert max([opened, closed], key=lambda c: c.turn) == opened


def run_together(acts: list[Callable[[], object]]) -> list[Exception]:
    """Run every act in its own thread, all released at the same moment; return what they raised."""
    barrier, raised = threading.Barrier(len(acts)), list[Exception]()

    def run(act: Callable[[], object]) -> None:
        barrier.wait(60)
        try:
            act()
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    return raised


def test_one_person_clicking_many_times_at_once_is_one_approval(records: Records) -> None:
    for round_ in range(5):
        name = f"C{round_}"
        records.propose(command(name))
        raised = run_together([partial(records.approve, name, "duty", "", AT)] * 6)
        assert len(raised) == 5
        assert all(isinstance(e, RefusedError) for e in raised)
        kept = records.command(name)
        assert kept is not None
        assert (kept.state, len(kept.approvals)) == (CommandState.PROPOSED, 1)


def test_three_people_at_once_are_two_approvals_and_one_refusal(records: Records) -> None:
    for round_ in range(5):
        name = f"C{round_}"
        records.propose(command(name))
        people = ["duty", "office", "admin"]
        raised = run_together([partial(records.approve, name, user, "", AT) for user in people])
        assert [type(e) for e in raised] == [RefusedError]
        kept = records.command(name)
        assert kept is not None
        assert kept.state is CommandState.APPROVED
        assert len({a.user for a in kept.approvals}) == 2


APPROVER = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from twin.errors import RefusedError
from twin.records import Records
url, user, go = sys.argv[1:4]
records = Records(url)
records.create()
Path(go + "." + sys.argv[4]).touch()
while not Path(go).exists():
    time.sleep(0.001)
said = 0
for n in range(20):
    try:
        records.approve(f"C{n}", user, "", datetime.now(UTC))
        said += 1
    except RefusedError:
        pass
records.close()
print(said)
"""


@pytest.mark.slow
def test_processes_creating_and_approving_at_once(tmp_path: Path) -> None:
    url, go = f"sqlite:///{tmp_path / 'records.sqlite'}", tmp_path / "go"
    people = ["duty", "duty", "office", "admin"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPROVER, url, user, str(go), str(n)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for n, user in enumerate(people)
    ]
    records = Records(url)
    records.create()
    for n in range(20):
        records.propose(command(f"C{n}"))
    while not all(Path(f"{go}.{n}").exists() for n in range(len(people))):
        assert all(p.poll() is None for p in processes)
    go.touch()
    said = [int(p.communicate(timeout=60)[0]) for p in processes]
    assert [p.returncode for p in processes] == [0] * len(people)
    kept = records.commands()
    records.close()
    assert sum(said) == 40
    assert said[0] + said[1] <= 20  # both windows of one person together
    assert all(c.state is CommandState.APPROVED for c in kept)
    assert all(len({a.user for a in c.approvals}) == 2 for c in kept)


# --- audit, accounts, failures ----------------------------------------------------------------------------


def test_the_audit_is_append_only_even_for_sql(records: Records, tmp_path: Path) -> None:
    lines = [AuditLine(AT + timedelta(minutes=n), "duty", "look", f"C{n % 2}", T) for n in range(4)]
    for line in lines:
        records.audit(line)
    assert records.audits() == lines[::-1]
    assert records.audits(about="C1") == [lines[3], lines[1]]
    assert records.audits(limit=1) == [lines[3]]
    raw = sqlite3.connect(tmp_path / "deep" / "records.sqlite")
    for statement in ("DELETE FROM audit", "UPDATE audit SET about = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            raw.execute(statement)
    raw.close()


def test_accounts(records: Records) -> None:
    assert records.account("duty") is None
    duty = Account("duty", Text("李泽远", "Li Zeyuan"), "duty_officer", "secret")
    records.put_account(duty)
    records.put_account(replace(duty, name="admin"))
    assert records.account("duty") == duty
    assert [a.name for a in records.accounts()] == ["admin", "duty"]


def test_attempts_come_in_a_burst_and_then_one_at_a_time(records: Records) -> None:
    def take(now_s: int, name: str = "duty") -> bool:
        return records.take_attempt(name, now_s * 1000, burst=3, every_ms=10_000)

    assert [take(0) for _ in range(4)] == [True, True, True, False]
    assert take(0, "office")
    assert [take(9), take(10), take(11)] == [False, True, False]
    records.clear_attempts("duty")
    assert take(11)


def test_everything_survives_closing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.sqlite'}"
    for _ in range(2):
        records = Records(url)
        records.create()
        records.put_incident(incident())
        assert records.incidents() == [incident()]
        records.close()


def test_the_faults_a_person_can_mend_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="TWIN_DB_URL"):
        Records("nonsense")
    with pytest.raises(ConfigError, match="TWIN_DB_URL"):
        Records("oddball://x")
    empty = Records(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    with pytest.raises(ConfigError, match="create"):
        empty.incidents()
    empty.close()
    away = Records(f"sqlite:///{tmp_path / 'no' / 'folder.sqlite'}")
    with pytest.raises(UnavailableError):
        away.incidents()
    away.close()


def test_records_of_a_newer_program_are_not_touched(tmp_path: Path) -> None:
    records = Records(f"sqlite:///{tmp_path / 'records.sqlite'}")
    records.create()
    with sqlite3.connect(tmp_path / "records.sqlite") as raw:
        raw.execute("UPDATE counters SET n = 99 WHERE name = 'schema'")
    raw.close()
    with pytest.raises(ConfigError, match="version 99"):
        records.create()
    records.close()
