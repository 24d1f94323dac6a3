"""Advising: an incident in; who did it, what to close by when, and what that saves out.

The first ranking and plan of an incident come at once; later ones as new readings come, not more often than
people can read, and only what has changed is told. The hydraulic engine runs beside it, in its own process.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from geodata.network import CLOSED_BELOW, Network
from geodata.places import Park
from geodata.versions import Store
from geodata.words import Text
from twin import confirmed, lab
from twin.beside import Beside
from twin.clock import ParkClock, as_ms
from twin.config import Config
from twin.errors import TwinError
from twin.fingerprints import in_force, latest
from twin.floodlock import FloodBook
from twin.history.reader import History
from twin.incidents import LIVE
from twin.model import (
    Anomaly,
    AuditLine,
    CommandState,
    Event,
    GateState,
    Incident,
    PlanSet,
    Ranking,
    from_json,
    to_json,
)
from twin.park_watch import Present
from twin.plan.afterwards import Review, review
from twin.plan.look import Look
from twin.plan.mass import came_kg
from twin.plan.news import news_of_plans, news_of_ranking, steady, what_ifs
from twin.plan.strokes import with_measured
from twin.records import Records
from twin.stream import Stream
from twin.trace import reading
from twin.trace.carriage import Carriage
from twin.trace.change import clear, explain, leader
from twin.trace.rank import rank
from twin.trace.valves import Stood

LEAST_WALL_S = 2.0  # between two rankings of one incident
LEAST_PARK_S = 60.0
READY_S, READY_BACK_MS = 3.0, 600_000  # wall time between looks at history when idle; how far back
AFTER_FAILURE_S = 10.0
FAILED_FOR = timedelta(hours=24)  # a gate that failed is not counted on for so long, unless it moves again
log = logging.getLogger(__name__)


class Make(Protocol):
    """Makes gate plans; `twin.plan.plans.make` is one."""

    def __call__(
        self,
        park: Park,
        network: Network,
        ranking: Ranking,
        incident: Incident,
        gates: Sequence[GateState],
        config: Config,
        now: datetime,
        *,
        locked: Collection[str],
        anomalies: Sequence[Anomaly],
        look: Look | None,
    ) -> PlanSet:
        """Return every plan for an incident at a moment."""


class Simulate(Protocol):
    """Says what a plan saves."""

    def __call__(
        self,
        plans: PlanSet,
        ranking: Ranking,
        incident: Incident,
        gates: Sequence[GateState],
        told: Callable[[Look], None],
    ) -> Look:
        """Run the hydraulic engine on doing nothing, on the plans and on other sets; takes seconds.

        Calls `told` with what doing nothing and the plans come to as soon as it knows.
        """


@dataclass(slots=True)
class Brief:
    """What was last found for an incident."""

    ranking: Ranking | None = None
    plans: PlanSet | None = None
    park_ms: int = 0
    wall: float = float("-inf")
    waits: bool = True  # something has happened since
    asked: tuple[str, ...] = ()  # what the engine was last asked
    late: set[str] = field(default_factory=set)  # gates of plans that have become too late so far
    first: Look | None = None  # what it said of the plans as they were asked, while it looks on
    look: Look | None = None  # what it answered
    scored: tuple[list[str], int] = field(default_factory=lambda: ([], 0))  # commands ended, what-ifs
    rival: str = ""  # who led last time, too narrowly to be told
    told: tuple[object, ...] = ()  # of which answer and plans what-ifs are on record


class Advise:
    """One park's advice, kept up to date by `step`."""

    def __init__(
        self,
        config: Config,
        park: Park,
        stream: Stream,
        records: Records,
        history: History,
        clock: ParkClock,
        make: Make,
        simulate: Simulate,
        network: Network | None = None,
    ) -> None:
        self._config, self._park = config, park
        self._network = network or Network.from_park(park)
        self._stream, self._records, self._history, self._clock = stream, records, history, clock
        self._make, self._simulate = make, simulate
        self._carriage = Carriage()
        self._briefs: dict[str, Brief] = {}
        self._ended: deque[str] = deque()  # incidents that are over and not yet reviewed
        self._looked = False
        self._ready_until, self._kept = 0.0, ""
        self._engine = Beside()

    @property
    def version(self) -> str:
        """The version of the park that advice is made of now."""
        return self._park.version

    def renew(self, present: Present) -> None:
        """Make advice of another version of the park from now on, and look at every incident again."""
        self._park, self._network = present.park, present.network
        for brief in self._briefs.values():
            brief.waits = True
        log.info("park %s from now on", self.version)

    def note(self, event: Event) -> None:
        """Take notice of an event; what it asks for is done by `step`."""
        if event.kind in ("incident.opened", "incident.updated", "result.entered"):
            self._briefs.setdefault(event.about, Brief()).waits = True
        elif event.kind == "incident.closed":
            self._briefs.pop(event.about, None)
            self._ended.append(event.about)
        elif event.kind in ("gate.changed", "flood.changed", "command.changed"):
            for brief in self._briefs.values():
                brief.waits = True

    def step(self) -> bool:
        """Do the most urgent piece of work, if any is due; tells whether it did.

        Raises
        ------
        UnavailableError
            A server is away; nothing is lost, call again.
        """
        if not self._looked:  # incidents that were open before this process
            for known in self._records.incidents(states=LIVE):
                self._briefs.setdefault(known.id, self._recall(known.id))
            self._looked = True
        self._gather()
        while self._ended:
            self._review(self._ended[0], final=True)
            self._ended.popleft()
        urgent = self._most_urgent()
        if urgent is None:
            self._stay_ready()
            return False
        incident = self._records.incident(urgent)
        if incident is None or incident.state not in LIVE:
            self._briefs.pop(urgent, None)
            return False
        brief = self._briefs[urgent]
        try:
            self._brief(incident, brief)
        except TwinError:
            raise
        except Exception:  # one incident without advice must not stop the others, nor the gates
            log.exception("no advice on %s this time", urgent)
            brief.wall = time.monotonic() + AFTER_FAILURE_S
        return True

    def _stay_ready(self) -> None:
        """Have history read on while there is nothing to do, so that the first advice need not catch up."""
        wall = time.monotonic()
        if wall >= self._ready_until:
            now_ms = self._clock.now_ms()
            self._history.latest(now_ms, READY_BACK_MS)
            self._ready_until = wall + READY_S
            self._keep_park()

    def _keep_park(self) -> None:
        """Keep the file of the park that a ranking was made of, so that it can be made again (`rerun`)."""
        made_of = {b.ranking.park_version for b in self._briefs.values() if b.ranking}
        if self.version in made_of and self._kept != self.version:
            self._kept = self.version  # once: what cannot be written now is not tried at every rest
            try:
                Store(self._config.versions).keep(self._park)
            except OSError as error:
                log.warning("the park %s could not be kept: %s", self.version, error)

    def _review(self, id: str, *, final: bool) -> Review | None:
        """Put on record how an incident's advice did: told against seen; kept per incident."""
        records, now = self._records, self._clock.now()
        plansets, incident = records.plansets(id), records.incident(id)
        if not plansets or incident is None:
            return None
        whatifs = records.whatifs(id)
        came: dict[str, float] = {}
        if whatifs:
            window = self._history.window(as_ms(reading.since(incident.opened, now)), as_ms(now))
            came = came_kg(self._park, self._network, window, incident, whatifs[-1].factor)
        found = review(
            self._park,
            self._network,
            id,
            plansets,
            records.anomalies(incident=id),
            records.commands(incident=id),
            whatifs,
            records.rankings(id),
            came,
            at=now,
            final=final,
        )
        records.put_paper("review", id, id, now, found)
        if final:
            records.audit(AuditLine(now, "advise", "incident.review", id, found.told()))
        self._tell("review.ready", id, now)
        return found

    def _recall(self, id: str) -> Brief:
        return Brief(ranking=self._records.ranking(id), plans=self._records.plans(id))

    def _most_urgent(self) -> str | None:
        """The incident that most wants looking at: one without any advice first."""
        now_ms, wall = self._clock.now_ms(), time.monotonic()
        due = []
        for name, brief in self._briefs.items():
            rested = wall - brief.wall >= LEAST_WALL_S
            if brief.ranking is None and rested:
                return name
            if rested and (brief.waits or abs(now_ms - brief.park_ms) >= LEAST_PARK_S * 1000):
                due.append((brief.wall, name))
        return min(due)[1] if due else None

    # one incident -----------------------------------------------------------------------------------------

    def _brief(self, incident: Incident, brief: Brief) -> None:
        began = time.monotonic()
        now = self._clock.now()
        brief.waits = False
        incident = self._in_this_park(incident)
        anomalies = self._records.anomalies(incident=incident.id)
        gates = self._gates()
        found = self._rank(incident, anomalies, gates, now)
        if brief.ranking is None or self._is_news(brief, brief.ranking, found):
            change = explain(brief.ranking, found, self._names()) if brief.ranking else None
            brief.ranking = replace(found, change=change)
            self._records.put_ranking(brief.ranking)
            self._tell("ranking.ready", incident.id, now)
        made = self._make(
            with_measured(self._park, self._records.commands(states=(CommandState.DONE,))),
            self._network,
            brief.ranking,
            incident,
            gates,
            self._config,
            now,
            locked=FloodBook(self._records).locked(self._network.gates, incident.id),
            anomalies=anomalies,
            look=brief.look,
        )
        plans = steady(brief.plans, made)
        if brief.plans is None or news_of_plans(brief.plans, plans):
            self._records.put_plans(plans)
            self._tell("plan.ready", incident.id, now)
            brief.plans = plans
        self._tell_what_ifs(brief)
        self._score(incident.id, brief)
        brief.park_ms, brief.wall = as_ms(now), time.monotonic()
        log.info("advice on %s after %.2f s", incident.id, brief.wall - began)
        self._ask(incident, brief, gates)

    def _score(self, id: str, brief: Brief) -> None:
        """Score an incident that still goes on, each time one of its gates has been moved or has failed."""
        ended = (CommandState.DONE, CommandState.FAILED)
        ends = sorted(c.id for c in self._records.commands(incident=id, states=ended))
        answers = len(self._records.whatifs(id)) if ends else 0
        if ends and (ends, answers) != brief.scored:
            self._review(id, final=False)
            brief.scored = (ends, answers)

    def _rank(
        self, incident: Incident, anomalies: Sequence[Anomaly], gates: Sequence[GateState], now: datetime
    ) -> Ranking:
        stood = self._as_it_was(incident.id, gates)
        library, since = latest(self._records), reading.since(incident.opened, now)
        return rank(
            in_force(self._park, library),
            self._network.with_gates(stood),
            reading.observations(self._history, self._park, since, now),
            incident,
            anomalies,
            now,
            results=lab.of(self._records, incident.id),
            gates=stood,
            carriage=self._carriage,
            library=library,
            stood=Stood.of(self._records.gate_rows(since, now), self._park.devices),
            before=confirmed.before(self._records, incident.id, drill=incident.drill),
        )

    @staticmethod
    def _is_news(brief: Brief, old: Ranking, found: Ranking) -> bool:
        """Tell whether a ranking is to be told; a change of leader within noise must be found twice."""
        rival, brief.rival = brief.rival, ""
        if not clear(old, found) and rival != leader(found):
            brief.rival = leader(found)
            return False
        return news_of_ranking(old, found)

    def _names(self) -> dict[str, Text]:
        return {e.id: e.short for e in self._park.enterprises}

    def _in_this_park(self, incident: Incident) -> Incident:
        """The incident without the stations that the park no longer has."""
        known = {s.id for s in self._park.stations}
        return replace(incident, stations=tuple(s for s in incident.stations if s in known))

    def _gates(self) -> list[GateState]:
        body = self._stream.get("gates")
        states = [] if body is None else from_json(body, list[GateState])
        failed = self._failed(states)
        ours = [g for g in states if g.gate in self._network.gates]
        silent = failed & set(self._network.gates) - {g.gate for g in ours}
        unknown = [GateState(g, None, False, True, self._clock.now()) for g in sorted(silent)]
        return [replace(g, failed=True) if g.gate in failed else g for g in ours] + unknown

    def _failed(self, states: Iterable[GateState]) -> set[str]:
        """Gates whose last command failed and that do not stand where it wanted them: not counted on again.

        Many controllers do not know that their gate is stuck, or say nothing at all.
        """
        moved = self._records.commands(states=MOVED)
        last = {c.gate: c for c in sorted(moved, key=lambda c: (c.sent_at or c.proposed_at, c.number))}
        at = {g.gate: g.position for g in states}
        return {
            g
            for g, c in last.items()
            if c.state is CommandState.FAILED
            and self._clock.now() - (c.sent_at or c.proposed_at) < FAILED_FOR
            and ((p := at.get(g)) is None or abs(p - c.target) > CLOSED_BELOW)
        }

    def _as_it_was(self, incident: str, gates: Iterable[GateState]) -> Mapping[str, float]:
        """Gates as they stood when the plume came: those that its own commands moved count as usual."""
        ours = {c.gate for c in self._records.commands(incident=incident) if c.state in MOVED}
        usual = {g.id: g.normal_position for g in self._park.gates}
        known = {g.gate: g.position for g in gates if g.position is not None and g.gate in usual}
        return {g: usual[g] if g in ours else p for g, p in known.items()}

    def _tell(self, kind: str, about: str, at: datetime) -> None:
        self._stream.append("events", to_json(Event(kind, at, about)))

    # the engine -------------------------------------------------------------------------------------------

    def _ask(self, incident: Incident, brief: Brief, gates: Sequence[GateState]) -> None:
        """Have the engine look, once for each leading suspect, state of the gates and deadline gone by."""
        if brief.plans is None or brief.ranking is None or self._engine.busy:
            return
        if not brief.plans.plans or not brief.ranking.suspects:
            return
        leader = brief.ranking.suspects[0].enterprise
        stands = sorted(g.gate for g in gates if g.failed or (g.position is not None and not g.moving))
        shut = sorted(g.gate for g in gates if g.position is not None and g.position < CLOSED_BELOW)
        brief.late |= {m.gate for p in brief.plans.plans for m in p.moves if m.too_late}
        question = (leader, self.version, *stands, "shut", *shut, "late", *sorted(brief.late))
        if question == brief.asked:
            return
        brief.asked = question
        plans, ranking = brief.plans, brief.ranking
        self._engine.ask(lambda told: self._simulate(plans, ranking, incident, gates, told))

    def _gather(self) -> None:
        """Take what the engine has said; plans are made again at once with the whole of it.

        What it says of the plans before that is told beside them and changes none.
        """
        for look, whole in self._engine.heard():
            brief = self._briefs.get(look.incident)
            if brief is None:
                continue
            if whole:
                brief.look, brief.first, brief.waits, brief.wall = look, None, True, float("-inf")
            else:
                brief.first = look
                self._tell_what_ifs(brief)

    def _tell_what_ifs(self, brief: Brief) -> None:
        """Write what the engine says of the plans that are on the page now, when either has changed."""
        look = brief.first or brief.look
        if look is None or brief.plans is None:
            return
        found = what_ifs(look, brief.plans)
        sets = [(p.id, *(m.gate for m in p.moves)) for p in brief.plans.plans]
        told = (look.at, look is brief.first, *sets)
        if told == brief.told:
            return
        brief.told = told
        for answer in found:
            self._records.put_whatif(answer)
        if found:
            self._tell("whatif.ready", look.incident, self._clock.now())


MOVED = (CommandState.SENT, CommandState.MOVING, CommandState.DONE, CommandState.FAILED)
