"""Locked doors with real peers: MQTT over TLS with name and password, OPC UA signed and encrypted.

The certificates are made here, by a certificate authority of the test's own.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiomqtt
import pytest
from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.embedded import Embedded
from tests.twin.ingest.rigs import COD, HERE, MN, T0, UaHouse, until
from twin.blocks import decode
from twin.ending import ended
from twin.errors import ConfigError
from twin.ingest.doorway import Doorway
from twin.ingest.fields import Fields
from twin.ingest.mqtt import MqttDoor, read_broker
from twin.ingest.opcua import OpcUaDoor, read_server
from twin.stream import AsyncStream
from twin.supervisor import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]
NAME, PASSWORD = "twin", "open sesame"


def authority(folder: Path, name: str) -> Path:
    """Make an authority and a certificate of this machine that it has signed; returns the authority's."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} authority")])
    now = datetime.now(UTC)

    def signed(subject: x509.Name, public: Any, *more: x509.ExtensionType) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(root_name).public_key(public)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        for extension in more:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(root_key, hashes.SHA256())

    root_id = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    root = signed(root_name, root_key.public_key(), x509.BasicConstraints(True, None), root_id)
    here = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    mine = signed(
        here,
        key.public_key(),
        x509.SubjectAlternativeName([x509.IPAddress(ip_address(HERE))]),
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_id),
    )
    pem = serialization.Encoding.PEM
    (folder / f"{name}-ca.pem").write_bytes(root.public_bytes(pem))
    (folder / "broker.pem").write_bytes(mine.public_bytes(pem))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "broker.key").write_bytes(key.private_bytes(pem, form, plain))
    return folder / f"{name}-ca.pem"


@pytest.fixture
async def stream(embedded: Embedded) -> AsyncIterator[AsyncStream]:
    it = AsyncStream(embedded.url)
    yield it
    await it.close()


class Opened:
    """A door that runs, and the desk behind it."""

    def __init__(self, door: Any, doorway: Doorway) -> None:
        self.doorway = doorway
        doorway.open()
        self._task = asyncio.ensure_future(door.run())

    async def close(self) -> None:
        assert await ended([self._task])
        await self.doorway.close()


def stored(embedded: Embedded) -> list[float]:
    return [float(v) for e in embedded.stream().since("readings") for v in decode(e.body).value]


async def test_mqtt_over_tls_with_name_and_password(
    embedded: Embedded, stream: AsyncStream, tmp_path: Path
) -> None:
    other = authority(tmp_path, "other")
    ca = authority(tmp_path, "ours")  # the broker's certificate is this one's
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(tmp_path / "users"), NAME, PASSWORD], check=True)
    port = free_port()
    settings = (
        f"listener {port} {HERE}\nuser root\nallow_anonymous false\npassword_file {tmp_path}/users\n"
        f"cafile {ca}\ncertfile {tmp_path}/broker.pem\nkeyfile {tmp_path}/broker.key\n"
    )
    (tmp_path / "broker.conf").write_text(settings)
    binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with (tmp_path / "log").open("w") as log:
        broker = subprocess.Popen([binary, "-c", str(tmp_path / "broker.conf")], stdout=log, stderr=log)

    def door(**settings: Any) -> Opened:
        value = {"factor": COD, "value": "$.cod"}
        topic = {"pattern": "site/{mn}/data", "mn": "{mn}", "time": "$.ts", "value": [value]}
        row = {"name": "b", "host": HERE, "port": port, "topic": [topic], "ca": str(ca)}
        row |= {"user": NAME, "password": PASSWORD, **settings}
        doorway = Doorway(stream, "mqtt", "b", lambda: T0, 1.0)
        return Opened(MqttDoor(read_broker(Fields(row, "test")), doorway), doorway)

    opened = [door(client_id="good"), door(client_id="a", ca=str(other)), door(client_id="b", password="no")]
    good, wrong_ca, wrong_password = (one.doorway for one in opened)
    try:
        await until(lambda: good.connected, f"never connected: {good.trouble}")
        await until(lambda: "CERTIFICATE_VERIFY_FAILED" in wrong_ca.trouble, f"said {wrong_ca.trouble!r}")
        await until(lambda: "uthori" in wrong_password.trouble, f"said {wrong_password.trouble!r}")
        assert not wrong_ca.connected
        assert not wrong_password.connected
        tls = ssl.create_default_context(cafile=ca)
        who = {"username": NAME, "password": PASSWORD, "tls_context": tls}
        async with aiomqtt.Client(HERE, port, protocol=aiomqtt.ProtocolVersion.V5, **who) as client:
            await client.publish(f"site/{MN}/data", json.dumps({"ts": T0, "cod": 12.5}), qos=1)
        await until(lambda: stored(embedded) == [12.5], "not stored")
    finally:
        for one in opened:
            await one.close()
        broker.terminate()
        broker.wait(60)


class Doorman:
    """One name, one password."""

    def get_user(
        self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None
    ) -> Any:
        return User(role=UserRole.User) if (username, password) == (NAME, PASSWORD) else None


async def test_opcua_signed_and_encrypted_with_name_and_password(
    embedded: Embedded, stream: AsyncStream, tmp_path: Path
) -> None:
    for name in ("server", "impostor"):
        await setup_self_signed_certificate(
            tmp_path / f"{name}.pem",
            tmp_path / f"{name}.der",
            "urn:server",
            HERE,
            [ExtendedKeyUsageOID.SERVER_AUTH],
            {"commonName": name},
        )
    server = Server(user_manager=Doorman())  # type: ignore[arg-type]
    await server.init()
    await server.set_application_uri("urn:server")
    port = free_port()
    server.set_endpoint(f"opc.tcp://{HERE}:{port}/park/")
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    await server.load_certificate(str(tmp_path / "server.der"))
    await server.load_private_key(str(tmp_path / "server.pem"))
    space = await server.register_namespace("urn:park")
    node = await server.nodes.objects.add_variable(ua.NodeId("cod", space), "cod", 0.0)
    at = datetime.fromtimestamp(T0 / 1000, UTC)
    await node.write_value(ua.DataValue(ua.Variant(31.5), SourceTimestamp=at))
    await server.start()

    def door(**settings: Any) -> Opened:
        nodes = [{"id": "ns=2;s=cod", "factor": COD}]
        row = {"name": "s", "url": f"opc.tcp://{HERE}:{port}/park/", "mn": MN, "node": nodes, "period_s": 0.2}
        row |= {"user": NAME, "password": PASSWORD, "subscribe": True, **settings}
        row |= {k: v for k, v in lock(tmp_path).items() if k not in settings}
        doorway = Doorway(stream, "opcua", "s", lambda: T0, 1.0)
        return Opened(OpcUaDoor(read_server(Fields(row, "test")), doorway), doorway)

    opened = [door()]
    try:
        good = opened[0].doorway
        await until(lambda: good.connected, f"never connected: {good.trouble}")
        await until(lambda: stored(embedded) == [31.5], "not stored")
        assert (tmp_path / "door.key").stat().st_mode & 0o077 == 0
        opened += [door(password="no"), door(server_certificate=str(tmp_path / "impostor.der"))]
        for one in opened[1:]:
            await until(lambda one=one: one.doorway.trouble, "let in")  # type: ignore[misc]
            assert not one.doorway.connected
        opened.append(door(security="none", certificate="", key="", server_certificate=""))
        await until(lambda: opened[-1].doorway.trouble, "let in without a lock")
        assert stored(embedded) == [31.5]
    finally:
        for one in opened:
            await one.close()
        await server.stop()


async def test_what_an_opcua_server_told_before_is_not_confirmed_by_its_next_session(
    embedded: Embedded, stream: AsyncStream
) -> None:
    house, now = UaHouse.get(), [T0]
    await house.start(fresh=True)
    nodes = [{"id": "ns=2;s=none", "factor": COD}]  # the server has this node no more
    row = {"name": "s", "url": f"opc.tcp://{HERE}:{house.port}/park/", "mn": MN, "node": nodes}
    row |= {"period_s": 0.1, "confirm_s": 1.0, "subscribe": True}
    server = read_server(Fields(row, "test"))
    doorway = Doorway(stream, "opcua", "s", lambda: now[0], 1.0)
    door = OpcUaDoor(server, doorway)
    at = datetime.fromtimestamp(T0 / 1000, UTC)
    before = server.nodes[0], ua.DataValue(ua.Variant(31.5), SourceTimestamp=at)
    door._last[before[0].id] = before
    door._take([before])
    now[0] += 3_600_000
    opened = Opened(door, doorway)
    try:
        await until(lambda: "BadNodeIdUnknown" in str(doorway.as_dict()), "never refused")
        await until(lambda: stored(embedded) == [31.5], "not stored")
        await asyncio.sleep(0.3)
        assert stored(embedded) == [31.5]
    finally:
        await opened.close()
        await house.stop()


def lock(folder: Path) -> dict[str, str]:
    return {
        "security": "Basic256Sha256",
        "certificate": str(folder / "door.der"),
        "key": str(folder / "door.key"),
        "server_certificate": str(folder / "server.der"),
    }


LOCKED = {"security": "Basic256Sha256", "certificate": "c", "key": "k"}


@pytest.mark.parametrize(
    "settings",
    [
        {"security": "Basic128"},
        {"security": "Basic256Sha256"},
        {"certificate": "c", "key": "k"},
        LOCKED,
        {**LOCKED, "server_certificate": "s", "trust": "any"},
    ],
)
def test_half_a_lock_stops_the_start(settings: dict[str, str]) -> None:
    node = {"id": "ns=2;s=cod", "factor": COD}
    row = {"name": "s", "url": "opc.tcp://x:1/", "mn": MN, "node": [node], **settings}
    with pytest.raises(ConfigError, match="security"):
        read_server(Fields(row, "test"))


@pytest.mark.parametrize(
    ("settings", "proved"),
    [
        ({}, False),
        (LOCKED | {"trust": "any"}, False),
        (LOCKED | {"server_certificate": "s"}, True),
    ],
)
async def test_a_server_that_need_not_prove_who_it_is_is_told(
    settings: dict[str, str],
    proved: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)  # where its own certificate is made
    row = {
        "name": "s",
        "url": f"opc.tcp://{HERE}:1/",
        "mn": MN,
        "node": [{"id": "ns=2;s=cod", "factor": COD}],
    }
    stream: Any = SimpleNamespace(shards=1, append=print)
    doorway = Doorway(stream, "opcua", "s", lambda: T0, 1.0)
    door = OpcUaDoor(read_server(Fields(row | settings, "test")), doorway)
    assert doorway.as_dict()["unproved"] is not proved
    running = asyncio.ensure_future(door.run())
    await until(lambda: doorway.trouble, "it found somebody")
    await ended([running])
    assert ("does not prove who it is" in caplog.text) is not proved
