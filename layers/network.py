"""Pipes, rain channels and reaches on the map, turned the way their water runs; and the named places."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import shapely

from geodata.network import Network
from geodata.places import OutletKind, Park
from geodata.walks import Trace
from geodata.words import Text
from layers.feature import feature

IDLE_M3S = 1e-4
"""Below this a link is drawn without a direction."""

WATER_SHARE = 0.6
"""Depth of the water drawn, as a share of a section's height."""

BANDS = (0.25, 1.0, 3.0, 8.0)
"""Edges of the bands of time a walk is coloured in, h."""

OUTLETS: dict[OutletKind, Text] = {
    OutletKind.WASTEWATER: Text("废水排口", "wastewater outlet"),
    OutletKind.RAIN: Text("雨水排口", "rain outlet"),
    OutletKind.CROSSING: Text("管廊跨河处", "pipe crossing"),
}


def rows(park: Park) -> list[dict[str, Any]]:
    """Return one row a link: kind, system, owner, rack, width of its water (m) and whether it moves."""
    table = park.links
    wanted = ("id", "kind", "system", "enterprise", "rack", "gate", "from_node", "to_node", "flow_m3s")
    top = table["width_m"] + 2 * table["side_slope"] * table["height_m"] * WATER_SHARE
    found: list[dict[str, Any]] = []
    for key, kind, system, owner, rack, gate, a, b, flow, width in zip(
        *(table[name] for name in wanted), top, strict=True
    ):
        back = flow < 0
        row = {
            "layer": "link",
            "id": str(key),
            "kind": str(kind),
            "system": str(system),
            "from": str(b if back else a),
            "to": str(a if back else b),
            "width": round(float(width), 1),
            "flow": round(abs(float(flow)), 4) if abs(flow) > IDLE_M3S else 0,
        }
        row |= {k: str(v) for k, v in (("enterprise", owner), ("rack", rack), ("gate", gate)) if v}
        found.append(row)
    return found


def shapes(park: Park) -> Any:
    """Return the links' lines, each turned the way its stored flow runs; (m,) of shapely geometries."""
    lines = park.links.geometry.to_numpy()
    back = park.links["flow_m3s"].to_numpy(float) < 0
    return np.where(back, shapely.reverse(lines), lines)


def followed(park: Park, net: Network, trace: Trace, assumed: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return the links of a walk as drawing features of kind "reach", coloured by hours from its start.

    Lines run as the water runs in `net`, which may be another way than the stored one.
    """
    lines = park.links.geometry.to_numpy()
    found = []
    for key, hours in hours_to(net, trace).items():
        k = net.links[key]
        line = shapely.reverse(lines[k]) if net.turned[k] else lines[k]
        more = {"assumed": True} if key in assumed else {}
        found.append(feature(line, park.crs, kind="reach", hours=round(hours, 3), band=band(hours), **more))
    return found


def hours_to(net: Network, trace: Trace) -> dict[str, float]:
    """Return by link the hours from the start of a walk to the nearer of its ends."""
    hours = dict(zip(trace.nodes.tolist(), (trace.travel_s / 3600).tolist(), strict=True))
    found = {}
    for key in trace.links.tolist():
        k = net.links[key]
        ends = [hours.get(str(net.node_ids[n])) for n in (net.tail[k], net.head[k])]
        found[str(key)] = min(h for h in ends if h is not None)
    return found


def band(hours: float) -> int:
    """Return the band of time an hour lies in, from 1."""
    return 1 + sum(hours >= edge for edge in BANDS)


def bands(net: Network, trace: Trace) -> dict[str, int]:
    """Return the band of time of every link of a walk."""
    return {key: band(hours) for key, hours in hours_to(net, trace).items()}


def band_name(number: int) -> Text:
    """Return a band in words: "15 min - 1 h"."""
    edges = [
        Text(f"{h:g} 时", f"{h:g} h") if h >= 1 else Text(f"{h * 60:.0f} 分", f"{h * 60:.0f} min")
        for h in BANDS
    ]
    if number == 1:
        return Text("{a} 以内", "within {a}").fill(a=edges[0])
    if number > len(edges):
        return Text("{a} 以上", "over {a}").fill(a=edges[-1])
    return Text("{a} – {b}", "{a} – {b}").fill(a=edges[number - 2], b=edges[number - 1])


def spot(park: Park, node: str, title: str = "") -> dict[str, Any]:
    """Return a node as a drawing feature of kind "point"."""
    row = park.nodes[park.nodes["id"] == node].iloc[0]
    more = {"title": title} if title else {}
    return feature(shapely.Point(row["x"], row["y"]), park.crs, kind="point", **more)


def barred(park: Park, net: Network, bars: Iterable[str]) -> list[dict[str, Any]]:
    """Return gates, links and nodes that are barred as drawing features of kind "bar"."""
    gates = {g.id: shapely.Point(g.x, g.y) for g in park.gates}
    found = []
    for key in bars:
        shape = gates.get(key)
        if shape is None and key in net.links:
            shape = park.links.geometry.to_numpy()[net.links[key]].interpolate(0.5, normalized=True)
        elif shape is None and key in net.nodes:
            row = park.nodes.iloc[net.nodes[key]]
            shape = shapely.Point(row["x"], row["y"])
        if shape is not None:
            found.append(feature(shape, park.crs, kind="bar", fit=False))
    return found


def parcels(park: Park, enterprises: Collection[str]) -> list[dict[str, Any]]:
    """Return the ground of enterprises as drawing features of kind "ground"."""
    table = park.scenery.get("parcel")
    if table is None or not enterprises:
        return []
    mine = table[table["enterprise"].isin(list(enterprises))]
    return [feature(shape, park.crs, kind="ground", fit=False) for shape in mine.geometry]


def place_rows(park: Park) -> list[dict[str, Any]]:
    """Return rows of enterprises, outlets, receptors, works and pools, with x and y in the park's CRS."""
    enterprises = [
        _row("enterprise", e.id, e.name, e.x, e.y, short_zh=e.short.zh, short_en=e.short.en)
        for e in park.enterprises
    ]
    short = {e.id: e.short for e in park.enterprises}
    outlets = [
        _row(
            "outlet",
            o.id,
            Text("{who} {code}", "{who} {code}").fill(who=short.get(o.enterprise, o.enterprise), code=o.code),
            o.x,
            o.y,
            kind=str(o.kind),
            code=o.code,
            node=o.node,
            enterprise=o.enterprise,
        )
        for o in park.outlets
    ]
    receptors = [_row("receptor", r.id, r.name, r.x, r.y, node=r.node) for r in park.receptors]
    facilities = [_row("facility", f.id, f.name, f.x, f.y, kind=f.kind, node=f.node) for f in park.facilities]
    pools = [_row("pool", p.id, p.name, p.x, p.y, level=p.level) for p in park.pools]
    return [*enterprises, *outlets, *receptors, *facilities, *pools]


def _row(layer: str, id: str, name: Text, x: float, y: float, **more: Any) -> dict[str, Any]:
    return {"layer": layer, "id": id, "zh": name.zh, "en": name.en, "x": x, "y": y} | more
