"""Everything on record about one incident in one sealed file: seen, advised, decided, done and scored."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from twin import confirmed, notes
from twin.confirmed import Source
from twin.errors import MissingError
from twin.floodlock import FloodBook, FloodLock, Override
from twin.model import (
    Anomaly,
    AuditLine,
    Command,
    Incident,
    PlanSet,
    Ranking,
    WhatIf,
    from_json,
    to_json,
)
from twin.notes import Note
from twin.plan.afterwards import Review
from twin.plan.own_plan import DRAFT, Draft
from twin.records import Records
from twin.statement import KIND as STATEMENT
from twin.statement import Statement

MOST = 5000  # rows of one kind


@dataclass(frozen=True, slots=True)
class Evidence:
    """One incident with all that belongs to it, oldest first."""

    incident: Incident
    made_at: datetime
    made_by: str
    park: str
    anomalies: tuple[Anomaly, ...]
    rankings: tuple[Ranking, ...]
    plansets: tuple[PlanSet, ...]
    whatifs: tuple[WhatIf, ...]
    commands: tuple[Command, ...]
    statements: tuple[Statement, ...]
    locks: tuple[FloodLock, ...]
    overrides: tuple[Override, ...]
    drafts: tuple[Draft, ...]
    review: Review | None
    score: int | None
    audits: tuple[AuditLine, ...]
    notes: tuple[Note, ...] = ()  # their photos by SHA-256
    sources: tuple[Source, ...] = ()  # who people found it was; the last one counts


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file's content and the SHA-256 of it, as it stands between `"evidence":` and the last brace."""

    sha256: str
    evidence: Evidence


def gather(records: Records, id: str, park: str, by: str, at: datetime) -> Evidence:
    """Read everything about an incident.

    Raises
    ------
    MissingError
        There is no such incident.
    """
    incident = records.incident(id)
    if incident is None:
        raise MissingError(f"no incident {id}")
    commands = records.commands(id)
    book = FloodBook(records)
    overrides = book.overrides(id)
    # A lock counts that stood at any time while the incident went on.
    locks = [k for k in book.locks() if k.lifted_at is None or k.lifted_at >= incident.opened]
    about = [id, *(c.id for c in commands), *(k.id for k in locks)]
    audits = [line for one in about for line in records.audits(one, limit=MOST)]
    review = next(iter(records.papers("review", Review, id)), None)
    return Evidence(
        incident=incident,
        made_at=at,
        made_by=by,
        park=park,
        anomalies=tuple(reversed(records.anomalies(id, limit=MOST))),
        rankings=tuple(records.rankings(id)),
        plansets=tuple(records.plansets(id)),
        whatifs=tuple(records.whatifs(id)),
        commands=tuple(reversed(commands)),
        statements=tuple(reversed(records.papers(STATEMENT, Statement, id))),
        locks=tuple(reversed(locks)),
        overrides=tuple(reversed(overrides)),
        drafts=tuple(reversed(records.papers(DRAFT, Draft, id))),
        review=review,
        score=None if review is None else review.score,
        audits=tuple(sorted(audits, key=lambda line: line.at)),
        notes=tuple(reversed(notes.of(records, id))),
        sources=tuple(reversed(confirmed.of(records, id))),
    )


def seal(evidence: Evidence) -> bytes:
    """Return the file: the evidence as JSON and the hash of exactly those bytes."""
    body = to_json(evidence)
    digest = hashlib.sha256(body).hexdigest()
    return b'{"sha256":"' + digest.encode() + b'","evidence":' + body + b"}"


def opened(file: bytes) -> Evidence:
    """Read a file back.

    Raises
    ------
    ValueError
        It was altered, or is no such file.
    """
    found = from_json(file, Sealed)
    if hashlib.sha256(file[file.index(b'"evidence":') + 11 : -1]).hexdigest() != found.sha256:
        raise ValueError("the file is not as it was sealed")
    return found.evidence
