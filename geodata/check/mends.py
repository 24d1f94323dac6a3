"""Safe mends: each takes a park and gives another one; the park it was given is the undo.

A mend is safe when it needs no knowledge that is not in the park: it never makes up a level, an id or an
owner. Every mended park carries its own version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString, Point

from geodata.check.findings import Finding
from geodata.check.table import STRUCTURES
from geodata.park import VERSION_CHARS, content_hash
from geodata.places import Park
from geodata.provenance import Confidence, Origin, changed


def mend(park: Park, finding: Finding, as_of: str = "") -> Park:
    """Return a park in which one finding is put right; every value it changed says that it comes from there.

    Parameters
    ----------
    as_of : str
        Date of the mend, for those who look at the value later.

    Raises
    ------
    ValueError
        There is no safe mend for findings of this kind.
    KeyError
        The feature is not in the park (any more).
    """
    if finding.kind not in MENDS:
        raise ValueError(f"{finding.kind} has no safe mend")
    made = MENDS[finding.kind](park, finding)
    made = changed(park, made, Origin(f"mend {finding.kind}", as_of, str(Confidence.DERIVED)))
    return replace(made, version=content_hash(made)[:VERSION_CHARS])


def drop_link(park: Park, link: str) -> Park:
    """Remove a link."""
    row = _row(park.links, link)
    return replace(park, links=_without(park.links, row))


def drop_node(park: Park, node: str) -> Park:
    """Remove a node that no link and no place uses.

    Raises
    ------
    ValueError
        Something still uses it.
    """
    used = {str(getattr(r, "node", "")) for a in NODE_USERS for r in getattr(park, a)}
    used |= {*park.links["from_node"], *park.links["to_node"]}
    if node in used:
        raise ValueError(f"node {node} is in use")
    return replace(park, nodes=_without(park.nodes, _row(park.nodes, node)))


def reverse_link(park: Park, link: str) -> Park:
    """Turn a link and its water round: its ends, its line and its offsets are swapped.

    The sign of the stored flow is counted from start to end and stays, so that the water turns as well.
    """
    row = _row(park.links, link)
    links = park.links.copy()
    for a, b in (("from_node", "to_node"), ("offset_in_m", "offset_out_m")):
        first, second = links[a].iloc[row], links[b].iloc[row]
        _put(links, row, a, second)
        _put(links, row, b, first)
    _put(links, row, "direction_source", "invert")
    line = links.geometry.iloc[row]
    return replace(park, links=links if line is None else _with_line(links, row, shapely.reverse(line)))


def take_line_length(park: Park, link: str) -> Park:
    """Record the length of a link's line, or of the straight way where its line has none.

    Raises
    ------
    ValueError
        Neither has a length.
    """
    row = _row(park.links, link)
    line = park.links.geometry.iloc[row]
    length = 0.0 if line is None else float(line.length)
    if not length > 0:
        a, b = (_at(park, str(park.links[c].iloc[row])) for c in ("from_node", "to_node"))
        length = float(a.distance(b))
    if not length > 0:
        raise ValueError(f"the line of link {link} has no length")
    links = park.links.copy()
    _put(links, row, "length_m", round(length, 2))
    return replace(park, links=links)


def snap_ends(park: Park, link: str) -> Park:
    """Put the ends of a link's line onto its nodes; a line drawn from end to start is turned round first."""
    row = _row(park.links, link)
    a, b = (_at(park, str(park.links[c].iloc[row])) for c in ("from_node", "to_node"))
    line = park.links.geometry.iloc[row]
    points = [] if line is None else [*line.coords]
    if len(points) >= 2:
        first, last = Point(points[0]), Point(points[-1])
        if first.distance(b) + last.distance(a) < first.distance(a) + last.distance(b):
            points.reverse()
    made = LineString([a.coords[0], *(p[:2] for p in points[1:-1]), b.coords[0]])
    return replace(park, links=_with_line(park.links.copy(), row, made))


def merge_nodes(park: Park, keep: str, gone: str) -> Park:
    """Make one node of two: whatever used `gone` uses `keep`; a link between them is removed.

    What `keep` does not know (levels, a base inflow) it takes over.

    Raises
    ------
    ValueError
        A gate, pump or weir stands between the two.
    """
    nodes = park.nodes.copy()
    i, j = _row(nodes, keep), _row(nodes, gone)
    for column in nodes.columns:
        mine, other = nodes[column].iloc[i], nodes[column].iloc[j]
        if column == "inflow_m3s":
            _put(nodes, i, column, float(np.nansum([mine, other])))
        elif column in ("kind", "system"):
            if column == "kind" and mine == "junction":
                _put(nodes, i, column, other)
        elif isinstance(mine, float) and np.isnan(mine):
            _put(nodes, i, column, other)
    links = park.links.copy()
    for column in ("from_node", "to_node"):
        links[column] = links[column].where(links[column] != gone, keep)
    between = (links["from_node"] == keep) & (links["to_node"] == keep)
    if between.any() and set(links["kind"][between]) & set(STRUCTURES):
        raise ValueError(f"{links['id'][between].iloc[0]} stands between {keep} and {gone}")
    kept = links[~between].reset_index(drop=True)
    made = replace(park, nodes=_without(nodes, j), links=kept)
    moved: dict[str, Any] = {}
    for attribute in NODE_USERS:
        moved[attribute] = tuple(
            replace(r, node=keep) if r.node == gone else r for r in getattr(park, attribute)
        )
    made = replace(made, **moved)
    for link in kept["id"][(kept["from_node"] == keep) | (kept["to_node"] == keep)]:
        made = snap_ends(made, str(link))
    return made


def gate_onto_link(park: Park, gate: str) -> Park:
    """Move a gate's point to the nearest place of its link."""
    found = park.gate(gate)
    line = park.links.geometry.iloc[_row(park.links, found.link)]
    at = shapely.ops.nearest_points(line, Point(found.x, found.y))[0]
    moved = replace(found, x=round(at.x, 2), y=round(at.y, 2))
    return replace(park, gates=tuple(moved if g is found else g for g in park.gates))


def drop_fingerprint(park: Park, enterprise: str) -> Park:
    """Remove the fingerprint of an enterprise."""
    return replace(park, fingerprints=tuple(f for f in park.fingerprints if f.enterprise != enterprise))


NODE_USERS = ("outlets", "stations", "receptors", "facilities")

MENDS: dict[str, Callable[[Park, Finding], Park]] = {
    "self_loop": lambda park, f: drop_link(park, f.feature),
    "link_twice": lambda park, f: drop_link(park, f.feature),
    "isolated_node": lambda park, f: drop_node(park, f.feature),
    "reversed": lambda park, f: reverse_link(park, f.feature),
    "zero_length": lambda park, f: take_line_length(park, f.feature),
    "length_differs": lambda park, f: take_line_length(park, f.feature),
    "end_off_node": lambda park, f: snap_ends(park, f.feature),
    "duplicate_points": lambda park, f: merge_nodes(park, f.feature, f.other),
    "gate_off_river": lambda park, f: gate_onto_link(park, f.feature),
    "fingerprint_unknown_enterprise": lambda park, f: drop_fingerprint(park, f.feature),
}


def _row(table: pd.DataFrame, id: str) -> int:
    rows = np.flatnonzero(table["id"].to_numpy(object) == id)
    if not len(rows):
        raise KeyError(id)
    return int(rows[0])


def _without(table: Any, row: int) -> Any:
    return table.drop(index=table.index[row]).reset_index(drop=True)


def _put(table: pd.DataFrame, row: int, column: str, value: object) -> None:
    table.iloc[row, table.columns.get_loc(column)] = value


def _with_line(links: gpd.GeoDataFrame, row: int, line: Any) -> gpd.GeoDataFrame:
    lines = links.geometry.to_numpy().copy()
    lines[row] = line
    return links.set_geometry(gpd.GeoSeries(lines, index=links.index, crs=links.crs))


def _at(park: Park, node: str) -> Point:
    row = _row(park.nodes, node)
    return Point(park.nodes["x"].iloc[row], park.nodes["y"].iloc[row])
