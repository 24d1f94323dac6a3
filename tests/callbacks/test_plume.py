"""The plume's scenarios: what is shut when, what becomes of it, and what the browser is given."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from callbacks import plume
from callbacks.dossier import Dossier
from layers import incidents as drawing
from tests.callbacks import story
from twin.model import Approval, Command, CommandState

S = timedelta(seconds=1)


def _case(told: story.Story, *commands: Command) -> Dossier:
    return Dossier(told.incident, told.anomalies, (told.ranking,), told.planset, (told.whatif,), commands, ())


def _drawn(told: story.Story, lang: Any) -> dict[str, Any]:
    drawn = drawing.features(
        told.park, told.incident, told.ranking, told.planset, now=story.NOW, network=story.network()
    )
    return plume.with_scenarios(drawn, told.park, story.network(), _case(told), lang)


def test_a_gate_is_shut_at_its_latest_or_when_its_controller_said_so(told: story.Story) -> None:
    plan = told.planset.plans[0]
    first = plan.moves[0]
    latest = first.close_by + (first.decision_s + first.stroke_s) * S
    assert plume.shut_at(plan, (), told.planset)[first.gate] == latest
    said = tuple(Approval(n, story.NOW, "r") for n in ("duty", "office"))
    done = story.NOW + 60 * S
    command = Command(
        "c", story.ID, plan.id, first.gate, 0.0, "duty", story.NOW, said, CommandState.DONE, 0.0, done, done
    )
    assert plume.shut_at(plan, (command,), told.planset)[first.gate] == done
    opened = replace(command, target=0.5)
    assert plume.shut_at(plan, (opened,), told.planset)[first.gate] == latest
    late = replace(plan, moves=(replace(first, too_late=True),))
    soonest = told.planset.at + (first.decision_s + first.stroke_s) * S
    assert plume.shut_at(late, (), told.planset) == {first.gate: soonest}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_scenarios_are_the_plan_people_act_on_the_next_best_and_nothing(told: story.Story, lang: Any) -> None:
    drawn = _drawn(told, lang)
    assert [s["id"] for s in drawn["scenarios"]] == [f"{story.ID}/A", f"{story.ID}/B", plume.NOTHING]
    a, b, nothing = (s["says"] for s in drawn["scenarios"])
    assert "97" in a
    assert "3.5" in a  # kg of the hydraulic check of this plan
    assert "93" in b
    assert "275" in nothing
    assert drawn["incident"] == story.ID


def test_links_behind_the_first_gate_are_cut_and_those_before_it_are_not(told: story.Story) -> None:
    fronts = [f["properties"] for f in _drawn(told, "zh")["features"] if f["properties"]["kind"] == "front"]
    cut = {p["link"] for p in fronts if "lag" in p}
    gate = story.network().link_ids[story.network().gates["G05"]]
    assert gate in cut
    assert {p["link"] for p in fronts} - cut  # between source and G05
    assert all(plume.NOTHING not in p["lag"] for p in fronts if "lag" in p)


def test_without_plans_there_is_nothing_to_choose(told: story.Story) -> None:
    case = replace(_case(told), planset=None)
    assert plume.with_scenarios({"features": []}, told.park, story.network(), case, "zh") == {"features": []}


def test_without_a_hydraulic_check_no_mass_is_told(told: story.Story) -> None:
    assert "kg" not in plume.outcome(None, ()).en
    assert "kg" not in plume.outcome(told.planset.plans[0], ()).en
