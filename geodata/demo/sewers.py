"""Lays the wastewater side: one pipe per enterprise on the racks, the shared timed pipe, pumps and works."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from shapely.geometry import LineString
from shapely.geometry import Point as ShapelyPoint

from geodata.demo.canals import axis as canal_axis
from geodata.demo.canals import ends as canal_ends
from geodata.demo.channels import channel_of, channels
from geodata.demo.layout import CANAL_U, CANAL_V, TRUNK_U, Parcel, parcels
from geodata.demo.names import SLOTS, Firm, firms
from geodata.demo.net import LinkSpec, Net, NodeSpec, Point
from geodata.places import Facility, LinkKind, Outlet, OutletKind, System
from geodata.words import Text

LANE = 4.0  # m between the pipes of a rack
SLOPE = 1.3e-3  # of the energy line of a pipe, laid here as its bed
ROUGHNESS = 0.011
STEP = 1300.0
PIPE_TOP = 3.0  # m of depth given to pipe nodes
WEST_BLOCKS = ("C1",)
WEST_OF_C2 = ("E22", "E33", "E36", "E19")  # enterprises of the middle column that pipe to the west works

SHARED_PUMP_M3S = 0.075
PS2_LEVEL = 1.0
IN_LEVEL = 5.0


@dataclass(frozen=True, slots=True)
class Lane:
    """One enterprise's own pipe: its path in the drawing frame from outlet to works."""

    firm: Firm
    trunk: str  # W or E
    path: tuple[Point, ...]


def trunk_of(parcel: Parcel) -> str:
    """Return the trunk rack (W or E) an enterprise's pipe goes to."""
    if parcel.row[2:4] in WEST_BLOCKS or parcel.owner in WEST_OF_C2:
        return "W"
    return "E"


def _dw_u(parcel: Parcel) -> float:
    return parcel.u0 + 0.42 * (parcel.u1 - parcel.u0)


def _dw_at(parcel: Parcel) -> Point:
    return (_dw_u(parcel), parcel.v0 if parcel.north else parcel.v1)


def works_at(trunk: str) -> Point:
    """Return where the pipes of a trunk end: the inlet of its works."""
    owner = "WW1" if trunk == "W" else "WW2"
    parcel = next(p for p in parcels() if p.owner == owner)
    return (parcel.u0 + 170.0, parcel.v0 + 330.0) if trunk == "W" else (parcel.u0 + 200.0, parcel.v0 + 330.0)


def lanes() -> list[Lane]:
    """Return every own pipe; pipes from farther away lie on the outer lanes."""
    own = {f.id: f for f in firms() if f.waste_m3d > 0 and f.id not in SLOTS}
    mine = [p for p in parcels() if p.owner in own]
    found: list[Lane] = []
    for trunk in "WE":
        group = sorted(
            (p for p in mine if trunk_of(p) == trunk),
            key=lambda p: (-p.rack_v, abs(_dw_u(p) - TRUNK_U[trunk])),
        )
        ends = works_at(trunk)
        by_row: dict[float, int] = {}
        for i, parcel in enumerate(group):
            k = by_row[parcel.rack_v] = by_row.get(parcel.rack_v, -1) + 1
            rack = parcel.rack_v + (k - 2) * LANE + 6.0
            column = TRUNK_U[trunk] + (i - len(group) / 2) * LANE
            end = (column, ends[1] + (60.0 if rack > ends[1] else -60.0))
            u, v = _dw_at(parcel)
            path = ((u, v), (u, rack), (column, rack), end, ends)
            found.append(Lane(own[parcel.owner], trunk, path))
    return found


def diameter(flow_m3s: float) -> float:
    """Return the smallest usual diameter (m) that carries three times a flow at the pipes' slope."""
    for d in (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2):
        full = 0.312 / ROUGHNESS * d ** (8 / 3) * math.sqrt(SLOPE)
        if full >= 3.0 * flow_m3s:
            return d
    raise ValueError(f"no pipe for {flow_m3s} m3/s")


def lay(net: Net) -> None:
    """Lay works, pump stations, own pipes and the shared pipe; channels must be there."""
    _lay_works(net)
    for lane in lanes():
        _lay_lane(net, lane)
    _lay_shared(net)


def _spot(owner: str) -> Parcel:
    return next(p for p in parcels() if p.owner == owner)


def _junction(
    net: Net, id: str, at: Point, invert: float, depth: float = PIPE_TOP, inflow: float = 0.0
) -> str:
    return net.add_node(
        NodeSpec(id, System.SEWAGE, "junction", at, invert + depth, invert, depth, inflow_m3s=inflow)
    )


def _lay_works(net: Net) -> None:
    """Inlet, treatment and effluent of both works; the west one is fed by the lift pumps of PS2."""
    west, east = works_at("W"), works_at("E")
    ww1, ww2 = _spot("WW1"), _spot("WW2")
    net.add_node(
        NodeSpec("PS2-WELL", System.SEWAGE, "storage", west, IN_LEVEL, PS2_LEVEL, IN_LEVEL - PS2_LEVEL, 400.0)
    )
    for works, parcel, at in (("WW1", ww1, (west[0] + 120, west[1])), ("WW2", ww2, east)):
        _junction(net, f"{works}-IN", at, 4.0)
        _junction(net, f"{works}-OUT", (parcel.u1 - 60, parcel.v0 + 120), 3.0)
        path = [at, (parcel.u1 - 60, at[1]), (parcel.u1 - 60, parcel.v0 + 120)]
        net.add_link(
            LinkSpec(
                f"{works}-LINE", LinkKind.PIPE, System.SEWAGE, f"{works}-IN", f"{works}-OUT", path,
                "circular", 1.2, 1.2, roughness=ROUGHNESS,
            )
        )  # fmt: skip
    net.add_link(
        LinkSpec(
            "PS2-PUMP", LinkKind.PUMP, System.SEWAGE, "PS2-WELL", "WW1-IN", [west, (west[0] + 120, west[1])],
            "circular", 1.0, 0.8, capacity_m3s=1.2,
        )
    )  # fmt: skip
    _lay_effluent(net)


def _lay_effluent(net: Net) -> None:
    """West effluent joins the east one; both leave by the deep-sea outfall."""
    a, b = net.nodes["WW1-OUT"].at, net.nodes["WW2-OUT"].at
    rack = _spot("WW1").rack_v - 30.0
    sea = (10900.0, b[1] - 420.0)
    path = [a, (a[0], rack), (b[0] + 40.0, rack), (b[0] + 40.0, b[1])]
    net.nodes["WW1-OUT"].invert_m = 6.0
    net.nodes["WW1-IN"].invert_m = 6.6
    for end in ("WW1-OUT", "WW1-IN"):
        net.nodes[end].ground_m = net.nodes[end].invert_m + PIPE_TOP
    join = (b[0] + 40.0, b[1])
    _junction(net, "EFF-JOIN", join, 2.9)
    net.add_node(NodeSpec("SEA-OUT", System.SEWAGE, "outfall", sea, 1.0, -3.0, 4.0, stage_m=0.0))
    net.add_link(
        LinkSpec(
            "EFF-WEST", LinkKind.PIPE, System.SEWAGE, "WW1-OUT", "EFF-JOIN", path, "circular", 1.0, 1.0,
            roughness=ROUGHNESS,
        )
    )  # fmt: skip
    net.add_link(
        LinkSpec(
            "EFF-EAST", LinkKind.PIPE, System.SEWAGE, "WW2-OUT", "EFF-JOIN", [b, join], "circular", 1.0, 1.0,
            roughness=ROUGHNESS,
        )
    )  # fmt: skip
    path = [join, (8700.0, b[1]), sea]
    net.add_link(
        LinkSpec(
            "EFF-SEA", LinkKind.PIPE, System.SEWAGE, "EFF-JOIN", "SEA-OUT", path, "circular", 1.2, 1.2,
            roughness=ROUGHNESS,
        )
    )  # fmt: skip


def _cut(path: tuple[Point, ...]) -> list[list[Point]]:
    """Cut a path into pieces no longer than `STEP`, keeping its corners."""
    whole = LineString(path)
    parts = max(1, math.ceil(whole.length / STEP))
    marks = [whole.length * i / parts for i in range(parts + 1)]
    corners = [(whole.project(ShapelyPoint(p)), p) for p in path]
    pieces = []
    for a, b in pairwise(marks):
        first, last = whole.interpolate(a), whole.interpolate(b)
        inner = [p for s, p in corners if a + 1.0 < s < b - 1.0]
        pieces.append([(first.x, first.y), *inner, (last.x, last.y)])
    return pieces


def _lay_lane(net: Net, lane: Lane) -> None:
    flow = lane.firm.waste_m3d / 86400
    size = diameter(flow)
    pieces = _cut(lane.path)
    end = "PS2-WELL" if lane.trunk == "W" else "WW2-IN"
    base = (IN_LEVEL - 1.5) if lane.trunk == "W" else 4.2
    left = [LineString(p).length for p in pieces]
    heights = [base + SLOPE * sum(left[i:]) for i in range(len(pieces))]
    for i, piece in enumerate(pieces):
        start = f"{lane.firm.id}-DW001" if i == 0 else f"{lane.firm.id}-P{i}"
        _junction(net, start, piece[0], heights[i], inflow=flow if i == 0 else 0.0)
    for i, piece in enumerate(pieces):
        a = f"{lane.firm.id}-DW001" if i == 0 else f"{lane.firm.id}-P{i}"
        last = i == len(pieces) - 1
        b = end if last else f"{lane.firm.id}-P{i + 1}"
        net.add_link(
            LinkSpec(
                f"{lane.firm.id}-PIPE{i + 1}", LinkKind.PIPE, System.SEWAGE, a, b, piece,
                "circular", size, size, roughness=ROUGHNESS,
                offset_out_m=base - net.nodes[end].invert_m if last else 0.0,
                enterprise=lane.firm.id, rack=f"trunk-{lane.trunk}",
            )
        )  # fmt: skip


def _lay_shared(net: Net) -> None:
    """Five enterprises' shared pipe to PS1, whose overflow runs into the rain channel beside it."""
    station = _spot("PS1")
    v, well = _shared_v(), _well_at()
    users = sorted((p for p in parcels() if p.owner in SLOTS), key=lambda p: _dw_u(p))
    by_id = {f.id: f for f in firms()}
    marks: list[float] = [*sorted({round(_dw_u(p), 1) for p in users}), well[0]]
    base = 1.6
    names = [f"GG-{i + 1:02d}" for i in range(len(marks))]
    for i, (name, u) in enumerate(zip(names, marks, strict=True)):
        _junction(net, name, (u, v), base + SLOPE * (marks[-1] - marks[i]) + SLOPE * 110, depth=2.4)
    net.add_node(NodeSpec("PS1-WELL", System.SEWAGE, "storage", well, 4.2, 0.2, 4.0, 36.0))
    for a, b, u0, u1 in zip(names, names[1:], marks, marks[1:], strict=False):
        net.add_link(
            LinkSpec(
                f"{a}-PIPE", LinkKind.PIPE, System.SEWAGE, a, b, [(u0, v), (u1, v)], "circular", 0.5, 0.5,
                roughness=ROUGHNESS, rack="shared",
            )
        )  # fmt: skip
    net.add_link(
        LinkSpec(
            f"{names[-1]}-PIPE", LinkKind.PIPE, System.SEWAGE, names[-1], "PS1-WELL", [(well[0], v), well],
            "circular", 0.5, 0.5, roughness=ROUGHNESS, offset_out_m=base - 0.2, rack="shared",
        )
    )  # fmt: skip
    for parcel in users:
        flow = by_id[parcel.owner].waste_m3d / 86400
        at = _dw_at(parcel)
        joint = names[marks.index(round(_dw_u(parcel), 1))]
        invert = net.nodes[joint].invert_m + max(0.3, 2 * SLOPE * abs(at[1] - v))
        _junction(net, f"{parcel.owner}-DW001", at, invert, depth=2.4, inflow=flow)
        net.add_link(
            LinkSpec(
                f"{parcel.owner}-LAT", LinkKind.PIPE, System.SEWAGE, f"{parcel.owner}-DW001", joint,
                [at, (at[0], v)], "circular", 0.5, 0.5, roughness=ROUGHNESS,
                enterprise=parcel.owner, rack="shared",
            )
        )  # fmt: skip
    _lay_ps1(net, station, well)


def _shared_v() -> float:
    return _spot("PS1").rack_v - 14.0


def _well_at() -> Point:
    station = _spot("PS1")
    return station.u0 + 90.0, station.v1 - 120.0


def shared_path() -> tuple[Point, Point]:
    """Return the line of the shared pipe, from its first user to the pump station."""
    first = min(_dw_u(p) for p in parcels() if p.owner in SLOTS)
    return (first, _shared_v()), (_well_at()[0], _shared_v())


def rising_main() -> tuple[Point, ...]:
    """Return the path of the pipe from PS1 to the east works."""
    well, v, east = _well_at(), _shared_v(), works_at("E")
    column = TRUNK_U["E"] - 14 * LANE
    return (well[0] + 40, well[1]), (well[0] + 40, v), (column, v), (column, east[1] + 60.0), east


def _lay_ps1(net: Net, station: Parcel, well: Point) -> None:
    """Pump and rising main of PS1 to the east works, and the weir that spills into the rain channel."""
    path = rising_main()
    pieces = _cut(path)
    base = 4.2
    left = [LineString(p).length for p in pieces]
    for i, piece in enumerate(pieces):
        _junction(net, f"PS1-M{i}", piece[0], base + SLOPE * sum(left[i:]))
    for i, piece in enumerate(pieces):
        last = i == len(pieces) - 1
        net.add_link(
            LinkSpec(
                f"PS1-MAIN{i + 1}", LinkKind.PIPE, System.SEWAGE, f"PS1-M{i}",
                "WW2-IN" if last else f"PS1-M{i + 1}", piece, "circular", 0.45, 0.45, roughness=ROUGHNESS,
                offset_out_m=base - net.nodes["WW2-IN"].invert_m if last else 0.0, rack="shared",
            )
        )  # fmt: skip
    net.add_link(
        LinkSpec(
            "PS1-PUMP", LinkKind.PUMP, System.SEWAGE, "PS1-WELL", "PS1-M0", [well, path[0]], "circular",
            1.0, 0.3, capacity_m3s=SHARED_PUMP_M3S,
        )
    )  # fmt: skip
    channel = channel_of(station)
    spill = net.near(channel.id, (well[0], channel.v))
    net.add_link(
        LinkSpec(
            "PS1-SPILL", LinkKind.WEIR, System.SEWAGE, "PS1-WELL", spill, [well, net.nodes[spill].at],
            "rectangle", 1.2, 2.0, offset_in_m=2.3,
        )
    )  # fmt: skip


def outlets(net: Net) -> list[tuple[Outlet, Point]]:
    """Return wastewater outlets and the places where own pipes cross open water, with their drawing place."""
    found = []
    for node in sorted(n for n in net.nodes if n.endswith("-DW001")):
        owner = node.split("-")[0]
        at = net.nodes[node].at
        found.append((Outlet(node, owner, OutletKind.WASTEWATER, "DW001", node, 0.0, 0.0), at))
    for lane in sorted(lanes(), key=lambda k: k.firm.id):
        for i, (water, at) in enumerate(_crossings(lane)):
            code = f"CX{i + 1:02d}"
            node = net.near(water, at)
            found.append(
                (
                    Outlet(f"{lane.firm.id}-{code}", lane.firm.id, OutletKind.CROSSING, code, node, 0.0, 0.0),
                    at,
                )
            )
    return found


def _crossings(lane: Lane) -> list[tuple[str, Point]]:
    """Return up to two waters a pipe crosses: the first canal and the first rain channel on its way."""
    pipe = LineString(lane.path)
    hits: list[list[tuple[float, str, Point]]] = [[], []]
    for canal in (*CANAL_V, *CANAL_U):
        first, last = canal_ends(canal)
        hits[0] += _meet(pipe, canal, LineString([canal_axis(canal, first), canal_axis(canal, last)]))
    for channel in channels():
        hits[1] += _meet(
            pipe, channel.id, LineString([(channel.upper, channel.v), (channel.mouth, channel.v)])
        )
    return [(name, at) for group in hits for _, name, at in sorted(group)[:1]]


def _meet(pipe: LineString, name: str, water: LineString) -> list[tuple[float, str, Point]]:
    point = pipe.intersection(water)
    if point.is_empty or point.geom_type != "Point":
        return []
    return [(pipe.project(point), name, (point.x, point.y))]


FACILITIES = (
    ("WW1", Text("西部污水厂", "West Works"), "works", "WW1-IN", 50_000.0),
    ("WW2", Text("东部污水厂", "East Works"), "works", "WW2-IN", 43_000.0),
    ("PS1", Text("公管泵站", "Shared-pipe Pump Station"), "pump_station", "PS1-WELL", 6_480.0),
    ("PS2", Text("西部提升泵站", "West Lift Station"), "pump_station", "PS2-WELL", 103_680.0),
)


def facilities(net: Net) -> list[tuple[Facility, Point]]:
    """Return works and pump stations with their drawing place."""
    return [
        (Facility(key, name, kind, node, capacity, 0.0, 0.0), net.nodes[node].at)
        for key, name, kind, node, capacity in FACILITIES
    ]
