"""A day in a park's water, and the product living through it in one process, as fast as the machine can.

SWMM moves the water, the drill's instruments measure it; from there on everything is the product's own: a
block a minute is decoded again, `Watch` makes anomalies and incidents of it, `Advise` ranks.
The block is made of HJ 212 frames, read by the codec (`frames`), or of the same values without them, which
is faster (`readings`). Only sockets and the waiting are left out. Park time stands
still while a minute is worked through, so the same day gives the same answer on any machine.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodata.network import Network
from geodata.places import Park
from twin import embedded
from twin.advise import Advise
from twin.blocks import BlockBuilder, Layout, encode
from twin.clock import ClockState, ParkClock, wall_ms
from twin.config import load
from twin.history.reader import History
from twin.hydraulics.engine import Injection, Stepper
from twin.hydraulics.scenario import warm_state
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.readings import Interpreter
from twin.model import Incident, PlanSet, Ranking
from twin.park_watch import Present
from twin.plan.look import Look
from twin.records import Records
from twin.shards import place
from twin.simulate.instruments import Fault
from twin.simulate.loggers import Frame, Logger, vendor_of
from twin.simulate.nature import PH_CLEAN, Gauge, Setting
from twin.stream import Entry, Stream
from twin.watch import Sight, Watch

MINUTE_MS = 60_000
STEP_S = 60.0
CACHE = Path(tempfile.gettempdir()) / "twin-bench-water"


@dataclass(frozen=True, slots=True)
class Day:
    """What happens, everything decided.

    Attributes
    ----------
    seed : int
        Of the instruments.
    start_ms : int
        Park time at which the loggers begin to speak.
    quiet_s : float
        For so long the water stays as it was; then the engine begins, and injections count from there.
    seconds : float
        How long the engine runs.
    ph : float
        Of the first injection's water.
    """

    seed: int
    start_ms: int
    quiet_s: float
    seconds: float
    injections: tuple[Injection, ...] = ()
    flow_factor: float = 1.0
    ph: float = PH_CLEAN
    faults: tuple[Fault, ...] = ()

    @property
    def wet_ms(self) -> int:
        """Park time at which the engine begins."""
        return self.start_ms + round(self.quiet_s * 1000)

    @property
    def end_ms(self) -> int:
        """Park time at which the day is over."""
        return self.wet_ms + round(self.seconds * 1000)


@dataclass(frozen=True, slots=True, eq=False)
class Water:
    """The true values: (minutes, points) by station and factor, the first row before anything happened."""

    points: tuple[tuple[str, str], ...]
    value: NDArray[np.float64]

    def at(self, minute: int) -> dict[str, dict[str, float]]:
        """Value by factor by station."""
        found: dict[str, dict[str, float]] = {}
        row = self.value[min(max(minute, 0), len(self.value) - 1)].tolist()
        for (station, factor), value in zip(self.points, row, strict=True):
            found.setdefault(station, {})[factor] = value
        return found

    def rise(self, station: str, factor: str) -> NDArray[np.float64]:
        """A point's rise over its first value, one number a minute."""
        column = self.value[:, self.points.index((station, factor))]
        return np.asarray(column - column[0])


def water(park: Park, day: Day, cache: Path | None = None) -> Water:
    """Let SWMM run, or read what it gave before."""
    cache = cache or CACHE
    key = repr((park.version, day.injections, day.flow_factor, day.ph, day.seconds, STEP_S))
    path = cache / f"water-{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        rows = _run(park, day, cache)
        points = tuple((s, f) for s, values in rows[0].items() for f in values)
        np.savez_compressed(
            part,
            points=np.array(points),
            value=np.array([[row[s][f] for s, f in points] for row in rows], np.float32),
        )
        part.replace(path)
    with np.load(path) as held:
        points = tuple((str(s), str(f)) for s, f in held["points"])
        return Water(points, held["value"].astype(np.float64))


def _run(park: Park, day: Day, cache: Path) -> list[dict[str, dict[str, float]]]:
    state = warm_state(park, cache, flow_factor=day.flow_factor)
    setting = Setting(cache, cache, day.injections, day.flow_factor, day.ph)
    stepper = Stepper(
        park, injections=day.injections, flow_factor=day.flow_factor, start_state=state, movable=()
    )
    with stepper:
        gauge = Gauge(park, stepper, setting)
        rows = [gauge.read().stations]
        while stepper.time_s < day.seconds - 1e-6:
            stepper.advance(STEP_S)
            rows.append(gauge.read().stations)
    return rows


def frames(park: Park, day: Day, it: Water) -> Iterator[tuple[int, list[tuple[str, Frame]]]]:
    """Yield minute by minute what every logger sends, with its station."""
    loggers = {s.id: Logger(s, day.seed, vendor_of(s), day.faults) for s in park.stations}
    for at in range(day.start_ms, day.end_ms + 1, MINUTE_MS):
        truth = it.at((at - day.wet_ms) // MINUTE_MS)
        yield at, [(s, f) for s, logger in loggers.items() for f in logger.observe(at, truth[s])]


def readings(park: Park, day: Day, it: Water) -> Iterator[tuple[int, BlockBuilder]]:
    """Yield minute by minute what every instrument says, as the gateway would pack it."""
    loggers = [Logger(s, day.seed, vendor_of(s), day.faults) for s in park.stations]
    layouts = {s.id: Layout(s.mn, tuple((f, "2011", "Rtd") for f in s.factors)) for s in park.stations}
    for k, at in enumerate(range(day.start_ms, day.end_ms + 1, MINUTE_MS)):
        truth = it.at((at - day.wet_ms) // MINUTE_MS)
        builder = BlockBuilder()
        for n, logger in enumerate(loggers):
            station = logger.station
            every = station.interval_s // 60
            if (k + n) % every == 0:
                measured = logger.measure(at, truth[station.id])
                values = [measured[f].value for f in station.factors]
                flags = bytes(ord(measured[f].flag) for f in station.factors)
                builder.add_run(b"", at, layouts[station.id], at, values, flags)
        yield at, builder


class Memory:
    """What one process needs of a stream, without a server: it is not what is measured here."""

    shards = 1

    def __init__(self) -> None:
        self._entries: dict[str, list[Entry]] = {}
        self._clock = ClockState()

    def put_clock(self, state: ClockState) -> None:
        """Say the time."""
        self._clock = state

    def clock(self) -> ClockState:
        """Read the time."""
        return self._clock

    def get(self, name: str) -> None:
        """Nobody tells of gates here."""

    def append(self, name: str, body: bytes, shard: int = 0) -> str:
        """Add an entry; returns its id."""
        entries = self._entries.setdefault(name, [])
        entries.append(Entry(f"{len(entries) + 1}-0", body))
        return entries[-1].id

    def since(self, name: str, after: str | Sequence[str] = "0", count: int = 1000) -> list[Entry]:
        """Entries after an id."""
        first = place(after if isinstance(after, str) else after[0])[0]
        return self._entries.get(name, [])[first : first + count]

    def inside(self, name: str, id: str) -> tuple[int, tuple[int, int]]:
        """Shard and place of an entry."""
        return 0, place(id)

    def close(self) -> None:
        """Nothing to let go of."""


class Inside:
    """The product in this process: codec, stream, watch and advice.

    Parameters
    ----------
    sight : Sight
        Fresh: what is learnt goes into it.
    stream : Stream or Memory
    """

    def __init__(self, sight: Sight, network: Network, stream: Any, folder: Path) -> None:
        self.park = sight.park
        self._network, self._folder = network, folder
        self.stream = stream
        self.records = Records(f"sqlite:///{folder / 'records.sqlite'}")
        self.records.create()
        self.history = History(folder / "history", self.stream)
        self._watch = Watch(sight, self.stream, self.records)
        self._readers = {s.id: Reader() for s in self.park.stations}
        self._interpreter = Interpreter()
        self._config = load({"TWIN_DATA": str(folder)})

    def close(self) -> None:
        """Let go of files."""
        self.history.close()
        self.records.close()

    def minute(self, at_ms: int, sent: Sequence[tuple[str, Frame]]) -> None:
        """Live through one minute: read its frames, commit them, watch."""
        builder = BlockBuilder()
        for station, frame in sent:
            for packet in self._readers[station].feed(frame.raw):
                if isinstance(packet, Packet):
                    builder.add(packet.raw, at_ms, self._interpreter.readings(packet).rows)
        self.block(at_ms, builder)

    def block(self, at_ms: int, builder: BlockBuilder) -> None:
        """Live through one minute of which the readings are known."""
        self.stream.put_clock(ClockState(True, "bench", 0.0, at_ms, wall_ms()))
        self._watch.tick()
        if builder.frames:
            body = encode(builder.build())
            self._watch.take([Entry(self.stream.append("readings", body), body)])

    def incidents(self) -> list[Incident]:
        """Every incident, the oldest first."""
        return sorted(self.records.incidents(), key=lambda i: (i.opened, i.id))

    def advise(self) -> None:
        """Have every open incident ranked now."""
        clock = ParkClock(self.stream.clock)
        it = Advise(
            self._config,
            self.park,
            self.stream,
            self.records,
            self.history,
            clock,
            no_plans,
            no_look,
            self._network,
        )
        while it.step():
            pass

    def ranking(self, incident: str) -> Ranking | None:
        """The latest ranking of an incident."""
        return self.records.ranking(incident)


def no_plans(
    park: Park,
    network: Network,
    ranking: Ranking,
    incident: Incident,
    gates: object,
    config: object,
    now: datetime,
    **_: Any,
) -> PlanSet:
    """Plan nothing: no gate is moved in these days, and plans are measured elsewhere."""
    return PlanSet(incident.id, now, (), (), (), park.version)


def no_look(plans: PlanSet, ranking: Ranking, incident: Incident, gates: object, told: object) -> Look:
    """Never asked, for there are no plans."""
    raise AssertionError("nothing was planned")


@contextmanager
def server() -> Iterator[Stream]:
    """Run a stream server in a folder of its own."""
    with folder() as where:
        process = embedded.start(where / "redis", where / "r.sock")
        stream = Stream(f"unix://{where / 'r.sock'}")
        try:
            yield stream
        finally:
            stream.close()
            process.kill()
            process.wait()
            if process.stderr:
                process.stderr.close()


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder that is thrown away, in memory where there is such a place."""
    fast = Path("/dev/shm")
    where = Path(tempfile.mkdtemp(prefix="twin-", dir=fast if fast.is_dir() else None))
    try:
        yield where
    finally:
        shutil.rmtree(where, ignore_errors=True)


@contextmanager
def inside(present: Present, stream: Stream | Memory | None = None) -> Iterator[Inside]:
    """Give a product that knows nothing yet."""
    with folder() as where:
        it = Inside(Sight.of(present), present.network, stream or Memory(), where)
        try:
            yield it
        finally:
            it.close()
