"""The door: hosts, origins, headers."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from callbacks.guard import Guard
from tests.callbacks.asgi import ask, knock


def app(*extra: str) -> ASGIApp:
    def hello(_: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    inner = Starlette(routes=[Route("/{path:path}", hello, methods=["GET", "POST"])])
    return Guard(inner, "127.0.0.1", extra)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8050", True),
        ("localhost:8050", True),
        ("192.168.7.20:8050", True),
        ("[::1]:8050", True),
        ("twin.park.local", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
async def test_only_names_of_this_server_are_served(host: str, allowed: bool) -> None:
    answer = await ask(app("twin.park.local", "other"), "/", headers={"host": host})
    assert answer.status == (200 if allowed else 403)


@pytest.mark.parametrize(
    ("method", "origin", "status"),
    [
        ("POST", "http://127.0.0.1:8050", 200),
        ("POST", None, 200),
        ("POST", "http://evil.example", 403),
        ("POST", "null", 403),
        ("GET", "http://evil.example", 200),
    ],
)
async def test_changes_come_from_our_own_pages(method: str, origin: str | None, status: int) -> None:
    headers = {"origin": origin} if origin else {}
    assert (await ask(app(), "/", method, headers)).status == status


async def test_every_answer_forbids_what_is_not_ours() -> None:
    headers = (await ask(app(), "/")).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


async def test_a_language_in_the_address_is_kept() -> None:
    assert (await ask(app(), "/atlas?lang=en")).headers["set-cookie"].startswith("lang=en;")
    assert "set-cookie" not in (await ask(app(), "/atlas?lang=xx")).headers


async def test_assets_of_a_known_age_are_kept_for_ever() -> None:
    assert "immutable" in (await ask(app(), "/assets/map.js?m=1.5")).headers["cache-control"]
    assert "cache-control" not in (await ask(app(), "/assets/map.js")).headers


async def test_a_socket_of_another_origin_is_closed() -> None:
    (message,) = await knock(app(), "/live", {"origin": "http://evil.example"})
    assert (message["type"], message["code"]) == ("websocket.close", 4003)
