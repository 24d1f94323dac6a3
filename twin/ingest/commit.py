"""Group commit: many frames, one block, one durable write; only then their answers.

Frames are collected for at most one tick and appended to the readings stream as one block. Answers go out
when that append has returned, which with the embedded server means: synced to disk. If it fails the block is
tried again for a while and then dropped unanswered, so that the loggers send its frames again. Before a block
is tried again the newest entries are looked at, lest one whose answer alone got lost is written twice; where
that happens all the same, readers take readings by their natural key.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from twin.blocks import BlockBuilder, encode
from twin.ingest.hj212.quick import Taken
from twin.ingest.hj212.readings import Row

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
LARGE_BLOCK = 32_768  # bytes of frames from which on packing goes to a thread (zlib lets go of the GIL)


class Peer(Protocol):
    """Who gets an answer."""

    def answer(self, data: bytes) -> None:
        """Send answers; a peer that is gone does nothing."""


class _Batch:
    """One block in the making and the answers that wait for it."""

    def __init__(self) -> None:
        self.builder = BlockBuilder()
        self.answers: dict[Peer, list[bytes]] = {}
        self.size = 0
        self.settled = asyncio.Event()


class Committer:
    """Collects frames and commits them tick by tick.

    Parameters
    ----------
    append : callable
        Appends one encoded block to the readings stream; durable when it returns.
    written : callable
        Tells whether an encoded block is among the newest entries of the stream.
    tick_s : float
        Longest time a frame waits for others.
    retry_s : float
        How long a block that cannot be written is tried again.
    most_bytes : int
        Frames held, in bytes, from which on `full` is true and peers should be read no more.
    relieved : callable
        Called after a block when `full` is false.
    """

    def __init__(
        self,
        append: Callable[[bytes], Awaitable[object]],
        written: Callable[[bytes], Awaitable[bool]],
        *,
        tick_s: float,
        retry_s: float,
        most_bytes: int,
        relieved: Callable[[], None],
    ) -> None:
        self._append = append
        self._written = written
        self._tick_s = tick_s
        self._retry_s = retry_s
        self._most = most_bytes
        self._relieved = relieved
        self._batch = _Batch()
        self._writing = 0
        self._wake = asyncio.Event()
        self._quick = asyncio.Event()
        self._lock = asyncio.Lock()
        self.trouble = ""
        """Why the last attempt to write failed; empty while all is well."""
        self.blocks = 0
        self.dropped = 0

    @property
    def full(self) -> bool:
        """True while more is held than may be."""
        return self._batch.size + self._writing >= self._most

    def add(self, raw: bytes, received_ms: int, rows: list[Row], peer: Peer, answer: bytes | None) -> None:
        """Take one frame into the current tick."""
        batch = self._batch
        batch.builder.add(raw, received_ms, rows)
        batch.size += len(raw)
        if answer is not None:
            batch.answers.setdefault(peer, []).append(answer)
        self._wake.set()
        if batch.size >= self._most // 8:
            self._quick.set()

    def add_taken(self, taken: list[Taken], received_ms: int, peer: Peer, answers: list[bytes]) -> None:
        """Take frames that were read the short way into the current tick, and the answers they get."""
        batch = self._batch
        add, size = batch.builder.add_run, 0
        for one in taken:
            add(one.raw, received_ms, one.layout, one.at_ms, one.values, one.flags)
            size += len(one.raw)
        batch.size += size
        if answers:
            batch.answers.setdefault(peer, []).extend(answers)
        self._wake.set()
        if batch.size >= self._most // 8:
            self._quick.set()

    @property
    def settled(self) -> asyncio.Event:
        """Set when the frame added last is written and answered, or given up."""
        return self._batch.settled

    async def run(self) -> None:
        """Commit until cancelled."""
        while True:
            await self._wake.wait()
            await self._pause(self._tick_s)
            await self.flush(self._retry_s)

    async def flush(self, retry_s: float) -> None:
        """Commit what is held now; return when it is written or given up."""
        async with self._lock:
            batch, self._batch = self._batch, _Batch()
            self._wake.clear()
            self._quick.clear()
            if batch.builder.frames:
                self._writing = batch.size
                written = await self._write(batch, retry_s)
                self._writing = 0
                if not self.full:
                    self._relieved()
                batch.settled.set()
                if written:
                    self.blocks += 1
                    for peer, answers in batch.answers.items():
                        peer.answer(b"".join(answers))
                else:
                    self.dropped += batch.builder.frames

    async def _write(self, batch: _Batch, retry_s: float) -> bool:
        block = batch.builder.build()
        body = encode(block) if batch.size < LARGE_BLOCK else await asyncio.to_thread(encode, block)
        deadline = time.monotonic() + retry_s
        pause, again = FIRST_PAUSE_S, False
        while True:
            try:
                if not (again and await self._written(body)):
                    again = True
                    await self._append(body)
            except Exception as error:  # whatever the reason, not written means not answered
                self._note(f"{type(error).__name__}: {error}")
            else:
                self._note("")
                return True
            if time.monotonic() + pause >= deadline:
                log.error("%d frames given up unanswered: %s", batch.builder.frames, self.trouble)
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _pause(self, seconds: float) -> None:
        """Wait for the tick, or less if much has come in."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._quick.wait()

    def _note(self, trouble: str) -> None:
        if trouble and not self.trouble:
            log.warning("readings cannot be written, nothing is answered: %s", trouble)
        elif self.trouble and not trouble:
            log.warning("readings can be written again")
        self.trouble = trouble
