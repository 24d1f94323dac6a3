"""From anomalies to incidents: one pollution slug is one incident, however many points see it.

What opens one
    one station with a solid sign, see `twin.signs`: at a canal or channel, two factors that leave their
    normal together, one of them by strong evidence;
    the same single factor at two stations whose onsets fit one slug on a connected path.
What never does
    a frozen, impossible or silent instrument, and a single factor that nothing confirms.
What joins
    later or earlier signs elsewhere that the same slug, travelling at half to two and a half times the stored
    speed, can have caused.
What does not
    what a station shows after an hour of its usual water, where water never turns: the slug has passed, and
    this is another one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

import numpy as np

from geodata.places import Park
from geodata.words import Text
from twin.clock import as_datetime, as_ms
from twin.containment import Containment
from twin.detect.alarms import Alarms, Change
from twin.detect.contract import Bools, Index
from twin.detect.moving import GONE, Move
from twin.errors import RefusedError
from twin.model import Anomaly, Incident, IncidentState, Kind, Level, PlanSet
from twin.reach import Reach
from twin.signs import Sign, Signs
from twin.titles import Titles

QUIET_MS = 60 * 60_000  # every point of an incident normal for this long, and nothing still under way
HORIZON_S = 12 * 3600.0  # how far downstream a closing incident waits for the slug to show again
OPENED, UPDATED, ENDED = "incident.opened", "incident.updated", "incident.closed"

_S = IncidentState
TRANSITIONS: Mapping[IncidentState, frozenset[IncidentState]] = MappingProxyType(
    {
        _S.OPEN: frozenset({_S.CONTAINED, _S.FAULT, _S.CLOSED}),
        _S.CONTAINED: frozenset({_S.OPEN, _S.FAULT, _S.CLOSED}),  # the plume may pass a gate after all
        _S.FAULT: frozenset({_S.OPEN}),  # the sample said otherwise
        _S.CLOSED: frozenset(),  # what comes later is a new incident
    }
)
LIVE = (_S.OPEN, _S.CONTAINED)


def moved(incident: Incident, state: IncidentState, at: datetime) -> Incident:
    """Return the incident in another state.

    Raises
    ------
    RefusedError
        The table allows no such step.
    """
    if state not in TRANSITIONS[incident.state]:
        raise RefusedError(f"incident {incident.id} cannot go from {incident.state} to {state}")
    return replace(incident, state=state, updated=max(at, incident.updated))


@dataclass(slots=True)
class Case:
    """An open incident with what it takes to follow it."""

    incident: Incident
    onset_ms: dict[int, int] = field(default_factory=dict)  # by station
    points: dict[int, int] = field(default_factory=dict)  # onset by point; a point is of one open case
    seen_ms: dict[int, int] = field(default_factory=dict)  # when it was last seen, by station
    over: set[int] = field(default_factory=set)  # stations that saw a limit exceeded
    odd_ms: int = 0  # when a point of it was last away
    why: Text | None = None  # what it is taken for, if a sign said so
    gone: tuple[str, ...] = ()  # stations that saw it and that the park no longer has


@dataclass(frozen=True, slots=True)
class Outcome:
    """What correlating brought about: incidents to write with their events, and anomalies to write anew."""

    incidents: tuple[tuple[Incident, str], ...] = ()
    anomalies: tuple[Change, ...] = ()


class Incidents:
    """Follows the open incidents of a park.

    Parameters
    ----------
    reserve : callable
        Gives the id of an incident opened at a moment.
    drill : callable
        Tells whether what the park shows now is a drill.
    """

    def __init__(
        self,
        park: Park,
        alarms: Alarms,
        reach: Reach,
        containment: Containment,
        reserve: Callable[[datetime], str],
        drill: Callable[[], bool] = lambda: False,
    ) -> None:
        self.cases: list[Case] = []
        self._park, self._alarms, self._bank = park, alarms, alarms.bank
        self._reach, self._containment = reach, containment
        self._reserve, self._drill = reserve, drill
        self._muted: set[int] = set()  # points of incidents a person has ended, until they are well
        self._signs, self._titles = Signs(park, alarms), Titles(park, reach)

    def restore(self, incidents: Iterable[Incident], anomalies: Callable[[str], Iterable[Anomaly]]) -> None:
        """Take over the open incidents of the records after a restart."""
        table = self._bank.table
        at = {p: i for i, p in enumerate(table.points)}
        stations = {s.id: k for k, s in enumerate(table.stations)}
        for incident in sorted(incidents, key=lambda i: i.opened):
            case = Case(incident, odd_ms=as_ms(incident.updated))
            if incident.state is _S.CONTAINED:
                self._containment.trust(0)
            for anomaly in anomalies(incident.id):
                i = at.get(anomaly.point)
                if i is not None:
                    onset = as_ms(anomaly.since)
                    case.points[i] = min(onset, case.points.get(i, onset))
                    self._take(case, i)
                    if anomaly.kind is Kind.EXCEEDANCE:
                        case.over.add(int(table.station[i]))
            for name in incident.stations:
                if name in stations:
                    k = stations[name]
                    seen = [t for i, t in case.points.items() if table.station[i] == k]
                    case.onset_ms[k] = min(seen, default=as_ms(incident.opened))
                else:
                    case.gone += (name,)
            self.cases.append(case)
        self._hold()

    def renew(self, park: Park, alarms: Alarms, reach: Reach, containment: Containment, move: Move) -> None:
        """Go on with another version of the park; no incident ends for that."""
        old = self._bank.table
        containment.carry(self._containment)
        self._park, self._alarms, self._bank = park, alarms, alarms.bank
        self._reach, self._containment = reach, containment
        self._signs, self._titles = Signs(park, alarms), Titles(park, reach)
        self._muted = {int(move.point[i]) for i in self._muted} - {GONE}
        for case in self.cases:
            lost = [k for k in case.onset_ms if move.station[k] == GONE]
            case.gone += tuple(old.stations[k].id for k in sorted(lost, key=lambda k: case.onset_ms[k]))
            case.onset_ms = _moved(case.onset_ms, move.station)
            case.points = _moved(case.points, move.point)
            case.seen_ms = _moved(case.seen_ms, move.station)
            case.over = {int(move.station[k]) for k in case.over} - {GONE}
        self._hold()

    def drop(self, id: str) -> None:
        """Forget an incident that a person has ended; its points stay mute until they are well again."""
        for case in [c for c in self.cases if c.incident.id == id]:
            self._muted.update(case.points)
            self.cases.remove(case)
        self._hold()

    def update(self, now_ms: int) -> Outcome:
        """Look at every point that is away and open or extend incidents."""
        away = self._bank.away
        self._muted = {i for i in self._muted if self._bank.odd[i]}
        if not away.any():
            return Outcome()
        away[list(self._muted)] = False
        for known in self.cases:
            self._see(known, away, now_ms)
        told: dict[str, str] = {}
        lonely: list[Sign] = []
        signs = sorted(self._signs.read(away, now_ms), key=lambda s: s.onset_ms)
        for sign in signs:
            case = self._case_of(sign)
            if case is None and sign.solid:
                case = self._open(sign, now_ms)
                told[case.incident.id] = OPENED
            if case is not None:
                self._join(case, sign, now_ms, told)
            else:
                lonely.append(sign)
        self._confirm(lonely, now_ms, told)
        return self._tell(told, now_ms)

    def review(
        self, now_ms: int, gates: Mapping[str, float], plans: Callable[[str], PlanSet | None]
    ) -> Outcome:
        """Contain, open again or close incidents.

        Parameters
        ----------
        gates : mapping
            Position of every gate that is known, 0 closed .. 1 open.
        plans : callable
            For an incident's id, its latest plans.
        """
        self._containment.note(gates, now_ms)
        told: dict[str, str] = {}
        away = self._bank.away
        for case in list(self.cases):
            if away[list(case.points)].any():
                case.odd_ms = max(case.odd_ms, now_ms)
            if self._is_over(case, now_ms):
                case.incident = moved(case.incident, _S.CLOSED, as_datetime(now_ms))
                told[case.incident.id] = ENDED
                continue
            self._containment.learn(plans(case.incident.id))
            state = _S.CONTAINED if self._is_held(case, away) else _S.OPEN
            if state is not case.incident.state:
                case.incident = moved(case.incident, state, as_datetime(now_ms))
                told[case.incident.id] = UPDATED
        outcome = self._tell(told, now_ms)
        self.cases = [c for c in self.cases if c.incident.state in LIVE]
        self._hold()
        return outcome

    def finish(self, now_ms: int) -> Outcome:
        """Close every incident of a drill that is over."""
        told: dict[str, str] = {}
        for case in self.cases:
            if case.incident.drill:
                case.incident = moved(case.incident, _S.CLOSED, as_datetime(now_ms))
                told[case.incident.id] = ENDED
        outcome = self._tell(told, now_ms)
        self.cases = [c for c in self.cases if c.incident.state in LIVE]
        self._muted.clear()
        self._containment.forget()
        self._hold()
        return outcome

    # cases ----------------------------------------------------------------------------------------------

    def _case_of(self, sign: Sign) -> Case | None:
        """Return the open incident whose slug can have caused a sign."""
        k = sign.station
        for case in reversed(self.cases):
            if k in case.onset_ms and not self._is_past(case, sign):
                return case
        for case in self.cases:
            if any(self._fits(j, at, sign) for j, at in case.onset_ms.items() if j != k):
                return case
        return None

    def _see(self, case: Case, away: Bools, now_ms: int) -> None:
        """Note where a slug still is: where points of its case are away, without an hour of rest before."""
        mine = np.array([i for i in case.points if away[i]], np.intp)
        for k, onset in zip(self._bank.table.station[mine].tolist(), self._bank.onset_ms(mine), strict=True):
            if onset - case.seen_ms.get(k, now_ms) <= QUIET_MS:
                case.seen_ms[k] = now_ms

    def _is_past(self, case: Case, sign: Sign) -> bool:
        """Tell whether a slug had left a station, where water never turns, long before a sign there began."""
        k = sign.station
        seen = case.seen_ms.get(k, sign.onset_ms)
        return sign.onset_ms - seen > QUIET_MS and not self._containment.turned and not self._reach.turns(k)

    def _fits(self, station: int, onset_ms: int, sign: Sign) -> bool:
        later_s = (sign.onset_ms - onset_ms) / 1000
        reach, k = self._reach, sign.station
        if reach.along(station, k, later_s) or reach.share_source(station, k, later_s):
            return True
        return self._containment.turned and reach.driven(station, k, later_s)

    def _confirm(self, lonely: list[Sign], now_ms: int, told: dict[str, str]) -> None:
        """Open an incident where one factor alone is confirmed by another station on its path."""
        table = self._bank.table
        for n, a in enumerate(lonely):
            for b in lonely[n + 1 :]:
                same = {table.points[i].factor for i in a.points} & {table.points[i].factor for i in b.points}
                apart_s = (b.onset_ms - a.onset_ms) / 1000
                if a.station == b.station or not same or not self._reach.along(a.station, b.station, apart_s):
                    continue
                case = self._case_of(a)
                if case is None:
                    case = self._open(a, now_ms)
                    told[case.incident.id] = OPENED
                for sign in (a, b):
                    self._join(case, sign, now_ms, told)

    def _open(self, sign: Sign, now_ms: int) -> Case:
        at = as_datetime(now_ms)
        station = self._bank.table.stations[sign.station]
        incident = Incident(
            id=self._reserve(at),
            opened=at,
            state=_S.OPEN,
            level=Level.ALARM,
            title=Text("", ""),
            stations=(station.id,),
            factors=(),
            anomalies=(),
            updated=at,
            drill=self._drill(),
        )
        case = Case(incident, odd_ms=now_ms, why=sign.why)
        self.cases.append(case)
        return case

    def _join(self, case: Case, sign: Sign, now_ms: int, told: dict[str, str]) -> None:
        case.odd_ms = max(case.odd_ms, now_ms)
        case.gone = tuple(s for s in case.gone if s != self._bank.table.stations[sign.station].id)
        case.onset_ms.setdefault(sign.station, sign.onset_ms)
        new = [i for i in sign.points if i not in case.points]
        for i, onset in zip(new, self._bank.onset_ms(np.array(new, np.intp)), strict=True):
            case.points[i] = int(onset)
            self._take(case, i)
        over = self._bank.over.on[list(sign.points)].any() and sign.station not in case.over
        if over:
            case.over.add(sign.station)
        if new or over:
            self._alarms.trusted.update(sign.points)
            told.setdefault(case.incident.id, UPDATED)

    def _take(self, case: Case, i: int) -> None:
        """Let a point be of this case alone: what it shows now says nothing of an earlier slug."""
        for other in self.cases:
            if other is not case:
                other.points.pop(i, None)

    def _tell(self, told: dict[str, str], now_ms: int) -> Outcome:
        """Bring the incident records of the told cases up to date with their anomalies."""
        anomalies: list[Change] = []
        touched = [i for c in self.cases if c.incident.id in told for i in c.points]
        if touched:
            anomalies += self._alarms.refresh(np.array(touched, np.intp), now_ms)
        for case in self.cases:
            anomalies += self._alarms.assign(case.points, case.incident.id)
            known = set(case.incident.anomalies)
            mine = [self._alarms.open[i] for i in case.points if i in self._alarms.open]
            more = [a.id for a in mine if a.incident == case.incident.id and a.id not in known]
            if case.incident.id in told or more:
                told.setdefault(case.incident.id, UPDATED)
                case.incident = self._written(case, more, now_ms)
        self._hold()
        incidents = [(c.incident, told[c.incident.id]) for c in self.cases if c.incident.id in told]
        return Outcome(tuple(incidents), tuple(anomalies))

    def _written(self, case: Case, more: Iterable[str], now_ms: int) -> Incident:
        table = self._bank.table
        stations = sorted(case.onset_ms, key=lambda k: (case.onset_ms[k], k))
        points = sorted(case.points, key=lambda i: (case.points[i], i))
        factors = tuple(dict.fromkeys([*(table.points[i].factor for i in points), *case.incident.factors]))
        at = max(as_datetime(now_ms), case.incident.updated)
        if not stations:  # the park has none of them any more: what was found stands
            return replace(case.incident, anomalies=(*case.incident.anomalies, *more), updated=at)
        return replace(
            case.incident,
            level=Level.CRITICAL if case.over else Level.ALARM,
            title=self._titles.of(stations[0], factors, case.why),
            stations=(*(table.stations[k].id for k in stations), *case.gone),
            factors=factors,
            anomalies=(*case.incident.anomalies, *more),
            updated=at,
        )

    # endings ----------------------------------------------------------------------------------------------

    def _is_over(self, case: Case, now_ms: int) -> bool:
        ahead_s = self._reach.next_s(case.onset_ms.keys(), HORIZON_S)
        return now_ms - case.odd_ms > QUIET_MS + 1500.0 * ahead_s

    def _is_held(self, case: Case, away: Bools) -> bool:
        """Tell whether gates keep what this incident shows now from every receptor."""
        table = self._bank.table
        now: Collection[int] = {int(table.station[i]) for i in case.points if away[i]}
        nodes = {table.stations[k].node for k in now or case.onset_ms}
        return self._containment.holds(case.incident.id, nodes)

    def _hold(self) -> None:
        """Keep the baselines of every station of an open incident as they were."""
        stations = {k for c in self.cases if c.incident.state in LIVE for k in c.onset_ms}
        table = self._bank.table
        held = np.zeros(len(table.stations), bool)
        held[list(stations)] = True
        self._bank.held[:] = held[table.station]


def _moved(onsets: Mapping[int, int], where: Index) -> dict[int, int]:
    """Onsets by the positions of another table; of what is gone nothing is left."""
    return {int(where[i]): at for i, at in onsets.items() if where[i] != GONE}
