"""Readings of the tiny park while somebody releases something, without any simulator."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from geodata.network import Network
from geodata.places import Park
from geodata.words import Text
from twin.model import Anomaly, Incident, IncidentState, Kind, Level, Point
from twin.trace.observations import Observations

STEP = 60.0
BEGIN = datetime(2026, 11, 21, 14, 0, tzinfo=UTC).timestamp()  # 22:00 in the park
RELEASE = BEGIN + 4 * 3600  # 02:00 in the park
BASE = {"w01018": 20.0, "w21003": 0.8, "w21011": 0.2, "w21017": 0.6, "w21001": 2.0, "w01014": 900.0}


def observations(
    park: Park,
    water: dict[str, float],
    node: str,
    *,
    flow: float = 0.02,
    minutes: float = 40,
    until_min: float = 120,
    silent: tuple[str, ...] = (),
    seed: int = 0,
) -> Observations:
    """Let such water enter at a node at `RELEASE`; every station below sees it after its travel time."""
    network = Network.from_park(park)
    rng = np.random.default_rng(seed)
    n = round(4 * 60 + until_min)
    t = BEGIN + np.arange(n) * STEP
    delay = network.travel_times([network.nodes[node]])[0]
    passing = network.node_flow()
    factors = sorted(BASE)
    rows: list[tuple[int, int, int, float]] = []
    for k, s in enumerate(sorted(park.stations, key=lambda s: s.id)):
        if s.id in silent:
            continue
        place = network.nodes[s.node]
        noise = {
            f: 1 + 0.04 * np.random.default_rng((seed, k, j)).normal(size=n) for j, f in enumerate(factors)
        }
        risen = (t >= RELEASE + delay[place]) & (t < RELEASE + delay[place] + minutes * 60)
        share = flow / (passing[place] + flow) if np.isfinite(delay[place]) else 0.0
        at = [p.id for p in park.stations].index(s.id)
        for j, f in enumerate(factors):
            if f in s.factors:
                value = (BASE[f] + risen * share * max(water.get(f, 0.0) - BASE[f], 0.0)) * noise[f]
                rows += [(at, j, round(x * 1000), v) for x, v in zip(t, value, strict=True)]
    rng.shuffle(rows)  # readings come in any order
    station, factor, at_ms, value = (np.array(c) for c in zip(*rows, strict=True))
    return Observations.of(
        [s.id for s in park.stations], factors, station, factor, at_ms, value.astype(float)
    )


def incident(
    stations: tuple[str, ...], factors: tuple[str, ...], after_min: float
) -> tuple[Incident, list[Anomaly]]:
    """An incident opened so many minutes after the release, with its first anomaly."""
    at = datetime.fromtimestamp(RELEASE + after_min * 60, UTC)
    since = datetime.fromtimestamp(RELEASE + (after_min - 3) * 60, UTC)
    first = Anomaly(
        "a1",
        Point(stations[0], factors[0]),
        Kind.DEVIATION,
        "test",
        since,
        0.0,
        None,
        Level.ALARM,
        9.0,
        Text("", ""),
    )
    found = Incident(
        "EV-20261122-01", at, IncidentState.OPEN, Level.ALARM, Text("", ""), stations, factors, ("a1",), at
    )
    return found, [first]


def fingerprint(park: Park, enterprise: str) -> dict[str, float]:
    """Undiluted water of an enterprise by factor."""
    return {f.factor: f.value for f in park.fingerprints if f.enterprise == enterprise}
