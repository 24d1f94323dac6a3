"""`twin texts`: a folder of wordings is made, kept up to date and used."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from geodata.words import speak
from twin import texts_command
from twin.__main__ import main
from twin.config import Config, load
from twin.texts_command import main as texts


@pytest.fixture(scope="module", autouse=True)
def said_once() -> Iterator[None]:
    """The program is searched for its texts once: it does not change between these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts_command, "messages", cache(texts_command.messages))
        yield


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load({"TWIN_DATA": str(tmp_path)})


def test_a_folder_is_made_worded_and_used(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "locale"
    assert texts([str(folder), "--add", "en"], "en", config) == 0
    assert capsys.readouterr().out.startswith("en: ")
    path = folder / "en" / "LC_MESSAGES" / "twin.po"
    said = path.read_text("utf-8")
    assert 'msgstr "measurements"' in said
    path.write_text(said.replace('msgstr "measurements"', 'msgstr "how fast it is here"'), "utf-8")
    assert texts([str(folder)], "en", config) == 0
    monkeypatch.setenv("TWIN_LOCALE", str(folder))
    monkeypatch.setenv("TWIN_LANG", "en")
    try:
        main([])
    finally:
        speak({})
    assert "how fast it is here" in capsys.readouterr().out


def test_an_empty_folder_and_a_name_that_is_no_language(
    tmp_path: Path, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    assert texts([str(tmp_path / "none")], "en", config) == 2
    assert "--add" in capsys.readouterr().err
    assert texts([str(tmp_path), "--add", "../away"], "zh", config) == 2
    assert "../away" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
