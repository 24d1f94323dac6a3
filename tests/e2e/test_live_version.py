"""A new version of the park, saved while a plume runs: no process starts again, nothing is lost."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from geodata import park as park_file
from geodata.crs import to_lonlat
from tests.e2e.screen import browser, screen
from tests.e2e.warm import share
from twin import park_publish
from twin.config import Config, load
from twin.demo import environment, is_healthy, people, start_roles
from twin.model import Command, CommandState, Order, to_json
from twin.records import Records
from twin.stream import Stream
from twin.supervisor import Role, Supervisor, free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
ROLES = ("gateway", "watch", "advise", "web")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as it:
        yield it


@dataclass
class Demo:
    """Every role of the demo as a process of its own."""

    config: Config
    supervisor: Supervisor
    stream: Stream
    records: Records

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.config.port}"

    def until(self, condition: Callable[[], Any], seconds: float = 60.0) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, "it did not come to that"
            self.supervisor.tick()
            time.sleep(0.05)
        return found

    def ranked(self) -> Any:
        """The ranking of the first incident, once there is one."""
        incidents = self.records.incidents()
        return self.records.ranking(incidents[-1].id) if incidents else None

    def planned(self, incident: str) -> str:
        """The version of the park that an incident's plans were made of."""
        plans = self.records.plans(incident)
        return plans.park_version if plans else ""

    def close(self, gate: str) -> None:
        """Two people order a gate closed."""
        at = datetime.fromtimestamp(self.ranked().at.timestamp(), UTC)
        incident = self.records.incidents()[-1].id
        command = Command("C1", incident, "", gate, 0.0, "duty", at, (), CommandState.PROPOSED)
        self.records.propose(command)
        for user in ("duty", "office"):
            self.records.approve("C1", user, "", at)
        self.stream.append("commands", to_json(Order("gate.execute", at, "office", about="C1")))

    def state(self) -> CommandState | None:
        command = self.records.command("C1")
        return command.state if command else None


@pytest.fixture
def demo() -> Iterator[Demo]:
    folder = Path(tempfile.mkdtemp(prefix="twin-e2e-"))
    config = replace(
        load({**os.environ, "TWIN_REDIS_URL": "", "TWIN_DB_URL": "", "TWIN_DATA": str(folder)}),
        open=True,
        port=free_port(),
        gateway_port=free_port(),
        plc_port=free_port(),
    )
    share(folder)
    people(config)
    supervisor = Supervisor(environment(config), folder / "logs", lambda t: None)
    stream, records = Stream(config.redis), Records(config.db)
    try:
        sim = ("sim", "--scenario", "night-discharge", "--speed", "60", "--past-hours", "4")
        start_roles(supervisor, config, sim)
        supervisor.start(Role("web", ("web",)))
        it = Demo(config, supervisor, stream, records)
        it.until(lambda: is_healthy("127.0.0.1", config.port))
        yield it
    finally:
        stream.close()
        records.close()
        supervisor.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_version_saved_while_a_plume_runs(demo: Demo, chromium: Browser) -> None:
    first = demo.until(demo.ranked, 120)
    old = park_file.read(demo.config.park)
    assert first.park_version == old.version
    pids = [demo.supervisor.pid(name) for name in ROLES]
    incident = demo.records.incidents()[-1]
    with screen(chromium) as it:
        it.open(f"{demo.url}/atlas")
        it.page.wait_for_selector(f'.park-map[data-version="{old.version}"]')
        demo.close(next(g.id for g in old.gates if g.remote))
        station, *rest = old.stations
        moved = replace(station, x=station.x + 500.0)
        new = replace(old, stations=(moved, *rest))
        saved = park_publish.publish(demo.config, new, "a station surveyed again", "duty")
        assert saved.version != old.version
        expect(it.page.locator("#park-note")).to_contain_text(saved.version)
        it.page.wait_for_selector(f'.park-map[data-version="{saved.version}"]', timeout=60_000)
        spot = f"twin.maps['atlas-map'].named.get('station/{station.id}')"
        shown = it.page.evaluate(f"(({{x, y}}) => twin.maps['atlas-map'].lonlat(x, y))({spot})")
        assert shown[0] == pytest.approx(_lon(moved.x, moved.y, old.crs), abs=1e-6)
        second = demo.until(lambda: (r := demo.ranked()) and r.park_version == saved.version and r)
        assert second.incident == first.incident
        demo.until(lambda: demo.planned(first.incident) == saved.version)
        demo.until(lambda: demo.state() is CommandState.DONE)
        it.page.goto(f"{demo.url}/emergency/{first.incident}")
        expect(it.page.locator("#content")).to_contain_text(saved.version)
        assert it.wrong == []
    assert [demo.supervisor.pid(name) for name in ROLES] == pids
    assert [demo.supervisor.restarts(name) for name in ROLES] == [0] * len(ROLES)
    assert demo.records.incidents()[-1].id == incident.id
    demo.until(lambda: demo.stream.pending("readings", "watch", "1") == [])


def _lon(x: float, y: float, crs: str) -> float:
    return float(to_lonlat(x, y, crs)[0])
