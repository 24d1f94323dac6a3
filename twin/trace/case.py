"""One incident laid out as arrays: origins, sensors, the factor that tells most, and who is heard where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geodata.network import Network
from geodata.places import Outlet, OutletKind, Park, StationKind
from twin.factors import factor
from twin.model import Anomaly, Incident, LabResult
from twin.trace.carriage import Carriage
from twin.trace.observations import Observations
from twin.trace.response import Response
from twin.trace.signals import Signals
from twin.trace.transport import Transport, apart
from twin.trace.valves import Stood

if TYPE_CHECKING:
    from twin.fingerprints import Library

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# How an enterprise's share of suspicion is dealt out to the places where its water can come out.
KIND_SHARE = {OutletKind.WASTEWATER: 0.4, OutletKind.RAIN: 0.4, OutletKind.CROSSING: 0.2}
QUIET_BEFORE_S = 120.0
PLACES = 160  # unlisted places a source is tried at


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What one ranking is computed from.

    Attributes
    ----------
    outlets : tuple of Outlet
        c of them.
    owner : (c,) int
        Position of each outlet's enterprise in `Park.enterprises`.
    prior : (c,)
        Log share of its enterprise's suspicion.
    sensors : tuple of int
        Positions in `Observations.stations` of what watches shared water; outlets' own meters are apart,
        except where the incident is one of them.
    first : int
        Position in `sensors` of the first alarmed one.
    alarmed : tuple of int
        Positions in `sensors` of all alarmed ones, in order of onset.
    factor : str
        The factor that tells most.
    by_factor : dict of str to Signals
        At the sensors.
    meters : dict of str to tuple
        Enterprise to the positions of its own stations.
    transport : Transport
        Of the outlets.
    responses, elsewhere : tuple of Response
        Of the outlets, and of places all over the network where an unlisted source could be.
    elsewhere_m : (p, s)
        From those places to the sensors, along links.
    alarm_s : float
        When the first alarm stood.
    now_s, quiet_s : float
        Park time, epoch seconds; and until when the baselines are taken.
    carriage : Carriage
        For places that are asked about later.
    results : tuple of LabResult
        Of samples of this incident, in order of barcode and factor.
    library : Library or None
        What has been learned of single outlets' water.
    stood : Stood or None
        How valves and pumps of enterprises stood.
    before : mapping of str to int
        Of how many earlier incidents an enterprise was found to be the source.
    """

    park: Park
    network: Network
    observations: Observations
    outlets: tuple[Outlet, ...]
    owner: Ints
    prior: Floats
    sensors: tuple[int, ...]
    first: int
    alarmed: tuple[int, ...]
    factor: str
    by_factor: dict[str, Signals]
    meters: dict[str, tuple[int, ...]]
    transport: Transport
    responses: tuple[Response, ...]
    elsewhere: tuple[Response, ...]
    elsewhere_m: Floats
    alarm_s: float
    now_s: float
    quiet_s: float
    carriage: Carriage
    results: tuple[LabResult, ...]
    library: Library | None = None
    stood: Stood | None = None
    before: Mapping[str, int] = field(default_factory=dict)

    @property
    def signals(self) -> Signals:
        """Signals of the factor that tells most."""
        return self.by_factor[self.factor]

    def station(self, sensor: int) -> str:
        """Return the id of the station at a position in `sensors`."""
        return self.observations.stations[self.sensors[sensor]]


def lay_out(
    park: Park,
    network: Network,
    observations: Observations,
    incident: Incident,
    anomalies: Sequence[Anomaly],
    now_s: float,
    carriage: Carriage,
    results: Sequence[LabResult] = (),
    library: Library | None = None,
    stood: Stood | None = None,
    before: Mapping[str, int] | None = None,
) -> Case:
    """Gather everything a ranking needs into arrays."""
    kinds = {s.id: s.kind for s in park.stations}
    sensors = tuple(
        i
        for i, s in enumerate(observations.stations)
        if kinds[s] is not StationKind.OUTLET or s in incident.stations
    )
    alarm = alarm_s(incident, anomalies)
    quiet = alarm - QUIET_BEFORE_S
    by_factor = {f: observations.signals(f, quiet, sensors) for f in observations.carried}
    alarmed = _alarmed(observations, sensors, incident)
    nodes = {s.id: network.nodes[s.node] for s in park.stations}
    at = np.array([nodes[observations.stations[i]] for i in sensors], np.int64)
    outlets = tuple(o for o in park.outlets if o.node in network.nodes)
    origins = np.array([network.nodes[o.node] for o in outlets], np.int64)
    lead = _lead(by_factor, alarmed)
    first = alarmed[0] if alarmed else _earliest(by_factor[lead])
    others = _spread(network, origins)
    span = {"step_s": observations.step_s, "horizon_s": observations.span_s}
    return Case(
        park=park,
        network=network,
        observations=observations,
        outlets=outlets,
        owner=_owners(park, outlets),
        prior=_priors(outlets),
        sensors=sensors,
        first=first,
        alarmed=alarmed,
        factor=lead,
        by_factor=by_factor,
        meters=_meters(park, observations),
        transport=carriage.transport(network, origins, at),
        responses=carriage.responses(network, origins, at, **span),
        elsewhere=carriage.responses(network, others, at, **span),
        elsewhere_m=apart(network, at)[:, others].T,
        alarm_s=alarm,
        now_s=now_s,
        quiet_s=quiet,
        carriage=carriage,
        results=tuple(sorted(results, key=lambda r: (r.barcode, r.factor))),
        library=library,
        stood=stood,
        before=dict(before or {}),
    )


def alarm_s(incident: Incident, anomalies: Sequence[Anomaly]) -> float:
    """Return when the first alarm of an incident stood, epoch seconds."""
    mine = [a.since.timestamp() for a in anomalies if a.incident == incident.id or a.id in incident.anomalies]
    return min([*mine, incident.opened.timestamp()])


def _alarmed(observations: Observations, sensors: tuple[int, ...], incident: Incident) -> tuple[int, ...]:
    at = {observations.stations[i]: k for k, i in enumerate(sensors)}
    return tuple(at[s] for s in incident.stations if s in at)


def _earliest(signals: Signals) -> int:
    """Return the sensor of the earliest event, the first sensor if there is none."""
    events = signals.events
    return int(events.sensor[np.argmin(events.onset_s)]) if len(events) else 0


def _lead(by_factor: dict[str, Signals], alarmed: tuple[int, ...]) -> str:
    """Return the factor whose events at alarmed stations stand out most; masses before conductivity."""

    def standing_out(code: str) -> tuple[bool, float, str]:
        events = by_factor[code].events
        of_alarmed = np.isin(events.sensor, alarmed) if alarmed else np.ones(len(events), bool)
        return (
            is_mass(code) and bool(of_alarmed.any()),
            float(np.minimum(events.z[of_alarmed], 40).sum()),
            code,
        )

    return max(by_factor, key=standing_out)


def is_mass(code: str) -> bool:
    """Tell whether a factor is a mass per volume, so that kilograms can be spoken of."""
    return factor(code).unit.lower().endswith("g/l")


def grams(code: str) -> float:
    """Return how many grams per m3 one unit of a factor is; 0 where it is no mass."""
    scale = {"g/l": 1e3, "mg/l": 1.0, "ug/l": 1e-3, "μg/l": 1e-3, "ng/l": 1e-6}
    return scale.get(factor(code).unit.lower(), 0.0)


def _owners(park: Park, outlets: tuple[Outlet, ...]) -> Ints:
    at = {e.id: i for i, e in enumerate(park.enterprises)}
    return np.array([at[o.enterprise] for o in outlets], np.int64)


def _priors(outlets: tuple[Outlet, ...]) -> Floats:
    counts: dict[tuple[str, OutletKind], int] = {}
    for o in outlets:
        counts[o.enterprise, o.kind] = counts.get((o.enterprise, o.kind), 0) + 1
    total: dict[str, float] = {}
    for enterprise, kind in counts:
        total[enterprise] = total.get(enterprise, 0.0) + KIND_SHARE[kind]
    return np.array(
        [np.log(KIND_SHARE[o.kind] / counts[o.enterprise, o.kind] / total[o.enterprise]) for o in outlets]
    )


def _meters(park: Park, observations: Observations) -> dict[str, tuple[int, ...]]:
    at = {s: i for i, s in enumerate(observations.stations)}
    found: dict[str, tuple[int, ...]] = {}
    for s in park.stations:
        if s.kind is StationKind.OUTLET and s.enterprise and s.id in at:
            found[s.enterprise] = (*found.get(s.enterprise, ()), at[s.id])
    return found


def _spread(network: Network, origins: Ints) -> Ints:
    """Return places an unlisted source could be at: nodes all over the network that are no outlet."""
    others = np.setdiff1d(np.arange(len(network.node_ids)), origins)
    if len(others) == 0:
        return origins[:1]
    pick = np.linspace(0, len(others) - 1, min(PLACES, len(others))).round().astype(np.int64)
    return np.unique(others[pick])
