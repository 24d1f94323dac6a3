"""The frame: which page an address is, what stands around it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from dash import html
from dash.development.base_component import Component

from callbacks import drill, shell
from callbacks.pages import Page, Pages, Visit, in_thread
from geodata.words import LANGS, Lang, Text
from tests.twin.parks import tiny_park


def pages() -> Pages:
    found = Pages()
    for path in ("/wall", "/atlas", "/enterprise"):
        found.add(
            Page(path, Text(path, path), lambda visit: html.P(f"{visit.path}|{visit.rest}|{visit.lang}"))
        )
    return found


def web() -> Any:
    return SimpleNamespace(pages=pages(), park=tiny_park())


def written(made: Any) -> str:
    """A component as JSON."""
    return json.dumps(made.to_plotly_json(), default=lambda c: c.to_plotly_json(), ensure_ascii=False)


@pytest.mark.parametrize(
    ("address", "path", "rest"),
    [
        ("/", "/atlas", ""),
        ("", "/atlas", ""),
        ("/wall", "/wall", ""),
        ("/wall/", "/wall", ""),
        ("/enterprise/E07", "/enterprise", "E07"),
        ("/enterprise/E07/today", "/enterprise", "E07/today"),
        ("/walls", None, ""),
        ("/nothing", None, ""),
    ],
)
def test_addresses(address: str, path: str | None, rest: str) -> None:
    page, found = pages().find(address)
    assert (page.path if page else None, found) == (path, rest)


def test_a_visit_reaches_its_page_with_language_and_query() -> None:
    seen: list[Visit] = []
    it = web()

    def layout(visit: Visit) -> Component:
        seen.append(visit)
        return html.P()

    it.pages.add(Page("/x", Text("某页", "X"), layout, theme="light"))
    _, header, route = shell.show(it, "/x/y", "?obj=gate%2FG05&a=1", "en")
    assert seen == [Visit("/x", "y", {"obj": "gate/G05", "a": "1"}, "en")]
    assert header is None
    assert route == {"path": "/x", "theme": "light", "scale": "desk", "title": "X · Tiny Park"}


def test_an_unknown_address_says_so() -> None:
    content, _, route = shell.show(web(), "/nothing", "", "zh")
    assert content.children == "没有这一页"
    assert route["title"] == ""


@pytest.mark.parametrize("lang", LANGS)
def test_the_frame_is_written_in_one_language(lang: Lang) -> None:
    made = shell.frame(web(), lang)
    words = json.loads(getattr(made, "data-words"))
    assert set(words) == set(shell.WORDS) | {"zone", "decimal", "thousands"}
    assert (words["zone"], words["decimal"]) == ("Asia/Shanghai", ".")
    assert words["over"] == shell.WORDS["over"].say(lang)
    text = written(made)
    assert ("情景" in text) == (lang == "zh")


def test_every_script_word_has_the_same_blanks_in_both_languages() -> None:
    for key, text in shell.WORDS.items():
        if key == "date":
            continue  # months have names in one language and numbers in the other
        blanks = [sorted(part.split("}")[0] for part in text.say(lang).split("{")[1:]) for lang in LANGS]
        assert blanks[0] == blanks[1], key


def test_a_symbol_is_named_or_hidden() -> None:
    assert getattr(shell.glyph("alarm", "报警"), "aria-label") == "报警"
    it = shell.glyph("offline", live_station="S33")
    assert getattr(it, "aria-hidden") == "true"
    assert getattr(it, "data-live-station") == "S33"


async def test_callbacks_run_beside_the_loop() -> None:
    import threading

    here = threading.get_ident()
    assert await in_thread(lambda a: (a, threading.get_ident() != here))(3) == (3, True)


def test_scenarios_are_offered_on_the_bar() -> None:
    made = drill.bar("en")
    text = written(made)
    for key in drill.SCENARIOS:
        assert f'"{key}"' in text
    assert made.to_plotly_json()["props"]["hidden"] is True  # type: ignore[no-untyped-call]
