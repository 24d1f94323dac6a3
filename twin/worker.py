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
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from functools import partial
from typing import TYPE_CHECKING

from twin.advise import Advise
from twin.clock import LIVE, ParkClock, wall_ms
from twin.config import Config
from twin.control import Control
from twin.control_modbus import Plc
from twin.duties import Duties
from twin.errors import MissingError, UnavailableError
from twin.gate_log import GateLog
from twin.gatehouse import Gatehouse, Houses
from twin.history.reader import History
from twin.history.writer import Writer
from twin.in_order import InOrder
from twin.model import CommandState, Event, GateState, Incident, Order, PlanSet, Ranking, from_json
from twin.park_file import present_path
from twin.park_watch import ParkWatch, Present, Renewal
from twin.plan import plans
from twin.plan.look import Look
from twin.plan.strokes import with_measured
from twin.quality import rules
from twin.records import Records
from twin.stream import Entry, Name, Stream
from twin.watch import Sight, Watch, patient

if TYPE_CHECKING:
    from twin.drafts import Drafts

WAIT_MS = 100  # wall time a loop waits for entries
TICK_S = 0.5  # wall time between looks at what changes with time alone
BEAT_S = 1.0
AWAY_S = 0.5  # wall time between tries while a server is away
COUNT = 64  # entries taken at once
BUSY_S, IDLE_S = 0.1, 0.25  # wall time between looks at the gates, while one moves and else
ADVISED: tuple[Name, ...] = ("events",)
ORDERED: tuple[Name, ...] = ("commands",)
GROUPS: tuple[tuple[Name, str], ...] = (("events", "advise"), ("commands", "control"), ("commands", "drafts"))
CONSUMER = "1"  # of roles that run once
DETECTING, WRITING = "detecting", "writing"  # duties of the watch
DUTY_LOOK_S = 0.05
Taken = tuple[Name, Entry]
log = logging.getLogger(__name__)


def watch(config: Config, stop: threading.Event | None = None) -> None:
    """Run the watch: detectors, incidents and the history writer, until told to stop.

    Of several such processes one has the detectors and incidents, which must see the whole park, and one,
    another if there is another, writes the history; who dies is followed by who is left.

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
    parks = ParkWatch(config.parks, config.limits, config.flows)
    renewal = Renewal(parks, Sight.of)
    with closing(Stream(config.redis)) as stream, closing(Records(config.db)) as records:
        _outlast(stop, records.create)
        _outlast(stop, lambda: stream.join("readings", "watch"))
        if stop.is_set():
            return
        duties = Duties("watch", config.member, (DETECTING, WRITING))
        with (
            Companion("duties", stop, lambda: duties.run(config.redis, stop)),
            Companion("history", stop, lambda: _write_history(config, duties, stop)),
            Companion("park", stop, lambda: renewal.run(stop)),
        ):
            while not stop.wait(DUTY_LOOK_S):
                if duties.has(DETECTING):
                    it = Watch(Sight.of(parks.present), stream, records, patient(stop.is_set))
                    _outlast(stop, partial(stream.claim, "readings", "watch", config.member))
                    _outlast(stop, it.warm)
                    inbox = Inbox(stream, ("readings",), "watch", config.member)
                    _follow_readings(it, inbox, stream, renewal, lambda: duties.has(DETECTING), stop)


def _follow_readings(
    it: Watch,
    inbox: Inbox,
    stream: Stream,
    renewal: Renewal[Sight],
    on_duty: Callable[[], bool],
    stop: threading.Event,
) -> None:
    tick, beat = Every(TICK_S), Every(BEAT_S)
    while not stop.is_set() and on_duty():
        sight = renewal.take()
        if sight is not None:
            it.renew(sight)
        try:
            entries = inbox.take()
            it.take(entry for _, entry in entries)
            inbox.done(entries)
            if tick.due():
                it.tick()
            if beat.due():
                _beat(stream, "watch", it.version, renewal.trouble)
        except UnavailableError as error:
            inbox.away(error)
            stop.wait(AWAY_S)


def advise(config: Config, stop: threading.Event | None = None) -> None:
    """Run the advice: rankings, plans and what-ifs of incidents, and commands to gates, until told to stop.

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
    from twin.drafts import Drafts, comparer  # brings the hydraulic engine, which the watch does not need

    stop = stop or _until_signal()
    parks = ParkWatch(config.parks, config.limits, config.flows)
    renewal = Renewal(parks, lambda present: present)
    park, network, _ = parks.present
    with ExitStack() as stack:
        stream, beside, behind, aside = (stack.enter_context(closing(Stream(config.redis))) for _ in range(4))
        records = stack.enter_context(closing(Records(config.db)))
        history = stack.enter_context(closing(History(config.history, behind)))
        _outlast(stop, records.create)
        for name, group in (
            *((n, "advise") for n in ADVISED),
            *((n, "control") for n in ORDERED),
            *((n, "drafts") for n in ORDERED),
        ):
            _outlast(stop, partial(stream.join, name, group))
        clock = KnownClock(beside)
        _outlast(stop, clock.look)
        plc = stack.enter_context(closing(_gatehouse(config)))
        control = Control(park, records, beside, clock.park, plc)
        simulate = partial(_look, config, records)
        it = Advise(config, park, stream, records, history, clock.park, plans.make, simulate, network)

        def renew(present: Present) -> None:
            it.renew(present)
            control.renew(present.park)

        drafts = Drafts(records, aside, clock.park, comparer(config, records, aside))
        with (
            Companion("control", stop, lambda: _drive(control, clock, beside, GateLog(records), stop)),
            Companion("drafts", stop, lambda: _try(drafts, aside, stop)),
            Companion("park", stop, lambda: renewal.run(stop)),
        ):
            _follow_events(it, stream, renewal, renew, stop)


def _follow_events(
    it: Advise,
    stream: Stream,
    renewal: Renewal[Present],
    renew: Callable[[Present], None],
    stop: threading.Event,
) -> None:
    inbox, beat = Inbox(stream, ADVISED, "advise"), Every(BEAT_S)
    while not stop.is_set():
        present = renewal.take()
        if present is not None:
            renew(present)
        try:
            taken = inbox.take()
            for _, entry in taken:
                _note(it, entry)
            inbox.done(taken)
            it.step()
            if beat.due():
                _beat(stream, "advise", it.version, renewal.trouble)
        except UnavailableError as error:
            inbox.away(error)
            stop.wait(AWAY_S)


def _note(it: Advise, entry: Entry) -> None:
    try:
        it.note(from_json(entry.body, Event))
    except ValueError as error:
        log.warning("event %s cannot be read: %s", entry.id, error)


def _drive(control: Control, clock: KnownClock, stream: Stream, kept: GateLog, stop: threading.Event) -> None:
    """Take orders and look after the gates, often while one moves; an order never waits for a thought.

    While the stream is away no order comes, but strokes under way are still followed.
    """
    inbox, desk = Inbox(stream, ORDERED, "control"), Desk(control)
    while not stop.is_set():
        try:
            clock.look()
            inbox.done(desk.take(inbox.take(round((BUSY_S if control.busy else IDLE_S) * 1000))))
        except UnavailableError as error:
            inbox.away(error)
            stop.wait(AWAY_S)
        try:
            control.step()
            kept.take(control.gates, clock.park.now())
        except UnavailableError as error:
            inbox.away(error)


def _try(drafts: Drafts, stream: Stream, stop: threading.Event) -> None:
    """Take people's own closings to the engine."""
    inbox = Inbox(stream, ORDERED, "drafts")
    with closing(drafts):
        while not stop.is_set():
            try:
                taken = inbox.take(round(IDLE_S * 1000))
                for _, entry in taken:
                    with suppress(ValueError):  # said by control
                        order = from_json(entry.body, Order)
                        drafts.note(order.kind, order.about, order.by)
                inbox.done(taken)
                drafts.step()
            except UnavailableError as error:
                inbox.away(error)
                stop.wait(AWAY_S)


class KnownClock:
    """The park clock as last published; while the stream is away it goes on as it went."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self._state = stream, LIVE
        self.park = ParkClock(lambda: self._state)

    def look(self) -> None:
        """Read what is published now."""
        self._state = self._stream.clock()


class Desk:
    """Hands orders to control; one is done only when control has put on record what became of it."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._orders: dict[str, tuple[Taken, threading.Event]] = {}

    def take(self, entries: list[Taken]) -> list[Taken]:
        """Hand entries on; returns those that are done with by now."""
        done = []
        for name, entry in entries:
            if entry.id in self._orders:
                continue  # still with control
            try:
                if self._is_kept((name, entry)):
                    continue
            except ValueError as error:
                log.warning("order %s cannot be read: %s", entry.id, error)
            done.append((name, entry))
        for key, (taken, finished) in list(self._orders.items()):
            if finished.is_set():
                done.append(taken)
                del self._orders[key]
        return done

    def _is_kept(self, taken: Taken) -> bool:
        order = from_json(taken[1].body, Order)
        if order.kind == "gate.stated":
            self._control.stated()
        if order.kind != "gate.execute":
            return False  # for the drill
        self._orders[taken[1].id] = taken, self._control.execute(order.about, order.by, taken[1].at_ms)
        return True


def _gatehouse(config: Config) -> Gatehouse:
    if not config.plc_url:
        return Plc(config.plc_host, config.plc_port)
    from twin.control_opcua import OpcUaPlc
    from twin.ingest.opcua_lock import Lock

    lock = None
    if config.plc_server is not None:
        lock = Lock(config.plc_certificate, config.plc_key, config.plc_server)
    else:
        log.warning("%s does not prove who it is: whoever answers there works the gates", config.plc_url)
    some = OpcUaPlc(config.plc_url, config.plc_node, lock=lock)
    if not config.plc_units:
        return some
    return Houses(Plc(config.plc_host, config.plc_port), some, config.plc_units)


def _look(
    config: Config,
    records: Records,
    made: PlanSet,
    ranking: Ranking,
    incident: Incident,
    gates: Sequence[GateState],
    told: Callable[[Look], None],
) -> Look:
    from geodata import park as parks
    from twin.plan.checking import check  # brings the hydraulic engine, which only this needs

    park = parks.read(present_path(config.parks))
    if park.version != made.park_version:
        raise MissingError(f"the plans were made of park {made.park_version}, which is no longer there")
    shown = with_measured(park, records.commands(states=(CommandState.DONE,)))
    return check(shown, made, ranking, incident, gates, config, told=told)


def _write_history(config: Config, duties: Duties, stop: threading.Event) -> None:
    """Move readings from the stream to Parquet, at the writer's own pace."""
    keep = rules.load(config.quality).keep_days
    writer = Writer(config.history, config.keep_hours, keep_days=keep)
    with closing(InOrder(config.redis)) as stream, closing(writer):
        while not stop.wait(1.0):
            if not duties.has(WRITING):
                writer.close()  # another's now; what is left behind is read again by who comes next
                stream.forget()
                continue
            try:
                writer.step(stream)
            except UnavailableError as error:
                log.warning("history waits: %s", error)
                stop.wait(AWAY_S)


class Inbox:
    """Entries of some streams for one consumer: first what it took and never finished, then new ones."""

    def __init__(self, stream: Stream, names: tuple[Name, ...], group: str, consumer: str = CONSUMER) -> None:
        self._stream, self._names, self._group, self._consumer = stream, names, group, consumer
        self._after: dict[Name, str] = dict.fromkeys(
            names, "0"
        )  # how far what was taken before is read again
        self._told = False

    def take(self, wait_ms: int = WAIT_MS) -> list[Taken]:
        """Return entries not yet done, oldest first, waiting at most `wait_ms` for one."""
        for name, after in list(self._after.items()):
            got = self._stream.pending(name, self._group, self._consumer, after, COUNT)
            if got:
                self._after[name] = got[-1].id
                return [(name, entry) for entry in got]
            del self._after[name]
        taken = self._stream.take(self._names, self._group, self._consumer, count=COUNT, wait_ms=wait_ms)
        self._told = False
        return taken

    def done(self, entries: list[Taken]) -> None:
        """Say that entries are dealt with."""
        for name in self._names:
            self._stream.ack(name, self._group, [e.id for n, e in entries if n == name])

    def away(self, error: Exception) -> None:
        """Note that a server is away: what was taken is read again when it is back."""
        self._after = dict.fromkeys(self._names, "0")
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


def _beat(stream: Stream, role: str, park: str, trouble: str) -> None:
    """Tell that a role lives, which version of the park it works with, and why it uses no newer one."""
    body = {"at_ms": wall_ms(), "park": park, "trouble": trouble}
    stream.put(role, json.dumps(body, ensure_ascii=False).encode())


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
