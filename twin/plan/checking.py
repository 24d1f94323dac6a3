"""The engine's look at an incident: the leading suspect's release, and the sets of gates that hold it best.

It starts from the plans that were made without it, so that what people already read is judged as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from geodata.network import CLOSED_BELOW
from geodata.places import Park
from twin.config import Config
from twin.errors import MissingError
from twin.hydraulics.pollutants import BY_FACTOR
from twin.hydraulics.runner import Runners
from twin.model import Arrival, GateState, Incident, PlanSet, Ranking, Suspect, Three
from twin.plan.by_hand import WORTH, by_passes
from twin.plan.deadlines import HOLD_S, Deadline, Spill, deadline, order_s
from twin.plan.look import Bypass, Checked, Look, Passage
from twin.plan.outlook import PROBES, Band, Outlook, lost_kg, marks, passed_kg
from twin.plan.release import release
from twin.plan.robust import looked
from twin.plan.search import Question, Trial, Trials, search
from twin.plan.source import closed_at, devices_of
from twin.plan.waters import Waters, of_park, warmed

TRIED = 16  # sets: a few seconds on two cores
SURE = 4  # of them, run at a low and a high flow too
KEPT = 8  # sets that are told
WAITS = (("5", 300.0), ("15", 900.0), ("30", 1800.0))
WAITED = 2  # sets that are also run ordered later


def check(
    park: Park,
    planset: PlanSet,
    ranking: Ranking,
    incident: Incident,
    gates: Sequence[GateState],
    config: Config,
    *,
    folder: Path | None = None,
    processes: int = 2,
    told: Callable[[Look], None] | None = None,
) -> Look:
    """Run the leading suspect's release with the plans' sets of gates and with others.

    Parameters
    ----------
    told : callable, optional
        Given a first look, the plans' own sets and doing nothing alone, long before the whole of it is done.
    folder : Path, optional
        Where the warm start of the park is kept; a folder of this user's temporary files.
    processes : int
        How many runs go on at a time.

    Raises
    ------
    MissingError
        There is no suspect to take for the source.
    UnavailableError
        The engine took too long.
    """
    began = time.monotonic()
    if not ranking.suspects:
        raise MissingError(f"nobody is suspected in {incident.id}: there is no release to simulate")
    suspect = ranking.suspects[0]
    factor, inflow = release(park, suspect, planset.at)
    kg_s = inflow.flow_m3s * inflow.mg_l[BY_FACTOR[factor].pollutant] / 1000
    spill = Spill(suspect.release_from, inflow.duration_s, kg_s, planset.at)
    with Runners(processes) as runners:
        waters = warmed(of_park(park, inflow.node, spill.started), runners, folder)
        trials, usable = _question(waters, spill, planset, gates, config, runners)
        now_s = (spill.now - waters.begin).total_seconds()
        first = [tuple(m.gate for m in p.moves) for p in planset.plans]
        asked = [tuple(sorted(s)) for s in first if set(s) <= set(usable)]
        trials.look(asked)
        start = Look(incident.id, planset.at, factor, HOLD_S / 3600, _rounded(trials.nothing.lost))
        if told is not None:
            sets = tuple(_checked(trials, trials.tried[s], {}, now_s, 0.0) for s in dict.fromkeys(asked))
            told(replace(start, sets=sets, seconds=time.monotonic() - began))
        ranked = search(trials, usable, TRIED, trials.hints(usable))
        outlook, share = _outlook(trials, runners)
        least = trials.nothing.lost_kg - WORTH * trials.question.kg
        good = [t for t in ranked if t.overtops_s is None and t.lost_kg <= least]
        found = looked(trials, good[:SURE], usable, outlook.members, runners)
        sure, risks = [t for t, risk in found if risk < 1.0], {t.gates: risk for t, risk in found}
        ranked = [*sure, *(t for t in trials.ranked() if t not in sure)]
        kept = ranked[:KEPT] + [t for t in ranked[KEPT:] if set(t.gates) in [set(f) for f in first]]
        after = _after(trials, kept[:WAITED])
        return replace(
            start,
            sets=tuple(
                _checked(trials, t, after.get(t.gates, {}), now_s, risks.get(t.gates, 0.0)) for t in kept
            ),
            kg_stopped=_stopped(park, suspect, trials, runners, config, spill.now),
            passages=_passages(outlook.bands(share), spill),
            bypasses=tuple(
                Bypass(b.gate, t.gates, round(b.lower, 3), round(b.lost_kg - t.lost_kg, 2), b.helps)
                for t in sure[:1]
                for b in by_passes(trials, t)
            ),
            seconds=time.monotonic() - began,
        )


def _outlook(trials: Trials, runners: Runners) -> tuple[Outlook, dict[str, float]]:
    """Return how times and strengths answer flow and roughness, and the share that passes each place."""
    q, w = trials.question, trials.question.waters
    probes = [replace(q, flow=f, roughness=n).whole() for f, n in PROBES]
    runs = runners.map([replace(t, keep_s=None, banks=()) for t in probes])
    share = {p: passed_kg(runs[0], w, p) / q.kg for p in (*w.cards, *w.receptors)}
    return Outlook.of([marks(c, w, q.release) for c in runs], {}), share


def _passages(bands: Mapping[str, Band], spill: Spill) -> tuple[Passage, ...]:
    def at(s: float) -> datetime:
        return (spill.started + timedelta(seconds=s)).replace(microsecond=0)

    def three(values: tuple[float, float, float]) -> Three:
        return at(values[0]), at(values[1]), at(values[2])

    return tuple(
        Passage(p, at(b.middle_s), three(b.peak_s), three(b.tail_s), b.mg_l) for p, b in bands.items()
    )


def _stopped(
    park: Park, suspect: Suspect, trials: Trials, runners: Runners, config: Config, now: datetime
) -> dict[str, float]:
    """Return what comes to receptors if the enterprise's own valve is closed and no gate is; {} without one.

    What leaks through the closed valve is less than the engine can be believed.
    """
    devices = devices_of(park, suspect.outlet)
    if not devices:
        return {}
    q = trials.question
    shut_s = (closed_at(devices, config, now) - q.waters.begin).total_seconds()
    long_s = min(q.release.long_s, max(shut_s - q.release.start_s, 0.0))
    cut = replace(q.release, long_s=long_s)
    course = runners.map([q.waters.task(cut, q.seconds, q.done)])[0]
    return _rounded(lost_kg(course, q.waters))


def _question(
    waters: Waters,
    spill: Spill,
    planset: PlanSet,
    gates: Sequence[GateState],
    config: Config,
    runners: Runners,
) -> tuple[Trials, list[str]]:
    """Return trials to go on with, and the gates that may be closed in time."""
    bands = {a.place: _band(a, spill) for a in planset.arrivals}
    failed = {g.gate for g in gates if g.failed}
    shut = {g.gate for g in gates if g.position is not None and g.position < CLOSED_BELOW}
    shut &= {g for g, c in waters.cards.items() if c.normal_position >= CLOSED_BELOW}
    by = {g: deadline(c, bands.get(g), spill, config) for g, c in waters.cards.items()}
    usable = [g for g in _in_order(by, spill) if g not in failed | shut]
    usable = [g for g in usable if waters.cards[g].normal_position >= CLOSED_BELOW]
    now_s = (spill.now - waters.begin).total_seconds()
    orders = {g: order_s(c, spill, waters.begin, config) for g, c in waters.cards.items()}
    done = tuple((g, max(now_s - waters.cards[g].stroke_s, 0.0)) for g in sorted(shut))
    released = waters.release(spill.started, spill.seconds, spill.kg_s)
    seconds = max(now_s, released.start_s + spill.seconds) + HOLD_S
    question = Question(waters, released, orders, seconds, done)
    nothing = runners.map([question.whole()])[0]
    return Trials(question, runners, nothing), usable


def _band(a: Arrival, spill: Spill) -> Band:
    early, middle, late = ((t - spill.started).total_seconds() for t in (a.early, a.middle, a.late))
    return Band(early, middle, late, a.share)


def _in_order(by: dict[str, Deadline], spill: Spill) -> list[str]:
    """Return the gates that are in time, those with a deadline first."""
    far = spill.now + timedelta(days=9)
    usable = [g for g, d in by.items() if d.usable]
    return sorted(usable, key=lambda g: (by[g].close_by or far, g))


def _after(trials: Trials, best: Sequence[Trial]) -> dict[tuple[str, ...], dict[str, float]]:
    """Return what the best sets still contain when they are ordered later, by minutes."""
    waits = [wait for _, wait in WAITS]
    return {
        t.gates: {
            name: _contained(trials, later)
            for (name, _), later in zip(WAITS, trials.waited(waits, t.gates), strict=True)
        }
        for t in best
    }


def _contained(trials: Trials, t: Trial) -> float:
    return round(max(1.0 - t.lost_kg / max(trials.nothing.lost_kg, 1e-9), 0.0), 4)


def _checked(trials: Trials, t: Trial, after: dict[str, float], now_s: float, risk: float) -> Checked:
    overtops = None if t.overtops_s is None else round(max(t.overtops_s - now_s, 0.0) / 3600, 2)
    return Checked(t.gates, _contained(trials, t), after, overtops, _rounded(t.lost), round(risk, 4))


def _rounded(kg: dict[str, float]) -> dict[str, float]:
    return {r: round(k, 3) for r, k in kg.items()}
