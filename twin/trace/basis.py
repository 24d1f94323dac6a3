"""What a ranking was made of, told so exactly that it can be made again: `rerun` does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from geodata.places import Fingerprint
from twin.model import Basis, Incident
from twin.trace.case import Case
from twin.trace.evidence import Weights
from twin.trace.observations import Observations

if TYPE_CHECKING:
    from twin.fingerprints import Print

# Every module whose numbers decide a ranking: their text is the parameters, whatever is written in it.
METHOD = (
    *("bottles", "bounds", "case", "curves", "evidence", "fingerprint", "makeup", "observations", "own"),
    *("rank", "response", "sampling", "second", "sheet", "signals", "transport", "valves"),
)


def of(case: Case, incident: Incident, weights: Weights, gates: Mapping[str, float]) -> Basis:
    """Return what a ranking is made of."""
    observations, library = case.observations, case.library
    return Basis(
        stations=incident.stations,
        factors=incident.factors,
        alarm=datetime.fromtimestamp(case.alarm_s, UTC),
        since=datetime.fromtimestamp(observations.asked_s[0], UTC),
        until=datetime.fromtimestamp(observations.asked_s[1], UTC),
        readings=readings(observations),
        parameters=parameters(weights),
        water=water((*case.park.fingerprints, *(library.measured if library else ()))),
        gates=dict(sorted(gates.items())),
        results=tuple(sorted(f"{r.barcode}/{r.factor}" for r in case.results)),
        means=observations.means,
        library=library.version if library else 0,
        valves=case.stood.digest() if case.stood else "",
        before=dict(sorted(case.before.items())),
    )


def readings(observations: Observations) -> str:
    """Return a digest of readings, the same in whatever order stations and factors are listed."""
    told = hashlib.blake2b(digest_size=12)
    told.update(np.ascontiguousarray(observations.t_s).tobytes())
    for f in sorted(range(len(observations.factors)), key=lambda k: observations.factors[k]):
        for s in sorted(range(len(observations.stations)), key=lambda k: observations.stations[k]):
            row = observations.value[f, s]
            if np.isfinite(row).any():
                told.update(f"{observations.factors[f]} {observations.stations[s]} ".encode())
                told.update(np.ascontiguousarray(row).tobytes())
    return told.hexdigest()


def water(prints: Sequence[Fingerprint | Print]) -> str:
    """Return a digest of fingerprints, the same in whatever order they are listed."""
    told = "\n".join(sorted(repr(p) for p in prints))
    return hashlib.blake2b(told.encode(), digest_size=12).hexdigest()


def parameters(weights: Weights) -> str:
    """Return a digest of the method: of its weights, and of the text of every module that decides."""
    told = hashlib.blake2b(repr(weights).encode(), digest_size=12)
    for name in METHOD:
        told.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return told.hexdigest()
