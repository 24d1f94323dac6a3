"""Every check of a park, the worst findings first."""

from __future__ import annotations

from geodata.check import levels, network, places
from geodata.check.findings import RANK, Finding
from geodata.check.places import Known
from geodata.check.table import Table
from geodata.places import Park


def check(park: Park, known: Known | None = None) -> tuple[Finding, ...]:
    """Check a park.

    Parameters
    ----------
    known : Known
        Factors and limits that exist; what is None in it is not checked.

    Returns
    -------
    tuple of Finding
        Errors, then warnings, then notes; within these by kind and feature.
    """
    table = Table.of(park)
    found = [
        *network.check(park, table),
        *levels.check(park, table),
        *places.check(park, table, known or Known()),
    ]
    return tuple(sorted(found, key=lambda f: (RANK[f.severity], f.kind, f.layer, f.feature, f.other)))
