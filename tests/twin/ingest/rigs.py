"""Doors with real peers: a broker, a controller, an OPC UA server, a logger. One shape for all."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import http.client
import json
import logging
import os
import shutil
import socket
import struct
import tempfile
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from subprocess import DEVNULL, Popen
from types import SimpleNamespace
from typing import Any

import aiomqtt
import uvicorn
from asyncua import Server as UaServer
from asyncua import ua
from fastapi import FastAPI
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from callbacks import intake
from tests.twin.ingest.test_gateway import Logger
from tests.twin.parks import tiny_park
from twin.blocks import Series
from twin.clock import ClockState, ParkClock
from twin.config import load
from twin.ending import ended
from twin.errors import UnavailableError
from twin.ingest import backfill, sheets
from twin.ingest.connection import Limits
from twin.ingest.doorway import Doorway
from twin.ingest.fields import Fields
from twin.ingest.gateway import Gateway
from twin.ingest.hj212 import times
from twin.ingest.hj212.write import Message, frames
from twin.ingest.modbus import ModbusDoor, read_device
from twin.ingest.mqtt import MqttDoor, read_broker
from twin.ingest.opcua import OpcUaDoor, read_server
from twin.ingest.rows import Roll
from twin.ingest.stations import Stations
from twin.ingest.tokens import Token
from twin.stream import AsyncStream, Stream
from twin.supervisor import free_port

MN = "010000A8900016F000169DC0"
COD = "w01018"
T0 = 1_795_305_900_000  # 2026-11-22 08:05 in China, a whole ten seconds
SOON = 60.0
HERE = "127.0.0.1"


async def until(what: Callable[[], Any], complaint: str, timeout_s: float = SOON) -> None:
    """Wait until something is true."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not what():
        assert loop.time() < deadline, complaint
        await asyncio.sleep(0.02)


class Dribble:
    """A line that passes every byte on by itself."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = free_port()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._meet, HERE, self.port)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await ended(self._tasks)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            there, back = await asyncio.open_connection(HERE, self._to)
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        except (OSError, asyncio.CancelledError):
            writer.close()
        finally:
            self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plug = writer.get_extra_info("socket")
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                for byte in data:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(0)
        writer.close()


class Rig:
    """A door and its peer. `say` is over when the peer has said it, not when it is stored."""

    kind = ""
    garbage_reasons: frozenset[str] = frozenset()
    has_clock = True

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.stream = AsyncStream(url)
        self.now = T0
        self.line: Dribble | None = None
        self.peer_port = free_port()
        self.doorway: Doorway | None = None
        self._door: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        return self.line.port if self.line else self.peer_port

    def stations(self) -> Stations:
        assert self.doorway is not None
        return self.doorway.stations

    async def slowly(self) -> None:
        """From the next start of the door on it is reached byte by byte."""
        self.line = Dribble(self.peer_port)
        await self.line.start()

    def make(self) -> tuple[Doorway, Callable[[], Awaitable[None]]]:
        raise NotImplementedError

    async def open_door(self) -> None:
        self.doorway, run = self.make()
        self.doorway.open()
        self._door = asyncio.ensure_future(run())
        await until(lambda: self.doorway and self.doorway.connected, f"{self.kind} never got through")

    async def close_door(self) -> None:
        if self._door is not None:
            assert self.doorway is not None
            assert await ended([self._door])
            await self.doorway.close()
            self._door = None

    async def start_peer(self) -> None:
        raise NotImplementedError

    async def stop_peer(self) -> None:
        raise NotImplementedError

    async def say(self, at_ms: int, value: float) -> None:
        raise NotImplementedError

    async def garbage(self) -> None:
        raise NotImplementedError

    async def end(self) -> None:
        await self.close_door()
        if self.line is not None:
            await self.line.stop()
        await self.stop_peer()
        await self.stream.close()


class MqttRig(Rig):
    """Debian's broker with a session that outlives it."""

    kind = "mqtt"
    garbage_reasons = frozenset({"not_json", "datatime_invalid", "not_a_number", "nonfinite", "too_deep"})
    broker: Popen[bytes] | None = None

    def make(self) -> tuple[Doorway, Callable[[], Awaitable[None]]]:
        value = {"factor": COD, "value": "$.cod", "flag": "$.q"}
        topic = {"pattern": "site/{mn}/data", "mn": "{mn}", "time": "$.ts", "value": [value]}
        broker = {"name": "b", "host": HERE, "port": self.port, "client_id": "park", "topic": [topic]}
        doorway = Doorway(self.stream, self.kind, "b", lambda: self.now, 1.0)
        return doorway, MqttDoor(read_broker(Fields(broker, "test")), doorway).run

    async def start_peer(self) -> None:
        path = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        assert os.access(path, os.X_OK), "there is no mosquitto: run .ci/broker"
        kept = Path(tempfile.mkdtemp(prefix="m", dir=self.folder)) if self.broker is None else self.kept
        self.kept = kept
        settings = (
            f"listener {self.peer_port} {HERE}\nallow_anonymous true\npersistence true\n"
            f"persistence_location {kept}/\nautosave_on_changes true\nautosave_interval 1\nuser root\n"
        )
        (self.folder / "broker.conf").write_text(settings)
        self.broker = Popen([path, "-c", str(self.folder / "broker.conf")], stdout=DEVNULL, stderr=DEVNULL)
        await until(self._is_up, "the broker did not come up")

    def _is_up(self) -> bool:
        with socket.socket() as s:
            return s.connect_ex((HERE, self.peer_port)) == 0

    async def stop_peer(self) -> None:
        if self.broker is not None and self.broker.poll() is None:
            self.broker.terminate()
            await asyncio.to_thread(self.broker.wait, 5)

    async def publish(self, *payloads: bytes) -> None:
        async with aiomqtt.Client(HERE, self.peer_port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            for payload in payloads:
                await client.publish(f"site/{MN}/data", payload, qos=1)

    async def say(self, at_ms: int, value: float) -> None:
        await self.publish(json.dumps({"ts": at_ms, "cod": value, "q": "N"}).encode())

    async def garbage(self) -> None:
        await self.publish(
            b"\xff\x00{",
            b'{"ts": "yesterday", "cod": 1}',
            b'{"ts": %d, "cod": "12,5"}' % T0,
            b'{"ts": %d, "cod": NaN}' % T0,
            b"[" * 5000,
        )


class ModbusRig(Rig):
    """A pymodbus server. The time of a value is the door's beat, so saying is setting the clock."""

    kind = "modbus"
    garbage_reasons = frozenset({"modbus_exception_2", "nonfinite"})
    has_clock = False
    server: ModbusTcpServer | None = None
    words = (0, 0, 0, 0)
    polls = 0

    def make(self) -> tuple[Doorway, Callable[[], Awaitable[None]]]:
        registers = [
            {"address": 100, "type": "float32", "factor": COD},
            {"address": 102, "type": "uint16", "factor": "w01001", "scale": 0.01},
            {"address": 900, "type": "uint16", "factor": "w01010"},  # the device has none
        ]
        device = {"name": "p", "host": HERE, "port": self.port, "mn": MN, "register": registers}
        doorway = Doorway(self.stream, self.kind, "p", lambda: self.now, 1.0)
        return doorway, ModbusDoor(read_device(Fields(device, "test")), doorway).run

    async def open_door(self) -> None:
        self.doorway, run = self.make()
        self.doorway.open()
        self._door = asyncio.ensure_future(run())
        self.polls = 0

    async def start_peer(self) -> None:
        async def answer(
            function: int, start: int, address: int, count: int, registers: list[int], values: Any
        ) -> None:
            if address == 100:
                registers[: len(self.words)] = self.words
                self.polls += 1

        none = [SimData(0, values=[False] * 16, datatype=DataType.BITS, readonly=True)]
        data = [SimData(100, values=[0] * 4, datatype=DataType.REGISTERS)]
        device = SimDevice(1, (none, none, data, data), action=answer)
        self.server = ModbusTcpServer([device], address=(HERE, self.peer_port), ignore_missing_devices=False)
        await self.server.serve_forever(background=True)

    async def stop_peer(self) -> None:
        if self.server is not None:
            await self.server.shutdown()
            self.server = None

    async def say(self, at_ms: int, value: float) -> None:
        await self._set(at_ms, struct.unpack(">HH", struct.pack(">f", value)))

    async def _set(self, at_ms: int, words: tuple[int, ...]) -> None:
        self.words = (*words, 712, 0)
        polls = self.polls
        for _ in range(10):  # a poll that finds the device away is gone; the next beat brings the next one
            self.now = T0 - 100_000_000  # far from every beat, so that none is due on the way
            await asyncio.sleep(0.3)
            self.now = at_ms - 5000
            await asyncio.sleep(0.3)
            self.now = at_ms
            with contextlib.suppress(AssertionError):
                await until(lambda: self.polls > polls, "", 1.5)
                return
        raise AssertionError("the device was not read")

    async def garbage(self) -> None:
        await self._set(T0 - 600_000, (0x7FC0, 0))


class UaHouse:
    """One asyncua server in a thread of its own: to build its address space takes seconds of work."""

    _one: UaHouse | None = None

    @classmethod
    def get(cls) -> UaHouse:
        cls._one = cls._one or cls()
        return cls._one

    @classmethod
    def close(cls) -> None:
        if cls._one is not None:
            cls._one._loop.call_soon_threadsafe(cls._one._loop.stop)
            cls._one._thread.join(5)
            cls._one._loop.close()
            cls._one = None

    def __init__(self) -> None:
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)
        self.port = free_port()
        self._running = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._build(), self._loop).result(60)

    async def start(self, fresh: bool) -> None:
        if fresh:
            bad = ua.StatusCode(ua.StatusCodes.BadWaitingForInitialData)
            for name in ("cod", "ph"):
                await self.write(name, ua.DataValue(StatusCode=bad))
            await self.write("text", ua.DataValue(ua.Variant("")))
        await self._there(self._server.start())
        self._running = True

    async def stop(self) -> None:
        if self._running:
            self._running = False
            await self._there(self._server.stop())

    async def write(self, name: str, value: ua.DataValue) -> None:
        await self._there(self._server.iserver.write_attribute_value(ua.NodeId(name, 2), value))

    async def _there(self, doing: Coroutine[Any, Any, Any]) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(doing, self._loop))

    async def _build(self) -> UaServer:
        server = UaServer()
        await server.init()
        server.set_endpoint(f"opc.tcp://{HERE}:{self.port}/park/")
        space = await server.register_namespace("urn:park")
        for name, first in (("cod", 0.0), ("ph", 0.0), ("text", "")):
            await server.nodes.objects.add_variable(ua.NodeId(name, space), name, first)
        return server


class OpcUaRig(Rig):
    """An asyncua server whose nodes carry moments and status codes of their own."""

    kind = "opcua"
    subscribe = False
    garbage_reasons = frozenset({"not_a_number", "opcua_BadSensorFailure", "opcua_BadNodeIdUnknown"})
    up = False

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, url)
        self.peer_port = UaHouse.get().port

    def make(self) -> tuple[Doorway, Callable[[], Awaitable[None]]]:
        nodes = [
            {"id": "ns=2;s=cod", "factor": COD},
            {"id": "ns=2;s=ph", "factor": "w01001"},
            {"id": "ns=2;s=text", "factor": "w01014"},
            {"id": "ns=2;s=none", "factor": "w01010"},
        ]
        address = f"opc.tcp://{HERE}:{self.port}/park/"
        server = {"name": "s", "url": address, "period_s": 0.1, "confirm_s": 0.0, "mn": MN, "node": nodes}
        server["subscribe"] = self.subscribe
        doorway = Doorway(self.stream, self.kind, "s", lambda: self.now, 1.0)
        self.door = OpcUaDoor(read_server(Fields(server, "test")), doorway)
        return doorway, self.door.run

    async def start_peer(self) -> None:
        await UaHouse.get().start(fresh=not self.up)
        self.up = True

    async def stop_peer(self) -> None:
        await UaHouse.get().stop()

    async def _write(self, name: str, value: ua.DataValue) -> None:
        await UaHouse.get().write(name, value)

    async def say(self, at_ms: int, value: float) -> None:
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        await self._write("cod", ua.DataValue(ua.Variant(value), SourceTimestamp=at))
        # A server shows its newest value only: the door must have looked before the next one.
        await until(
            lambda: self.door._newest.get("ns=2;s=cod", (0, ""))[0] == at_ms, "the door does not look"
        )

    async def garbage(self) -> None:
        await self._write("text", ua.DataValue(ua.Variant("high")))
        broken = ua.StatusCode(ua.StatusCodes.BadSensorFailure)
        await self._write("ph", ua.DataValue(StatusCode=broken))


class OpcUaToldRig(OpcUaRig):
    """The same server, which tells its changes by itself."""

    kind = "opcua-told"
    subscribe = True


class Hj212Rig(Rig):
    """The gateway, and a logger that sends again what was not answered."""

    kind = "hj212"
    garbage_reasons = frozenset({"no_header", "crc_mismatch"})
    gateway: Gateway | None = None
    door_port = 0

    def stations(self) -> Stations:
        assert self.gateway is not None
        return self.gateway.stations

    async def slowly(self) -> None:
        self.line = Dribble(self.peer_port)

    async def open_door(self) -> None:
        clock = ParkClock(lambda: ClockState(True, "", 0.0, self.now, 0))
        self.gateway = Gateway(self.stream, clock, Limits(retry_s=1.0))
        self.peer_port = await self.gateway.open(HERE, 0)
        if self.line is not None:
            await self.line.stop() if self.line._server else None
            self.line = Dribble(self.peer_port)
            await self.line.start()

    async def close_door(self) -> None:
        if self.gateway is not None:
            await self.gateway.close(1.0)
            self.gateway = None

    async def start_peer(self) -> None:
        pass

    async def stop_peer(self) -> None:
        pass

    async def say(self, at_ms: int, value: float) -> None:
        groups = [[("DataTime", times.stamp(at_ms))], [(f"{COD}-Rtd", f"{value:g}"), (f"{COD}-Flag", "N")]]
        data = frames(Message("32", "2011", "123456", MN, times.qn(at_ms), groups, True))[0]
        for _ in range(20):
            with contextlib.suppress(TimeoutError, OSError):
                logger = await Logger.dial(self.port)
                try:
                    logger.send(data)
                    await logger.answers(1, 3.0)
                    return
                finally:
                    await logger.hang_up()
            await asyncio.sleep(0.2)
        raise AssertionError("never answered")

    async def garbage(self) -> None:
        logger = await Logger.dial(self.port)
        logger.send(b"GET / HTTP/1.1\r\n\r\n")
        body = f"QN={times.qn(T0)};ST=32;CN=2011;PW=123456;MN={MN};Flag=5;CP=&&DataTime=1;{COD}-Rtd=999&&"
        logger.send(b"##%04d%b0000\r\n" % (len(body), body.encode()))
        await asyncio.sleep(0.2)
        await logger.hang_up()


class Filling(Rig):
    """What is sent and reported at once: the sender is told of every row, and sends all again if need be.

    What the door counted is what it has told its sender.
    """

    has_clock = False  # of its own: its rows carry moments, and none may lie ahead of park time
    heads = "station,factor,time,value,kind\n"

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, url)
        self.counted = Stations()
        whole = tiny_park()
        first = replace(whole.stations[0], mn=MN, factors=(COD,))
        self.park = replace(whole, stations=(first, *whole.stations[1:]))

    def stations(self) -> Stations:
        return self.counted

    def count(self, taken: int, reasons: dict[str, int]) -> None:
        if taken:
            self.counted.frame(MN, self.kind, self.now, taken)
        for reason, times_ in reasons.items():
            for _ in range(times_):
                self.counted.reject(None, reason)

    async def start_peer(self) -> None:
        pass

    async def stop_peer(self) -> None:
        pass

    async def send(self, rows: str) -> bool:
        """Send once; False where it must be sent again."""
        raise NotImplementedError

    async def say(self, at_ms: int, value: float) -> None:
        self.now = max(self.now, at_ms)
        for _ in range(40):
            if await self.send(f"{self.heads}{MN},{COD},{at_ms},{value},2011\n"):
                return
            await asyncio.sleep(0.2)
        raise AssertionError("never taken")

    async def garbage(self) -> None:
        rows = (f'{MN},{COD},{T0},"12,5",2011', f"{MN},{COD},yesterday,1,2011", f"nobody,{COD},{T0},1,2011")
        ahead = f"{MN},{COD},{self.now + 7_200_000},1,2011"
        assert await self.send(self.heads + "\n".join((*rows, ahead)) + "\n")


class RestRig(Filling):
    """A laboratory's machine that posts rows with its token."""

    kind = "rest"
    garbage_reasons = frozenset({"not_a_number", "datatime_invalid", "station_unknown", "time_ahead", "400"})
    token = "4f1c" * 16

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, url)
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def open_door(self) -> None:
        app = FastAPI()
        live = SimpleNamespace(now_ms=lambda: self.now)
        web: Any = SimpleNamespace(park=self.park, stream=Stream(self.url), live=live, config=load({}))
        intake.routes(
            app, web, (Token("lims", hashlib.sha256(self.token.encode()).hexdigest(), frozenset()),)
        )
        self._web = web
        self._server = uvicorn.Server(uvicorn.Config(app, HERE, self.peer_port, log_level="critical"))
        self._serving = asyncio.ensure_future(self._server._serve())
        await until(lambda: self._server and self._server.started, "the address did not open")

    async def close_door(self) -> None:
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
            self._server = None
            self._web.stream.close()

    async def send(self, rows: str) -> bool:
        return await asyncio.to_thread(self._post, rows.encode())

    async def garbage(self) -> None:
        await super().garbage()
        assert await asyncio.to_thread(self._post, b"\xff\xfe rubbish")

    def _post(self, body: bytes) -> bool:
        line = http.client.HTTPConnection(HERE, self.port, timeout=10)
        try:
            head = {"Authorization": f"Bearer {self.token}", "Content-Type": "text/csv"}
            line.request("POST", "/api/readings", body, head)
            answer = line.getresponse()
            told = json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return False
        finally:
            line.close()
        self.count(
            told.get("taken", 0), told.get("reasons") or ({} if answer.status == 503 else self._whole(answer))
        )
        return answer.status != 503

    @staticmethod
    def _whole(answer: http.client.HTTPResponse) -> dict[str, int]:
        return {} if answer.status == 200 else {str(answer.status): 1}


class FileRig(Filling):
    """Files that somebody hands over, one after the other; the door is the command that reads one."""

    kind = "file"
    garbage_reasons = frozenset(
        {"not_a_number", "datatime_invalid", "station_unknown", "time_ahead", "unreadable"}
    )
    dribbling = False

    async def slowly(self) -> None:
        self.dribbling = True

    async def open_door(self) -> None:
        pass

    async def send(self, rows: str) -> bool:
        return await asyncio.to_thread(self._hand_over, rows.encode("gb18030"))

    async def garbage(self) -> None:
        await super().garbage()
        assert await asyncio.to_thread(self._hand_over, b"\x00\xff\xfe\x00")

    def _hand_over(self, data: bytes) -> bool:
        path = self.folder / "rows.csv"
        with path.open("wb", buffering=0) as file:
            for piece in [bytes([b]) for b in data] if self.dribbling else [data]:
                file.write(piece)
        config = load({"TWIN_DATA": str(self.folder), "TWIN_REDIS_URL": self.url, "TWIN_LANG": "en"})
        options = argparse.Namespace(encoding="", by="somebody")
        try:
            with contextlib.closing(Stream(self.url)) as stream:
                stream.put_clock(ClockState(True, "", 0.0, self.now, 0))
                roll = Roll(self.park)
                report = backfill.fill_from(config, stream, roll, path, sheets.Given(), options)
        except UnavailableError:
            return False
        if report is None:
            self.count(0, {"unreadable": 1})
        else:
            self.count(report.taken, report.reasons)
        return True


RIGS: tuple[type[Rig], ...] = (MqttRig, ModbusRig, OpcUaRig, OpcUaToldRig, Hj212Rig, RestRig, FileRig)
__all__ = ["COD", "MN", "RIGS", "T0", "Rig", "Series", "until"]
