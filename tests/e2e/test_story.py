"""The whole story on the pages: an incident appears by itself, two people approve, the gate closes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.running import chromium, demo, reader, visit

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SPEED = 10.0
APPEARS_MS = 240_000
CLOSES_MS = 180_000


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with demo(SPEED) as it:
        yield it


def sign(page: Page, who: str, reason: str) -> None:
    """Type a signature and press the one primary button."""
    page.fill("#em-user", who)
    page.fill("#em-password", f"demo-{who}")
    page.fill("#em-reason", reason)
    page.click("#em-sign")


def compare(page: Page) -> None:
    """Try a closing of one's own beside the plan and doing nothing; it is plainly a simulation."""
    page.locator(".em-tools .btn").nth(2).click()
    sheet = page.locator(".em-sheet.own")
    sheet.locator(".ow-min").filter(has_text="G10").locator("input").fill("0")
    page.fill("#em-own-user", "duty")
    page.fill("#em-own-password", "demo-duty")
    page.click("#em-own-go")
    expect(sheet.locator(".say.ok")).to_contain_text("G10", timeout=60_000)
    rows = sheet.locator(".ow").first.locator("tbody tr")
    expect(rows.first).to_contain_text("自拟", timeout=90_000)
    expect(rows.last).to_contain_text("不处置")
    expect(sheet.locator(".ow").first).to_have_attribute("data-watermark", "推演 非实况")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(page.locator(".em-tools .btn").nth(2)).to_be_focused()


def test_from_the_first_anomaly_to_the_closed_gate(address: str) -> None:
    faults: list[str] = []
    with sync_playwright() as playwright, chromium(playwright) as browser:
        duty = visit(reader(browser, "zh"), address, "/emergency", "zh", faults)
        office = visit(reader(browser, "en"), address, "/emergency", "en", faults)

        # it appears by itself, in both languages, with suspects, evidence both ways and a deadline
        for page, words in ((duty, "疑似源"), (office, "Suspected sources")):
            expect(page.locator(".sus-pick").first).to_be_visible(timeout=APPEARS_MS)
            expect(page.locator(".em-sus h2").first).to_contain_text(words)
            expect(page.locator(".pl-head").first).to_be_visible(timeout=60_000)
            expect(page.locator("#em-sign")).to_be_enabled(timeout=60_000)
            expect(page.locator(".acts .count:visible").first).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
        assert not re.search("[\u4e00-\u9fff]", office.locator(".em-plans").inner_text())

        # one person, and the same person again
        expect(duty.locator("#em-sign")).to_contain_text("拟定并批准 关闭 G")
        sign(duty, "duty", "雨水口偷排，同意关闸")
        expect(duty.locator(".say.ok")).to_contain_text("李泽远")
        expect(duty.locator("#em-sign")).to_contain_text("批准并下发")
        sign(duty, "duty", "再批一次")
        expect(duty.locator(".say.no")).to_contain_text("另一人")

        # somebody who may not, then the second person, at another desk
        expect(office.locator("#em-sign")).to_contain_text("Approve and order", timeout=60_000)
        sign(office, "viewer", "let me")
        expect(office.locator(".say.no")).to_contain_text("may not")
        sign(office, "office", "agreed")
        expect(office.locator(".say.ok")).to_contain_text("the order to close", timeout=60_000)

        # the order goes out, the gate moves and reports; every page sees it
        closed = office.locator(".fb li").first
        expect(closed).to_contain_text("In position", timeout=CLOSES_MS)
        expect(duty.locator(".fb li").first).to_contain_text("已到位", timeout=60_000)
        gate = closed.locator("b").first.inner_text()
        expect(duty.locator(f'.fb [data-live-gate="{gate}"].gate-mark')).to_have_attribute(
            "data-gate", "closed", timeout=60_000
        )
        expect(duty.locator(".lg")).to_contain_text(f"{gate} 关闭到位")

        # the source comes first, somebody tries closings of their own, and the act is scored
        expect(duty.locator(".em-firsts .ef").first).to_contain_text("停源")
        compare(duty)
        office.locator(".em-tools .btn").nth(3).click()
        expect(office.locator(".sc-big")).to_have_attribute(
            "data-score", re.compile(r"^\d+$"), timeout=60_000
        )
        expect(office.locator(".em-sheet.score")).to_contain_text("Gates in time/late/failed")
        assert not re.search("[\u4e00-\u9fff]", office.locator(".em-sheet.score").inner_text())

        # the wall was taken over and says what was done
        wall = visit(reader(browser, "zh"), address, "/wall", "zh", faults)
        expect(wall.locator(".wl.is-taken")).to_be_visible(timeout=60_000)
        expect(wall.locator(".wl-next .act:visible")).to_contain_text(gate, timeout=60_000)
    assert faults == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_comes_up_clean(address: str, lang: str) -> None:
    faults: list[str] = []
    marks = {
        "/wall": "#wl",
        "/atlas": ".park-map",
        "/enterprise": ".eh",
        "/enterprise/E07": ".eh[data-id=E07]",
        "/emergency": ".em-list, #em-list",
        "/admin": ".at",
    }
    with sync_playwright() as playwright, chromium(playwright) as browser:
        context = reader(browser, lang)
        for path, mark in marks.items():
            page = visit(context, address, path, lang, faults)
            expect(page.locator(mark).first).to_be_visible(timeout=60_000)
            page.wait_for_timeout(1500)
            page.close()
    assert faults == []
