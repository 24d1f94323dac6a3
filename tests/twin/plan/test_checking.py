"""The engine's look at an incident of the tiny park, and plans that take its word."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from geodata.network import Network
from geodata.places import Park
from geodata.words import Text
from tests.twin.parks import tiny_park
from tests.twin.plan.test_plans import CONFIG, NOW, plan, state
from twin.errors import MissingError
from twin.model import Incident, IncidentState, Level, PlanSet, Ranking, Suspect
from twin.plan import telling
from twin.plan.checking import check
from twin.plan.look import Bypass, Checked, Look, aged
from twin.plan.plans import make

SEEN = NOW - timedelta(minutes=5)


@pytest.fixture(scope="module")
def park() -> Park:
    return tiny_park()


def case(park: Park, *who: Suspect) -> tuple[Ranking, Incident]:
    incident = Incident(
        "EV", SEEN, IncidentState.OPEN, Level.ALARM, Text("", ""), ("S01",), ("w01018",),
        (f"S01/w01018/deviation/{round(SEEN.timestamp())}",), SEEN,
    )  # fmt: skip
    return Ranking("EV", NOW, who, 0.1, (), (), park.version, "t", 100), incident


def suspect() -> Suspect:
    begin, end = SEEN - timedelta(minutes=20), SEEN + timedelta(minutes=10)
    return Suspect("E01", 0.8, "E01-YS001", (), ("LN1", "LN2"), begin, end, 200.0, "w01018")


ALL = {"R1": 180.0}  # kg of the 200 that come to the sea if nothing is done


def planned(park: Park, look: Look | None = None) -> PlanSet:
    ranking, incident = case(park, suspect())
    return make(park, Network.from_park(park), ranking, incident, (), CONFIG, NOW, look=look)


def test_the_engine_tries_the_plans_and_says_what_they_keep(park: Park, tmp_path: Path) -> None:
    ranking, incident = case(park, suspect())
    first: list[Look] = []
    found = check(park, planned(park), ranking, incident, (), CONFIG, folder=tmp_path, told=first.append)
    asked = {tuple(sorted(m.gate for m in p.moves)) for p in planned(park).plans}
    assert {s.gates for s in first[0].sets} == asked  # told before other sets are tried
    assert first[0].kg_nothing == found.kg_nothing
    assert first[0].passages == ()
    whole = {s.gates: s.kg for s in found.sets}
    assert all(whole[s.gates] == s.kg for s in first[0].sets if s.gates in whole)
    assert (found.incident, found.factor) == ("EV", "w01018")
    assert sum(found.kg_nothing.values()) > 100
    by = {s.gates: s for s in found.sets}
    assert ("G01",) in by
    assert by["G01",].contained > 0.7  # both receptors lie beyond it, until water is over the bank
    assert not by["G01",].floods(4.0)
    assert by["G02",].kg["R2"] > by["G01",].kg["R2"]  # the intake lies before it
    best = found.sets[0]
    assert list(best.after) == ["5", "15", "30"]
    assert all(abs(a - best.contained) < 0.05 for a in best.after.values())  # the front is hours away
    assert set(best.kg) == {"R1", "R2"}
    assert best.risk > 0.5  # a narrow canal: dry for ten hours at the usual flow, not at a high one
    sea = next(p for p in found.passages if p.place == "R1")
    assert sea.middle < sea.peak[0] < sea.peak[1] < sea.tail[1] < sea.tail[2]
    assert 0 < sea.mg_l[0] < sea.mg_l[1] < sea.mg_l[2]
    made = planned(park, found)
    shown = next(a for a in made.arrivals if a.place == "R1")
    assert shown.peak is not None
    assert shown.tail is not None
    assert shown.middle < shown.peak[1] < shown.tail[1]
    assert shown.peak[1] - shown.middle == sea.peak[1] - sea.middle  # on the arrival's own clock
    assert all(a.peak is None for a in planned(park).arrivals)


def test_a_failed_gate_and_a_closed_one_are_not_tried(park: Park, tmp_path: Path) -> None:
    ranking, incident = case(park, suspect())
    made = planned(park)
    failed = check(park, made, ranking, incident, [state("G01", 1.0, failed=True)], CONFIG, folder=tmp_path)
    assert {g for s in failed.sets for g in s.gates} == {"G02"}
    shut = check(park, made, ranking, incident, [state("G01", 0.0)], CONFIG, folder=tmp_path)
    assert all("G01" not in s.gates for s in shut.sets)
    assert sum(shut.kg_nothing.values()) < 0.3 * sum(failed.kg_nothing.values())  # it holds already


def test_nobody_suspected_is_said(park: Park) -> None:
    ranking, incident = case(park)
    with pytest.raises(MissingError, match="nobody"):
        check(park, planned(park), ranking, incident, (), CONFIG)


def test_plans_take_the_engines_word_and_it_decides_which_is_recommended(park: Park) -> None:
    first = planned(park)
    assert not first.plans[0].checked
    worse, better = Checked(("G01",), 0.3, {}, None, {}), Checked(("G02",), 0.8, {"15": 0.7}, None, {})
    made = planned(park, Look("EV", NOW, "w01018", 10.0, ALL, (better, worse)))
    best = made.plans[0]
    assert [m.gate for m in best.moves] == ["G02"]
    assert best.checked
    assert best.recommended
    assert (best.contained, best.contained_late, best.contained_after) == (0.8, 0.7, {"15": 0.7})
    told = {tuple(m.gate for m in p.moves): p.contained for p in made.plans if p.checked}
    assert told[("G01",)] == 0.3


def test_what_seeps_past_a_closed_gate_is_no_reason_to_close_another(park: Park) -> None:
    keeps = Checked(("G02",), 0.9, {}, None, {})
    assert planned(park, Look("EV", NOW, "w01018", 10.0, ALL, (keeps,))).plans[0].checked
    rest = planned(park, Look("EV", NOW, "w01018", 10.0, {"R1": 4.0}, (keeps,)))
    assert not any(p.checked for p in rest.plans)


def test_a_set_that_overtops_is_not_taken_from_the_engine(park: Park) -> None:
    floods = Checked(("G01",), 0.99, {}, 3.0, {})
    made = planned(park, Look("EV", NOW, "w01018", 10.0, ALL, (floods,)))
    assert all(not p.checked for p in made.plans)
    assert ["G01"] not in [[m.gate for m in p.moves] for p in made.plans]
    later = planned(park, Look("EV", NOW, "w01018", 10.0, ALL, (replace(floods, overtops_h=6.0),)))
    assert later.plans[0].checked
    assert later.plans[0].overtops_h == 6.0


def test_a_bank_at_risk_and_the_gate_that_leads_clean_water_round_are_said(park: Park) -> None:
    sure, risky = Checked(("G02",), 0.8, {}, None, {}, 0.02), Checked(("G01",), 0.85, {}, None, {}, 0.08)
    led = Bypass("G09", ("G02",), 0.07, 0.0, helps=True)
    shut = Bypass("G08", ("G02",), 0.0, 12.0, helps=False)
    other = Bypass("G09", ("G01",), 0.07, 0.0, helps=True)
    made = planned(park, Look("EV", NOW, "w01018", 10.0, ALL, (sure, risky), bypasses=(led, shut, other)))
    assert [m.gate for m in made.plans[0].moves] == ["G02"]  # holds less, and leaves the banks dry
    said = " / ".join(t.en for t in made.plans[0].side_effects)
    assert "2 % chance that water tops a bank" in said
    assert said.count("Open G09") == 1
    assert "Keep G08 shut: opening it loses 12 kg more" in said
    over = planned(park, Look("EV", NOW, "w01018", 10.0, ALL, (replace(sure, risk=1.0),))).plans[0]
    assert "will probably top a bank" in over.side_effects[-1].en  # the only one there is, and this is said


def test_a_plan_that_is_too_late_is_never_recommended_and_the_reason_is_said(park: Park) -> None:
    slow = replace(CONFIG, decision_s=1e5)
    late = plan(park, saw={"S01": 100, "S02": 0.5}, config=slow)
    assert not any(p.recommended for p in late.plans)
    assert late.note is not None
    assert "Nothing closes in time" in late.note.en
    gates = tuple(replace(g, stroke_s=5000.0) if g.id == "G01" else g for g in park.gates)
    next_ = plan(replace(park, gates=gates), saw={"S01": 5})
    assert [m.gate for m in next_.plans[0].moves] == ["G02"]
    assert next_.plans[0].recommended
    assert next_.note is not None
    assert next_.note.en.startswith("Too late for G01; next G02 by ")
    assert plan(park, saw={"S01": 5}).note is None
    none_best = [replace(p, recommended=False) for p in next_.plans]
    move = next_.plans[0].moves[0]
    moves = {"G01": replace(move, gate="G01", too_late=True), "G02": move}
    said = telling.late(moves, none_best)
    assert said is not None
    assert said.en.startswith("Too late for G01; G02 can still close, but would not hold it alone")
    assert said.zh.startswith("G01来不及，G02 还来得及")


def test_the_engines_word_on_a_gate_that_is_too_late_runs_out(park: Park) -> None:
    tried = Checked(("G01",), 0.9, {"5": 0.8, "15": 0.5}, None, {})
    look = Look("EV", NOW, "w01018", 10.0, ALL, (tried, Checked(("G02",), 0.8, {}, None, {})))

    def later(minutes: float) -> dict[tuple[str, ...], float]:
        old = aged(look, NOW + timedelta(minutes=minutes), {"G01"})
        return {s.gates: s.contained for s in old.sets}

    assert later(0) == {("G01",): 0.9, ("G02",): 0.8}
    assert later(10) == {("G01",): pytest.approx(0.65), ("G02",): 0.8}
    assert later(16) == {("G02",): 0.8}, "a gate that is in time keeps what it kept"
    assert aged(look, NOW + timedelta(minutes=5), {"G01"}).sets[0].after == {"5": pytest.approx(0.65)}
