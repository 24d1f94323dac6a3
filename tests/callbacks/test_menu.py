"""A list to choose from speaks the reader's language, and is never emptied where something is chosen."""

from __future__ import annotations

from callbacks.menu import WORDS, menu


def test_its_words_are_the_readers() -> None:
    made = menu("m", [("a", "甲"), ("b", "乙")], "zh")
    assert made.labels == {name: text.zh for name, text in WORDS.items()}
    assert made.options == [{"value": "a", "label": "甲"}, {"value": "b", "label": "乙"}]
    assert (made.value, made.clearable) == (None, True)
    chosen = menu("m", [("a", "A")], "en", "a")
    assert (chosen.value, chosen.clearable, chosen.labels["search"]) == ("a", False, "Search")
