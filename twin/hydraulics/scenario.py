"""A question to the engine and its answer: run here, or in a child process that may be killed."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodata import park as park_file
from geodata.places import Park
from twin.ending import killed
from twin.errors import TwinError, UnavailableError
from twin.hydraulics.engine import Stepper
from twin.hydraulics.inp import Injection
from twin.hydraulics.pollutants import POLLUTANTS

WARM_HOURS = 36.0
GATE_STEP_S = 20.0  # how finely a moving gate is followed


@dataclass(frozen=True, slots=True)
class Closure:
    """One order to a gate: where it shall stand and how long a full stroke takes."""

    gate: str
    start_s: float
    position: float  # 0 closed .. 1 open
    stroke_s: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """A question to the engine; nothing of it is changed by asking."""

    hours: float
    injections: tuple[Injection, ...] = ()
    closures: tuple[Closure, ...] = ()
    flow_factor: float = 1.0
    roughness_factor: float = 1.0
    gate_positions: dict[str, float] = field(default_factory=dict)  # others stand at their normal position
    step_s: float = 10.0
    report_s: float = 60.0
    start_state: Path | bytes | None = None  # from `warm_state`; without it the water starts level and clean


@dataclass(frozen=True)
class Outcome:
    """What a run gave.

    Attributes
    ----------
    t_s : ndarray (n,)
        Seconds since the start.
    nodes, links : tuple of str
        What was asked for, in the order of the columns below.
    conc : dict of str to ndarray (n, nodes)
        mg/L by pollutant, float32.
    depth : ndarray (n, nodes)
        Water depth, m.
    link_flow : ndarray (n, links)
        m3/s, positive from `from_node` to `to_node`.
    load_kg : dict of str to dict of str to float
        Kilograms that passed each asked node, by pollutant (base water included).
    flooding_m3 : float
        Water that left the network at flooded nodes.
    continuity_error : float
        The larger of the engine's errors of water and of any pollutant, as a share (0.01 is 1 %).
    """

    t_s: NDArray[np.float64]
    nodes: tuple[str, ...]
    links: tuple[str, ...]
    conc: dict[str, NDArray[np.float32]]
    depth: NDArray[np.float32]
    link_flow: NDArray[np.float32]
    load_kg: dict[str, dict[str, float]]
    flooding_m3: float
    continuity_error: float


def run(
    park: Park,
    scenario: Scenario,
    *,
    nodes: Sequence[str] = (),
    links: Sequence[str] = (),
    pollutants: Sequence[str] | None = None,
) -> Outcome:
    """Run a scenario in this process.

    Parameters
    ----------
    park
        The park to simulate.
    scenario
        What happens.
    nodes, links
        What to report.
    pollutants
        Which of `POLLUTANTS` to carry; all of them if not given. Fewer are faster.

    Raises
    ------
    TwinError
        If SWMM refuses the model.
    KeyError
        If a node, link or gate asked for is not there.
    """
    stepper = Stepper(
        park,
        hours=scenario.hours,
        step_s=scenario.step_s,
        pollutants=POLLUTANTS if pollutants is None else pollutants,
        injections=scenario.injections,
        flow_factor=scenario.flow_factor,
        roughness_factor=scenario.roughness_factor,
        gate_positions=scenario.gate_positions,
        start_state=scenario.start_state,
        movable=(),
    )
    record = _Record(tuple(nodes), tuple(links), stepper)
    with stepper:
        count = round(scenario.hours * 3600 / scenario.report_s)
        for i in range(1, count + 1):
            _advance_with_gates(stepper, scenario.closures, i * scenario.report_s)
            record.take()
    return record.outcome()


def _advance_with_gates(stepper: Stepper, closures: Sequence[Closure], goal_s: float) -> None:
    """Advance to a time, moving gates on the way."""
    while stepper.time_s < goal_s - 1e-6:
        moving = False
        for closure in closures:
            now = stepper.gate_position(closure.gate)
            if stepper.time_s < closure.start_s or now == closure.position:
                moving = moving or stepper.time_s < closure.start_s < goal_s
                continue
            reach = GATE_STEP_S / max(closure.stroke_s, GATE_STEP_S)
            step = min(max(closure.position - now, -reach), reach)
            stepper.set_gate(closure.gate, now + step if abs(step) > 1e-9 else closure.position)
            moving = True
        before = stepper.time_s
        left = goal_s - before
        stepper.advance(min(left, GATE_STEP_S) if moving else left)
        if stepper.time_s <= before:  # the engine is at its end: the last report step was not a whole one
            return


class _Record:
    """Rows of a running simulation."""

    def __init__(self, nodes: tuple[str, ...], links: tuple[str, ...], stepper: Stepper) -> None:
        self.nodes, self.links, self.stepper = nodes, links, stepper
        self.times: list[float] = []
        self.quality: list[list[Any]] = []
        self.depths: list[list[float]] = []
        self.inflows: list[list[float]] = []
        self.flows: list[list[float]] = []

    def take(self) -> None:
        """Read one row."""
        s = self.stepper
        self.times.append(s.time_s)
        self.quality.append([s.qualities(n) for n in self.nodes])
        self.depths.append([s.depth(n) for n in self.nodes])
        self.inflows.append([s.inflow(n) for n in self.nodes])
        self.flows.append([s.flow(k) for k in self.links])

    def outcome(self) -> Outcome:
        """Return what was recorded; to be called when the simulation is closed."""
        pollutants = self.stepper.pollutants
        times = np.asarray(self.times)
        shape = (len(times), len(self.nodes), len(pollutants))
        quality = np.asarray(self.quality, dtype=np.float64).reshape(shape)
        inflow = np.asarray(self.inflows, dtype=np.float64).reshape(shape[:2])
        spans = np.diff(times, prepend=0.0)
        load = (quality * inflow[:, :, None] * spans[:, None, None]).sum(axis=0) / 1000.0
        return Outcome(
            t_s=times,
            nodes=self.nodes,
            links=self.links,
            conc={p: quality[:, :, i].astype(np.float32) for i, p in enumerate(pollutants)},
            depth=np.asarray(self.depths, dtype=np.float32).reshape(shape[:2]),
            link_flow=np.asarray(self.flows, dtype=np.float32).reshape(len(times), len(self.links)),
            load_kg={
                n: {p: float(load[j, i]) for i, p in enumerate(pollutants)} for j, n in enumerate(self.nodes)
            },
            flooding_m3=self.stepper.flooding_m3,
            continuity_error=self.stepper.continuity_error,
        )


def run_in_child(
    park: Park | Path,
    scenario: Scenario,
    *,
    nodes: Sequence[str] = (),
    links: Sequence[str] = (),
    pollutants: Sequence[str] | None = None,
    timeout_s: float = 120.0,
) -> Outcome:
    """Run a scenario in a process of its own, which is killed when it takes longer than `timeout_s`.

    Raises
    ------
    UnavailableError
        If it took too long or died.
    TwinError
        If SWMM refused the model.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    work = (park, scenario, tuple(nodes), tuple(links), pollutants)
    child = context.Process(target=_child, args=(there, work), daemon=True)
    child.start()
    there.close()
    try:
        if not here.poll(timeout_s):
            raise UnavailableError(f"the what-if took longer than {timeout_s:g} s")
        answer = here.recv()
    except EOFError as error:
        raise UnavailableError("the process of the what-if died") from error
    finally:
        child.join(1.0)
        killed(child, "the process of the what-if")
        here.close()
    if isinstance(answer, Outcome):
        return answer
    raise answer


def _child(pipe: Any, work: tuple[Any, ...]) -> None:
    park, scenario, nodes, links, pollutants = work
    try:
        known = park_file.read(park) if isinstance(park, Path) else park
        answer: Any = run(known, scenario, nodes=nodes, links=links, pollutants=pollutants)
    except (TwinError, KeyError, ValueError) as error:
        answer = error
    pipe.send(answer)
    pipe.close()


def warm_state(
    park: Park,
    folder: Path,
    *,
    flow_factor: float = 1.0,
    roughness_factor: float = 1.0,
    pollutants: Sequence[str] | None = None,
) -> Path:
    """Return the state of the park after a day and a half of dry weather, from `folder` or freshly made.

    The file is named by the version of the park, the factors and the pollutants carried: a changed park never
    meets an old state, and a run must carry the same pollutants.
    """
    carried = POLLUTANTS if pollutants is None else tuple(pollutants)
    what = "-".join(carried) if carried != POLLUTANTS else "all"
    name = f"warm-{park.version}-q{flow_factor:g}-n{roughness_factor:g}-{what or 'none'}.hsf"
    path = folder / name
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.{os.getpid()}"
    stepper = Stepper(
        park,
        hours=WARM_HOURS + 1,
        pollutants=carried,
        flow_factor=flow_factor,
        roughness_factor=roughness_factor,
        movable=(),
    )
    with stepper:
        stepper.advance(WARM_HOURS * 3600)
        stepper.save(part)
    part.replace(path)
    return path
