"""The notice of an open incident over the atlas: what it is, on the map at one press, the desk at another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import dcc, html
from dash.development.base_component import Component

from callbacks.pages import data
from callbacks.shell import glyph
from geodata.words import Lang, Text
from layers.incidents import features
from layers.style import level_word
from twin.clock import as_datetime, as_ms
from twin.model import Incident, IncidentState

if TYPE_CHECKING:
    from callbacks.pages import Web

OPEN = frozenset({IncidentState.OPEN, IncidentState.CONTAINED})
SHOW = Text("在图上看", "Show on the map")
DESK = Text("进入应急", "Open the desk")
MORE = Text("另有 {n} 起", "{n} more")
PAD = (70, 400, 60, 60)


def worst(web: Web) -> tuple[Incident | None, int]:
    """Return the open incident of the highest level, the newest of equals, and how many are open."""
    found = web.records.incidents(OPEN)
    return max(found, key=lambda i: (i.level, i.opened), default=None), len(found)


def notice(web: Web, lang: Lang) -> Component | None:
    """Return the notice, None while nothing is open."""
    incident, count = worst(web)
    if incident is None:
        return None
    more = [html.Span(MORE.fill(n=count - 1).say(lang), className="mut")] if count > 1 else []
    return html.Div(
        [
            glyph(level_word(incident.level)),
            html.B(incident.title.say(lang), className="notice-title"),
            html.Span(className="mut num", **data(since=str(as_ms(incident.opened)))),
            *more,
            html.Button(
                SHOW.say(lang), id={"type": "atlas-show", "incident": incident.id}, className="btn s"
            ),
            dcc.Link(DESK.say(lang), href=f"/emergency/{incident.id}", className="btn s"),
        ],
        className="notice",
        role="status",
    )


def drawing(web: Web, key: str, lang: Lang) -> dict[str, Any] | None:
    """Return an incident as a drawing for the map, None where there is no such one."""
    incident = web.records.incident(key)
    if incident is None:
        return None
    return features(
        web.park,
        incident,
        web.records.ranking(key),
        web.records.plans(key),
        now=as_datetime(web.live.now_ms()),
        lang=lang,
        network=web.network,
        pad=PAD,
    )
