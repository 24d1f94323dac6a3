"""Writing into the timeline: a few words, a photo, one's name; and where photos are fetched."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, State, dcc, html, no_update
from fastapi import FastAPI, Response
from fastapi.responses import FileResponse, JSONResponse

from callbacks import login, photo_pick, signed_form, signing
from callbacks.pages import in_thread
from geodata.words import Lang, Text
from twin import notes, photos
from twin.access import Act, User
from twin.clock import wall_ms
from twin.errors import RefusedError, UnavailableError

if TYPE_CHECKING:
    from datetime import datetime

    from callbacks.pages import Web

TITLE = Text("记一笔", "Write a note")
KEEP = Text("记入时间线", "Add to the timeline")
HINT = Text("看到什么、做了什么", "what you see, what was done")
DONE = Text("已记入时间线", "It is on the timeline")
AWAY = Text("记录库没有应答，未记入", "The records do not answer; nothing was added")
REFUSED = Text("{why}，未记入", "{why}; nothing was added")


def form(lang: Lang) -> Any:
    """Return the form, closed until it is asked for. Who is signed in types no name and password."""
    signed = login.reader() is not None
    return html.Details(
        [
            html.Summary(TITLE.say(lang)),
            html.Div(
                [
                    dcc.Textarea(
                        id="note-text",
                        maxLength=notes.LONGEST,
                        rows=3,
                        placeholder=HINT.say(lang),
                        className="note-text",
                    ),
                    *photo_pick.box("note", lang),
                    _box("user", Text("账号", "Account"), lang, "text", hidden=signed),
                    _box("password", Text("口令", "Password"), lang, "password", hidden=signed),
                    html.Button(KEEP.say(lang), id="note-keep", className="btn p"),
                    html.Div(id="note-say", className="em-say", role="status"),
                ],
                className="em-form",
            ),
        ],
        className="note-form",
    )


def _box(name: str, word: Text, lang: Lang, kind: Any, *, hidden: bool) -> Any:
    box = dcc.Input(id=f"note-{name}", type=kind, debounce=False, autoComplete="off", maxLength=80)
    return html.Label([html.Span(word.say(lang)), box], hidden=hidden)


def press(
    web: Web,
    text: str,
    contents: str,
    incident: str,
    mark: signing.Signature,
    reader: User | None,
    at: datetime,
) -> signing.Outcome:
    """Put a note on record if that person may; the photo first, so no note shows one that is not there."""
    desk = signing.Desk(web.records, web.access, web.stream)
    try:
        person = signing.known(desk, mark, reader, Act.INCIDENT, incident, at)
        if isinstance(person, signing.Outcome):
            return person
        photo = photo_pick.kept(photo_pick.folder(web.config), contents)
        notes.add(web.records, incident, person.name, at, text, photo)
    except RefusedError as error:
        return signing.Outcome(False, REFUSED.fill(why=error.text))
    except UnavailableError:
        return signing.Outcome(False, AWAY)
    except OSError:
        return signing.Outcome(False, photo_pick.FULL)
    signing.announced(desk, "incident.noted", incident, at)
    return signing.Outcome(True, DONE)


def routes(server: FastAPI, web: Web) -> None:
    """Serve photos to whoever may look at the pages; their address is the hash of what they are."""
    folder = photo_pick.folder(web.config)

    async def photo(name: str) -> Response:
        return await _file(photos.found(folder, name))

    async def small(name: str) -> Response:
        return await _file(photos.found(folder, name, small=True), "image/jpeg")

    async def _file(path: Any, media: str = "") -> Response:
        if path is None:
            return JSONResponse({"error": "no such photo"}, 404)
        head = await asyncio.to_thread(lambda: path.open("rb").read(16)) if not media else b""
        cached = {"Cache-Control": "private, max-age=31536000, immutable"}
        return FileResponse(path, media_type=media or photos.media(head), headers=cached)

    server.add_api_route("/photos/{name}", photo, methods=["GET"], response_model=None)
    server.add_api_route("/photos/{name}/small", small, methods=["GET"], response_model=None)


def register(app: Any, web: Web) -> None:
    """Connect the form."""
    photo_pick.register(app, "note")
    _register_keep(app, web)


def _register_keep(app: Dash, web: Web) -> None:
    @app.callback(
        Output("note-say", "children"),
        Output("note-text", "value"),
        Output("note-photo", "contents"),
        Output("note-photo", "filename"),
        Output("note-password", "value"),
        Output("em-signed", "data", allow_duplicate=True),
        Input("note-keep", "n_clicks"),
        State("note-text", "value"),
        State("note-photo", "contents"),
        State("note-user", "value"),
        State("note-password", "value"),
        State("em-shown", "data"),
        prevent_initial_call=True,
    )
    @in_thread
    def _keep(clicks: int | None, text: Any, contents: Any, user: Any, password: Any, shown: Any) -> Any:
        if not clicks:
            return (no_update,) * 6
        write = partial(press, web, text or "", contents or "")
        done, said = signed_form.pressed(web, shown, user, password, write)
        return (said, *(("", None, "") if done else (no_update,) * 3), "", wall_ms())
