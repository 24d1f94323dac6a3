"""Advice on real incidents of the tiny park: at once, then only when there is news."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from geodata import park as parks
from geodata.network import Network
from geodata.places import Device, DeviceKind
from geodata.words import Text
from tests.embedded import Embedded
from tests.twin.test_watch import DIRTY, Bench
from twin import advise as module
from twin import lab, rerun_command
from twin.access import Role, User
from twin.advise import Advise
from twin.blocks import BlockBuilder, Series, encode
from twin.clock import ClockState, ParkClock, as_datetime
from twin.config import Config
from twin.confirmed import confirm
from twin.errors import MissingError
from twin.evidence import gather, opened, seal
from twin.fingerprints import install, latest, of_park, of_version
from twin.floodlock import FloodBook
from twin.history.reader import History
from twin.model import (
    Arrival,
    Command,
    CommandState,
    Event,
    GateMove,
    GatePlan,
    GateState,
    Incident,
    IncidentState,
    Level,
    PlanSet,
    Ranking,
    Suspect,
)
from twin.park_watch import Present
from twin.plan import plans
from twin.plan.afterwards import Review
from twin.plan.look import Checked, Look
from twin.plan.news import news_of_plans, news_of_ranking, recommended, steady
from twin.records import Records
from twin.trace import reading
from twin.trace.reading import joined
from twin.trace.rerun import again
from twin.trace.valves import Stood


class Scene:
    """Everything real but the hydraulic engine, which answers at once and counts its questions."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench, self.questions, self.looks_on = bench, 0, threading.Event()
        self.looks_on.set()
        self.watch = bench.watch()
        self.history = History(folder / "history", bench.stream)
        config = Config(data=folder, park=folder / "park.gpkg")
        clock = ParkClock(lambda: ClockState(True, "test", 0.0, bench.now_ms, 0))
        self.advise = Advise(
            config, bench.park, bench.stream, bench.records, self.history, clock, plans.make, self.simulate
        )

    def simulate(
        self,
        plans: PlanSet,
        ranking: Ranking,
        incident: Incident,
        gates: Sequence[GateState],
        told: Callable[[Look], None],
    ) -> Look:
        self.questions += 1
        sets = {tuple(sorted(m.gate for m in p.moves)) for p in plans.plans}
        held = tuple(Checked(s, 0.95, {"15": 0.9}, None, {"R1": 0.5}) for s in sorted(sets))
        look = Look(incident.id, plans.at, "w01018", 6.0, {"R1": 10.0}, held, 0.1)
        told(replace(look, sets=tuple(replace(s, after={}, kg={"R1": 0.7}) for s in held)))
        self.looks_on.wait(30)
        return look

    def slug(self) -> Incident:
        self.bench.send(90)
        self.watch.warm()
        self.bench.entries()
        self.bench.dirty = {"S01": DIRTY}
        self.bench.feed(self.watch, 4)
        (incident,) = self.bench.records.incidents()
        return incident

    def settle(self) -> None:
        """Work until there is nothing to do and the engine has answered."""
        until = time.monotonic() + 120
        while self.advise.step() or self.advise._engine.busy:
            assert time.monotonic() < until, "the engine does not answer"


@pytest.fixture
def scene(embedded: Embedded, tmp_path: Path) -> Iterator[Scene]:
    records = Records(f"sqlite:///{tmp_path / 'r.sqlite'}")
    records.create()
    it = Scene(Bench(embedded.stream(), records), tmp_path)
    yield it
    it.history.close()
    records.close()


def test_an_incident_gets_a_ranking_a_plan_and_a_what_if(scene: Scene) -> None:
    incident = scene.slug()
    (event,) = scene.bench.events("incident.opened")
    scene.advise.note(event)
    assert scene.advise.step()
    scene.settle()
    ranking, made = scene.bench.records.ranking(incident.id), scene.bench.records.plans(incident.id)
    assert ranking is not None
    assert ranking.suspects[0].enterprise in ("E01", "E02")  # E03 cannot reach S01
    assert ranking.readings_used > 90
    assert made is not None
    assert {a.place for a in made.arrivals} & {"G01", "R1", "R2"}
    assert scene.questions == 1
    answers = scene.bench.records.whatifs(incident.id)
    assert {p.id for p in made.plans} <= {w.plan for w in answers}
    last = {w.plan: w for w in answers}
    for p in made.plans:
        assert (last[p.id].kg_nothing, last[p.id].kg_plan) == ({"R1": 10.0}, {"R1": 0.5})
    best = recommended(made)
    assert best is not None
    assert best.checked
    assert (best.contained, best.contained_late) == (0.95, 0.9)
    # a plan, then checked; what the plan comes to, then all sets
    for kind, most in (("ranking.ready", 1), ("plan.ready", 2), ("whatif.ready", 2)):
        about = [e.about for e in scene.bench.events(kind)]
        assert about == [incident.id] * len(about)
        assert 1 <= len(about) <= most


def test_what_the_engine_says_of_the_plans_is_told_while_it_looks_at_other_sets(scene: Scene) -> None:
    incident = scene.slug()
    scene.looks_on.clear()
    scene.advise.note(scene.bench.events("incident.opened")[0])
    until = time.monotonic() + 60
    while not (answers := scene.bench.records.whatifs(incident.id)):
        scene.advise.step()
        assert time.monotonic() < until, "the engine's first word is not told"
    made = scene.bench.records.plans(incident.id)
    assert made is not None
    assert not any(p.checked for p in made.plans)  # one word on a few sets is no reason for another plan
    assert sorted(w.plan for w in answers) == [p.id for p in made.plans]
    assert {w.kg_plan["R1"] for w in answers} == {0.7}
    scene.looks_on.set()
    scene.settle()
    made = scene.bench.records.plans(incident.id)
    assert made is not None
    last = {w.plan: w.kg_plan["R1"] for w in scene.bench.records.whatifs(incident.id)}
    assert {last[p.id] for p in made.plans} == {0.5}


def test_a_ranking_made_again_has_the_same_numbers_until_something_it_was_made_of_changes(
    scene: Scene,
) -> None:
    incident = scene.slug()
    scene.advise.note(scene.bench.events("incident.opened")[0])
    scene.advise.step()
    old = scene.bench.records.ranking(incident.id)
    assert old is not None
    assert old.basis is not None
    assert old.basis.stations == incident.stations
    assert old.basis.parameters
    network = Network.from_park(scene.bench.park)
    same = again(old, incident, (), scene.history, scene.bench.park, network)
    assert same.same
    assert same.why == ()
    assert same.ranking.suspects == old.suspects
    # A reading that comes late is told, whether or not it moves a number.
    builder = BlockBuilder()
    station = scene.bench.park.stations[0]
    late = round(old.basis.until.timestamp() * 1000) - 45_500
    builder.add(b"f", late, [(Series(station.mn, "w01018", "2011", "Rtd"), late, 17.0, ord("N"))])
    scene.bench.stream.append("readings", encode(builder.build()))
    other = again(old, incident, (), scene.history, scene.bench.park, network)
    assert [t.en for t in other.why] == ["readings have come late or been corrected since"]


def test_a_ranking_is_made_again_with_the_library_that_held_then(scene: Scene) -> None:
    bench, park = scene.bench, scene.bench.park
    now = as_datetime(bench.now_ms)
    theirs = [p for p in of_park(park) if p.enterprise == "E02"]
    install(bench.records, [replace(p, value=3 * p.value, as_of=now.date()) for p in theirs], now, "duty")
    incident = scene.slug()
    scene.advise.note(bench.events("incident.opened")[0])
    scene.advise.step()
    old = bench.records.ranking(incident.id)
    assert old is not None
    assert old.basis is not None
    assert old.basis.library == 1
    install(bench.records, [replace(p, value=9 * p.value) for p in theirs], now, "duty")
    network = Network.from_park(park)
    then = of_version(bench.records, old.basis.library)
    assert again(old, incident, (), scene.history, park, network, then).same
    after = again(old, incident, (), scene.history, park, network, latest(bench.records))
    assert [t.en for t in after.why] == ["other fingerprints"]


def test_a_ranking_knows_how_valves_stood_and_who_it_was_before_and_is_made_again_with_both(
    scene: Scene,
) -> None:
    bench = scene.bench
    valve = Device(
        "V", Text("阀", "valve"), DeviceKind.RAIN_VALVE, "E02", ("E02-YS001",), 0, 0, True, 60, 0, "", 1, 1
    )
    scene.advise.renew(Present.of(replace(bench.park, devices=(valve,))))
    incident = scene.slug()
    earlier = replace(incident, id="EV-0", state=IncidentState.CLOSED)
    bench.records.put_incident(earlier)
    confirm(bench.records, bench.park, "EV-0", "E02", "暗管", "duty", incident.opened)
    for m in range(-240, 10, 10):
        at = incident.opened + timedelta(minutes=m)
        bench.records.put_gates([GateState("V", 0.0, False, False, at)], at)
    scene.advise.note(bench.events("incident.opened")[0])
    scene.advise.step()
    old = bench.records.ranking(incident.id)
    assert old is not None
    assert old.basis is not None
    assert old.basis.before == {"E02": 1}
    assert old.basis.valves
    (mine,) = (s for s in old.suspects if s.enterprise == "E02")
    assert {r.kind for r in mine.reasons} >= {"valve", "history"}
    park = replace(bench.park, devices=(valve,))
    network = Network.from_park(park)
    stood = Stood.of(bench.records.gate_rows(old.basis.since, old.basis.until), park.devices)
    same = again(old, incident, (), scene.history, park, network, None, stood)
    assert (same.same, same.why) == (True, ())
    other = again(old, incident, (), scene.history, park, network)
    assert [t.en for t in other.why] == ["another record of valves and pumps"]


def test_the_command_makes_a_ranking_again_and_says_that_the_numbers_are_the_same(
    scene: Scene, embedded: Embedded, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parks.write(scene.bench.park, tmp_path / "park.gpkg")
    park = parks.read(tmp_path / "park.gpkg")
    scene.advise.renew(Present.of(park))
    incident = scene.slug()
    scene.advise.note(scene.bench.events("incident.opened")[0])
    scene.settle()
    scene.history.close()
    config = Config(
        data=tmp_path,
        park=tmp_path / "park.gpkg",
        redis_url=embedded.url,
        db_url=f"sqlite:///{tmp_path / 'r.sqlite'}",
    )
    assert rerun_command.main([incident.id], "en", config) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "the numbers are the same"
    assert incident.id in said
    # The park of then was kept as soon as there was time, so another one in use changes nothing.
    other = replace(park, stations=park.stations[1:], version="")
    parks.write(other, tmp_path / "park.gpkg")
    assert rerun_command.main([incident.id], "en", config) == 0
    for kept in config.versions.glob("*.gpkg"):
        kept.unlink()
    assert rerun_command.main([incident.id], "en", config) == 1
    assert "the park of then was not kept" in capsys.readouterr().out.splitlines()[-1]
    with pytest.raises(MissingError, match="no ranking of that moment"):
        rerun_command.main([incident.id, "--at", "2000-01-01"], "en", config)
    with pytest.raises(MissingError, match="there is no incident"):
        rerun_command.main(["EV-0"], "en", config)


def test_a_result_entered_on_the_page_changes_the_ranking_at_once(scene: Scene) -> None:
    bench = scene.bench
    incident = scene.slug()
    scene.advise.note(bench.events("incident.opened")[0])
    scene.settle()
    before = bench.records.ranking(incident.id)
    assert before is not None
    now = as_datetime(bench.now_ms)
    water = {f.factor: f.value for f in bench.park.fingerprints if f.enterprise == "E02"}
    node = next(o.node for o in bench.park.outlets if o.id == "E02-YS001")
    for code in ("w01018", "w21003"):
        typed = lab.Typed("B-1", node, now, code, 0.3 * water[code], "Wang")
        lab.keep(bench.records, bench.stream, incident.id, typed, "duty", now, Text("", ""))
    scene.advise._briefs[incident.id].wall = float("-inf")
    for event in bench.events("result.entered"):
        scene.advise.note(event)
    scene.advise.step()
    after = bench.records.ranking(incident.id)
    assert after is not None
    assert after.basis is not None
    assert after.basis.results == ("B-1/w01018", "B-1/w21003")
    chance = {s.enterprise: s.probability for s in after.suspects}
    assert after.suspects[0].enterprise == "E02"
    assert chance["E02"] > {s.enterprise: s.probability for s in before.suspects}["E02"]
    assert any(r.kind == "sample" for r in after.suspects[0].reasons)
    assert [a.what for a in bench.records.audits(incident.id) if a.what == "sample.entered"]


def test_advice_rests_between_and_tells_only_news(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    incident = scene.slug()
    scene.advise.note(scene.bench.events("incident.opened")[0])
    scene.settle()
    scene.advise.note(Event("incident.updated", incident.updated, incident.id))
    assert not scene.advise.step()  # two seconds of wall time have not passed
    monkeypatch.setattr(module, "LEAST_WALL_S", 0.0)
    for _ in range(5):
        scene.bench.feed(scene.watch, 1)
        scene.advise.step()
    told = len(scene.bench.events("ranking.ready"))
    assert told == len(scene.bench.records.rankings(incident.id))
    assert told <= 4
    assert scene.questions <= 3


def test_an_incident_opened_before_the_process_is_taken_up(scene: Scene) -> None:
    incident = scene.slug()
    scene.settle()  # no event was noted
    assert scene.bench.records.ranking(incident.id) is not None


def test_a_closed_incident_is_left_alone(scene: Scene) -> None:
    incident = scene.slug()
    scene.bench.records.change_incident(incident.id, lambda i: replace(i, state=IncidentState.CLOSED))
    scene.advise.note(Event("incident.opened", incident.opened, incident.id))
    assert not scene.advise.step()
    assert scene.bench.records.ranking(incident.id) is None


def test_a_failure_on_one_incident_stops_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    incident = scene.slug()

    def broken(*_: object) -> Ranking:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(module, "rank", broken)
        scene.advise.step()
        assert not scene.advise.step()  # and is not tried again at once
    assert scene.bench.records.ranking(incident.id) is None
    monkeypatch.setattr(module, "LEAST_WALL_S", -20.0)
    assert scene.advise.step()
    assert scene.bench.records.ranking(incident.id) is not None


def test_a_gate_that_our_own_command_closed_does_not_hide_the_way_the_plume_came(scene: Scene) -> None:
    incident = scene.slug()
    at = incident.opened
    shut = [GateState("G01", 0.0, False, False, at), GateState("G02", 1.0, False, False, at)]
    assert scene.advise._as_it_was(incident.id, shut) == {"G01": 0.0, "G02": 1.0}
    scene.bench.records.propose(
        Command("C1", incident.id, "", "G01", 0.0, "duty", at, (), CommandState.PROPOSED)
    )
    scene.bench.records.approve("C1", "duty", "", at)
    scene.bench.records.approve("C1", "office", "", at)
    sent = scene.bench.records.command("C1")
    assert sent is not None
    scene.bench.records.set_command(replace(sent, state=CommandState.SENT))
    assert scene.advise._as_it_was(incident.id, shut) == {"G01": 1.0, "G02": 1.0}


def test_means_stand_in_where_there_are_no_readings_yet(scene: Scene) -> None:
    bench = scene.bench
    start = bench.now_ms
    builder = BlockBuilder()
    for k in range(18):
        at = start - (18 - k) * 600_000
        rows = [(Series(s.mn, "w01018", "2051", "Avg"), at, 16.0, ord("N")) for s in bench.park.stations]
        builder.add(b"f", at, rows)
    bench.stream.append("readings", encode(builder.build()))
    bench.send(10)
    incident = Incident(
        "EV-1", as_datetime(bench.now_ms), IncidentState.OPEN, Level.ALARM, bench.park.name, ("S01",), (), (),
        as_datetime(bench.now_ms),
    )  # fmt: skip
    now = as_datetime(bench.now_ms)
    seen = reading.observations(scene.history, bench.park, reading.since(incident.opened, now), now)
    count = 10 * sum(len(s.factors) for s in bench.park.stations) + 18 * len(bench.park.stations)
    assert seen.readings == count
    empty = scene.history.window(0, 1)
    assert joined(empty, empty).points == ()


def _ranking(*chances: float, unknown: float = 0.1) -> Ranking:
    at = as_datetime(0)
    suspects = tuple(Suspect(f"E{k:02d}", p, "", (), (), at, at) for k, p in enumerate(chances, 1))
    return Ranking("EV-1", at, suspects, unknown, (), (), "v", "c", 1)


def _plan(
    name: str, gates: str, *, best: bool, contained: float = 0.9, late: bool = False, by_s: float = 0
) -> GatePlan:
    at = as_datetime(0)
    say = Text("a", "a")
    arrival = Arrival("G01", at, at, at, 1.0)
    by = at + timedelta(seconds=by_s)
    moves = tuple(GateMove(g, by, arrival, 240, 600, 300, late, False, say) for g in gates.split())
    return GatePlan(name, "EV-1", say, moves, contained, contained, 1.0, 2.0, 3.0, (), best)


def _set(*of: GatePlan) -> PlanSet:
    return PlanSet("EV-1", as_datetime(0), of, (), (), "v")


def test_small_changes_are_no_news() -> None:
    assert not news_of_ranking(_ranking(0.5, 0.3), _ranking(0.51, 0.29))
    assert not news_of_ranking(_ranking(0.40, 0.39), _ranking(0.39, 0.40))  # no flicker between equals
    assert news_of_ranking(_ranking(0.5, 0.3), _ranking(0.6, 0.2))
    assert news_of_ranking(_ranking(0.5, 0.3), _ranking(0.5, 0.3, unknown=0.2))
    a = _set(_plan("A", "G01", best=True, by_s=100))
    assert not news_of_plans(a, _set(_plan("A", "G01", best=True, by_s=130, contained=0.92)))
    assert news_of_plans(a, _set(_plan("A", "G01", best=True, by_s=200)))
    assert news_of_plans(a, _set(_plan("A", "G01", best=True, by_s=100, late=True)))
    assert news_of_plans(a, _set(_plan("A", "G02", best=True, by_s=100)))
    assert news_of_plans(a, _set(_plan("A", "G01", best=True, by_s=100, contained=0.5)))


def test_the_recommendation_stays_unless_another_is_clearly_better_or_it_is_too_late() -> None:
    old = _set(_plan("A", "G01", best=True), _plan("B", "G02", best=False))

    def chosen(*of: GatePlan) -> list[str]:
        plan = recommended(steady(old, _set(*of)))
        assert plan is not None
        return [m.gate for m in plan.moves]

    assert chosen(_plan("A", "G02", best=True, contained=0.93), _plan("B", "G01", best=False)) == ["G01"]
    assert chosen(_plan("A", "G02", best=True, contained=0.99), _plan("B", "G01", best=False)) == ["G02"]
    assert chosen(_plan("A", "G02", best=True), _plan("B", "G01", best=False, late=True)) == ["G02"]
    assert recommended(steady(None, old)) == old.plans[0]
    assert recommended(_set()) is None


def test_another_version_of_the_park_is_named_by_the_next_ranking_and_plan(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = scene.slug()
    scene.settle()
    monkeypatch.setattr(module, "LEAST_WALL_S", 0.0)
    stations = tuple(s for s in scene.bench.park.stations if s.id != "S02")
    gates = tuple(g for g in scene.bench.park.gates if g.id != "G02")
    other = replace(scene.bench.park, stations=stations, gates=gates, version="tiny-2")
    scene.advise.renew(Present.of(other))
    scene.bench.records.change_incident(incident.id, lambda i: replace(i, stations=("S01", "S02")))
    assert scene.advise.step()
    ranking, made = scene.bench.records.ranking(incident.id), scene.bench.records.plans(incident.id)
    assert ranking is not None
    assert made is not None
    assert (ranking.park_version, made.park_version) == ("tiny-2", "tiny-2")
    assert "G02" not in {a.place for a in made.arrivals}


def test_a_closed_incident_is_reviewed_on_record(scene: Scene) -> None:
    incident = scene.slug()
    scene.settle()
    assert scene.bench.records.plansets(incident.id)
    scene.advise.note(Event("incident.closed", incident.updated, incident.id))
    scene.advise.step()
    (line,) = [a for a in scene.bench.records.audits(incident.id) if a.what == "incident.review"]
    assert line.detail.en.startswith("Review: ")
    assert line.detail.zh.startswith("复盘：")


def test_a_gate_whose_command_failed_is_not_counted_on_and_the_plan_names_another(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its controller need not know that it failed."""
    incident = scene.slug()
    scene.advise.note(scene.bench.events("incident.opened")[0])
    scene.settle()
    records = scene.bench.records
    best = recommended(records.plans(incident.id))  # type: ignore[arg-type]
    assert best is not None
    gate, now = best.moves[0].gate, scene.advise._clock.now()
    asked = records.propose(
        Command(
            f"{best.id}/{gate}/1", incident.id, best.id, gate, 0.0, "duty", now, (), CommandState.PROPOSED
        )
    )
    records.approve(asked.id, "duty", "seen", now)
    approved = records.approve(asked.id, "office", "agreed", now)
    records.set_command(replace(approved, state=CommandState.SENT, sent_at=now))
    records.set_command(replace(approved, state=CommandState.FAILED, sent_at=now))
    monkeypatch.setattr(module, "LEAST_WALL_S", 0.0)
    scene.advise.note(Event("command.changed", now, asked.id))
    scene.settle()
    after = records.plans(incident.id)
    assert after is not None
    assert all(m.gate != gate for p in after.plans for m in p.moves)
    score = records.papers("review", Review, incident.id)
    assert [(r.failed, r.final) for r in score] == [(1, False)]
    evidence = gather(records, incident.id, scene.bench.park.version, "duty", now)
    file = seal(evidence)
    assert opened(file) == evidence
    assert evidence.score == score[0].score
    with pytest.raises(ValueError, match="sealed"):
        opened(file.replace(b'"duty"', b'"dutz"', 1))


def test_a_flood_lock_makes_the_plan_anew(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    incident = scene.slug()
    scene.advise.note(scene.bench.events("incident.opened")[0])
    scene.settle()
    now = scene.advise._clock.now()
    duty = User("duty", Text("duty", "duty"), Role.DUTY_OFFICER)
    FloodBook(scene.bench.records).set("", duty, "typhoon", now)
    monkeypatch.setattr(module, "LEAST_WALL_S", 0.0)
    scene.advise.note(Event("flood.changed", now, incident.id))
    scene.settle()
    after = scene.bench.records.plans(incident.id)
    assert after is not None
    assert after.plans
    assert all(m.flood_lock for p in after.plans for m in p.moves)
    assert not any(p.recommended for p in after.plans)
