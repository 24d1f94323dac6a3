"""Every page passes axe-core without a serious finding, dark and light, with an incident on it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.callbacks import stage, story
from tests.conftest import Embedded
from tests.e2e.screen import Site, browser, screen, site
from twin.access import Access
from twin.records import Records

pytestmark = pytest.mark.e2e
PATHS = ("/wall", "/atlas", "/enterprise", "/enterprise/E19", "/emergency", "/admin", "/login")
TABS = tuple(f"/admin?tab={key}" for key in ("import", "check", "versions"))


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    """A web role with an incident under way."""
    server = Embedded(Path(tempfile.mkdtemp(prefix="twin-")))
    server.start()
    records = Records(f"sqlite:///{server.folder / 'records.sqlite'}")
    records.create()
    Access(records).add_demo_users()
    stream = server.stream()
    with site(server.folder, server.url) as it:
        stage.up(stream, records, story.story(), incident=True)
        yield it
    stream.close()
    server.kill()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as it:
        yield it


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("path", [*PATHS, *TABS])
def test_no_serious_finding(chromium: Browser, web: Site, path: str, theme: str) -> None:
    with screen(chromium) as it:
        it.page.context.add_cookies([{"name": "theme", "value": theme, "url": web.url}])
        if path == "/login":
            it.page.goto(web.url + path)
        else:
            it.open(web.url + path)
            it.page.wait_for_selector(".content > *")
            it.page.wait_for_function("() => !document.querySelector('[aria-busy]')")
        found = Axe().run(it.page).response["violations"]
        grave = [
            (v["id"], v["impact"], [node["target"][0] for node in v["nodes"]][:5])
            for v in found
            if v["impact"] in ("serious", "critical")
        ]
        assert grave == []
        assert it.wrong == []
