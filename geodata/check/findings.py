"""A finding: one thing that is wrong in a park, where it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shapely.geometry.base import BaseGeometry

from geodata.check.kinds import KINDS
from geodata.words import Text


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"  # traces, gates or alarms will be wrong
    WARNING = "warning"  # very likely a mistake in the data
    NOTE = "note"  # to be known, not to be mended


RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes
    ----------
    kind : str
        A key of `geodata.check.kinds.KINDS`.
    layer : str
        Layer of the park file, as in `geodata.schema.TABLES`.
    feature : str
        Id of the feature; of the first in the file where an id is used twice.
    geometry : shapely geometry or None
        Where to fly the map, in the park's CRS; None where nothing is known.
    sentence, mend : Text
        What is wrong with which feature, and what to do.
    safe : bool
        Whether `geodata.check.mends.mend` can put it right without asking for more.
    other : str
        Id of the second feature of a pair, else empty.
    """

    kind: str
    severity: Severity
    layer: str
    feature: str
    geometry: BaseGeometry | None
    sentence: Text
    mend: Text
    safe: bool
    other: str = ""


def finding(
    kind: str, layer: str, feature: str, geometry: BaseGeometry | None, other: str = "", **values: Any
) -> Finding:
    """Make a finding; the sentences of its kind are filled with `id`, `other` and the values given.

    Raises
    ------
    KeyError
        There is no such kind, or its sentence needs a value that is not given.
    """
    what = KINDS[kind]
    said = {"id": feature, "other": other, "layer": layer, **values}
    sentence, mend = what.sentence.fill(**said), what.mend.fill(**said)
    return Finding(kind, Severity(what.severity), layer, feature, geometry, sentence, mend, what.safe, other)
