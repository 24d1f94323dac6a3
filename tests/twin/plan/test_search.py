"""Sets of gates tried on from a kept moment, and how larger sets are found."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.twin.parks import tiny_park
from twin.hydraulics.runner import Runners
from twin.plan.search import Question, Trial, Trials, follow, polish
from twin.plan.waters import of_park, warmed

STARTED = datetime(2026, 11, 21, 6, tzinfo=UTC)


def test_runs_from_the_first_order_on_say_what_whole_runs_say(tmp_path: Path) -> None:
    """The state kept at the first order, the tide and the release go on where they were."""
    park = tiny_park()
    sea = next(r.node for r in park.receptors if r.id == "R1")
    level = float(park.nodes.set_index("id").loc[sea, "stage_m"])
    tide = {sea: [(h / 4, level + 0.1 * np.sin(h / 6)) for h in range(30)]}
    waters = of_park(park, "N2", STARTED, stages=tide)
    release = waters.release(STARTED, 3600.0, 0.05)
    orders = dict.fromkeys(waters.cards, 3000.0)  # within the release
    with Runners(2) as runners:
        waters = warmed(waters, runners, tmp_path)
        question = Question(waters, release, orders, 6 * 3600.0)
        nothing = runners.map([question.whole()])[0]
        trials = Trials(question, runners, nothing)
        trials.look([("G01",), ("G02",)])
        apart = Trials(question, runners, runners.map([question.task()])[0])  # no state kept: whole runs
        apart.look([("G01",), ("G02",)])
    assert nothing.state is not None
    assert trials.nothing.lost_kg == pytest.approx(apart.nothing.lost_kg, rel=1e-3)
    for gates in (("G01",), ("G02",)):
        one, other = trials.tried[gates], apart.tried[gates]
        assert one.lost_kg == pytest.approx(other.lost_kg, abs=0.015 * question.kg)
        assert (one.overtops_s is None) == (other.overtops_s is None)
        assert one.passed[gates[0]] == pytest.approx(other.passed[gates[0]], abs=0.015 * question.kg)
    assert trials.tried["G01",].water["G01"] < 0.2 * trials.nothing.water["G01"]


class Told:
    """Trials whose outcomes are written down: what each set loses and where that passes."""

    class Asked:
        kg = 100.0

    def __init__(self, lost: dict[str, float], passed: dict[str, dict[str, float]]) -> None:
        self.question, self._lost, self._passed = self.Asked(), lost, passed
        self.tried: dict[tuple[str, ...], Trial] = {}
        self.nothing = self._trial(())
        self.tried[()] = self.nothing
        self.asked: list[tuple[str, ...]] = []

    def _trial(self, gates: tuple[str, ...]) -> Trial:
        name = "+".join(gates)
        water = dict.fromkeys("ABCDE", 5.0)
        return Trial(gates, {}, self._lost.get(name, 100.0), None, 0.5, self._passed.get(name, {}), water)

    def look(self, sets: object, most: float = 1e9) -> None:
        for s in sets:  # type: ignore[attr-defined]
            key = tuple(sorted(s))
            if key not in self.tried and len(self.tried) <= most:
                self.tried[key] = self._trial(key)
                self.asked.append(key)

    enough, best, ranked = Trials.enough, Trials.best, Trials.ranked


def test_what_a_closed_gate_turns_another_way_is_followed_there() -> None:
    told = Told(
        {"A+C": 0.0, "A": 120.0},  # closing A alone makes it worse
        {"": {"A": 90.0, "B": 5.0}, "A": {"C": 95.0}, "B": {"A": 95.0}},
    )
    follow(told, "ABCDE", 30)  # type: ignore[arg-type]
    assert told.tried["A", "C"].lost_kg == 0.0
    assert len(told.asked) <= 5


def test_where_no_gate_is_on_the_way_the_water_is_stilled() -> None:
    told = Told({"A+D": 0.0}, {"": {"A": 90.0}})  # closed A, it goes a way without gates
    follow(told, "ABCDE", 30)  # type: ignore[arg-type]
    assert ("A", "D") in told.tried


def test_the_best_set_loses_what_it_does_not_need_and_gains_what_helps() -> None:
    told = Told({"A+B": 30.0, "A": 30.0, "A+E": 2.0}, {})
    told.look([("A", "B")])
    polish(told, "ABCDE", 40)  # type: ignore[arg-type]
    assert told.ranked()[0].gates == ("A", "E")
