"""`twin bench live`: many pages' connections to the live feed, some of which hardly read.

The park is the demo's with other stations, the web role a process of its own; the connections are real
sockets. First every page reads as it should, then the slow ones join: a small receive window, a kilobyte a
second. What is asked is how long a frame is under way to those that read, before and after. The last line is
one JSON object.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from twin.bench_park import Stage, crowd, machine
from twin.config import Config

FRAME, PING, CLOSE = 0x2, 0x9, 0x8  # opcodes of RFC 6455, section 5.2
SETTLE_S = 3.0
WINDOW, SIP = 4096, 1024
"""Receive buffer of a slow page, and how much of it is read each second, bytes."""


@dataclass(slots=True)
class Heard:
    """What one page that reads has received.

    Attributes
    ----------
    late_ms : list of float
        From the making of each frame to its last byte.
    gaps : int
        Frames that were missing; a page would ask for a snapshot.
    """

    late_ms: list[float] = field(default_factory=list)
    size: int = 0
    changes: int = 0
    gaps: int = 0
    seq: int = -1

    def take(self, frame: bytes) -> None:
        """Note one frame: its head says when it was made."""
        (long,) = struct.unpack_from("<I", frame)
        head = json.loads(frame[4 : 4 + long])
        self.late_ms.append(time.time() * 1000 - head["wall"])
        self.size += len(frame)
        self.gaps += self.seq >= 0 and head["t"] == "delta" and head["seq"] > self.seq + 1
        self.changes += next((n for name, _, n in head["cols"] if name == "i"), 0)
        self.seq = head["seq"]


async def join(config: Config, window: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection to the live feed, as a browser does.

    Parameters
    ----------
    window : int
        Bytes the receive buffer is kept at; 0 leaves it to the system.
    """
    plug = socket.socket()
    if window:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    plug.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plug, (config.host, config.port))
    reader, writer = await asyncio.open_connection(sock=plug, limit=window or 2**20)
    at = f"{config.host}:{config.port}"
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        f"GET /live HTTP/1.1\r\nHost: {at}\r\nOrigin: http://{at}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    writer.write(lines.encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    if b" 101 " not in answer.split(b"\r\n")[0]:
        raise ConnectionError(f"/live answers {answer[:60]!r}")
    return reader, writer


async def read(config: Config, heard: list[Heard]) -> None:
    """Be a page that reads, until cancelled; what is heard is noted in the last of the list."""
    reader, writer = await join(config)
    try:
        while True:
            first, size = await reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack(">H", await reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", await reader.readexactly(8))
            body = await reader.readexactly(size)
            if first & 0xF == FRAME:
                heard[-1].take(body)
            elif first & 0xF == PING:
                writer.write(bytes((0x8A, 0x80 | size)) + bytes(4) + body)  # a mask of zeros changes nothing
            elif first & 0xF == CLOSE:
                raise ConnectionError("the server closed a page that reads")
    finally:
        writer.close()


async def dawdle(config: Config, cut: list[int]) -> None:
    """Be a page that hardly reads, and comes again when it is cut off; until cancelled."""
    while True:
        writer = None
        with suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            reader, writer = await join(config, WINDOW)
            while await reader.read(SIP):
                await asyncio.sleep(1.0)
        if writer is not None:
            writer.transport.abort()
        cut[0] += 1
        await asyncio.sleep(0.5)


async def watch(stage: Stage, clients: int, slow: int, seconds: int) -> dict[str, Any]:
    """Let pages read for so long without the slow ones, then for so long with them."""
    everybody = [[Heard()] for _ in range(clients - slow)]
    cut = [0]
    tasks = [asyncio.create_task(read(stage.config, heard)) for heard in everybody]
    slow_tasks: list[asyncio.Task[None]] = []
    pid = stage.pid("web")
    told: dict[str, Any] = {}
    try:
        for name in ("", "_beside_slow") if slow else ("",):
            if name:
                slow_tasks = [asyncio.create_task(dawdle(stage.config, cut)) for _ in range(slow)]
            await asyncio.sleep(SETTLE_S)
            for heard in everybody:
                heard.append(Heard(seq=heard[-1].seq))
            cpu, began = processor_s(pid), time.monotonic()
            await asyncio.sleep(seconds)
            share = (processor_s(pid) - cpu) / (time.monotonic() - began)
            told |= summary([h[-1] for h in everybody], seconds, share, name)
            told["rss_mb" + name] = resident_mb(pid)
        for task in tasks:
            if task.done():
                task.result()  # tells why a page that reads was lost
    finally:
        for task in (*tasks, *slow_tasks):
            task.cancel()
        await asyncio.gather(*tasks, *slow_tasks, return_exceptions=True)
    return told | {"slow_cut_off": cut[0]}


def summary(heard: list[Heard], seconds: float, share: float, name: str) -> dict[str, Any]:
    """Return what the pages that read have heard, under names that end in `name`."""
    late = np.concatenate([h.late_ms for h in heard])
    found = {
        "cpu_share": round(share, 3),
        "late_ms_p50": round(float(np.median(late)), 1),
        "late_ms_p95": round(float(np.percentile(late, 95)), 1),
        "late_ms_max": round(float(late.max()), 1),
        "frames_per_s": round(len(late) / len(heard) / seconds, 2),
        "changes_per_s": round(sum(h.changes for h in heard) / len(heard) / seconds),
        "kb_per_s": round(sum(h.size for h in heard) / len(heard) / seconds / 1000, 1),
        "gaps": sum(h.gaps for h in heard),
    }
    return {key + name: value for key, value in found.items()}


def processor_s(pid: int) -> float:
    """Return the processor time a process has used, s (Linux: proc(5))."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Return the memory of a process that is in use, MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def run(clients: int, slow: int, points: int, changing: int, seconds: int) -> dict[str, Any]:
    """Measure, and return what was found."""
    with crowd(points, 0, changing) as stage:
        told = asyncio.run(watch(stage, clients, min(slow, clients - 1), seconds))
    given = {"clients": clients, "slow": slow, "points": points, "changing_each_s": changing}
    return {"bench": "live", **given, **told, "machine": machine()}


def main(clients: int, slow: int, points: int, changing: int, seconds: int) -> int:
    """Print the result as one JSON line."""
    sys.stdout.write(json.dumps(run(clients, slow, points, changing, seconds)) + "\n")
    return 0
