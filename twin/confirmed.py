"""Who it was: what people have established about the source of an incident, after the machine's ranking.

A ranking is a reason to look; this is what was found. It is signed, never removed, and a later one takes its
place. Sources found before are weak evidence in later incidents (`twin.trace.own.found_before`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from geodata.places import Park
from geodata.words import Text
from twin.errors import RefusedError
from twin.model import AuditLine
from twin.records import Records

KIND = "source"
CONFIRMED = "source.confirmed"  # in the audit
UNLISTED = "unlisted"  # in place of an enterprise: the source is on no list
LONGEST = 300
MOST = 5000  # that are read back
NO_INCIDENT = Text("没有这起事件", "there is no such incident")
NOBODY = Text("请选择来源", "choose the source")
NO_GROUNDS = Text("请写明依据，如现场检查、执法采样", "say on what grounds: an inspection, a legal sample")
SOMEBODY = Text("查实来源为 {who}：{grounds}", "found to be the source: {who}; {grounds}")
NO_LISTED = Text("未列明来源", "a source on no list")


@dataclass(frozen=True, slots=True)
class Source:
    """What a person has put on record about where it came from.

    Attributes
    ----------
    enterprise : str
        Its id, or `UNLISTED`.
    by : str
        Account of who signed.
    drill : bool
        Of an exercise: it says nothing about an enterprise's past.
    """

    id: str
    incident: str
    enterprise: str
    grounds: str
    by: str
    at: datetime
    drill: bool = False


def confirm(
    records: Records, park: Park, incident: str, enterprise: str, grounds: str, by: str, at: datetime
) -> Source:
    """Put on record who it was.

    Raises
    ------
    RefusedError
        There is no such incident or enterprise, or no grounds are given.
    UnavailableError
        The records are away.
    """
    known = {e.id: e.name for e in park.enterprises} | {UNLISTED: NO_LISTED}
    about, grounds = records.incident(incident), grounds.strip()[:LONGEST]
    if about is None:
        raise RefusedError(NO_INCIDENT)
    if enterprise not in known:
        raise RefusedError(NOBODY)
    if not grounds:
        raise RefusedError(NO_GROUNDS)
    n = len(of(records, incident)) + 1
    source = Source(f"{incident}/s{n}", incident, enterprise, grounds, by, at, about.drill)
    while not records.add_paper(KIND, source.id, incident, at, source):  # two may sign at the same time
        n += 1
        source = replace(source, id=f"{incident}/s{n}")
    said = SOMEBODY.fill(who=known[enterprise], grounds=grounds)
    records.audit(AuditLine(at, by, CONFIRMED, incident, said))
    return source


def of(records: Records, incident: str) -> list[Source]:
    """Return what was put on record about an incident, newest first."""
    return records.papers(KIND, Source, incident)


def before(records: Records, incident: str, *, drill: bool) -> dict[str, int]:
    """Count the other incidents an enterprise was found to be the source of, by enterprise.

    Exercises count for exercises only: they say nothing about an enterprise.
    """
    last: dict[str, Source] = {}
    for source in records.papers(KIND, Source, limit=MOST):  # newest first
        last.setdefault(source.incident, source)
    found = Counter(
        s.enterprise
        for s in last.values()
        if s.incident != incident and s.drill is drill and s.enterprise != UNLISTED
    )
    return dict(sorted(found.items()))
