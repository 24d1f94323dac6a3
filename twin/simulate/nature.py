"""Nature: the park's water as SWMM moves it, stepping in a process of its own.

The process is told the moment to go to and where the gates stand; it answers with what there is to measure at
every station and with what only the referee may know.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geodata import park as park_file
from geodata.places import Park, StationKind
from twin.ending import killed
from twin.errors import TwinError, UnavailableError
from twin.hydraulics.engine import Injection, Stepper
from twin.hydraulics.pollutants import BY_FACTOR, POLLUTANTS
from twin.hydraulics.scenario import warm_state
from twin.simulate.loggers import FLOW
from twin.supervisor import PARENT, die_with_parent

PH, TEMPERATURE = "w01001", "w01010"
PH_CLEAN = 7.6
PH_BUFFER = 4.0  # foul water shifts pH this much more than its share, up to its own pH
WARMTH = {StationKind.OUTLET: 27.0, StationKind.WORKS: 24.0, StationKind.PUMP_STATION: 25.0}
WARMTH_OPEN = 15.0
GATE_STEP = 0.05  # a gate that moved less since the last step is set in one go
START_TIMEOUT_S = 120.0
STEP_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Setting:
    """How the water begins, and what is let into it. Seconds count from the drill's start."""

    park: Path
    folder: Path  # where warm starts are kept
    injections: tuple[Injection, ...] = ()
    flow_factor: float = 1.0
    ph: float = PH_CLEAN
    outlet: str = ""  # where the injections come out: its enterprise's valves and pumps hold them back


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The water at one moment.

    Attributes
    ----------
    at_s : float
        Seconds since the drill's start.
    stations : dict of str to dict of str to float
        True value by factor code (mg/L, uS/cm, L/s, pH, degC) at every station.
    gates, receptors : dict of str to dict of str to float
        mg/L by pollutant just above every gate and at every receptor; for the truth only.
    """

    at_s: float
    stations: dict[str, dict[str, float]]
    gates: dict[str, dict[str, float]] = field(default_factory=dict)
    receptors: dict[str, dict[str, float]] = field(default_factory=dict)


class Nature:
    """The process that holds the water; one at a time is enough for a drill."""

    def __init__(self, setting: Setting) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_live, args=(there, setting, os.getpid()), daemon=True)
        self._process.start()
        there.close()
        self._busy = asyncio.Lock()

    async def begin(self) -> Snapshot:
        """Wait until the water is ready; returns how it is at the start.

        Raises
        ------
        UnavailableError
            The process died or took too long.
        TwinError
            The engine refused the model.
        """
        return await self._answer(START_TIMEOUT_S)

    async def advance(self, to_s: float, gates: Mapping[str, float]) -> Snapshot:
        """Let time pass until `to_s`, the gates moving to where they stand then; errors as of `begin`."""
        async with self._busy:
            try:
                self._pipe.send((to_s, dict(gates)))
            except OSError as error:
                raise UnavailableError("the process of the water died") from error
            return await self._answer(STEP_TIMEOUT_S)

    async def _answer(self, timeout_s: float) -> Snapshot:
        def receive() -> Any:
            if not self._pipe.poll(timeout_s):
                raise UnavailableError(f"the water did not move within {timeout_s:g} s")
            return self._pipe.recv()

        try:
            answer = await asyncio.to_thread(receive)
        except (EOFError, OSError) as error:
            raise UnavailableError("the process of the water died") from error
        if isinstance(answer, Snapshot):
            return answer
        raise answer

    def close(self) -> None:
        """End the process."""
        killed(self._process, "the process of the water")
        with suppress(OSError):
            self._pipe.close()


def _live(pipe: Any, setting: Setting, parent: int) -> None:
    """The child: make the water ready, then step whenever asked; ends when the other side is gone."""
    die_with_parent({PARENT: str(parent)})
    try:
        park = park_file.read(setting.park)
        state = warm_state(park, setting.folder, flow_factor=setting.flow_factor)
        stepper = Stepper(
            park,
            flow_factor=setting.flow_factor,
            start_state=state,
            movable={i.node for i in setting.injections},
        )
        with stepper, suppress(EOFError, OSError):
            gauge = Gauge(park, stepper, setting)
            source = Source(stepper, setting.injections, _stops(park, setting.outlet))
            names = {g.id for g in park.gates}
            pipe.send(gauge.read())
            while True:
                to_s, positions = pipe.recv()
                source.stands(positions)
                _advance(stepper, to_s, {g: p for g, p in positions.items() if g in names}, source)
                pipe.send(gauge.read())
    except (TwinError, OSError, ValueError, KeyError) as error:
        pipe.send(TwinError(f"nature: {error}"))


def _advance(stepper: Stepper, to_s: float, gates: Mapping[str, float], source: Source) -> None:
    """Go to a moment; a gate that moves on the way moves in small steps."""
    way = {g: (stepper.gate_position(g), p) for g, p in gates.items() if stepper.gate_position(g) != p}
    parts = max(1, *(round(abs(b - a) / GATE_STEP) for a, b in way.values())) if way else 1
    span = to_s - stepper.time_s
    for i in range(1, parts + 1):
        for gate, (a, b) in way.items():
            stepper.set_gate(gate, a + (b - a) * i / parts)
        if span > 0:
            source.advance(to_s - span * (1 - i / parts))


def _stops(park: Park, outlet: str) -> dict[str, float]:
    """Return the leakage of every valve and pump that stops an outlet."""
    return {d.id: d.leakage for d in park.devices if outlet in d.outlets}


class Source:
    """What is let into the water, held back by the valves and pumps of its enterprise."""

    def __init__(
        self, stepper: Stepper, injections: tuple[Injection, ...], stops: Mapping[str, float]
    ) -> None:
        self._stepper, self._injections, self._stops = stepper, injections, stops
        self._open = 1.0
        self._marks = sorted({m for i in injections for m in (i.start_s, i.start_s + i.duration_s)})

    def stands(self, positions: Mapping[str, float]) -> None:
        """Take in where valves and pumps stand; what passes is what the tightest of them lets through."""
        shares = [leak + (1 - leak) * positions.get(d, 1.0) for d, leak in self._stops.items()]
        self._open = min(shares, default=1.0)

    def advance(self, to_s: float) -> None:
        """Let time pass; the release begins and ends at its own moments."""
        for mark in [*(m for m in self._marks if self._stepper.time_s < m < to_s), to_s]:
            self._let()
            if mark > self._stepper.time_s:
                self._stepper.advance(mark - self._stepper.time_s)

    def _let(self) -> None:
        now = self._stepper.time_s + 1e-6
        for node in {i.node for i in self._injections}:
            running = [
                i for i in self._injections if i.node == node and i.start_s <= now < i.start_s + i.duration_s
            ]
            flow = sum(i.flow_m3s for i in running)
            mixed = (
                {p: sum(i.flow_m3s * i.mg_l.get(p, 0.0) for i in running) / flow for p in POLLUTANTS}
                if flow > 0
                else {}
            )
            self._stepper.set_inflow(node, flow * self._open, mixed)


class Gauge:
    """Reads a running simulation where somebody looks."""

    def __init__(self, park: Park, stepper: Stepper, setting: Setting) -> None:
        links = park.links.set_index("id")["from_node"]
        self._park, self._stepper, self._setting = park, stepper, setting
        self._gate_nodes = {g.id: str(links[g.link]) for g in park.gates}
        self._foul = setting.injections[0].mg_l if setting.injections else {}
        self._clean = {s.node: self._water(s.node) for s in park.stations}

    def read(self) -> Snapshot:
        """Return the water now."""
        return Snapshot(
            at_s=self._stepper.time_s,
            stations={s.id: self._station(s.node, s.kind, s.factors) for s in self._park.stations},
            gates={g: self._water(n) for g, n in self._gate_nodes.items()},
            receptors={r.id: self._water(r.node) for r in self._park.receptors},
        )

    def _water(self, node: str) -> dict[str, float]:
        return {p: float(c) for p, c in zip(POLLUTANTS, self._stepper.qualities(node), strict=True)}

    def _station(self, node: str, kind: StationKind, factors: tuple[str, ...]) -> dict[str, float]:
        water = self._water(node)
        values: dict[str, float] = {}
        for factor in factors:
            if factor in BY_FACTOR:
                carried = BY_FACTOR[factor]
                values[factor] = water[carried.pollutant] * carried.per_mg_l
            elif factor == FLOW:
                values[factor] = self._stepper.inflow(node) * 1000.0
            elif factor == PH:
                values[factor] = self._ph(node, water)
            elif factor == TEMPERATURE:
                values[factor] = WARMTH.get(kind, WARMTH_OPEN)
        return values

    def _ph(self, node: str, water: Mapping[str, float]) -> float:
        """SWMM carries no pH: it follows the share of released water, which the pollutants tell."""
        clean = self._clean[node]
        share = max(
            ((water[p] - clean[p]) / (f - clean[p]) for p, f in self._foul.items() if f > 2 * clean[p] + 1.0),
            default=0.0,
        )
        return PH_CLEAN + (self._setting.ph - PH_CLEAN) * min(max(share, 0.0) * PH_BUFFER, 1.0)
