"""The OPC UA door: nodes of a server, read on a period or told by it, with its own moments and status.

A value is for its source timestamp, so reading it twice changes nothing. A value whose timestamp stays (many
servers move it only when the value changes) would look like a dead station; while the server still calls it
good it is confirmed every `confirm_s` at the moment of reading.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.uaerrors import UaError

from twin.blocks import Series
from twin.ending import ended
from twin.ingest.doorway import Doorway, retrying
from twin.ingest.fields import Fields
from twin.ingest.hj212.readings import Note, Row
from twin.ingest.moments import moment_ms
from twin.ingest.opcua_lock import Lock, read_lock
from twin.ingest.scales import KINDS, Scale, number_of, scale_of, usual_stat

QUEUED = 1000  # values that wait to be taken in
_MARKS = (
    ("NoCommunication", "B"),
    ("CommunicationError", "B"),
    ("NotConnected", "B"),
    ("WaitingForInitialData", "B"),
    ("OverRange", "T"),
    ("EngineeringUnitsExceeded", "T"),
    ("SensorCalibration", "C"),
    ("OutOfService", "F"),
    ("LocalOverride", "S"),
    ("TransducerInManual", "S"),
    ("SubstituteValue", "S"),
    ("SimulatedValue", "S"),
)
"""Part of a status code's name (OPC UA part 8, table of status codes), and the HJ 212 mark it comes to."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the map."""

    id: str
    series: Series
    scale: Scale


@dataclass(frozen=True, slots=True)
class Server:
    """One server and what of it is read.

    Attributes
    ----------
    period_s : float
        Between two readings, or at most between a change and its being told.
    subscribe : bool
        The server tells every change (monitored items); without it all nodes are read again and again.
    lock : Lock or None
        None: nothing is signed or encrypted.
    """

    name: str
    url: str
    user: str
    password: str
    period_s: float
    confirm_s: float
    timeout_s: float
    subscribe: bool
    lock: Lock | None
    nodes: tuple[Node, ...]

    @property
    def proved(self) -> bool:
        """Whether the server must show the certificate put down here; else whoever answers is believed."""
        return self.lock is not None and self.lock.server is not None


def read_server(f: Fields) -> Server:
    """Read one `[[opcua]]`.

    Raises
    ------
    ConfigError
        A setting cannot be used.
    """
    mn = f.text("mn", "")
    server = Server(
        f.text("name"),
        f.text("url"),
        f.text("user", ""),
        f.text("password", ""),
        f.number("period_s", 10.0, least=0.1),
        f.number("confirm_s", 60.0, least=0.0),
        f.number("timeout_s", 4.0, least=0.1),
        f.switch("subscribe", False),
        read_lock(f),
        tuple(_node(n, mn) for n in f.tables("node")),
    )
    if not server.url.startswith("opc.tcp://"):
        raise f.wrong(f"url = {server.url!r} does not begin with opc.tcp://")
    if not server.nodes:
        raise f.wrong("there is no [[opcua.node]]")
    names = [node.id for node in server.nodes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise f.wrong(f"[[opcua.node]] id = {twice[0]!r} stands there twice: give each node once")
    f.done()
    return server


def _node(f: Fields, mn: str) -> Node:
    name, code, kind = f.text("id"), f.text("factor"), f.choice("kind", KINDS, "2011")
    try:
        ua.NodeId.from_string(name)
    except Exception as error:
        raise f.wrong(f"id = {name!r} is no node id such as ns=2;s=Plant.COD") from error
    series = Series(f.text("mn", mn or None), code, kind, f.text("stat", usual_stat(kind)))
    node = Node(name, series, scale_of(f, code))
    f.done()
    return node


def mark(status: str) -> str:
    """Return the HJ 212 data mark for the name of a status code."""
    if status == "Good" or (status.startswith("Good") and "LocalOverride" not in status):
        return "N"
    return next((letter for part, letter in _MARKS if part in status), "D")


class OpcUaDoor:
    """Reads one server until cancelled."""

    def __init__(self, server: Server, doorway: Doorway) -> None:
        self._server = server
        self._doorway = doorway
        doorway.unproved = not server.proved
        self._newest: dict[str, tuple[int, str]] = {}
        self._written: dict[str, int] = {}
        self._told: dict[str, str] = {}
        self._writing: set[asyncio.Task[None]] = set()
        self._last: dict[str, tuple[Node, ua.DataValue]] = {}

    async def run(self) -> None:
        """Read until cancelled."""
        if not self._server.proved:
            log.warning("%s does not prove who it is: whoever answers there is believed", self._server.url)
        away = (UaError, OSError, TimeoutError, asyncio.TimeoutError, ConnectionError)
        try:
            await retrying(self._connected, self._doorway, away)
        finally:
            await ended(list(self._writing))

    async def _connected(self) -> None:
        s = self._server
        client = Client(s.url, timeout=s.timeout_s)
        if s.user:
            client.set_user(s.user)
            client.set_password(s.password)
        if s.lock is not None:
            await s.lock.close(client)
        async with client:
            await (self._follow(client) if s.subscribe else self._poll(client))

    async def _poll(self, client: Client) -> None:
        """Read all nodes again and again."""
        s = self._server
        nodes = [client.get_node(n.id) for n in s.nodes]
        while True:
            got = await client.read_attributes(nodes)
            self._take(list(zip(s.nodes, got, strict=True)))
            self._doorway.note("")
            await asyncio.sleep(s.period_s)

    async def _follow(self, client: Client) -> None:
        """Take in what the server tells; what it has not told anew is confirmed as what is read is."""
        s, told = self._server, Told()
        self._last.clear()  # what the last session told is not confirmed by this one
        ids = {client.get_node(n.id).nodeid: n for n in s.nodes}
        most = max(QUEUED, QUEUED * len(ids) // 10)
        subscription = await client.create_subscription(s.period_s * 1000, told, queue_maxsize=most)
        nodes = [client.get_node(n.id) for n in s.nodes]
        beat_ms = ua.Double(s.period_s * 1000)
        handles = await subscription.subscribe_data_change(
            nodes, queuesize=QUEUED, sampling_interval=ua.Double(beat_ms)
        )
        refused = [
            (node, ua.DataValue(StatusCode=one))
            for node, one in zip(s.nodes, handles, strict=True)
            if isinstance(one, ua.StatusCode)
        ]
        while True:
            await client.check_connection()
            if told.ended:
                raise ConnectionError(f"the server has ended its telling: {told.ended}")
            news = [(ids[nodeid], value) for nodeid, value in told.take()]
            fresh = {node.id for node, _ in news}
            old = [pair for name, pair in self._last.items() if name not in fresh]
            self._take([*refused, *old, *news])
            self._last |= {node.id: (node, value) for node, value in news}
            refused = []
            self._doorway.note("")
            await asyncio.sleep(s.period_s)

    def _take(self, got: list[tuple[Node, ua.DataValue]]) -> None:
        """Take in what one reading of all nodes, or one telling, has brought."""
        rows: list[Row] = []
        notes: list[Note] = []
        told: list[str] = []
        clocked = (
            False  # a node's first value may have stood for long: it tells nothing of the server's clock
        )
        for node, value in got:
            known = self._newest.get(node.id)
            one = self._interpret(node, value)
            if one is None:
                continue
            told.append(f"{node.id} {value.SourceTimestamp} {_name(value)} {_plain(value)!r}")
            if isinstance(one, Note):
                notes.append(one)
            else:
                rows.append(one)
                clocked = clocked or (known is not None and known != self._newest[node.id])
        if not told:
            return
        raw = f"opcua {self._server.url}: {'; '.join(told)}".encode()
        keep = self._doorway.keep(raw, rows, peer=self._server.url, notes=notes, clocked=clocked)
        task = asyncio.get_running_loop().create_task(keep)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def _interpret(self, node: Node, value: ua.DataValue) -> Row | Note | None:
        """Turn one value into a reading, a note, or nothing where nothing is new."""
        status = _name(value)
        number, why = number_of(_plain(value))
        if why:
            why = f"opcua_{status}" if not status.startswith("Good") else why
            again = self._told.get(node.id) == why
            self._told[node.id] = why
            return None if again else Note(node.series.factor, str(_plain(value))[:64], why)
        self._told.pop(node.id, None)
        now_ms = self._doorway.now_ms()
        source = value.SourceTimestamp or value.ServerTimestamp
        at_ms = (
            now_ms if source is None else moment_ms(source if source.tzinfo else source.replace(tzinfo=UTC))
        )
        if at_ms is None:
            return Note(node.series.factor, str(source), "datatime_invalid")
        if (at_ms, status) == self._newest.get(node.id):
            confirm_ms = self._server.confirm_s * 1000
            sure = mark(status) == "N" and confirm_ms > 0
            if not sure or now_ms - self._written.get(node.id, 0) < confirm_ms:
                return None
            at_ms = now_ms
        else:
            self._newest[node.id] = at_ms, status
        self._written[node.id] = now_ms
        return node.series, at_ms, node.scale(number), ord(mark(status))


class Told:
    """What a server has told since it was last asked for; the library calls it."""

    def __init__(self) -> None:
        self._news: list[tuple[ua.NodeId, ua.DataValue]] = []
        self.ended = ""

    def take(self) -> list[tuple[ua.NodeId, ua.DataValue]]:
        """Return the news, oldest first."""
        news, self._news = self._news, []
        return news

    def datachange_notification(self, node: Any, val: Any, data: Any) -> None:
        """A value has changed."""
        self._news.append((node.nodeid, data.monitored_item.Value))

    def status_change_notification(self, status: Any) -> None:
        """The subscription itself has changed: it has timed out, or the server goes."""
        self.ended = str(getattr(status, "Status", status))


def _name(value: ua.DataValue) -> str:
    return "Good" if value.StatusCode is None else str(value.StatusCode.name)


def _plain(value: ua.DataValue) -> Any:
    return None if value.Value is None else value.Value.Value
