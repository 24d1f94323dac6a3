"""The documents say what the code does: settings, links and pictures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
PAGES = [ROOT / name for name in READMES] + sorted((ROOT / "docs").glob("*.md"))


def settings() -> set[str]:
    """Every setting that the code reads from the environment."""
    return set(re.findall(r'"(TWIN_[A-Z_]+)"', (ROOT / "twin" / "config.py").read_text(encoding="utf-8")))


def test_every_setting_is_documented_in_both_languages() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"TWIN_[A-Z_]+", row[1])}
    assert told == settings()
    assert all(row[2].strip() and re.search("[\u4e00-\u9fff]", row[3]) for row in rows)


@pytest.mark.parametrize("name", READMES)
def test_no_document_names_a_setting_that_is_not_read(name: str) -> None:
    named = set(re.findall(r"TWIN_[A-Z_]+", (ROOT / name).read_text(encoding="utf-8")))
    assert named <= settings()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    missing = [t for t in targets if not t.startswith("http") and not (page.parent / t).exists()]
    assert not missing


@pytest.mark.parametrize("name", READMES)
def test_the_commands_of_the_readme_are_in_the_makefile(name: str) -> None:
    targets = set(re.findall(r"^make (\w+)", (ROOT / name).read_text(encoding="utf-8"), re.M))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"demo", "test"} <= targets
    assert all(re.search(rf"^{t}:", makefile, re.M) for t in targets)
