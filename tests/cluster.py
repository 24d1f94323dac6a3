"""A Redis Cluster of real server processes on loopback, every node syncing before it answers."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import redis
from redis.exceptions import RedisError

from twin import embedded
from twin.supervisor import free_port

SLOTS = 16_384
UP_S = 30.0


class Cluster:
    """So many masters without replicas, in a folder that goes away; each may be killed and started again."""

    def __init__(self, nodes: int = 3) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="twin-cluster-"))
        self.ports = [_port() for _ in range(nodes)]
        self.processes: list[subprocess.Popen[bytes] | None] = [None] * nodes

    @property
    def url(self) -> str:
        """As TWIN_REDIS_URL takes it."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def open(self) -> None:
        """Start every node and give each its share of the slots."""
        for i in range(len(self.ports)):
            self.start(i)
        for i, port in enumerate(self.ports):
            low, high = SLOTS * i // len(self.ports), SLOTS * (i + 1) // len(self.ports) - 1
            _wait(lambda port=port: _ask(port, "PING"), "a node did not answer")
            _ask(port, "CLUSTER", "ADDSLOTSRANGE", str(low), str(high))
            _ask(port, "CLUSTER", "MEET", "127.0.0.1", str(self.ports[0]))
        _wait(self.is_whole, "the cluster did not come together")

    def is_whole(self) -> bool:
        """Tell whether every node knows of every slot."""
        return all("cluster_state:ok" in str(_ask(p, "CLUSTER", "INFO")) for p in self.ports) and all(
            f"cluster_known_nodes:{len(self.ports)}" in str(_ask(p, "CLUSTER", "INFO")) for p in self.ports
        )

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
        self.processes[node] = subprocess.Popen(words)

    def kill(self, node: int) -> None:
        """SIGKILL, as a power cut would."""
        process = self.processes[node]
        if process is not None:
            process.kill()
            process.wait()
        self.processes[node] = None

    def close(self) -> None:
        """End every node and remove its files."""
        for node in range(len(self.ports)):
            self.kill(node)
        shutil.rmtree(self.folder, ignore_errors=True)


def _port() -> int:
    """A free port whose neighbour ten thousand up, the nodes' own line, is a port too."""
    while (port := free_port()) > 55_000:
        pass
    return port


def _ask(port: int, *words: str) -> object:
    with redis.Redis("127.0.0.1", port, socket_timeout=2, decode_responses=True) as client:
        try:
            return client.connection_pool and _raw(client, words)
        except RedisError:
            return ""


def _raw(client: redis.Redis, words: tuple[str, ...]) -> object:
    said = client.execute_command(*words)
    return "\n".join(f"{k}:{v}" for k, v in said.items()) if isinstance(said, dict) else said


def _wait(what, complaint: str) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + UP_S
    while not what():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.05)
