"""The load of the ingestion bench: thousands of sockets of loggers, paced to the second, in one process."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from twin.bench_frames import Frames

SLOTS = 50  # of a second: sockets take turns, as real loggers' clocks would make them
FIRST_MS = 1_717_200_000_000  # moment of the first second, epoch milliseconds
SETTLE_S = 120.0


@dataclass(slots=True)
class Sent:
    """What came of it.

    Attributes
    ----------
    frames, answered : int
        Answers on a line come in the order of its frames.
    in_time : int
        Answers that were there when the last second was over.
    wait_s : list of float
        From the sending of a second's frames on one socket to the answer of the last of them.
    behind_s : float
        How far the sender fell behind its own pace: more than a little means it was the limit.
    cpu_s : float
        Processor time of the sender.
    """

    frames: int = 0
    answered: int = 0
    in_time: int = 0
    bytes: int = 0
    seconds: float = 0.0
    wait_s: list[float] = field(default_factory=list)
    behind_s: float = 0.0
    cpu_s: float = 0.0


class _Line:
    """One socket: what is still to be sent, what is still to be answered, since when."""

    __slots__ = ("due", "expected", "got", "plug", "rest")

    def __init__(self, plug: socket.socket) -> None:
        self.plug = plug
        self.rest = b""
        self.expected = 0
        self.got = 0  # bytes of answers
        self.due: deque[tuple[int, float]] = deque()  # answers in all once it is settled; when it was sent


class Load:
    """So many sockets.

    Parameters
    ----------
    ports : sequence of int
        The sockets take turns with them.
    answer_size : int
        Bytes of one answer.
    """

    def __init__(self, ports: Sequence[int], sockets: int, loggers: int, answer_size: int) -> None:
        self.frames = Frames(loggers)
        self._answer = answer_size
        self._bounds = [loggers * i // sockets for i in range(sockets + 1)]
        self._lines: list[_Line] = []
        self._by_fd: dict[int, _Line] = {}
        self._poll = select.epoll()
        for i in range(sockets):
            plug = socket.create_connection(("127.0.0.1", ports[i % len(ports)]), 10)
            plug.setblocking(False)
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line = _Line(plug)
            self._lines.append(line)
            self._by_fd[plug.fileno()] = line
            self._poll.register(plug.fileno(), select.EPOLLIN)
        self.sent = Sent()

    def close(self) -> None:
        """Close every socket."""
        for line in self._lines:
            line.plug.close()
        self._poll.close()

    def run(self, seconds: int, first: int = 0) -> Sent:
        """Send so many seconds' frames at their pace, then wait for the answers.

        Parameters
        ----------
        first : int
            Which second to begin with; seconds must not be sent twice.
        """
        sent, cpu = self.sent, time.process_time()
        begin = time.monotonic()
        for second in range(seconds):
            data = self.frames.second(FIRST_MS + (first + second) * 1000)
            for slot in range(SLOTS):
                due = begin + second + slot / SLOTS
                self._receive_until(due)
                sent.behind_s = max(sent.behind_s, time.monotonic() - due)
                self._send_slot(data, slot)
        self._receive_until(begin + seconds)
        sent.seconds = time.monotonic() - begin
        sent.in_time = sum(self.answered())
        deadline = time.monotonic() + SETTLE_S
        while any(line.due for line in self._lines) and time.monotonic() < deadline:
            self._receive_until(time.monotonic() + 0.05)
        sent.answered = sum(self.answered())
        sent.cpu_s = time.process_time() - cpu
        return sent

    def answered(self) -> list[int]:
        """Answers that came on each line since it was opened."""
        return [line.got // self._answer for line in self._lines]

    def proved(self, seconds: int) -> NDArray[np.bool_]:
        """(loggers, seconds) which frames were answered, counted from the first second."""
        out = np.zeros((self._bounds[-1], seconds), bool)
        for i, count in enumerate(self.answered()):
            low, high = self._bounds[i], self._bounds[i + 1]
            flat = np.arange((high - low) * seconds) < count  # second after second, logger after logger
            out[low:high] = flat.reshape(seconds, high - low).T
        return out

    def _send_slot(self, data: bytes, slot: int) -> None:
        size, now = self.frames.size, time.monotonic()
        for i in range(slot, len(self._lines), SLOTS):
            line = self._lines[i]
            low, high = self._bounds[i], self._bounds[i + 1]
            if low == high:
                continue
            line.rest += data[low * size : high * size]
            line.expected += high - low
            line.due.append((line.expected, now))
            self.sent.frames += high - low
            self.sent.bytes += (high - low) * size
            self._push(line)

    def _push(self, line: _Line) -> None:
        try:
            done = line.plug.send(line.rest)
        except BlockingIOError:
            done = 0
        line.rest = line.rest[done:]
        if line.rest:
            self._poll.modify(line.plug.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def _receive_until(self, due: float) -> None:
        while True:
            wait = due - time.monotonic()
            for fd, what in self._poll.poll(max(wait, 0.0)):
                line = self._by_fd[fd]
                if what & select.EPOLLOUT:
                    self._poll.modify(fd, select.EPOLLIN)
                    self._push(line)
                if what & ~select.EPOLLOUT:
                    self._receive(line)
            if wait <= 0:
                return

    def _receive(self, line: _Line) -> None:
        data = line.plug.recv(65_536)
        if not data:
            raise ConnectionError("the gateway closed a bench socket")
        line.got += len(data)
        now = time.monotonic()
        while line.due and line.got >= line.due[0][0] * self._answer:
            self.sent.wait_s.append(now - line.due.popleft()[1])
