"""`twin demo` as a person uses it: it comes up, ends with Ctrl-C without a trace, and comes up again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.warm import share
from twin.demo import is_healthy
from twin.supervisor import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
UP_S = 90.0


@pytest.fixture
def folder() -> Iterator[Path]:
    it = Path(tempfile.mkdtemp(prefix="twin-e2e-"))
    share(it)
    yield it
    shutil.rmtree(it, ignore_errors=True)


@pytest.fixture
def env(folder: Path) -> dict[str, str]:
    ports = {f"TWIN{k}_PORT": str(free_port()) for k in ("", "_GATEWAY", "_PLC")}
    return {**os.environ, **ports, "TWIN_DATA": str(folder), "TWIN_LANG": "en", "TWIN_REDIS_URL": ""}


def start(env: dict[str, str], *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "twin", "demo", "--no-browser", "--speed", "60", *words]
    return subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def alive(folder: Path) -> list[str]:
    """Command lines of every process that was started with this data folder."""
    mark, found = f"TWIN_DATA={folder}".encode(), []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return [line for line in found if line]


def wait_up(demo: subprocess.Popen[str], env: dict[str, str]) -> None:
    deadline = time.monotonic() + UP_S
    while time.monotonic() < deadline and demo.poll() is None:
        if is_healthy("127.0.0.1", int(env["TWIN_PORT"])):
            return
        time.sleep(0.1)
    demo.kill()
    raise AssertionError(f"the demo did not come up: {demo.communicate()[0]}")


def test_it_comes_up_ends_and_comes_up_again(folder: Path, env: dict[str, str]) -> None:
    for _ in range(2):
        demo = start(env)
        wait_up(demo, env)
        deadline = time.monotonic() + 60
        while len(alive(folder)) < 7 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(alive(folder)) >= 7
        assert demo.stdout is not None
        said = ""
        while "demo-duty" not in said:  # what it says last when it is up
            said += (line := demo.stdout.readline())
            assert line, said
        demo.send_signal(signal.SIGINT)
        said += demo.communicate(timeout=60)[0]
        assert demo.returncode == 0, said
        assert f"http://127.0.0.1:{env['TWIN_PORT']}" in said
        assert "demo-duty" in said
        assert alive(folder) == []


def test_a_killed_demo_leaves_nothing_behind(folder: Path, env: dict[str, str]) -> None:
    demo = start(env)
    wait_up(demo, env)
    demo.kill()
    demo.communicate()
    deadline = time.monotonic() + 60
    while alive(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert alive(folder) == []


def test_taken_ports_are_named_before_anything_starts(folder: Path, env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", int(env["TWIN_PORT"]))):
        demo = start(env)
        said, _ = demo.communicate(timeout=60)
    assert demo.returncode == 2
    assert f"port {env['TWIN_PORT']} is taken: set TWIN_PORT=" in said
    assert alive(folder) == []
