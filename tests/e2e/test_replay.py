"""Replay in a real browser: the past on every page, never to be taken for the present."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.callbacks import story
from tests.e2e.house import house
from tests.e2e.screen import Screen, Site, browser, screen
from tests.twin.parks import real_time
from twin.blocks import encode
from twin.clock import as_ms
from twin.stream import Stream

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
BEFORE = "2026-11-22T02:20:00"  # eleven minutes before the first alarm
DURING = "2026-11-22T02:40:00"
S33 = "twin.live.level('S33')"


@dataclass(frozen=True)
class Scene:
    """A web role on a staged park, and its stream."""

    site: Site
    stream: Stream

    def url(self, path: str) -> str:
        return self.site.url + path


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    gates = list(story.story().gates.values())
    with house(incident=True) as it:
        for minutes in range(0, 120, 10):
            it.records.put_gates(gates, story.NOW - timedelta(minutes=minutes))
        yield Scene(it.web, it.stream)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as it:
        yield it


@pytest.fixture
def reader(chromium: Browser, scene: Scene) -> Iterator[Callable[..., Screen]]:
    """Opens an address; whatever went wrong on it fails the test in the end."""
    with screen(chromium) as it:

        def opened(path: str, lang: str = "zh") -> Screen:
            it.open(scene.url(path), lang)
            return it

        yield opened
        assert it.wrong == []


def test_a_link_shows_the_park_as_it_was(reader: Callable[..., Screen]) -> None:
    it = reader(f"/atlas?at={BEFORE}")
    assert it.page.evaluate(S33) == "normal"
    assert it.page.evaluate("twin.live.level('S24')") == "offline"  # silent then, and grey
    expect(it.page.locator(".clock")).to_have_text("02:20:00")
    expect(it.page.locator(".atlas-notice")).to_be_empty()  # the incident was still to come
    it.page.evaluate(f"twin.replay.seek(twin.replay.moment('{DURING}'))")
    it.wait(f"{S33} === 'critical'")
    expect(it.page.locator(".atlas-notice")).to_contain_text("中二河中")
    expect(it.page.locator(".clock")).to_have_text("02:40:00")
    assert f"at={DURING}" in it.page.url


@pytest.mark.parametrize(("lang", "word"), [("zh", "回放"), ("en", "Replay")])
def test_it_is_never_to_be_taken_for_the_present(
    reader: Callable[..., Screen], scene: Scene, lang: str, word: str
) -> None:
    it = reader(f"/atlas?at={DURING}", lang)
    expect(it.page.locator("html")).to_have_class(re.compile("is-replay"))
    expect(it.page.locator("#rp-open")).to_contain_text(word)
    expect(it.page.locator(".age-text")).to_contain_text("回放" if lang == "zh" else "not live")
    assert it.page.evaluate("getComputedStyle(document.body, '::before').borderTopStyle") == "solid"
    value = it.page.evaluate("twin.live.point('S02/w01001').value")
    now = as_ms(story.NOW) + 60_000
    scene.stream.append("readings", encode(real_time(story.demo_park(), "S02", now, {"w01001": 3.21})))
    it.page.wait_for_timeout(2500)
    assert it.page.evaluate("twin.live.point('S02/w01001').value") == value  # the feed is held back
    it.page.get_by_role("button", name="回到实时" if lang == "zh" else "Back to live").click()
    it.wait("twin.live.point('S02/w01001').value === 3.21 && !twin.live.stale")
    expect(it.page.locator("html")).to_have_class(re.compile("is-sim"))
    expect(it.page.locator("#replay-bar")).to_be_hidden()
    assert "at=" not in it.page.url


def test_it_plays_at_a_speed_and_stops_at_the_end(reader: Callable[..., Screen]) -> None:
    it = reader(f"/atlas?at={BEFORE}&speed=600&from={BEFORE}&to={DURING}")
    it.wait(f"{S33} === 'critical'")
    it.wait("!twin.replay.playing && twin.replay.t === twin.replay.to")
    assert it.page.evaluate("twin.replay.shown") > 4  # frame by frame, not in one leap
    expect(it.page.locator("#rp-say")).to_have_text("已到时段末尾")


def test_keys_and_slider(reader: Callable[..., Screen]) -> None:
    it = reader("/atlas")
    expect(it.page.locator("#rp-open")).to_be_visible()
    it.page.keyboard.press("r")
    it.wait("twin.replay.on && !twin.live.stale")
    at = it.page.evaluate("twin.replay.t")
    it.page.keyboard.press(".")
    assert it.page.evaluate("twin.replay.t") == at + 60_000
    it.page.keyboard.press(",")
    assert it.page.evaluate("twin.replay.t") == at
    it.page.keyboard.press(">")
    it.page.keyboard.press(" ")
    assert it.page.evaluate("[twin.replay.speed, twin.replay.playing]") == [60, True]
    it.page.keyboard.press(" ")
    slider = it.page.locator(".rp-range")
    slider.focus()
    it.page.keyboard.press("End")
    it.wait("twin.replay.t === twin.replay.to")
    expect(it.page.locator(".rp-incident")).to_have_count(1)
    it.page.locator(".rp-incident").click()
    expect(it.page.locator(".clock")).to_have_text("02:32:04")  # when the incident was opened
    it.page.keyboard.press("l")
    it.wait("!twin.replay.on && !twin.live.stale")


def test_another_page_keeps_the_moment_and_signs_nothing(reader: Callable[..., Screen]) -> None:
    it = reader(f"/atlas?at={DURING}")
    it.page.locator(".nav-a", has_text="应急").click()
    expect(it.page.locator(".em-tl")).to_be_visible()
    assert it.page.evaluate("twin.replay.text(twin.replay.t)") == DURING
    expect(it.page.locator(".em-form .rp-why")).to_contain_text("不能批准")
    assert it.page.evaluate("document.querySelector('#em-form').inert")
    it.page.evaluate(f"twin.replay.seek(twin.replay.moment('{BEFORE}'))")
    expect(it.page.locator(".em-top")).to_contain_text("现在没有事件")
    it.page.keyboard.press("l")
    expect(it.page.locator(".em-tl")).to_be_visible()
    assert not it.page.evaluate("document.querySelector('#em-form').inert")


@pytest.mark.parametrize(
    ("lang", "ahead", "now"), [("zh", "尚未发生", "回到现在"), ("en", "not yet so", "Now")]
)
def test_the_plume_is_played_past_and_predicted(
    reader: Callable[..., Screen], lang: str, ahead: str, now: str
) -> None:
    it = reader("/emergency", lang)
    choices = it.page.locator(".pl-if button")
    expect(choices).to_have_count(3)
    expect(choices.first).to_have_attribute("aria-pressed", "true")
    expect(it.page.locator(".pl-says")).to_contain_text("97")
    it.page.locator(".pl-range").focus()
    it.page.keyboard.press("End")
    expect(it.page.locator(".em-map")).to_have_class(re.compile("is-ahead"))
    expect(it.page.locator(".pl-mark")).to_contain_text(ahead)
    lit = "twin.plumeLength(twin.maps['emergency-map'])"
    held = it.page.evaluate(lit)
    choices.last.click()
    expect(it.page.locator(".pl-says")).to_contain_text("275")
    assert it.page.evaluate(lit) > held  # with no gate shut more of the water is polluted then
    it.page.locator(".pl-range").focus()
    it.page.keyboard.press("Home")
    expect(it.page.locator(".em-map")).to_have_class(re.compile("is-behind"))
    it.page.locator(".pl-play").click()
    it.wait("twin.plume.t > Number(document.querySelector('.pl-range').min) + 600e3")
    it.page.get_by_role("button", name=now, exact=True).click()
    expect(it.page.locator(".pl-mark")).to_be_empty()
    assert it.page.evaluate("twin.maps['emergency-map'].clock") is None


def test_the_wall_is_reached_by_address_and_has_no_controls(reader: Callable[..., Screen]) -> None:
    it = reader(f"/wall?at={DURING}&speed=60")
    expect(it.page.locator(".wl.is-taken")).to_be_visible()
    expect(it.page.locator("#rp-open")).to_contain_text("60×")
    expect(it.page.locator("#replay-bar")).to_be_hidden()


def test_a_window_without_history_is_grey(reader: Callable[..., Screen]) -> None:
    it = reader("/atlas?at=2026-11-20T08:00:00")
    assert set(it.page.evaluate("[...new Set(twin.live.stations.map(s => twin.live.level(s)))]")) == {
        "offline"
    }
    expect(it.page.locator("#rp-say")).to_have_text("此刻没有任何数据")
    assert it.page.evaluate("twin.live.gate('G05')[1]") == "unknown"
