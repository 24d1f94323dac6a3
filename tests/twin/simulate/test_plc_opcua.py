"""The drill's gates over OPC UA, worked by the product's own client over a socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from twin.control_opcua import NODE, OpcUaPlc
from twin.ending import ended
from twin.errors import PeerError, UnavailableError
from twin.gatehouse import Feedback
from twin.ingest.opcua_lock import Lock
from twin.simulate.plc import Drive, Plc
from twin.simulate.plc_opcua import UaPlc
from twin.supervisor import free_port

T = TypeVar("T")


class Hand:
    """A clock moved by hand."""

    ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


async def answer(ask: Callable[[], T], right: Callable[[T], bool] = lambda _: True) -> T:
    """Ask from another thread, as control does, until the answer is right."""
    until = time.monotonic() + 60
    while True:
        try:
            found = await asyncio.to_thread(ask)
            if right(found):
                return found
        except UnavailableError:
            found = None
        assert time.monotonic() < until, f"last heard: {found}"
        await asyncio.sleep(0.05)


async def test_a_gate_is_closed_over_a_locked_session_and_jams(tmp_path: Path) -> None:
    clock, moves = Hand(), list[tuple[str, float]]()
    plc = Plc(
        [Drive("G11", 11, 100.0), Drive("G12", 12, 100.0)],
        clock,
        lambda d, _: moves.append((d.gate, d.target)),
    )
    url, certificate = f"opc.tcp://127.0.0.1:{free_port()}/gates", tmp_path / "gates.der"
    serving = asyncio.ensure_future(UaPlc(plc, [12], url, NODE, certificate, clock).run())
    client = OpcUaPlc(url, timeout_s=5.0, lock=Lock(tmp_path / "o.der", tmp_path / "o.pem", certificate))
    open_ = OpcUaPlc(url, timeout_s=5.0)

    def position(at: float) -> Callable[[Feedback], bool]:
        return lambda f: f.position == pytest.approx(at)

    try:
        assert await answer(lambda: client.read(12)) == Feedback(1.0, False, False, True, 100.0)
        with pytest.raises(PeerError, match="has not the nodes"):  # behind the other server
            await answer(lambda: client.read(11))
        with pytest.raises((PeerError, UnavailableError)):  # without the lock nobody gets in
            await asyncio.to_thread(open_.read, 12)
        _, counter = await answer(lambda: client.ordered(12))
        await answer(lambda: client.move(12, 0.0, counter + 1))
        await answer(lambda: client.read(12), lambda f: f.moving)
        clock.ms += 40_000
        await answer(lambda: client.read(12), position(0.6))
        plc.drives["G12"].stuck_at = 0.4
        clock.ms += 60_000
        stuck = await answer(lambda: client.read(12), position(0.4))
        assert (stuck.moving, stuck.failed) == (False, True)
        assert moves == [("G12", 0.0)]
        assert plc.positions()["G11"] == 1.0
    finally:
        await asyncio.to_thread(client.close)
        await asyncio.to_thread(open_.close)
        await ended([serving])
