"""Ids of components that more than one module speaks to; a page's own ids stay in the page."""

from __future__ import annotations

URL = "url"
CONTENT = "content"
HEADER = "header-slot"
ROUTE = "route"  # dcc.Store: {"path", "theme", "scale", "title"} of the page on screen
ROUTE_SHOWN = "route-shown"
REVISION = "revision"  # dcc.Store: {"revision", "incidents"}; changes when an incident, plan or command does
