"""Gate controllers that speak OPC UA: the same reading, ordering and moving as over Modbus.

One gate is one folder of variables; their node ids are made from a template with the gate's unit in it, for
example `ns=2;s=Gate{unit}.{name}`. Names: Target (0..1), Execute (a counter, a change starts the move),
Position (0..1), Moving, Failed, Remote, Stroke (s). A variable whose status is not good is not known. With a
lock the session is signed and encrypted, and a server that shows another certificate than the one that is
believed is never spoken to.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import Any, TypeVar

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError

from twin.errors import ConfigError, PeerError, UnavailableError
from twin.gatehouse import Feedback
from twin.ingest.opcua_lock import Lock

NODE = "ns=2;s=Gate{unit}.{name}"
SESSION_MS = 60_000  # a session nobody asks for so long is over
MAKE_S = 60.0  # a certificate of one's own is made once
READ = ("Position", "Moving", "Failed", "Remote", "Stroke")
T = TypeVar("T")
_AWAY = (OSError, TimeoutError, asyncio.TimeoutError, FutureTimeoutError, ConnectionError)


class OpcUaPlc:
    """One session with an OPC UA server of gate controllers.

    Every call takes at most about `timeout_s` and raises `UnavailableError` when nothing answers, `PeerError`
    when what answers makes no sense or refuses.
    """

    def __init__(self, url: str, node: str = NODE, timeout_s: float = 0.8, lock: Lock | None = None) -> None:
        try:
            ua.NodeId.from_string(node.format(unit=1, name="Position"))
        except Exception as error:
            raise ConfigError(f"TWIN_PLC_NODE={node!r} is no node id with {{unit}} and {{name}}") from error
        self._url, self._node, self._timeout_s, self._lock = url, node, timeout_s, lock
        self._client: Client | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="opcua", daemon=True)
        self._thread.start()
        if lock is not None:
            self._make(lock)

    def _make(self, lock: Lock) -> None:
        """Have a certificate before the first call, which must not wait for it."""
        try:
            asyncio.run_coroutine_threadsafe(lock.make(), self._loop).result(MAKE_S)
        except OSError as error:
            raise ConfigError(f"no certificate for the gate controllers can be made: {error}") from error

    def line(self, unit: int) -> str:
        """Return the server: all gates are behind it."""
        return self._url

    def close(self) -> None:
        """Close the session and end its thread."""
        with suppress(UnavailableError, PeerError):
            self._run(self._leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2.0)

    def read(self, unit: int) -> Feedback:
        """Read a gate's state."""
        position, moving, failed, remote, stroke = self._run(self._read(unit, READ))
        known = isinstance(position, int | float) and not isinstance(position, bool)
        return Feedback(
            min(max(float(position), 0.0), 1.0) if known and position == position else None,
            bool(moving),
            bool(failed),
            bool(remote),
            float(stroke) if isinstance(stroke, int | float) else 0.0,
        )

    def ordered(self, unit: int) -> tuple[float, int]:
        """Read back the target the controller holds, and its execute counter."""
        target, counter = self._run(self._read(unit, ("Target", "Execute")))
        if target is None or counter is None:
            raise PeerError(f"gate controller {unit} does not tell its target")
        return float(target), int(counter)

    def move(self, unit: int, target: float, counter: int) -> None:
        """Order a move to a target (0..1): first the target, then the execute counter."""
        self._run(self._write(unit, target, counter & 0xFFFF))

    # in the session's own thread ----------------------------------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(self._timeout_s * 2)
        except UaError as error:
            if "Connection" in type(error).__name__ or "Session" in type(error).__name__:
                self._drop()
                raise UnavailableError(f"the gate controllers do not answer: {error}") from error
            raise PeerError(f"the gate controllers refuse: {error}") from error
        except _AWAY as error:
            future.cancel()
            self._drop()
            raise UnavailableError(f"the gate controllers do not answer: {error}") from error

    def _drop(self) -> None:
        """Forget a session that is no good; the next call makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            asyncio.run_coroutine_threadsafe(_leave(client), self._loop)

    async def _session(self) -> Client:
        if self._client is None:
            client = Client(self._url, timeout=self._timeout_s)
            client.session_timeout = SESSION_MS
            async with asyncio.timeout(self._timeout_s):
                if self._lock is not None:
                    if why := await self._lock.doubt(self._url, self._timeout_s):
                        raise UnavailableError(why)
                    await self._lock.close(client)
                await client.connect()
            self._client = client
        return self._client

    async def _read(self, unit: int, names: Sequence[str]) -> list[Any]:
        client = await self._session()
        nodes = [client.get_node(self._node.format(unit=unit, name=n)) for n in names]
        async with asyncio.timeout(self._timeout_s):
            got = await client.read_attributes(nodes)
        values: list[Any] = []
        for value in got:
            if value.StatusCode is not None and not value.StatusCode.is_good():
                if value.StatusCode.value == StatusCodes.BadNodeIdUnknown:
                    raise PeerError(f"gate controller {unit} has not the nodes {self._node}")
                values.append(None)
            else:
                values.append(None if value.Value is None else value.Value.Value)
        return values

    async def _write(self, unit: int, target: float, counter: int) -> None:
        client = await self._session()
        for name, value, kind in (
            ("Target", float(target), ua.VariantType.Double),
            ("Execute", counter, ua.VariantType.UInt32),
        ):
            node = client.get_node(self._node.format(unit=unit, name=name))
            data = ua.DataValue(ua.Variant(value, kind))
            async with asyncio.timeout(self._timeout_s):
                await node.write_attribute(AttributeIds.Value, data)

    async def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await _leave(client)


async def _leave(client: Client) -> None:
    with suppress(Exception):
        async with asyncio.timeout(0.5):
            await client.disconnect()
