"""Gate controllers that speak OPC UA: a signed and encrypted server over some of the drill's drives.

One gate is one folder of variables, as `twin.control_opcua` reads and writes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from socket import gethostname
from typing import Any

from asyncua import ua
from asyncua.common.node import Node
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.server.server import Server
from cryptography.x509.oid import ExtendedKeyUsageOID

from twin.simulate.plc import FAILED, MOVING, REMOTE, Drive, Plc

URI = "urn:park-twin:gates"
LOOK_S = 0.2  # wall time between looks at what was written
_F, _B, _U = ua.VariantType.Double, ua.VariantType.Boolean, ua.VariantType.UInt32
_NAMES = {"Target": _F, "Execute": _U, "Position": _F, "Moving": _B, "Failed": _B, "Remote": _B, "Stroke": _F}
_WRITABLE = ("Target", "Execute")


class UaPlc:
    """The server.

    Parameters
    ----------
    plc : Plc
        Whose drives it works.
    units : collection of int
        The drives behind it; empty: all.
    url, node : str
        Where it listens, and how its nodes are named, with {unit} and {name}.
    certificate : Path
        Its own, made where it is not there; the key lies beside it, ending in `.pem`. Without one anybody may
        read and write.
    """

    def __init__(
        self,
        plc: Plc,
        units: Collection[int],
        url: str,
        node: str,
        certificate: Path | None,
        now_ms: Callable[[], int],
    ) -> None:
        self._plc, self._url, self._node, self._now_ms = plc, url, node, now_ms
        self._certificate = certificate
        self._gates = [d.gate for d in plc.drives.values() if not units or d.unit in units]
        self._nodes: dict[tuple[str, str], Node] = {}
        self._shown: dict[tuple[str, str], Any] = {}

    async def run(self) -> None:
        """Serve until cancelled."""
        async with self._serving():
            while True:
                for gate in self._gates:
                    await self._obey(gate)
                    await self._show(gate)
                await asyncio.sleep(LOOK_S)

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        server = Server()
        await server.init()
        server.set_endpoint(self._url)
        server.set_server_name("park-twin gates")
        await server.set_application_uri(URI)
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        if self._certificate is not None:
            await self._lock(server, self._certificate)
        await server.register_namespace(URI)
        for gate in self._gates:
            drive = self._plc.drives[gate]
            for name, kind in _NAMES.items():
                where = ua.NodeId.from_string(self._node.format(unit=drive.unit, name=name))
                value = ua.Variant(self._values(drive)[name], kind)
                node = await server.nodes.objects.add_variable(where, f"{gate}.{name}", value)
                if name in _WRITABLE:
                    await node.set_writable()
                self._nodes[gate, name] = node
        async with server:
            yield

    async def _lock(self, server: Server, certificate: Path) -> None:
        key = certificate.with_suffix(".pem")
        if not (certificate.exists() and key.exists()):
            use, name = [ExtendedKeyUsageOID.SERVER_AUTH], {"commonName": "park-twin gates"}
            await setup_self_signed_certificate(key, certificate, URI, gethostname(), use, name)
            key.chmod(0o600)
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        await server.load_certificate(str(certificate))
        await server.load_private_key(str(key))

    def _values(self, drive: Drive) -> dict[str, Any]:
        now = self._now_ms()
        bits = drive.bits(now)
        return {
            "Target": drive.target,
            "Execute": self._plc.counter(drive.gate),
            "Position": drive.position(now),
            "Moving": bool(bits & MOVING),
            "Failed": bool(bits & FAILED),
            "Remote": bool(bits & REMOTE),
            "Stroke": drive.stroke_s,
        }

    async def _obey(self, gate: str) -> None:
        """Start a move whose counter has changed; a target that is none is left alone."""
        counter = int(await self._nodes[gate, "Execute"].read_value())
        if counter == self._plc.counter(gate):
            return
        target = float(await self._nodes[gate, "Target"].read_value())
        if 0.0 <= target <= 1.0:
            self._plc.order(gate, target, counter)

    async def _show(self, gate: str) -> None:
        """Show where a gate is, as far as that has changed."""
        for name, value in self._values(self._plc.drives[gate]).items():
            key = gate, name
            if name not in _WRITABLE and self._shown.get(key) != value:
                await self._nodes[key].write_value(ua.DataValue(ua.Variant(value, _NAMES[name])))
                self._shown[key] = value
