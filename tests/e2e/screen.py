"""A web role on a real stream server, and a real browser that keeps account of what went wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from twin.supervisor import free_port

ARGS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
UP_S = 60.0


@dataclass
class Site:
    """One web process."""

    url: str
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = subprocess.Popen([sys.executable, "-m", "twin", "web"], env=self.env)
        deadline = time.monotonic() + UP_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the web role ended"
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the web role did not come up")

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None


@contextmanager
def site(folder: Path, redis_url: str, **more: str) -> Iterator[Site]:
    """A running web role on a data folder and a stream server."""
    port = free_port()
    own = {"TWIN_DATA": str(folder), "TWIN_REDIS_URL": redis_url, "TWIN_PORT": str(port), "TWIN_OPEN": "1"}
    env = os.environ | own | more
    it = Site(f"http://127.0.0.1:{port}", env)
    it.start()
    try:
        yield it
    finally:
        it.stop()


@dataclass
class Screen:
    """A page, and what went wrong on it."""

    page: Page
    wrong: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Keep an account of errors, failed answers, and requests that leave this machine."""
        page = self.page
        page.on("console", lambda m: self.wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: self.wrong.append(f"page error: {e}"))
        page.on("response", lambda r: self.wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.context.route("**/*", self._only_here)

    def _only_here(self, route: Any) -> None:
        if route.request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            route.continue_()
        else:
            self.wrong.append(f"foreign request: {route.request.url}")
            route.abort()

    def open(self, url: str, lang: str = "zh") -> None:
        """Open an address and wait for the map, if it has one, and for live values."""
        self.page.context.add_cookies([{"name": "lang", "value": lang, "url": url}])
        self.page.goto(url)
        self.page.wait_for_function("() => window.twin && twin.live.points && !twin.live.stale")

    def wait(self, js: str, seconds: float = 60.0) -> None:
        """Wait until an expression of the page is true; what it speaks of may still be to come."""
        asked = f"() => {{ try {{ return {js}; }} catch {{ return false; }} }}"
        self.page.wait_for_function(asked, timeout=seconds * 1000)


@contextmanager
def browser() -> Iterator[Browser]:
    """A real Chromium of this machine."""
    path = os.environ.get("TWIN_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, "no Chromium on PATH: run .ci/browser"
    with sync_playwright() as play:
        expect.set_options(timeout=30_000)  # several processes share the machine
        it = play.chromium.launch(executable_path=path, args=ARGS)
        yield it
        it.close()


@contextmanager
def screen(
    it: Browser, width: int = 1920, height: int = 1080, scale: float = 1.0, **more: Any
) -> Iterator[Screen]:
    """A fresh page of a size."""
    context = it.new_context(
        viewport={"width": width, "height": height}, device_scale_factor=scale, locale="zh-CN", **more
    )
    found = Screen(context.new_page())
    found.watch()
    yield found
    context.close()
