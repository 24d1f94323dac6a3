"""An upper platform calls up data of the past: real sockets, a real history, a real gateway above."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.embedded import Embedded
from tests.twin.forward.test_relay import MNS, T0, THEIRS, Platform, answer, platform, target
from tests.twin.ingest.rigs import HERE, until
from twin.blocks import BlockBuilder, Series, encode
from twin.clock import LIVE, ParkClock
from twin.ending import ended
from twin.errors import UnavailableError
from twin.forward.past import FromHistory, Old
from twin.forward.spool import Spool
from twin.forward.targets import Target
from twin.forward.upper import Upper
from twin.history.writer import Writer
from twin.ingest.connection import Limits
from twin.ingest.gateway import Gateway
from twin.ingest.hj212 import requests, times
from twin.ingest.hj212.exchange import End
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.write import Message, frame, frames
from twin.stream import AsyncStream

HOUR = 3_600_000
MN = MNS[0]


def hour(i: int, value: float = 0.0, mn: str = MN) -> bytes:
    groups = [
        [("DataTime", times.stamp(T0 + i * HOUR))],
        [("w01018-Avg", f"{value or i}"), ("w01018-Flag", "N")],
    ]
    return frames(Message("32", "2061", "123456", mn, times.qn(T0 + i * HOUR), groups, True))[0]


class Shelf:
    """A past that a test fills."""

    def __init__(self, *kept: Old) -> None:
        self.kept, self.away = kept, False

    def about(self, mns: Sequence[str], cns: Sequence[str], from_ms: int, to_ms: int) -> Iterator[list[Old]]:
        if self.away:
            raise UnavailableError("the history is away")
        yield [old for old in self.kept if old.mn in mns and old.cn in cns]

    def newest(self, mn: str) -> list[Old]:
        return [old for old in self.kept if (old.mn, old.cn) == (mn, "2011")]


@contextlib.asynccontextmanager
async def connected(to: Target, past: Any, folder: Path) -> AsyncIterator[Upper]:
    spool = Spool(folder / "spool.sqlite")
    upper = Upper(to, spool, None, past, MNS)
    running = asyncio.ensure_future(upper.run())
    await until(lambda: upper.connected, "never connected")
    yield upper
    assert await ended([running])
    spool.close()


def ask(there: Platform, cn: str, area: str, qn: int = 0, mn: str = MN, pw: str = "123456") -> str:
    number = times.qn(T0 + qn)
    head = f"QN={number};ST=32;CN={cn};PW={pw};MN={mn};Flag=5;CP=&&{area}&&"
    there.writers[-1].write(frame(head.encode()))
    return number


SPAN = f"BeginTime={times.stamp(T0)};EndTime={times.stamp(T0 + 5 * HOUR)}"


def said(there: Platform) -> list[tuple[str | None, str | None]]:
    return [(p.cn, p.value("QnRtn") or p.value("ExeRtn") or p.value("w01018-Avg")) for p in there.got]


def acknowledge(p: Packet) -> list[bytes]:
    return [answer(p)] if p.cn not in ("9011", "9012") else []


async def test_data_between_will_and_done_each_frame_after_the_answer_to_the_last(tmp_path: Path) -> None:
    past = Shelf(*(Old(MN, "2061", T0, hour(i)) for i in (1, 2, 3)))
    async with (
        platform(acknowledge) as there,
        connected(target(there.port, mn={MN: THEIRS}, pw="777777"), past, tmp_path) as upper,
    ):
        number = ask(there, "2061", SPAN, mn=THEIRS, pw="777777")
        await until(lambda: len(there.got) == 5, "not answered")
        assert said(there) == [("9011", "1"), ("2061", "1"), ("2061", "2"), ("2061", "3"), ("9012", "1")]
        assert {(p.qn, p.mn, p.pw) for p in there.got} == {(number, THEIRS, "777777")}
        assert [p.flag for p in there.got] == [4, 5, 5, 5, 4]
        assert (upper.counts["asked"], upper.counts["called"]) == (1, 3)


@pytest.mark.parametrize(
    ("cn", "area", "mn", "pw", "expected"),
    [
        ("2061", SPAN, MN, "123456", [("9011", "1"), ("9012", "100")]),
        ("2051", f"BeginTime={times.stamp(T0)}", MN, "123456", [("9011", "1"), ("9012", "3")]),
        ("2051", SPAN, "0" * 24, "123456", [("9011", "4")]),
        ("1062", "RtdInterval=60", MN, "123456", [("9011", "2")]),
        ("3011", "PolId=w01018", MN, "123456", [("9011", "2")]),
        ("2061", SPAN, MN, "999999", [("9011", "3")]),
    ],
)
async def test_what_cannot_be_given_is_said(
    tmp_path: Path, cn: str, area: str, mn: str, pw: str, expected: list[tuple[str, str]]
) -> None:
    async with platform(acknowledge) as there, connected(target(there.port, pw="123456"), Shelf(), tmp_path):
        ask(there, cn, area, mn=mn, pw=pw)
        await until(lambda: len(there.got) >= len(expected), "not answered")
        assert said(there) == expected


async def test_a_platform_that_does_not_acknowledge_is_told_so_and_one_at_a_time(tmp_path: Path) -> None:
    past = Shelf(Old(MN, "2061", T0, hour(1)), Old(MN, "2061", T0, hour(2)))
    to = {"over_time_s": 0.2, "re_count": 1}
    async with platform(lambda p: []) as there, connected(target(there.port, **to), past, tmp_path):
        ask(there, "2061", SPAN)
        await until(lambda: len(there.got) == 2, "not begun")
        ask(there, "2061", SPAN)  # the same once more: its answer got lost
        ask(there, "2051", SPAN, qn=1)
        await until(lambda: ("9012", "4") in said(there), "silence was not told")
        assert said(there)[2:5] == [("9011", "1"), ("9011", "1"), ("9012", "5")]
        assert sum(p.cn == "2061" for p in there.got) == 2  # once, and once again
        past.away = True
        ask(there, "2061", SPAN, qn=2)
        await until(lambda: said(there)[-1] == ("9012", "6"), "a history that is away was not told")


async def test_a_gateway_above_calls_up_what_is_in_the_history(embedded: Embedded, tmp_path: Path) -> None:
    """Frames as they came, the last of two for one moment, and what came in through another door."""
    builder = BlockBuilder()
    series = Series(MN, "w01018", "2061", "Avg")
    for i, value in ((0, 7.5), (2, 2.5), (1, 1.5), (0, 0.5)):
        builder.add(hour(i, value), T0, [(series, T0 + i * HOUR, value, ord("N"))])
    builder.add(b"by hand", T0, [(series, T0 + 3 * HOUR, 3.5, ord("S"))])
    stream = embedded.stream()
    stream.append("readings", encode(builder.build()))
    writer = Writer(tmp_path / "history")
    writer.step(stream)
    writer.close()
    later = BlockBuilder()  # in no file yet
    later.add(hour(4, 4.5), T0, [(series, T0 + 4 * HOUR, 4.5, ord("N"))])
    stream.append("readings", encode(later.build()))

    past = FromHistory(str(tmp_path / "history"), None, embedded.url, lambda: T0)
    above = AsyncStream(embedded.url)
    gateway = Gateway(above, ParkClock(lambda: LIVE), Limits(retry_s=1.0))
    port = await gateway.open(HERE, 0)
    wanted = requests.history("2061", T0, T0 + 4 * HOUR)
    try:
        async with connected(target(port, over_time_s=2.0), past, tmp_path) as upper:
            hello = Old(MN, "2061", T0, hour(9))
            await upper._write(hello.raw)  # a gateway knows a logger's line by its first frame
            await until(lambda: MN in gateway.stations.by_mn, "the gateway above heard nothing")
            found = await gateway.asker.ask(MN, wanted)
    finally:
        await gateway.close(1.0)
        await above.close()
    assert (found.end, found.qn_rtn, found.exe_rtn, found.frames) == (End.DONE, "1", "1", 5)
    values = [value for name, value in found.items if name == "w01018-Avg"]
    assert values == ["0.5", "1.5", "2.5", "3.5", "4.5"]
    assert ("w01018-Flag", "S") in found.items


async def test_a_fault_of_this_side_is_told_too(tmp_path: Path) -> None:
    class Broken(Shelf):
        def about(self, *_: Any) -> Iterator[list[Old]]:
            raise ValueError("a file of the history is torn")

    async with platform(acknowledge) as there, connected(target(there.port), Broken(), tmp_path):
        ask(there, "2061", SPAN)
        await until(lambda: len(there.got) == 2, "not answered")
        assert said(there) == [("9011", "1"), ("9012", "6")]
