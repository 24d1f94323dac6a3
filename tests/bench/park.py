"""How long a park of 100,000 links takes: imported from Shapefiles, checked, reloaded, traced.

`python -m tests.bench.park [LINKS]` prints one JSON line. The park is a grid of streets, every manhole
draining to the left or down, with a second way at every hundredth; it is written to a GeoPackage first and
then read as any park is.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geodata import park as park_file
from geodata.check.run import check
from geodata.framing import Settings
from geodata.intake import gather
from geodata.network import Network
from geodata.places import Park

LINKS = 100_000
STEP_M = 28.0
T = TypeVar("T")


def streets(links: int) -> Park:
    """Return a park with about so many links and nothing wrong in it."""
    demo = park_file.read(park_file.demo_path())
    wide = int((links / 1.01) ** 0.5)
    n = wide * wide
    dice = np.random.default_rng(1)
    node = np.arange(1, n)
    column, row = node % wide, node // wide
    left = np.where(row == 0, True, np.where(column == 0, False, dice.random(n - 1) < 0.5))
    inner = node[(column > 0) & (row > 0)]
    also = dice.choice(inner, max(links - (n - 1), 0), replace=False)
    tail = np.concatenate([node, also])
    head = np.concatenate(
        [np.where(left, node - 1, node - wide), np.where(left[also - 1], also - wide, also - 1)]
    )
    middle = demo.nodes[["x", "y"]].median()
    at = np.arange(n)
    x = middle["x"] + (at % wide - wide / 2) * STEP_M
    y = middle["y"] + (at // wide - wide / 2) * STEP_M
    bottom = (at % wide + at // wide) * 0.01
    names = np.array([f"N{i}" for i in range(n)], object)
    nodes = pd.DataFrame({"id": names, "system": "rain", "kind": "junction", "x": x, "y": y})
    nodes = nodes.assign(ground_m=bottom + 2, invert_m=bottom, max_depth_m=2.0)
    nodes = nodes.assign(area_m2=0.0, inflow_m3s=0.0, stage_m=np.nan)
    nodes.loc[0, "kind"] = "outfall"
    points = np.column_stack([x, y])
    lines = shapely.linestrings(np.stack([points[tail], points[head]], 1))
    table = pd.DataFrame({"id": [f"L{k}" for k in range(len(tail))], "kind": "pipe", "system": "rain"})
    table = table.assign(from_node=names[tail], to_node=names[head], length_m=STEP_M, shape="circular")
    table = table.assign(height_m=0.4, width_m=0.4, side_slope=0.0, roughness=0.013, offset_in_m=0.0)
    table = table.assign(offset_out_m=0.0, enterprise="", rack="", gate="", direction_source="invert")
    table = table.assign(capacity_m3s=0.0, flow_m3s=0.01, velocity_ms=0.5, depth_m=0.1, reversal=0.0)
    nothing: dict[str, Any] = dict.fromkeys(
        ("enterprises", "outlets", "gates", "stations", "receptors", "pools", "facilities", "fingerprints"),
        (),
    )
    made = gpd.GeoDataFrame(table, geometry=lines, crs=demo.crs)
    return replace(demo, nodes=nodes, links=made, scenery={}, **nothing)


def timed(function: Callable[[], T]) -> tuple[T, dict[str, float]]:
    """Run once; what came of it, and the seconds on the clock and of the processor."""
    wall, own = time.perf_counter(), time.process_time()
    found = function()
    took = {"s": time.perf_counter() - wall, "processor_s": time.process_time() - own}
    return found, {key: round(value, 3) for key, value in took.items()}


def survey(park: Park, folder: Path) -> list[Path]:
    """Write the park as a surveyor hands it in: two Shapefiles with field names of the trade, sizes in mm."""
    nodes = park.nodes[["id", "ground_m", "invert_m"]].copy()
    nodes.columns = ["WTDH", "DMGC", "JDGC"]
    places = gpd.points_from_xy(park.nodes["x"], park.nodes["y"])
    links = park.links[["id", "from_node", "to_node"]].copy()
    links.columns = ["GDBH", "QDDH", "ZDDH"]
    files = [folder / "nodes.shp", folder / "links.shp"]
    gpd.GeoDataFrame(nodes, geometry=places, crs=park.crs).to_file(files[0])
    sized = links.assign(GJ=park.links["height_m"].to_numpy() * 1000)
    gpd.GeoDataFrame(sized, geometry=park.links.geometry.to_numpy(), crs=park.crs).to_file(files[1])
    return files


def take_in(files: list[Path]) -> Park:
    """Import and validate."""
    got = gather(files, Settings(yes=True))
    assert got.park is not None, got.report.errors
    check(got.park)
    return got.park


def measure(links: int = LINKS) -> dict[str, Any]:
    """Write, read, check, build, trace."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "park.gpkg"
        made = streets(links)
        files = survey(made, Path(folder))
        taken, imported = timed(lambda: take_in(files))
        assert len(taken.links) == len(made.links)
        _, write = timed(lambda: park_file.write(made, path))
        park, read = timed(lambda: park_file.read(path))
        _, reload = timed(lambda: Network.from_park(park_file.read(path)))
    findings, checked = timed(lambda: check(park))
    assert findings == ()
    network, built = timed(lambda: Network.from_park(park))
    first, first_trace = timed(lambda: network.upstream("N0"))
    _, next_trace = timed(lambda: network.upstream("N0"))
    assert len(first.nodes) == len(park.nodes)
    return {
        "bench": "park",
        "links": len(park.links),
        "nodes": len(park.nodes),
        "import_and_check": imported,
        "reload": reload,
        "write": write,
        "read_and_hash": read,
        "check": checked,
        "network": built,
        "first_trace": first_trace,
        "next_trace": next_trace,
        "machine": {
            "python": platform.python_version(),
            "processor": platform.machine(),
            "cpus": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
        },
    }


def main() -> None:
    """Print one JSON line."""
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else LINKS)))


if __name__ == "__main__":
    main()
