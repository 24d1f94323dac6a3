"""Parcels against closed forms: shares at forks, stirred tanks in series, gates that close on the way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammainc, gammaincinv

from geodata.network import Network
from twin.plan.drift import OUT, Parcels, drift, fields

P = 20_000


def network() -> Network:
    """0 -> 1 -> 2 -> 3 by tanks of 100 s, and from 1 a quarter of the water to 4."""
    return Network.of(
        [f"n{i}" for i in range(5)],
        ["a", "b", "c", "d"],
        [0, 1, 2, 1],
        [1, 2, 3, 4],
        flow_m3s=[1.0, 0.75, 0.75, 0.25],
        travel_s=[100.0, 100.0, 100.0, 100.0],
        kind=["reach", "gate", "reach", "reach"],
        gates={"G": "b"},
    )


def parcels(count: int = P, course: int = 0) -> Parcels:
    zero = np.zeros(count, np.int64)
    return Parcels.at(zero, np.zeros(count), zero, course=zero + course)


def run(
    courses: list[list[tuple[float, np.ndarray]]], p: Parcels, until: float, speed: float = 1.0
) -> np.ndarray:
    net = network()
    seen = drift(
        fields(net, courses), p, np.full((1, 4), speed), until, np.arange(5), np.random.default_rng(1)
    )
    return np.asarray(seen)


def test_water_is_shared_at_a_fork_and_tanks_in_series_are_gamma_distributed() -> None:
    seen = run([[(0.0, network().flow_m3s)]], parcels(), 1e6)
    assert np.isfinite(seen[:, 3]).mean() == pytest.approx(0.75, abs=0.01)
    assert np.isfinite(seen[:, 4]).mean() == pytest.approx(0.25, abs=0.01)
    came = seen[np.isfinite(seen[:, 3]), 3]
    for q in (0.05, 0.5, 0.95):
        assert np.quantile(came, q) == pytest.approx(gammaincinv(3, q) * 100.0, rel=0.06)


def test_more_tanks_in_a_link_make_a_sharper_front_of_the_same_mean() -> None:
    zero = np.zeros(P, np.int64)
    sharp = run([[(0.0, network().flow_m3s)]], Parcels.at(zero, np.zeros(P), zero, zero + 4), 1e6)[:, 3]
    came = sharp[np.isfinite(sharp)]
    assert came.mean() == pytest.approx(300.0, rel=0.03)
    assert np.quantile(came, 0.1) == pytest.approx(gammaincinv(12, 0.1) * 25.0, rel=0.05)


def test_faster_water_is_sooner() -> None:
    slow, fast = (run([[(0.0, network().flow_m3s)]], parcels(), 1e6, v)[:, 3] for v in (1.0, 2.0))
    assert np.nanmean(fast[np.isfinite(fast)]) == pytest.approx(
        np.mean(slow[np.isfinite(slow)]) / 2, rel=0.05
    )


def test_a_gate_that_closes_holds_who_has_not_passed_it() -> None:
    open_ = network().flow_m3s
    shut = open_ * np.array([1.0, 0.0, 1.0, 4.0])
    never = run([[(0.0, open_), (0.0, shut)]], parcels(), 1e6)
    assert np.isfinite(never[:, 3]).sum() == 0
    later = run([[(0.0, open_), (150.0, shut)]], parcels(), 1e6)
    # Past the gate by then: both tanks before its end within 150 s.
    passed = gammainc(2, 150.0 / 100.0) * 0.75
    assert np.isfinite(later[:, 3]).mean() == pytest.approx(passed, abs=0.015)


def test_stopping_and_going_on_is_the_same_as_going_through() -> None:
    course = [[(0.0, network().flow_m3s)]]
    p = parcels()
    first = run(course, p, 120.0)
    assert np.all(first[np.isfinite(first)] <= 120.0)
    rest = run(course, p, 1e6)
    both = np.minimum(first, rest)[:, 3]
    whole = run(course, parcels(), 1e6)[:, 3]
    assert np.quantile(both, 0.3) == pytest.approx(np.quantile(whole, 0.3), rel=0.05)
    assert np.isfinite(both).mean() == pytest.approx(0.75, abs=0.01)


def test_a_field_that_turns_carries_parcels_back() -> None:
    forth = network().flow_m3s
    seen = run([[(0.0, forth), (50.0, -forth)]], parcels(), 1e6)
    back = np.isfinite(seen[:, 0])
    assert back.all()  # all began there
    p = parcels()
    run([[(0.0, forth), (50.0, -forth)]], p, 1e6)
    assert (p.link == OUT).mean() > 0.5  # out where the water now leaves


def test_courses_run_beside_each_other() -> None:
    open_ = network().flow_m3s
    shut = open_ * np.array([1.0, 0.0, 1.0, 4.0])
    one, two = parcels(2000, 0), parcels(2000, 1)
    both = Parcels(
        *(np.concatenate([getattr(one, f), getattr(two, f)]) for f in Parcels.__dataclass_fields__)
    )
    seen = run([[(0.0, open_)], [(0.0, open_), (0.0, shut)]], both, 1e6)
    assert np.isfinite(seen[:2000, 3]).mean() > 0.7
    assert np.isfinite(seen[2000:, 3]).sum() == 0
