"""The first releases of `demo_trace` through real processes and sockets: are the answers the same?

`python -m tests.bench.chain [--releases N ...] [--seed S]`. A stream server, `twin gateway`, `twin watch` and
`twin advise` run as processes of their own; the drill's lines send the frames over TCP and wait for every
answer. Park time goes on by a minute when all of a minute's frames are answered. Beside it the same frames go
through `live_day` in one process. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from geodata import park as parks
from geodata.places import Park
from tests.bench import demo_trace, live_day
from tests.bench.live_day import MINUTE_MS
from twin import embedded
from twin.clock import ClockState, as_ms, wall_ms
from twin.model import Incident, Ranking
from twin.park_watch import Present
from twin.records import Records
from twin.simulate.lines import Line, Outbox
from twin.simulate.loggers import Frame
from twin.stream import Stream
from twin.supervisor import free_port

ROLES = ("gateway", "watch", "advise")
UP_S, ANSWER_S, THINK_S = 60.0, 60.0, 60.0
MINUTE_S = 0.6  # wall time a park minute takes at least: the watch looks at the clock twice a second
LOOK_S = 1800.0  # after the incident was opened
QUIET_S = 3600.0
SAME = 0.05  # a probability that differs by less is the same: advice tells only what has moved


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found of a release, one way or the other."""

    stations: tuple[str, ...]
    factors: tuple[str, ...]
    opened_min: int  # after the release
    leader: str
    top: float

    def agrees(self, other: Answer) -> bool:
        """Tell whether both say the same."""
        found = (self.stations, set(self.factors), self.leader)
        told = (other.stations, set(other.factors), other.leader)
        late = abs(self.opened_min - other.opened_min)  # a process looks at the clock at its own pace
        return found == told and late <= 1 and abs(self.top - other.top) <= SAME


def answer(incident: Incident | None, ranking: Ranking | None, day: live_day.Day) -> Answer | None:
    """Read an answer off the records; None while there is none."""
    if incident is None or ranking is None:
        return None
    chance = {s.enterprise: s.probability for s in ranking.suspects} | {demo_trace.UNKNOWN: ranking.unknown}
    leader = max(chance, key=lambda who: chance[who])
    opened = (as_ms(incident.opened) - day.wet_ms) // MINUTE_MS
    return Answer(incident.stations, incident.factors, opened, leader, round(chance[leader], 3))


def alone(present: Present, day: live_day.Day, sent: Sequence[tuple[int, list[tuple[str, Frame]]]]) -> Any:
    """Live through the frames in this process; returns the answer and when it was read."""
    with live_day.inside(present) as me:
        opened = 0
        for at, minute in sent:
            me.minute(at, minute)
            incident = demo_trace.first(me, day)
            opened = as_ms(incident.opened) if incident else 0
            if opened and at - opened >= LOOK_S * 1000:
                break
        me.advise()
        incident = demo_trace.first(me, day)
        return answer(incident, me.ranking(incident.id) if incident else None, day), at


@contextmanager
def processes(folder: Path, port: int) -> Iterator[tuple[Stream, Records]]:
    """Run a stream server and the roles on a folder of their own."""
    url = f"unix://{folder / 'r.sock'}"
    ports = {"TWIN_GATEWAY_PORT": str(port), "TWIN_PLC_PORT": str(free_port())}
    env = {**os.environ, **ports, "TWIN_DATA": str(folder), "TWIN_REDIS_URL": url, "TWIN_DB_URL": ""}
    running = [embedded.start(folder / "redis", folder / "r.sock")]
    stream = Stream(url)
    records = Records(f"sqlite:///{folder / 'records.sqlite'}")
    try:
        records.create()
        for role in ROLES:
            log = (folder / f"{role}.log").open("wb")
            running.append(
                subprocess.Popen([sys.executable, "-m", "twin", role], env=env, stdout=log, stderr=log)
            )
        yield stream, records
    finally:
        stream.close()
        records.close()
        for process in reversed(running):
            process.terminate()
            process.wait(30)


async def through(
    park: Park,
    day: live_day.Day,
    sent: Sequence[tuple[int, list[tuple[str, Frame]]]],
    until: int,
    stream: Stream,
    records: Records,
    port: int,
) -> Answer | None:
    """Send the frames minute by minute, every one answered; return what the processes found."""
    lines = {
        s.id: Line(s.mn, "127.0.0.1", port, Outbox(timeout_s=5.0), dice=random.Random(s.mn))
        for s in park.stations
    }
    stream.put_clock(ClockState(True, "bench", 0.0, sent[0][0], wall_ms()))
    tasks = [asyncio.ensure_future(line.run()) for line in lines.values()]
    try:
        for at, minute in sent:
            if at > until:
                break
            began = time.monotonic()
            stream.put_clock(ClockState(True, "bench", 0.0, at, wall_ms()))
            for station, frame in minute:
                lines[station].put([frame])
            while any(len(line.outbox) for line in lines.values()):
                if time.monotonic() - began > UP_S + ANSWER_S:
                    raise TimeoutError("frames were not answered")
                await asyncio.sleep(0.01)
            await asyncio.sleep(max(MINUTE_S - (time.monotonic() - began), 0.0))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return await _settled(day, records)


async def _settled(day: live_day.Day, records: Records) -> Answer | None:
    """Wait until the advice no longer changes."""
    deadline, last, since = time.monotonic() + THINK_S, None, time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < THINK_S / 3:
        mine = [i for i in records.incidents() if as_ms(i.opened) >= day.wet_ms]
        incident = min(mine, key=lambda i: (i.opened, i.id)) if mine else None
        found = answer(incident, records.ranking(incident.id) if incident else None, day)
        if found != last:
            last, since = found, time.monotonic()
        await asyncio.sleep(0.5)
    return last


def compare(park: Park, present: Present, seed: int, number: int) -> dict[str, Any]:
    """Play one release both ways."""
    release = demo_trace.draw(park, seed, number)
    day = replace(release.day, quiet_s=QUIET_S)
    sent = list(live_day.frames(park, day, live_day.water(park, day)))
    inside, until = alone(present, day, sent)
    port = free_port()
    with live_day.folder() as folder, processes(folder, port) as (stream, records):
        outside = asyncio.run(through(park, day, sent, until, stream, records, port))
    return {
        "number": number,
        "enterprise": release.enterprise,
        "sort": release.sort,
        "frames": sum(len(minute) for at, minute in sent if at <= until),
        "inside": str(inside),
        "outside": str(outside),
        "same": inside is not None and outside is not None and inside.agrees(outside),
    }


def main(words: Sequence[str] | None = None) -> None:
    """Compare, print a line a release and the sum of all."""
    grammar = argparse.ArgumentParser(prog="python -m tests.bench.chain")
    grammar.add_argument("--releases", type=int, nargs="+", default=[0, 1, 2], help="numbers of demo_trace")
    grammar.add_argument("--seed", type=int, default=1)
    o = grammar.parse_args(words)
    park = parks.read(parks.demo_path())
    present = Present.of(park)
    found = []
    for number in o.releases:
        found.append(compare(park, present, o.seed, number))
        print(json.dumps(found[-1], ensure_ascii=False), flush=True)
    print(json.dumps({"bench": "chain", "releases": len(found), "same": sum(f["same"] for f in found)}))


if __name__ == "__main__":
    main()
