"""What pages say while things are away: `python -m tests.bench.away [--seconds 180]`, one line of JSON.

The whole demo runs with real loggers of its own, twelve more whose every frame is accounted for, and a real
Chromium that shows the wall, the emergency desk and the atlas, none of which is ever loaded again by hand.
The stream server is killed and stays away; then the pages' process is killed; then a fourth page, whose
computer's lid was closed an hour ago, wakes up behind a cable whose connections died meanwhile. Each page
keeps account every quarter of a second of what it says and of how much of it is coloured as if it were known.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.e2e.cable import LID, Cable, asleep, awake, cable
from tests.e2e.kills import Loggers, compared
from tests.e2e.running import demo, role_pid
from tests.e2e.screen import Screen, browser, screen
from tests.embedded import Embedded
from twin.bench_park import machine
from twin.history.reader import History
from twin.supervisor import free_port

HOUR_MS = 3_600_000
DRILL, SPEED = "night-discharge", 20.0
EVERY_S = 0.5  # a frame of each of the twelve
LONG_S = 120.0
SETTLE_S = 3.0
PAGES = {"wall": "/wall", "desk": "/emergency", "atlas": "/atlas"}
ACCOUNT = """() => {
  window.kept = true;
  window.account = [];
  const known = "[data-live-point], [data-live-level], [data-live-station], #age .lv";
  let last = "";
  setInterval(() => {
    const says = document.getElementById("link-banner").textContent, { live } = twin;
    const coloured = [...document.querySelectorAll(known)].filter((e) => e.dataset.lv !== "offline").length
      + live.stations.filter((s) => live.level(s) !== "offline").length
      + Object.keys(live.gates).filter((g) => live.gate(g)[1] !== "unknown").length;
    const now = JSON.stringify([says.replace(/\\d+/g, "#"), live.stale, coloured > 0]);
    if (now === last) return;
    last = now;
    window.account.push({ at: Date.now(), says, stale: live.stale, coloured, newest: Math.max(...live.at) });
  }, 250);
}"""


@dataclass
class Watched:
    """A page, and what it said."""

    name: str
    it: Screen
    read: int = 0
    wrong: list[str] = field(default_factory=list)

    def account(self) -> list[dict[str, Any]]:
        """Return what changed on it since this was last asked; nothing where it was loaded again."""
        every = self.it.page.evaluate("window.account || []")
        new, self.read = every[self.read :], len(every)
        return list(new)

    def told(self, gone_ms: float, back_ms: float, newest: float) -> dict[str, Any]:
        """Return what it said of something that was away from one moment to another, wall ms.

        Parameters
        ----------
        newest : float
            Of which park moment its newest value was before.
        """
        seen = self.account()
        said = [e for e in seen if e["says"] and e["at"] < back_ms]
        grey = [e for e in seen if not e["coloured"] and e["at"] < back_ms]
        again = [e for e in seen if not e["says"] and not e["stale"] and e["at"] >= back_ms]
        during = [e for e in seen if grey and grey[0]["at"] < e["at"] < back_ms]
        return {
            "said_s": round((said[0]["at"] - gone_ms) / 1000, 1) if said else None,
            "says": said[-1]["says"] if said else "",
            "grey_s": round((grey[0]["at"] - gone_ms) / 1000, 1) if grey else None,
            "coloured_meanwhile": sum(e["coloured"] > 0 for e in during),
            "back_s": round((again[0]["at"] - back_ms) / 1000, 1) if again else None,
            "newer": self.it.page.evaluate("Math.max(...twin.live.at)") > newest,
            "loaded_again": self.it.page.evaluate("window.kept") is not True,
        }

    def newest(self) -> float:
        """Of which park moment its newest value is."""
        return float(self.it.page.evaluate("Math.max(...twin.live.at)"))

    def settled(self) -> list[str]:
        """Return what is wrong after everything has come back; what came before is kept in `wrong`."""
        self.wrong += self.it.wrong
        self.it.wrong.clear()
        self.it.page.wait_for_timeout(SETTLE_S * 1000)
        late, self.it.wrong[:] = list(self.it.wrong), []
        return late


def wall_ms() -> float:
    """Milliseconds of this machine's clock, as the pages count them."""
    return time.time() * 1000


def wait_back(pages: list[Watched], newest: dict[str, float]) -> None:
    """Until every page shows newer values and says nothing."""
    for page in pages:
        page.it.wait(
            f"!twin.live.stale && Math.max(...twin.live.at) > {newest[page.name]}"
            " && !document.getElementById('link-banner').textContent",
            LONG_S,
        )
        page.it.page.wait_for_timeout(500)


def stream_away(
    pages: list[Watched], server: Embedded, loggers: Loggers, seconds: float, pictures: Path | None
) -> dict[str, Any]:
    """Kill the stream server and start it again after so long."""
    newest = {p.name: p.newest() for p in pages}
    online = pages[0].it.page.evaluate("twin.live.kpi.online")
    gone = wall_ms()
    server.kill()
    time.sleep(1.0)  # answers that were on their way
    before = loggers.answered
    held(pages, seconds - 1.0, pictures)
    meanwhile = loggers.answered - before
    server.start()
    back = wall_ms()
    wait_back(pages, newest)
    pages[0].it.wait(f"twin.live.kpi.online >= {online}", LONG_S)
    stations = (wall_ms() - back) / 1000
    found = {p.name: p.told(gone, back, newest[p.name]) for p in pages}
    late = {p.name: p.settled() for p in pages}
    return {
        "away_s": round((back - gone) / 1000, 1),
        "frames_answered_meanwhile": meanwhile,
        "stations_online": online,
        "all_online_again_s": round(stations, 1),
        "pages": found,
        "errors_afterwards": {name: wrong for name, wrong in late.items() if wrong},
    }


def held(pages: list[Watched], seconds: float, pictures: Path | None) -> None:
    """Let time pass, and the pages speak; half way a picture of each is taken."""
    pages[0].it.page.wait_for_timeout(seconds * 500)
    for page in pages if pictures else []:
        page.it.page.screenshot(path=f"{pictures}/{page.name}.png", animations="disabled")
    pages[0].it.page.wait_for_timeout(seconds * 500)


def web_restarted(pages: list[Watched], folder: Path) -> dict[str, Any]:
    """Kill the process of the pages; its supervisor starts it again."""
    newest = {p.name: p.newest() for p in pages}
    pid = role_pid(folder, "web")
    assert pid is not None, "no web role"
    gone = wall_ms()
    os.kill(pid, signal.SIGKILL)
    for page in pages:  # it may be back before anything has to be said
        page.it.wait("!twin.live.connected || window.kept !== true", LONG_S)
    wait_back(pages, newest)
    end = wall_ms()
    out: dict[str, Any] = {"whole_s": round((end - gone) / 1000, 1), "pages": {}}
    for page in pages:
        seen = page.account()
        said = [e["at"] for e in seen if e["says"]]
        out["pages"][page.name] = {
            "said_s": round((said[0] - gone) / 1000, 1) if said else None,
            "loaded_again": page.it.page.evaluate("window.kept") is not True,
        }
    late = {p.name: p.settled() for p in pages}
    return out | {"errors_afterwards": {name: wrong for name, wrong in late.items() if wrong}}


def lid_closed(page: Watched, line: Cable, tab: Any) -> dict[str, Any]:
    """Open the lid of a page that has slept."""
    newest = page.newest()
    awake(page.it.page, line, tab)
    opened = wall_ms()
    wait_back([page], {page.name: newest})
    seen = [e for e in page.account() if e["at"] >= opened - 1000]
    said = [e for e in seen if e["says"]]
    back = [e for e in seen if not e["says"] and not e["stale"] and said and e["at"] > said[0]["at"]]
    return {
        "said_s": round((said[0]["at"] - opened) / 1000, 1) if said else None,
        "says": said[0]["says"] if said else "",
        "back_s": round((back[0]["at"] - opened) / 1000, 1) if back else None,
        "loaded_again": page.it.page.evaluate("window.kept") is not True,
        "errors_afterwards": page.settled(),
    }


def opened(stack: ExitStack, chromium: Browser, name: str, address: str, *, slept: bool = False) -> Watched:
    """Open a page and let it keep account."""
    it = stack.enter_context(screen(chromium))
    if slept:
        it.page.add_init_script(f"{LID}({HOUR_MS})")
    it.open(address, "en")
    it.page.evaluate(ACCOUNT)
    return Watched(name, it)


def run(seconds: float, speed: float, pictures: Path | None = None) -> dict[str, Any]:
    """The whole experiment."""
    folder = Path(tempfile.mkdtemp(prefix="twin-away-"))
    server, port, gateway = Embedded(folder), free_port(), free_port()
    server.start()
    ports = {"TWIN_PORT": str(port), "TWIN_GATEWAY_PORT": str(gateway)}
    more = {"TWIN_DATA": str(folder), "TWIN_REDIS_URL": server.url, **ports}
    loggers = Loggers(gateway, every_s=EVERY_S)
    try:
        with ExitStack() as stack:
            address = stack.enter_context(demo(speed, scenario=DRILL, seed=1, **more))
            loggers.start()
            chromium, line = stack.enter_context(browser()), stack.enter_context(cable(port))
            pages = [opened(stack, chromium, name, address + path) for name, path in PAGES.items()]
            pages[0].it.wait("twin.live.incidents.length > 0 && twin.live.kpi.online > 70", LONG_S)
            sleeper = opened(stack, chromium, "lid", line.url + PAGES["atlas"], slept=True)
            tab = asleep(sleeper.it.page, line)
            found = {"stream_away": told(stream_away(pages, server, loggers, seconds, pictures))}
            found["web_killed"] = told(web_restarted(pages, folder))
            found["lid_an_hour"] = told(lid_closed(sleeper, line, tab))
            found["frames"] = told(accounted(loggers, server, folder))
            found["expected_errors"] = kinds([*pages, sleeper])
    finally:
        loggers.ended.set()
        for stream in server.streams:
            stream.close()
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    return {"bench": "away", "speed": speed, **found, "machine": machine()}


def told(part: dict[str, Any]) -> dict[str, Any]:
    """Say what was found as soon as it is, so that what fails later takes nothing with it."""
    print(json.dumps(part, ensure_ascii=False), file=sys.stderr, flush=True)
    return part


def accounted(loggers: Loggers, server: Embedded, folder: Path) -> dict[str, int]:
    """Look for every answered frame in what history gives."""
    loggers.finishing.set()
    loggers.join(LONG_S)
    assert loggers.failure is None, loggers.failure
    history = History(folder / "history", server.stream())
    deadline, lost, wrong, rows = time.monotonic() + LONG_S, -1, -1, -1
    while lost and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            lost, wrong, rows = compared(history, loggers)
        time.sleep(0.5)
    history.close()
    return {
        "answered": loggers.answered,
        "sent_again": sum(one.resent for one in loggers.all),
        "lost": lost,
        "wrong": wrong,
        "doubled": rows,
    }


def kinds(pages: list[Watched]) -> dict[str, int]:
    """Count what browsers said while something was away, by its beginning."""
    out: dict[str, int] = {}
    for page in pages:
        for said in page.wrong:
            key = said.split("127.0.0.1")[0][:60]
            out[key] = out.get(key, 0) + 1
    return out


def main() -> None:
    """Print the result as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="how long the stream server is away")
    parser.add_argument("--speed", type=float, default=SPEED)
    parser.add_argument("--pictures", type=Path, help="a folder for a picture of each page meanwhile")
    args = parser.parse_args()
    print(json.dumps(run(args.seconds, args.speed, args.pictures), ensure_ascii=False))


if __name__ == "__main__":
    main()
