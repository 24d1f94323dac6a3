"""The command line in two languages, and what it says when something is wrong."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from twin import __main__ as cli
from twin.config import load
from twin.records import Records


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TWIN_DATA", str(tmp_path))
    monkeypatch.setenv("TWIN_LANG", "en")


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    try:
        got: object = cli.main(words)
    except SystemExit as end:  # argparse's own way out
        got = end.code
    assert got == code
    both = capsys.readouterr()
    return both.out + both.err


def test_help_tells_every_command_in_the_readers_language(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    english = said(capsys, "--help")
    assert "usage: twin" in english
    assert all(f"\n    {name} " in english for name in cli.COMMANDS)
    assert "options" in english
    monkeypatch.setenv("TWIN_LANG", "zh")
    chinese = said(capsys, "--help")
    assert "用法: twin" in chinese
    assert all(f"\n    {name} " in chinese for name in cli.COMMANDS)
    assert "演示园区" in chinese
    assert "usage" not in chinese
    for name in cli.COMMANDS:
        text = said(capsys, name, "--help") if name != "hj212" else said(capsys, "hj212", "--help")
        assert "用法: twin " + name in text


def test_scenarios_are_listed_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    listed = said(capsys, "demo", "--list").splitlines()
    assert listed == ["night-discharge", "pipe-leak", "tank-overflow", "shared-pipe", "faulty-sensor"]


def test_wrong_words_are_refused_with_the_mend(capsys: pytest.CaptureFixture[str]) -> None:
    assert "tank-overflow" in said(capsys, "demo", "--scenario", "flood", code=2)
    assert "between 1 and 600" in said(capsys, "demo", "--speed", "601", code=2)
    assert "between 1 and 600" in said(capsys, "sim", "--speed", "0.5", code=2)
    assert "twin" in said(capsys, code=2)


def test_a_wrong_setting_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWIN_PORT", "eighty")
    assert "TWIN_PORT" in said(capsys, "version", code=2)


def test_decode_is_handed_its_own_words(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"rubbish")
    assert '"reject"' in said(capsys, "hj212", "decode", str(tmp_path / "f"))


def test_park_info_counts_the_park(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "park", "info")
    assert "enterprises: 40" in text
    assert "stations: 78" in text
    assert "gates: 13" in text


def test_a_missing_park_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_PARK", "/nowhere.gpkg")
    assert "TWIN_PARK" in said(capsys, "park", "info", code=2)


def test_an_account_is_added(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert "8" in said(capsys, "users", "add", "wang", "--role", "viewer", code=2)
    monkeypatch.setattr("sys.stdin", io.StringIO("long enough\n"))
    said(capsys, "users", "add", "wang", "--role", "duty_officer", "--zh", "王工")
    records = Records(load().db)
    account = records.account("wang")
    records.close()
    assert account is not None
    assert (account.role, account.display.zh, account.display.en) == ("duty_officer", "王工", "wang")
    assert "long enough" not in account.secret


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "version").startswith("park-twin ")
