"""The short way for frames whose like has been met before: bytes to numbers with no packet in between.

A logger sends the same frame over and over; only QN, DataTime and the values change. Once the careful way
(`frame`, `segment`, `readings`) has read a frame and found nothing odd in it, frames with the same header and
the same names in the same places are read here at a third of the cost. Every rule of the careful way that
such a frame could still break is checked; where one is, the frame is not taken and goes the careful way. So
the outcome is the same, and the tests hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from twin.blocks import Layout
from twin.ingest.hj212.answers import answer_to
from twin.ingest.hj212.crc import crc_text
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.readings import Interpreter, Plan
from twin.ingest.hj212.segment import STANDARD_CP, STANDARD_SEGMENT
from twin.ingest.hj212.times import epoch_ms
from twin.series import Kind

FORMS_PER_HEAD = 4
MOMENTS_KEPT = 4096
FORMS_KEPT = 4096
LONGEST_NUMBERS = 280  # digits of all values together: far from where a float ends
_SIZES = {b"##%04d" % n: n for n in range(STANDARD_SEGMENT + 1)}
_TAIL = b"\r\n"
_TO_EQUALS = bytes.maketrans(b",;", b"==")
_NOT_SEPARATORS = bytes(set(range(256)) - set(b"=,;"))
_NUMERIC = b"0123456789.+-"
_AREA = b";CP=&&"
_HEAD_SIZE, _QN_END = 6, 20

Values = Callable[[list[bytes]], Any]


@dataclass(slots=True, eq=False)
class Form:
    """Which items a data area has, and which of them are numbers and marks. Many loggers share one."""

    shape: bytes
    names: list[bytes]
    numbers: Values
    marks: Values | None
    no_flags: bytes
    kinds: tuple[Kind, ...]


@dataclass(slots=True, eq=False)
class Head:
    """One logger's header without the QN, and what follows from it.

    Attributes
    ----------
    answer : bytes or None
        What stands behind the QN in the answer's data segment.
    about : object
        Whatever the caller keeps with it.
    """

    mn: str
    about: Any
    answer: bytes | None
    forms: list[tuple[Form, Layout]] = field(default_factory=list)


class Taken(NamedTuple):
    """One frame taken the short way."""

    head: Head
    layout: Layout
    raw: bytes
    at_ms: int
    values: list[float]
    flags: bytes
    qn: bytes


class Memory:
    """What the short way remembers for all connections: forms, and moments as epoch milliseconds."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}
        self._forms: dict[Plan, Form | None] = {}

    def form(self, plan: Plan, shape: bytes, names: list[str]) -> Form | None:
        """How the short way reads frames of a plan; None where only the careful way can."""
        if plan not in self._forms:
            if len(self._forms) >= FORMS_KEPT:
                self._forms.clear()
            self._forms[plan] = _form(plan, shape, names)
        return self._forms[plan]

    def qn(self, text: bytes) -> int | None:
        """Read the 17 digits of a QN; None where they are no moment."""
        ms = self.of(text[:14])
        return None if ms is None else ms + int(text[14:])

    def of(self, text: bytes) -> int | None:
        """Read 14 digits; None where they are no moment."""
        ms = self._known.get(text)
        if ms is None:
            ms = epoch_ms(text.decode("latin-1")) if len(text) == 14 else None
            if ms is None:
                return None
            if len(self._known) >= MOMENTS_KEPT:
                self._known.clear()
            self._known[text] = ms
        return ms


def take(data: bytes, heads: dict[bytes, Head], memory: Memory, out: list[Taken]) -> int:
    """Take frames from the start of a read for as long as their like is known; return how many bytes."""
    pos, end = 0, len(data)
    while pos < end:
        size = _SIZES.get(data[pos : pos + _HEAD_SIZE])
        if size is None:
            break
        stop = pos + _HEAD_SIZE + size
        segment = data[pos + _HEAD_SIZE : stop]
        if data[stop + 4 : stop + 6] != _TAIL or data[stop : stop + 4] != crc_text(segment):
            break
        found = _read(segment, data[pos : stop + 6], heads, memory)
        if found is None:
            break
        out.append(found)
        pos = stop + 6
    return pos


def _read(segment: bytes, raw: bytes, heads: dict[bytes, Head], memory: Memory) -> Taken | None:
    at = segment.find(_AREA)
    head = heads.get(segment[_QN_END:at])
    qn = segment[3:_QN_END]
    if head is None or segment[:3] != b"QN=" or not qn.isdigit() or memory.of(qn[:14]) is None:
        return None
    area = segment[at + len(_AREA) : -2]
    if segment[-2:] != b"&&" or len(area) > STANDARD_CP or b" " in area or not area.isascii():
        return None
    items = area.translate(_TO_EQUALS).split(b"=")
    names = items[::2]
    shape = area.translate(None, _NOT_SEPARATORS)
    for form, layout in head.forms:
        if form.names == names and form.shape == shape:
            read = _values(form, items[1::2], memory)
            return None if read is None else Taken(head, layout, raw, *read, qn)
    return None


def _values(form: Form, values: list[bytes], memory: Memory) -> tuple[int, list[float], bytes] | None:
    """Read moment, numbers and marks; None where one of them is not plainly that."""
    numbers = form.numbers(values)
    text = b"".join(numbers)
    at_ms = memory.of(values[0])
    if at_ms is None or len(text) > LONGEST_NUMBERS or text.translate(None, _NUMERIC):
        return None
    flags = form.no_flags
    if form.marks is not None:
        flags = _one_each(form.marks(values))
        if not flags:
            return None
    try:
        return at_ms, list(map(float, numbers)), flags
    except ValueError:
        return None


def _one_each(marks: tuple[bytes, ...]) -> bytes:
    """Return one byte for each mark; nothing where one is no single letter or digit."""
    text = b",".join(marks)
    flags = text[::2]
    if len(text) != 2 * len(marks) - 1 or text[1::2].count(b",") != len(marks) - 1 or not flags.isalnum():
        return b""
    return flags


def learn(
    packet: Packet, interpreter: Interpreter, heads: dict[bytes, Head], memory: Memory, about: object
) -> None:
    """Remember how a packet was read, if the short way can read its like."""
    at = packet.raw.find(_AREA)
    if packet.flat is None or packet.deviations or packet.qn is None or packet.split or at < 0:
        return
    qn = packet.qn.encode()
    if packet.raw[_HEAD_SIZE : _HEAD_SIZE + _QN_END] != b"QN=%b" % qn:
        return
    plan = interpreter.plan_of(packet)
    form = None if plan is None else memory.form(plan, packet.shape, packet.flat[::2])
    if plan is None or form is None:
        return
    key = packet.raw[_HEAD_SIZE + _QN_END : at]
    head = heads.get(key)
    if head is None:
        said = answer_to(packet)
        segment = b"" if said is None else said.encode()[_HEAD_SIZE:-6]
        if segment and segment[3:_QN_END] != qn:
            return
        head = heads[key] = Head(packet.mn or "", about, segment[_QN_END:] or None)
    head.forms.insert(0, (form, Layout(packet.mn or "", form.kinds)))
    del head.forms[FORMS_PER_HEAD:]


def _form(plan: Plan, shape: bytes, names: list[str]) -> Form | None:
    marks = [c.mark for c in plan.columns]
    if plan.odd or plan.moments != [0] or not marks or any(c.moment != 0 for c in plan.columns):
        return None
    if max(marks) >= 0 and min(marks) < 0:
        return None
    return Form(
        shape,
        [name.encode("ascii") for name in names],
        _getter([c.value for c in plan.columns]),
        _getter(marks) if marks[0] >= 0 else None,
        bytes(len(marks)),
        plan.kinds(),
    )


def answer(taken: Taken) -> bytes | None:
    """Return the answer's frame; None where none is wanted."""
    rest = taken.head.answer
    if rest is None:
        return None
    segment = b"QN=%b%b" % (taken.qn, rest)
    return b"##%04d%b%b\r\n" % (len(segment), segment, crc_text(segment))


def _getter(places: list[int]) -> Values:
    return itemgetter(*places) if len(places) > 1 else lambda values: (values[places[0]],)
