"""A door's desk without a door: what nobody would send again is held, and not without bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.twin.ingest.rigs import COD, MN, T0, until
from twin.blocks import Series, decode
from twin.ending import ended
from twin.errors import UnavailableError
from twin.ingest import doorway as module
from twin.ingest.doorway import Doorway

SERIES = Series(MN, COD, "2011", "Rtd")


class Shelf:
    """A stream that can be away."""

    shards, away = 1, False

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.rejects = 0

    async def append(self, name: str, body: bytes, **_: Any) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise UnavailableError("away")
        if name == "rejects":
            self.rejects += 1
        else:
            self.bodies.append(body)

    async def last(self, *_: Any, **__: Any) -> list[Any]:
        return []


@pytest.fixture
async def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def desk(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doorway]:
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    it = Doorway(shelf, "modbus", "m", lambda: T0, 0.05)  # type: ignore[arg-type]
    it.open()
    yield it
    await it.close(0.1)


async def poll(desk: Doorway, i: int) -> None:
    await desk.keep(b"%d" % i, [(SERIES, T0 + i, float(i), 78)], peer="plc")


async def test_what_would_not_come_again_is_held_while_there_is_room(desk: Doorway, shelf: Shelf) -> None:
    shelf.away = True
    polls = [
        asyncio.ensure_future(desk.keep(b"%d" % i, [(SERIES, T0 + i, float(i), 78)], peer="plc"))
        for i in (1, 2)
    ]
    await until(lambda: desk.held == 2, "not held")
    await poll(desk, 3)  # no room: refused at once, and counted
    assert desk.as_dict()["nameless"] == {"held_too_long": 1}
    shelf.away = False
    await until(lambda: not desk.held, "held for ever")
    assert await ended(polls)
    stored = {float(v) for body in shelf.bodies for v in decode(body).value}
    assert stored == {1.0, 2.0}
    await poll(desk, 4)  # there is room again
    assert 4.0 in {float(v) for body in shelf.bodies for v in decode(body).value}
