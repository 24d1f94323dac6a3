"""The atlas in a real browser, over a real stream server and the real web role."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.callbacks import story
from tests.e2e.house import House, house
from tests.e2e.screen import Screen, browser, screen
from tests.geodata.parks import demo_park
from twin.blocks import BlockBuilder, Series, encode
from twin.clock import as_ms, wall_ms
from twin.model import Event, Order, from_json, to_json
from twin.stream import Stream

pytestmark = pytest.mark.e2e
PARK = demo_park()
MAP = "twin.maps['atlas-map']"
SEA = (12, 27, 39)  # about what the dark sea is drawn in


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as it:
        yield it


@pytest.fixture(scope="module")
def home() -> Iterator[House]:
    """A park that has an hour of readings; no incident is opened before the last tests of this file."""
    with house(speed=0.1) as it:  # so slow that no reading grows old before the last test
        yield it


@pytest.fixture
def atlas(chromium: Browser, home: House) -> Iterator[Screen]:
    with screen(chromium) as it:
        it.open(f"{home.web.url}/atlas")
        it.page.wait_for_selector(".park-map[data-ready]")
        yield it
        assert it.wrong == []


def send(stream: Stream, station: str, factor: str, value: float, after_s: float) -> None:
    """Append one reading of one station."""
    builder = BlockBuilder()
    mn, at = PARK.station(station).mn, as_ms(story.NOW) + round(after_s * 1000)
    builder.add(b"##0000\r\n", wall_ms(), [(Series(mn, factor, "2011", "Rtd"), at, value, ord("N"))])
    stream.append("readings", encode(builder.build()))


def spot(it: Screen, key: str) -> tuple[float, float]:
    """Where a place lies on the page, px."""
    x, y = it.page.evaluate(
        f"""key => {{ const m = {MAP}, f = m.named.get(key), [lon, lat] = m.lonlat(f.x, f.y);
        const p = m.map.latLngToContainerPoint([lat, lon]), r = m.element.getBoundingClientRect();
        return [p.x + r.x, p.y + r.y]; }}""",
        key,
    )
    return float(x), float(y)


def test_the_park_is_on_the_map_and_lives(atlas: Screen, home: House) -> None:
    counts = atlas.page.evaluate(
        f"() => {{ const m = {MAP}; return [m.stationsAt.length, m.gatesAt.length, m.data.plots.length]; }}"
    )
    assert counts[:2] == [78, 13]
    assert counts[2] > 2000
    assert atlas.page.evaluate("twin.live.kpi.online") >= 70
    ink = atlas.page.evaluate(
        f"() => [{MAP}.scenery, {MAP}.symbols].map(s => new Set(s._ctx.getImageData("
        "0, 0, s._container.width, s._container.height).data).size)"
    )
    assert min(ink) > 20  # both sheets are drawn on, in many shades
    assert atlas.page.evaluate("twin.live.level('S41')") == "normal"
    send(home.stream, "S41", "w01018", 480.0, 5)
    atlas.wait("twin.live.level('S41') === 'alarm'")
    expect(atlas.page.locator(".atlas-levels [data-live='kpi.levels.4']")).not_to_have_text("0")


def test_a_click_opens_live_values_and_a_day(atlas: Screen, home: House) -> None:
    page = atlas.page
    page.evaluate(
        f"() => {{ const m = {MAP}, f = m.named.get('station/S41'); "
        "m.view({center: m.lonlat(f.x, f.y), zoom: 15}); }"
    )
    page.wait_for_timeout(900)
    x, y = spot(atlas, "station/S41")
    page.mouse.click(x, y)
    card = page.locator(".atlas-card")
    expect(card.locator("h2")).to_have_text(PARK.station("S41").name.zh)
    value = card.locator("[data-live-point='S41/w01018']")
    expect(value).to_have_text(re.compile(r"^\d+\.\d$"))
    card.locator(".js-plotly-plot").wait_for()
    send(home.stream, "S41", "w01018", 23.4, 10)
    expect(value).to_have_text("23.4")
    page.context.request.post(f"{home.web.url}/login", form={"user": "duty", "password": "demo-duty"})
    with page.expect_popup() as opened:  # frames are for who may export
        card.locator("a[target=_blank]").click()
    assert "##0000" in opened.value.content()
    page.keyboard.press("Escape")
    expect(card).to_be_empty()


def test_water_is_followed_by_hand(atlas: Screen) -> None:
    page = atlas.page
    page.evaluate("twin.goto('station/S33')")
    page.get_by_role("button", name="向上游追溯").click()
    found = page.locator(".atlas-query .card-go")
    expect(found.first).to_be_visible()
    texts = found.all_inner_texts()
    assert any("YS001" in text for text in texts)
    atlas.wait(f"{MAP}.drawing && {MAP}.drawing.items.length > 10")
    free = page.evaluate(f"{MAP}.drawing.items.length")
    bars = page.locator(".query-bar")
    page.evaluate("twin.goto('gate/G04')")  # a press on a gate bars it
    expect(bars).to_have_text(re.compile("G04"))
    expect(page.locator(".atlas-card h2")).to_have_text(PARK.station("S33").name.zh)
    atlas.wait(f"{MAP}.drawing.items.length < {free}")
    page.evaluate("twin.goto('gate/G04')")  # another frees it
    expect(bars).to_have_count(0)
    page.evaluate("twin.goto('gate/G04')")
    bars.click()
    expect(bars).to_have_count(0)
    atlas.wait(f"{MAP}.drawing.items.length === {free}")
    page.get_by_role("button", name="向下游推演").click()
    expect(page.locator(".atlas-query")).to_contain_text("G05")
    page.get_by_role("button", name="汇到这里的").click()
    expect(page.locator(".atlas-query")).to_contain_text("ha")
    page.get_by_role("button", name="清除").click()
    atlas.wait(f"!{MAP}.drawing")
    expect(page.locator(".atlas-query")).to_be_empty()


def test_a_way_has_a_profile_and_an_address(atlas: Screen, home: House) -> None:
    page = atlas.page
    page.evaluate("twin.goto('outlet/E07-YS001')")
    page.get_by_role("button", name="从这里到").click()
    expect(page.locator(".query-said")).to_be_visible()
    page.evaluate("twin.goto('receptor/R2')")
    page.locator(".atlas-profile .js-plotly-plot").wait_for()
    atlas.wait(f"{MAP}.drawing && {MAP}.drawing.items.some((f) => f.p.title === 'B')")
    address = page.locator(".query a").get_attribute("href")
    assert address == "/atlas?way=path&from=E07-YS001&to=R2"
    page.keyboard.press("Escape")
    expect(page.locator(".atlas-profile")).to_be_empty()
    atlas.wait(f"!{MAP}.drawing")
    atlas.open(f"{home.web.url}{address}")
    page.locator(".atlas-profile .js-plotly-plot").wait_for()
    atlas.wait(f"{MAP}.drawing && {MAP}.drawing.items.some((f) => f.p.title === 'B')")


def test_search_layers_and_a_deep_link(atlas: Screen, home: House) -> None:
    page = atlas.page
    page.keyboard.press("/")
    page.keyboard.type("g05")
    page.keyboard.press("Enter")
    expect(page.locator(".atlas-card h2")).to_have_text(PARK.gate("G05").name.zh)
    page.locator(".atlas-search input").fill(PARK.station("S33").mn[-8:])
    expect(page.locator(".atlas-found li")).to_have_count(1)
    page.locator(".atlas-search input").fill("没有这个")
    expect(page.locator(".atlas-found")).to_contain_text("没有找到")
    page.keyboard.press("Escape")
    before = page.evaluate(f"{MAP}.scenery._container.toDataURL().length")
    page.get_by_role("button", name="地块与储罐").click()
    atlas.wait(f"{MAP}.scenery._container.toDataURL().length < {before}")
    page.goto(f"{home.web.url}/atlas?obj=enterprise/E05")
    expect(page.locator(".atlas-card h2")).to_have_text(PARK.enterprise("E05").name.zh)


def test_a_drill_is_ordered_from_any_page(atlas: Screen, home: House) -> None:
    page = atlas.page
    assert page.evaluate("document.documentElement.classList.contains('is-sim')")
    expect(page.locator("#drill-bar")).to_be_hidden()
    page.locator("#drill-badge").click()
    page.get_by_role("button", name="储罐满溢").click()
    expect(page.locator("#drill-note")).to_have_text("演练须由值班长或指挥下令：请填账号和口令")
    page.locator("#drill-user").fill("duty")
    page.locator("#drill-password").fill("demo-duty")
    page.get_by_role("button", name="储罐满溢").click()
    expect(page.locator("#drill-note")).to_have_text("已发出：储罐满溢")
    page.get_by_role("button", name="60×").click()
    expect(page.locator("#drill-note")).to_have_text("已发出：60×")
    orders = [from_json(entry.body, Order) for entry in home.stream.since("commands")]
    assert [(o.kind, o.about, o.number) for o in orders] == [
        ("drill.start", "tank-overflow", 10.0),
        ("drill.speed", "", 60.0),
    ]


def test_english_light_and_small(chromium: Browser, home: House) -> None:
    with screen(chromium, 1180, 820) as it:
        it.open(f"{home.web.url}/atlas")
        it.page.wait_for_selector(".park-map[data-ready]")
        dark = sea(it)
        it.page.locator("[data-set-lang=en]").click()
        it.page.wait_for_selector(".park-map[data-ready]")
        expect(it.page.locator(".nav-i.on")).to_have_text("Atlas")
        assert it.page.evaluate("document.documentElement.lang") == "en"
        it.page.locator("[data-set-theme]").click()
        it.wait("document.documentElement.dataset.theme === 'light'")
        it.page.wait_for_timeout(400)
        assert sum(sea(it)) > sum(dark) + 300
        width = it.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1]
        assert not re.search(r"[\u4e00-\u9fff]", it.page.locator("#shell").inner_text().replace("中", ""))
        assert it.wrong == []


def sea(it: Screen) -> list[int]:
    """Colour of the sheet of scenery at the middle of its right edge."""
    found = it.page.evaluate(
        f"() => {{ const s = {MAP}.scenery, c = s._container; "
        "return [...s._ctx.getImageData(c.width - 4, c.height >> 1, 1, 1).data].slice(0, 3); }"
    )
    return [int(v) for v in np.asarray(found)]


def test_an_outage_turns_the_park_grey_and_mends_itself(atlas: Screen, home: House) -> None:
    page = atlas.page
    home.server.kill()
    atlas.wait("twin.live.stale && twin.live.level('S41') === 'offline'")
    expect(page.locator("#link-banner")).not_to_be_empty()
    expect(page.locator("#age .lv")).to_have_attribute("data-lv", "offline")
    home.server.start()
    atlas.wait("!twin.live.stale && twin.live.level('S41') !== 'offline'")
    expect(page.locator("#link-banner")).to_be_empty()


def test_a_restarted_server_is_found_again(chromium: Browser, home: House) -> None:
    with screen(chromium) as it:
        it.open(f"{home.web.url}/atlas")
        it.page.wait_for_selector(".park-map[data-ready]")
        home.web.stop()
        it.wait("twin.live.stale")
        expect(it.page.locator("#link-banner")).not_to_be_empty()
        home.web.start()
        it.wait("!twin.live.stale")
        assert [w for w in it.wrong if "ws://" not in w and "ERR_CONNECTION_REFUSED" not in w] == []


def test_an_open_incident_is_told_and_shown(chromium: Browser, home: House) -> None:
    with screen(chromium) as it:
        it.open(f"{home.web.url}/atlas")
        it.page.wait_for_selector(".park-map[data-ready]")
        expect(it.page.locator(".atlas-notice")).to_be_empty()
        story.put(home.records, story.story())
        home.stream.append("events", to_json(Event("incident.opened", story.NOW, story.ID)))
        it.wait("twin.live.level('S33') === 'critical'")
        expect(it.page.locator(".nav .cnt")).to_have_text("1")
        it.page.get_by_role("button", name="在图上看").click()
        it.wait(f"{MAP}.drawing && {MAP}.drawing.items.filter(f => f.p.kind === 'suspect').length === 3")
        it.page.wait_for_timeout(800)
        assert it.page.evaluate(f"{MAP}.map.getZoom()") > 14
        it.page.get_by_role("link", name="进入应急").click()
        it.page.wait_for_url(f"**/emergency/{story.ID}")
        it.page.wait_for_selector(".park-map[data-ready]")
        assert it.wrong == []
