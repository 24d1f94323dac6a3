"""Questions asked on the map: what a press makes of them, what is answered, drawn and written."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from callbacks import query
from callbacks.pages import Visit
from callbacks.query import Answer, Ask, Waters
from geodata.words import LANGS, Lang
from tests.callbacks.test_card import T0, web, written
from tests.callbacks.words import text, walk
from twin.clock import as_datetime
from twin.model import GateState


def shut(gate: str, position: float = 0.0) -> GateState:
    return GateState(gate, position, False, False, as_datetime(T0))


def asked(way: str, start: str, *, end: str = "", bars: tuple[str, ...] = (), site: Any = None) -> Answer:
    at = site or web()
    return query.answer(at, Waters(at).now(), Ask(way, start, end, bars), "en")


def keys(found: Answer, kind: str) -> list[str]:
    return [f.key for f in found.places if f.kind == kind]


def test_places_come_nearest_first() -> None:
    up = asked("up", "C3")
    assert keys(up, "outlet") == ["E02-YS001", "E01-YS001"]
    assert [f.seconds for f in up.places] == sorted(f.seconds for f in up.places)
    down = asked("down", "N1")
    assert [f.key for f in down.places if f.kind != "station"] == ["G01", "G02", "R2", "R1"]


def test_a_shut_gate_ends_the_walk_and_so_does_a_barred_one() -> None:
    for found in (asked("down", "N1", site=web(shut("G01"))), asked("down", "N1", bars=("G01",))):
        assert {f.key for f in found.places if f.kind in ("gate", "receptor")} == {"G01"}


def test_the_water_is_reckoned_again_only_when_a_gate_moves() -> None:
    site = web(shut("G01", 1.0))
    waters = Waters(site)
    free = waters.now()
    assert waters.now() is free
    site.live.facts = replace(site.live.facts, gates=(shut("G01", 0.0),))
    now = waters.now()
    assert now is not free
    assert not now.open[now.gates["G01"]]
    reach = now.links["LC2"]
    assert now.travel_s[reach] > free.travel_s[free.links["LC2"]]  # the canal above it slows down


def test_what_drains_here_names_firms_and_water() -> None:
    found = asked("drain", "S01")
    assert found.drained is not None
    assert list(found.drained.enterprises) == ["E02", "E01"]
    assert {f.kind for f in found.places} == {"outlet"}
    site = web()
    said = text(query.panel(site, Waters(site).now(), Ask("drain", "S01"), found, "en"))
    assert "2 enterprises" in said
    assert "0.06 m³/s" in said


def test_a_way_waits_for_its_end_then_has_a_profile() -> None:
    site = web()
    net = Waters(site).now()
    ask = Ask("path", "E01-YS001")
    waiting = query.answer(site, net, ask, "en")
    assert waiting.said is query.WHERE_TO
    assert query.section(site, net, waiting, "en", "dark") is None
    done = query.picked(ask, {"kind": "receptor", "id": "R2", "node": "C5"})
    assert done == Ask("path", "E01-YS001", "R2")
    found = query.answer(site, net, done, "en")
    assert found.way_links == ("LN1", "LN2", "LN3", "LC2", "LG1", "LC4")
    assert keys(found, "gate") == ["G01", "G02"]
    made = query.section(site, net, found, "en", "dark")
    figure = next(c.figure for c in walk(made) if hasattr(c, "figure"))
    names = [trace.name for trace in figure.data]
    assert names == ["crown or bank", "water (usual)", "invert or bed", "ground"]
    assert max(figure.data[3].x) == pytest.approx(2510)
    assert query.answer(site, net, Ask("path", "R2", "S01"), "en").said is not None


def test_a_press_on_a_gate_bars_it_and_a_second_one_frees_it() -> None:
    ask = Ask("up", "S03")
    gate = {"kind": "gate", "id": "G01", "node": "C3"}
    once = query.picked(ask, gate)
    assert once == Ask("up", "S03", bars=("G01",))
    assert query.picked(once, gate) == ask
    assert query.picked(ask, {"kind": "station", "id": "S01", "node": "N3"}) is None
    assert query.picked(None, gate) is None
    assert query.picked(ask, None) is None
    waiting = Ask("path", "S03")
    assert query.picked(waiting, {"kind": "none", "id": "", "node": None}) is None
    assert query.picked(waiting, {"kind": "pool", "id": "PL1"}) is None
    assert query.picked(waiting, {"kind": "station", "id": "S03", "node": "C5"}) is None  # its own start
    assert query.picked(waiting, {"kind": "enterprise", "id": "E03"}) == Ask("path", "S03", "E03")


@pytest.mark.parametrize(
    "ask", [Ask("up", "S33"), Ask("path", "E01 甲", "R2/x"), Ask("drain", "LC1", bars=("G01", "G02"))]
)
def test_an_address_opens_the_same_question(ask: Ask) -> None:
    given = dict(parse_qsl(urlsplit(ask.address()).query))
    assert Ask.of(given) == ask
    assert Ask.of(ask.data()) == ask


@pytest.mark.parametrize(
    "given",
    [None, {}, {"way": "up"}, {"way": "x", "from": "S1"}, {"from": "S1"}, {"way": "up", "from": ""}],
)
def test_what_is_no_question_is_none(given: Any) -> None:
    assert Ask.of(given) is None


@pytest.mark.parametrize("way", list(query.WAYS))
def test_an_unknown_id_in_an_address_is_said_not_raised(way: str) -> None:
    found = asked(way, "<b>NOBODY</b>", end="S01")
    assert found.said is not None
    site = web()
    ask = Ask(way, "<b>NOBODY</b>", "S01" if way == "path" else "")
    assert query.drawing(site, Waters(site).now(), ask, found, "zh")["features"] is not None


def test_a_walk_is_drawn_in_bands_with_its_bars_and_assumed_links() -> None:
    site = web()
    links = site.park.links.copy()
    links.loc[links["id"] == "LN2", "direction_source"] = "assumed"
    site.park = replace(site.park, links=links)
    site.network = type(site.network).from_park(site.park)
    net, ask = Waters(site).now(), Ask("up", "S03", bars=("G01", "LN3", "N1"))
    free = query.answer(site, net, replace(ask, bars=()), "en")
    assert free.assumed == {"LN2"}
    made = query.drawing(site, net, replace(ask, bars=()), free, "en")["features"]
    reaches = [f["properties"] for f in made if f["properties"]["kind"] == "reach"]
    assert len(reaches) == len(free.trace.links)
    assert {r["band"] for r in reaches} > {1}
    assert sum(r.get("assumed", False) for r in reaches) == 1
    assert "1 links of assumed direction" in text(query.panel(site, net, ask, free, "en"))
    barred = query.answer(site, net, ask, "en")
    assert barred.trace.nodes.tolist() == ["C5", "C4"]
    drawing = query.drawing(site, net, ask, barred, "en")
    kinds = [f["properties"]["kind"] for f in drawing["features"]]
    assert (kinds.count("bar"), kinds.count("point")) == (3, 1)
    assert drawing["key"] == "query/up/S03/"
    chips = [c.id["id"] for c in walk(query.panel(site, net, ask, barred, "en")) if getattr(c, "id", None)]
    assert chips == ["G01", "LN3", "N1"]


@pytest.mark.parametrize("lang", LANGS)
def test_the_panel_says_which_gates_are_shut(lang: Lang) -> None:
    site = web(shut("G02"))
    net, ask = Waters(site).now(), Ask("up", "S01")
    said = text(query.panel(site, net, ask, query.answer(site, net, ask, lang), lang))
    assert "G02" in said
    assert ("上游" in said) == (lang == "zh")
    nothing = query.answer(site, net, Ask("up", "C1"), lang)
    assert query.NONE["up"].say(lang) in text(query.panel(site, net, Ask("up", "C1"), nothing, lang))


def test_the_page_opens_on_the_question_of_its_address() -> None:
    from callbacks import atlas

    visit = Visit("/atlas", "", {"way": "path", "from": "S01", "to": "R2", "bars": "G01"}, "zh")
    site = SimpleNamespace(
        park=web().park,
        access=SimpleNamespace(may=lambda *_: False),
        config=SimpleNamespace(tiles_datum=""),
        base=None,
    )
    made = atlas.layout(site, visit)  # type: ignore[arg-type]
    store = next(c for c in walk(made) if getattr(c, "id", None) == query.ASK)
    assert store.data == {"way": "path", "from": "S01", "to": "R2", "bars": ["G01"]}
    assert "atlas-query" in written(made)
