"""Measuring, saving a picture, gathering and arrows of the map, in a real browser on the real web role."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from pyproj import Geod

from tests.e2e.house import house
from tests.e2e.screen import Screen, browser, screen

pytestmark = pytest.mark.e2e
MAP = "twin.maps['atlas-map']"
EARTH = Geod(ellps="WGS84")


@pytest.fixture(scope="module")
def atlas() -> Iterator[Screen]:
    with house() as home, browser() as chromium, screen(chromium) as it:
        it.open(f"{home.web.url}/atlas")
        it.page.wait_for_selector(".park-map[data-ready]")
        yield it
        assert it.wrong == []


def spot(it: Screen, x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude of a place on the page, px."""
    js = (
        f"([x, y]) => {{ const r = {MAP}.element.getBoundingClientRect();"
        f" const p = {MAP}.map.containerPointToLatLng([x - r.x, y - r.y]); return [p.lng, p.lat]; }}"
    )
    lon, lat = it.page.evaluate(js, [x, y])
    return float(lon), float(lat)


def test_a_line_is_measured_and_what_it_encloses(atlas: Screen) -> None:
    page = atlas.page
    page.mouse.move(900, 500)
    page.keyboard.press("m")
    expect(page.locator(".map-measured b")).to_have_text("在图上点出线")
    corners = [(700.0, 400.0), (1100.0, 420.0), (1050.0, 760.0)]
    for x, y in corners:
        page.mouse.click(x, y)
        page.wait_for_timeout(350)  # two clicks at one time would be a double click
    page.keyboard.press("Enter")
    lon, lat = zip(*(spot(atlas, x, y) for x, y in corners), strict=True)
    length, (area, _) = EARTH.line_length(lon, lat), EARTH.polygon_area_perimeter(lon, lat)
    points = f"{MAP}.tool.points"
    assert page.evaluate(f"twin.measure.length({points})") == pytest.approx(length, rel=1e-5)
    assert page.evaluate(f"twin.measure.area({points})") == pytest.approx(abs(area), rel=1e-4)
    said = page.locator(".map-measured b").inner_text()
    found = re.fullmatch(r"长 ([\d.\u2009]+) km · 围成 ([\d.\u2009]+) ha", said)
    assert found, said
    assert float(found[1].replace("\u2009", "")) == pytest.approx(length / 1000, abs=0.01)
    assert float(found[2].replace("\u2009", "")) == pytest.approx(abs(area) / 1e4, abs=0.1)
    expect(page.locator(".atlas-card")).to_be_empty()  # a click sets a point and opens no card
    page.keyboard.press("Backspace")
    assert page.evaluate(f"{points}.length") == 2
    page.keyboard.press("Escape")
    expect(page.locator(".map-measured")).to_have_count(0)
    assert page.evaluate(f"{MAP}.tool") is None


def test_a_picture_for_a_report_is_saved(atlas: Screen, tmp_path: Path) -> None:
    page = atlas.page
    with page.expect_download() as waiting:
        page.get_by_role("button", name="存为图片").click()
    assert re.search(r"-2026-11-2\d-\d\d-\d\d-\d\d\.png$", waiting.value.suggested_filename)
    path = tmp_path / "map.png"
    waiting.value.save_as(path)
    png = path.read_bytes()
    wide, high = struct.unpack_from(">II", png, 16)
    size = page.evaluate(f"(() => {{ const s = {MAP}.map.getSize(); return [s.x, s.y]; }})()")
    assert wide > 2 * size[0]
    assert high > 2 * size[1]
    drawn = page.evaluate(
        """() => { const c = twin.mapPicture(twin.maps['atlas-map']), x = c.getContext('2d');
        const ink = (a, b, w, h) => new Set(new Uint32Array(x.getImageData(a, b, w, h).data.buffer)).size;
        const [r, g, b] = x.getImageData(4, 4, 1, 1).data;
        return { paper: r + g + b, head: ink(0, 0, c.width / 2, 150), map: ink(60, 160, 2000, 1200),
          side: ink(c.width - 500, 160, 480, 700), scale: ink(c.width - 500, c.height - 300, 480, 200),
          foot: ink(0, c.height - 90, 1200, 80) }; }"""
    )
    assert drawn["paper"] > 700  # light, whatever the page is in
    assert min(drawn[part] for part in ("head", "side", "scale", "foot")) > 10
    assert drawn["map"] > 100
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate(f"{MAP}.c('bg')") == page.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--bg').trim()"
    )


def test_the_address_holds_what_is_looked_at(atlas: Screen) -> None:
    page = atlas.page
    page.evaluate("twin.goto('gate/G05')")
    atlas.wait("location.search.includes('obj=gate/G05') && location.search.includes('view=')")
    page.wait_for_timeout(1000)
    view = f"(() => {{ const m = {MAP}.map, c = m.getCenter(); return [c.lng, c.lat, m.getZoom()]; }})()"
    seen = page.evaluate(view)
    page.reload()
    page.wait_for_selector(".park-map[data-ready]")
    expect(page.locator(".atlas-card h2")).to_have_text(re.compile("闸"))
    again = page.evaluate(view)
    assert again == pytest.approx(seen, abs=1e-3)
    page.keyboard.press("Escape")
    atlas.wait("!location.search.includes('obj=')")
    page.keyboard.press("h")
    page.wait_for_timeout(1000)  # it flies there


def test_from_far_the_worst_of_a_patch_stands_for_it(atlas: Screen) -> None:
    page = atlas.page
    page.evaluate(f"{MAP}.map.setZoom(11, {{ animate: false }})")
    atlas.wait(f"{MAP}.shown.length < 40")
    levels = "it.members.map((f) => twin.live.level(f.p.id))"
    told = page.evaluate(f"{MAP}.shown.map((it) => [it.level, it.members.length, {levels}])")
    assert sum(many for _, many, _ in told) == 78
    order = ["normal", "offline", "watch", "warning", "alarm", "critical"]  # unknown is never drawn as well
    for level, _, members in told:
        assert level == max(members, key=order.index)
    page.evaluate(f"{MAP}.fit('park', false)")
    atlas.wait(f"{MAP}.shown.length === 78")


def test_arrows_show_where_pipes_and_rain_channels_flow(atlas: Screen) -> None:
    page = atlas.page
    page.evaluate(f"{MAP}.map.setZoom(16, {{ animate: false }})")
    page.wait_for_timeout(600)
    ink = f"""(name) => {{
      const m = {MAP}, all = {{ canal: false, pipe: false, rain: false }};
      const drawn = (flow) => {{
        Object.assign(m.layers, all, {{ [name]: true, flow }});
        m.scenery.draw();
        const c = m.scenery._container;
        return new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer);
      }};
      const plain = drawn(false), arrows = drawn(true);
      Object.assign(m.layers, {{ canal: true, pipe: true, rain: true }});
      m.scenery.draw();
      return plain.reduce((n, v, i) => n + (v !== arrows[i]), 0);
    }}"""
    for layer in ("canal", "pipe", "rain"):
        assert page.evaluate(ink, layer) > 30, layer
    page.evaluate(f"{MAP}.fit('park', false)")
