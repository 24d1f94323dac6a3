"""Sets of gates tried on from a kept moment, and how larger sets are found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.geodata.parks import demo_park
from twin.bench_plan_truth import tide
from twin.hydraulics.runner import Runners
from twin.plan.search import Question, Trial, Trials, follow, polish
from twin.plan.waters import LEAD_S, of_park, warmed

STARTED = datetime(2026, 11, 21, 6, tzinfo=UTC)


@pytest.mark.slow  # runs the engine on the demo park for hours, whole and in parts
def test_runs_from_the_first_order_on_say_what_whole_runs_say(tmp_path: Path) -> None:
    """The state kept at the first order, the release and the tide go on where they were."""
    park = demo_park()
    waters = of_park(park, "H3-34", STARTED, stages=tide(park, 0.4, 3.0))
    release = waters.release(STARTED, 3600.0, 0.05)
    orders = dict.fromkeys(waters.cards, LEAD_S + 1200.0)  # within the release
    sets = [("G13",), ("G02", "G10")]
    with Runners(2) as runners:
        waters = warmed(waters, runners, tmp_path)
        question = Question(waters, release, orders, 4 * 3600.0)
        nothing = runners.map([question.whole()])[0]
        trials = Trials(question, runners, nothing)
        trials.look(sets)
        apart = Trials(question, runners, runners.map([question.task()])[0])  # no state kept: whole runs
        apart.look(sets)
        proposed = trials.hints(["G02", "G10", "G12", "G13"])
    assert nothing.state is not None
    assert trials.nothing.lost_kg > 0.3 * question.kg
    for gates in sets:
        one, other = trials.tried[gates], apart.tried[gates]
        assert one.lost_kg == pytest.approx(other.lost_kg, abs=0.02 * question.kg)
        assert (one.overtops_s is None) == (other.overtops_s is None)
        assert one.passed["G13"] == pytest.approx(other.passed["G13"], abs=0.02 * question.kg)
    assert trials.tried["G13",].water["G13"] < 0.2 * trials.nothing.water["G13"]
    assert all("G13" in s for s in proposed[:3])  # the next gate below, and no way round


class Told(Trials):
    """Trials whose outcomes are written down: what each set loses and where that passes."""

    class Asked:
        kg = 100.0

    def __init__(self, lost: dict[str, float], passed: dict[str, dict[str, float]]) -> None:
        self.question = self.Asked()  # type: ignore[assignment]
        self._lost, self._passed = lost, passed
        self.tried: dict[tuple[str, ...], Trial] = {}
        self.nothing = self._trial(())
        self.tried[()] = self.nothing
        self.asked: list[tuple[str, ...]] = []

    def _trial(self, gates: tuple[str, ...]) -> Trial:
        name = "+".join(gates)
        water = dict.fromkeys("ABCDE", 5.0)
        return Trial(gates, {}, self._lost.get(name, 100.0), None, 0.5, self._passed.get(name, {}), water)

    def look(self, sets: Iterable[tuple[str, ...]], most: float = 1e9) -> None:
        for s in sets:
            key = tuple(sorted(s))
            if key not in self.tried and len(self.tried) <= most:
                self.tried[key] = self._trial(key)
                self.asked.append(key)


def test_what_a_closed_gate_turns_another_way_is_followed_there() -> None:
    told = Told(
        {"A+C": 0.0, "A": 120.0},  # closing A alone makes it worse
        {"": {"A": 90.0, "B": 5.0}, "A": {"C": 95.0}, "B": {"A": 95.0}},
    )
    follow(told, "ABCDE", 30)
    assert told.tried["A", "C"].lost_kg == 0.0
    assert len(told.asked) <= 5


def test_where_no_gate_is_on_the_way_the_water_is_stilled() -> None:
    told = Told({"A+D": 0.0}, {"": {"A": 90.0}})  # closed A, it goes a way without gates
    follow(told, "ABCDE", 30)
    assert ("A", "D") in told.tried


def test_the_best_set_loses_what_it_does_not_need_and_gains_what_helps() -> None:
    told = Told({"A+B": 30.0, "A": 30.0, "A+E": 2.0}, {})
    told.look([("A", "B")])
    polish(told, "ABCDE", 40)
    assert told.ranked()[0].gates == ("A", "E")


def test_a_stand_in_is_looked_for_although_the_plan_itself_holds_everything() -> None:
    told = Told({"A": 0.0, "B+C": 1.0, "B": 60.0}, {"": {"A": 100.0, "B": 90.0}, "B": {"C": 60.0}})
    told.look([("A",)])
    follow(told, "BCDE", 12)
    assert told.tried["B", "C"].lost_kg == 1.0
    assert not any("A" in s for s in told.asked[1:])
