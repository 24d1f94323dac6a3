"""`python -m tests.screens`: starts the demo, waits for the moments, takes the pictures of docs/screens.

Every page in both languages at 1920x1080, 3840x2160 (device scale 2) and 1180x820 (a tablet with a touch
screen, so no wall). `--size=""`, `--size=-4k` or `--size=-tablet` takes one size only, `--lang` one language,
`--only admin` the pages whose names begin so.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.e2e.running import chromium, demo, reader, visit

SCREENS = Path(__file__).parent.parent / "docs" / "screens"
LANGS = ("zh", "en")
SPEED = 8.0
SIZES: dict[str, tuple[tuple[int, int], float]] = {
    "": ((1920, 1080), 1.0),
    "-4k": ((1920, 1080), 2.0),
    "-tablet": ((1180, 820), 1.0),
}
LOGGER = "320990CA00335A000003FCCF"  # S33
SHEETS = ("flood", "calls", "own", "score")
SHORT = ("calls", "score")  # one sentence, until an order is given


@dataclass(frozen=True)
class Shot:
    """One picture: where it is taken, who looks, what is pressed and what must be on screen first."""

    path: str
    ready: str = ""
    press: tuple[str, ...] = ()
    who: str = ""  # the account of the demo that is signed in
    theme: str = ""  # the page's own, if none was chosen
    ago_min: float = 0.0  # minutes of park time before now, replayed; 0 is now
    sizes: tuple[str, ...] = tuple(SIZES)


HD = ("",)
RANKED = ".sus-pick"
WITH = ".en-with-place summary"
FIRM = ".eh"
LATE = ("/emergency", "/enterprise")
PAGES = {
    "login": Shot("/login"),
    "admin": Shot("/admin", ".at", who="admin"),
    "admin-import": Shot("/admin?tab=import", who="admin"),
    "admin-check": Shot("/admin?tab=check", who="admin"),
    "admin-versions": Shot("/admin?tab=versions", who="admin"),
    "admin-fingerprints": Shot("/admin?tab=fingerprints", ".fl", who="admin"),
    "admin-logger": Shot(f"/admin?tab=stations&mn={LOGGER}", who="admin"),
    "admin-doors": Shot("/admin?tab=doors", who="admin"),
    "readings": Shot("/readings/S33/w01018/1"),
    "atlas": Shot("/atlas"),
    "atlas-light": Shot("/atlas", theme="light", sizes=HD),
    "atlas-station": Shot("/atlas?obj=station/S33", ".card-curve svg", sizes=HD),
    "atlas-guide": Shot("/atlas", press=("[data-guide='']",), sizes=HD),
    "enterprise": Shot("/enterprise", FIRM),
    "enterprise-one": Shot("/enterprise/E19", FIRM),
    "enterprise-dark": Shot("/enterprise/E19", FIRM, theme="dark", sizes=HD),
    "indicators": Shot("/enterprise/E19?view=all", ".en-all"),
    "indicators-compare": Shot(
        "/enterprise/E19?view=all",
        ".en-all",
        (WITH, ".en-with label >> nth=3", ".en-with label >> nth=7", WITH),
    ),
    "emergency": Shot("/emergency", RANKED, who="duty"),
    "emergency-replay": Shot("/emergency", ".em-right", who="duty", ago_min=2.5, sizes=HD),
    "emergency-second": Shot("/emergency", RANKED, (".sus-pick >> nth=1",), "duty", sizes=HD),
    "emergency-help": Shot("/emergency", RANKED, ("#em-suspects .about",), "duty", sizes=HD),
    "emergency-light": Shot("/emergency", RANKED, who="duty", theme="light", sizes=HD),
}
READY_MS = 200_000  # an incident of the demo takes two minutes to come
COLOURS = 256
STRONG = 90  # between the strongest and the weakest of red, green and blue
SETTLE_MS = 2500
TRIES = 6
THEN = "(ago) => new Date(twin.live.now() - ago * 60_000 + 8 * 3_600_000).toISOString().slice(0, 19)"
ONLINE = """() => Number(document.querySelector('[data-live="kpi.online"]')?.dataset.value) > 70"""


def take(page: Page, name: str) -> None:
    """Write one picture once nothing moves any more."""
    page.wait_for_timeout(SETTLE_MS)
    path = SCREENS / f"{name}.png"
    taken = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    with_palette(taken).save(path, optimize=True)
    print(path, flush=True)


def with_palette(picture: Image.Image) -> Image.Image:
    """Return a picture in 256 colours, which saves four fifths of the size.

    Strong colours get a quarter of them whatever little area they have: they are the levels.
    """
    pixels = np.asarray(picture)
    strong = pixels[np.ptp(pixels.astype(np.int16), axis=2) > STRONG]
    rest = COLOURS
    found: list[int] = []
    if len(strong):
        few = Image.fromarray(strong.reshape(1, -1, 3)).quantize(COLOURS // 4)
        found = (few.getpalette() or [])[: 3 * (COLOURS // 4)]
        rest -= COLOURS // 4
    found += (picture.quantize(rest).getpalette() or [])[: 3 * rest]
    palette = Image.new("P", (1, 1))
    palette.putpalette(found)
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


@dataclass(frozen=True)
class Wanted:
    """Which pictures are taken."""

    sizes: tuple[str, ...]
    langs: tuple[str, ...]
    only: str

    def page(self, name: str) -> bool:
        """Whether a page is among them."""
        return name.startswith(self.only)


def walls(browser: Browser, address: str, wanted: Wanted, faults: list[str]) -> list[tuple[str, Page]]:
    """Open every wall and take it while the park is quiet; they stay open, for an incident to take over."""
    opened = []
    for suffix in (s for s in wanted.sizes if s != "-tablet" and wanted.page("wall")):
        size, scale = SIZES[suffix]
        for lang in wanted.langs:
            page = visit(reader(browser, lang, size, scale), address, "/wall", lang, faults)
            opened.append((f"{suffix}-{lang}" if suffix else f"-{lang}", page))
    for name, page in opened:
        page.wait_for_function(ONLINE, timeout=60_000)
        for _ in range(TRIES):  # what is counted from a day of readings is counted when a wall comes up
            page.reload()
            page.wait_for_function(ONLINE, timeout=60_000)
            expect(page.locator("#wl-trans .stat")).to_have_text(re.compile(r"\d\d"), timeout=60_000)
            if page.locator(".wl b", has_text="—").count() == 0:
                break
            page.wait_for_timeout(SETTLE_MS)
        expect(page.locator(".wl.is-taken")).to_have_count(0)
        take(page, f"wall{name}")
    return opened


def awake(browser: Browser, address: str) -> None:
    """Wait until the park is heard, so that no picture shows a demo that has only begun."""
    page = visit(reader(browser, "zh"), address, "/wall", "zh", [])
    page.wait_for_function(ONLINE, timeout=60_000)
    page.close()


def desks(browser: Browser, address: str, wanted: Wanted, faults: list[str], *, late: bool) -> None:
    """Take the pages somebody works at: those that tell of an incident are `late`, once it is there."""
    for suffix in wanted.sizes:
        size, scale = SIZES[suffix]
        for lang in wanted.langs:
            for name, shot in PAGES.items():
                if suffix in shot.sizes and wanted.page(name) and late == shot.path.startswith(LATE):
                    context = reader(browser, lang, size, scale, touch=suffix == "-tablet")
                    page = shown(context, address, shot, lang, faults)
                    take(page, f"{name}{suffix}-{lang}")
                    if name == "emergency":
                        sheets(page, f"{suffix}-{lang}")
                    context.close()


def shown(context: BrowserContext, address: str, shot: Shot, lang: str, faults: list[str]) -> Page:
    """Open a page as its picture wants it."""
    if shot.theme:
        context.add_cookies([{"name": "theme", "value": shot.theme, "url": address}])
    if shot.who:
        told: dict[str, str | float | bool] = {"user": shot.who, "password": f"demo-{shot.who}"}
        assert context.request.post(f"{address}/login", form=told).ok
    page = visit(context, address, shot.path, lang, faults)
    if shot.ago_min:
        page.wait_for_function("() => window.twin && twin.live.points && !twin.live.stale")
        then = page.evaluate(THEN, shot.ago_min)
        page.goto(f"{address}{shot.path}?at={then}")
    if shot.ready and not shot.press:
        expect(page.locator(shot.ready).first).to_be_visible(timeout=READY_MS)
    for button in shot.press:
        page.locator(button).first.click(timeout=READY_MS)
    if shot.ready:
        expect(page.locator(shot.ready).first).to_be_visible(timeout=READY_MS)
    return page


def sheets(page: Page, ending: str) -> None:
    """Take the sheets of the emergency desk, each opened by its button."""
    for button, name in zip(page.locator(".em-tools .btn").all(), SHEETS, strict=True):
        if ending.startswith("-4k") and name in SHORT:
            continue
        button.click()
        sheet = page.locator(f".em-sheet.{name}")
        expect(sheet).to_be_visible()
        take(page, f"emergency-{name}{ending}")
        sheet.locator(".em-x").click()


def main(words: list[str] | None = None) -> int:
    """Take every picture; 1 if a page complained while it was taken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=list(SIZES), help="one size only")
    parser.add_argument("--lang", choices=LANGS, help="one language only")
    parser.add_argument("--only", default="", help="pages whose names begin so")
    parser.add_argument("--speed", type=float, default=SPEED)
    args = parser.parse_args(words)
    wanted = Wanted(
        tuple(SIZES) if args.size is None else (args.size,), (args.lang,) if args.lang else LANGS, args.only
    )
    SCREENS.mkdir(parents=True, exist_ok=True)
    faults: list[str] = []
    with demo(args.speed) as address, sync_playwright() as playwright, chromium(playwright) as browser:
        awake(browser, address)
        opened = walls(browser, address, wanted, faults)
        desks(browser, address, wanted, faults, late=False)
        for name, page in opened:
            expect(page.locator(".wl.is-taken")).to_be_visible(timeout=300_000)
            expect(page.locator(".wl-cards .pv").first).to_be_visible(timeout=120_000)
            take(page, f"wall-incident{name}")
            page.close()
        desks(browser, address, wanted, faults, late=True)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
