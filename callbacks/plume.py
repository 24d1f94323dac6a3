"""The plume in time: past and predicted, and what becomes of it if gates are closed or not.

What is predicted is what the plans were reckoned with: the 5, 50 and 95 % arrival times, and each gate of a
plan shut at its latest moment, decision and stroke included. The browser (assets/plume.js) moves through it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from callbacks import response, wording
from callbacks.plans import letter
from geodata.network import Network
from geodata.places import Park
from geodata.words import Lang, Text
from layers.plume import let_through
from twin.clock import as_ms
from twin.model import Command, GatePlan, PlanSet, WhatIf

if TYPE_CHECKING:
    from callbacks.dossier import Dossier

NOTHING = "none"
SHOWN = 2  # plans beside doing nothing
NAME_NOTHING = Text("不关闸", "No gate closed")
NAME_PLAN = Text("方案 {l}　{g}", "Plan {l}: {g}")
REACHES = Text("约 {kg} kg 到敏感点", "about {kg} kg reach the receptors")
HELD = Text("拦住 {p}%", "{p}% held back")
UNHELD = Text("全部向敏感点去", "all of it goes to the receptors")
BY = Text("；闸按最晚时刻关到位", "; gates shut at their latest moment")


def shut_at(plan: GatePlan, commands: Sequence[Command], planset: PlanSet) -> dict[str, datetime]:
    """Return when each gate of a plan is shut: as its controller said, else at the latest the plan allows.

    A gate that is too late for its deadline is shut as soon as it can be.
    """
    done = {g: c.done_at for g, c in response.latest(commands).items() if response.closed_by(c)}
    found = {}
    for move in plan.moves:
        begin = max(planset.at, move.close_by) if not move.too_late else planset.at
        found[move.gate] = done.get(move.gate) or begin + timedelta(seconds=move.decision_s + move.stroke_s)
    return found


def shown_plans(planset: PlanSet, acting: GatePlan | None) -> list[GatePlan]:
    """Return the plan people act on and the best others."""
    first = [acting] if acting is not None and acting in planset.plans else []
    return [*first, *(p for p in planset.plans if p not in first)][:SHOWN]


def outcome(plan: GatePlan | None, whatifs: Sequence[WhatIf]) -> Text:
    """Say what becomes of the pollution with a plan, or with none."""
    if plan is None:
        last = whatifs[-1] if whatifs else None
        return UNHELD if last is None else REACHES.fill(kg=_mass(last.kg_nothing))
    held = HELD.fill(p=wording.Figure(wording.percent, plan.contained))
    own = [w for w in whatifs if w.plan == plan.id]
    if own:
        reaches = REACHES.fill(kg=_mass(own[-1].kg_plan))
        held = Text("{h}，{r}", "{h}, {r}").fill(h=held, r=reaches)
    return Text("{h}{b}", "{h}{b}").fill(h=held, b=BY)


def _mass(kg: Mapping[str, float]) -> Text:
    return wording.Figure(wording.kilograms, sum(kg.values()))


def with_scenarios(
    drawn: dict[str, Any], park: Park, net: Network, case: Dossier, lang: Lang
) -> dict[str, Any]:
    """Add to an incident's drawing what the browser needs to move its plume through time.

    The drawing gets ``incident`` and ``scenarios`` [{id, name, says}], the first the one people act on; every
    feature of a plume that some scenario cuts gets ``lag`` {scenario: ms}.
    """
    planset = case.planset
    if planset is None:
        return drawn
    plans = shown_plans(planset, case.plan())
    shut = {p.id: shut_at(p, case.commands, planset) for p in plans}
    lags = let_through(park, net, case.incident, planset, shut)
    for feature in drawn["features"]:
        of: Mapping[str, Any] = feature["properties"]
        if of.get("kind") == "front" and of.get("link") in lags:
            feature["properties"]["lag"] = lags[of["link"]]
    rows = [
        {
            "id": p.id,
            "name": NAME_PLAN.fill(l=letter(p), g=" + ".join(m.gate for m in p.moves)).say(lang),
            "says": outcome(p, case.whatifs).say(lang),
        }
        for p in plans
    ]
    nothing = {"id": NOTHING, "name": NAME_NOTHING.say(lang), "says": outcome(None, case.whatifs).say(lang)}
    drawn["scenarios"] = [*rows, nothing]
    drawn["incident"] = case.incident.id
    drawn["onset"] = as_ms(case.first)
    return drawn
