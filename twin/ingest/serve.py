"""The gateway's own process: from settings to a running gateway, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from twin.clock import LIVE, ParkClock
from twin.config import Config
from twin.ending import ended
from twin.errors import UnavailableError
from twin.ingest.connection import Limits
from twin.ingest.gateway import Gateway
from twin.ingest.loggers import load as load_loggers
from twin.model import AuditLine
from twin.stream import AsyncStream


async def serve(
    config: Config,
    stream: AsyncStream,
    clock: ParkClock,
    stop: asyncio.Event,
    *,
    limits: Limits | None = None,
    ready: Callable[[int], None] = lambda port: None,
    audit: Callable[[AuditLine], None] = lambda line: None,
) -> None:
    """Run the gateway until `stop` is set; then write and answer what is held.

    Parameters
    ----------
    ready : callable
        Called once with the port that is listened on.

    Raises
    ------
    ConfigError
        The port cannot be opened.
    """
    gateway = Gateway(stream, clock, limits, audit, load_loggers(config.loggers), config.member)
    port = await gateway.open(config.gateway_host, config.gateway_port)
    try:
        ready(port)
        await stop.wait()
    finally:
        await gateway.close()


def run(config: Config) -> None:
    """The gateway's process: serve until SIGTERM or SIGINT."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        stream = AsyncStream(config.redis)
        known = [LIVE]
        clock = loop.create_task(_follow_clock(stream, known))
        try:
            await serve(config, stream, ParkClock(lambda: known[0]), stop, audit=partial(_audit, config))
        finally:
            await ended([clock])
            await stream.close()

    # Thousands of small objects a second die young and none of them in a cycle: look for cycles seldom.
    gc.set_threshold(100_000, 50, 100)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main())


async def _follow_clock(stream: AsyncStream, known: list[Any]) -> None:
    while True:
        with suppress(UnavailableError):
            known[0] = await stream.clock()
        await asyncio.sleep(1.0)


def _audit(config: Config, line: AuditLine) -> None:
    from twin.records import Records

    records = Records(config.db)
    try:
        records.create()
        records.audit(line)
    finally:
        records.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Take uvloop where it is there: it halves the cost of thousands of sockets."""
    if sys.platform == "win32":
        return None
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
