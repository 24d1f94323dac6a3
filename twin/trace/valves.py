"""How an enterprise's own valves and pumps stood while its water would have run.

What is closed all the time let nothing out, or little: it may leak, or be gone round. So it is bounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from geodata.network import CLOSED_BELOW
from geodata.places import Device, Outlet
from twin.gate_log import BELIEVED
from twin.model import GateState

Floats = NDArray[np.float64]

BEFORE_S, AFTER_S = 1200.0, 900.0  # around an inferred release
KNOWN = 0.8  # of that time it must be known how they stood
ALL, SOME = 0.95, 0.2  # of the time known: closed all along; opened, where they usually are not
SHUT, OPENED = -2.0, 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Stood:
    """How valves and pumps stood, as it was written down.

    Attributes
    ----------
    t_s : (n,) float64
        Moments, epoch seconds, ascending; each holds until the next, and for a quarter of an hour at most.
    ids : tuple of str
        d of them.
    position : (d, n) float64
        0 closed or standing .. 1 open or running; NaN where it was not known.
    """

    t_s: Floats
    ids: tuple[str, ...]
    position: Floats

    @classmethod
    def of(cls, rows: Sequence[tuple[datetime, Sequence[GateState]]], devices: Sequence[Device]) -> Stood:
        """Lay out rows of the gate log; what is not of these devices is left aside."""
        ids = tuple(sorted(d.id for d in devices))
        at = {name: k for k, name in enumerate(ids)}
        rows = sorted(rows, key=lambda row: row[0])
        position = np.full((len(ids), len(rows)), np.nan)
        for n, (_, states) in enumerate(rows):
            for state in states:
                if state.gate in at and state.position is not None:
                    position[at[state.gate], n] = state.position
        return cls(np.array([t.timestamp() for t, _ in rows]), ids, position)

    def digest(self) -> str:
        """Return the same few letters for the same record; "" for none."""
        if not np.isfinite(self.position).any():
            return ""
        told = hashlib.blake2b("\n".join(self.ids).encode(), digest_size=12)
        told.update(np.ascontiguousarray(self.t_s).tobytes() + np.ascontiguousarray(self.position).tobytes())
        return told.hexdigest()

    def within(self, devices: Sequence[Device], from_s: float, to_s: float) -> tuple[float, float, float]:
        """Return for what share of a time it is known whether water could pass, could not, and could.

        The tightest of the devices decides; one that is known to be closed is enough.
        """
        mine = [self.ids.index(d.id) for d in devices if d.id in self.ids]
        if not mine or not len(self.t_s) or to_s <= from_s:
            return (0.0, 0.0, 0.0)
        opening = np.fmin.reduce(self.position[mine], axis=0)
        ends = np.minimum(np.append(self.t_s[1:], np.inf), self.t_s + BELIEVED.total_seconds())
        held = np.clip(np.minimum(ends, to_s) - np.maximum(self.t_s, from_s), 0.0, None) / (to_s - from_s)
        shut = float(held[opening < CLOSED_BELOW].sum())
        passed = float(held[opening >= CLOSED_BELOW].sum())
        return (shut + passed, shut, passed)


@dataclass(frozen=True, slots=True)
class Valve:
    """What an outlet's own valves and pumps say of a release.

    state: "" (nothing), shut (closed all along), opened (open, though they usually are closed).
    """

    nats: float
    state: str = ""


def valve(
    stood: Stood | None, devices: Sequence[Device], outlet: Outlet, start_s: float, duration_s: float
) -> Valve:
    """Compare how what stops an outlet stood with the release that would explain the event."""
    mine = [d for d in devices if outlet.id in d.outlets]
    if stood is None or not mine:
        return Valve(0.0)
    known, shut, passed = stood.within(mine, start_s - BEFORE_S, start_s + duration_s + AFTER_S)
    if known < KNOWN:
        return Valve(0.0)
    if shut >= ALL * known:
        return Valve(SHUT, "shut")
    usually = min(d.normal_position for d in mine)
    if usually < CLOSED_BELOW and passed >= SOME * known:
        return Valve(OPENED, "opened")
    return Valve(0.0)
