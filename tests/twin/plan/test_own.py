"""People's own closings beside the plan and doing nothing; and the queue that runs them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from geodata.places import Device, DeviceKind, Park
from geodata.words import Text
from tests.embedded import Embedded
from tests.twin.parks import tiny_park
from tests.twin.plan.test_checking import case, planned, suspect
from tests.twin.plan.test_plans import CONFIG, NOW
from twin.clock import ClockState, ParkClock, as_ms
from twin.drafts import MOST_WAITING, Drafts
from twin.errors import MissingError, UnavailableError
from twin.hydraulics.runner import Runners
from twin.model import Event, from_json
from twin.plan import source
from twin.plan.checking import check
from twin.plan.own import compare
from twin.plan.own_plan import Closing, Draft, DraftState, Told
from twin.records import Records


@pytest.fixture(scope="module")
def park() -> Park:
    park = tiny_park()
    outlet = next(o for o in park.outlets if o.id == "E01-YS001")
    valve = Device(
        "E01-YS001-V", Text("阀", "valve"), DeviceKind.RAIN_VALVE, "E01", (outlet.id,), outlet.x, outlet.y,
        True, 60.0, 0.0, "0573-1", 1.0, 101,
    )  # fmt: skip
    return replace(park, devices=(valve,))


def draft(*closings: tuple[str, float], id: str = "EV/U1") -> Draft:
    made = tuple(Closing(g, NOW + timedelta(minutes=m)) for g, m in closings)
    return Draft(id, "EV", "duty", NOW, made)


@pytest.fixture(scope="module")
def runners() -> Iterator[Runners]:
    with Runners(2) as them:
        yield them


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("warm")


def ask(park: Park, own: Draft, runners: Runners, folder: Path) -> dict[str, Told]:
    ranking, _ = case(park, suspect())
    told, factor, hours = compare(park, own, planned(park), ranking, (), CONFIG, runners, folder)
    assert (factor, hours > 5) == ("w01018", True)
    return {t.label: t for t in told}


def test_own_closings_stand_beside_the_plan_and_doing_nothing(
    park: Park, runners: Runners, folder: Path
) -> None:
    now = ask(park, draft(("G01", 10)), runners, folder)
    assert set(now) >= {"own", "plan", "nothing"}
    assert now["nothing"].kept == 0.0
    assert sum(now["nothing"].kg.values()) > 100
    assert now["own"].kept > 0.7
    assert now["own"].gates == ("G01",)
    assert now["plan"].plan == "EV/A"
    late = ask(park, draft(("G01", 6 * 60)), runners, folder)
    assert late["own"].kept < now["own"].kept - 0.3


def test_a_valve_at_the_enterprise_ends_the_release_in_the_what_if(
    park: Park, runners: Runners, folder: Path
) -> None:
    early = ask(park, draft(("E01-YS001-V", -10)), runners, folder)
    assert 0.2 < early["own"].kept < 1.0
    with pytest.raises(MissingError, match="neither"):
        ask(park, draft(("E02-YS001-V", 0)), runners, folder)


def test_the_engine_and_the_plan_say_what_stopping_the_source_saves(park: Park, folder: Path) -> None:
    ranking, incident = case(park, suspect())
    made = planned(park)
    assert made.source is not None
    assert [m.gate for m in made.source.moves] == ["E01-YS001-V"]
    assert made.source.id == "EV/S"
    goes_on = replace(suspect(), release_to=NOW)
    assert source.saved(goes_on, NOW, NOW) == pytest.approx(30 / 55)  # half an hour of 55 minutes to come
    assert source.saved(suspect(), NOW + timedelta(hours=2), NOW) == 0.0
    look = check(park, made, ranking, incident, (), replace(CONFIG, decision_s=0.0), folder=folder)
    assert 0 < sum(look.kg_stopped.values()) < sum(look.kg_nothing.values())
    unlikely = replace(ranking, suspects=(replace(suspect(), probability=0.1),))
    assert source.plan(park, unlikely, "EV", CONFIG, NOW) is None


# the queue ------------------------------------------------------------------------------------------------

TOLD = (Told("own", "EV/U1", ("G01",), {"R1": 1.0}, 0.99, None),)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    them = Records(f"sqlite:///{tmp_path / 'r.sqlite'}")
    them.create()
    yield them
    them.close()


class Bench:
    """A queue whose engine answers when it is let."""

    def __init__(self, records: Records, embedded: Embedded, limit_s: float = 30.0) -> None:
        self.records, self.stream, self.let = records, embedded.stream(), threading.Event()
        self.seen: list[Runners] = []
        clock = ParkClock(lambda: ClockState(True, "t", 0.0, as_ms(NOW), 0))
        self.queue = Drafts(records, self.stream, clock, self.compare, limit_s)

    def compare(self, draft: Draft, runners: Runners) -> tuple[tuple[Told, ...], str, float]:
        self.seen.append(runners)
        if not self.let.wait(10):
            raise UnavailableError("never let")
        return TOLD, "w01018", 6.0

    def ask(self, id: str) -> None:
        self.records.put_paper("draft", id, "EV", NOW, draft(("G01", 0), id=id))
        self.queue.note("draft.try", id, "duty")

    def state(self, id: str) -> Draft:
        return next(d for d in self.records.papers("draft", Draft, "EV") if d.id == id)

    def until(self, id: str, state: DraftState) -> Draft:
        end = time.monotonic() + 60
        while self.state(id).state is not state and time.monotonic() < end:
            self.queue.step()
            time.sleep(0.005)
        assert self.state(id).state is state
        return self.state(id)


def test_drafts_run_one_after_the_other_and_a_repeated_order_changes_nothing(
    records: Records, embedded: Embedded
) -> None:
    bench = Bench(records, embedded)
    for n in range(MOST_WAITING + 2):
        bench.ask(f"EV/U{n}")
        bench.queue.step()
    assert bench.state("EV/U0").state is DraftState.RUNNING
    assert bench.state("EV/U1").state is DraftState.WAITING
    assert bench.state(f"EV/U{MOST_WAITING + 1}").state is DraftState.FAILED  # one too many
    bench.let.set()
    assert bench.until("EV/U1", DraftState.DONE).told == TOLD
    bench.queue.note("draft.try", "EV/U0", "duty")
    bench.queue.note("draft.try", "EV/U99", "duty")
    bench.until(f"EV/U{MOST_WAITING}", DraftState.DONE)
    assert len(bench.seen) == MOST_WAITING + 1
    kinds = [from_json(e.body, Event).kind for e in bench.stream.since("events")]
    assert "draft.ready" in kinds
    assert any(a.what == "draft.done" for a in records.audits("EV"))


def test_what_an_earlier_process_left_is_taken_up_in_order(records: Records, embedded: Embedded) -> None:
    first = Bench(records, embedded)
    for n in range(3):
        first.ask(f"EV/U{n}")
    first.queue.step()
    first.queue.close()  # it dies: one draft was running, two waited
    later = Bench(records, embedded)
    later.let.set()
    for n in range(3):
        assert later.until(f"EV/U{n}", DraftState.DONE).told == TOLD
    assert len(later.seen) == 3


def test_no_answer_is_lost_while_the_records_are_away(
    records: Records, embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(records, embedded)
    bench.ask("EV/U0")
    change, away = records.change_paper, [True, True]

    def sometimes(*args: object) -> object:
        if away and away.pop():
            raise UnavailableError("the records are away")
        return change(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(records, "change_paper", sometimes)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            bench.queue.step()
    bench.let.set()
    bench.queue.step()
    away.append(True)
    while away:
        with suppress(UnavailableError):
            bench.queue.step()
        time.sleep(0.005)
    assert bench.until("EV/U0", DraftState.DONE).told == TOLD
    assert len(bench.seen) == 1


def test_a_draft_can_be_cancelled_and_one_that_takes_too_long_is_stopped(
    records: Records, embedded: Embedded
) -> None:
    bench = Bench(records, embedded, limit_s=0.05)
    bench.ask("EV/U1")
    bench.ask("EV/U2")
    bench.queue.step()
    bench.queue.note("draft.cancel", "EV/U1", "office")
    assert bench.state("EV/U1").state is DraftState.CANCELLED
    told = bench.state("EV/U1").message
    assert told is not None
    assert "office" in told.en
    bench.queue.note("draft.cancel", "EV/U1", "office")
    assert bench.until("EV/U2", DraftState.FAILED).message is not None
    bench.let.set()
    bench.queue.step()
    assert bench.state("EV/U2").state is DraftState.FAILED


def test_stopped_runners_tell_whoever_waits(park: Park, folder: Path) -> None:
    ranking, _ = case(park, suspect())
    runners = Runners(1)
    timer = threading.Timer(0.6, runners.stop)
    timer.start()

    def many() -> None:
        for _ in range(50):
            compare(park, draft(("G01", 10)), planned(park), ranking, (), CONFIG, runners, folder)

    with runners, pytest.raises(UnavailableError):
        many()
    timer.join(60)
