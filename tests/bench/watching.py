"""How many frames a second one core can watch: blocks decoded, every detector, anomalies and incidents.

`python -m tests.bench.watching [MINUTES]` prints one JSON line. The demo park's stations send a frame each a
minute of park time, gathered into blocks as at 120 times speed; records and the stream are left out.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from geodata import park as parks
from tests.twin.detect.series import MINUTE, World
from twin.blocks import BlockBuilder, Series, decode, encode
from twin.detect.columns import Columner

MINUTES = 120
BLOCKS = 10  # a minute
FRAME = b"x" * 300


def measure(minutes: int = MINUTES) -> dict[str, Any]:
    """Return frames, readings, CPU seconds and what follows from them."""
    world = World(parks.read(parks.demo_path()), missing=0.0)
    world.run(30)
    entries = [entry for _ in range(minutes) for entry in _minute(world)]
    columner = Columner(world.park, world.table.points)
    readings, begun = 0, time.process_time()
    for entry in entries:
        columns, _ = columner.read([decode(entry)])
        touched = world.bank.step(*columns, world.now_ms)
        world.alarms.refresh(touched, world.now_ms)
        world.correlator.update(world.now_ms)
        readings += len(columns.point)
    cpu_s = time.process_time() - begun
    frames = minutes * len(world.park.stations)
    return {
        "bench": "watching",
        "points": len(world.table.points),
        "frames": frames,
        "readings": readings,
        "cpu_s": round(cpu_s, 3),
        "frames_per_cpu_s": round(frames / cpu_s),
        "ms_per_block": round(1000 * cpu_s / len(entries), 3),
    }


def _minute(world: World) -> list[bytes]:
    """The blocks of the next minute."""
    world.now_ms += MINUTE
    value = world.water()
    blocks = []
    for part in range(BLOCKS):
        builder = BlockBuilder()
        for k, station in enumerate(world.park.stations):
            if k % BLOCKS == part:
                rows = [
                    (
                        Series(station.mn, f, "2011", "Rtd"),
                        world.now_ms,
                        value[world.at(station.id, f)],
                        ord("N"),
                    )
                    for f in station.factors
                ]
                builder.add(FRAME, world.now_ms, rows)
        blocks.append(encode(builder.build()))
    return blocks


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else MINUTES)))
