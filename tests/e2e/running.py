"""The demo as a process of its own and a browser in front of it: for the story and for the pictures."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from twin.demo import is_healthy
from twin.supervisor import free_port

UP_S = 120.0
ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
)


@contextmanager
def demo(speed: float, *, scenario: str = "night-discharge", seed: int = 1, **more: str) -> Iterator[str]:
    """Run `twin demo` in a folder and on ports of its own; gives its address, ends it afterwards.

    `more` are settings that it is given instead.
    """
    folder = Path(tempfile.mkdtemp(prefix="twin-story-"))
    ports = {f"TWIN{k}_PORT": str(free_port()) for k in ("", "_GATEWAY", "_PLC")}
    own = {**ports, "TWIN_DATA": str(folder), "TWIN_REDIS_URL": "", "TWIN_DB_URL": "", **more}
    env = {**os.environ, **own}
    log = folder / "demo.log"  # a file, for a pipe that nobody reads fills up and stops who writes into it
    words = ["demo", "--no-browser", "--scenario", scenario, "--speed", f"{speed:g}", "--seed", str(seed)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "twin", *words],
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_up(process, int(own["TWIN_PORT"]), log)
        yield f"http://127.0.0.1:{own['TWIN_PORT']}"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its roles too
            process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def role_pid(folder: Path, role: str) -> int | None:
    """Process id of a role of the demo that runs in a data folder; None while there is none."""
    mark, words = f"TWIN_DATA={folder}".encode(), f"-m twin {role}".encode()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").strip()
                if line.endswith(words) or words + b" " in line:
                    return int(entry.name)
        except OSError:
            continue  # it ended meanwhile
    return None


def _wait_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + UP_S
    while time.monotonic() < deadline and process.poll() is None:
        if is_healthy("127.0.0.1", port):
            return
        time.sleep(0.2)
    raise AssertionError(f"the demo did not come up: {log.read_text('utf-8', 'replace')}")


def chromium(playwright: Playwright) -> Browser:
    """Start the system's Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("TWIN_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    assert path, "no Chromium: set TWIN_CHROMIUM or install it"
    return playwright.chromium.launch(executable_path=path, args=list(ARGS))


def reader(
    browser: Browser,
    lang: str,
    size: tuple[int, int] = (1920, 1080),
    scale: float = 1.0,
    *,
    touch: bool = False,
) -> BrowserContext:
    """Open a browser of somebody who reads one language; on a tablet it is touched."""
    return browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        device_scale_factor=scale,
        has_touch=touch,
        locale="zh-CN" if lang == "zh" else "en-GB",
        timezone_id="Asia/Shanghai",
    )


def visit(context: BrowserContext, address: str, path: str, lang: str, faults: list[str]) -> Page:
    """Open a page in a language; console errors, page errors and foreign requests are written to `faults`."""
    page = context.new_page()

    def heard(message: Any) -> None:
        if message.type == "error":
            faults.append(f"{path} console: {message.text[:300]}")

    def asked(request: Any) -> None:
        if not request.url.startswith((address, address.replace("http", "ws", 1), "data:", "blob:")):
            faults.append(f"{path} foreign: {request.url[:200]}")

    page.on("console", heard)
    page.on("pageerror", lambda error: faults.append(f"{path} error: {str(error)[:300]}"))
    page.on("request", asked)
    page.on("websocket", asked)
    context.add_cookies([{"name": "lang", "value": lang, "url": address}])
    page.goto(address + path)
    return page
