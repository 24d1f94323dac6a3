"""The emergency desk at one moment: from the records to every panel and the drawing on the map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dash
from dash import html

from callbacks import (
    approval,
    arrivals,
    calls,
    dossier,
    firsts,
    flood,
    incidents,
    login,
    own,
    panel,
    passage,
    plans,
    plume,
    response,
    score,
    signing,
    source_form,
    suspects,
    timeline,
)
from callbacks.dossier import Dossier, Moment
from callbacks.pages import Web
from geodata.places import Gate, Park, Receptor
from geodata.words import Lang, Text
from layers import incidents as drawing
from layers.map import empty_drawing
from twin.errors import UnavailableError
from twin.floodlock import FloodBook
from twin.model import Change, GatePlan, Incident, Ranking
from twin.plan.own_plan import due

RECORDS_AWAY = Text("记录库没有应答，正在重试", "The records do not answer; trying again")
CANNOT_SIGN = Text("暂不能批准", "Approval has to wait")
NO_INCIDENT = Text("现在没有事件，园区在值守中", "No incident now; the park is being watched")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reader has picked on the desk."""

    incident: str = ""
    plan: str | None = None
    suspect: int = 0
    seen: bool = False  # something of the desk is on screen


@dataclass(frozen=True, slots=True)
class View:
    """The desk at one moment: the children of every part, and what its form and map need."""

    parts: Mapping[str, Any]
    drawing: Any
    button: str
    can_sign: bool
    can_refuse: bool
    shown: Mapping[str, Any]
    calls: Sequence[Mapping[str, str]] = ()  # what a confirmation from the site can be about


def view(web: Web, choice: Choice, lang: Lang) -> View:
    """Read the records and return the whole desk."""
    at = dossier.moment(web.stream)
    try:
        every, case = dossier.load(web.records, choice.incident)
        people = dossier.users(web.records)
    except UnavailableError:
        return without_records(choice, lang)
    if case is None:
        return quiet(web, every, at, people, lang)
    return desk(web, every, case, at, people, choice, lang)


def without_records(choice: Choice, lang: Lang) -> View:
    """Return the desk while the records are away: what a reader has on screen stays, and nobody can sign."""
    away = panel.failed(RECORDS_AWAY, lang, again=True)
    parts = {"em-banner": away} if choice.seen else {"em-list": away, "em-suspects": away, "em-cards": away}
    return View(parts, dash.no_update, CANNOT_SIGN.say(lang), False, False, {})


def quiet(web: Web, every: list[Incident], at: Moment, people: Mapping[str, Text], lang: Lang) -> View:
    """Return the desk when there has never been an incident; a flood lock is shown and set all the same."""
    locks = FloodBook(web.records).standing()
    shown = {"incident": "", "plan": "", "gates": list[str]()}
    nothing = panel.empty(NO_INCIDENT, lang)
    parts = {
        "em-list": incidents.listing(every, "", at.now, lang),
        "em-timeline": None,
        "em-head": html.Section(
            html.Div([html.H1(NO_INCIDENT.say(lang)), html.P()], className="ttl-t"), className="ttl"
        ),
        "em-suspects": panel.region(suspects.TITLE, lang, [nothing]),
        "em-strip": None,
        "em-cards": [html.Div(panel.region(plans.TITLE, lang, [nothing]), className="pl")],
        "em-banner": flood.banner(locks, (), people, lang),
        "em-flood": flood.show(locks, (), people, lang),
        "em-firsts": None,
        "em-steps": None,
        "em-hint": None,
    }
    return View(
        parts,
        empty_drawing(),
        Text("没有待批准的闸", "No gate to approve").say(lang),
        False,
        False,
        {**shown, "ticket": web.tickets.issue(shown, login.name())},
    )


def desk(
    web: Web,
    every: list[Incident],
    case: Dossier,
    at: Moment,
    people: Mapping[str, Text],
    choice: Choice,
    lang: Lang,
) -> View:
    """Return the desk of one incident."""
    park = web.park
    enterprises = {e.id: e for e in park.enterprises}
    plan = case.plan(choice.plan)
    river = plan if case.planset and plan in case.planset.plans else response.best(case.planset)
    waits = response.actions(river, case.commands, at.gates)
    outcome = response.outcome(case.planset, river, case.commands, at.gates)
    now = matter(web, case, plan, at.now).round(case.commands, at.gates)
    waiting = calls.calls(park, case.commands, case.plans, at.now, at.drill)
    about = {"incident": case.incident.id, "plan": plan.id if plan else ""}
    shown = {**about, "gates": list(now.gates), "percent": now.percent}
    parts = {
        "em-list": incidents.listing(every, case.incident.id, at.now, lang),
        "em-timeline": timeline.show(_lines(web, case, people), at.now, lang),
        "em-head": incidents.head(case.incident, case.first, waits, outcome, lang),
        "em-suspects": suspects.show(
            case.ranking,
            enterprises,
            lang,
            choice.suspect,
            _last_change(case.rankings),
            source_form.shown(case.source, park, people, lang),
        ),
        **_of_plans(park, case, plan, at, lang),
        "em-banner": flood.banner(case.locks, case.overrides, people, lang),
        "em-flood": flood.show(case.locks, case.overrides, people, lang),
        "em-calls": calls.show(waiting, case.statements, at.gates, lang),
        "em-steps": approval.steps(now, people, at.gates, lang),
        "em-hint": approval.hint(people, at.drill, lang),
    }
    return View(
        parts=parts,
        drawing=draw(web, case, at, lang),
        button=approval.button_text(now, lang),
        can_sign=bool(now.gates and case.may_sign(plan)),
        can_refuse=bool(now.waiting),
        shown={**shown, "ticket": web.tickets.issue(shown, login.name())},
        calls=tuple({"label": f"{c.gate.id} {c.gate.name.say(lang)}", "value": c.gate.id} for c in waiting),
    )


def _of_plans(park: Park, case: Dossier, plan: GatePlan | None, at: Moment, lang: Lang) -> dict[str, Any]:
    """Return the panels that speak of plans: arrivals, cards, what to stop first, own plans, the score."""
    gates = {g.id: g for g in park.gates}
    receptors = {r.id: r for r in park.receptors}
    stations = {s.id: s for s in park.stations}
    top = case.ranking.suspects[0] if case.ranking and case.ranking.suspects else None
    cards = plans.show(
        case.planset,
        picked=plan.id if plan else None,
        names=gates,
        receptors=receptors,
        gates=at.gates,
        commands=case.commands,
        whatifs=case.whatifs,
        lang=lang,
        more=passage.details(case.planset, gates, receptors, stations, at.now, lang),
    )
    return {
        "em-strip": arrivals.strip(case.planset, top, case.first, receptors=receptors, now=at.now, lang=lang),
        "em-cards": [*cards, beside(case, plan, gates, receptors, at, lang)],
        "em-firsts": firsts.show(
            case.planset,
            case.plans,
            picked=plan.id if plan else None,
            movables={m.id: m for m in park.movables},
            gates=at.gates,
            commands=case.commands,
            whatifs=case.whatifs,
            lang=lang,
        ),
        "em-own": own.show(case.drafts, receptors, lang),
        "em-score": score.show(case.review, case.incident.id, gates, receptors, lang),
    }


def _last_change(rankings: Sequence[Ranking]) -> Change | None:
    """Return why the one who leads now leads; None where nobody else ever did."""
    return next((r.change for r in reversed(rankings) if r.change), None)


def beside(
    case: Dossier,
    plan: GatePlan | None,
    gates: Mapping[str, Gate],
    receptors: Mapping[str, Receptor],
    at: Moment,
    lang: Lang,
) -> Any:
    """Return the arrival chart where fewer than three plans leave room for it."""
    if case.planset is None or len(case.planset.plans) > 2:
        return None
    chart = arrivals.chart(
        case.planset,
        plan,
        gates=gates,
        receptors=receptors,
        states=at.gates,
        now=at.now,
        lang=lang,
        most=6,
        flip=101.0,
    )
    return html.Div(chart, className="pl em-arr")


def matter(web: Web, case: Dossier, plan: GatePlan | None, now: datetime) -> signing.Matter:
    """Return what a signature on this desk is about: of a plan with times of its own, what is due now."""
    held = case.flood & {g.id for g in web.park.gates}  # a valve of an enterprise holds back no flood
    ripe = None if plan is None else due(plan, now)
    return signing.Matter(case.incident.id, ripe, case.others(plan), held)


def _lines(web: Web, case: Dossier, people: Mapping[str, Text]) -> list[timeline.Line]:
    return timeline.lines(
        case.incident,
        anomalies=case.anomalies,
        rankings=case.rankings,
        planset=case.planset,
        whatifs=case.whatifs,
        commands=case.commands,
        audits=case.audits,
        notes=case.notes,
        users=people,
        names={e.id: e.short for e in web.park.enterprises},
        stations={s.id: s for s in web.park.stations},
    )


def draw(web: Web, case: Dossier, at: Moment, lang: Lang) -> Any:
    """Return what the incident adds to the map."""
    drawn = drawing.features(
        web.park,
        case.incident,
        case.ranking,
        case.planset,
        now=at.now,
        lang=lang,
        network=web.network,
        pad=(70, 120, 100, 120),  # free for the plume's mark and choice
    )
    return near(plume.with_scenarios(drawn, web.park, web.network, case, lang))


def near(drawn: Any) -> Any:
    """Let the map fly to source, alarm and gates; a receptor far out at sea would make them all too small."""
    tags = sum(f["properties"].get("kind") == "close" for f in drawn["features"])
    drawn["key"] = f"{drawn['key']}/{'plan' if tags else 'open'}"  # fly again once there are gates to show
    for feature in drawn["features"]:
        if feature["properties"].get("kind") == "receptor":
            feature["properties"]["fit"] = False
    return drawn
