"""Real processes that start in milliseconds: forked from one that has imported everything already.

What is killed is a process of its own with its own sockets and files, as if it had been started by hand; only
the second of imports is spared, two hundred times.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_MIDWIFE = """
import json, os, signal, sys, traceback
from twin import config, worker
from twin.ingest import serve
from geodata import park
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
for line in sys.stdin:
    role, env, log = json.loads(line)
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for fd in (1, 2):
            os.dup2(out, fd)
        try:
            {"gateway": serve.run, "watch": worker.watch}[role](config.load(env))
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    print(pid, flush=True)
"""


class Nursery:
    """Starts roles of the product with given settings, and ends whatever it started."""

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        self._environment, self._logs = dict(environment), logs
        logs.mkdir(parents=True, exist_ok=True)
        self._pids: set[int] = set()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _MIDWIFE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"

    def start(self, role: str, **more: str) -> int:
        """Start a role; returns its process id."""
        import json

        assert self._process.stdin
        assert self._process.stdout
        log = str(self._logs / f"{role}.log")
        self._process.stdin.write(json.dumps([role, {**self._environment, **more}, log]) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        self._pids.add(pid)
        return pid

    def kill(self, pid: int) -> None:
        """SIGKILL, as a power cut would, and wait until it is gone."""
        self._pids.discard(pid)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + 10
        while is_alive(pid) and time.monotonic() < deadline:
            time.sleep(0.001)

    def close(self) -> None:
        """End everything."""
        for pid in list(self._pids):
            self.kill(pid)
        self._process.kill()
        self._process.communicate()


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
