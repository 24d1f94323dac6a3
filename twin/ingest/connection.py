"""One logger's TCP connection: bytes to packets, answers back, and the limits one peer is held to."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from twin.clock import wall_ms
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import UNTRUSTED, Packet, Reject
from twin.ingest.hj212.quick import Head, Memory, Taken, take

log = logging.getLogger(__name__)

WINDOW_S = 60.0  # over which rejects of one peer are counted
_MN = re.compile(rb"MN=([0-9A-Za-z_]{1,40})")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gateway puts up with.

    Attributes
    ----------
    tick_s : float
        Longest time a frame waits for others before it is written.
    retry_s : float
        How long a block that cannot be written is tried again before it is dropped unanswered.
    connections, per_address : int
        Open connections, in all and from one address.
    idle_s : float
        Silence after which a connection is closed. Loggers may report once an hour.
    rejects, reject_bytes : int
        Rejects and rejected bytes of one connection in a minute before it is cut off.
    unread_bytes : int
        Answers a peer may leave unread.
    held_bytes : int
        Frames not yet written, of all peers, before no more is read.
    rejects_stored_per_s : float
        Rejects written to their stream; more are only counted.
    peer_bytes_per_s, peer_burst_bytes : int
        What one connection may send for long, and at once; above that it is read more slowly.
    frame_wait_s, tail_wait_s : float
        How long half a frame, and a frame without tail, is waited for.
    """

    tick_s: float = 0.04
    retry_s: float = 20.0
    connections: int = 8000
    per_address: int = 8000
    idle_s: float = 2 * 3600.0
    rejects: int = 300
    reject_bytes: int = 1_000_000
    unread_bytes: int = 65_536
    held_bytes: int = 32_000_000
    rejects_stored_per_s: float = 100.0
    peer_bytes_per_s: int = 2_000_000
    peer_burst_bytes: int = 8_000_000
    frame_wait_s: float = 10.0
    tail_wait_s: float = 0.5


class Desk(Protocol):
    """What a connection reports to: the gateway."""

    limits: Limits
    unseal: Callable[[bytes], Sequence[bytes] | None] | None

    @property
    def memory(self) -> Memory:
        """What the short way of reading frames remembers."""

    @property
    def asking(self) -> bool:
        """True while a request to some logger is under way: every packet is then looked at."""

    def taken(self, connection: Connection, taken: list[Taken], received_ms: int) -> None:
        """Good frames came in that were read the short way."""

    def refusal(self, mn: str, pw: str | None, address: str) -> str:
        """Why a good frame is not taken in; an empty text for one that is."""

    def opened(self, connection: Connection) -> None:
        """A connection is there."""

    def closed(self, connection: Connection) -> None:
        """A connection is gone."""

    def waits(self, connection: Connection, waiting: bool) -> None:
        """A connection holds bytes that time may settle, or no longer does."""

    def packet(self, connection: Connection, packet: Packet, received_ms: int) -> None:
        """A good frame came in."""

    def refused(self, peer: str, mn: str | None, reason: str, raw: bytes, at_ms: int) -> None:
        """Bytes came in that are no good frame."""

    def too_fast(self, connection: Connection, seconds: float) -> None:
        """A connection has sent more than it may: it is not to be read for a while."""

    def was_cut(self, reason: str) -> None:
        """A connection is being closed by us."""

    def known(self) -> Container[str]:
        """The loggers that good frames have come from."""


class Connection(asyncio.Protocol):
    """One logger's connection. It may carry several loggers (a concentrator) and a logger may change it."""

    def __init__(self, desk: Desk) -> None:
        limits = desk.limits
        self._desk = desk
        self._limits = limits
        self._reader = Reader(
            tolerant=True,
            frame_wait_s=limits.frame_wait_s,
            tail_wait_s=limits.tail_wait_s,
            unseal=desk.unseal,
        )
        self._transport: asyncio.Transport | None = None
        self._window_s = 0.0
        self._rejects = 0
        self._reject_bytes = 0
        self.address = ""
        self.peer = ""
        self.mn: str | None = None
        self.heard_s = 0.0
        self.since_s = 0.0
        self._spent = 0.0  # bytes read beyond what time has allowed since
        self.heads: dict[bytes, Head] = {}
        """Frames of this connection that may be read the short way."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who it is; the desk may turn it away."""
        transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        name = transport.get_extra_info("peername") or ("", 0)
        self._transport = transport
        self.address, self.peer = str(name[0]), f"{name[0]}:{name[1]}"
        self.heard_s = self.since_s = time.monotonic()
        plug = transport.get_extra_info("socket")
        if plug is not None:  # notices a logger whose mobile line died without a word
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._desk.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Settle what was held."""
        self._transport = None
        self._take(self._reader.close(), time.monotonic())
        self._desk.closed(self)

    def data_received(self, data: bytes) -> None:
        """Read frames; their answers come when they are written."""
        now = time.monotonic()
        rate = self._limits.peer_bytes_per_s
        self._spent = max(self._spent - (now - self.heard_s) * rate, 0.0) + len(data)
        if self._spent > self._limits.peer_burst_bytes:
            self._desk.too_fast(self, self._spent / rate / 2)
        self.heard_s = now
        if self.heads:
            data = self._take_quickly(data)
            if not data:
                return
        self._take(self._reader.feed(data, now), now)
        self._desk.waits(self, self._reader.pending > 0)

    def _take_quickly(self, data: bytes) -> bytes:
        """Take frames of known form from the start of what is there; return what is left for the reader."""
        reader = self._reader
        data = reader.release(len(data)) + data
        if not reader.idle or self._desk.asking:
            return data
        taken: list[Taken] = []
        done = take(data, self.heads, self._desk.memory, taken)
        if taken:
            reader.passed(done)
            self._desk.taken(self, taken, wall_ms())
            if done == len(data):
                self._desk.waits(self, False)
        return data[done:]

    def look(self, now: float) -> None:
        """Give up what has been waited for too long."""
        self._take(self._reader.expire(now), now)
        self._desk.waits(self, self._reader.pending > 0)

    def answer(self, data: bytes) -> None:
        """Send answers, or cut a peer that does not read them."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > self._limits.unread_bytes:
            self.cut("slow")

    def cut(self, reason: str) -> None:
        """Close the connection at once, for a reason that is counted."""
        if self._transport is not None and not self._transport.is_closing():
            self._desk.was_cut(reason)
            log.warning("%s (%s) cut off: %s", self.peer, self.mn or "nameless", reason)
            self._transport.abort()

    def pause(self, paused: bool) -> None:
        """Stop or go on reading; meanwhile the peer's own send buffer fills."""
        if self._transport is not None and not self._transport.is_closing():
            if paused:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def close(self) -> None:
        """Close after what was written has gone."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, found: list[Packet | Reject], now: float) -> None:
        received_ms = wall_ms() if found else 0
        for one in found:
            if isinstance(one, Reject):
                self._refuse(self._whose(one.raw), one.reason, one.raw, one.length, now, received_ms)
            elif not one.trusted:
                reason = next(d for d in one.deviations if d in UNTRUSTED)
                self._refuse(self._whose(one.raw), reason, one.raw, len(one.raw), now, received_ms)
            elif reason := self._desk.refusal(one.mn or "", one.pw, self.address):
                # Named only where it is known: nobody fills the list of loggers with invented names.
                mn = one.mn if one.mn in self._desk.known() else None
                self._refuse(mn, reason, one.raw, len(one.raw), now, received_ms)
            else:
                self.mn = one.mn or self.mn
                self._desk.packet(self, one, received_ms)

    def _refuse(
        self, mn: str | None, reason: str, raw: bytes, length: int, now: float, received_ms: int
    ) -> None:
        self._desk.refused(self.peer, mn, reason, raw, received_ms)
        if now - self._window_s > WINDOW_S:
            self._window_s, self._rejects, self._reject_bytes = now, 0, 0
        self._rejects += 1
        self._reject_bytes += length
        if self._rejects > self._limits.rejects or self._reject_bytes > self._limits.reject_bytes:
            self.cut("flood")

    def _whose(self, raw: bytes) -> str | None:
        """Whose broken bytes these are: an MN in them counts only where a good frame has had it before."""
        read = _MN.search(raw)
        mn = read[1].decode("ascii") if read else ""
        return mn if mn in self._desk.known() else self.mn
