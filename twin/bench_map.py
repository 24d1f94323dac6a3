"""`twin bench map`: the atlas in a real Chromium, with very many stations that change every second.

The park is the demo's with other stations and more pipes; its readings come as blocks through a real stream
server, and for packet to pixel as HJ 212 frames through the real gateway. The last line is one JSON object.
Needs Playwright and a Chromium, which the development requirements and `.ci/browser` bring.
"""

from __future__ import annotations

import json
import shutil
import socket
import sys
import time
from types import ModuleType
from typing import Any

import numpy as np

from twin.bench_park import CLEAN, DIRTY, FACTOR, UP_S, Feed, Stage, crowd, machine, mn
from twin.clock import wall_ms
from twin.config import Config
from twin.errors import MissingError
from twin.ingest.hj212.times import qn, stamp
from twin.ingest.hj212.write import frame

SAMPLES, PAN_S, BUSY_S = 15, 4.0, 6.0
PIXEL_MS = 10_000.0  # a packet that is not drawn by then ends the bench with an error
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGS = ("--no-sandbox", "--disable-gpu", "--enable-precise-memory-info")
READY = (
    "() => { const m = window.twin && twin.maps && twin.maps['atlas-map'];"
    " return m && m.element.dataset.ready && !twin.live.stale"
    " && (!m.dense || m.cloud && m.cloud.shown.length); }"
)


def run(points: int, lines: int, changing: int) -> dict[str, Any]:
    """Measure, and return what was found.

    Raises
    ------
    MissingError
        There is no Playwright, or no Chromium.
    """
    playwright, browser = _playwright(), _chromium()
    with crowd(points, lines, changing) as stage, playwright.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, args=ARGS)
        try:
            return _look(chromium, stage)
        finally:
            chromium.close()


def _look(chromium: Any, stage: Stage) -> dict[str, Any]:
    config, feed = stage.config, stage.feed
    context = chromium.new_context(viewport={"width": 1920, "height": 1080})
    page = context.new_page()
    url = f"http://{config.host}:{config.port}/atlas"
    page.goto(url)
    page.wait_for_function(READY, timeout=UP_S * 1000)  # the first visit fills the cache
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_function(READY, timeout=UP_S * 1000)
    usable = time.perf_counter() - began
    paint = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000")
    tools = context.new_cdp_session(page)
    busy = _busy(tools)
    fps = _pan(page)
    tools.send("HeapProfiler.collectGarbage")
    heap = page.evaluate("() => performance.memory.usedJSHeapSize / 1e6")
    stage.rest()
    update = _update(page, feed)
    pixel = [_packet_to_pixel(page, config, n) for n in range(SAMPLES)]
    return {
        "points": feed.points,
        "changing_each_s": feed.changing,
        "first_paint_s": round(paint, 2),
        "usable_s": round(usable, 2),
        "update_script_ms": round(update, 1),
        "fps_pan": round(fps, 1),
        "heap_mb": round(heap, 1),
        "main_thread_busy": round(busy, 3),
        "packet_to_pixel_p95_ms": round(float(np.percentile(pixel, 95))),
        "packet_to_pixel_median_ms": round(float(np.median(pixel))),
        "machine": machine(),
    }


def _busy(tools: Any) -> float:
    """Return the share of time the page's main thread works while levels change."""
    tools.send("Performance.enable")

    def spent() -> float:
        found = tools.send("Performance.getMetrics")["metrics"]
        return float(next(m["value"] for m in found if m["name"] == "TaskDuration"))

    before, began = spent(), time.perf_counter()
    time.sleep(BUSY_S)
    return (spent() - before) / (time.perf_counter() - began)


def _pan(page: Any) -> float:
    """Return frames a second while the map is dragged to and fro."""
    page.evaluate(
        "() => { window.__frames = 0; const tick = () => { window.__frames += 1;"
        " requestAnimationFrame(tick); }; requestAnimationFrame(tick); }"
    )
    page.mouse.move(900, 500)
    page.mouse.down()
    before, began, n = page.evaluate("window.__frames"), time.perf_counter(), 0
    while time.perf_counter() - began < PAN_S:
        n += 1
        page.mouse.move(900 + 300 * np.sin(n / 15), 500 + 150 * np.sin(n / 11))
    gone = time.perf_counter() - began
    page.mouse.up()
    return float((page.evaluate("window.__frames") - before) / gone)


def _update(page: Any, feed: Feed) -> float:
    """Return the script time of the heaviest of three updates of all points: taking it in, and drawing it."""
    worst = 0.0
    for _ in range(3):
        page.evaluate(
            "() => { const live = twin.live; window.__apply = 0; if (window.__off) window.__off();"
            " const look = () => { window.__apply = Math.max(window.__apply, live.applyMs); };"
            " window.__off = live.on(() => setTimeout(look)); }"
        )
        feed.send(feed.points)
        time.sleep(3.0)
        draw = page.evaluate(
            "() => { const t = performance.now(); twin.maps['atlas-map'].symbols.draw();"
            " return performance.now() - t; }"
        )
        worst = max(worst, float(page.evaluate("window.__apply")) + float(draw))
    return worst


def _packet_to_pixel(page: Any, config: Config, n: int) -> float:
    """Return ms from the first byte of a packet to the first picture with its station's new level."""
    dirty = page.evaluate(
        "() => { const live = twin.live; return live.stationLevels[live.stationIndex.get('P000003')] < 2; }"
    )
    page.evaluate(
        """() => { const live = twin.live, sheet = twin.maps['atlas-map'].symbols;
        const k = live.stationIndex.get('P000003'), old = live.stationLevels[k];
        const draw = Object.getPrototypeOf(sheet).draw;
        window.__seen = 0;
        sheet.draw = () => { draw.call(sheet);
          if (live.stationLevels[k] !== old && !window.__seen) window.__seen = Date.now(); }; }"""
    )
    time.sleep(0.3 + (n % 5) * 0.17)
    now = wall_ms()
    value = DIRTY if dirty else CLEAN
    body = f"DataTime={stamp(now + 1000)};{FACTOR}-Rtd={value},{FACTOR}-Flag=N"
    packet = frame(f"QN={qn(now)};ST=32;CN=2011;PW=123456;MN={mn(3)};Flag=5;CP=&&{body}&&".encode())
    with socket.create_connection((config.gateway_host, config.gateway_port)) as line:
        sent = time.time() * 1000
        line.sendall(packet)
        page.wait_for_function("() => window.__seen", timeout=PIXEL_MS)
    return float(page.evaluate("() => window.__seen")) - sent


def _playwright() -> ModuleType:
    try:
        from playwright import sync_api
    except ImportError:
        raise MissingError("the map bench needs Playwright: pip install playwright") from None
    return sync_api


def _chromium() -> str:
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        raise MissingError("the map bench needs a Chromium on PATH: bash .ci/browser installs it")
    return path


def main(points: int, lines: int, changing: int) -> int:
    """Print the result as one JSON line."""
    sys.stdout.write(json.dumps(run(points, lines, changing)) + "\n")
    return 0
