"""Lays the canal net: eight canals, thirteen gates, three ways to the sea and one over the south border."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from geodata import park as park_file
from geodata.demo import frame
from geodata.demo.layout import BLOCK_ROWS, CANAL_U, CANAL_V, CHANNEL_AT, TRUNK_U, rack_v
from geodata.demo.net import LinkSpec, Net, NodeSpec, Point, stops
from geodata.places import Gate, GateKind, LinkKind, System
from geodata.words import Text

WEST_END = -350.0
SEA_END = 8760.0
SOUTH_END = -450.0
SEA_STAGE = 0.50  # m, mean level outside the sluices while they let water out
SOUTH_STAGE = 0.42  # m, level of the river over the south border
DEPTH = 2.0  # m, what the canals are sized for
SLOPE = 5.5e-5  # of bed and water
SIDE = 1.5
SPEED = 0.42  # m/s, what the canals are sized for
ROUGHNESS = 0.025
BANK = 4.2  # m, bed to bank
STEP = 285.0  # m, longest reach
GATE_HALF = 12.0

NAMES: dict[str, Text] = {
    "H1": Text("北界河", "North Border Canal"),
    "H2": Text("横二河", "Second Cross Canal"),
    "H3": Text("横三河", "Third Cross Canal"),
    "H4": Text("南界河", "South Border Canal"),
    "V1": Text("西环河", "West Ring Canal"),
    "V2": Text("中二河", "Second Middle Canal"),
    "V3": Text("东三河", "Third East Canal"),
    "V4": Text("海堤河", "Sea Dike Canal"),
}

# Fresh water from the river west of the park, m3/s.
INFLOW = {"H1": 22.0, "H2": 10.0, "H3": 8.0, "H4": 5.0}

# What each stretch between two junctions is sized to carry, m3/s, west to east or north to south.
DESIGN: dict[str, tuple[float, ...]] = {
    "H1": (22.0, 18.0, 9.0, 4.5, 1.0),
    "H2": (10.0, 10.0, 9.5, 8.0, 10.5),
    "H3": (8.0, 9.0, 13.5, 15.0, 15.0),
    "H4": (5.0, 8.0, 13.0, 18.0),
    "V1": (4.0, 4.0, 3.0),
    "V2": (9.0, 9.5, 5.0),
    "V3": (4.5, 6.0, 4.5),
    "V4": (4.5, 4.5, 4.5),
    "X4": (22.5,),
}


@dataclass(frozen=True, slots=True)
class GatePlan:
    """Where a gate stands and how it behaves; `at` is u on a cross canal, v on the others."""

    id: str
    canal: str
    at: float
    kind: GateKind
    name: Text
    drive: str
    remote: bool
    stroke_s: float
    leakage: float
    owner: int
    pre_authorised: bool
    normal: float
    storage_m3: float


@cache
def gate_plans() -> tuple[GatePlan, ...]:
    """Return the thirteen gates as `geodata/data/demo_gates.csv` lists them."""
    text = (park_file.demo_path().parent / "demo_gates.csv").read_text(encoding="utf-8")
    return tuple(
        GatePlan(
            id=row["id"],
            canal=row["canal"],
            at=float(row["at"]),
            kind=GateKind(row["kind"]),
            name=Text(row["name_zh"], row["name_en"]),
            drive=row["drive"],
            remote=row["remote"] == "1",
            stroke_s=float(row["stroke_s"]),
            leakage=float(row["leakage"]),
            owner=int(row["owner"]),
            pre_authorised=row["pre_authorised"] == "1",
            normal=float(row["normal"]),
            storage_m3=float(row["storage_m3"]),
        )
        for row in csv.DictReader(text.splitlines())
    )


OWNERS = (
    (Text("园区水务中心", "Park water centre"), "0510-5550120"),
    (Text("潮屿闸站管理所", "Chaoyu sluice office"), "0510-5550133"),
)

# Places where a reach must end because something stands there: stations and the mouths of rain channels.
WISHES: dict[str, tuple[float, ...]] = {
    "H1": (700, TRUNK_U["W"], 4300, TRUNK_U["E"]),
    "H2": (900, TRUNK_U["W"], 2200, 3900, 5000, TRUNK_U["E"], 7700),
    "H3": (900, TRUNK_U["W"], 3350, 5000, TRUNK_U["E"], 7700),
    "H4": (900, 2000, 5000, 7000, 7850),
    "V1": (5800, 1300),
    "V2": (rack_v("R1"), 3900, rack_v("R2"), 5800, 1300),
    "V3": (rack_v("R1"), rack_v("R2"), 5500, 3850, 1300),
    "V4": (1300, 5800),
}


def bed(at: Point) -> float:
    """Return the bed level (m) of a canal at a place: it falls to the east and to the south."""
    u, v = at
    return -1.50 + SLOPE * (CANAL_U["V4"] - min(u, CANAL_U["V4"])) + SLOPE * max(v - CANAL_V["H4"], 0.0)


def bottom_width(design_m3s: float) -> float:
    """Return the bottom width (m) that carries a flow at the design speed and depth; never under 4 m."""
    return max(4.0, round(design_m3s / SPEED / DEPTH - SIDE * DEPTH, 1))


def top_width(design_m3s: float) -> float:
    """Return the width (m) of the water surface for drawing."""
    return max(20.0, bottom_width(design_m3s) + 2 * SIDE * DEPTH + 4.0)


def axis(canal: str, s: float) -> Point:
    """Return the point of a canal at u (cross canals) or v (the others)."""
    if canal == "X4":
        return CANAL_U["V4"], s
    return (s, CANAL_V[canal]) if canal[0] == "H" else (CANAL_U[canal], s)


def junctions(canal: str) -> list[tuple[float, str]]:
    """Return where other canals meet this one, in flow direction: position and node id."""
    if canal == "X4":
        return [(CANAL_V["H4"], "H4V4")]
    if canal[0] == "H":
        return [(u, f"{canal}{v}") for v, u in CANAL_U.items()]
    return [(v, f"{h}{canal}") for h, v in CANAL_V.items()]


def ends(canal: str) -> tuple[float, float]:
    """Return the first and last position of a canal in flow direction."""
    if canal == "X4":
        return CANAL_V["H4"], SOUTH_END
    if canal[0] == "V":
        return CANAL_V["H1"], CANAL_V["H4"]
    return WEST_END, (CANAL_U["V4"] if canal == "H4" else SEA_END)


def lay(net: Net) -> None:
    """Lay all canals and gates."""
    for canal in (*CANAL_V, *CANAL_U, "X4"):
        _lay_canal(net, canal)
    _lay_spillway(net)


def _mouths(canal: str) -> list[float]:
    """Return where rain channels enter a north-south canal."""
    if canal[0] != "V":
        return []
    return [
        v
        for _, north, south in BLOCK_ROWS
        for v in (CANAL_V[north] - CHANNEL_AT, CANAL_V[south] + CHANNEL_AT)
    ]


def _lay_canal(net: Net, canal: str) -> None:
    first, last = ends(canal)
    sign = 1.0 if last > first else -1.0
    crossing = dict(junctions(canal))
    plans = [g for g in gate_plans() if g.canal == canal]
    must = {abs(p - first) for p in crossing}
    must |= {abs(g.at - first) + d for g in plans for d in (-GATE_HALF, GATE_HALF)}
    must |= {abs(v - first) for v in _mouths(canal)}
    wish = [abs(p - first) for p in WISHES.get(canal, ())]
    cuts = stops(abs(last - first), must, wish, longest=1.2 * STEP if canal == "X4" else STEP)
    ids = []
    for i, s in enumerate(cuts):
        at = axis(canal, first + sign * s)
        name = crossing.get(round(first + sign * s, 3), f"{canal}-{i:02d}")
        if name not in net.nodes:
            net.add_node(_node(canal, name, at, is_first=i == 0, is_last=i == len(cuts) - 1))
        ids.append(name)
    net.lines[canal] = ids
    inner = [abs(p - first) for p in crossing if 0.0 < abs(p - first) < abs(last - first)]
    for i, (a, b) in enumerate(pairwise(ids)):
        middle = (cuts[i] + cuts[i + 1]) / 2
        design = DESIGN[canal][sum(1 for p in inner if p < middle)]
        gate = next((g for g in plans if abs(abs(g.at - first) - middle) < 1.0), None)
        path = [net.nodes[a].at, net.nodes[b].at]
        if gate is not None:
            net.add_link(_gate_link(gate, a, b, path, design))
        else:
            net.add_link(_reach(f"{canal}-{i + 1:02d}", a, b, path, design))


def _node(canal: str, name: str, at: Point, *, is_first: bool, is_last: bool) -> NodeSpec:
    invert = bed(at)
    if is_last and name not in {n for _, n in junctions(canal)}:
        return NodeSpec(
            name,
            System.CANAL,
            "outfall",
            at,
            invert + BANK,
            invert,
            BANK,
            stage_m=SOUTH_STAGE if canal == "X4" else SEA_STAGE,
        )
    if is_first and canal == "H2":
        # The intake draws from a widening of the river that has its own way past (see the spillway).
        return NodeSpec(
            name,
            System.CANAL,
            "storage",
            at,
            invert + BANK,
            invert,
            BANK,
            area_m2=30_000,
            inflow_m3s=INFLOW["H2"],
        )
    source = is_first and canal in INFLOW
    return NodeSpec(
        name,
        System.CANAL,
        "source" if source else "junction",
        at,
        invert + BANK,
        invert,
        BANK,
        inflow_m3s=INFLOW[canal] if source else 0.0,
    )


def _reach(id: str, a: str, b: str, path: list[Point], design: float) -> LinkSpec:
    return LinkSpec(
        id,
        LinkKind.REACH,
        System.CANAL,
        a,
        b,
        path,
        "trapezoid",
        BANK,
        bottom_width(design),
        SIDE,
        ROUGHNESS,
        direction_source="flow",
    )


def _gate_link(gate: GatePlan, a: str, b: str, path: list[Point], design: float) -> LinkSpec:
    # The opening stays below the water, so the sluice always runs full and its flow follows its lift.
    width = max(6.0, bottom_width(design) + SIDE * DEPTH)
    return LinkSpec(gate.id, LinkKind.GATE, System.CANAL, a, b, path, "rectangle", 1.5, width, gate=gate.id)


def _lay_spillway(net: Net) -> None:
    """Give the river at the intake its way past the park, so that closing G01 floods nothing."""
    head = net.nodes[net.lines["H2"][0]]
    past = (head.at[0] - 150.0, head.at[1] - 400.0)
    net.add_node(
        NodeSpec("WR-OUT", System.CANAL, "outfall", past, head.ground_m, head.invert_m, BANK, stage_m=1.0)
    )
    net.add_link(
        LinkSpec(
            "WR-SPILL",
            LinkKind.WEIR,
            System.CANAL,
            head.id,
            "WR-OUT",
            [head.at, past],
            "rectangle",
            1.2,
            30.0,
            offset_in_m=2.85,
        )
    )


def gates() -> tuple[Gate, ...]:
    """Return the gate cards."""
    found = []
    for i, plan in enumerate(gate_plans()):
        x, y = frame.place(*axis(plan.canal, plan.at))
        owner, phone = OWNERS[plan.owner]
        heading = 0.0 if plan.canal[0] == "H" else -90.0
        found.append(
            Gate(
                id=plan.id,
                name=plan.name,
                kind=plan.kind,
                link=plan.id,
                x=x,
                y=y,
                angle=round(heading + frame.turn_at(*axis(plan.canal, plan.at)), 2),
                drive=plan.drive,
                remote=plan.remote,
                stroke_s=plan.stroke_s,
                leakage=plan.leakage,
                owner=owner,
                phone=phone,
                pre_authorised=plan.pre_authorised,
                normal_position=plan.normal,
                storage_m3=plan.storage_m3,
                modbus_unit=i + 1,
            )
        )
    return tuple(found)
