"""What a gateway with thousands of silent loggers weighs: `python -m tests.bench.idle_sockets [5000]`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from twin.supervisor import free_port


def resident_mb(pid: int) -> float:
    """Memory of a process that is in use, MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024, 1)


def dial(port: int, process: subprocess.Popen[bytes]) -> socket.socket:
    """Connect once the gateway listens."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 5)
        except OSError:
            assert process.poll() is None, "the gateway ended"
            assert time.monotonic() < deadline, "the gateway does not listen"
            time.sleep(0.05)


def main(count: int) -> None:
    """Open so many connections and print what the gateway's process weighs before and after."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "TWIN_DATA": folder,
            "TWIN_GATEWAY_PORT": str(port),
            "TWIN_REDIS_URL": "",
            "TWIN_LOGGERS": "",
        }
        process = subprocess.Popen([sys.executable, "-m", "twin", "gateway"], env=os.environ | settings)
        try:
            plugs = [dial(port, process)]
            before = resident_mb(process.pid)
            plugs += [dial(port, process) for _ in range(count - 1)]
            time.sleep(2)
            after = resident_mb(process.pid)
        finally:
            process.terminate()
            process.wait()
    for plug in plugs:
        plug.close()
    print(json.dumps({"bench": "idle_sockets", "sockets": count, "rss_mb": after, "rss_mb_of_one": before}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
