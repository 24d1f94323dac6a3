"""The door: visitors are sent to sign in, a session says who looks, and ends when it must."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import urlencode

import itsdangerous
import pytest
from starlette.types import ASGIApp

from callbacks import login
from callbacks.app import create_app
from geodata.words import Text
from tests.callbacks.asgi import Answer, ask, knock
from tests.twin.parks import tiny_park
from twin import clock
from twin.access import Access, Role
from twin.config import load
from twin.records import Records

FORM = {"content-type": "application/x-www-form-urlencoded"}
PAGE = {"accept": "text/html"}
WORD = "a long password"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    it: Path = tmp_path_factory.mktemp("closed")
    config = load({"TWIN_DATA": str(it)})
    records = Records(config.db)
    records.create()
    Access(records).add_user("li", Text("李", "Li"), Role.DUTY_OFFICER, WORD)
    Access(records).add_user("eye", Text("大屏", "Wall"), Role.VIEWER, WORD)
    records.close()
    return it


@pytest.fixture(scope="module")
def app(folder: Path) -> ASGIApp:
    return create_app(load({"TWIN_DATA": str(folder)}), park=tiny_park())


async def enter(app: ASGIApp, user: str, password: str, back: str = "/wall") -> Answer:
    body = urlencode({"user": user, "password": password, "next": back}).encode()
    return await ask(app, "/login", "POST", FORM, body)


def cookie(answer: Answer) -> dict[str, str]:
    return {"cookie": answer.headers["set-cookie"].split(";")[0]}


async def test_a_visitor_is_sent_to_the_door_and_comes_back_to_the_page(app: ASGIApp) -> None:
    turned = await ask(app, "/wall?a=1", headers=PAGE)
    assert (turned.status, turned.headers["location"]) == (303, "/login?next=%2Fwall%3Fa%3D1")
    door = await ask(app, turned.headers["location"], headers=PAGE)
    assert door.status == 200
    assert 'value="/wall?a=1"' in door.body.decode()
    inside = await enter(app, "li", WORD, "/wall?a=1")
    assert (inside.status, inside.headers["location"]) == (303, "/wall?a=1")
    flags = inside.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=lax" in flags
    assert (await ask(app, "/wall", headers=cookie(inside))).status == 200


@pytest.mark.parametrize("path", ["/geo/network.json", "/raw/X.txt", "/_dash-layout", "/wall"])
async def test_data_needs_a_session_too(app: ASGIApp, path: str) -> None:
    assert (await ask(app, path)).status == 401


async def test_the_live_feed_needs_a_session(app: ASGIApp) -> None:
    origin = {"origin": "http://127.0.0.1:8050"}
    assert [(m["type"], m.get("code")) for m in await knock(app, "/live", origin)] == [
        ("websocket.accept", None),
        ("websocket.close", 4401),
    ]
    session = cookie(await enter(app, "li", WORD))
    assert (await knock(app, "/live", origin | session))[-1]["type"] != "websocket.close"


async def test_what_the_door_itself_needs_is_free(app: ASGIApp) -> None:
    for path in ("/healthz", "/login", "/assets/login.css"):
        assert (await ask(app, path)).status == 200


@pytest.mark.parametrize(("user", "password"), [("li", "wrong"), ("nobody", WORD), ("", ""), ("li", "")])
async def test_a_wrong_word_is_told_and_gives_no_session(app: ASGIApp, user: str, password: str) -> None:
    answer = await enter(app, user, password)
    assert answer.status == 401
    assert "账号或口令不对" in answer.body.decode()
    assert "set-cookie" not in answer.headers


async def test_a_form_of_another_site_is_refused(app: ASGIApp) -> None:
    body = urlencode({"user": "li", "password": WORD}).encode()
    for strange in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert (await ask(app, "/login", "POST", FORM | strange, body)).status == 403


async def test_signing_out_ends_the_session(app: ASGIApp) -> None:
    session = cookie(await enter(app, "li", WORD))
    out = await ask(app, "/logout", "POST", session)
    assert out.status == 303
    assert "expires=thu, 01 jan 1970" in out.headers["set-cookie"].lower()


async def test_a_new_password_ends_the_sessions_of_the_old_one(folder: Path) -> None:
    config = load({"TWIN_DATA": str(folder)})
    records = Records(config.db)
    Access(records).add_user("wang", Text("王", "Wang"), Role.MANAGER, WORD)
    app = create_app(config, park=tiny_park())
    session = cookie(await enter(app, "wang", WORD))
    assert (await ask(app, "/wall", headers=session)).status == 200
    Access(records).add_user("wang", Text("王", "Wang"), Role.MANAGER, "another password")
    records.close()
    later = create_app(config, park=tiny_park())  # nothing remembered from before
    assert (await ask(later, "/wall", headers=session)).status == 401


@pytest.mark.parametrize(
    ("user", "hours", "status"), [("li", 11, 200), ("li", 13, 401), ("eye", 24 * 80, 200)]
)
async def test_a_session_lasts_a_shift_and_a_walls_for_months(
    app: ASGIApp, folder: Path, user: str, hours: int, status: int
) -> None:
    session = cookie(await enter(app, user, WORD))
    inside = itsdangerous.TimestampSigner(login.secret(folder))
    value = json.loads(base64.b64decode(inside.unsign(session["cookie"].split("=", 1)[1])))
    value["at"] = clock.wall_ms() / 1000 - hours * 3600
    aged = inside.sign(base64.b64encode(json.dumps(value).encode())).decode()
    answer = await ask(app, "/wall", headers={"cookie": f"{login.COOKIE}={aged}"})
    assert answer.status == status


async def test_raw_frames_are_for_who_may_export_also_where_anybody_may_look(folder: Path) -> None:
    """They carry the loggers' passwords."""
    app = create_app(load({"TWIN_DATA": str(folder), "TWIN_OPEN": "1"}), park=tiny_park())
    mn = tiny_park().stations[0].mn
    assert (await ask(app, "/wall")).status == 200
    assert (await ask(app, f"/raw/{mn}.txt")).status == 401
    turned = await ask(app, f"/raw/{mn}.txt?minutes=60", headers=PAGE)
    assert (turned.status, turned.headers["location"]) == (
        303,
        f"/login?next=%2Fraw%2F{mn}.txt%3Fminutes%3D60",
    )
    for user, status in (("eye", 403), ("li", 503)):  # no stream server runs here
        session = cookie(await enter(app, user, WORD))
        assert (await ask(app, f"/raw/{mn}.txt", headers=session)).status == status


async def test_a_reader_of_the_past_signs_in_now_and_it_is_on_record(app: ASGIApp, folder: Path) -> None:
    past = FORM | {"x-park-moment": "1700000000000"}
    records = Records(load({"TWIN_DATA": str(folder)}).db)
    before = len(records.audits())
    for password, status in (("guessed", 401), (WORD, 303)):
        body = urlencode({"user": "li", "password": password, "next": "/"}).encode()
        assert (await ask(app, "/login", "POST", past, body)).status == status
    lines = records.audits()
    records.close()
    assert len(lines) == before + 2
    assert {line.what for line in lines[:2]} == {"signin.refused", "signed.in"}


async def test_a_forged_session_is_nobody(app: ASGIApp) -> None:
    value = base64.b64encode(json.dumps({"user": "li", "mark": "", "at": 9e9}).encode())
    forged = itsdangerous.TimestampSigner("guessed").sign(value).decode()
    answer = await ask(app, "/wall", headers={"cookie": f"{login.COOKIE}={forged}"})
    assert answer.status == 401


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("/wall?x=1", "/wall?x=1"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_the_door_leads_nowhere_else(address: str, kept: str) -> None:
    assert login.inside(address) == kept


async def test_without_accounts_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    bare = create_app(load({"TWIN_DATA": str(tmp_path)}), park=tiny_park())
    assert "twin users add" in (await ask(bare, "/login?lang=en")).body.decode()


def test_the_demos_people_are_shown_in_the_demo_only() -> None:
    shown = login.page(Text("园", "Park"), "en", "/", None, [("duty", "Li")])
    assert 'data-user="duty"' in shown
    assert "data-user" not in login.page(Text("园", "Park"), "en", "/", None, [])


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    key = login.secret(tmp_path)
    assert login.secret(tmp_path) == key
    assert (tmp_path / "session.key").stat().st_mode & 0o077 == 0


def test_what_is_asked_for_is_escaped() -> None:
    page = login.page(Text("<i>", "<i>"), "en", '/"><script>', Text("<u>", "<u>"), [])
    assert not any(bad in page for bad in ('"><script>', "<i>", "<u>"))
