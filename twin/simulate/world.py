"""The role `sim`: owns the drill's clock and lets nature, loggers and gate controllers live by it.

Everything it tells the rest of the product goes over the same wires as in a real park: HJ 212 frames over TCP
and Modbus registers. Only the clock is published in the stream, and only orders about the drill are taken
from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from geodata import park as park_file
from geodata.places import Park
from twin.blocks import decode
from twin.clock import ClockState, as_datetime, as_ms, park_ms, wall_ms
from twin.config import Config
from twin.ending import ended
from twin.errors import MissingError, UnavailableError
from twin.ingest.hj212.times import ZONE
from twin.model import Event, Order, from_json, to_json
from twin.simulate import scenarios
from twin.simulate.lines import Counts, Line, Outbox, timeout_s
from twin.simulate.loggers import HOUR_MS, Logger, vendor_of
from twin.simulate.nature import Nature, Setting, Snapshot
from twin.simulate.plc import Drive, Plc
from twin.simulate.truth import Journal, Move, Scribe
from twin.stream import AsyncStream

SPEED = 20.0
LEAST_SPEED, MOST_SPEED = 1.0, 600.0
PAST_WAIT_S = 8.0  # wall seconds the past may take before the drill begins anyway
BEHIND_S = 2.0  # wall seconds nature may be behind before the clock is slowed
GAP_LIMIT_S = 600.0  # wall seconds a clock without its owner is believed to have gone on
PUBLISH_EVERY_S = 1.0
CUT_PARK_S = 150.0  # how long a weak radio loses its line
_DAY = timedelta(days=1)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Options:
    """What a drill is started with.

    Attributes
    ----------
    past_h : float
        Hours of minute and hour data that are delivered before the drill begins.
    truth, journal : Path or None
        Files for the referee.
    """

    scenario: str = scenarios.DEFAULT
    speed: float = SPEED
    seed: int = 1
    past_h: float = 24.0
    truth: Path | None = None
    journal: Path | None = None


def bounded(speed: float) -> float:
    """Bring a speed into what the drill can do."""
    return min(max(speed, LEAST_SPEED), MOST_SPEED)


def step_ms(speed: float) -> int:
    """Park milliseconds between two looks at the water, so that there are a few a wall second."""
    for limit, seconds in ((40, 10), (120, 20), (300, 30)):
        if speed <= limit:
            return seconds * 1000
    return 60_000


def begin_ms(kind: scenarios.Kind, after_ms: int, now_ms: int) -> int:
    """When a drill begins: the kind's local time on the last day it has been, but later than `after_ms`."""
    local = datetime.combine(as_datetime(now_ms).astimezone(ZONE).date(), kind.start, ZONE)
    if as_ms(local) > now_ms:
        local -= _DAY
    while as_ms(local) <= after_ms:
        local += _DAY
    return as_ms(local)


@dataclass(slots=True)
class DrillClock:
    """Park time of a drill. It never goes back; a stopped one stands still."""

    state: ClockState = field(default_factory=lambda: ClockState(drill=True, speed=0.0))
    wanted: float = SPEED

    def now_ms(self) -> int:
        """Park time now."""
        return park_ms(self.state)

    def at(self, scenario: str, ms: int) -> None:
        """Stand still at a moment that is not before now."""
        assert ms >= self.now_ms()
        self.state = ClockState(True, scenario, 0.0, ms, wall_ms())

    def run(self, speed: float) -> None:
        """Go on from now at a speed; 0 stands still."""
        self.state = ClockState(True, self.state.scenario, speed, self.now_ms(), wall_ms())

    def steer(self, behind_s: float) -> bool:
        """Slow down while nature is behind (wall seconds), speed up again later; tells whether it changed."""
        speed = self.state.speed
        if behind_s > BEHIND_S and speed > LEAST_SPEED:
            self.run(max(speed / 2, LEAST_SPEED))
        elif behind_s < BEHIND_S / 4 and 0 < speed < self.wanted:
            self.run(min(speed * 1.25, self.wanted))
        return self.state.speed != speed


@dataclass(slots=True)
class Drill:
    """One running play."""

    play: scenarios.Play
    start_ms: int
    nature: Nature
    loggers: dict[str, Logger]
    at_ms: int
    scribe: Scribe | None = None
    next_cut_ms: dict[str, float] = field(default_factory=dict)


class World:
    """Everything outside the product, for one park."""

    def __init__(self, config: Config, options: Options) -> None:
        self.config, self.options = config, options
        self.park: Park = park_file.read(config.park)
        self.clock = DrillClock(wanted=bounded(options.speed))
        self.stream = AsyncStream(config.redis)
        self.drill: Drill | None = None
        self.moves: list[Move] = []
        self.plc = Plc([Drive.of(g, 0) for g in self.park.movables], self.clock.now_ms, self._note_move)
        self.journal = Journal(options.journal) if options.journal else None
        self._seed = options.seed
        self._dice = random.Random(options.seed)
        self.lines = {s.id: self._line(s.mn, s.id) for s in self.park.stations}
        self._orders: asyncio.Queue[Order] = asyncio.Queue()

    def _line(self, mn: str, station: str) -> Line:
        vendor = vendor_of(self.park.station(station))
        dice = random.Random(f"{self.options.seed}/{mn}")
        outbox = Outbox(timeout_s=timeout_s(self.options.speed), broken=vendor.broken, dice=dice)
        note = self.journal.note if self.journal else lambda mn, frame: None
        return Line(mn, self.config.gateway_host, self.config.gateway_port, outbox, note, dice)

    def _note_move(self, drive: Drive, now_ms: int) -> None:
        self.moves.append(Move(drive.gate, now_ms, drive.target, drive.stroke_s))

    async def run(self) -> None:
        """Live until cancelled or told to stop by a signal."""
        stop = asyncio.Event()
        for what in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(what, stop.set)
        after = await self._last_known_ms()
        self.clock.at("", after)
        tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(stop.wait())]
        try:
            await self.plc.start(self.config.plc_host, self.config.plc_port, self.config.plc_units)
            if self.config.plc_url:
                tasks.append(asyncio.ensure_future(self._over_opcua()))
            tasks += [asyncio.ensure_future(line.run()) for line in self.lines.values()]
            tasks += [asyncio.ensure_future(loop()) for loop in (self._live, self._publish, self._listen)]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await ended(tasks)
            await self._close()

    async def _over_opcua(self) -> None:
        from twin.simulate.plc_opcua import UaPlc  # brings a library most drills do without

        c = self.config
        await UaPlc(self.plc, c.plc_units, c.plc_url, c.plc_node, c.plc_server, self.clock.now_ms).run()

    async def _close(self) -> None:
        self.clock.run(0.0)
        self._write_truth(force=True)
        if self.drill is not None:
            self.drill.nature.close()
        await self.plc.stop()
        if self.journal is not None:
            self.journal.close()
        with contextlib.suppress(UnavailableError):
            await self._put_clock()
        await self.stream.close()

    async def _last_known_ms(self) -> int:
        """The latest park time anybody may have seen, so that no clock ever goes back."""
        state = await _retry(self.stream.clock)
        last = 0
        if state.drill:
            gap_s = min(max(wall_ms() - state.wall_ms, 0) / 1000, GAP_LIMIT_S)
            last = state.park_ms + round(gap_s * state.speed * 1000)
        for entry in await _retry(lambda: self.stream.last("readings", 20)):
            block = decode(entry.body)
            if len(block):
                last = max(last, int(block.at_ms.max()))
        return last

    async def _live(self) -> None:
        """Begin the first drill, then step and obey."""
        await self._begin(self.options.scenario)
        while True:
            while not self._orders.empty():
                await self._obey(self._orders.get_nowait())
            await self._step()

    async def _step(self) -> None:
        """Let nature reach the clock, one look at a time."""
        drill, step = self.drill, step_ms(self.clock.wanted)
        if drill is None or self.clock.state.speed == 0:
            await asyncio.sleep(0.1)
            self._write_truth()
            return
        goal = drill.at_ms + step
        left_ms = goal - self.clock.now_ms()
        if left_ms > 0:
            await asyncio.sleep(min(left_ms / 1000 / self.clock.state.speed, 0.25))
            if goal > self.clock.now_ms():
                return
        snapshot = await drill.nature.advance((goal - drill.start_ms) / 1000, self.plc.positions())
        drill.at_ms = goal
        self._measure(drill, snapshot)
        if self.clock.steer((self.clock.now_ms() - goal) / 1000 / max(self.clock.state.speed, 1.0)):
            await self._put_clock()

    def _measure(self, drill: Drill, snapshot: Snapshot) -> None:
        """Let every logger look at the water, and lose a line here and there."""
        for station, logger in drill.loggers.items():
            line = self.lines[station]
            line.put(logger.observe(drill.at_ms, snapshot.stations[station]))
            if drill.at_ms >= drill.next_cut_ms[station]:
                line.cut(CUT_PARK_S / max(self.clock.state.speed, 1.0))
                drill.next_cut_ms[station] = drill.at_ms + self._until_cut_ms(logger)
        if drill.scribe is not None:
            drill.scribe.watch(drill.at_ms, {**snapshot.gates, **snapshot.receptors})
            self._write_truth()

    def _until_cut_ms(self, logger: Logger) -> float:
        hours = logger.vendor.drops_h
        return self._dice.expovariate(1 / hours) * HOUR_MS if hours else float("inf")

    async def _begin(self, scenario: str) -> None:
        """Start a drill: the past first, then the clock."""
        kind = scenarios.kind_of(scenario)
        self.clock.run(0.0)
        last = self.clock.now_ms()
        start = begin_ms(kind, last, wall_ms())
        play = scenarios.draw(self.park, scenario, self._seed)
        self._seed += 1
        self.clock.at(scenario, start)
        await self._put_clock()
        if self.drill is not None:
            self.drill.nature.close()
        self.plc.replace([Drive.of(g, start) for g in self.park.movables])
        self.moves.clear()
        injections, folder = play.injections, self.config.data / "warm"
        nature = Nature(Setting(self.config.park, folder, injections, play.flow_factor, play.ph, play.outlet))
        faults = play.faults(start)
        loggers = {s.id: Logger(s, play.seed, vendor_of(s), faults) for s in self.park.stations}
        scribe = Scribe(self.options.truth, play, start) if self.options.truth else None
        self.drill = Drill(play, start, nature, loggers, start, scribe)
        self.drill.next_cut_ms = {i: start + self._until_cut_ms(k) for i, k in loggers.items()}
        snapshot = await nature.begin()
        await self._deliver_past(max(start - round(self.options.past_h * HOUR_MS), last + 1), start, snapshot)
        self.clock.run(self.clock.wanted)
        await self._put_clock()
        await self._tell("drill.started", scenario)

    async def _deliver_past(self, from_ms: int, to_ms: int, snapshot: Snapshot) -> None:
        """Send what the loggers would have sent before; waits for the answers, but not for long."""
        assert self.drill is not None
        for station, logger in self.drill.loggers.items():
            self.lines[station].put(logger.past(from_ms, to_ms, snapshot.stations[station]), past=True)
            await asyncio.sleep(0)
        deadline = time.monotonic() + PAST_WAIT_S
        while time.monotonic() < deadline and any(len(line.outbox) for line in self.lines.values()):
            await asyncio.sleep(0.05)

    async def _obey(self, order: Order) -> None:
        if order.kind == "drill.start":
            with contextlib.suppress(MissingError):  # an unknown name changes nothing
                name = scenarios.kind_of(order.about).name
                if order.number:
                    self._set_speed(order.number)
                await self._begin(name)
        elif order.kind == "drill.speed":
            self._set_speed(order.number)
            if self.clock.state.speed:
                self.clock.run(self.clock.wanted)
            await self._put_clock()
        elif order.kind == "drill.stop":
            self.clock.run(0.0)
            await self._put_clock()
            await self._tell("drill.stopped", self.clock.state.scenario)

    def _set_speed(self, speed: float) -> None:
        self.clock.wanted = bounded(speed)
        for line in self.lines.values():
            line.outbox.timeout_s = timeout_s(self.clock.wanted)

    def _write_truth(self, *, force: bool = False) -> None:
        if self.drill is None or self.drill.scribe is None:
            return
        counts = Counts()
        for line in self.lines.values():
            counts = counts + line.outbox.counts
        waiting = sum(len(line.outbox) for line in self.lines.values())
        self.drill.scribe.write(self.drill.at_ms, tuple(self.moves), counts, waiting, force=force)
        if self.journal is not None:
            self.journal.flush()

    async def _listen(self) -> None:
        """Follow the commands stream from now on."""
        entries = await _retry(lambda: self.stream.last("commands"))
        after = entries[-1].id if entries else "0"
        while True:
            try:
                for _, entry in await self.stream.follow({"commands": after}, wait_ms=500):
                    after = entry.id
                    order = from_json(entry.body, Order)
                    if order.kind.startswith("drill."):
                        self._orders.put_nowait(order)
            except UnavailableError:
                await asyncio.sleep(0.5)

    async def _publish(self) -> None:
        """Say the time again and again, so that a fresh stream server knows it too."""
        while True:
            await self._put_clock()
            await asyncio.sleep(PUBLISH_EVERY_S)

    async def _put_clock(self) -> None:
        with contextlib.suppress(UnavailableError):  # the next round says it again
            if self.clock.state.park_ms:
                self.clock.run(self.clock.state.speed)
                await self.stream.put("clock", to_json(self.clock.state))

    async def _tell(self, kind: str, about: str) -> None:
        with contextlib.suppress(UnavailableError):
            await self.stream.append("events", to_json(Event(kind, as_datetime(self.clock.now_ms()), about)))


async def _retry(call: Callable[[], Awaitable[T]]) -> T:
    """Call until the stream server is there."""
    while True:
        try:
            return await call()
        except UnavailableError:
            await asyncio.sleep(0.1)


def serve(config: Config, options: Options) -> None:
    """Run the world until it is told to stop."""
    asyncio.run(World(config, options).run())
