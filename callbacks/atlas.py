"""一张图: the whole park on one map; find it, click it, see its values, follow its water by hand."""

from __future__ import annotations

from functools import partial

from dash import Dash, html
from dash.development.base_component import Component

from callbacks.pages import Page, Visit, Web
from geodata.words import Text
from layers.map import park_map

MAP = "atlas"


def layout(web: Web, visit: Visit) -> Component:
    """Return the page."""
    return html.Div(
        park_map(MAP, version=web.park.version, lang=visit.lang),
        className="atlas",
    )


def register(app: Dash, web: Web) -> None:
    """Add the page and its callbacks."""
    web.pages.add(Page("/atlas", Text("一张图", "Atlas"), partial(layout, web)))
