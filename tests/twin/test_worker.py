"""The two loops as they run: threads and processes, a stream server that dies, a signal that ends them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from geodata import park as parks
from geodata.places import Park
from tests.embedded import Embedded
from tests.twin.parks import tiny_park
from tests.twin.test_control import Gatehouse
from tests.twin.test_watch import DIRTY, Bench
from twin import worker
from twin.clock import wall_ms
from twin.config import Config
from twin.history.reader import History
from twin.model import Command, CommandState, GateState, Order, from_json, to_json
from twin.records import Records
from twin.supervisor import free_port
from twin.worker import Companion, Inbox


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something is so, or fail."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def write(park: Park, path: Path) -> None:
    """Write a park; the tiny one has no pumps and leaves their column out."""
    parks.write(replace(park, links=park.links.assign(capacity_m3s=0.0)), path)


class Site:
    """A park on disk, its servers, and the loops in threads."""

    def __init__(self, embedded: Embedded, folder: Path) -> None:
        self.embedded = embedded
        self.records = Records(f"sqlite:///{folder / 'records.sqlite'}")
        self.records.create()
        self.bench = Bench(embedded.stream(), self.records)
        write(self.bench.park, folder / "park.gpkg")
        self.house = Gatehouse(free_port())
        self.house.start()
        self.config = Config(
            data=folder,
            park=folder / "park.gpkg",
            redis_url=embedded.url,
            plc_port=self.house.port,
        )
        self.stop = threading.Event()
        self.threads: list[threading.Thread] = []
        self.failures: list[BaseException] = []

    def run(self, role: Callable[[Config, threading.Event], None]) -> None:
        def body() -> None:
            try:
                role(self.config, self.stop)
            except BaseException as error:
                self.failures.append(error)

        self.threads.append(threading.Thread(target=body, daemon=True))
        self.threads[-1].start()

    def close(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(60)
        alive = [t for t in self.threads if t.is_alive()]
        self.house.stop()
        self.records.close()
        assert not alive
        assert self.failures == []

    def beat(self, role: str) -> int:
        return int(self.said(role).get("at_ms", 0))

    def said(self, role: str) -> dict[str, Any]:
        """What a role last told of itself."""
        return dict(json.loads(self.bench.stream.get(role) or b"{}"))


@pytest.fixture
def site(embedded: Embedded, tmp_path: Path) -> Iterator[Site]:
    it = Site(embedded, tmp_path)
    yield it
    it.close()


def test_readings_become_incident_ranking_plan_and_a_closed_gate(site: Site) -> None:
    site.bench.send(90)
    site.run(worker.watch)
    site.run(worker.advise)
    until(lambda: site.beat("watch") and site.beat("advise"))
    site.bench.dirty = {"S01": DIRTY}
    site.bench.send(4)
    until(lambda: site.records.incidents())
    (incident,) = site.records.incidents()
    until(lambda: site.records.plans(incident.id))
    ranking = site.records.ranking(incident.id)
    assert ranking is not None
    assert ranking.suspects
    site.house.clock_ms = site.bench.now_ms
    at = incident.opened
    command = Command("C1", incident.id, "", "G01", 0.0, "duty", at, (), CommandState.PROPOSED)
    site.records.propose(command)
    site.records.approve("C1", "duty", "", at)
    site.records.approve("C1", "office", "", at)
    site.bench.stream.append("commands", to_json(Order("drill.speed", at, "duty", number=2.0)))
    site.bench.stream.append("commands", to_json(Order("gate.execute", at, "office", about="C1")))
    until(lambda: site.house.moves == [(1, 0.0)])
    for _ in range(30):
        site.bench.now_ms += 10_000
        site.house.clock_ms = site.bench.now_ms
        site.bench.tell_clock()
        time.sleep(0.1)
    until(lambda: _state(site) is CommandState.DONE)
    gates = from_json(site.bench.stream.get("gates") or b"", list[GateState])
    assert {g.gate for g in gates} == {"G01", "G02"}
    until(lambda: site.bench.stream.pending("commands", "control", worker.CONSUMER) == [])


def _state(site: Site) -> CommandState | None:
    command = site.records.command("C1")
    return None if command is None else command.state


def test_a_new_version_of_the_park_is_taken_up_by_both_loops_and_a_broken_one_is_told(site: Site) -> None:
    site.bench.send(60)
    site.run(worker.watch)
    site.run(worker.advise)
    until(lambda: site.beat("watch") and site.beat("advise"))
    gates = (replace(site.bench.park.gates[0], phone="0573-9"), site.bench.park.gates[1])
    write(replace(site.bench.park, gates=gates), site.config.park)
    version = parks.read(site.config.park).version
    for role in ("watch", "advise"):
        until(lambda role=role: site.said(role)["park"] == version)  # type: ignore[misc]
        assert site.said(role)["trouble"] == ""
    site.config.park.write_bytes(b"torn")
    for role in ("watch", "advise"):
        until(lambda role=role: site.said(role)["trouble"])  # type: ignore[misc]
        assert site.said(role)["park"] == version
    site.bench.dirty = {"S01": DIRTY}
    site.bench.send(4)
    until(lambda: site.records.incidents())
    until(lambda: site.records.ranking(site.records.incidents()[0].id))
    ranking = site.records.ranking(site.records.incidents()[0].id)
    assert ranking is not None
    assert ranking.park_version == version


def test_the_stream_server_killed_and_back_costs_nothing(site: Site) -> None:
    site.bench.send(60)
    site.run(worker.watch)
    until(lambda: site.beat("watch"))
    site.embedded.kill()
    time.sleep(1.0)
    site.embedded.start()
    before = wall_ms()
    site.bench.dirty = {"S01": DIRTY}
    site.bench.send(5)
    until(lambda: site.records.incidents())
    until(lambda: site.beat("watch") > before)
    assert len(site.bench.events("incident.opened")) == 1
    until(lambda: site.bench.stream.pending("readings", "watch", worker.CONSUMER) == [])


def test_the_watch_starts_before_its_servers_do(embedded: Embedded, tmp_path: Path) -> None:
    embedded.kill()
    write(tiny_park(), tmp_path / "park.gpkg")
    config = Config(data=tmp_path, park=tmp_path / "park.gpkg", redis_url=embedded.url)
    stop = threading.Event()
    thread = threading.Thread(target=worker.watch, args=(config, stop), daemon=True)
    thread.start()
    time.sleep(1.0)
    assert thread.is_alive()
    embedded.start()
    stream = embedded.stream()
    until(lambda: stream.get("watch") is not None)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.slow
def test_a_signal_ends_the_process_and_history_is_written(site: Site) -> None:
    """A real process: what it had taken and not finished when it was killed is read again by the next."""
    env = {
        **os.environ,
        "TWIN_DATA": str(site.config.data),
        "TWIN_PARK": str(site.config.park),
        "TWIN_REDIS_URL": site.embedded.url,
    }
    words = [sys.executable, "-c", "from twin import config, worker; worker.watch(config.load())"]
    site.bench.send(60)
    first = subprocess.Popen(words, env=env)
    try:
        until(lambda: site.beat("watch"), 40)
    finally:
        first.kill()
        first.wait(60)
    site.bench.dirty = {"S01": DIRTY}
    site.bench.send(5)
    second = subprocess.Popen(words, env=env)
    try:
        until(lambda: site.records.incidents(), 40)
        until(lambda: list((site.config.data / "history" / "readings").glob("*.parquet")), 40)
    finally:
        second.send_signal(signal.SIGTERM)
        assert second.wait(60) == 0
    assert len(site.bench.events("incident.opened")) == 1
    history = History(site.config.history, site.bench.stream)
    window = history.window(0, site.bench.now_ms)
    history.close()
    assert len(window.at_ms) == 65 * sum(len(s.factors) for s in site.bench.park.stations)


def test_an_inbox_reads_what_was_never_finished_first(embedded: Embedded) -> None:
    stream = embedded.stream()
    stream.join("events", "advise")
    ids = [stream.append("events", bytes([k])) for k in range(5)]
    one = Inbox(stream, ("events",), "advise")
    taken = one.take(10)
    assert [e.id for _, e in taken] == ids
    one.done(taken[:2])
    again = Inbox(stream, ("events",), "advise")
    left = again.take(10)
    assert [e.id for _, e in left] == ids[2:]
    assert again.take(10) == []  # not the same ones over and over
    later = stream.append("events", b"x")
    assert [e.id for _, e in again.take(100)] == [later]
    again.away(RuntimeError("gone"))
    assert [e.id for _, e in again.take(10)] == [*ids[2:], later]


def test_a_companion_that_fails_ends_the_loop() -> None:
    stop = threading.Event()

    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), Companion("x", stop, fails):
        assert stop.wait(5)
