"""Gates over OPC UA, against a real server that can misbehave; the same people, the same watch."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.embedded import Embedded
from tests.twin.parks import tiny_park
from tests.twin.test_control import STROKE_S, Bench
from twin import control as module
from twin.clock import ClockState, ParkClock
from twin.control import Control
from twin.control_modbus import Plc as Modbus
from twin.control_opcua import OpcUaPlc
from twin.errors import ConfigError, PeerError, UnavailableError
from twin.gatehouse import Houses
from twin.ingest.opcua_lock import Lock
from twin.model import CommandState
from twin.supervisor import free_port

_S = CommandState


@dataclass
class Gatehouse:
    """An OPC UA server with two gates, in a thread; each can be told to misbehave."""

    port: int
    certificates: Path | None = None
    clock_ms: int = 1_795_000_000_000
    mood: dict[int, str] = field(default_factory=dict)  # jams | stops | blind | backwards | refuses
    moves: list[tuple[int, float]] = field(default_factory=list)
    _aim: dict[int, tuple[float, float, int]] = field(default_factory=dict)
    _counter: dict[int, int] = field(default_factory=dict)
    _loop: Any = None
    _server: Any = None
    _nodes: dict[tuple[int, str], Any] = field(default_factory=dict)
    _thread: threading.Thread = field(default_factory=threading.Thread)
    _up: bool = False

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}/"

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(200)
        self._up = True

    def stop(self) -> None:
        if self._up:
            self._up = False
            asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(60)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)

    def renew(self) -> None:
        """Take in what was written and show where the gates are at the clock's moment."""
        if self._up:
            asyncio.run_coroutine_threadsafe(self._renew(), self._loop).result(60)

    async def _open(self) -> None:
        self._server = Server()
        await self._server.init()
        self._server.set_endpoint(self.url)
        if self.certificates is not None:
            await self._server.set_application_uri("urn:gates")
            both = (ua.SecurityPolicyType.NoSecurity, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt)
            self._server.set_security_policy(list(both))
            await self._server.load_certificate(str(self.certificates / "server.der"))
            await self._server.load_private_key(str(self.certificates / "server.pem"))
        index = await self._server.register_namespace("gates")
        kinds = {
            "Target": (1.0, ua.VariantType.Double),
            "Execute": (7, ua.VariantType.UInt32),
            "Position": (1.0, ua.VariantType.Double),
            "Moving": (False, ua.VariantType.Boolean),
            "Failed": (False, ua.VariantType.Boolean),
            "Remote": (True, ua.VariantType.Boolean),
            "Stroke": (240.0, ua.VariantType.Double),
        }
        for unit in (1, 2):
            self._counter[unit] = 7
            for name, (value, kind) in kinds.items():
                node = await self._server.nodes.objects.add_variable(
                    ua.NodeId(f"Gate{unit}.{name}", index), name, value, kind
                )
                self._nodes[unit, name] = node
                if name in ("Target", "Execute") and self.mood.get(unit) != "refuses":
                    await node.set_writable()
        await self._server.start()

    async def _renew(self) -> None:
        for unit in (1, 2):
            counter = await self._nodes[unit, "Execute"].read_value()
            if counter != self._counter[unit]:
                self._counter[unit] = counter
                target = await self._nodes[unit, "Target"].read_value()
                self.moves.append((unit, target))
                self._aim[unit] = (self.position(unit), target, self.clock_ms)
            at, aim = self.position(unit), self._aim.get(unit, (1.0, 1.0, 0))[1]
            jammed = self.mood.get(unit) == "jams" and abs(at - 0.4) < 1e-6
            await self._nodes[unit, "Moving"].write_value(abs(at - aim) > 1e-6 and not jammed)
            await self._nodes[unit, "Failed"].write_value(jammed)
            blind = self.mood.get(unit) == "blind"
            status = ua.StatusCode(ua.StatusCodes.BadSensorFailure if blind else ua.StatusCodes.Good)
            value = ua.DataValue(ua.Variant(float(at), ua.VariantType.Double), status)
            await self._nodes[unit, "Position"].write_value(value)

    def position(self, unit: int) -> float:
        start, aim, since = self._aim.get(unit, (1.0, 1.0, 0))
        way = min((self.clock_ms - since) / 1000 / STROKE_S, abs(aim - start))
        if self.mood.get(unit) in ("stops", "jams"):
            way = min(way, 0.6)
        sign = 1 if aim > start else -1
        return start + way * (-sign if self.mood.get(unit) == "backwards" else sign)


class Desk(Bench):
    """The bench of control, whose gatehouse speaks OPC UA."""

    def pass_s(self, seconds: float, steps: int = 4) -> None:
        for _ in range(steps):
            self.house.clock_ms += round(seconds * 1000 / steps)
            self.house.renew()  # type: ignore[attr-defined]
            self.control.step()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gatehouse]:
    """One server for all: it takes a second or two to start. Open, or signed and encrypted, as is asked."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("server", "impostor"):
        own = folder / f"{name}.pem", folder / f"{name}.der", "urn:gates", "127.0.0.1"
        use = [ExtendedKeyUsageOID.SERVER_AUTH]
        asyncio.run(setup_self_signed_certificate(*own, use, {"commonName": name}))
    it = Gatehouse(free_port(), folder)
    it.start()
    yield it
    it.stop()


@pytest.fixture
def bench(
    house: Gatehouse, embedded: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    from twin.records import Records

    monkeypatch.setattr(module, "LEAST_WALL_S", 0.0)
    monkeypatch.setattr(module, "MOVING_WALL_S", 0.3)
    for known in (house.mood, house.moves, house._aim):
        known.clear()
    house.clock_ms += 10_000_000
    house.renew()
    house.moves.clear()
    records = Records(f"sqlite:///{tmp_path / 'r.sqlite'}")
    records.create()
    plc = OpcUaPlc(house.url, timeout_s=5.0)
    b = Desk(house, records, embedded.stream(), None, tiny_park(), plc)  # type: ignore[arg-type]
    clock = ParkClock(lambda: ClockState(True, "test", 0.0, house.clock_ms, 0))
    b.control = Control(b.park, records, b.stream, clock, plc)
    yield b
    plc.close()
    records.close()
    if not house._up:
        house.start()


def ordered(bench: Desk) -> None:
    bench.propose()
    bench.approve()
    bench.order()
    bench.control.step()


def test_two_people_and_the_gate_closes(bench: Desk) -> None:
    ordered(bench)
    assert bench.state() is _S.SENT
    bench.pass_s(120)
    assert bench.state() is _S.MOVING
    bench.pass_s(STROKE_S)
    assert bench.state() is _S.DONE
    assert bench.house.moves == [(1, 0.0)]


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("stops", "not in place in time, at 40% open"),
        ("jams", "stuck at 40% open"),
        ("blind", "no position"),
        ("backwards", "moves the wrong way"),
    ],
)
def test_a_stroke_that_goes_wrong_is_told_within_its_time(bench: Desk, mood: str, words: str) -> None:
    bench.house.mood[1] = mood
    if mood == "backwards":  # a gate that should open from half closed, and closes
        bench.house._aim[1] = (0.5, 0.5, 0)
        bench.house.renew()  # type: ignore[attr-defined]
        bench.propose(target=1.0)
        bench.approve()
        bench.order()
        bench.control.step()
    else:
        ordered(bench)
    bench.pass_s(STROKE_S * (0.5 if mood == "backwards" else 1.2) + 1, steps=10)
    if mood == "stops":
        time.sleep(0.35)  # it still says it moves
        bench.pass_s(1, steps=1)
    assert bench.state() is _S.FAILED
    assert words in bench.message()


def test_a_lost_connection_in_mid_stroke_is_told_and_nothing_hangs(bench: Desk) -> None:
    ordered(bench)
    bench.pass_s(60)
    bench.house.stop()
    bench.pass_s(STROKE_S * 1.2 - 59, steps=4)
    assert bench.state() is _S.FAILED
    assert "connection" in bench.message()


def test_nobody_there_unknown_nodes_and_a_refusal_are_told_apart(bench: Desk) -> None:
    with pytest.raises(PeerError, match="nodes"):
        bench.plc.read(9)
    nobody = OpcUaPlc(f"opc.tcp://127.0.0.1:{free_port()}/", timeout_s=0.5)
    try:
        with pytest.raises(UnavailableError):
            nobody.read(1)
    finally:
        nobody.close()
    with pytest.raises(ConfigError, match="TWIN_PLC_NODE"):
        OpcUaPlc(bench.house.url, node="Gate{unit}")  # type: ignore[attr-defined]


def test_a_locked_session_works_gates_and_no_other_server_is_spoken_to(bench: Desk, tmp_path: Path) -> None:
    server: Path = bench.house.certificates  # type: ignore[attr-defined]

    def locked(believed: Path, url: str = bench.house.url) -> OpcUaPlc:  # type: ignore[attr-defined]
        own = tmp_path / "own.der", tmp_path / "own.pem"
        return OpcUaPlc(url, timeout_s=5.0, lock=Lock(*own, believed))

    plc = locked(server / "server.der")
    try:
        _, counter = plc.ordered(2)
        plc.move(2, 0.25, counter + 1)
        bench.house.renew()  # type: ignore[attr-defined]
        assert bench.house.moves == [(2, 0.25)]
        client = plc._client
        assert client is not None
        assert client.security_policy.Mode == ua.MessageSecurityMode.SignAndEncrypt
        assert (tmp_path / "own.pem").stat().st_mode & 0o077 == 0
    finally:
        plc.close()
    wrong = [(server / "impostor.der", "shows the certificate"), (tmp_path / "none.der", "cannot be read")]
    for believed, words in wrong:
        other = locked(believed)
        try:
            with pytest.raises(UnavailableError, match=words):
                other.move(2, 0.0, 9)
        finally:
            other.close()
    bench.house.renew()  # type: ignore[attr-defined]
    assert bench.house.moves == [(2, 0.25)]


def test_gates_behind_a_lost_connection_are_unknown_and_the_others_are_not(bench: Desk) -> None:
    away = Modbus("127.0.0.1", free_port(), timeout_s=0.5)
    bench.control._plc = Houses(away, bench.plc, [2])
    bench.control.step()
    seen = {s.gate: s.position for s in bench.control.gates}
    assert seen["G01"] is None
    assert seen["G02"] == 1.0
    assert list(bench.control._lost) == [away.line(1)]


@pytest.mark.slow
def test_a_gate_that_may_not_be_written_refuses(embedded: Embedded) -> None:
    house = Gatehouse(free_port(), mood={1: "refuses"})
    house.start()
    plc = OpcUaPlc(house.url, timeout_s=5.0)
    try:
        with pytest.raises(PeerError, match="refuse"):
            plc.move(1, 0.0, 8)
    finally:
        plc.close()
        house.stop()
