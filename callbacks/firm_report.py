"""One enterprise's month as a file: indicators, calendar; PDF to print, Excel and CSV to reckon with."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from starlette.responses import Response

from callbacks import dossier, export, firm_cards, firm_month, login, report, wording
from callbacks.export import Cell, Table
from callbacks.firm_month import Compared
from callbacks.firm_panels import NO_DATA
from callbacks.report import Grid
from geodata.words import Lang, Text, as_lang
from layers.style import LEVEL_WORDS, tokens
from twin.access import Act
from twin.clock import as_datetime
from twin.errors import UnavailableError
from twin.model import Level
from twin.scorecard import Indicator

if TYPE_CHECKING:
    from callbacks.pages import Web

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
DIGITS = 6
INDICATORS = Text("指标", "Indicators")
CALENDAR = Text("达标日历", "Compliance calendar")
FOOT = Text(
    "园区资料版本 {v}；颜色界限为产品默认值，不是法定要求",
    "park version {v}; where colours change is a default of the product, not law",
)
DRILL = Text("演练数据，不是实测", "Drill: not measured in reality")


def tables(web: Web, found: Compared, lang: Lang) -> list[Table]:
    """Return the month as tables of a file; what cannot be counted has no value and says what is missing."""
    rows = [_cells(it, found, lang) for it in web.indicators]
    head = (
        Text("指标", "indicator"),
        Text("数值", "value"),
        Text("单位", "unit"),
        Text("级别", "level"),
        Text("时段", "period"),
        Text("同行业排名", "rank in its trade"),
        Text("同行业家数", "ranked in its trade"),
        Text("同行业中位", "median of its trade"),
        Text("绿", "green"),
        Text("黄至", "yellow to"),
        Text("计算", "formula"),
        Text("说明", "note"),
    )
    days: list[tuple[Cell, ...]] = [
        (
            wording.local(as_datetime(s.start_ms)),
            firm_cards.SAID[s.level].say(lang),
            s.judged,
            s.outside,
            s.episodes,
        )
        for s in found.squares
    ]
    day_head = (
        Text("日", "day"),
        Text("判定", "verdict"),
        Text("日均值", "daily means"),
        Text("超限", "outside"),
        Text("超标次数", "exceedances"),
    )
    return [Table("indicators", INDICATORS, head, rows), Table("days", CALENDAR, day_head, days)]


def _cells(it: Indicator, found: Compared, lang: Lang) -> tuple[Cell, ...]:
    score = found.scores[found.firms[0].id].get(it.key)
    value = None if score is None else score.value
    place = found.standing(it)
    note = found.note(it)
    return (
        it.name.say(lang),
        _figure(value),
        firm_cards.unit(it, lang),
        _word(it, value, lang),
        firm_cards.PERIOD_WORDS[it.period].say(lang),
        place.rank if place else None,
        place.of if place else None,
        _figure(place.middle) if place else None,
        it.good,
        it.fair,
        it.formula.say(lang),
        note.say(lang) if note else "",
    )


def _figure(value: float | None) -> float | None:
    """Return a number with as many digits as mean something."""
    return None if value is None else float(f"{value:.{DIGITS}g}")


def _word(it: Indicator, value: float | None, lang: Lang) -> str:
    """Return the word of a level; a dash where nobody has said what is good."""
    if value is None:
        return NO_DATA.say(lang)
    return LEVEL_WORDS[it.level(value)].say(lang) if it.good is not None else wording.NONE


def printed(web: Web, found: Compared, lang: Lang) -> bytes:
    """Return the month on paper."""
    firm = found.firms[0]
    now = dossier.moment(web.stream)
    at = wording.date_hm(now.now, lang)
    until = Text("{p}，统计至 {t}（园区时间）", "{p}; counted until {t}, park time")
    lines = [
        f"{firm.id}  {firm.trade.say(lang)}  {firm.uscc}  {firm.permit_no}",
        until.fill(p=web.park.name, t=at).say(lang),
    ]
    if now.drill:
        lines.append(DRILL.say(lang))
    grids = [_indicators(web, found, lang), _days(found, lang)]
    return report.pdf(firm.name.say(lang), lines, grids, FOOT.fill(v=web.park.version).say(lang), lang)


def _indicators(web: Web, found: Compared, lang: Lang) -> Grid:
    light = tokens("light")
    rows, tints = [], []
    mine = found.scores[found.firms[0].id]
    for i, it in enumerate(sorted(web.indicators, key=lambda it: it.key not in mine)):
        score, place = mine.get(it.key), found.standing(it)
        value = None if score is None else score.value
        unit = firm_cards.unit(it, lang)
        said = NO_DATA.say(lang) if value is None else f"{firm_cards.shown(it, value, lang)} {unit}".strip()
        level = it.level(value)
        note = found.note(it)
        rank = f"{place.rank}/{place.of}" if place else wording.NONE
        why = note.say(lang) if note else ""
        rows.append((it.name.say(lang), said, _word(it, value, lang), rank, firm_cards.bounds(it, lang), why))
        if value is not None and level in (Level.WARNING, Level.ALARM):
            tints.append((i, 2, light[f"lv-{level.name.lower()}-bg"]))
    head = (
        Text("指标", "Indicator"),
        Text("数值", "Value"),
        Text("级别", "Level"),
        Text("行业排名", "In trade"),
        Text("绿 / 红", "Green / red"),
        Text("说明", "Note"),
    )
    return Grid(INDICATORS, head, rows, (22, 14, 9, 10, 15, 40), tints)


def _days(found: Compared, lang: Lang) -> Grid:
    head = (
        Text("日", "Day"),
        Text("判定", "Verdict"),
        Text("日均值", "Daily means"),
        Text("超限", "Outside"),
        Text("超标次数", "Exceedances"),
    )
    rows = [
        (
            wording.day(as_datetime(s.start_ms), lang),
            firm_cards.SAID[s.level].say(lang),
            str(s.judged),
            str(s.outside),
            str(s.episodes),
        )
        for s in found.squares
    ]
    return Grid(CALENDAR, head, rows, (12, 40, 14, 14, 14))


def saved(web: Web, firm: str, kind: str, lang: Lang) -> bytes:
    """Return a file of an enterprise's month.

    Raises
    ------
    KeyError
        There is no such enterprise.
    UnavailableError
        History or records are away.
    """
    found = firm_month.compare(web, firm)
    if kind == "pdf":
        return printed(web, found, lang)
    made = tables(web, found, lang)
    return export.as_excel(made, lang) if kind == "xlsx" else export.as_csv(made[0], lang)


def routes(server: FastAPI, web: Web) -> None:
    """Put the files at `/export/enterprise/E07.pdf` and so on, for whoever may export."""

    async def serve(name: str, request: Request, lang: str = "") -> Response:
        if refused := login.refusal(web.access, Act.EXPORT, request):
            return refused
        firm, _, kind = name.rpartition(".")
        if kind not in TYPES:
            return Response(status_code=404)
        try:
            body = await asyncio.to_thread(saved, web, firm, kind, as_lang(lang or web.config.lang))
        except KeyError:
            return Response(status_code=404)
        except UnavailableError as error:
            return Response(str(error), status_code=503)
        safe = "".join(c for c in firm if c.isascii() and (c.isalnum() or c in "-_"))
        headers = {
            "Content-Disposition": f'attachment; filename="{safe}-month.{kind}"',
            "Cache-Control": "no-store",
        }
        return Response(body, media_type=TYPES[kind], headers=headers)

    server.add_api_route("/export/enterprise/{name}", serve, methods=["GET"], response_model=None)
