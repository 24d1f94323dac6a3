"""The choice among sets that look alike at the flow expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from twin.plan import robust
from twin.plan.outlook import MEMBERS, Members
from twin.plan.search import Trial

Outcome = tuple[float, float, float | None]  # lost kg, fullest, overtops


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of 100 kg that knows its flow alone."""

    flow: float = 1.0
    roughness: float = 1.0
    follow: bool = True
    kg: float = 100.0

    def whole(self) -> float:
        return self.flow


class Runs:
    """Runs nothing."""

    def map(self, tasks: list[float]) -> list[float]:
        return tasks


SPREAD = 0.15 * ndtri((np.arange(MEMBERS) + 0.5) / MEMBERS)
LIKELY = Members(SPREAD, np.zeros(MEMBERS))


def choose(
    monkeypatch: pytest.MonkeyPatch,
    low: Mapping[str, Outcome],
    high: Mapping[str, Outcome],
    middle: Mapping[str, Outcome] | None = None,
) -> list[str]:
    """Choose between sets A, B, C; they lose 2, 3 and 4 kg at the flow expected unless `middle` says more."""
    expected = {"A": (2.0, 0.8, None), "B": (3.0, 0.8, None), "C": (4.0, 0.8, None)} | dict(middle or {})

    def trial(gates: tuple[str, ...], told: Outcome) -> Trial:
        return Trial(gates, {}, told[0], told[2], told[1], {}, {"D": 5.0, "E": 0.1})

    class Told:
        def __init__(self, asked: Asked, *_: object) -> None:
            self.question = asked
            self._of = low if asked.flow < 1 else high if asked.flow > 1 else expected
            self.tried: dict[tuple[str, ...], Trial] = {}

        def look(self, sets: Iterable[tuple[str, ...]]) -> None:
            self.tried.update({s: trial(s, self._of["+".join(s)]) for s in sets if s not in self.tried})

        @staticmethod
        def alike(several: Sequence[Told], sets: Iterable[tuple[str, ...]]) -> None:
            for s in list(sets):
                for t in several:
                    t.look([s])

    monkeypatch.setattr(robust, "Trials", Told)
    base: Any = Told(Asked())
    ranked = [trial((g,), expected[g]) for g in "ABC"]
    found = robust.chosen(base, ranked, ["A", "D", "E"], LIKELY, Runs())  # type: ignore[arg-type]
    return ["+".join(t.gates) for t in found]


def test_the_set_that_holds_at_other_flows_too_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    low: dict[str, Outcome] = {"A": (2.0, 0.7, None), "B": (2.0, 0.7, None), "C": (4.0, 0.7, None)}
    high: dict[str, Outcome] = {"A": (60.0, 0.85, None), "B": (5.0, 0.85, None), "C": (6.0, 0.85, None)}
    assert choose(monkeypatch, low, high) == ["B", "C", "A"]


def test_a_set_that_overtops_at_a_likely_flow_or_comes_near_the_bank_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    low: dict[str, Outcome] = dict.fromkeys("ABC", (2.0, 0.7, None))
    high: dict[str, Outcome] = {"A": (2.0, 1.0, 3600.0), "B": (2.0, 0.99, None), "C": (9.0, 0.85, None)}
    more = {f"{g}+{d}": (3.0, 1.0, 60.0) for g in "ABC" for d in "DA"}
    high |= dict.fromkeys(more, (2.0, 1.0, 60.0)) | {"A+B": (2.0, 1.0, 60.0), "A+C": (2.0, 1.0, 60.0)}
    assert choose(monkeypatch, low, high, more) == ["C", "B"]
    narrow: dict[str, Outcome] = high | {"C": (9.0, 1.0, 3600.0)}
    assert choose(monkeypatch, low, narrow, more) == ["B"]  # dry, if only just: better than none
    over: dict[str, Outcome] = high | dict.fromkeys("ABC", (2.0, 1.0, 60.0))
    assert choose(monkeypatch, low, over, more) == []


def test_room_below_the_bank_is_worth_something_but_not_the_whole_release(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A set that stays dry at every likely flow, if not by much, goes before one that holds nothing back."""
    low: dict[str, Outcome] = dict.fromkeys("ABC", (2.0, 0.78, None))
    high: dict[str, Outcome] = {"A": (2.0, 0.953, None), "B": (95.0, 0.7, None), "C": (95.0, 0.7, None)}
    middle: dict[str, Outcome] = {
        "A": (2.0, 0.88, None),
        "B": (90.0, 0.6, None),
        "C": (91.0, 0.6, None),
        "A+D": (2.0, 0.88, None),
    }
    assert choose(monkeypatch, low, high | {"A+D": (2.0, 0.953, None)}, middle)[0] == "A"


def test_where_the_best_comes_near_a_bank_a_gate_that_brings_water_is_closed_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """D brings water and is tried; through E hardly any runs, and no run is spent on it."""
    near: dict[str, Outcome] = dict.fromkeys("ABC", (2.0, 0.85, None))
    low: dict[str, Outcome] = near | {"A+D": (2.0, 0.7, None)}
    high: dict[str, Outcome] = dict.fromkeys("ABC", (4.0, 0.985, None)) | {"A+D": (2.0, 0.85, None)}
    middle: dict[str, Outcome] = {g: (kg, 0.92, None) for g, kg in zip("ABC", (2.0, 3.0, 4.0), strict=True)}
    assert choose(monkeypatch, low, high, middle | {"A+D": (2.0, 0.8, None)})[0] == "A+D"


def test_a_better_set_that_overtops_is_relieved_although_another_stays_dry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    low: dict[str, Outcome] = dict.fromkeys(("A", "B", "C", "A+D"), (2.0, 0.7, None))
    high: dict[str, Outcome] = {
        "A": (2.0, 1.0, 41_000.0),
        "B": (20.0, 0.7, None),
        "C": (20.0, 0.7, None),
        "A+D": (2.0, 0.85, None),
    }
    middle: dict[str, Outcome] = {
        "A": (1.0, 0.94, None),
        "B": (9.0, 0.6, None),
        "C": (9.0, 0.6, None),
        "A+D": (2.0, 0.8, None),
    }
    assert choose(monkeypatch, low, high, middle)[0] == "A+D"
