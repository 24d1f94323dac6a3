"""Speaks ASGI to an application in the same process: one request, one answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message

HOST = "127.0.0.1:8050"


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of a response."""

    status: int
    headers: Headers
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


async def ask(
    app: ASGIApp, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: Any = None
) -> Answer:
    """Send one request and wait for the whole answer."""
    address, _, query = path.partition("?")
    given = {"host": HOST} | {k.lower(): v for k, v in (headers or {}).items()}
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    if data:
        given.setdefault("content-type", "application/json")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": address,
        "raw_path": address.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.encode(), v.encode()) for k, v in given.items()],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 8050),
    }
    sent: list[Message] = []
    asked = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive() -> Message:
        if asked:
            return asked.pop()
        await asyncio.Event().wait()  # this client does not hang up
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = next(m for m in sent if m["type"] == "http.response.start")
    whole = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    return Answer(start["status"], Headers(raw=start["headers"]), whole)


async def knock(app: ASGIApp, path: str, headers: Mapping[str, str]) -> list[Message]:
    """Open a WebSocket, close it at once, and return what the server sent until then."""
    given = {"host": HOST} | dict(headers)
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(k.encode(), v.encode()) for k, v in given.items()],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 8050),
        "subprotocols": [],
    }
    sent: list[Message] = []
    incoming: list[Message] = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]

    async def receive() -> Message:
        return incoming.pop(0) if incoming else {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def signed_in(app: ASGIApp, user: str, password: str) -> dict[str, str]:
    """Sign in, and return the header that says so from then on."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await ask(app, "/login", "POST", form, urlencode({"user": user, "password": password}).encode())
    return {"cookie": answer.headers["set-cookie"].split(";")[0]}
