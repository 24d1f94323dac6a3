"""Evidence on hand-checkable networks, and what must not change it.

A --600 s, 10 L/s--.
                    C --600 s, 20 L/s--> E --300 s, 30 L/s--> F
B --1800 s, 10 L/s-'                    /
D ------------------900 s, 10 L/s-----'
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logsumexp

from geodata.network import Network
from twin.trace import evidence, signals
from twin.trace.evidence import Hydraulic, Weights, hydraulic
from twin.trace.response import ensemble

NODES = ["A", "B", "C", "D", "E", "F"]
LINKS = [
    ("A", "C", 600, 0.01),
    ("B", "C", 1800, 0.01),
    ("C", "E", 600, 0.02),
    ("D", "E", 900, 0.01),
    ("E", "F", 300, 0.03),
]
STEP, N, START = 60.0, 300, 200  # the release is at sample 200
T = np.arange(N) * STEP


def network() -> Network:
    return Network.of(
        NODES,
        [a + b for a, b, _, _ in LINKS],
        [NODES.index(a) for a, _, _, _ in LINKS],
        [NODES.index(b) for _, b, _, _ in LINKS],
        travel_s=[t for *_, t, _ in LINKS],
        flow_m3s=[q for *_, q in LINKS],
        length_m=[t * 0.5 for *_, t, _ in LINKS],
    )


def plug(source: str) -> np.ndarray:
    """Series at C and E for a release of 30 minutes that adds 40 mg/L at 20 L/s, carried without mixing."""
    rng = np.random.default_rng(7)
    y = 10 * (1 + 0.03 * rng.normal(size=(2, N)))
    arrive = {"A": (600, 1200), "B": (1800, 2400), "D": (np.inf, 900)}[source]
    for row, (delay, height) in enumerate(zip(arrive, (40.0, 40.0 * 20 / 30), strict=True)):
        if np.isfinite(delay):
            first = START + round(delay / STEP)
            y[row, first : first + 30] += height
    return y


def scores(y: np.ndarray, scale: float = 1.0, candidates: str = "ABD") -> np.ndarray:
    return found(y * scale, candidates).total


def found(y: np.ndarray, candidates: str = "ABD", sensors: str = "CE", w: Weights | None = None) -> Hydraulic:
    net = network()
    origins = np.array([net.nodes[c] for c in candidates])
    places = np.array([net.nodes[s] for s in sensors])
    t = T[: y.shape[1]]
    ways = ensemble(net, origins, places, step_s=STEP / 2, horizon_s=t[-1])
    heard = signals.read(t, y, T[START])
    return hydraulic(ways, heard, T[START] + 900.0, w or Weights())


def chance(total: np.ndarray) -> np.ndarray:
    return np.exp(total - logsumexp(total))


def test_a_source_that_cannot_reach_the_first_alarmed_sensor_is_last() -> None:
    p = chance(scores(plug("A")))
    assert p[2] == min(p)
    assert p[2] < 0.1
    # C and E see the same from A and B: only the spread may tell them apart, and not by much
    assert 0.2 < p[0] / (p[0] + p[1]) < 0.8


def test_a_clean_sensor_on_the_way_speaks_for_the_one_who_does_not_pass_it() -> None:
    p = chance(scores(plug("D")))
    assert np.argmax(p) == 2
    assert p[2] > 0.7


def test_a_sensor_that_is_silent_or_gone_says_the_same_and_neither_is_clean() -> None:
    silent = plug("D")
    silent[0, START - 30 :] = np.nan
    frozen = plug("D")
    frozen[0, START - 30 :] = frozen[0, START - 30]
    clean = scores(plug("D"))
    assert scores(silent) == pytest.approx(scores(frozen))
    assert scores(silent)[0] > clean[0] + 0.5  # A is no longer spoken against


def test_scale_of_concentrations_changes_strength_only() -> None:
    y = plug("A")
    assert scores(y) == pytest.approx(scores(y, 1000.0), abs=1e-3)


def test_order_of_candidates_changes_nothing() -> None:
    y = plug("D")
    a, b = scores(y, candidates="ABD"), scores(y, candidates="DBA")
    assert a == pytest.approx(b[::-1], abs=1e-3)


def test_one_sensor_cannot_say_more_than_an_event_of_somebody_else_costs() -> None:
    w = Weights(stranger=4.0, temper=1.0)
    h = found(plug("A"), "A", w=w)
    assert 0 < h.total[0] <= 2 * w.stranger
    # what the best release says, part by part, and nothing left over
    assert h.reach[0] <= 2 * w.stranger
    assert h.onset[0] <= 0
    assert h.clean[0] <= 0


def test_the_release_is_found_in_time_and_strength() -> None:
    h = found(plug("A"), "A")
    assert h.start_s[0] == pytest.approx(T[START], abs=200)
    assert h.duration_s[0] == pytest.approx(1800, rel=0.15)
    assert h.rate[0] == pytest.approx(40 * 0.02, rel=0.15)
    assert h.due_s[0] == pytest.approx(T[START] + np.array([600, 1200]), abs=200)


def test_a_rise_that_still_goes_on_begins_before_it_is_seen() -> None:
    seen = START + 10
    y = np.full((2, seen + 8), 10.0) * (1 + 0.03 * np.random.default_rng(5).normal(size=(2, seen + 8)))
    y[0, seen:] += 3.0 * np.arange(1, 9)  # a front coming in
    h = found(y, "A")
    assert T[seen] - 1500 < h.start_s[0] < T[seen]
    assert h.start_s[0] + h.duration_s[0] > T[seen + 4] - 900
    assert h.clean[0] > -0.5  # E is not overdue


def test_without_events_nobody_is_better_than_anybody() -> None:
    rng = np.random.default_rng(3)
    quiet = 10 * (1 + 0.03 * rng.normal(size=(2, N)))
    assert scores(quiet).tolist() == [0.0, 0.0, 0.0]


def test_normalise_gives_probabilities_with_a_floor_and_an_unknown_share() -> None:
    p, unknown = evidence.normalise(np.array([0.0, -100.0, 2.0]), -1.0, 0.04)
    assert p.sum() + unknown == pytest.approx(1.0)
    assert p.min() == pytest.approx(0.01, rel=0.01)
    assert p[2] > p[0] > unknown > p[1]


def test_pooling_keeps_a_near_candidate_alive_that_transport_rules_out() -> None:
    h, near = np.array([5.0, 0.0, -20.0]), evidence.proximity(np.array([4000.0, 3000.0, 100.0]))
    p = np.exp(evidence.pooled(h, near, Weights()))
    assert p.sum() == pytest.approx(1.0)
    alone = np.exp(near[2]) / np.exp(near).sum()
    assert p[2] == pytest.approx(Weights().pool * alone, rel=0.05)
    assert np.argmax(p) == 0


@given(arrays(float, 7, elements=st.floats(-60, 40)), st.floats(0.5, 20))
def test_blunting_keeps_the_order_the_best_and_small_differences(scores: np.ndarray, tail: float) -> None:
    p = evidence.blunted(scores, tail)
    assert p.max() == scores.max()
    assert (p >= scores - 1e-9).all()
    assert (np.diff(p[np.argsort(scores)]) >= -1e-9).all()
    level = scores.max() - p
    assert level == pytest.approx(tail * np.log1p((scores.max() - scores) / tail))


def test_a_field_that_is_in_doubt_rules_nobody_out_by_the_sum_of_what_sensors_say() -> None:
    w = Weights()
    assert w.where(0.0) == w
    doubt = [w.where(x) for x in (0.01, 0.5, 1.0)]
    assert np.diff([x.pool for x in doubt]).min() > 0 > np.diff([x.tail for x in doubt]).max()
    assert doubt[-1].pool == w.pool_turning
    known, unknown = (chance(found(plug("A"), w=x).total) for x in (w, doubt[-1]))
    assert unknown[2] > 2 * known[2]  # D, which C speaks against
    assert unknown[0] / unknown[1] == pytest.approx(known[0] / known[1], rel=0.05)  # A and B, nearly alike


def near(y: np.ndarray, alarmed: int) -> np.ndarray:
    heard = signals.read(T, y, T[START])
    rose, chance = evidence.risen(evidence.sheet_of(heard, T[START] + 900.0, Weights()), alarmed)
    assert 0 <= chance.sum() <= 1
    apart_m = np.array([[300.0, 700.0], [900.0, 600.0], [700.0, 100.0]])  # of A, B and D to C and E
    return np.exp(evidence.nearness(apart_m[:, rose], chance))


def test_distance_is_told_from_the_alarmed_sensor_where_it_truly_rose() -> None:
    p = near(plug("A"), 0)
    assert p == pytest.approx(np.exp(evidence.proximity(np.array([300.0, 900.0, 700.0]))), rel=0.02)


def test_an_alarm_that_drift_explains_leaves_distance_to_the_sensor_that_rose() -> None:
    y = plug("D")
    y[0] *= 1 + 0.3 * np.clip((T - T[START // 2]) / T[START], 0, 1)  # the morning's rise, and an alarm for it
    p = near(y, 0)
    assert np.argmax(p) == 2


def test_an_alarm_where_nothing_rose_leaves_distance_without_an_opinion() -> None:
    quiet = 10 * (1 + 0.03 * np.random.default_rng(7).normal(size=(2, N)))
    p = near(quiet, 0)
    assert p == pytest.approx(np.full(3, p[0]))
