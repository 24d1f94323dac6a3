"""What was not understood, on its way to the rejects stream: bounded in number, in size and in rate."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any

from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.readings import Note
from twin.stream import AsyncStream

RAW_STORED = 1024
QUEUED = 2000
KEPT = 50_000  # in the stream; the oldest give way
NOTES_STORED = 20
STORE_S = 0.25
log = logging.getLogger(__name__)


class Rejects:
    """A queue of rejects and the task that writes them.

    Parameters
    ----------
    per_s : float
        How many are written; more are only counted.
    """

    def __init__(self, stream: AsyncStream, per_s: float) -> None:
        self._stream = stream
        self._per_s = per_s
        self._budget = per_s
        self._queue: deque[dict[str, Any]] = deque()
        self.suppressed = 0
        """Rejects not stored, because too many came at once."""

    def broken(self, peer: str, mn: str | None, reason: str, raw: bytes, at_ms: int) -> None:
        """Queue bytes that were not taken in."""
        self._add({"at_ms": at_ms, "mn": mn or "", "peer": peer, "reason": reason, "hex": _hex(raw)})

    def noted(self, peer: str, packet: Packet, notes: Sequence[Note], at_ms: int) -> None:
        """Queue what was not understood in a frame that was taken in."""
        self._add(
            {
                "at_ms": at_ms,
                "mn": packet.mn or "",
                "peer": peer,
                "reason": notes[0].reason,
                "hex": _hex(packet.raw),
                "items": [f"{note.name}={note.value} ({note.reason})" for note in notes[:NOTES_STORED]],
            }
        )

    def told(
        self, peer: str, mn: str, reason: str, raw: bytes, at_ms: int, items: Sequence[str] = ()
    ) -> None:
        """Queue what another door did not understand, with the items if only some were not."""
        reject: dict[str, Any] = {"at_ms": at_ms, "mn": mn, "peer": peer, "reason": reason, "hex": _hex(raw)}
        self._add(reject | ({"items": list(items[:NOTES_STORED])} if items else {}))

    def refill(self, seconds: float) -> None:
        """Let so much time's worth of rejects be written again, twice a second's worth at most."""
        self._budget = min(self._budget + self._per_s * seconds, 2 * self._per_s)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(STORE_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what is queued, oldest first; it stays queued if that fails."""
        while self._queue:
            body = json.dumps(self._queue[0], ensure_ascii=False).encode()
            try:
                await self._stream.append("rejects", body, most=KEPT)
            except Exception as error:  # tried again soon: no reading depends on it
                log.debug("not written: %s", error)
                return
            self._queue.popleft()

    def _add(self, reject: dict[str, Any]) -> None:
        if self._budget < 1 or len(self._queue) >= QUEUED:
            self.suppressed += 1
            return
        self._budget -= 1
        self._queue.append(reject)


def _hex(raw: bytes) -> str:
    return raw[:RAW_STORED].hex()
