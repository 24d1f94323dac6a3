"""Every check of a park, the worst findings first."""

from __future__ import annotations

from collections.abc import Callable

from geodata.check import levels, network, places
from geodata.check.findings import RANK, Finding
from geodata.check.places import Known
from geodata.check.table import Table
from geodata.places import Park
from geodata.words import Text

Tell = Callable[[Text, float], None]
"""Is told what is looked at and which share of everything is done, 0..1; raises to end the check."""


def _untold(_: Text, __: float) -> None:
    pass


def check(park: Park, known: Known | None = None, tell: Tell = _untold) -> tuple[Finding, ...]:
    """Check a park.

    Parameters
    ----------
    known : Known
        Factors and limits that exist; what is None in it is not checked.
    tell : callable
        Is told before every part and at every finding.

    Returns
    -------
    tuple of Finding
        Errors, then warnings, then notes; within these by kind and feature.
    """
    tell(READING, 0.0)
    table = Table.of(park)
    parts = (
        (NETWORK, 0.2, network.check(park, table)),
        (LEVELS, 0.6, levels.check(park, table)),
        (PLACES, 0.8, places.check(park, table, known or Known())),
    )
    found = []
    for what, share, findings in parts:
        tell(what, share)
        for one in findings:
            tell(what, share)
            found.append(one)
    tell(SORTING, 1.0)
    return tuple(sorted(found, key=lambda f: (RANK[f.severity], f.kind, f.layer, f.feature, f.other)))


READING = Text("整理管网", "laying out the network")
NETWORK = Text("检查连接、长度和流向", "looking at ends, lengths and directions")
LEVELS = Text("检查高程、埋深和管径", "looking at levels, depths and sizes")
PLACES = Text("检查企业、排口、闸和站点", "looking at enterprises, outlets, gates and stations")
SORTING = Text("整理结果", "sorting the findings")
