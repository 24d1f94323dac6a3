"""The fingerprint tab: a table is looked at, taken by an administrator only, on record, with a way back."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from callbacks import admin_prints as tab
from callbacks.admin_form import Press
from tests.callbacks.asgi import ask, signed_in
from tests.callbacks.office import SIGNED, Office, office, signing
from tests.callbacks.words import classed, text
from twin import fingerprints
from twin.errors import RefusedError

HEAD = "enterprise,outlet,factor,value,unit,as_of,source\n"
TABLE = HEAD + "E01,,w01018,2000,mg/L,2026-10-01,化验室\nE01,E01-DW001,w21003,40,mg/L,2026-10-02,化验室\n"
FILE = "指纹.csv"


def sent(table: str, charset: str = "utf-8") -> str:
    return "data:text/csv;base64," + base64.b64encode(table.encode(charset)).decode()


@pytest.fixture(scope="module")
def bureau(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return office(tmp_path_factory.mktemp("office"))


@pytest.fixture
def it(bureau: Office) -> Iterator[Office]:
    """The office with the library as the test found it, whatever the test leaves behind."""
    yield bureau
    found = fingerprints.latest(bureau.web.records)
    if found is not None and found.prints:
        empty = fingerprints.Library(found.version + 1, found.at, "test", "", ())
        bureau.web.records.add_paper(fingerprints.KIND, f"{empty.version:08d}", "", empty.at, empty)


def known(it: Office) -> tuple[int, int]:
    """How many versions there are, and how many prints the newest has."""
    found = fingerprints.versions(it.web.records)
    return len(found), len(found[0].prints) if found else 0


def taken(it: Office, table: str = TABLE) -> Any:
    mark = tab.looked(it.web, FILE, sent(table)).mark
    return tab.take(it.web, signing("take"), FILE, sent(table), mark)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_table_shows_what_it_would_change_and_changes_nothing(it: Office, lang: Any, charset: str) -> None:
    before = known(it)
    _, shown, name, mark = tab.render(it.web, FILE, sent(TABLE, charset), {}, lang)
    words = text(shown)
    assert "E01-DW001" in words
    assert ("未稀释废水" if lang == "zh" else "undiluted water") in words
    for word in ("2400", "2000", "÷1.2", "化验室"):
        assert word in words
    assert ("新增 1 · 修改 1" if lang == "zh" else "new 1 · changed 1") in words
    assert "is-ready" in name.split()
    assert mark
    assert known(it) == before


def test_every_fault_names_file_row_field_and_its_mend_and_there_is_nothing_to_sign(it: Office) -> None:
    bad = TABLE + "E99,,w01018,5,mg/L,2026-10,x\nE02,,w01018,five,mg/L,2026-10,x\n"
    _, shown, name, mark = tab.render(it.web, FILE, sent(bad), {}, "zh")
    words = text(shown)
    for word in (
        FILE,
        "2 处错误",
        "enterprise",
        "E99",
        "请写园区资料里的企业编号",
        "value",
        "five",
        "请写成 12.5",
    ):
        assert word in words, words
    assert [text(n) for n in classed(shown, "num")[1:]] == ["4", "5"]
    assert "is-ready" not in name.split()
    assert mark == ""
    with pytest.raises(RefusedError, match="2 faults"):
        tab.take(it.web, signing("take"), FILE, sent(bad), "")


def test_an_administrator_takes_it_it_is_a_version_and_on_record(it: Office) -> None:
    before = known(it)[0]
    said = taken(it)
    assert known(it) == (before + 1, 2)
    made = fingerprints.latest(it.web.records)
    assert made is not None
    assert (made.by, made.note) == ("admin", f"new survey [{FILE}]")
    assert {p.source for p in made.prints} == {"化验室"}
    (line,) = it.web.records.audits(limit=1)
    assert (line.what, line.who, line.about) == ("fingerprints.changed", "admin", str(made.version))
    assert line.detail == said
    again = tab.looked(it.web, FILE, sent(TABLE))
    assert (again.changes, again.mark) == ((), "")
    with pytest.raises(RefusedError, match="Nothing changes"):
        tab.take(it.web, signing("take"), FILE, sent(TABLE), again.mark)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"user": "viewer", "password": "demo-viewer"}, "may not"),
        ({"user": "duty", "password": "demo-duty"}, "may not"),
        ({"password": "guess"}, "password"),
        ({"reason": " "}, "reason"),
        ({"user": ""}, "account"),
    ],
)
def test_whoever_may_not_changes_nothing_however_it_is_asked(
    it: Office, fields: dict[str, str], why: str
) -> None:
    taken(it)
    other = TABLE.replace("2000", "1500")
    before, mark = known(it), tab.looked(it.web, FILE, sent(other)).mark
    with pytest.raises(RefusedError, match=why):
        tab.take(it.web, signing("take", **fields), FILE, sent(other), mark)
    first = fingerprints.versions(it.web.records)[1].version
    with pytest.raises(RefusedError, match=why):
        tab.back(it.web, signing("back", **fields), first)
    assert known(it) == before


def test_what_is_taken_is_what_was_looked_at(it: Office) -> None:
    mark = tab.looked(it.web, FILE, sent(TABLE)).mark
    taken(it, TABLE.replace("2000", "1500"))  # somebody else, meanwhile
    before = known(it)
    for forged in (mark, "", "0" * 64):
        with pytest.raises(RefusedError, match="Look again"):
            tab.take(it.web, signing("take"), FILE, sent(TABLE), forged)
    assert known(it) == before


@pytest.mark.parametrize(
    ("contents", "why"),
    [
        ("", "Choose a table"),
        ("data:text/csv;base64,@@@", "Choose a table"),
        (sent(HEAD), "not a single row"),
        ("data:text/csv;base64," + "A" * (tab.MOST_BYTES * 4 // 3 + 400), "larger than 4 MB"),
    ],
)
def test_what_is_no_table_says_so(it: Office, contents: str, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        tab.take(it.web, signing("take"), FILE, contents, "")
    if contents:
        _, shown, name, mark = tab.render(it.web, FILE, contents, {}, "en")
        assert why in text(shown)
        assert (name, mark) == ("fl is-open", "")


def test_an_older_version_shows_what_it_changed_and_holds_again_when_signed(it: Office) -> None:
    taken(it)
    first = fingerprints.latest(it.web.records)
    taken(it, TABLE.replace("2000", "1500"))
    assert first is not None
    rows, shown, name, _ = tab.render(it.web, "", "", {"version": str(first.version + 1)}, "en")
    assert len(classed(shown, "vs-tone")) == 1  # one of the two prints
    assert all(word in text(shown) for word in ("1500", "2000"))
    assert name == "fl"  # it is in use: there is nothing to turn back to
    assert "Zhou Ning" in text(rows)
    assert "is-older" in tab.render(it.web, "", "", {"version": str(first.version)}, "en")[2]
    shown_now, said, _ = tab.press(it.web, signing("back"), {"version": str(first.version)}, "", "", "")
    assert shown_now == {}
    assert said is not None
    now = fingerprints.latest(it.web.records)
    assert now is not None
    assert (now.version, now.prints) == (first.version + 2, first.prints)
    assert it.web.records.audits(limit=1)[0].what == "fingerprints.turned_back"
    for no in (0, now.version):
        with pytest.raises(RefusedError, match="in use"):
            tab.back(it.web, signing("back"), no)


def test_what_holds_is_told_with_its_age(it: Office) -> None:
    taken(it, TABLE.replace("2026-10-02", "2020-10-02"))
    _, shown, _, _ = tab.render(it.web, "", "", {"version": "no number"}, "en")
    old = classed(shown, "tx-warning")
    assert len(old) == 1
    assert text(old[0]).startswith("2020-10-02, ")
    assert text(old[0]).endswith(" d ago")


async def test_the_library_is_a_file_for_who_may_have_it_and_comes_back_unchanged(it: Office) -> None:
    taken(it)
    address = "/export/fingerprints.csv"
    assert (await ask(it.app, address)).status == 401
    for user, status in (("viewer", 403), ("duty", 200)):
        found = await ask(it.app, address, headers=await signed_in(it.app, user, f"demo-{user}"))
        assert found.status == status
    assert found.body.startswith(b"\xef\xbb\xbfenterprise,outlet,")
    assert it.web.records.audits(limit=1)[0].what == "fingerprints.exported"
    look = tab.looked(it.web, FILE, sent(found.body.decode()))
    assert (look.faults, look.changes) == ((), ())


async def test_a_forged_request_changes_nothing(it: Office) -> None:
    cookie = await signed_in(it.app, "viewer", "demo-viewer")
    before, mark = known(it), tab.looked(it.web, FILE, sent(TABLE)).mark
    parts = ("fl-show.data", "fl-say.children", "fl-file.contents", "fl-tick.data")
    for fields in (
        {},
        {"user": "admin", "reason": "x"},
        SIGNED | {"user": "viewer", "password": "demo-viewer"},
    ):
        act = {"act": "take", "value": "", "fields": fields, "at": 1}
        states = (
            ("fl-show", "data", {}),
            ("fl-file", "filename", FILE),
            ("fl-file", "contents", sent(TABLE)),
        )
        body = {
            "output": f"..{'...'.join(parts)}..",
            "outputs": [dict(zip(("id", "property"), p.split("."), strict=True)) for p in parts],
            "inputs": [{"id": "fl-act", "property": "data", "value": act}],
            "state": [
                *({"id": i, "property": p, "value": v} for i, p, v in states),
                {"id": "fl-mark", "property": "data", "value": mark},
            ],
            "changedPropIds": ["fl-act.data"],
        }
        answer = await ask(it.app, "/_dash-update-component", "POST", cookie, body)
        assert answer.status == 200
        assert "say no" in answer.json()["response"]["fl-say"]["children"]["props"]["className"]
        assert known(it) == before


def test_a_press_that_says_nothing_does_nothing(it: Office) -> None:
    assert tab.press(it.web, Press("else"), {"version": "3"}, "", "", "") == ({"version": "3"}, None, False)
    assert tab.press(it.web, Press("show", "3"), {}, "", "", "") == ({"version": "3"}, None, True)
    assert tab.press(it.web, Press("show", "3"), {"version": "3"}, "", "", "") == ({}, None, True)
    assert tab.press(it.web, Press("drop"), {"version": "3"}, "", "", "") == ({}, None, True)
