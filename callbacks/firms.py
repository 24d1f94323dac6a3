"""How each enterprise stands by its readings: load against permit, transmission, exceedances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from geodata.places import Enterprise, Park, Station
from twin.curves import Curve, Window
from twin.indicators import Load, Transfer, load, together, transfer
from twin.model import Anomaly, Kind, Level

COD, NH3N, FLOW = "w01018", "w21003", "w00000"
NEAR, FULL = 0.8, 1.0
"""Shares of the permitted rate from which a load is a warning, and an alarm."""
LEAST_TRANSFER = 0.95


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
    """

    id: str
    cod: float | None
    nh3n: float | None
    hours: float
    transfer: Transfer | None
    exceedances: int

    @property
    def level(self) -> Level:
        """The worst thing the numbers say; offline where they say nothing."""
        said = [level_of(s) for s in (self.cod, self.nh3n) if s is not None]
        if self.transfer is not None and self.transfer.effective is not None:
            poor = self.transfer.effective < LEAST_TRANSFER
            said.append(Level.WARNING if poor else Level.NORMAL)
        if self.exceedances:
            said.append(Level.ALARM)
        if self.cod is None and not self.exceedances:
            return Level.OFFLINE
        return max(said, default=Level.OFFLINE)


def level_of(share: float | None) -> Level:
    """Return the level of a load."""
    if share is None:
        return Level.OFFLINE
    return Level.ALARM if share > FULL else Level.WARNING if share > NEAR else Level.NORMAL


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


def count(
    park: Park, window: Window, anomalies: Iterable[Anomaly], from_ms: int, to_ms: int
) -> dict[str, Firm]:
    """Return how every enterprise stands between two moments, park ms."""
    begin = since(window, from_ms)
    at = {point: i for i, point in enumerate(window.points)}
    over = [
        a for a in anomalies if a.kind is Kind.EXCEEDANCE and from_ms <= a.since.timestamp() * 1000 < to_ms
    ]
    owned = stations_of(park)
    return {
        firm.id: _firm(firm, owned[firm.id], window, at, over, (begin, to_ms)) for firm in park.enterprises
    }


def _firm(
    firm: Enterprise,
    stations: Sequence[Station],
    window: Window,
    at: Mapping[tuple[str, str], int],
    over: Sequence[Anomaly],
    stretch: tuple[int, int],
) -> Firm:
    ids = {s.id for s in stations}
    exceedances = sum(a.point.station in ids for a in over)
    if not stations:
        return Firm(firm.id, None, None, 0.0, None, exceedances)
    cod, hours = _share(stations, window, at, COD, firm.cod_permit_t)
    nh3n, _ = _share(stations, window, at, NH3N, firm.nh3n_permit_t)
    sent = together(
        [transfer([_curve(window, at, s.mn, f) for f in s.factors], s.interval_s, *stretch) for s in stations]
    )
    return Firm(firm.id, cod, nh3n, hours, sent, exceedances)


def _curve(window: Window, at: Mapping[tuple[str, str], int], mn: str, code: str) -> Curve:
    i = at.get((mn, code))
    return window.curve(mn, code) if i is None else window.nth(i)


def _share(
    stations: Sequence[Station], window: Window, at: Mapping[tuple[str, str], int], code: str, permit_t: float
) -> tuple[float | None, float]:
    """Sum a load over the outlets that measure it; an outlet without flow says nothing."""
    kg = hours = 0.0
    for station in stations:
        if code in station.factors and FLOW in station.factors:
            done = load(
                _curve(window, at, station.mn, code), _curve(window, at, station.mn, FLOW), station.interval_s
            )
            kg, hours = kg + done.kg, max(hours, done.hours)
    return Load(kg, hours).share_of(permit_t), hours
