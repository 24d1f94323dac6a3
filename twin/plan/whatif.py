"""A plan and doing nothing, as the hydraulic engine sees them: kilograms that come to every receptor."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from geodata import park as park_file
from geodata.places import Park
from twin.errors import MissingError
from twin.hydraulics.engine import Closure, Outcome, Scenario, run_in_child, warm_state
from twin.hydraulics.inp import Injection
from twin.hydraulics.pollutants import BY_FACTOR, POLLUTANTS, pretreated_water, raw_water
from twin.model import GatePlan, GateState, Incident, PlanSet, Ranking, Suspect, WhatIf

BEFORE_S = 900.0  # of the run before the release begins; it tells the base
HOURS_AFTER = 8.0
LEAST_S = 600.0
STRONG_MG_L = 2000.0  # strength of a spill whose make-up nobody knows
FLOWS_M3S = (0.002, 0.25)  # what an outlet can pass
FACTOR = "w01018"
GOES_ON = timedelta(minutes=30)


def run(
    park_path: Path,
    planset: PlanSet,
    plan_id: str,
    ranking: Ranking,
    incident: Incident,
    *,
    decision_s: float | None = None,
    gates: Sequence[GateState] = (),
    folder: Path | None = None,
    hours: float = HOURS_AFTER,
    timeout_s: float = 120.0,
) -> WhatIf:
    """Let the leading suspect's release run through the hydraulic engine twice: with the plan and without.

    Parameters
    ----------
    park_path : Path
        The park's file.
    planset, plan_id
        The plan to try.
    ranking : Ranking
        Its first suspect is taken for the source.
    incident : Incident
    decision_s : float, optional
        From the plan to the order; the plan's own if not given.
    gates : sequence of GateState
        Gates that already stand otherwise than usual.
    folder : Path, optional
        Where the warm start of the park is kept from run to run; a folder of this user's temporary files.
    hours : float
        Of park time after the plan.
    timeout_s : float
        Of wall time, for each of the two runs.

    Raises
    ------
    MissingError
        There is no such plan, no suspect to take for the source, or another version of the park by now.
    UnavailableError
        The engine took too long.
    """
    began = time.monotonic()
    plan = next((p for p in planset.plans if p.id == plan_id), None)
    if plan is None:
        raise MissingError(f"there is no plan {plan_id}")
    if not ranking.suspects:
        raise MissingError(f"nobody is suspected in {incident.id}: there is no release to simulate")
    park = park_file.read(park_path)
    if park.version != planset.park_version:
        raise MissingError(f"{plan_id} was made of park {planset.park_version}, which is no longer there")
    suspect = ranking.suspects[0]
    factor, spill = release(park, suspect, planset.at)
    pollutant = BY_FACTOR[factor].pollutant
    start = warm_state(park, folder or _own_folder(), pollutants=(pollutant,))
    zero_s = suspect.release_from.timestamp() - BEFORE_S
    length = np.ceil(((planset.at.timestamp() - zero_s) / 3600 + hours) * 4) / 4  # whole quarters
    positions = {g.gate: g.position for g in gates if g.position is not None}
    closures = _closures(plan, planset, zero_s, decision_s)
    nodes = [r.node for r in park.receptors]
    links, signs = _into(park, nodes)

    def one(moves: tuple[Closure, ...]) -> Outcome:
        scenario = Scenario(
            hours=float(length),
            injections=(spill,),
            closures=moves,
            gate_positions=positions,
            start_state=start,
        )
        return run_in_child(
            park_path, scenario, nodes=nodes, links=links, pollutants=(pollutant,), timeout_s=timeout_s
        )

    with ThreadPoolExecutor(2) as pool:
        nothing, acted = pool.map(one, ((), closures))
    return WhatIf(
        incident=incident.id,
        plan=plan_id,
        at=planset.at,
        hours=hours,
        factor=factor,
        kg_nothing=_kilograms(park, nothing, pollutant, signs),
        kg_plan=_kilograms(park, acted, pollutant, signs),
        flooding_m3=acted.flooding_m3,
        seconds=time.monotonic() - began,
    )


def release(park: Park, suspect: Suspect, at: datetime) -> tuple[str, Injection]:
    """Return the factor that is simulated and the release that the evidence asks for, on the engine's clock.

    A release that was still seen to go on at `at` is taken to go on for another half an hour.
    """
    outlet = next(o for o in park.outlets if o.id == suspect.outlet)
    factor = suspect.strength_of if suspect.strength_of in BY_FACTOR else FACTOR
    pollutant = BY_FACTOR[factor].pollutant
    known = raw_water(park, suspect.enterprise) or pretreated_water(park, suspect.enterprise)
    strong = known.get(pollutant, 0.0) or STRONG_MG_L
    told = max((suspect.release_to - suspect.release_from).total_seconds(), 60.0)
    end = suspect.release_to if suspect.release_to < at - GOES_ON else max(suspect.release_to, at + GOES_ON)
    long = max((end - suspect.release_from).total_seconds(), LEAST_S)
    grams = (suspect.strength_kg or 100.0) * 1000 * long / told
    flow = float(np.clip(grams / long / strong, *FLOWS_M3S))
    mg_l = dict.fromkeys(POLLUTANTS, 0.0) | {pollutant: grams / long / flow}
    return factor, Injection(outlet.node, BEFORE_S, long, flow, mg_l)


def _closures(
    plan: GatePlan, planset: PlanSet, zero_s: float, decision_s: float | None
) -> tuple[Closure, ...]:
    return tuple(
        Closure(
            m.gate,
            planset.at.timestamp() - zero_s + (m.decision_s if decision_s is None else decision_s),
            0.0,
            m.stroke_s,
        )
        for m in plan.moves
    )


def _into(park: Park, nodes: Sequence[str]) -> tuple[list[str], dict[str, list[tuple[int, float]]]]:
    """Return the links that bring water to each node, and by node their positions and signs."""
    links: list[str] = []
    found: dict[str, list[tuple[int, float]]] = {}
    for node in nodes:
        for row in park.links.itertuples():
            arriving = row.to_node == node and row.flow_m3s >= 0
            turned = row.from_node == node and row.flow_m3s < 0
            if arriving or turned:
                found.setdefault(node, []).append((len(links), 1.0 if arriving else -1.0))
                links.append(str(row.id))
    return links, found


def _kilograms(
    park: Park, outcome: Outcome, pollutant: str, signs: dict[str, list[tuple[int, float]]]
) -> dict[str, float]:
    """Return what came to each receptor above the base that its water carried before the release."""
    step = np.diff(outcome.t_s, prepend=0.0)
    before = outcome.t_s <= BEFORE_S
    found = {}
    for r in park.receptors:
        j = outcome.nodes.index(r.node)
        rise = outcome.conc[pollutant][:, j].astype(float)
        base = float(rise[before].mean()) if before.any() else float(rise[0])
        # Mixing of base waters changes a little when gates move; that is not the spill.
        rise = np.where(rise > base * 1.002, rise - base, 0.0)
        flow = np.zeros(len(step))
        for k, sign in signs.get(r.node, ()):
            flow += np.maximum(sign * outcome.link_flow[:, k], 0.0)
        found[r.id] = round(float((rise * flow * step).sum() / 1000), 3)
    return found


def _own_folder() -> Path:
    return Path(tempfile.gettempdir()) / f"park-twin-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
