"""Colours: read from the one style sheet, readable on their surfaces, and told apart without hue."""

from __future__ import annotations

import re

import pytest

from layers import style
from twin.model import Level


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_words_are_readable_on_every_surface(theme: style.Theme) -> None:
    t = style.tokens(theme)
    levels = [f"lv-{style.level_word(level)}-text" for level in Level]
    for text in ("text-1", "text-2", "text-3", *levels):
        for surface in ("surface-1", "surface-2"):
            assert contrast(t[text], t[surface]) >= 4.5, (theme, text, surface)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_levels_have_their_own_colours(theme: style.Theme) -> None:
    colours = [style.level_colour(level, theme) for level in Level]
    assert len(set(colours)) == len(Level)
    assert all(re.fullmatch(r"#[0-9a-f]{6}", colour) for colour in colours)


def test_light_overrides_dark_and_keeps_what_it_does_not_name() -> None:
    dark, light = style.tokens("dark"), style.tokens("light")
    assert dark["bg"] != light["bg"]
    assert dark["font"] == light["font"]
    assert set(dark) == set(light)


def test_parse_takes_the_block_of_its_theme_and_no_comment() -> None:
    css = ':root,[data-theme="dark"]{--a: 1; /* --b: 2; */} '
    css += '[data-theme="light"] { --a:3; --c: x(1, 2); } .z{--d:4;}'
    assert style.parse(css, "dark") == {"a": "1"}
    assert style.parse(css, "light") == {"a": "3", "c": "x(1, 2)"}


def test_template_draws_from_the_tokens() -> None:
    layout = style.template("light", wall=True).layout
    assert layout.font.size == 18
    assert layout.colorway[0] == style.tokens("light")["chart-1"]
    assert layout.paper_bgcolor == "rgba(0,0,0,0)"
