"""The versions tab: every save with who and why, two compared on the map and in words, one restored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from callbacks import admin_versions
from callbacks.admin_form import Press
from geodata.park import VERSION_CHARS, content_hash
from geodata.places import Park
from tests.callbacks.office import Office, office, signing
from tests.callbacks.words import classed, prop, text, walk
from twin import park_publish
from twin.park_desk import DeskError
from twin.park_publish import Unfit

LANGS = ("zh", "en")


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Two versions: the park as it was, and one with a gate moved, a station gone, a length changed."""
    made = office(tmp_path_factory.mktemp("office"))
    park_publish.publish(made.web.config, changed(made.web.park), "resurvey", "admin")
    return made


def changed(park: Park) -> Park:
    links = park.links.copy()
    links.loc[links["id"] == "LC2", "length_m"] = 601.0
    gates = tuple(replace(g, x=g.x + 3) if g.id == "G01" else g for g in park.gates)
    made = replace(park, links=links, gates=gates, stations=park.stations[1:])
    return replace(made, version=content_hash(made)[:VERSION_CHARS])


def names(it: Office) -> tuple[str, str]:
    return it.web.park.version, changed(it.web.park).version


@pytest.mark.parametrize("lang", LANGS)
def test_every_save_is_listed_with_who_why_and_how_much(it: Office, lang: Any) -> None:
    shown = admin_versions.saves(it.web, {}, lang)
    rows = [text(n) for n in walk(shown) if type(n).__name__ == "Tr"][1:]
    assert len(rows) == 2
    assert names(it)[1] in rows[0]
    assert "resurvey" in rows[0]
    assert ("周宁" if lang == "zh" else "Zhou Ning") in rows[0]
    assert ("监测站点 3" if lang == "zh" else "station 3") in rows[0]
    assert ("监测站点 4" if lang == "zh" else "station 4") in rows[1]
    assert "保存第一个版本之前" in text(admin_versions.saves(it.web, {}, "zh"))


def test_the_newest_is_compared_with_what_was_before_it_unless_chosen(it: Office) -> None:
    old, new = names(it)
    assert admin_versions.ab(it.web, {}) == (old, new)
    assert admin_versions.ab(it.web, {"a": new, "b": old}) == (new, old)
    assert admin_versions.ab(it.web, {"a": "none"}) == (old, new)


@pytest.mark.parametrize("lang", LANGS)
def test_differences_in_words_and_on_the_map(it: Office, lang: Any) -> None:
    old, new, found = admin_versions.differences(it.parks, *names(it))
    shown = admin_versions.changes(old, new, found, {"layer": "link", "id": "LC2"}, lang)
    assert ("移动" if lang == "zh" else "moved") in text(shown)
    assert "3 m" in text(shown)
    assert "600 → 601" in text(shown)
    assert [prop(n, "className") for n in classed(shown, "on")] == ["on"]
    drawing = admin_versions.drawing(old, new, found, {})
    tones = sorted(f["properties"]["tone"] for f in drawing["features"])
    assert tones == ["changed", "moved", "removed"]
    flown = admin_versions.drawing(old, new, found, {"layer": "station", "id": old.stations[0].id})
    assert flown["features"][-1]["properties"]["tone"] == "picked"
    assert flown["key"] != drawing["key"]
    same = admin_versions.changes(old, old, {}, {}, lang)
    assert ("相同" if lang == "zh" else "same") in text(same)


def test_what_is_pressed_is_what_is_shown(it: Office) -> None:
    view, _ = admin_versions.press(it.web, it.parks, {}, Press("a", names(it)[1]))
    assert view == {"a": names(it)[1]}
    view, _ = admin_versions.press(it.web, it.parks, view, Press("go", '["link", "LC2"]'))
    assert view == {"a": names(it)[1], "layer": "link", "id": "LC2"}


def test_a_version_comes_back_by_a_signature_and_is_on_record(it: Office) -> None:
    old, new = names(it)
    with pytest.raises(DeskError, match="may not change"):
        admin_versions.restore(
            it.web, it.parks, {"a": new}, signing("restore", user="duty", password="demo-duty")
        )
    with pytest.raises(DeskError, match="the one in use"):
        admin_versions.restore(it.web, it.parks, {"a": old}, signing("restore"))
    said = admin_versions.restore(it.web, it.parks, {"a": new}, signing("restore"))
    assert new in said.en
    assert park_publish.store(it.web.config).list()[0].version == new
    assert it.web.records.audits(limit=1)[0].what == "park.restore"


def test_a_park_nothing_could_work_with_is_not_saved(it: Office) -> None:
    park = it.web.park
    for bad, says in (
        (replace(park, crs="local"), "no place on Earth"),
        (replace(park, links=park.links.iloc[:0]), "no links"),
        (replace(park, nodes=park.nodes[park.nodes["id"] != "C3"]), "cannot be put to use"),
    ):
        before = park_publish.store(it.web.config).list()
        with pytest.raises(Unfit, match=says):
            park_publish.publish(it.web.config, bad, "bad", "admin")
        assert park_publish.store(it.web.config).list() == before
