"""The import tab: who may begin, what is asked and confirmed, what is changed by hand, what is put to use."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from callbacks import admin_import, admin_import_view, admin_mapping, admin_versions
from callbacks.admin_form import Press
from tests.callbacks.asgi import ask
from tests.callbacks.office import SIGNED, Office, office, read, signing, survey
from tests.callbacks.words import classed, prop, text, walk
from twin import park_publish
from twin.park_desk import Desk, Room, Work

LANGS = ("zh", "en")


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return office(tmp_path_factory.mktemp("office"))


@pytest.fixture(scope="module")
def surveyed(it: Office, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is in the folder of a piece of work once the survey was read."""
    made = it.parks.desk.open("admin")
    survey(made.files_in)
    read(it, made)
    return Path(shutil.copytree(made.folder, tmp_path_factory.mktemp("surveyed") / "work"))


@pytest.fixture
def work(it: Office, surveyed: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    """A piece of work with the survey in it, read once; reading again happens here and now."""
    monkeypatch.setattr(Desk, "start", lambda _, work, __: read(it, work))
    made = it.parks.desk.open("admin")
    shutil.copytree(surveyed, made.folder, dirs_exist_ok=True)
    return made


def press(it: Office, work: Work | None, sent: Press) -> tuple[Work | None, str, bool]:
    after, said, good = admin_import.press(it.web, it.parks, work, sent)
    return after, said.en if said else "", good


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Give account"),
        ({"user": "admin", "password": "guess"}, "wrong"),
        ({"user": "duty", "password": "demo-duty"}, "may not change the park"),
    ],
)
def test_only_an_administrator_begins(it: Office, fields: dict[str, str], says: str) -> None:
    after, said, good = press(it, None, Press("open", "", fields))
    assert (after, good) == (None, False)
    assert says in said
    assert press(it, None, Press("read"))[2] is False


def test_a_refusal_is_on_record(it: Office) -> None:
    press(it, None, Press("open", "", {"user": "duty", "password": "demo-duty"}))
    assert {(a.who, a.what) for a in it.web.records.audits(limit=9)} >= {("duty", "park.import.refused")}


async def test_files_come_in_by_pieces_and_stay_in_their_folder(it: Office) -> None:
    work, _, _ = press(it, None, signing("open"))
    assert work is not None
    url = f"/admin/files/{work.token}?name="
    assert (await ask(it.app, url + "a%2Fb.csv", "PUT", body=b"x,y\n1,2\n")).status == 200
    assert work.files() == [("a/b.csv", 8)]
    for name in ("..%2Fout.csv", "%2Fetc%2Fx", "a%2F..%2F..%2Fx", ".hidden", "a%00b", "C%3A%5Cx"):
        answer = await ask(it.app, url + name, "PUT", body=b"no")
        assert (answer.status, "cannot be used" in answer.json()["en"]) == (400, True), name
    assert (await ask(it.app, "/admin/files/" + "0" * 32 + "?name=a", "PUT", body=b"no")).status == 404
    assert (await ask(it.app, url + "x", "PUT", {"origin": "http://evil.example"}, b"no")).status == 403
    assert work.files() == [("a/b.csv", 8)]


async def test_a_file_too_large_leaves_nothing(it: Office, tmp_path: Path) -> None:
    from callbacks.admin_park import receive

    small = Work(tmp_path / ("0" * 32), Room(file_bytes=10))
    small.files_in.mkdir(parents=True)

    class Request:
        async def stream(self) -> Any:
            for _ in range(3):
                yield b"12345678"

    with pytest.raises(Exception, match="larger than 0 MB"):
        await receive(small, "a.csv", Request())  # type: ignore[arg-type]
    assert list(small.files_in.iterdir()) == []


@pytest.mark.parametrize("lang", LANGS)
def test_what_was_guessed_is_asked_with_its_proof(it: Office, work: Work, lang: Any) -> None:
    parts, name, busy = admin_import.shown(it.web, work, lang)
    assert (name, busy) == ("im is-open", False)
    shown = text(parts["im-account"])
    assert "40574684.4" in shown
    assert ("北坐标在前" if lang == "zh" else "north comes first") in shown
    assert len(classed(parts["im-account"], "im-asks")) == 1
    picks = [n for n in walk(parts["im-account"]) if str(prop(n, "data-name") or "").startswith("guess-")]
    assert [prop(p, "data-value") for p in picks] == ["gb18030", "gb18030", "EPSG:4528", "EPSG:4528"]


def test_one_confirmation_makes_it_ready_and_a_signature_puts_it_to_use(it: Office, work: Work) -> None:
    assert press(it, work, signing("commit")) == (work, admin_import.NOT_READY.en, False)
    assert press(it, work, Press("confirm"))[2]
    result = work.result()
    assert (result["ready"], result["guesses"], result["errors"]) == (True, [], [])
    parts, name, _ = admin_import.shown(it.web, work, "zh")
    assert name == "im is-open is-ready"
    assert "监测站点 4 → 0" in text(classed(parts["im-account"], "im-loses"))
    assert (
        "may not"
        in press(it, work, Press("commit", "", SIGNED | {"user": "duty", "password": "demo-duty"}))[1]
    )
    assert "Give a reason" in press(it, work, Press("commit", "", SIGNED | {"reason": " "}))[1]
    before = it.web.config.park.read_bytes()
    _, said, good = press(it, work, signing("commit"))
    assert good, said
    found = park_publish.store(it.web.config).list()
    assert [(v.version, v.by) for v in found] == [(result["version"], "admin"), (it.web.park.version, "")]
    assert "new survey" in found[0].note
    assert "WSP.shp" in found[0].note
    kept = park_publish.store(it.web.config).account(result["version"])["layers"]
    assert {(x["layer"], x["crs"], x["axes"], x["encoding"]) for x in kept} == {
        ("WSP", "EPSG:4528", "yx", "gb18030"),
        ("WSL", "EPSG:4528", "yx", "gb18030"),
    }
    shown = text(admin_versions.sources(it.web, result["version"], "zh"))
    assert "WSP.shp [WSP]" in shown
    assert "EPSG:4528 yx" in shown
    assert it.web.config.park.read_bytes() != before
    assert it.web.records.audits(limit=1)[0].what == "park.version"
    assert park_publish.store(it.web.config).load(result["version"]).id == it.web.park.id


def test_a_word_of_their_own_counts_instead_of_the_guess(it: Office, work: Work) -> None:
    fields = {"guess-2": admin_import_view.OTHER, "own-2": "EPSG:4527", "guess-3": "EPSG:4527"}
    assert press(it, work, Press("confirm", "", fields))[2]
    assert {x["said_crs"] for x in work.result()["layers"]} == {"EPSG:4527"}
    empty = {"guess-0": admin_import_view.OTHER, "own-0": " "}
    survey(work.files_in)
    work.mapping()  # what was said stays until it is said again
    (work.folder / "mapping.toml").unlink()
    (work.folder / "said.json").unlink()
    read(it, work)
    assert "not answered" in press(it, work, Press("confirm", "", empty))[1]


def test_a_role_and_a_field_are_changed_by_hand(it: Office, work: Work) -> None:
    press(it, work, Press("confirm"))
    press(it, work, Press("role", "", {"role|WSL.shp/WSL": "skip"}))
    assert work.result()["counts"]["link"] == 0
    press(it, work, Press("role", "", {"role|WSL.shp/WSL": "link"}))
    assert work.result()["counts"]["link"] == 3
    layer = next(x for x in work.result()["layers"] if x["layer"] == "WSL")
    grid = {f"field|{layer['key']}|{theirs}": "" for theirs in layer["sample"]}
    ours = {theirs: name for name, theirs in layer["fields"].items()}
    grid |= {f"field|{layer['key']}|{theirs}": name for theirs, name in ours.items()}
    press(it, work, Press("map", "", grid | {f"field|{layer['key']}|材质": ""}))
    assert "material" not in next(x for x in work.result()["layers"] if x["layer"] == "WSL")["fields"]
    twice = grid | {f"field|{layer['key']}|材质": "size"}
    assert "mean the same" in press(it, work, Press("map", "", twice))[1]


def test_a_mapping_is_saved_by_name_and_used_for_other_files(it: Office, work: Work) -> None:
    press(it, work, Press("confirm"))
    for bad in ("", "../x", ".x", "a/b"):
        assert press(it, work, Press("save-mapping", "", {"mapping_name": bad}))[2] is False
    assert press(it, work, Press("save-mapping", "", {"mapping_name": "三院 2026"}))[2]
    assert admin_mapping.saved(admin_import.mappings(it.web)) == ["三院 2026"]
    other = it.parks.desk.open("admin")
    for path in work.files_in.iterdir():
        (other.files_in / path.name).write_bytes(path.read_bytes())
    assert press(it, other, Press("read", "", {"saved": "三院 2026"}))[2]
    assert [g["kind"] for g in other.result()["guesses"]] == ["encoding", "encoding"]
    assert "no mapping" in press(it, other, Press("read", "", {"saved": "none"}))[1]


@pytest.mark.slow
def test_a_model_without_a_place_is_shown_but_not_put_to_use(
    it: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Desk, "start", lambda _, work, __: read(it, work))
    work = it.parks.desk.open("admin")
    model = Path(__file__).parents[1] / "data" / "networks" / "user5.inp"
    (work.files_in / model.name).write_bytes(model.read_bytes())
    press(it, work, Press("read"))
    press(it, work, Press("confirm"))
    assert work.result()["ready"]
    assert "地理位置" in text(admin_import.place(it.parks, work, "zh"))
    assert "place on Earth" in press(it, work, signing("commit"))[1]


def test_added_files_come_to_what_is_there(
    it: Office, work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = office(tmp_path)  # nothing was put to use here yet
    monkeypatch.setattr(Desk, "start", lambda _, work, __: read(other, work))
    press(it, work, Press("confirm", "", {"mode": "add"}))
    counts = work.result()["counts"]
    assert admin_import_view.loses(work.result(), "en") == ""
    assert (counts["enterprise"], counts["node"]) == (
        len(it.web.park.enterprises),
        len(it.web.park.nodes) + 4,
    )


def test_nothing_to_read_and_an_import_given_up(it: Office) -> None:
    work = it.parks.desk.open("admin")
    assert "no file" in press(it, work, Press("read"))[1]
    assert press(it, work, Press("close")) == (None, "", True)
    assert it.parks.desk.find(work.token) is None
    assert admin_import.shown(it.web, None, "zh")[1] == "im is-closed"


@pytest.mark.parametrize("lang", LANGS)
def test_skipped_rows_are_named_with_row_and_reason(it: Office, lang: Any) -> None:
    work = it.parks.desk.open("admin")
    (work.files_in / "WSP.csv").write_text(
        "物探点号,X,Y,地面高程\nWS1,3675000,40574684,4\n,3675001,40574690,4\n"
    )
    read(it, work)
    shown = text(admin_import.shown(it.web, work, lang)[0]["im-account"])
    assert ("第 3 行" if lang == "zh" else "row 3") in shown
    assert ("没有编号" if lang == "zh" else "it has no id") in shown
    (work.files_in / "图.dwg").write_bytes(b"AC1032")
    read(it, work)
    assert "DXF" in text(admin_import.shown(it.web, work, lang)[0]["im-account"])
