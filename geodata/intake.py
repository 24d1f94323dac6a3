"""Files of survey, design and model in, one park out; what is guessed waits for a person's word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geodata import crs as door
from geodata import dating, joining, placing, provenance, reading, survey
from geodata.formats.encoding import spoilt
from geodata.formats.mapping import Mapping, guess
from geodata.formats.report import FormatError, LayerReport, Note, Report
from geodata.formats.sheet import Sheet, plain, texts
from geodata.framing import Item, Settings, ask_once, middle, numbers_of, place, plane_of, recognise
from geodata.park import DEVICES, RECORDS, VERSION_CHARS, content_hash
from geodata.places import Park, Source
from geodata.schema import OPTIONAL, TABLES
from geodata.words import Text

Shapes = NDArray[np.object_]
Tell = Callable[[Text, float], None]
"""Is told what is done now, and which share of everything is done, 0..1."""

SAMPLE_ROWS = 6


@dataclass(slots=True)
class Intake:
    """What came of it.

    Attributes
    ----------
    park : Park or None
        None while something is asked or wrong.
    preview : Park or None
        What the park would be if every guess were right; None where something has no guess or is wrong.
    report : Report
        The account.
    mapping : dict
        What was used, by "file/layer".
    """

    park: Park | None
    preview: Park | None
    report: Report
    mapping: Mapping


def _silent(_: Text, __: float) -> None:
    pass


def gather(paths: Sequence[Path], settings: Settings, tell: Tell = _silent) -> Intake:
    """Read files and make one park of them.

    Nothing is written. Where a coordinate system, axes or a charset is a guess, `report.guesses` holds it
    with its proof and the park is None, unless `settings.yes`.
    """
    report = Report()
    items: list[Item] = []
    for n, path in enumerate(paths):
        tell(READING.fill(file=path.name, n=n + 1, all=len(paths)), 0.5 * n / len(paths))
        items += _open(path, settings, report)
    _distinct(report)
    tell(PLACING, 0.5)
    mapping = {i.sheet.key: i.map for i in items}
    near = settings.near
    for sure_only in (True, False):
        for item in items:
            if item.frame is None and item.numbers is not None:
                recognise(item, settings, near, report, sure_only)
        near = near or middle(items)
    ask_once(report)
    report.errors += [
        NO_LAYER.fill(key=k) for k in settings.mapping if k not in mapping and _expected(k, report)
    ]
    if report.errors or not items or not all(g.value for g in report.guesses):
        return Intake(None, None, report, mapping)
    try:
        target = plane_of(items)
        report.crs = door.title(target)
        for item in items:
            place(item, target)
        preview = _build(items, target, settings, report, tell)
    except (FormatError, door.CrsError) as error:
        report.errors.append(error.text if isinstance(error, FormatError) else Text(str(error), str(error)))
        return Intake(None, None, report, mapping)
    if settings.yes:
        report.guesses.clear()
    return Intake(None if report.guesses else preview, preview, report, mapping)


def _distinct(report: Report) -> None:
    """Two layers of one name cannot be told apart in a mapping, nor in where an attribute came from."""
    names = Counter(f"{x.file}/{x.layer}" for x in report.layers)
    report.errors += [SAME_NAME.fill(key=key, n=n) for key, n in names.items() if n > 1]


def _expected(key: str, report: Report) -> bool:
    """Whether a mapping's layer belongs to a file that was read, and is none that was left out on purpose."""
    layers = {f"{x.file}/{x.layer}" for x in report.layers}
    return key not in layers and key.rpartition("/")[0] in {x.file for x in report.layers}


def _open(path: Path, settings: Settings, report: Report) -> list[Item]:
    """Read one source; an error of one file does not hide those of the others."""
    charsets = {k.rpartition("/")[0]: m.encoding for k, m in settings.mapping.items() if m.encoding}
    aside = reading.Aside()
    try:
        sheets = reading.read(path, {**charsets, **settings.encoding}, aside)
    except FormatError as error:
        report.errors.append(error.text)
        return []
    report.errors += aside.wrong
    report.merged += aside.left
    items = []
    for sheet in sheets:
        m = settings.mapping.get(sheet.key) or guess(sheet)
        account = LayerReport(sheet.file, sheet.layer, sheet.format, len(sheet.frame), role=m.role)
        account.fields, account.encoding, account.crs = dict(m.fields), sheet.encoding, sheet.crs
        head = sheet.frame.iloc[:SAMPLE_ROWS]
        account.sample = {str(c): [plain(v) for v in head[c].tolist()] for c in head.columns}
        used = set(m.fields.values())
        account.unused = tuple(str(c) for c in sheet.frame.columns if c not in used)
        if sheet.model is not None:
            account.read = sum(sheet.model.counts.values())
        report.layers.append(account)
        lost = [f for f in used if f not in sheet.frame.columns]
        if lost:
            report.errors.append(NO_FIELD.fill(file=sheet.key, field=lost[0]))
        elif m.role == "skip":
            account.warn(PARK_HEAD if sheet.layer == "park" else SKIPPED)
        else:
            report.guesses += sheet.guesses
            _empty_spoilt(sheet, account)
            item = Item(sheet, m, account)
            item.numbers = numbers_of(item)
            _date(item, settings)
            items.append(item)
    return items


def _date(item: Item, settings: Settings) -> None:
    """Find of which day a layer is; the report says how that is known."""
    sheet, name = item.sheet, item.map.fields.get("as_of", "")
    rows = texts(sheet.frame[name]) if name else []
    said = dating.stated(settings.as_of, sheet.file)
    found = dating.day(said, name, rows, sheet.changed if settings.file_dates else "")
    item.report.as_of, item.report.as_of_by = found.date, str(found.known)


def _dated(table: pd.DataFrame, item: Item) -> pd.DataFrame:
    """Give rows that tell no day of their own the one a person said of their file."""
    if item.report.as_of_by == dating.Known.STATED:
        table["as_of"] = [t or item.report.as_of for t in table["as_of"].tolist()]
    return table


def proposal(intake: Intake) -> Mapping:
    """Return the mapping with every guess written in, for a person to read, change and hand back."""
    made = {key: replace(m) for key, m in intake.mapping.items()}
    for g in intake.report.guesses:
        about = {f"{g.file}/{layer}" for layer in g.layers}
        for key, m in made.items():
            if g.value and (key in about or (not about and key.startswith(f"{g.file}/"))):
                setattr(m, g.kind, g.value)
                m.axes = g.axes or m.axes
    return made


def _empty_spoilt(sheet: Sheet, account: LayerReport) -> None:
    """Say which texts were spoilt before they came here; what is lost for good is emptied, not passed on."""
    for name in sheet.frame.columns:
        column = sheet.frame[name]
        if pd.api.types.is_numeric_dtype(column):
            continue
        found = {v: spoilt(v) for v in column.unique().tolist() if isinstance(v, str)}
        bad = {v: right for v, right in found.items() if right}
        if not bad:
            continue
        for row, value in zip(sheet.rows(column.isin(bad).to_numpy()), column[column.isin(bad)], strict=True):
            lost = bad[value] == "lost"
            text = (
                LOST.fill(text=value[:20]) if lost else MISREAD.fill(text=value[:20], right=bad[value][:20])
            )
            account.warn(text, int(row), str(name))
        sheet.frame[name] = ["" if isinstance(v, str) and bad.get(v) == "lost" else v for v in column]


def _build(items: list[Item], target: str, settings: Settings, report: Report, tell: Tell) -> Park:
    """Make nodes and links first, then what is attached to them."""
    tell(JOINING, 0.6)
    joined = joining.join(*_parts(items, target), settings.snap_m)
    report.merged += joined.said
    nodes, links = joined.nodes, joined.links
    tell(LEVELS, 0.8)
    if len(nodes) and len(links):
        nodes, links = survey.levels(nodes, links)
        links = survey.directed(links)
        nodes = _outfalls(nodes, links)
    nodes, links = _finish(nodes, TABLES["node"].columns), _finish(links, TABLES["link"].columns)
    say_assumed(links, report)
    table = gpd.GeoDataFrame(links, geometry="geometry", crs=target)
    ground = placing.Ground(nodes, table, settings.attach_m)
    records: dict[str, tuple[Any, ...]] = {attribute: () for _, _, attribute in RECORDS}
    attributes = {layer: attribute for layer, _, attribute in RECORDS} | {DEVICES: "devices"}
    records["devices"] = ()
    firms: dict[str, str] = {}
    said: dict[provenance.Key, provenance.Origin] = {}
    tell(ATTACHING, 0.9)
    for role in placing.ORDER:
        for item in (i for i in items if i.map.role == role):
            at = shapely.centroid(item.at) if len(item.at) else item.at
            own: dict[provenance.Key, provenance.Origin] = {}
            found = placing.places_of(item.sheet, item.map, at, ground, firms, item.report, own)
            stated = item.report.as_of if item.report.as_of_by == dating.Known.STATED else ""
            said |= {key: o._replace(as_of=o.as_of or stated) for key, o in own.items()}
            records[attributes[role]] += found
    for gate in records["gates"]:
        table.loc[table["id"] == gate.link, "gate"] = gate.id
    scenery = _scenery(items, target)
    park = Park(settings.name, Text(settings.name, settings.name), target, "", nodes=nodes, links=table,
                scenery=scenery, provenance=provenance.Provenance(said),
                sources=tuple(_source(i) for i in items), **records)  # fmt: skip
    return replace(park, version=content_hash(park)[:VERSION_CHARS])


def _source(item: Item) -> Source:
    """What is kept of a layer: its file, and the coordinates it came in."""
    frame = item.frame
    return Source(
        item.sheet.file,
        item.sheet.layer,
        "model" if item.sheet.model is not None else item.map.role,
        frame.say() if frame is not None else "",
        "yx" if frame is not None and frame.swapped else "xy",
        item.report.mapped,
        item.report.as_of,
        item.report.as_of_by,
    )


def _parts(items: list[Item], target: str) -> tuple[list[joining.Part], list[joining.Part]]:
    nodes, links = [], []
    for item in items:
        if item.map.role == "node":
            at = shapely.centroid(item.at)
            table = survey.nodes_of(item.sheet, item.map, at, item.report)
            nodes.append(joining.Part(item.sheet.file, _dated(table, item), item.report))
        elif item.map.role == "link":
            sheet, lines = _single_lines(item)
            table = survey.links_of(sheet, item.map, lines, item.report)
            links.append(joining.Part(sheet.file, _dated(table, item), item.report))
        elif item.sheet.model is not None and item.frame is not None:
            a, b = _model_parts(item, target)
            nodes.append(replace(a, table=_dated(a.table, item)))
            links.append(replace(b, table=_dated(b.table, item)))
    return nodes, links


def _single_lines(item: Item) -> tuple[Sheet, Shapes]:
    """Divide lines of several parts; each part is a link of its own."""
    lines = item.at.copy()
    many = shapely.get_type_id(lines) == shapely.GeometryType.MULTILINESTRING
    lines[many] = shapely.line_merge(lines[many])
    wrong = ~shapely.is_missing(lines) & (shapely.get_dimensions(lines) != 1)
    item.report.skip(NOT_A_LINE, item.sheet.rows(wrong))
    still = shapely.get_type_id(lines) == shapely.GeometryType.MULTILINESTRING
    if not still.any() and not wrong.any():
        return item.sheet, lines
    keep = np.flatnonzero(~wrong)
    repeat = np.where(still[keep], shapely.get_num_geometries(lines[keep]), 1)
    index = np.repeat(keep, repeat)
    parts = np.array([g for k in keep for g in (lines[k].geoms if still[k] else [lines[k]])], object)
    if still.any():
        item.report.warn(DIVIDED.fill(n=int(still.sum())))
        item.report.read += len(index) - len(keep)
    frame = item.sheet.frame.iloc[index].reset_index(drop=True)
    return replace(item.sheet, frame=frame), parts


def _model_parts(item: Item, target: str) -> tuple[joining.Part, joining.Part]:
    """Nodes and links of a model, in the park's plane, with ids as they are."""
    model, frame, sheet = item.sheet.model, item.frame, item.sheet
    assert model is not None
    assert frame is not None
    nodes, links = model.nodes.copy(), model.links.copy()
    nodes["x"], nodes["y"] = frame.to(nodes["x"], nodes["y"], target)
    _fill_places(nodes, links, item.report)
    at = dict(zip(nodes["id"], zip(nodes["x"], nodes["y"], strict=True), strict=True))
    lines = np.empty(len(links), object)
    for i, (name, a, b) in enumerate(zip(links["id"], links["from_node"], links["to_node"], strict=True)):
        bends = np.array(model.bends.get(name, []), float).reshape(-1, 2)
        middle = np.column_stack(frame.to(bends[:, 0], bends[:, 1], target))
        lines[i] = shapely.LineString([at[a], *middle, at[b]])
    links["geometry"] = lines
    for name, default in survey.LINK_NUMBERS.items():
        if name not in links:
            links[name] = default
    for table in (nodes, links):
        table["source"] = [f"{sheet.file}:{line}" for line in table["line"]]
        table["as_of"], table["confidence"] = "", survey.usual_confidence(sheet)
        table["row"] = table.pop("line")
    links["declared"], links["pressed"] = 0, model.engine == "EPANET"
    for name in ("enterprise", "rack", "gate"):
        links[name] = ""
    item.report.mapped = len(nodes) + len(links)
    item.report.notes += model.notes
    if model.unused:
        unused = ", ".join(f"[{n}] {k}" for n, k in sorted(model.unused.items()))
        item.report.notes.append(Note(NOT_IMPORTED.fill(names=unused)))
    return joining.Part(sheet.file, nodes, item.report), joining.Part(sheet.file, links, item.report)


def _fill_places(nodes: pd.DataFrame, links: pd.DataFrame, report: LayerReport) -> None:
    """Put nodes that the map leaves out at the middle of their neighbours, and say so."""
    lost = nodes["id"][~np.isfinite(nodes["x"].to_numpy(float))].tolist()
    for name in lost:
        out = links["to_node"][links["from_node"] == name]
        back = links["from_node"][links["to_node"] == name]
        near = nodes[nodes["id"].isin([*out, *back]) & np.isfinite(nodes["x"].to_numpy(float))]
        source = near if len(near) else nodes[np.isfinite(nodes["x"].to_numpy(float))]
        nodes.loc[nodes["id"] == name, ["x", "y"]] = source[["x", "y"]].mean().to_numpy()
    if lost:
        report.warn(UNPLACED.fill(n=len(lost), named=", ".join(lost[:5])))


def _outfalls(nodes: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """An outfall that water leaves again is a junction: a survey's mouth of a pipe into a canal."""
    left = set(links["from_node"].tolist())
    leaves = np.array([n in left for n in nodes["id"].tolist()], bool)
    made = nodes.copy()
    made["kind"] = np.where((made["kind"] == "outfall") & leaves, "junction", made["kind"])
    return made


def _finish(table: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """Keep the columns of a park's file in their order, and where each row came from."""
    table = provenance.gather(table)
    names = [*columns, "source", "as_of", "confidence", "how"]
    if "length_m" in columns:
        names += [*OPTIONAL["link"], "geometry"]
    table = table.assign(regime=np.where(table["pressed"], "pressure", "")) if "pressed" in table else table
    made = table.reindex(columns=list(dict.fromkeys(names)))
    number = {*survey.NODE_NUMBERS, *survey.LINK_NUMBERS, "x", "y"}
    for name in made.columns:
        if name in number:
            default = {**survey.NODE_NUMBERS, **survey.LINK_NUMBERS}.get(name, np.nan)
            made[name] = pd.to_numeric(made[name]).astype(float).fillna(default)
        elif name != "geometry":
            made[name] = made[name].astype(object).where(made[name].notna(), "")
    if "stage_m" in columns:
        made["kind"] = made["kind"].replace("", "junction")
    return made.reset_index(drop=True)


def say_assumed(links: pd.DataFrame, report: Report, before: pd.DataFrame | None = None) -> None:
    """Say how many directions are assumed; in place of what was said of the links as they were `before`."""
    if before is not None and (n := _assumed(before)):
        report.merged.remove(ASSUMED.fill(n=n))
    if n := _assumed(links):
        report.merged.append(ASSUMED.fill(n=n))


def _assumed(links: pd.DataFrame) -> int:
    return int((links["direction_source"] == "assumed").sum()) if len(links) else 0


def _scenery(items: list[Item], target: str) -> dict[str, gpd.GeoDataFrame]:
    found: dict[str, gpd.GeoDataFrame] = {}
    for item in items:
        if item.map.role != "scenery":
            continue
        if not item.map.scenery or item.sheet.geometry is None:
            item.report.warn(NO_SCENERY)
            continue
        table = placing.scenery_of(item.sheet, item.map, item.at, target, item.report)
        old = found.get(item.map.scenery)
        found[item.map.scenery] = table if old is None else pd.concat([old, table], ignore_index=True)
    return found


READING = Text("读取 {file}（{n}/{all}）", "reading {file} ({n}/{all})")
PLACING = Text("判断坐标系并换算", "telling coordinate systems, converting")
JOINING = Text("归并节点、接成一张网", "joining nodes into one network")
LEVELS = Text("推算高程和流向", "filling levels and directions")
ATTACHING = Text("挂接企业、排口、闸和站点", "attaching enterprises, outlets, gates and stations")
SAME_NAME = Text(
    "有 {n} 个图层都叫 {key}，分不清；请给其中的文件改名后再导入",
    "{n} layers are all named {key} and cannot be told apart; rename their files and import again",
)
NO_FIELD = Text(
    "对应表用到的字段 {field} 不在 {file} 里；请改对应表",
    "the mapping uses {field}, which {file} does not have; mend the mapping",
)
LOST = Text(
    "“{text}” 是乱码，原文已经丢失，按空处理；请向提供方要原始文件",
    "“{text}” is spoilt and its text is lost; taken as empty. Ask for the original file",
)
MISREAD = Text(
    "“{text}” 是乱码，应为 “{right}”：文件曾按错误的编码另存；请用正确的编码重新导出",
    "“{text}” is spoilt and should read “{right}”: the file was saved in the wrong charset. Export it again",
)
NO_LAYER = Text(
    "对应表写到 {key}，但文件里没有这一层", "the mapping speaks of {key}, a layer that the file does not have"
)
PARK_HEAD = Text(
    "园区名称和坐标系，另由命令行给出", "the park's name and system; the command line gives them"
)
SKIPPED = Text(
    "看不出是什么，未用；可在对应表里写 role",
    "it is not clear what this is; not used. Say role in the mapping",
)
NOT_A_LINE = Text("不是线", "it is not a line")
DIVIDED = Text("{n} 条多段线各段分别成为一条管段", "{n} lines of several parts became one link a part")
NOT_IMPORTED = Text("不导入的段和行数：{names}", "sections not imported, with their rows: {names}")
UNPLACED = Text(
    "{n} 个节点没有坐标，放在相邻节点中间：{named}",
    "{n} nodes have no position; put amid their neighbours: {named}",
)
ASSUMED = Text("{n} 条管段的方向是假定的", "the direction of {n} links is assumed")
NO_SCENERY = Text(
    "没有说明是哪种底图；可在对应表里写 scenery",
    "it is not said which drawn layer this is; say scenery in the mapping",
)
