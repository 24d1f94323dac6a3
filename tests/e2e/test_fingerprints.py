"""A fingerprint table on its way into the library and out again, by an administrator in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.house import House, house
from tests.e2e.screen import browser, screen
from twin import fingerprints

pytestmark = pytest.mark.e2e
HEAD = "enterprise,outlet,factor,value,unit,as_of,source\n"
ROWS = "E01,,w01018,2000,mg/L,2026-10-01,化验室\nE01,,w21003,40,mg/L,2026-10-01,化验室\n"


@pytest.fixture(scope="module")
def home() -> Iterator[House]:
    with house() as it:
        yield it


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as it:
        yield it


def signed(page: Page, form: str, user: str) -> None:
    for name, value in (("user", user), ("password", f"demo-{user}"), ("reason", "季度监测")):
        page.fill(f"{form} [data-name={name}] input", value)
    page.click(f"{form} .btn.p")


def chosen(page: Page, path: Path, body: bytes) -> None:
    """Choose a file as a person does: the same one again, once it was mended, counts as another."""
    path.write_bytes(body)
    with page.expect_file_chooser() as asked:
        page.click("#fl-file button")
    asked.value.set_files(path)


def test_a_table_is_mended_looked_at_signed_and_turned_back(
    chromium: Browser, home: House, tmp_path: Path
) -> None:
    path = tmp_path / "季度.csv"
    with screen(chromium, 1920, 1080) as desk:
        desk.open(f"{home.web.url}/admin?tab=fingerprints")
        page = desk.page
        expect(page.locator("#fl-place")).to_contain_text("现用指纹")
        expect(page.locator(".fl-take")).to_be_hidden()
        chosen(page, path, (HEAD + ROWS + "E01,,w01019,?,mg/L,2026-10-01,x\n").encode("gb18030"))
        expect(page.locator("#fl-place .say.no")).to_contain_text("季度.csv 有 1 处错误")
        expect(page.locator(".fl-take")).to_be_hidden()
        chosen(page, path, (HEAD + ROWS).encode("gb18030"))
        expect(page.locator("#fl-place .vs-tone")).to_have_count(2)
        assert fingerprints.latest(home.records) is None
        signed(page, ".fl-take", "viewer")
        expect(page.locator("#fl-say")).to_contain_text("无权")
        assert fingerprints.latest(home.records) is None
        signed(page, ".fl-take", "admin")
        expect(page.locator("#fl-say")).to_contain_text("成为第 1 版")
        expect(page.locator("#fl-place")).to_contain_text("现用指纹")
        chosen(page, path, (HEAD + ROWS.replace("2000", "900")).encode())
        expect(page.locator("#fl-place .vs-tone")).to_have_count(1)
        signed(page, ".fl-take", "admin")
        expect(page.locator("#fl-list tbody tr")).to_have_count(2)
        page.click("#fl-list [data-act=show][data-value='1']")
        expect(page.locator("#fl-place")).to_contain_text("第 1 版改了什么")
        signed(page, ".fl-back", "admin")
        expect(page.locator("#fl-say")).to_contain_text("成为第 3 版")
        now = fingerprints.latest(home.records)
        assert now is not None
        assert (now.version, {p.value for p in now.prints}) == (3, {2000.0, 40.0})
        assert desk.wrong == []
