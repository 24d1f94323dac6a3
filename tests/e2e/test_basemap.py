"""A base map in GCJ-02 or BD-09: the park moves onto it on the screen alone, and comes back exactly."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from geodata import datum
from geodata.crs import to_lonlat
from tests.e2e.screen import Screen, browser, screen, site
from tests.embedded import Embedded
from tests.geodata.parks import demo_park

pytestmark = pytest.mark.e2e
PARK = demo_park()
MAP = "twin.maps['atlas-map']"
METRES = 111_000.0
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as it:
        yield it


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    """A tile for every place the view may ask for."""
    station = PARK.stations[0]
    lon, lat = (float(v) for v in to_lonlat(station.x, station.y, PARK.crs))
    for zoom in range(11, 16):
        n = 2**zoom
        column = int((lon + 180) / 360 * n)
        row = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * n)
        for x in range(column - 12, column + 13):
            (tmp_path / str(zoom) / str(x)).mkdir(parents=True)
            for y in range(row - 12, row + 13):
                (tmp_path / str(zoom) / str(x) / f"{y}.png").write_bytes(PNG)
    return tmp_path


SHIFTS = {"GCJ-02": datum.wgs84_to_gcj02, "BD-09": datum.wgs84_to_bd09}


@pytest.fixture(params=list(SHIFTS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def atlas(chromium: Browser, embedded: Embedded, tiles: Path, name: str) -> Iterator[Screen]:
    said = {"TWIN_TILES": str(tiles), "TWIN_TILES_DATUM": name}
    with site(embedded.folder, embedded.url, **said) as web, screen(chromium) as it:
        it.page.context.add_cookies([{"name": "lang", "value": "zh", "url": web.url}])
        it.page.goto(f"{web.url}/atlas")
        it.page.wait_for_selector(".park-map[data-ready]")
        yield it
        assert it.wrong == []


def on_screen(it: Screen, key: str) -> list[float]:
    """Where the map draws a place: longitude and latitude of the base map's own reckoning."""
    js = f"(() => {{ const m = {MAP}, f = m.named.get('{key}'), z = 2 ** 16 * 256;"
    js += " const X = f.x + m.o[0], Y = f.y + m.o[1];"
    js += " return [X / z * 360 - 180, Math.atan(Math.sinh(Math.PI * (1 - 2 * Y / z))) * 180 / Math.PI]; })()"
    return list(it.page.evaluate(js))


def told(it: Screen, key: str) -> list[float]:
    """What the map says of a place to everybody else."""
    js = f"(() => {{ const m = {MAP}, f = m.named.get('{key}'); return m.lonlat(f.x, f.y); }})()"
    return list(it.page.evaluate(js))


def test_the_park_lies_on_a_shifted_base_map_and_is_told_in_wgs84(atlas: Screen, name: str) -> None:
    station = PARK.stations[0]
    key = f"station/{station.id}"
    true = [float(v) for v in to_lonlat(station.x, station.y, PARK.crs)]
    shifted = [float(v) for v in SHIFTS[name](*true)]
    assert np.hypot(*(np.array(shifted) - true)) * METRES > 100
    assert np.abs(np.array(on_screen(atlas, key)) - true).max() * METRES < 0.1
    atlas.page.get_by_role("button", name=f"底图（{name}）").click()
    atlas.page.wait_for_selector(".leaflet-tile-loaded")
    assert np.abs(np.array(on_screen(atlas, key)) - shifted).max() * METRES < 0.1
    assert np.abs(np.array(told(atlas, key)) - true).max() * METRES < 0.1
    the_way_back_is_exact_all_over_china(atlas, name)
    atlas.page.get_by_role("button", name=f"底图（{name}）").click()
    assert np.abs(np.array(on_screen(atlas, key)) - true).max() * METRES < 0.1


def the_way_back_is_exact_all_over_china(atlas: Screen, name: str) -> None:
    rng = np.random.default_rng(3)
    points = np.column_stack([rng.uniform(75, 135, 200), rng.uniform(5, 54, 200)])
    js = f"(p) => p.map((q) => twin.datum('{name}')[%d](...q))"
    there = np.array(atlas.page.evaluate(js % 0, points.tolist()))
    wanted = np.column_stack(SHIFTS[name](points[:, 0], points[:, 1]))
    assert np.abs(there - wanted).max() * METRES < 0.001
    back = np.array(atlas.page.evaluate(js % 1, there.tolist()))
    assert np.abs(back - points).max() * METRES < 0.001
