"""The watch on a real stream and real records: fast, told once, and the same after every interruption."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from geodata.places import Park
from tests.embedded import Embedded
from tests.twin.detect.series import START_MS, USUAL
from tests.twin.parks import tiny_park
from twin.blocks import BlockBuilder, Series, encode
from twin.clock import ClockState, as_datetime
from twin.errors import UnavailableError
from twin.model import Event, GateState, IncidentState, Kind, Point, from_json, to_json
from twin.park_watch import Present
from twin.records import Records
from twin.stream import Entry, Stream
from twin.watch import Sight, Watch

MINUTE = 60_000
DIRTY = {"w01018": 120.0, "w21003": 6.0, "w01014": 3000.0, "w21011": 1.1}


@dataclass
class Bench:
    """A park whose clock the test moves, its loggers, and whoever watches."""

    stream: Stream
    records: Records
    now_ms: int = START_MS
    last: str = "0"
    dirty: dict[str, dict[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.park = tiny_park()
        self.tell_clock()

    def tell_clock(self, scenario: str = "test") -> None:
        self.stream.put_clock(ClockState(True, scenario, 0.0, self.now_ms, 0))

    def send(self, minutes: int, noise: Callable[[int], float] = lambda k: (k * 7 % 11 - 5) / 170) -> None:
        """Let every logger send one frame a minute."""
        for _ in range(minutes):
            self.now_ms += MINUTE
            minute = self.now_ms // MINUTE
            builder = BlockBuilder()
            for n, s in enumerate(self.park.stations):
                rows = []
                for m, f in enumerate(s.factors):
                    value = self.dirty.get(s.id, {}).get(f, USUAL[f]) * (1 + noise(minute + 3 * n + 5 * m))
                    rows.append((Series(s.mn, f, "2011", "Rtd"), self.now_ms, value, ord("N")))
                builder.add(b"frame", self.now_ms, rows)
            self.stream.append("readings", encode(builder.build()))
        self.tell_clock()

    def entries(self) -> list[Entry]:
        """What is new in the stream since the last call."""
        got = self.stream.since("readings", self.last, 10_000)
        self.last = got[-1].id if got else self.last
        return got

    def sight(self, park: Park) -> Sight:
        """What a watch makes of another version of the park; its loggers send for that one from now on."""
        self.park = replace(park, version="tiny-2")
        return Sight.of(Present.of(self.park))

    def watch(self) -> Watch:
        return Watch(self.park, self.stream, self.records)

    def events(self, kind: str) -> list[Event]:
        every = [from_json(e.body, Event) for e in self.stream.since("events")]
        return [e for e in every if e.kind == kind]

    def feed(self, watch: Watch, minutes: int) -> None:
        """Minute by minute, as it would come."""
        for _ in range(minutes):
            self.send(1)
            watch.tick()
            watch.take(self.entries())


@pytest.fixture
def bench(embedded: Embedded, tmp_path: Path) -> Iterator[Bench]:
    records = Records(f"sqlite:///{tmp_path / 'r.sqlite'}")
    records.create()
    yield Bench(embedded.stream(), records)
    records.close()


def test_a_slug_becomes_an_incident_in_records_and_events(bench: Bench) -> None:
    watch = bench.watch()
    bench.send(60)
    assert watch.warm() == 60 * sum(len(s.factors) for s in bench.park.stations)
    bench.entries()
    bench.dirty = {"S01": DIRTY}
    began = bench.now_ms
    bench.feed(watch, 3)
    (event,) = bench.events("incident.opened")
    incident = bench.records.incident(event.about)
    assert incident is not None
    assert incident.opened <= as_datetime(began + 3 * MINUTE)
    assert incident.drill
    assert incident.id.startswith("EV-")
    mine = bench.records.anomalies(incident=incident.id)
    assert {a.id for a in mine} == set(incident.anomalies)
    assert len(mine) >= 2
    assert {e.about for e in bench.events("anomaly.raised")} >= {a.id for a in mine}
    bench.dirty = {}
    bench.feed(watch, 5)
    assert {e.about for e in bench.events("anomaly.cleared")} >= {a.id for a in mine if a.until is None}


def test_a_restart_in_the_middle_tells_nothing_twice(bench: Bench) -> None:
    watch = bench.watch()
    bench.send(60)
    watch.warm()
    bench.entries()
    bench.dirty = {"S01": DIRTY}
    bench.feed(watch, 6)
    before = {a.id for a in bench.records.anomalies(open_only=True)}
    told = len(bench.events("anomaly.raised"))
    again = bench.watch()
    again.warm()
    again.take(bench.entries())
    bench.feed(again, 4)
    assert len(bench.events("incident.opened")) == 1
    assert {a.id for a in bench.records.anomalies(open_only=True)} == before
    assert len(bench.events("anomaly.raised")) == told
    (incident,) = bench.records.incidents()
    assert again.incidents.cases[0].incident.id == incident.id


def test_what_happened_while_nobody_watched_is_told_at_the_start(bench: Bench) -> None:
    bench.send(60)
    bench.dirty = {"S01": DIRTY}
    bench.send(10)
    watch = bench.watch()
    watch.warm()
    watch.flush()
    assert len(bench.events("incident.opened")) == 1
    watch.take(bench.entries())  # the consumer group delivers the same entries again
    assert len(bench.events("incident.opened")) == 1
    assert len(bench.records.incidents()) == 1


def test_nothing_is_lost_while_the_stream_server_is_away(bench: Bench, embedded: Embedded) -> None:
    watch = bench.watch()
    bench.send(60)
    watch.warm()
    bench.entries()
    bench.dirty = {"S01": DIRTY}
    bench.send(4)
    entries = bench.entries()
    embedded.kill()
    with pytest.raises(UnavailableError):
        watch.take(entries)
    embedded.start()
    watch.take(entries)
    assert len(bench.events("incident.opened")) == 1
    assert len(bench.events("anomaly.raised")) == len(set(bench.events("anomaly.raised")))


def test_a_person_ends_it_as_a_fault_and_the_watch_obeys(bench: Bench) -> None:
    watch = bench.watch()
    bench.send(60)
    watch.warm()
    bench.entries()
    bench.dirty = {"S01": DIRTY}
    bench.feed(watch, 4)
    (incident,) = bench.records.incidents()
    bench.records.change_incident(incident.id, lambda i: replace(i, state=IncidentState.FAULT))
    bench.feed(watch, 6)
    assert [i.state for i in bench.records.incidents()] == [IncidentState.FAULT]


def test_a_closed_gate_is_read_from_the_stream(bench: Bench) -> None:
    watch = bench.watch()
    bench.send(60)
    watch.warm()
    bench.entries()
    bench.dirty = {"S01": DIRTY}
    bench.feed(watch, 4)
    at = as_datetime(bench.now_ms)
    shut = [GateState("G01", 0.0, False, False, at), GateState("G02", 1.0, False, False, at)]
    bench.stream.put("gates", to_json(shut))
    bench.feed(watch, 2)
    assert [i.state for i in bench.records.incidents()] == [IncidentState.CONTAINED]


def test_another_drill_ends_the_last_and_starts_clean(bench: Bench) -> None:
    watch = bench.watch()
    bench.send(60)
    watch.warm()
    bench.entries()
    bench.dirty = {"S01": DIRTY}
    bench.feed(watch, 4)
    bench.dirty = {}
    bench.now_ms += 20 * 3_600_000
    bench.tell_clock("another")
    watch.tick()
    assert [i.state for i in bench.records.incidents()] == [IncidentState.CLOSED]
    assert bench.records.anomalies(open_only=True) == []
    assert len(bench.events("incident.closed")) == 1
    bench.feed(watch, 30)
    bench.dirty = {"S02": DIRTY}
    bench.feed(watch, 4)
    assert len(bench.records.incidents()) == 2


def test_an_entry_that_cannot_be_read_stops_nothing(bench: Bench) -> None:
    watch = bench.watch()
    bench.send(30)
    bench.stream.append("readings", b"not a block")
    bench.send(30)
    watch.warm()
    bench.stream.append("readings", b"not a block either")
    bench.dirty = {"S01": DIRTY}
    bench.send(4)
    watch.take(bench.stream.since("readings"))
    assert len(bench.events("incident.opened")) == 1


def test_one_lying_instrument_makes_an_anomaly_and_no_incident(bench: Bench) -> None:
    watch = bench.watch()
    bench.send(60)
    watch.warm()
    bench.entries()
    bench.dirty = {"S02": {"w01018": 90.0}}
    bench.feed(watch, 20)
    assert bench.records.incidents() == []
    assert [a.kind for a in bench.records.anomalies(open_only=True)] == [Kind.SUSPECT]


def test_blocks_are_taken_faster_than_a_fast_drill_sends_them(bench: Bench) -> None:
    """A block of 30 frames of 5 readings: 20 of them a second are what 120 times speed brings."""
    watch = bench.watch()
    bench.send(30)
    watch.warm()
    bench.entries()
    bench.send(200)
    entries = bench.entries()
    begun = time.process_time()
    for entry in entries:
        watch.take([entry])
    assert (time.process_time() - begun) / len(entries) < 0.010


def watched(bench: Bench) -> Watch:
    """A watch in the middle of an incident at S01."""
    watch = bench.watch()
    bench.send(60)
    watch.warm()
    bench.entries()
    bench.dirty = {"S01": DIRTY}
    bench.feed(watch, 5)
    return watch


def test_another_version_of_the_park_keeps_what_was_learnt_and_the_open_incident(bench: Bench) -> None:
    watch = watched(bench)
    (incident,) = bench.records.incidents()
    a, b, c, d = bench.park.stations
    new = replace(b, id="S09", mn="010000A8900016F000000009")
    watch.renew(bench.sight(replace(bench.park, stations=(d, new, a, c, b))))
    assert watch.version == "tiny-2"
    bench.feed(watch, 20)
    bench.dirty = {}
    bench.feed(watch, 10)
    assert [i.id for i in bench.records.incidents()] == [incident.id]
    assert {a.point.station for a in bench.records.anomalies(incident=incident.id)} == {"S01"}
    table = watch.bank.table
    where = [table.points.index(Point(s.id, "w01018")) for s in (a, b, new)]
    assert watch.bank.deviation.median[where[0]] < 1.1 * USUAL["w01018"]  # the slug was never learnt
    assert watch.bank.deviation.ready(np.array(where)).tolist() == [True, True, True]
    assert {e.about for e in bench.events("anomaly.cleared")} >= set(incident.anomalies)


def test_the_same_points_keep_their_columns(bench: Bench) -> None:
    watch = watched(bench)
    ring = watch.bank.deviation._ring
    watch.renew(bench.sight(bench.park))
    assert watch.bank.deviation._ring is ring
    bench.feed(watch, 3)
    assert len(bench.events("incident.opened")) == 1


def test_a_station_that_is_gone_ends_its_anomalies_and_no_incident(bench: Bench) -> None:
    second = replace(bench.park.stations[0], id="S09", mn="010000A8900016F000000009")
    bench.park = replace(bench.park, stations=(*bench.park.stations, second))
    watch = watched(bench)
    bench.dirty = {"S01": DIRTY, "S09": DIRTY}
    bench.feed(watch, 5)
    (before,) = bench.records.incidents()
    assert before.stations == ("S01", "S09")
    watch.renew(bench.sight(replace(bench.park, stations=bench.park.stations[1:])))
    bench.feed(watch, 6)
    (after,) = bench.records.incidents()
    assert after.id == before.id
    assert after.state is IncidentState.OPEN
    assert set(after.stations) == {"S01", "S09"}
    mine = {a.id: a for a in bench.records.anomalies() if a.point.station == "S01"}
    assert mine
    assert all(a.until is not None for a in mine.values())


def test_an_incident_none_of_whose_stations_is_left_ends_by_itself(bench: Bench) -> None:
    watch = watched(bench)
    watch.renew(bench.sight(replace(bench.park, stations=bench.park.stations[2:])))
    bench.feed(watch, 5)
    (incident,) = bench.records.incidents()
    assert (incident.state, incident.stations) == (IncidentState.OPEN, ("S01",))
    bench.now_ms += 3 * 3_600_000 - 60_000
    bench.feed(watch, 70)
    (incident,) = bench.records.incidents()
    assert incident.state is IncidentState.CLOSED


def test_limits_of_the_new_version_count_at_once(bench: Bench) -> None:
    watch = bench.watch()
    bench.send(60)
    watch.warm()
    bench.entries()
    first = bench.park.stations[0]
    strict = replace(first, limit_set="GB 3838-2002/I")
    watch.renew(bench.sight(replace(bench.park, stations=(strict, *bench.park.stations[1:]))))
    i = watch.bank.table.points.index(Point("S01", "w01018"))
    assert watch.bank.table.high[i] == 15.0
    bench.feed(watch, 2)
    assert watch.bank.share[i] == pytest.approx(USUAL["w01018"] / 15.0, rel=0.1)
