"""Of which day a layer is: as a person or its rows say, or as its file was last changed; never a guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from geodata.formats.report import SAY_DAY, FormatError
from geodata.words import Text

DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
WRITTEN = re.compile(r"(\d{4})(?:\s*[-./年]\s*(\d{1,2})(?:\s*[-./月]\s*(\d{1,2}))?|(\d{2})(\d{2})?)?")
BUILT = ("建设", "竣工", "build", "built")  # fields that tell when a pipe was laid, not when it was looked at
OLDEST = 631_152_000.0  # 1990: a clock before it was not set, or nobody kept the time


class Known(StrEnum):
    """How the day of a layer is known."""

    STATED = "stated"  # by whoever imported it
    ROWS = "rows"  # the newest of its rows' own dates
    FILE = "file"  # its file was last changed then: what is in it is of that day or older
    NOT = ""


class Day(NamedTuple):
    """A date (or month, or year) and how it is known; both empty where it is not."""

    date: str
    known: Known


def changed(path: Path) -> str:
    """Return the day a file, or the newest file of a folder, was last changed; empty where nobody kept it."""
    inside = path.iterdir() if path.is_dir() else (path,)
    newest = max((p.stat().st_mtime for p in inside), default=0.0)
    return datetime.fromtimestamp(newest, UTC).date().isoformat() if newest > OLDEST else ""


def newest(texts: Iterable[str]) -> str:
    """Return the last date among texts as people write them, such as 2025年3月, 2025/3/7 or 20250307."""
    found = set()
    for text in set(texts):
        if match := WRITTEN.match(text.strip()):
            year, *parts = match.groups()
            given = [p for p in parts if p and int(p)]
            if 1949 <= int(year) <= 2100 and all(map(_fits, given, (12, 31))):
                found.add("-".join([year, *(p.zfill(2) for p in given)]))
    return max(found, default="")


def _fits(part: str, most: int) -> bool:
    return int(part) <= most


def stated(by_file: Mapping[str, str], file: str) -> str:
    """Return what a person said of a file, or of every file ("")."""
    return by_file.get(file) or by_file.get("", "")


def check(by_file: Mapping[str, str]) -> None:
    """See that what a person said are dates, months or years.

    Raises
    ------
    FormatError
        One is none.
    """
    for said in by_file.values():
        if not DATE.fullmatch(said):
            raise FormatError(NO_DATE.fill(text=said))


def day(said: str, field: str, rows: Iterable[str], file: str) -> Day:
    """Return of which day a layer is.

    Parameters
    ----------
    said : str
        By a person; goes before all else.
    field : str
        The field of the rows' dates, in the file's own words.
    rows : iterable of str
        What it holds.
    file : str
        When the file was last changed.
    """
    if said:
        return Day(said, Known.STATED)
    own = "" if any(word in field.lower() for word in BUILT) else newest(rows)
    if own:
        return Day(own, Known.ROWS)
    return Day(file, Known.FILE if file else Known.NOT)


def said(layer: Mapping[str, Any]) -> Text:
    """Return a layer's day (`as_of`, `as_of_by`) in words."""
    return SAY_DAY[str(layer.get("as_of_by", ""))].fill(date=layer.get("as_of", ""))


NO_DATE = Text("“{text}” 不是日期；应写成 2025、2025-06 或 2025-06-30",
               "“{text}” is no date; write 2025, 2025-06 or 2025-06-30")  # fmt: skip
