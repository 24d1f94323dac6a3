"""Where layers lie: what a person said, what files declare, what digits tell; then one plane for all."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata import crs as door
from geodata import datum
from geodata.datum import Frame
from geodata.formats import inp
from geodata.formats.mapping import LayerMap, Mapping
from geodata.formats.report import FormatError, Guess, LayerReport, Report
from geodata.formats.sheet import Sheet, numbers
from geodata.words import Text

Shapes = NDArray[np.object_]

FAR_M = 300_000.0  # a position this far from the middle of its layer is a slip
ZONED = {f"EPSG:{4513 + i}": f"EPSG:{4534 + i}" for i in range(21)}  # 3-degree, prefix -> none
PLAIN = set(ZONED.values())


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person has said.

    Attributes
    ----------
    mapping : dict
        Layers by "file/layer"; those not in it are guessed.
    crs, encoding, axes : mapping of str to str
        By file name; "" is for every file.
    as_of : mapping of str to str
        Day, month or year that a file's contents are of, by file name; "" is for every file.
    file_dates : bool
        Where neither a person nor its rows say of which day a layer is, keep when its file was changed.
    yes : bool
        Accept every guess that has a value.
    near : (lon, lat) or None
        Where the park is, to choose a zone by.
    snap_m, attach_m : float
        Tolerances for ends of links, and for places to their nearest node, m.
    """

    mapping: Mapping = field(default_factory=dict)
    crs: ReadOnly[str, str] = field(default_factory=dict)
    encoding: ReadOnly[str, str] = field(default_factory=dict)
    axes: ReadOnly[str, str] = field(default_factory=dict)
    as_of: ReadOnly[str, str] = field(default_factory=dict)
    file_dates: bool = False
    yes: bool = False
    near: tuple[float, float] | None = None
    snap_m: float = 0.5
    attach_m: float = 50.0
    name: str = "park"


@dataclass(slots=True)
class Item:
    """One layer on its way."""

    sheet: Sheet
    map: LayerMap
    report: LayerReport
    numbers: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    frame: Frame | None = None
    at: Shapes = field(default_factory=lambda: np.empty(0, object))


def numbers_of(item: Item) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the two numbers of every position, as the file gives them; None if the layer has none."""
    found = _numbers(item.sheet, item.map)
    return (
        found if found is not None and bool((np.isfinite(found[0]) & np.isfinite(found[1])).any()) else None
    )


def _numbers(sheet: Sheet, m: LayerMap) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    if sheet.model is not None:
        return sheet.model.nodes["x"].to_numpy(float), sheet.model.nodes["y"].to_numpy(float)
    if sheet.geometry is not None and not np.all(shapely.is_missing(sheet.geometry)):
        xy = shapely.get_coordinates(sheet.geometry)
        return xy[:, 0], xy[:, 1]
    if {"x", "y"} <= set(m.fields):
        (x, _), (y, _) = numbers(sheet.frame[m.fields["x"]]), numbers(sheet.frame[m.fields["y"]])
        return x, y
    return None


def recognise(
    item: Item, settings: Settings, near: tuple[float, float] | None, report: Report, sure_only: bool
) -> None:
    """Give a layer its frame: what a person said, else what the file and its numbers tell."""
    sheet, model = item.sheet, item.sheet.model
    assert item.numbers is not None
    x, y = item.numbers
    said = item.map.crs or said_of(settings.crs, sheet.file)
    axes = item.map.axes or said_of(settings.axes, sheet.file)
    if said:
        try:
            frame = Frame.parse(said)
        except door.CrsError as error:
            report.errors.append(Text(f"{sheet.file}:{error}", f"{sheet.file}: {error}"))
            item.numbers = None
            return
        plain = not (frame.shift or frame.grid or frame.crs == door.LOCAL)
        found = datum.recognise(x, y, frame.crs, near) if plain and not axes else None
        # The plane a person said counts even where the numbers look odd; a swap is still asked about.
        swapped = (
            found is not None
            and found.frame is not None
            and found.frame.swapped
            and found.frame.crs == frame.crs
        )
        item.frame = replace(frame, swapped=axes == "yx" or swapped)
        if found and swapped:
            _ask(item, report, "axes", "yx", found.proof, "--axes yx", ())
        elif found and not found.sure:
            item.report.warn(found.proof)
    elif model is not None and model.american:
        if not sure_only:
            _ask_local(item, report)
        return
    else:
        _by_evidence(item, near, report, sure_only, axes)
    if item.frame is not None:
        item.report.crs = item.frame.say()


def _by_evidence(
    item: Item, near: tuple[float, float] | None, report: Report, sure_only: bool, axes: str
) -> None:
    sheet = item.sheet
    assert item.numbers is not None
    found = datum.recognise(*item.numbers, sheet.crs or None, near)
    if found.sure:
        item.frame = found.frame
        if sheet.format in ("GeoJSON", "KML", "KMZ") and found.frame and _in_china(item):
            item.report.warn(MAYBE_SHIFTED)
        return
    if sure_only:
        return
    if found.frame is not None and found.frame.crs == door.LOCAL and sheet.model is not None:
        _ask_local(item, report)
        return
    item.frame = found.frame
    if found.frame is None:
        option = found.others[0] if found.others else "EPSG:..."
        _ask(item, report, "crs", "", found.proof, f"--crs {option}", found.others)
        return
    declared = sheet.crs and door.is_known(sheet.crs) and found.frame.crs == sheet.crs
    if axes:
        item.frame = replace(found.frame, swapped=axes == "yx")
    if not declared:
        turned = "yx" if found.frame.swapped and not axes else ""
        option = f"--crs {found.frame.say()}" + (" --axes yx" if turned else "")
        _ask(item, report, "crs", found.frame.say(), found.proof, option, found.others, turned)
    if item.frame is not None and item.frame.swapped and not axes and declared:
        _ask(item, report, "axes", "yx", found.proof, "--axes yx", ())
    item.report.crs = found.frame.say()


def _ask_local(item: Item, report: Report) -> None:
    """Propose a plane of its own for a model, with the unit of its map."""
    assert item.sheet.model is not None
    metres, why = inp.map_unit(item.sheet.model)
    item.frame = Frame.parse("local" if metres == 1.0 else "local:ft")
    item.report.crs = item.frame.say()
    proof = LOCAL_MODEL.fill(why=why)
    _ask(item, report, "crs", item.frame.say(), proof, f"--crs {item.frame.say()}", ())


def _ask(
    item: Item,
    report: Report,
    kind: str,
    value: str,
    proof: Text,
    option: str,
    others: tuple[str, ...],
    axes: str = "",
) -> None:
    layer = item.sheet.layer
    report.guesses.append(Guess(item.sheet.file, kind, value, proof, option, others, layer, axes, (layer,)))


def ask_once(report: Report) -> None:
    """Ask once a file about the same thing, for every layer it is about."""
    kept: dict[tuple[str, str, str, str], Guess] = {}
    for g in report.guesses:
        key = (g.file, g.kind, g.value, g.axes)
        first = kept.get(key, g)
        kept[key] = replace(first, layers=tuple(dict.fromkeys((*first.layers, *g.layers))))
    report.guesses = list(kept.values())


def middle(items: list[Item]) -> tuple[float, float] | None:
    """Longitude and latitude of the layers whose place is sure."""
    found = []
    for item in items:
        if item.frame is not None and item.numbers is not None and item.frame.crs != door.LOCAL:
            x, y = (float(np.nanmedian(v)) for v in item.numbers)
            lon, lat = (float(v) for v in item.frame.to(x, y, door.WGS84))
            if np.isfinite(lon) and np.isfinite(lat):
                found.append((lon, lat))
    if not found:
        return None
    lon, lat = np.median(np.array(found), axis=0)
    return float(lon), float(lat)


def _in_china(item: Item) -> bool:
    centre = middle([item])
    west, south, east, north = datum.CHINA
    return centre is not None and west <= centre[0] <= east and south <= centre[1] <= north


def plane_of(items: list[Item]) -> str:
    """Choose the park's own plane: that of most of its data if in metres, else of its longitude."""
    frames = [i.frame for i in items if i.frame is not None]
    if not frames:
        raise FormatError(NO_POSITIONS)
    local = [f.crs == door.LOCAL for f in frames]
    if all(local):
        return door.LOCAL
    if any(local):
        name = next(i.sheet.file for i in items if i.frame is not None and i.frame.crs == door.LOCAL)
        raise FormatError(MIXED.fill(file=name))
    planes = [ZONED.get(f.crs, f.crs) for f in frames]
    planes = [p for p in planes if p in PLAIN]
    if planes:
        return max(sorted(set(planes)), key=planes.count)
    centre = middle(items)
    if centre is None:
        raise FormatError(NO_POSITIONS)
    return door.plane_at(*centre)


def place(item: Item, target: str) -> None:
    """Turn a layer's positions into the park's plane; what cannot lie there has none."""
    sheet = item.sheet
    if item.frame is None or item.numbers is None or sheet.model is not None:
        item.at = np.full(len(sheet.frame), None, object)
        return
    frame = item.frame
    if sheet.geometry is not None and not np.all(shapely.is_missing(sheet.geometry)):

        def turn(xy: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.column_stack(frame.to(xy[:, 0], xy[:, 1], target))

        shapes = np.asarray(shapely.transform(sheet.geometry, turn), dtype=object)
    else:
        x, y = item.numbers
        none = (x == 0) & (y == 0)
        shapes = np.asarray(shapely.points(*frame.to(x, y, target)), dtype=object)
        shapes[none | ~np.isfinite(x) | ~np.isfinite(y)] = None
    bounds = shapely.bounds(shapes)
    middle = np.nanmedian(np.where(np.isfinite(bounds), bounds, np.nan), axis=0) if len(bounds) else bounds
    with np.errstate(invalid="ignore"):
        off = ~(np.abs(bounds - middle) < FAR_M).all(axis=1) & ~shapely.is_missing(shapes)
    shapes[off] = None
    item.at = shapes


def said_of(by_file: ReadOnly[str, str], file: str) -> str:
    return by_file.get(file) or by_file.get("", "")


MAYBE_SHIFTED = Text(
    "按标准是 WGS 84；若是在高德、腾讯或百度底图上画的，请用 --crs GCJ-02 或 --crs BD-09",
    "by its standard this is WGS 84; if drawn on AMap, Tencent or Baidu, say --crs GCJ-02 or --crs BD-09",
)
LOCAL_MODEL = Text(
    "模型没有坐标系，留在自己的平面里；{why}",
    "the model has no coordinate system and stays in its own plane; {why}",
)
NO_POSITIONS = Text("没有一个文件带坐标", "no file has positions")
MIXED = Text(
    "{file} 在自己的平面里，其余有国家坐标，合不到一起；"
    "请给出转换参数：--crs {file}=grid:EPSG:...,dx=...,dy=...",
    "{file} lies in a plane of its own and the others on Earth; give its parameters with "
    "--crs {file}=grid:EPSG:...,dx=...,dy=...",
)
