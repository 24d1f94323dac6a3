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
            "frames": 2,
            "readings": 16,
            "rejects": 1,
            "deviations": {"crc_lowercase": 1},
            "reasons": {"crc_mismatch": 1},
            "last_ms": 2000,
            "skew_ms": None,
            "peer": "1.2.3.4:6",
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
