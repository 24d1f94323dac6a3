"""A point's history as a file: CSV for one table, Excel for all of them, safe to open.

What a logger or a park's file says is text and stays text: nothing in a file is taken for a formula or an
address, whatever it begins with.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import xlsxwriter

from geodata.words import Lang, Text

Cell = str | int | float | datetime | None
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
STAMP = "yyyy-mm-dd hh:mm:ss"


@dataclass(frozen=True, slots=True)
class Table:
    """One table. Moments are in the park's own zone; None is an empty cell."""

    key: str
    name: Text
    head: tuple[Text, ...]
    rows: Sequence[tuple[Cell, ...]]


def as_csv(table: Table, lang: Lang) -> bytes:
    """Return one table as CSV, UTF-8 with the mark that Excel needs to see that."""
    out = io.StringIO()
    write = csv.writer(out)
    write.writerow([harmless(text.say(lang)) for text in table.head])
    for row in table.rows:
        write.writerow([_plain(cell) for cell in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def as_excel(tables: Sequence[Table], lang: Lang) -> bytes:
    """Return a workbook with a sheet for each table."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        bold, stamp = book.add_format({"bold": True}), book.add_format({"num_format": STAMP})
        for table in tables:
            sheet = book.add_worksheet(table.name.say(lang)[:31])
            sheet.freeze_panes(1, 0)
            for column, text in enumerate(table.head):
                sheet.write_string(0, column, text.say(lang), bold)
                sheet.set_column(column, column, 20)
            for at, row in enumerate(table.rows, start=1):
                for column, cell in enumerate(row):
                    if isinstance(cell, datetime):
                        sheet.write_datetime(at, column, cell.replace(tzinfo=None), stamp)
                    elif isinstance(cell, str):
                        sheet.write_string(at, column, cell)
                    elif cell is not None:
                        sheet.write_number(at, column, cell)
    return out.getvalue()


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) and text != "%" else text  # a unit is none


def _plain(cell: Cell) -> Cell:
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, float):
        return repr(cell)
    return harmless(cell) if isinstance(cell, str) else cell
