"""How tasks end although what they wait in forgets that they were cancelled.

Python 3.11's ``asyncio.wait_for`` gives back an answer that came in the same turn as the cancelling and drops
the cancelling; a Redis client that is closing a broken line takes it for its own end. Our own code waits in
``asyncio.timeout``, but the libraries do not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any


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
