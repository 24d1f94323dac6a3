"""Collects the nodes and links of the demo network while its parts are being laid."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import geopandas as gpd
import pandas as pd
from shapely.geometry import LineString

from geodata.demo import frame
from geodata.places import LinkKind, System

Point = tuple[float, float]

FLOW_COLUMNS = ("flow_m3s", "velocity_ms", "depth_m", "reversal")


@dataclass(slots=True)
class NodeSpec:
    """One node being laid; position in the drawing frame."""

    id: str
    system: System
    kind: str
    at: Point
    ground_m: float
    invert_m: float
    max_depth_m: float
    area_m2: float = 0.0
    inflow_m3s: float = 0.0
    stage_m: float = float("nan")


@dataclass(slots=True)
class LinkSpec:
    """One link being laid; `path` in the drawing frame."""

    id: str
    kind: LinkKind
    system: System
    from_node: str
    to_node: str
    path: Sequence[Point]
    shape: str
    height_m: float
    width_m: float
    side_slope: float = 0.0
    roughness: float = 0.0
    offset_in_m: float = 0.0
    offset_out_m: float = 0.0
    enterprise: str = ""
    rack: str = ""
    gate: str = ""
    direction_source: str = "declared"
    capacity_m3s: float = 0.0


@dataclass(slots=True)
class Net:
    """The network so far; ids are unique over nodes and over links."""

    nodes: dict[str, NodeSpec] = field(default_factory=dict)
    links: dict[str, LinkSpec] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)  # node ids along a named canal or channel

    def add_node(self, node: NodeSpec) -> str:
        """Add a node; ValueError if the id is taken."""
        if node.id in self.nodes:
            raise ValueError(f"node {node.id} is laid twice")
        self.nodes[node.id] = node
        return node.id

    def add_link(self, link: LinkSpec) -> str:
        """Add a link between nodes that exist; ValueError if the id is taken or an end is missing."""
        if link.id in self.links:
            raise ValueError(f"link {link.id} is laid twice")
        if link.from_node not in self.nodes or link.to_node not in self.nodes:
            raise ValueError(f"link {link.id} has an end that is not laid")
        self.links[link.id] = link
        return link.id

    def near(self, line: str, at: Point) -> str:
        """Return the node of a named line nearest to a point."""
        return min(self.lines[line], key=lambda n: math.dist(self.nodes[n].at, at))

    def node_table(self) -> pd.DataFrame:
        """Return the node table of a `Park`."""
        rows = []
        for n in self.nodes.values():
            x, y = frame.place(*n.at)
            rows.append(
                {
                    "id": n.id,
                    "system": str(n.system),
                    "kind": n.kind,
                    "x": x,
                    "y": y,
                    "ground_m": round(n.ground_m, 3),
                    "invert_m": round(n.invert_m, 3),
                    "max_depth_m": round(n.max_depth_m, 3),
                    "area_m2": n.area_m2,
                    "inflow_m3s": round(n.inflow_m3s, 5),
                    "stage_m": n.stage_m,
                }
            )
        return pd.DataFrame(rows)

    def link_table(self) -> gpd.GeoDataFrame:
        """Return the link table of a `Park`, its flow field not yet filled in (zeros)."""
        rows = []
        for k in self.links.values():
            shape = frame.place_shape(LineString(k.path))
            row: dict[str, object] = {
                "id": k.id,
                "kind": str(k.kind),
                "system": str(k.system),
                "from_node": k.from_node,
                "to_node": k.to_node,
                "length_m": round(float(shape.length), 2),
                "shape": k.shape,
                "height_m": round(k.height_m, 3),
                "width_m": round(k.width_m, 3),
                "side_slope": k.side_slope,
                "roughness": k.roughness,
                "offset_in_m": round(k.offset_in_m, 3),
                "offset_out_m": round(k.offset_out_m, 3),
                "enterprise": k.enterprise,
                "rack": k.rack,
                "gate": k.gate,
                "direction_source": k.direction_source,
                "capacity_m3s": k.capacity_m3s,
            }
            row.update(dict.fromkeys(FLOW_COLUMNS, 0.0))
            row["geometry"] = shape
            rows.append(row)
        return gpd.GeoDataFrame(rows, geometry="geometry", crs=frame.CRS)


def stops(end: float, must: Iterable[float], wish: Iterable[float], *, longest: float) -> list[float]:
    """Return distances from 0 to `end` where a canal or channel is cut into links.

    Every `must` is among them; a `wish` only where no other stop lies within 0.45 `longest` of it. No step is
    longer than `longest`.
    """
    kept = sorted({0.0, end, *must})
    for w in wish:
        if 0.0 < w < end and all(abs(w - k) >= 0.45 * longest for k in kept):
            kept = sorted([*kept, w])
    found = [0.0]
    for a, b in pairwise(kept):
        parts = max(1, math.ceil((b - a) / longest - 1e-6))
        found += [a + (b - a) * i / parts for i in range(1, parts + 1)]
    return found
