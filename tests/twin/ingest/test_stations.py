"""Counters: by name, in all, and bounded."""

from __future__ import annotations

import json

import pytest

from twin.ingest import stations as module
from twin.ingest.stations import OTHERS, Stations


def test_frames_and_rejects_are_counted_by_logger_and_in_all() -> None:
    stations = Stations()
    stations.frame("a", "1.2.3.4:5", 1000, 8).deviations.update(("crc_lowercase",))
    stations.frame("a", "1.2.3.4:6", 2000, 8)
    stations.reject("a", "crc_mismatch")
    stations.reject(None, "no_header")
    got = json.loads(json.dumps(stations.as_dict()))
    assert (got["frames"], got["readings"], got["rejects"]) == (2, 16, 2)
    assert got["nameless"] == {"no_header": 1}
    assert got["by_mn"] == {
        "a": {
            "conformance": 60.0,
            "frames": 2,
            "readings": 16,
            "rejects": 1,
            "deviations": {"crc_lowercase": 1},
            "reasons": {"crc_mismatch": 1},
            "last_ms": 2000,
            "skew_ms": None,
            "peer": "1.2.3.4:6",
            "moves": 1,
        }
    }


def test_invented_names_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    stations = Stations()
    for i in range(100):
        stations.frame(str(i), "", 0, 1)
    assert list(stations.by_mn) == ["0", "1", "2", OTHERS]
    assert stations.by_mn[OTHERS].frames == 97
    assert stations.frames == 100


def test_conformance_counts_what_can_cost_a_reading_more_than_form() -> None:
    stations = Stations()
    assert stations.of("a").conformance is None
    for _ in range(10):
        stations.frame("a", "", 0, 8)
    assert stations.of("a").conformance == 100.0
    stations.of("a").deviations["blank_in_cp"] = 10
    assert stations.of("a").conformance == 80.0
    stations.of("a").deviations["crc_modbus"] = 5
    assert stations.of("a").conformance == 30.0
    stations.of("a").deviations["duplicate_key"] = 10
    assert stations.of("a").conformance == 0.0


def test_what_was_published_is_gone_on_from() -> None:
    old = Stations()
    old.frame("a", "1.2.3.4:5", 1000, 8).deviations.update(("gbk",))
    old.reject("a", "crc_mismatch")
    old.reject(None, "no_header")
    old.dropped, old.cut["flood"] = 4, 1
    new = Stations()
    new.frame("a", "1.2.3.4:6", 2000, 8)
    new.restore(json.loads(json.dumps(old.as_dict())))
    got = new.as_dict()
    assert (got["frames"], got["readings"], got["rejects"], got["dropped"]) == (2, 16, 2, 4)
    assert (got["cut"], got["nameless"]) == ({"flood": 1}, {"no_header": 1})
    station = got["by_mn"]["a"]
    assert (station["frames"], station["last_ms"], station["peer"]) == (2, 2000, "1.2.3.4:6")
    assert (station["deviations"], station["reasons"]) == ({"gbk": 1}, {"crc_mismatch": 1})


def test_nonsense_is_passed_over() -> None:
    stations = Stations()
    for body in ({}, {"frames": "x", "by_mn": 3, "cut": []}, {"by_mn": {"a": 1, "b": {"frames": -3}}}):
        stations.restore(body)
    assert (stations.frames, list(stations.by_mn)) == (0, ["b"])
