"""The map component: its contract with pages and script."""

from __future__ import annotations

import json

from dash import Dash

from layers import map as maps


def test_a_map_carries_its_options_and_its_stores() -> None:
    made = maps.park_map("m", version="v1", lang="en", layers={"pipe": False}, interactive=False)
    options = json.loads(getattr(made, "data-map"))
    assert (options["version"], options["lang"], options["interactive"]) == ("v1", "en", False)
    assert options["layers"]["pipe"] is False
    assert options["layers"]["station"] is True
    ids = [getattr(child, "id", None) for child in made.children]
    assert [maps.draw_id("m"), maps.view_id("m"), maps.pick_id("m")] == ids[1:4]
    leaflet = made.children[0]
    assert leaflet.dragging is False
    assert leaflet.trackViewport is False
    assert [pane.name for pane in leaflet.children] == [name for name, _ in maps.PANES]


def test_no_tile_server_is_asked() -> None:
    made = maps.park_map("m", version="v1")
    kinds = {type(child).__name__ for child in made.children[0].children}
    assert kinds == {"Pane"}


def test_register_connects_both_stores_once() -> None:
    app = Dash("test_map")
    maps.register(app)
    outputs = sorted(app.callback_map)
    assert len(outputs) == 2
    assert "map-drawn" in outputs[0]
    assert "map-viewed" in outputs[1]
