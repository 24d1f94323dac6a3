"""The truth's files: written whole or not at all, and read back as they were."""

from __future__ import annotations

from pathlib import Path

from tests.geodata.parks import demo_park
from twin.simulate.lines import Counts
from twin.simulate.loggers import Frame
from twin.simulate.reckoning import closures
from twin.simulate.scenarios import draw
from twin.simulate.truth import Journal, Move, Scribe, answered, read

START = 1_795_284_000_000


def test_the_truth_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    assert read(path) is None
    play = draw(demo_park(), "night-discharge", 1)
    scribe = Scribe(path, play, START)
    clean, foul = dict.fromkeys(("COD", "NH3N"), 18.0), {"COD": 19.5, "NH3N": 1.0}
    scribe.watch(START + 1000, {"G05": clean, "R1": clean})
    scribe.watch(START + 2000, {"G05": foul, "R1": clean})
    moves = (Move("G05", START + 60_000, 0.0, 400.0),)
    scribe.write(START + 3000, moves, Counts(made=3, answered=2), 1, force=True)
    truth = read(path)
    assert truth is not None
    assert (truth.enterprise, truth.outlet) == (play.enterprise, play.outlet)
    assert truth.plume_ms == {"G05": START + 2000}
    assert truth.injections == play.injections
    assert truth.started_ms == START + play.started_s * 1000
    assert (truth.counts.made, truth.waiting) == (3, 1)
    (closure,) = closures(truth)
    assert (closure.gate, closure.start_s, closure.position, closure.stroke_s) == ("G05", 60.0, 0.0, 400.0)


def test_the_journal_survives_a_cut_last_line(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    for i in range(3):
        journal.note("A" * 24, Frame(f"2026112202000000{i}", "2011", START, b""))
    journal.close()
    whole = {("A" * 24, "2011", f"2026112202000000{i}") for i in range(3)}
    assert answered(path) == whole
    path.write_bytes(path.read_bytes()[:-5])
    assert len(answered(path)) == 2
