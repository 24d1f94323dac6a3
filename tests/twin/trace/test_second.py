"""A second source only where one release is not enough, on a network small enough to check by hand.

A --600 s--> C --600 s--> E --600 s--> F                     10, 10 and 20 L/s
B --600 s--> G --600 s--> D --900 s--> E                     10 L/s
"""

from __future__ import annotations

import numpy as np
import pytest

from geodata.network import Network
from twin.trace import evidence, second, signals
from twin.trace.evidence import Weights
from twin.trace.response import ensemble

STEP, N, START = 60.0, 300, 200
T = np.arange(N) * STEP
NODES = "ABCDEFG"
LINKS = {"AC": (600, 0.01), "CE": (600, 0.01), "EF": (600, 0.02)}
LINKS |= {"BG": (600, 0.01), "GD": (600, 0.01), "DE": (900, 0.01)}
NETWORK = Network.of(
    list(NODES),
    list(LINKS),
    [NODES.index(k[0]) for k in LINKS],
    [NODES.index(k[1]) for k in LINKS],
    travel_s=[t for t, _ in LINKS.values()],
    flow_m3s=[q for _, q in LINKS.values()],
    length_m=[t / 2 for t, _ in LINKS.values()],
)
SENSORS = "CGDE"
ARRIVES = {"A": {"C": (600, 40.0), "E": (1200, 20.0)}}
ARRIVES |= {"B": {"G": (600, 40.0), "D": (1200, 40.0), "E": (2100, 20.0)}}
ALARM = T[START] + 660


def heard(*released: tuple[str, float], silent: str = "") -> signals.Signals:
    """Read the sensors after releases of half an hour, each so many seconds late."""
    y = 10 * (1 + 0.03 * np.random.default_rng(3).normal(size=(len(SENSORS), N)))
    for who, late in released:
        for sensor, (delay, height) in ARRIVES[who].items():
            first = START + round((delay + late) / STEP)
            y[SENSORS.index(sensor), first : first + 30] += height
    for sensor in silent:
        y[SENSORS.index(sensor)] = np.nan
    return signals.read(T, y, T[START])


def beside(said: signals.Signals, candidates: str = "AB") -> second.Beside | None:
    origins = np.array([NODES.index(c) for c in candidates])
    sensors = np.array([NODES.index(s) for s in SENSORS])
    ways = ensemble(NETWORK, origins, sensors, step_s=STEP / 2, horizon_s=T[-1])
    found = evidence.hydraulic(ways, said, ALARM, Weights())
    return second.beside(ways, said, ALARM, found, int(found.total.argmax()), Weights())


@pytest.mark.parametrize("who", ["A", "B"])
def test_one_release_asks_for_no_second(who: str) -> None:
    assert beside(heard((who, 0))) is None


def test_two_releases_at_once_are_both_named() -> None:
    found = beside(heard(("A", 0), ("B", 300)))
    assert found is not None
    assert found.nats > second.MARGIN
    assert found.candidate == (1 if 1 in found.sensors else 0)  # G hangs on B alone, C on A


def test_one_station_alone_is_somebody_elses_event() -> None:
    assert beside(heard(("A", 0), ("B", 300), silent="GE")) is None


def test_rises_that_nobody_on_the_list_can_have_made_name_nobody() -> None:
    assert beside(heard(("A", 0), ("B", 300)), candidates="A") is None
