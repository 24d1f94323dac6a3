"""Compares what the water carries with what each candidate's water is made of, whatever the strength."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BATCH_SD = 0.45  # in logs: how far one batch is from its profile
STALE_SD = 1.0  # the same where the profile is out of date
STALE = 0.14  # share of profiles that are
ANY_SD = 1.3  # how far water of an origin that is not listed is from the mean of all profiles
STRANGE_SD = 3.0  # the same for water of another kind altogether
STRANGE = 0.3  # share of unlisted origins that are of another kind


def compare(
    rise: Floats, profiles: Floats, *, error: Floats | None = None, below: Bools | None = None
) -> Floats:
    """Score the rises of several factors against profiles.

    Parameters
    ----------
    rise : (f,)
        Rise over the baseline; NaN where not measured. For a factor marked in `below`, the rise it would have
        taken to notice.
    profiles : (c, f)
        What one part of each candidate's water adds to the baseline; NaN where not known.
    error : (f,)
        Standard deviation of log(rise) from the measurement alone.
    below : (f,) bool
        Factors in which nothing was noticed: they speak only against who should have been noticed.

    Returns
    -------
    (c,) float
        Log-ratio to a source of unknown make-up; 0 where fewer than two factors can be compared.
    """
    error = np.zeros_like(rise) if error is None else error
    below = np.zeros(len(rise), bool) if below is None else below
    with np.errstate(divide="ignore", invalid="ignore"):
        ours, theirs = np.log(rise)[None, :], np.log(profiles)
        logs = np.where(np.isfinite(ours - theirs), ours - theirs, np.nan)
        middle = _mean(theirs)
        free = np.where(np.isfinite(logs), ours - middle, np.nan)
    fresh = np.log(1 - STALE) + _loose(logs, np.hypot(BATCH_SD, error), below)
    stale = np.log(STALE) + _loose(logs, np.hypot(STALE_SD, error), below)
    usual = np.log(1 - STRANGE) + _loose(free, np.hypot(ANY_SD, error), below)
    strange = np.log(STRANGE) + _loose(free, np.hypot(STRANGE_SD, error), below)
    score = np.logaddexp(fresh, stale) - np.logaddexp(usual, strange)
    return np.where(np.isfinite(logs).sum(1) >= 2, score, 0.0)


def _loose(logs: Floats, sd: Floats, below: Bools) -> Floats:
    """Student-t log-likelihood of log-ratios around their own median, per row; five degrees of freedom."""
    firm = np.where(below[None, :], np.nan, logs)
    enough = np.isfinite(firm).any(1, keepdims=True)
    middle = np.where(enough, _median(np.where(enough, firm, logs)), 0.0)
    off = logs - middle
    off = np.where(below[None, :] & (off > 0), 0.0, off)
    # A value that was measured has a density, one that was merely not noticed only a chance.
    width = np.where(np.isfinite(firm), np.log(sd), 0.0)
    terms = 3.0 * np.log1p((np.nan_to_num(off) / sd) ** 2 / 5.0) + width
    # The median uses one factor up.
    return np.asarray(width.sum(1) / np.maximum(np.isfinite(firm).sum(1), 1) - terms.sum(1))


def _median(rows: Floats) -> Floats:
    """Median along each row of what is known, 0 where nothing is; (c, 1)."""
    held = np.sort(np.where(np.isfinite(rows), rows, np.inf), axis=1)
    n = np.isfinite(rows).sum(1)
    i = np.arange(len(rows))
    low, high = held[i, np.maximum((n - 1) // 2, 0)], held[i, np.minimum(n // 2, rows.shape[1] - 1)]
    return np.where(n > 0, (low + high) / 2, 0.0)[:, None]


def _mean(rows: Floats) -> Floats:
    """Mean of each column of what is known, NaN where nothing is; (1, f)."""
    known = np.isfinite(rows)
    n = known.sum(0)
    total = np.where(known, rows, 0.0).sum(0)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)[None, :]
