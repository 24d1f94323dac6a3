"""Which gate must not close now: between it and closed ones water would soon be at a bank."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from geodata.network import Network
from geodata.places import Park
from geodata.words import Text
from twin.plan.field import Canals, overtops_h

LEAST_H = 2.0  # hours that must stay until water nears a bank: time to see it and to open again
SOONER_H = 0.25  # a gate that brings that moment forward by less is not the cause


class Interlock:
    """The canals of one park, asked before a gate closes."""

    def __init__(self, park: Park, network: Network | None = None) -> None:
        self._canals = Canals.of(park, network or Network.from_park(park))

    def forbids(self, gate: str, closed: Collection[str]) -> Text | None:
        """Say why a gate must not close while these others stand closed, or None.

        Raises
        ------
        KeyError
            There is no such gate.
        """
        others = [g for g in closed if g != gate]
        after = self._hours([*others, gate])
        if after is None or after >= LEAST_H:
            return None
        # What this gate does alone its plan says, and what the others do was decided before.
        apart = [h for h in (self._hours(others), self._hours([gate])) if h is not None]
        if min(apart, default=np.inf) - after < SOONER_H:
            return None
        with_ = Text("、".join(others), ", ".join(others))
        return Text(
            "互锁：与已关的 {others} 一起关闭，约 {h:.1f} 小时水位到堤顶",
            "interlock: with {others} closed too, water would be at the bank in about {h:.1f} h",
        ).fill(others=with_, h=after)

    def _hours(self, closed: Collection[str]) -> float | None:
        unknown = [g for g in closed if g not in self._canals.network.gates]
        if unknown:
            raise KeyError(unknown[0])
        return overtops_h(self._canals, self._canals.after(dict.fromkeys(closed, 0.0)))
