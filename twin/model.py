"""The nouns of time: plain frozen records that cross every room unchanged, and their JSON form.

Time is aware UTC. Masses are kg, flows m3/s, concentrations mg/L unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import TypeVar

import msgspec

from geodata.words import Text

T = TypeVar("T")


def to_json(noun: object) -> bytes:
    """Return a noun's JSON form, UTF-8."""
    return msgspec.json.encode(noun)


def from_json(data: bytes | str, kind: type[T]) -> T:
    """Read a noun from its JSON form.

    Raises
    ------
    msgspec.ValidationError
        The JSON is not of that noun.
    """
    return msgspec.json.decode(data, type=kind)


class Level(IntEnum):
    """How a point stands. Unknown is 0 so that nothing forgotten is ever shown as normal."""

    OFFLINE = 0
    NORMAL = 1
    WATCH = 2
    WARNING = 3
    ALARM = 4
    CRITICAL = 5


@dataclass(frozen=True, slots=True)
class Point:
    """One factor at one station."""

    station: str
    factor: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One checked value of one point."""

    point: Point
    at: datetime
    value: float
    flag: str = ""


class Kind(StrEnum):
    """What an anomaly is taken for."""

    EXCEEDANCE = "exceedance"  # over a limit that counts
    DEVIATION = "deviation"  # far from the point's own baseline
    FROZEN = "frozen"
    RANGE = "range"  # outside what the instrument can measure
    OFFLINE = "offline"
    SUSPECT = "suspect_sensor"  # one factor alone, against all the others: first check the instrument


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One point away from what it should be, from `since` until `until`."""

    id: str  # natural key: station/factor/kind/epoch seconds of since
    point: Point
    kind: Kind
    detector: str
    since: datetime
    value: float
    limit: float | None
    level: Level
    score: float
    reason: Text
    until: datetime | None = None
    incident: str = ""


class IncidentState(StrEnum):
    """Where an incident stands; the allowed steps are in `twin.incidents`."""

    OPEN = "open"
    CONTAINED = "contained"
    FAULT = "fault"  # closed as an instrument fault
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Incident:
    """One pollution slug, however many points see it."""

    id: str  # "EV-20261122-01"
    opened: datetime
    state: IncidentState
    level: Level
    title: Text
    stations: tuple[str, ...]  # in order of onset
    factors: tuple[str, ...]
    anomalies: tuple[str, ...]
    updated: datetime
    drill: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """One piece of evidence on one suspect.

    nats > 0 speaks for, < 0 against. `kind` is one of reach, onset, clean, shape, fingerprint, meter, valve,
    slot, permit, history, sample.
    """

    kind: str
    nats: float
    text: Text


@dataclass(frozen=True, slots=True)
class Bounds:
    """Within what a suspect's release lies nine times in ten, if it is the source."""

    from_early: datetime
    from_late: datetime
    minutes_least: float
    minutes_most: float
    kg_least: float | None = None
    kg_most: float | None = None


@dataclass(frozen=True, slots=True)
class Suspect:
    """One enterprise, how likely, and why."""

    enterprise: str
    probability: float
    outlet: str
    reasons: tuple[Reason, ...]
    path: tuple[str, ...]  # link ids from the outlet to the first alarmed station
    release_from: datetime
    release_to: datetime
    strength_kg: float | None = None
    strength_of: str = ""  # code of the factor that the strength is in kilograms of
    makeup: dict[str, float] = field(
        default_factory=dict
    )  # factor -> seen over expected, their middle made 1
    bounds: Bounds | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """Where a sample would decide most, for the time it takes."""

    node: str
    name: Text
    gain: float  # expected drop of entropy, nats
    top: float  # expected probability of the leader afterwards
    factor: str = ""  # code of the factor to measure that tells most there
    minutes: float = 0.0  # of a crew, way and bottle


@dataclass(frozen=True, slots=True)
class LabResult:
    """What a bottle held: one factor of one sample, as a person entered it."""

    barcode: str
    incident: str
    node: str
    at: datetime  # when it was taken
    factor: str
    value: float
    person: str  # who took it
    entered_by: str
    entered: datetime


@dataclass(frozen=True, slots=True)
class Second:
    """Who released something at the same time, where one release cannot explain what was seen."""

    enterprise: str
    nats: float  # by which two releases explain more than one, the price of a second one paid
    stations: tuple[str, ...]  # which the first cannot explain and the second does
    text: Text


@dataclass(frozen=True, slots=True)
class Change:
    """Why another enterprise leads than before."""

    before: str
    after: str
    kind: str  # of evidence, as in Reason
    text: Text


@dataclass(frozen=True, slots=True)
class Basis:
    """What a ranking was made of, so that anybody can make it again."""

    stations: tuple[str, ...]
    factors: tuple[str, ...]
    alarm: datetime
    since: datetime  # the first and the last moment of the readings
    until: datetime
    readings: str  # digest of them
    parameters: str  # digest of every number of the method
    water: str = ""  # digest of the fingerprints that were in force
    gates: dict[str, float] = field(default_factory=dict)  # how far open they were taken to be
    results: tuple[str, ...] = ()  # barcode/factor of the samples that were known
    means: bool = False  # earlier readings were minute means
    library: int = 0  # version of the fingerprint library that held; 0 where there was none
    valves: str = ""  # digest of how enterprises' valves and pumps stood
    before: dict[str, int] = field(default_factory=dict)  # earlier incidents each was found to have caused


@dataclass(frozen=True, slots=True)
class Ranking:
    """The suspects of one incident at one moment."""

    incident: str
    at: datetime
    suspects: tuple[Suspect, ...]
    unknown: float  # share of "a source not on the list"
    groups: tuple[tuple[str, ...], ...]  # enterprises that hydraulics cannot tell apart
    samples: tuple[Sample, ...]
    park_version: str
    code_version: str
    readings_used: int
    note: Text | None = None
    second: Second | None = None
    change: Change | None = None
    basis: Basis | None = None


Three = tuple[datetime, datetime, datetime]  # early (5 %), middle (50 %) and late (95 %)


@dataclass(frozen=True, slots=True)
class Arrival:
    """When the plume reaches a place: early (5 %), middle (50 %) and late (95 %) of an ensemble."""

    place: str  # gate or receptor id
    early: datetime
    middle: datetime
    late: datetime
    share: float  # share of the ensemble's plume that gets there
    peak: Three | None = None  # when it is strongest there, by the hydraulic engine
    tail: Three | None = None  # when it is over: below a twentieth of the peak
    mg_l: tuple[float, float, float] | None = None  # the peak, 5, 50 and 95 %


@dataclass(frozen=True, slots=True)
class Sighting:
    """A station that has seen the plume, and when that was expected by what was seen before it."""

    station: str
    early: datetime
    middle: datetime
    late: datetime
    seen: datetime

    @property
    def expected(self) -> bool:
        """Whether it came within the band."""
        return self.early <= self.seen <= self.late


@dataclass(frozen=True, slots=True)
class GateMove:
    """One gate to close, by when."""

    gate: str
    close_by: datetime
    arrival: Arrival
    stroke_s: float
    decision_s: float
    margin_s: float
    too_late: bool
    flood_lock: bool
    why: Text
    target: float = 0.0  # 0 closed .. 1 open
    not_before: datetime | None = None  # it is not to be ordered, nor signed, before


@dataclass(frozen=True, slots=True)
class GatePlan:
    """A set of gates that contains the plume, with what it costs."""

    id: str  # "<incident>/A"
    incident: str
    name: Text
    moves: tuple[GateMove, ...]  # in order of closing
    contained: float  # share of the ensemble's mass held back from every receptor
    contained_late: float  # the same if ordered 15 minutes later
    volume_m3: float  # water trapped
    storage_m3: float  # room behind the gates
    hours_to_full: float
    side_effects: tuple[Text, ...]
    recommended: bool
    if_fails: dict[str, str] = field(default_factory=dict)  # gate id -> the gate to close instead
    checked: bool = False  # the hydraulic engine has looked: `contained` is its word
    contained_after: dict[str, float] = field(default_factory=dict)  # minutes of waiting -> contained
    overtops_h: float | None = None  # hours until water nears a bank; None: not while gates are held


@dataclass(frozen=True, slots=True)
class PlanSet:
    """Everything known about containing one incident at one moment."""

    incident: str
    at: datetime
    plans: tuple[GatePlan, ...]
    arrivals: tuple[Arrival, ...]  # at gates and receptors, earliest first
    path: tuple[str, ...]  # links the plume is expected to take
    park_version: str
    note: Text | None = None  # what must be known before any plan: a gate that is too late, nothing in time
    levels: tuple[Text, ...] = ()  # what to do at the enterprise, in the park and on the river, in that order
    source: GatePlan | None = None  # the valve or pump at the enterprise's own end, to be closed first
    sightings: tuple[Sighting, ...] = ()  # readings that confirm or contradict, in the order they came
    undo: tuple[Text, ...] = ()  # when and in which order the gates of the recommended plan open again


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A plan and doing nothing, as the hydraulic engine sees them."""

    incident: str
    plan: str
    at: datetime
    hours: float
    factor: str
    kg_nothing: dict[str, float]  # receptor id -> kg reaching it
    kg_plan: dict[str, float]
    flooding_m3: float
    seconds: float


class CommandState(StrEnum):
    """Where a command stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    SENT = "sent"
    MOVING = "moving"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's word."""

    user: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Command:
    """A gate asked to move. It moves only after two different people said so."""

    id: str
    incident: str
    plan: str
    gate: str
    target: float  # 0 closed .. 1 open
    proposed_by: str
    proposed_at: datetime
    approvals: tuple[Approval, ...]
    state: CommandState
    position: float | None = None
    sent_at: datetime | None = None
    done_at: datetime | None = None
    message: Text | None = None
    number: int = 0  # its place among all proposals; the records give it

    @property
    def turn(self) -> tuple[datetime, int, str]:
        """What commands are sorted by: several may be proposed in one moment while park time stands still."""
        return self.proposed_at, self.number, self.id


@dataclass(frozen=True, slots=True)
class GateState:
    """What a gate's own controller says of it."""

    gate: str
    position: float | None  # None: not known
    moving: bool
    failed: bool
    at: datetime
    stated: bool = False  # a person has said so; nothing measured it


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; one entry of the events stream.

    kind: anomaly.raised, anomaly.cleared, incident.opened, incident.updated, incident.closed, ranking.ready,
    plan.ready, whatif.ready, result.entered, draft.ready, review.ready, flood.changed, command.changed,
    gate.changed, drill.started, drill.stopped, logger.answered.
    about: the id of what it happened to; the whole of it is in the records.
    """

    kind: str
    at: datetime
    about: str


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked of the machines; one entry of the commands stream.

    kind: gate.execute (about = command id, approvals already on record), gate.stated (about = command id),
    draft.try, draft.cancel (about = draft id), drill.start (about = scenario,
    number = speed), drill.speed (number), drill.stop, logger.ask (about = MN, detail = an HJ 212 request,
    `CN=1062;RtdInterval=60`), forward.again (about = upper platform, detail = "refused" or a span,
    `2026-11-20..2026-11-21`).
    """

    kind: str
    at: datetime
    by: str
    about: str = ""
    number: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line of what people and machines did; never changed, never removed."""

    at: datetime
    who: str
    what: str
    about: str
    detail: Text
