"""One upper platform: an HJ 212 client that sends what waits, in order of each logger, until it is answered.

Of every logger one frame is under way at a time, of many loggers many. An answer (9014; some platforms say
9012 or 9011) settles a frame; without one it is sent again with the same QN, and after that the line counts
as down (HJ 212-2017, 6.2). What the target says no to for good is put aside with its reason; where a setting
is wrong (PW, MN, ST) the logger waits instead, and the status says so.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any

from twin.clock import wall_ms
from twin.ending import ended
from twin.errors import UnavailableError
from twin.forward import callup
from twin.forward.callup import CallUps, Past
from twin.forward.rewrite import Sent, Unseal, packet_of, rewritten
from twin.forward.spool import Frame, Spool
from twin.forward.targets import Target
from twin.ingest.hj212.answers import ANSWERS
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
CONNECT_S = 10.0
LOOK_S = 0.05
ASK_AGAIN_S = 60.0  # a logger that the target does not know, or knows by another PW
COUNTED = ("relayed", "resent", "unreadable", "dropped", "asked", "called")
AT_ONCE = 40  # frames of one logger read from disk together
SETTINGS = frozenset({"3", "4", "5"})  # QnRtn: PW, MN, ST wrong
log = logging.getLogger(__name__)


class _End(StrEnum):
    DONE = "done"
    SILENT = "silent"
    WRONG = "wrong"  # a setting
    REFUSED = "refused"


class Upper:
    """Relays to one target until cancelled.

    Parameters
    ----------
    unseal : callable, optional
        Reads frames of loggers that encrypt.
    past : Past, optional
        What the platform may call up.
    mns : sequence of str
        Loggers whose data it may call up.
    """

    def __init__(
        self,
        target: Target,
        spool: Spool,
        unseal: Unseal | None = None,
        past: Past | None = None,
        mns: Sequence[str] = (),
    ) -> None:
        self.target = target
        self._spool = spool
        self._unseal = unseal
        self._waiting: dict[str, tuple[str, asyncio.Future[Packet]]] = {}
        self._stale: dict[str, tuple[str, int]] = {}  # answers that may still come to copies of a frame
        self._twice: Counter[str] = Counter()  # answers that came beyond the first one
        self._writer: asyncio.StreamWriter | None = None
        self._blocked: dict[str, tuple[float, str]] = {}
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._served: dict[str, float] = {}
        self._heard = 0.0
        self._done: list[tuple[str, int]] = []
        self._flushing = asyncio.Lock()
        self._turns: dict[str, asyncio.Lock] = {}
        self._callups = CallUps(target, past, mns, unseal, self._tell, self._deliver_called)
        self.connected = False
        self.trouble = ""
        self.since_ms = wall_ms()
        self.counts: Counter[str] = Counter()
        """relayed, resent, unreadable, dropped, asked (requests of the target), called (frames they got)."""
        self.last_ms = 0

    async def run(self) -> None:
        """Connect, relay, and connect again whenever the line breaks, until cancelled."""
        wait_s = FIRST_WAIT_S
        while True:
            relayed = self.counts["relayed"]
            try:
                await self._connected()
                trouble = "closed by the other side"
            except (OSError, TimeoutError, UnavailableError) as error:
                code = getattr(error, "errno", None)
                trouble = os.strerror(code) if code else str(error)[:200] or type(error).__name__
            self._note(trouble)
            if self.counts["relayed"] > relayed:
                wait_s = FIRST_WAIT_S
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form of the status. Blocking: it looks into the queue."""
        name = self.target.name
        oldest = self._spool.oldest_ms(name)
        return {
            "name": name,
            "address": f"{self.target.host}:{self.target.port}",
            "connected": self.connected,
            "trouble": self.trouble,
            "since_ms": self.since_ms,
            "waiting": self._spool.waiting.get(name, Counter()).total(),
            "lag_s": 0.0 if oldest is None else round(max(wall_ms() - oldest, 0) / 1000, 1),
            "last_ms": self.last_ms,
            "refused": self._spool.refused(name),
            "blocked": {mn: why for mn, (_, why) in self._blocked.items()},
            **{k: self.counts[k] for k in COUNTED},
        }

    def _note(self, trouble: str) -> None:
        self.connected = not trouble
        if trouble != self.trouble:
            self.trouble, self.since_ms = trouble, wall_ms()

    async def _connected(self) -> None:
        t = self.target
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(t.host, t.port)
        self._writer, self._heard = writer, time.monotonic()
        self._note("")
        hear = asyncio.ensure_future(self._hear(reader))
        try:
            while not hear.done():
                self._open_lanes()
                if self._lanes:
                    await asyncio.wait(
                        [*self._lanes.values(), hear], timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED
                    )
                else:
                    await asyncio.wait([hear], timeout=LOOK_S)
                await self._flush()
                for mn in [mn for mn, lane in self._lanes.items() if lane.done()]:
                    self._lanes.pop(mn).result()
            hear.result()
        finally:
            self._writer = None
            await self._callups.close()
            tasks = [hear, *self._lanes.values()]
            self._lanes.clear()
            await ended(tasks)
            with suppress(UnavailableError):  # then they are sent once more, with the same QN
                await asyncio.shield(self._flush())
            self._waiting.clear()
            self._stale.clear()
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await writer.wait_closed()

    def _open_lanes(self) -> None:
        """Give loggers that have something waiting a lane each, as many as may be under way."""
        now = time.monotonic()
        for mn in [mn for mn, (until, _) in self._blocked.items() if until <= now]:
            del self._blocked[mn]
        room = self.target.at_once - len(self._lanes)
        if room <= 0:
            return
        waiting = list(self._spool.waiting.get(self.target.name, ()))
        free = [mn for mn in waiting if mn not in self._lanes and mn not in self._blocked]
        for mn in heapq.nsmallest(room, free, key=lambda mn: self._served.get(mn, 0.0)):
            self._served[mn] = now
            self._lanes[mn] = asyncio.ensure_future(self._lane(mn))

    async def _lane(self, mn: str) -> None:
        """Relay a logger's frames, one after the other, a handful at most: then others have their turn."""
        name = self.target.name
        for one in await asyncio.to_thread(self._spool.next, name, mn, AT_ONCE):
            packet = packet_of(one.raw, self._unseal)
            if packet is None:
                self.counts["unreadable"] += 1
                await asyncio.to_thread(self._spool.refuse, name, mn, one.id, "unreadable")
                continue
            late = wall_ms() - one.queued_ms > self.target.late_s * 1000
            end, why = await self._deliver(rewritten(packet, self.target, one.queued_ms, late))
            if end is _End.DONE:
                self._done.append((mn, one.id))
                self.counts["relayed"] += 1
                self.last_ms = wall_ms()
            elif not await self._undone(mn, one, end, why):
                break
        await self._flush()

    async def _flush(self) -> None:
        """Forget what was answered, of all lanes together: one transaction instead of many."""
        async with self._flushing:
            done, self._done = self._done, []
            if done:
                try:
                    await asyncio.to_thread(self._spool.done, self.target.name, done)
                except UnavailableError:
                    self._done = done + self._done
                    raise

    async def _undone(self, mn: str, one: Frame, end: _End, why: str) -> bool:
        """See to a frame that was not taken; True if the next one may be tried."""
        if end is _End.REFUSED:
            log.warning("%s will not have a frame of %s: %s", self.target.name, mn, why)
            await asyncio.to_thread(self._spool.refuse, self.target.name, mn, one.id, why)
            return True
        quiet_s = time.monotonic() - self._heard
        if end is _End.SILENT and quiet_s > self.target.over_time_s:
            raise TimeoutError("no answer: the line counts as down")
        self._blocked[mn] = time.monotonic() + ASK_AGAIN_S, why
        return False

    async def _deliver(self, sent: Sent) -> tuple[_End, str]:
        """Send a frame until it is answered, as often as the settings say."""
        if not sent.answered:
            await self._write(sent.data)  # sent is all there is to know of it
            return _End.DONE, ""
        async with self._turns.setdefault(sent.mn, asyncio.Lock()):  # with frames that are called up
            return await self._proved(sent)

    async def _deliver_called(self, sent: Sent) -> str:
        """Send a frame that was called up; returns the ExeRtn."""
        try:
            end, _ = await self._deliver(sent)
        except OSError:
            return callup.SILENT
        self.counts["called"] += end is _End.DONE
        return {_End.DONE: callup.DONE, _End.SILENT: callup.SILENT}.get(end, callup.FAILED)

    async def _proved(self, sent: Sent) -> tuple[_End, str]:
        end, why, silent = _End.SILENT, "no_answer", 0
        self._twice[sent.mn] = 0
        for attempt in range(self.target.re_count + 1):
            self.counts["resent"] += attempt > 0
            answer = await self._exchange(sent)
            if answer is None:
                silent += 1
                continue
            end, why = _verdict(answer)
            if end is not _End.REFUSED:
                break
        # Parts of a split message may share their QN: a late answer to a copy must not settle the next part.
        self._stale[sent.mn] = sent.qn, max(silent - self._twice.pop(sent.mn, 0), 0)
        return end, why

    async def _exchange(self, sent: Sent) -> Packet | None:
        """Send a frame once and wait for its answer; None if none comes."""
        future: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        self._waiting[sent.mn] = sent.qn, future
        try:
            await self._write(sent.data)
            async with asyncio.timeout(self.target.over_time_s):
                return await future
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(sent.mn, None)

    async def _write(self, data: bytes) -> None:
        if self._writer is None:
            raise OSError("the line is down")
        self._writer.write(data)
        await self._writer.drain()

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        """Take in what the target says, until it hangs up."""
        read = Reader(tolerant=True)
        while data := await reader.read(65_536):
            for found in read.feed(data, time.monotonic()):
                if isinstance(found, Packet) and found.trusted:
                    self._heard = time.monotonic()
                    self._said(found)

    def _said(self, packet: Packet) -> None:
        if packet.cn not in ANSWERS:
            self.counts["asked"] += 1
            self._callups.asked(packet)
            return
        qn = packet.qn or packet.value("QN")
        for mn in [packet.mn] if packet.mn in self._waiting else list(self._waiting) if not packet.mn else []:
            expected, future = self._waiting[mn or ""]
            of, late = self._stale.get(mn or "", ("", 0))
            if late and of == qn:
                self._stale[mn or ""] = of, late - 1
                break
            if qn not in (None, expected):
                continue
            if not future.done():
                future.set_result(packet)
                return
            self._twice[mn or ""] += 1
        self.counts["stray"] += 1  # a late second answer, most often

    def _tell(self, data: bytes) -> None:
        if self._writer is not None:
            self._writer.write(data)


def _verdict(answer: Packet) -> tuple[_End, str]:
    """Read an answer (HJ 212-2017, tables of QnRtn and ExeRtn)."""
    if answer.cn == "9011":
        code = answer.value("QnRtn") or ""
        if code == "1":
            return _End.DONE, ""
        return (_End.WRONG if code in SETTINGS else _End.REFUSED), f"QnRtn={code[:8]}"
    if answer.cn == "9012":
        code = answer.value("ExeRtn") or ""
        return (_End.DONE, "") if code == "1" else (_End.REFUSED, f"ExeRtn={code[:8]}")
    return _End.DONE, ""
