"""The application: our own routes, caching, language, doors. No stream server is needed to build it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from starlette.types import ASGIApp

from callbacks.app import build_id, create_app
from tests.callbacks.asgi import ask, knock
from tests.twin.parks import tiny_park
from twin.config import load

GZIP = {"accept-encoding": "gzip"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> ASGIApp:
    folder: Path = tmp_path_factory.mktemp("web")
    return create_app(load({"TWIN_DATA": str(folder), "TWIN_OPEN": "1"}), park=tiny_park())


async def test_health_tells_build_and_that_the_stream_is_away(app: ASGIApp) -> None:
    answer = (await ask(app, "/healthz")).json()
    assert answer == {"ok": True, "stream": False, "clients": 0, "build": build_id(tiny_park())}


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
    for path in ("/nothing", "/tiles/1/2/3.png"):
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
