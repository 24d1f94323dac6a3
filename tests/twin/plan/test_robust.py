"""The choice among sets that look alike at the flow expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from twin.plan import robust
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


def choose(
    monkeypatch: pytest.MonkeyPatch, low: Mapping[str, Outcome], high: Mapping[str, Outcome]
) -> list[str]:
    """Choose between sets that lose 2, 3 and 4 kg at the flow expected."""

    def trial(gates: tuple[str, ...], told: Outcome) -> Trial:
        return Trial(gates, {}, told[0], told[2], told[1])

    class Told:
        def __init__(self, asked: Asked, *_: object) -> None:
            self._of = low if asked.flow < 1 else high
            self.tried: dict[tuple[str, ...], Trial] = {}

        def look(self, sets: Iterable[tuple[str, ...]]) -> None:
            self.tried.update({s: trial(s, self._of[s[0]]) for s in sets})

    monkeypatch.setattr(robust, "Trials", Told)
    base: Any = type("Base", (), {"question": Asked()})()
    ranked = [trial((g,), (kg, 0.8, None)) for g, kg in zip("ABC", (2.0, 3.0, 4.0), strict=True)]
    found = robust.chosen(base, ranked, ((0.8, 1.0), (1.2, 1.0)), Runs())  # type: ignore[arg-type]
    return [t.gates[0] for t in found]


def test_the_set_that_holds_at_other_flows_too_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    low: dict[str, Outcome] = {"A": (2.0, 0.7, None), "B": (2.0, 0.7, None), "C": (4.0, 0.7, None)}
    high: dict[str, Outcome] = {"A": (60.0, 0.8, None), "B": (5.0, 0.8, None), "C": (6.0, 0.8, None)}
    assert choose(monkeypatch, low, high) == ["B", "C", "A"]


def test_a_set_that_overtops_at_a_likely_flow_or_comes_near_the_bank_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    low: dict[str, Outcome] = dict.fromkeys("ABC", (2.0, 0.7, None))
    high: dict[str, Outcome] = {"A": (2.0, 1.0, 3600.0), "B": (2.0, 0.99, None), "C": (9.0, 0.9, None)}
    assert choose(monkeypatch, low, high) == ["C"]
    narrow: dict[str, Outcome] = high | {"C": (9.0, 1.0, 3600.0)}
    assert choose(monkeypatch, low, narrow) == ["B"]  # dry, if only just: better than none
    over: dict[str, Outcome] = dict.fromkeys("ABC", (2.0, 1.0, 60.0))
    assert choose(monkeypatch, low, over) == []
