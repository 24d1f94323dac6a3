"""Fingerprints: proportions count, strength does not."""

from __future__ import annotations

import numpy as np
import pytest

from twin.trace.fingerprint import compare

PROFILES = np.array([[2400.0, 40.0, 3.0, 9000.0], [600.0, 320.0, 1.5, 14000.0], [300.0, 15.0, 0.8, 5000.0]])


def test_whose_proportions_fit_leads() -> None:
    for who in range(3):
        assert np.argmax(compare(0.01 * PROFILES[who], PROFILES)) == who


def test_strength_does_not_matter() -> None:
    rise = 0.01 * PROFILES[1] * np.array([1.1, 0.8, 1.2, 1.0])
    assert compare(rise, PROFILES) == pytest.approx(compare(rise * 37.0, PROFILES))


def test_missing_factors_say_nothing_and_one_factor_is_not_enough() -> None:
    rise = 0.01 * PROFILES[0]
    some = np.where([False, True, False, False], np.nan, rise)
    assert np.argmax(compare(some, PROFILES)) == 0
    one = np.where([True, False, False, False], rise, np.nan)
    assert compare(one, PROFILES).tolist() == [0.0, 0.0, 0.0]
    unknown = PROFILES.copy()
    unknown[2] = np.nan
    assert compare(rise, unknown)[2] == 0.0


def test_a_factor_that_should_have_been_noticed_speaks_against() -> None:
    rise = np.array([24.0, 0.5, np.nan, 90.0])
    below = np.array([False, True, False, False])  # less than 0.5 mg/L of ammonia
    score = compare(rise, PROFILES, below=below)
    assert score[0] == max(score)
    assert score[1] < score[0] - 1  # would have brought about 12 mg/L
    # where nobody could have noticed it, it says nothing
    deaf = np.array([24.0, 50.0, np.nan, 90.0])
    assert compare(deaf, PROFILES, below=below)[0] == pytest.approx(
        compare(np.where(below, np.nan, deaf), PROFILES)[0], abs=0.6
    )


def test_scores_are_bounded_even_by_an_absurd_factor() -> None:
    score = compare(np.array([24.0, 1e9, 0.03, 90.0]), PROFILES)
    assert np.abs(score).max() < 60
