"""A plan for a stated release in the shape the command prints, and why it is this one in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from geodata.words import Text
from twin.plan.outlook import Band
from twin.plan.search import Trial

if TYPE_CHECKING:
    from twin.plan.by_hand import ByPass, Made


def told(made: Made) -> dict[str, Any]:
    """Return the plan as plain data.

    Times are ISO 8601 in UTC, or seconds after the release began where a key ends in `_s`; masses are kg.
    What passes an intake on its way to the sea stands at both in `receptors`; in all other sums no more
    counts than was released.
    """
    nothing = once_kg(made, made.trials.nothing)
    lost = nothing if made.best is None else once_kg(made, made.best)
    best = made.best or made.trials.nothing
    why = reason(made)
    return {
        "arrivals": {p: _arrival(b) for p, b in sorted(made.arrivals.items(), key=lambda kv: kv[1].early_s)},
        "gates": [
            {
                "gate": d.gate,
                "close_by": None if d.close_by is None else _iso(d.close_by),
                "slack_s": None if d.slack_s is None else round(d.slack_s, 1),
                "usable": d.usable,
                "holds": "rest" if d.rest else "all",
            }
            for d in made.deadlines.values()
        ],
        "recommended": [{"gate": g, "close_at": _iso(made.spill.now)} for g in _in_order(made)],
        "second_best": made.second_best(),
        "kept_kg": round(nothing - lost, 3),
        "lost_kg": round(lost, 3),
        "lost_kg_if_nothing_done": round(nothing, 3),
        "lost_kg_if_waiting": {m: round(once_kg(made, t), 3) for m, t in made.waiting().items()},
        "receptors": {
            r: {"nothing_kg": round(kg, 3), "plan_kg": round(best.lost[r], 3)}
            for r, kg in made.trials.nothing.lost.items()
        },
        "overtops_after_s": _overtops_s(made),
        "options": {name: _option(made, t) for name, t in made.ends().items()},
        "by_pass": [_by_pass(made, b) for b in made.by_passes()],
        "stations": {
            n: {"expected_s": round(e, 1), "seen_s": round(at, 1), "deviation_s": round(at - e, 1)}
            for n, (e, at) in made.outlook.deviations().items()
        },
        "reason": why.en,
        "reason_zh": why.zh,
        "tried": len(made.trials.tried) - 1,
        "engine_error": round(made.error, 3),
    }


def _arrival(b: Band) -> dict[str, Any]:
    def three(values: Iterable[float], digits: int = 1) -> list[float]:
        return [round(x, digits) for x in values]

    return {
        "p05_s": round(b.early_s, 1),
        "p50_s": round(b.middle_s, 1),
        "p95_s": round(b.late_s, 1),
        "share": round(b.share, 4),
        "peak_s": three(b.peak_s),
        "tail_s": three(b.tail_s),
        "peak_mg_l": three(b.mg_l, 3),
    }


def _by_pass(made: Made, b: ByPass) -> dict[str, Any]:
    lost = min(b.lost_kg, made.trials.question.kg)
    return {"gate": b.gate, "lost_kg": round(lost, 3), "lower": round(b.lower, 3), "helps": b.helps}


def once_kg(made: Made, t: Trial) -> float:
    """Return what comes to receptors, no more of it than was released however many it passes in a row."""
    return min(t.lost_kg, made.trials.question.kg)


def _option(made: Made, t: Trial) -> dict[str, Any]:
    best = made.best
    why = (
        THE_SAME
        if best is not None and t.gates == best.gates
        else LOSES_MORE.fill(kg=f"{once_kg(made, t) - (once_kg(made, best) if best else 0.0):.0f}")
        if best is None or t.lost_kg > best.lost_kg
        else LESS_SURE
    )
    return {
        "gates": list(t.gates),
        "lost_kg": round(once_kg(made, t), 3),
        "fullest": round(t.fullest, 3),
        "reason": why.en,
        "reason_zh": why.zh,
    }


def _in_order(made: Made) -> list[str]:
    """Return the plan's gates, the one that is due first in front."""
    far = made.spill.now + timedelta(days=9)
    return sorted(made.best.gates if made.best else (), key=lambda g: (made.deadlines[g].close_by or far, g))


def _overtops_s(made: Made) -> float | None:
    """Return seconds from now until water reaches a bank; None: not in the time looked at."""
    if made.best is None or made.best.overtops_s is None:
        return None
    return round(made.best.overtops_s - (made.spill.now - made.waters.begin).total_seconds(), 1)


def reason(made: Made) -> Text:
    """Say why these gates, or why none."""
    nothing = made.trials.nothing
    if nothing.lost_kg < SOME * made.trials.question.kg:
        return NOTHING_COMES
    late = [d for d in made.deadlines.values() if d.slack_s is not None and d.slack_s < 0]
    if made.best is None:
        if any(t.overtops_s is not None for t in made.trials.ranked()):
            return OVERTOPS
        return TOO_LATE.fill(gates=_listed(d.gate for d in late)) if late else NO_GATE
    said = BEST.fill(
        gates=_listed(_in_order(made)),
        kept=f"{once_kg(made, nothing) - once_kg(made, made.best):.0f}",
        lost=f"{once_kg(made, nothing):.0f}",
        tried=len(made.trials.tried) - 1,
    )
    rest = [g for g in made.best.gates if made.deadlines[g].rest]
    missed = [d.gate for d in late if made.waters.cards[d.gate].usable]
    for gates, words in ((rest, THE_REST), (missed, ALSO_LATE)):
        if gates:
            more = words.fill(gates=_listed(gates))
            said = Text(said.zh + more.zh, said.en + more.en)
    return said


def _listed(gates: Iterable[str]) -> Text:
    names = list(gates)
    return Text("、".join(names), ", ".join(names))


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


SOME = 0.02  # of the release: what comes to receptors less is not worth closing a gate
BEST = Text(
    "关闭 {gates}：敏感点少受 {kept} kg（不处置为 {lost} kg）；试算 {tried} 种组合，损失最小且不漫堤",
    "Close {gates}: {kept} kg are kept from the receptors ({lost} kg come if nothing is done); "
    "of {tried} sets tried it loses least without overtopping",
)
ALSO_LATE = Text("；{gates} 已来不及", "; it is too late for {gates}")
TOO_LATE = Text(
    "没有闸来得及：{gates} 的最晚时间已过", "Nothing closes in time: the deadlines of {gates} are over"
)
NO_GATE = Text("没有可用的闸能拦住", "No gate in order would hold it")
OVERTOPS = Text("能拦住的组合都会漫堤，不推荐", "Every set that would hold it overtops; none is recommended")
NOTHING_COMES = Text("在计算时段内到不了敏感点", "It does not come to a receptor within the time looked at")
THE_REST = Text(
    "；{gates} 来不及拦前锋，仍能拦住大半",
    "; too late for the front at {gates}, the greater part is still held",
)
THE_SAME = Text("即推荐方案", "this is the plan recommended")
LOSES_MORE = Text("比推荐方案多流失 {kg} kg", "loses {kg} kg more than the plan recommended")
LESS_SURE = Text(
    "按预计流量相当，但流量偏大或偏小时不如推荐方案",
    "as good at the flow expected; the plan recommended holds better if flows are higher or lower",
)
