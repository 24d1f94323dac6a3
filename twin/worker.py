"""The two loops that think: `watch` makes incidents of readings, `advise` plans and commands of incidents.

Each runs until SIGTERM or Ctrl-C, tells once a second that it lives, outlasts a stream server or database
that is away, and after a restart goes on with what it had taken and not finished.
"""

from __future__ import annotations

import json
import logging
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing

from geodata import park as parks
from twin.clock import wall_ms
from twin.config import Config
from twin.errors import UnavailableError
from twin.history import Writer
from twin.records import Records
from twin.stream import Entry, Name, Stream
from twin.watch import Watch, patient

WAIT_MS = 100  # wall time a loop waits for entries
TICK_S = 0.5  # wall time between looks at what changes with time alone
BEAT_S = 1.0
AWAY_S = 0.5  # wall time between tries while a server is away
COUNT = 64  # entries taken at once
CONSUMER = "1"  # one worker of each role; a second one would only wait
log = logging.getLogger(__name__)


def watch(config: Config, stop: threading.Event | None = None) -> None:
    """Run the watch: detectors, incidents and the history writer, until told to stop.

    Parameters
    ----------
    config : Config
    stop : threading.Event, optional
        Ends the loop when set; without it SIGTERM and Ctrl-C do.

    Raises
    ------
    TwinError
        A setting is wrong; being away of a server never raises.
    """
    stop = stop or _until_signal()
    park = parks.read(config.park)
    with closing(Stream(config.redis)) as stream, closing(Records(config.db)) as records:
        _outlast(stop, records.create)
        _outlast(stop, lambda: stream.join("readings", "watch"))
        if stop.is_set():
            return
        it = Watch(park, stream, records, patient(stop.is_set))
        with Companion("history", stop, lambda: _write_history(config, stop)):
            _outlast(stop, it.warm)
            _follow_readings(it, stream, stop)


def _follow_readings(it: Watch, stream: Stream, stop: threading.Event) -> None:
    inbox = Inbox(stream, ("readings",), "watch")
    tick, beat = Every(TICK_S), Every(BEAT_S)
    while not stop.is_set():
        try:
            entries = inbox.take()
            it.take(entry for _, entry in entries)
            inbox.done(entries)
            if tick.due():
                it.tick()
            if beat.due():
                _beat(stream, "watch")
        except UnavailableError as error:
            inbox.away(error)
            stop.wait(AWAY_S)


def _write_history(config: Config, stop: threading.Event) -> None:
    """Move readings from the stream to Parquet, at the writer's own pace."""
    writer = Writer(config.history, config.keep_hours)
    with closing(Stream(config.redis)) as stream:
        while not stop.wait(1.0):
            try:
                writer.step(stream)
            except UnavailableError as error:
                log.warning("history waits: %s", error)
                stop.wait(AWAY_S)


class Inbox:
    """Entries of some streams for one consumer: first what it took and never finished, then new ones."""

    def __init__(self, stream: Stream, names: tuple[Name, ...], group: str) -> None:
        self._stream, self._names, self._group = stream, names, group
        self._again = True
        self._told = False

    def take(self, wait_ms: int = WAIT_MS) -> list[tuple[Name, Entry]]:
        """Return entries not yet done, oldest first, waiting at most `wait_ms` for one."""
        if self._again:
            got = [
                (name, entry)
                for name in self._names
                for entry in self._stream.pending(name, self._group, CONSUMER, count=COUNT)
            ]
            if got:
                return got
            self._again = False
        taken = self._stream.take(self._names, self._group, CONSUMER, count=COUNT, wait_ms=wait_ms)
        self._told = False
        return taken

    def done(self, entries: list[tuple[Name, Entry]]) -> None:
        """Say that entries are dealt with."""
        for name in self._names:
            self._stream.ack(name, self._group, [e.id for n, e in entries if n == name])

    def away(self, error: Exception) -> None:
        """Note that a server is away: what was taken is read again when it is back."""
        self._again = True
        if not self._told:
            log.warning("%s waits: %s", self._group, error)
            self._told = True


class Companion:
    """A thread beside a loop; if it fails the loop is stopped and the failure raised there."""

    def __init__(self, name: str, stop: threading.Event, work: Callable[[], None]) -> None:
        self._stop, self._work = stop, work
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Companion:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._stop.set()
        self._thread.join(5.0)
        if self._failure is not None and error is None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._failure = error
            self._stop.set()


class Every:
    """Tells when a wall-clock interval has passed."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._next = seconds, 0.0

    def due(self) -> bool:
        """Whether it is time again; the next interval starts now."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


def _beat(stream: Stream, role: str) -> None:
    stream.put(role, json.dumps({"at_ms": wall_ms()}).encode())


def _outlast(stop: threading.Event, call: Callable[[], object]) -> None:
    """Call until it succeeds or the process is told to stop."""
    told = False
    while not stop.is_set():
        try:
            call()
            return
        except UnavailableError as error:
            if not told:
                log.warning("waiting: %s", error)
                told = True
            stop.wait(AWAY_S)


def _until_signal() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set."""
    stop = threading.Event()
    for what in (signal.SIGTERM, signal.SIGINT):
        signal.signal(what, lambda _number, _frame: stop.set())
    return stop
