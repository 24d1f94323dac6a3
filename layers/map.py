"""The map: one `dl.Map` with our own panes, and the contract by which a page draws on it.

Geometry never passes through Dash: the browser fetches `/geo/<layer>.json` once (ETag) and canvas code in
`callbacks/assets/map*.js` draws it. Levels and gate positions reach the map from `/live`, not from callbacks.

For a page
----------
``park_map("emergency-map", lang=..., scale="desk")`` returns one component that fills its parent. Around it
lie three stores, addressed by the map's id through the functions below, for ordinary callbacks:

``Output(draw_id("emergency-map"), "data")``
    A GeoJSON FeatureCollection (WGS 84) to draw above the park: what `layers.incidents.features` returns. It
    replaces what was there; ``None`` clears. ``properties.kind`` of a feature decides how it is drawn:

    ========== =============== ====================================================================
    kind       geometry        properties
    ========== =============== ====================================================================
    suspect    Polygon         rank 1..3, label, probability, enterprise
    trace      LineString      drawn from source to station, arrows along it
    plume      LineString      band 1 | 2 | 3 (50, 80, 95 %): a plume that stands still
    forecast   LineString      dotted: where it will go
    front      LineString      early, middle, late (park ms at each vertex), hold_ms: plume and forecast
                               that move by themselves, and with `time(ms, scenario)`; lag {scenario: ms}:
                               where gates of a scenario cut it, how far its last may lag behind its middle
    arrival    Point           text ("03:58"), angle: tick across the forecast with its time
    alarm      Point           station, level, title, text: a station of the incident and its call-out
    close      Point           gate, title, text, hot (bool), late (bool): close-by tag with leader
    receptor   Point           title, text
    sample     Point           title: where a sample would decide most
    reach      LineString      hours: travel time from the traced point (atlas); colour by hours
    point      Point           a plain mark, title
    mark       any             tone: error, warning, note, added, removed, moved, changed, picked; title
    ========== =============== ====================================================================

    Collection members besides ``features``: ``key`` (str; when it changes the map flies to the drawing once),
    ``pad`` ([top, right, bottom, left] px left free for tags). A feature with ``fit`` false is not flown to.
``Output(view_id(...), "data")``
    One command to the view: {"fit": "park" | "drawing" | [west, south, east, north], "zoom": z, "center":
    [lon, lat], "select": {"kind", "id"} | None, "layers": {name: bool}, "at": anything that differs}.
``Input(pick_id(...), "data")``
    What the user clicked: {"kind", "id", "lon", "lat", "node"?, "at"}; kind is station, gate, outlet,
    enterprise, receptor, facility, pool, pipe, channel, reach or none.

In page scripts: ``twin.maps[id]`` is the object of assets/map.js: ``draw(collection)``, ``view(command)``,
``time(ms | null, scenario)`` (draw plume and forecast as of another moment, gates shut as a scenario says),
``on("pick", fn)``.

`register(app)` connects the stores with the script, once for every map on any page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import dash_leaflet as dl
from dash import MATCH, Dash, Input, Output, dcc, html

from geodata.words import Lang

Scale = Literal["desk", "wall"]

PANES: tuple[tuple[str, int], ...] = (("scenery", 210), ("symbols", 420))
"""Our panes from below: what stands still; stations, gates, incident drawing and labels."""

LAYERS: dict[str, bool] = {
    "scenery": True,
    "plot": True,
    "canal": True,
    "rack": True,
    "pipe": True,
    "rain": True,
    "outlet": True,
    "station": True,
    "gate": True,
    "enterprise": True,
    "receptor": True,
    "facility": True,
    "flow": True,
    "basemap": False,
}
"""What can be switched, and whether it is on at first."""


def draw_id(map_id: str) -> dict[str, str]:
    """Id of the store a page writes its drawing to."""
    return {"type": "map-draw", "map": map_id}


def view_id(map_id: str) -> dict[str, str]:
    """Id of the store a page writes view commands to."""
    return {"type": "map-view", "map": map_id}


def pick_id(map_id: str) -> dict[str, str]:
    """Id of the store that holds what was clicked last."""
    return {"type": "map-pick", "map": map_id}


def park_map(
    id: str,
    *,
    version: str,
    lang: Lang = "zh",
    scale: Scale = "desk",
    labels: Literal["quiet", "full"] = "full",
    layers: dict[str, bool] | None = None,
    interactive: bool = True,
    fit: list[float] | None = None,
    pad: tuple[int, int, int, int] = (24, 24, 24, 24),
    furniture: bool = True,
    source: str = "/geo",
    tiles: str = "",
    live: bool = True,
    tools: bool = False,
    base: Mapping[str, object] | None = None,
) -> html.Div:
    """Return a map of the park that fills its parent.

    Parameters
    ----------
    id : str
        The map's name; unique on the page.
    version : str
        The park's version: part of the address of its geometry, so that a new park is a new address.
    labels : {"quiet", "full"}
        Quiet names only what is not normal, and works, gates and water (the wall).
    layers : dict, optional
        Overrides of `LAYERS`.
    interactive : bool
        False on a wall: no dragging, no clicking.
    fit : list of float, optional
        [west, south, east, north] to show at first; the whole park if None.
    pad : tuple of int
        Pixels to leave free, top right bottom left.
    furniture : bool
        Draw scale bar and north arrow.
    tiles : {"", "GCJ-02", "BD-09", "WGS 84"}
        The datum of the base map's tiles, which the layer "basemap" shows; empty where there are none.
    source : str
        Address below which the geometry lies; another one for a park that is not the one in use.
    live : bool
        False where live levels and gate positions are not this park's: everything is drawn as unknown.
    base : mapping, optional
        Of the base map: ``layers`` (under, over), ``zooms`` (lowest and highest), ``credit``.
    tools : bool
        Measuring, and saving a picture, by buttons and by keys.
    """
    options = {
        "version": version,
        "lang": lang,
        "scale": scale,
        "labels": labels,
        "layers": LAYERS | (layers or {}),
        "interactive": interactive,
        "fit": fit,
        "pad": list(pad),
        "furniture": furniture,
        "source": source,
        "tiles": tiles,
        "live": live,
        "tools": tools,
        "base": base,
    }
    data: dict[str, Any] = {"data-map": json.dumps(options, ensure_ascii=False)}
    return html.Div(
        [
            _leaflet(f"{id}-map", interactive),
            dcc.Store(id=draw_id(id)),
            dcc.Store(id=view_id(id)),
            dcc.Store(id=pick_id(id)),
            dcc.Store(id={"type": "map-drawn", "map": id}),
            dcc.Store(id={"type": "map-viewed", "map": id}),
        ],
        id=id,
        className="park-map",
        **data,
    )


def _leaflet(id: str, interactive: bool) -> dl.Map:
    return dl.Map(
        [dl.Pane(name=name, style={"zIndex": z, "pointerEvents": "none"}) for name, z in PANES],
        id=id,
        center=[0, 0],
        zoom=13,
        zoomSnap=0.25,
        zoomDelta=0.5,
        wheelPxPerZoomLevel=100,
        minZoom=10,
        maxZoom=20,
        attributionControl=False,
        zoomControl=False,
        trackViewport=False,
        dragging=interactive,
        scrollWheelZoom=interactive,
        doubleClickZoom=interactive,
        boxZoom=interactive,
        keyboard=interactive,
        style={"position": "absolute", "inset": 0},
    )


def register(app: Dash) -> None:
    """Connect the stores of every map with the script that draws it."""
    for store, member, done in (("map-draw", "draw", "map-drawn"), ("map-view", "view", "map-viewed")):
        app.clientside_callback(  # type: ignore[no-untyped-call]
            f"function(data, id) {{ return window.twin.onMap(id.map, '{member}', data); }}",
            Output({"type": done, "map": MATCH}, "data"),
            Input({"type": store, "map": MATCH}, "data"),
            Input({"type": store, "map": MATCH}, "id"),
        )


def empty_drawing(key: str = "") -> dict[str, Any]:
    """Return a drawing with nothing on it."""
    return {"type": "FeatureCollection", "features": [], "key": key}
