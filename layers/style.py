"""Colours for what Python draws: read from the same tokens as everything else, and the charts' template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import plotly.graph_objects as go

from geodata.words import Text
from twin.model import Level

Theme = Literal["dark", "light"]

LEVEL_WORDS: dict[Level, Text] = {
    Level.OFFLINE: Text("离线", "offline"),
    Level.NORMAL: Text("正常", "normal"),
    Level.WATCH: Text("关注", "watch"),
    Level.WARNING: Text("预警", "warning"),
    Level.ALARM: Text("报警", "alarm"),
    Level.CRITICAL: Text("严重", "critical"),
}

_BLOCK = re.compile(r"([^{}]+)\{([^{}]*)\}")
_TOKEN = re.compile(r"--([a-z0-9-]+):\s*([^;]+);")


@lru_cache(maxsize=2)
def tokens(theme: Theme) -> Mapping[str, str]:
    """Return the tokens of a theme by name, without the leading dashes.

    The style sheet is data that lies with the other assets; it is the one place where a colour is written.
    """
    text = (files("callbacks") / "assets" / "tokens.css").read_text(encoding="utf-8")
    return parse(text, theme)


def parse(css: str, theme: Theme) -> dict[str, str]:
    """Read the custom properties that hold in a theme; the dark one is what the others build on."""
    found: dict[str, str] = {}
    for selector, body in _BLOCK.findall(re.sub(r"/\*.*?\*/", "", css, flags=re.S)):
        names = {part.strip() for part in selector.split(",")}
        if ":root" in names or f'[data-theme="{theme}"]' in names:
            found.update({name: value.strip() for name, value in _TOKEN.findall(body)})
    return found


def level_word(level: int) -> str:
    """Return a level's name as the style sheets write it: "alarm"."""
    return Level(level).name.lower()


def level_colour(level: int, theme: Theme = "dark") -> str:
    """Return a level's fill."""
    return tokens(theme)[f"lv-{level_word(level)}"]


def template(theme: Theme, *, wall: bool = False) -> go.layout.Template:
    """Return the charts' look: transparent, horizontal hairlines only, words in the reader's own fonts."""
    t = tokens(theme)
    axis = {
        "gridcolor": t["chart-grid"],
        "zeroline": False,
        "linecolor": t["line-2"],
        "tickfont": {"color": t["chart-axis"]},
        "ticks": "",
        "automargin": False,
    }
    return go.layout.Template(
        layout={
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": t["font"], "size": 18 if wall else 12, "color": t["text-3"]},
            "colorway": [t[f"chart-{n}"] for n in range(1, 6)],
            "xaxis": axis | {"showgrid": False, "showline": True},
            "yaxis": axis | {"showline": False, "nticks": 5},
            "margin": {"l": 44, "r": 16, "t": 8, "b": 24},
            "showlegend": False,
            "hovermode": "x unified",
            "hoverlabel": {
                "bgcolor": t["surface-2"],
                "bordercolor": t["line-2"],
                "font": {"color": t["text-1"]},
            },
        }
    )
