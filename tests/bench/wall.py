"""Hours of the wall in minutes: `python -m tests.bench.wall [--hours 6] [--faster 20]`, one line of JSON.

A real Chromium shows the wall of the demo park. Everything in the page that waits, waits a fraction of its
time, and its calendar and the park's clock run as fast: views turn, panels are asked for and clocks tick as
often as in those hours, and every frame of the live feed is taken in as often. A day of readings is there to
begin with, each station sends as often as it does, and again and again an incident takes the wall over and
hands it back. The browser's heap after its rubbish is collected, its nodes and listeners, and the server's
memory are noted all along; reported is their slope after the first quarter.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tests.callbacks import stage, story
from tests.e2e.house import House, house
from tests.e2e.screen import browser, screen
from twin.bench_live import resident_mb
from twin.bench_park import machine
from twin.blocks import BlockBuilder, Series, encode
from twin.clock import as_ms, wall_ms
from twin.history.writer import Writer
from twin.model import Event, IncidentState, to_json

TAKEN_EVERY = 8  # looks; half of them an incident owns the wall
LOOKS = 48
HURRY = """(faster => {
  const every = window.setInterval, later = window.setTimeout, now = Date.now, born = now();
  window.setInterval = (fn, ms, ...more) => every(fn, (ms || 0) / faster, ...more);
  window.setTimeout = (fn, ms, ...more) => later(fn, (ms || 0) / faster, ...more);
  Date.now = () => born + (now() - born) * faster;
  window.__turns = 0;
  window.WebSocket = class extends window.WebSocket {
    set onmessage(fn) {
      super.onmessage = (event) => {
        fn(event);
        const size = new DataView(event.data).getUint32(0, true);
        const head = JSON.parse(new TextDecoder().decode(new Uint8Array(event.data, 4, size)));
        const again = () => {
          if (window.twin.live.seq !== head.seq) return; // a newer frame is there
          window.twin.live.seq = head.seq - 1;
          fn({ data: event.data.slice(0) });
        };
        if (head.t === "delta") for (let n = 1; n < faster; n += 1) later(again, (n * 1000) / faster);
      };
    }
  };
})"""


@dataclass(slots=True)
class Sample:
    """What one look found: at which second of the wall's time, MB and counts."""

    at_s: float
    heap_mb: float
    nodes: int
    listeners: int
    server_mb: float


@dataclass
class Soak:
    """A wall that is watched."""

    home: House
    writer: Writer
    faster: int
    rng: Any = field(default_factory=lambda: np.random.default_rng(3))
    taken: bool = False
    samples: list[Sample] = field(default_factory=list)
    began_ms: int = field(default_factory=wall_ms)

    def values(self) -> None:
        """Send a value of every point that is due."""
        park, builder = story.demo_park(), BlockBuilder()
        at = as_ms(story.NOW) + (wall_ms() - self.began_ms) // 1000 * 1000 * self.faster
        for station in park.stations:
            if at // 1000 % station.interval_s:
                continue
            row = [
                (
                    Series(station.mn, code, "2011", "Rtd"),
                    at,
                    stage.value(park, station, code, at, self.rng),
                    ord("N"),
                )
                for code in station.factors
            ]
            builder.add(b"##0000\r\n", at, row)
        self.home.stream.append("readings", encode(builder.build()))
        # without a writer every page would hold all that the stream holds: what no file has
        self.writer.step(self.home.stream)

    def take(self, taken: bool) -> None:
        """Let an incident take the wall over, or hand it back."""
        if taken == self.taken:
            return
        self.taken = taken
        state = IncidentState.OPEN if taken else IncidentState.CLOSED
        told = story.story()
        if taken:
            story.put(self.home.records, told)
        else:
            self.home.records.put_incident(replace(told.incident, state=state))
        self.home.stream.append(
            "events", to_json(Event("incident.opened" if taken else "incident.closed", story.NOW, story.ID))
        )

    def look(self, tools: Any, page: Any, at_s: float) -> None:
        """Note what is in use now."""
        tools.send("HeapProfiler.collectGarbage")
        found = {m["name"]: m["value"] for m in tools.send("Performance.getMetrics")["metrics"]}
        assert self.home.web.process is not None
        self.samples.append(
            Sample(
                at_s,
                found["JSHeapUsedSize"] / 1e6,
                int(found["Nodes"]),
                int(found["JSEventListeners"]),
                resident_mb(self.home.web.process.pid),
            )
        )


def run(hours: float, faster: int) -> dict[str, Any]:
    """Soak, and return what was found."""
    with house(speed=faster) as home, browser() as chromium, screen(chromium) as it:
        soak = Soak(home, Writer(home.server.folder / "history"), faster)
        stage.readings(home.stream, story.demo_park(), hours=24.0)
        soak.writer.step(home.stream, now=True)
        it.page.add_init_script(f"{HURRY}({faster})")
        tools = it.page.context.new_cdp_session(it.page)
        tools.send("Performance.enable")
        it.open(f"{home.web.url}/wall")
        it.page.wait_for_selector(".park-map[data-ready]")
        # the watchdog is off: by starting afresh it would hide a leak
        it.page.evaluate("twin.wallTired = () => ''")
        it.page.evaluate(
            "new MutationObserver((all) => { window.__turns += all.length; })"
            ".observe(document.getElementById('wl-views'), { attributeFilter: ['class'], subtree: true })"
        )
        lasts, began = hours * 3600 / faster, time.monotonic()
        for n in range(LOOKS + 1):
            soak.take(n % TAKEN_EVERY >= TAKEN_EVERY // 2)
            until = began + lasts * n / LOOKS
            while time.monotonic() < until:
                soak.values()
                it.page.wait_for_timeout(max(0.0, min(1.0, until - time.monotonic())) * 1000)
            soak.look(tools, it.page, (time.monotonic() - began) * faster)
        frames, turns = it.page.evaluate("[twin.live.frames, window.__turns]")
        given = {"bench": "wall", "hours": hours, "faster": faster, "frames": frames, "turns": turns}
        return given | told(soak.samples) | {"wrong": it.wrong[:5], "machine": machine()}


def told(samples: list[Sample]) -> dict[str, Any]:
    """Return slopes per hour of the wall's time, and where they began and ended."""
    # like with like: only looks at a quiet wall, and none of the first quarter
    quiet = [s for n, s in enumerate(samples) if n % TAKEN_EVERY == TAKEN_EVERY // 2 - 1 and n >= LOOKS // 4]
    at = np.array([s.at_s for s in quiet]) / 3600
    out: dict[str, Any] = {}
    for name in ("heap_mb", "nodes", "listeners", "server_mb"):
        values = np.array([getattr(s, name) for s in quiet], float)
        slope = float(np.polyfit(at, values, 1)[0])
        out[name] = {"first": round(values[0], 1), "last": round(values[-1], 1), "per_hour": round(slope, 3)}
        out[name]["all"] = [round(float(getattr(s, name)), 1) for s in samples]
    return out


def main() -> None:
    """Print the result as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--faster", type=int, default=20)
    args = parser.parse_args()
    print(json.dumps(run(args.hours, args.faster)))


if __name__ == "__main__":
    main()
