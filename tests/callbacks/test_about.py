"""Every panel can be asked what it shows; the tour says the same in both languages."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from callbacks import about, guide, panel
from geodata.words import Text
from tests.callbacks.words import prop, text, walk

PAGES = sorted((Path(__file__).parents[2] / "callbacks").glob("*.py"))
FORMS = {
    *("成为正式版本", "恢复版本 A", "没有在线监测点", "把候选存为正式版本", "开始导入", "重新发送"),
    *("收入指纹库", "恢复选中的版本", "这张表读不了"),
}
"""Headings of a form, whose button says what it does, and of a panel that has nothing to show."""
UNTOUCHED = {"wall.py", "wall_quiet.py", "wall_incident.py"}
"""Nobody touches a wall."""


def _titles(path: Path) -> list[str]:
    """Chinese of every heading that a page writes down: the first argument of `heading` and `region`."""
    tree = ast.parse(path.read_text("utf-8"))
    named = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in ("heading", "region"):
            continue
        said: Any = node.args[0]
        said = named.get(said.id, said) if isinstance(said, ast.Name) else said
        if isinstance(said, ast.Call) and isinstance(said.func, ast.Attribute):
            said = said.func.value  # Text(...).fill(...)
        if isinstance(said, ast.Call) and getattr(said.func, "id", "") == "Text":
            found.append(ast.literal_eval(said.args[0]))
    return found


@pytest.mark.parametrize("path", [p for p in PAGES if p.name not in UNTOUCHED], ids=lambda p: p.name)
def test_every_panel_is_explained(path: Path) -> None:
    silent = []
    for title in _titles(path):
        filled = title.format_map(_Anything())
        if filled not in FORMS and about.of(Text(filled, filled)) is None:
            silent.append(title)
    assert not silent, f"say in callbacks/about.py what these show: {silent}"


class _Anything(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "3"


def test_a_heading_with_a_number_is_found_and_others_are_not() -> None:
    for title in ("请确认这 4 项判断", "从 abc 到 def", "现用园区 v1", "澄岐 COD，近 24 小时", "疑似源"):
        assert about.of(Text(title, title)) is not None, title
    assert about.of(Text("从来没有", "")) is None
    assert about.mark(Text("随便", "x"), "zh") is None


def test_both_languages_say_something_and_english_has_no_chinese() -> None:
    for said in [*about.ABOUT.values(), *about.ENDS.values(), *(t for _, t in guide.STEPS + guide.KEYS)]:
        assert said.zh
        assert said.en
        assert not [c for c in said.en if "\u4e00" <= c <= "\u9fff"]


def test_the_mark_stands_in_the_heading_and_can_be_read_aloud() -> None:
    shown = panel.heading(Text("疑似源", "Suspected sources"), "en")
    mark = next(n for n in walk(shown) if prop(n, "data-about"))
    assert prop(mark, "aria-label") == "What is this: Suspected sources"
    assert "lead, not a verdict" in str(prop(mark, "data-about"))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_tour_waits_until_it_is_opened(lang: Any) -> None:
    card = guide.card(lang)
    assert prop(card, "hidden") is True
    assert len([n for n in walk(card) if prop(n, "data-at")]) == len(guide.STEPS)
    assert guide.TITLE.say(lang) in text(card)
