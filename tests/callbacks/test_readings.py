"""What stands behind a number: hours, days, readings with those replaced; files that are safe to open."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from python_calamine import CalamineWorkbook

from callbacks import export, firm_values, point_tables, readings
from callbacks.export import Table
from callbacks.pages import Visit
from geodata import zone
from geodata.words import Text
from tests.callbacks import asgi, story
from tests.callbacks.words import classed, prop, text, walk
from twin.clock import as_ms
from twin.curves import EMPTY, Curve, Versions, Window
from twin.errors import UnavailableError
from twin.limits import Limits
from twin.quality import rules
from twin.quality.hours import FLOW

PARK = story.demo_park()
NOW = as_ms(story.NOW) // 3_600_000 * 3_600_000
COD = "w01018"
TEN = 600_000
LANGS = ("zh", "en")


class Past:
    """A logger that sends a mean every ten minutes, and one reading that was corrected."""

    def series(
        self, mn: str, factor: str, from_ms: int, to_ms: int, cn: str = "2011", stat: Any = None
    ) -> Curve:
        if cn != "2051" or factor not in (COD, FLOW):
            return EMPTY
        at = np.arange(from_ms, to_ms, TEN, dtype=np.int64)
        value = np.full(len(at), 100.0 if factor == COD else 10.0)
        return Curve(at, value, np.full(len(at), ord("N"), np.uint8))

    def versions(self, mn: str, factor: str, from_ms: int, to_ms: int, cn: str = "2011") -> Versions:
        at = np.array([NOW - 120_000, NOW - 60_000, NOW - 60_000], np.int64)
        flags = np.array([ord("N"), ord("N"), ord("D")], np.uint8)
        return Versions(at, np.array([99.5, 55.5, 98.5]), flags, at + 3000)

    def window(self, from_ms: int, to_ms: int, cn: str = "2011", stat: Any = None, mns: Any = None) -> Window:
        points = tuple((mn, f) for mn in mns for f in (COD, FLOW))
        curves = [self.series(mn, f, from_ms, to_ms, cn) for mn, f in points]
        start = np.cumsum([0, *(len(c.at_ms) for c in curves)])
        return Window(points, start, *(np.concatenate(columns) for columns in zip(*curves, strict=True)))


class Away(Past):
    def series(self, *_: Any, **__: Any) -> Curve:
        raise UnavailableError("away")


def web(history: Any = None, may: bool = True) -> Any:
    return SimpleNamespace(
        access=SimpleNamespace(may=lambda person, act: may),
        park=PARK,
        limits=Limits.load(PARK),
        history=history or Past(),
        live=SimpleNamespace(now_ms=lambda: NOW),
        rules=rules.load(),
        config=SimpleNamespace(lang="zh"),
    )


def shown(rest: str, lang: Any = "zh", history: Any = None) -> Any:
    return readings.layout(web(history), Visit(readings.PATH, rest, {}, lang))


@pytest.fixture(autouse=True)
def plain_theme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "reader_theme", lambda default="light": default)


@pytest.mark.parametrize("lang", LANGS)
def test_a_number_opens_to_hours_days_and_readings(lang: Any) -> None:
    page = shown(f"S01/{COD}/7", lang)
    said = text(page)
    assert "100.0" in said  # an hour's mean
    assert "6/6/6" in said
    assert "24/24" in said  # a day's hours
    assert "86.4" in said  # kilograms of a day: 100 mg/L in 10 L/s
    assert "98.5" in said
    assert "55.5" in said  # replaced, and still there
    assert len(classed(page, "old")) == 1
    if lang == "en":
        names = text(classed(page, "rd-head"))
        assert not [c for c in said.replace(names, "") if "\u4e00" <= c <= "\u9fff"]


def test_numbers_nobody_has_checked_say_so() -> None:
    assert "非法定" in text(shown(f"S01/{COD}"))


@pytest.mark.parametrize("rest", ["S01/w99999", "S99/w01018", "", "S01", "S01/w01018/x"])
def test_an_address_of_nothing_says_so(rest: str) -> None:
    page = shown(rest)
    assert ("没有这个点位" in text(page)) == (rest != "S01/w01018/x")


def test_a_history_that_is_away_is_no_empty_table() -> None:
    assert "没有应答" in text(shown(f"S01/{COD}", history=Away()))


def test_where_nothing_came_there_is_no_green() -> None:
    page = shown("S01/w21003")
    assert "缺失" in text(page)
    assert "0.0%" in text(page)


@pytest.mark.parametrize("lang", LANGS)
def test_an_enterprises_week_tells_what_was_carried_and_what_came(lang: Any) -> None:
    stations = [s for s in PARK.stations if s.id == "S01"]
    week = firm_values.read(Past(), stations, NOW, rules.load())
    load = firm_values.carried(week, COD)
    assert load is not None
    days = (NOW - point_tables.since(NOW, 7)) / 86_400_000  # six whole ones, and two hours of today
    assert load.kg == pytest.approx(days * 86.4)
    assert load.replaced_days == 0
    assert firm_values.water_m3(week) == pytest.approx(days * 864)
    assert firm_values.carried(week, "w21003") is None
    link = firm_values.of_week(week, COD, lang)
    assert prop(link, "href") == f"/readings/S01/{COD}/7"
    table = firm_values.rate_table(stations, week, NOW, rules.load(), lang)
    assert "100.0%" in text(table[0])
    assert f"/readings/S01/{COD}/1" in [getattr(n, "href", None) for n in walk(table[0])]
    assert classed(table[0], "poor")  # factors that sent nothing
    assert firm_values.read(Past(), [], NOW, rules.load()) == {}
    assert text(firm_values.of_week({}, COD, lang)) == "—"


# files ----------------------------------------------------------------------------------------------------

AT = datetime(2026, 11, 22, 8, 0, 1, tzinfo=zone.CHINA)
NASTY = ['=HYPERLINK("http://x","y")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"]


def nasty() -> Table:
    rows = [(name, -1.5, None, AT) for name in NASTY]
    head = (Text("名称", "=name"), Text("数值", "value"), Text("空", "none"), Text("时间", "time"))
    return Table("t", Text("表", "table"), head, rows)


def test_csv_holds_no_formula_and_its_numbers_are_numbers() -> None:
    rows = list(csv.reader(io.StringIO(export.as_csv(nasty(), "en").decode("utf-8-sig"), newline="")))
    assert rows[0][0] == "'=name"
    for row, name in zip(rows[1:], NASTY, strict=True):
        assert row[0] == f"'{name}"
        assert row[1:] == ["-1.5", "", "2026-11-22 08:00:01"]


def test_a_workbook_holds_text_as_text() -> None:
    body = export.as_excel([nasty()], "zh")
    assert b"<f>" not in body
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_name("表").to_python()
    assert [str(row[0]).strip() for row in sheet[1:]] == [name.strip() for name in NASTY]
    assert sheet[1][1] == -1.5
    assert sheet[1][3] == AT.replace(tzinfo=None)


def test_a_file_holds_every_reading_and_marks_the_replaced_ones() -> None:
    body = point_tables.saved(web(), "S01", COD, 1, "readings", "csv", "en")
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    assert [row[5] for row in rows[1:]] == ["99.5", "55.5", "98.5"]
    assert [row[8] for row in rows[1:]] == ["", "yes", ""]
    book = point_tables.saved(web(), "S01", COD, 7, "all", "xlsx", "zh")
    names = CalamineWorkbook.from_filelike(io.BytesIO(book)).sheet_names
    assert names == ["小时值", "日值", "实时读数", "规则"]


async def test_files_have_an_address() -> None:
    server = FastAPI()
    point_tables.routes(server, web())
    path = f"/export/S01/{COD}/1/hours.csv"
    assert point_tables.file_address("S01", COD, 1, "hours.csv", "en") == f"{path}?lang=en"
    got = await asgi.ask(server, f"{path}?lang=en")
    assert got.status == 200
    assert "S01-w01018-1d-hours.csv" in got.headers["content-disposition"]
    assert got.body.count(b"\n") == 27
    for wrong in (
        "S01/w99999/1/readings.csv",
        "S01/w01018/3/hours.csv",
        "S01/w01018/1/x.csv",
        "S01/w01018/1/a.exe",
    ):
        assert (await asgi.ask(server, f"/export/{wrong}")).status == 404


async def test_files_are_for_who_may_export() -> None:
    server = FastAPI()
    point_tables.routes(server, web(may=False))
    assert (await asgi.ask(server, f"/export/S01/{COD}/1/hours.csv")).status == 401
