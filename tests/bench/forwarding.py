"""How fast frames are forwarded: stream, queue on disk, one TCP line, an answer to every frame.

`python -m tests.bench.forwarding` prints one JSON line. The platform that answers runs in the same process,
so its work is in the number too.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.embedded import Embedded
from tests.twin.forward.test_relay import Platform, answer, target, upload
from twin.blocks import BlockBuilder, Series, encode
from twin.clock import wall_ms
from twin.forward.relay import Filler, Relay
from twin.forward.spool import Spool
from twin.stream import AsyncStream

LOGGERS, EACH = 200, 100


async def run() -> dict[str, Any]:
    """Forward every frame once."""
    server = Embedded(Path(tempfile.mkdtemp(prefix="twin-")))
    server.start()
    stream, there = server.stream(), Platform(lambda packet: [answer(packet)])
    await there.start()
    to, spool = target(there.port, over_time_s=10.0), Spool(server.folder / "spool")
    relay = Relay([to], spool, AsyncStream(server.url), Filler([to], spool, server.stream()))
    relay.open()
    await asyncio.sleep(1.0)
    began, worked = time.perf_counter(), time.process_time()
    for i in range(EACH):
        builder = BlockBuilder()
        for k in range(LOGGERS):
            mn = f"010000A8900016F0000{k:05d}"
            row = (Series(mn, "w01018", "2011", "Rtd"), wall_ms(), 1.0, 0)
            builder.add(upload(mn, i), wall_ms(), [row])
        stream.append("readings", encode(builder.build()))
    while relay.uppers[0].counts["relayed"] < LOGGERS * EACH:
        await asyncio.sleep(0.02)
    seconds, work = time.perf_counter() - began, time.process_time() - worked
    await relay.close()
    spool.close()
    await there.stop()
    for one in server.streams:
        one.close()
    server.kill()
    return {"bench": "forwarding", "frames": LOGGERS * EACH, "loggers": LOGGERS, "seconds": round(seconds, 2),
            "frames_per_s": round(LOGGERS * EACH / seconds), "cpu_s": round(work, 2), "cpus": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1), "python": platform.python_version()}  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run())))
