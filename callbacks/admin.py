"""管理: one page of tabs, each a module of its own with an address of its own (``/admin?tab=import``).

A tab is a module ``callbacks/admin_<name>.py`` that ends with ``TAB = Tab("<key>", Text(...), layout,
register)`` and is named in `TABS` below. Its ids and classes begin with a prefix of its own.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import dash
from dash import Dash, Input, Output, State, dcc, html

from callbacks import (
    admin_check,
    admin_doors,
    admin_import,
    admin_overview,
    admin_prints,
    admin_stations,
    admin_versions,
    shell,
)
from callbacks.admin_tab import Tab
from callbacks.pages import Page, Visit, Web, data, in_thread, reader_lang
from geodata.words import Text, as_lang

PATH = "/admin"
NAME = Text("管理", "Admin")
TABS: tuple[Tab, ...] = (
    admin_overview.TAB,
    admin_import.TAB,
    admin_check.TAB,
    admin_versions.TAB,
    admin_stations.TAB,
    admin_prints.TAB,
    admin_doors.TAB,
)


def tab_of(visit: Visit) -> Tab:
    """Return the tab an address names; the first one where it names none that is there."""
    return next((t for t in TABS if t.key == visit.query.get("tab")), TABS[0])


def layout(web: Web, visit: Visit) -> Any:
    """Return the page with one tab open."""
    return html.Div(
        [
            dcc.Location(id="ad-url", refresh="callback-nav"),
            dcc.Store(id="ad-at", data=dict(visit.query)),
            html.Nav(bar(visit), id="ad-tabs", className="ad-tabs"),
            html.Div(tab_of(visit).layout(web, visit), id="ad-body", className="ad-body"),
        ],
        className="ad-page",
    )


def bar(visit: Visit) -> list[Any]:
    """Return the links to every tab."""
    shown = tab_of(visit).key
    return [
        html.Span(
            dcc.Link(tab.name.say(visit.lang), href=f"{PATH}?tab={tab.key}"),
            className="on" if tab.key == shown else "",
            **data(tab=tab.key),
        )
        for tab in TABS
    ]


def register(app: Dash, web: Web) -> None:
    """Add the page, and the callbacks of every tab."""
    web.pages.add(Page(PATH, NAME, partial(layout, web), theme="light"))
    for tab in TABS:
        tab.register(app, web)

    @app.callback(
        Output("ad-tabs", "children"),
        Output("ad-body", "children"),
        Output("ad-at", "data"),
        Input("ad-url", "search"),
        State("ad-url", "pathname"),
        State("ad-at", "data"),
        prevent_initial_call=True,
    )
    @in_thread
    def _turn(search: str | None, pathname: str | None, shown: dict[str, str] | None) -> Any:
        visit = shell.visit_of(PATH, search or "", reader_lang(as_lang(web.config.lang)))
        elsewhere = web.pages.find(pathname or "")[0] is not web.pages.find(PATH)[0]
        # What is shown already is not sent again: somebody may have begun to type into it.
        if elsewhere or dict(visit.query) == shown:
            return dash.no_update, dash.no_update, dash.no_update
        return bar(visit), tab_of(visit).layout(web, visit), dict(visit.query)
