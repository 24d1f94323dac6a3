"""`twin park import`: what it says, what it writes, and with which code it leaves."""

import json
from pathlib import Path

import pytest

from geodata import park
from tests.geodata import surveys
from tests.twin.test_hydraulics_imported import PRESSURE
from twin.park_command import main

MODEL = Path(__file__).parents[1] / "data" / "networks" / "infoswmm7.inp"


@pytest.fixture
def small(tmp_path: Path) -> str:
    """A model of a few pipes, for what its size does not matter to."""
    path = tmp_path / "small.inp"
    path.write_text(PRESSURE)
    return str(path)


@pytest.mark.slow
def test_a_guess_is_said_with_its_proof_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "park.gpkg"
    assert main([str(MODEL), "--out", str(out)], "zh") == 3
    said = capsys.readouterr().out
    assert "请确认 infoswmm7.inp" in said
    assert "--crs local" in said
    assert not out.exists()
    assert main([str(MODEL), "--out", str(out), "--crs", "local"], "en") == 0
    assert "369 nodes, 378 links" in capsys.readouterr().out
    assert len(park.read(out).links) == 378


def test_json_holds_the_account(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    surveys.workbook(surveys.tables(), tmp_path / "a.xlsx")
    assert main([str(tmp_path / "a.xlsx"), "--json", "--near", "120.8,33.2"], "zh") == 3
    asked = json.loads(capsys.readouterr().out)
    assert (asked["code"], asked["guesses"][0]["value"], asked["guesses"][0]["kind"]) == (
        3,
        "EPSG:4549",
        "crs",
    )
    out = tmp_path / "p.gpkg"
    code = main(
        [str(tmp_path / "a.xlsx"), "--json", "--crs", "a.xlsx=EPSG:4549", "--axes", "yx", "--out", str(out)],
        "zh",
    )
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [(f["layer"], f["role"], f["read"], f["mapped"]) for f in told["files"]] == [
        ("WSP", "node", 4, 4),
        ("WSL", "link", 3, 3),
    ]
    assert (told["nodes"], told["links"], told["crs"]) == (4, 3, "EPSG:4549")
    assert told["version"] == park.read(out).version


def test_a_mapping_is_saved_and_taken_back(tmp_path: Path, small: str) -> None:
    toml = tmp_path / "m.toml"
    assert main([small, "--save-mapping", str(toml)], "en") == 3
    assert 'crs = "local"' in toml.read_text("utf-8")
    assert main([small, "--mapping", str(toml)], "en") == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["none.shp"], "none.shp"),
        (["--near", "x", "a.csv"], "--near"),
        (["--mapping", "none.toml", "a.csv"], "none.toml"),
    ],
)
def test_what_is_wrong_is_said(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words, "en") == 2
    said = capsys.readouterr()
    assert says in said.out + said.err


def test_only_a_park_is_overwritten(tmp_path: Path, small: str) -> None:
    out = tmp_path / "thesis.gpkg"
    out.write_text("years of work")
    assert main([small, "--crs", "local", "--out", str(out)], "en") == 2
    assert out.read_text() == "years of work"
    out.unlink()
    assert main([small, "--crs", "local", "--out", str(out)], "en") == 0
    assert main([small, "--crs", "local", "--out", str(out)], "en") == 0
    assert main([small, "--crs", "local", "--out", str(tmp_path / "no" / "p.gpkg")], "en") == 2


def test_a_grid_holds_equals_signs(small: str, capsys: pytest.CaptureFixture[str]) -> None:
    grid = "grid:EPSG:4549,dx=1000,dy=3000000"
    assert main([small, "--crs", f"small.inp={grid}", "--json"], "en") == 0
    assert json.loads(capsys.readouterr().out)["crs"] == "EPSG:4549"
    assert main([small, "--crs", grid, "--json"], "en") == 0
