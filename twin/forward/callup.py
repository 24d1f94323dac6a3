"""Call-ups: an upper platform asks for data of the past, and gets them out of this park's history.

To the platform this side is a logger, so it answers as one (HJ 212-2017, annex C): 9011 that it will, the
frames with the request's QN, each acknowledged before the next is sent, and 9012 with how it ended. What only
a logger itself can do (clock, intervals, sampling, calibration) is declined: an upper platform does not
operate this park's loggers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Protocol

from twin.ending import ended
from twin.errors import UnavailableError
from twin.forward.past import Old
from twin.forward.rewrite import Sent, Unseal, packet_of, rewritten
from twin.forward.targets import Target
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.requests import LONGEST_SPAN_MS
from twin.ingest.hj212.times import epoch_ms
from twin.ingest.hj212.write import frame

HISTORY = ("2031", "2041", "2051", "2061")
PRESENT = "2011"
MOST = 8  # call-ups of one platform under way at once
WILL, DECLINED, WRONG_PW, WRONG_MN = "1", "2", "3", "4"  # QnRtn
DONE, FAILED, CONDITION, SILENT, BUSY, FAULT, NO_DATA = "1", "2", "3", "4", "5", "6", "100"  # ExeRtn
log = logging.getLogger(__name__)


class Past(Protocol):
    """Where frames of the past are."""

    def about(self, mns: Sequence[str], cns: Sequence[str], from_ms: int, to_ms: int) -> Iterator[list[Old]]:
        """Frames about a span of park time, in order."""

    def newest(self, mn: str) -> list[Old]:
        """The newest real-time frame of a logger."""


class CallUps:
    """Requests of one platform.

    Parameters
    ----------
    mns : sequence of str
        This park's loggers.
    say : callable
        Sends bytes on the line; whether they arrive is not known.
    deliver : callable
        Sends a frame until it is answered; returns an ExeRtn, "1" when it was taken.
    """

    def __init__(
        self,
        target: Target,
        past: Past | None,
        mns: Sequence[str],
        unseal: Unseal | None,
        say: Callable[[bytes], None],
        deliver: Callable[[Sent], Awaitable[str]],
    ) -> None:
        self._target, self._past, self._unseal = target, past, unseal
        self._say, self._deliver = say, deliver
        known = [mn for mn in mns if not target.only or mn in target.only]
        self._ours = {target.mns.get(mn, mn): mn for mn in known}
        self._running: dict[str, tuple[str, asyncio.Task[None]]] = {}

    def asked(self, packet: Packet) -> None:
        """Take a request; whatever it is, it gets its answer."""
        if not packet.qn or not packet.mn:
            return  # nobody could tell what an answer belongs to
        code = self._judge(packet)
        self._answer(packet, "9011", "QnRtn", code)
        if code != WILL:
            return
        qn, task = self._running.get(packet.mn, ("", None))
        if task is not None and not task.done():
            if qn != packet.qn:  # else the same request once more, because its answer got lost
                self._answer(packet, "9012", "ExeRtn", BUSY)
            return
        if sum(not task.done() for _, task in self._running.values()) >= MOST:
            self._answer(packet, "9012", "ExeRtn", BUSY)
            return
        self._running[packet.mn] = packet.qn, asyncio.ensure_future(self._carry_out(packet))

    async def close(self) -> None:
        """The line is gone: the platform asks again on the next one."""
        tasks = [task for _, task in self._running.values()]
        self._running.clear()
        await ended(tasks)

    def _judge(self, packet: Packet) -> str:
        """Return the QnRtn of a request."""
        ours = self._ours.get(packet.mn or "")
        if ours is None:
            return WRONG_MN
        pw = self._target.pws.get(ours) or self._target.pw
        if pw and packet.pw != pw:
            return WRONG_PW
        return WILL if packet.cn in (PRESENT, *HISTORY) and packet.cn in self._target.cns else DECLINED

    async def _carry_out(self, packet: Packet) -> None:
        try:
            code = await self._send(packet, self._ours[packet.mn or ""])
        except UnavailableError as error:
            log.warning("%s asked for data of the past: %s", self._target.name, error)
            code = FAULT
        except Exception:  # whatever it is, the platform does not wait in vain
            log.exception("%s asked for data of the past", self._target.name)
            code = FAULT
        self._answer(packet, "9012", "ExeRtn", code)

    async def _send(self, packet: Packet, mn: str) -> str:
        """Send what was asked for; returns the ExeRtn."""
        if self._past is None:
            return FAULT
        if packet.cn == PRESENT:
            found = await asyncio.to_thread(self._past.newest, mn)
            return await self._send_all(found, packet) or NO_DATA
        begin, end = (epoch_ms(packet.value(name) or "") for name in ("BeginTime", "EndTime"))
        if begin is None or end is None or not 0 <= end - begin <= LONGEST_SPAN_MS:
            return CONDITION
        days = self._past.about([mn], [packet.cn or ""], begin, end)
        code = ""
        while (day := await asyncio.to_thread(next, days, None)) is not None:
            code = await self._send_all(day, packet) or code
            if code not in ("", DONE):
                return code
        return code or NO_DATA

    async def _send_all(self, found: Sequence[Old], request: Packet) -> str:
        """Send frames one after the other; returns the ExeRtn, empty where there was nothing to send."""
        code = ""
        for old in found:
            packet = packet_of(old.raw, self._unseal)
            if packet is None:
                continue
            sent = rewritten(packet, self._target, old.received_ms, False, qn=request.qn)
            code = await self._deliver(sent)
            if code != DONE:
                return code
        return code

    def _answer(self, packet: Packet, cn: str, name: str, code: str) -> None:
        flag = (packet.flag or 0) & ~3
        head = f"QN={packet.qn};ST=91;CN={cn};PW={packet.pw or ''};MN={packet.mn};Flag={flag}"
        self._say(frame(f"{head};CP=&&{name}={code}&&".encode()))
