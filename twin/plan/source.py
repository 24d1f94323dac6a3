"""Stop the source first: the valve or pump at the likeliest enterprise's own end, as a plan like any other.

First of the three levels of control (enterprise, park, river): what does not leave the plant need not be held
in a canal. The devices are worked as gates are, with the same two approvals and the same feedback.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from geodata.places import Device, DeviceKind, Park
from geodata.words import Text
from twin.config import Config
from twin.model import Arrival, GateMove, GatePlan, Ranking, Suspect
from twin.plan.levels import SURE
from twin.plan.release import GOES_ON

LETTER = "S"
ORDER = {DeviceKind.PUMP: 0, DeviceKind.PIPE_VALVE: 1, DeviceKind.RAIN_VALVE: 1}


def devices_of(park: Park, outlet: str) -> tuple[Device, ...]:
    """Return what stops an outlet, in the order it is worked: the pump before the valve it pumps against."""
    found = [d for d in park.devices if outlet in d.outlets]
    return tuple(sorted(found, key=lambda d: (ORDER[d.kind], d.id)))


def ends(suspect: Suspect, now: datetime) -> datetime:
    """Return when a release ends by itself; one that still goes on is taken to do so for a while."""
    if suspect.release_to < now - GOES_ON:
        return suspect.release_to
    return max(suspect.release_to, now + GOES_ON)


def saved(suspect: Suspect, stopped: datetime, now: datetime, leakage: float = 0.0) -> float:
    """Return the share of a release that does not come out if it is stopped at a moment."""
    end = ends(suspect, now)
    whole = (end - suspect.release_from).total_seconds()
    left = (end - max(stopped, suspect.release_from)).total_seconds()
    return min(max(left / whole, 0.0), 1.0) * (1.0 - leakage) if whole > 0 else 0.0


def closed_at(devices: Sequence[Device], config: Config, now: datetime) -> datetime:
    """Return when the first of the devices has stopped the water, ordered now."""
    return now + timedelta(seconds=config.decision_s + min(d.stroke_s for d in devices))


def plan(park: Park, ranking: Ranking, incident: str, config: Config, now: datetime) -> GatePlan | None:
    """Return the plan that stops the leading suspect at its own end.

    None where nobody is likely enough to be asked, or its outlet has nothing that could be closed.
    """
    suspect = next((s for s in ranking.suspects if s.probability >= SURE), None)
    devices = devices_of(park, suspect.outlet) if suspect is not None else ()
    if suspect is None or not devices:
        return None
    firm = park.enterprise(suspect.enterprise)
    leak = min(d.leakage for d in devices)
    shut = closed_at(devices, config, now)
    return GatePlan(
        id=f"{incident}/{LETTER}",
        incident=incident,
        name=Text("停源：{f}", "Stop the source: {f}").fill(f=firm.short),
        moves=tuple(_move(d, firm.phone, config, now) for d in devices),
        contained=saved(suspect, shut, now, leak),
        contained_late=saved(suspect, shut + timedelta(minutes=15), now, leak),
        volume_m3=0.0,
        storage_m3=0.0,
        hours_to_full=0.0,
        side_effects=(),
        recommended=False,  # of gate plans one is; this one is done whatever is decided about gates
    )


def _move(device: Device, phone: str, config: Config, now: datetime) -> GateMove:
    return GateMove(
        gate=device.id,
        close_by=now,
        arrival=Arrival(device.id, now, now, now, 1.0),
        stroke_s=device.stroke_s,
        decision_s=config.decision_s,
        margin_s=0.0,
        too_late=False,
        flood_lock=False,
        why=WHY.fill(name=device.name, phone=phone),
    )


WHY = Text(
    "{name}：立即关闭，企业值班 {phone}", "{name}: close at once, the enterprise's duty telephone is {phone}"
)
