"""Why a gate, by when and at what price: sentences for the gate plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from geodata.network import Network
from geodata.places import Gate, Park
from geodata.words import Text
from twin.model import GateMove, GatePlan, Sighting
from twin.plan.look import Bypass, Checked
from twin.trace.sentences import clock

Floats = NDArray[np.float64]

NOTABLE_RISE_M = 0.1
NOTABLE_SHARE = 0.3
LONG_H = 200.0
TOLD_RISK = 0.01  # chance that a bank is topped, from which it is said
PROBABLE = 0.5
LEAST_KG = 1.0


def why(gate: Gate, move: GateMove, *, helps: bool) -> Text:
    """Say how a close-by time comes about."""
    early, by = clock(move.arrival.early.timestamp()), clock(move.close_by.timestamp())
    times = {
        "early": early,
        "by": by,
        "stroke": f"{move.stroke_s / 60:.0f}",
        "decision": f"{move.decision_s / 60:.0f}",
        "margin": f"{move.margin_s / 60:.0f}",
    }
    if helps:
        return Text(
            "关闭后其下游河段停流，污染团不再被推走；启闭 {stroke} 分钟，最晚 {by} 下令",
            "Stills the water behind the plume, so that it is not pushed on; stroke {stroke} min, "
            "order by {by}",
        ).fill(**times)
    if move.too_late:
        return Text(
            "来不及：污染前锋最早 {early} 到，启闭 {stroke} 分钟，应在 {by} 前下令",
            "Too late: the front may come at {early}; with {stroke} min of stroke the order was due by {by}",
        ).fill(**times)
    return Text(
        "污染前锋最早 {early} 到；启闭 {stroke} 分钟、决策 {decision} 分钟、余量 {margin} 分钟，"
        "最晚 {by} 下令",
        "The front may come at {early}; stroke {stroke}, decision {decision}, margin {margin} min: "
        "order by {by}",
    ).fill(**times)


def late(deadlines: Mapping[str, GateMove], plans: Sequence[GatePlan]) -> Text | None:
    """Say which gates are too late and what is left: the next one in time, or nothing; None where none is."""
    gone = [g for g, m in deadlines.items() if m.too_late]
    best = next((p for p in plans if p.recommended), None)
    if best is not None:
        next_ = [m for m in best.moves if not m.too_late]
        if not gone or not next_:
            return None
        listed = Text("、".join(gone), ", ".join(gone))
        first = min(next_, key=lambda m: m.close_by)
        return Text("{gone}来不及，改关 {next}（{by} 前）", "Too late for {gone}; next {next} by {by}").fill(
            gone=listed, next=first.gate, by=clock(first.close_by.timestamp())
        )
    if not deadlines:
        return None
    if not gone:
        return Text("没有能拦住的闸", "No gate would hold it")
    listed = Text("、".join(gone), ", ".join(gone))
    left = [g for g in deadlines if g not in gone]
    if left:
        return Text(
            "{gone}来不及，{left} 还来得及，但只关它拦不住；先断源头，再抢尾部",
            "Too late for {gone}; {left} can still close, but would not hold it alone; stop the source, "
            "then save what is left",
        ).fill(gone=listed, left=Text("、".join(left), ", ".join(left)))
    return Text(
        "没有闸来得及：{gone} 的最晚时间已过；先断源头，再抢尾部",
        "Nothing closes in time: too late for {gone}; stop the source, then save what is left",
    ).fill(gone=listed)


def contradicted(sightings: Sequence[Sighting]) -> Text | None:
    """Say that the last reading came at another time than expected; None where it did not."""
    if not sightings or sightings[-1].expected:
        return None
    s = sightings[-1]
    times = {
        "station": s.station,
        "early": clock(s.early.timestamp()),
        "late": clock(s.late.timestamp()),
        "seen": clock(s.seen.timestamp()),
    }
    return Text(
        "{station} 预计 {early}–{late} 到，实测 {seen} 到：各处时间已按实测重算",
        "Expected at {station} between {early} and {late}, seen at {seen}: all times are reckoned anew",
    ).fill(**times)


def side_effects(
    park: Park,
    network: Network,
    gates: Sequence[Gate],
    flow: Floats,
    rise: Floats,
    overtops_h: float | None,
    *,
    flood_lock: bool,
) -> tuple[Text, ...]:
    """Say what closing these gates costs.

    Parameters
    ----------
    flow : (m,) m3/s
        Some hours after closing, along the network's tail to head.
    rise : (n,) m
    overtops_h : float or None
        Hours until water comes within the freeboard of a bank; None where it does not.
    flood_lock : bool
        A flood warning is in force.
    """
    told = []
    if flood_lock:
        told.append(
            Text(
                "防汛闭锁生效：须经防汛部门同意才能关闸",
                "Flood lock in force: no gate may close without the flood authority",
            )
        )
    if overtops_h is not None:
        told.append(
            Text(
                "约 {h:.1f} 小时后水位逼近堤顶，须先转输或开旁路",
                "Water nears the bank after about {h:.1f} h: pump or by-pass before that",
            ).fill(h=overtops_h)
        )
    highest = float(rise.max(initial=0.0))
    if highest >= NOTABLE_RISE_M:
        told.append(
            Text("上游水位最多抬高 {m:.1f} 米", "Water upstream rises by up to {m:.1f} m").fill(m=highest)
        )
    told += _less_water(park, network, flow)
    for gate in gates:
        if not gate.remote:
            told.append(
                Text(
                    "{gate}为现场操作闸，需派人，启闭约 {m:.0f} 分钟",
                    "{gate} is worked on site: send people, stroke about {m:.0f} min",
                ).fill(gate=gate.name, m=gate.stroke_s / 60)
            )
        if not gate.pre_authorised:
            told.append(
                Text(
                    "{gate}未预授权，须{owner}同意（{phone}）",
                    "{gate} is not pre-authorised: {owner} must agree ({phone})",
                ).fill(gate=gate.name, owner=gate.owner, phone=gate.phone)
            )
    return tuple(told)


def of_the_engine(checked: Checked, bypasses: Sequence[Bypass]) -> tuple[Text, ...]:
    """Say what the engine found of a set: a bank at risk, a gate that leads clean water round."""
    told = []
    if checked.risk >= PROBABLE:
        told.append(
            Text(
                "来水偏大时很可能漫堤，派人看守堤防、备好转输",
                "If flows run high water will probably top a bank: have the banks watched and pumps ready",
            )
        )
    elif checked.risk >= TOLD_RISK:
        told.append(
            Text(
                "约有 {p:.0f}% 的可能漫堤，派人看守堤防",
                "About {p:.0f} % chance that water tops a bank: have the banks watched",
            ).fill(p=100 * checked.risk)
        )
    for b in bypasses:
        if b.gates != checked.gates:
            continue
        if b.helps and b.lower > 0:
            words = Text(
                "开{gate}引清水绕行：最满处水位再低 {p:.0f}%，不多流失",
                "Open {gate} to lead clean water round: {p:.0f} % more room below banks, nothing more lost",
            ).fill(gate=b.gate, p=100 * b.lower)
        elif b.helps:
            words = Text(
                "开{gate}引清水绕行：再少流失 {kg:.0f} kg",
                "Open {gate} to lead clean water round: {kg:.0f} kg less are lost",
            ).fill(gate=b.gate, kg=-b.more_kg)
        elif b.more_kg >= LEAST_KG:
            words = Text(
                "{gate}保持关闭：打开会多流失 {kg:.0f} kg",
                "Keep {gate} shut: opening it loses {kg:.0f} kg more",
            ).fill(gate=b.gate, kg=b.more_kg)
        else:
            continue
        told.append(words)
    return tuple(told)


def _less_water(park: Park, network: Network, flow: Floats) -> list[Text]:
    """Name receptors that get much less water than they are used to."""
    told = []
    n = len(network.node_ids)
    into = np.where(flow >= 0, network.head, network.tail)
    before = np.bincount(network.head, network.flow_m3s, n)
    after = np.bincount(into, np.abs(flow), n)
    for r in park.receptors:
        node = network.nodes[r.node]
        outfall = not np.any(network.tail == node)
        if before[node] > 0.05 and not outfall and after[node] < NOTABLE_SHARE * before[node]:
            share = 100 * (1 - after[node] / before[node])
            told.append(
                Text("{place}来水减少约 {p:.0f}%", "{place} gets about {p:.0f} % less water").fill(
                    place=r.name, p=share
                )
            )
    return told


def name(gates: Sequence[Gate], kind: str) -> Text:
    """Name a plan by what it does: nearest, outermost or joint."""
    listed = "、".join(g.id for g in gates)
    english = ", ".join(g.id for g in gates)
    kinds = {
        "nearest": Text("就近拦截 ", "Nearest gates: "),
        "outermost": Text("外围拦截 ", "Outermost gates: "),
        "joint": Text("联合拦截 ", "Joint closing: "),
    }
    return Text(kinds[kind].zh + listed, kinds[kind].en + english)
