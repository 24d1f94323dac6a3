"""Tries releases: for every candidate many starts, ends and speeds, each carried to the sensors and compared.

Carried curves are linear in strength and are the difference of two step responses, one begun at the
release's start and one at its end. So inner products with the series are needed for single times only, and
every pair of start and end costs a subtraction. Strength and each sensor's own error of dilution are fitted
in closed form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.trace.response import Response
from twin.trace.sheet import Sheet, Trust, misfit, precision

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]

FRONTS = np.array([0.02, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.98])  # shares passed at the half rise
HALF = 0.3  # by when a front shows
NEVER_S = 1e8  # end of a release that goes on
CELLS = 320  # of the tables the responses are looked up in
SURE = 9.0  # squared standard deviations from which a sensor helps to find the strength
NU = 3.0  # degrees of freedom of dilution errors
CLIP = 3.0  # standard deviations a dilution may be off
SHORTEST_S, LONGEST_S = 600.0, 4 * 3600.0  # usual releases; others cost
MINOR = 0.6  # chance that a branch which takes next to none of the water takes none at all
TINY, MOST_LOG = np.float32(1e-30), np.float32(40.0)  # single precision holds no more
ANCHOR_MOST = 4.0  # nats from which on an event is as good an anchor as any


@dataclass(frozen=True, slots=True)
class Cost:
    """What misfits cost: `kappa` and `soft` of `sheet.misfit`."""

    kappa: float
    soft: float


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Candidates that reach an event, and the m pairs of one of them and a sensor it may show at.

    Attributes
    ----------
    candidate : (k,)
        Positions.
    anchor : (k,)
        Sensor whose event each one's release is hung on.
    begin : (k,)
        First pair of each.
    of, sensor : (m,)
        Position in `candidate`, and sensor.
    table : (m, CELLS + 2)
        Rise for a release of 1 unit of mass a second that began so long ago; `cell_s` apart.
    share, front_s : (m,)
        Share of the water that passes, and lag by which the first of it shows.
    lag_s : (k, f)
        Lags at the anchor by which shares `FRONTS` have passed.
    """

    candidate: Ints
    anchor: Ints
    begin: Ints
    of: Ints
    sensor: Ints
    table: Singles
    cell_s: float
    share: Floats
    front_s: Floats
    lag_s: Floats

    def at_sensor(self) -> Iterator[tuple[int, Ints]]:
        """Return every sensor and the pairs that are about it."""
        order = np.argsort(self.sensor, kind="stable")
        cuts = np.flatnonzero(np.diff(self.sensor[order])) + 1
        for rows in np.split(order, cuts):
            if len(rows):
                yield int(self.sensor[rows[0]]), rows


@dataclass(frozen=True, slots=True, eq=False)
class Tries:
    """The best release of each of k candidates at one speed, under one trust.

    Attributes
    ----------
    total : (k,)
        Log-ratio to "nothing here is its own".
    start_s, end_s, rate : (k,)
    rel : (m,)
        What each pair adds.
    """

    total: Floats
    start_s: Floats
    end_s: Floats
    rate: Floats
    rel: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """All releases of k candidates that were tried at one speed, under one trust.

    Attributes
    ----------
    total, log_rate : (k, a b)
        Log-ratio as in `Tries`, and log of the rate; starts vary slowest.
    start_s, end_s : (k, a), (k, b)
    """

    total: Floats
    start_s: Floats
    end_s: Floats
    log_rate: Singles


def pairs(response: Response, sheet: Sheet) -> Pairs:
    """Choose anchors, and the sensors that can have a say on each candidate."""
    passed, lag = response.passed, response.lag_s
    reach = (passed[:, :, -1] > 0) & (sheet.bins > 3)[None, :]
    strength = np.where(np.isfinite(sheet.up_s), -sheet.null, 0.0)
    able = reach & (strength > 1.0)[None, :]
    # Of events that stand out enough the earliest.
    first = np.where(np.isfinite(sheet.up_s), sheet.up_s, 0.0)
    worth = np.where(able, np.minimum(strength, ANCHOR_MOST)[None, :] * 1e7 - first[None, :], -np.inf)
    candidate = np.flatnonzero(able.any(1))
    anchor = worth[candidate].argmax(1)
    own = passed[candidate, anchor]
    front = _passes(lag, own, np.array([HALF]))[:, 0]
    of, sensor = np.nonzero(reach[candidate])
    curve = passed[candidate[of], sensor]
    shows = _passes(lag, curve, np.array([HALF]))[:, 0]
    due = first[anchor][of] + 0.6 * (shows - front[of])
    kept = (sheet.null[sensor] < -0.3) | (due < sheet.t_s[-1]) | (sensor == anchor[of])
    of, sensor, curve, shows = of[kept], sensor[kept], curve[kept], shows[kept]
    cell = float(lag[-1]) / CELLS
    grid = np.arange(CELLS + 1) * cell
    at = np.clip(np.searchsorted(lag, grid), 1, len(lag) - 1)
    part = (grid - lag[at - 1]) / (lag[at] - lag[at - 1])
    table = curve[:, at - 1] * (1 - part) + curve[:, at] * part
    table = np.concatenate([table, table[:, -1:]], axis=1) / response.flow_m3s[sensor][:, None]
    begin = np.flatnonzero(np.diff(of, prepend=-1))
    return Pairs(
        candidate,
        anchor,
        begin,
        of,
        sensor,
        table.astype(np.float32),
        cell,
        curve[:, -1],
        shows,
        _passes(lag, own, FRONTS),
    )


def _passes(lag: Floats, passed: Floats, shares: Floats) -> Floats:
    """Return lags by which shares of what passes have passed, (k, f)."""
    rising = passed / np.maximum(passed[:, -1:], 1e-12) + np.arange(passed.shape[1]) * 1e-12
    return np.array([np.interp(shares, row, lag) for row in rising]).reshape(len(passed), len(shares))


class Bench:
    """Pairs and a sheet, ready to try releases on: the covariances of every trust are inverted once."""

    def __init__(self, sheet: Sheet, trusts: tuple[Trust, ...], cost: Cost) -> None:
        self.sheet, self.trusts, self.cost = sheet, trusts, cost
        self.weight = [precision(sheet, trust).astype(np.float32) for trust in trusts]
        rise = sheet.rise.astype(np.float32)
        self.pull = [np.einsum("jst,jt->js", w, rise) for w in self.weight]
        self.square = [np.einsum("js,js->j", p, rise).astype(float) for p in self.pull]

    def tries(self, p: Pairs, speed: float) -> list[Tries]:
        """Return the best release of every candidate at one speed of the water, for each trust."""
        return [
            self._best(p, begun, found, rel)
            for begun in (self._begun(p, speed),)
            for found, rel in self._tried(p, begun, speed)
        ]

    def clouds(self, p: Pairs, speed: float) -> list[Cloud]:
        """Return all releases that were tried at one speed of the water, for each trust."""
        begun = self._begun(p, speed)
        return [found for found, _ in self._tried(p, begun, speed)]

    def _begun(self, p: Pairs, speed: float) -> tuple[Floats, Floats]:
        """Return the starts and ends, (k, a) and (k, b), that bring rise and fall when they were seen."""
        sheet = self.sheet
        up, down = sheet.up_s[p.anchor][:, None], sheet.down_s[p.anchor][:, None]
        lag = np.concatenate([np.full((len(up), 1), -0.3 * sheet.step_s), p.lag_s / speed], axis=1)
        start = np.concatenate([up - lag, up - lag[:, -1:] - 2 * sheet.step_s], axis=1)
        return start, np.concatenate([down - lag, np.full((len(up), 1), NEVER_S)], axis=1)

    def _tried(self, p: Pairs, begun: tuple[Floats, Floats], speed: float) -> Iterator[tuple[Cloud, Singles]]:
        """Score all pairs of start and end, for each trust."""
        start, end = begun
        curve = self._curves(p, np.concatenate(begun, axis=1), speed)
        length = end[:, None, :] - start[:, :, None]
        so_far = np.maximum(self.sheet.t_s[-1] - start, SHORTEST_S)[:, :, None]
        length = np.where(end[:, None, :] >= NEVER_S, 1.3 * so_far, length).reshape(len(start), -1)
        usual = _usual(length)
        for k, trust in enumerate(self.trusts):
            pull, size = self._inner(p, k, curve, start.shape[1])
            rel, log_rate, found = self._compare(p, k, pull, size)
            prior = usual - 0.5 * (np.log(speed) / trust.speed_sd) ** 2
            total = np.where(found, np.add.reduceat(rel, p.begin, axis=0) + prior, -np.inf)
            yield Cloud(total, start, end, log_rate), rel

    def _inner(self, p: Pairs, k: int, curve: Singles, a: int) -> tuple[Singles, Singles]:
        """Return what all pairs of the a starts with the ends have in common with the series, and weigh."""
        carried = np.empty_like(curve)
        pull: Singles = np.empty(curve.shape[:2], np.float32)
        for j, rows in p.at_sensor():  # a matrix a sensor, not one a pair
            carried[rows] = curve[rows] @ self.weight[k][j]
            pull[rows] = curve[rows] @ self.pull[k][j]
        size: Singles = np.einsum("mgt,mgt->mg", carried, curve)
        cross = carried[:, :a] @ curve[:, a:].transpose(0, 2, 1)
        m = len(p.of)
        pull = (pull[:, :a, None] - pull[:, None, a:]).reshape(m, -1)
        size = np.maximum(size[:, :a, None] + size[:, None, a:] - 2 * cross, TINY).reshape(m, -1)
        return pull, size

    @staticmethod
    def _best(p: Pairs, begun: tuple[Floats, Floats], tried: Cloud, rel: Singles) -> Tries:
        best = tried.total.argmax(1)
        row = np.arange(len(best))
        start, end = begun
        return Tries(
            total=tried.total[row, best],
            start_s=start[row, best // end.shape[1]],
            end_s=end[row, best % end.shape[1]],
            rate=np.exp(tried.log_rate[row, best].astype(float)),
            rel=rel[np.arange(len(p.of)), best[p.of]].astype(float),
        )

    def _curves(self, p: Pairs, begun: Floats, speed: float) -> Singles:
        """Return step responses, (m, g, n), for releases begun at times (k, g)."""
        since = (self.sheet.t_s[None, None, :] - begun[:, :, None]) * (speed / p.cell_s)
        since = np.clip(since, 0.0, CELLS)
        cell = since.astype(np.int32)
        part = (since - cell).astype(np.float32)[p.of]
        row = (np.arange(len(p.of), dtype=np.int32) * (CELLS + 2))[:, None, None]
        at = row + cell[p.of]
        flat = p.table.ravel()
        low = flat[at]
        return np.asarray(low + (flat[at + 1] - low) * part, np.float32)

    def _compare(
        self, p: Pairs, k: int, pull: Singles, size: Singles
    ) -> tuple[Singles, Singles, NDArray[np.bool_]]:
        """Return what each pair says of each try, the strength (log), and where one could be found."""
        trust, null = self.trusts[k], self.sheet.null[p.sensor].astype(np.float32)[:, None]
        loose = np.float32(trust.gain_sd**2)
        up = pull > 0
        # Strength: of the sensors that show the release each has its own; odd ones are weighted down.
        own = np.log(np.maximum(pull, TINY) / size)
        sure = np.where(up, pull**2 / size, np.float32(0.0))
        weight = np.where(sure > SURE, 1 / (loose + 1 / np.maximum(sure, np.float32(1e-6))), np.float32(1e-9))
        held = np.add.reduceat(weight, p.begin, axis=0)
        log_rate = np.add.reduceat(weight * own, p.begin, axis=0) / held
        for _ in range(2):
            less = weight / (1 + (own - log_rate[p.of]) ** 2 * weight / np.float32(NU))
            log_rate = np.add.reduceat(less * own, p.begin, axis=0) / np.add.reduceat(less, p.begin, axis=0)
        log_rate = np.clip(log_rate, -MOST_LOG, MOST_LOG).astype(np.float32)
        at = log_rate[p.of]
        stiff = np.exp(np.minimum(2 * at + np.log(size), 2 * MOST_LOG))
        most = np.float32(CLIP * trust.gain_sd)
        off = np.where(up, np.clip(own - at, -most, most), -most) * (stiff / (stiff + 1 / loose))
        spare = self.square[k][p.sensor].astype(np.float32)[:, None] - 2 * np.exp(at + off) * pull
        spare = spare + np.exp(np.minimum(2 * (at + off) + np.log(size), 2 * MOST_LOG))
        spare = np.maximum(spare - self.sheet.bins[p.sensor].astype(np.float32)[:, None], 0)
        fit = misfit(spare, self.cost.kappa, self.cost.soft)
        fit = fit - np.float32((NU + 1) / 2) * np.log1p(off**2 / np.float32(NU * loose))
        fit = fit - (trust.dear * (self.sheet.event[p.sensor] >= 0)).astype(np.float32)[:, None]
        deaf = np.minimum(trust.deaf + MINOR * (1 - np.minimum(p.share, 1.0)), 0.9).astype(np.float32)[
            :, None
        ]
        # The chance to have heard it joined with the chance to have been deaf, against nothing having come.
        heard = fit + np.log1p(-deaf) - null
        rel: Singles = np.log(np.exp(np.minimum(heard, MOST_LOG)) + deaf).astype(np.float32)
        return rel, np.asarray(log_rate, np.float32), held > 1e-6


def _usual(length_s: Floats) -> Floats:
    """Return the log-prior of lengths of releases; -inf where the end is before the start."""
    known = np.maximum(length_s, 1.0)
    long = np.maximum(np.log(known / LONGEST_S), 0.0) / 0.3
    short = np.maximum(np.log(SHORTEST_S / known), 0.0) / 0.4
    return np.where(length_s > 0, -0.5 * (long**2 + short**2), -np.inf)
