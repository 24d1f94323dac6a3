"""The MQTT 5 door: topics of a broker, read by templates, acknowledged when durable.

With QoS 1 the broker keeps a message until this side acknowledges it, and this side does so only when its
readings are durable. The session outlives the connection, so what came while the door was away is delivered
when it is back. A message may so be delivered twice; its natural key makes that change nothing.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from twin.ingest.doorway import Doorway, Receipt, retrying
from twin.ingest.fields import Fields
from twin.ingest.templates import Template, read_template, understand

MOST_UNACKED = 500  # messages the broker may send ahead of their acknowledgement
MOST_QUEUED = 5000
LARGEST = 262_144  # bytes of a message
LOOK_S = 0.25
CONNECT_S = 10.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker and what of it is read.

    Attributes
    ----------
    session_s : int
        How long the broker keeps messages for a door that is away.
    ca : Path or None
        Certificates that the broker's must be signed by; with it, or with `tls`, the line is encrypted.
    """

    name: str
    host: str
    port: int
    client_id: str
    user: str
    password: str
    tls: bool
    ca: Path | None
    session_s: int
    topics: tuple[Template, ...]


def read_broker(f: Fields) -> Broker:
    """Read one `[[mqtt]]`.

    Raises
    ------
    ConfigError
        A setting cannot be used.
    """
    name, ca = f.text("name"), f.text("ca", "")
    broker = Broker(
        name,
        f.text("host"),
        f.whole("port", 1883, least=1, most=65_535),
        f.text("client_id", f"park-twin-{name}"),
        f.text("user", ""),
        f.text("password", ""),
        f.switch("tls", bool(ca)),
        Path(ca) if ca else None,
        f.whole("session_s", 7 * 86_400, most=(1 << 32) - 1),
        tuple(read_template(t) for t in f.tables("topic")),
    )
    if not broker.topics:
        raise f.wrong("there is no [[mqtt.topic]]")
    f.done()
    return broker


class MqttDoor:
    """Reads one broker until cancelled."""

    def __init__(self, broker: Broker, doorway: Doorway) -> None:
        self._broker = broker
        self._doorway = doorway
        self._given_up = 0

    async def run(self) -> None:
        """Read until cancelled."""
        await retrying(self._connected, self._doorway, (aiomqtt.MqttError, OSError, TimeoutError))

    async def _connected(self) -> None:
        doorway = self._doorway
        self._given_up = doorway.dropped
        client = self._client()
        acks = Acks(client)
        async with client:
            for template in self._broker.topics:
                await client.subscribe(template.filter, qos=template.qos, timeout=CONNECT_S)
            doorway.note("")
            messages = aiter(client.messages)
            waiting = asyncio.ensure_future(anext(messages))
            try:
                while True:
                    done, _ = await asyncio.wait([waiting], timeout=LOOK_S)
                    if doorway.dropped > self._given_up:
                        raise TimeoutError(
                            "the stream was away too long: the broker is asked to deliver again"
                        )
                    if done:
                        self._take(waiting.result(), acks)
                        await doorway.relief()
                        waiting = asyncio.ensure_future(anext(messages))
            finally:
                waiting.cancel()
                acks.closed = True

    def _client(self) -> aiomqtt.Client:
        b = self._broker
        wanted = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wanted.SessionExpiryInterval = b.session_s
        wanted.ReceiveMaximum = MOST_UNACKED
        client = aiomqtt.Client(
            b.host,
            b.port,
            identifier=b.client_id,
            username=b.user or None,
            password=b.password or None,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=wanted,
            keepalive=30,
            timeout=CONNECT_S,
            queue_type=_Queue,
            max_queued_incoming_messages=MOST_QUEUED,
            tls_context=ssl.create_default_context(cafile=b.ca) if b.tls else None,
            logger=log,
        )
        client._client.manual_ack_set(True)  # the library has no setting of its own for it
        return client

    def _take(self, message: aiomqtt.Message, acks: Acks) -> None:
        """Take one message in; it is acknowledged when durable, one that cannot be read at once."""
        topic, payload = message.topic.value, bytes(message.payload or b"")
        ack = acks.expect(message.mid, message.qos)
        raw = topic.encode() + b" " + payload
        if len(payload) > LARGEST:
            self._doorway.refuse(topic, None, "message_too_large", raw)
            ack()
            return
        reason = "topic_unknown"
        for template in self._broker.topics:
            levels = template.match(topic)
            if levels is None:
                continue
            found = understand(template, levels, payload, self._doorway.now_ms())
            if not isinstance(found, str):
                clocked = template.time is not None and not message.retain
                told = Receipt(ack)
                self._doorway.take(raw, found.rows, peer=topic, told=told, notes=found.notes, clocked=clocked)
                return
            reason = found
        self._doorway.refuse(topic, None, reason, raw)
        ack()


class _Queue(asyncio.Queue[aiomqtt.Message]):
    """The library's queue, which it lets overflow with a line in the log; here that is noticed.

    Only a flood with QoS 0 fills it: of QoS 1 the broker sends no more than `MOST_UNACKED` ahead.
    """

    lost = 0

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Put a message in, or note that it is lost."""
        try:
            super().put_nowait(item)
        except asyncio.QueueFull:
            self.lost += 1
            raise

    @classmethod
    def lost_of(cls, client: aiomqtt.Client) -> int:
        """Return how many messages a client has thrown away."""
        queue = client._queue
        return queue.lost if isinstance(queue, cls) else 0


class Acks:
    """Acknowledgements in the order in which messages came, as MQTT asks (4.6.0-2)."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self._waiting: deque[list[int]] = deque()  # packet id, QoS, 1 when it may go
        self.closed = False

    def expect(self, mid: int, qos: int) -> Acknowledge:
        """Return what acknowledges a message once those before it are acknowledged too."""
        one = [mid, qos, 0]
        if qos:
            self._waiting.append(one)
        return Acknowledge(self, one)

    def settle(self, one: list[int]) -> None:
        """Note that a message may be acknowledged, and send every acknowledgement whose turn it is."""
        one[2] = 1
        while self._waiting and self._waiting[0][2]:
            mid, qos, _ = self._waiting.popleft()
            if not self.closed:
                self._client._client.ack(mid, qos)


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Acknowledges one message when called."""

    acks: Acks
    one: list[int]

    def __call__(self) -> None:
        """The message is durable, or cannot be read."""
        self.acks.settle(self.one)
