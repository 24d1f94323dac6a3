"""Keeps what water does between places, for every state of the network that has been asked about lately.

Carriage depends on the flow field, on which gates stand open and on the version of the park, not on what
sensors read: so it is worked out when one of those changes and looked up otherwise. A gate that closes and
opens again finds the earlier state still here.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from geodata.network import Network
from twin.trace import response, transport
from twin.trace.response import Response
from twin.trace.transport import Transport

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STATES = 12  # answers kept; three belong to one state of the network
SPAN_S = 2 * 3600.0  # horizons are rounded up to this, so that they do not change with every reading


class Carriage:
    """Answers about carriage, kept for the last few states of a network."""

    def __init__(self, most: int = STATES) -> None:
        self._kept: OrderedDict[bytes, object] = OrderedDict()
        self._most = most
        self.solved = 0
        """How many answers had to be worked out."""

    def responses(
        self, network: Network, origins: Ints, sensors: Ints, *, step_s: float, horizon_s: float
    ) -> tuple[Response, ...]:
        """Return `response.ensemble`; the horizon is rounded up."""
        horizon = float(np.ceil(horizon_s / SPAN_S) * SPAN_S)
        key = _key(b"responses", network, origins, sensors, np.array([step_s, horizon]))

        def work() -> object:
            return response.ensemble(network, origins, sensors, step_s=step_s, horizon_s=horizon)

        return cast("tuple[Response, ...]", self._of(key, work))

    def transport(self, network: Network, origins: Ints, sensors: Ints) -> Transport:
        """Return `transport.solve`."""
        key = _key(b"transport", network, origins, sensors)
        return cast(Transport, self._of(key, lambda: transport.solve(network, origins, sensors)))

    def _of(self, key: bytes, work: Callable[[], object]) -> object:
        if key not in self._kept:
            self._kept[key] = work()
            self.solved += 1
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def _key(what: bytes, network: Network, *arrays: NDArray[np.generic]) -> bytes:
    """Return a digest of everything that carriage depends on."""
    told = hashlib.blake2b(what, digest_size=16)
    for column in (
        network.tail,
        network.head,
        network.flow_m3s,
        network.travel_s,
        network.reversal,
        network.open,
        np.array(sorted(network.part.items()), float),
        *arrays,
    ):
        told.update(np.ascontiguousarray(column).tobytes())
        told.update(b"|")
    return told.digest()
