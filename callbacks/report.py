"""A printed report: headings, sentences and tables on A4, in either language. The only door to ReportLab.

Set in a face of this machine with Chinese, Latin and signs, which goes into the file; where there is none,
in Adobe's STSong-Light by name, for which the reader's program puts a Song face of its own.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from geodata.words import Lang, Text

BY_NAME = "STSong-Light"
FILES = (
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/simsun.ttc",
    "/System/Library/Fonts/STHeiti Light.ttc",
)
"""Faces with outlines that a PDF can take a part of, where systems keep them."""
INK, QUIET, RULE, BAND = (colors.HexColor(c) for c in ("#17242c", "#5d6d76", "#cfd8dc", "#eef2f4"))


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of a report. `shares` are the columns' parts of the width; `tints` a colour for single cells.

    Attributes
    ----------
    tints : sequence of (row, column, colour)
        Rows counted from the first below the head; the colour as "#rrggbb".
    """

    title: Text
    head: tuple[Text, ...]
    rows: Sequence[tuple[str, ...]]
    shares: tuple[float, ...]
    tints: Sequence[tuple[int, int, str]] = ()


def pdf(title: str, lines: Sequence[str], grids: Sequence[Grid], foot: str, lang: Lang) -> bytes:
    """Return a report.

    Parameters
    ----------
    title : str
    lines : sequence of str
        Sentences under the title.
    grids : sequence of Grid
    foot : str
        At the foot of every page, before its number.
    """
    out = io.BytesIO()
    style = _style(lang)
    flow: list[Flowable] = [Paragraph(escape(title), style["title"])]
    flow += [Paragraph(escape(line), style["quiet"]) for line in lines]
    width = A4[0] - 32 * mm
    for grid in grids:
        heading = Paragraph(escape(grid.title.say(lang)), style["head"])
        flow += [Spacer(0, 5 * mm), heading, Spacer(0, 1.5 * mm), _table(grid, width, lang)]
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=16 * mm,
        rightMargin=16 * mm,
        topMargin=16 * mm,
        bottomMargin=16 * mm,
        title=title,
        invariant=1,
    )

    def sign(canvas: Any, page: Any) -> None:
        canvas.setFont(_face(), 7.5)
        canvas.setFillColor(QUIET)
        canvas.drawString(16 * mm, 9 * mm, foot)
        canvas.drawRightString(A4[0] - 16 * mm, 9 * mm, str(page.page))

    document.build(flow, onFirstPage=sign, onLaterPages=sign)
    return out.getvalue()


def _table(grid: Grid, width: float, lang: Lang) -> Table:
    style = _style(lang)
    head = [Paragraph(escape(text.say(lang)), style["quiet"]) for text in grid.head]
    body = [[Paragraph(escape(cell), style["cell"]) for cell in row] for row in grid.rows]
    whole = sum(grid.shares)
    table = Table([head, *body], colWidths=[width * share / whole for share in grid.shares], repeatRows=1)
    rules = [
        ("BACKGROUND", (0, 0), (-1, 0), BAND),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 2.2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.8),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ]
    rules += [
        ("BACKGROUND", (column, row + 1), (column, row + 1), colors.HexColor(colour))
        for row, column, colour in grid.tints
    ]
    table.setStyle(TableStyle(rules))
    return table


@cache
def _face() -> str:
    # Registering is for the whole process and always says the same.
    for path in FILES:
        with suppress(TTFError, OSError):
            pdfmetrics.registerFont(TTFont("Chinese", path))
            return "Chinese"
    pdfmetrics.registerFont(UnicodeCIDFont(BY_NAME))
    return BY_NAME


def _style(lang: Lang) -> dict[str, ParagraphStyle]:
    wrap = "CJK" if lang == "zh" else None
    plain = ParagraphStyle("cell", fontName=_face(), fontSize=8.5, leading=11, textColor=INK, wordWrap=wrap)
    return {
        "cell": plain,
        "quiet": ParagraphStyle("quiet", parent=plain, textColor=QUIET, fontSize=8),
        "head": ParagraphStyle("head", parent=plain, fontSize=11, leading=14),
        "title": ParagraphStyle("title", parent=plain, fontSize=16, leading=22),
    }
