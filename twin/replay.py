"""`twin replay`: a recorded time shown again, in a park of its own that nobody can take for the live one.

It has its own data folder, stream, port and clock, its park's name begins with 回放 (replay), and its clock
says drill with the recorded time as its scenario. There is no gateway, no door and no forwarding, and the
port of its gate controllers is held by this process, which never answers: nothing in it reaches the world.
"""

from __future__ import annotations

import shutil
import signal
import socket
import time
import webbrowser
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodata import park as parks
from geodata import zone
from geodata.words import Text
from twin import demo
from twin.blocks import BlockBuilder, Series, encode
from twin.clock import ClockState, as_datetime, park_ms, wall_ms
from twin.config import Config
from twin.embedded import wait_until_up
from twin.errors import ConfigError, UnavailableError
from twin.history.reader import History
from twin.ingest.moments import moment_ms
from twin.model import Order, from_json
from twin.records import Records
from twin.shards import shard_of
from twin.stream import Stream
from twin.supervisor import Role, Supervisor, check_ports, free_port

SPEEDS = (1.0, 600.0)
PAST_MS = 24 * 3_600_000  # shown at once before the beginning, so that detectors know what is usual
CHUNK_MS = 15 * 60_000
MARK = "this-is-a-replay"  # a folder with this file may be thrown away
RAW = b"replay of the history"
KINDS = (
    ("2011", ("Rtd",), 0),
    ("2051", ("Avg", "Min", "Max", "Cou"), 600_000),
    ("2061", ("Avg", "Min", "Max", "Cou"), 3_600_000),
    ("2031", ("Avg", "Min", "Max", "Cou"), 86_400_000),
)
"""Command, suffixes, and how long after the moment of a value it can be known (its period)."""


class Recorded(NamedTuple):
    """Readings as columns, by the moment they are to be shown."""

    due_ms: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    flag: NDArray[np.uint8]
    series: NDArray[np.int64]
    names: tuple[Series, ...]

    def part(self, of: slice) -> Recorded:
        """Only some of them."""
        return Recorded(
            self.due_ms[of], self.at_ms[of], self.value[of], self.flag[of], self.series[of], self.names
        )


def recorded(history: History, from_ms: int, to_ms: int) -> Recorded:
    """Return what became known in a time, from its beginning until before its end, in order."""
    names: list[Series] = []
    columns: list[tuple[NDArray[np.int64], ...]] = []
    values = [(np.empty(0), np.empty(0, np.uint8))]
    for cn, stats, period_ms in KINDS:
        for stat in stats:
            w = history.window(from_ms - period_ms, to_ms - period_ms - 1, cn, stat)
            if not len(w.at_ms):
                continue
            which = np.repeat(np.arange(len(w.points)), np.diff(w.start)) + len(names)
            names += [Series(mn, code, cn, stat) for mn, code in w.points]
            columns.append((w.at_ms + period_ms, w.at_ms, which))
            values.append((w.value, w.flag))
    none = np.empty(0, np.int64)
    due, at, series = (np.concatenate(c) for c in zip((none, none, none), *columns, strict=True))
    value, flag = (np.concatenate(v) for v in zip(*values, strict=True))
    order = np.argsort(due, kind="stable")
    return Recorded(due[order], at[order], value[order], flag[order], series[order], tuple(names))


class Player:
    """Writes recorded readings to the replay's stream when they are due, and keeps its clock.

    Parameters
    ----------
    history : History
        Of the live park; only read.
    stream : Stream
        Of the replay's park.
    from_ms, to_ms : int
        Park time that is shown, epoch milliseconds.
    """

    def __init__(self, history: History, stream: Stream, from_ms: int, to_ms: int, speed: float) -> None:
        self._history, self._stream = history, stream
        self._to_ms = to_ms
        self._shown_ms = from_ms
        self._loaded_ms = from_ms
        self._ready = recorded(history, from_ms, from_ms)
        self._after = "0"
        self.clock = ClockState(True, scenario(from_ms), speed, from_ms, wall_ms())
        self.readings = 0

    @property
    def over(self) -> bool:
        """True when everything has been shown."""
        return self._shown_ms >= self._to_ms

    def begin(self, past_ms: int = PAST_MS) -> None:
        """Write what was before, then start the clock."""
        start = self._shown_ms
        self._stream.put_clock(replace(self.clock, speed=0.0))
        for at in range(start - past_ms, start, CHUNK_MS):
            self._write(recorded(self._history, at, min(at + CHUNK_MS, start)))
        self.clock = replace(self.clock, wall_ms=wall_ms())
        self._stream.put_clock(self.clock)

    def step(self) -> None:
        """Show what is due by now, and obey the drill bar: speed and stop."""
        self._obey()
        now = min(park_ms(self.clock), self._to_ms)
        while self._shown_ms < now:
            until = min(now, self._shown_ms + CHUNK_MS)
            if until > self._loaded_ms:
                end = min(self._loaded_ms + max(CHUNK_MS, round(self.clock.speed * 10_000)), self._to_ms)
                self._ready = recorded(self._history, self._shown_ms, end)
                self._loaded_ms = end
            low, high = np.searchsorted(self._ready.due_ms, [self._shown_ms, until])
            self._write(self._ready.part(slice(low, high)))
            self._shown_ms = until
        if self.over and self.clock.speed:
            self._set_speed(0.0)

    def _obey(self) -> None:
        for entry in self._stream.since("commands", self._after):
            self._after = entry.id
            with suppress(ValueError):
                order = from_json(entry.body, Order)
                if order.kind == "drill.speed" and not self.over:
                    self._set_speed(min(max(order.number, SPEEDS[0]), SPEEDS[1]))
                elif order.kind == "drill.stop":
                    self._set_speed(0.0)

    def _set_speed(self, speed: float) -> None:
        now = wall_ms()
        self.clock = replace(
            self.clock, speed=speed, park_ms=min(park_ms(self.clock, now), self._to_ms), wall_ms=now
        )
        self._stream.put_clock(self.clock)

    def _write(self, rows: Recorded) -> None:
        """Write readings block by block, one frame for what a logger measured for one moment."""
        builders: dict[int, BlockBuilder] = {}
        together: dict[tuple[str, int], list[tuple[Series, int, float, int]]] = {}
        columns = (rows.at_ms, rows.value, rows.flag, rows.series)
        for at, value, flag, i in zip(*(c.tolist() for c in columns), strict=True):
            series = rows.names[i]
            together.setdefault((series.mn, at), []).append((series, at, value, flag))
        for (mn, _), found in together.items():
            builder = builders.setdefault(shard_of(mn, self._stream.shards), BlockBuilder())
            builder.add(RAW, wall_ms(), found)
        for shard, builder in builders.items():
            self._stream.append("readings", encode(builder.build()), shard=shard)
        self.readings += len(rows.at_ms)


def scenario(from_ms: int) -> str:
    """Return what the clock says is being shown."""
    return f"replay {zone.local(as_datetime(from_ms)):%Y-%m-%d %H:%M}"


@dataclass(frozen=True, slots=True)
class Span:
    """The time that is shown."""

    from_ms: int
    to_ms: int

    @classmethod
    def read(cls, begin: str, end: str) -> Span:
        """Read two moments; a day alone begins at midnight, and as an end it ends there.

        Raises
        ------
        ConfigError
            One of them is no moment, or the second is not after the first.
        """
        found = [moment_ms(text) for text in (begin, end)]
        for text, ms in zip((begin, end), found, strict=True):
            if ms is None:
                raise ConfigError(f"{text!r} is no moment: write 2026-11-20 or 2026-11-20T08:00")
        low, high = (int(ms or 0) for ms in found)
        if high <= low:
            raise ConfigError(f"--to {end} is not after --from {begin}")
        return cls(low, high)


def run(config: Config, span: Span, speed: float, port: int | None, *, browser: bool = True) -> int:
    """Show a recorded time until Ctrl-C or SIGTERM; returns the exit code.

    Raises
    ------
    ConfigError
        There is no history of that time, or a port is taken.
    """
    with closing(History(config.history)) as history, demo.stopping() as stop, socket.socket() as held:
        if not len(recorded(history, span.from_ms, span.to_ms).at_ms):
            raise ConfigError(f"the history in {config.history} holds nothing of that time")
        held.bind(("127.0.0.1", 0))  # held and never listened on: whoever dials it is refused
        mine = prepare(config, span, port, int(held.getsockname()[1]))
        with demo.alone(mine):
            supervisor = Supervisor(environment(mine), mine.data / "logs", lambda t: demo.tell(mine, t))
            try:
                return _show(mine, history, supervisor, span, speed, stop, browser=browser)
            finally:
                supervisor.stop()


def _show(
    config: Config,
    history: History,
    supervisor: Supervisor,
    span: Span,
    speed: float,
    stop: list[signal.Signals],
    *,
    browser: bool,
) -> int:
    supervisor.start(Role("redis", ("redis",)))
    wait_until_up(config.redis, 20.0)
    with closing(Stream(config.redis)) as stream:
        player = Player(history, stream, span.from_ms, span.to_ms, speed)
        player.begin()
        for name in ("watch", "advise", "web"):
            supervisor.start(Role(name, (name,)))
        if not demo.wait_for_page(config, supervisor, stop):
            return 0 if stop else 1
        demo.tell(config, UP.fill(url=demo.address(config), what=player.clock.scenario, speed=speed))
        if browser and demo.has_display(config):
            webbrowser.open(demo.address(config))
        while not stop:
            supervisor.tick()
            with suppress(UnavailableError):
                player.step()
            time.sleep(demo.LOOK_EVERY_S)
    return 0


def prepare(config: Config, span: Span, port: int | None, plc_port: int) -> Config:
    """Make the replay's own folder with its own park and accounts; return its settings.

    Raises
    ------
    ConfigError
        The folder is there and is not one of a replay, or the port is taken.
    """
    folder = config.data / "replay"
    if folder.exists() and not (folder / MARK).exists():
        raise ConfigError(f"{folder} is not of a replay: move it away")
    mine = replace(
        config,
        data=folder,
        park=folder / "park.gpkg",
        port=port or free_port(config.host),
        gateway_port=free_port(),
        plc_host="127.0.0.1",
        plc_port=plc_port,
        redis_url="",
        db_url="",
        history_url="",
        loggers=None,
        doors=None,
        demo=False,
    )
    mine = demo.short_socket(mine)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    park = parks.read(config.park)
    when = f"{zone.local(as_datetime(span.from_ms)):%Y-%m-%d}"
    name = Text(f"【回放 {when}】{park.name.zh}", f"[REPLAY {when}] {park.name.en}")
    parks.write(replace(park, name=name), mine.park)
    with closing(Records(config.db)) as live, closing(Records(mine.db)) as own:
        live.create()
        own.create()
        for account in live.accounts():
            own.put_account(account)
    check_ports(replace(mine, plc_port=free_port()))  # its own is held, on purpose
    return mine


def environment(config: Config) -> dict[str, str]:
    """Return the environment of the replay's processes: nothing of the live park's but park and accounts."""
    return {**demo.environment(config), "TWIN_DOORS": "", "TWIN_LOGGERS": "", "TWIN_MEMBER": ""}


UP = Text(
    "回放已就绪：{url}\n{what}，{speed:g} 倍速；按 Ctrl-C 结束。回放园区与运行中的园区互不相干",
    "the replay is up: {url}\n{what}, {speed:g} times real time; Ctrl-C ends it. It is a park of its own",
)
