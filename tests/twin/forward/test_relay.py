"""Forwarding over real sockets: nothing lost, nothing doubled, order kept, whoever dies on the way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.embedded import Embedded
from tests.twin.ingest.rigs import HERE, until
from tests.twin.ingest.test_gateway import Logger
from twin.blocks import BlockBuilder, Series, decode, encode
from twin.clock import LIVE, ParkClock
from twin.forward.relay import Filler, Relay
from twin.forward.rewrite import packet_of
from twin.forward.spool import Spool
from twin.forward.targets import Target, read_target
from twin.history.reader import History
from twin.ingest.connection import Limits
from twin.ingest.fields import Fields
from twin.ingest.gateway import Gateway
from twin.ingest.hj212 import times
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.write import Message, frame, frames
from twin.stream import AsyncStream
from twin.supervisor import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
T0 = 1_795_305_900_000
MNS = [f"010000A8900016F00000000{i}" for i in range(5)]
THEIRS = "020000A8900016F000000000"
Say = Callable[[Packet], list[bytes]]


def upload(mn: str, i: int) -> bytes:
    at = T0 + i * 1000
    groups = [[("DataTime", times.stamp(at))], [("w01018-Rtd", f"{i}.5"), ("w01018-Flag", "N")]]
    return frames(Message("32", "2011", "123456", mn, times.qn(at), groups, i % 2 == 0))[0]


def block(*sent: tuple[str, int]) -> bytes:
    builder = BlockBuilder()
    for mn, i in sent:
        row = (Series(mn, "w01018", "2011", "Rtd"), T0 + i * 1000, i + 0.5, ord("N"))
        builder.add(upload(mn, i), T0 + i * 1000 + 5, [row])
    return encode(builder.build())


def target(port: int, **settings: Any) -> Target:
    row = {"name": "city", "host": HERE, "port": port, "over_time_s": 20.0, "re_count": 1, **settings}
    return read_target(Fields(row, "test"))


class Platform:
    """An upper platform that says what a test wants it to."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.got: list[Packet] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.port = free_port()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._meet, HERE, self.port)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self.writers:
            writer.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        read = Reader()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                for found in read.feed(data):
                    if isinstance(found, Packet):
                        self.got.append(found)
                        for answer in self.say(found):
                            writer.write(answer)


def answer(p: Packet, cn: str = "9014", area: str = "") -> bytes:
    return frame(f"QN={p.qn};ST=91;CN={cn};PW={p.pw};MN={p.mn};Flag=4;CP=&&{area}&&".encode())


class Bench:
    """A stream, a queue and a relay to be opened and closed at will."""

    def __init__(self, embedded: Embedded, folder: Path) -> None:
        self.embedded = embedded
        self.folder = folder
        self.stream = AsyncStream(embedded.url)
        self.sync = embedded.stream()
        self.spool: Spool | None = None
        self.relay: Relay | None = None

    async def open(self, *targets: Target, past: Any = None) -> Relay:
        self.spool = Spool(self.folder / "spool.sqlite")
        filler = Filler(targets, self.spool, self.embedded.stream(), past, MNS)
        self.relay = Relay(targets, self.spool, self.stream, filler)
        self.relay.open()
        await until(lambda: b"forward" in self._groups(), "the relay did not join")
        return self.relay

    def _groups(self) -> bytes:
        with contextlib.suppress(Exception):
            return repr(self.sync._call("xinfo_groups", self.sync.keys.stream("readings"))).encode()
        return b""

    async def close(self) -> None:
        if self.relay is not None and self.spool is not None:
            await self.relay.close()
            self.spool.close()
            self.relay = None

    def waiting(self, name: str = "city") -> int:
        assert self.spool is not None
        return sum(self.spool.waiting.get(name, {}).values())


@pytest.fixture
async def bench(embedded: Embedded, tmp_path: Path) -> AsyncIterator[Bench]:
    it = Bench(embedded, tmp_path)
    yield it
    await it.close()
    await it.stream.close()


@contextlib.asynccontextmanager
async def platform(say: Say) -> AsyncIterator[Platform]:
    it = Platform(say)
    await it.start()
    yield it
    await it.stop()


@pytest.mark.parametrize(("cn", "area"), [("9014", ""), ("9012", "ExeRtn=1"), ("9011", "QnRtn=1")])
async def test_every_kind_of_yes_settles_a_frame(bench: Bench, cn: str, area: str) -> None:
    async with platform(lambda p: [answer(p, cn, area)]) as there:
        relay = await bench.open(target(there.port, mn={MNS[0]: THEIRS}, pw="777777"))
        bench.sync.append("readings", block(*((mn, i) for i in range(4) for mn in MNS[:2])))
        await until(lambda: relay.uppers[0].counts["relayed"] == 8 and not bench.waiting(), "not relayed")
        by_mn = defaultdict(list)
        for p in there.got:
            by_mn[p.mn].append(p)
        assert set(by_mn) == {THEIRS, MNS[1]}
        for packets in by_mn.values():
            assert [p.qn for p in packets] == [times.qn(T0 + i * 1000) for i in range(4)]
            assert {(p.pw, p.flag) for p in packets} == {("777777", 5)}
        status = json.loads(await status_of(bench))["targets"][0]
        assert (status["relayed"], status["waiting"], status["lag_s"], status["refused"]) == (8, 0, 0.0, {})


async def status_of(bench: Bench) -> bytes:
    assert bench.relay is not None
    await bench.relay.publish()
    return await bench.stream.get("forward") or b"{}"


async def test_a_no_puts_the_frame_aside_and_others_go_on(bench: Bench) -> None:
    bad = times.qn(T0 + 1000)
    say: Say = lambda p: [answer(p, "9012", "ExeRtn=3") if p.qn == bad else answer(p)]  # noqa: E731
    async with platform(say) as there:
        relay = await bench.open(target(there.port))
        bench.sync.append("readings", block(*((MNS[0], i) for i in range(4))))
        await until(lambda: relay.uppers[0].counts["relayed"] == 3, "not relayed")
        assert bench.spool is not None
        assert bench.spool.refused("city") == {"ExeRtn=3": 1}
        assert sum(p.qn == bad for p in there.got) == 2  # tried again once
        await until(lambda: not bench.waiting(), "what was answered still waits")


async def test_a_wrong_setting_holds_one_logger_and_loses_nothing(bench: Bench) -> None:
    say: Say = lambda p: [answer(p, "9011", "QnRtn=4") if p.mn == MNS[0] else answer(p)]  # noqa: E731
    async with platform(say) as there:
        relay = await bench.open(target(there.port))
        bench.sync.append("readings", block(*((mn, i) for i in range(3) for mn in MNS)))
        await until(lambda: relay.uppers[0].counts["relayed"] == 12, "the others were not relayed")
        await until(lambda: relay.uppers[0].as_dict()["blocked"] == {MNS[0]: "QnRtn=4"}, "not told")
        await until(lambda: bench.waiting() == 3, "what was answered still waits")


async def test_a_logger_that_is_never_answered_does_not_hold_the_others(bench: Bench) -> None:
    async with platform(lambda p: [] if p.mn == MNS[0] else [answer(p)]) as there:
        relay = await bench.open(target(there.port, over_time_s=0.3))
        for i in range(12):
            bench.sync.append("readings", block(*((mn, i) for mn in MNS)))
            await asyncio.sleep(0.1)
        await until(lambda: relay.uppers[0].counts["relayed"] == 48, "the others were not relayed")
        await until(lambda: bench.waiting() == 12, "what was answered still waits")


async def test_a_late_answer_does_not_settle_the_next_part_of_a_split_message(bench: Bench) -> None:
    asked: list[Packet] = []

    def say(p: Packet) -> list[bytes]:
        asked.append(p)
        if p.pno == 1:  # the first copy is answered only when the second comes, and then both are
            return [] if len(asked) == 1 else [answer(p), answer(p)]
        return [] if sum(q.pno == 2 for q in asked) == 1 else [answer(p)]

    builder = BlockBuilder()
    for part in (1, 2):
        fields = f"QN={times.qn(T0)};ST=32;CN=2011;PW=1;MN={MNS[0]};Flag=7;PNUM=2;PNO={part}"
        raw = frame(f"{fields};CP=&&DataTime={times.stamp(T0)};w0101{part}-Rtd=1&&".encode())
        row = (Series(MNS[0], f"w0101{part}", "2011", "Rtd"), T0, 1.0, 0)
        builder.add(raw, T0, [row])
    async with platform(say) as there:
        relay = await bench.open(target(there.port, over_time_s=1.0, re_count=3))
        bench.sync.append("readings", encode(builder.build()))
        await until(lambda: relay.uppers[0].counts["relayed"] == 2, "not relayed")
        # Part 2 got no answer of its own at first: the late one to part 1 must not have passed for it.
        assert [p.pno for p in asked] == [1, 1, 2, 2]


async def test_frames_of_other_doors_are_forwarded_as_hj212(bench: Bench) -> None:
    builder = BlockBuilder()
    builder.add(b'{"cod": 1}', T0, [(Series(MNS[0], "w01018", "2011", "Rtd"), T0, 1.25, 0)])
    async with platform(lambda p: [answer(p)]) as there:
        await bench.open(target(there.port))
        bench.sync.append("readings", encode(builder.build()))
        await until(lambda: there.got, "not forwarded")
        assert (there.got[0].value("w01018-Rtd"), there.got[0].data_time_ms) == ("1.25", T0)


async def test_what_the_stream_dropped_comes_from_the_history(bench: Bench) -> None:
    class Past:
        def frames(self, mns: list[str], from_ms: int, to_ms: int) -> Iterator[tuple[int, bytes]]:
            assert mns == MNS
            yield from ((T0 + i, upload(MNS[0], i)) for i in (1, 2))

    async with platform(lambda p: [answer(p)]) as there:
        relay = await bench.open(target(there.port))
        bench.sync.append("readings", block((MNS[0], 0)))
        await until(lambda: relay.uppers[0].counts["relayed"] == 1, "not relayed")
        await bench.close()
        for i in (1, 2, 3):
            bench.sync.append("readings", block((MNS[0], i)))
            await asyncio.sleep(0.01)
        bench.sync.trim("readings", bench.sync.last("readings")[0].id)
        await bench.open(target(there.port), past=Past())
        await until(lambda: len(there.got) == 4, "not all forwarded")
        assert [p.qn for p in there.got] == [times.qn(T0 + i * 1000) for i in range(4)]


# --- a real upper gateway that dies and comes back --------------------------------------------------------


class UpperGateway:
    """`twin gateway` in a process of its own, on a stream of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.port = free_port()
        self._env = {
            **os.environ,
            "TWIN_DATA": str(folder),
            "TWIN_REDIS_URL": url,
            "TWIN_GATEWAY_PORT": str(self.port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "twin", "gateway"], env=self._env)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(60)
            self._process = None


@pytest.fixture
def above() -> Iterator[tuple[UpperGateway, Embedded]]:
    folder = Path(tempfile.mkdtemp(prefix="above-"))
    server = Embedded(folder)
    server.start()
    gateway = UpperGateway(folder, server.url)
    gateway.start()
    yield gateway, server
    gateway.kill()
    for stream in server.streams:
        stream.close()
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


async def test_nothing_is_lost_doubled_or_out_of_order_whoever_dies(
    bench: Bench, above: tuple[UpperGateway, Embedded]
) -> None:
    upper, server = above
    gateway = Gateway(bench.stream, ParkClock(lambda: LIVE), Limits())
    port = await gateway.open(HERE, 0)
    to = target(upper.port, mn={MNS[0]: THEIRS}, over_time_s=1.0, re_count=2)
    away = target(free_port(), name="province")
    await bench.open(to, away)
    count, dice = 120, random.Random(7)
    sent = 0

    async def send(mn: str) -> None:
        nonlocal sent
        logger = await Logger.dial(port)
        for i in range(count):
            logger.send(upload(mn, i))
            if i % 2 == 0:
                await logger.answers(1)
            sent += 1
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        await logger.hang_up()

    sending = [asyncio.ensure_future(send(mn)) for mn in MNS]
    for _ in range(4):
        await asyncio.sleep(dice.uniform(0.3, 0.9))
        upper.kill()
        await asyncio.sleep(dice.uniform(0.1, 0.5))
        upper.start()
        await asyncio.sleep(0.5)
        await bench.close()  # this side dies too, while the upper one comes up
        await bench.open(to, away)
    await asyncio.gather(*sending)
    assert sent == count * len(MNS)  # the gateway answered all the time: no target ever reached it
    await until(lambda: bench.waiting() == 0, "frames were left behind", 120)
    assert bench.waiting("province") == count * len(MNS)
    await gateway.close(1.0)

    stream = server.stream()
    history = History(bench.folder / "history", stream)
    order: dict[str, list[str]] = defaultdict(list)
    for entry in stream.since("readings"):
        for raw in decode(entry.body).raw:
            packet = packet_of(raw, None)
            assert packet is not None
            if packet.qn not in order[packet.mn or ""]:
                order[packet.mn or ""].append(packet.qn or "")
    expected = [times.qn(T0 + i * 1000) for i in range(count)]
    assert {mn: qns == expected for mn, qns in order.items()} == dict.fromkeys([THEIRS, *MNS[1:]], True)
    for mn in order:
        curve = history.series(mn, "w01018", T0, T0 + count * 1000)
        assert curve.value.tolist() == [i + 0.5 for i in range(count)]
    history.close()
