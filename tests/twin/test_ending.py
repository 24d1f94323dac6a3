"""Tasks end when told to, whatever the libraries in them make of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from twin.ending import ended, heed, killed, told_to_end
from twin.errors import UnavailableError


async def test_a_task_that_swallows_its_cancelling_is_ended_all_the_same() -> None:
    swallowed = 0

    async def deaf() -> None:
        nonlocal swallowed
        while swallowed < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
        await asyncio.sleep(60)

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    assert await ended([task], wait_s=0.01)
    assert (swallowed, task.cancelled()) == (2, True)


async def test_a_task_that_never_ends_holds_nobody_up() -> None:
    over = False

    async def stone() -> None:
        while not over:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    task = asyncio.create_task(stone())
    await asyncio.sleep(0)
    assert not await ended([task], tries=2, wait_s=0.01)
    over = True
    assert await ended([task], wait_s=0.01)


async def test_what_a_task_raised_while_ending_is_dropped() -> None:
    async def failing() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError("the line broke")

    task = asyncio.create_task(failing())
    await asyncio.sleep(0)
    assert await ended([task], wait_s=0.01)


async def asking(heeding: bool) -> int:
    """Cancel a loop in the very turn in which its answer comes; return how often it asked again."""
    loop = asyncio.get_running_loop()
    asked: list[asyncio.Future[None]] = []

    async def reader() -> None:
        while len(asked) < 3:
            asked.append(loop.create_future())
            try:
                await asked[-1]
            except asyncio.CancelledError:
                assert asked[-1].done()  # as wait_for of Python 3.11: the answer is there, take it
            if heeding:
                heed()

    task = asyncio.create_task(reader())
    await asyncio.sleep(0)
    asked[0].set_result(None)
    task.cancel()
    await asyncio.wait([task], timeout=0.05)
    seen = len(asked)
    await ended([task], tries=1, wait_s=0.01)
    return seen


@pytest.mark.parametrize(("heeding", "times"), [(False, 2), (True, 1)])
async def test_a_loop_that_heeds_does_not_ask_again(heeding: bool, times: int) -> None:
    assert await asking(heeding) == times


async def test_heeding_without_a_cancelling_does_nothing() -> None:
    heed()
    assert await asyncio.sleep(0, "went on") == "went on"


DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(1, flush=True)
time.sleep(600)
"""


def test_a_process_that_will_not_be_told_is_killed() -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", DEAF], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    told_to_end(process, "the deaf one", wait_s=0.1)
    assert process.returncode == -9
    killed(process, "the deaf one")  # and it is no fault to say so again
    process.stdout.close()


def test_a_process_the_system_holds_is_named_and_holds_nobody_up() -> None:
    class Held(subprocess.Popen[bytes]):
        def kill(self) -> None:
            """As if it waited for a disk: the signal is not heard."""

    with (
        Held([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process,
        pytest.raises(UnavailableError, match=rf"the writer \(process {process.pid}\) was killed"),
    ):
        killed(process, "the writer", wait_s=0.05)
