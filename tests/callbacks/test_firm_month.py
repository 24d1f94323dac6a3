"""An enterprise's month: every indicator beside others, a calendar, and the same as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from python_calamine import CalamineWorkbook

from callbacks import firm_cards, firm_month, firm_report, login
from geodata.words import Text
from tests.callbacks import asgi, story
from tests.callbacks.test_readings import NOW, PARK, Past
from tests.callbacks.words import classed, prop, text, walk
from twin import scorecard
from twin.access import Act
from twin.errors import UnavailableError
from twin.limits import Limits
from twin.quality import rules

LANGS = ("zh", "en")


class Away(Past):
    def window(self, *_: Any, **__: Any) -> Any:
        raise UnavailableError("away")


def web(history: Any = None, may: bool = True) -> Any:
    return SimpleNamespace(
        park=PARK,
        limits=Limits.load(PARK),
        history=history or Past(),
        live=SimpleNamespace(now_ms=lambda: NOW),
        records=SimpleNamespace(anomalies=lambda limit, since: list(story.story().anomalies)),
        rules=rules.load(),
        indicators=scorecard.load(),
        config=SimpleNamespace(lang="zh"),
        stream=None,
        access=SimpleNamespace(may=lambda who, act: may and act is Act.EXPORT),
    )


@pytest.fixture(scope="module")
def found() -> firm_month.Compared:
    return firm_month.compare(web(), "E21", ["E01", "E01"])


def test_it_stands_beside_those_it_is_compared_with_and_in_its_trade(found: firm_month.Compared) -> None:
    assert [e.id for e in found.firms] == ["E21", "E01"]
    assert "E21" in found.trade
    load = next(it for it in scorecard.load() if it.key == "cod_load")
    place = found.standing(load)
    assert place is not None
    assert 1 <= place.rank <= place.of == len(found.trade)


@pytest.mark.parametrize("lang", LANGS)
def test_every_indicator_is_there_and_none_without_a_value_is_green(
    found: firm_month.Compared, lang: Any
) -> None:
    shown = firm_cards.table(scorecard.load(), found, lang)
    said = text(shown)
    assert all(it.name.say(lang) in said for it in scorecard.load())
    gone = classed(shown, "none")
    assert len(gone) >= 10
    assert "normal" not in [prop(n, "data-lv") for n in walk(gone)]
    assert [n for n in walk(shown) if str(getattr(n, "href", "")).startswith("/readings/")]
    if lang == "en":
        assert not [c for c in said if "\u4e00" <= c <= "\u9fff"]


@pytest.mark.parametrize("lang", LANGS)
def test_the_calendar_has_a_square_for_every_day_so_far(found: firm_month.Compared, lang: Any) -> None:
    shown = firm_cards.calendar(found.squares, lang)
    assert len(classed(shown, "dy")) == len(found.squares)
    assert classed(firm_cards.calendar([], lang), "empty")


async def test_files_of_the_month(monkeypatch: pytest.MonkeyPatch, signed: None) -> None:
    moment = SimpleNamespace(now=story.NOW, drill=True)
    monkeypatch.setattr(firm_report.dossier, "moment", lambda _: moment)
    server = FastAPI()
    firm_report.routes(server, web())
    for lang in LANGS:
        paper = await asgi.ask(server, f"/export/enterprise/E21.pdf?lang={lang}")
        assert (paper.status, paper.body[:5]) == (200, b"%PDF-")
    rows = list(csv.reader(io.StringIO((await asgi.ask(server, "/export/enterprise/E21.csv")).body.decode())))
    assert len(rows) == 1 + len(scorecard.load())
    balance = next(row for row in rows if row[0] == "水平衡差率")
    assert (balance[1], balance[3]) == ("", "无数据")
    assert all(len(row[1].replace(".", "")) <= 8 for row in rows[1:]), "digits that mean nothing"
    assert "%" in {row[2] for row in rows}
    book = (await asgi.ask(server, "/export/enterprise/E21.xlsx?lang=en")).body
    sheets = CalamineWorkbook.from_filelike(io.BytesIO(book)).sheet_names
    assert sheets == ["Indicators", "Compliance calendar"]
    assert (await asgi.ask(server, "/export/enterprise/E99.csv")).status == 404
    assert (await asgi.ask(server, "/export/enterprise/E21.exe")).status == 404


async def test_files_are_for_who_may_export_and_wait_for_the_history(signed: None) -> None:
    for it, status in ((web(may=False), 403), (web(Away()), 503)):
        server = FastAPI()
        firm_report.routes(server, it)
        assert (await asgi.ask(server, "/export/enterprise/E21.csv")).status == status


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(login, "reader", lambda: SimpleNamespace(name="li", display=Text("李", "Li")))
    return
