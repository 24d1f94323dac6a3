"""The command `twin park check`: exit codes, the report, the file of findings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyogrio
import pytest

from geodata import park as park_file
from tests.geodata.parks import demo_park
from twin import park_check
from twin.__main__ import main as command


def spoilt(path: Path) -> Path:
    park = demo_park()
    gate = replace(park.gate("G05"), x=578_000.0)
    station = replace(park.stations[52], factors=("w99999",), limit_set="GB 0/I")
    links = park.links.copy()
    links.loc[links["id"] == "H4-10", "direction_source"] = "assumed"
    park_file.write(
        replace(
            park,
            gates=tuple(gate if g.id == "G05" else g for g in park.gates),
            stations=(*park.stations[:52], station, *park.stations[53:]),
            links=links,
            scenery={},
        ),
        path,
    )
    return path


def test_the_demo_park_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert park_check.main([str(park_file.demo_path()), "--json"], "zh") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["errors"], report["warnings"], report["notes"], report["findings"]) == (0, 0, 0, [])
    assert report["version"] == demo_park().version
    assert park_check.main([str(park_file.demo_path())], "zh") == 0
    assert "没有发现问题" in capsys.readouterr().out


def test_errors_are_reported_exported_and_told_by_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = spoilt(tmp_path / "bad.gpkg"), tmp_path / "findings.gpkg"
    assert park_check.main([str(path), "--json", "--export", str(out)], "en") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["kinds"] == {
        "direction_assumed": 1,
        "gate_off_river": 1,
        "station_unknown_factor": 1,
        "station_unknown_limits": 1,
    }
    gate = report["findings"][0]
    assert (gate["kind"], gate["severity"], gate["layer"], gate["id"]) == (
        "gate_off_river",
        "error",
        "gate",
        "G05",
    )
    assert gate["x"] == 578_000.0
    assert gate["lon"] == pytest.approx(120.8, abs=0.1)
    assert set(gate["sentence"]) == {"zh", "en"}
    assert list(pyogrio.read_dataframe(out)["id"]) == [f["id"] for f in report["findings"]]
    assert park_check.main([str(path)], "zh") == 1
    assert capsys.readouterr().out.startswith(f"{path}：错误 3，警告 0，提示 1\n错误  闸 G05 离")


def test_notes_alone_are_no_failure(tmp_path: Path) -> None:
    park = demo_park()
    path = tmp_path / "p.gpkg"
    links = park.links.assign(direction_source="assumed")
    park_file.write(replace(park, links=links, scenery={}), path)
    assert park_check.main([str(path)], "en") == 0


@pytest.mark.parametrize("content", [None, b"", b"SQLite format 3\0 and then nothing", b"<kml/>"])
def test_what_cannot_be_read_is_one_sentence(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "p.gpkg"
    if content is not None:
        path.write_bytes(content)
    assert park_check.main([str(path), "--json"], "en") == 2
    err = capsys.readouterr().err
    assert str(path) in err
    assert err.count("\n") == 1


def test_an_export_nobody_can_write_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert park_check.main([str(park_file.demo_path()), "--export", str(tmp_path / "x.doc")], "en") == 2
    assert ".gpkg" in capsys.readouterr().err


def test_the_command_line_knows_check_and_trace(capsys: pytest.CaptureFixture[str]) -> None:
    demo = str(park_file.demo_path())
    assert command(["park", "check", demo, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []
    assert command(["park", "trace", demo, "--from", "E01-YS001", "--direction", "upstream", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["enterprises"] == ["E01", "E02"]
    assert command(["park", "trace", demo, "--from", "nobody", "--direction", "upstream"]) == 2
