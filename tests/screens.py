"""`python -m tests.screens`: starts the demo, waits for the moments, takes the pictures of docs/screens.

Every page in both languages at 1920x1080, 3840x2160 (device scale 2) and 1180x820 (a tablet, so no wall).
`--size=""`, `--size=-4k` or `--size=-tablet` takes one size only.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.running import chromium, demo, reader, visit

SCREENS = Path(__file__).parent.parent / "docs" / "screens"
LANGS = ("zh", "en")
SPEED = 8.0
SIZES: dict[str, tuple[tuple[int, int], float]] = {
    "": ((1920, 1080), 1.0),
    "-4k": ((1920, 1080), 2.0),
    "-tablet": ((1180, 820), 1.0),
}
PAGES = {
    "atlas": "/atlas",
    "emergency": "/emergency",
    "enterprise": "/enterprise",
    "indicators": "/enterprise?view=all",
    "readings": "/readings/S33/w01018/1",
    "admin": "/admin",
    "admin-import": "/admin?tab=import",
    "admin-check": "/admin?tab=check",
    "admin-versions": "/admin?tab=versions",
    "login": "/login",
}
COLOURS = 200
SETTLE_MS = 2500
ONLINE = """() => Number(document.querySelector('[data-live="kpi.online"]')?.dataset.value) > 70"""


def take(page: Page, name: str) -> None:
    """Write one picture once nothing moves any more."""
    page.wait_for_timeout(SETTLE_MS)
    path = SCREENS / f"{name}.png"
    taken = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    # Flat colours and text: a palette loses nothing that an eye sees, and four fifths of the size.
    taken.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path)


def walls(browser: Browser, address: str, sizes: list[str], faults: list[str]) -> list[tuple[str, Page]]:
    """Open every wall and take it while the park is quiet; they stay open, for an incident to take over."""
    opened = []
    for suffix in (s for s in sizes if s != "-tablet"):
        size, scale = SIZES[suffix]
        for lang in LANGS:
            page = visit(reader(browser, lang, size, scale), address, "/wall", lang, faults)
            opened.append((f"{suffix}-{lang}" if suffix else f"-{lang}", page))
    for name, page in opened:
        page.wait_for_function(ONLINE, timeout=60_000)
        page.reload()  # what is counted from a day of readings is counted when a wall comes up
        page.wait_for_function(ONLINE, timeout=60_000)
        expect(page.locator("#wl-trans .stat")).to_have_text(re.compile(r"\d\d"), timeout=60_000)
        expect(page.locator(".wl.is-taken")).to_have_count(0)
        take(page, f"wall{name}")
    return opened


def desks(browser: Browser, address: str, sizes: list[str], faults: list[str]) -> None:
    """Take the pages somebody works at."""
    for suffix in sizes:
        size, scale = SIZES[suffix]
        for lang in LANGS:
            context = reader(browser, lang, size, scale)
            for name, path in PAGES.items():
                page = visit(context, address, path, lang, faults)
                if name == "indicators":
                    expect(page.locator(".en-all")).to_be_visible(timeout=60_000)
                if name == "enterprise":
                    expect(page.locator(".eh")).to_be_visible(timeout=60_000)
                if name == "emergency":
                    expect(page.locator(".sus-pick").first).to_be_visible(timeout=60_000)
                take(page, f"{name}{suffix}-{lang}")
                page.close()
            context.close()


def main(words: list[str] | None = None) -> int:
    """Take every picture; 1 if a page complained while it was taken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=list(SIZES), help="one size only")
    parser.add_argument("--speed", type=float, default=SPEED)
    args = parser.parse_args(words)
    sizes = list(SIZES) if args.size is None else [args.size]
    SCREENS.mkdir(parents=True, exist_ok=True)
    faults: list[str] = []
    with demo(args.speed) as address, sync_playwright() as playwright, chromium(playwright) as browser:
        opened = walls(browser, address, sizes, faults)
        for name, page in opened:
            expect(page.locator(".wl.is-taken")).to_be_visible(timeout=300_000)
            expect(page.locator(".wl-cards .pv").first).to_be_visible(timeout=120_000)
            take(page, f"wall-incident{name}")
            page.close()
        desks(browser, address, sizes, faults)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
