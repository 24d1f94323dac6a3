"""Enterprises, outlets, gates, stations and the rest from rows of a layer, each attached to the network."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geodata import places
from geodata.formats.mapping import LayerMap
from geodata.formats.report import LayerReport
from geodata.formats.sheet import Sheet, plain, texts
from geodata.places import DeviceKind, GateKind, OutletKind, StationKind
from geodata.provenance import Confidence, Key, Origin
from geodata.survey import usual_confidence
from geodata.words import Text

Shapes = NDArray[np.object_]

OUTLET_WORDS = {"雨": OutletKind.RAIN, "清下水": OutletKind.RAIN, "跨": OutletKind.CROSSING}
GATE_WORDS = {
    "节制": GateKind.REGULATE,
    "截污": GateKind.INTERCEPT,
    "引水": GateKind.INTAKE,
    "海": GateKind.SEA,
}
DEVICE_WORDS = {"泵": DeviceKind.PUMP, "雨": DeviceKind.RAIN_VALVE, "清下水": DeviceKind.RAIN_VALVE}
STATION_WORDS = {
    "泵": StationKind.PUMP_STATION,
    "厂": StationKind.WORKS,
    "排口": StationKind.OUTLET,
    "渠": StationKind.CHANNEL,
    "管": StationKind.CHANNEL,
    "河": StationKind.CANAL,
}
DERIVED = ("node", "link", "angle", "x", "y")  # what a place's position tells where its row does not
STROKE_S = 600.0  # a gate whose stroke nobody gave is taken for a slow one
YES = ("1", "true", "yes", "是", "有", "可")


@dataclass(slots=True)
class Ground:
    """The network that places are attached to."""

    nodes: pd.DataFrame
    links: pd.DataFrame
    attach_m: float
    tree: cKDTree | None = None
    lines: Any = None
    known_nodes: set[str] = field(default_factory=set)
    known_links: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Index the network."""
        self.tree = cKDTree(self.nodes[["x", "y"]].to_numpy(float)) if len(self.nodes) else None
        self.lines = shapely.STRtree(self.links["geometry"].to_numpy(object)) if len(self.links) else None
        self.known_nodes = set(self.nodes["id"].tolist())
        self.known_links = set(self.links["id"].tolist()) if len(self.links) else set()

    def node(self, said: str, x: float, y: float) -> str:
        """Return the node said, or the nearest in reach; "" if there is none."""
        if said in self.known_nodes:
            return said
        if self.tree is None or not np.isfinite(x):
            return ""
        gap, i = self.tree.query((x, y), distance_upper_bound=self.attach_m)
        return str(self.nodes["id"].iloc[int(i)]) if np.isfinite(gap) else ""

    def put(self, made: Any) -> Any:
        """Return a record without a position of its own at its node, or at the middle of its link."""
        if not hasattr(made, "x") or np.isfinite(made.x):
            return made
        if hasattr(made, "link"):
            line = self.links["geometry"].iloc[int(np.flatnonzero(self.links["id"] == made.link)[0])]
            middle = line.interpolate(0.5, normalized=True)
            return replace(made, x=float(middle.x), y=float(middle.y))
        at = self.nodes.iloc[int(np.flatnonzero(self.nodes["id"] == made.node)[0])]
        return replace(made, x=float(at["x"]), y=float(at["y"]))

    def link(self, said: str, x: float, y: float) -> str:
        """Return the link said, or the nearest in reach; "" if there is none."""
        if said in self.known_links:
            return said
        if self.lines is None or not np.isfinite(x):
            return ""
        found = self.lines.query_nearest(shapely.Point(x, y), max_distance=self.attach_m)
        return str(self.links["id"].iloc[int(found[0])]) if len(found) else ""


@dataclass(slots=True)
class Cells:
    """One row by our names."""

    values: dict[str, str]
    row: int
    x: float
    y: float
    report: LayerReport
    fields: dict[str, str]

    def text(self, name: str, default: str = "") -> str:
        """Return a text."""
        return self.values.get(name) or default

    def number(self, name: str, default: float) -> float:
        """Return a number, telling the report of a cell that is none."""
        text = self.values.get(name, "")
        if not text:
            return default
        try:
            return float(text.replace(",", "").removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            self.report.warn(
                NOT_NUMBER.fill(text=text[:40], default=default), self.row, self.fields.get(name, name)
            )
            return default

    def flag(self, name: str) -> bool:
        """Return whether a cell says yes."""
        return self.values.get(name, "").lower() in YES

    def name(self) -> Text:
        """Return the row's name in both languages."""
        zh = self.text("name") or self.text("id")
        return Text(zh, self.text("name_en") or zh)


Maker = Callable[[Cells, str, "Ground", dict[str, str]], Any]


def places_of(
    sheet: Sheet,
    m: LayerMap,
    at: Shapes,
    ground: Ground,
    firms: dict[str, str],
    report: LayerReport,
    said: dict[Key, Origin] | None = None,
) -> tuple[Any, ...]:
    """Return the records of a layer; rows that cannot be one are left out with the reason.

    Parameters
    ----------
    at : ndarray of points
        Where each row lies in the park's CRS.
    firms : dict
        Enterprise ids by id and by name; enterprises read are added.
    said : dict, optional
        Is told where each record and what of it comes from.
    """
    columns = {ours: texts(sheet.frame[theirs]) for ours, theirs in m.fields.items()}
    found: list[Any] = []
    seen: set[str] = set()
    for i in range(len(sheet.frame)):
        x, y = (float(shapely.get_x(at[i])), float(shapely.get_y(at[i]))) if len(at) else (np.nan, np.nan)
        cells = Cells({k: v[i] for k, v in columns.items()}, i + sheet.first_row, x, y, report, m.fields)
        if not any(cells.values.values()):
            report.skip(EMPTY, [cells.row])
            continue
        name = cells.text("id") or f"{PREFIX.get(m.role, 'X')}{i + 1:02d}"
        made = MAKERS[m.role](cells, name, ground, firms)
        if isinstance(made, Text):
            report.skip(made, [cells.row])
        elif getattr(made, "id", name + str(i)) in seen:
            report.skip(TWICE.fill(id=name), [cells.row], m.fields.get("id", "id"))
        else:
            seen.add(getattr(made, "id", name + str(i)))
            found.append(ground.put(made))
            if said is not None:
                said |= _origins(found[-1], m.role, cells, sheet)
    report.mapped += len(found)
    return tuple(found)


def _origins(made: Any, role: str, cells: Cells, sheet: Sheet) -> dict[Key, Origin]:
    """Where a record comes from, and what of it its row did not say."""
    key = getattr(made, "id", f"{getattr(made, 'enterprise', '')}/{getattr(made, 'factor', '')}")
    said = cells.text("confidence").lower()
    confidence = said if said in list(Confidence) else usual_confidence(sheet)
    whole = Origin(f"{sheet.key}:{cells.row}", cells.text("as_of")[:10], confidence)
    found: dict[Key, Origin] = {(role, key, ""): whole}
    for f in fields(made):
        value = getattr(made, f.name)
        given = cells.values.get(f.name) or f.name in ("id", "source", "as_of")
        if given or isinstance(value, Text | tuple) or value in ("", None):
            continue
        if f.name in DERIVED:
            if f.name not in ("x", "y") or not np.isfinite(cells.x):
                found[role, key, f.name] = whole._replace(confidence=str(Confidence.DERIVED))
        else:
            found[role, key, f.name] = whole._replace(confidence=str(Confidence.ASSUMED))
    return found


def scenery_of(sheet: Sheet, m: LayerMap, shapes: Shapes, crs: str, report: LayerReport) -> gpd.GeoDataFrame:
    """Return a drawn layer with its attributes as they are."""
    frame = sheet.frame.copy()
    frame.columns = [str(c) for c in frame.columns]
    frame = frame.drop(columns=[c for c in frame.columns if c.lower() in ("geometry", "geom", "fid")])
    for c in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[c]):
            frame[c] = [plain(v) for v in frame[c]]
    if "kind" not in frame.columns:
        frame["kind"] = m.kind or m.scenery
    keep = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    report.skip(EMPTY, sheet.rows(~keep))
    report.mapped += int(keep.sum())
    return gpd.GeoDataFrame(frame[keep].reset_index(drop=True), geometry=shapes[keep], crs=crs)


def _enterprise(c: Cells, name: str, ground: Ground, firms: dict[str, str]) -> Any:
    if not np.isfinite(c.x):
        return NO_PLACE
    full = c.name()
    short = Text(c.text("short_zh", full.zh), c.text("short_en", full.en))
    firms.update({name: name, full.zh: name, short.zh: name})
    trade = Text(c.text("trade_zh"), c.text("trade_en", c.text("trade_zh")))
    return places.Enterprise(
        name, full, short, c.text("uscc").upper(), trade, c.text("permit_no"),
        _category(c.text("permit_category")), c.text("phone"), c.x, c.y,
        c.number("cod_permit_t", 0.0), c.number("nh3n_permit_t", 0.0), _slots(c.text("slots")),
    )  # fmt: skip


def _outlet(c: Cells, name: str, ground: Ground, firms: dict[str, str]) -> Any:
    node = ground.node(c.text("node"), c.x, c.y)
    if not node:
        return NO_NODE.fill(m=ground.attach_m)
    firm = firms.get(c.text("enterprise"), "")
    if c.text("enterprise") and not firm:
        c.report.warn(NO_FIRM.fill(name=c.text("enterprise")), c.row, c.fields.get("enterprise", ""))
    code = c.text("code")
    said = c.text("kind")
    rain = code.upper().startswith("YS")
    kind = _word(said, OUTLET_WORDS, OutletKind, OutletKind.RAIN if rain else OutletKind.WASTEWATER)
    own = c.text("id") if c.text("id") and not c.text("id").isdigit() else ""
    return places.Outlet(
        own or "-".join(p for p in (firm, code or name) if p), firm, kind, code, node, c.x, c.y
    )


def _gate(c: Cells, name: str, ground: Ground, firms: dict[str, str]) -> Any:
    link = ground.link(c.text("link"), c.x, c.y)
    if not link:
        return NO_LINK.fill(m=ground.attach_m)
    if not c.text("stroke_s"):
        c.report.warn(NO_STROKE.fill(s=STROKE_S), c.row)
    owner = Text(c.text("owner"), c.text("owner_en", c.text("owner")))
    drive = {"电动": "electric", "液压": "hydraulic", "手动": "manual"}.get(c.text("drive"), c.text("drive"))
    kind = _word(c.text("kind") or c.text("name"), GATE_WORDS, GateKind, GateKind.REGULATE)
    return places.Gate(
        name, c.name(), kind, link, c.x, c.y, c.number("angle", _angle(ground, link)), drive or "manual",
        c.flag("remote"), c.number("stroke_s", STROKE_S), c.number("leakage", 0.02), owner, c.text("phone"),
        c.flag("pre_authorised"),
        c.number("normal_position", 1.0), c.number("storage_m3", 0.0), int(c.number("modbus_unit", 0)),
    )  # fmt: skip


def _device(c: Cells, name: str, ground: Ground, firms: dict[str, str]) -> Any:
    firm = firms.get(c.text("enterprise"))
    if not firm:
        return NO_FIRM.fill(name=c.text("enterprise"))
    if not np.isfinite(c.x):
        return NO_POSITION
    if not c.text("stroke_s"):
        c.report.warn(NO_STROKE.fill(s=STROKE_S), c.row)
    kind = _word(c.text("kind") or c.text("name"), DEVICE_WORDS, DeviceKind, DeviceKind.PIPE_VALVE)
    return places.Device(
        name, c.name(), kind, firm, _factors(c.text("outlets")), c.x, c.y, c.flag("remote"),
        c.number("stroke_s", STROKE_S), c.number("leakage", 0.02), c.text("phone"),
        c.number("normal_position", 1.0), int(c.number("modbus_unit", 0)),
    )  # fmt: skip


def _station(c: Cells, name: str, ground: Ground, firms: dict[str, str]) -> Any:
    node = ground.node(c.text("node"), c.x, c.y)
    if not node:
        return NO_NODE.fill(m=ground.attach_m)
    firm = firms.get(c.text("enterprise")) or None
    fallback = StationKind.OUTLET if firm else StationKind.CANAL
    kind = _word(c.text("kind") or c.text("name"), STATION_WORDS, StationKind, fallback)
    return places.Station(
        name, c.name(), kind, c.text("mn"), node, _factors(c.text("factors")),
        int(c.number("interval_s", 3600)), c.text("limit_set"), firm, c.x, c.y,
    )  # fmt: skip


def _receptor(c: Cells, name: str, ground: Ground, firms: dict[str, str]) -> Any:
    node = ground.node(c.text("node"), c.x, c.y)
    return places.Receptor(name, c.name(), node, c.x, c.y) if node else NO_NODE.fill(m=ground.attach_m)


def _pool(c: Cells, name: str, ground: Ground, firms: dict[str, str]) -> Any:
    if not np.isfinite(c.x):
        return NO_PLACE
    level = next((n for w, n in (("企业", 1), ("园区", 2), ("河", 3)) if w in c.text("level")), 0)
    return places.Pool(
        name, c.name(), level or int(c.number("level", 2)), c.number("capacity_m3", 0.0),
        c.number("stored_m3", 0.0), c.x, c.y,
    )  # fmt: skip


def _facility(c: Cells, name: str, ground: Ground, firms: dict[str, str]) -> Any:
    node = ground.node(c.text("node"), c.x, c.y)
    if not node:
        return NO_NODE.fill(m=ground.attach_m)
    said = c.text("kind") + c.text("name")
    kind = "pump_station" if "泵" in said or "pump" in said.lower() else "works"
    return places.Facility(name, c.name(), kind, node, c.number("capacity_m3d", 0.0), c.x, c.y)


def _fingerprint(c: Cells, name: str, ground: Ground, firms: dict[str, str]) -> Any:
    firm = firms.get(c.text("enterprise"))
    if firm is None:
        return NO_FIRM.fill(name=c.text("enterprise"))
    value = c.number("value", np.nan)
    if not np.isfinite(value):
        return NO_VALUE
    return places.Fingerprint(firm, c.text("factor"), value, c.text("source"), c.text("as_of"))


MAKERS: dict[str, Maker] = {
    "enterprise": _enterprise,
    "outlet": _outlet,
    "gate": _gate,
    "device": _device,
    "station": _station,
    "receptor": _receptor,
    "pool": _pool,
    "facility": _facility,
    "fingerprint": _fingerprint,
}
# Enterprises first: others name them.
ORDER = ("enterprise", "outlet", "gate", "device", "station", "receptor", "pool", "facility", "fingerprint")
PREFIX = {
    "enterprise": "E",
    "outlet": "O",
    "gate": "G",
    "device": "V",
    "station": "S",
    "receptor": "R",
    "pool": "P",
    "facility": "F",
}


def _word(said: str, words: dict[str, Any], kind: Any, default: Any) -> Any:
    if said in list(kind):
        return kind(said)
    return next((v for w, v in words.items() if w in said), default)


def _category(said: str) -> str:
    words = {"重点": "key", "简化": "simple", "登记": "registered"}
    return next((v for w, v in words.items() if w in said), said)


def _factors(said: str) -> tuple[str, ...]:
    if said.startswith("["):
        return tuple(str(v) for v in json.loads(said))
    return tuple(v for v in re.split(r"[,;、,;\s/]+", said) if v)


def _slots(said: str) -> tuple[tuple[str, str], ...]:
    found = re.findall(r"(\d\d:\d\d)\D+(\d\d:\d\d)", said)
    return tuple((str(a), str(b)) for a, b in found)


def _angle(ground: Ground, link: str) -> float:
    """Heading of a link's line, degrees counter-clockwise from east."""
    line = ground.links["geometry"].iloc[int(np.flatnonzero(ground.links["id"] == link)[0])]
    (x1, y1), (x2, y2) = line.coords[0], line.coords[-1]
    return round(float(np.degrees(np.arctan2(y2 - y1, x2 - x1))), 2)


EMPTY = Text("空行或没有图形", "it is empty or draws nothing")
NO_PLACE = Text("没有坐标", "it has no position")
NO_NODE = Text("{m} m 内没有管网节点", "there is no node of the network within {m} m")
NO_LINK = Text("{m} m 内没有河段或管段", "there is no link of the network within {m} m")
NO_FIRM = Text("没有企业 {name}", "there is no enterprise {name}")
NO_VALUE = Text("没有数值", "it has no value")
NO_STROKE = Text("没有启闭时间，按 {s} s", "its stroke is not given; {s} s is taken")
NOT_NUMBER = Text("“{text}” 不是数，按 {default}", "“{text}” is not a number; {default} is taken")
TWICE = Text("编号 {id} 重复", "the id {id} is used twice")
NO_POSITION = Text("没有坐标", "it has no position")
