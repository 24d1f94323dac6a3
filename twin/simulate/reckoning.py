"""What the truth comes to: kilograms at the receptors with and without the gates, and the plume's front."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geodata import park as park_file
from geodata.places import Park
from twin.hydraulics.scenario import Closure, Outcome, Scenario, run, warm_state
from twin.simulate.truth import Truth

HOURS = 12.0
FRONT = 0.05  # the plume's front: this share of the greatest excess of the place


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What one course of events comes to.

    Attributes
    ----------
    kg : dict of str to float
        Kilograms of the truth's pollutant that the release added to each receptor.
    front_ms : dict of str to int
        Park time at which the front is at each gate the plume gets to.
    """

    kg: dict[str, float]
    front_ms: dict[str, int]


def reckon(park: Path, folder: Path, truth: Truth) -> tuple[Reckoning, Reckoning]:
    """Run the truth twice, each in its own process: with the gates as they were moved, and with none."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        acted = pool.submit(course, park, folder, truth, closures(truth))
        nothing = pool.submit(course, park, folder, truth, ())
        return acted.result(), nothing.result()


def closures(truth: Truth) -> tuple[Closure, ...]:
    """Return the gates' moves as the engine takes them."""
    return tuple(
        Closure(m.gate, (m.at_ms - truth.start_ms) / 1000, m.target, m.stroke_s) for m in truth.moves
    )


def course(park_path: Path, folder: Path, truth: Truth, moves: tuple[Closure, ...]) -> Reckoning:
    """Run one course of events with and without the release; the difference is the release's doing."""
    park = park_file.read(park_path)
    gates, nodes = _places(park)
    start = warm_state(park, folder, flow_factor=truth.flow_factor)

    def outcome(released: bool) -> Outcome:
        scenario = Scenario(
            HOURS,
            injections=truth.injections if released else (),
            closures=moves,
            flow_factor=truth.flow_factor,
            start_state=start,
        )
        return run(park, scenario, nodes=nodes)

    foul, clean = outcome(True), outcome(False)
    p = truth.pollutant
    kg = {r.id: max(foul.load_kg[r.node][p] - clean.load_kg[r.node][p], 0.0) for r in park.receptors}
    front_ms = {}
    for gate, node in gates.items():
        column = nodes.index(node)
        excess = foul.conc[p][:, column] - clean.conc[p][:, column]
        if excess.max(initial=0.0) > 0.1:
            first = int(np.argmax(excess >= FRONT * excess.max()))
            front_ms[gate] = truth.start_ms + round(float(foul.t_s[first]) * 1000)
    return Reckoning(kg, front_ms)


def _places(park: Park) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the node above every gate, and every node to look at."""
    above = park.links.set_index("id")["from_node"]
    gates = {g.id: str(above[g.link]) for g in park.gates}
    return gates, tuple(dict.fromkeys((*gates.values(), *(r.node for r in park.receptors))))
