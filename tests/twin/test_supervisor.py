"""The supervisor: crashed roles come back, nothing outlives it, taken ports are named with the mend."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from geodata.words import Text
from twin.config import load
from twin.errors import ConfigError
from twin.supervisor import Role, Supervisor, check_ports, free_port

# A role that makes a child of its own and writes both process ids.
PARENT_AND_CHILD = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}")
time.sleep(600)
"""
# A supervisor in its own process, for the test that kills it without warning.
LONELY = """
import os, sys, time
from pathlib import Path
from twin.supervisor import Role, Supervisor
role = "import os, sys, time; from twin.supervisor import die_with_parent; die_with_parent(os.environ);" \\
       "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
s = Supervisor(os.environ, Path(sys.argv[1]), print, (sys.executable, "-c", role))
s.start(Role("a", (sys.argv[1] + "/pids",)))
time.sleep(600)
"""


def gone(pid: int) -> bool:
    """Ended, or a zombie that nobody but its parent can remove."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def wait_for(what: Callable[[], bool], timeout_s: float = 60.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.02)
    return False


def read_pids(path: Path) -> list[int]:
    assert wait_for(lambda: path.exists() and path.read_text() != "")
    return [int(p) for p in path.read_text().split()]


@pytest.fixture
def said() -> list[Text]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[Text]) -> Iterator[Supervisor]:
    program = (sys.executable, "-c", PARENT_AND_CHILD)
    it = Supervisor(os.environ, tmp_path / "logs", said.append, program)
    yield it
    it.stop()


def test_stop_ends_a_role_and_what_it_started(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(Role("a", (str(tmp_path / "a"),)))
    supervisor.start(Role("b", (str(tmp_path / "b"),)))
    pids = read_pids(tmp_path / "a") + read_pids(tmp_path / "b")
    assert not any(map(gone, pids))
    supervisor.stop()
    assert wait_for(lambda: all(map(gone, pids)))


def test_a_crashed_role_comes_back_without_its_orphans(
    supervisor: Supervisor, tmp_path: Path, said: list[Text]
) -> None:
    supervisor.start(Role("a", (str(tmp_path / "a"),)))
    first = read_pids(tmp_path / "a")
    (tmp_path / "a").unlink()
    os.kill(first[0], signal.SIGKILL)

    def back() -> bool:
        supervisor.tick()
        return (tmp_path / "a").exists()

    assert wait_for(back)
    assert wait_for(lambda: all(map(gone, first)))
    assert read_pids(tmp_path / "a")[0] == supervisor.pid("a") != first[0]
    assert supervisor.restarts("a") == 1
    assert "starting again" in said[0].en
    assert "重启" in said[0].zh


def test_a_role_that_keeps_failing_is_started_less_and_less_often(tmp_path: Path, said: list[Text]) -> None:
    it = Supervisor(os.environ, tmp_path, said.append, (sys.executable, "-c", "raise SystemExit(3)"))
    it.start(Role("bad", ()))

    def twice() -> bool:
        it.tick()
        return len(said) >= 2

    assert wait_for(twice)
    it.stop()
    assert [s.en.split(" in ")[1].split(" s;")[0] for s in said[:2]] == ["0.5", "1"]


def test_roles_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    lonely = subprocess.Popen([sys.executable, "-c", LONELY, str(tmp_path)])
    pids = read_pids(tmp_path / "pids")
    lonely.kill()
    lonely.wait(60)
    assert wait_for(lambda: all(map(gone, pids)))


def test_a_port_that_was_found_is_kept_for_whom_it_was_found() -> None:
    port = free_port()
    if sys.platform.startswith("linux"):  # elsewhere nothing can be kept for somebody else
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)
    for _ in range(2):
        with socket.create_server(("127.0.0.1", port)) as own:
            socket.create_connection(own.getsockname(), 5).close()


def test_taken_ports_are_named_with_the_mend() -> None:
    config = load({"TWIN_LANG": "en"})
    config = replace(config, port=free_port(), gateway_port=free_port(), plc_port=free_port())
    check_ports(config)
    with (
        socket.create_server(("127.0.0.1", config.port)),
        socket.create_server(("127.0.0.1", config.plc_port)),
    ):
        with pytest.raises(ConfigError) as caught:
            check_ports(config)
        lines = str(caught.value).splitlines()
        assert lines[0].startswith(f"port {config.port} is taken: set TWIN_PORT=")
        assert lines[1].startswith(f"port {config.plc_port} is taken: set TWIN_PLC_PORT=")
        assert lines[0].rsplit("=", 1)[1] != str(config.port)
        with pytest.raises(ConfigError, match="请设置"):
            check_ports(replace(config, lang="zh"), web=False)
