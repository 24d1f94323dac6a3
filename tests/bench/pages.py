"""What each page weighs on the wire: `python -m tests.bench.pages`, one line of JSON.

A real Chromium opens every page of the demo park twice: with nothing kept, and again with what the first
visit left in its cache. Counted is what the network delivered, headers and compression as they came; the live
feed is counted by itself, for it goes on as long as the page is open.
"""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Browser

from tests.e2e.house import house
from tests.e2e.screen import browser
from twin.bench_park import machine

PATHS = {
    "wall": "/wall",
    "atlas": "/atlas",
    "enterprises": "/enterprise",
    "enterprise": "/enterprise/E19",
    "emergency": "/emergency",
    "readings": "/readings",
    "admin": "/admin",
    "login": "/login",
}
SETTLE_MS = 4000
WHOLE = """() => document.readyState === 'complete'
  && ![...document.querySelectorAll('[aria-busy], ._dash-loading')].some((e) => e.checkVisibility())
  && [...document.querySelectorAll('.park-map')].every((map) => map.dataset.ready)"""
HEAVIEST = 5


class Scale:
    """Weighs what a page fetches."""

    def __init__(self, page: Any) -> None:
        self.by_url: dict[str, int] = {}
        self.live = 0
        self._names: dict[str, str] = {}
        tools = page.context.new_cdp_session(page)
        tools.send("Network.enable")
        tools.on(
            "Network.requestWillBeSent", lambda e: self._names.update({e["requestId"]: e["request"]["url"]})
        )
        tools.on("Network.loadingFinished", self._done)
        tools.on("Network.webSocketFrameReceived", self._frame)

    def _asked(self, event: Any) -> None:
        self._names[event["requestId"]] = event["request"]["url"]

    def _done(self, event: Any) -> None:
        path = "/" + self._names.get(event["requestId"], "?").split("?")[0].split("/", 3)[-1]
        self.by_url[path] = self.by_url.get(path, 0) + int(event["encodedDataLength"])

    def _frame(self, event: Any) -> None:
        payload = event["response"]["payloadData"]
        self.live += len(payload) * 3 // 4 if event["response"]["opcode"] == 2 else len(payload)

    @property
    def kb(self) -> float:
        """Everything but the live feed, kB."""
        return round(sum(self.by_url.values()) / 1000, 1)


def weigh(chromium: Browser, url: str) -> dict[str, Any]:
    """Open an address twice, and return what each visit weighed."""
    context = chromium.new_context(viewport={"width": 1920, "height": 1080}, locale="zh-CN")
    out: dict[str, Any] = {}
    try:
        for name in ("first_kb", "second_kb"):
            page = context.new_page()
            scale = Scale(page)
            page.goto(url)
            page.wait_for_function(WHOLE, timeout=60_000)
            page.wait_for_timeout(SETTLE_MS)
            out[name] = scale.kb
            heavy = sorted(scale.by_url.items(), key=lambda it: -it[1])[:HEAVIEST]
            out[name.replace("_kb", "_heaviest")] = {path: round(size / 1000, 1) for path, size in heavy}
            out["live_kb"] = round(scale.live / 1000, 1)
            page.close()
    finally:
        context.close()
    return out


def run() -> dict[str, Any]:
    """Weigh every page."""
    with house(incident=True) as it, browser() as chromium:
        pages = {name: weigh(chromium, it.web.url + path) for name, path in PATHS.items()}
    most = {key: max(p[key] for p in pages.values()) for key in ("first_kb", "second_kb")}
    return {"bench": "pages", **most, "pages": pages, "machine": machine()}


if __name__ == "__main__":
    print(json.dumps(run()))
