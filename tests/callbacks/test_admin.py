"""The administration page: every tab has an address, and an address that names none opens the first."""

from __future__ import annotations

from typing import Any, cast

import pytest

from callbacks import admin
from callbacks.pages import Visit, Web
from tests.callbacks.words import classed, prop, text, walk

LANGS = ("zh", "en")


def visit(tab: str | None, lang: Any = "zh") -> Visit:
    return Visit(admin.PATH, "", {} if tab is None else {"tab": tab}, lang)


def test_tabs_have_keys_of_their_own() -> None:
    keys = [tab.key for tab in admin.TABS]
    assert len(set(keys)) == len(keys)
    assert [admin.tab_of(visit(key)).key for key in keys] == keys


@pytest.mark.parametrize("tab", [None, "", "no-such-tab"])
def test_no_tab_named_is_the_first(tab: str | None) -> None:
    assert admin.tab_of(visit(tab)) is admin.TABS[0]


@pytest.mark.parametrize("lang", LANGS)
def test_the_bar_marks_the_open_tab(lang: Any) -> None:
    shown = admin.bar(visit(admin.TABS[-1].key, lang))
    assert [text(s) for s in classed(shown, "on")] == [admin.TABS[-1].name.say(lang)]
    links = [prop(n, "href") for n in walk(shown) if type(n).__name__ == "Link"]
    assert links == [f"/admin?tab={tab.key}" for tab in admin.TABS]


def test_the_page_holds_the_open_tab() -> None:
    shown = admin.layout(cast(Web, None), visit("overview"))
    assert classed(shown, "ad-sum")
