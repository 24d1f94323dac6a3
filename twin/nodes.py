"""A Redis Cluster of real server processes on loopback, every node syncing before it answers.

For the bench and for tests: nodes have no replicas and may be killed and started again.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from twin import embedded
from twin.ending import killed
from twin.errors import UnavailableError
from twin.supervisor import free_port

SLOTS = 16_384
UP_S = 30.0
HIGHEST = 55_000  # the nodes' own line is ten thousand above the port, and must be a port too


class Nodes:
    """So many masters in a folder that goes away."""

    def __init__(self, count: int = 3) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="twin-cluster-"))
        self.ports = [_port() for _ in range(count)]
        self.processes: list[subprocess.Popen[bytes] | None] = [None] * count

    @property
    def url(self) -> str:
        """As TWIN_REDIS_URL takes it."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def open(self) -> None:
        """Start every node and give each its share of the slots.

        Raises
        ------
        UnavailableError
            The nodes did not come together.
        """
        for i in range(len(self.ports)):
            self.start(i)
        for i, port in enumerate(self.ports):
            low, high = SLOTS * i // len(self.ports), SLOTS * (i + 1) // len(self.ports) - 1
            self._wait(lambda port=port: "PONG" in ask(port, "PING"))  # type: ignore[misc]
            ask(port, f"CLUSTER ADDSLOTSRANGE {low} {high}")
            ask(port, f"CLUSTER MEET 127.0.0.1 {self.ports[0]}")
        self._wait(self.is_whole)

    def is_whole(self) -> bool:
        """Tell whether every node knows every other, and of every slot."""
        said = [ask(port, "CLUSTER INFO") for port in self.ports]
        known = f"cluster_known_nodes:{len(self.ports)}"
        return all("cluster_state:ok" in text and known in text for text in said)

    def start(self, node: int) -> None:
        """Start one node."""
        folder, port = self.folder / str(node), self.ports[node]
        folder.mkdir(exist_ok=True)
        words = [
            *(embedded.server_binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)),
            *("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--save", ""),
            *("--cluster-require-full-coverage", "no", "--appendonly", "yes", "--appendfsync", "always"),
            *("--loglevel", "warning", "--logfile", str(folder / "log")),
        ]
        self.processes[node] = subprocess.Popen(words, stdout=subprocess.DEVNULL)  # noqa: S603 - our own

    def kill(self, node: int) -> None:
        """SIGKILL, as a power cut would."""
        process = self.processes[node]
        if process is not None:
            killed(process, f"node {node} of the cluster")
        self.processes[node] = None

    def close(self) -> None:
        """End every node and remove its files."""
        for node in range(len(self.ports)):
            self.kill(node)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _wait(what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + UP_S
        while not what():
            if time.monotonic() > deadline:
                raise UnavailableError("the cluster's nodes did not come together")
            time.sleep(0.05)


def ask(port: int, words: str) -> str:
    """Say one command to one node and return what it says, as it stands on the wire; empty if nothing.

    No client knows a cluster before it is one, so this is the server's own inline form.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as plug:
            plug.sendall(f"{words}\r\n".encode())
            return plug.recv(65_536).decode()
    except OSError:
        return ""


def _port() -> int:
    while (port := free_port()) > HIGHEST:
        pass
    return port
