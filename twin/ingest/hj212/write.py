"""Messages to frames: what a logger sends, what a platform asks and answers.

One dialect number decides the details: 2005 has neither QN nor Flag unless they are needed, 2017 and 2025
always have both and carry the version in Flag.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from twin.ingest.hj212.crc import crc_text
from twin.ingest.hj212.sealing import Seal
from twin.ingest.hj212.sealing import seal as sealed
from twin.ingest.hj212.segment import STANDARD_SEGMENT
from twin.ingest.hj212.times import epoch_ms
from twin.ingest.hj212.times import qn as qn_text

Dialect = Literal[2005, 2017, 2025]
Item = tuple[str, str]
Group = Sequence[Item]

_VERSION_BITS = {2005: 0, 2017: 1, 2025: 2}
_CP_LIMIT = {2005: 960, 2017: 950, 2025: 950}
_ROOM_FOR_PARTS = len(";PNUM=9999;PNO=9999")


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be said, before it is cut into frames.

    Attributes
    ----------
    groups : sequence of sequences of (name, value)
        The data area; one inner sequence per factor, the first one usually DataTime alone.
    ack : bool
        Ask for an answer.
    resent : bool
        Mark as sent again after a gap; only 2025 has a field for it.
    """

    st: str
    cn: str
    pw: str
    mn: str
    qn: str | None = None
    groups: Sequence[Group] = ()
    ack: bool = False
    dialect: Dialect = 2017
    resent: bool = False


def frame(segment: bytes, seal: Seal | None = None) -> bytes:
    """Put header, length, check and tail around a data segment.

    Parameters
    ----------
    seal : Seal, optional
        Encrypt the data area where the command asks for it. Length and check are those of the plain segment.

    Raises
    ------
    ValueError
        The segment is longer than four digits of length can say.
    """
    if len(segment) > 9999:
        raise ValueError(f"a data segment of {len(segment)} bytes does not fit a frame (9999)")
    body = segment if seal is None else sealed(segment, seal)
    return b"##%04d%b%b\r\n" % (len(segment), body, crc_text(segment))


def area(groups: Iterable[Group]) -> str:
    """Write a data area, without the `&&` around it."""
    return ";".join(",".join(f"{name}={value}" for name, value in group) for group in groups)


def segment(message: Message, cp: str, part: tuple[int, int] | None = None, qn: str | None = None) -> bytes:
    """Write a data segment, UTF-8.

    Parameters
    ----------
    message : Message
        Its header fields are used, its groups are not.
    cp : str
        The data area.
    part : (int, int), optional
        PNUM and PNO of one part of a split message.
    qn : str, optional
        In place of the message's own.
    """
    flag = _VERSION_BITS[message.dialect] << 2 | (2 if part else 0) | (1 if message.ack else 0)
    number = qn or message.qn
    fields = [f"QN={number}"] if number is not None else []
    fields += [f"ST={message.st}", f"CN={message.cn}", f"PW={message.pw}", f"MN={message.mn}"]
    if flag or message.dialect != 2005:
        fields.append(f"Flag={flag}")
    if part:
        fields += [f"PNUM={part[0]}", f"PNO={part[1]}"]
    if message.resent and message.dialect == 2025:
        fields.append("RF=1")
    return (";".join(fields) + f";CP=&&{cp}&&").encode()


def frames(message: Message, seal: Seal | None = None) -> list[bytes]:
    """Write a message as one frame, or as several where the standard's limits demand it.

    A message is cut between factors. Each part repeats DataTime and has a QN one millisecond later than the
    part before it, as the standard's example does.

    Raises
    ------
    ValueError
        One factor alone is longer than a frame may be.
    """
    parts = _parts(message)
    if len(parts) == 1:
        return [frame(segment(message, parts[0]), seal)]
    at_ms = None if message.qn is None else epoch_ms(message.qn)
    out = []
    for i, cp in enumerate(parts):
        qn = None if at_ms is None else qn_text(at_ms + i)
        out.append(frame(segment(message, cp, (len(parts), i + 1), qn), seal))
    return out


def _parts(message: Message) -> list[str]:
    whole = area(message.groups)
    if len(segment(message, whole)) <= STANDARD_SEGMENT and _size(whole) <= _CP_LIMIT[message.dialect]:
        return [whole]
    empty = len(segment(message, "")) + _ROOM_FOR_PARTS
    limit = min(_CP_LIMIT[message.dialect], STANDARD_SEGMENT - empty)
    groups = list(message.groups)
    timed = bool(groups) and any(name == "DataTime" for name, _ in groups[0])
    lead = [area([groups.pop(0)])] if timed else []
    parts: list[list[str]] = []
    for text in (area([group]) for group in groups):
        if not parts or _size(";".join([*parts[-1], text])) > limit:
            parts.append([*lead])
        parts[-1].append(text)
        if _size(";".join(parts[-1])) > limit:
            raise ValueError(f"one factor of {_size(text)} bytes does not fit a frame: {text[:40]}…")
    if not parts:
        raise ValueError("header and DataTime alone do not fit a frame")
    return [";".join(part) for part in parts]


def _size(text: str) -> int:
    return len(text.encode())
