"""The base map's tiles, on our own address: whatever they come from, the page asks nobody else."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fastapi import FastAPI, Response

from twin.config import Config
from twin.tiles import HIGHEST, LOWEST, Tiles, open_tiles

KEEP = {"Cache-Control": "public, max-age=86400"}
LAYERS = ("under", "over")
AT_ONCE = 4
WAIT_S = 15.0
"""How long a page waits for a tile: a server that does not answer keeps the threads, not the pages."""


@dataclass(frozen=True, slots=True)
class Base:
    """The base map of a park: what lies below, and what its makers want to lie above that (names)."""

    under: Tiles
    over: Tiles | None = None

    def layer(self, name: str) -> Tiles | None:
        """Return one of `LAYERS`, None where there is none."""
        return self.under if name == "under" else self.over if name == "over" else None

    @property
    def credit(self) -> str:
        """Whom to name beside it."""
        return " ".join(dict.fromkeys(t.credit for t in (self.under, self.over) if t and t.credit))

    @property
    def about(self) -> dict[str, object]:
        """What the page must know to show it."""
        layers = [name for name in LAYERS if self.layer(name)]
        return {"layers": layers, "zooms": list(self.under.zooms), "credit": self.credit}


def base(config: Config) -> Base | None:
    """Open the base map that the configuration names, None where it names none.

    Raises
    ------
    ConfigError
        It cannot be used.
    """
    if config.tiles is None:
        return None
    kept = config.data / "tiles"
    over = open_tiles(config.tiles_over, kept) if config.tiles_over else None
    return Base(open_tiles(config.tiles, kept), over)


def routes(server: FastAPI, base: Base | None) -> None:
    """Add the addresses of the tiles.

    They have threads of their own: a tile server that does not answer must not keep callbacks waiting.
    """
    threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="tiles")

    @server.get("/tiles/{layer}/{z}/{x}/{y}.png")
    async def tile(layer: str, z: int, x: int, y: int) -> Response:
        tiles = base.layer(layer) if base else None
        if tiles is None or not (LOWEST <= z <= HIGHEST and 0 <= x < 2**z and 0 <= y < 2**z):
            return Response(status_code=404)
        try:
            async with asyncio.timeout(WAIT_S):
                found = await asyncio.get_running_loop().run_in_executor(threads, tiles.get, z, x, y)
        except TimeoutError:
            return Response(status_code=503)
        if found is None:
            return Response(status_code=404)
        return Response(found.body, media_type=found.kind, headers=KEEP)
