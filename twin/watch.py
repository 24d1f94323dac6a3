"""Watching: blocks of readings in, anomalies and incidents out, into records and events.

Everything that must be told waits in an outbox until the records and the stream have taken it, so a server
that is away costs time and nothing else. What has been read stays unacknowledged for as long.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from geodata.places import Park
from twin.blocks import Block, decode
from twin.clock import LIVE as LIVE_CLOCK
from twin.clock import ClockState, as_datetime, park_ms, wall_ms
from twin.containment import Containment
from twin.detect.alarms import Alarms, Change
from twin.detect.bank import Bank
from twin.detect.columns import Columner
from twin.detect.moving import Move
from twin.detect.table import Table
from twin.errors import MissingError, UnavailableError
from twin.incidents import LIVE, Incidents, Outcome
from twin.model import Anomaly, Event, GateState, Incident, IncidentState, Point, from_json, to_json
from twin.park_watch import Present
from twin.reach import Reach
from twin.records import Records
from twin.stream import Entry, Stream

WARM_PARK_S = 4 * 3600.0  # of park time the detectors are warmed with
WARM_MOST_S = 2 * 3600.0  # of wall time
WARM_SPARE_S = 300.0  # of wall time: what was sent before a drill's clock ran
BATCH = 512  # entries decoded at once when warming
JUMP_MS = 30 * 60_000  # park time that goes on by so much more than its speed explains has jumped
ENDED = (IncidentState.CLOSED, IncidentState.FAULT)
log = logging.getLogger(__name__)


class Sight(NamedTuple):
    """What a watch makes of a park before it looks at it."""

    park: Park
    columner: Columner
    bank: Bank
    alarms: Alarms
    reach: Reach
    containment: Containment

    @classmethod
    def of(cls, present: Present) -> Sight:
        """Build everything; takes a while for a large park, and touches nothing that is in use."""
        park, network, limits = present
        points = [Point(s.id, f) for s in park.stations for f in s.factors]
        bank = Bank(Table.of(park, points, limits))
        return cls(
            park,
            Columner(park, points),
            bank,
            Alarms(bank),
            Reach.of(park, network),
            Containment(park, network),
        )


class Watch:
    """One park's detectors and incidents, fed with entries of the readings stream.

    Parameters
    ----------
    park : Park or Sight
        Of a park the demo's own limits are read.
    patience : callable
        Called with a function that may raise `UnavailableError`; calls it until it succeeds.
    """

    def __init__(
        self,
        park: Park | Sight,
        stream: Stream,
        records: Records,
        patience: Callable[[Callable[[], str]], str] = lambda call: call(),
    ) -> None:
        sight = park if isinstance(park, Sight) else Sight.of(Present.of(park))
        self._stream, self._records = stream, records
        self.version = sight.park.version
        self._columner, self.bank, self.alarms = sight.columner, sight.bank, sight.alarms
        self.incidents = Incidents(
            sight.park,
            self.alarms,
            sight.reach,
            sight.containment,
            lambda at: patience(lambda: records.next_incident_id(at)),
            lambda: self._clock.drill,
        )
        self._clock: ClockState = LIVE_CLOCK
        self._looked_wall_ms = 0
        self._looked_park_ms = 0
        self._outbox: deque[Callable[[], None]] = deque()
        self._warm_to = (0, 0)

    def now_ms(self) -> int:
        """Park time now, epoch milliseconds."""
        return park_ms(self._clock)

    def renew(self, sight: Sight) -> None:
        """Go on with another version of the park: what was learnt, and every open incident, is kept.

        Anomalies at points that the park no longer has are told as ended.
        """
        now = self.now_ms()
        move = Move.between(self.bank.table, sight.bank.table)
        sight.bank.carry(self.bank, move)
        lost = sight.alarms.carry(self.alarms, move, now)
        self.incidents.renew(sight.park, sight.alarms, sight.reach, sight.containment, move)
        self._columner, self.bank, self.alarms = sight.columner, sight.bank, sight.alarms
        log.info("park %s instead of %s", sight.park.version, self.version)
        self.version = sight.park.version
        self._tell(lost)

    # beginning --------------------------------------------------------------------------------------------

    def warm(self) -> int:
        """Learn from what the stream holds, silently, then take over from the records; returns readings read.

        Anomalies that began or ended while nobody watched are told now. Entries read here are passed over
        when the consumer group delivers them.
        """
        self._clock = self._stream.clock()
        speed = max(self._clock.speed, 1.0) if self._clock.drill else 1.0
        back_s = min(WARM_PARK_S / speed + WARM_SPARE_S, WARM_MOST_S)
        after, seen = str(wall_ms() - round(back_s * 1000)), 0
        while entries := self._stream.since("readings", after, BATCH):
            after = entries[-1].id
            seen += self._learn([b for e in entries if (b := _block(e)) is not None])
        known = self._records.anomalies(open_only=True)
        incidents = self._records.incidents(states=LIVE)
        theirs = {i.id: self._records.anomalies(incident=i.id) for i in incidents}
        self._warm_to = max(_place(after), self._warm_to)
        self._take_over(known, incidents, theirs)  # from here on nothing asks a server
        return seen

    def _learn(self, blocks: Sequence[Block]) -> int:
        readings, means = self._columner.read(blocks)
        self.bank.prime(*means, self.now_ms())
        self.bank.step(*readings, self.now_ms())
        return len(readings.point)

    def _take_over(
        self, known: list[Anomaly], incidents: list[Incident], theirs: Mapping[str, list[Anomaly]]
    ) -> None:
        now = self.now_ms()
        self._tell(self.alarms.adopt(known))
        self.bank.tick(now)
        odd = self.bank.odd
        odd[list(self.alarms.open)] = True
        self._tell(self.alarms.refresh(odd.nonzero()[0], now))
        self.incidents.restore(incidents, lambda of: theirs[of])
        self._say(self.incidents.update(now))

    # readings ---------------------------------------------------------------------------------------------

    def take(self, entries: Iterable[Entry]) -> int:
        """Take in new entries; returns how many readings were in them.

        Raises
        ------
        UnavailableError
            Not everything could be told yet; `flush` goes on with it.
        """
        blocks = [b for e in entries if _place(e.id) > self._warm_to and (b := _block(e)) is not None]
        readings, means = self._columner.read(blocks)
        now = self.now_ms()
        if len(means.point):
            self.bank.prime(*means, now)
        if len(readings.point):
            touched = self.bank.step(*readings, now)
            self._tell(self.alarms.refresh(touched, now))
            self._say(self.incidents.update(now))
        self.flush()
        return len(readings.point)

    def tick(self) -> None:
        """Look at what changes with time alone; call it once or twice a second.

        Raises
        ------
        UnavailableError
            The stream or the records are away; call again.
        """
        self.flush()
        self._follow_clock(self._stream.clock())
        now = self.now_ms()
        self._tell(self.alarms.refresh(self.bank.tick(now), now))
        for case in list(self.incidents.cases):
            known = self._records.incident(case.incident.id)
            if known is not None and known.state in ENDED:
                self.incidents.drop(known.id)
        if self.incidents.cases:
            self._say(self.incidents.review(now, self._gates(), self._records.plans))
        self.flush()

    def _follow_clock(self, clock: ClockState) -> None:
        """Begin again when park time has jumped: another drill has been started."""
        wall = wall_ms()
        now = park_ms(clock, wall)
        fastest = max(self._clock.speed, clock.speed, 1.0)
        expected = self._looked_park_ms + (wall - self._looked_wall_ms) * fastest
        jumped = self._looked_park_ms and not self._looked_park_ms - JUMP_MS < now < expected + JUMP_MS
        old = self._looked_park_ms
        self._clock, self._looked_wall_ms, self._looked_park_ms = clock, wall, now
        if not jumped:
            return
        log.info("park time has jumped: detectors begin again")
        odd = self.bank.restart()
        self._say(self.incidents.finish(old))
        self._tell(self.alarms.refresh(odd, old))

    def _gates(self) -> Mapping[str, float]:
        body = self._stream.get("gates")
        states = [] if body is None else from_json(body, list[GateState])
        return {g.gate: g.position for g in states if g.position is not None and not g.moving}

    # telling ----------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write and tell what waits, oldest first.

        Raises
        ------
        UnavailableError
            The records or the stream are away; what waits is kept.
        """
        while self._outbox:
            self._outbox[0]()
            self._outbox.popleft()

    def _say(self, outcome: Outcome) -> None:
        for incident, event in outcome.incidents:
            self._outbox.append(partial(self._write_incident, incident, event))
        self._tell(outcome.anomalies)

    def _tell(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self._outbox.append(partial(self._write_anomaly, change))

    def _write_anomaly(self, change: Change) -> None:
        anomaly = change.anomaly
        self._records.put_anomaly(anomaly)
        if change.event:
            at = anomaly.until or as_datetime(self.now_ms())
            self._stream.append("events", to_json(Event(change.event, at, anomaly.id)))

    def _write_incident(self, incident: Incident, event: str) -> None:
        try:
            self._records.change_incident(
                incident.id, lambda before: before if before.state in ENDED else incident
            )
        except MissingError:
            self._records.put_incident(incident)
        self._stream.append("events", to_json(Event(event, incident.updated, incident.id)))


def _place(id: str) -> tuple[int, int]:
    """Order of entry ids as numbers."""
    ms, _, n = id.partition("-")
    return int(ms), int(n or 0)


def _block(entry: Entry) -> Block | None:
    """Read an entry; one that cannot be read is history's to keep, and must not stop the watch."""
    try:
        return decode(entry.body)
    except Exception:  # whatever is wrong with its bytes
        log.warning("entry %s of the readings cannot be read", entry.id)
        return None


def patient(stopped: Callable[[], bool], wait_s: float = 0.5) -> Callable[[Callable[[], str]], str]:
    """Return what calls a function until it succeeds or the process is told to stop."""

    def call(function: Callable[[], str]) -> str:
        while True:
            try:
                return function()
            except UnavailableError:
                if stopped():
                    raise
                time.sleep(wait_s)

    return call
