"""Tries of releases against curves made by the same carriage: start, length and strength come back."""

from __future__ import annotations

import numpy as np
import pytest

from geodata.network import Network
from twin.trace import signals
from twin.trace.curves import Bench, Cost, Pairs, Tries, pairs
from twin.trace.response import Response, respond
from twin.trace.sheet import Trust, lay

STEP, N = 60.0, 400
T = np.arange(N) * STEP
START, LONG, RATE = 15000.0, 2400.0, 0.4
TRUST = Trust(gain_sd=0.3, deaf=0.1, part=0.1, shift=1.0, speed_sd=0.2)


def response() -> Response:
    """A and B join at C; C flows on to D. Sensors at C and D."""
    net = Network.of(
        list("ABCD"),
        ["ac", "bc", "cd"],
        [0, 1, 2],
        [2, 2, 3],
        travel_s=[300.0, 2400.0, 900.0],
        flow_m3s=[0.01, 0.01, 0.02],
    )
    return respond(net, np.array([0, 1]), np.array([2, 3]), step_s=30, horizon_s=40000)


def series(of: int, until_s: float = START + LONG) -> np.ndarray:
    r = response()
    begun = np.array([np.interp(T - START, r.lag_s, p, left=0) for p in r.passed[of]])
    ended = np.array([np.interp(T - until_s, r.lag_s, p, left=0) for p in r.passed[of]])
    noise = 1 + 0.02 * np.random.default_rng(1).normal(size=(2, N))
    return (10 + RATE / 0.02 * (begun - ended)) * noise


def tried(y: np.ndarray, until: int = N) -> tuple[Pairs, Tries]:
    heard = signals.read(T[:until], y[:, :until], START)
    sheet = lay(heard, START + 300, stranger=5.0, kappa=8.0, soft=3.0)
    found = pairs(response(), sheet)
    return found, Bench(sheet, (TRUST,), Cost(8.0, 3.0)).tries(found, 1.0)[0]


@pytest.mark.parametrize("of", [0, 1])
def test_the_release_comes_back(of: int) -> None:
    p, best = tried(series(of))
    assert p.candidate.tolist() == [0, 1]
    assert np.argmax(best.total) == of
    assert best.total[of] > 8.5  # two events, five nats each at most
    assert best.start_s[of] == pytest.approx(-300, abs=200)
    assert best.end_s[of] - best.start_s[of] == pytest.approx(LONG, rel=0.15 if of == 0 else 0.4)
    assert best.rate[of] == pytest.approx(RATE, rel=0.1 if of == 0 else 0.3)


def test_far_water_cannot_rise_so_steeply() -> None:
    _, best = tried(series(0))
    assert best.total[0] > best.total[1] + 3


def test_an_end_not_yet_seen_is_left_open() -> None:
    _, best = tried(series(0, until_s=1e7), until=300)
    assert best.end_s[0] > T[299] - START - 300 - STEP  # as far as anybody has looked
    assert best.rate[0] == pytest.approx(RATE, rel=0.15)
