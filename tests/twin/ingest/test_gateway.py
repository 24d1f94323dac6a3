"""The gateway with real sockets and a real server: what is answered is written; no peer harms another."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.embedded import Embedded
from twin.blocks import Block, decode
from twin.clock import LIVE, ParkClock, wall_ms
from twin.config import load
from twin.errors import ConfigError, UnavailableError
from twin.ingest.connection import Limits
from twin.ingest.gateway import Gateway
from twin.ingest.hj212 import times
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.requests import parse
from twin.ingest.hj212.sealing import Keyring, Seal
from twin.ingest.hj212.sm4 import Cipher
from twin.ingest.hj212.splits import Splits
from twin.ingest.hj212.write import Group, Message, frames
from twin.ingest.loggers import load as load_loggers
from twin.ingest.serve import serve
from twin.stream import AsyncStream, Stream
from twin.supervisor import free_port

MN = "12091200160055"
SOON = 60.0


def upload(i: int, mn: str = MN, value: str | None = None, cn: str = "2011", ack: bool = True) -> bytes:
    """A real-time frame of its own moment and QN."""
    at_ms = 1_717_200_000_000 + i * 1000
    groups: list[Group] = [
        [("DataTime", times.stamp(at_ms))],
        [("w01018-Rtd", value or f"{i}.5"), ("w01018-Flag", "N")],
    ]
    return frames(Message("32", cn, "123456", mn, times.qn(at_ms), groups, ack))[0]


def qn(i: int) -> str:
    return times.qn(1_717_200_000_000 + i * 1000)


class Logger:
    """A logger's end of the line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._in, self._out = reader, writer
        self._frames = Reader()

    @classmethod
    async def dial(cls, port: int) -> Logger:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def send(self, data: bytes) -> None:
        self._out.write(data)

    async def answers(self, count: int, timeout_s: float = SOON, more: bool = False) -> list[Packet]:
        """The next answers, and no more than that unless `more` may come with them."""
        out: list[Packet] = []
        async with asyncio.timeout(timeout_s):
            while len(out) < count:
                data = await self._in.read(65536)
                if not data:
                    raise ConnectionError("closed by the gateway")
                found = self._frames.feed(data)
                out += [x for x in found if isinstance(x, Packet)]
                assert more or len(out) <= count
        return out

    async def silence(self, seconds: float) -> bool:
        """True if nothing comes for a while, not even the end."""
        try:
            async with asyncio.timeout(seconds):
                await self._in.read(1)
        except TimeoutError:
            return True
        return False

    async def end(self) -> bool:
        """Wait until the gateway closes the line."""
        async with asyncio.timeout(SOON):
            try:
                while await self._in.read(65536):
                    pass
            except ConnectionError:
                return True
        return True

    async def hang_up(self) -> None:
        self._out.close()
        with contextlib.suppress(ConnectionError):
            await self._out.wait_closed()


class Held(AsyncStream):
    """The real stream, whose appends of readings wait until they are let go."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.let = asyncio.Event()
        self.tries = 0

    async def append(self, name: Any, body: bytes, most: int | None = None, *, shard: int = 0) -> str:
        if name == "readings":
            self.tries += 1
            await self.let.wait()
        return await super().append(name, body, most, shard=shard)


Open = Callable[..., Any]


@pytest.fixture
async def opened(embedded: Embedded) -> AsyncIterator[Open]:
    """A function that opens a gateway on the embedded server; all are closed at the end."""
    todo: list[tuple[Gateway, AsyncStream]] = []

    async def open_one(stream: AsyncStream | None = None, **limits: Any) -> tuple[Gateway, int]:
        stream = stream or AsyncStream(embedded.url)
        gateway = Gateway(stream, ParkClock(lambda: LIVE), Limits(**{"retry_s": 0.5, **limits}))
        todo.append((gateway, stream))
        return gateway, await gateway.open("127.0.0.1", 0)

    yield open_one
    for gateway, stream in todo:
        await gateway.close(1.0)
        await stream.close()


def blocks(stream: Stream) -> list[Block]:
    return [decode(entry.body) for entry in stream.since("readings")]


def keys(stream: Stream) -> list[tuple[Any, int, float]]:
    """Natural key and value of every reading, one for each row."""
    return [
        (block.series[s], int(at), float(value))
        for block in blocks(stream)
        for s, at, value in zip(block.series_index, block.at_ms, block.value, strict=True)
    ]


async def eventually(check: Callable[[], bool], timeout_s: float = SOON) -> None:
    async with asyncio.timeout(timeout_s):
        while not check():
            await asyncio.sleep(0.02)


async def test_an_answer_comes_only_after_the_write(embedded: Embedded, opened: Open) -> None:
    held = Held(embedded.url)
    _, port = await opened(held)
    logger = await Logger.dial(port)
    logger.send(upload(1))
    await eventually(lambda: held.tries == 1)
    assert await logger.silence(0.3)
    assert embedded.stream().length("readings") == 0
    held.let.set()
    (answer,) = await logger.answers(1)
    (block,) = blocks(embedded.stream())
    assert (answer.cn, answer.st, answer.qn, answer.mn, answer.flag) == ("9014", "91", qn(1), MN, 4)
    assert block.raw == (upload(1),)
    assert keys(embedded.stream()) == [(block.series[0], 1_717_200_001_000, 1.5)]
    assert block.series[0] == (MN, "w01018", "2011", "Rtd")
    assert block.flag.tolist() == [ord("N")]
    assert abs(int(block.received_ms[0]) - wall_ms()) < 10_000
    await logger.hang_up()


async def test_two_frames_in_one_read_and_half_a_frame(embedded: Embedded, opened: Open) -> None:
    _, port = await opened()
    logger = await Logger.dial(port)
    logger.send(upload(1) + upload(2) + upload(3)[:50])
    assert [a.qn for a in await logger.answers(2)] == [qn(1), qn(2)]
    logger.send(upload(3)[50:])
    assert [a.qn for a in await logger.answers(1)] == [qn(3)]
    assert [value for _, _, value in keys(embedded.stream())] == [1.5, 2.5, 3.5]
    await logger.hang_up()


async def test_many_loggers_share_a_write(embedded: Embedded, opened: Open) -> None:
    gateway, port = await opened(tick_s=0.2)
    loggers = [await Logger.dial(port) for _ in range(30)]
    for i, logger in enumerate(loggers):
        logger.send(upload(i, mn=f"{i:014d}"))
    got = await asyncio.gather(*(logger.answers(1) for logger in loggers))
    assert [a.mn for (a,) in got] == [f"{i:014d}" for i in range(30)]
    assert gateway.committer.blocks == embedded.stream().length("readings") <= 3
    assert len(keys(embedded.stream())) == 30
    for logger in loggers:
        await logger.hang_up()


async def test_frames_that_want_no_answer_are_stored_all_the_same(embedded: Embedded, opened: Open) -> None:
    _, port = await opened()
    logger = await Logger.dial(port)
    notice = frames(Message("32", "1013", "123456", MN, qn(7), [], True))[0]
    stray = frames(Message("91", "9014", "123456", MN, qn(8), [], True))[0]
    logger.send(upload(1, ack=False) + stray + notice)
    assert [a.cn for a in await logger.answers(2)] == ["9013", "1012"]  # the time it asked for
    assert await logger.silence(0.2)
    assert [raw for block in blocks(embedded.stream()) for raw in block.raw] == [
        upload(1, ack=False),
        stray,
        notice,
    ]
    await logger.hang_up()


async def test_resent_frames_are_answered_again_and_are_the_same_reading(
    embedded: Embedded, opened: Open
) -> None:
    _, port = await opened()
    first, second = await Logger.dial(port), await Logger.dial(port)
    first.send(upload(1))
    await first.answers(1)
    first.send(upload(1) + upload(1))
    second.send(upload(1))
    assert [a.qn for a in await first.answers(2)] == [qn(1)] * 2
    assert [a.qn for a in await second.answers(1)] == [qn(1)]
    assert len(set(keys(embedded.stream()))) == 1
    await first.hang_up()
    await second.hang_up()


async def test_a_server_killed_means_no_answer_and_the_repeat_is_taken(
    embedded: Embedded, opened: Open
) -> None:
    gateway, port = await opened(retry_s=0.3)
    logger = await Logger.dial(port)
    logger.send(upload(1))
    await logger.answers(1)
    embedded.kill()
    logger.send(upload(2))
    await eventually(lambda: gateway.committer.dropped == 1, 15)
    assert await logger.silence(0.2)
    assert gateway.committer.trouble
    embedded.start()
    logger.send(upload(2))
    assert [a.qn for a in await logger.answers(1, 15)] == [qn(2)]
    assert not gateway.committer.trouble
    assert sorted(value for _, _, value in set(keys(embedded.stream()))) == [1.5, 2.5]
    await logger.hang_up()


async def test_a_server_killed_in_the_middle_of_a_write(embedded: Embedded, opened: Open) -> None:
    gateway, port = await opened(retry_s=0.3)
    logger = await Logger.dial(port)
    logger.send(upload(1))
    await logger.answers(1)
    assert embedded.process is not None
    embedded.process.send_signal(signal.SIGSTOP)
    logger.send(upload(2))
    assert await logger.silence(0.4)
    embedded.kill()
    await eventually(lambda: gateway.committer.dropped == 1, 15)
    embedded.start()
    logger.send(upload(2))
    assert [a.qn for a in await logger.answers(1, 15)] == [qn(2)]
    assert sorted(value for _, _, value in set(keys(embedded.stream()))) == [1.5, 2.5]
    await logger.hang_up()


async def test_a_write_whose_answer_was_lost_is_not_written_twice(embedded: Embedded, opened: Open) -> None:
    class Lossy(AsyncStream):
        lost = 0

        async def append(self, name: Any, body: bytes, most: int | None = None, *, shard: int = 0) -> str:
            done = await super().append(name, body, most, shard=shard)
            if name == "readings" and not self.lost:
                self.lost += 1
                raise UnavailableError("connection reset while waiting for the reply")
            return done

    gateway, port = await opened(Lossy(embedded.url))
    logger = await Logger.dial(port)
    logger.send(upload(1))
    assert [a.qn for a in await logger.answers(1)] == [qn(1)]
    assert gateway.committer.dropped == 0
    assert len(blocks(embedded.stream())) == 1
    await logger.hang_up()


async def test_a_short_outage_is_bridged(embedded: Embedded, opened: Open) -> None:
    gateway, port = await opened(retry_s=20)
    logger = await Logger.dial(port)
    logger.send(upload(1))
    await logger.answers(1)
    embedded.kill()
    logger.send(upload(2))
    await eventually(lambda: bool(gateway.committer.trouble), 15)
    logger.send(upload(3))
    embedded.start()
    assert [a.qn for a in await logger.answers(2, 20)] == [qn(2), qn(3)]
    assert {value for _, _, value in keys(embedded.stream())} == {1.5, 2.5, 3.5}
    assert gateway.committer.dropped == 0
    await logger.hang_up()


async def test_any_failure_of_a_write_means_no_answer(embedded: Embedded, opened: Open) -> None:
    class Full(AsyncStream):
        async def append(self, name: Any, body: bytes, most: int | None = None, *, shard: int = 0) -> str:
            raise RuntimeError("MISCONF the disk is full")

    gateway, port = await opened(Full(embedded.url), retry_s=0.2)
    logger = await Logger.dial(port)
    logger.send(upload(1))
    await eventually(lambda: gateway.committer.dropped == 1)
    assert "disk is full" in gateway.committer.trouble
    assert await logger.silence(0.1)
    await logger.hang_up()


async def test_a_peer_of_rubbish_is_cut_off_and_nobody_else_notices(embedded: Embedded, opened: Open) -> None:
    gateway, port = await opened(rejects=20)
    good, bad = await Logger.dial(port), await Logger.dial(port)
    good.send(upload(1))
    await good.answers(1)
    for _ in range(30):
        bad.send(b"##0012QN=1;FFFFF\r\n" * 3)
        good.send(upload(2))
        await good.answers(1)
        if gateway.stations.cut["flood"]:
            break
    assert await bad.end()
    assert gateway.stations.cut == {"flood": 1}
    assert gateway.stations.nameless["crc_field_or_length"] > 20
    assert gateway.stations.by_mn[MN].rejects == 0
    good.send(upload(3))
    await good.answers(1)
    stream = embedded.stream()
    await eventually(lambda: stream.length("rejects") > 10)
    reject = json.loads(stream.since("rejects")[0].body)
    assert reject["reason"] == "crc_field_or_length"
    assert reject["mn"] == ""
    assert reject["peer"].startswith("127.0.0.1:")
    assert bytes.fromhex(reject["hex"]).startswith(b"##0012QN=1;")
    assert abs(reject["at_ms"] - wall_ms()) < 60_000
    await good.hang_up()


async def test_bytes_without_end_are_bounded_and_cut_off(opened: Open) -> None:
    gateway, port = await opened(reject_bytes=50_000)
    logger = await Logger.dial(port)
    logger.send(b"A" * 200_000)
    assert await logger.end()
    assert gateway.stations.cut["flood"] == 1


async def test_rejects_beyond_the_rate_are_counted_only(embedded: Embedded, opened: Open) -> None:
    gateway, port = await opened(rejects=10_000, rejects_stored_per_s=10)
    logger = await Logger.dial(port)
    logger.send(b"x\n##0001\n" * 500 + upload(1))
    await logger.answers(1)
    stations = gateway.stations
    assert stations.rejects >= 500
    stored = stations.rejects - gateway.intake.rejects.suppressed
    assert stored <= 20
    stream = embedded.stream()
    await eventually(lambda: stream.length("rejects") == stored)
    await logger.hang_up()


async def test_wrong_checks_are_kept_but_never_answered_or_believed(embedded: Embedded, opened: Open) -> None:
    gateway, port = await opened()
    logger = await Logger.dial(port)
    broken = upload(2)[:-6] + b"0000\r\n"
    logger.send(upload(1) + broken + upload(3))
    assert [a.qn for a in await logger.answers(2)] == [qn(1), qn(3)]
    assert [value for _, _, value in keys(embedded.stream())] == [1.5, 3.5]
    station = gateway.stations.by_mn[MN]
    assert (station.frames, station.rejects, station.reasons) == (2, 1, {"crc_mismatch": 1})
    stream = embedded.stream()
    await eventually(lambda: stream.length("rejects") == 1)
    reject = json.loads(stream.since("rejects")[0].body)
    assert (reject["mn"], reject["reason"], bytes.fromhex(reject["hex"])) == (MN, "crc_mismatch", broken)
    await logger.hang_up()


async def test_values_that_are_no_numbers_are_noted_and_the_frame_is_answered(
    embedded: Embedded, opened: Open
) -> None:
    gateway, port = await opened()
    logger = await Logger.dial(port)
    logger.send(upload(1, value="NaN"))
    await logger.answers(1)
    (block,) = blocks(embedded.stream())
    assert (len(block), block.raw) == (0, (upload(1, value="NaN"),))
    stream = embedded.stream()
    await eventually(lambda: stream.length("rejects") == 1)
    reject = json.loads(stream.since("rejects")[0].body)
    assert reject["reason"] == "nonfinite"
    assert reject["items"] == ["w01018-Rtd=NaN (nonfinite)"]
    station = gateway.stations.by_mn[MN]
    assert (station.frames, station.rejects, station.deviations["nonfinite"]) == (1, 0, 1)
    await logger.hang_up()


async def test_a_slow_peer_holds_nobody_up_and_its_half_frame_is_given_up(opened: Open) -> None:
    gateway, port = await opened(frame_wait_s=0.3)
    slow, good = await Logger.dial(port), await Logger.dial(port)
    slow.send(b"##0900" + upload(1)[6:] + upload(2))
    good.send(upload(3))
    assert [a.qn for a in await good.answers(1)] == [qn(3)]
    assert [a.qn for a in await slow.answers(1)] == [qn(2)]
    assert gateway.stations.rejects == 1
    await slow.hang_up()
    await good.hang_up()


async def test_a_silent_peer_is_closed(opened: Open) -> None:
    gateway, port = await opened(idle_s=0.4)
    logger = await Logger.dial(port)
    assert await logger.end()
    assert gateway.stations.cut == {"idle": 1}


async def test_a_peer_that_reads_no_answers_is_cut_off(opened: Open) -> None:
    gateway, port = await opened(unread_bytes=0, held_bytes=500_000_000)
    plug = socket.socket()
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    plug.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(plug, ("127.0.0.1", port))
    burst = b"".join(upload(i) for i in range(400))
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(SOON):
            while not gateway.stations.cut:
                await loop.sock_sendall(plug, burst)
                await asyncio.sleep(0)
    assert gateway.stations.cut == {"slow": 1}
    plug.close()


async def test_too_many_connections_are_turned_away(opened: Open) -> None:
    gateway, port = await opened(per_address=2)
    first, second, third = [await Logger.dial(port) for _ in range(3)]
    assert await third.end()
    await second.hang_up()
    await eventually(lambda: gateway.stations.connections == 1)
    fourth = await Logger.dial(port)
    for logger in (first, fourth):
        logger.send(upload(1))
        await logger.answers(1)
        await logger.hang_up()
    assert gateway.stations.cut == {"full": 1}


async def test_reading_stops_while_too_much_is_held(embedded: Embedded, opened: Open) -> None:
    held = Held(embedded.url)
    gateway, port = await opened(held, held_bytes=20_000, retry_s=30)
    logger = await Logger.dial(port)
    logger.send(b"".join(upload(i) for i in range(5000)))
    await eventually(lambda: gateway.committer.full)
    await asyncio.sleep(0.2)
    late = await Logger.dial(port)
    late.send(upload(1, mn="late"))
    taken = gateway.stations.frames
    assert taken < 5000
    await asyncio.sleep(0.2)
    assert gateway.stations.frames == taken
    held.let.set()
    assert len(await logger.answers(5000)) == 5000
    assert [a.mn for a in await late.answers(1)] == ["late"]
    assert len(set(keys(embedded.stream()))) == 5001
    await logger.hang_up()
    await late.hang_up()


async def test_counters_are_published(embedded: Embedded, opened: Open) -> None:
    _, port = await opened()
    logger = await Logger.dial(port)
    now = wall_ms()
    late = frames(Message("32", "2011", "123456", "A110000_0001", times.qn(now - 60_000), [], True))[0]
    logger.send(upload(1) + b"rubbish" + upload(2) + late + upload(3))
    await logger.answers(3)
    stream = embedded.stream()

    def published() -> dict[str, Any]:
        return dict(json.loads(stream.get("stations") or b"{}"))

    await eventually(lambda: published().get("frames") == 4)
    got = published()
    assert (got["readings"], got["rejects"], got["connections"]) == (3, 1, 1)
    one = got["by_mn"][MN]
    assert (one["frames"], one["readings"], one["rejects"], one["deviations"]) == (3, 3, 1, {})
    assert one["peer"].startswith("127.0.0.1:")
    assert abs(one["last_ms"] - wall_ms()) < 10_000
    other = got["by_mn"]["A110000_0001"]
    assert other["deviations"] == {"mn_nonstandard": 1}
    assert -70_000 < other["skew_ms"] < -50_000
    assert abs(json.loads(stream.get("gateway") or b"{}")["at_ms"] - wall_ms()) < 10_000
    await logger.hang_up()


async def test_stopping_writes_and_answers_what_is_held(embedded: Embedded) -> None:
    stream = AsyncStream(embedded.url)
    stop = asyncio.Event()
    ports: list[int] = []
    config = load({"TWIN_GATEWAY_PORT": str(free_port()), "TWIN_REDIS_URL": embedded.url})
    clock = ParkClock(lambda: LIVE)
    task = asyncio.create_task(
        serve(config, stream, clock, stop, limits=Limits(tick_s=5), ready=ports.append)
    )
    await eventually(lambda: bool(ports) or task.done())
    logger = await Logger.dial(ports[0])
    logger.send(upload(1))
    await asyncio.sleep(0.2)
    stop.set()
    assert [a.qn for a in await logger.answers(1)] == [qn(1)]
    assert await logger.end()
    await task
    assert len(keys(embedded.stream())) == 1
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await Logger.dial(ports[0])
    await stream.close()


async def test_a_taken_port_is_said_with_the_setting_that_moves_it(embedded: Embedded, opened: Open) -> None:
    _, port = await opened()
    stream = AsyncStream(embedded.url)
    second = Gateway(stream, ParkClock(lambda: LIVE))
    with pytest.raises(ConfigError, match="TWIN_GATEWAY_PORT"):
        await second.open("127.0.0.1", port)
    await stream.close()


class Process:
    """The gateway's own process."""

    def __init__(self, embedded: Embedded, folder: Path) -> None:
        self.port = free_port()
        code = "from twin.config import load; from twin.ingest.serve import run; run(load())"
        settings = {
            "TWIN_GATEWAY_PORT": str(self.port),
            "TWIN_REDIS_URL": embedded.url,
            "TWIN_DATA": str(folder),
        }
        self.child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **settings})

    async def dial(self) -> Logger:
        async with asyncio.timeout(SOON):
            while True:
                with contextlib.suppress(OSError):
                    return await Logger.dial(self.port)
                assert self.child.poll() is None
                await asyncio.sleep(0.05)


async def test_sigterm_ends_the_process_cleanly(embedded: Embedded, tmp_path: Path) -> None:
    process = Process(embedded, tmp_path)
    logger = await process.dial()
    logger.send(upload(1))
    await logger.answers(1)
    logger.send(upload(2))
    await asyncio.sleep(0.01)
    process.child.send_signal(signal.SIGTERM)
    answered = []
    with contextlib.suppress(ConnectionError, TimeoutError):
        answered = await logger.answers(1)
    assert await asyncio.to_thread(process.child.wait, 60) == 0
    stored = {value for _, _, value in keys(embedded.stream())}
    assert stored >= {1.5} | ({2.5} if answered else set())


async def test_sigkill_loses_nothing_that_was_answered(embedded: Embedded, tmp_path: Path) -> None:
    process = Process(embedded, tmp_path)
    logger = await process.dial()
    sent: dict[str, bytes] = {}
    answered: list[Packet] = []

    async def talk() -> None:
        with contextlib.suppress(ConnectionError):
            while process.child.poll() is None:
                for i in range(len(sent), len(sent) + 100):
                    sent[qn(i)] = upload(i)
                    logger.send(sent[qn(i)])
                await asyncio.sleep(0.01)

    talking = asyncio.create_task(talk())
    with contextlib.suppress(ConnectionError, TimeoutError):
        while True:
            answered += await logger.answers(1, more=True)
            if len(answered) > 300 and process.child.poll() is None:
                process.child.send_signal(signal.SIGKILL)
    await asyncio.to_thread(process.child.wait, 60)
    await talking
    stored = {raw for block in blocks(embedded.stream()) for raw in block.raw}
    assert 300 < len(answered) < len(sent)
    assert all(sent[str(a.qn)] in stored for a in answered)


async def test_without_a_server_the_gateway_still_listens(tmp_path: Path) -> None:
    stream = AsyncStream(f"unix://{tmp_path / 'none.sock'}")
    gateway = Gateway(stream, ParkClock(lambda: LIVE), Limits(retry_s=0.2))
    port = await gateway.open("127.0.0.1", 0)
    logger = await Logger.dial(port)
    logger.send(upload(1))
    await eventually(lambda: gateway.committer.dropped == 1, 15)
    assert UnavailableError.__name__ in gateway.committer.trouble
    await logger.hang_up()
    await gateway.close(0.2)
    await stream.close()


async def test_only_who_is_listed_may_send(embedded: Embedded, tmp_path: Path) -> None:
    listed = tmp_path / "loggers.toml"
    other = "010000A8900016F000169DC0"
    listed.write_text(
        f'[[logger]]\nmn = "{MN}"\npw = "123456"\nfrom = ["127.0.0.0/8"]\n'
        f'[[logger]]\nmn = "{other}"\nfrom = ["10.0.0.1"]\n[[logger]]\nmn = "third"\npw = "abc"\n'
    )
    stream = AsyncStream(embedded.url)
    gateway = Gateway(stream, ParkClock(lambda: LIVE), loggers=load_loggers(listed))
    logger = await Logger.dial(await gateway.open("127.0.0.1", 0))
    logger.send(upload(1, mn=other) + upload(2, mn="stranger") + upload(3, mn="third") + upload(4))
    assert [a.qn for a in await logger.answers(1)] == [qn(4)]
    assert [value for _, _, value in keys(embedded.stream())] == [4.5]
    assert gateway.stations.nameless == {"address_refused": 1, "mn_unlisted": 1, "pw_wrong": 1}
    assert list(gateway.stations.by_mn) == [MN]
    await eventually(lambda: embedded.stream().length("rejects") == 3)
    await logger.hang_up()
    await gateway.close(1.0)
    await stream.close()


async def test_an_encrypted_upload_is_read_and_a_request_is_encrypted(
    embedded: Embedded, tmp_path: Path
) -> None:
    listed = tmp_path / "loggers.toml"
    listed.write_text(f'[[logger]]\nmn = "{MN}"\nsm4_keys = ["{"30" * 16}"]\n')
    by = Seal([Cipher(b"0" * 16)])
    stream = AsyncStream(embedded.url)
    gateway = Gateway(stream, ParkClock(lambda: LIVE), loggers=load_loggers(listed))
    logger = await Logger.dial(await gateway.open("127.0.0.1", 0))
    groups: list[Group] = [[("DataTime", "20240601080000")], [("w01018-Rtd", "7.5"), ("w01018-Flag", "N")]]
    message = Message("32", "2011", "123456", MN, qn(1), groups, True, 2025)
    logger.send(frames(message, by)[0])
    assert [(a.cn, a.flag) for a in await logger.answers(1)] == [("9014", 8)]
    assert [value for _, _, value in keys(embedded.stream())] == [7.5]
    assert gateway.stations.by_mn[MN].deviations == {}
    request = parse("CN=2061;BeginTime=20240601080000;EndTime=20240601090000")
    asking = asyncio.create_task(gateway.asker.ask(MN, request))
    logger._frames = Reader(unseal=Keyring({MN: by}))
    (asked,) = await logger.answers(1)
    assert asked.raw.count(b"BeginTime") == 0
    assert asked.value("BeginTime") == "20240601080000"
    logger.send(frames(Message("91", "9012", "123456", MN, asked.qn, [[("ExeRtn", "100")]], dialect=2025))[0])
    assert (await asking).end == "no_data"
    await logger.hang_up()
    await gateway.close(1.0)
    await stream.close()


async def test_counters_go_on_after_a_restart(embedded: Embedded, opened: Open) -> None:
    first, port = await opened()
    logger = await Logger.dial(port)
    logger.send(upload(1) + upload(2)[:-6] + b"0000\r\n" + upload(3))
    await logger.answers(2)
    await logger.hang_up()
    await first.close(1.0)
    second, port = await opened()
    logger = await Logger.dial(port)
    logger.send(upload(4))
    await logger.answers(1)
    await eventually(lambda: second.stations.frames == 3)
    station = second.stations.by_mn[MN]
    assert (station.frames, station.readings, station.rejects) == (3, 3, 1)
    assert station.reasons == {"crc_mismatch": 1}
    published: dict[str, Any] = {}
    while published.get("frames") != 3:
        published = json.loads(embedded.stream().get("stations") or b"{}")
        await asyncio.sleep(0.02)
    assert published["by_mn"][MN]["conformance"] == 75.0
    await logger.hang_up()


async def test_a_message_whose_parts_stay_away_is_counted(opened: Open) -> None:
    gateway, port = await opened()
    gateway.intake.splits = Splits(wait_s=0.1)
    groups: list[Group] = [[("DataTime", "20240601080000")]]
    groups += [[(f"w{i:05d}-Rtd", "1.5"), (f"w{i:05d}-Flag", "N")] for i in range(80)]
    parts = frames(Message("32", "2011", "123456", MN, qn(1), groups, True))
    assert len(parts) >= 3
    logger = await Logger.dial(port)
    logger.send(b"".join(reversed(parts)))
    await logger.answers(len(parts))
    assert gateway.intake.splits.whole == 1
    logger.send(b"".join(parts[1:]))
    await logger.answers(len(parts) - 1)
    await eventually(lambda: gateway.stations.by_mn[MN].deviations == {"split_incomplete": 1})
    await logger.hang_up()
