"""How tasks and processes end: tasks although what they wait in forgets that they were cancelled.

Python 3.11's ``asyncio.wait_for`` gives back an answer that came in the same turn as the cancelling and drops
the cancelling; a Redis client that is closing a broken line takes it for its own end. Our own code waits in
``asyncio.timeout``, but the libraries do not.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Collection
from multiprocessing.process import BaseProcess
from typing import Any

from twin.errors import UnavailableError

GONE_S = 10.0  # a killed process is gone at once, unless the system holds it
Process = BaseProcess | subprocess.Popen[Any]


def heed() -> None:
    """End the task that runs if it was told to, and what it waited in did not pass that on.

    A task inside a task group asks here after each call of a library: the group cancels it only once. A task
    that has had a group of its own must not ask: Python 3.11 leaves the group's cancelling counted.

    Raises
    ------
    asyncio.CancelledError
        The running task was cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def ended(tasks: Collection[asyncio.Future[Any]], tries: int = 20, wait_s: float = 0.25) -> bool:
    """Cancel tasks until they have ended, and tell whether they have; what they raised is dropped."""
    for _ in range(tries):
        running = [task for task in tasks if not task.done()]
        if not running:
            break
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=wait_s)
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()  # looked at, so that the loop does not complain of it
    return all(task.done() for task in tasks)


def killed(process: Process, who: str, wait_s: float = GONE_S) -> None:
    """Kill a process and wait until it is gone; one that has ended already is only taken leave of.

    Raises
    ------
    UnavailableError
        It is not gone in time.
    """
    process.kill()
    if not _gone(process, wait_s):
        raise UnavailableError(
            f"{who} (process {process.pid}) was killed and is still there after {wait_s:g} s: "
            "the system holds it, most often for a disk that does not answer"
        )


def told_to_end(process: Process, who: str, wait_s: float = GONE_S) -> None:
    """Ask a process to end, and kill it where it does not; errors as of `killed`."""
    process.terminate()
    if not _gone(process, wait_s):
        killed(process, who)


def _gone(process: Process, wait_s: float) -> bool:
    if isinstance(process, BaseProcess):
        process.join(wait_s)
        return not process.is_alive()
    try:
        process.wait(wait_s)
    except subprocess.TimeoutExpired:
        return False
    return True
