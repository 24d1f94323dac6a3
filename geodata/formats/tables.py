"""Excel and CSV: survey tables of points and lines, lists of enterprises, outlets, gates and stations."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook

from geodata.formats import guard
from geodata.formats.encoding import canonical, detect
from geodata.formats.mapping import known_names
from geodata.formats.report import FormatError, Guess
from geodata.formats.sheet import Sheet, plain
from geodata.words import Text

WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")
PLAIN = (".csv", ".txt", ".tsv")
TITLE_ROWS = 12  # lines above the header that a table may have
DELIMITERS = (",", "\t", ";", "|", "\uff0c")
SAMPLE = 2**20
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def read(path: Path, encoding: str = "") -> list[Sheet]:
    """Read every sheet of a workbook, or a CSV file.

    Raises
    ------
    FormatError
        It cannot be read.
    """
    guard.check_file(path)
    return _read_workbook(path) if path.suffix.lower() in WORKBOOKS else [_read_csv(path, encoding)]


def neutral(value: Any) -> Any:
    """Return a cell that a spreadsheet will not take for a formula; numbers stay what they are."""
    if not isinstance(value, str) or not value.startswith(DANGEROUS):
        return value
    try:
        float(value)
    except ValueError:
        return "'" + value
    return value


def _read_workbook(path: Path) -> list[Sheet]:
    if path.suffix.lower() != ".xls":
        guard.check_package(path)
    found: list[Sheet] = []
    try:
        book = CalamineWorkbook.from_path(str(path))
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            guard.check_rows(path.name, name, sheet.total_height)
            rows = sheet.to_python(skip_empty_area=False)
            if any(any(plain(c) for c in row) for row in rows[:TITLE_ROWS]):
                found.append(_sheet(path.name, str(name), "Excel", rows))
    except (CalamineError, OSError, ValueError) as error:
        raise FormatError(UNREADABLE.fill(file=path.name, error=error)) from error
    return found


def _read_csv(path: Path, encoding: str) -> Sheet:
    data = path.read_bytes()
    if data.count(b"\n") > guard.MAX_ROWS:
        guard.check_rows(path.name, "", data.count(b"\n"))
    reading = detect(data[:SAMPLE])
    charset = canonical(encoding) if encoding else reading.encoding
    if not charset:
        raise FormatError(NO_CHARSET.fill(file=path.name, proof=reading.proof))
    try:
        text = data.decode(charset)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise FormatError(WRONG_CHARSET.fill(file=path.name, line=line, name=charset)) from error
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise FormatError(UNREADABLE.fill(file=path.name, error=error)) from error
    sheet = _sheet(path.name, path.stem, "CSV", rows)
    sheet.encoding = charset
    if not encoding and not reading.sure:
        option = f"--encoding {charset}"
        sheet.guesses.append(Guess(path.name, "encoding", charset, reading.proof, option))
    return sheet


def _delimiter(text: str) -> str:
    """Return what the first lines are divided by: the mark that all of them hold most often."""
    lines = [x for x in text[:SAMPLE].splitlines() if x.strip()][:TITLE_ROWS]
    return max(
        DELIMITERS, key=lambda d: (min((x.count(d) for x in lines[-3:]), default=0), -DELIMITERS.index(d))
    )


def _sheet(file: str, layer: str, form: str, rows: Sequence[Sequence[Any]]) -> Sheet:
    head = _header(rows)
    names = _unique([unicodedata.normalize("NFKC", str(c)).strip() for c in rows[head]])
    width = len(names)
    body = [[*row[:width], *[""] * (width - len(row))] for row in rows[head + 1 :]]
    while body and not any(plain(c) for c in body[-1]):
        body.pop()
    frame = pd.DataFrame(body, columns=names, dtype=object)
    return Sheet(file, layer, form, frame[[n for n in names if n]], first_row=head + 2)


def _header(rows: Sequence[Sequence[Any]]) -> int:
    """Return which row names the columns: of the first ones, that with most names we know."""
    first = [known_names(plain(c) for c in row) for row in rows[:TITLE_ROWS]]
    if first and max(first) > 0:
        return first.index(max(first))
    filled = [sum(bool(plain(c)) for c in row) for row in rows[:TITLE_ROWS]]
    return filled.index(max(filled)) if filled else 0


def _unique(names: Iterable[str]) -> list[str]:
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 or not name else f"{name}.{seen[name]}")
    return found


UNREADABLE = Text("读不了 {file}：{error}", "{file} cannot be read: {error}")
NO_CHARSET = Text(
    "{file} 的编码无法判断（{proof}）；请用 --encoding 指定",
    "the charset of {file} cannot be told ({proof}); say it with --encoding",
)
WRONG_CHARSET = Text(
    "{file} 第 {line} 行不是 {name}；请用 --encoding 指定正确的编码",
    "{file} line {line} is not {name}; say the right charset with --encoding",
)
