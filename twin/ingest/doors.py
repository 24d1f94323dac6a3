"""The doors beside HJ 212: what TWIN_DOORS names, each run by itself, all counted under one state key.

A door that breaks its head at its peer does not disturb another. `docs/doors.md` describes the file.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from twin.clock import LIVE, ParkClock, wall_ms
from twin.config import Config
from twin.ending import ended
from twin.errors import ConfigError, UnavailableError
from twin.forward.targets import Target, read_target
from twin.ingest import fields
from twin.ingest.doorway import RETRY_S, Doorway
from twin.ingest.modbus import Device, ModbusDoor, read_device
from twin.ingest.mqtt import Broker, MqttDoor, read_broker
from twin.ingest.opcua import OpcUaDoor, Server, read_server
from twin.ingest.tokens import Token, read_token
from twin.stream import AsyncStream

KEY = "doors"
PUBLISH_S = 1.0
SETTING = "TWIN_DOORS"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DoorsFile:
    """Everything the file of TWIN_DOORS says."""

    mqtt: tuple[Broker, ...] = ()
    modbus: tuple[Device, ...] = ()
    opcua: tuple[Server, ...] = ()
    tokens: tuple[Token, ...] = ()
    forward: tuple[Target, ...] = ()

    @property
    def roles(self) -> tuple[str, ...]:
        """Processes that the file asks for."""
        doors = ("doors",) if self.mqtt or self.modbus or self.opcua else ()
        return (*doors, *(("forward",) if self.forward else ()))


def load(path: Path | None) -> DoorsFile:
    """Read the file; no path means no doors.

    Raises
    ------
    ConfigError
        It cannot be read or used; the message names the place.
    """
    if path is None:
        return DoorsFile()
    f = fields.read(path, SETTING)
    found = DoorsFile(
        tuple(read_broker(x) for x in f.tables("mqtt")),
        tuple(read_device(x) for x in f.tables("modbus")),
        tuple(read_server(x) for x in f.tables("opcua")),
        tuple(read_token(x) for x in f.tables("token")),
        tuple(read_target(x) for x in f.tables("forward")),
    )
    f.done()
    for kind in ("mqtt", "modbus", "opcua", "tokens", "forward"):
        names = [one.name for one in getattr(found, kind)]
        for name in (n for i, n in enumerate(names) if n in names[:i]):
            raise ConfigError(f"{path}: {kind} {name} is there twice")
    return found


class Doors:
    """All doors of a file, and the task that publishes their counters."""

    def __init__(
        self, file: DoorsFile, stream: AsyncStream, clock: ParkClock, retry_s: float = RETRY_S
    ) -> None:
        self._stream = stream
        self.doorways: list[Doorway] = []
        self._runs: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._restored = False

        def desk(kind: str, name: str) -> Doorway:
            self.doorways.append(Doorway(stream, kind, name, clock.now_ms, retry_s))
            return self.doorways[-1]

        self._runs += [MqttDoor(one, desk("mqtt", one.name)).run for one in file.mqtt]
        self._runs += [ModbusDoor(one, desk("modbus", one.name)).run for one in file.modbus]
        self._runs += [OpcUaDoor(one, desk("opcua", one.name)).run for one in file.opcua]

    def open(self) -> None:
        """Start every door."""
        loop = asyncio.get_running_loop()
        for doorway in self.doorways:
            doorway.open()
        self._tasks = [loop.create_task(run()) for run in (*self._runs, self._publish)]

    async def wait(self) -> None:
        """Wait until a door ends, which none does by itself; what ended it is raised."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def close(self) -> None:
        """End the doors, then write what they held."""
        await ended(self._tasks)
        for doorway in self.doorways:
            await doorway.close()
        with suppress(UnavailableError):
            await self.publish()

    async def publish(self) -> None:
        """Publish every door's counters once."""
        if not self._restored:
            await self._restore()
        rows = [doorway.as_dict() for doorway in self.doorways]
        body = {"at_ms": wall_ms(), "doors": rows}
        await self._stream.put(KEY, json.dumps(body, ensure_ascii=False).encode())

    async def _restore(self) -> None:
        body = await self._stream.get(KEY)
        self._restored = True
        with suppress(ValueError, AttributeError):
            known = {(row["kind"], row["name"]): row for row in json.loads(body or b"{}").get("doors", ())}
            for doorway in self.doorways:
                doorway.restore(known.get((doorway.kind, doorway.name), {}))

    async def _publish(self) -> None:
        while True:
            with suppress(UnavailableError):
                await self.publish()
            await asyncio.sleep(PUBLISH_S)


async def serve(config: Config, stream: AsyncStream, clock: ParkClock, stop: asyncio.Event) -> None:
    """Run the doors until `stop` is set.

    Raises
    ------
    ConfigError
        The file cannot be used.
    """
    doors = Doors(load(config.doors), stream, clock)
    doors.open()
    await until_stopped(doors, stop)


class Running(Protocol):
    """What works by itself until it is closed."""

    async def wait(self) -> None: ...
    async def close(self) -> None: ...


async def until_stopped(it: Running, stop: asyncio.Event) -> None:
    """Let something work until it fails, which is raised, or until `stop` is set; it is closed either way."""
    over, told = asyncio.ensure_future(it.wait()), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([over, told], return_when=asyncio.FIRST_COMPLETED)
        if over.done():
            over.result()
    finally:
        await ended([over, told])
        await it.close()


def run(config: Config) -> None:
    """The doors' process: serve until SIGTERM or SIGINT.

    Raises
    ------
    ConfigError
        The file cannot be used.
    """
    load(config.doors)  # a complaint before anything else
    asyncio.run(until_signal(config, serve))


Serve = Callable[[Config, AsyncStream, ParkClock, asyncio.Event], Coroutine[Any, Any, None]]


async def until_signal(config: Config, serving: Serve) -> None:
    """Run a role on the park's stream and clock until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stream, known = AsyncStream(config.redis), [LIVE]
    follow = asyncio.ensure_future(_follow_clock(stream, known))
    try:
        await serving(config, stream, ParkClock(lambda: known[0]), stop)
    finally:
        await ended([follow])
        await stream.close()


async def _follow_clock(stream: AsyncStream, known: list[Any]) -> None:
    while True:
        with suppress(UnavailableError):
            known[0] = await stream.clock()
        await asyncio.sleep(1.0)
