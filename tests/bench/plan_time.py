"""From a confirmed incident to its plan on the page: `python -m tests.bench.plan_time [--releases N ...]`.

Each release of `demo_trace` is lived through until its incident is opened, on a real stream server and real
records; `twin advise` and `twin web` run beside it as processes of their own, both without anything kept from
earlier runs. From the moment the incident is told, every further word on the event stream is followed as the
web's feed does, and the desk is asked for its panels as a browser would: wall time and CPU of every step, one
line of JSON a release, the sum of all in the last.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from geodata import park as parks
from geodata.places import Park
from tests.bench import demo_trace, live_day
from tests.e2e.screen import Site, site
from twin import embedded
from twin.bench_park import machine
from twin.clock import ClockState, wall_ms
from twin.model import Event, Incident, PlanSet, from_json
from twin.park_watch import Present
from twin.records import Records
from twin.stream import Stream
from twin.watch import Sight

UP_S, ANSWER_S = 60.0, 120.0
LOOK_S = 0.02
REST_S = 4.0  # roles are idle before the incident, as they are before most
WANTED = {"page_plan": 2.0, "page_whatifs": 8.0}  # s
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Course:
    """What came when, seconds after the incident was told, and what CPU it had cost by then."""

    began: float
    pids: dict[str, int]
    cpu_before: dict[str, float]
    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def begin(cls, pids: dict[str, int]) -> Course:
        """Start the clocks."""
        return cls(time.monotonic(), pids, {role: cpu_s(pid) for role, pid in pids.items()})

    def told(self, stream: Stream, incident: str) -> None:
        """Let the clocks begin when the stream server took the word of the incident."""
        for entry in stream.since("events"):
            event = from_json(entry.body, Event)
            if (event.kind, event.about) == ("incident.opened", incident):
                self.began = time.monotonic() - (wall_ms() - entry.at_ms) / 1000

    def mark(self, step: str) -> None:
        """A step is done, if it was not done before."""
        if step not in self.wall:
            self.wall[step] = round(time.monotonic() - self.began, 3)
            self.cpu[step] = {r: round(cpu_s(p) - self.cpu_before[r], 2) for r, p in self.pids.items()}


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and its children, those that are over among them."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    mine = sum(int(x) for x in stat[11:15]) / TICKS
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return mine + sum(cpu_s(int(c)) for f in children for c in f.read_text().split())


class DeskPage:
    """The emergency desk as a browser asks for it."""

    def __init__(self, web: Site) -> None:
        self._url = web.url
        every = json.loads(self._ask("/_dash-dependencies"))
        self._one = next(c for c in every if "em-shown.data" in c["output"])

    def _ask(self, path: str, body: bytes | None = None) -> bytes:
        headers = {"Content-Type": "application/json", "Origin": self._url}
        request = urllib.request.Request(self._url + path, body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())

    def look(self, incident: str) -> tuple[dict[str, Any], str]:
        """Return what the desk's form is about, and all of its panels."""
        names = self._one["output"].strip(".").split("...")
        values = {"em-incident.data": incident, "em-suspect.data": 0, "em-signed.data": 0}

        def filled(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [{**a, "value": values.get(f"{a['id']}.{a['property']}")} for a in asked]

        body = {
            "output": self._one["output"],
            "outputs": [_output(n) for n in names],
            "inputs": filled(self._one["inputs"]),
            "state": filled(self._one["state"]),
            "changedPropIds": ["em-plan.data"],
        }
        text = self._ask("/_dash-update-component", json.dumps(body).encode()).decode()
        response = json.loads(text)["response"]
        return response["em-shown"]["data"], json.dumps(response["em-cards"], ensure_ascii=False)


def _output(name: str) -> dict[str, Any]:
    """Read an output as the page's own list of callbacks writes it."""
    about, _, prop = name.rpartition(".")
    return {"id": json.loads(about) if about.startswith("{") else about, "property": prop}


@contextmanager
def advise(folder: Path, url: str) -> Iterator[int]:
    """Run `twin advise` on a folder and a stream server; gives its process id."""
    kept = folder / "tmp"
    kept.mkdir()
    env = {**os.environ, "TWIN_DATA": str(folder), "TWIN_REDIS_URL": url, "TWIN_DB_URL": ""}
    with (folder / "advise.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "twin", "advise"],
            env=env | {"TMPDIR": str(kept)},  # no water kept from an earlier run
            stdout=log,
            stderr=log,
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def measure(park: Park, present: Present, release: demo_trace.Release) -> dict[str, Any] | None:
    """Let one release come to an incident and follow it to the page; None where no incident comes of it."""
    day = release.day
    it = live_day.water(park, day)
    with ExitStack() as stack:
        folder = stack.enter_context(live_day.folder())
        server = embedded.start(folder / "redis", folder / "r.sock")
        stack.callback(_end, server)
        url = f"unix://{folder / 'r.sock'}"
        stream = Stream(url)
        stack.callback(stream.close)
        stream.put_clock(ClockState(True, "bench", 0.0, day.start_ms, wall_ms()))
        me = live_day.Inside(Sight.of(present), present.network, stream, folder)
        stack.callback(me.close)
        pid = stack.enter_context(advise(folder, url))
        web = stack.enter_context(site(folder, url, TWIN_DB_URL=""))
        page = DeskPage(web)
        for at, builder in live_day.readings(park, day, it):
            if at == day.wet_ms:
                time.sleep(REST_S)
                page.look("")  # the desk is open before there is anything on it
            course = Course.begin({"advise": pid, "web": _pid(web)})
            me.block(at, builder)
            incident = demo_trace.first(me, day)
            if incident is not None:
                course.told(stream, incident.id)
                follow(course, incident, stream, me.records, page)
                return told(release, course, me.records, incident)
    return None


def follow(course: Course, incident: Incident, stream: Stream, records: Records, page: DeskPage) -> None:
    """Follow what is told of an incident until the engine has looked at everything."""
    last, until = "0", time.monotonic() + ANSWER_S
    while time.monotonic() < until:
        time.sleep(LOOK_S)
        for entry in stream.since("events", last):
            last = entry.id
            event = from_json(entry.body, Event)
            if event.about != incident.id:
                continue
            if event.kind == "ranking.ready":
                course.mark("ranking")
            if event.kind == "plan.ready":
                if _plans(records, incident) is None:
                    course.mark("no_plan")  # no gate would help, and nothing is left to be looked at
                    return
                course.mark("plan")
                _seen(course, "page_plan", page, incident, holds_plan)
            if event.kind == "whatif.ready":
                course.mark("whatifs")
                _seen(course, "page_whatifs", page, incident, holds_whatif)
            if (made := _plans(records, incident)) and any(p.checked for p in made.plans):
                course.mark("everything")
                return
    raise TimeoutError(f"{incident.id}: {course.wall}")


def holds_plan(shown: dict[str, Any], cards: str) -> bool:
    """Tell whether the desk shows a plan."""
    return bool(shown["plan"] and shown["plan"].rpartition("/")[2] and "em-plan" in cards)


def holds_whatif(_: dict[str, Any], cards: str) -> bool:
    """Tell whether the desk says of a plan what the engine found."""
    return "SWMM" in cards


def _seen(
    course: Course,
    step: str,
    page: DeskPage,
    incident: Incident,
    right: Callable[[dict[str, Any], str], bool],
) -> None:
    if step not in course.wall:
        shown, cards = page.look(incident.id)
        if right(shown, cards):
            course.mark(step)


def _plans(records: Records, incident: Incident) -> PlanSet | None:
    made = records.plans(incident.id)
    return made if made is not None and made.plans else None


def _pid(web: Site) -> int:
    assert web.process is not None
    return web.process.pid


def _end(server: Any) -> None:
    server.terminate()
    server.wait(30)
    if server.stderr:
        server.stderr.close()


def told(release: demo_trace.Release, course: Course, records: Records, incident: Incident) -> dict[str, Any]:
    """Return one release's line."""
    made = _plans(records, incident)
    return {
        "release": release.number,
        "plans": len(made.plans) if made else 0,
        "whatifs": len(records.whatifs(incident.id)),
        "wall_s": course.wall,
        "cpu_s": course.cpu,
    }


def summary(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the median and the worst of every step."""
    steps = list(dict.fromkeys(s for line in lines for s in line["wall_s"]))
    wall = {s: [line["wall_s"][s] for line in lines if s in line["wall_s"]] for s in steps}
    cpu = {s: [sum(line["cpu_s"][s].values()) for line in lines if s in line["cpu_s"]] for s in steps}
    return {
        "bench": "plan_time",
        "releases": len(lines),
        "wall_s_median": {s: round(float(np.median(v)), 2) for s, v in wall.items()},
        "wall_s_worst": {s: max(v) for s, v in wall.items()},
        "cpu_s_median": {s: round(float(np.median(v)), 2) for s, v in cpu.items()},
        "within": {s: sum(x < most for x in wall.get(s, ())) for s, most in WANTED.items()},
        "machine": machine(),
    }


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print a line a release and the sum of all."""
    grammar = argparse.ArgumentParser(prog="python -m tests.bench.plan_time")
    grammar.add_argument("--releases", type=int, nargs="+", default=[0, 1, 2, 4, 5], help="of demo_trace")
    grammar.add_argument("--seed", type=int, default=1)
    o = grammar.parse_args(words)
    park = parks.read(parks.demo_path())
    present = Present.of(park)
    lines = []
    for number in o.releases:
        found = measure(park, present, demo_trace.draw(park, o.seed, number))
        if found is not None:
            lines.append(found)
        print(json.dumps(found or {"release": number, "incident": False}), flush=True)
    print(json.dumps(summary(lines)))


if __name__ == "__main__":
    main()
