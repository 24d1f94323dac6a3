"""The visual language holds: the document tells the tokens, and text can be read on every surface."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHEET = (ROOT / "callbacks" / "assets" / "tokens.css").read_text("utf-8")
DOCUMENT = (ROOT / "docs" / "design.md").read_text("utf-8")
LEVELS = ("normal", "watch", "warning", "alarm", "critical", "offline", "sim")
Rgb = tuple[float, float, float]


def tokens(selector: str) -> dict[str, str]:
    """The custom properties of every block whose selector list names this one."""
    found: dict[str, str] = {}
    for names, body in re.findall(r"([^{}]+)\{([^{}]*)\}", re.sub(r"/\*.*?\*/", "", SHEET, flags=re.S)):
        if selector in [name.strip() for name in names.split(",")]:
            found |= dict(re.findall(r"--([\w-]+):\s*([^;]+);", body))
    return found


DARK, LIGHT = tokens('[data-theme="dark"]'), tokens('[data-theme="light"]')


def rgb(colour: str, below: Rgb = (0, 0, 0)) -> Rgb:
    """A hexadecimal colour, or an rgba laid upon another one; 0 to 255."""
    if colour.startswith("#"):
        return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
    r, g, b, a = (float(part) for part in re.findall(r"[\d.]+", colour))
    return r * a + below[0] * (1 - a), g * a + below[1] * (1 - a), b * a + below[2] * (1 - a)


def contrast(text: Rgb, ground: Rgb) -> float:
    """WCAG 2.2 contrast ratio."""

    def luminance(colour: Rgb) -> float:
        parts = [v / 255 for v in colour]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((luminance(text), luminance(ground)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("ground", ["bg", "surface-1", "surface-2"])
@pytest.mark.parametrize("text", ["text-1", "text-2", "text-3", *(f"lv-{n}-text" for n in LEVELS)])
def test_text_can_be_read(theme: dict[str, str], text: str, ground: str) -> None:
    assert contrast(rgb(theme[text]), rgb(theme[ground])) >= 4.5


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("level", LEVELS)
def test_a_level_can_be_read_on_its_own_tint_and_seen_on_the_map(theme: dict[str, str], level: str) -> None:
    surface = rgb(theme["surface-1"])
    assert contrast(rgb(theme[f"lv-{level}-text"]), rgb(theme[f"lv-{level}-bg"], surface)) >= 4.5


def test_both_themes_name_the_same_things() -> None:
    assert set(DARK) == set(LIGHT)


@pytest.mark.parametrize("level", LEVELS)
def test_the_document_tells_the_levels_there_are(level: str) -> None:
    row = next(line for line in DOCUMENT.splitlines() if line.startswith(f"| `{level}`"))
    assert re.findall(r"#[0-9a-f]{6}", row) == [DARK[f"lv-{level}"], LIGHT[f"lv-{level}"]]


@pytest.mark.parametrize("step", ["hero", "kpi", "stat", "title", "body", "label"])
def test_the_document_tells_the_type_scale(step: str) -> None:
    wall, desk = tokens('[data-scale="wall"]'), tokens('[data-scale="desk"]')
    row = next(line for line in DOCUMENT.splitlines() if line.startswith(f"| `{step}`"))
    assert re.findall(r"\d+px", row) == [wall[f"fs-{step}"], desk[f"fs-{step}"]]


def test_nothing_else_names_a_colour() -> None:
    named = {
        f"{sheet.name}: {colour}"
        for sheet in (ROOT / "callbacks" / "assets").glob("*.css")
        if sheet.name != "tokens.css"
        for colour in re.findall(
            r"#[0-9a-fA-F]{3,8}\b(?![\w-]*\s*[{,.:>])|rgba?\([^)]*\)", sheet.read_text("utf-8")
        )
    }
    assert named == set()
