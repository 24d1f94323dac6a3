"""A line loses nothing: what is not answered is sent again, over new connections too, within bounds."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.ending import ended
from twin.ingest.hj212 import times, write
from twin.ingest.hj212.answers import answer_to
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet
from twin.simulate.lines import REPEATS, WINDOW, Line, Outbox, timeout_s
from twin.simulate.loggers import Frame

MN = "320990CA00015A0000000001"
START = 1_795_284_000_000


def frame(i: int) -> Frame:
    qn = times.qn(START + i)
    groups = [[("DataTime", times.stamp(START + i * 1000))], [("w01018-Rtd", str(i))]]
    message = write.Message("32", "2011", "123456", MN, qn, groups, ack=True)
    return Frame(qn, "2011", START + i * 1000, write.frames(message)[0])


def qn_of(raw: bytes) -> str:
    return raw.split(b"QN=")[1][:17].decode()


@given(st.integers(0, 2**32), st.integers(1, 60), st.floats(0, 0.9))
def test_every_frame_is_answered_in_the_end_whatever_gets_lost(seed: int, count: int, loss: float) -> None:
    dice = random.Random(seed)
    box = Outbox(timeout_s=1.0, broken=0.3, dice=dice)
    box.put([frame(i) for i in range(count)])
    now, got = 0.0, []
    while len(box):
        for raw in box.due(now):
            assert len(box) - box.waiting <= WINDOW
            whole = isinstance(Reader().feed(raw)[0], Packet)
            if whole and dice.random() >= loss and box.answered(qn_of(raw)):
                got.append(qn_of(raw))
        if box.is_down(now):
            box.line_lost()
        now = box.next_deadline() or now
    assert sorted(got) == [times.qn(START + i) for i in range(count)]
    assert box.counts.answered == box.counts.made == count


def test_a_full_box_drops_the_oldest_of_the_past_first() -> None:
    box = Outbox(kept=10)
    box.put([frame(i) for i in range(8)], past=True)
    box.put([frame(i) for i in range(100, 105)])
    assert box.counts.dropped == 3
    first = [qn_of(r) for r in box.due(0.0)]
    assert first == [times.qn(START + i) for i in (100, 101, 102, 103, 104, 3, 4, 5)]


def test_after_the_repeats_the_line_counts_as_down_and_nothing_is_forgotten() -> None:
    box = Outbox(timeout_s=10.0)
    box.put([frame(0)])
    sent = [len(box.due(t)) for t in (0.0, 9.9, 10.0, 20.0, 30.0, 40.0, 50.0)]
    assert sent == [1, 0, 1, 1, 1, 0, 0]
    assert sum(sent) == 1 + REPEATS
    assert not box.is_down(39.0)
    assert box.is_down(40.0)
    box.line_lost()
    assert (len(box), box.waiting) == (1, 1)


def test_the_wait_follows_the_drills_speed() -> None:
    assert [timeout_s(s) for s in (1, 10, 20, 50, 600)] == [10, 10, 5, 2, 2]


class Platform:
    """A platform on a real port that may stay silent or hang up."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.rejects = 0
        self.answers: Callable[[int], bool] = lambda n: True
        self.hang_up_after = 0
        self.port = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames, seen = Reader(), 0
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                for packet in frames.feed(data):
                    seen += 1
                    if not isinstance(packet, Packet):
                        self.rejects += 1
                    elif self.answers(len(self.got)):
                        self.got.append(packet.qn or "")
                        answer = answer_to(packet)
                        assert answer is not None
                        writer.write(answer.encode())
                if self.hang_up_after and seen >= self.hang_up_after:
                    break
        writer.close()


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    it = Platform()
    server = await asyncio.start_server(it.talk, "127.0.0.1", 0)
    it.port = server.sockets[0].getsockname()[1]
    yield it
    server.close()
    await asyncio.sleep(0.05)


async def deliver(platform: Platform, outbox: Outbox, frames: list[Frame]) -> Line:
    line = Line(MN, "127.0.0.1", platform.port, outbox)
    task = asyncio.ensure_future(line.run())
    line.put(frames)
    async with asyncio.timeout(60):
        while len(outbox):
            await asyncio.sleep(0.01)
    assert await ended([task])
    return line


async def test_a_platform_that_hangs_up_gets_everything_in_the_end(platform: Platform) -> None:
    platform.hang_up_after = 7
    outbox = Outbox(timeout_s=0.3)
    await deliver(platform, outbox, [frame(i) for i in range(40)])
    assert set(platform.got) == {times.qn(START + i) for i in range(40)}
    assert outbox.counts.connects >= 40 / 8
    assert outbox.counts.answered == 40


async def test_broken_checks_are_rejected_and_repeated(platform: Platform) -> None:
    outbox = Outbox(timeout_s=0.1, broken=0.5, dice=random.Random(1))
    await deliver(platform, outbox, [frame(i) for i in range(30)])
    assert platform.rejects == outbox.counts.broken > 5
    assert set(platform.got) == {times.qn(START + i) for i in range(30)}


async def test_a_platform_that_comes_late_still_gets_everything() -> None:
    platform = Platform()
    late = await asyncio.start_server(platform.talk, "127.0.0.1", 0)
    platform.port = late.sockets[0].getsockname()[1]
    late.close()
    await late.wait_closed()
    outbox = Outbox(timeout_s=0.3)
    delivered = asyncio.ensure_future(deliver(platform, outbox, [frame(i) for i in range(5)]))
    await asyncio.sleep(0.3)
    server = await asyncio.start_server(platform.talk, "127.0.0.1", platform.port)
    await delivered
    assert len(platform.got) == 5
    server.close()
