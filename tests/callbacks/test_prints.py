"""Small multiples: what agrees stands in the middle, and age and origin are said."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from callbacks import prints, suspects
from tests.callbacks import story
from tests.callbacks.words import classed, text
from twin.fingerprints import LEARNED, PERMIT, Print, of_park

LANGS = ("zh", "en")


def test_places_and_words_of_ratios() -> None:
    assert prints.place(1.0) == 50.0
    assert prints.place(10.0) == prints.place(400.0) == 100.0
    assert prints.place(0.1) == 0.0
    assert [prints.times(r) for r in (1.01, 2.0, 0.5, 30.0)] == ["×1.0", "×2.0", "÷2.0", "×30"]
    assert prints.agrees(2.0)
    assert not prints.agrees(3.0)


@pytest.mark.parametrize("lang", LANGS)
def test_suspects_stand_beside_the_water_that_was_seen(told: story.Story, lang: Any) -> None:
    first, second, *rest = told.ranking.suspects
    fits = replace(first, makeup={"w01018": 1.1, "w21003": 0.9, "w21017": 1.0})
    off = replace(second, makeup={"w01018": 6.0, "w21003": 0.2})
    ranking = replace(told.ranking, suspects=(fits, off, *rest))
    enterprises = {e.id: e for e in told.park.enterprises}
    panel = suspects.show(ranking, enterprises, lang)
    said = text(panel)
    assert ("水样对指纹" if lang == "zh" else "Water against fingerprints") in said
    assert "×6.0" in said
    assert "÷5.0" in said
    assert len(classed(panel, "far")) == 2
    bare = replace(told.ranking, suspects=(replace(first, makeup={"w01018": 1.0}),))
    assert prints.against_sample(bare, enterprises, lang) == []


@pytest.mark.parametrize("lang", LANGS)
def test_an_enterprise_shows_its_waters_with_origin_and_age(told: story.Story, lang: Any) -> None:
    firm = "E19"
    raw = [p for p in of_park(told.park) if p.enterprise == firm]
    own = [
        Print(firm, "E19-DW001", "w01018", 120.0, 0.1, 700, date(2024, 1, 5), LEARNED),
        Print(firm, "E19-DW001", "w21003", 35.0, 1.0, 0, date(2024, 1, 5), PERMIT),
    ]
    outlets = [o for o in told.park.outlets if o.enterprise == firm]
    panel = prints.of_firm([*raw, *own], outlets, [], 4, date(2026, 11, 21), lang)
    said = text(panel)
    for words in (
        ("未稀释废水", "E19-DW001 正常排放", "700 个样本", "截至 2024-01-05", "仅知限值", "第 4 版")
        if lang == "zh"
        else (
            "undiluted",
            "E19-DW001, normal",
            "700 samples",
            "as of 2024-01-05",
            "only its limit",
            "version 4",
        )
    ):
        assert words in said
    assert len(classed(panel, "old")) == 1
    none = text(prints.of_firm([], outlets, [], 0, date(2026, 11, 21), lang))
    assert ("没有指纹" if lang == "zh" else "No fingerprint") in none
