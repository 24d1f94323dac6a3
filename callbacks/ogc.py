"""The park for GIS programs: OGC API - Features, Part 1 (OGC 17-069r4), read only, with live values.

Conformance classes Core, GeoJSON and OpenAPI 3.0. QGIS: add a layer of "WFS / OGC API - Features" with the
address `http://<host>/ogc` and basic authentication. Every request carries name and password of an account
(HTTP Basic, RFC 7617), or the session of whoever is signed in to the pages.

`answer` knows the standard and no web server; `routes` puts it behind the door.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from callbacks import login
from callbacks.features import Collection, collections
from callbacks.ogc_documents import JSON, OPENAPI, about, conformance, landing, openapi, upper_links
from callbacks.ogc_query import GEOJSON, Query, QueryError, chosen, features, one, parse
from twin import clock
from twin.access import Access, Act, User
from twin.clock import as_datetime
from twin.errors import RefusedError, UnavailableError

if TYPE_CHECKING:
    from callbacks.pages import Web

ROOT = "/ogc"
REALM = 'Basic realm="park-twin", charset="UTF-8"'
BELIEVED_S = 60.0  # how long a password that was right need not be reckoned again
EVERY_S, AT_ONCE = 0.05, 60  # requests of one person: a burst, then twenty a second
PEOPLE = 256  # remembered at a time


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent."""

    status: int
    body: Mapping[str, Any]
    media: str = JSON


def answer(shelf: Mapping[str, Collection], path: str, query: Mapping[str, str], base: str) -> Answer:
    """Answer one GET.

    Parameters
    ----------
    shelf : mapping
        Collections by id.
    path : str
        What follows the address of the service, without slashes at its ends.
    query : mapping
        Parameters; one given twice is the last.
    base : str
        Address of the service, for links.
    """
    parts = path.split("/") if path else []
    try:
        if parts[:1] == ["collections"] and parts[2:3] == ["items"]:
            return _items(shelf, parts, query, base)
        Query.nothing_but(query, ("f",))
        if not parts:
            return Answer(200, landing(base))
        if parts == ["conformance"]:
            return Answer(200, conformance())
        if parts == ["api"]:
            return Answer(200, openapi(shelf.values(), base), OPENAPI)
        if parts == ["collections"]:
            found = [about(c, base) for c in shelf.values()]
            links = upper_links(base)
            return Answer(200, {"links": links, "collections": found})
        if parts[0] == "collections" and len(parts) == 2 and parts[1] in shelf:
            return Answer(200, about(shelf[parts[1]], base))
    except QueryError as error:
        return refusal(400, "InvalidParameterValue", str(error))
    return refusal(404, "NotFound", f"there is nothing at /{path}")


def _items(shelf: Mapping[str, Collection], parts: list[str], query: Mapping[str, str], base: str) -> Answer:
    collection = shelf.get(parts[1])
    if collection is None:
        return refusal(404, "NotFound", f"there is no collection {parts[1]}")
    if len(parts) > 3:
        Query.nothing_but(query, ("f",))
        key = "/".join(parts[3:])  # an id may hold a slash
        found = one(collection, key, base)
        if found is None:
            return refusal(404, "NotFound", f"{parts[1]} has no feature {key}")
        return Answer(200, found, GEOJSON)
    asked = parse(collection, query)
    rows, live = chosen(collection, asked)
    stamp = as_datetime(clock.wall_ms()).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Answer(200, features(collection, asked, rows, live, base, query) | {"timeStamp": stamp}, GEOJSON)


def refusal(status: int, code: str, description: str) -> Answer:
    """Return an exception as the standard writes it: a code for machines, a sentence for people."""
    return Answer(status, {"code": code, "description": description})


@dataclass(slots=True)
class _Seen:
    """A person whose password was right: until when that is believed, and how much they may still ask."""

    person: User
    until: float
    tokens: float = float(AT_ONCE)
    at: float = field(default_factory=time.monotonic)


class Door:
    """Tells who sends a request. A right password is believed for a minute, as a hash with a key of its own,
    so that a map of many pages does not pay for each of them with a tenth of a second of reckoning."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._key = secrets.token_bytes(32)
        self._seen: dict[bytes, _Seen] = {}

    def person(self, header: str) -> User | None:
        """Return who a header of HTTP Basic names; None where name or password is wrong or missing.

        Raises
        ------
        RefusedError
            Too many attempts, or too many requests.
        """
        kind, _, word = header.partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            told = base64.b64decode(word.strip(), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return None
        name, colon, password = told.partition(":")
        if not colon or not name or not password:
            return None
        mark = hashlib.blake2b(word.strip().encode(), key=self._key).digest()
        now = time.monotonic()
        seen = self._seen.get(mark)
        if seen is None or seen.until < now:
            person = self._access.authenticate(name, password)
            if person is None:
                self._seen.pop(mark, None)
                return None
            if len(self._seen) >= PEOPLE:
                self._seen.pop(next(iter(self._seen)))
            tokens, at = (seen.tokens, seen.at) if seen else (float(AT_ONCE), now)
            seen = self._seen[mark] = _Seen(person, now + BELIEVED_S, tokens, at)
        seen.tokens = min(seen.tokens + (now - seen.at) / EVERY_S, AT_ONCE)
        seen.at = now
        if seen.tokens < 1:
            raise RefusedError("too many requests: ask more slowly")
        seen.tokens -= 1
        return seen.person


def routes(server: FastAPI, web: Web) -> None:
    """Put the service at `/ogc`."""
    door = Door(web.access)
    shelves: dict[str, dict[str, Collection]] = {}
    reckoning = asyncio.Semaphore(login.AT_ONCE)

    def shelf() -> dict[str, Collection]:
        if web.park.version not in shelves:
            shelves.clear()  # one version is served at a time
            shelves[web.park.version] = collections(web)
        return shelves[web.park.version]

    async def who(request: Request) -> User | Answer:
        """The reader, or why there is none."""
        if "authorization" not in request.headers and (reader := login.reader()) is not None:
            return reader
        try:
            async with reckoning:
                found = await asyncio.to_thread(door.person, request.headers.get("authorization", ""))
        except RefusedError as error:
            return refusal(429, "TooManyRequests", str(error))
        except UnavailableError:
            return refusal(503, "Unavailable", "the records do not answer")
        if found is None:
            return refusal(401, "Unauthorized", "name and password of an account are needed")
        if not web.access.may(found, Act.VIEW):
            return refusal(403, "Forbidden", f"{found.name} may not look")
        return found

    async def serve(request: Request, path: str = "") -> Response:
        reader = await who(request)
        if isinstance(reader, Answer):
            return _sent(reader, request)
        base = str(request.base_url).rstrip("/") + ROOT
        query = dict(request.query_params)
        found = await asyncio.to_thread(lambda: answer(shelf(), path.strip("/"), query, base))
        return _sent(found, request)

    methods = ["GET", "HEAD"]
    server.add_api_route(ROOT, serve, methods=methods, response_model=None)
    server.add_api_route(ROOT + "/{path:path}", serve, methods=methods, response_model=None)


def _sent(found: Answer, request: Request) -> Response:
    headers = {"Cache-Control": "no-store", "Vary": "Authorization, Cookie"}
    if found.status == 401:
        headers["WWW-Authenticate"] = REALM
    if found.status == 429:
        headers["Retry-After"] = "6"
    body = json.dumps(found.body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return Response(b"" if request.method == "HEAD" else body, found.status, headers, found.media)
