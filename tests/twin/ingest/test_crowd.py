"""Peers contained: too fast is read slower, nameless gives way, and the others notice nothing."""

from __future__ import annotations

import time

import pytest

from tests.embedded import Embedded
from tests.twin.ingest.test_gateway import Logger, Open, eventually, keys, opened, qn, upload
from twin.ingest import crowd as module

__all__ = ["opened"]


async def test_a_flood_of_good_frames_is_read_more_slowly_and_none_is_lost(
    embedded: Embedded, opened: Open
) -> None:
    gateway, port = await opened(peer_bytes_per_s=1, peer_burst_bytes=4_000, idle_s=1e12)
    flood, calm = await Logger.dial(port), await Logger.dial(port)
    flood.send(b"".join(upload(i) for i in range(100)))
    await eventually(lambda: gateway.crowd.throttled >= 1)
    flood.send(b"".join(upload(i) for i in range(100, 200)))
    for i in range(1000, 1003):
        calm.send(upload(i, mn="calm"))
        assert [a.qn for a in await calm.answers(1)] == [qn(i)]
    first = await flood.answers(1, more=True)
    assert len(first) <= 100
    assert await flood.silence(0.3)
    gateway.crowd.look(time.monotonic() + 1e9)
    assert len(await flood.answers(200 - len(first), more=True)) == 200 - len(first)
    assert not gateway.stations.cut
    await eventually(lambda: len(keys(embedded.stream())) == 203)
    await flood.hang_up()
    await calm.hang_up()


async def test_when_the_house_is_full_a_silent_stranger_gives_way_to_a_logger(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NEWCOMER_S", 0.05)
    gateway, port = await opened(connections=2)
    logger, stranger = await Logger.dial(port), await Logger.dial(port)
    logger.send(upload(1))
    await logger.answers(1)
    await eventually(lambda: len(gateway.crowd) == 2)
    early = await Logger.dial(port)
    if not gateway.stations.cut:
        await eventually(lambda: gateway.stations.cut["full"] == 1)
    await eventually(lambda: len(gateway.crowd) == 2)
    time.sleep(0.06)
    late = await Logger.dial(port)
    await eventually(lambda: gateway.stations.cut["full"] == 2 and len(gateway.crowd) == 2)
    late.send(upload(2, mn="late"))
    assert [a.qn for a in await late.answers(1)] == [qn(2)]
    logger.send(upload(3))
    assert [a.qn for a in await logger.answers(1)] == [qn(3)]
    for one in (logger, stranger, early, late):
        await one.hang_up()


async def test_a_logger_that_moves_is_followed_and_its_moves_are_counted(
    embedded: Embedded, opened: Open
) -> None:
    gateway, port = await opened()
    first, second = await Logger.dial(port), await Logger.dial(port)
    for i in range(4):
        line = (first, second)[i % 2]
        line.send(upload(i))
        assert [a.qn for a in await line.answers(1)] == [qn(i)]
    station = gateway.stations.by_mn["12091200160055"]
    assert (station.frames, station.moves) == (4, 3)
    await first.hang_up()
    second.send(upload(9))
    assert [a.qn for a in await second.answers(1)] == [qn(9)]
    assert len(keys(embedded.stream())) == 5
    await second.hang_up()
