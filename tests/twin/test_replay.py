"""Replay: what was recorded, when it was due, in a park that cannot be taken for the live one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from geodata import park as parks
from geodata.words import Text
from tests.embedded import Embedded
from tests.twin.parks import tiny_park
from twin.access import Access
from twin.blocks import BlockBuilder, Series, decode, encode
from twin.clock import as_datetime, wall_ms
from twin.config import Config, load
from twin.errors import ConfigError
from twin.history.reader import History
from twin.history.writer import Writer
from twin.model import Order, to_json
from twin.records import Records
from twin.replay import MARK, Player, Span, prepare, recorded
from twin.stream import Stream

T0 = 1_795_276_800_000  # 2026-11-22 00:00 in China
MINUTE, HOUR = 60_000, 3_600_000
MN = tiny_park().stations[0].mn
SPEED = 600.0


def rows(minutes: range) -> bytes:
    builder = BlockBuilder()
    for m in minutes:
        at = T0 + m * MINUTE
        builder.add(b"##", at, [(Series(MN, "w01018", "2011", "Rtd"), at, float(m), ord("N"))])
        if m % 60 == 0:
            builder.add(b"##", at, [(Series(MN, "w01018", "2061", "Avg"), at, 1000.0 + m, ord("N"))])
    return encode(builder.build())


@pytest.fixture
def live(embedded: Embedded, tmp_path: Path) -> Iterator[tuple[History, Stream]]:
    stream = embedded.stream()
    stream.append("readings", rows(range(-60, 240)))
    Writer(tmp_path / "history", every_s=0).step(stream)
    history = History(tmp_path / "history")
    yield history, stream
    history.close()


@pytest.fixture
def other() -> Iterator[Stream]:
    folder = Path(tempfile.mkdtemp(prefix="twin-"))
    it = Embedded(folder)
    it.start()
    yield it.stream()
    for stream in it.streams:
        stream.close()
    it.kill()
    shutil.rmtree(folder, ignore_errors=True)


def shown(stream: Stream, cn: str = "2011") -> list[float]:
    out = []
    for entry in stream.since("readings"):
        block = decode(entry.body)
        out += [v for i, v in zip(block.series_index, block.value, strict=True) if block.series[i].cn == cn]
    return [float(v) for v in out]


def pass_(player: Player, minutes: float) -> None:
    """Let so much park time go by."""
    player.clock = replace(player.clock, wall_ms=player.clock.wall_ms - round(minutes * MINUTE / SPEED))


def test_readings_come_when_they_are_due_and_never_before(
    live: tuple[History, Stream], other: Stream
) -> None:
    history, stream = live
    before = stream.length("readings")
    player = Player(history, other, T0, T0 + 3 * HOUR, SPEED)
    player.begin(past_ms=30 * MINUTE)
    assert shown(other) == [float(m) for m in range(-30, 0)]
    clock = other.clock()
    assert (clock.drill, clock.scenario, clock.speed) == (True, "replay 2026-11-22 00:00", SPEED)
    pass_(player, 10)
    player.step()
    now = [float(m) for m in range(-30, round(max(shown(other))) + 1)]
    assert shown(other) == now
    assert 9 <= now[-1] <= 100  # the machine may have been slow, but nothing is shown ahead of the clock
    pass_(player, 300)
    player.step()
    assert player.over
    assert shown(other) == [float(m) for m in range(-30, 180)]
    assert shown(other, "2061") == [1000.0 - 60, 1000.0, 1060.0]  # an hour's mean is known when it is over
    assert other.clock().speed == 0
    assert stream.length("readings") == before


def test_the_drill_bar_sets_speed_and_stops_it(live: tuple[History, Stream], other: Stream) -> None:
    player = Player(live[0], other, T0, T0 + HOUR, SPEED)
    player.begin(past_ms=0)
    now = as_datetime(wall_ms())
    other.append("commands", to_json(Order("drill.speed", now, "li", number=20.0)))
    player.step()
    assert other.clock().speed == 20.0
    other.append("commands", to_json(Order("drill.stop", now, "li")))
    player.step()
    at = other.clock()
    assert at.speed == 0
    time.sleep(0.05)
    player.step()
    assert other.clock() == at


def test_corrected_values_are_shown_as_corrected(live: tuple[History, Stream], tmp_path: Path) -> None:
    history, stream = live
    builder = BlockBuilder()
    builder.add(b"##", T0, [(Series(MN, "w01018", "2011", "Rtd"), T0 + MINUTE, 77.0, ord("N"))])
    stream.append("readings", encode(builder.build()))
    Writer(tmp_path / "history", every_s=0).step(stream)
    assert recorded(history, T0, T0 + 3 * MINUTE).value.tolist() == [0.0, 940.0, 77.0, 2.0]


def test_spans() -> None:
    assert Span.read("2026-11-22", "2026-11-23") == Span(T0, T0 + 24 * HOUR)
    for begin, end in (("2026-11-22", "2026-11-22"), ("yesterday", "2026-11-22"), ("2026-11-22", "x")):
        with pytest.raises(ConfigError):
            Span.read(begin, end)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    park = tmp_path / "park.gpkg"
    parks.write(tiny_park(), park)
    (tmp_path / "doors.toml").write_text("")
    return load(
        {
            "TWIN_DATA": str(tmp_path / "data"),
            "TWIN_PARK": str(park),
            "TWIN_PLC_HOST": "10.0.0.9",
            "TWIN_DOORS": str(tmp_path / "doors.toml"),
            "TWIN_REDIS_URL": "redis://live:6379",
        }
    )


def test_the_replays_park_is_its_own_and_says_so(config: Config) -> None:
    config.data.mkdir()
    records = Records(config.db)
    records.create()
    Access(records).add_user("li", Text("李", "Li"), "commander", "password-li")
    records.close()
    mine = prepare(config, Span(T0, T0 + HOUR), None, 24_990)
    assert (mine.data, mine.plc_host, mine.plc_port) == (config.data / "replay", "127.0.0.1", 24_990)
    assert (mine.redis_url.removeprefix("unix://") or str(mine.socket)) != config.redis_url
    assert (mine.doors, mine.loggers) == (None, None)
    assert mine.history != config.history
    name = parks.read(mine.park).name
    assert name.zh.startswith("【回放 2026-11-22】")
    assert name.en.startswith("[REPLAY 2026-11-22]")
    own = Records(mine.db)
    assert [a.name for a in own.accounts()] == ["li"]
    own.close()
    (mine.data / "left").touch()
    prepare(config, Span(T0, T0 + HOUR), None, 24_990)
    assert not (mine.data / "left").exists()


def test_a_folder_that_is_not_of_a_replay_is_left_alone(config: Config) -> None:
    (config.data / "replay").mkdir(parents=True)
    (config.data / "replay" / "mine.txt").touch()
    with pytest.raises(ConfigError, match="move it away"):
        prepare(config, Span(T0, T0 + HOUR), None, 24_990)
    assert (config.data / "replay" / "mine.txt").exists()
    assert not (config.data / "replay" / MARK).exists()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_command_shows_a_recorded_time(live: tuple[History, Stream], config: Config) -> None:
    history = Path(str(live[0]._folder))
    env = {**os.environ, "TWIN_DATA": str(config.data), "TWIN_PARK": str(config.park), "TWIN_LANG": "en",
           "TWIN_HISTORY_URL": str(history), "TWIN_REDIS_URL": ""}  # fmt: skip
    words = ["replay", "--from", "2026-11-22", "--to", "2026-11-22T03:00", "--speed", "600", "--no-browser"]
    process = subprocess.Popen(
        [sys.executable, "-m", "twin", *words],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline() + process.stdout.readline()
        assert "the replay is up" in said, said
        assert "replay 2026-11-22 00:00" in said
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert not (config.data / "redis").exists()  # nothing was begun in the live park's folder
