"""A plan for a release somebody states: no incident, no suspects, the engine alone.

close-by = early arrival - stroke - dispatch - decision - margin, per gate, from its card. A gate whose
close-by is over is never recommended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from geodata.words import Text
from twin.config import Config
from twin.hydraulics.runner import Course, Runners
from twin.plan.deadlines import Deadline, Spill, deadline, horizon_s, order_s
from twin.plan.outlook import PROBES, Band, Outlook, marks, passed_kg
from twin.plan.robust import chosen
from twin.plan.search import MOST, Question, Trial, Trials, search
from twin.plan.waters import Waters

WAITS_S = (300.0, 900.0, 1800.0)
WRONG, FINER = 0.3, 3  # error of the engine, as a share, that asks for shorter steps; how often they are cut
WORTH = 0.02  # of the release that a plan must keep


def answer(
    waters: Waters, spill: Spill, runners: Runners, config: Config, *, most: int = MOST
) -> dict[str, Any]:
    """Return arrivals, deadlines, the recommended closing and its price, ready for JSON."""
    made = Made.of(waters, spill, runners, config, most)
    return made.told() | {"lost_kg_if_waiting": made.waiting()}


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A plan and everything it was chosen from."""

    waters: Waters
    spill: Spill
    outlook: Outlook
    arrivals: dict[str, Band]
    deadlines: dict[str, Deadline]
    trials: Trials
    ranked: list[Trial]
    best: Trial | None
    error: float = 0.0

    @classmethod
    def of(cls, waters: Waters, spill: Spill, runners: Runners, config: Config, most: int) -> Made:
        """Run, band, search, choose."""
        release = waters.release(spill.started, spill.seconds, spill.kg_s)
        orders = {g: order_s(c, spill, waters.begin, config) for g, c in waters.cards.items()}
        waters = _sound(Question(waters, release, orders, horizon_s(waters, spill)), runners)
        first = Question(waters, release, orders, horizon_s(waters, spill))
        outlook, question, nothing = _outlook(first, spill, runners)
        share = {p: passed_kg(nothing, waters, p) / question.kg for p in (*waters.cards, *waters.receptors)}
        arrivals = outlook.bands(share)
        deadlines = {g: deadline(c, arrivals.get(g), spill, config) for g, c in waters.cards.items()}
        trials = Trials(question, runners, nothing)
        usable = sorted(
            (g for g, d in deadlines.items() if d.usable and waters.cards[g].normal_position > 0.0),
            key=lambda g: (deadlines[g].close_by is None, deadlines[g].close_by or spill.now, g),
        )
        ranked = search(trials, usable, most, trials.hints(usable))
        least = trials.nothing.lost_kg - WORTH * question.kg
        good = [t for t in ranked if t.overtops_s is None and t.lost_kg <= least]
        sure = chosen(trials, good, outlook.members.likely(), runners)
        best = sure[0] if sure else None
        return cls(waters, spill, outlook, arrivals, deadlines, trials, ranked, best, nothing.error)

    def waiting(self) -> dict[str, float]:
        """Return what is lost if the recommended gates are ordered 5, 15, 30 minutes later, kg by minutes."""
        if self.best is None:
            return {}
        gates = [self.best.gates]
        return {f"{w / 60:.0f}": round(self.trials.later(w, gates)[0].lost_kg, 3) for w in WAITS_S}

    def second_best(self) -> dict[str, list[str]]:
        """Return, for each gate of the plan, the best gates that do without it."""
        if self.best is None:
            return {}
        found = {}
        for gate in self.best.gates:
            without = [
                t for t in self.ranked if gate not in t.gates and t.overtops_s is None and self._worth(t)
            ]
            found[gate] = list(without[0].gates) if without else []
        return found

    def _worth(self, t: Trial) -> bool:
        return self.trials.nothing.lost_kg - t.lost_kg >= WORTH * self.trials.question.kg

    def told(self) -> dict[str, Any]:
        """Return the plan in the shape the command prints."""
        nothing = self.trials.nothing
        lost = nothing.lost_kg if self.best is None else self.best.lost_kg
        reason = self.reason()
        overtops = self._overtops_s()
        order = sorted(
            self.best.gates if self.best else (),
            key=lambda g: (self.deadlines[g].close_by or self.spill.now + timedelta(days=9), g),
        )
        return {
            "arrivals": {
                p: {
                    "p05_s": round(b.early_s, 1),
                    "p50_s": round(b.middle_s, 1),
                    "p95_s": round(b.late_s, 1),
                    "share": round(b.share, 4),
                }
                for p, b in sorted(self.arrivals.items(), key=lambda kv: kv[1].early_s)
            },
            "gates": [
                {
                    "gate": d.gate,
                    "close_by": None if d.close_by is None else _iso(d.close_by),
                    "slack_s": None if d.slack_s is None else round(d.slack_s, 1),
                    "usable": d.usable,
                    "holds": "rest" if d.rest else "all",
                }
                for d in self.deadlines.values()
            ],
            "recommended": [{"gate": g, "close_at": _iso(self.spill.now)} for g in order],
            "second_best": self.second_best(),
            "kept_kg": round(nothing.lost_kg - lost, 3),
            "lost_kg": round(lost, 3),
            "lost_kg_if_nothing_done": round(nothing.lost_kg, 3),
            "overtops_after_s": overtops,
            "reason": reason.en,
            "reason_zh": reason.zh,
            "tried": len(self.trials.tried) - 1,
            "engine_error": round(self.error, 3),
        }

    def _overtops_s(self) -> float | None:
        """Seconds from now until water reaches a bank under the plan; None: not in the time looked at."""
        if self.best is None or self.best.overtops_s is None:
            return None
        return round(self.best.overtops_s - (self.spill.now - self.waters.begin).total_seconds(), 1)

    def reason(self) -> Text:
        """Say why these gates, or why none."""
        nothing = self.trials.nothing
        if nothing.lost_kg < WORTH * self.trials.question.kg:
            return NOTHING_COMES
        if self.best is None:
            late = [d for d in self.deadlines.values() if d.slack_s is not None and d.slack_s < 0]
            if any(t.overtops_s is not None for t in self.ranked):
                return OVERTOPS
            return TOO_LATE.fill(gates="、".join(d.gate for d in late)) if late else NO_GATE
        said = BEST.fill(
            gates=", ".join(self.best.gates),
            kept=f"{nothing.lost_kg - self.best.lost_kg:.0f}",
            lost=f"{nothing.lost_kg:.0f}",
            tried=len(self.trials.tried) - 1,
        )
        missed = [
            d.gate
            for d in self.deadlines.values()
            if d.slack_s is not None and d.slack_s < 0 and self.waters.cards[d.gate].usable
        ]
        if missed:
            more = ALSO_LATE.fill(gates=", ".join(missed))
            said = Text(said.zh + more.zh, said.en + more.en)
        return said


def _sound(question: Question, runners: Runners) -> Waters:
    """Return the water of an imported model in steps short enough that the engine keeps the mass.

    Flow through gates between short reaches may turn round from step to step; the engine then makes mass.
    """
    waters = question.waters
    for _ in range(FINER):
        if waters.park is not None:
            break
        course = runners.map([replace(question, waters=waters).whole()])[0]
        if course.error < WRONG:
            break
        waters = waters.finer()
    return waters


def _outlook(question: Question, spill: Spill, runners: Runners) -> tuple[Outlook, Question, Course]:
    """Return the outlook, and the question in the likeliest water with its run of doing nothing."""
    waters, release = question.waters, question.release
    known = {
        r[0] for name in ("JUNCTIONS", "STORAGE", "OUTFALLS", "DIVIDERS") for r in waters.model.rows(name)
    }
    stations = [n for n in dict.fromkeys((*spill.seen, *sorted(spill.clean))) if n in known]
    tasks = [replace(question, flow=q, roughness=n).whole(stations) for q, n in PROBES]
    probes = runners.map([tasks[0], *(replace(t, keep_s=None, banks=()) for t in tasks[1:])])
    found = Outlook.of(
        [marks(c, waters, release, stations) for c in probes],
        {n: spill.after_s(at) for n, at in spill.seen.items() if n in known},
        spill.clean & known,
        spill.after_s(spill.now),
    )
    if not stations:
        return found, question, probes[0]
    flow, rough = found.members.middle
    likely = replace(question, flow=flow, roughness=rough)
    nothing = runners.map([likely.whole(stations)])[0]
    return found.around(marks(nothing, waters, release, stations), (flow, rough)), likely, nothing


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


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
