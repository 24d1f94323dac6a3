"""A list to choose one thing from, searched by typing, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dash import dcc

from geodata.words import Lang, Text

WORDS = {
    "search": Text("查找", "Search"),
    "clear_search": Text("清除查找", "Clear the search"),
    "clear_selection": Text("清除选择", "Clear the choice"),
    "no_options_found": Text("没有相符的", "Nothing fits"),
}
CHOOSE = Text("请选择", "Choose")


def menu(id: str, options: Iterable[tuple[str, str]], lang: Lang, value: str | None = None) -> Any:
    """Return the list. Where there is a first choice it cannot be emptied.

    Parameters
    ----------
    options : iterable of (value, label)
    """
    words: Any = {name: text.say(lang) for name, text in WORDS.items()}
    return dcc.Dropdown(
        id=id,
        options=[{"value": value, "label": label} for value, label in options],
        value=value,
        clearable=value is None,
        placeholder=CHOOSE.say(lang),
        labels=words,
        className="menu",
    )
