"""Replay on the server: a request's moment decides what pages are told; frames tell the past as it was."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.types import ASGIApp

from callbacks import as_of, drill, emergency, replay_frames
from callbacks.app import create_app
from callbacks.as_of import AsOf, Now, Past
from callbacks.frames import unpack
from callbacks.live import Board, Live
from callbacks.replay_frames import MOST_FRAMES, Stretch, frames, wire
from callbacks.signing import Signature
from geodata.words import Text
from tests.callbacks.asgi import ask
from tests.embedded import Embedded
from tests.twin.parks import real_time, tiny_park
from twin.blocks import encode
from twin.clock import as_datetime
from twin.config import load
from twin.errors import RefusedError
from twin.history.reader import History
from twin.model import Anomaly, GateState, Incident, IncidentState, Kind, Level, Point
from twin.park_watch import Present
from twin.records import Records
from twin.records_past import READ_ONLY
from twin.state import State

PARK = tiny_park()
T0 = 1_795_305_600_000
MINUTE = 60_000
T = Text("测试", "test")
POINT = Point("S02", "w01018")
POINTS = [(s.id, f) for s in PARK.stations for f in s.factors]


@dataclass(frozen=True)
class World:
    """Ten minutes of one station, a hole of ten, ten more; an incident from minute 3 to minute 6."""

    past: Past

    def frames(self, from_min: float, to_min: float, step_s: int = 60) -> list[dict[str, Any]]:
        ends = round(T0 + from_min * MINUTE), round(T0 + to_min * MINUTE)
        return [unpack(f) for f in frames(self.past, Stretch(*ends, step_s * 1000))]


class View:
    """What a page sees of it."""

    def __init__(self, past: Past) -> None:
        self.past = past

    @property
    def stream(self) -> Any:
        return self.past.doors().stream

    @property
    def records(self) -> Any:
        return self.past.doors().records


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    server = Embedded(Path(tempfile.mkdtemp(prefix="twin-")))
    server.start()
    stream = server.stream()
    for n in (*range(10), *range(20, 30)):
        stream.append("readings", encode(real_time(PARK, "S02", T0 + n * MINUTE, {"w01018": 10.0 + n % 10})))
    records = Records(f"sqlite:///{server.folder / 'r.sqlite'}")
    records.create()
    since, until = (as_datetime(T0 + n * MINUTE) for n in (3, 6))
    records.put_anomaly(
        Anomaly("a1", POINT, Kind.EXCEEDANCE, "limit", since, 50.0, 40.0, Level.ALARM, 1.0, T, until, "EV-1")
    )
    incident = Incident(
        "EV-1", since, IncidentState.CLOSED, Level.CRITICAL, T, ("S02",), ("w01018",), ("a1",), until
    )
    records.put_incident(incident)
    for n, position in ((0, 1.0), (4, 0.0)):
        at = as_datetime(T0 + n * MINUTE)
        records.put_gates([GateState("G01", position, False, False, at)], at)
    history = History(tmp_path_factory.mktemp("history"), stream)
    present = Present.of(PARK)
    live = Live(Board(PARK, State(PARK, present.limits), "b"), None, None)  # type: ignore[arg-type]
    yield World(Past(Now(stream, records, history, live), lambda: present, "b"))
    history.close()
    records.close()
    stream.close()
    server.kill()


def level(frame: dict[str, Any]) -> int:
    return int(frame["l"][POINTS.index((POINT.station, POINT.factor))])


def test_a_moment_is_told_by_the_code_of_the_present(world: World) -> None:
    live = world.past.at(T0 + 2 * MINUTE).live
    assert live.now_ms() == T0 + 2 * MINUTE
    assert live.board.reading(POINT)[:2] == (12.0, T0 + 2 * MINUTE)
    assert live.board.level(POINT) is Level.NORMAL
    assert live.gate_word("G01") == "open"
    assert world.past.at(T0 + 5 * MINUTE).live.gate_word("G01") == "closed"
    assert world.past.at(T0 + 5 * MINUTE).live.board.level(POINT) is Level.CRITICAL


def test_a_hole_in_the_history_is_grey_and_an_unwritten_gate_unknown(world: World) -> None:
    first, *_ = world.frames(15, 15)
    assert level(first) == Level.OFFLINE
    assert first["kpi"]["online"] == 0
    (late, *_) = world.frames(25, 25)
    assert level(late) == Level.NORMAL
    assert late["gates"] == {}  # last written down twenty-one minutes before


def test_frames_tell_incident_gates_and_levels_as_they_were(world: World) -> None:
    found = world.frames(0, 9)
    assert [f["t"] for f in found] == ["snap"] + ["delta"] * 9
    assert [f["ts"] for f in found] == [T0 + n * MINUTE for n in range(10)]
    assert [f["incidents"] for f in found] == [[]] * 3 + [["EV-1"]] * 3 + [[]] * 4
    assert [f["gates"]["G01"][1] for f in found] == ["open"] * 4 + ["closed"] * 6
    names = [f["kpi"]["revision"] for f in found]
    assert [n for n in range(1, 10) if names[n] != names[n - 1]] == [3, 6]  # what was put on record, and when


def test_frames_one_after_the_other_are_a_snapshot_of_their_end(world: World) -> None:
    start, *rest = world.frames(0, 14, 37)
    values, levels = start["v"].copy(), start["l"].copy()
    for frame in rest:
        values[frame["i"]], levels[frame["i"]] = frame["v"], frame["l"]
    (end,) = world.frames(14, 14)
    np.testing.assert_array_equal(values, end["v"])
    np.testing.assert_array_equal(levels, end["l"])


def test_a_history_read_in_pieces_tells_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = world.frames(0, 9, 30)
    monkeypatch.setattr(replay_frames, "at_once_ms", lambda park: 45_000)
    pieces = world.frames(0, 9, 30)
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_array_equal(one["v"], other["v"])
        assert one["ts"] == other["ts"]


def test_a_great_park_is_read_in_short_pieces() -> None:
    assert as_of.at_once_ms(PARK) > 24 * 3_600_000
    many = replace(PARK, stations=tuple(replace(PARK.stations[0], id=f"S{n}") for n in range(20_000)))
    assert 60_000 < as_of.at_once_ms(many) < 3_600_000
    assert as_of.look_back_ms(many) < as_of.look_back_ms(PARK) == as_of.HOUR_MS


def test_what_is_asked_for_stays_within_what_there_can_be() -> None:
    assert Stretch.of(5, 90_000, 1, 60_000) == Stretch(5, 60_000, 1000)
    assert Stretch.of(90, 80, 1000, 60).moments == []
    assert len(Stretch.of(0, 10**9, 1000, 10**9).moments) == MOST_FRAMES
    assert Stretch(0, 2500, 1000).moments == [1000, 2000, 2500]


def test_a_moment_before_all_time_is_the_first(world: World) -> None:
    assert Stretch.of(-(10**30), -(10**29), 1000, T0) == Stretch(0, 0, 1000)


def test_an_answer_is_bounded_and_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stretch = Stretch(T0, T0 + 9 * MINUTE, MINUTE)
    assert len(split(wire(world.past, stretch))) == 10
    monkeypatch.setattr(replay_frames, "MOST_BYTES", 2000)
    part = split(wire(world.past, stretch))
    assert 1 < len(part) < 10
    assert part[-1]["ts"] == T0 + (len(part) - 1) * MINUTE


def split(body: bytes) -> list[dict[str, Any]]:
    found, at = [], 0
    while at < len(body):
        size = int.from_bytes(body[at : at + 4], "little")
        found.append(unpack(body[at + 4 : at + 4 + size]))
        at += 4 + size
    return found


def test_marks_name_incidents_alarms_and_holes(world: World) -> None:
    found = replay_frames.marks(world.past, T0, T0 + 25 * MINUTE)
    assert [(i["id"], i["from"], i["to"]) for i in found["incidents"]] == [
        ("EV-1", T0 + 3 * MINUTE, T0 + 6 * MINUTE)
    ]
    assert found["alarms"] == [T0 + 3 * MINUTE]
    assert found["holes"] == [[T0 + 9 * MINUTE, T0 + 20 * MINUTE]]
    assert replay_frames.marks(world.past, T0 - 40 * 3_600_000, T0)["holes"] is None


def test_a_few_moments_are_remembered(world: World) -> None:
    first = world.past.at(T0)
    assert world.past.at(T0) is first
    for n in range(as_of.KEPT):
        world.past.at(T0 + n + 1)
    assert world.past.at(T0) is not first


async def test_the_header_decides_and_other_readers_see_the_present(world: World) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)
        seen.append((as_of.moment(), world.past.doors()))

    door = AsOf(app)
    answered: list[Any] = []

    async def send(message: Any) -> None:
        await asyncio.sleep(0)
        answered.append(message)

    for value in (b"", b"17"):
        await door({"type": "http", "headers": [(b"x-park-moment", value)]}, None, None)  # type: ignore[arg-type]
    assert [at for at, _ in seen] == [None, 17]
    assert seen[0][1] is world.past.now
    for value in (b"-5", b"abc", b"9" * 40):
        await door({"type": "http", "headers": [(b"x-park-moment", value)]}, None, send)  # type: ignore[arg-type]
    assert len(seen) == 2  # what is no moment is refused, not answered with the present
    assert [m["status"] for m in answered if m["type"] == "http.response.start"] == [400] * 3
    assert as_of.moment() is None


async def test_the_past_is_not_signed_and_no_drill_is_ordered(world: World) -> None:
    web: Any = View(world.past)
    said: list[Any] = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        said.append(emergency.press(web, "em-sign", {"incident": "EV-1"}, Signature("duty", "x", "y")).text)
        said.append(drill.press(web, "start", "night-discharge", ("duty", "x"), "en"))
        with pytest.raises(RefusedError):
            web.stream.append("commands", b"{}")
        with pytest.raises(RefusedError):
            web.records.next_incident_id(as_datetime(T0))

    await AsOf(inside)({"type": "http", "headers": [(b"x-park-moment", str(T0).encode())]}, None, None)  # type: ignore[arg-type]
    assert said == [READ_ONLY, READ_ONLY.en]


async def test_nothing_is_made_up_while_the_stream_is_away(tmp_path: Path) -> None:
    app: ASGIApp = create_app(load({"TWIN_DATA": str(tmp_path), "TWIN_OPEN": "1"}), park=PARK)
    for what in ("frames", "marks"):
        answer = await ask(app, f"/replay/{what}?at={T0}&to={T0 + MINUTE}")
        assert answer.status == 503
