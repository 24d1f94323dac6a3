"""Manners at the door: known hosts, same origin for every change, security headers, caching, language.

A park's page must not be reachable through a name somebody else controls (DNS rebinding), so the Host must
be an address, localhost, this machine's own name, or one that was allowed by `TWIN_HOSTS`.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws: wss:; "
    "worker-src 'self' blob:; frame-ancestors 'self'; base-uri 'self'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
YEAR = "public, max-age=31536000, immutable"


class Guard:
    """Middleware around the whole application.

    Parameters
    ----------
    host : str
        What the server binds to; allowed as a name.
    extra : collection of str
        More allowed names, lower case.
    """

    def __init__(self, app: ASGIApp, host: str, extra: Collection[str] = ()) -> None:
        self._app = app
        self._names = {"localhost", "testserver", host.lower(), socket.gethostname().lower(), *extra}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4003, "reason": refusal})
        elif refusal:
            await PlainTextResponse(refusal, 403)(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, _polite(scope, send))

    def allows(self, host: str) -> bool:
        """Tell whether a Host header names this server."""
        name = (urlsplit(f"//{host}").hostname or "").lower()
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return True

    def _refusal(self, scope: Scope, headers: Headers) -> str:
        host = headers.get("host", "")
        if not self.allows(host):
            return "unknown host: set TWIN_HOSTS to allow it"
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")
        origin = headers.get("origin")
        if changes and origin and urlsplit(origin).netloc != host:
            return "another origin"
        if changes and headers.get("sec-fetch-site") == "cross-site":
            return "another site"
        return ""


def _polite(scope: Scope, send: Send) -> Send:
    """Add security and caching headers; keep a language that was asked for in the address."""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    path: str = scope["path"]

    async def out(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if path.startswith("/assets/") and "m" in query:
                headers["Cache-Control"] = YEAR
            lang: Any = query.get("lang", [""])[0]
            if lang in ("zh", "en"):
                headers.append("Set-Cookie", f"lang={lang}; Path=/; Max-Age=31536000; SameSite=Lax")
        await send(message)

    return out
