"""What normal discharge teaches: one print for every factor of every outlet that has its own meter.

Hours in which something was wrong there, and an hour on either side, teach nothing. Where too few are left,
the permit stands in: it names what may be in the water and how much at most, and is marked as no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import numpy as np

from geodata.places import Outlet, OutletKind, Park, Station, StationKind
from twin.clock import as_datetime, as_ms
from twin.curves import Curve
from twin.fingerprints import LEARNED, PERMIT, Print
from twin.history.reader import History
from twin.limits import Limits
from twin.model import Anomaly

HOUR_MEAN, MINUTE_MEAN = "2061", "2051"
LEAST = 24  # means
BESIDE_MS = 3_600_000  # around something wrong that teaches nothing
LEAST_SPREAD = 0.02  # no instrument is better
PERMIT_SPREAD = 1.0
NOT_WATER = frozenset(("w00000", "w01001", "w01002", "w01009", "w01010"))  # they do not mix as masses do


def learn(
    park: Park,
    history: History,
    anomalies: Sequence[Anomaly],
    limits: Limits,
    until: datetime,
    days: float = 30.0,
) -> list[Print]:
    """Learn the prints of every metered outlet.

    Parameters
    ----------
    anomalies : sequence of Anomaly
        Of the stretch of time; those still open last until its end.
    until : datetime
        Park time; readings of so many days before it are looked at.

    Raises
    ------
    UnavailableError
        The history is away.
    """
    span = as_ms(until - timedelta(days=days)), as_ms(until)
    found = []
    for outlet, station in metered(park):
        wrong = [
            (as_ms(a.since), as_ms(a.until or until)) for a in anomalies if a.point.station == station.id
        ]
        for code in station.factors:
            if code in NOT_WATER:
                continue
            one = None
            for cn in (HOUR_MEAN, MINUTE_MEAN):
                one = one or _learned(outlet, code, history.series(station.mn, code, *span, cn=cn), wrong)
            limit = limits.of(station.id, code)
            if one is None and limit is not None and limit.high is not None:
                day = until.date()
                one = Print(outlet.enterprise, outlet.id, code, limit.high, PERMIT_SPREAD, 0, day, PERMIT)
            if one is not None:
                found.append(one)
    return found


def metered(park: Park) -> list[tuple[Outlet, Station]]:
    """Return the outlets that have a meter of their own, with it."""
    at = {s.node: s for s in park.stations if s.kind is StationKind.OUTLET}
    return [
        (o, at[o.node])
        for o in park.outlets
        if o.kind is OutletKind.WASTEWATER and o.node in at and at[o.node].enterprise == o.enterprise
    ]


def _learned(outlet: Outlet, code: str, curve: Curve, wrong: Iterable[tuple[int, int]]) -> Print | None:
    """Return the middle and the spread of good values outside the times when something was wrong."""
    good = curve.measured()
    keep = good.value > 0
    for begin, end in wrong:
        keep &= (good.at_ms < begin - BESIDE_MS) | (good.at_ms > end + BESIDE_MS)
    at, logs = good.at_ms[keep], np.log(good.value[keep])
    if len(logs) < LEAST:
        return None
    middle = float(np.median(logs))
    spread = max(1.4826 * float(np.median(np.abs(logs - middle))), LEAST_SPREAD)
    day: date = as_datetime(int(at[-1])).date()
    value = float(np.exp(middle))
    return Print(outlet.enterprise, outlet.id, code, value, spread, len(logs), day, LEARNED)
