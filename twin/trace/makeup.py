"""What the water at alarmed stations is made of, beside what every outlet's water is made of."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from geodata.places import OutletKind
from twin.trace import fingerprint
from twin.trace.case import Case

Floats = NDArray[np.float64]

FINGERPRINT_MOST = 6.0  # nats
TREATED = 0.3  # chance that what came out is the water the outlet's meter knows, and not undiluted
COMPARED = 2  # alarmed stations whose water is compared with profiles


def of_stations(case: Case) -> tuple[Floats, Floats, list[str]]:
    """Compare the rises at the first alarmed stations with every outlet's water."""
    factors = sorted(case.by_factor)
    raw, metered = profiles(case, factors)
    total = np.zeros(len(case.outlets))
    shown = np.full(raw.shape, np.nan)
    used = 0
    for sensor in case.alarmed[:COMPARED]:
        found = _rises(case, factors, sensor)
        if found is None:
            continue
        rise, error, below, base = found
        scores, ratios = [], []
        for profile, share in ((raw, 1 - TREATED), (metered, TREATED)):
            adds = np.where(np.isfinite(profile), np.maximum(profile - base, 0.01 * profile), np.nan)
            alike = fingerprint.compare(rise, adds, error=error, below=below, batches=fingerprint.FOLLOWED)
            scores.append(np.log(share) + alike)
            ratios.append(_ratios(rise, adds, below))
        own_water = np.isfinite(metered).sum(1) >= 2
        total += np.where(own_water, np.logaddexp(*scores), scores[0] - np.log(1 - TREATED))
        if used == 0:
            shown = np.where((own_water & (scores[1] > scores[0]))[:, None], ratios[1], ratios[0])
        used += 1
    return np.clip(total / max(used, 1), -FINGERPRINT_MOST, FINGERPRINT_MOST), shown, factors


def _rises(
    case: Case, factors: list[str], sensor: int
) -> tuple[Floats, Floats, NDArray[np.bool_], Floats] | None:
    """Return the rise of every factor at a sensor while the leading one is high; None where it is not."""
    lead = case.signals
    events = lead.events
    mine = [e for e in range(len(events)) if events.sensor[e] == sensor]
    if not mine:
        return None
    e = max(mine, key=lambda k: (events.z[k], -k))
    inside = (lead.t_s >= events.onset_s[e]) & (lead.t_s <= events.end_s[e])
    high = inside & (np.nan_to_num(lead.rise[sensor]) > 0.4 * events.peak[e])
    rise, error = np.full(len(factors), np.nan), np.zeros(len(factors))
    below, base = np.zeros(len(factors), bool), np.zeros(len(factors))
    for k, code in enumerate(factors):
        s = case.by_factor[code]
        values = s.rise[sensor, high]
        values = values[np.isfinite(values)]
        if len(values) < 2 or not np.isfinite(s.sigma[sensor]):
            continue
        # The baseline itself may have drifted: many samples do not make it surer than this.
        unsure = s.sigma[sensor] * max(1 / np.sqrt(len(values)), 0.4)
        base[k] = s.base[sensor]
        below[k] = np.median(values) < 2.5 * unsure
        rise[k] = 2.5 * unsure if below[k] else np.median(values)
        error[k] = unsure / rise[k]
    return (rise, error, below, base) if np.isfinite(rise).sum() >= 2 else None


def profiles(case: Case, factors: list[str]) -> tuple[Floats, Floats]:
    """Return water by outlet: undiluted by the enterprise's fingerprint, and as it usually leaves there.

    What usually leaves is what the library has learned of the outlet, or else what its own meter reads now.
    """
    at = {f: k for k, f in enumerate(factors)}
    by_enterprise: dict[str, Floats] = {e.id: np.full(len(factors), np.nan) for e in case.park.enterprises}
    for f in case.park.fingerprints:
        if f.factor in at and f.value > 0:
            by_enterprise[f.enterprise][at[f.factor]] = f.value
    obs = case.observations
    metered = np.full((len(case.outlets), len(factors)), np.nan)
    for c, outlet in enumerate(case.outlets):
        stations = list(case.meters.get(outlet.enterprise, ()))
        if outlet.kind is OutletKind.RAIN or not stations:
            continue
        for k, code in enumerate(factors):
            known = obs.value[obs.factors.index(code), stations]
            known = known[np.isfinite(known)]
            metered[c, k] = np.median(known) if len(known) else np.nan
    row = {outlet.id: c for c, outlet in enumerate(case.outlets)}
    for p in case.library.measured if case.library else ():
        if p.factor in at and p.outlet in row:
            metered[row[p.outlet], at[p.factor]] = p.value
    return np.array([by_enterprise[o.enterprise] for o in case.outlets]), metered


def _ratios(rise: Floats, adds: Floats, below: NDArray[np.bool_]) -> Floats:
    """Return observed over expected rises, their median made 1, for the sentences; (c, f)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.where(below[None, :], np.nan, np.log(rise)[None, :] - np.log(adds))
    known = np.isfinite(logs)
    middle = np.array([np.median(r[k]) if k.any() else 0.0 for r, k in zip(logs, known, strict=True)])
    return np.asarray(np.exp(logs - middle[:, None]))


def age_days(case: Case, outlet: int) -> int | None:
    """Return the age of the oldest print of the library an outlet was compared with; None without any."""
    it = case.outlets[outlet]
    if case.library is None:
        return None
    used = [p.as_of for p in case.library.of(it.enterprise, "").values()]
    used += [p.as_of for p in case.library.measured if p.outlet == it.id]
    return (datetime.fromtimestamp(case.now_s, UTC).date() - min(used)).days if used else None
