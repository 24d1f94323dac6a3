"""The only door to SWMM: one simulation, stepped through time by hand.

SWMM keeps its model in global variables, so one process can hold one simulation at a time. What is asked of
it as a whole, here or in a child process, stands in `twin.hydraulics.scenario`.

One limit of the engine to know: where a release raises the flow of a small channel much, SWMM makes a few
percent of mass on the way (measured: 1 % for 60 L/s over 50 min into 90 L/s, 6 % for 120 L/s over 30 min and
1.8 km of channel). In the canals a release keeps its mass to 0.1 %.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from swmm.toolkit import shared_enum, solver

from geodata.places import Park
from twin.errors import TwinError
from twin.hydraulics.inp import Injection, Setup, opening, to_inp
from twin.hydraulics.pollutants import POLLUTANTS

__all__ = ["Injection", "Stepper"]

_NODE = shared_enum.NodeResult
_LINK = shared_enum.LinkResult


class Stepper:
    """One simulation advanced by hand; a context manager, one per process.

    Parameters
    ----------
    park
        The park to simulate.
    hours
        How long the simulation can at most be advanced.
    pollutants
        Which of `POLLUTANTS` to carry.
    injections
        Known injections; others can be made while running with `set_inflow`.
    movable
        Nodes `set_inflow` may be used on; without it the nodes of all outlets.
    enterprise_base
        Whether every wastewater outlet runs at its mean flow by itself; without it they are dry until
        `set_inflow` says otherwise.

    Raises
    ------
    TwinError
        If SWMM refuses the model.
    """

    def __init__(
        self,
        park: Park,
        *,
        hours: float = 24.0 * 30,
        step_s: float = 10.0,
        pollutants: Sequence[str] = POLLUTANTS,
        injections: tuple[Injection, ...] = (),
        flow_factor: float = 1.0,
        roughness_factor: float = 1.0,
        gate_positions: Mapping[str, float] | None = None,
        start_state: Path | bytes | None = None,
        movable: Iterable[str] | None = None,
        enterprise_base: bool = True,
    ) -> None:
        self.park = park
        self.pollutants = tuple(pollutants)
        self.time_s = 0.0
        self._step_s = step_s
        self._end_s = hours * 3600
        self._folder = tempfile.TemporaryDirectory(prefix="swmm-")
        self._setup = Setup(
            hours=hours,
            step_s=step_s,
            report_s=max(60.0, step_s),
            flow_factor=flow_factor,
            roughness_factor=roughness_factor,
            pollutants=self.pollutants,
            injections=injections,
            hotstart=self._state_file(start_state),
            movable=frozenset({o.node for o in park.outlets} if movable is None else movable),
            enterprise_base=enterprise_base,
        )
        self._positions = {g.id: g.normal_position for g in park.gates} | dict(gate_positions or {})
        self._gates = {g.id: g for g in park.gates}
        self._inflows: dict[str, _Inflow] = {}
        self._open = False
        self.continuity_error = 0.0
        self.flooding_m3 = 0.0

    def _state_file(self, state: Path | bytes | None) -> Path | None:
        if isinstance(state, bytes):
            path = Path(self._folder.name) / "start.hsf"
            path.write_bytes(state)
            return path
        return state

    def __enter__(self) -> Self:
        folder = Path(self._folder.name)
        inp, rpt = folder / "park.inp", folder / "park.rpt"
        inp.write_text(to_inp(self.park, self._setup), encoding="utf-8")
        try:
            solver.swmm_open(str(inp), str(rpt), str(folder / "park.out"))
            self._open = True
            solver.swmm_start(0)
        except Exception as error:
            self._close()
            told = rpt.read_text(encoding="utf-8", errors="replace")[-2000:] if rpt.exists() else ""
            self._folder.cleanup()
            raise TwinError(f"SWMM refuses the model: {error} {told}") from error
        self._node = _index(shared_enum.ObjectType.NODE)
        self._link = _index(shared_enum.ObjectType.LINK)
        self._column = {p: i for i, p in enumerate(self.pollutants)}
        for gate, position in self._positions.items():
            self.set_gate(gate, position)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        self._folder.cleanup()

    def _close(self) -> None:
        if not self._open:
            return
        with suppress(Exception):
            self.flooding_m3 = float(solver.system_get_routing_totals().flooding)
            solver.swmm_end()
            _, flow, quality = solver.swmm_get_mass_balance()
            self.continuity_error = max(abs(flow), abs(quality)) / 100
        solver.swmm_close()
        self._open = False

    def advance(self, seconds: float) -> None:
        """Let time pass; at least one routing step, at most to the end of `hours`."""
        goal = min(self.time_s + seconds, self._end_s)
        while self.time_s < goal - 1e-6:
            stride = goal - self.time_s
            if self._inflows:
                self._mix_inflows()
                stride = min(stride, self._step_s)
            before = self.time_s
            self._stride(stride)
            if self.time_s <= before:
                break

    def _stride(self, seconds: float) -> None:
        elapsed_days = solver.swmm_stride(max(1, round(seconds)))
        self.time_s = self._end_s if elapsed_days <= 0 else round(elapsed_days * 86400, 3)

    def save(self, path: Path) -> None:
        """Write the state of the water now, for another simulation to start from."""
        solver.swmm_hotstart(shared_enum.HotstartFile.SAVE, str(path))

    def conc(self, node: str, pollutant: str) -> float:
        """Return the concentration (mg/L) at a node."""
        return float(self.qualities(node)[self._column[pollutant]])

    def qualities(self, node: str) -> Sequence[float]:
        """Return the concentrations (mg/L) at a node in the order of `pollutants`."""
        found: Sequence[float] = solver.node_get_pollutant(
            self._node[node], shared_enum.NodePollutant.QUALITY
        )
        return found

    def depth(self, node: str) -> float:
        """Return the water depth (m) at a node."""
        return float(solver.node_get_result(self._node[node], _NODE.DEPTH))

    def inflow(self, node: str) -> float:
        """Return the total inflow (m3/s) of a node."""
        return float(solver.node_get_result(self._node[node], _NODE.TOTAL_INFLOW))

    def flow(self, link: str) -> float:
        """Return the flow (m3/s) of a link, positive from `from_node` to `to_node`."""
        return float(solver.link_get_result(self._link[link], _LINK.FLOW))

    def link_depth(self, link: str) -> float:
        """Return the mean water depth (m) in a link."""
        return float(solver.link_get_result(self._link[link], _LINK.DEPTH))

    def set_gate(self, gate: str, position: float) -> None:
        """Put a gate at a position (0 closed .. 1 open) at once; its leak stays.

        Raises
        ------
        KeyError
            If the park has no such gate.
        """
        card = self._gates[gate]
        self._positions[gate] = position
        solver.link_set_target_setting(self._link[card.link], opening(position, card.leakage))

    def gate_position(self, gate: str) -> float:
        """Return where a gate stands now."""
        return self._positions[gate]

    def set_inflow(self, node: str, flow_m3s: float, mg_l: Mapping[str, float]) -> None:
        """Let extra water enter at a node from now on; a flow of 0 ends it.

        Parameters
        ----------
        node
            One of the `movable` nodes.
        flow_m3s
            Flow on top of the node's own base inflow.
        mg_l
            Its concentrations by pollutant; a pollutant not named is 0.

        Raises
        ------
        KeyError
            If the node was not declared movable.
        """
        if node not in self._setup.movable:
            raise KeyError(f"{node} is not among the movable nodes")
        index = self._node[node]
        known = self._inflows.setdefault(node, _Inflow(index))
        known.flow_m3s = flow_m3s
        known.load = [flow_m3s * mg_l.get(p, 0.0) for p in self.pollutants]
        solver.node_set_total_inflow(index, flow_m3s)

    def _mix_inflows(self) -> None:
        """Set the mixed concentration of every node with extra inflow for the routing step that follows.

        The engine takes extra water as clean. What it mixed itself during the last step (its inflow quality)
        is therefore the load of all other water; the load of the extra water is added to it.
        """
        for inflow in list(self._inflows.values()):
            total = solver.node_get_result(inflow.index, _NODE.TOTAL_INFLOW)
            after = total - inflow.routed_m3s + inflow.flow_m3s
            if inflow.flow_m3s > 0 and after > 0:
                clean = solver.node_get_pollutant(inflow.index, shared_enum.NodePollutant.INFLOW_CONC)
                for p, load in enumerate(inflow.load):
                    mixed = (clean[p] * total + load) / after
                    solver.node_set_pollutant(inflow.index, shared_enum.NodePollutant.QUALITY, p, mixed)
            inflow.routed_m3s = inflow.flow_m3s
        self._inflows = {n: i for n, i in self._inflows.items() if i.flow_m3s > 0}


@dataclass(slots=True)
class _Inflow:
    """Extra water at a node: what is asked for, and what the engine has already seen."""

    index: int
    flow_m3s: float = 0.0
    routed_m3s: float = 0.0
    load: list[float] = field(default_factory=list)  # g/s by pollutant


def _index(kind: Any) -> dict[str, int]:
    count = solver.project_get_count(kind)
    return {solver.project_get_id(kind, i): i for i in range(count)}
