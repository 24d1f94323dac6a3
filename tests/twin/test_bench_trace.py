"""The command that answers recorded cases, on a case small enough to check by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from twin import __main__ as cli

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
