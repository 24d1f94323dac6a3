"""A park's network as plain columns, prepared once for every check; nothing here trusts the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from geodata.places import Park

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Objects = NDArray[np.object_]

GRAVITY_KINDS = ("pipe", "channel")
SAME_POINT_M = 0.1  # nearer than this two nodes are one
STRUCTURES = ("gate", "valve", "pump", "weir")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns of n nodes and m links.

    Attributes
    ----------
    node, link : (n,), (m,) object
        Ids as text.
    node_at, link_at : Series
        The first row of every id.
    x, y, ground_m, invert_m, max_depth_m : (n,) float
        NaN where nothing is known.
    start, end : (m,) int
        Rows of from_node and to_node, -1 where there is no such node.
    tail, head : (m,) int
        The same, turned round where the stored flow is negative, and with doubles of a node taken as one.
    whole : (m,) bool
        Both ends exist and differ.
    assumed : (m,) bool
        The direction is nobody's word.
    pressed : (m,) bool
        Runs full under pressure, on a rack or by its regime: it may climb.
    doubles : (k, 2) int
        Pairs of nodes that lie on the same spot, but for the two ends of a gate, pump or weir.
    first : (n,) int
        The first of the doubles of each node; itself where it has none.
    sink : (n,) bool
        Water may end here: outfall, storage, inlet of a facility, a node that takes water out, or the
        known end of a link whose other end is missing (that is one fault, not two).
    start_m, end_m : (m,) float
        Bottom levels at tail and head.
    lines : (m,) geometry
    """

    node: Objects
    node_at: pd.Series
    link_at: pd.Series
    x: Floats
    y: Floats
    ground_m: Floats
    invert_m: Floats
    max_depth_m: Floats
    node_system: Objects
    sink: Bools
    doubles: Ints
    first: Ints
    link: Objects
    kind: Objects
    system: Objects
    shape: Objects
    start: Ints
    end: Ints
    tail: Ints
    head: Ints
    whole: Bools
    assumed: Bools
    pressed: Bools
    start_m: Floats
    end_m: Floats
    offset_in_m: Floats
    offset_out_m: Floats
    length_m: Floats
    height_m: Floats
    width_m: Floats
    lines: Objects

    @classmethod
    def of(cls, park: Park) -> Table:
        """Prepare the columns of a park."""
        nodes, links = park.nodes, park.links
        node, link = _text(nodes["id"]), _text(links["id"])
        at = rows_of(node)
        start, end = find(at, links["from_node"]), find(at, links["to_node"])
        turned = _number(links["flow_m3s"]) < 0
        x, y = _number(nodes["x"]), _number(nodes["y"])
        structure = (start >= 0) & (end >= 0) & np.isin(_text(links["kind"]).astype(str), STRUCTURES)
        doubles, first = _doubles(x, y, start[structure], end[structure])
        one = np.append(first, -1)  # row -1 is "no such node"
        a, b = one[start], one[end]
        whole = (start >= 0) & (end >= 0) & (a != b)
        kind = _text(nodes["kind"])
        inlets = find(at, pd.Series([f.node for f in park.facilities], dtype=object))
        sink = np.isin(kind.astype(str), ("outfall", "storage")) | (_number(nodes["inflow_m3s"]) < 0)
        sink[inlets[inlets >= 0]] = True
        torn = (start < 0) ^ (end < 0)
        sink[np.maximum(start, end)[torn]] = True
        np.logical_or.at(sink, first, sink)
        invert = _number(nodes["invert_m"])
        low = np.append(invert, np.nan)
        into, out = _number(links["offset_in_m"]), _number(links["offset_out_m"])
        from_m, to_m = low[start] + np.nan_to_num(into), low[end] + np.nan_to_num(out)
        return cls(
            node=node,
            node_at=at,
            link_at=rows_of(link),
            x=x,
            y=y,
            ground_m=_number(nodes["ground_m"]),
            invert_m=invert,
            max_depth_m=_number(nodes["max_depth_m"]),
            node_system=_text(nodes["system"]),
            sink=sink,
            doubles=doubles,
            first=first,
            link=link,
            kind=_text(links["kind"]),
            system=_text(links["system"]),
            shape=_text(links["shape"]),
            start=start,
            end=end,
            tail=np.where(turned, b, a),
            head=np.where(turned, a, b),
            whole=whole,
            assumed=_text(links["direction_source"]) == "assumed",
            pressed=_pressed(links),
            start_m=np.where(turned, to_m, from_m),
            end_m=np.where(turned, from_m, to_m),
            offset_in_m=into,
            offset_out_m=out,
            length_m=_number(links["length_m"]),
            height_m=_number(links["height_m"]),
            width_m=_number(links["width_m"]),
            lines=links.geometry.to_numpy(),
        )

    def point(self, row: int | np.integer[Any]) -> BaseGeometry | None:
        """Return where a node is."""
        return point(self.x[row], self.y[row])

    def line(self, row: int | np.integer[Any]) -> BaseGeometry | None:
        """Return the line of a link, or a point at the end that is known."""
        found: BaseGeometry | None = self.lines[row]
        if found is not None and not found.is_empty:
            return found
        for end in (self.start[row], self.end[row]):
            if end >= 0:
                return self.point(end)
        return None

    def arriving(self) -> Ints:
        """Return the number of whole links that reach each node."""
        return np.bincount(self.head[self.whole], minlength=len(self.node))

    def leaving(self) -> Ints:
        """Return the number of whole links that leave each node."""
        return np.bincount(self.tail[self.whole], minlength=len(self.node))


def _doubles(x: Floats, y: Floats, a: Ints, b: Ints) -> tuple[Ints, Ints]:
    """Pairs of nodes on one spot that no structure from a to b parts, and the first of each one's doubles."""
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    tree = cKDTree(np.column_stack([x[known], y[known]]))
    pairs = known[np.sort(tree.query_pairs(SAME_POINT_M, output_type="ndarray"), axis=1)].reshape(-1, 2)
    parted = np.minimum(a, b) * len(x) + np.maximum(a, b)
    pairs = pairs[~np.isin(pairs.min(axis=1) * len(x) + pairs.max(axis=1), parted)]
    joined = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(x), len(x)))
    _, group = connected_components(joined, directed=False)
    _, lowest = np.unique(group, return_index=True)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))], np.asarray(lowest[group], np.int64)


def _pressed(links: pd.DataFrame) -> Bools:
    """Return which links are pressure lines: pipes on a rack hang above the ground, and pumps fill them."""
    racked: Bools = (_text(links["kind"]).astype(str) == "pipe") & (_text(links["rack"]).astype(str) != "")
    if "regime" not in links:
        return racked
    pressed: Bools = racked | (_text(links["regime"]).astype(str) == "pressure")
    return pressed


def vague(t: Table) -> Bools:
    """Return the nodes where nobody knows which way water goes: a link of assumed direction ends there."""
    found = np.zeros(len(t.node), bool)
    unsure = t.whole & t.assumed
    found[t.tail[unsure]] = True
    found[t.head[unsure]] = True
    return found


def point(x: float, y: float) -> BaseGeometry | None:
    """Return a point, or None where a coordinate is not a number."""
    return shapely.Point(x, y) if np.isfinite(x) and np.isfinite(y) else None


def rows_of(ids: Objects) -> pd.Series:
    """Return the first row of every id."""
    first = ~pd.Series(ids).duplicated().to_numpy()
    return pd.Series(np.flatnonzero(first), index=ids[first])


def find(rows: pd.Series, ids: Any) -> Ints:
    """Return the row of each id, -1 where there is none."""
    at = rows.index.get_indexer(pd.Index(_text(ids)))
    values = np.append(rows.to_numpy(np.int64), -1)
    return np.asarray(values[at], np.int64)


def _text(column: Any) -> Objects:
    series = pd.Series(column)
    return np.asarray(series.astype(object).where(series.notna(), "").map(str), object)


def _number(column: Any) -> Floats:
    return np.array(pd.to_numeric(column, errors="coerce").to_numpy(float, na_value=np.nan))
