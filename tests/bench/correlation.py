"""Random days on the demo park: overlapping releases, routine batches, lying instruments; incidents counted.

`python -m tests.bench.correlation [--days N] [--seed S] [--out FILE] [--seconds S]`; the last line is one
JSON object. SWMM moves the water of the whole day, and of every release alone, so that it is known which
station saw which release and when. The readings go through detectors, alarms and incidents as they are.

How it is counted
    A release counts if some station could see it: two factors at least `SEEN` over what they were.
    Incidents and releases are matched one to one: they agree if a station saw the release when the incident
    says so; as many pairs as there can be, of as many those of releases that count, then those that share
    most stations. What is left over of incidents is false or a double, of releases missed or swallowed.
    An incident of a release too weak to count is no false one.
    A frozen or shifted instrument counts as called a fault if an anomaly says so and no incident has it.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from geodata import park as parks
from geodata.places import OutletKind, Park, StationKind
from tests.bench import live_day
from tests.bench.demo_trace import DAY, SEEN, SORTS
from tests.bench.live_day import MINUTE_MS, Day, Inside, Water
from twin.clock import as_ms
from twin.hydraulics.engine import Injection
from twin.hydraulics.pollutants import BY_FACTOR, pretreated_water, raw_water
from twin.model import Incident, Kind
from twin.park_watch import Present
from twin.simulate.instruments import Fault
from twin.simulate.scenarios import FLOW_STEPS

QUIET_S, WET_S = 1.5 * 3600.0, 22.5 * 3600.0
ALONE_S = 9 * 3600.0
BATCH_SD = 0.4
TRACE = 0.05  # of a factor's usual value: what a station may still be said to have seen of a release
BEFORE_MS, AFTER_MS = 10 * MINUTE_MS, 60 * MINUTE_MS  # around what a station truly saw
FAULTS = (Kind.SUSPECT, Kind.FROZEN, Kind.RANGE, Kind.OFFLINE)


@dataclass(frozen=True, slots=True)
class Play:
    """One day: what was released by whom, and which instruments lie."""

    number: int
    day: Day
    releases: tuple[Injection, ...]
    batches: int


@dataclass(frozen=True, slots=True)
class Score:
    """How one day was told."""

    number: int
    releases: int
    visible: int
    incidents: int
    matched: int  # incidents that are of a release
    found: int  # of the visible releases, those that have one
    stations: int  # of matched incidents
    strange: int  # of them, stations that saw nothing of the release
    faults: int
    called: int  # faults that were called one
    accused: int  # faults that are part of an incident
    seconds: float


def draw(park: Park, seed: int, number: int) -> Play:
    """Decide one day; the same for the same park, seed and number."""
    dice = random.Random(f"{seed}/{number}")
    middle = dice.uniform(3.5, 13.0) * 3600
    releases = tuple(_release(park, dice, middle) for _ in range(dice.choice((0, 1, 1, 2, 2, 3))))
    batches = tuple(_batch(park, dice) for _ in range(dice.randint(2, 5)))
    start = as_ms(DAY) + number * 24 * 3_600_000
    faults = tuple(_fault(park, dice, start) for _ in range(dice.randint(1, 3)))
    day = Day(
        dice.randrange(10**6),
        start,
        QUIET_S,
        WET_S,
        (*releases, *batches),
        dice.choice(FLOW_STEPS),
        faults=faults,
    )
    return Play(number, day, releases, len(batches))


def _release(park: Park, dice: random.Random, middle: float) -> Injection:
    sort = dice.choice(SORTS)
    outlet = dice.choice([o for o in park.outlets if o.kind is sort.outlets])
    strength = dice.uniform(*sort.strength)
    water = raw_water(park, outlet.enterprise)
    mg_l = {p: round(v * strength * float(np.exp(dice.gauss(0, BATCH_SD))), 4) for p, v in water.items()}
    start = round(middle + dice.uniform(-3, 3) * 3600)
    minutes, flow = dice.uniform(*sort.minutes), dice.uniform(*sort.flow_m3s)
    return Injection(outlet.node, start, round(minutes * 60), round(flow, 4), mg_l)


def _batch(park: Park, dice: random.Random) -> Injection:
    """A routine batch: somewhat stronger water for a while, or strong for less than half an hour."""
    shared = {e.id for e in park.enterprises if e.slots}  # outside its hours a batch there is no routine
    of = [o for o in park.outlets if o.kind is OutletKind.WASTEWATER and o.enterprise not in shared]
    outlet = dice.choice(of)
    usual = pretreated_water(park, outlet.enterprise)
    long = dice.random() < 0.6
    minutes, strength = (
        (dice.uniform(30, 120), dice.uniform(1.1, 1.35))
        if long
        else (dice.uniform(8, 18), dice.uniform(2, 4))
    )
    mg_l = {p: round(v * strength, 4) for p, v in usual.items()}
    start, flow = dice.uniform(0.5, 20.0) * 3600, round(dice.uniform(0.003, 0.012), 4)
    return Injection(outlet.node, round(start), round(minutes * 60), flow, mg_l)


def _fault(park: Park, dice: random.Random, start_ms: int) -> Fault:
    open_water = [s for s in park.stations if s.kind in (StationKind.CANAL, StationKind.CHANNEL)]
    station = dice.choice(open_water)
    begin = start_ms + round(dice.uniform(2.0, 18.0) * 3_600_000)
    end = begin + round(dice.uniform(1.5, 5.0) * 3_600_000)
    if dice.random() < 0.35:
        return Fault(station.id, dice.choice(("w01014", "w01018", "w21003")), "frozen", begin, end)
    factor = dice.choice(("w01018", "w21003", "w21011", "w01014"))
    rise = dice.choice((300_000, 3_600_000))
    return Fault(station.id, factor, "offset", begin, end, round(dice.uniform(2.0, 8.0), 2), rise)


Seen = dict[str, tuple[int, int]]


def seen(park: Park, it: Water, day: Day, share: float, factors: int) -> Seen:
    """When, park time, which station had so many factors so much over what they were."""
    found = {}
    for station in park.stations:
        high = np.zeros(len(it.value), np.int64)
        for factor in station.factors:
            if factor in BY_FACTOR:
                column = it.value[:, it.points.index((station.id, factor))]
                high += column > (1 + share) * column[0]
        minutes = np.flatnonzero(high >= factors)
        if len(minutes):
            begin, end = day.wet_ms + minutes[[0, -1]] * MINUTE_MS
            found[station.id] = int(begin), int(end)
    return found


def alone(park: Park, play: Play) -> list[tuple[bool, Seen]]:
    """For every release alone, whether some station could see it, and what it does to which station when."""
    found = []
    for release in play.releases:
        begin = release.start_s // 60 * 60
        own = Injection(
            release.node, release.start_s - begin, release.duration_s, release.flow_m3s, release.mg_l
        )
        day = Day(0, play.day.start_ms, QUIET_S + begin, ALONE_S, (own,), play.day.flow_factor)
        it = live_day.water(park, day)
        found.append((bool(seen(park, it, day, SEEN, 2)), seen(park, it, day, TRACE, 1)))
    return found


def play_day(park: Park, present: Present, play: Play) -> Score:
    """Let the product live through a day and count."""
    began = time.process_time()
    it = live_day.water(park, play.day)
    truth = alone(park, play)
    with live_day.inside(present) as me:
        for at, builder in live_day.readings(park, play.day, it):
            me.block(at, builder)
        return _score(me, play, truth, time.process_time() - began)


def _score(me: Inside, play: Play, truth: list[tuple[bool, Seen]], seconds: float) -> Score:
    incidents = me.incidents()
    onsets = {i.id: _onsets(me, i) for i in incidents}
    agree = np.array([[_agree(onsets[i.id], t) for _, t in truth] for i in incidents]).reshape(
        len(incidents), len(truth)
    )
    most = 1 + agree.sum()
    counts = np.array([visible for visible, _ in truth])
    # as many pairs as there can be; of as many, those of releases that count, then those of most stations
    worth = (agree > 0) * (most * (len(truth) + 1) + most * counts) + agree
    rows, columns = linear_sum_assignment(-worth)
    pairs = [(r, c) for r, c in zip(rows.tolist(), columns.tolist(), strict=True) if agree[r, c] > 0]
    accused, called = _faults(me, play, incidents)
    return Score(
        number=play.number,
        releases=len(play.releases),
        visible=sum(v for v, _ in truth),
        incidents=len(incidents),
        matched=len(pairs),
        found=sum(truth[c][0] for _, c in pairs),
        stations=sum(len(onsets[incidents[r].id]) for r, _ in pairs),
        strange=sum(len(onsets[incidents[r].id]) - int(agree[r, c]) for r, c in pairs),
        faults=len(play.day.faults),
        called=called,
        accused=accused,
        seconds=round(seconds, 1),
    )


def _onsets(me: Inside, incident: Incident) -> dict[str, int]:
    """When each station of an incident first was away, by its anomalies."""
    found: dict[str, int] = {}
    for anomaly in me.records.anomalies(incident=incident.id):
        at = as_ms(anomaly.since)
        found[anomaly.point.station] = min(at, found.get(anomaly.point.station, at))
    return {s: found.get(s, as_ms(incident.opened)) for s in incident.stations}


def _agree(onsets: dict[str, int], truth: Seen) -> int:
    return sum(
        s in truth and truth[s][0] - BEFORE_MS <= at <= truth[s][1] + AFTER_MS for s, at in onsets.items()
    )


def _faults(me: Inside, play: Play, incidents: Sequence[Incident]) -> tuple[int, int]:
    """How many lying instruments are part of an incident, and how many were called what they are."""
    accused = called = 0
    anomalies = me.records.anomalies()
    for fault in play.day.faults:
        mine = [
            a
            for a in anomalies
            if (a.point.station, a.point.factor) == (fault.station, fault.factor)
            and fault.from_ms - MINUTE_MS <= as_ms(a.since) + (a.kind is Kind.FROZEN) * 15 * MINUTE_MS
            and as_ms(a.since) <= fault.to_ms
        ]
        accused += any(a.incident for a in mine)
        called += any(a.kind in FAULTS for a in mine)
    return accused, called


def summary(scores: Sequence[Score]) -> dict[str, Any]:
    """Return the numbers of all days together."""
    matched, incidents = sum(s.matched for s in scores), sum(s.incidents for s in scores)
    visible = sum(s.visible for s in scores)
    return {
        "bench": "correlation",
        "days": len(scores),
        "releases": sum(s.releases for s in scores),
        "visible": visible,
        "incidents": incidents,
        "matched": matched,
        "precision": round(matched / max(incidents, 1), 3),
        "recall": round(sum(s.found for s in scores) / max(visible, 1), 3),
        "stations_right": round(
            1 - sum(s.strange for s in scores) / max(sum(s.stations for s in scores), 1), 3
        ),
        "faults": sum(s.faults for s in scores),
        "faults_called": sum(s.called for s in scores),
        "faults_accused": sum(s.accused for s in scores),
        "cpu_s_each": round(float(np.mean([s.seconds for s in scores])), 1) if scores else 0.0,
    }


def read(path: Path | None) -> dict[int, Score]:
    """Read what was played before."""
    lines = path.read_text().splitlines() if path and path.exists() else []
    rows = [json.loads(line) for line in lines]
    return {row["number"]: Score(**{f.name: row[f.name] for f in fields(Score)}) for row in rows}


def main(words: Sequence[str] | None = None) -> None:
    """Play, print a line a day and the sum of all."""
    grammar = argparse.ArgumentParser(prog="python -m tests.bench.correlation")
    grammar.add_argument("--days", type=int, default=100)
    grammar.add_argument("--seed", type=int, default=1)
    grammar.add_argument("--out", type=Path)
    grammar.add_argument("--seconds", type=float, default=float("inf"), help="stop beginning new ones then")
    o = grammar.parse_args(words)
    park = parks.read(parks.demo_path())
    present = Present.of(park)
    scores = read(o.out)
    began = time.monotonic()
    for number in [n for n in range(o.days) if n not in scores]:
        if time.monotonic() - began > o.seconds:
            break
        scores[number] = play_day(park, present, draw(park, o.seed, number))
        line = json.dumps(asdict(scores[number]))
        print(line, flush=True)
        if o.out:
            with o.out.open("a") as file:
                file.write(line + "\n")
    print(json.dumps(summary([scores[n] for n in range(o.days) if n in scores])))


if __name__ == "__main__":
    main()
