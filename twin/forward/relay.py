"""The role that forwards: frames out of the readings stream into a queue of each target, and on from there.

It reads the stream in a consumer group of its own and works in a process of its own, so that a target that is
slow or away never reaches the gateway. What the stream no longer held when this role came back after a long
time is taken from the history.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from twin.blocks import decode
from twin.clock import ParkClock, wall_ms
from twin.config import Config
from twin.ending import ended
from twin.errors import ConfigError, UnavailableError
from twin.forward.again import Again
from twin.forward.callup import Past as CalledUp
from twin.forward.past import FRAME, FromHistory
from twin.forward.rewrite import Unseal, composed, header
from twin.forward.spool import Copy, Spool
from twin.forward.targets import Target
from twin.forward.upper import COUNTED, Upper
from twin.stream import AsyncStream, Entry, Stream

if TYPE_CHECKING:
    from twin.model import AuditLine
    from twin.records import Records

KEY = "forward"
GROUP, CONSUMER = "forward", "1"
COUNT, WAIT_MS = 64, 200
AWAY_S = 0.5
PUBLISH_S = 1.0
CUT_S = 10.0
CLOSE_S = 15.0
LAST_WORDS = (4, 3.0)  # tries and seconds for tasks that still note what was answered
LOOK_AGAIN_S = 30.0
log = logging.getLogger(__name__)


class Past(Protocol):
    """Where frames are that the stream no longer holds: the history."""

    def frames(self, mns: Sequence[str], from_ms: int, to_ms: int) -> Iterator[tuple[int, bytes]]:
        """Frames received between two moments of the wall clock, oldest first: receipt and bytes."""


class Filler:
    """Moves frames from the stream to the queues, in a thread of its own.

    Parameters
    ----------
    past : Past, optional
        Without it what the stream has dropped is lost to the targets; a warning says so.
    mns : sequence of str
        Loggers whose frames are looked for in the past.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        spool: Spool,
        stream: Stream,
        past: Past | None = None,
        mns: Sequence[str] = (),
    ) -> None:
        self._targets = targets
        self._spool = spool
        self._stream = stream
        self._past = past
        self._mns = mns
        self.trouble = ""

    def run(self, stop: threading.Event) -> None:
        """Fill until told to stop; what fails is tried again."""
        after: str | None = None
        begun, look = False, 0.0
        while not stop.is_set():
            try:
                if not begun:
                    self.begin()
                    begun = True
                if time.monotonic() >= look:  # an entry may have been given to a connection that then died
                    look, after = time.monotonic() + LOOK_AGAIN_S, after or "0"
                after = self.step(after)
                self.trouble = ""
            except UnavailableError as error:
                if not self.trouble:
                    log.warning("forwarding waits: %s", error)
                self.trouble, after = str(error)[:200], "0"
                stop.wait(AWAY_S)

    def begin(self) -> None:
        """Join the stream: from now on the first time, from where it ended every other time."""
        last = self._spool.last_entry()
        self._stream.join("readings", GROUP, "$" if last is None else "0")
        if last is None:
            return
        first = self._stream.since("readings", "0", 1)
        last_ms = int(last.split("-")[0])
        if first and first[0].at_ms > last_ms + 1:
            self._fetch(last_ms, first[0].at_ms)

    def step(self, after: str | None, wait_ms: int = WAIT_MS) -> str | None:
        """Queue what the next entries hold.

        Parameters
        ----------
        after : str or None
            Until where entries taken before are read again; None once that is done.
        """
        if after is not None:
            entries = self._stream.pending("readings", GROUP, CONSUMER, after, COUNT)
            if not entries:
                return None
            after = entries[-1].id
        else:
            taken = self._stream.take(["readings"], GROUP, CONSUMER, count=COUNT, wait_ms=wait_ms)
            entries = [entry for _, entry in taken]
        for entry in entries:
            self._spool.add(entry.id, list(self._copies(entry)))
        self._stream.ack("readings", GROUP, [entry.id for entry in entries])
        return after

    def _copies(self, entry: Entry) -> Iterator[Copy]:
        """Every frame of an entry for every target that wants it."""
        try:
            block = decode(entry.body)
        except Exception as error:  # the history keeps and reports it
            log.warning("entry %s cannot be read: %s", entry.id, error)
            return
        for i, raw in enumerate(block.raw):
            queued_ms = int(block.received_ms[i])
            if raw.startswith(FRAME):
                yield from self._for_all(*header(raw), queued_ms, raw)
            else:
                for mn, cn, data in composed(block, i, queued_ms):
                    yield from self._for_all(mn, cn, queued_ms, data)

    def _for_all(self, mn: str, cn: str, queued_ms: int, raw: bytes) -> Iterator[Copy]:
        for target in self._targets:
            if mn and target.wants(mn, cn):
                yield Copy(target.name, mn, queued_ms, raw)

    def _fetch(self, from_ms: int, to_ms: int) -> None:
        """Queue what came while this role was away for longer than the stream keeps entries."""
        if self._past is None:
            log.warning("the stream has dropped what came before %d: it is not forwarded", to_ms)
            return
        copies = [
            copy
            for at, raw in self._past.frames(self._mns, from_ms, to_ms)
            if raw.startswith(FRAME)
            for copy in self._for_all(*header(raw), at, raw)
        ]
        if self._spool.add(f"past-{from_ms}-{to_ms}", copies):
            log.warning("%d frames are forwarded from the history", len(copies))


class Relay:
    """Queues, targets and the status of all of them.

    Parameters
    ----------
    unseal : callable, optional
        Reads frames of loggers that encrypt.
    past : Past, optional
        What platforms may call up.
    mns : sequence of str
        Loggers whose data they may call up.
    beside : sequence of callable
        More work that fills the queues, each in a thread of its own until its event is set.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        spool: Spool,
        stream: AsyncStream,
        filler: Filler,
        unseal: Unseal | None = None,
        past: CalledUp | None = None,
        mns: Sequence[str] = (),
        beside: Sequence[Callable[[threading.Event], None]] = (),
    ) -> None:
        self.uppers = tuple(Upper(target, spool, unseal, past, mns) for target in targets)
        self._spool = spool
        self._stream = stream
        self._filler = filler
        self._stop = threading.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._filling: list[asyncio.Task[None]] = []
        self._beside = (filler.run, *beside)
        self._restored = False

    def open(self) -> None:
        """Start filling and relaying."""
        work = (asyncio.to_thread(job, self._stop) for job in self._beside)
        self._filling = [asyncio.ensure_future(one) for one in work]
        jobs = [upper.run() for upper in self.uppers] + [self._publish(), self._cut()]
        self._tasks = [*self._filling, *(asyncio.ensure_future(job) for job in jobs)]

    async def wait(self) -> None:
        """Wait until one of the jobs ends, which none does by itself; what ended it is raised."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def close(self) -> None:
        """End; what waits stays in the queues."""
        self._stop.set()
        # A thread cannot be cancelled: what it has taken from the stream it must still put into the queues.
        if self._filling:
            await asyncio.wait(self._filling, timeout=CLOSE_S)
        await ended(self._tasks, *LAST_WORDS)
        with suppress(UnavailableError):
            await self.publish()

    async def publish(self) -> None:
        """Publish the status of every target once."""
        if not self._restored:
            await self._restore()
        rows = [await asyncio.to_thread(upper.as_dict) for upper in self.uppers]
        body = {"at_ms": wall_ms(), "trouble": self._filler.trouble, "targets": rows}
        await self._stream.put(KEY, json.dumps(body, ensure_ascii=False).encode())

    async def _restore(self) -> None:
        body = await self._stream.get(KEY)
        self._restored = True
        with suppress(ValueError, AttributeError, KeyError, TypeError):
            known = {row["name"]: row for row in json.loads(body or b"{}").get("targets", ())}
            for upper in self.uppers:
                row = known.get(upper.target.name, {})
                for key in COUNTED:
                    upper.counts[key] += int(row.get(key, 0))

    async def _publish(self) -> None:
        while True:
            with suppress(UnavailableError):
                await self.publish()
            await asyncio.sleep(PUBLISH_S)

    async def _cut(self) -> None:
        """Hold every queue to its bound."""
        while True:
            await asyncio.sleep(CUT_S)
            for upper in self.uppers:
                target = upper.target
                with suppress(UnavailableError):
                    dropped = await asyncio.to_thread(self._spool.cut, target.name, target.keep)
                    upper.counts["dropped"] += dropped


async def serve(config: Config, stream: AsyncStream, clock: ParkClock, stop: asyncio.Event) -> None:
    """Forward until `stop` is set.

    Raises
    ------
    ConfigError
        The settings name no target, or cannot be used.
    """
    from geodata import park as parks
    from twin.ingest.doors import load, until_stopped
    from twin.ingest.loggers import load as load_loggers
    from twin.records import Records

    targets = load(config.doors).forward
    if not targets:
        raise ConfigError("there is no [[forward]] in the file of TWIN_DOORS")
    config.data.mkdir(parents=True, exist_ok=True)
    mns = [station.mn for station in parks.read(config.park).stations]
    with (
        closing(Spool(Path(config.data) / "forward.sqlite")) as spool,
        closing(Stream(config.redis)) as behind,
        closing(Stream(config.redis)) as ordered,
        closing(Records(config.db)) as records,
    ):
        unseal = load_loggers(config.loggers).keyring()
        past = FromHistory(config.history, unseal, config.redis, clock.now_ms)
        filler = Filler(targets, spool, behind, past, mns)
        again = Again(targets, spool, ordered, past, mns, partial(_audit, records))
        relay = Relay(targets, spool, stream, filler, unseal, past, mns, [again.run])
        relay.open()
        await until_stopped(relay, stop)


def _audit(records: Records, line: AuditLine) -> None:
    records.create()
    records.audit(line)


def run(config: Config) -> None:
    """The forwarding's process: serve until SIGTERM or SIGINT.

    Raises
    ------
    ConfigError
        The settings name no target, or cannot be used.
    """
    from twin.ingest.doors import until_signal

    asyncio.run(until_signal(config, serve))
