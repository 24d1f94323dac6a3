"""The source first, the park's pools next, the river last; and gates open again from the inside out."""

from __future__ import annotations

from dataclasses import replace

from tests.twin.parks import tiny_park
from tests.twin.plan.test_plans import CONFIG, plan
from twin.model import Ranking
from twin.plan.levels import levels, undo


def test_the_enterprise_comes_first_and_the_river_last() -> None:
    park = tiny_park()
    found = plan(park, saw={"S01": 5})
    said = [t.en for t in found.levels]
    assert said[0].startswith("plant: Jia Dyes, shut the rain-outlet valve (0573-")
    assert said[1] == "park: shut rain-channel gates, pump to pools (4,200 m³ free)"
    gates = [m.gate for m in found.plans[0].moves]
    assert said[2] == f"river: close {', '.join(gates)}"
    assert all(t.zh for t in found.levels)


def test_nobody_likely_and_nothing_in_time_leave_what_can_be_done() -> None:
    park = tiny_park()
    late = plan(park, saw={"S01": 100, "S02": 0.5}, config=replace(CONFIG, decision_s=1e5))
    assert late.levels[0].en.startswith("plant: ")  # the source can be stopped all the same
    assert not any("river" in t.en for t in late.levels)
    assert late.undo == ()
    nobody = Ranking("EV", late.at, (), 1.0, (), (), park.version, "t", 1)
    assert not any("plant" in t.en for t in levels(park, nobody, late.plans))


def test_gates_open_again_from_the_inside_out() -> None:
    park = tiny_park()
    found = plan(park, saw={"S01": 5})
    first = found.plans[0]
    both = replace(
        first, moves=tuple(m for p in found.plans for m in p.moves if len(p.moves) == 1), recommended=True
    )
    order = [m.gate for m in sorted(both.moves, key=lambda m: m.arrival.middle)]
    assert " → ".join(order) in undo([both])[1].en
    assert "48 h" in found.undo[0].en
