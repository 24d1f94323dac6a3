"""The check tab: findings in words and on the map, mends previewed, taken, undone, saved by a signature."""

from __future__ import annotations

import json
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from callbacks import admin_check, admin_check_view
from callbacks.admin_form import Press
from callbacks.admin_park import Candidate, Parks, step_of
from callbacks.admin_words import FAULTS
from callbacks.pages import Ground
from geodata.check.findings import Finding, Severity
from geodata.check.kinds import KINDS
from geodata.check.run import check
from geodata.places import Park
from geodata.words import Text
from tests.callbacks.asgi import ask, signed_in
from tests.callbacks.office import Office, office, read, signing, survey
from tests.callbacks.words import classed, prop, text, walk
from twin import park_publish
from twin.errors import MissingError
from twin.park_desk import DeskError
from twin.park_watch import Present

LANGS = ("zh", "en")


def test_every_kind_of_fault_has_a_name() -> None:
    assert set(FAULTS) == set(KINDS)
    assert len({t.zh for t in FAULTS.values()}) == len({t.en for t in FAULTS.values()}) == len(FAULTS)


LENGTH = ("length_differs", "link", "LC2", "")


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return office(tmp_path_factory.mktemp("office"))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine, a short check is waited for."""
    monkeypatch.setattr(admin_check, "AT_ONCE_S", 30.0)


@pytest.fixture
def parks(it: Office) -> Parks:
    """The present park with one wrong length, which can be mended, and one gate too far off."""
    park = it.web.park
    links = park.links.copy()
    links.loc[links["id"] == "LC2", "length_m"] = 900.0
    gates = tuple(replace(g, y=g.y + 80) if g.id == "G01" else g for g in park.gates)
    spoilt = replace(park, version="spoilt", links=links, gates=gates)
    present = Present(spoilt, it.web.network, it.web.limits)
    return Parks(replace(it.web, ground=Ground(present)))


def press(parks: Parks, it: Candidate, act: str, step: Any = "") -> tuple[Candidate, dict[str, Any], str]:
    sent = Press(act, json.dumps(step) if step else "")
    after, view, said = admin_check.press(parks.web, parks, it, {}, sent)
    return after, view, said.en if said else ""


def row(found: Park, link: str) -> Any:
    return found.links.set_index("id").loc[link]


@pytest.mark.parametrize("lang", LANGS)
def test_findings_are_listed_the_worst_first_with_their_mends(parks: Parks, lang: Any) -> None:
    (head, _, _, table, name), drawing = admin_check.render(parks, Candidate(), {}, lang)
    rows = [n for n in walk(table) if type(n).__name__ == "Tr"]
    found = parks.findings(parks.web.park)
    assert len(rows) == len(found) == len(drawing["features"])
    assert "G01" in text(rows[0])
    assert LENGTH in {step_of(f) for f in found}
    safe = sum(f.safe for f in found)
    assert len([n for n in walk(table) if prop(n, "data-act") == "preview"]) == safe > 0
    errors = sum(f.severity is Severity.ERROR for f in found)
    assert f"{'错误' if lang == 'zh' else 'error'} {errors}" in text(head)
    assert name == "ck"


def test_a_long_check_shows_how_far_it_is_and_can_be_stopped(
    parks: Parks, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = Event()

    def slow(park: Park, known: Any, tell: Any) -> tuple[Finding, ...]:
        tell(Text("检查高程", "looking at levels"), 0.6)
        go.wait(60)
        return check(park, known, tell)

    monkeypatch.setattr("callbacks.admin_park.check", slow)
    monkeypatch.setattr(admin_check, "AT_ONCE_S", 0.05)
    (_, _, _, shown, _), drawing = admin_check.render(parks, Candidate(), {}, "en")
    assert "looking at levels" in text(shown)
    assert "60 %" in text(shown)
    assert drawing["features"] == []
    assert admin_check.busy(parks, Candidate())
    press(parks, Candidate(), "stop")
    go.set()
    parks.checking(parks.web.park).over.wait(60)
    (_, _, _, shown, _), _ = admin_check.render(parks, Candidate(), {}, "en")
    assert "The check was stopped" in text(shown)
    assert not admin_check.busy(parks, Candidate())
    press(parks, Candidate(), "again")
    assert LENGTH in {step_of(f) for f in parks.findings(parks.web.park)}
    (head, *_), _ = admin_check.render(parks, Candidate(), {}, "en")
    assert "error" in text(head)


def test_filters_narrow_the_list(parks: Parks) -> None:
    found = parks.findings(parks.web.park)
    shown = admin_check_view.table(found, {"kind": "length_differs"}, "zh")
    assert {json.loads(prop(n, "data-value"))[0] for n in walk(shown) if type(n).__name__ == "Tr"} == {
        "length_differs"
    }
    assert "没有发现问题" in text(admin_check_view.table(found, {"level": "note", "kind": "reversed"}, "zh"))


def test_a_press_flies_the_map_to_the_place(parks: Parks) -> None:
    _, view, _ = press(parks, Candidate(), "go", LENGTH)
    (*_, table, _), drawing = admin_check.render(parks, Candidate(), view, "zh")
    picked = [f for f in drawing["features"] if f["properties"]["tone"] == "picked"]
    assert [f["properties"]["title"] for f in picked] == ["LC2"]
    assert drawing["key"]
    assert len(classed(table, "on")) == 1


def test_a_mend_is_shown_taken_and_undone(parks: Parks) -> None:
    _, view, _ = press(parks, Candidate(), "preview", LENGTH)
    (_, _, preview, _, _), drawing = admin_check.render(parks, Candidate(), view, "zh")
    assert "长度 m: 900 → 600" in text(preview)
    assert "changed" in {f["properties"]["tone"] for f in drawing["features"]}
    taken, _, said = press(parks, Candidate(), "take", LENGTH)
    assert "not in use yet" in said
    mended = parks.candidate(taken)
    assert row(mended, "LC2")["length_m"] == 600
    assert LENGTH not in {step_of(f) for f in parks.findings(mended)}
    assert row(parks.web.park, "LC2")["length_m"] == 900  # what is in use did not change
    again, _, _ = press(parks, taken, "undo")
    assert again == Candidate()
    assert Candidate.of(json.loads(json.dumps(taken.data()))) == taken
    with pytest.raises(MissingError):
        press(parks, taken, "take", LENGTH)


def test_what_cannot_be_mended_is_said(parks: Parks) -> None:
    found = next(f for f in parks.findings(parks.web.park) if not f.safe)
    with pytest.raises(DeskError, match="cannot be mended"):
        press(parks, Candidate(), "take", step_of(found))


def test_a_candidate_is_saved_by_an_administrator_only(it: Office, parks: Parks) -> None:
    taken = Candidate(steps=(LENGTH,))
    with pytest.raises(DeskError, match="nothing to save"):
        admin_check.save(parks.web, parks, Candidate(), signing("save"))
    with pytest.raises(DeskError, match="may not change"):
        admin_check.save(parks.web, parks, taken, signing("save", user="office", password="demo-office"))
    assert park_publish.store(it.web.config).list() == ()
    said = admin_check.save(parks.web, parks, taken, signing("save"))
    saved = park_publish.store(it.web.config).list()[0]
    assert saved.version in said.en
    assert "length_differs LC2" in saved.note
    assert row(park_publish.store(it.web.config).load(saved.version), "LC2")["length_m"] == 600


def test_an_import_is_checked_too_and_saved_once_confirmed(it: Office) -> None:
    work = it.parks.desk.open("admin")
    survey(work.files_in)
    read(it, work)
    on = Candidate(f"w-{work.token}")
    (head, _, _, _, name), _ = admin_check.render(it.parks, on, {}, "en")
    assert "being imported" in text(head)
    assert name == "ck is-candidate"
    with pytest.raises(DeskError, match="judgements"):
        admin_check.save(it.web, it.parks, on, signing("save"))
    (*_, shown, _), drawing = admin_check.render(it.parks, Candidate("w-" + "0" * 32), {}, "en")
    assert "gone" in text(shown)
    assert drawing["features"] == []


@pytest.mark.parametrize(("ending", "begins"), [("gpkg", b"SQLite format 3"), ("xlsx", b"PK")])
async def test_findings_are_taken_away_as_files_by_an_administrator(
    it: Office, ending: str, begins: bytes
) -> None:
    admin = await signed_in(it.app, "admin", "demo-admin")
    answer = await ask(it.app, f"/admin/findings.{ending}", headers=admin)
    assert (answer.status, answer.body[: len(begins)]) == (200, begins)
    assert f"findings.{ending}" in answer.headers["content-disposition"]
    assert (await ask(it.app, "/admin/findings.exe", headers=admin)).status == 404
    assert (await ask(it.app, f"/admin/findings.{ending}?candidate=%7B", headers=admin)).status == 404
    gone = json.dumps({"base": "w-x", "steps": []})
    assert (await ask(it.app, f"/admin/findings.{ending}?candidate={gone}", headers=admin)).status == 404


async def test_neither_findings_nor_old_versions_are_for_everybody(it: Office) -> None:
    """Also where the pages are open to whoever comes."""
    old = json.dumps({"base": "v-none", "steps": []})
    places = (
        "/admin/findings.gpkg",
        f"/admin/findings.xlsx?candidate={old}",
        "/admin/geo/v-none/network.json",
    )
    duty = await signed_in(it.app, "duty", "demo-duty")
    for place in (*places, f"/admin/geo/w-{'0' * 32}/network.json"):
        assert (await ask(it.app, place)).status == 401
        refused = await ask(it.app, place, headers=duty)
        assert refused.status == 403
        assert "无此权限" in refused.json()["error"]
    sent = await ask(it.app, places[0], headers={"accept": "text/html"})
    assert (sent.status, sent.headers["location"]) == (303, "/login?next=%2Fadmin%2Ffindings.gpkg")
    admin = await signed_in(it.app, "admin", "demo-admin")
    assert (await ask(it.app, places[2], headers=admin)).status == 404


async def test_the_geometry_of_an_import_is_for_whoever_holds_its_token(it: Office) -> None:
    work = it.parks.desk.open("admin")
    survey(work.files_in)
    read(it, work)
    answer = await ask(it.app, f"/admin/geo/w-{work.token}/network.json")
    assert len(answer.json()["features"]) == 3
    assert 120.79 < answer.json()["bounds"][0] < 120.81
    assert (await ask(it.app, f"/admin/geo/w-{work.token}/secrets.json")).status == 404
