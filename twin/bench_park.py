"""A park for benches of the pages: the demo's with very many stations, their readings, and its roles."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geodata import park as parks
from geodata.places import Park, StationKind
from geodata.words import Text
from twin.blocks import BlockBuilder, Series, encode
from twin.clock import wall_ms
from twin.config import SHIPPED, Config
from twin.demo import environment, is_healthy
from twin.errors import MissingError
from twin.stream import Stream
from twin.supervisor import Role, Supervisor, free_port

CLEAN, DIRTY = 12.0, 120.0  # COD in mg/L, on either side of class IV's 30
FACTOR = "w01018"
UP_S = 120.0
BLOCK = 20_000  # readings an entry of the stream


def crowded(points: int, lines: int) -> Park:
    """Return the demo park with so many stations of one factor in it, and so many more pipes.

    Parameters
    ----------
    points, lines : int
        Stations in all, and pipes beside those there are.
    """
    park = parks.read(SHIPPED)
    dice = np.random.default_rng(1)
    x, y = (np.array([getattr(s, c) for s in park.stations]) for c in "xy")
    px, py = dice.uniform(x.min(), x.max(), points), dice.uniform(y.min(), y.max(), points)
    node = park.stations[0].node
    stations = tuple(
        replace(
            park.stations[0],
            id=f"P{n:06d}",
            name=Text(f"测点 {n}", f"Point {n}"),
            kind=StationKind.CANAL,
            mn=mn(n),
            node=node,
            factors=(FACTOR,),
            limit_set="GB 3838-2002/IV",
            enterprise=None,
            x=float(px[n]),
            y=float(py[n]),
        )
        for n in range(points)
    )
    return replace(park, stations=stations, links=_more(park, lines, dice), version=f"bench-{points}-{lines}")


def _more(park: Park, lines: int, dice: np.random.Generator) -> gpd.GeoDataFrame:
    """Return the park's links with copies of one pipe strewn over the park."""
    box = park.links.total_bounds
    at = np.column_stack([dice.uniform(box[0], box[2], lines), dice.uniform(box[1], box[3], lines)])
    way = dice.normal(0, 60.0, (lines, 2))
    pipe = park.links[~park.links["system"].isin(("canal", "rain"))].iloc[: min(lines, 1)]
    many = pd.concat([pipe] * lines, ignore_index=True) if lines else pipe
    many["id"] = [f"BENCH-{n}" for n in range(lines)]
    many = many.set_geometry(shapely.linestrings(np.stack([at, at + way], 1)) if lines else many.geometry)
    return gpd.GeoDataFrame(pd.concat([park.links, many.set_crs(park.links.crs)], ignore_index=True))


def mn(n: int) -> str:
    """Return the MN of the n-th station."""
    return f"010000A8900016F1{n:08d}"


@dataclass(slots=True)
class Feed:
    """Sends so many readings a second, each another value than before, a tenth of them over the limit."""

    stream: Stream
    points: int
    changing: int
    round: int = 0

    def send(self, many: int) -> None:
        """Append one reading each of the next `many` stations."""
        self.round += 1
        now = wall_ms()
        for first in range(0, many, BLOCK):
            builder = BlockBuilder()
            for n in range(first, min(first + BLOCK, many)):
                k = (n + self.round * many) % self.points if many < self.points else n
                value = (DIRTY if (k + self.round) % 10 == 0 else CLEAN) + 0.1 * (self.round % 7)
                builder.add(b"", now, [(Series(mn(k), FACTOR, "2011", "Rtd"), now, value, ord("N"))])
            self.stream.append("readings", encode(builder.build()))

    def run(self, stop: threading.Event) -> None:
        """Send `changing` readings every second until told to stop."""
        while not stop.wait(1.0):
            self.send(self.changing)


@dataclass(slots=True)
class Stage:
    """A park being watched: its roles, and readings that change every second."""

    config: Config
    stream: Stream
    feed: Feed
    supervisor: Supervisor
    _stop: threading.Event
    _thread: threading.Thread

    def pid(self, role: str) -> int:
        """Return the process id of a role.

        Raises
        ------
        MissingError
            It has ended.
        """
        found = self.supervisor.pid(role)
        if found is None:
            raise MissingError(f"{role} has ended; its log is in {self.config.data}/logs")
        return found

    def rest(self) -> None:
        """Send no more readings."""
        self._stop.set()
        self._thread.join()


@contextmanager
def crowd(points: int, lines: int, changing: int) -> Iterator[Stage]:
    """Run a crowded park, all stations known and so many changing each second, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="twin-bench-"))
    config = Config(
        data=folder, park=folder / "crowded.gpkg", port=free_port(), gateway_port=free_port(), open=True
    )
    supervisor = Supervisor(environment(config), config.data / "logs", lambda _: None)
    stream, stop = Stream(config.redis), threading.Event()
    feed = Feed(stream, points, min(changing, points))
    thread = threading.Thread(target=feed.run, args=(stop,), daemon=True)
    try:
        parks.write(crowded(points, lines), config.park)
        _start(supervisor, config, stream)
        feed.send(points)
        thread.start()
        stage = Stage(config, stream, feed, supervisor, stop, thread)
        yield stage
        stage.rest()
    finally:
        stop.set()
        stream.close()
        supervisor.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _start(supervisor: Supervisor, config: Config, stream: Stream) -> None:
    for name in ("redis", "gateway", "web"):
        supervisor.start(Role(name, (name,)))
    deadline = time.monotonic() + UP_S
    while not (is_healthy(config.host, config.port) and stream.ping()):
        supervisor.tick()
        if time.monotonic() > deadline:
            raise MissingError(f"the pages are not up after {UP_S:g} s; the logs are in {config.data}/logs")
        time.sleep(0.2)


def machine() -> dict[str, Any]:
    """Return what a number should be read with: cores, system, load."""
    return {"cores": os.cpu_count(), "system": platform.platform(), "load": round(os.getloadavg()[0], 2)}
