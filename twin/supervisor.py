"""Starts the roles as child processes, starts a crashed one again, and lets none outlive the supervisor.

Every role runs in its own session, so that a Ctrl-C at the terminal reaches the supervisor alone, and a role
is ended together with the children it made itself.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from geodata.words import Text, as_lang
from twin.config import Config
from twin.ending import killed
from twin.errors import ConfigError, UnavailableError

PARENT = "TWIN_SUPERVISOR_PID"
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
HEALTHY_AFTER_S = 30.0
LARGEST_LOG = 20_000_000
_PR_SET_PDEATHSIG = 1
HELD = Text(
    "{role} 已强制结束却仍未退出（进程 {pid}）：系统正占用着它，多半是磁盘没有响应",
    "{role} was killed and is still there (process {pid}): "
    "the system holds it, most often for a disk that does not answer",
)


@dataclass(frozen=True, slots=True)
class Role:
    """One process to keep running: its name and the words after `python -m twin`."""

    name: str
    words: tuple[str, ...]


@dataclass(slots=True)
class _Running:
    role: Role
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait_s: float = FIRST_WAIT_S
    again_at: float = 0.0
    restarts: int = 0


@dataclass(slots=True)
class Supervisor:
    """Keeps roles running until it is told to stop.

    Attributes
    ----------
    environment : mapping
        What every child gets as its environment; its own process id is added.
    logs : Path
        Folder of one log file a role.
    report : callable
        Called with one sentence when a role ends by itself.
    program : tuple of str
        What the words of a role are given to.
    """

    environment: Mapping[str, str]
    logs: Path
    report: Callable[[Text], None]
    program: tuple[str, ...] = (sys.executable, "-m", "twin")
    _roles: dict[str, _Running] = field(default_factory=dict)

    def start(self, role: Role) -> None:
        """Start a role and keep it running from now on."""
        self._roles[role.name] = running = _Running(role)
        self._spawn(running)

    @property
    def names(self) -> tuple[str, ...]:
        """Every role that is to be kept running, in the order in which they were started."""
        return tuple(self._roles)

    def pid(self, name: str) -> int | None:
        """Process id of a role, None while it is down."""
        process = self._roles[name].process
        return process.pid if process is not None and process.poll() is None else None

    def restarts(self, name: str) -> int:
        """How often a role was started again."""
        return self._roles[name].restarts

    def tick(self) -> None:
        """Look after the roles once; call it a few times a second."""
        now = time.monotonic()
        for running in self._roles.values():
            if running.process is not None and running.process.poll() is not None:
                self._note_end(running, now)
            if running.process is None and now >= running.again_at:
                running.restarts += 1
                self._spawn(running)

    def stop(self, timeout_s: float = 6.0) -> None:
        """End every role, the last started first, with everything it started; does not come back before.

        The stream server was started first, so it is there until all others are gone.
        """
        names = list(self._roles)[::-1]
        first = names[-1:] if len(names) > 1 else []
        self._end([n for n in names if n not in first], timeout_s)
        self._end(first, timeout_s)
        self._roles.clear()

    def _end(self, names: Iterable[str], timeout_s: float) -> None:
        processes = {n: p for n in names if (p := self._roles[n].process) is not None}
        for process in processes.values():
            _signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout_s
        for process in processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline - time.monotonic(), 0.01))
            _signal_group(process.pid, signal.SIGKILL)
        for name, process in processes.items():
            try:
                killed(process, name)
            except UnavailableError:
                self.report(HELD.fill(role=name, pid=process.pid))

    def _note_end(self, running: _Running, now: float) -> None:
        assert running.process is not None
        code, pid = running.process.returncode, running.process.pid
        _signal_group(pid, signal.SIGKILL)  # what it left behind
        running.process = None
        if now - running.started > HEALTHY_AFTER_S:
            running.wait_s = FIRST_WAIT_S
        running.again_at = now + running.wait_s
        self.report(
            Text(
                "{role} 已退出（{code}），{wait:g} 秒后重启；日志：{log}",
                "{role} ended ({code}), starting again in {wait:g} s; its log: {log}",
            ).fill(role=running.role.name, code=code, wait=running.wait_s, log=self._log(running.role))
        )
        running.wait_s = min(running.wait_s * 2, LONGEST_WAIT_S)

    def _log(self, role: Role) -> Path:
        return self.logs / f"{role.name}.log"

    def _spawn(self, running: _Running) -> None:
        path = self._log(running.role)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LARGEST_LOG:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as log:
            running.process = subprocess.Popen(  # noqa: S603 - our own command line
                [*self.program, *running.role.words],
                env={**self.environment, PARENT: str(os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        running.started = time.monotonic()


def _signal_group(pid: int, what: signal.Signals) -> None:
    """Signal a whole process group; one that is gone already is no error."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, what)


def die_with_parent(environment: Mapping[str, str]) -> None:
    """Make this process end when its supervisor dies, however that dies.

    A process that no supervisor started is left alone. On Linux the kernel does it, and the setting survives
    exec, so the stream server's own program keeps it (prctl(2), PR_SET_PDEATHSIG); elsewhere a thread looks.
    """
    parent = environment.get(PARENT, "")
    if not parent:
        return
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    else:
        threading.Thread(target=_watch_parent, args=(int(parent),), daemon=True).start()
    if os.getppid() != int(parent):  # it died before we asked
        os._exit(1)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port nothing listens on, and on Linux nobody else is given while this process lives.

    The socket that found it stays bound and never listens: whoever is dialled there is refused, the one it
    was found for may listen (Linux lets it where both say SO_REUSEADDR, as servers do; other systems do not),
    and the system hands the number to no other process in between.
    """
    with socket.socket() as s:
        s.bind((host, 0))
        port = int(s.getsockname()[1])
        if sys.platform.startswith("linux"):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.detach()  # open until the process ends
        return port


def check_ports(config: Config, *, web: bool = True) -> None:
    """Make sure that the ports of all roles are free.

    Raises
    ------
    ConfigError
        One or more are taken; the message names each and the setting that moves it.
    """
    wanted = [
        ("TWIN_GATEWAY_PORT", config.gateway_host, config.gateway_port),
        ("TWIN_PLC_PORT", config.plc_host, config.plc_port),
    ]
    if web:
        wanted.insert(0, ("TWIN_PORT", config.host, config.port))
    sentences = [
        Text("端口 {port} 已被占用：请设置 {name}={free}", "port {port} is taken: set {name}={free}")
        .fill(port=port, name=name, free=_next_free(host, port))
        .say(as_lang(config.lang))
        for name, host, port in wanted
        if not _is_free(host, port)
    ]
    if sentences:
        raise ConfigError("\n".join(sentences))


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host, port))
        except OSError:
            return False
    return True


def _next_free(host: str, port: int) -> int:
    for candidate in range(port + 1, min(port + 200, 65536)):
        if _is_free(host, candidate):
            return candidate
    return free_port(host)
