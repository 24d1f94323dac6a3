"""Writes a park as the text of a SWMM 5.2 input file.

Pipes, channels and reaches become conduits, gates orifices, pumps pumps with a depth curve, overflows weirs
and pools storage units. Base inflows are dry-weather inflows with their own quality; injections are external
inflows given as time series.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from geodata.places import LinkKind, Park, System
from twin.hydraulics.pollutants import CANAL_BASE, POLLUTANTS, REMOVED, base_quality

GATE_COEFFICIENT = 0.80
WEIR_COEFFICIENT = 1.84  # m^0.5/s
START_DEPTH = {System.CANAL: 2.0, System.RAIN: 0.15, System.SEWAGE: 0.1}  # m, before anything has run
# A closed gate stands against more head than an open one. Its opening is set so that the leak is the share of
# the open flow the gate card says, when open it costs 2 cm of head and closed it holds 30 cm.
CLOSED_HEAD_FACTOR = math.sqrt(0.02 / 0.30)
START = "01/01/2026"


@dataclass(frozen=True, slots=True)
class Injection:
    """Foul water that enters at one node for a while."""

    node: str
    start_s: float
    duration_s: float
    flow_m3s: float
    mg_l: dict[str, float]


@dataclass(frozen=True, slots=True)
class Setup:
    """What of a run is written into the file."""

    hours: float
    step_s: float = 10.0
    courant: float = 0.0  # steps are cut so that waves cross so much of a conduit in one; 0: never
    report_s: float = 60.0
    flow_factor: float = 1.0
    roughness_factor: float = 1.0
    pollutants: tuple[str, ...] = POLLUTANTS
    injections: tuple[Injection, ...] = ()
    hotstart: Path | None = None
    movable: frozenset[str] = frozenset()  # nodes whose inflow will be set while running
    enterprise_base: bool = True  # whether wastewater outlets run at their mean flow by themselves


def opening(position: float, leakage: float) -> float:
    """Return the orifice setting (0..1) of a gate at a position, its leak included."""
    return max(min(position, 1.0), leakage * CLOSED_HEAD_FACTOR)


def to_inp(park: Park, setup: Setup) -> str:
    """Return the text of the SWMM input file of a park.

    Raises
    ------
    ValueError
        If a link kind or node kind is not known, or an injection names a node that is not there.
    """
    known = set(park.nodes["id"])
    for node in {i.node for i in setup.injections} | setup.movable:
        if node not in known:
            raise ValueError(f"no node {node}")
    sections = [
        ("TITLE", [f"{park.name.en} {park.version}"]),
        ("OPTIONS", _options(setup)),
        *_nodes(park.nodes),
        *_links(park, setup),
        ("POLLUTANTS", [_pollutant(p) for p in setup.pollutants]),
        ("TREATMENT", _treatment(park, setup)),
        ("DWF", _base_inflows(park, setup)),
        *_injections(setup),
    ]
    if setup.hotstart is not None:
        sections.append(("FILES", [f'USE HOTSTART "{setup.hotstart}"']))
    sections.append(("REPORT", ["INPUT NO", "CONTROLS NO", "NODES NONE", "LINKS NONE"]))
    return "\n".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections if lines)


def _options(setup: Setup) -> list[str]:
    end = pd.Timestamp("2026-01-01") + pd.Timedelta(seconds=round(setup.hours * 3600))
    options = {
        "FLOW_UNITS": "CMS",
        "FLOW_ROUTING": "DYNWAVE",
        "LINK_OFFSETS": "DEPTH",
        "START_DATE": START,
        "START_TIME": "00:00:00",
        "REPORT_START_DATE": START,
        "REPORT_START_TIME": "00:00:00",
        "END_DATE": end.strftime("%m/%d/%Y"),
        "END_TIME": end.strftime("%H:%M:%S"),
        "ROUTING_STEP": f"{setup.step_s:g}",
        "REPORT_STEP": _clock(setup.report_s),
        "WET_STEP": "00:05:00",
        "DRY_STEP": "01:00:00",
        "INERTIAL_DAMPING": "PARTIAL",
        "NORMAL_FLOW_LIMITED": "FROUDE",  # with BOTH the flat canals never come to rest
        "VARIABLE_STEP": f"{setup.courant:g}",
        "LENGTHENING_STEP": "0",
        "MIN_SURFAREA": "1.2",
        "MAX_TRIALS": "8",
        "HEAD_TOLERANCE": "0.0005",
        "SKIP_STEADY_STATE": "NO",
        "ALLOW_PONDING": "NO",
        "THREADS": "1",
        "IGNORE_QUALITY": "NO" if setup.pollutants else "YES",
    }
    return [f"{k} {v}" for k, v in options.items()]


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _nodes(nodes: pd.DataFrame) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {"JUNCTIONS": [], "OUTFALLS": [], "STORAGE": []}
    for n in nodes.itertuples():
        if n.kind in ("junction", "source"):
            start = START_DEPTH[System(n.system)]
            found["JUNCTIONS"].append(f"{n.id} {n.invert_m:.3f} {n.max_depth_m:.3f} {start} 0 0")
        elif n.kind == "outfall":
            kind = "FREE" if math.isnan(n.stage_m) else f"FIXED {n.stage_m:.3f}"
            found["OUTFALLS"].append(f"{n.id} {n.invert_m:.3f} {kind} NO")
        elif n.kind == "storage":
            start = START_DEPTH[System(n.system)]
            area = f"FUNCTIONAL 0 0 {n.area_m2:.1f}"
            found["STORAGE"].append(f"{n.id} {n.invert_m:.3f} {n.max_depth_m:.3f} {start} {area}")
        else:
            raise ValueError(f"node {n.id}: kind {n.kind} is not known")
    return list(found.items())


def _links(park: Park, setup: Setup) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {
        k: [] for k in ("CONDUITS", "PUMPS", "ORIFICES", "WEIRS", "XSECTIONS", "CURVES")
    }
    for k in park.links.itertuples():
        ends = f"{k.id} {k.from_node} {k.to_node}"
        if k.kind in (LinkKind.PIPE, LinkKind.CHANNEL, LinkKind.REACH):
            rough = k.roughness * (setup.roughness_factor if k.kind != LinkKind.PIPE else 1.0)
            found["CONDUITS"].append(
                f"{ends} {k.length_m:.2f} {rough:.5f} {k.offset_in_m:.3f} {k.offset_out_m:.3f} 0 0"
            )
            found["XSECTIONS"].append(_section(k))
        elif k.kind in (LinkKind.GATE, LinkKind.VALVE):
            found["ORIFICES"].append(f"{ends} SIDE {k.offset_in_m:.3f} {GATE_COEFFICIENT} NO 0")
            found["XSECTIONS"].append(f"{k.id} RECT_CLOSED {k.height_m:.3f} {k.width_m:.3f} 0 0")
        elif k.kind == LinkKind.WEIR:
            found["WEIRS"].append(f"{ends} TRANSVERSE {k.offset_in_m:.3f} {WEIR_COEFFICIENT} NO 0 0 NO")
            found["XSECTIONS"].append(f"{k.id} RECT_OPEN {k.height_m:.3f} {k.width_m:.3f} 0 0")
        elif k.kind == LinkKind.PUMP:
            # Pumps of the rain side fill emergency pools and stand still until somebody orders them on.
            state = "OFF" if k.system == System.RAIN else "ON"
            found["PUMPS"].append(f"{ends} CURVE-{k.id} {state} 0 0")
            found["CURVES"] += [
                f"CURVE-{k.id} PUMP4 0 0",
                f"CURVE-{k.id} 0.3 0",
                f"CURVE-{k.id} 1.3 {k.capacity_m3s}",
                f"CURVE-{k.id} 9 {k.capacity_m3s}",
            ]
        else:
            raise ValueError(f"link {k.id}: kind {k.kind} is not known")
    return list(found.items())


def _section(link: object) -> str:
    name, shape, height, width, side = (
        getattr(link, n) for n in ("id", "shape", "height_m", "width_m", "side_slope")
    )
    if shape == "circular":
        return f"{name} CIRCULAR {height:.3f} 0 0 0"
    if shape == "trapezoid":
        return f"{name} TRAPEZOIDAL {height:.3f} {width:.3f} {side} {side}"
    if shape == "rectangle":
        return f"{name} RECT_OPEN {height:.3f} {width:.3f} 0 0"
    raise ValueError(f"link {name}: shape {shape} is not known")


def _pollutant(name: str) -> str:
    # Name, units, rain, groundwater, infiltration, decay, snow only, co-pollutant, its share, dwf, start.
    return f"{name} MG/L 0 0 0 0 NO * 0 0 {CANAL_BASE[name]}"


def _treatment(park: Park, setup: Setup) -> list[str]:
    works = [f.id for f in park.facilities if f.kind == "works"]
    known = set(park.nodes["id"])
    lines = [
        f"{w}-OUT {p} R = {REMOVED[p]}"
        for w in works
        if f"{w}-OUT" in known
        for p in setup.pollutants
        if REMOVED[p] > 0
    ]
    if setup.movable:
        # The engine lets a program set the water of a node only where the node has a treatment.
        plain = setup.movable - {f"{w}-OUT" for w in works}
        lines += [f"{n} {p} R = 0" for n in sorted(plain) for p in setup.pollutants]
    return lines


def _base_inflows(park: Park, setup: Setup) -> list[str]:
    lines = []
    quality = base_quality(park)
    for n in park.nodes.itertuples():
        if n.inflow_m3s <= 0 or (n.system == System.SEWAGE and not setup.enterprise_base):
            continue
        factor = 1.0 if n.system == System.SEWAGE else setup.flow_factor
        lines.append(f"{n.id} FLOW {n.inflow_m3s * factor:.6f}")
        lines += [f"{n.id} {p} {quality[n.id][p]:.5g}" for p in setup.pollutants if quality[n.id].get(p)]
    return lines


def _injections(setup: Setup) -> list[tuple[str, list[str]]]:
    inflows: list[str] = []
    series: list[str] = []
    by_node: dict[str, list[Injection]] = {}
    for injection in setup.injections:
        by_node.setdefault(injection.node, []).append(injection)
    for i, (node, group) in enumerate(by_node.items()):
        inflows.append(f"{node} FLOW INJ{i}-Q FLOW 1.0 1.0 0")
        series += _series(f"INJ{i}-Q", _steps(group, None))
        for p in setup.pollutants:
            if any(g.mg_l.get(p) for g in group):
                inflows.append(f"{node} {p} INJ{i}-{p} CONCEN 1.0 1.0 0")
                series += _series(f"INJ{i}-{p}", _steps(group, p))
    return [("INFLOWS", inflows), ("TIMESERIES", series)]


def _steps(group: Sequence[Injection], pollutant: str | None) -> list[tuple[float, float]]:
    """Return (second, value from then on): the flow, or the flow-weighted concentration of one pollutant."""
    marks = sorted({m for g in group for m in (g.start_s, g.start_s + g.duration_s)})
    found = []
    for mark in marks:
        active = [g for g in group if g.start_s <= mark < g.start_s + g.duration_s]
        flow = sum(g.flow_m3s for g in active)
        if pollutant is None:
            found.append((mark, flow))
        else:
            load = sum(g.flow_m3s * g.mg_l.get(pollutant, 0.0) for g in active)
            found.append((mark, load / flow if flow > 0 else 0.0))
    return found


def _series(name: str, steps: Iterable[tuple[float, float]]) -> list[str]:
    """Write a stepped series; SWMM draws straight lines between points, so every step gets two of them."""
    lines = []
    before = 0.0
    for at, value in steps:
        if at > 0:
            lines.append(f"{name} {(at - 0.5) / 3600:.6f} {before:.7g}")
        lines.append(f"{name} {at / 3600:.6f} {value:.7g}")
        before = value
    return lines
