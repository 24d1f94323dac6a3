"""Cards: one for everything that can be clicked, in both languages."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from callbacks import atlas, card
from callbacks.live import Board, Facts, Live, Standing
from geodata.network import Network
from geodata.provenance import Origin, Provenance
from geodata.words import LANGS, Lang
from tests.callbacks.words import text, walk
from tests.twin.parks import tiny_park
from twin.clock import ClockState, as_datetime, wall_ms
from twin.curves import Curve
from twin.limits import Limit, Limits
from twin.model import GateState
from twin.state import State

PARK = tiny_park()
T0 = 1_795_305_600_000


class Past:
    """A history of one day with a value a minute."""

    def series(self, mn: str, factor: str, from_ms: int, to_ms: int) -> Curve:
        at = np.arange(from_ms, to_ms, 60_000, dtype=np.int64)
        return Curve(at, np.full(len(at), 12.0), np.full(len(at), ord("N"), np.uint8))


def web(*gates: GateState) -> Any:
    limits = Limits.load(PARK)
    live = Live(Board(PARK, State(PARK, limits), "b"), None, Standing)  # type: ignore[arg-type]
    clock = ClockState(True, "x", 1.0, T0, wall_ms())
    live.facts = Facts(clock=clock, gates=gates, stream=True, now_ms=wall_ms())
    return SimpleNamespace(
        park=PARK, limits=limits, live=live, network=Network.from_park(PARK), history=Past()
    )


def written(made: Any) -> str:
    return json.dumps(made.to_plotly_json(), default=lambda c: c.to_plotly_json(), ensure_ascii=False)


THINGS = [
    ("station", "S02", "中闸上站", "Above middle gate"),
    ("gate", "G01", "中节制闸", "Middle gate"),
    ("outlet", "E01-YS001", "甲染料 YS001", "Jia Dyes YS001"),
    ("enterprise", "E02", "乙农药有限公司", "Yi Agro Co., Ltd."),
    ("receptor", "R1", "海口", "Sea mouth"),
    ("facility", "W1", "污水处理厂", "Works"),
    ("pool", "PL1", "应急池", "Emergency pool"),
    ("reach", "LC4", "流过用时", "Passing takes"),
    ("channel", "LN1", "雨水渠", "Rain channel"),
    ("pipe", "LP1", "甲染料", "Jia Dyes"),
]


@pytest.mark.parametrize(("kind", "key", "zh", "en"), THINGS)
def test_everything_on_the_map_has_a_card(kind: str, key: str, zh: str, en: str) -> None:
    for lang, wanted in (("zh", zh), ("en", en)):
        made = card.card(web(), {"kind": kind, "id": key}, lang)  # type: ignore[arg-type]
        assert wanted in written(made)


@pytest.mark.parametrize("kind", [*card.MAKERS, "none", "dragon", ""])
def test_what_does_not_exist_has_none(kind: str) -> None:
    assert card.card(web(), {"kind": kind, "id": "nothing"}, "zh") is None


def test_a_station_card_follows_the_live_feed_and_names_limits() -> None:
    text = written(card.card(web(), {"kind": "station", "id": "S02", "node": "C3"}, "zh"))
    assert '"data-live-point": "S02/w01018"' in text
    assert '"data-live-level": "S02/w01018"' in text
    assert PARK.station("S02").mn in text
    assert f"/raw/{PARK.station('S02').mn}.txt?minutes=60" in text
    assert '"way": "up"' in text


def test_only_what_stands_in_the_network_can_be_followed() -> None:
    assert '"atlas-follow"' not in written(card.card(web(), {"kind": "enterprise", "id": "E01"}, "zh"))


def test_a_gate_says_how_it_stands() -> None:
    state = GateState("G01", 0.25, True, False, as_datetime(T0))
    text = written(card.card(web(state), {"kind": "gate", "id": "G01"}, "en"))
    assert "moving · open 25%" in text
    assert "no feedback · open —" in written(card.card(web(), {"kind": "gate", "id": "G01"}, "en"))


@pytest.mark.parametrize(
    ("low", "high", "decimals", "text"),
    [
        (None, 500.0, 0, "500"),
        (6.0, 9.0, 2, "6–9"),
        (5.0, None, 1, "≥ 5"),
        (None, 0.3, 3, "0.3"),
        (None, None, 1, "—"),
    ],
)
def test_limits_are_written_short(low: float | None, high: float | None, decimals: int, text: str) -> None:
    assert card.bounds(Limit(low, high, "x", True), decimals) == text
    assert card.bounds(None, decimals) == "—"


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (45, "45 s", "45 s"),
        (720, "12 分", "12 min"),
        (12000, "3 时 20 分", "3 h 20 min"),
        (3600, "1 时 00 分", "1 h 00 min"),
    ],
)
def test_durations(seconds: float, zh: str, en: str) -> None:
    assert (card.span(seconds, "zh"), card.span(seconds, "en")) == (zh, en)


@pytest.mark.parametrize("lang", LANGS)
def test_a_day_of_one_point_is_drawn(lang: Lang) -> None:
    made = card.curve(web(), "S02", "w01018", lang, "dark")
    figure = made.children[1].figure
    assert 800 <= len(figure.data[0].y) <= 1440
    assert set(figure.data[0].y) == {12.0}


def test_the_atlas_offers_every_layer_of_the_map() -> None:
    from layers.map import LAYERS

    own = {"basemap"}  # offered beside the groups, where the park has tiles of its own
    assert {key for _, group in atlas.GROUPS for key, _ in group} == set(LAYERS) - own


def test_a_value_opens_to_where_it_comes_from_and_an_assumed_one_says_so_at_once() -> None:
    said = {
        ("gate", "G01", ""): Origin("gates.xlsx/Sheet1:2", "2026-03-01", "surveyed"),
        ("gate", "G01", "stroke_s"): Origin("gates.xlsx/Sheet1:2", "", "assumed"),
    }
    it = web()
    it.park = replace(PARK, provenance=Provenance(said))
    made = card.card(it, {"kind": "gate", "id": "G01"}, "en")
    opened = {text(n.children[0]): text(n.children[1]) for n in walk(made) if type(n).__name__ == "Details"}
    assert opened["4 min assumed"] == "assumed · gates.xlsx/Sheet1:2"
    assert opened["electric"] == "surveyed · gates.xlsx/Sheet1:2 · 2026-03-01"
    plain = card.card(web(), {"kind": "pipe", "id": "LP1"}, "zh")
    assert "没有说明来源" in written(plain)
