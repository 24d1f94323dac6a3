"""Back-fill over REST: `POST /api/readings`, for machines with a token and people with their password.

Rows are written as a gateway writes frames, so sending a request again changes nothing. Every row that was
not taken comes back with its number and its reason.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import csv
import io
import json
import logging
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from geodata.words import Text
from twin.access import Act
from twin.clock import as_datetime, wall_ms
from twin.errors import RefusedError, UnavailableError
from twin.ingest import sheets
from twin.ingest.backfill import WHAT, Backfill, Report
from twin.ingest.rows import Roll
from twin.ingest.tokens import Token, whose
from twin.model import AuditLine

if TYPE_CHECKING:
    from callbacks.pages import Web
    from twin.config import Config

PATH = "/api/readings"
KEY = "rest"
MOST_BYTES, MOST_ROWS = 8_000_000, 50_000
AT_ONCE = 2  # requests that are read at the same time
DONE = Text("接口补录 {taken} 条，拒收 {refused} 条", "over REST: {taken} readings taken, {refused} refused")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends. token: None for a person."""

    name: str
    token: Token | None = None

    def may(self, mn: str) -> bool:
        """Tell whether it may send for a logger."""
        return self.token is None or not self.token.mns or mn in self.token.mns


class RefusedRequestError(Exception):
    """A request that is answered as a whole. headers: what goes with the answer."""

    def __init__(self, status: int, error: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.headers = status, headers or {}

    def response(self) -> Response:
        """Return the answer."""
        return JSONResponse({"error": str(self)}, self.status, self.headers)


class Tally:
    """What came over REST since this web process began; told in the state for the administration page."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.taken = self.refused = self.last_ms = 0

    def count(self, status: int, report: Report | None = None) -> bytes:
        """Count one request; returns the JSON form of everything counted."""
        self.requests[str(status)] += 1
        self.last_ms = wall_ms()
        if report is not None:
            self.taken += report.taken
            self.refused += report.refused
            self.reasons.update(report.reasons)
        whole = {"taken": self.taken, "refused": self.refused, "last_ms": self.last_ms}
        return json.dumps({**whole, "requests": self.requests, "reasons": self.reasons}).encode()


def routes(server: FastAPI, web: Web, tokens: tuple[Token, ...]) -> None:
    """Add the address."""
    tally, gate, roll = Tally(), asyncio.Semaphore(AT_ONCE), Roll(web.park)

    @server.post(PATH)
    async def readings(request: Request) -> Response:
        report: Report | None = None
        try:
            body = await _body(request)
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            async with gate:
                sender = await asyncio.to_thread(
                    identify, web, tokens, request.headers.get("authorization", "")
                )
                report = await asyncio.to_thread(take, web, roll, sender, kind, body)
            out: Response = JSONResponse(report.as_dict(), status_of(report))
        except RefusedRequestError as refusal:
            out = refusal.response()
        except UnavailableError as error:
            log.warning("back-fill waits: %s", error)
            out = RefusedRequestError(
                503, "the stream is away: send all of it again", {"Retry-After": "5"}
            ).response()
        told = tally.count(out.status_code, report)
        with suppress(UnavailableError):
            await asyncio.to_thread(web.stream.tell, KEY, web.config.member, told)
        return out


def tokens(config: Config) -> tuple[Token, ...]:
    """Return the machines that may send.

    Raises
    ------
    ConfigError
        The file of TWIN_DOORS cannot be used.
    """
    if config.doors is None:
        return ()
    from twin.ingest.doors import load  # brings every door's library, which pages do not need

    return load(config.doors).tokens


def status_of(report: Report) -> int:
    """Return 200 where every row was taken, 207 where some were, 422 where none was."""
    if not report.refused:
        return 200
    return 207 if report.taken else 422


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise RefusedRequestError(413, f"more than {MOST_BYTES} bytes: send it in parts")
        parts.append(part)
    return b"".join(parts)


def identify(web: Web, tokens: tuple[Token, ...], said: str) -> Sender:
    """Return who sends.

    Raises
    ------
    RefusedRequestError
        Nobody we know (401), somebody who may not (403), or too many attempts (429).
    """
    scheme, _, rest = said.partition(" ")
    challenge = {"WWW-Authenticate": 'Basic realm="park-twin", charset="UTF-8"'}
    if scheme.lower() == "bearer":
        token = whose(rest.strip(), tokens)
        if token is None:
            raise RefusedRequestError(401, "unknown token", challenge)
        return Sender(token.name, token)
    name, password = _basic(scheme, rest)
    try:
        person = web.access.authenticate(name, password) if name and password else None
    except RefusedError as error:
        raise RefusedRequestError(429, str(error), {"Retry-After": "6"}) from error
    if person is None:
        raise RefusedRequestError(401, "name and password, or a token, are needed", challenge)
    if not web.access.may(person, Act.BACKFILL):
        raise RefusedRequestError(403, f"{person.name} may not back-fill")
    return Sender(person.name)


def _basic(scheme: str, rest: str) -> tuple[str, str]:
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(rest.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password


def take(web: Web, roll: Roll, sender: Sender, kind: str, body: bytes) -> Report:
    """Write the rows of a request.

    Raises
    ------
    RefusedRequestError
        The request cannot be read at all.
    UnavailableError
        The stream is away.
    """
    rows = _csv(body) if kind == "text/csv" else _json(body)
    filling = Backfill(web.stream, roll, f"rest {sender.name}", web.live.now_ms, sender.may)
    for n, entry in rows:
        filling.add(n, entry)
    report = filling.end()
    if sender.token is None:
        detail = DONE.fill(taken=report.taken, refused=report.refused)
        with suppress(UnavailableError):
            web.records.audit(AuditLine(as_datetime(wall_ms()), sender.name, WHAT, "", detail))
    return report


def _json(body: bytes) -> Iterable[tuple[int, Any]]:
    """Rows of a JSON request: a list, or `{"readings": [...]}` with `kind` and `station` for all of them."""
    try:
        whole = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise RefusedRequestError(400, f"this is not JSON: {str(error)[:80]}") from error
    given: dict[str, Any] = {}
    if isinstance(whole, dict):
        given = {k: whole[k] for k in ("kind", "station", "stat", "flag") if k in whole}
        whole = whole.get("readings")
    if not isinstance(whole, list):
        raise RefusedRequestError(400, 'send a list of rows, or {"readings": [...]}')
    if len(whole) > MOST_ROWS:
        raise RefusedRequestError(413, f"more than {MOST_ROWS} rows: send them in parts")
    return [(n, {**given, **row} if isinstance(row, dict) else row) for n, row in enumerate(whole, 1)]


def _csv(body: bytes) -> Iterable[tuple[int, Any]]:
    """Rows of a CSV request, UTF-8, with a line of heads as a file for back-fill has."""
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise RefusedRequestError(400, f"this is not CSV in UTF-8: {str(error)[:80]}") from error
    if len(lines) > MOST_ROWS:
        raise RefusedRequestError(413, f"more than {MOST_ROWS} rows: send them in parts")
    how = sheets.plan([head.strip() for head in lines[0]] if lines else [], sheets.Given())
    if how.missing:
        raise RefusedRequestError(400, f"no column is {how.missing}")
    return [(n + 2, entry) for n, entry in sheets.entries(how, lines[1:])]
