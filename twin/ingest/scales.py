"""How a number of an instrument becomes a value of a factor: unit, scale, offset, one place for all doors."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from twin.factors import factor as known_factor
from twin.ingest.fields import Fields
from twin.ingest.units import multiple

KINDS = ("2011", "2051", "2061", "2031")
"""Real-time, minute, hour and day values, by the HJ 212 command that carries them."""


@dataclass(frozen=True, slots=True)
class Scale:
    """value = (number * scale + offset) * the unit's multiple."""

    scale: float = 1.0
    offset: float = 0.0
    multiple: float = 1.0

    def __call__(self, number: float) -> float:
        """Return the value of a number as it was sent."""
        return (number * self.scale + self.offset) * self.multiple


def scale_of(fields: Fields, code: str) -> Scale:
    """Read `unit`, `scale` and `offset`.

    Raises
    ------
    ConfigError
        The unit cannot be turned into the factor's own.
    """
    unit = fields.text("unit", "")
    times = multiple(unit, code)
    if times is None:
        own = known_factor(code).unit
        raise fields.wrong(f"unit = {unit!r} cannot be turned into {own!r} of {code}: give scale and offset")
    return Scale(fields.number("scale", 1.0), fields.number("offset", 0.0), times)


def usual_stat(kind: str) -> str:
    """Return the suffix that the value of a kind usually has."""
    return "Rtd" if kind == "2011" else "Avg"


def number_of(value: object) -> tuple[float, str]:
    """Return a value as a number, and why it is none where it is not."""
    if value is None or value == "":
        return 0.0, "empty_value"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0, "not_a_number"
    if isinstance(value, str) and ("_" in value or not value.strip().isascii()):
        return 0.0, "not_a_number"
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return 0.0, "not_a_number"
    return (number, "") if isfinite(number) else (0.0, "nonfinite")


def mark_of(text: object, words: dict[str, str]) -> int:
    """Return a data mark as its character code: translated first, `?` for what is no single character."""
    if text is None or text == "":
        return 0
    said = words.get(str(text), str(text)).strip()
    if not said:
        return 0
    return ord(said) if len(said) == 1 and said.isascii() and said.isprintable() else ord("?")
