"""Modbus registers to numbers: the map of a device, what to read together, and how words make a number."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from twin.blocks import Series
from twin.ingest.fields import Fields
from twin.ingest.scales import KINDS, Scale, scale_of, usual_stat

Table = Literal["holding", "input"]
TABLES = ("holding", "input")
FORMS = {
    "int16": ("h", 1),
    "uint16": ("H", 1),
    "int32": ("i", 2),
    "uint32": ("I", 2),
    "int64": ("q", 4),
    "uint64": ("Q", 4),
    "float32": ("f", 2),
    "float64": ("d", 4),
}
"""By name: the letter of `struct` and how many registers it takes."""
MOST_TOGETHER = 125  # registers of one request (Modbus Application Protocol V1.1b3, 6.3)


@dataclass(frozen=True, slots=True)
class Register:
    """One number of a device.

    Attributes
    ----------
    address : int
        Of its first register, counted from 0 as on the wire (40001 of a manual is holding 0).
    words, bytes : str
        "big": the high part first, as the standard has it; "little": the low part first.
    none : float or None
        The number by which the device says that it has no value.
    flag : str
        Data mark of every value of it; empty where none is known.
    """

    series: Series
    table: Table
    address: int
    form: str
    scale: Scale
    period_s: float
    words: str = "big"
    bytes: str = "big"
    none: float | None = None
    flag: str = ""

    @property
    def count(self) -> int:
        """How many registers it takes."""
        return FORMS[self.form][1]

    def number(self, registers: Sequence[int]) -> tuple[float, str]:
        """Return its value, and why there is none where there is none: no_value, nonfinite."""
        ordered = registers if self.words == "big" else registers[::-1]
        low_first = self.bytes == "little"
        data = b"".join(struct.pack("<H" if low_first else ">H", r) for r in ordered)
        number = float(struct.unpack(">" + FORMS[self.form][0], data)[0])
        if number == self.none:
            return 0.0, "no_value"
        value = self.scale(number)
        return (value, "") if isfinite(value) else (0.0, "nonfinite")


@dataclass(frozen=True, slots=True)
class Span:
    """Registers that follow each other and are read by one request."""

    table: Table
    address: int
    count: int
    registers: tuple[Register, ...]

    def words_of(self, register: Register, words: Sequence[int]) -> Sequence[int]:
        """Return the words of one register out of those of the span."""
        at = register.address - self.address
        return words[at : at + register.count]


def read_register(f: Fields, mn: str, period_s: float) -> Register:
    """Read one `[[modbus.register]]`.

    Parameters
    ----------
    mn, period_s
        Those of the device; a register may have its own.

    Raises
    ------
    ConfigError
        A setting cannot be used.
    """
    code, kind = f.text("factor"), f.choice("kind", KINDS, "2011")
    form = f.choice("type", tuple(FORMS))
    flag = f.text("flag", "")
    if len(flag) > 1 or not flag.isascii():
        raise f.wrong(f"flag = {flag!r} is not one letter")
    register = Register(
        Series(f.text("mn", mn or None), code, kind, f.text("stat", usual_stat(kind))),
        "input" if f.choice("table", TABLES, "holding") == "input" else "holding",
        f.whole("address", most=65_536 - FORMS[form][1]),
        form,
        scale_of(f, code),
        f.number("period_s", period_s, least=0.1),
        f.choice("words", ("big", "little"), "big"),
        f.choice("bytes", ("big", "little"), "big"),
        f.number("none") if "none" in f else None,
        flag,
    )
    f.done()
    return register


def spans(registers: Iterable[Register]) -> list[Span]:
    """Put registers that touch or overlap into one request; a gap is never read, it may not exist."""
    out: list[Span] = []
    group: list[Register] = []
    begin = end = 0

    def close() -> None:
        if group:
            out.append(Span(group[0].table, begin, end - begin, tuple(group)))

    for r in sorted(registers, key=lambda r: (r.table, r.address, r.count)):
        touches = bool(group) and r.table == group[0].table and r.address <= end
        if touches and max(end, r.address + r.count) - begin <= MOST_TOGETHER:
            group.append(r)
            end = max(end, r.address + r.count)
        else:
            close()
            group, begin, end = [r], r.address, r.address + r.count
    close()
    return out
