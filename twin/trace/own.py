"""What an enterprise's own meter, slot, permit and past say: evidence that needs no network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata import zone
from geodata.places import Enterprise, OutletKind
from twin.trace import signals
from twin.trace.case import Case
from twin.trace.observations import FLOW

Floats = NDArray[np.float64]

DAY_MIN = 24 * 60
BEFORE_S, AFTER_S = 1200.0, 900.0  # around an inferred release
MOVED, STILL = 1.8, -1.8  # nats of an outlet meter that moved, or stayed quiet while it watched the release
ALARMED = 8.0  # the same where the incident's own alarm is that meter's: nobody else's water passes it
OUT_OF_SLOT, IN_SLOT, SHUT = 2.0, -0.7, -1.5
NOT_ON_PERMIT = -1.0
FOUND_BEFORE, FOUND_MOST = 0.4, 0.8  # for each earlier incident it was found to have caused; in all
RUNNING = 0.15  # of the usual flow: less is taken for standing still
ALWAYS = 0.7  # of the flow now: an outlet that ran so much outside its hours before tells nothing by running


@dataclass(frozen=True, slots=True)
class Meter:
    """What an outlet's own station did around an inferred release.

    nats: for (> 0) or against; factor: what moved most ("" if nothing); z: how far, in standard deviations;
    ratio: largest value over baseline; share: part of the time it spoke; station: its id ("" if none).
    """

    nats: float
    factor: str = ""
    z: float = 0.0
    ratio: float = 1.0
    share: float = 0.0
    station: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """How a release stands to the enterprise's hours on the shared pipe.

    state: "" (no slots), in, out (discharging outside), shut (outside, and nothing flowed).
    """

    nats: float
    state: str = ""


def meter(case: Case, outlet: int, start_s: float, duration_s: float) -> Meter:
    """Compare an outlet's own station with the release that would explain the event.

    Only a wastewater outlet has its water pass the meter; for others the answer is empty.
    """
    it = case.outlets[outlet]
    stations = case.meters.get(it.enterprise, ())
    if it.kind is not OutletKind.WASTEWATER or not stations:
        return Meter(0.0)
    obs = case.observations
    best = Meter(0.0, station=obs.stations[stations[0]])
    for code in (*obs.carried, FLOW):
        if code not in obs.factors:
            continue
        seen = _around(case, stations, code, start_s - BEFORE_S, start_s + duration_s + AFTER_S)
        if seen is not None and (best.share == 0 or seen[1] > best.z):
            share, z, ratio = seen
            best = Meter(0.0, code, z, ratio, max(share, best.share), best.station)
    if best.share < 0.3:
        return Meter(0.0, share=best.share, station=best.station)
    if best.z > signals.START_Z:
        most = ALARMED if _is_alarmed(case, outlet, stations) else MOVED
        return Meter(most * min(1.0, best.z / 10), best.factor, best.z, best.ratio, best.share, best.station)
    return Meter(STILL * min(1.0, best.share), "", best.z, best.ratio, best.share, best.station)


def _is_alarmed(case: Case, outlet: int, stations: tuple[int, ...]) -> bool:
    """Tell whether the incident stands on this outlet's own meter, and its water passes all that alarmed."""
    own = any(case.sensors[k] in stations for k in case.alarmed)
    return own and all(case.transport.share[outlet, k] > 0 for k in case.alarmed)


def _around(
    case: Case, stations: tuple[int, ...], code: str, from_s: float, to_s: float
) -> tuple[float, float, float] | None:
    """Return share of the time spoken, largest rise in standard deviations, and over the baseline."""
    obs = case.observations
    value = obs.value[obs.factors.index(code), list(stations)]
    known = np.isfinite(value)
    before = obs.t_s < min(case.quiet_s, from_s)
    inside = (obs.t_s >= from_s) & (obs.t_s <= to_s)
    if known[:, before].sum() < 5 or not inside.any():
        return None
    rest = value[:, before][known[:, before]]
    base = float(np.median(rest))
    sigma = max(1.4826 * float(np.median(np.abs(rest - base))), signals.NOISE_FLOOR * abs(base), 1e-9)
    now = np.sort(value[:, inside][known[:, inside]])
    if len(now) < 3:
        return (0.0, 0.0, 1.0)
    high = float(now[-3])  # three samples at least
    expected = inside.sum() / case.observations.hold * 2.5
    return min(1.0, len(now) / max(expected, 1.0)), (high - base) / sigma, high / max(base, 1e-9)


def slot(case: Case, enterprise: Enterprise, start_s: float, duration_s: float) -> Slot:
    """Compare a release with the enterprise's hours on the shared pipe."""
    if not enterprise.slots:
        return Slot(0.0)
    if _in_slots(np.array([start_s + duration_s / 2]), enterprise)[0]:
        return Slot(IN_SLOT, "in")
    flowing = _flowing(case, enterprise, start_s - BEFORE_S, start_s + duration_s + AFTER_S)
    if flowing is None:
        return Slot(0.0)
    return Slot(OUT_OF_SLOT, "out") if flowing else Slot(SHUT, "shut")


def _flowing(case: Case, enterprise: Enterprise, from_s: float, to_s: float) -> bool | None:
    """Tell whether the enterprise's outlet ran; None where nothing says so, or that it was new."""
    obs, stations = case.observations, case.meters.get(enterprise.id, ())
    if not stations or FLOW not in obs.factors:
        return None
    value = obs.value[obs.factors.index(FLOW), list(stations)]
    inside = value[:, (obs.t_s >= from_s) & (obs.t_s <= to_s)]
    if np.isfinite(inside).sum() < 3:
        return None
    usual = np.nanmax(value)
    if not usual > 0 or not np.nanmedian(inside) > RUNNING * usual:
        return False
    before = value[:, (obs.t_s < from_s) & ~_in_slots(obs.t_s, enterprise)]
    if np.isfinite(before).sum() < 3 or np.nanmedian(before) >= ALWAYS * np.nanmedian(inside):
        return None
    return True


def _in_slots(t_s: Floats, enterprise: Enterprise) -> NDArray[np.bool_]:
    """Mark the moments that lie in the enterprise's hours on the shared pipe."""
    minute = (t_s + zone.ahead_s(float(t_s[0]) if len(t_s) else 0.0)) // 60 % DAY_MIN
    found = np.zeros(len(t_s), bool)
    for begin, end in enterprise.slots:
        a, b = (int(t[:2]) * 60 + int(t[3:5]) for t in (begin, end))
        found |= (a <= minute) & (minute < b) if a <= b else (minute >= a) | (minute < b)
    return found


def permitted(case: Case, factors: tuple[str, ...]) -> dict[str, float]:
    """Return what the incident's factors say by enterprise: against those known for none of them."""
    carried = set(factors) & set(case.observations.carried)
    known: dict[str, set[str]] = {}
    for f in case.park.fingerprints:
        known.setdefault(f.enterprise, set()).add(f.factor)
    return {
        e.id: NOT_ON_PERMIT if carried and e.id in known and not carried & known[e.id] else 0.0
        for e in case.park.enterprises
    }


def found_before(case: Case) -> dict[str, float]:
    """Return what earlier incidents say by enterprise, of which people found that it was the source.

    Little, so that nobody is guilty for having been: an earlier ranking alone does not count at all.
    """
    return {e.id: min(FOUND_BEFORE * case.before.get(e.id, 0), FOUND_MOST) for e in case.park.enterprises}
