"""A logger's line to the platform: a real TCP client that repeats what was not answered.

The protocol's own numbers hold: a time-out of 10 s for each answer, three repeats, then the line counts as
down; what was not answered is kept, within bounds, and sent after the line is up again.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from twin.ending import ended
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet
from twin.simulate.loggers import Frame

TIMEOUT_S = 10.0
REPEATS = 3
WINDOW = 8  # frames on the way at a time
KEPT = 4000
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
CHUNK = 65536


def timeout_s(speed: float) -> float:
    """Wall seconds to wait for an answer in a drill that runs `speed` times as fast.

    Shorter than live, yet never so short that a busy machine looks like a broken line.
    """
    return min(TIMEOUT_S, max(2.0, TIMEOUT_S * 10.0 / max(speed, 1.0)))


@dataclass(slots=True)
class Counts:
    """What went over a line. `sent` counts every transmission, repeats included."""

    made: int = 0
    sent: int = 0
    repeated: int = 0
    broken: int = 0
    answered: int = 0
    dropped: int = 0
    connects: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, n) + getattr(other, n) for n in self.__slots__))


@dataclass(slots=True)
class _Flight:
    frame: Frame
    deadline: float
    tries: int = 1


@dataclass(slots=True)
class Outbox:
    """Frames not yet answered; knows nothing of sockets or of the time of day.

    Fresh frames go before those of the past. When it is full the oldest of the past goes first.
    """

    timeout_s: float = TIMEOUT_S
    kept: int = KEPT
    broken: float = 0.0
    dice: random.Random = field(default_factory=random.Random)
    counts: Counts = field(default_factory=Counts)
    _fresh: deque[Frame] = field(default_factory=deque)
    _past: deque[Frame] = field(default_factory=deque)
    _flying: dict[str, _Flight] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._fresh) + len(self._past) + len(self._flying)

    @property
    def waiting(self) -> int:
        """How many have not been sent since the line is up."""
        return len(self._fresh) + len(self._past)

    def put(self, frames: Iterable[Frame], *, past: bool = False) -> None:
        """Take frames to be delivered."""
        queue = self._past if past else self._fresh
        for frame in frames:
            queue.append(frame)
            self.counts.made += 1
        while len(self._fresh) + len(self._past) > self.kept:
            (self._past or self._fresh).popleft()
            self.counts.dropped += 1

    def due(self, now: float) -> list[bytes]:
        """What to write now: repeats whose time is over, then new frames up to the window."""
        out = []
        for flight in self._flying.values():
            if now >= flight.deadline and flight.tries <= REPEATS:
                flight.tries += 1
                flight.deadline = now + self.timeout_s
                self.counts.repeated += 1
                out.append(flight.frame.raw)
        while len(self._flying) < WINDOW and (self._fresh or self._past):
            frame = (self._fresh or self._past).popleft()
            self._flying[frame.qn] = _Flight(frame, now + self.timeout_s)
            out.append(self._first(frame))
        self.counts.sent += len(out)
        return out

    def _first(self, frame: Frame) -> bytes:
        """The first transmission; one maker's loggers get the check wrong now and then."""
        if not self.broken or self.dice.random() >= self.broken:
            return frame.raw
        self.counts.broken += 1
        wrong = b"0000" if frame.raw[-6:-2] != b"0000" else b"FFFF"
        return frame.raw[:-6] + wrong + frame.raw[-2:]

    def answered(self, qn: str) -> Frame | None:
        """Note an answer; returns the frame it is for, None if nobody waits for it."""
        flight = self._flying.pop(qn, None)
        if flight is None:
            return None
        self.counts.answered += 1
        return flight.frame

    def is_down(self, now: float) -> bool:
        """Whether some frame was repeated as often as allowed and still not answered."""
        return any(f.tries > REPEATS and now >= f.deadline for f in self._flying.values())

    def next_deadline(self) -> float | None:
        """When something will have to be repeated or given up."""
        return min((f.deadline for f in self._flying.values()), default=None)

    def line_lost(self) -> None:
        """Put everything unanswered back in front, oldest first, for the next connection."""
        for flight in reversed(self._flying.values()):
            self._fresh.appendleft(flight.frame)
        self._flying.clear()


@dataclass(slots=True)
class Line:
    """Carries one logger's outbox to the platform over TCP until it is stopped.

    Attributes
    ----------
    on_answer : callable
        Called with every frame the platform has answered.
    """

    mn: str
    host: str
    port: int
    outbox: Outbox
    on_answer: Callable[[str, Frame], None] = lambda mn, frame: None
    dice: random.Random = field(default_factory=random.Random)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _cut_until: float = 0.0
    _writer: asyncio.StreamWriter | None = None

    def put(self, frames: Iterable[Frame], *, past: bool = False) -> None:
        """Take frames and send them as soon as the line allows."""
        self.outbox.put(frames, past=past)
        self._wake.set()

    def cut(self, seconds: float) -> None:
        """Lose the line for some wall seconds, as a weak radio does."""
        self._cut_until = time.monotonic() + seconds
        if self._writer is not None:
            self._writer.transport.abort()

    async def run(self) -> None:
        """Connect, talk, lose the line, wait, connect again; until cancelled."""
        pause = FIRST_PAUSE_S
        while True:
            await asyncio.sleep(max(self._cut_until - time.monotonic(), 0.0))
            before = self.outbox.counts.answered
            with contextlib.suppress(OSError, EOFError):
                await self._session()
            self.outbox.line_lost()
            pause = FIRST_PAUSE_S if self.outbox.counts.answered > before else min(pause * 2, LONGEST_PAUSE_S)
            await asyncio.sleep(pause * self.dice.uniform(0.7, 1.3))

    async def _session(self) -> None:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        self.outbox.counts.connects += 1
        self._writer = writer
        listening = asyncio.ensure_future(self._listen(reader))
        try:
            while not (listening.done() or writer.is_closing() or self.outbox.is_down(time.monotonic())):
                for raw in self.outbox.due(time.monotonic()):
                    writer.write(raw)
                await writer.drain()
                await self._wait(listening)
        finally:
            self._writer = None
            await ended([listening])
            writer.transport.abort()

    async def _wait(self, listening: asyncio.Future[None]) -> None:
        """Sleep until there is something to send, an answer, the end of the line, or a time-out."""
        deadline = self.outbox.next_deadline()
        wake: asyncio.Future[Any] = asyncio.ensure_future(self._wake.wait())
        both: set[asyncio.Future[Any]] = {wake, listening}
        left = None if deadline is None else max(deadline - time.monotonic(), 0.001)
        try:
            await asyncio.wait(both, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wake.cancel()
        self._wake.clear()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        frames = Reader()
        while data := await reader.read(CHUNK):
            for packet in frames.feed(data, time.monotonic()):
                if isinstance(packet, Packet) and packet.cn == "9014" and packet.qn:
                    frame = self.outbox.answered(packet.qn)
                    if frame is not None:
                        self.on_answer(self.mn, frame)
                        self._wake.set()
