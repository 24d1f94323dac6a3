"""The loggers tab: nothing unknown looks good, strangers come first, and bytes are shown as they came."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callbacks import admin_stations, deviations
from callbacks.admin_stations import dump, loggers, rejects, summary
from geodata import park as parks
from geodata.places import Park
from tests.callbacks.words import classed, prop, text, walk
from twin.config import load
from twin.ingest.stations import GRAVE

NOW = 1_795_305_900_000
LANGS = ("zh", "en")


@pytest.fixture(scope="module")
def park() -> Park:
    return parks.read(load({}).park)


def count(**more: Any) -> dict[str, Any]:
    row = {"frames": 100, "rejects": 0, "conformance": 100.0, "deviations": {}, "reasons": {}}
    return {**row, "last_ms": NOW - 3000, "skew_ms": 400, "peer": "10.0.0.7:40001", "moves": 0, **more}


def rows(shown: Any) -> list[Any]:
    return [n for n in walk(shown) if type(n).__name__ == "Tr"][1:]


@pytest.mark.parametrize("lang", LANGS)
def test_worst_first_and_strangers_before_all(park: Park, lang: Any) -> None:
    a, b, c, d = (s.mn for s in park.stations[:4])
    by_mn = {s.mn: count() for s in park.stations}
    by_mn |= {
        "stranger": count(),
        a: count(conformance=61.5, rejects=7, reasons={"crc_mismatch": 7}),
        b: count(skew_ms=-95_000),
        c: count(last_ms=NOW - 3_600_000),
        d: count(moves=3),
    }
    del by_mn[park.stations[5].mn]
    shown = rows(loggers(park, {"by_mn": by_mn}, a, NOW, lang))
    said = [text(row) for row in shown]
    assert "stranger" in said[0]
    assert {i for i, row in enumerate(said) if any(mn in row for mn in (b, c, park.stations[5].mn))} == {
        1,
        2,
        3,
    }
    assert a in said[4]
    assert deviations.said("crc_mismatch", lang) in said[4]
    assert "61.5" in said[4]
    assert "−95.0 s" in " ".join(said)
    assert "⇄3" in " ".join(said)
    assert [prop(row, "className") for row in shown].count("on") == 1
    assert len(classed(shown[4], "poor")) == 1


@pytest.mark.parametrize("lang", LANGS)
def test_what_was_never_heard_has_no_score(park: Park, lang: Any) -> None:
    shown = rows(loggers(park, None, "", NOW, lang))
    assert len(shown) == len(park.stations)
    assert not classed(shown, "ads-score")
    assert len(classed(shown, "none")) == len(park.stations)


@pytest.mark.parametrize("lang", LANGS)
def test_a_silent_gateway_and_one_that_cannot_write_are_said(lang: Any) -> None:
    def sign(**more: Any) -> bytes:
        return json.dumps({"at_ms": NOW, "trouble": "", "connections": 5, **more}).encode()

    signs = {"1": sign(), "2": sign(at_ms=NOW - 300_000), "3": sign(trouble="no space left")}
    counters = {"connections": 5, "frames": 9, "cut": {"flood": 2, "slow": 1}, "throttled": 4}
    shown = summary(counters, signs, NOW, lang)
    assert len(classed(shown, "tx-alarm")) == 2
    assert "no space left" in text(shown)
    assert deviations.said("flood", lang) in text(shown)
    assert classed(summary(None, {}, NOW, lang), "failed")


def test_rejects_of_one_logger_with_their_bytes() -> None:
    raw = b"##0012<script>\x01\r\n"
    found = [
        {
            "at_ms": NOW,
            "mn": mn,
            "peer": "1.2.3.4:5",
            "reason": "crc_mismatch",
            "hex": raw.hex(),
            "items": ["a=b"],
        }
        for mn in ("m1", "m2", "m1")
    ]
    assert len(classed(rejects(found, "", "zh"), "raw")) == 6
    shown = rejects(found, "m1", "zh")
    assert len(classed(shown, "raw")) == 4
    assert "\\x01" in text(shown)
    assert "3c 73 63" in text(shown)
    assert "<script>" in text(shown)
    assert not [n for n in walk(shown) if type(n).__name__ == "Script"]
    assert classed(rejects(found, "m3", "zh"), "empty")


def test_a_dump_has_every_byte() -> None:
    raw = bytes(range(40))
    lines = dump(raw.hex()).splitlines()
    assert len(lines) == 3
    assert bytes.fromhex("".join(line[6:53].replace(" ", "") for line in lines)) == raw
    assert dump("nonsense") == "nonsense"


def test_every_grave_deviation_has_words_in_both_languages() -> None:
    for name in GRAVE:
        assert name in deviations.WORDS, name
    assert all(t.zh and t.en and t.zh != t.en for t in deviations.WORDS.values())


def test_the_tab_is_one_of_the_page() -> None:
    from callbacks import admin

    assert admin_stations.TAB in admin.TABS
