"""A packet to numbers. What is not plainly a number is never stored as one; it becomes a note instead.

Only the 2xxx commands carry measurements. The statistic is kept as the suffix was sent (an unknown suffix
too), so that nothing is lost; a mark (`-Flag`) belongs to its factor wherever it stands in the group.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from twin.ingest.hj212.packet import UNTRUSTED, Packet
from twin.ingest.hj212.times import epoch_ms
from twin.series import Kind, Series

Row = tuple[Series, int, float, int]
"""What the value is of, moment in epoch milliseconds, value, mark as its character code (0: none sent)."""

_NUMERIC = "0123456789+-.eE"
_STATS = {
    name.casefold(): name
    for name in (
        *("Rtd", "Min", "Avg", "Max", "Cou", "ZsRtd", "ZsMin", "ZsAvg", "ZsMax", "ZsCou"),
        *("Data", "DayData", "NightData", "RS", "RT"),
    )
}
_MARKS = frozenset({"flag"})
_NO_MEASUREMENT = frozenset({"eflag", "info", "sn"})
_PLAIN_NAMES = frozenset(
    {
        *("DataTime", "PolId", "InfoId", "BeginTime", "EndTime", "SystemTime", "RestartTime", "RtdInterval"),
        *("MinInterval", "OverTime", "ReCount", "VaseNo", "CstartTime", "Ctime", "CTime", "Stime", "QN"),
        *("AlarmTime", "AlarmTarget", "AlarmEvent", "ReportTime", "WarnTime", "QnRtn", "ExeRtn", "NewPW"),
    }
)
_NOT_BELIEVED = UNTRUSTED | {"cp_unclosed", "undecodable"}
_LONGEST_NAME = 64
PLANS_KEPT = 20_000


class Note(NamedTuple):
    """One item that was not understood: its name, its value (both cut to 64 characters) and why."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Readings:
    """What a packet measured, and what of it was not understood."""

    rows: list[Row]
    notes: list[Note]


_EMPTY = Readings([], [])


class _Name(NamedTuple):
    """What the name of an item says. kind: value, mark, none (understood, no number) or a reason."""

    kind: str
    factor: str = ""
    stat: str = ""


class Column(NamedTuple):
    """Where one reading of a frame stands: indices into its values; `moment` into its DataTimes."""

    value: int
    mark: int  # -1: none sent
    moment: int  # -1: none applies
    factor: str
    stat: str


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How to read every frame of one command that has the same names in the same places."""

    cn: str
    columns: list[Column]
    moments: list[int]  # which values are DataTimes
    odd: list[tuple[int, str]]  # which items are not understood, and why
    timeless: str  # why a column may have no moment

    def kinds(self) -> tuple[Kind, ...]:
        """What the columns are, whichever logger sends them."""
        return tuple([(c.factor, self.cn, c.stat) for c in self.columns])


class _Items(NamedTuple):
    """A data area as columns. A group's number is -1 - g where its item has no `=`."""

    names: list[str]
    values: list[str]
    groups: list[int]


class Interpreter:
    """Turns packets into readings. Remembers how to read what it has met, a bounded number of forms."""

    def __init__(self) -> None:
        self._plans: dict[tuple[str, bytes, tuple[str, ...]], Plan] = {}

    def readings(self, packet: Packet) -> Readings:
        """Return a packet's numbers and what was not understood.

        Notes' reasons: crc_mismatch, length_wrong, cp_unclosed, undecodable, mn_missing (nothing of the frame
        is believed), datatime_missing, datatime_invalid, datatime_ambiguous, not_a_number, nonfinite,
        empty_value, broken_item, duplicate_key, name_unknown, name_too_long, factor_missing.
        """
        if packet.cn is None or not packet.cn.startswith("2") or not packet.cp:
            return _EMPTY
        reason = _unbelievable(packet)
        if reason:
            return Readings([], [Note("", "", reason)])
        if packet.flat is None:
            items = _items(packet)
            names, values = items.names, items.values
            plan = _plan(packet.cn, items)
        else:
            names, values = packet.flat[::2], packet.flat[1::2]
            plan = self._known(packet.cn, packet.shape, names, values)
        rows, notes = _read(plan, packet.mn or "", names, values)
        if packet.deviations and "duplicate_key" in packet.deviations:
            rows = _first_of_each(rows, notes)
        return Readings(rows, notes)

    def plan_of(self, packet: Packet) -> Plan | None:
        """How frames like this packet are read; None where that is not remembered."""
        if packet.flat is None or packet.cn is None or not packet.cn.startswith("2") or not packet.cp:
            return None
        if _unbelievable(packet):
            return None
        return self._known(packet.cn, packet.shape, packet.flat[::2], packet.flat[1::2])

    def _known(self, cn: str, shape: bytes, names: list[str], values: list[str]) -> Plan:
        key = (cn, shape, tuple(names))
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= PLANS_KEPT:
                self._plans.clear()
            groups, group = [0], 0
            for separator in shape[1::2]:
                group += separator == ord(";")
                groups.append(group)
            plan = self._plans[key] = _plan(cn, _Items(names, values, groups))
        return plan


def _read(plan: Plan, mn: str, names: list[str], values: list[str]) -> tuple[list[Row], list[Note]]:
    """Read the values of a frame whose form is known."""
    moments = [epoch_ms(values[i].strip()) for i in plan.moments]
    rows: list[Row] = []
    notes = [_note(names[i], values[i], why) for i, why in plan.odd] if plan.odd else []
    cn = plan.cn
    for at, mark_at, moment, factor, stat in plan.columns:
        at_ms = moments[moment] if moment >= 0 else None
        number, why = _number(values[at])
        if number is None or at_ms is None:
            notes.append(_note(names[at], values[at], why or plan.timeless))
            continue
        mark = values[mark_at] if mark_at >= 0 else ""
        code = ord(mark) if len(mark) == 1 and "!" <= mark <= "~" else _mark(mark)
        rows.append((Series(mn, factor, cn, stat), at_ms, number, code))
    return rows, notes


def _items(packet: Packet) -> _Items:
    """Lay out any data area, however broken."""
    items = _Items([], [], [])
    for g, group in enumerate(packet.groups):
        for item in group:
            items.names.append(item[0])
            items.values.append(item[1] if len(item) == 2 else "")
            items.groups.append(g if len(item) == 2 else -1 - g)
    return items


def _plan(cn: str, items: _Items) -> Plan:
    """Work out how to read frames of this form."""
    names = [_read_name(text) for text in items.names]
    moments, moment_of, timeless = _moments(items)
    odd: list[tuple[int, str]] = []
    values: list[int] = []
    marks: dict[tuple[int, str], int] = {}
    for i, (name, group) in enumerate(zip(names, items.groups, strict=True)):
        if group < 0:
            if not items.names[i].strip():
                continue
            # "12,3" leaves a stray "3" behind: the value before it in the group cannot be believed
            odd.append((i, "broken_item"))
            if values and items.groups[values[-1]] == -1 - group:
                odd.append((values.pop(), "broken_item"))
        elif name.kind == "value":
            values.append(i)
        elif name.kind == "mark":
            marks[group, name.factor] = i
        elif name.kind != "none":
            odd.append((i, name.kind))
    columns = []
    for i in values:
        name, group = names[i], items.groups[i]
        mark = marks.get((group, name.factor), marks.get((group, ""), -1))
        columns.append(Column(i, mark, moment_of[group], name.factor, name.stat))
    return Plan(cn, columns, moments, odd, timeless)


def _read_name(text: str) -> _Name:
    """Read `factor-suffix`, or a name without a suffix."""
    plain = text.strip()
    if len(plain) > _LONGEST_NAME:
        return _Name("name_too_long")
    factor, dash, suffix = plain.rpartition("-")
    fold = suffix.casefold()
    if not dash:
        if fold in _MARKS:
            return _Name("mark")
        return _Name("none" if plain in _PLAIN_NAMES or not plain else "name_unknown")
    if not factor or not suffix:
        return _Name("factor_missing")
    if fold in _MARKS:
        return _Name("mark", factor)
    if fold in _NO_MEASUREMENT or fold.endswith("time"):
        return _Name("none")
    return _Name("value", factor, _STATS.get(fold, suffix))


def _unbelievable(packet: Packet) -> str:
    """Return why nothing of a packet may be stored as a number, or an empty text."""
    if not packet.mn:
        return "mn_missing"
    return next((name for name in packet.deviations if name in _NOT_BELIEVED), "")


def _moments(items: _Items) -> tuple[list[int], dict[int, int], str]:
    """Return which items are DataTimes, which of them each group takes (-1: none), and why there is none.

    One DataTime counts for the whole frame wherever it stands. Several count each for what follows it, if
    the first group has one and no group has two.
    """
    found = [i for i, name in enumerate(items.names) if items.groups[i] >= 0 and name.strip() == "DataTime"]
    groups = sorted({g if g >= 0 else -1 - g for g in items.groups})
    if len(found) == 1:
        return found, dict.fromkeys(groups, 0), "datatime_invalid"
    starts = {items.groups[i]: k for k, i in enumerate(found)}
    if 0 not in starts or len(starts) != len(found):
        why = "datatime_ambiguous" if found else "datatime_missing"
        return [], dict.fromkeys(groups, -1), why
    taken: dict[int, int] = {}
    for group in groups:
        taken[group] = starts[group] if group in starts else taken[group - 1]
    return found, taken, "datatime_invalid"


def _number(text: str) -> tuple[float | None, str]:
    """Read a decimal number; Python's own extras (underscores, nan, other digits) are not numbers here."""
    if not text.strip(_NUMERIC):  # empties a text that has no other characters
        try:
            number = float(text)
        except ValueError:
            return None, "not_a_number" if text else "empty_value"
        return (number, "") if isfinite(number) else (None, "nonfinite")
    plain = text.strip(" ")
    if plain != text:
        return _number(plain)
    fold = plain.lstrip("+-").casefold()
    return None, "nonfinite" if fold in ("nan", "inf", "infinity") else "not_a_number"


def _mark(text: str) -> int:
    """Return a data mark as one byte; `?` stands for what is no single printable character of ASCII."""
    plain = text.strip()
    if not plain:
        return 0
    return ord(plain) if len(plain) == 1 and "!" <= plain <= "~" else ord("?")


def _first_of_each(rows: list[Row], notes: list[Note]) -> list[Row]:
    """Keep the first value of a repeated name; a different second one is noted."""
    seen: dict[tuple[Series, int], float] = {}
    out: list[Row] = []
    for row in rows:
        key = row[0], row[1]
        if key not in seen:
            seen[key] = row[2]
            out.append(row)
        elif seen[key] != row[2]:
            notes.append(_note(f"{row[0].factor}-{row[0].stat}", repr(row[2]), "duplicate_key"))
    return out


def _note(name: str, value: str, reason: str) -> Note:
    return Note(name[:_LONGEST_NAME], value[:_LONGEST_NAME], reason)
