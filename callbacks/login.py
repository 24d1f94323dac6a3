"""Signing in: who may look at the pages, the sign-in page itself, and the session behind it.

A gate is never moved by a session: both signatures under a plan are given with name and password, whoever is
signed in at that desk. A session only says who looks, and who orders what can be taken back.
"""

from __future__ import annotations

import asyncio
import html
import os
import secrets
import time
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import FastAPI, Request
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from geodata.words import Lang, Text, after, as_lang, tag
from twin import clock
from twin.access import Access, Act, Role, User
from twin.clock import as_datetime
from twin.errors import RefusedError, UnavailableError
from twin.model import AuditLine

if TYPE_CHECKING:
    from callbacks.pages import Web
    from twin.config import Config

COOKIE = "twin_session"
DAY_S = 86_400
WALL_S, DESK_S = 90 * DAY_S, DAY_S // 2  # a wall display stays signed in; a person's desk for one shift
LOOK_AGAIN_S = 5.0  # how long an account read from the records is believed
AT_ONCE = 2  # sign-ins that are reckoned at the same time; each takes 32 MiB and a tenth of a second
MOST_FORM = 4096
FREE = ("/assets/", "/_dash-component-suites/", "/healthz", "/login", "/logout", "/favicon.ico")
OWN_DOOR = ("/ogc", "/api/")  # machines sign every request by themselves
SIGNED = "signed.in"

TITLE = Text("登录", "Sign in")
NAME, PASSWORD = Text("账号", "Account"), Text("口令", "Password")
OUT = Text("退出", "Sign out")
WRONG = Text("账号或口令不对", "Account or password is wrong")
TOO_OFTEN = Text("尝试过于频繁，请稍候几秒再试", "Too many attempts; wait a few seconds")
AWAY = Text("记录库没有应答，暂时无法登录", "The records do not answer; nobody can sign in now")
NOBODY = Text(
    "还没有任何账号。请在服务器上运行：twin users add 账号 --role admin",
    "There is no account yet. On the server run: twin users add NAME --role admin",
)
DEMO = Text("演示账号，点选即填", "Accounts of the demo; press one to fill it in")
NEEDED = Text("请先登录", "Sign in first")
MAY_NOT = Text(
    "{who}的账号无此权限，请找值班员或系统管理员",
    "{who} may not do this; ask the duty officer or an administrator",
)

_READER: ContextVar[User | None] = ContextVar("reader", default=None)


def reader() -> User | None:
    """Return who is signed in where the present request comes from; None for a visitor."""
    return _READER.get()


def name() -> str:
    """Return the account that is signed in where the present request comes from; empty for a visitor."""
    person = _READER.get()
    return "" if person is None else person.name


def secret(folder: Path) -> str:
    """Return the key that signs sessions, made at the first start and kept from then on."""
    path = folder / "session.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text("ascii").strip()
    with os.fdopen(handle, "w") as file:
        file.write(key := secrets.token_hex(32))
    return key


class Doorkeeper:
    """Middleware that knows who asks, and refuses visitors where the park is not open to them.

    Parameters
    ----------
    access : Access
    is_open : bool
        Anybody who reaches this server may look.
    """

    def __init__(self, app: ASGIApp, access: Access, is_open: bool) -> None:
        self._app, self._access, self._open = app, access, is_open
        self._seen: dict[str, tuple[float, User | None, str]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or send its reader to the sign-in page."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        person = await self._person(scope.get("session") or {})
        token = _READER.set(person)
        try:
            if self._open or person is not None or scope["path"].startswith(FREE + OWN_DOOR):
                await self._app(scope, receive, send)
            else:
                await _refuse(scope, receive, send)
        finally:
            _READER.reset(token)

    async def _person(self, session: dict[str, Any]) -> User | None:
        name, mark = session.get("user"), session.get("mark")
        if not isinstance(name, str) or not isinstance(mark, str):
            return None
        at, person, expected = self._seen.get(name, (float("-inf"), None, ""))
        if time.monotonic() - at > LOOK_AGAIN_S:
            try:
                person, expected = await asyncio.to_thread(self._access.known, name)
            except UnavailableError:
                pass  # the records are away: who was known stays known
            else:
                self._seen[name] = (time.monotonic(), person, expected)
        if person is None or not secrets.compare_digest(mark, expected):
            return None  # no such account any more, or its password was changed
        age_s = clock.wall_ms() / 1000 - float(session.get("at", 0))
        return person if age_s < (WALL_S if person.role is Role.VIEWER else DESK_S) else None


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        # taken and given back: of a connection that was never taken a browser does not learn why
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4401, "reason": "sign in first"})
        return
    await _sign_in_first(Request(scope))(scope, receive, send)


def _sign_in_first(request: Request) -> Response:
    """Send a person to the sign-in page and back, tell a machine."""
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(back, safe='')}", 303)
    return JSONResponse({"error": NEEDED.en}, 401)


def refusal(access: Access, act: Act, request: Request) -> Response | None:
    """Return what a reader is answered who may not do something; None for one who may.

    A visitor is asked to sign in, also where the pages are open to everybody.
    """
    person = reader()
    if access.may(person, act):
        return None
    if person is None:
        return _sign_in_first(request)
    lang = as_lang(request.cookies.get("lang") or "zh")
    return JSONResponse({"error": MAY_NOT.fill(who=person.display).say(lang)}, 403)


def keep(server: FastAPI, config: Config, access: Access) -> None:
    """Put the doorkeeper and the session around the application; the last one added stands outermost."""
    server.add_middleware(Doorkeeper, access=access, is_open=config.open)
    server.add_middleware(
        SessionMiddleware,
        secret_key=secret(config.data),
        session_cookie=COOKIE,
        max_age=WALL_S,
        same_site="lax",
        https_only=config.https,
    )


def routes(server: FastAPI, web: Web) -> None:
    """Add the sign-in page and what its form and the sign-out button are sent to."""
    gate = asyncio.Semaphore(AT_ONCE)

    @server.get("/login")
    async def look(request: Request) -> Response:
        lang = as_lang(request.query_params.get("lang") or request.cookies.get("lang") or web.config.lang)
        back = inside(request.query_params.get("next", "/"))
        return await _page(web, lang, back, None)

    @server.post("/login")
    async def sign_in(request: Request) -> Response:
        form = await _form(request)
        lang = as_lang(request.cookies.get("lang") or web.config.lang)
        back = inside(form.get("next", "/"))
        async with gate:
            person = await asyncio.to_thread(
                _authenticate, web, form.get("user", ""), form.get("password", "")
            )
        if isinstance(person, Text):
            return await _page(web, lang, back, person)
        _, mark = await asyncio.to_thread(web.access.known, person.name)
        request.session.clear()
        request.session.update(user=person.name, mark=mark, at=clock.wall_ms() / 1000)
        return RedirectResponse(back, 303)

    @server.post("/logout")
    async def sign_out(request: Request) -> Response:
        request.session.clear()
        return RedirectResponse("/", 303)


def _authenticate(web: Web, name: str, password: str) -> User | Text:
    """Return the person, or the sentence that says why nobody came in; both are put on record."""
    at, records = as_datetime(clock.wall_ms()), web.past.now.records  # a reader of the past signs in now
    try:
        person = web.access.authenticate(name, password) if name.strip() and password else None
        if person is None or not web.access.may(person, Act.VIEW):
            records.audit(AuditLine(at, name.strip()[:64], "signin.refused", "", WRONG))
            return WRONG
        records.audit(AuditLine(at, person.name, SIGNED, "", person.display))
    except RefusedError:
        return TOO_OFTEN
    except UnavailableError:
        return AWAY
    return person


async def _form(request: Request) -> dict[str, str]:
    """Read a short form; more than it can hold is not read."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_FORM:
            return {}
    return {k: v[0] for k, v in parse_qs(body.decode("utf-8", "replace")).items()}


def inside(address: str) -> str:
    """Return an address of this server, "/" for any other: a sign-in must not lead somewhere else."""
    parts = urlsplit(address)
    clean = address.startswith("/") and not address.startswith(("//", "/\\")) and "\n" not in address
    return address if clean and not parts.scheme and not parts.netloc else "/"


async def _page(web: Web, lang: Lang, back: str, wrong: Text | None) -> Response:
    try:
        people = await asyncio.to_thread(web.access.users)
    except UnavailableError:
        people, wrong = [], AWAY
    if not people and wrong is None:
        wrong = NOBODY
    shown = [(p.name, p.display.say(lang)) for p in people] if web.config.demo else []
    return Response(
        page(web.park.name, lang, back, wrong, shown), 401 if wrong else 200, media_type="text/html"
    )


def page(park: Text, lang: Lang, back: str, wrong: Text | None, demo: list[tuple[str, str]]) -> str:
    """Write the sign-in page; it works without any script but for the buttons of the demo."""
    e = html.escape
    other, other_name = after(lang)
    note = f'<p class="login-wrong" role="alert">{e(wrong.say(lang))}</p>' if wrong else ""
    buttons = "".join(
        f'<button type="button" class="btn s" data-user="{e(n)}" data-password="demo-{e(n)}">{e(d)}</button>'
        for n, d in demo
    )
    people = f'<div class="login-demo"><p class="mut">{DEMO.say(lang)}</p>{buttons}</div>' if demo else ""
    return f"""<!doctype html>
<html lang="{tag(lang)}" data-theme="dark" data-scale="desk">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{e(TITLE.say(lang))} · {e(park.say(lang))}</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/assets/tokens.css">
<link rel="stylesheet" href="/assets/shell.css">
<link rel="stylesheet" href="/assets/login.css"></head>
<body class="login"><main><header><b>{e(park.say(lang))}</b>
<a href="/login?lang={other}&amp;next={quote(back, safe="")}" lang="{other}">{other_name}</a></header>
<form method="post" action="/login"><h1>{e(TITLE.say(lang))}</h1>{note}
{_box("user", NAME, "text", "username", lang)}
{_box("password", PASSWORD, "password", "current-password", lang)}
<input type="hidden" name="next" value="{e(back)}">
<button class="btn p" type="submit">{e(TITLE.say(lang))}</button></form>{people}</main>
<script src="/assets/login.js"></script></body></html>"""


def _box(name: str, label: Text, kind: str, fill: str, lang: Lang) -> str:
    first = " autofocus" if name == "user" else ""
    box = f'<input name="{name}" type="{kind}" autocomplete="{fill}" autocapitalize="none" required{first}>'
    return f"<label>{html.escape(label.say(lang))}{box}</label>"
