"""Checks of how the network hangs together: ends, doubles, parts, blind ends, loops."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geodata.check.findings import Finding, finding
from geodata.check.levels import turned_round
from geodata.check.table import SAME_POINT_M, STRUCTURES, Bools, Table, vague
from geodata.places import Park
from geodata.words import Text

DANGLING_M = 2.0  # an end this near to something it is not connected to was meant to reach it
END_M = 0.5  # how far the end of a line may lie from its node
NODE, LINK = Text("节点 {id}", "node {id}"), Text("管段 {id}", "link {id}")
LENGTH_SHARE, LENGTH_M = 0.1, 5.0  # a recorded length may differ from the line's by the larger of the two


def check(park: Park, t: Table) -> Iterator[Finding]:
    """Give every finding about ends, lengths, doubles, connection and direction."""
    yield from _ends(park, t)
    yield from _lengths(t)
    yield from _doubles(park, t)
    short = _short_ends(t)
    for a, layer, other, apart in short:
        what = (NODE if layer == "node" else LINK).fill(id=other)
        yield finding("dangling", "node", t.node[a], t.point(a), other, what=what, value=f"{apart:.2f}")
    yield from _ways_out(t, [a for a, *_ in short])
    yield from _owners(park, t)


def _ends(park: Park, t: Table) -> Iterator[Finding]:
    names = (park.links["from_node"].to_numpy(object), park.links["to_node"].to_numpy(object))
    for k in np.flatnonzero((t.start < 0) | (t.end < 0)):
        for rows, ids in zip((t.start, t.end), names, strict=True):
            if rows[k] < 0:
                yield finding("missing_end_node", "link", t.link[k], t.line(k), str(ids[k]))
    for k in np.flatnonzero((t.start >= 0) & (t.start == t.end)):
        yield finding("self_loop", "link", t.link[k], t.line(k), t.node[t.start[k]])
    x, y = np.append(t.x, np.nan), np.append(t.y, np.nan)  # row -1 is "no such node"
    for rows, which in ((t.start, 0), (t.end, -1)):
        end = shapely.get_point(t.lines, which)
        off = np.hypot(shapely.get_x(end) - x[rows], shapely.get_y(end) - y[rows])
        for k in np.flatnonzero(t.whole & (off > END_M)):
            node = t.node[rows[k]]
            yield finding("end_off_node", "link", t.link[k], t.line(k), node, value=f"{off[k]:.1f}")


def _lengths(t: Table) -> Iterator[Finding]:
    carries = ~np.isin(t.kind.astype(str), STRUCTURES) & (t.start != t.end)
    line = shapely.length(t.lines)
    none = carries & ~(t.length_m > 0)
    for k in np.flatnonzero(none):
        yield finding("zero_length", "link", t.link[k], t.line(k), value=f"{t.length_m[k]:g}")
    differs = np.abs(t.length_m - line) > np.maximum(LENGTH_M, LENGTH_SHARE * line)
    for k in np.flatnonzero(carries & ~none & differs & (line > 0)):
        values = {"value": f"{t.length_m[k]:.1f}", "limit": f"{line[k]:.1f}"}
        yield finding("length_differs", "link", t.link[k], t.line(k), **values)


def _doubles(park: Park, t: Table) -> Iterator[Finding]:
    for a, b in t.doubles:
        if t.node[a] != t.node[b]:
            apart = f"{np.hypot(t.x[a] - t.x[b], t.y[a] - t.y[b]):.2f}"
            yield finding("duplicate_points", "node", t.node[a], t.point(a), t.node[b], value=apart)
    rows = np.flatnonzero(t.whole & ~np.isin(t.kind.astype(str), STRUCTURES))
    alike = {
        "a": np.minimum(t.start, t.end)[rows],
        "b": np.maximum(t.start, t.end)[rows],
        "owner": park.links["enterprise"].to_numpy(object)[rows],
        "kind": t.kind[rows],
        "shape": t.shape[rows],
        "height": t.height_m[rows],
        "width": t.width_m[rows],
    }
    keys = pd.DataFrame(alike)
    keys = keys[keys.duplicated(keep=False)]
    for same in keys.groupby(list(alike), dropna=False).indices.values():
        first, *others = rows[keys.index.to_numpy()[same]]
        for k in others:
            if t.link[k] != t.link[first] and _same_line(t, int(k), int(first)):
                yield finding("link_twice", "link", t.link[k], t.line(k), t.link[first])


def _same_line(t: Table, k: int, j: int) -> bool:
    a, b = t.lines[k], t.lines[j]
    if a is None or b is None:
        return a is b
    return bool(shapely.hausdorff_distance(a, b) < SAME_POINT_M)


def _short_ends(t: Table) -> list[tuple[int, str, str, float]]:
    """End nodes that stop just short of a node or link: row, layer and id of the other, m between."""
    ends = np.flatnonzero((t.arriving() + t.leaving() == 1) & np.isfinite(t.x) & np.isfinite(t.y))
    points = shapely.points(t.x[ends], t.y[ends])
    own = np.full(len(t.node), -1)
    for side in (t.tail, t.head):
        own[side[t.whole]] = np.flatnonzero(t.whole)
    found: dict[int, tuple[int, str, str, float]] = {}
    every = shapely.points(t.x, t.y)
    for i, j in zip(*shapely.STRtree(every).query(points, "dwithin", DANGLING_M), strict=True):
        a, apart = int(ends[i]), float(shapely.distance(points[i], every[j]))
        joined = j in (a, t.tail[own[a]], t.head[own[a]])
        if not joined and apart > SAME_POINT_M and t.node_system[j] == t.node_system[a]:
            found.setdefault(a, (a, "node", t.node[j], apart))
    drawn = t.lines.copy()
    drawn[~t.whole] = None
    for i, k in zip(*shapely.STRtree(drawn).query(points, "dwithin", DANGLING_M), strict=True):
        a, mine = int(ends[i]), own[ends[i]]
        met = {int(t.tail[k]), int(t.head[k])} & {int(t.tail[mine]), int(t.head[mine])}
        if not met and t.system[k] == t.node_system[a] and not _at_end(t, int(k), a):
            found.setdefault(a, (a, "link", t.link[k], float(shapely.distance(points[i], t.lines[k]))))
    return [found[a] for a in sorted(found)]


def _at_end(t: Table, link: int, node: int) -> bool:
    """Whether a node lies at an end of a link, where it is a double of the end node and reported as such."""
    ends = np.array([t.tail[link], t.head[link]])
    return bool((np.hypot(t.x[ends] - t.x[node], t.y[ends] - t.y[node]) <= SAME_POINT_M).any())


def _ways_out(t: Table, short: list[int]) -> Iterator[Finding]:
    n = len(t.node)
    tail, head = t.tail[t.whole], t.head[t.whole]
    graph = coo_array((np.ones(len(tail), np.int8), (tail, head)), shape=(n, n)).tocsr()
    arriving, leaving = t.arriving(), t.leaving()
    alone = (arriving + leaving == 0) & (t.first == np.arange(n))
    for i in np.flatnonzero(alone):
        yield finding("isolated_node", "node", t.node[i], t.point(i))
    _, part = connected_components(graph, directed=False)
    drains = np.zeros(part.max(initial=-1) + 1, bool)
    drains[part[t.sink]] = True
    stuck = ~drains[part] & ~alone & (t.first == np.arange(n))
    for p in np.unique(part[stuck]):
        inside = np.flatnonzero(part == p)
        yield finding("isolated_part", "node", t.node[inside[0]], _cloud(t, inside), value=len(inside))
    odd = np.flatnonzero(turned_round(t))
    spared = stuck | vague(t)
    spared[[*short, *t.tail[odd], *t.head[odd]]] = True
    for i in np.flatnonzero((arriving > 0) & (leaving == 0) & ~t.sink & ~spared):
        yield finding("blind_end", "node", t.node[i], t.point(i))
    yield from _loops(t, graph, spared)


def _loops(t: Table, graph: coo_array, spared: Bools) -> Iterator[Finding]:
    count, ring = connected_components(graph, directed=True, connection="strong")
    tail, head = t.tail[t.whole], t.head[t.whole]
    closed = np.bincount(ring, minlength=count) > 1
    closed[ring[tail][ring[tail] != ring[head]]] = False
    closed[ring[t.sink | spared]] = False
    for r in np.flatnonzero(closed):
        inside = np.flatnonzero(ring == r)
        yield finding("loop_without_outlet", "node", t.node[inside[0]], _cloud(t, inside), value=len(inside))


def _cloud(t: Table, rows: np.ndarray) -> shapely.MultiPoint:
    known = rows[np.isfinite(t.x[rows]) & np.isfinite(t.y[rows])]
    return shapely.MultiPoint(np.column_stack([t.x[known], t.y[known]]))


def _owners(park: Park, t: Table) -> Iterator[Finding]:
    firms = {e.id for e in park.enterprises} | {""}
    owner = park.links["enterprise"].fillna("").to_numpy(object)
    for k in np.flatnonzero(~np.isin(owner.astype(str), list(firms))):
        yield finding("link_unknown_enterprise", "link", t.link[k], t.line(k), str(owner[k]))
    for k in np.flatnonzero(park.links["direction_source"].to_numpy(object) == "assumed"):
        yield finding("direction_assumed", "link", t.link[k], t.line(k))
