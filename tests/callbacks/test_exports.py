"""The park as a file: only for who may export, and put on record."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.types import ASGIApp

from callbacks import exports, login
from callbacks.app import create_app
from geodata import crs, export
from geodata import park as park_file
from geodata.words import Text
from tests.callbacks.asgi import Answer, ask, signed_in
from tests.callbacks.words import text, walk
from tests.twin.parks import tiny_park
from twin.access import Access, Role, User
from twin.config import load
from twin.records import Records

WORD = "a long password"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    it: Path = tmp_path_factory.mktemp("exports")
    records = Records(load({"TWIN_DATA": str(it)}).db)
    records.create()
    for name, role in (("eye", Role.VIEWER), ("li", Role.DUTY_OFFICER)):
        Access(records).add_user(name, Text("李", "Li"), role, WORD)
    records.close()
    return it


@pytest.fixture(scope="module")
def app(folder: Path) -> ASGIApp:
    return create_app(load({"TWIN_DATA": str(folder)}), park=tiny_park())


async def taken(app: ASGIApp, form: str, user: str) -> Answer:
    return await ask(app, f"/export/park.{form}", headers=await signed_in(app, user, WORD))


@pytest.mark.parametrize("form", list(export.FORMATS))
async def test_a_duty_officer_takes_the_park_away(app: ASGIApp, form: str, tmp_path: Path) -> None:
    found = await taken(app, form, "li")
    assert found.status == 200
    assert found.headers["content-type"] == export.MEDIA[form]
    assert f'filename="tiny-tiny-1.{form}"' in found.headers["content-disposition"]
    if form == "gpkg":
        (tmp_path / "p.gpkg").write_bytes(found.body)
        assert len(park_file.read(tmp_path / "p.gpkg").links) == 11
    elif form == "geojson":
        assert json.loads(found.body)["type"] == "FeatureCollection"
    else:
        assert found.body[:2] == b"PK"


async def test_it_is_put_on_record_and_leaves_nothing_behind(app: ASGIApp, folder: Path) -> None:
    await taken(app, "geojson", "li")
    records = Records(load({"TWIN_DATA": str(folder)}).db)
    lines = [line for line in records.audits() if line.what == "park.exported"]
    records.close()
    assert lines[0].who == "li"
    assert "geojson" in lines[0].detail.en
    assert list(folder.glob("export-*")) == []


async def test_others_may_not(app: ASGIApp) -> None:
    assert (await ask(app, "/export/park.gpkg")).status == 401
    assert (await taken(app, "gpkg", "eye")).status == 403
    assert (await taken(app, "shp", "li")).status == 404


async def test_a_park_without_a_place_says_why_it_is_no_geojson(folder: Path) -> None:
    park = tiny_park()
    links = park.links.set_crs(crs.LOCAL, allow_override=True)
    server = create_app(load({"TWIN_DATA": str(folder)}), park=replace(park, crs=crs.LOCAL, links=links))
    found = await taken(server, "geojson", "li")
    assert found.status == 422
    assert "no place on Earth" in found.json()["error"]


def test_the_page_shows_the_files_to_who_may_take_them() -> None:
    site = SimpleNamespace(access=Access(SimpleNamespace()))  # type: ignore[arg-type]
    assert exports.links(site, "en") is None  # type: ignore[arg-type]
    token = login._READER.set(User("li", Text("李", "Li"), Role.MANAGER))
    try:
        made = exports.links(site, "en")  # type: ignore[arg-type]
    finally:
        login._READER.reset(token)
    assert [a.href for a in walk(made) if hasattr(a, "href")] == [
        "/export/park.gpkg",
        "/export/park.geojson",
        "/export/park.xlsx",
    ]
    assert "/ogc" in text(made)
