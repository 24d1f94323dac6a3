"""All detectors over all points at once: what is odd, since when, and what may be learnt from.

Order within a wave: can the value be true at all (marks, range, frozen), is it over its limit, is it far
from its baseline; and only then, from what is left over as ordinary, do the baselines learn. An odd reading,
one of a bad instrument and anything at a station in an open incident never shape what counts as normal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.detect.contract import Bools, Floats, Index, Millis, Wave, waves
from twin.detect.decide import Cusum, Persistence
from twin.detect.deviation import Deviation
from twin.detect.frozen import Frozen
from twin.detect.limit import Limit
from twin.detect.moving import Move
from twin.detect.offline import Offline
from twin.detect.outrange import OVER_RANGE, OutRange
from twin.detect.table import Place, Table

NEAR = 3.0  # robust standard deviations within which a point is calm
USABLE = (0, ord("N"))  # data marks of a reading that may be believed
IS_USABLE = np.isin(np.arange(256), USABLE)  # by mark, which is a byte
FUTURE_MS = 900_000  # a reading further ahead of park time than this is a wrong clock
LEARN_BELOW = 4.0  # robust standard deviations
MEAN_MS = 600_000  # period of the means that loggers send (HJ 212 command 2051)
STALE_MS = 6 * 3_600_000  # after a gap this long the old baseline says nothing
ACCEPT_MS = 6 * 3_600_000  # a lasting shift that no limit and no incident speaks against becomes normal
DOUBT_MS = 3_600_000  # so long weak evidence keeps a canal's baseline from following what may be a slug
CHRONIC_SHARE = 0.9  # a baseline this near its own limit makes an exceedance old news
NEVER_MS = np.iinfo(np.int64).max
GROSS = 2.0  # times the limit; counts even where no baseline is known yet


class Bank:
    """State of every detector for every point of a table.

    Attributes
    ----------
    at_ms, value : (n,)
        Time of the latest reading of any mark, and the latest value that is a measurement (not one of a
        calibration or of upkeep); 0 and NaN before the first.
    z : (n,) float64
        Distance of the latest measurement from the baseline, robust standard deviations.
    share : (n,) float64
        Its share of the limit.
    held : (n,) bool
        Set by whoever knows of incidents: points that must not learn now.
    """

    def __init__(self, table: Table) -> None:
        n = len(table.points)
        self.table = table
        self.at_ms = np.zeros(n, np.int64)
        self.value = np.full(n, np.nan)
        self.z = np.full(n, np.nan)
        self.share = np.full(n, np.nan)
        self.held = np.zeros(n, bool)
        self.late = 0
        per_mean = np.maximum(MEAN_MS / table.interval_ms, 1.0)
        self.deviation = Deviation(table.side, 10.0 ** -table.decimals.astype(float), per_mean)
        self._limit = Limit(table.low, table.high, table.decimals)
        self._outrange = OutRange([p.factor for p in table.points])
        self.stillness = Frozen(table.quiet)
        self._offline = Offline(table.interval_ms)
        self.over = Persistence(n, clear_at=0.95)
        self.strong = Cusum(n)
        self.weak = Cusum(n, allowance=2.0, limit=4.0, cap=5.0)
        self.range = Persistence(n)
        self.frozen = Persistence(n, raise_after=1, clear_at=0.5, clear_after=3)

    @property
    def offline(self) -> Bools:
        """(n,) points that have gone silent."""
        return self._offline.on

    @property
    def bad(self) -> Bools:
        """(n,) points whose instrument cannot be believed now; silence is no such thing, it is no news."""
        return self.range.on | self.frozen.on

    @property
    def odd(self) -> Bools:
        """(n,) points at which at least one detector is on."""
        return self.over.on | self.strong.on | self.weak.on | self.bad | self._offline.on

    @property
    def away(self) -> Bools:
        """(n,) points that left their own normal by strong evidence: what an incident can be made of.

        A value over its limit counts if it is news: not where the point always stands near or over the limit.
        """
        median = self.deviation.median
        with np.errstate(invalid="ignore"):
            known = ~np.isnan(median)
            usual = np.where(np.isnan(self.table.high), np.inf, self.table.high) * CHRONIC_SHARE
            news = np.where(known, (median < usual) & (self.z > 0), self.share >= GROSS)
            low_only = np.isnan(self.table.high) & ~np.isnan(self.table.low)
            news = np.where(low_only & known, self.z > LEARN_BELOW, news)
        found: Bools = (self.strong.on | (self.over.on & news)) & ~self.bad
        return found

    @property
    def hinting(self) -> Bools:
        """(n,) points that left their normal by weak evidence or strong; weak alone accuses nobody."""
        found: Bools = (self.away | self.weak.on) & ~self.bad
        return found

    def calm(self, now_ms: int) -> Bools:
        """(n,) points that speak, have a baseline and are well inside it."""
        fresh = now_ms - self.at_ms <= 3 * self.table.interval_ms
        with np.errstate(invalid="ignore"):
            near = (np.abs(self.z) < NEAR) & (self.weak.total < self.weak.limit / 2)
        found: Bools = fresh & near & ~self.over.on & ~self.bad
        return found

    def onset_ms(self, point: Index) -> Millis:
        """Return when each of these points first left its normal, epoch ms; where it has not, 0."""
        best = np.full(len(point), NEVER_MS)
        for decision in (self.strong, self.over, self.weak):
            first = np.where(decision.on[point], decision.first_ms[point], best)
            best = np.minimum(best, first)
        return np.where(best == NEVER_MS, 0, best)

    def step(
        self,
        point: Index,
        at_ms: Millis,
        value: Floats,
        flag: NDArray[np.uint8],
        now_ms: int,
    ) -> Index:
        """Take readings in, any number of each point; return the points that changed or are still odd.

        Readings older than what is known (resent by a logger) and readings from the future are left out.
        """
        touched: list[Index] = []
        for wave in waves(point, at_ms, value, flag):
            known = self.at_ms[wave.point]
            use = (wave.at_ms > known) & (wave.at_ms <= now_ms + FUTURE_MS) & np.isfinite(wave.value)
            self.late += int(np.count_nonzero(~use))
            if not use.all():
                wave = wave.pick(use)
            if len(wave):
                touched.append(self._wave(wave))
        return np.unique(np.concatenate(touched)) if touched else np.empty(0, np.intp)

    def prime(self, point: Index, at_ms: Millis, value: Floats, flag: NDArray[np.uint8], now_ms: int) -> None:
        """Take in means of a time for which there are no readings: the hours before a logger spoke."""
        before = self.at_ms[point] < at_ms - 2 * MEAN_MS
        use = before & IS_USABLE[flag] & np.isfinite(value) & (at_ms <= now_ms + FUTURE_MS)
        for wave in waves(point[use], at_ms[use], value[use], flag[use]):
            self.deviation.prime(wave)

    def carry(self, before: Bank, move: Move) -> None:
        """Go on from what another bank knew; new points begin with nothing, limits are this table's."""
        move.carry(before, self, ("at_ms", "value", "z", "share", "held"))
        self.late = before.late
        for name in ("over", "strong", "weak", "range", "frozen"):
            getattr(self, name).carry(getattr(before, name), move)
        self.deviation.carry(before.deviation, move)
        self.stillness.carry(before.stillness, move)
        self._offline.carry(before._offline, move)

    def restart(self) -> Index:
        """Begin again after a jump of park time (another drill); returns the points that were odd."""
        odd = np.flatnonzero(self.odd)
        every = np.arange(len(self.at_ms))
        self.held[:] = False
        self._clear(every)
        self.deviation.restart(every)
        return odd

    def tick(self, now_ms: int) -> Index:
        """Look at what time alone changes: silence, and shifts that have lasted; returns changed points."""
        changed = self._offline.step(self.at_ms, now_ms)
        old = self.strong.on & ~self.held & ~self.over.on & (self.at_ms - self.strong.first_ms > ACCEPT_MS)
        if old.any():
            self._forget(np.flatnonzero(old))
        return np.flatnonzero(changed | old)

    def _wave(self, wave: Wave) -> Index:
        p = wave.point
        gap = (wave.at_ms - self.at_ms[p] > STALE_MS) & (self.at_ms[p] > 0) & ~self.held[p]
        if gap.any():
            self._clear(p[gap])
            self.deviation.restart(p[gap])
        believed = IS_USABLE[wave.flag]
        self.at_ms[p] = wave.at_ms
        told = believed | (wave.flag == OVER_RANGE)
        self.value[p] = np.where(told, wave.value, self.value[p])
        changed = self.range.step(p, self._outrange.score(wave), wave.at_ms)
        stuck = self.stillness.score(wave)
        self.stillness.learn(wave, believed)
        changed |= self.frozen.step(p, stuck, wave.at_ms)
        possible = believed & (self._outrange.score(wave) < 1) & (wave.flag != OVER_RANGE)
        share = np.where(possible, self._limit.score(wave), np.nan)
        z = np.where(possible & ~self.frozen.on[p], self.deviation.score(wave), np.nan)
        self.share[p] = np.where(possible, share, self.share[p])
        self.z[p] = np.where(possible, z, self.z[p])
        changed |= self.over.step(p, share, wave.at_ms)
        changed |= self.strong.step(p, z, wave.at_ms)
        changed |= self.weak.step(p, z, wave.at_ms)
        with np.errstate(invalid="ignore"):
            ordinary = ~(z >= LEARN_BELOW) & (self.strong.total[p] < 1) & ~self.strong.on[p]
        fit = possible & ordinary & ~self.held[p] & ~self.frozen.on[p] & ~self.range.on[p]
        fit &= ~self._beside(p) & ~self._doubtful(wave)
        self.deviation.learn(wave, fit)
        return p[changed | self.odd[p]]

    def _beside(self, point: Index) -> Bools:
        """Tell which of these points stand in water of which another factor has left its normal.

        A slug moves every factor, some only a little and slowly: a baseline that went on learning would take
        that for ordinary, and the factor that stands out would look alone, like a lying instrument. At an
        outlet batches are routine, and one factor of them says nothing of the others.
        """
        table = self.table
        moved = np.zeros(len(table.stations), bool)
        moved[table.station[self.strong.on]] = True
        station = table.station[point]
        found: Bools = moved[station] & (table.place[station] == Place.AMBIENT)
        return found

    def _doubtful(self, wave: Wave) -> Bools:
        """Tell which of these points rise so slowly that the baseline would keep up with them.

        The wait is bounded: a slug doubles a canal's factor within an hour or two and stands out once it is
        not followed; what goes up and down with the day hardly moves meanwhile, and is learnt afterwards.
        """
        p = wave.point
        young = self.weak.on[p] & (wave.at_ms - self.weak.first_ms[p] < DOUBT_MS)
        found: Bools = young & (self.table.place[self.table.station[p]] == Place.AMBIENT)
        return found

    def _forget(self, point: Index) -> None:
        """Take a new regime as the point's own: baseline and deviation start again."""
        self.deviation.reset(point)
        self.strong.reset(point)
        self.weak.reset(point)

    def _clear(self, point: Index) -> None:
        """Switch every detector off at these points."""
        for decision in (self.over, self.strong, self.weak, self.range, self.frozen):
            decision.reset(point)
