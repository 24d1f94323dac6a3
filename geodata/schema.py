"""What a park file holds: every layer and column, said once.

`geodata.park` checks files against it, and `docs/park-schema.md` is printed from it
(``python -m geodata.schema > docs/park-schema.md``).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: what a row is, the geometry it has, and its columns with their meaning."""

    row: str
    geometry: str  # "none", "Point", "LineString" or "Polygon"
    columns: dict[str, str]


_XY = {"x": "m east in the park's CRS; the same as the point", "y": "m north"}
_NAME = {"name_zh": "name, Chinese", "name_en": "name, English"}

TABLES: dict[str, Layer] = {
    "park": Layer(
        "the park itself; one row",
        "none",
        {
            "id": "short name used in keys and file names, a-z",
            **_NAME,
            "crs": "CRS of every layer, e.g. EPSG:4549; projected, metres",
        },
    ),
    "enterprise": Layer(
        "one enterprise",
        "Point",
        {
            "id": "E01 ...",
            **_NAME,
            "short_zh": "name on the map, Chinese",
            "short_en": "name on the map, English",
            "uscc": "unified social credit code, 18 characters (GB 32100-2015)",
            "trade_zh": "trade, Chinese",
            "trade_en": "trade, English",
            "permit_no": "discharge permit number",
            "permit_category": "key, simple or registered",
            "phone": "duty telephone",
            **_XY,
            "cod_permit_t": "permitted COD, t/a",
            "nh3n_permit_t": "permitted ammonia nitrogen, t/a",
            "slots": 'its hours on the shared pipe, JSON [["HH:MM", "HH:MM"], ...], local time; [] if none',
        },
    ),
    "outlet": Layer(
        "one place where an enterprise's water can enter the network",
        "Point",
        {
            "id": "enterprise and code, E01-DW001",
            "enterprise": "enterprise id",
            "kind": "wastewater, rain, or crossing (its pipe crosses open water here; a leak would enter)",
            "code": "DW001 wastewater, YS001 rain, CX01 crossing",
            "node": "node it discharges to",
            **_XY,
        },
    ),
    "gate": Layer(
        "one gate and the card of it",
        "Point",
        {
            "id": "G01 ...",
            **_NAME,
            "kind": "regulate, intercept, intake or sea",
            "link": "link that is this gate",
            **_XY,
            "angle": "heading of the water, degrees counter-clockwise from east",
            "drive": "electric, hydraulic or manual",
            "remote": "whether it obeys commands over the network",
            "stroke_s": "s from open to closed",
            "leakage": "share of the open flow that passes when closed, 0..1",
            "owner_zh": "who operates it, Chinese",
            "owner_en": "who operates it, English",
            "phone": "telephone of the operator",
            "pre_authorised": "whether the park may close it without asking first",
            "normal_position": "0 closed .. 1 open, on an ordinary day",
            "storage_m3": "m3 that fit behind it between normal level and bank",
            "modbus_unit": "unit id on the gate PLC",
        },
    ),
    "station": Layer(
        "one monitoring station; one logger",
        "Point",
        {
            "id": "S01 ...",
            **_NAME,
            "kind": "outlet, channel, canal, works or pump_station",
            "mn": "equipment number of HJ 212: 24 hex digits, 14 characters for loggers of 2005",
            "node": "node it watches",
            "factors": 'HJ 212-2017 factor codes, JSON ["w01018", ...]',
            "interval_s": "s between real-time frames",
            "limit_set": "name of its limits: permit, or a standard and class",
            "enterprise": "enterprise id for outlet stations, else empty",
            **_XY,
        },
    ),
    "receptor": Layer(
        "what must be kept clean",
        "Point",
        {"id": "R1 ...", **_NAME, "node": "node whose water it meets", **_XY},
    ),
    "pool": Layer(
        "an emergency pool or tank farm",
        "Point",
        {
            "id": "P01 ...; a storage node of the same id where the model knows it",
            **_NAME,
            "level": "1 enterprise, 2 park, 3 river",
            "capacity_m3": "m3",
            "stored_m3": "m3 in it on an ordinary day",
            **_XY,
        },
    ),
    "facility": Layer(
        "a works or pump station",
        "Point",
        {
            "id": "WW1, PS1 ...",
            **_NAME,
            "kind": "works or pump_station",
            "node": "its inlet node",
            "capacity_m3d": "m3/d",
            **_XY,
        },
    ),
    "fingerprint": Layer(
        "typical value of one factor in one enterprise's undiluted water",
        "none",
        {
            "enterprise": "enterprise id",
            "factor": "HJ 212-2017 code",
            "value": "mg/L; uS/cm for w01014",
            "source": "where the value comes from",
            "as_of": "year and month it was true",
        },
    ),
    "node": Layer(
        "one node of the network",
        "Point",
        {
            "id": "unique",
            "system": "sewage, rain or canal",
            "kind": "junction, storage, outfall, or source (head of a canal or channel, with a base inflow)",
            **_XY,
            "ground_m": "level of ground or bank, m",
            "invert_m": "level of the bottom, m",
            "max_depth_m": "m from bottom to bank or rim",
            "area_m2": "surface of a storage, else 0",
            "inflow_m3s": "steady base inflow of dry weather, m3/s",
            "stage_m": "water level outside an outfall, m; empty elsewhere",
        },
    ),
    "link": Layer(
        "one pipe, channel, reach, gate, valve, pump or overflow between two nodes",
        "LineString",
        {
            "id": "unique",
            "kind": "pipe, channel, reach, gate, valve, pump or weir",
            "system": "sewage, rain or canal",
            "from_node": "node at the start of the line",
            "to_node": "node at its end",
            "length_m": "m along the line",
            "shape": "circular, trapezoid or rectangle",
            "height_m": "m; diameter of a circle, lift of a gate",
            "width_m": "m; bottom width of a trapezoid, diameter, crest of a weir",
            "side_slope": "run over rise of a trapezoid's sides",
            "roughness": "Manning n",
            "offset_in_m": "m of its start above the bottom of from_node",
            "offset_out_m": "m of its end above the bottom of to_node",
            "enterprise": "owner of a one-enterprise pipe, else empty",
            "rack": "pipe rack it lies on (shared: the timed pipe), else empty",
            "gate": "gate id, else empty",
            "direction_source": "how its direction is known: declared, invert, flow or assumed",
            "capacity_m3s": "greatest flow of a pump, m3/s, else 0",
            "flow_m3s": "mean flow of dry weather, m3/s, positive from from_node to to_node",
            "velocity_ms": "mean velocity of dry weather, m/s, signed like the flow",
            "depth_m": "mean water depth of dry weather, m",
            "reversal": "share of the time it runs against its mean, 0..1",
        },
    ),
}

_ROW = {
    "source": "where the row comes from: file, layer and row",
    "as_of": "date it is of, as it was declared; empty where it was not",
    "confidence": "how it was got: surveyed, declared, derived or assumed",
    "how": "attributes got otherwise than the row, such as derived:invert_m,length_m;assumed:roughness",
}

OPTIONAL: dict[str, dict[str, str]] = {
    "node": _ROW,
    "link": {
        **_ROW,
        "status": "open, closed (nothing passes), or one_way (a check valve: never against the line)",
        "regime": "pressure where the line runs full and may climb, else empty",
    },
    "source": {
        "as_of_by": "how its day is known: stated (by who imported it), rows (its newest row) or file (last "
        "changed then, so no newer)",
    },
}
"""Columns that may be missing, by layer."""

EXTRA: dict[str, Layer] = {
    "provenance": Layer(
        "where one value comes from; of several that fit the most particular counts, and it goes before what "
        "the row of a node or link says",
        "none",
        {
            "layer": "layer of the value",
            "id": "id of its row; empty: every row of the layer",
            "attribute": "its column, of names without _zh and _en; empty: every column",
            "source": "file, document, model, mend or person it comes from",
            "as_of": "date it is of; empty where it was not declared",
            "confidence": "surveyed, declared, derived or assumed",
        },
    ),
    "source": Layer(
        "one layer of one file that the park was made of",
        "none",
        {
            "file": "name of the file",
            "layer": "layer or sheet in it",
            "role": "what it became: node, link, gate, ... or scenery",
            "crs": "the coordinates it came in, e.g. EPSG:4528, GCJ-02, grid:EPSG:4549,dx=...,dy=...",
            "axes": "xy, or yx where north came first",
            "rows": "rows taken from it",
            "as_of": "the day it is of; empty where nobody knows",
        },
    ),
    "device": Layer(
        "one valve or pump that stops an enterprise's water at its own end",
        "Point",
        {
            "id": "E01-DW001-V ...",
            **_NAME,
            "kind": "pipe_valve (of its own line), rain_valve, or pump",
            "enterprise": "enterprise id",
            "outlets": "ids of the outlets whose water it stops, JSON",
            **_XY,
            "remote": "whether it obeys commands over the network",
            "stroke_s": "s from open to closed; of a pump, until it stands",
            "leakage": "share that passes when closed, 0..1",
            "phone": "telephone of who works it",
            "normal_position": "0 closed or standing .. 1 open or running, on an ordinary day",
            "modbus_unit": "unit id on the gate PLC",
        },
    ),
}
"""Layers that may be missing."""

_KIND = {"kind": "what it is"}
_OWNER = {"enterprise": "enterprise id, empty where none", **_KIND}
_NAMED = {**_KIND, "zh": "name, Chinese", "en": "name, English"}
_WIDE = {**_KIND, "width_m": "m"}

SCENERY: dict[str, Layer] = {
    "land": Layer("the mainland", "Polygon", _KIND),
    "sea": Layer("the sea", "Polygon", _KIND),
    "flat": Layer("ground that falls dry at low water", "Polygon", _KIND),
    "bathymetry": Layer("a depth line", "LineString", {"depth_m": "m below datum"}),
    "field": Layer("farmland", "Polygon", _KIND),
    "green": Layer("a green belt", "Polygon", _KIND),
    "road": Layer("a road", "LineString", _WIDE),
    "canal": Layer("a canal or river as water", "Polygon", _NAMED),
    "parcel": Layer("ground let to one enterprise, or of one facility", "Polygon", _OWNER),
    "plot": Layer("a building, unit, basin or yard", "Polygon", _OWNER),
    "tank": Layer("a tank", "Polygon", _OWNER),
    "pool": Layer("an emergency or accident pool as water", "Polygon", _OWNER),
    "rack": Layer("ground under a pipe rack", "Polygon", _KIND),
    "dike": Layer("the sea dike", "LineString", _KIND),
    "jetty": Layer("a trestle or berth", "LineString", _WIDE),
    "outfall": Layer("a pipe out to sea", "LineString", _KIND),
    "boundary": Layer("the border of the park", "Polygon", _KIND),
    "label": Layer(
        "a name written along a line",
        "LineString",
        {"kind": "canal, sea or road", "zh": "the name, Chinese", "en": "the name, English"},
    ),
}


def markdown() -> str:
    """Return the schema as a page of documentation."""
    parts = [
        "# Park file\n",
        "A park is one GeoPackage. All layers share one projected CRS (metres, x east, y north). The "
        "first group is what the twin computes with and must be there; the second, with the prefix "
        "`map_`, is only drawn, and any of it may be missing. Ids are text. The version of a park is "
        "the first 12 characters of a SHA-256 over everything below (`geodata.park.content_hash`), so "
        "that any edit gives a new version.\n",
        "## Tables\n",
    ]
    parts += [_section(name, layer) for name, layer in TABLES.items()]
    parts.append("## Where it comes from, and the enterprise's own end\n\nThese layers may be missing.\n")
    parts += [_section(name, layer) for name, layer in EXTRA.items()]
    parts.append("## Drawn layers\n")
    parts += [_section(f"map_{name}", layer) for name, layer in SCENERY.items()]
    return "\n".join(parts)


def _section(name: str, layer: Layer) -> str:
    geometry = "no geometry" if layer.geometry == "none" else layer.geometry
    rows = "\n".join(f"| `{column}` | {text} |" for column, text in layer.columns.items())
    for column, text in OPTIONAL.get(name, {}).items():
        rows += f"\n| `{column}` (may be missing) | {text} |"
    head = f"### {name}\n\nOne row: {layer.row}. Geometry: {geometry}.\n\n"
    return f"{head}| column | meaning |\n|---|---|\n{rows}\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
