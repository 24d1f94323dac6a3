"""Random releases on the demo park, through detection, incident and ranking, held against what was released.

`python -m tests.bench.demo_trace [--releases N] [--unlisted N] [--seed S] [--out FILE] [--seconds S]`; the
last line is one JSON object. SWMM moves the water, the drill's instruments measure it with their noise,
drift, calibrations and intervals, and `tests.bench.live_day` lets the product live through it. With FILE what
has been played is kept, a line a release, and not played again.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from geodata import park as parks
from geodata.demo.names import FACTORS as WATER_FACTORS
from geodata.demo.names import SPREAD_WITHIN, TRADE_WATER
from geodata.places import OutletKind, Park, System
from tests.bench import live_day
from tests.bench.live_day import Day, Inside, Water
from twin.clock import as_ms
from twin.hydraulics.engine import Injection
from twin.hydraulics.pollutants import BY_FACTOR, POLLUTANTS, raw_water, to_mg_l
from twin.model import Incident, Ranking
from twin.park_watch import Present
from twin.simulate.scenarios import FLOW_STEPS

DAY = datetime(2026, 11, 20, tzinfo=UTC)
QUIET_S, AFTER_S = 1.5 * 3600.0, 5 * 3600.0
LOOKS_S = (600.0, 5400.0)  # after the incident was opened
BATCH_SD, STALE_SD, STALE = 0.4, 1.0, 0.15  # a batch is never the profile; some profiles are out of date
SEEN = 0.2  # of a factor's usual value: such a rise, in two factors, is one a station can see
UNKNOWN = "unknown"
# What is emptied where nobody looks, mg/L in the order of POLLUTANTS; orders of magnitude of textbooks:
# leachate of a landfill, slurry, vinasse of a distillery, bath of a pickling line, night soil, oily washings.
DUMPED = (
    (8000, 1800, 12, 2200, 3, 12000),
    (9000, 1200, 180, 1800, 1, 5500),
    (30000, 150, 120, 700, 1, 6000),
    (600, 30, 15, 900, 1200, 40000),
    (12000, 900, 250, 1500, 1, 4000),
    (15000, 12, 40, 60, 2, 1500),
)


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of release: from which outlets, how much (m3/s), how long (min), how strong (of raw water)."""

    name: str
    outlets: OutletKind
    flow_m3s: tuple[float, float]
    minutes: tuple[float, float]
    strength: tuple[float, float]


SORTS = (
    Sort("rain outlet", OutletKind.RAIN, (0.015, 0.05), (40, 90), (0.5, 1.0)),
    Sort("tank overflow", OutletKind.RAIN, (0.09, 0.14), (14, 22), (1.0, 1.6)),
    Sort("wastewater outlet", OutletKind.WASTEWATER, (0.03, 0.08), (45, 120), (0.5, 1.0)),
    Sort("broken pipe", OutletKind.CROSSING, (0.012, 0.022), (100, 180), (0.5, 0.8)),
)
UNLISTED = Sort("unlisted place", OutletKind.RAIN, (0.015, 0.05), (40, 120), (0.5, 1.0))


@dataclass(frozen=True, slots=True)
class Release:
    """One release and its day."""

    number: int
    sort: str
    enterprise: str  # empty: from a place that is on no list
    node: str
    day: Day


@dataclass(frozen=True, slots=True)
class Look:
    """What the ranking said at one moment: the leader's share, the true one's, the unlisted source's."""

    leader: str
    top: float
    true: float
    unknown: float
    place: int  # of the true one among suspects, from 1; 0 where it is not ranked


@dataclass(frozen=True, slots=True)
class Score:
    """How one release was answered."""

    number: int
    sort: str
    enterprise: str
    node: str
    two: bool  # two stations could see it before the last look
    minutes: float | None  # from the release to the incident
    incidents: int
    stations: int
    looks: tuple[Look, ...]
    seconds: float


def draw(park: Park, seed: int, number: int, *, listed: bool = True) -> Release:
    """Decide one release; the same for the same park, seed and number."""
    dice = random.Random(f"{seed}/{number}/{listed}")
    sort = SORTS[number % len(SORTS)] if listed else UNLISTED
    if listed:
        outlet = dice.choice([o for o in park.outlets if o.kind is sort.outlets])
        node, enterprise = outlet.node, outlet.enterprise
        water = raw_water(park, enterprise)
    else:
        node, enterprise = dice.choice(unlisted_places(park)), ""
        water = strange_water(dice, number)
    sd = STALE_SD if dice.random() < STALE else BATCH_SD
    strength = dice.uniform(*sort.strength)
    mg_l = {p: round(v * strength * float(np.exp(dice.gauss(0, sd))), 4) for p, v in water.items()}
    flow = round(dice.uniform(*sort.flow_m3s), 4)
    injection = Injection(node, 0.0, round(dice.uniform(*sort.minutes) * 60), flow, mg_l)
    start = as_ms(DAY) + dice.randrange(24 * 60) * 60_000
    flow_factor, ph = dice.choice(FLOW_STEPS), dice.choice((4.2, 7.6, 10.4))
    day = Day(dice.randrange(10**6), start, QUIET_S, AFTER_S, (injection,), flow_factor, ph)
    return Release(number, sort.name, enterprise, node, day)


def unlisted_places(park: Park) -> list[str]:
    """Nodes of open water at which no enterprise has an outlet: where a hidden pipe may end."""
    taken = {o.node for o in park.outlets}
    table = park.nodes[park.nodes["system"].isin([System.RAIN, System.CANAL])]
    table = table[table["kind"] != "outfall"]
    return sorted(str(n) for n in table["id"] if str(n) not in taken)


def strange_water(dice: random.Random, number: int) -> dict[str, float]:
    """Water of nobody in particular: what tankers empty, and, every other time, water of some trade."""
    if number % 2:
        trade = dice.choice(sorted(TRADE_WATER))
        values = [m * float(np.exp(dice.gauss(0, SPREAD_WITHIN))) for m in TRADE_WATER[trade]]
        return to_mg_l(dict(zip(WATER_FACTORS, values, strict=True)))
    return dict(zip(POLLUTANTS, dice.choice(DUMPED), strict=True))


def seen_by(park: Park, it: Water, until: int) -> list[str]:
    """Stations of shared water, or the outlet's own, at which two factors rise so that they can be seen."""
    found = []
    for station in park.stations:
        rises = 0
        for factor in station.factors:
            if factor in BY_FACTOR:
                column = it.value[: until + 1, it.points.index((station.id, factor))]
                rises += bool(column.max() > (1 + SEEN) * column[0])
        if rises >= 2:
            found.append(station.id)
    return found


def play(park: Park, present: Present, release: Release) -> Score:
    """Let the product live through a release."""
    began = time.process_time()
    day = release.day
    it = live_day.water(park, day)
    looks: list[Look] = []
    opened_ms = 0
    at = day.wet_ms
    with live_day.inside(present) as me:
        for at, builder in live_day.readings(park, day, it):
            me.block(at, builder)
            if not opened_ms:
                opened_ms = as_ms(found.opened) if (found := first(me, day)) else 0
            if opened_ms and at - opened_ms >= LOOKS_S[len(looks)] * 1000:
                me.advise()
                looks.append(look(me, release, first(me, day)))
                if len(looks) == len(LOOKS_S):
                    break
        incidents = me.incidents()
        mine = first(me, day)
    until = (at - day.wet_ms) // 60_000
    return Score(
        number=release.number,
        sort=release.sort,
        enterprise=release.enterprise,
        node=release.node,
        two=len(seen_by(park, it, until)) >= 2,
        minutes=(opened_ms - day.wet_ms) / 60_000 if opened_ms else None,
        incidents=len(incidents),
        stations=len(mine.stations) if mine else 0,
        looks=tuple(looks),
        seconds=round(time.process_time() - began, 2),
    )


def first(me: Inside, day: Day) -> Incident | None:
    """The first incident since the release."""
    return next((i for i in me.incidents() if as_ms(i.opened) >= day.wet_ms), None)


def look(me: Inside, release: Release, incident: Incident | None) -> Look:
    """Read what the ranking says of the release."""
    found: Ranking | None = None if incident is None else me.ranking(incident.id)
    if found is None:
        return Look("", 0.0, 0.0, 0.0, 0)
    chance = {s.enterprise: s.probability for s in found.suspects}
    leader = found.suspects[0].enterprise if found.suspects else UNKNOWN
    top = chance.get(leader, 0.0)
    if found.unknown > top:
        leader, top = UNKNOWN, found.unknown
    order = [s.enterprise for s in found.suspects]
    place = order.index(release.enterprise) + 1 if release.enterprise in order else 0
    true = chance.get(release.enterprise, 0.0) if release.enterprise else found.unknown
    return Look(leader, top, true, found.unknown, place)


def summary(scores: Sequence[Score]) -> dict[str, Any]:
    """Return the numbers of all releases together."""
    listed = [s for s in scores if s.enterprise]
    strange = [s for s in scores if not s.enterprise]
    two = [s for s in listed if s.two]

    def among(of: Iterable[Score], right: Callable[[Score], bool]) -> list[int]:
        them = list(of)
        return [sum(map(right, them)), len(them)]

    def right_at(k: int, places: int = 1) -> Callable[[Score], bool]:
        return lambda s: len(s.looks) > k and 1 <= s.looks[k].place <= places and s.looks[k].leader != UNKNOWN

    def unknown_at(k: int) -> Callable[[Score], bool]:
        return lambda s: len(s.looks) > k and s.looks[k].leader == UNKNOWN

    last = len(LOOKS_S) - 1
    told = [s.looks[last] for s in listed if len(s.looks) > last]
    return {
        "bench": "demo_trace",
        "listed": len(listed),
        "detected": among(listed, lambda s: s.minutes is not None),
        "one_incident": among(listed, lambda s: s.incidents == 1),
        "two_sensors": {
            f"first_{round(LOOKS_S[k] / 60)}min": among(two, right_at(k)) for k in range(len(LOOKS_S))
        },
        "two_sensors_three": among(two, right_at(last, 3)),
        "all": among(listed, right_at(last)),
        "by_sort": {
            sort.name: among([s for s in two if s.sort == sort.name], right_at(last)) for sort in SORTS
        },
        "log_score": round(float(np.mean([-np.log(max(t.true, 1e-4)) for t in told])), 3) if told else None,
        "unlisted_detected": among(strange, lambda s: s.minutes is not None),
        "unlisted_unknown_first": {
            f"{round(LOOKS_S[k] / 60)}min": among(
                [s for s in strange if s.minutes is not None], unknown_at(k)
            )
            for k in range(len(LOOKS_S))
        },
        "unlisted_of": {
            name: among(
                [s for s in strange if s.minutes is not None and s.number % 2 == odd], unknown_at(last)
            )
            for odd, name in enumerate(("dumped", "some trade"))
        },
        "cpu_s_each": round(float(np.mean([s.seconds for s in scores])), 1) if scores else 0.0,
    }


def read(path: Path | None) -> dict[tuple[bool, int], Score]:
    """Read what was played before."""
    found = {}
    for line in path.read_text().splitlines() if path and path.exists() else ():
        row = json.loads(line)
        row["looks"] = tuple(Look(**k) for k in row["looks"])
        score = Score(**{f.name: row[f.name] for f in fields(Score)})
        found[bool(score.enterprise), score.number] = score
    return found


def main(words: Sequence[str] | None = None) -> None:
    """Play, print a line a release and the sum of all."""
    grammar = argparse.ArgumentParser(prog="python -m tests.bench.demo_trace")
    grammar.add_argument("--releases", type=int, default=100)
    grammar.add_argument("--unlisted", type=int, default=50)
    grammar.add_argument("--seed", type=int, default=1)
    grammar.add_argument("--out", type=Path)
    grammar.add_argument("--seconds", type=float, default=float("inf"), help="stop beginning new ones then")
    o = grammar.parse_args(words)
    park = parks.read(parks.demo_path())
    present = Present.of(park)
    scores = read(o.out)
    began = time.monotonic()
    wanted = sorted(
        [(True, k) for k in range(o.releases)] + [(False, k) for k in range(o.unlisted)],
        key=lambda w: (w[1] / (o.releases if w[0] else o.unlisted), w),  # an early end has some of both
    )
    for key in [w for w in wanted if w not in scores]:
        if time.monotonic() - began > o.seconds:
            break
        release = draw(park, o.seed, key[1], listed=key[0])
        scores[key] = play(park, present, release)
        line = json.dumps(asdict(scores[key]))
        print(line, flush=True)
        if o.out:
            with o.out.open("a") as file:
                file.write(line + "\n")
    print(json.dumps(summary([scores[w] for w in wanted if w in scores])))


if __name__ == "__main__":
    main()
