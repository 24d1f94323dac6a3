"""What people write into the timeline of an incident, with a photo if they have one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from geodata.words import Text
from twin.errors import RefusedError
from twin.model import AuditLine
from twin.photos import Photo
from twin.records import Records

KIND = "note"
ADDED = "note.added"  # in the audit
LONGEST = 500
NOTHING = Text("请写点什么，或附一张照片", "write something, or add a photo")
PHOTO = Text("附照片 {sha}…", "with photo {sha}…")
BOTH = Text("{text}；附照片 {sha}…", "{text}; with photo {sha}…")


@dataclass(frozen=True, slots=True)
class Note:
    """One note; never changed, never removed.

    Attributes
    ----------
    by : str
        Account that wrote it.
    """

    id: str
    incident: str
    by: str
    at: datetime
    text: str
    photo: Photo | None = None


def add(records: Records, incident: str, by: str, at: datetime, text: str, photo: Photo | None) -> Note:
    """Put a note on record.

    Raises
    ------
    RefusedError
        There is no such incident, or nothing in the note.
    UnavailableError
        The records are away.
    """
    text = text.strip()[:LONGEST]
    if not text and photo is None:
        raise RefusedError(NOTHING)
    if records.incident(incident) is None:
        raise RefusedError(Text("没有这起事件", "there is no such incident"))
    n = len(of(records, incident)) + 1
    note = Note(f"{incident}/n{n}", incident, by, at, text, photo)
    while not records.add_paper(KIND, note.id, incident, at, note):  # two may write at the same time
        n += 1
        note = replace(note, id=f"{incident}/n{n}")
    records.audit(AuditLine(at, by, ADDED, incident, _said(text, photo)))
    return note


def _said(text: str, photo: Photo | None) -> Text:
    """Say what a note held, for the audit."""
    if photo is None:
        return Text(text, text)
    form = BOTH if text else PHOTO
    return form.fill(text=text, sha=photo.sha256[:12])


def of(records: Records, incident: str) -> list[Note]:
    """Return the notes of an incident, newest first."""
    return records.papers(KIND, Note, incident)
