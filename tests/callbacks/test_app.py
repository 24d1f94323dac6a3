"""The application: our own routes, caching, language, doors. No stream server is needed to build it."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.types import ASGIApp

from callbacks.app import build_id, create_app
from geodata import park as parks
from tests.callbacks.asgi import ask, knock
from tests.twin.parks import tiny_park
from twin import park_publish
from twin.config import load

GZIP = {"accept-encoding": "gzip"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> ASGIApp:
    folder: Path = tmp_path_factory.mktemp("web")
    return create_app(load({"TWIN_DATA": str(folder), "TWIN_OPEN": "1"}), park=tiny_park())


async def test_health_tells_build_and_that_the_stream_is_away(app: ASGIApp) -> None:
    answer = (await ask(app, "/healthz")).json()
    park = {"version": "tiny-1", "trouble": ""}
    assert answer == {"ok": True, "stream": False, "clients": 0, "build": build_id(), "park": park}


@pytest.mark.parametrize("name", ["ground", "plots", "network", "places"])
async def test_geometry_is_sent_once(app: ASGIApp, name: str) -> None:
    first = await ask(app, f"/geo/{name}.json?v=tiny-1", headers=GZIP)
    assert first.headers["content-encoding"] == "gzip"
    assert "immutable" in first.headers["cache-control"]
    assert json.loads(gzip.decompress(first.body))["version"] == "tiny-1"
    again = await ask(
        app, f"/geo/{name}.json?v=tiny-1", headers=GZIP | {"if-none-match": first.headers["etag"]}
    )
    assert (again.status, again.body) == (304, b"")
    plain = await ask(app, f"/geo/{name}.json")
    assert plain.body == gzip.decompress(first.body)
    assert plain.headers["cache-control"] == "no-cache"


async def test_geometry_asked_for_by_another_version_is_not_kept(app: ASGIApp) -> None:
    answer = await ask(app, "/geo/places.json?v=tiny-0")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.json()["version"] == "tiny-1"


async def test_a_saved_version_is_shown_without_a_restart_and_a_broken_one_is_not(tmp_path: Path) -> None:
    park = replace(tiny_park(), links=tiny_park().links.assign(capacity_m3s=0.0))
    parks.write(park, tmp_path / "mine.gpkg")
    config = load(
        {"TWIN_DATA": str(tmp_path / "data"), "TWIN_PARK": str(tmp_path / "mine.gpkg"), "TWIN_OPEN": "1"}
    )
    app = create_app(config)
    async with app.router.lifespan_context(app):
        first = await ask(app, "/geo/places.json")
        gates = (replace(park.gates[0], x=park.gates[0].x + 90), park.gates[1])
        saved = park_publish.publish(config, replace(park, gates=gates), "moved", "u1")
        await until(app, "version", saved.version)
        second = await ask(app, "/geo/places.json", headers={"if-none-match": first.headers["etag"]})
        assert second.status == 200
        assert second.json()["version"] == saved.version
        (tmp_path / "mine.gpkg").write_bytes(b"torn")
        told = await until(app, "trouble")
        assert told["version"] == saved.version
        assert "mine.gpkg" in told["trouble"]


async def until(app: ASGIApp, member: str, value: str = "") -> dict[str, str]:
    """Wait until the health of the park says so."""
    for _ in range(1200):
        park: dict[str, str] = (await ask(app, "/healthz")).json()["park"]
        if park[member] and value in ("", park[member]):
            return park
        await asyncio.sleep(0.05)
    raise AssertionError(f"{member} stays {park[member]!r}")


async def test_no_such_geometry(app: ASGIApp) -> None:
    assert (await ask(app, "/geo/secrets.json")).status == 404


@pytest.mark.parametrize(
    ("path", "cookie", "lang", "theme", "scale"),
    [
        ("/atlas", "", "zh-CN", "dark", "desk"),
        ("/atlas", "lang=en", "en", "dark", "desk"),
        ("/atlas?lang=en", "lang=zh", "en", "dark", "desk"),
        ("/atlas", "theme=light", "zh-CN", "light", "desk"),
        ("/atlas", "theme=purple", "zh-CN", "dark", "desk"),
        ("/wall", "theme=light", "zh-CN", "dark", "wall"),
        ("/enterprise", "", "zh-CN", "light", "desk"),
    ],
)
async def test_the_first_html_knows_language_and_theme(
    app: ASGIApp, path: str, cookie: str, lang: str, theme: str, scale: str
) -> None:
    page = (await ask(app, path, headers={"cookie": cookie} if cookie else {})).body.decode()
    assert f'<html lang="{lang}" data-theme="{theme}" data-scale="{scale}">' in page


async def test_the_very_first_page_has_scripts_and_names_nobody_else(tmp_path: Path) -> None:
    fresh = create_app(load({"TWIN_DATA": str(tmp_path), "TWIN_OPEN": "1"}), park=tiny_park())
    page = (await ask(fresh, "/atlas")).body.decode()
    for asset in ("tokens.css", "map.css", "live.js", "map.js", "shell.js"):
        assert f"/assets/{asset}?m=" in page
    assert 'src="http' not in page
    assert 'href="http' not in page


async def test_addresses_that_are_no_page_are_not_found(app: ASGIApp) -> None:
    for path in ("/nothing", "/tiles/under/1/2/3.png"):
        assert (await ask(app, path)).status == 404


async def test_layout_follows_the_cookie(app: ASGIApp) -> None:
    zh = (await ask(app, "/_dash-layout")).body.decode()
    en = (await ask(app, "/_dash-layout", headers={"cookie": "lang=en"})).body.decode()
    assert "\\u5c0f\\u56ed\\u533a" in zh or "小园区" in zh
    assert "Tiny Park" in en


async def test_a_page_is_laid_out_through_its_callback(app: ASGIApp) -> None:
    rules = (await ask(app, "/_dash-dependencies")).json()
    rule = next(r for r in rules if "content.children" in r["output"])
    body = {
        "output": rule["output"],
        "outputs": [
            {"id": "content", "property": "children"},
            {"id": "header-slot", "property": "children"},
            {"id": "route", "property": "data"},
        ],
        "inputs": [{"id": "url", "property": "pathname", "value": "/atlas"}],
        "state": [{"id": "url", "property": "search", "value": ""}],
        "changedPropIds": ["url.pathname"],
    }
    answer = await ask(app, "/_dash-update-component", "POST", {"cookie": "lang=en"}, body)
    made = answer.json()["response"]
    assert made["route"]["data"]["title"] == "Atlas · Tiny Park"
    assert "atlas-map" in json.dumps(made["content"])
    refused = await ask(app, "/_dash-update-component", "POST", {"origin": "http://evil.example"}, body)
    assert refused.status == 403


async def test_the_live_feed_opens_only_to_our_own_pages(app: ASGIApp) -> None:
    own = await knock(app, "/live", {"origin": "http://127.0.0.1:8050"})
    assert own[0]["type"] == "websocket.accept"
    for headers in ({"origin": "http://evil.example"}, {}):
        (message,) = await knock(app, "/live", headers)
        assert (message["type"], message["code"]) == ("websocket.close", 4003)


async def test_an_unknown_host_gets_nothing(app: ASGIApp) -> None:
    assert (await ask(app, "/geo/places.json", headers={"host": "evil.example"})).status == 403


async def test_tiles_of_the_parks_own_base_map_are_served_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "tiles" / "12" / "3411").mkdir(parents=True)
    (tmp_path / "tiles" / "12" / "3411" / "1690.png").write_bytes(b"png")
    env = {"TWIN_DATA": str(tmp_path), "TWIN_OPEN": "1", "TWIN_TILES": str(tmp_path / "tiles")}
    app = create_app(load(env), park=tiny_park())
    answer = await ask(app, "/tiles/under/12/3411/1690.png")
    assert (answer.status, answer.body) == (200, b"png")
    for path in (
        "/tiles/under/12/3411/1691.png",
        "/tiles/over/12/3411/1690.png",
        "/tiles/under/12/../1690.png",
        "/tiles/under/a/b/c.png",
    ):
        assert (await ask(app, path)).status in (404, 422)
