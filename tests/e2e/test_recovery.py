"""Server restarted, stream server away, lid closed: the page says so in words and recovers by itself.

Nothing is loaded again: what a reader had typed or opened stays (`kept` on the window proves it), and what is
shown afterwards is the present, not what was on screen before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.callbacks import story
from tests.e2e.cable import LID, asleep, awake, cable
from tests.e2e.house import house
from tests.e2e.screen import Screen, Site, browser, screen
from tests.embedded import Embedded
from tests.twin.parks import real_time
from twin.blocks import encode
from twin.clock import as_ms

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
HOUR_MS = 3_600_000
WORDS = {"zh": ("连接中断", "数据流中断", "1 时"), "en": ("Link down", "No data for", "1 h")}
VALUE = "twin.live.point('S02/w01001').value"
HEAR = """() => {
  window.said = [];
  const banner = document.getElementById("link-banner"), said = window.said;
  const hear = () => said.push((twin.live.stale ? "" : "NOT GREY: ") + banner.textContent);
  new MutationObserver(hear).observe(banner, { childList: true, characterData: true, subtree: true });
}"""
GREY = "twin.live.stale && twin.live.stations.every(s => twin.live.level(s) === 'offline')"


@dataclass
class Scene:
    """A web role, and the server of its stream, either of which may be away."""

    site: Site
    server: Embedded
    after_s: int = 0

    def measure(self, value: float) -> None:
        """One more reading, a minute of the park after the last."""
        self.after_s += 60
        at = as_ms(story.NOW) + self.after_s * 1000
        body = encode(real_time(story.demo_park(), "S02", at, {"w01001": value}))
        self.server.stream().append("readings", body)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with house(incident=True) as it:
        yield Scene(it.web, it.server)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as it:
        yield it


def opened(it: Screen, url: str, lang: str) -> Screen:
    it.open(url, lang)
    it.page.evaluate("window.kept = true")
    return it


def recovered(it: Screen, value: float) -> None:
    """The newest value is on screen, nothing says otherwise, and the page was not loaded again."""
    it.wait(f"!twin.live.stale && {VALUE} === {value}")
    expect(it.page.locator("#link-banner")).to_be_empty()
    assert it.page.evaluate("window.kept") is True
    assert [w for w in it.wrong if "page error" in w and "Failed to fetch" not in w] == []
    it.wrong.clear()  # what the browser and Dash say of a server that is away
    it.page.wait_for_timeout(1500)
    assert it.wrong == []


def sign(desk: Page) -> None:
    """Press the button of the signatures; who signs has no such password."""
    desk.fill("#em-user", "duty")
    desk.fill("#em-password", "wrong")
    desk.fill("#em-reason", "关闸")
    desk.click("#em-sign")


def test_the_server_is_restarted(chromium: Browser, scene: Scene) -> None:
    pages = [("/atlas", "zh"), ("/wall", "en"), ("/emergency", "zh")]
    with ExitStack() as stack:
        found = [stack.enter_context(screen(chromium)) for _ in pages]
        for it, (path, lang) in zip(found, pages, strict=True):
            opened(it, scene.site.url + path, lang)
        expect(found[2].page.locator("#em-sign")).to_be_enabled()
        scene.site.stop()
        for it, (_, lang) in zip(found, pages, strict=True):
            expect(it.page.locator("#link-banner")).to_contain_text(WORDS[lang][0], timeout=60_000)
            it.wait(GREY)
        desk = found[2].page
        sign(desk)
        expect(desk.locator("#asked-note")).to_contain_text("再按一次")
        scene.measure(7.11)
        scene.site.start()
        for it in found:
            recovered(it, 7.11)
        sign(desk)
        expect(desk.locator("#em-say")).to_contain_text("口令")
        expect(desk.locator("#asked-note")).to_be_empty()


def answering(status: int) -> Callable[[Route], None]:
    """A server that answers every callback so."""
    return lambda route: route.fulfill(status=status, body="{}")


def test_what_is_refused_is_said_where_it_was_pressed(chromium: Browser, scene: Scene) -> None:
    callback = "**/_dash-update-component**"
    with screen(chromium) as it:
        page, note = opened(it, scene.site.url + "/emergency", "zh").page, it.page.locator("#asked-note")
        expect(page.locator("#em-sign")).to_be_enabled()
        score, sheet = page.locator(".em-tools .btn").last, page.locator(".em-sheet.score")
        score.click()
        sheet.locator("a[download]").click()  # a visitor would have been given the sign-in page as a file
        expect(note).to_contain_text("请先登录")
        expect(note.locator("a")).to_have_attribute("href", "/login?next=%2Femergency")
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
        expect(score).to_be_focused()
        for status, words in ((500, "再按一次"), (401, "请先登录")):
            page.route(callback, answering(status))
            page.locator(".pl-head").nth(status % 2).click()
            expect(note).to_contain_text(words)
            page.unroute(callback)
        page.locator(".pl-head").first.click()
        expect(note).to_be_empty()


def test_somebody_signed_in_is_given_the_file(chromium: Browser, scene: Scene) -> None:
    with screen(chromium) as it:
        it.page.goto(scene.site.url + "/login?next=/emergency")
        it.page.fill("input[name=user]", "duty")
        it.page.fill("input[name=password]", "demo-duty")
        it.page.keyboard.press("Enter")
        it.page.locator(".em-tools .btn").last.click()
        with it.page.expect_download() as got:
            it.page.locator(".em-sheet.score a[download]").click()
        assert got.value.suggested_filename == f"{story.ID}.json"
        expect(it.page.locator("#asked-note")).to_be_empty()
        assert it.wrong == []


def test_the_stream_server_is_away(chromium: Browser, scene: Scene) -> None:
    with screen(chromium) as it:
        opened(it, scene.site.url + "/atlas", "zh")
        scene.server.kill()
        expect(it.page.locator("#link-banner")).to_contain_text(WORDS["zh"][1], timeout=60_000)
        it.wait(GREY)
        it.page.wait_for_timeout(6_000)  # longer than any wait between two tries of the server
        assert it.page.evaluate(GREY)
        scene.server.start()
        scene.measure(7.22)
        recovered(it, 7.22)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_lid_closed_for_an_hour(chromium: Browser, scene: Scene, lang: str) -> None:
    with cable(urlsplit(scene.site.url).port or 0) as line, screen(chromium) as it:
        it.page.add_init_script(f"{LID}({HOUR_MS})")
        opened(it, line.url + "/atlas", lang)
        expect(it.page.locator("#link-banner")).to_be_attached()
        it.page.evaluate(HEAR)
        tab = asleep(it.page, line)
        for n in range(3):
            scene.measure(6.0 + n / 10)
            time.sleep(1.0)  # a frame of the feed for each, which nobody reads
        assert it.page.evaluate("twin.live.stale") is False  # it sleeps, and knows nothing
        awake(it.page, line, tab)
        recovered(it, 6.2)
        said = it.page.evaluate("window.said")
        assert any(WORDS[lang][0] in one and WORDS[lang][2] in one for one in said), said
