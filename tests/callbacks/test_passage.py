"""How long the plume stays at each place, and whether stations saw it as foretold: sentences on the desk."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from callbacks import passage, plans, score, wording
from geodata.words import Lang
from tests.callbacks import story
from tests.callbacks.words import text
from twin.model import PlanSet, Sighting, Three
from twin.plan.afterwards import Review
from twin.plan.news import news_of_plans

CJK = re.compile("[\u4e00-\u9fff]")


def at(minutes: float) -> datetime:
    return story.NOW + timedelta(minutes=minutes)


def three(*minutes: float) -> Three:
    early, middle, late = map(at, minutes)
    return early, middle, late


def planset(told: story.Story) -> PlanSet:
    first, *rest = told.planset.arrivals
    known = replace(first, peak=three(30, 45, 70), tail=three(90, 130, 200), mg_l=(3.21, 50.0, 108.04))
    seen = (
        Sighting("S33", at(-40), at(-30), at(-20), at(-33)),
        Sighting("S34", at(-30), at(-20), at(-10), at(-5)),
    )
    return replace(told.planset, arrivals=(known, *rest), sightings=seen)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_peak_end_and_deviation_are_sentences_in_one_language(told: story.Story, lang: Lang) -> None:
    names = {g.id: g for g in told.park.gates}, {r.id: r for r in told.park.receptors}
    stations = {s.id: s for s in told.park.stations}
    parts = passage.details(planset(told), *names, stations, story.NOW, lang)
    assert len(parts) == 2
    peak, seen = map(text, parts)
    assert "3.2–108 mg/L" in peak
    assert ("3 分" in seen, "15 分" in seen) == (lang == "zh",) * 2
    assert ("不符" in seen) == (lang == "zh")
    assert lang == "zh" or ("3 min early, as foretold" in seen and "15 min late, not as foretold" in seen)
    assert lang == "zh" or not CJK.search(peak + seen)
    assert stations["S34"].name.say(lang) in seen
    assert passage.details(None, *names, stations, story.NOW, lang) == []
    assert passage.details(told.planset, *names, stations, story.NOW, lang) == []
    cards = plans.show(
        planset(told), picked=None, names=names[0], receptors=names[1], gates={}, commands=(),
        whatifs=(), lang=lang, more=parts,
    )  # fmt: skip
    assert sum(peak in text(c) for c in cards) == 1  # once, at the plan that is recommended


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_gate_whose_front_has_passed_is_told_with_its_time(told: story.Story, lang: Lang) -> None:
    first, second, *rest = planset(told).arrivals
    past = replace(second, early=at(-30), middle=at(-20), late=at(-10))  # the engine said no more of it
    made = replace(planset(told), arrivals=(first, past, *rest))
    names = {g.id: g for g in told.park.gates}, {r.id: r for r in told.park.receptors}
    said = text(passage.details(made, *names, {}, story.NOW, lang)[0])
    when = wording.hm(past.middle)
    assert (f"前锋已过（约 {when}）" if lang == "zh" else f"front passed at about {when}") in said
    assert said.count("已过" if lang == "zh" else "passed") == 1
    later = text(passage.details(made, *names, {}, first.late, lang)[0])  # the page goes on, the plan stands
    assert later.count("已过" if lang == "zh" else "passed") >= 2


def test_the_score_keeps_how_far_stations_were_off(told: story.Story) -> None:
    review = Review("EV", (), 1, 0, 0, None, None, (), sightings=planset(told).sightings)
    assert "1 / 2，最多差 15 分" in text(score.show(review, review.incident, {}, {}, "zh"))


def test_a_reading_that_confirms_and_what_the_engine_adds_are_news(told: story.Story) -> None:
    assert news_of_plans(told.planset, replace(told.planset, sightings=planset(told).sightings))
    assert news_of_plans(told.planset, replace(told.planset, arrivals=planset(told).arrivals))
    assert not news_of_plans(planset(told), planset(told))
