"""The live feed: one reader per process folds the stream into levels and sends one frame a second.

What happens within a second is sent together; only a change of level or of an incident does not wait.

Frames go over the WebSocket `/live`, binary as `callbacks.frames` tells: a head with columns of numbers. The
first is a snapshot, then deltas; `seq` counts frames, so a client that sees a gap sends ``snap`` and gets a
new snapshot. The order of points and stations is that of `/geo/points.json` of the same version of the park.

==============  ====================================================================================
member          meaning
==============  ====================================================================================
t               "snap" or "delta"
seq             number of the frame
ts              park time, epoch ms, and `wall` the wall clock at the same moment
i, v, l, at     columns: indices of changed points with values (not a number where there is none), levels,
                moments (park ms); all points, without `i`, in a snapshot
si, sl          columns: indices of changed stations with their worst levels; all, without `si`, in a snapshot
kpi             online, total, frames, rejects, levels [offline ... critical], open (number of open
                incidents), speed, drill, scenario, stream (bool: the stream answers), data_ms (wall ms of the
                last block), revision
gates           {gate: [position 0..1 or null, "open" | "closed" | "moving" | "failed" | "unknown"]}
incidents       [id, ...]: open ones
build           version of the program; a page that sees it change reloads itself
park            version of the park; a page that sees it change fetches the map anew and says so
==============  ====================================================================================
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from callbacks.frames import pack
from geodata.places import Park
from twin import blocks
from twin.clock import LIVE, ClockState, park_ms, wall_ms
from twin.ending import ended
from twin.errors import UnavailableError
from twin.model import Anomaly, GateState, Incident, Level, Point, from_json
from twin.state import State
from twin.stream import AsyncStream, Entry, Name

TICK_S = 1.0
URGENT_S = 0.4
"""A change of level does not wait for the tick, but frames are never closer than this."""

CATCH_UP = 600
"""Entries of the readings stream folded at the start: several intervals of every logger."""

GATE_SHUT, GATE_OPEN = 0.02, 0.98
GATE_STALE_MS = 30_000
QUEUE = 4
"""Frames a client may be behind before it is given a snapshot instead."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the records say is going on; read again only when an event says so."""

    incidents: tuple[Incident, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Small present state beside the readings, polled once a tick."""

    clock: ClockState = LIVE
    gates: tuple[GateState, ...] = ()
    counters: dict[str, Any] | None = None
    standing: Standing = Standing()
    revision: str = "0"
    stream: bool = False
    data_ms: int = 0
    now_ms: int = 0  # wall


class Reading(NamedTuple):
    """The last value of a point: in the factor's unit, of which moment (park ms), at which level."""

    value: float
    at_ms: int
    level: Level


class Board:
    """Folds readings into levels and turns them into frames. Knows no socket and no stream."""

    def __init__(self, park: Park, state: State, build: str) -> None:
        self._build = build
        self.seq = 0
        self._stand_on(park, state)

    def _stand_on(self, park: Park, state: State) -> None:
        self._state, self._version = state, park.version
        self._gate_ids = {gate.id for gate in park.gates}
        self._many = len(park.stations)
        self._value = state.value.copy()
        self._level = state.level.copy()
        self._station_level = state.station_levels()

    def renew(self, park: Park, state: State) -> None:
        """Go on with another version of the park; the next frame everybody gets must be a snapshot.

        Parameters
        ----------
        state : State
            Of that version, still empty; it takes over what is known.
        """
        state.carry(self._state)
        self.seq += 1
        self._stand_on(park, state)

    def fold(self, body: bytes) -> bool:
        """Take one entry of the readings stream; tells whether a level is now other than was last sent."""
        return self.take(blocks.decode(body))

    def take(self, block: blocks.Block) -> bool:
        """Take readings; tells whether a level is now other than was last sent."""
        moved = self._state.fold(block)
        return bool((self._state.level[moved] != self._level[moved]).any())

    def level(self, point: Point) -> Level:
        """Return the level of a point now; offline where it is not known."""
        found = self._state.index.get(point)
        return Level.OFFLINE if found is None else Level(int(self._state.level[found]))

    def reading(self, point: Point) -> Reading:
        """Return what is known of a point now; not a number and offline where nothing is."""
        found = self._state.index.get(point)
        if found is None:
            return Reading(float("nan"), 0, Level.OFFLINE)
        state = self._state
        return Reading(float(state.value[found]), int(state.at_ms[found]), Level(int(state.level[found])))

    def stand(self, standing: Standing) -> None:
        """Let open anomalies and incidents colour their points, whatever the last value says."""
        wanted = {a.point: a.level for a in standing.anomalies if a.until is None}
        open_ids = {i.id for i in standing.incidents}
        wanted |= {a.point: Level.CRITICAL for a in standing.anomalies if a.incident in open_ids}
        self._state.set_overrides(wanted)

    def snapshot(self, facts: Facts) -> bytes:
        """Return everything, as of the last delta."""
        columns = {
            "v": ("f8", self._value),
            "at": ("f8", self._state.at_ms),
            "l": ("u1", self._level),
            "sl": ("u1", self._station_level),
        }
        return pack(self._head("snap", facts) | {"build": self._build, "park": self._version}, columns)

    def delta(self, facts: Facts) -> bytes:
        """Age the state, and return what changed since the last delta."""
        state = self._state
        state.age(park_ms(facts.clock, facts.now_ms))
        same = (state.value == self._value) | (np.isnan(state.value) & np.isnan(self._value))
        changed = np.flatnonzero(~same | (state.level != self._level))
        self._value[changed] = state.value[changed]
        self._level[changed] = state.level[changed]
        worst = state.station_levels()
        stations = np.flatnonzero(worst != self._station_level)
        self._station_level = worst
        self.seq += 1
        columns = {
            "v": ("f8", self._value[changed]),
            "at": ("f8", state.at_ms[changed]),
            "i": ("u4", changed),
            "si": ("u4", stations),
            "l": ("u1", self._level[changed]),
            "sl": ("u1", worst[stations]),
        }
        return pack(self._head("delta", facts), columns)

    def _head(self, kind: str, facts: Facts) -> dict[str, Any]:
        return {
            "t": kind,
            "seq": self.seq,
            "ts": park_ms(facts.clock, facts.now_ms),
            "wall": facts.now_ms,
            "kpi": self._kpi(facts),
            "gates": self._gates(facts),
            "incidents": [i.id for i in facts.standing.incidents],
        }

    def _kpi(self, facts: Facts) -> dict[str, Any]:
        counters = facts.counters or {}
        levels = np.bincount(self._station_level, minlength=len(Level))
        return {
            "online": int(self._many - levels[Level.OFFLINE]),
            "total": self._many,
            "levels": levels.tolist(),
            "frames": counters.get("frames"),
            "readings": counters.get("readings"),
            "rejects": counters.get("rejects"),
            "open": len(facts.standing.incidents),
            "speed": facts.clock.speed,
            "drill": facts.clock.drill,
            "scenario": facts.clock.scenario,
            "stream": facts.stream,
            "data_ms": facts.data_ms,
            "revision": facts.revision,
        }

    def _gates(self, facts: Facts) -> dict[str, Any]:
        return {
            g.gate: [g.position, gate_word(g, facts.clock, facts.now_ms)]
            for g in facts.gates
            if g.gate in self._gate_ids
        }


def gate_word(gate: GateState, clock: ClockState, now_ms: int) -> str:
    """Return how a gate is drawn: open, closed, moving, failed or unknown."""
    age_ms = (park_ms(clock, now_ms) - gate.at.timestamp() * 1000) / max(clock.speed, 1.0)
    if gate.failed:
        return "failed"
    if gate.position is None or age_ms > GATE_STALE_MS:
        return "unknown"
    if gate.moving:
        return "moving"
    return "closed" if gate.position <= GATE_SHUT else "open" if gate.position >= GATE_OPEN else "part"


class Client:
    """One browser. A slow one loses deltas, is given a snapshot instead, and never delays another."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE)

    def offer(self, frame: bytes | None) -> None:
        """Queue a frame; None, or no room, stands for a snapshot in place of everything not yet sent."""
        if frame is None or self.frames.full():
            while not self.frames.empty():
                self.frames.get_nowait()
            frame = None
        self.frames.put_nowait(frame)


class Live:
    """The one reader of a web process and its fan-out.

    Parameters
    ----------
    stream : AsyncStream
        Where readings, events and present state come from.
    standing : callable
        Reads open incidents and anomalies from the records; blocking, called in a thread.
    """

    def __init__(self, board: Board, stream: AsyncStream, standing: Callable[[], Standing]) -> None:
        self.board, self.facts = board, Facts()
        self._stream, self._read_standing = stream, standing
        self._clients: set[Client] = set()
        self._stale_standing = True
        self._urgent = asyncio.Event()
        self._revision = "0"
        self._version = ""  # of the park, once it has changed
        self._data_ms = 0
        self._up = False

    def still(self, board: Board, facts: Facts) -> Live:
        """Return the same feed with a board and facts of its own, which nothing moves."""
        it = Live(board, self._stream, self._read_standing)
        it.facts = facts
        return it

    @property
    def clients(self) -> int:
        """How many browsers listen."""
        return len(self._clients)

    def now_ms(self) -> int:
        """Park time now, epoch ms."""
        return park_ms(self.facts.clock)

    def gate_word(self, gate: str) -> str:
        """Return how a gate stands; unknown where nothing is heard of it."""
        state = next((g for g in self.facts.gates if g.gate == gate), None)
        return "unknown" if state is None else gate_word(state, self.facts.clock, wall_ms())

    def renew(self, park: Park, state: State) -> None:
        """Go on with another version of the park: every browser gets a snapshot and reads the records again.

        Called on the loop that `run` runs on.
        """
        self.board.renew(park, state)
        self._version = park.version
        self._stale_standing = True
        for client in self._clients:
            client.offer(None)
        self._urgent.set()

    async def run(self) -> None:
        """Read and send until cancelled."""
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._send())]
        try:
            await asyncio.gather(*tasks)
        finally:
            await ended(tasks)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one browser; refuses a page of another origin."""
        origin, host = socket.headers.get("origin", ""), socket.headers.get("host", "")
        if not origin or urlsplit(origin).netloc != host:
            await socket.close(4003)
            return
        await socket.accept()
        client = Client()
        client.offer(None)
        self._clients.add(client)
        ears = asyncio.create_task(self._hear(socket, client))
        try:
            with suppress(WebSocketDisconnect, RuntimeError):
                while not ears.done():
                    frame = await client.frames.get()
                    await socket.send_bytes(frame or self.board.snapshot(self.facts))
        finally:
            self._clients.discard(client)
            ears.cancel()

    async def _hear(self, socket: WebSocket, client: Client) -> None:
        try:
            while True:
                if await socket.receive_text() == "snap":
                    client.offer(None)
        except (WebSocketDisconnect, RuntimeError):
            client.offer(None)  # wakes the sender, which then sees that the browser has gone

    async def _read(self) -> None:
        after: dict[Name, str] = {}
        while True:
            try:
                if not after:
                    after = await self._catch_up()
                for name, entry in await self._stream.follow(after):
                    after[name] = entry.id
                    self._take(name, entry)
                self._up = True
            except UnavailableError:
                self._up = False
                await asyncio.sleep(1.0)

    async def _catch_up(self) -> dict[Name, str]:
        after: dict[Name, str] = {"readings": "0", "events": "0"}
        counts: dict[Name, int] = {"readings": CATCH_UP, "events": 1}
        for name, count in counts.items():
            for entry in await self._stream.last(name, count):
                after[name] = entry.id
                self._take(name, entry)
        return after

    def _take(self, name: Name, entry: Entry) -> None:
        if name == "readings":
            with suppress(ValueError, KeyError, zlib.error):
                if self.board.fold(entry.body):
                    self._urgent.set()
                self._data_ms = max(self._data_ms, entry.at_ms)
            return
        self._stale_standing = True
        self._urgent.set()
        with suppress(ValueError, AttributeError):
            if not str(json.loads(entry.body).get("kind")).startswith("anomaly."):
                self._revision = entry.id

    async def _send(self) -> None:
        while True:
            self._urgent.clear()
            await self.tick()
            await asyncio.sleep(URGENT_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S - URGENT_S):
                    await self._urgent.wait()

    async def tick(self) -> None:
        """Poll the small state, fold it in, send one frame to everybody."""
        self.facts = await self._poll()
        frame = self.board.delta(self.facts)
        for client in self._clients:
            client.offer(frame)

    async def _poll(self) -> Facts:
        standing = self.facts.standing
        if self._stale_standing:
            self._stale_standing = False  # before it is read: what comes meanwhile makes it stale again
            try:
                standing = await asyncio.to_thread(self._read_standing)
                self.board.stand(standing)
            except UnavailableError:
                self._stale_standing = True
        clock, gates, counters = self.facts.clock, self.facts.gates, self.facts.counters
        try:
            clock = await self._stream.clock()
            body = await self._stream.get("gates")
            gates = tuple(from_json(body, list[GateState])) if body else ()
            body = await self._stream.get("stations")
            counters = json.loads(body) if body else None
        except UnavailableError:
            self._up = False
        return Facts(
            clock=clock,
            gates=gates,
            counters=counters,
            standing=standing,
            revision=f"{self._revision} {self._version}".strip(),
            stream=self._up,
            data_ms=self._data_ms,
            now_ms=wall_ms(),
        )
