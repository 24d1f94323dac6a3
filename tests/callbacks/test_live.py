"""The live feed: folding, frames, fan-out. A fake stream at our own seam stands in for Redis."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from callbacks import live as module
from callbacks.frames import pack, unpack
from callbacks.live import Board, Client, Facts, Live, Standing, gate_word
from geodata.words import Text
from tests.twin.parks import real_time, tiny_park
from twin.blocks import encode
from twin.clock import ClockState, as_datetime, park_ms, wall_ms
from twin.ending import ended
from twin.errors import UnavailableError
from twin.limits import Limits
from twin.model import (
    Anomaly,
    Event,
    GateState,
    Incident,
    IncidentState,
    Kind,
    Level,
    Point,
    to_json,
)
from twin.state import State
from twin.stream import Entry, Name

PARK = tiny_park()
T0 = 1_795_305_600_000
DRILL = ClockState(True, "night-discharge", 20.0, T0, 1_000_000)
NOW = as_datetime(T0)


def facts(after_s: float = 0.0, **more: Any) -> Facts:
    """What is known `after_s` park seconds after T0."""
    return Facts(clock=DRILL, stream=True, now_ms=1_000_000 + round(after_s * 1000 / 20), **more)


def board() -> Board:
    return Board(PARK, State(PARK, Limits.load(PARK)), "build-1")


NOTHING = pack({}, {"v": ("f8", np.empty(0))})
ORDER = [[s.id, f] for s in PARK.stations for f in s.factors]


def told(it: bytes) -> dict[str, Any]:
    """A frame with its columns as lists, None where there is no value."""
    frame = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in unpack(it).items()}
    return frame | {"v": [None if math.isnan(v) else v for v in frame["v"]]}


def test_a_snapshot_names_everything_and_nothing_known_is_offline() -> None:
    frame = told(board().snapshot(facts()))
    assert len(frame["v"]) == len(ORDER)
    assert set(frame["l"]) == {int(Level.OFFLINE)}
    assert set(frame["v"]) == {None}
    assert frame["kpi"]["online"] == 0
    assert frame["kpi"]["levels"][0] == frame["kpi"]["total"] == len(PARK.stations)
    assert frame["build"] == "build-1"


def test_a_delta_holds_only_what_changed() -> None:
    it = board()
    it.fold(encode(real_time(PARK, "S02", T0, {"w01001": 7.4, "w01018": 12.0})))
    frame = told(it.delta(facts(1)))
    assert {tuple(ORDER[i]) for i in frame["i"]} == {("S02", "w01001"), ("S02", "w01018")}
    assert sorted(frame["v"]) == [7.4, 12.0]
    assert frame["at"] == [T0, T0]
    assert (frame["si"], frame["sl"]) == ([1], [int(Level.NORMAL)])
    again = told(it.delta(facts(2)))
    assert (again["i"], again["si"]) == ([], [])
    assert again["seq"] == frame["seq"] + 1


def test_snapshot_and_deltas_agree() -> None:
    it = board()
    shown = told(it.snapshot(facts()))
    for n in range(5):
        it.fold(encode(real_time(PARK, "S03", T0 + n * 60_000, {"w01018": 10.0 + n, "w21003": 0.5})))
        frame = told(it.delta(facts(n * 60 + 1)))
        for i, v, level in zip(frame["i"], frame["v"], frame["l"], strict=True):
            shown["v"][i], shown["l"][i] = v, level
    full = told(it.snapshot(facts(300)))
    assert (shown["v"], shown["l"]) == (full["v"], full["l"])


def test_another_version_of_the_park_keeps_the_values_of_points_that_stay() -> None:
    it = board()
    it.fold(encode(real_time(PARK, "S02", T0, {"w01018": 12.0})))
    it.delta(facts(1))
    new = replace(PARK.stations[0], id="S09", mn="010000A8900016F000000009")
    park = replace(PARK, stations=(new, PARK.stations[1]), version="tiny-2")
    it.renew(park, State(park, Limits.load(park)))
    frame = told(it.snapshot(facts(2)))
    order = [[s.id, f] for s in park.stations for f in s.factors]
    at = order.index(["S02", "w01018"])
    assert frame["park"] == "tiny-2"
    assert (frame["v"][at], frame["l"][at]) == (12.0, int(Level.NORMAL))
    it.fold(encode(real_time(park, "S09", T0, {"w01018": 11.0})))
    later = told(it.delta(facts(3)))
    assert later["seq"] == frame["seq"] + 1
    assert (later["i"], later["v"]) == ([order.index(["S09", "w01018"])], [11.0])


def test_silence_turns_a_station_grey_never_green() -> None:
    it = board()
    it.fold(encode(real_time(PARK, "S02", T0, dict.fromkeys(PARK.station("S02").factors, 1.0))))
    assert told(it.delta(facts(1)))["sl"] != []
    late = told(it.delta(facts(600)))
    assert (late["si"], late["sl"]) == ([1], [int(Level.OFFLINE)])
    assert late["kpi"]["online"] == 0


def anomaly(incident: str = "", until: datetime | None = None) -> Anomaly:
    return Anomaly(
        "a", Point("S02", "w01018"), Kind.EXCEEDANCE, "limit", NOW, 80.0, 40.0, Level.ALARM, 1.0,
        Text("超标", "over"), until, incident,
    )  # fmt: skip


def test_open_anomalies_and_incidents_colour_their_points() -> None:
    it = board()
    it.fold(encode(real_time(PARK, "S02", T0, {"w01018": 12.0})))
    it.delta(facts(1))
    it.stand(Standing((), (anomaly(),)))
    assert told(it.delta(facts(2)))["sl"] == [int(Level.ALARM)]
    incident = Incident(
        "EV-1", NOW, IncidentState.OPEN, Level.CRITICAL, Text("", ""), ("S02",), ("w01018",), ("a",), NOW
    )
    it.stand(Standing((incident,), (anomaly("EV-1"),)))
    assert told(it.delta(facts(3)))["sl"] == [int(Level.CRITICAL)]
    it.stand(Standing())
    assert told(it.delta(facts(4)))["sl"] == [int(Level.NORMAL)]


@pytest.mark.parametrize(
    ("position", "moving", "failed", "age_s", "word"),
    [
        (1.0, False, False, 1, "open"),
        (0.0, False, False, 1, "closed"),
        (0.4, False, False, 1, "part"),
        (0.4, True, False, 1, "moving"),
        (0.4, True, True, 1, "failed"),
        (None, False, False, 1, "unknown"),
        (1.0, False, False, 31 * 20, "unknown"),  # half a wall minute of silence at 20 times
    ],
)
def test_how_a_gate_is_drawn(
    position: float | None, moving: bool, failed: bool, age_s: float, word: str
) -> None:
    state = GateState("G01", position, moving, failed, NOW)
    assert gate_word(state, DRILL, 1_000_000 + round(age_s * 1000 / 20)) == word


def test_gates_nobody_has_on_the_map_are_not_sent() -> None:
    gates = (GateState("G01", 1.0, False, False, NOW), GateState("G99", 1.0, False, False, NOW))
    assert told(board().delta(facts(1, gates=gates)))["gates"] == {"G01": [1.0, "open"]}


def test_a_slow_client_is_given_a_snapshot_and_holds_nothing_up() -> None:
    client = Client()
    for n in range(50):
        client.offer(f"frame {n}")
    waiting = [client.frames.get_nowait() for _ in range(client.frames.qsize())]
    assert waiting[0] is None  # in place of everything it missed
    assert len(waiting) <= 4
    assert waiting[1:] == [f"frame {n}" for n in range(51 - len(waiting), 50)]


class FakeStream:
    """Just enough of `AsyncStream`: entries that grow, state, and a switch that takes it away."""

    def __init__(self) -> None:
        self.entries: list[tuple[Name, Entry]] = []
        self.state: dict[str, bytes] = {}
        self.away = False
        self.now = DRILL

    def add(self, name: Name, body: bytes) -> None:
        self.entries.append((name, Entry(f"{wall_ms()}-{len(self.entries)}", body)))

    async def last(self, name: Name, count: int = 1) -> list[Entry]:
        self._check()
        return [entry for n, entry in self.entries if n == name][-count:]

    async def follow(self, after: dict[Name, str], **_: Any) -> list[tuple[Name, Entry]]:
        self._check()
        await asyncio.sleep(0.01)
        order = [entry.id for _, entry in self.entries]
        place = {i: n for n, i in enumerate(order)}
        return [(n, e) for n, e in self.entries if n in after and place[e.id] > place.get(after[n], -1)]

    async def get(self, name: str) -> bytes | None:
        self._check()
        return self.state.get(name)

    async def clock(self) -> ClockState:
        self._check()
        return self.now

    def _check(self) -> None:
        if self.away:
            raise UnavailableError("away")


def live(stream: FakeStream, standing: Standing | None = None) -> Live:
    return Live(board(), stream, lambda: standing or Standing())  # type: ignore[arg-type]


async def until(what: Any, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_the_reader_catches_up_follows_and_survives_an_outage() -> None:
    stream = FakeStream()
    stream.now = ClockState(True, "x", 1.0, T0, wall_ms())
    stream.add("readings", encode(real_time(PARK, "S02", T0, {"w01018": 12.0})))
    it = live(stream)
    task = asyncio.create_task(it.run())
    try:
        await until(lambda: it.facts.stream and 12.0 in told(it.board.snapshot(it.facts))["v"])
        stream.add("readings", b"not a block")
        stream.add("readings", encode(real_time(PARK, "S02", T0 + 1000, {"w01018": 13.5})))
        await until(lambda: 13.5 in told(it.board.snapshot(it.facts))["v"])
        stream.away = True
        await until(lambda: not it.facts.stream)
        stream.away = False
        stream.add("readings", encode(real_time(PARK, "S02", T0 + 2000, {"w01018": 14.0})))
        await until(lambda: it.facts.stream and 14.0 in told(it.board.snapshot(it.facts))["v"])
    finally:
        await ended([task])


async def test_the_revision_moves_with_incidents_and_not_with_anomalies() -> None:
    stream, it = FakeStream(), None
    it = live(stream)
    task = asyncio.create_task(it.run())
    try:
        stream.add("events", to_json(Event("anomaly.raised", NOW, "a")))
        await until(lambda: it.facts.stream)
        first = it.facts.revision
        assert first == "0"
        stream.add("events", to_json(Event("plan.ready", NOW, "EV-1")))
        await until(lambda: it.facts.revision != first)
        assert it.facts.revision == stream.entries[-1][1].id
    finally:
        await ended([task])


async def test_a_change_of_level_does_not_wait_for_the_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK_S", 3600.0)
    stream = FakeStream()
    stream.now = ClockState(True, "x", 1.0, T0, wall_ms())
    stream.add("readings", encode(real_time(PARK, "S02", T0, {"w01018": 12.0})))
    it = live(stream)
    client = Client()
    it._clients.add(client)
    task = asyncio.create_task(it.run())
    try:
        async with asyncio.timeout(60):
            while not (frame := told(await client.frames.get() or NOTHING)).get("si"):
                pass  # the station comes up
            stream.add("readings", encode(real_time(PARK, "S02", T0 + 1000, {"w01018": 900.0})))
            while int(Level.ALARM) not in (frame := told(await client.frames.get() or NOTHING)).get("sl", []):
                pass
        assert frame["si"] == [1]
    finally:
        await ended([task])


async def test_park_time_is_the_drills() -> None:
    stream = FakeStream()
    it = live(stream)
    await it.tick()
    assert abs(it.now_ms() - park_ms(DRILL)) < 2000 * DRILL.speed
    assert it.gate_word("G01") == "unknown"


async def test_records_that_were_away_are_read_again_without_another_event() -> None:
    away, asked = True, Standing((), (anomaly(),))

    def standing() -> Standing:
        if away:
            raise UnavailableError("away")
        return asked

    it = Live(board(), FakeStream(), standing)  # type: ignore[arg-type]
    await it.tick()
    assert it.facts.standing == Standing()
    away = False
    await it.tick()
    assert it.facts.standing == asked
