"""Loggers: what each measures becomes HJ 212 frames, real-time, minute and hour, in the dialect of its years.

No sockets here; `twin.simulate.lines` carries the frames. A logger's clock may be wrong; what it says of time
is by its own clock.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from geodata.places import Station, StationKind
from twin.ingest.hj212 import times, write
from twin.ingest.hj212.write import Dialect, Group
from twin.simulate.instruments import Fault, Instrument, Measured, daily, faults_of

MINUTES = 10  # MinInterval
MINUTE_MS = MINUTES * 60_000
HOUR_MS = 3_600_000
FLOW = "w00000"
OLD_MN_LENGTH = 14
PASSWORD = "123456"  # noqa: S105 - the protocol's field; every logger in the field has this one

# 2017 code -> 2005 code, for the loggers of the first years (HJ 212-2017 annex B).
OLD_CODES = {
    "w00000": "B01",
    "w01001": "001",
    "w01018": "011",
    "w21003": "060",
    "w21011": "101",
    "w21001": "065",
    "w21017": "072",
}
SYSTEM_TYPES = {
    StationKind.OUTLET: "32",
    StationKind.WORKS: "32",
    StationKind.PUMP_STATION: "32",
    StationKind.CANAL: "21",
    StationKind.CHANNEL: "21",
}


@dataclass(frozen=True, slots=True)
class Vendor:
    """What a maker's loggers have in common.

    Attributes
    ----------
    broken : float
        Share of frames whose check is wrong when they are first sent.
    skew_ms : int
        How far the clock is off.
    drops_h : float
        Mean hours between losses of the line; 0 for never.
    """

    name: str
    broken: float = 0.0
    skew_ms: int = 0
    drops_h: float = 0.0


GOOD = Vendor("good")
WRONG_CHECK = Vendor("wrong-check", broken=0.02)
SLOW_CLOCK = Vendor("slow-clock", skew_ms=-47_000)
FAST_CLOCK = Vendor("fast-clock", skew_ms=95_000)
WEAK_RADIO = Vendor("weak-radio", drops_h=2.0)


def vendor_of(station: Station) -> Vendor:
    """Return who made a station's logger; fixed by its number, so that a station keeps its habits."""
    number = int("".join(c for c in station.id if c.isdigit()) or 0)
    return {
        5: WRONG_CHECK,
        22: WRONG_CHECK,
        41: WRONG_CHECK,
        9: SLOW_CLOCK,
        54: SLOW_CLOCK,
        28: FAST_CLOCK,
        13: WEAK_RADIO,
        61: WEAK_RADIO,
    }.get(number, GOOD)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame to be delivered: QN and command name the exchange, `at_ms` what it is about (park time)."""

    qn: str
    cn: str
    at_ms: int
    raw: bytes


@dataclass(slots=True)
class _Period:
    """Least, sum, most and number of good values of one factor in one period, and its accumulated amount."""

    low: float = float("inf")
    high: float = float("-inf")
    total: float = 0.0
    count: int = 0
    amount: float = 0.0

    def add(self, value: float, amount: float) -> None:
        self.low, self.high = min(self.low, value), max(self.high, value)
        self.total += value
        self.count += 1
        self.amount += amount


@dataclass(slots=True)
class Logger:
    """One station's data logger.

    Give it the water at rising moments with `observe`; it returns the frames that are due by then.
    """

    station: Station
    seed: int = 0
    vendor: Vendor = GOOD
    faults: tuple[Fault, ...] = ()
    noise: float = 1.0
    instruments: dict[str, Instrument] = field(init=False)
    _next_ms: int = field(init=False, default=0)
    _last_ms: int = field(init=False, default=0)
    _qn_ms: int = field(init=False, default=0)
    _minute: dict[str, _Period] = field(init=False, default_factory=dict)
    _hour: dict[str, _Period] = field(init=False, default_factory=dict)
    _phase_h: float = field(init=False, default=12.0)

    def __post_init__(self) -> None:
        s = self.station
        self.instruments = {
            f: Instrument(s.id, f, self.seed, faults_of(self.faults, s.id, f), self.noise) for f in s.factors
        }
        self._phase_h = random.Random(s.id).uniform(9.0, 16.0)

    @property
    def dialect(self) -> Dialect:
        """Which edition of the protocol it speaks, told by the length of its number."""
        return 2005 if len(self.station.mn) == OLD_MN_LENGTH else 2017

    def observe(self, at_ms: int, water: Mapping[str, float]) -> list[Frame]:
        """Look at the water (value by factor) at a moment of park time; return the frames now due."""
        values, due = self._look(at_ms, water)
        if not self._next_ms:
            self._next_ms = self._first_due(at_ms)
        if at_ms >= self._next_ms:
            step = self.station.interval_s * 1000
            self._next_ms += ((at_ms - self._next_ms) // step + 1) * step
            due += self._frames("2011", at_ms, [self._real_time(f, m) for f, m in values.items()])
        return due

    def _look(self, at_ms: int, water: Mapping[str, float]) -> tuple[dict[str, Measured], list[Frame]]:
        """Measure once; return the values and the frames of periods that ended since the last look."""
        last = self._last_ms
        self._last_ms = at_ms
        values = self.measure(at_ms, water)
        due: list[Frame] = []
        if last and at_ms // MINUTE_MS > last // MINUTE_MS:
            due += self.close_period("2051", self._minute, at_ms // MINUTE_MS * MINUTE_MS - MINUTE_MS)
        if last and at_ms // HOUR_MS > last // HOUR_MS:
            due += self.close_period("2061", self._hour, at_ms // HOUR_MS * HOUR_MS - HOUR_MS)
        self._accumulate(values, (at_ms - last) / 1000 if last else 0.0)
        return values, due

    def past(
        self, from_ms: int, to_ms: int, water: Mapping[str, float], step_ms: int = 300_000
    ) -> list[Frame]:
        """Minute and hour frames of a stretch of the past in which the water was as given."""
        due: list[Frame] = []
        for at in range(from_ms // step_ms * step_ms, to_ms, step_ms):
            due += self._look(at, water)[1]
        return due

    def close_period(self, cn: str, periods: dict[str, _Period], start_ms: int) -> list[Frame]:
        """Write the frame of a period that is over, and begin the next one."""
        groups = [g for f, p in periods.items() if (g := self._statistics(f, p))]
        periods.clear()
        return self._frames(cn, start_ms, groups, sent_ms=self._last_ms) if groups else []

    def _first_due(self, at_ms: int) -> int:
        step = self.station.interval_s * 1000
        offset = random.Random(self.station.mn).randrange(step)
        return at_ms + (offset - at_ms) % step

    def measure(self, at_ms: int, water: Mapping[str, float]) -> dict[str, Measured]:
        """Outlets breathe with the working day; the rest is what nature says."""
        works = self.station.kind in (StationKind.OUTLET, StationKind.WORKS, StationKind.PUMP_STATION)
        size = 0.05 if works else 0.015
        values = {}
        for factor, instrument in self.instruments.items():
            swing = 1.0 if factor == "w01001" else daily(at_ms, self._phase_h, size)
            if factor in water:
                values[factor] = instrument.measure(at_ms, water[factor] * swing)
        return values

    def _accumulate(self, values: Mapping[str, Measured], seconds: float) -> None:
        flow = values.get(FLOW)
        volume_m3 = flow.value * seconds / 1000 if flow and flow.flag == "N" else 0.0
        for factor, m in values.items():
            if m.flag != "N":
                continue
            amount = volume_m3 if factor == FLOW else m.value * volume_m3 / 1000
            for periods in (self._minute, self._hour):
                periods.setdefault(factor, _Period()).add(m.value, amount)

    def _real_time(self, factor: str, m: Measured) -> Group:
        code = self._code(factor)
        return [(f"{code}-Rtd", self._text(factor, m.value)), (f"{code}-Flag", m.flag)]

    def _statistics(self, factor: str, p: _Period) -> Group | None:
        if not p.count:
            return None
        code = self._code(factor)
        three = (("Min", p.low), ("Avg", p.total / p.count), ("Max", p.high))
        items = [(f"{code}-{name}", self._text(factor, value)) for name, value in three]
        if FLOW in self.instruments and (factor == FLOW or CHARGED.get(factor)):
            items.append((f"{code}-Cou", f"{p.amount:.3f}"))
        return [*items, (f"{code}-Flag", "N")]

    def _text(self, factor: str, value: float) -> str:
        return f"{value:.{self.instruments[factor].character.decimals}f}"

    def _code(self, factor: str) -> str:
        return OLD_CODES.get(factor, factor) if self.dialect == 2005 else factor

    def _frames(
        self, cn: str, at_ms: int, groups: Iterable[Group], sent_ms: int | None = None
    ) -> list[Frame]:
        skew = self.vendor.skew_ms
        qn_ms = max(self._qn_ms + 1, (at_ms if sent_ms is None else sent_ms) + skew)
        message = write.Message(
            st=SYSTEM_TYPES[self.station.kind],
            cn=cn,
            pw=PASSWORD,
            mn=self.station.mn,
            qn=times.qn(qn_ms),
            groups=[[("DataTime", times.stamp(at_ms + skew if cn == "2011" else at_ms))], *groups],
            ack=True,
            dialect=self.dialect,
        )
        raws = write.frames(message)
        self._qn_ms = qn_ms + len(raws) - 1
        return [Frame(times.qn(qn_ms + i), cn, at_ms, raw) for i, raw in enumerate(raws)]


# Factors whose mass is accumulated (mg/L times volume is kg); pH, temperature and conductivity are not.
CHARGED = dict.fromkeys(("w01018", "w21003", "w21011", "w21001", "w21017"), True)
