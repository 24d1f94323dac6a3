"""The address of the tiles: bounded in what may be asked, and in how long a page waits."""

from __future__ import annotations

import threading

import pytest
from fastapi import FastAPI

from callbacks import tiles
from tests.callbacks.asgi import ask
from twin.tiles import Tile


class Slow:
    """A base map that answers when it is let."""

    zooms, credit = (1, 18), ""

    def __init__(self) -> None:
        self.let, self.asked = threading.Event(), list[tuple[int, int, int]]()

    def get(self, z: int, x: int, y: int) -> Tile | None:
        self.asked.append((z, x, y))
        self.let.wait(60)
        return Tile(b"\x89PNG", "image/png")


@pytest.mark.parametrize("place", ["30/1/1", "-1/0/0", "5/32/0", "5/0/-1", "4000000000/1/1", "5/1/1e9"])
async def test_what_is_no_place_on_earth_is_not_looked_for(place: str) -> None:
    server, slow = FastAPI(), Slow()
    tiles.routes(server, tiles.Base(slow))
    assert (await ask(server, f"/tiles/under/{place}.png")).status in (404, 422)
    assert (await ask(server, "/tiles/over/5/1/1.png")).status == 404
    assert slow.asked == []


async def test_a_page_does_not_wait_for_a_map_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "WAIT_S", 0.01)
    server, slow = FastAPI(), Slow()
    tiles.routes(server, tiles.Base(slow))
    assert (await ask(server, "/tiles/under/5/1/1.png")).status == 503
    slow.let.set()
    monkeypatch.setattr(tiles, "WAIT_S", 60.0)
    answer = await ask(server, "/tiles/under/5/1/1.png")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"\x89PNG", "image/png")
