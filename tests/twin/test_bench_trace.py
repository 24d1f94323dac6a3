"""The command that answers recorded cases, on a case small enough to check by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twin import __main__ as cli
from twin import bench_trace

STEP, N, ALARM_S, RELEASE_S = 60, 240, 9000.0, 8400.0
LINKS = {"ac": ("A", "C", 600.0, 0.01), "bd": ("B", "D", 600.0, 0.01), "cd": ("C", "D", 600.0, 0.01)}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TWIN_DATA", str(tmp_path))
    monkeypatch.setenv("TWIN_LANG", "en")


def series(rises: bool, after_s: float) -> list[float | None]:
    """A rippled 10 mg/L, and 40 more for half an hour; every twentieth sample is missing."""
    out: list[float | None] = []
    for i in range(N):
        t = i * STEP
        risen = rises and ALARM_S + after_s <= t < ALARM_S + after_s + 1800
        out.append(None if i % 20 == 7 else 10.0 + 0.3 * (i * 7 % 5 - 2) / 2 + 40.0 * risen)
    return out


def case(sources: str) -> dict[str, Any]:
    """A flows to sensor C and on to sensor D; B flows to D alone."""
    return {
        "case_id": f"one_{sources}",
        "network": "one",
        "step_s": STEP,
        "t0_s": 0.0,
        "n": N,
        "candidates": ["A", "B"],
        "sensors": ["C", "D"],
        "alarm": {"sensor": "C" if sources == "A" else "D", "t_s": ALARM_S},
        "early_cutoff_s": ALARM_S + 1800,
        "edges_known": {k: [v[2], v[3]] for k, v in LINKS.items()},
        "series": {"C": series(sources == "A", 0), "D": series(True, 600 if sources == "A" else 0)},
        "fingerprints": {"A": {"profile": {"x": 4.0, "y": 1.0}}, "B": {"profile": {"x": 1.0, "y": 4.0}}},
        "sample": {"sensor": "D", "t_s": ALARM_S + 600, "excess": {"x": 40.0, "y": 10.0, "z": None}},
    }


def folders(root: Path, *cases: dict[str, Any]) -> tuple[str, ...]:
    (root / "networks").mkdir()
    (root / "cases" / "one").mkdir(parents=True)
    sheet = {
        "nodes": [{"id": n} for n in "ABCD"],
        "edges": [{"id": k, "from": v[0], "to": v[1], "length_m": 300.0} for k, v in LINKS.items()],
    }
    (root / "networks" / "one.network.json").write_text(json.dumps(sheet))
    for c in cases:
        path = root / "cases" / "one" / f"{c['case_id']}.json.gz"
        path.write_bytes(gzip.compress(json.dumps(c).encode()))
    where = {"networks": "networks", "cases": "cases", "out": "answers"}
    return tuple(w for name, folder in where.items() for w in (f"--{name}", str(root / folder)))


def ranking(root: Path, name: str) -> dict[str, float]:
    found = json.loads((root / "answers" / f"{name}.json").read_text())
    assert found["case_id"] == name
    assert found["seconds"] >= 0
    assert abs(sum(p for _, p in found["ranking"]) - 1) < 1e-3
    return dict(found["ranking"])


@pytest.mark.parametrize("mode", ["full", "early"])
def test_every_case_is_answered_with_the_likeliest_first(tmp_path: Path, mode: str) -> None:
    words = folders(tmp_path, case("A"), case("B"))
    assert cli.main(("bench", "trace", *words, "--mode", mode, "--no-fingerprint")) == 0
    assert next(iter(ranking(tmp_path, "one_A"))) == "A"
    assert ranking(tmp_path, "one_A")["A"] > 0.8
    assert ranking(tmp_path, "one_B")["B"] > 0.6  # A would have been seen at C
    found = json.loads((tmp_path / "answers" / "one_A.json").read_text())
    assert abs(found["start_s"] - RELEASE_S) < 900


def test_the_make_up_of_the_water_counts_unless_it_is_left_aside(tmp_path: Path) -> None:
    words = folders(tmp_path, case("B"))
    assert cli.main(("bench", "trace", *words, "--no-fingerprint")) == 0
    plain = ranking(tmp_path, "one_B")["A"]
    assert cli.main(("bench", "trace", *words, "--jobs", "2")) == 0
    assert ranking(tmp_path, "one_B")["A"] > plain


def smoke(who: str) -> dict[str, Any]:
    """Two ways join at C, a third at E: a release carried as a plug, with nothing but a ripple on it.

    A --600 s, 10 L/s--> C --600 s, 20 L/s--> E --300 s, 30 L/s--> F; B --1800 s, 10 L/s--> C;
    D --900 s, 10 L/s--> E. Releases begin at 31200 s and last 1800 s.
    """
    rises = {"A": {"C": (31800, 40.0), "E": (32400, 80 / 3)}, "D": {"E": (32100, 30.0)}}[who]
    ripple = (10.0, 10.3, 9.9, 9.8, 10.1, 10.1, 9.7)
    t = [21600.0 + 120 * i for i in range(121)]
    rows = {}
    for sensor in "CE":
        at, height = rises.get(sensor, (1e9, 0.0))
        rows[sensor] = [round(ripple[i % 7] + height * (at <= x < at + 1800), 1) for i, x in enumerate(t)]
    mixed = {
        "A": {"cod": 2.0, "nh3n": 1.0, "cu": 0.1, "ni": 0.1},
        "D": {"cod": 0.5, "nh3n": 3.0, "cu": 0.2, "ni": 0.1},
    }
    mixed["B"] = {"cod": 0.2, "nh3n": 0.1, "cu": 3.0, "ni": 2.0}
    first, alarm = ("C", 31800.0) if who == "A" else ("E", 32160.0)
    height = 40.0 if who == "A" else 30.0
    return {
        "case_id": f"smoke_{who}",
        "network": "smoke",
        "step_s": 120,
        "t0_s": 21600.0,
        "n": 121,
        "clock0": 6.0,
        "candidates": ["A", "B", "D"],
        "sensors": ["C", "E"],
        "alarm": {"sensor": first, "t_s": alarm},
        "early_cutoff_s": alarm + 1800,
        "edges_known": {"AC": [600.0, 0.01], "BC": [1800.0, 0.01], "CE": [600.0, 0.02], "DE": [900.0, 0.01]},
        "series": rows,
        "fingerprints": {k: {"profile": v} for k, v in mixed.items()},
        "sample": {
            "sensor": first,
            "t_s": alarm + 600,
            "excess": {k: height * v for k, v in mixed[who].items()},
        },
    }


def smoked(who: str, *, fingerprint: bool, early: bool = False) -> dict[str, float]:
    case = smoke(who)
    ends = {"AC": 600.0, "BC": 1800.0, "CE": 600.0, "DE": 900.0}
    edges = [{"id": k, "from": k[0], "to": k[1], "length_m": s / 2} for k, s in ends.items()]
    sheet = {"nodes": [{"id": n} for n in "ABCDE"], "edges": edges}
    net = bench_trace.network_of(sheet, case["edges_known"])
    found = bench_trace.answer(case, net, bench_trace.Options(early=early, fingerprint=fingerprint))
    return dict(found["ranking"])


@pytest.mark.parametrize("early", [False, True])
def test_two_that_no_series_can_tell_apart_are_told_as_alike_until_there_is_a_sample(early: bool) -> None:
    p = smoked("A", fingerprint=False, early=early)
    assert list(p)[-1] == "D"  # D cannot reach C
    assert p["D"] < 0.1
    assert p["A"] == pytest.approx(p["B"], abs=0.02)
    told = smoked("A", fingerprint=True, early=early)
    assert list(told) == ["A", "D", "B"]
    assert told["A"] > 0.9


@pytest.mark.parametrize("early", [False, True])
def test_a_quiet_station_on_the_way_clears_those_above_it(early: bool) -> None:
    p = smoked("D", fingerprint=False, early=early)
    assert next(iter(p)) == "D"
    assert p["D"] > 0.6
    assert p["A"] == pytest.approx(p["B"], abs=0.02)
    assert next(iter(smoked("D", fingerprint=True, early=early))) == "D"


def test_hours_that_round_to_24_are_hours(tmp_path: Path) -> None:
    late = case("A") | {"clock0": 0.0, "velocity_factor_hourly": [1.0] * 24, "t0_s": 3600.0 - 1e-12}
    pace = bench_trace._pace(late, np.array([3600.0 - 1e-12, 7200.0]))
    assert np.isfinite(pace.own_s).all()


def test_a_wrong_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lacking = case("A")
    del lacking["alarm"]
    words = folders(tmp_path, lacking)
    assert cli.main(("bench", "trace", *words)) == 2
    said = capsys.readouterr().err
    assert "one_A.json.gz" in said
    assert "alarm" in said
    (tmp_path / "cases" / "one" / "one_A.json.gz").write_bytes(b"no gzip")
    assert cli.main(("bench", "trace", *words)) == 2
    assert "one_A.json.gz" in capsys.readouterr().err
    (tmp_path / "cases" / "one" / "one_A.json.gz").unlink()
    assert cli.main(("bench", "trace", *words)) == 2
    assert str(tmp_path / "cases") in capsys.readouterr().err
