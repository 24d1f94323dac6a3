"""The dry-weather flow field that a park carries: computed once by the engine, stored in its link table.

``python -m twin.hydraulics.flowfield [FILE]`` writes it into a park file, the demo park's if none is named.
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geodata import park as park_file
from geodata.places import LinkKind, Park
from twin.hydraulics.engine import Stepper

WARM_HOURS = 36.0
WATCH_HOURS = 6.0
SAMPLE_S = 300.0
STILL_M3S = 1e-4  # slower than this is not a direction

Floats = NDArray[np.float64]


def with_flow_field(park: Park) -> Park:
    """Return the park with the mean flow, velocity and depth of dry weather in its link table.

    The first `WARM_HOURS` are thrown away and `WATCH_HOURS` averaged. `reversal` is the share of the watched
    time in which a link ran against its own mean.
    """
    links = park.links
    flows, depths = [], []
    with Stepper(park, hours=WARM_HOURS + WATCH_HOURS, pollutants=(), movable=()) as stepper:
        stepper.advance(WARM_HOURS * 3600)
        for _ in range(round(WATCH_HOURS * 3600 / SAMPLE_S)):
            stepper.advance(SAMPLE_S)
            flows.append([stepper.flow(k) for k in links["id"]])
            depths.append([stepper.link_depth(k) for k in links["id"]])
    flow = np.asarray(flows)
    mean = flow.mean(axis=0)
    depth = np.asarray(depths).mean(axis=0)
    against = (np.sign(flow) == -np.sign(mean)) & (np.abs(flow) > STILL_M3S)
    table = links.copy()
    table["flow_m3s"] = np.round(mean, 4)
    table["depth_m"] = np.round(depth, 3)
    table["velocity_ms"] = np.round(velocities(park, mean, depth), 3)
    table["reversal"] = np.round(against.mean(axis=0), 3)
    made = replace(park, links=table)
    return replace(made, version=park_file.content_hash(made)[: park_file.VERSION_CHARS])


def velocities(park: Park, flow: Floats, depth: Floats) -> Floats:
    """Return the signed mean velocity (m/s) of every link for flows (m3/s) and depths (m) in table order."""
    found = []
    for k, q, d in zip(park.links.itertuples(), flow, depth, strict=True):
        area = wetted_area(k.shape, k.height_m, k.width_m, k.side_slope, d)
        if k.kind in (LinkKind.GATE, LinkKind.VALVE) and k.shape != "circular":
            area = k.height_m * k.width_m
        elif k.kind in (LinkKind.PUMP, LinkKind.WEIR):
            area = max(area, 0.25 * math.pi * k.width_m**2)
        found.append(q / area if area > 1e-6 else 0.0)
    return np.asarray(found)


def wetted_area(shape: str, height: float, width: float, side: float, depth: float) -> float:
    """Return the area (m2) of the water in a cross-section filled to `depth` (m)."""
    d = min(max(depth, 0.0), height)
    if shape == "trapezoid":
        return (width + side * d) * d
    if shape == "circular":
        half = math.acos(1 - 2 * d / height)
        return height**2 / 4 * (half - math.sin(half) * math.cos(half))
    return width * d


def main(arguments: list[str]) -> None:
    """Write the flow field into a park file."""
    path = Path(arguments[0]) if arguments else park_file.demo_path()
    made = with_flow_field(park_file.read(path))
    park_file.write(made, path)
    sys.stdout.write(f"{path.name} {made.version}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
