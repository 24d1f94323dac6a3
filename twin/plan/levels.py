"""What belongs to a gate plan besides gates: the source and the park's pools first, and how gates open again.

Levels after the three-level control of chemical parks (not out of the plant, not out of the park's public
space, not out of the park); the end of an incident after HJ 589-2021, 48 hours at or below the standard.
"""

from __future__ import annotations

from collections.abc import Sequence

from geodata.places import OutletKind, Park
from geodata.words import Text
from twin.model import GatePlan, Ranking

SURE = 0.2  # probability from which an enterprise is asked to stop at once
CLEAN_H = 48  # hours at or below the standard before an end may be proposed
STEP_PERCENT = 10  # of full opening, at the first step of reopening


def levels(park: Park, ranking: Ranking, plans: Sequence[GatePlan]) -> tuple[Text, ...]:
    """Say what to do at the enterprise, in the park and on the river; a level without means says nothing."""
    found = []
    firms = {e.id: e for e in park.enterprises}
    outlets = {o.id: o for o in park.outlets}
    likely = [s for s in ranking.suspects if s.probability >= SURE and s.enterprise in firms][:2]
    for s in likely:
        firm, outlet = firms[s.enterprise], outlets.get(s.outlet)
        rain = outlet is not None and outlet.kind is OutletKind.RAIN
        what = (
            Text("关雨水排口阀", "shut the rain-outlet valve")
            if rain
            else Text("停外排泵、关专管阀", "stop the pump and shut the valve of its line")
        )
        found.append(
            Text("企业：{firm} {what}（{phone}）", "plant: {firm}, {what} ({phone})").fill(
                firm=firm.short, what=what, phone=firm.phone
            )
        )
    room = {lv: sum(p.capacity_m3 - p.stored_m3 for p in park.pools if p.level == lv) for lv in (1, 2)}
    if room[2] > 0:
        found.append(
            Text(
                "园区：关雨水渠闸，转应急池（空 {room:,.0f} m³）",
                "park: shut rain-channel gates, pump to pools ({room:,.0f} m³ free)",
            ).fill(room=room[2])
        )
    best = next((p for p in plans if p.recommended), None)
    if best is not None:
        gates = [m.gate for m in best.moves]
        found.append(
            Text("流域：关 {gates}", "river: close {gates}").fill(
                gates=Text("、".join(gates), ", ".join(gates))
            )
        )
    return tuple(found)


def undo(plans: Sequence[GatePlan]) -> tuple[Text, ...]:
    """Say when the gates of the recommended plan open again, and in which order: the outermost last."""
    best = next((p for p in plans if p.recommended), None)
    if best is None:
        return ()
    moves = sorted(best.moves, key=lambda m: (m.arrival.middle, m.gate))
    return reopening([m.gate for m in moves])


def reopening(gates: Sequence[str]) -> tuple[Text, ...]:
    """Say when closed gates open again, in which order and by how much at first."""
    return (
        Text(
            "闸前各断面连续 {h} 小时达标（或本底），或已转输处理",
            "sections before the gates at or below the standard (or background) for {h} h, or pumped out",
        ).fill(h=CLEAN_H),
        Text(
            "依次 {gates}，先开 {p}%，下游复测达标再开大；同样双人批准",
            "in the order {gates}; first {p} %, more when the next section stays clean; two people approve",
        ).fill(gates=Text(" → ".join(gates), " → ".join(gates)), p=STEP_PERCENT),
    )
