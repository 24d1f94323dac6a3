"""What is known now: when each station first saw the plume, and which gates stand closed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geodata.network import CLOSED_BELOW, Network
from geodata.places import Park
from twin.model import Anomaly, GateState, Incident


def first_seen(park: Park, incident: Incident, anomalies: Sequence[Anomaly]) -> dict[str, float]:
    """Return when each alarmed station first saw the plume, epoch seconds.

    An anomaly's id ends in the second it began and begins with its station.
    """
    found: dict[str, float] = {}
    rows = [(a.point.station, a.since.timestamp()) for a in anomalies if a.point.station in incident.stations]
    for key in incident.anomalies:
        station, _, rest = key.partition("/")
        end = rest.rpartition("/")[2]
        if station in incident.stations and end.isdigit():
            rows.append((station, float(end)))
    for station, since in rows:
        found[station] = min(since, found.get(station, np.inf))
    for k, station in enumerate(incident.stations):
        at = incident.opened if k == 0 else incident.updated
        found.setdefault(station, at.timestamp())
    known = {s.id for s in park.stations}
    return {s: t for s, t in found.items() if s in known}


def closed_gates(gates: Sequence[GateState], network: Network) -> tuple[str, ...]:
    """Return gates that stand closed although they usually do not."""
    return tuple(
        sorted(
            g.gate
            for g in gates
            if g.gate in network.gates
            and g.position is not None
            and g.position < CLOSED_BELOW
            and network.open[network.gates[g.gate]]
        )
    )
