"""Group commit without sockets: one block a tick, answers only after it, in order, and what failure does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from twin.blocks import Series, decode
from twin.ending import ended
from twin.ingest.commit import LARGE_BLOCK, Committer
from twin.ingest.hj212.readings import Row

ROWS: list[Row] = [(Series("m", "a", "2011", "Rtd"), 1000, 1.5, 78)]


class Peer:
    """Keeps what it is answered, and what had been written by then."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def answer(self, data: bytes) -> None:
        self.log.append(data.decode())


def committer(
    append: Callable[[bytes], object],
    *,
    retry_s: float = 0.3,
    relieved: Callable[[], None] = lambda: None,
    there: Callable[[bytes], bool] = lambda body: False,
) -> Committer:
    async def write(body: bytes) -> object:
        await asyncio.sleep(0)
        return append(body)

    async def written(body: bytes) -> bool:
        return there(body)

    return Committer(write, written, tick_s=0.01, retry_s=retry_s, most_bytes=100_000, relieved=relieved)


async def test_a_tick_is_one_block_and_answers_follow_it() -> None:
    log: list[str] = []
    it = committer(lambda body: log.append(f"block of {len(decode(body).raw)}"))
    first, second = Peer(log), Peer(log)
    it.add(b"one", 1, ROWS, first, b"1")
    it.add(b"two", 2, ROWS, second, b"2")
    it.add(b"three", 3, ROWS, first, b"3")
    it.add(b"four", 4, [], first, None)
    await it.flush(0.3)
    assert log == ["block of 4", "13", "2"]
    await it.flush(0.3)
    assert len(log) == 3


async def test_it_runs_by_itself() -> None:
    log: list[str] = []
    it = committer(lambda body: log.append("block"))
    task = asyncio.create_task(it.run())
    for i in range(3):
        it.add(b"x", i, ROWS, Peer(log), b"answer")
        async with asyncio.timeout(60):
            while len(log) < 2 * i + 2:
                await asyncio.sleep(0.005)
    assert await ended([task])
    assert log == ["block", "answer"] * 3
    assert it.blocks == 3


async def test_it_ends_although_its_cancelling_comes_together_with_what_it_waits_for() -> None:
    it = committer(lambda body: None)
    it._tick_s = 60.0
    task = asyncio.create_task(it.run())
    it.add(b"x", 1, ROWS, Peer([]), b"answer")
    for _ in range(5):
        await asyncio.sleep(0)  # it waits for its tick now
    it.add(b"x" * 50_000, 2, ROWS, Peer([]), b"answer")  # so much that the tick is over
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=30)
    assert done
    assert task.cancelled()


async def test_a_failure_is_tried_again_and_frames_meanwhile_form_the_next_block() -> None:
    log: list[str] = []
    fails = [2]

    def append(body: bytes) -> None:
        if fails[0]:
            fails[0] -= 1
            it.add(b"later", 9, ROWS, peer, b"later")
            raise OSError("away")
        log.append(f"block of {len(decode(body).raw)}")

    it = committer(append, retry_s=5)
    peer = Peer(log)
    it.add(b"one", 1, ROWS, peer, b"one")
    await it.flush(5)
    assert log == ["block of 1", "one"]
    await it.flush(5)
    assert log[2:] == ["block of 2", "laterlater"]
    assert (it.dropped, it.trouble) == (0, "")


async def test_what_cannot_be_written_is_given_up_unanswered(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []

    def append(body: bytes) -> None:
        raise OSError("away")

    it = committer(append)
    it.add(b"one", 1, ROWS, Peer(log), b"1")
    await it.flush(0.2)
    assert log == []
    assert it.dropped == 1
    assert it.trouble == "OSError: away"
    assert "given up" in caplog.text


async def test_full_and_relieved() -> None:
    relieved: list[bool] = []
    it = committer(lambda body: None, relieved=lambda: relieved.append(True))
    it.add(b"x" * 99_999, 1, [], Peer([]), None)
    assert not it.full
    it.add(b"x", 1, [], Peer([]), None)
    assert it.full
    await it.flush(0.3)
    assert relieved == [True]
    assert not it.full


async def test_large_blocks_are_packed_too() -> None:
    bodies: list[bytes] = []
    it = committer(bodies.append)
    for i in range(LARGE_BLOCK // 100 + 1):
        it.add(b"x" * 100, i, ROWS, Peer([]), None)
    await it.flush(0.3)
    assert len(decode(bodies[0])) == LARGE_BLOCK // 100 + 1


async def test_a_block_that_was_written_after_all_is_answered_and_not_written_again() -> None:
    log: list[str] = []
    bodies: list[bytes] = []

    def append(body: bytes) -> None:
        bodies.append(body)
        raise OSError("the server's answer got lost")

    it = committer(append, retry_s=5, there=lambda body: body in bodies)
    it.add(b"one", 1, ROWS, Peer(log), b"1")
    await it.flush(5)
    assert (len(bodies), log, it.dropped, it.trouble) == (1, ["1"], 0, "")
