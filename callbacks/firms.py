"""How each enterprise stands by its readings: load against permit, transmission, exceedances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from geodata.places import Enterprise, Park, Station
from twin.curves import Curve, Window
from twin.indicators import Load, Transfer, load, together, transfer
from twin.model import Anomaly, Kind, Level
from twin.quality.rules import Rules

COD, NH3N, FLOW = "w01018", "w21003", "w00000"
FULL = 1.0
"""Share of the permitted rate from which a load is an alarm."""
RECENT_MS = 3_600_000
"""How far back real-time values are looked for."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of readings: the loggers' own means where they send them, and the real-time values since.

    Attributes
    ----------
    window : Window
        What is counted.
    interval_s : float
        Usual distance of two values of it.
    newest : Window
        Real-time values of the last while, for curves and for "now".
    from_ms, to_ms : int
        What can be judged: from the first value there is to the last that must have come.
    """

    window: Window
    interval_s: float
    newest: Window
    from_ms: int
    to_ms: int

    @property
    def hours(self) -> float:
        """How long that is."""
        return max(self.to_ms - self.from_ms, 0) / 3_600_000

    def curve(self, mn: str, code: str) -> Curve:
        """A point's whole day: means as far as they go, then what came in real time."""
        old, new = self.window.curve(mn, code), self.newest.curve(mn, code)
        if not len(old.at_ms):
            return new
        later = new.at_ms >= old.at_ms[-1] + int(self.interval_s * 1000)
        return Curve(
            np.concatenate((old.at_ms, new.at_ms[later])),
            np.concatenate((old.value, new.value[later])),
            np.concatenate((old.flag, new.flag[later])),
        )


def day(history: Past, now_ms: int, hours: float = 24.0) -> Day:
    """Read a day of readings.

    Minute means (2051) are what a logger itself stands by, and a tenth of the values; where none are sent
    the real-time values (2011) are counted.

    Raises
    ------
    UnavailableError
        The history is away.
    """
    from_ms = now_ms - int(hours * 3_600_000)
    newest = history.window(now_ms - RECENT_MS, now_ms)
    window = history.window(from_ms, now_ms, "2051")
    if not len(window.at_ms):
        window = history.window(from_ms, now_ms)
    interval_s = spacing_s(window)
    # A mean is for the interval it begins, and comes when that is over.
    to_ms = now_ms - int(2 * interval_s * 1000)
    return Day(window, interval_s, newest, since(window, from_ms), to_ms)


def spacing_s(window: Window, default: float = 60.0) -> float:
    """Return the usual distance of two values of one point, seconds."""
    steps = np.diff(window.at_ms)
    within = np.ones(len(steps), bool)
    inner = window.start[1:-1]
    within[inner[(inner > 0) & (inner <= len(steps))] - 1] = False
    steps = steps[within & (steps > 0)]
    return float(np.median(steps)) / 1000 if len(steps) else default


class Past(Protocol):
    """What of the history is asked here."""

    def window(self, from_ms: int, to_ms: int, cn: str = "2011") -> Window: ...


@dataclass(frozen=True, slots=True)
class Firm:
    """One enterprise over a stretch of time; None is what its readings do not say.

    Attributes
    ----------
    cod, nh3n : float or None
        Load against the permit for the same hours; 1 is just permitted.
    hours : float
        Hours of valid readings the COD load was counted over.
    transfer : Transfer or None
        None where it has no station.
    exceedances : int
        Exceedances that began in the stretch.
    rules : Rules
        From what share on a load is near its permit, and transmission good.
    """

    id: str
    cod: float | None
    nh3n: float | None
    hours: float
    transfer: Transfer | None
    exceedances: int
    rules: Rules

    @property
    def level(self) -> Level:
        """The worst thing the numbers say; offline where they say nothing."""
        said = [self.level_of(s) for s in (self.cod, self.nh3n) if s is not None]
        if self.transfer is not None and self.transfer.effective is not None:
            poor = self.transfer.effective < self.rules.good.value
            said.append(Level.WARNING if poor else Level.NORMAL)
        if self.exceedances:
            said.append(Level.ALARM)
        if self.cod is None and not self.exceedances:
            return Level.OFFLINE
        return max(said, default=Level.OFFLINE)

    def level_of(self, share: float | None) -> Level:
        """Return the level of a load."""
        if share is None:
            return Level.OFFLINE
        near = share > self.rules.near.value
        return Level.ALARM if share > FULL else Level.WARNING if near else Level.NORMAL


def stations_of(park: Park) -> dict[str, list[Station]]:
    """Return the stations of each enterprise."""
    found: dict[str, list[Station]] = {e.id: [] for e in park.enterprises}
    for station in park.stations:
        if station.enterprise in found:
            found[station.enterprise].append(station)
    return found


def since(window: Window, from_ms: int) -> int:
    """Return when counting starts: the first reading where the history is younger than the window."""
    return max(from_ms, int(window.at_ms.min())) if len(window.at_ms) else from_ms


def count(park: Park, today: Day, anomalies: Iterable[Anomaly], rules: Rules) -> dict[str, Firm]:
    """Return how every enterprise stands over a day."""
    begin = today.from_ms
    over = [a for a in anomalies if a.kind is Kind.EXCEEDANCE and a.since.timestamp() * 1000 >= begin]
    owned = stations_of(park)
    return {firm.id: _firm(firm, owned[firm.id], today, over, rules) for firm in park.enterprises}


def _firm(
    firm: Enterprise, stations: Sequence[Station], today: Day, over: Sequence[Anomaly], rules: Rules
) -> Firm:
    ids = {s.id for s in stations}
    exceedances = sum(a.point.station in ids for a in over)
    if not stations:
        return Firm(firm.id, None, None, 0.0, None, exceedances, rules)
    cod, hours = _share(stations, today, COD, firm.cod_permit_t)
    nh3n, _ = _share(stations, today, NH3N, firm.nh3n_permit_t)
    sent = together([received(s, today) for s in stations])
    return Firm(firm.id, cod, nh3n, hours, sent, exceedances, rules)


def received(station: Station, today: Day) -> Transfer:
    """Return what a station's logger sent of what was due."""
    curves = [today.window.curve(station.mn, f) for f in station.factors]
    return transfer(curves, today.interval_s, today.from_ms, today.to_ms)


def _share(stations: Sequence[Station], today: Day, code: str, permit_t: float) -> tuple[float | None, float]:
    """Sum a load over the outlets that measure it; an outlet without flow says nothing."""
    kg = hours = 0.0
    for station in stations:
        if code in station.factors and FLOW in station.factors:
            conc, flow = (today.window.curve(station.mn, f) for f in (code, FLOW))
            done = load(conc, flow, today.interval_s)
            kg, hours = kg + done.kg, max(hours, done.hours)
    return Load(kg, hours).share_of(permit_t), hours
