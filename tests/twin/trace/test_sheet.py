"""Series on bins: what is an event, what is drift, and who said nothing."""

from __future__ import annotations

import numpy as np
import pytest

from twin.trace import signals
from twin.trace.sheet import Sheet, Trust, lay, precision

STEP, N, ALARM = 60.0, 400, 250
T = np.arange(N) * STEP


def sheet(y: np.ndarray) -> Sheet:
    heard = signals.read(T, y, T[ALARM] - 600)
    return lay(heard, float(T[ALARM]), stranger=5.0, kappa=8.0, soft=3.0)


def series() -> np.ndarray:
    """Five sensors: quiet, risen, drifting, silent, and risen for ever."""
    rng = np.random.default_rng(2)
    y = 10 * (1 + 0.03 * rng.normal(size=(5, N)))
    y[1, ALARM : ALARM + 30] += 20
    y[2] *= 1 + 0.25 * np.clip((T - T[ALARM - 60]) / 7200, 0, 1)
    y[3, ALARM - 100 :] = np.nan
    y[4, ALARM + 5 :] += 20
    return y


def test_an_event_is_told_from_drift_and_silence() -> None:
    s = sheet(series())
    assert s.null[1] == pytest.approx(-5.0, abs=0.1)  # nothing but somebody else's event explains it
    assert s.null[4] == pytest.approx(-5.0, abs=0.1)
    assert (s.null[[0, 2, 3]] > -0.7).all()
    assert s.bins[3] == 0
    assert s.up_s[1] == pytest.approx(0, abs=STEP)
    assert s.down_s[1] == pytest.approx(30 * STEP, abs=2 * STEP)
    assert not s.open[1]
    assert s.open[4]
    assert s.event[0] == -1


def test_bins_are_samples_around_the_alarm_and_add_up() -> None:
    s = sheet(series())
    at = int(np.argmin(np.abs(s.t_s)))
    assert s.width_s[at] == STEP
    assert s.width_s[-2] > 2 * STEP
    assert s.width_s.sum() == pytest.approx(3600 + (N - ALARM) * STEP)
    assert len(s.t_s) < 80


def test_less_is_believed_of_a_curve_where_it_is_high_or_steep() -> None:
    s = sheet(series())
    plain = precision(s, None)
    loose = precision(s, Trust(gain_sd=0.3, deaf=0.1, part=0.2, shift=1.0, speed_sd=0.2))
    y = s.rise[1]
    assert y @ loose[1] @ y < 0.2 * (y @ plain[1] @ y)
    assert (plain[3] == 0).all()
