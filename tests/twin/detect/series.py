"""A made-up park in motion for the detectors' tests: ordinary noisy water, and slugs passing through."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from geodata.network import Network
from geodata.places import Park
from tests.twin.parks import tiny_park
from twin.containment import Containment
from twin.detect.alarms import Alarms, Change
from twin.detect.bank import Bank
from twin.detect.table import Place, Table
from twin.incidents import Incidents
from twin.limits import Limits
from twin.model import Incident, PlanSet, Point
from twin.reach import Reach

START_MS = 1_795_000_000_000 // 60_000 * 60_000
MINUTE = 60_000
USUAL = {
    "w00000": 20.0,
    "w01001": 7.6,
    "w01010": 18.0,
    "w01014": 850.0,
    "w01018": 16.0,
    "w21001": 2.0,
    "w21003": 0.6,
    "w21011": 0.12,
    "w21017": 0.6,
}
WASTE = {"w01018": 8.0, "w21003": 12.0, "w01014": 4.0, "w21001": 6.0, "w21011": 10.0}
Floats = NDArray[np.float64]


@dataclass
class World:
    """One park, its detectors, and a clock that only the test moves."""

    park: Park
    seed: int = 1
    noise: float = 0.03
    memory: float = 0.0  # of the noise, minute to minute
    swing: float = 0.0  # daily, as a share
    missing: float = 0.05  # share of frames that never arrive
    now_ms: int = START_MS
    incidents: list[tuple[int, Incident, str]] = field(default_factory=list)
    changes: list[tuple[int, Change]] = field(default_factory=list)

    def __post_init__(self) -> None:
        points = [Point(s.id, f) for s in self.park.stations for f in s.factors]
        self.table = Table.of(self.park, points, Limits.load(self.park))
        self.bank = Bank(self.table)
        self.alarms = Alarms(self.bank)
        network = Network.from_park(self.park)
        self.reach = Reach.of(self.park, network)
        self.correlator = Incidents(
            self.park,
            self.alarms,
            self.reach,
            Containment(self.park, network),
            self._next,
        )
        self._last = 0
        self.gates: dict[str, float] = {}
        self.plans: dict[str, PlanSet] = {}
        self._rng = np.random.default_rng(self.seed)
        self._drift = np.zeros(len(points))
        usual = np.array([USUAL[p.factor] for p in points])
        rich = np.array([WASTE.get(p.factor, 1.0) for p in points])
        outlet = self.table.place[self.table.station] != Place.AMBIENT
        effluent = np.array([s.limit_set.startswith("GB 18918") for s in self.park.stations])
        self._usual = np.where(outlet & ~effluent[self.table.station], usual * rich, usual)
        self._ph = np.array([p.factor == "w01001" for p in points])

    def _next(self, at: object) -> str:
        self._last += 1
        return f"EV-{self._last:02d}"

    def at(self, station: str, factor: str) -> int:
        """Position of a point."""
        return self.table.points.index(Point(station, factor))

    def water(self) -> Floats:
        """One value of every point now, without any slug."""
        n, rho = len(self._usual), self.memory
        self._drift = rho * self._drift + np.sqrt(1 - rho**2) * self._rng.standard_normal(n)
        day = 1 + self.swing * np.sin(2 * np.pi * self.now_ms / 86_400_000)
        value = self._usual * day * (1 + self.noise * self._drift)
        return np.where(self._ph, 7.6 + 0.04 * self._drift, value)

    def minute(
        self, extra: Mapping[int, float] | None = None, frozen: Mapping[int, float] | None = None
    ) -> None:
        """Let a minute pass; `extra` is added to points, `frozen` put in place of what they would show."""
        self.now_ms += MINUTE
        value = self.water()
        for i, more in (extra or {}).items():
            value[i] += more
        for i, fixed in (frozen or {}).items():
            value[i] = fixed
        scale = 10.0**self.table.decimals
        value = np.round(value * scale) / scale
        lost = self._rng.random(len(self.park.stations)) < self.missing
        due = (self.now_ms % self.table.interval_ms == 0) & ~lost[self.table.station]
        self.send(np.flatnonzero(due), value[due])

    def send(self, point: NDArray[np.intp], value: Floats, at_ms: int | None = None) -> None:
        """Give the detectors readings and note what comes of it."""
        at = np.full(len(point), self.now_ms if at_ms is None else at_ms)
        flag = np.full(len(point), ord("N"), np.uint8)
        changes = self.alarms.refresh(self.bank.step(point, at, value, flag, self.now_ms), self.now_ms)
        changes += self.alarms.refresh(self.bank.tick(self.now_ms), self.now_ms)
        outcomes = [
            self.correlator.update(self.now_ms),
            self.correlator.review(self.now_ms, self.gates, self.plans.get),
        ]
        for outcome in outcomes:
            changes += outcome.anomalies
            self.incidents += [(self.now_ms, incident, event) for incident, event in outcome.incidents]
        self.changes += [(self.now_ms, c) for c in changes]

    def run(self, minutes: int, extra: Mapping[int, float] | None = None) -> None:
        """Let minutes pass."""
        for _ in range(minutes):
            self.minute(extra)

    def opened(self) -> list[Incident]:
        """Incidents opened so far, as they were when they opened."""
        return [i for _, i, event in self.incidents if event == "incident.opened"]


def small_world(minutes: int, seed: int = 1) -> World:
    """The small park after so many usual minutes, which pass once for all tests of a process."""
    return deepcopy(_after(minutes, seed))


@cache
def _after(minutes: int, seed: int) -> World:
    world = World(tiny_park(), seed=seed)
    world.run(minutes)
    return world
