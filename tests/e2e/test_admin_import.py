"""A surveyor's afternoon in a real browser: files in, one confirmation, a mend, a version, the way back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect
from shapely import Point

from geodata import park as parks
from geodata.places import Park
from geodata.versions import Store
from tests.callbacks import stage, story
from tests.e2e.screen import Screen, Site, browser, screen, site
from tests.embedded import Embedded
from tests.geodata import surveys
from twin.access import Access
from twin.records import Records

pytestmark = pytest.mark.e2e
READ_MS = 30_000
MAP = "twin.maps['ck-map']"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as it:
        yield it


@pytest.fixture
def web(embedded: Embedded) -> Iterator[Site]:
    """A web role on a park file of its own, with people who may and may not change it."""
    present = embedded.folder / "present.gpkg"
    shutil.copyfile(parks.demo_path(), present)
    records = Records(f"sqlite:///{embedded.folder / 'records.sqlite'}")
    records.create()
    Access(records).add_demo_users()
    with site(embedded.folder, embedded.url, TWIN_PARK=str(present)) as it:
        stage.up(embedded.stream(), records, story.story(), incident=False)
        yield it
    records.close()


@pytest.fixture
def desk(chromium: Browser, web: Site) -> Iterator[Screen]:
    with screen(chromium) as it:
        it.open(f"{web.url}/admin?tab=import")
        yield it
        assert it.wrong == []


def survey(folder: Path) -> list[Path]:
    """A survey as contractors give it: GBK unsaid, north first, zone before the east, and a stray manhole."""
    x, y = surveys.origin("EPSG:4528")
    points = surveys.points("EPSG:4528")
    stray = points.iloc[[0]].assign(物探点号="WS9", geometry=[Point(x + 90, y + 70)])
    for name, frame in (("WSP", pd.concat([points, stray])), ("WSL", surveys.lines("EPSG:4528"))):
        frame.geometry = [surveys.swap(g) for g in frame.geometry]
        surveys.shapefile(frame, folder / f"{name}.shp")
    return sorted(folder.glob("WS*"))


def sign(page: Page, block: str, **fields: str) -> None:
    """Fill in a signature and press its button."""
    for name, value in fields.items():
        page.locator(f"{block} [data-name={name}] input").fill(value)
    page.locator(f"{block} .btn.p").click()


def test_a_survey_becomes_the_park_and_the_park_comes_back(
    desk: Screen, web: Site, embedded: Embedded, tmp_path: Path
) -> None:
    page, store = desk.page, Store(embedded.folder / "versions")
    sign(page, ".im-open", user="duty", password="demo-duty")
    expect(page.locator("#im-say")).to_contain_text("须系统管理")
    sign(page, ".im-open", user="admin", password="demo-admin")
    page.locator(".im-drop input[type=file]").first.set_input_files(survey(tmp_path))
    expect(page.locator(".im-files li")).to_have_count(6)

    page.get_by_role("button", name="读取", exact=True).click()
    asks = page.locator(".im-asks")
    expect(asks).to_contain_text("40574684.4 有 8 位，带号 40", timeout=READ_MS)
    expect(page.locator(".im-commit")).to_be_hidden()
    page.locator(".im-layer summary", has_text="WSP.shp").click()
    grid = page.locator(".im-layer", has_text="WSP.shp").locator(".im-grid")
    expect(grid.locator("tr", has_text="物探点号")).to_contain_text("WS1 · WS2 · WS3")
    expect(grid.locator("tr", has_text="物探点号").locator("select")).to_have_value("id")
    page.get_by_role("button", name="全部确认，重新读取").click()
    expect(page.locator(".im-commit")).to_be_visible(timeout=READ_MS)
    expect(asks).to_have_count(0)
    desk.wait("twin.maps['im-map'].data.network.length === 3")

    page.get_by_role("link", name="逐条查看").click()
    row = page.locator(".ck-rows tr", has_text="节点 WS9 没有任何管段")
    row.click()
    desk.wait(f"{MAP} && {MAP}.drawing && {MAP}.drawing.items.some(f => f.p.tone === 'picked')")
    desk.wait(f"{MAP}.map.getZoom() >= 16")
    row.get_by_role("button", name="预览修改").click()
    expect(page.locator(".ck-told")).to_contain_text("节点 WS9  删除")
    page.get_by_role("button", name="采用", exact=True).click()
    expect(page.locator(".ck-taken")).to_contain_text("WS9")
    expect(row).to_have_count(0)
    page.get_by_role("button", name="撤销最近一项").click()
    expect(row).to_have_count(1)
    expect(page.locator(".ck-taken")).to_have_count(0)
    row.get_by_role("button", name="预览修改").click()
    page.get_by_role("button", name="采用", exact=True).click()
    expect(row).to_have_count(0)
    with page.expect_download() as got:
        page.get_by_role("link", name="Excel").click()
    assert got.value.suggested_filename.endswith("-findings.xlsx")

    assert store.current() is None
    before = parks.read(parks.demo_path()).version
    sign(page, ".ck-save", user="admin", password="demo-admin", reason="三标段复测")
    expect(page.locator("#ck-say")).to_contain_text("启用了版本", timeout=READ_MS)
    saved = store.list()
    assert [(v.by, v.version == before) for v in saved] == [("admin", False), ("", True)]
    landed(store.load(saved[0].version))

    page.goto(f"{web.url}/admin?tab=versions")
    expect(page.locator(".vs-scroll tbody tr")).to_have_count(2)
    expect(page.locator("#vs-changes summary", has_text=re.compile("^企业(?!端)"))).to_contain_text("删除 40")
    nodes = page.locator("#vs-changes details", has=page.locator("summary", has_text="节点"))
    expect(nodes.locator("summary")).to_contain_text("新增 4")
    desk.wait("twin.maps['vs-map']?.drawing?.items.some(f => f.p.tone === 'added')")
    sign(page, ".vs-restore", user="admin", password="demo-admin", reason="先退回,待复核")
    expect(page.locator(".vs-scroll tbody tr")).to_have_count(3, timeout=READ_MS)
    assert store.list()[0].version == before
    assert parks.read(embedded.folder / "present.gpkg").version == before


def landed(park: Park) -> None:
    """Every manhole lies within a metre of the truth, and the stray one is gone."""
    x, y = surveys.origin()
    truth = surveys.POINTS[["dx", "dy"]].to_numpy() + np.array([x, y])
    found = park.nodes.set_index("id").loc[surveys.POINTS["物探点号"], ["x", "y"]].to_numpy(float)
    assert np.abs(found - truth).max() < 1.0
    assert len(park.nodes) == len(truth)
