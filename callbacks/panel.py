"""What every panel is made of: a heading with a note, a level's mark, and the states it can be in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import dash
from dash import html
from plotly.utils import PlotlyJSONEncoder

from callbacks import about
from callbacks.shell import glyph
from geodata.words import Lang, Text
from layers.style import LEVEL_WORDS
from twin.clock import as_ms
from twin.model import Level

Node = Any
"""A Dash component, a string, or nothing."""


def attrs(**named: Any) -> dict[str, Any]:
    """Return data- and aria- attributes from names a call can be written with: `data_live` is `data-live`."""
    return {name.replace("_", "-"): value for name, value in named.items()}


def heading(title: Text, lang: Lang, note: Node = None) -> Node:
    """Return a panel's heading: what it shows, its question mark, and at the right end how to read it."""
    said = html.Em(note) if note is not None else None
    return html.H2([title.say(lang), about.mark(title, lang), said], className="h")


def region(title: Text, lang: Lang, body: Sequence[Node], *, name: str = "", note: Node = None) -> Node:
    """Return a panel: a region of the page that a screen reader can jump to."""
    return html.Section(
        [heading(title, lang, note), *body], className=name, **attrs(aria_label=title.say(lang))
    )


def mark(level: Level, lang: Lang) -> Node:
    """Return the mark of a level: colour and shape together, and its word for who sees neither."""
    return glyph(level.name.lower(), LEVEL_WORDS[level].say(lang))


def empty(text: Text, lang: Lang) -> Node:
    """Return one quiet sentence where the first row would be."""
    return html.P(text.say(lang), className="empty")


def waiting(text: Text, lang: Lang, rows: int = 3) -> Node:
    """Return what stands in a panel whose content is on its way: its size, and a word about it."""
    return html.Div(
        [html.P(text.say(lang), className="empty"), *[html.I(className="skel") for _ in range(rows)]],
        className="waiting",
        **attrs(aria_busy="true"),
    )


def failed(text: Text, lang: Lang, *, again: bool = False) -> Node:
    """Return what went wrong, in a sentence, where the content would be.

    With `again` the page asks for what follows `ids.REVISION` every few seconds while the sentence stands.
    """
    more = attrs(data_again="") if again else {}
    return html.P(
        [mark(Level.ALARM, lang), html.Span(text.say(lang))], className="failed", role="alert", **more
    )


def until(at: datetime, name: str = "") -> Node:
    """Return a countdown in park time. The browser writes its text, so it has no children of ours."""
    return html.B(className=f"count {name}".strip(), role="timer", **attrs(data_countdown=str(as_ms(at))))


def since(at: datetime) -> Node:
    """Return a span that grows in park time, written by the browser."""
    return html.Span(className="count", **attrs(data_since=str(as_ms(at))))


def bar(share: float, name: str = "") -> Node:
    """Return a bar from nothing to everything."""
    width = f"{min(max(share, 0.0), 1.0) * 100:.1f}%"
    return html.Span(
        html.I(style={"width": width}), className=f"bar {name}".strip(), **attrs(aria_hidden="true")
    )


def digest(part: Any) -> str:
    """Return a fingerprint of what would be sent, so that what did not change is not sent again."""
    return hashlib.sha256(json.dumps(part, cls=PlotlyJSONEncoder, sort_keys=True).encode()).hexdigest()[:16]


def changed(
    parts: Mapping[str, Any], seen: Mapping[str, str] | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return each part, or no_update where the reader has it already, and the fingerprints now."""
    prints = {name: digest(part) for name, part in parts.items()}
    before = seen or {}
    out = {n: dash.no_update if before.get(n) == prints[n] else part for n, part in parts.items()}
    return out, prints
