"""`twin plan` on an imported model: what it prints and what it says of wrong questions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.twin.plan.canal import GATES, canal
from twin.__main__ import main

SAID = ["--rate", "0.1", "--started", "2026-11-21T06:00:00Z", "--minutes", "30", "--most", "0"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "canal.inp"
    path.write_text(canal(), "utf-8")
    return path


@pytest.mark.slow  # a whole answer: one run of the engine after the other
def test_the_answer_has_the_promised_shape(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cards = model.parent / "gates.csv"
    cards.write_text("gate,usable\nGA2,no\nGX,no\nGB1,no\nGB3,no\n", "utf-8")
    words = ["plan", str(model), "--release", "A0", *SAID, "--now", "2026-11-21T06:05:00Z", "--json"]
    assert main([*words, "--cards", str(cards), "--receptors", "A5", "SEA"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"arrivals", "gates", "recommended", "second_best", "kept_kg", "lost_kg"} <= set(found)
    assert {"lost_kg_if_nothing_done", "overtops_after_s", "reason"} <= set(found)
    assert [g["gate"] for g in found["gates"]] == list(GATES)
    usable = {g["gate"]: g["usable"] for g in found["gates"]}
    assert not usable["GA2"]
    assert found["recommended"]
    assert set(found["second_best"]) == {r["gate"] for r in found["recommended"]}
    assert list(found["lost_kg_if_waiting"]) == ["5", "15", "30"]
    assert set(found["options"]) == {"nearest", "outermost"}
    late = found["arrivals"]["SEA"]
    assert late["p50_s"] < late["peak_s"][1] < late["tail_s"][1]
    assert "SEA" in found["arrivals"]
    assert "RIVER" not in found["arrivals"]
    assert found["arrivals"]["SEA"]["p05_s"] < found["arrivals"]["SEA"]["p95_s"]
    assert found["kept_kg"] == pytest.approx(found["lost_kg_if_nothing_done"] - found["lost_kg"], abs=0.01)
    both = sum(r["nothing_kg"] for r in found["receptors"].values())
    assert both > 300.0  # what passes A5 comes to the sea: it stands at both
    assert found["lost_kg_if_nothing_done"] <= 180.0  # and counts once: no more than was released


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--release", "A9"], "no node A9"),
        (["--now", "soon"], "ISO 8601"),
        (["--receptors", "MOON"], "no receptor and no node MOON"),
        (["--rate", "0"], "above zero"),
        (["--cards", "/nowhere.csv"], "there is no file"),
        (["--seen", "A1"], "write NODE=ISO"),
        (["--seen", "A9=2026-11-21T06:03:00Z"], "there is no node A9"),
    ],
)
def test_a_wrong_question_is_one_sentence(
    model: Path, capsys: pytest.CaptureFixture[str], change: list[str], words: str
) -> None:
    asked = ["plan", str(model), "--release", "A0", *SAID, "--now", "2026-11-21T06:05:00Z", *change]
    assert main(asked) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_a_network_of_pressure_pipes_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "water.inp"
    path.write_text("[JUNCTIONS]\nJ1 0 0\n[PIPES]\nP1 J1 J2 10 100 100 0 Open\n", "utf-8")
    assert main(["plan", str(path), "--release", "J1", *SAID, "--now", "2026-11-21T06:05:00Z"]) == 2
    assert "water.inp is no SWMM model" in capsys.readouterr().err


def test_no_such_park(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "/nowhere.inp", "--release", "A", *SAID, "--now", "2026-11-21T06:05:00Z"]) == 2
    assert "there is no file" in capsys.readouterr().err
