"""What people on site say of a gate that no controller answers for: who, when, how far open.

A statement is not a measurement. It is kept with its own name on it, shown apart from feedback, and a
position the gate's own controller reports always goes before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from geodata.words import Text
from twin.errors import MissingError, RefusedError
from twin.model import AuditLine, Command, CommandState
from twin.records import Records

KIND = "statement"
SHUT = 0.02  # at or below this opening a gate counts as closed
DIFFERS = 0.1  # of full opening: so far from what is measured somebody must look again
MOVED = (CommandState.SENT, CommandState.MOVING, CommandState.DONE, CommandState.FAILED)
EARLY = timedelta(hours=24)  # a gate was not closed so long before the statement


@dataclass(frozen=True, slots=True)
class Statement:
    """Where somebody says a gate stands.

    Attributes
    ----------
    who : str
        Who stood at the gate, as told by telephone.
    by : str
        Account that wrote it down.
    done_at : datetime
        When the gate came to stand there, as told.
    position : float
        0 closed .. 1 open.
    photo : str
        SHA-256 of a picture; older statements name where it is kept.
    """

    id: str
    gate: str
    command: str
    incident: str
    who: str
    by: str
    at: datetime
    done_at: datetime
    position: float
    notes: str = ""
    photo: str = ""


def latest_stated(records: Records) -> dict[str, Statement]:
    """Return the newest statement about each gate, unless the gate was given another command since."""
    found: dict[str, Statement] = {}
    for said in records.papers(KIND, Statement):
        found.setdefault(said.gate, said)
    for c in records.commands(states=MOVED) if found else ():
        told = found.get(c.gate)
        if told is not None and c.id != told.command and c.sent_at is not None and c.sent_at > told.at:
            del found[c.gate]
    return found


def state(records: Records, said: Statement) -> Command:
    """Put a statement on record: the command it answers is done by it, if the gate stands where it should.

    Raises
    ------
    MissingError
        There is no such command.
    RefusedError
        The command was not given to people on site, names and times make no sense, or it is answered already.
    """
    command = records.command(said.command)
    if command is None:
        raise MissingError(f"no command {said.command}")
    if command.gate != said.gate or command.incident != said.incident:
        raise RefusedError(Text("陈述与指令不是同一座闸", "the statement is about another gate"))
    if command.state not in (CommandState.SENT, CommandState.MOVING, CommandState.FAILED):
        raise RefusedError(
            Text(
                "此闸没有待确认的现场指令，或已确认",
                "nobody was asked to move this gate, or it is confirmed already",
            )
        )
    if not said.who.strip():
        raise RefusedError(Text("请写明现场确认人", "say who stands at the gate"))
    if not 0.0 <= said.position <= 1.0:
        raise RefusedError(Text("开度须在 0–100% 之间", "the position is a share between 0 and 1"))
    if not command.proposed_at - EARLY <= said.done_at <= said.at + timedelta(minutes=1):
        raise RefusedError(Text("操作时间不合理，请核对", "the gate cannot have moved at that time"))
    there = abs(said.position - command.target) <= SHUT
    told = DONE if there else NOT_THERE
    message = told.fill(who=said.who.strip(), at=f"{said.position:.0%}", notes=said.notes.strip())
    after = replace(
        command,
        state=CommandState.DONE if there else CommandState.FAILED,
        position=said.position,
        done_at=said.done_at if there else None,
        message=message,
    )
    kept, n = said, 1
    while not records.add_paper(
        KIND, kept.id, kept.incident, kept.at, kept
    ):  # two may speak at the same time
        kept, n = replace(said, id=f"{said.id}-{n + 1}"), n + 1
    records.set_command(after)  # after the statement: if this is lost, saying it again is not refused
    records.audit(AuditLine(said.at, said.by, "gate.stated", said.command, message))
    return after


def differs(said: Statement, measured: float | None) -> bool:
    """Tell whether what is measured speaks against what was said."""
    return measured is not None and abs(measured - said.position) > DIFFERS


NOT_ASKED = Text(
    "此闸没有待确认的现场指令，或已确认", "nobody was asked to move this gate, or it is confirmed already"
)
DONE = Text(
    "现场 {who} 陈述：开度 {at}（非实测）{notes}", "{who} on site says {at} open (not measured) {notes}"
)
NOT_THERE = Text(
    "现场 {who} 陈述：未到位，开度 {at} {notes}", "{who} on site says not in place, {at} open {notes}"
)
