"""Counters of one gateway and of several: told whole, summed where the pages read them."""

from __future__ import annotations

import json
from typing import Any

from tests.embedded import Embedded
from tests.twin.ingest.test_gateway import MN, Logger, eventually, qn, upload
from twin.clock import LIVE, ParkClock
from twin.ingest.gateway import Gateway
from twin.stream import AsyncStream


def told(embedded: Embedded) -> dict[str, Any]:
    return dict(json.loads(embedded.stream().get("stations") or b"{}"))


async def test_two_gateways_sum_what_they_counted_and_share_the_shards(embedded: Embedded) -> None:
    url = f"{embedded.url}?shards=3"
    streams = [AsyncStream(url), AsyncStream(url)]
    gateways = [
        Gateway(stream, ParkClock(lambda: LIVE), member=str(i)) for i, stream in enumerate(streams, 1)
    ]
    loggers = [await Logger.dial(await g.open("127.0.0.1", 0)) for g in gateways]
    for i in range(12):  # one logger now here, now there, and others beside it
        line = loggers[i % 2]
        line.send(upload(i) + upload(i, mn=f"other{i}"))
        assert [a.qn for a in await line.answers(2)] == [qn(i)] * 2
    await eventually(lambda: told(embedded).get("frames") == 24)
    row = told(embedded)["by_mn"][MN]
    assert (row["frames"], row["readings"], row["peer"]) == (12, 12, told(embedded)["by_mn"][MN]["peer"])
    await eventually(lambda: told(embedded)["connections"] == 2)
    for logger in loggers:
        await logger.hang_up()
    for gateway, stream in zip(gateways, streams, strict=True):
        await gateway.close(1.0)
        await stream.close()
    assert told(embedded)["frames"] == 24
    again = Gateway(AsyncStream(url), ParkClock(lambda: LIVE), member="2")
    logger = await Logger.dial(await again.open("127.0.0.1", 0))
    logger.send(upload(50))
    await logger.answers(1)
    await eventually(lambda: told(embedded)["frames"] == 25)
    await logger.hang_up()
    await again.close(1.0)
    mine = embedded.stream()
    kept = [mine.keys.stream("readings").replace(":0}", f":{shard}}}") for shard in range(3)]
    assert kept[0] == "{park:0}:readings"
    assert all(embedded.stream()._r.xlen(key) > 0 for key in kept)
