"""Several surveys into one network: ids kept, ends snapped, lines split where others meet them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from shapely.ops import substring

from geodata.formats.report import LayerReport
from geodata.places import System
from geodata.survey import NODE_NUMBERS
from geodata.words import Text

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(slots=True)
class Part:
    """Nodes or links of one layer, with the report that hears of them."""

    file: str
    table: pd.DataFrame
    report: LayerReport


@dataclass(slots=True)
class Joined:
    """One network."""

    nodes: pd.DataFrame
    links: pd.DataFrame
    said: list[Text] = field(default_factory=list)


def join(nodes: list[Part], links: list[Part], snap_m: float) -> Joined:
    """Join layers into one network.

    Parameters
    ----------
    nodes, links : list of Part
        In the order given on the command line: of two nodes that are one the earlier keeps its id.
    snap_m : float
        Ends and nodes nearer than this are one, m.
    """
    made = Joined(_empty_nodes(), pd.DataFrame())
    names = _merge_nodes(made, nodes, snap_m)
    tables = [_resolve(made, part, names, snap_m) for part in links]
    tables = [t for t in tables if len(t)]
    if not tables:
        return made
    made.links = pd.concat(tables, ignore_index=True)
    _snap_ends(made, snap_m)
    _split_at_nodes(made, snap_m)
    _unique_ids(made)
    _draw(made)
    _drop_loops(made)
    return made


def _empty_nodes() -> pd.DataFrame:
    texts = ("id", "system", "kind", "source", "as_of", "confidence")
    kinds = {**dict.fromkeys(texts, object), "x": float, "y": float, **dict.fromkeys(NODE_NUMBERS, float)}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def _stack(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    names = [*old.columns, *(c for c in new.columns if c not in old.columns)]
    return pd.concat([old, new], ignore_index=True) if len(old) else new.reindex(columns=names)


def _merge_nodes(made: Joined, parts: list[Part], snap_m: float) -> dict[tuple[str, str], str]:
    """Stack nodes; one id at one place is one node, one place under two ids too. Returns (file, id) -> id."""
    names: dict[tuple[str, str], str] = {}
    for part in parts:
        table, old = part.table.copy(), made.nodes
        at = dict(zip(old["id"].tolist(), _xy(old).tolist(), strict=True))
        ids = table["id"].tolist()
        final, keep = list(ids), np.ones(len(table), bool)
        near = _nearest(old, table, snap_m)
        same = met = renamed = 0
        for i, (name, x, y) in enumerate(zip(ids, table["x"].tolist(), table["y"].tolist(), strict=True)):
            if name in at and np.hypot(at[name][0] - x, at[name][1] - y) <= max(snap_m, 0.5):
                keep[i], same = False, same + 1
            elif near[i]:
                final[i], keep[i], met = near[i], False, met + 1
            elif name in at:
                final[i], renamed = f"{name}@{part.file}", renamed + 1
            names[part.file, name] = final[i]
        table["id"] = final
        made.nodes = _stack(old, table[keep])
        if same or met:
            made.said.append(
                MERGED.fill(file=part.file, layer=part.report.layer, same=same, met=met, snap=snap_m)
            )
        if renamed:
            part.report.warn(RENAMED.fill(n=renamed, file=part.file))
    made.nodes = made.nodes.reset_index(drop=True)
    return names


def _nearest(old: pd.DataFrame, new: pd.DataFrame, snap_m: float) -> list[str]:
    """For each new node the id of an old one of the same water within the tolerance, or ""."""
    found = [""] * len(new)
    if not len(old) or not len(new):
        return found
    for system in set(new["system"]):
        mine = np.flatnonzero(new["system"].to_numpy(str) == system)
        theirs = np.flatnonzero(old["system"].to_numpy(str) == system)
        if not len(theirs):
            continue
        gap, j = cKDTree(_xy(old)[theirs]).query(_xy(new)[mine], distance_upper_bound=snap_m)
        for i, k in zip(mine[np.isfinite(gap)], j[np.isfinite(gap)], strict=True):
            found[i] = str(old["id"].iloc[theirs[k]])
    return found


def _resolve(made: Joined, part: Part, names: dict[tuple[str, str], str], snap_m: float) -> pd.DataFrame:
    """Turn end ids as the file has them into ids of the network; ends not known are made where drawn."""
    table = part.table.copy()
    table["unnamed"] = (table["from_node"] == "") | (table["to_node"] == "")
    known = set(made.nodes["id"].tolist())
    drawn = ~shapely.is_missing(table["geometry"].to_numpy(object))
    lost = np.zeros(len(table), bool)
    new: dict[str, dict[str, object]] = {}
    for end, at in (("from_node", 0), ("to_node", -1)):
        final = []
        for i, name in enumerate(table[end].tolist()):
            name = names.get((part.file, name), name)
            if name and name not in known and drawn[i]:
                point = shapely.get_point(table["geometry"].iloc[i], at)
                row = {"id": name, "system": table["system"].iloc[i], "x": point.x, "y": point.y}
                new.setdefault(name, {**row, "kind": "junction", "source": table["source"].iloc[i]})
            elif name and name not in known:
                lost[i] = True
                field_ = part.report.fields.get(end, end)
                part.report.skip(NO_NODE.fill(id=name), [int(table["row"].iloc[i])], field_)
            final.append(name)
        table[end] = final
    if new:
        made.nodes = _stack(made.nodes, pd.DataFrame(new.values()))
        part.report.warn(MADE.fill(n=len(new)))
    part.report.mapped -= int(lost.sum())
    _far_ends(made, table, part, snap_m)
    return table[~lost]


def _far_ends(made: Joined, table: pd.DataFrame, part: Part, snap_m: float) -> None:
    """Say where a line is drawn away from the nodes it names."""
    at = dict(zip(made.nodes["id"].tolist(), _xy(made.nodes).tolist(), strict=True))
    for end, i in (("from_node", 0), ("to_node", -1)):
        points = shapely.get_point(table["geometry"].to_numpy(object), i)
        here = np.array([at.get(n, (np.nan, np.nan)) for n in table[end].tolist()]).reshape(-1, 2)
        gap = np.hypot(shapely.get_x(points) - here[:, 0], shapely.get_y(points) - here[:, 1])
        rows = table["row"].to_numpy(int)[np.nan_to_num(gap) > max(snap_m, 0.5)]
        if len(rows):
            part.report.warn(FAR.fill(n=len(rows), row=rows[0], end=end, gap=f"{np.nanmax(gap):.1f}"))


def _snap_ends(made: Joined, snap_m: float) -> None:
    """Give ends without an id a node: the nearest of its water in reach, or a new one shared by all near."""
    links = made.links
    ends = []
    for end, at in (("from_node", 0), ("to_node", -1)):
        free = np.flatnonzero(links[end].to_numpy(str) == "")
        points = shapely.get_point(links["geometry"].to_numpy(object)[free], at)
        xy = np.column_stack([shapely.get_x(points), shapely.get_y(points)])
        ends.append(pd.DataFrame({"link": free, "end": end, "x": xy[:, 0], "y": xy[:, 1],
                                  "system": links["system"].to_numpy(str)[free]}))  # fmt: skip
    free_ends = pd.concat(ends, ignore_index=True)
    if not len(free_ends):
        return
    free_ends["node"] = _nearest(made.nodes, free_ends, snap_m)
    _across_systems(made, free_ends, snap_m)
    met = int((free_ends["node"] != "").sum())
    new = free_ends["node"].to_numpy(str) == ""
    if new.any():
        names, nodes = _cluster(free_ends[new], set(made.nodes["id"]), snap_m)
        free_ends.loc[new, "node"] = names
        made.nodes = _stack(made.nodes, nodes)
        made.said.append(SNAPPED.fill(met=met, new=int(new.sum()), nodes=len(nodes), snap=snap_m))
    elif met:
        made.said.append(SNAPPED.fill(met=met, new=0, nodes=0, snap=snap_m))
    for end in ("from_node", "to_node"):
        mine = free_ends[free_ends["end"] == end]
        column = links[end].to_numpy(object).copy()
        column[mine["link"].to_numpy(int)] = mine["node"].to_numpy(object)
        links[end] = column


def _across_systems(made: Joined, ends: pd.DataFrame, snap_m: float) -> None:
    """Let rain and sewage end at a canal's node, and canals at theirs: water meets there, nowhere else."""
    free = ends["node"].to_numpy(str) == ""
    canal_ends = ends["system"].to_numpy(str) == System.CANAL
    canal_nodes = made.nodes["system"].to_numpy(str) == System.CANAL
    for mine, theirs in ((free & ~canal_ends, canal_nodes), (free & canal_ends, ~canal_nodes)):
        if not mine.any() or not theirs.any():
            continue
        nodes = made.nodes[theirs]
        gap, j = cKDTree(_xy(nodes)).query(_xy(ends[mine]), distance_upper_bound=snap_m)
        got = np.isfinite(gap)
        names = ends["node"].to_numpy(object).copy()
        names[np.flatnonzero(mine)[got]] = nodes["id"].to_numpy(object)[j[got]]
        ends["node"] = names


def _cluster(ends: pd.DataFrame, taken: set[str], snap_m: float) -> tuple[list[str], pd.DataFrame]:
    """Group ends that lie together, and make a node at the middle of each group."""
    xy = _xy(ends)
    pairs = cKDTree(xy).query_pairs(snap_m, output_type="ndarray")
    systems = ends["system"].to_numpy(str)
    pairs = pairs[systems[pairs[:, 0]] == systems[pairs[:, 1]]]
    n = len(xy)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    count, label = connected_components(graph, directed=False)
    size = np.bincount(label, minlength=count)
    x, y = np.bincount(label, xy[:, 0]) / size, np.bincount(label, xy[:, 1]) / size
    first = np.unique(label, return_index=True)[1]
    ids = _fresh((f"N{i}" for i in range(1, count + len(taken) + 1)), taken, count)
    nodes = pd.DataFrame({"id": ids, "system": systems[first], "x": x, "y": y, "kind": "junction",
                          "source": "snapped", "confidence": "derived"})  # fmt: skip
    return [ids[k] for k in label], nodes


def _split_at_nodes(made: Joined, snap_m: float) -> None:
    """Split lines that are drawn past a node where another link ends: a pipe into the middle of a canal.

    Only lines that do not name their ends: what names them says itself what it joins.
    """
    links, nodes = made.links, made.nodes
    lines = links["geometry"].to_numpy(object)
    open_ = np.isin(links["kind"].to_numpy(str), ("channel", "reach"))
    drawn = np.flatnonzero(~shapely.is_missing(lines) & open_ & links["unnamed"].to_numpy(bool))
    if not len(drawn):
        return
    points = shapely.points(nodes["x"].to_numpy(float), nodes["y"].to_numpy(float))
    at, k = shapely.STRtree(points).query(lines[drawn], predicate="dwithin", distance=snap_m)
    cuts: dict[int, list[tuple[float, str]]] = {}
    for i, j in zip(drawn[at], k, strict=True):
        name = str(nodes["id"].iloc[j])
        if name in (links["from_node"].iloc[i], links["to_node"].iloc[i]):
            continue
        along = float(shapely.line_locate_point(lines[i], points[j]))
        if snap_m < along < lines[i].length - snap_m:
            cuts.setdefault(int(i), []).append((along, name))
    if cuts:
        pieces = [p for i, found in cuts.items() for p in _pieces(links.iloc[i], sorted(found))]
        kept = links.drop(index=list(cuts))
        made.links = pd.concat([kept, pd.DataFrame(pieces)], ignore_index=True)
        made.said.append(SPLIT.fill(n=len(cuts), pieces=len(pieces)))


def _pieces(link: pd.Series, cuts: list[tuple[float, str]]) -> Iterable[dict[str, object]]:
    line = link["geometry"]
    stops = [(0.0, link["from_node"]), *cuts, (line.length, link["to_node"])]
    for i, ((a, from_node), (b, to_node)) in enumerate(pairwise(stops), 1):
        name = f"{link['id']}-{i}" if link["id"] else ""
        share = {"length_m": link["length_m"] * (b - a) / line.length}
        ends = {"id": name, "from_node": from_node, "to_node": to_node, "geometry": substring(line, a, b)}
        yield {**link.to_dict(), **ends, **share}


def _unique_ids(made: Joined) -> None:
    """Give links without an id one of their ends, and doubled ids a number behind."""
    links = made.links
    seen: dict[str, int] = {}
    names, doubled = [], 0
    ends = links["from_node"].tolist(), links["to_node"].tolist()
    for name, a, b in zip(links["id"].tolist(), *ends, strict=True):
        wanted = name or f"{a}-{b}"
        final, i = wanted, 1
        while final in seen:
            i += 1
            final = f"{wanted}#{i}"
        doubled += bool(name) and final != name
        seen[final] = 1
        names.append(final)
    made.links["id"] = names
    if doubled:
        made.said.append(DOUBLED.fill(n=doubled))


def _draw(made: Joined) -> None:
    """Draw links that had no line from node to node, and measure what had no length."""
    at = {n: i for i, n in enumerate(made.nodes["id"].tolist())}
    xy = _xy(made.nodes)
    a = xy[[at[n] for n in made.links["from_node"].tolist()]]
    b = xy[[at[n] for n in made.links["to_node"].tolist()]]
    lines = made.links["geometry"].to_numpy(object).copy()
    bare = shapely.is_missing(lines)
    if bare.any():
        lines[bare] = shapely.linestrings(np.stack([a[bare], b[bare]], axis=1))
    made.links["geometry"] = lines
    length = made.links["length_m"].to_numpy(float)
    good = np.isfinite(length) & (length > 0)
    made.links["length_m"] = np.where(good, length, np.maximum(np.round(shapely.length(lines), 2), 0.01))


def _drop_loops(made: Joined) -> None:
    loop = (made.links["from_node"] == made.links["to_node"]).to_numpy(bool)
    if loop.any():
        named = ", ".join(made.links["source"][loop][:5])
        made.said.append(LOOPS.fill(n=int(loop.sum()), named=named))
        made.links = made.links[~loop].reset_index(drop=True)


def _fresh(names: Iterable[str], taken: set[str], count: int) -> list[str]:
    found: list[str] = []
    for name in names:
        if len(found) == count:
            break
        if name not in taken:
            found.append(name)
    return found


def _xy(table: pd.DataFrame) -> Floats:
    return np.asarray(table[["x", "y"]].to_numpy(float))


MERGED = Text(
    "{file} [{layer}]:{same} 个点与前面文件同号同位、{met} 个点位置相同（容差 {snap} m），已并为一点",
    "{file} [{layer}]: {same} nodes with an id and place already there, and {met} at a place already there "
    "(within {snap} m), were made one",
)
RENAMED = Text(
    "{n} 个点与别的文件同号但不在同一位置，编号后加 @{file}",
    "{n} nodes share an id with another file and lie elsewhere; @{file} was put behind their ids",
)
NO_NODE = Text("端点 {id} 不在管点里", "its end {id} is not among the nodes")
MADE = Text(
    "{n} 个端点不在管点里，按线的端点新建",
    "{n} ends are not among the nodes; they were made where the lines end",
)
FAR = Text(
    "{n} 条线的端点与 {end} 所指的点不在一处（第一处在第 {row} 行，最远 {gap} m），以点号为准",
    "{n} lines end away from their {end} (first in row {row}, at most {gap} m); the id counts",
)
SNAPPED = Text(
    "没有点号的线端：{met} 个接到已有的点，{new} 个在容差 {snap} m 内归并为 {nodes} 个新点",
    "line ends without ids: {met} joined nodes already there, {new} were gathered within {snap} m into "
    "{nodes} new ones",
)
SPLIT = Text(
    "{n} 条渠段或河段在有管道接入处断开，成为 {pieces} 段",
    "{n} channels or reaches were split where others meet them, into {pieces}",
)
DOUBLED = Text(
    "{n} 条管段编号重复，后面的加了序号", "{n} links share an id with another; a number was put behind"
)
LOOPS = Text(
    "{n} 条管段两端是同一点，跳过：{named}", "{n} links begin and end at one node and were left out: {named}"
)
