"""Drills by order: started, sped up, changed, stopped over the stream, while park time only goes forward."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.warm import share
from twin.clock import ClockState, park_ms
from twin.config import load
from twin.demo import environment, people
from twin.embedded import wait_until_up
from twin.errors import UnavailableError
from twin.ingest.hj212.times import stamp
from twin.model import Event, Order, from_json, to_json
from twin.stream import Stream
from twin.supervisor import Role, Supervisor, free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


class Watcher:
    """Looks at the clock all the time, as every role does, and remembers the latest park time it saw."""

    def __init__(self, stream: Stream, supervisor: Supervisor) -> None:
        self.stream, self.supervisor = stream, supervisor
        self.latest, self.last = 0, ClockState()

    def clock(self) -> ClockState:
        state = self.stream.clock()
        now = park_ms(state)
        if state.drill:
            # What was read a moment before an order arrived had run on by itself: what counts is that the new
            # clock begins where the old one stood at that moment (a millisecond of each is rounding).
            if self.last.drill:
                stood = park_ms(self.last, state.wall_ms)
                assert state.park_ms >= stood - 50 - 2 * self.last.speed, "park time went back"
            self.latest, self.last = max(self.latest, now), state
        return state

    def until(self, what: Callable[[ClockState], bool], timeout_s: float = 60.0) -> ClockState:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.supervisor.tick()
            try:
                state = self.clock()
                if what(state):
                    return state
            except UnavailableError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"it did not come to that: {self.stream.clock()}")

    def order(self, kind: str, about: str = "", number: float = 0.0) -> None:
        order = Order(kind, datetime.now(UTC), "test", about, number)
        self.stream.append("commands", to_json(order))

    def events(self) -> list[tuple[str, str]]:
        told = [from_json(e.body, Event) for e in self.stream.since("events")]
        return [(e.kind, e.about) for e in told]


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    folder = Path(tempfile.mkdtemp(prefix="twin-e2e-"))
    config = replace(
        load({**os.environ, "TWIN_REDIS_URL": "", "TWIN_DATA": str(folder)}),
        gateway_port=free_port(),
        plc_port=free_port(),
    )
    share(folder)
    people(config)
    supervisor = Supervisor(environment(config), folder / "logs", lambda t: None)
    stream = Stream(config.redis)
    try:
        supervisor.start(Role("redis", ("redis",)))
        wait_until_up(config.redis, 20)
        supervisor.start(Role("sim", ("sim", "--speed", "50", "--past-hours", "0")))
        yield Watcher(stream, supervisor)
    finally:
        stream.close()
        supervisor.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_orders_about_the_drill_are_obeyed(watcher: Watcher) -> None:
    state = watcher.until(lambda c: c.speed == 50)
    assert (state.drill, state.scenario) == (True, "night-discharge")
    assert stamp(state.park_ms)[8:11] == "015"
    watcher.order("drill.speed", number=200)
    watcher.until(lambda c: c.speed == 200)
    watcher.order("drill.speed", number=100_000)
    watcher.until(lambda c: c.speed == 600)
    watcher.order("drill.start", "no-such-thing", 20)  # changes nothing, not even the speed
    watcher.order("drill.start", "pipe-leak", 30)
    state = watcher.until(lambda c: c.scenario == "pipe-leak" and c.speed == 30)
    assert stamp(state.park_ms)[8:11] == "094"
    watcher.order("drill.stop")
    frozen = watcher.until(lambda c: c.speed == 0)
    time.sleep(1.5)
    assert park_ms(watcher.clock()) == park_ms(frozen)
    assert watcher.events() == [
        ("drill.started", "night-discharge"),
        ("drill.started", "pipe-leak"),
        ("drill.stopped", "pipe-leak"),
    ]


def test_a_world_that_dies_comes_back_later_in_park_time(watcher: Watcher) -> None:
    watcher.until(lambda c: c.speed == 50)
    before = watcher.supervisor.pid("sim")
    assert before is not None
    os.kill(before, 9)
    watcher.until(lambda c: watcher.supervisor.restarts("sim") == 1)
    seen = watcher.latest
    state = watcher.until(lambda c: c.speed == 50 and c.park_ms > seen + 3_600_000)
    assert stamp(state.park_ms)[8:11] == "015"
