"""Who does what where a role runs as several processes: each duty is one process's at a time.

A duty is a name in the stream server that runs out by itself. Who holds it lengthens it several times before
that; who stops doing so, however it died, is followed by another. While the server itself is away nobody can
follow, and who has a duty keeps it. Every write behind a duty has a natural key, so a process that was only
frozen and comes back late at worst repeats what the other has written, and finds its duty gone.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress

from twin.clock import wall_ms
from twin.errors import UnavailableError
from twin.stream import Stream

HOLD_S = 6.0  # how long a duty outlives the last sign of its process
LOOKS = 4  # in that time
log = logging.getLogger(__name__)


class Duties:
    """The duties of one process of a role.

    Parameters
    ----------
    role : str
        What the processes have in common.
    member : str
        Name of this process; the same after a restart, so that it goes on at once.
    names : sequence of str
        What is to be done, the most important first.
    """

    def __init__(self, role: str, member: str, names: Sequence[str], hold_s: float = HOLD_S) -> None:
        self._role, self._member, self._names = role, member, tuple(names)
        self._hold_s = hold_s
        self._until: dict[str, float] = {}
        self._free_since: dict[str, float] = {}
        self._asking = False  # without an answer yet

    def has(self, name: str) -> bool:
        """Tell whether a duty is this process's own now."""
        until = self._until.get(name)
        return until is not None and (self._asking or time.monotonic() < until)

    def run(self, url: str, stop: threading.Event) -> None:
        """Take and keep duties until told to stop, then give them back."""
        with closing(Stream(url)) as stream:
            while not stop.is_set():
                self._asking = True
                with suppress(UnavailableError):
                    self.look(stream)
                    self._asking = False
                stop.wait(self._hold_s / LOOKS)
            with suppress(UnavailableError):
                for name in [n for n in self._names if self.has(n)]:
                    self._until.pop(name, None)
                    stream.let_go(self._key(name), self._member)

    def look(self, stream: Stream) -> None:
        """Keep what is held, take what is free, and leave something to a process that has nothing.

        Raises
        ------
        UnavailableError
            The stream server is away.
        """
        others = self._others(stream)
        for name in self._names:
            asked = time.monotonic()
            patient = self.has(name) or not others or self._waited(name, asked)
            if patient and stream.hold(self._key(name), self._member, round(self._hold_s * 1000)):
                if not self.has(name):
                    log.info("%s %s takes over %s", self._role, self._member, name)
                self._until[name] = asked + self._hold_s * (1 - 1 / LOOKS)
                self._free_since.pop(name, None)
            elif patient:
                self._until.pop(name, None)
                self._free_since.pop(name, None)
        mine = [name for name in self._names if self.has(name)]
        if len(mine) > 1 and any(not duties for duties in others.values()):
            self._until.pop(mine[-1])
            stream.let_go(self._key(mine.pop()), self._member)
        sign = {"at_ms": wall_ms(), "duties": mine}
        stream.tell(f"{self._role}.members", self._member, json.dumps(sign).encode())

    def _waited(self, name: str, now: float) -> bool:
        """Tell whether a duty may be tried for: at once by who has none, later by who has one already."""
        if not any(self.has(n) for n in self._names):
            return True
        return now - self._free_since.setdefault(name, now) > self._hold_s

    def _others(self, stream: Stream) -> dict[str, list[str]]:
        """What the other living processes have."""
        out = {}
        for member, body in stream.told(f"{self._role}.members").items():
            sign = json.loads(body)
            if member != self._member and wall_ms() - sign["at_ms"] < self._hold_s * 1000:
                out[member] = list(sign["duties"])
        return out

    def _key(self, name: str) -> str:
        return f"{self._role}.{name}"
