"""Enterprises: the table is worst first and honest about gaps; a screen holds what readings allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from callbacks import firm_panels, firm_screen, firms
from geodata.words import Text
from tests.callbacks import story
from tests.callbacks.words import classed, prop, text, walk
from twin.clock import as_ms
from twin.curves import EMPTY, Curve, Window
from twin.limits import Limit, Limits
from twin.model import Kind, Level
from twin.quality import rules

LANGS = ("zh", "en")
END = as_ms(story.NOW)
STEP = 120_000


def _window(values: dict[tuple[str, str], float], n: int = 60) -> Window:
    """Constant values for some points over two hours."""
    points = tuple(values)
    at = END - STEP * np.arange(n, 0, -1, dtype=np.int64)
    start = np.arange(len(points) + 1, dtype=np.int64) * n
    column = np.repeat([values[p] for p in points], n)
    return Window(points, start, np.tile(at, len(points)), column, np.full(len(column), ord("N"), np.uint8))


@pytest.fixture(scope="module")
def counted() -> dict[str, firms.Firm]:
    """S01 (E01) discharges exactly its permit; S02 (E02) half of it; nobody else says anything."""
    park = story.demo_park()
    values = {}
    for station, share in ((park.station("S01"), 1.0), (park.station("S02"), 0.5)):
        assert station.enterprise
        mg_s = park.enterprise(station.enterprise).cod_permit_t * 1e9 / (8760 * 3600)
        values[station.mn, "w01018"] = 200.0
        values[station.mn, "w00000"] = mg_s * share / 200.0
    window = _window(values)
    today = firms.Day(window, STEP / 1000, window.last(), firms.since(window, 0), END)
    return firms.count(park, today, story.story().anomalies, rules.load())


def test_load_is_against_the_permit_for_the_same_hours(counted: dict[str, firms.Firm]) -> None:
    assert counted["E01"].cod == pytest.approx(1.0, rel=1e-6)
    assert counted["E02"].cod == pytest.approx(0.5, rel=1e-6)
    assert counted["E01"].hours == pytest.approx(2.0, abs=0.1)
    assert counted["E01"].nh3n is None
    assert counted["E03"].cod is None


def test_missing_factors_lower_the_transmission(counted: dict[str, firms.Firm]) -> None:
    sent = counted["E01"].transfer
    factors = len(story.demo_park().station("S01").factors)
    assert sent is not None
    assert sent.rate == pytest.approx(2 / factors, abs=0.02)
    assert counted["E02"].level is Level.WARNING


@pytest.mark.parametrize("lang", LANGS)
def test_table_is_worst_first_and_leaves_nothing_as_zero(counted: dict[str, firms.Firm], lang: Any) -> None:
    rows = firm_screen.rows(story.demo_park().enterprises, counted, lang)
    assert len(rows) == 40
    assert [r["level"] for r in rows] == sorted((r["level"] for r in rows), reverse=True)
    silent = next(r for r in rows if r["id"] == "E03")
    assert silent["cod"] is None
    assert silent["word"] == "offline"
    assert firm_screen.worst(counted) == "E01"


@pytest.mark.parametrize("lang", LANGS)
def test_screen_says_no_data_where_there_is_none(counted: dict[str, firms.Firm], lang: Any) -> None:
    park = story.demo_park()
    strip = firm_panels.kpis(counted["E03"], 2.0, 0, 0, lang)
    assert len(classed(strip, "none")) >= 4
    assert "normal" not in [prop(n, "data-lv") for n in walk(classed(strip, "none"))]
    loads = firm_panels.loads(park.enterprise("E01"), counted["E01"], lang)
    assert "100%" in text(loads)
    assert len(classed(loads, "no")) == 3
    if lang == "en":
        shown = [strip, loads, firm_panels.head(park.enterprise("E01"), Level.ALARM, lang)]
        assert not [c for c in text(shown) if "\u4e00" <= c <= "\u9fff"]


def test_outlets_show_live_points_with_limits_and_unwatched_ones(counted: dict[str, firms.Firm]) -> None:
    park = story.demo_park()
    station, limits = park.station("S01"), Limits.load(park)
    points = [firm_panels.Point(station, f, limits.of("S01", f), EMPTY) for f in station.factors]
    mine = [o for o in park.outlets if o.enterprise == "E01"]
    panel = firm_panels.outlets(mine, points, "S01/w01018", "light", "zh")
    live = [prop(n, "data-live-point") for n in walk(panel)]
    assert {p for p in live if p} == {f"S01/{f}" for f in station.factors}
    assert "500" in text(panel)
    assert "6–9" in text(panel)
    assert "没有在线监测" in text(panel)
    assert [n for n in walk(panel) if prop(n, "aria-pressed") == "true"]


class _Past:
    """A history with ten-minute means, or without."""

    def __init__(self, means: Window, real: Window) -> None:
        self.by_cn = {"2051": means, "2011": real}

    def window(self, from_ms: int, to_ms: int, cn: str = "2011") -> Window:
        return self.by_cn[cn]


def test_a_day_is_counted_from_means_and_ends_with_real_time() -> None:
    key = ("M", "w01018")
    means, real = _window({key: 200.0, ("N", "w01018"): 1.0}, 30), _window({key: 222.0}, 3)
    means = means._replace(at_ms=means.at_ms - STEP)
    today = firms.day(_Past(means, real), END)
    assert today.interval_s == STEP / 1000
    assert today.to_ms < END
    whole = today.curve(*key)
    assert whole.value[-1] == 222.0
    assert (np.diff(whole.at_ms) > 0).all()
    nothing = Window((), np.zeros(1, np.int64), EMPTY.at_ms, EMPTY.value, EMPTY.flag)
    assert len(firms.day(_Past(nothing, real), END).window.at_ms) == 3
    empty = firms.day(_Past(nothing, nothing), END)
    assert firms.count(story.demo_park(), empty, [], rules.load())["E01"].level is Level.OFFLINE


def test_limits_read_as_people_write_them() -> None:
    assert firm_panels.limit_text(Limit(None, 500.0, "x", True), 1) == "500"
    assert firm_panels.limit_text(Limit(6.0, 9.0, "x", True), 2) == "6–9"
    assert firm_panels.limit_text(Limit(2.0, None, "x", True), 0) == "≥ 2"
    assert firm_panels.limit_text(None, 0) == "—"


def test_spark_needs_two_values_and_survives_a_constant() -> None:
    assert firm_panels.spark(EMPTY, None, "light").to_plotly_json()["type"] == "Span"
    flat = Curve(np.array([0, 60_000], np.int64), np.array([3.0, 3.0]), np.zeros(2, np.uint8))
    assert firm_panels.spark(flat, Limit(None, 3.5, "x", True), "dark").src.startswith("data:image/svg+xml")


@pytest.mark.parametrize("lang", LANGS)
def test_happenings_name_the_rank_it_was_suspected_at(lang: Any) -> None:
    told = story.story()
    panel = firm_panels.happenings(
        "E19", [], [(told.incident, 1, 0.61)], story.NOW + timedelta(hours=1), lang
    )
    assert "61%" in text(panel)
    assert [n for n in walk(panel) if getattr(n, "href", "") == f"/emergency/{story.ID}"]
    assert classed(firm_panels.happenings("E19", [], [], story.NOW, lang), "empty")


def test_a_silent_logger_is_told_in_words_not_as_a_value() -> None:
    seen = story.story().anomalies[0]
    gone = replace(
        seen, kind=Kind.OFFLINE, value=72_685.19, reason=Text("20 小时没有数据", "silent for 20 h")
    )
    said = text(firm_panels.happenings("E19", [gone], [], story.NOW, "zh"))
    assert "20 小时没有数据" in said
    assert "72685" not in said


def test_small_map_is_centred_on_the_enterprise() -> None:
    park = story.demo_park()
    west, south, east, north = firm_screen.look(park, park.enterprise("E07"))["fit"]
    assert west < east
    assert south < north
    assert 115 < west < 125
