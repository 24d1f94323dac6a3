"""From the mapped rows of a survey to nodes and links: sizes, levels, kinds, directions, sources."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geodata.formats.aliases import NODE_KINDS, STORAGES, system_of
from geodata.formats.mapping import LayerMap
from geodata.formats.report import LayerReport
from geodata.formats.sheet import Sheet, numbers, plain, texts
from geodata.places import LinkKind, System
from geodata.provenance import MARK, Confidence, mark
from geodata.words import Text

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Shapes = NDArray[np.object_]

NODE_NUMBERS = {
    "ground_m": np.nan,
    "invert_m": np.nan,
    "max_depth_m": np.nan,
    "area_m2": 0.0,
    "inflow_m3s": 0.0,
    "stage_m": np.nan,
}
LINK_NUMBERS = {
    "length_m": np.nan,
    "height_m": np.nan,
    "width_m": np.nan,
    "side_slope": np.nan,
    "roughness": np.nan,
    "offset_in_m": np.nan,
    "offset_out_m": np.nan,
    "capacity_m3s": 0.0,
    "flow_m3s": 0.0,
    "velocity_ms": 0.0,
    "depth_m": 0.0,
    "reversal": 0.0,
    "from_depth_m": np.nan,
    "to_depth_m": np.nan,
    "from_level_m": np.nan,
    "to_level_m": np.nan,
}
ROUGHNESS = {
    LinkKind.PIPE: 0.013,
    LinkKind.CHANNEL: 0.025,
    LinkKind.REACH: 0.030,
    LinkKind.GATE: 0.013,
    LinkKind.VALVE: 0.013,
    LinkKind.PUMP: 0.013,
    LinkKind.WEIR: 0.013,
}
# Manning n of pipe materials, by a piece of their name; usual design values.
MATERIALS = (
    (("pe", "pvc", "upvc", "塑", "frp", "玻璃钢", "pp"), 0.010),
    (("砼", "混凝土", "concrete", "rcp"), 0.013),
    (("铸铁", "球墨", "钢", "iron", "steel"), 0.012),
    (("砖", "石", "brick", "stone"), 0.017),
)
DEPTHS = (0.0, 15.0)  # m, of buried pipes; beyond is a slip of the pen or of the unit
DEFAULT_SIZE = {LinkKind.PIPE: (0.3, 0.3), LinkKind.CHANNEL: (1.0, 1.0), LinkKind.REACH: (3.0, 20.0)}
BACKWARD = {"1", "终点到起点", "终->起", "逆", "反", "-", "反向"}
FORWARD = {"0", "起点到终点", "起->终", "顺", "正", "+", "正向"}
DRAWINGS = ("DXF", "KML", "KMZ")
PRESSED = ("压力", "pressure", "有压")


def nodes_of(sheet: Sheet, m: LayerMap, at: Shapes, report: LayerReport) -> pd.DataFrame:
    """Return the nodes of a layer.

    Parameters
    ----------
    sheet, m
        The layer and what its fields mean.
    at : ndarray of points
        Where each row lies in the park's CRS; None where it has no position.
    report : LayerReport
        Is told of every row left out or doubtful.
    """
    n = len(sheet.frame)
    table = pd.DataFrame({"id": _texts(sheet, m, "id", n)})
    table["row"] = np.arange(n) + sheet.first_row
    table["x"], table["y"] = shapely.get_x(at), shapely.get_y(at)
    for name, default in NODE_NUMBERS.items():
        table[name] = _numbers(sheet, m, name, n, report, default)
    table["system"], keep = _systems(sheet, m, n, report)
    table["kind"] = _node_kinds(sheet, m, n)
    _provenance(table, sheet, m)
    _check_depth(table, "max_depth_m", report)
    for name in ("area_m2", "inflow_m3s"):
        if name not in m.fields:
            table[MARK + name] = mark(Confidence.ASSUMED, np.ones(n, bool))
    lacking = {name: table[name].isna().to_numpy() for name in ("ground_m", "invert_m", "max_depth_m")}
    buried = table["max_depth_m"].to_numpy()
    table["invert_m"] = table["invert_m"].fillna(table["ground_m"] - buried)
    table["ground_m"] = table["ground_m"].fillna(table["invert_m"] + buried)
    table["max_depth_m"] = table["max_depth_m"].fillna(table["ground_m"] - table["invert_m"])
    for name, mask in lacking.items():
        table[MARK + name] = mark(Confidence.DERIVED, mask & table[name].notna().to_numpy())
    named, placed = table["id"].to_numpy() != "", np.isfinite(table["x"].to_numpy(float))
    report.skip(NO_ID, sheet.rows(keep & ~named), m.fields.get("id", "id"))
    report.skip(NO_PLACE, sheet.rows(keep & named & ~placed), m.fields.get("x", ""))
    keep &= named & placed
    if len(set(table.loc[keep, "id"])) < int(keep.sum()):
        keep &= _first_of_each(table, keep, report)
    report.mapped += int(keep.sum())
    return table[keep].reset_index(drop=True)


def links_of(sheet: Sheet, m: LayerMap, lines: Shapes, report: LayerReport) -> pd.DataFrame:
    """Return the links of a layer, with a column `geometry` that is None where the layer draws none."""
    n = len(sheet.frame)
    table = pd.DataFrame({"id": _texts(sheet, m, "id", n)})
    table["row"] = np.arange(n) + sheet.first_row
    table["from_node"] = _texts(sheet, m, "from_node", n)
    table["to_node"] = _texts(sheet, m, "to_node", n)
    for name, default in LINK_NUMBERS.items():
        table[name] = _numbers(sheet, m, name, n, report, default)
    table["system"], keep = _systems(sheet, m, n, report)
    table["kind"] = _link_kinds(sheet, m, n)
    for name in ("enterprise", "rack", "gate"):
        table[name] = _texts(sheet, m, name, n)
    table["shape"] = _texts(sheet, m, "shape", n)
    _sizes(table, sheet, m, report)
    _roughness(table, sheet, m)
    _provenance(table, sheet, m)
    for name in ("capacity_m3s", "flow_m3s", "velocity_ms", "depth_m", "reversal"):
        if name not in m.fields:
            table[MARK + name] = mark(Confidence.ASSUMED, np.ones(n, bool))
    for name in ("length_m", "offset_in_m", "offset_out_m"):
        table[MARK + name] = mark(Confidence.DERIVED, ~(table[name].to_numpy(float) >= 0))
    table[MARK + "geometry"] = mark(Confidence.DERIVED, shapely.is_missing(lines))
    for name in ("from_node", "to_node"):
        table[MARK + name] = mark(Confidence.DERIVED, (table[name] == "").to_numpy())
    for name in ("from_depth_m", "to_depth_m"):
        _check_depth(table, name, report)
    table["declared"] = _declared(sheet, m, n)
    table["pressed"] = [any(w in t.lower() for w in PRESSED) for t in _texts(sheet, m, "pressure", n)]
    table["direction_source"] = _texts(sheet, m, "direction_source", n)
    table["status"] = "open"
    table["geometry"] = lines
    ends = (table["from_node"] != "") & (table["to_node"] != "")
    stated = keep & ~ends.to_numpy() & shapely.is_missing(lines)
    report.skip(NO_ENDS, sheet.rows(stated), m.fields.get("from_node", ""))
    keep &= ~stated
    report.mapped += int(keep.sum())
    return table[keep].reset_index(drop=True)


def parse_size(text: str) -> tuple[str, float, float] | None:
    """Read 管径 or 断面: "DN400", "400", "600x400", "Φ300", "2*300" ... -> shape, height, width as written.

    Width comes first where two numbers are given. None if it cannot be read.
    """
    t = plain(text).lower().replace("×", "x").replace("*", "x").replace("φ", "").replace("ø", "")
    t = t.replace("dn", "").replace("d", "").replace("毫米", "").replace("mm", "").strip()
    both = re.fullmatch(r"(\d+(?:\.\d+)?)\s*[xX]\s*(\d+(?:\.\d+)?)", t)
    if both:
        return "rectangle", float(both[2]), float(both[1])
    one = re.fullmatch(r"\d+(?:\.\d+)?", t)
    return ("circular", float(t), float(t)) if one and float(t) > 0 else None


def directed(links: pd.DataFrame) -> pd.DataFrame:
    """Return the links turned the way their water runs, and how that is known.

    A declared direction counts first, then the fall of the pipe itself; what neither tells stays as drawn
    and is "assumed". Links that came with their direction's source are left alone.
    """
    told = links["direction_source"].to_numpy(str) != ""
    declared = links["declared"].to_numpy(int)
    fall = (links["from_level_m"] - links["to_level_m"]).to_numpy(float)
    known = np.isfinite(fall) & (np.abs(fall) > 1e-4) & ~links["pressed"].to_numpy(bool)
    back = ~told & ((declared < 0) | ((declared == 0) & known & (fall < 0)))
    source = np.where(declared != 0, "declared", np.where(known, "invert", "assumed"))
    made = links.copy()
    made["direction_source"] = np.where(told, links["direction_source"], source)
    for a, b in (("from_node", "to_node"), ("from_level_m", "to_level_m"), ("from_depth_m", "to_depth_m"),
                 ("offset_in_m", "offset_out_m")):  # fmt: skip
        made[a], made[b] = np.where(back, links[b], links[a]), np.where(back, links[a], links[b])
    lines = links["geometry"].to_numpy(object).copy()
    lines[back] = shapely.reverse(lines[back])
    made["geometry"] = lines
    return made


def levels(nodes: pd.DataFrame, links: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fill levels from one another: pipe ends from ground and depth, bottoms from the lowest pipe end."""
    at = {n: i for i, n in enumerate(nodes["id"].tolist())}
    ground, invert = nodes["ground_m"].to_numpy(float).copy(), nodes["invert_m"].to_numpy(float).copy()
    made = links.copy()
    low = np.full(len(nodes), np.inf)
    own: dict[str, Floats] = {}
    ends = {end: np.array([at[n] for n in links[f"{end}_node"].tolist()], int) for end in ("from", "to")}
    for end, where in ends.items():
        level = links[f"{end}_level_m"].to_numpy(float).copy()
        by_depth = ground[where] - links[f"{end}_depth_m"].to_numpy(float)
        level = np.where(np.isfinite(level), level, by_depth)
        offset = links["offset_in_m" if end == "from" else "offset_out_m"].to_numpy(float)
        own[end] = np.where(np.isfinite(level), level, invert[where] + offset)
    # A pipe that tells no level at all lies on the bottoms of its manholes; one bottom says nothing beside
    # a level of the other end, for sumps lie deeper than pipes.
    bare = ~np.isfinite(own["from"]) & ~np.isfinite(own["to"])
    for end, where in ends.items():
        level = np.where(bare, invert[where], own[end])
        made[f"{end}_level_m"] = level
        np.minimum.at(low, where, np.where(np.isfinite(level), level, np.inf))
    empty = ~np.isfinite(invert) & np.isfinite(low)
    invert[empty] = low[empty]
    derived = mark(Confidence.DERIVED, empty)
    for end, offset_name in (("from", "offset_in_m"), ("to", "offset_out_m")):
        where = ends[end]
        above = made[f"{end}_level_m"].to_numpy(float) - invert[where]
        given = links[offset_name].to_numpy(float)
        above = np.where(np.isfinite(given), given, above)
        made[offset_name] = np.maximum(np.nan_to_num(above), 0.0)
    full = nodes.copy()
    full["invert_m"] = invert
    depth = full["max_depth_m"].to_numpy(float)
    full["max_depth_m"] = np.where(np.isfinite(depth), depth, ground - invert)
    for name, mask in (
        ("invert_m", derived > 0),
        ("max_depth_m", ~np.isfinite(depth) & np.isfinite(ground - invert)),
    ):
        if MARK + name in full:
            full[MARK + name] = np.where(mask, mark(Confidence.DERIVED, mask), full[MARK + name])
    return full, made


def _texts(sheet: Sheet, m: LayerMap, name: str, n: int) -> list[str]:
    theirs = m.fields.get(name)
    return texts(sheet.frame[theirs]) if theirs is not None else [""] * n


def _numbers(sheet: Sheet, m: LayerMap, name: str, n: int, report: LayerReport, default: float) -> Floats:
    theirs = m.fields.get(name)
    if theirs is None:
        return np.full(n, default)
    found, wrong = numbers(sheet.frame[theirs])
    for i in np.flatnonzero(wrong):
        text = NOT_NUMBER.fill(text=plain(sheet.frame[theirs].iloc[i])[:40])
        report.warn(text, int(i) + sheet.first_row, theirs)
    return np.where(np.isnan(found), default, found)


def _systems(sheet: Sheet, m: LayerMap, n: int, report: LayerReport) -> tuple[list[str], Bools]:
    """Return the system of each row, and which rows carry water that is followed."""
    theirs = m.fields.get("system", "")
    words = _texts(sheet, m, "system", n)
    default = m.system if m.system in list(System) else ""
    cache: dict[str, str | None] = {}
    for w in set(words):
        known, system = (True, w) if w in list(System) else system_of(w)
        cache[w] = system if known else (default or "?")
    if m.system == "none" and not theirs:
        cache[""] = None
    found = [cache[w] for w in words]
    unsaid = sum(f == "?" for f in found)
    if unsaid:
        report.warn(NO_SYSTEM.fill(n=unsaid), 0, theirs)
    keep = np.array([f is not None for f in found], bool)
    for w in sorted({w for w, f in zip(words, found, strict=True) if f is None}):
        report.skip(
            OTHER_CLASS.fill(name=w or sheet.layer), sheet.rows(np.array([x == w for x in words])), theirs
        )
    return [f if f and f != "?" else System.SEWAGE.value for f in found], keep


def _node_kinds(sheet: Sheet, m: LayerMap, n: int) -> list[str]:
    kinds = {**NODE_KINDS, **STORAGES, "source": "source", "junction": "junction"}
    found = []
    for a, b in zip(_texts(sheet, m, "kind", n), _texts(sheet, m, "feature", n), strict=True):
        found.append(kinds.get(a.lower()) or kinds.get(b.lower()) or "junction")
    return found


def _link_kinds(sheet: Sheet, m: LayerMap, n: int) -> list[str]:
    words = {
        "明渠": "channel",
        "渠": "channel",
        "沟": "channel",
        "河": "reach",
        "泵": "pump",
        "闸": "gate",
        "阀": "valve",
        "堰": "weir",
    }
    default = m.kind if m.kind in list(LinkKind) else "pipe"
    if not {"kind", "burial"} & set(m.fields):
        return [default] * n
    found = []
    for a, b in zip(_texts(sheet, m, "kind", n), _texts(sheet, m, "burial", n), strict=True):
        kind = a.lower() if a.lower() in list(LinkKind) else next((k for w, k in words.items() if w in a), "")
        found.append(kind or ("channel" if "明渠" in b or "明沟" in b else default))
    return found


def _sizes(table: pd.DataFrame, sheet: Sheet, m: LayerMap, report: LayerReport) -> None:
    """Fill height, width and shape from the size written, in mm or m by the field's name or its numbers."""
    n = len(table)
    theirs = m.fields.get("size", "")
    cells = _texts(sheet, m, "size", n)
    cache = {c: parse_size(c) for c in set(cells) if c}
    biggest = [s[1] for c in cells if c and (s := cache[c])]
    millimetres = (
        "mm" in theirs.lower() or "毫米" in theirs or (bool(biggest) and float(np.median(biggest)) > 20)
    )
    unit = 1e-3 if millimetres else 1.0
    if biggest:
        report.warn(SIZE_UNIT.fill(unit="mm" if millimetres else "m"), 0, theirs)
    height, width = table["height_m"].to_numpy(float).copy(), table["width_m"].to_numpy(float).copy()
    shape = table["shape"].to_numpy(object).copy()
    for i, cell in enumerate(cells):
        size = cache.get(cell)
        if size:
            shape[i], height[i], width[i] = size[0], size[1] * unit, size[2] * unit
        elif cell:
            report.warn(BAD_SIZE.fill(text=cell[:40]), i + sheet.first_row, theirs)
    kinds = table["kind"].to_numpy(str)
    lacking = ~np.isfinite(height) & ~np.isin(kinds, ("pump",))
    for kind in set(kinds[~np.isfinite(height)]):
        h, w = DEFAULT_SIZE.get(LinkKind(kind), (0.3, 0.3))
        mask = ~np.isfinite(height) & (kinds == kind)
        height[mask] = h
        width[mask & ~np.isfinite(width)] = w
    table[MARK + "width_m"] = width
    width = np.where(np.isfinite(width), width, height)
    if lacking.any():
        report.warn(NO_SIZE.fill(n=int(lacking.sum())), 0, theirs)
    open_ = np.isin(kinds, ("channel", "reach"))
    side = table["side_slope"].to_numpy(float)
    usual = np.where(kinds == "pipe", "circular", np.where(open_, "trapezoid", "rectangle"))
    told = np.isin(shape.astype(str), ("circular", "trapezoid", "rectangle"))
    table["shape"] = np.where(told, shape, usual)
    table["height_m"], table["width_m"] = height, width
    table["side_slope"] = np.where(np.isfinite(side), side, np.where(table["shape"] == "trapezoid", 1.5, 0.0))
    wide = ~np.isfinite(table[MARK + "width_m"].to_numpy(float))
    table[MARK + "height_m"] = mark(Confidence.ASSUMED, lacking)
    table[MARK + "width_m"] = np.where(
        lacking, mark(Confidence.ASSUMED, lacking), mark(Confidence.DERIVED, wide)
    )
    table[MARK + "shape"] = mark(Confidence.ASSUMED, ~told)
    table[MARK + "side_slope"] = mark(
        Confidence.ASSUMED, ~np.isfinite(side) & (table["shape"] == "trapezoid")
    )


def _roughness(table: pd.DataFrame, sheet: Sheet, m: LayerMap) -> None:
    materials = [t.lower() for t in _texts(sheet, m, "material", len(table))]
    cache = {
        t: next((n for words, n in MATERIALS if t and any(w in t for w in words)), np.nan)
        for t in set(materials)
    }
    usual = np.array([cache[t] if np.isfinite(cache[t]) else ROUGHNESS[LinkKind(k)]
                      for t, k in zip(materials, table["kind"].tolist(), strict=True)], float)  # fmt: skip
    given = table["roughness"].to_numpy(float)
    table["roughness"] = np.where(np.isfinite(given), given, usual)
    of_material = np.array([np.isfinite(cache[t]) for t in materials], bool)
    table[MARK + "roughness"] = np.where(
        np.isfinite(given),
        mark(Confidence.ASSUMED, np.zeros(len(given), bool)),
        np.where(
            of_material,
            mark(Confidence.DERIVED, of_material),
            mark(Confidence.ASSUMED, ~of_material),
        ),
    )


def _provenance(table: pd.DataFrame, sheet: Sheet, m: LayerMap) -> None:
    """Keep where each row came from: its own word, else file, layer and row."""
    own = _texts(sheet, m, "source", len(table))
    table["source"] = [s or f"{sheet.key}:{r}" for s, r in zip(own, table["row"].tolist(), strict=True)]
    table["as_of"] = [t[:10] for t in _texts(sheet, m, "as_of", len(table))]
    usual = usual_confidence(sheet)
    said = [t.lower() for t in _texts(sheet, m, "confidence", len(table))]
    table["confidence"] = [t if t in list(Confidence) else usual for t in said]


def usual_confidence(sheet: Sheet) -> str:
    """Return how the values of a file were got where it does not say: drawings and models only declare."""
    drawn = sheet.model is not None or sheet.format in DRAWINGS
    return str(Confidence.DECLARED if drawn else Confidence.SURVEYED)


def _declared(sheet: Sheet, m: LayerMap, n: int) -> list[int]:
    words = _texts(sheet, m, "direction", n)
    return [-1 if w in BACKWARD else 1 if w in FORWARD else 0 for w in words]


def _check_depth(table: pd.DataFrame, name: str, report: LayerReport) -> None:
    depth = table[name].to_numpy(float)
    for i in np.flatnonzero((depth < DEPTHS[0]) | (depth > DEPTHS[1])):
        report.warn(DEPTH.fill(value=f"{depth[i]:g}"), int(table["row"].iloc[i]), name)


def _first_of_each(table: pd.DataFrame, keep: Bools, report: LayerReport) -> Bools:
    again = np.zeros(len(table), bool)
    seen: dict[str, Any] = {}
    for i in np.flatnonzero(keep):
        name = table["id"].iloc[i]
        if name in seen:
            again[i] = True
            report.skip(ID_TWICE.fill(id=name, row=seen[name]), [int(table["row"].iloc[i])], "id")
        else:
            seen[name] = int(table["row"].iloc[i])
    return ~again


NO_ID = Text("没有编号；请补上点号", "it has no id; give it one")
NO_PLACE = Text(
    "没有坐标，或坐标为 0，或离其余数据 300 km 以上", "it has no position, or 0, or lies 300 km off the rest"
)
NO_ENDS = Text("没有起止点号，也没有线形", "it names no end points and draws no line")
NOT_NUMBER = Text("“{text}” 不是数，按缺失处理", "“{text}” is not a number; taken as missing")
NO_SYSTEM = Text(
    "{n} 行没有说明雨水还是污水，按污水处理；可在对应表里写 system",
    "{n} rows do not say which water they carry; taken as sewage. Say it with system in the mapping",
)
OTHER_CLASS = Text(
    "{name} 不是雨水、污水或河道，不参与追踪", "{name} is not rain, sewage or canal; it is not followed"
)
SIZE_UNIT = Text("管径按 {unit} 读", "sizes are read in {unit}")
BAD_SIZE = Text("管径 “{text}” 读不懂", "the size “{text}” cannot be read")
NO_SIZE = Text(
    "{n} 行没有管径或断面，按缺省尺寸并标为 assumed",
    "{n} rows have no size; a default is taken and marked assumed",
)
DEPTH = Text("埋深 {value} m 超出 0 到 15 m", "a depth of {value} m is outside 0 to 15 m")
ID_TWICE = Text("编号 {id} 与第 {row} 行重复", "the id {id} is that of row {row}")
