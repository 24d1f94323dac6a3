"""The wall in a real browser: fits its screen, turns, yields to an incident, greys, and mends itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, expect

from tests.callbacks import story
from tests.e2e.house import House, house
from tests.e2e.screen import browser, screen
from twin.model import Event, IncidentState, to_json

pytestmark = pytest.mark.e2e
WALLS = """
[[wall]]
screen = "main"
name = ["总屏", "Main"]

[[wall]]
screen = "gates"
name = ["闸屏", "Gates"]
left = []
right = ["verdict", "gates", "alarms"]
turn_s = 5
incident = false
[[wall.view]]
name = ["甲", "First"]
hide = ["pipe"]
[[wall.view]]
name = ["乙", "Second"]
hide = ["canal"]
"""
CUT = """() => [...document.querySelectorAll('.wl-left, .wl-right, .wl-left > *, .wl-right > *')]
  .filter((el) => el.scrollHeight > el.clientHeight + 1 || el.scrollWidth > el.clientWidth + 1)
  .map((el) => el.className + ' ' + el.innerText.slice(0, 20))"""
OVER = "(() => { const e = document.scrollingElement; return [e.scrollWidth, e.scrollHeight]; })()"


@pytest.fixture(scope="module")
def home() -> Iterator[House]:
    with house(files={"walls.toml": WALLS}, TWIN_WALLS="{folder}/walls.toml") as it:
        yield it


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as it:
        yield it


@pytest.mark.parametrize(
    ("size", "scale", "lang"), [((1920, 1080), 1, "en"), ((3840, 2160), 1, "zh"), ((1920, 1080), 2, "zh")]
)
def test_a_wall_fits_its_screen_and_is_as_large(
    chromium: Browser, home: House, size: tuple[int, int], scale: int, lang: str
) -> None:
    with screen(chromium, *size, scale) as it:
        it.open(f"{home.web.url}/wall", lang)
        it.page.wait_for_selector(".park-map[data-ready]")
        expect(it.page.locator("#wl-loads .wl-ld li")).to_have_count(5, timeout=30_000)
        it.wait("document.documentElement.currentCSSZoom === innerWidth / 1920")
        wide, high = it.page.evaluate(OVER)
        assert (wide, high) <= size
        assert it.page.evaluate(CUT) == []
        canvas = it.page.evaluate("twin.maps['wall-map'].scenery._container.width")
        assert canvas > 0.5 * size[0] * scale  # every pixel of the screen is drawn, none is blown up
        box = it.page.locator(".wl-map").bounding_box()
        assert box is not None
        assert box["width"] > 0.58 * size[0]
        assert it.wrong == []


def test_a_wall_of_its_own_turns_through_its_views_and_yields_to_nobody(
    chromium: Browser, home: House
) -> None:
    with screen(chromium) as it:
        it.open(f"{home.web.url}/wall/gates")
        it.page.wait_for_selector(".park-map[data-ready]")
        expect(it.page.locator("#wl-views span")).to_have_text(["甲", "乙"])
        expect(it.page.locator(".wl-left")).to_be_hidden()
        expect(it.page.locator(".wl-right #wl-gates")).to_be_visible()
        expect(it.page.locator("#wl-loads")).to_be_hidden()
        layers = "twin.maps['wall-map'].layers"
        assert it.page.evaluate(f"[{layers}.pipe, {layers}.canal]") == [False, True]
        expect(it.page.locator("#wl-views .on")).to_have_text("乙")
        assert it.page.evaluate(f"[{layers}.pipe, {layers}.canal]") == [True, False]
        story.put(home.records, story.story())
        home.stream.append("events", to_json(Event("incident.opened", story.NOW, story.ID)))
        it.wait("twin.live.incidents.length === 1")
        it.page.wait_for_timeout(1500)
        expect(it.page.locator(".wl.is-taken")).to_have_count(0)
        assert it.page.evaluate(CUT) == []
        it.page.goto(f"{home.web.url}/wall/east")
        expect(it.page.locator(".empty-page")).to_contain_text("/wall/gates")
        assert it.wrong == []


def test_an_incident_takes_the_wall_and_hands_it_back(chromium: Browser, home: House) -> None:
    told = story.story()
    story.put(home.records, told)
    home.stream.append("events", to_json(Event("incident.opened", story.NOW, story.ID)))
    with screen(chromium) as it:
        it.open(f"{home.web.url}/wall")
        expect(it.page.locator(".wl.is-taken .wl-next .act").first).to_be_visible()
        expect(it.page.locator(".wl-right")).to_be_hidden()
        assert (
            it.page.evaluate(
                "twin.wallTired({ now: 9e9, born: 0, heard: 9e9, hour: 4, quiet: 4, open: true })"
            )
            == ""
        )
        home.records.put_incident(replace(told.incident, state=IncidentState.CLOSED))
        home.stream.append("events", to_json(Event("incident.closed", story.NOW, story.ID)))
        expect(it.page.locator(".wl.is-taken")).to_have_count(0)
        expect(it.page.locator(".wl-right")).to_be_visible()
        assert it.wrong == []


def test_what_is_old_is_grey_and_comes_back(chromium: Browser, home: House) -> None:
    with screen(chromium) as it:
        it.open(f"{home.web.url}/wall")
        expect(it.page.locator(".wl-gt .gate-mark").first).to_be_visible()
        expect(it.page.locator(".vd.lost")).to_be_hidden()
        home.web.stop()
        it.wait("twin.live.stale")
        expect(it.page.locator(".vd.lost")).to_be_visible()
        expect(it.page.locator(".wl-dots .lv:not([data-lv=offline])")).to_have_count(0)
        expect(it.page.locator(".wl-gt .gate-mark:not([data-gate=unknown])")).to_have_count(0)
        home.web.start()
        it.wait("!twin.live.stale")
        expect(it.page.locator(".vd.lost")).to_be_hidden()


def test_when_a_wall_loads_itself_again(chromium: Browser, home: House) -> None:
    with screen(chromium) as it:
        it.open(f"{home.web.url}/wall")
        hour = 3600e3
        usual = {
            "now": 20 * hour,
            "born": 0,
            "heard": 20 * hour,
            "hour": 4,
            "quiet": 4,
            "open": False,
            "heap": 1e8,
        }
        for change, why in (
            ({}, "night"),
            ({"hour": 5}, ""),
            ({"born": 10 * hour}, ""),
            ({"open": True}, ""),
            ({"hour": 5, "heap": 2e9}, "heavy"),
            ({"hour": 5, "heap": 2e9, "open": True}, ""),
            ({"hour": 5, "heard": 20 * hour - 400e3}, "silent"),
            ({"heard": 20 * hour - 400e3, "open": True}, "silent"),
        ):
            assert it.page.evaluate("(state) => twin.wallTired(state)", usual | change) == why, change


def test_a_wall_whose_feed_is_dead_loads_itself_again(chromium: Browser, home: House) -> None:
    with screen(chromium) as it:
        it.page.add_init_script(
            "if (!sessionStorage.again) { sessionStorage.again = 1; const now = Date.now; let far = 0;"
            " window.WebSocket = class { send() {} close() {} }; WebSocket.OPEN = 1;"
            " Date.now = () => now() + far; setTimeout(() => { far = 400e3; }, 3000); }"
        )
        it.page.goto(f"{home.web.url}/wall")
        kind = "performance.getEntriesByType('navigation')[0].type"
        it.page.wait_for_function(f"() => {kind} === 'reload'", timeout=40_000)
        it.page.wait_for_function("() => window.twin?.live?.points && !twin.live.stale")
