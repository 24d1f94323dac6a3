"""Compares what the water carries with what each candidate's water is made of, whatever the strength.

The rise of a factor is what one part of the candidate's water adds, times a strength nobody knows, times the
error of its batch. The strength is averaged over instead of fitted, and how far a batch is from its profile
is not known either: it may be a usual batch, an odd one, or the profile may be out of date. So four factors
that happen to agree are not taken for a proof, and one that is far off does not drown the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Scatters = tuple[tuple[float, float], ...]

# How far batches are from their profile, in logs, and how often: usual, odd, out of date.
BATCHES = ((0.5, 0.35), (0.35, 0.8), (0.15, 1.6))
# The same for rises that an instrument followed for a while: one bottle may have caught the worst moment, or
# somebody else's share.
FOLLOWED = ((0.5, 0.35), (0.45, 0.8), (0.05, 1.6))
# The same for water of an origin that is not listed, from the mean of all profiles: alike, of another kind.
ANYBODY = ((0.7, 1.3), (0.3, 3.0))
STRENGTHS = np.linspace(-6.0, 6.0, 97)  # logs around the likeliest
KNOWN_SD, KNOWN_NU = 0.15, 3.0  # of a strength that is known, in logs, and how heavy its tails are
LEAST = 1e-12


def compare(
    rise: Floats,
    profiles: Floats,
    *,
    error: Floats | None = None,
    below: Bools | None = None,
    strength: float | None = None,
    batches: Scatters = BATCHES,
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
    strength : float
        How many parts of a candidate's water there are, where something that every water has one part of was
        measured beside the sample.
    batches : pairs of float
        How often a batch is how far from its profile.

    Returns
    -------
    (c,) float
        Log-ratio to a source of unknown make-up; 0 where fewer than two factors can be compared.
    """
    error = np.zeros_like(rise) if error is None else error
    below = np.zeros(len(rise), bool) if below is None else below
    with np.errstate(divide="ignore", invalid="ignore"):
        ours, theirs = np.log(rise)[None, :], np.log(profiles)
        middle = _mean(theirs)
        logs = ours - theirs
        known = np.isfinite(logs)
        free = np.where(known, ours - middle, np.nan)
    listed = _averaged(np.where(known, logs, np.nan), error, below, strength, batches)
    anybody = _averaged(free, error, below, strength, ANYBODY)
    told = known.sum(1) + (0 if strength is None else 1)
    return np.where((told >= 2) & known.any(1), listed - anybody, 0.0)


def _averaged(
    logs: Floats,
    error: Floats,
    below: Bools,
    strength: float | None,
    scatters: Scatters,
) -> Floats:
    """Return log-likelihoods of log-ratios (c, f), averaged over strengths and scatters."""
    firm = np.isfinite(logs) & ~below[None, :]
    if strength is None:
        centre = _median(np.where(firm.any(1, keepdims=True), np.where(firm, logs, np.nan), logs))
        tried, prior = centre + STRENGTHS, np.zeros(len(STRENGTHS))
    else:
        off = STRENGTHS / 2
        tried = np.broadcast_to(strength + off, (len(logs), len(off)))
        prior = -(KNOWN_NU + 1) / 2 * np.log1p((off / KNOWN_SD) ** 2 / KNOWN_NU)
        prior = prior - logsumexp(prior)
    at = np.where(np.isfinite(logs), logs, 0.0)
    found = []
    for share, scatter in scatters:
        sd = np.hypot(scatter, error)[None, :]
        weight = np.where(firm, sd**-2.0, 0.0)
        # A sum of squares around every strength at once.
        square = weight.sum(1)[:, None] * tried**2 - 2 * (weight * at).sum(1)[:, None] * tried
        square = square + (weight * at**2).sum(1)[:, None]
        told = prior - 0.5 * square - np.where(firm, np.log(sd), 0.0).sum(1)[:, None]
        for f in np.flatnonzero(below):
            unnoticed = np.log(np.maximum(ndtr((at[:, f, None] - tried) / sd[0, f]), LEAST))
            told = told + np.where(np.isfinite(logs[:, f]), 1.0, 0.0)[:, None] * unnoticed
        found.append(np.log(share) + logsumexp(told, axis=1))
    return np.asarray(logsumexp(found, axis=0))


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
