"""The desk of an incident: what people put on record there, and that everybody sees it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.house import House, house
from tests.e2e.screen import browser, screen
from tests.twin.test_photos import picture, placed

pytestmark = pytest.mark.e2e
WORDS = "井盖已开，水发红"


@pytest.fixture(scope="module")
def home() -> Iterator[House]:
    with house(incident=True) as it:
        yield it


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as it:
        yield it


def test_a_note_and_a_photo(chromium: Browser, home: House, tmp_path: Path) -> None:
    path = tmp_path / "manhole.jpg"
    path.write_bytes(picture(exif=placed()))
    with screen(chromium, 1920, 1080) as desk, screen(chromium, 1180, 820) as tablet:
        desk.open(f"{home.web.url}/emergency")
        tablet.open(f"{home.web.url}/emergency")
        page = tablet.page
        page.wait_for_selector("#em-timeline li", state="attached")  # the form has its ticket
        page.click(".em-drawer")
        page.click(".note-form summary")
        page.click("#note-keep")  # nothing written, no name given
        expect(page.locator("#note-say")).to_contain_text("账号")
        page.fill("#note-text", WORDS)
        page.set_input_files("#note-photo input[type=file]", path)
        expect(page.locator("#note-file")).to_have_text("manhole.jpg")
        page.fill("#note-user", "duty")
        page.fill("#note-password", "demo-duty")
        page.click("#note-keep")
        expect(page.locator("#note-say")).to_contain_text("已记入")
        expect(page.locator("#note-text")).to_have_value("")
        for it in (tablet, desk):
            line = it.page.locator("#em-timeline li", has_text=WORDS)
            expect(line).to_have_count(1)
            expect(line).to_contain_text("李泽远")
            it.wait("document.querySelector('.lg-photo img')?.naturalWidth === 225")
        with page.context.expect_page() as opened:
            page.click(".lg-photo")
        opened.value.wait_for_function("document.images[0]?.naturalWidth > 0")
        assert opened.value.evaluate("document.contentType") == "image/jpeg"
        assert tablet.wrong == []
        assert desk.wrong == []


def test_who_it_was_stands_above_the_ranking_on_every_desk(chromium: Browser, home: House) -> None:
    with screen(chromium, 1920, 1080) as desk, screen(chromium, 1180, 820) as other:
        desk.open(f"{home.web.url}/emergency")
        other.open(f"{home.web.url}/emergency")
        page = desk.page
        page.wait_for_selector("#em-suspects .sus-pick")
        page.click(".source-form summary")
        page.click("#source-who")
        page.get_by_placeholder("查找").fill("E05")  # the list is searched by typing
        expect(page.locator(".dash-dropdown-content .dash-options-list-option")).to_have_count(1)
        page.keyboard.press("Enter")
        expect(page.locator("#source-who")).to_contain_text("E05")
        page.fill("#source-user", "duty")
        page.fill("#source-password", "demo-duty")
        page.click("#source-keep")
        expect(page.locator("#source-say")).to_contain_text("依据")  # grounds are needed
        page.fill("#source-grounds", "现场发现暗管")
        page.fill("#source-password", "demo-duty")
        page.click("#source-keep")
        expect(page.locator("#source-say")).to_contain_text("已记录")
        for it in (desk, other):
            found = it.page.locator("#em-suspects .found")
            expect(found).to_contain_text("现场发现暗管")
            expect(found).to_contain_text("李泽远")
        assert desk.wrong == []
        assert other.wrong == []


def test_a_plan_of_many_gates_covers_nothing_on_a_tablet(chromium: Browser, home: House) -> None:
    with screen(chromium, 1180, 820) as tablet:
        tablet.open(f"{home.web.url}/emergency")
        tablet.page.wait_for_selector(".pl-if .btn")
        boxes = tablet.page.evaluate(
            """() => {
              const long = 'Plan A: G12 + G13 + G01 + G02';
              document.querySelectorAll('.pl-if .btn').forEach((b) => { b.textContent = long; });
              const all = document.querySelectorAll('.pl-if .btn, .pl-long, .pl-play, .pl-now');
              return [...all].map((e) => e.getBoundingClientRect()).map((b) => [b.left, b.right]);
            }"""
        )
        assert all(a[1] <= b[0] for a, b in pairwise(boxes))
