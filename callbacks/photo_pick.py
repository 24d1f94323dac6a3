"""Picking a photo on a page, and keeping what the browser read of it."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dash import Input, Output, dcc, html

from geodata.words import Lang, Text
from twin import photos
from twin.errors import RefusedError

if TYPE_CHECKING:
    from twin.config import Config

PICK = Text("拍照或选图", "Take or pick a photo")
PHOTO = Text("现场照片", "photo from the site")
FULL = Text("照片存不下，未记入", "The photo cannot be stored; nothing was added")
FOLDER = "photos"


def box(name: str, lang: Lang) -> list[Any]:
    """Return the button `<name>-photo` and the line `<name>-file` that names what was picked."""
    return [
        dcc.Upload(
            html.Button(PICK.say(lang), className="btn s"),
            id=f"{name}-photo",
            accept=",".join(photos.MEDIA.values()),
            className="note-photo",
        ),
        html.P(id=f"{name}-file", className="mut"),
    ]


def link(sha256: str, lang: Lang) -> Any:
    """Return a photo's small picture, which opens the photo."""
    picture = html.Img(src=f"/photos/{sha256}/small", alt=PHOTO.say(lang))
    return html.A(picture, href=f"/photos/{sha256}", target="_blank", className="lg-photo")


def folder(config: Config) -> Path:
    """Return where photos are kept."""
    return config.data / FOLDER


def unpacked(contents: str) -> bytes:
    """Return the bytes of what the browser read.

    Raises
    ------
    RefusedError
        It is no such thing, or too large.
    """
    if len(contents) > photos.MOST_BYTES * 4 // 3 + 200:
        raise RefusedError(photos.TOO_LARGE)
    try:
        return base64.b64decode(contents.partition(",")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError(photos.NO_PHOTO) from error


def kept(place: Path, contents: str) -> photos.Photo | None:
    """Keep a photo as the browser read it; None where none was picked.

    Raises
    ------
    RefusedError
        It is no sound photo, or too large.
    OSError
        It cannot be stored.
    """
    return photos.keep(place, unpacked(contents)) if contents else None


def register(app: Any, name: str) -> None:
    """Name a picked file beside its button."""
    app.clientside_callback(
        "function(name) { return name || ''; }",
        Output(f"{name}-file", "children"),
        Input(f"{name}-photo", "filename"),
    )
