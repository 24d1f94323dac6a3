"""A park small enough to know by heart, for every test that needs one.

    P1 P2 P3  own pipes --> W1 (works); S04 at P1
    N1 --> N2 --> N3 --.                      rain channel; E01 drains to N1, E02 to N2; S01 at N3
                        v
    C1 ------------> C2 --> C3 =G01=> C4 --> C5 =G02=> O1 (sea)
                            S02       |      S03
                       E02's pipe     E03 drains here
                       crosses here

R1 is the sea behind both gates (O1), R2 a fish pond intake between them (C5). The reach C4-C5 is declared
backwards (from C5 to C4), so its stored flow is negative. Nothing of E03 can reach S01 or S02.
"""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import pandas as pd
from shapely.geometry import LineString

from geodata.places import (
    Enterprise,
    Facility,
    Fingerprint,
    Gate,
    GateKind,
    LinkKind,
    Outlet,
    OutletKind,
    Park,
    Pool,
    Receptor,
    Station,
    StationKind,
    System,
)
from geodata.words import Text
from twin.blocks import Block, BlockBuilder, Series

X0, Y0 = 541_000.0, 3_362_000.0
WATER = ("w01001", "w01010", "w01014", "w01018", "w21003", "w21011", "w21017", "w00000")
WASTE = ("w01001", "w01014", "w01018", "w21001", "w21003", "w21011", "w00000")

_NODES = {  # id: (system, kind, x, y, ground, invert, inflow m3/s, stage)
    "C1": (System.CANAL, "source", 0, 0, 4.0, 0.30, 1.2, None),
    "C2": (System.CANAL, "junction", 800, 0, 4.0, 0.25, 0.0, None),
    "C3": (System.CANAL, "junction", 1400, 0, 4.0, 0.20, 0.0, None),
    "C4": (System.CANAL, "junction", 1410, 0, 4.0, 0.20, 0.0, None),
    "C5": (System.CANAL, "junction", 2310, 0, 4.0, 0.10, 0.0, None),
    "O1": (System.CANAL, "outfall", 2320, 0, 4.0, 0.10, 0.0, 1.6),
    "N1": (System.RAIN, "junction", 500, 800, 4.2, 2.60, 0.03, None),
    "N2": (System.RAIN, "junction", 500, 500, 4.2, 2.45, 0.03, None),
    "N3": (System.RAIN, "junction", 500, 200, 4.2, 2.30, 0.0, None),
    "P1": (System.SEWAGE, "source", 400, 900, 4.5, 3.40, 0.012, None),
    "P2": (System.SEWAGE, "source", 400, 600, 4.5, 3.30, 0.008, None),
    "P3": (System.SEWAGE, "source", 1500, 300, 4.5, 3.20, 0.010, None),
    "W1": (System.SEWAGE, "outfall", 2000, 700, 4.5, 1.00, 0.0, 1.2),
}
_LINKS = {  # id: (kind, from, to, length, width, depth m, flow m3/s, enterprise, gate)
    "LN1": (LinkKind.CHANNEL, "N1", "N2", 300, 0.6, 0.16, 0.03, "", ""),
    "LN2": (LinkKind.CHANNEL, "N2", "N3", 300, 0.6, 0.25, 0.06, "", ""),
    "LN3": (LinkKind.CHANNEL, "N3", "C2", 400, 0.6, 0.25, 0.06, "", ""),
    "LC1": (LinkKind.REACH, "C1", "C2", 800, 6.0, 1.4, 1.20, "", ""),
    "LC2": (LinkKind.REACH, "C2", "C3", 600, 6.0, 1.4, 1.26, "", ""),
    "LG1": (LinkKind.GATE, "C3", "C4", 10, 8.0, 1.4, 1.26, "", "G01"),
    "LC4": (LinkKind.REACH, "C5", "C4", 900, 6.0, 1.4, -1.26, "", ""),
    "LG2": (LinkKind.GATE, "C5", "O1", 10, 8.0, 1.4, 1.26, "", "G02"),
    "LP1": (LinkKind.PIPE, "P1", "W1", 1700, 0.3, 0.15, 0.012, "E01", ""),
    "LP2": (LinkKind.PIPE, "P2", "W1", 1650, 0.3, 0.12, 0.008, "E02", ""),
    "LP3": (LinkKind.PIPE, "P3", "W1", 700, 0.3, 0.13, 0.010, "E03", ""),
}
_MIX = {  # undiluted water: COD, NH3-N, TP, F (mg/L), conductivity (uS/cm)
    "E01": (2400.0, 40.0, 3.0, 2.0, 9000.0),
    "E02": (600.0, 320.0, 1.5, 1.0, 14000.0),
    "E03": (300.0, 15.0, 0.8, 180.0, 5000.0),
}


def tiny_park() -> Park:
    """Return the park: 3 enterprises, a rain channel, a canal with 2 gates, 4 stations."""
    return Park(
        id="tiny",
        name=Text("小园区", "Tiny Park"),
        crs="EPSG:4549",
        version="tiny-1",
        enterprises=_enterprises(),
        outlets=_outlets(),
        gates=_gates(),
        stations=_stations(),
        receptors=(
            Receptor("R1", Text("海口", "Sea mouth"), "O1", *_xy("O1")),
            Receptor("R2", Text("鱼塘取水口", "Fish pond intake"), "C5", *_xy("C5")),
        ),
        pools=(Pool("PL1", Text("应急池", "Emergency pool"), 2, 5000.0, 800.0, X0 + 900, Y0 + 400),),
        facilities=(Facility("W1", Text("污水处理厂", "Works"), "works", "W1", 5000.0, *_xy("W1")),),
        fingerprints=tuple(
            Fingerprint(enterprise, factor, value, "test", "2026-10-01")
            for enterprise, mix in _MIX.items()
            for factor, value in zip(("w01018", "w21003", "w21011", "w21017", "w01014"), mix, strict=True)
        ),
        nodes=_nodes(),
        links=_links(),
    )


def real_time(
    park: Park, station: str, at_ms: int, values: Mapping[str, float], received_ms: int | None = None
) -> Block:
    """Return a block of one real-time frame of one station; the raw bytes are a sketch of a frame."""
    builder = BlockBuilder()
    mn = park.station(station).mn
    raw = f"##MN={mn};at={at_ms};".encode() + ",".join(f"{f}={v}" for f, v in values.items()).encode()
    readings = [
        (Series(mn, factor, "2011", "Rtd"), at_ms, value, ord("N")) for factor, value in values.items()
    ]
    builder.add(raw, at_ms if received_ms is None else received_ms, readings)
    return builder.build()


def _xy(node: str) -> tuple[float, float]:
    return X0 + _NODES[node][2], Y0 + _NODES[node][3]


def _enterprises() -> tuple[Enterprise, ...]:
    rows = [
        ("E01", "甲染料", "Jia Dyes", "P1", ("22:00", "02:00")),
        ("E02", "乙农药", "Yi Agro", "P2", ("02:00", "06:00")),
        ("E03", "丙氟化", "Bing Fluoro", "P3", ("06:00", "10:00")),
    ]
    return tuple(
        Enterprise(
            key,
            Text(f"{zh}有限公司", f"{en} Co., Ltd."),
            Text(zh, en),
            f"91330400TESTE{n:04d}X",
            Text("化工", "Chemicals"),
            f"91330400TESTE{n:04d}X001P",
            "key",
            f"0573-0000000{n}",
            _xy(node)[0] - 100,
            _xy(node)[1] + 50,
            cod_permit_t=60.0 * n,
            nh3n_permit_t=4.0 * n,
            slots=(slot,),
        )
        for n, (key, zh, en, node, slot) in enumerate(rows, 1)
    )


def _outlets() -> tuple[Outlet, ...]:
    rows = [
        ("E01", OutletKind.WASTEWATER, "DW001", "P1"),
        ("E01", OutletKind.RAIN, "YS001", "N1"),
        ("E02", OutletKind.WASTEWATER, "DW001", "P2"),
        ("E02", OutletKind.RAIN, "YS001", "N2"),
        ("E02", OutletKind.CROSSING, "CX01", "C3"),
        ("E03", OutletKind.WASTEWATER, "DW001", "P3"),
        ("E03", OutletKind.RAIN, "YS001", "C4"),
    ]
    return tuple(Outlet(f"{e}-{code}", e, kind, code, node, *_xy(node)) for e, kind, code, node in rows)


def _gates() -> tuple[Gate, ...]:
    rows = [
        ("G01", Text("中节制闸", "Middle gate"), GateKind.REGULATE, "LG1", "C3", 240.0, 9000.0, 1),
        ("G02", Text("出海闸", "Sea gate"), GateKind.SEA, "LG2", "C5", 420.0, 14000.0, 2),
    ]
    return tuple(
        Gate(
            key,
            name,
            kind,
            link,
            _xy(node)[0] + 5,
            _xy(node)[1],
            angle=90.0,
            drive="electric",
            remote=True,
            stroke_s=stroke,
            leakage=0.01,
            owner=Text("园区", "Park"),
            phone="0573-00000100",
            pre_authorised=key == "G01",
            normal_position=1.0,
            storage_m3=storage,
            modbus_unit=unit,
        )
        for key, name, kind, link, node, stroke, storage, unit in rows
    )


def _stations() -> tuple[Station, ...]:
    canal = "GB 3838-2002/V"
    rows = [
        ("S01", Text("雨水渠站", "Rain channel"), StationKind.CHANNEL, "N3", WATER, canal, None),
        ("S02", Text("中闸上站", "Above middle gate"), StationKind.CANAL, "C3", WATER, canal, None),
        ("S03", Text("海闸上站", "Above sea gate"), StationKind.CANAL, "C5", WATER, canal, None),
        ("S04", Text("甲染料总排口", "Jia Dyes outlet"), StationKind.OUTLET, "P1", WASTE, "permit", "E01"),
    ]
    return tuple(
        Station(
            key, name, kind, f"010000A8900016F0000000{key[1:]}", node, factors, 60, limits, owner, *_xy(node)
        )
        for key, name, kind, node, factors, limits, owner in rows
    )


def _nodes() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "id": key,
                "system": str(system),
                "kind": kind,
                "x": X0 + x,
                "y": Y0 + y,
                "ground_m": ground,
                "invert_m": invert,
                "max_depth_m": ground - invert,
                "area_m2": 0.0,
                "inflow_m3s": inflow,
                "stage_m": float("nan") if stage is None else stage,
            }
            for key, (system, kind, x, y, ground, invert, inflow, stage) in _NODES.items()
        ]
    )


def _links() -> gpd.GeoDataFrame:
    rows = []
    for key, (kind, start, end, length, width, depth, flow, enterprise, gate) in _LINKS.items():
        slope = {LinkKind.REACH: 1.5, LinkKind.CHANNEL: 1.0}.get(kind, 0.0)
        # a half-full circle for pipes, close enough at these depths
        area = 3.1416 * width**2 / 8 if kind is LinkKind.PIPE else (width + slope * depth) * depth
        shape = {LinkKind.PIPE: "circular", LinkKind.GATE: "rectangle"}.get(kind, "trapezoid")
        rows.append(
            {
                "id": key,
                "kind": str(kind),
                "system": str(_NODES[start][0]),
                "from_node": start,
                "to_node": end,
                "length_m": float(length),
                "shape": shape,
                "height_m": width if kind is LinkKind.PIPE else 2.5,
                "width_m": width,
                "side_slope": slope,
                "roughness": 0.011 if kind is LinkKind.PIPE else 0.025,
                "offset_in_m": 0.0,
                "offset_out_m": 0.0,
                "enterprise": enterprise,
                "rack": "K1" if kind is LinkKind.PIPE else "",
                "gate": gate,
                "direction_source": "declared",
                "capacity_m3s": 0.0,
                "flow_m3s": flow,
                "velocity_ms": abs(flow) / area,
                "depth_m": depth,
                "reversal": 0.0,
                "geometry": LineString([_xy(start), _xy(end)]),
            }
        )
    return gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4549")
