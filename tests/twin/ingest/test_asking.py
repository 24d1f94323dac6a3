"""Requests over real sockets: a device's own end of the line answers, or does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from tests.embedded import Embedded
from tests.twin.ingest.test_gateway import MN, SOON, Logger, blocks, eventually, upload
from twin import ask_command
from twin.clock import LIVE, ParkClock
from twin.config import load
from twin.errors import RefusedError
from twin.ingest.asking import QUEUED
from twin.ingest.connection import Limits
from twin.ingest.gateway import Gateway
from twin.ingest.hj212 import requests
from twin.ingest.hj212.exchange import End, Patience
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.requests import parse
from twin.ingest.hj212.times import epoch_ms
from twin.ingest.hj212.write import Group, Message, frames
from twin.ingest.orders import told
from twin.model import AuditLine, Event, Order, from_json, to_json
from twin.stream import AsyncStream

AT = datetime(2024, 6, 1, tzinfo=UTC)
HOUR_MS = 3_600_000
FROM_MS = 1_717_200_000_000


class Device(Logger):
    """A logger that does what it is asked."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._here: list[Packet] = []

    async def answers(self, count: int, timeout_s: float = SOON, more: bool = False) -> list[Packet]:
        """The next packets; what came with them stays for the next call."""
        if len(self._here) < count:
            self._here += await super().answers(count - len(self._here), timeout_s, True)
        out, self._here = self._here[:count], self._here[count:]
        return out

    async def asked(self, cn: str) -> Packet:
        """The next request; answers of the platform in between are passed over."""
        while True:
            (packet,) = await self.answers(1)
            if packet.st != "91":
                assert packet.cn == cn
                return packet

    def say(self, cn: str, request: Packet, groups: list[Group], st: str = "91") -> None:
        self.send(frames(Message(st, cn, "123456", MN, request.qn, groups, ack=st != "91"))[0])

    def begin(self, request: Packet) -> None:
        self.say("9011", request, [[("QnRtn", "1")]])

    def done(self, request: Packet, code: str = "1") -> None:
        self.say("9012", request, [[("ExeRtn", code)]])


class Site:
    """A gateway with one device on it."""

    def __init__(self, gateway: Gateway, port: int, embedded: Embedded, audit: list[AuditLine]) -> None:
        self.gateway, self.port, self.embedded, self.audit = gateway, port, embedded, audit

    async def device(self) -> Device:
        device = await Device.dial(self.port)
        device.send(upload(1))
        await device.answers(1)
        return device


@pytest.fixture
async def site(embedded: Embedded) -> AsyncIterator[Site]:
    stream = AsyncStream(embedded.url)
    audit: list[AuditLine] = []
    gateway = Gateway(stream, ParkClock(lambda: LIVE), Limits(retry_s=0.5), audit.append)
    yield Site(gateway, await gateway.open("127.0.0.1", 0), embedded, audit)
    await gateway.close(1.0)
    await stream.close()


async def test_a_setting_over_a_live_connection(site: Site) -> None:
    device = await site.device()
    asking = asyncio.create_task(site.gateway.asker.ask(MN, requests.set_real_time_interval(60)))
    request = await device.asked("1062")
    assert (request.st, request.pw, request.flag) == ("32", "123456", 5)
    assert request.value("RtdInterval") == "60"
    device.begin(request)
    device.done(request)
    got = await asking
    assert (got.end, got.sent, got.odd) == (End.DONE, 1, ())
    assert not site.gateway.asker.active


async def test_history_called_up_is_stored_and_answered_like_any_upload(site: Site) -> None:
    device = await site.device()
    wanted = requests.history("2061", FROM_MS, FROM_MS + HOUR_MS)
    asking = asyncio.create_task(site.gateway.asker.ask(MN, wanted))
    request = await device.asked("2061")
    device.begin(request)
    for moment in ("20240601080000", "20240601090000"):
        device.say("2061", request, [[("DataTime", moment)], [("w01018-Avg", "7.25")]], "32")
        (answer,) = await device.answers(1)
        assert (answer.cn, answer.qn) == ("9014", request.qn)
    device.done(request)
    got = await asking
    assert (got.end, got.frames) == (End.DONE, 2)
    stored = [(b.series[0].cn, float(v)) for b in blocks(site.embedded.stream()) for v in b.value]
    assert stored[1:] == [("2061", 7.25), ("2061", 7.25)]


async def test_a_logger_that_changes_its_line_gets_the_repeat_there(site: Site) -> None:
    site.gateway.asker.patience[MN] = Patience(over_time_s=0.4, re_count=100)
    first = await site.device()
    asking = asyncio.create_task(site.gateway.asker.ask(MN, requests.get_time()))
    once = await first.asked("1011")
    await first.hang_up()
    second = await site.device()
    again = await second.asked("1011")
    assert again.qn == once.qn
    second.say("1011", again, [[("SystemTime", "20240601080000")]], "32")
    second.done(again)
    got = await asking
    assert (got.end, got.items) == (End.DONE, (("SystemTime", "20240601080000"),))
    assert got.sent > 1


async def test_silence_and_absence(site: Site) -> None:
    site.gateway.asker.patience[MN] = Patience(over_time_s=0.05, re_count=2)
    assert (await site.gateway.asker.ask(MN, requests.get_time())).end is End.OFFLINE
    device = await site.device()
    got = await site.gateway.asker.ask(MN, requests.get_time())
    assert (got.end, got.sent) == (End.NO_ANSWER, 3)
    assert len(await device.answers(3)) == 3


async def test_one_at_a_time_and_not_too_many(site: Site) -> None:
    device = await site.device()
    asker = site.gateway.asker
    asking = [asyncio.create_task(asker.ask(MN, requests.get_time())) for _ in range(QUEUED)]
    await asyncio.sleep(0)
    with pytest.raises(RefusedError, match="waiting"):
        await asker.ask(MN, requests.get_time())
    seen = set()
    for _ in range(QUEUED):
        request = await device.asked("1011")
        seen.add(request.qn)
        device.done(request)
    assert [(await a).end for a in asking] == [End.DONE] * QUEUED
    assert len(seen) == QUEUED


async def test_1000_changes_the_patience_and_1072_the_password(site: Site) -> None:
    device = await site.device()
    asking = asyncio.create_task(site.gateway.asker.ask(MN, requests.set_patience(7, 1)))
    request = await device.asked("1000")
    device.done(request)
    await asking
    patience = site.gateway.asker.patience[MN]
    assert (patience.over_time_s, patience.re_count) == (7.0, 1)
    asking = asyncio.create_task(site.gateway.asker.ask(MN, parse("CN=1072;NewPW=abc")))
    device.done(await device.asked("1072"))
    await asking
    asking = asyncio.create_task(site.gateway.asker.ask(MN, requests.get_time()))
    request = await device.asked("1011")
    assert request.pw == "abc"
    device.done(request)
    await asking


async def test_a_logger_that_asks_for_the_time_gets_it_once_a_minute(site: Site) -> None:
    device = await site.device()
    notice = frames(Message("32", "1013", "123456", MN, "20240601080000123", [], True))[0]
    device.send(notice)
    (answer,) = await device.answers(1)
    assert (answer.cn, answer.qn) == ("9013", "20240601080000123")
    request = await device.asked("1012")
    set_to = epoch_ms(request.value("SystemTime") or "")
    assert set_to is not None
    assert abs(set_to - ParkClock(lambda: LIVE).now_ms()) < 10_000
    device.done(request)
    device.send(notice)
    assert [a.cn for a in await device.answers(1)] == ["9013"]
    assert await device.silence(0.3)


async def test_an_order_on_the_commands_stream(site: Site) -> None:
    device = await site.device()
    stream = site.embedded.stream()
    stream.append("commands", to_json(Order("drill.stop", AT, "duty")))
    stream.append("commands", b"rubbish")
    order = Order("logger.ask", AT, "duty", MN, detail="CN=3011;PolId=w01018")
    stream.append("commands", to_json(order))
    request = await device.asked("3011")
    assert request.value("PolId") == "w01018"
    device.begin(request)
    device.done(request, "5")
    await eventually(lambda: bool(site.audit))
    (event,) = [from_json(e.body, Event) for e in stream.since("events")]
    assert (event.kind, event.about) == ("logger.answered", f"{MN}/{request.qn}")
    (asked,) = told(stream)
    assert (asked.id, asked.by, asked.end, asked.exe_rtn) == (event.about, "duty", "failed", "5")
    assert asked.said.en == "busy"
    (line,) = site.audit
    assert (line.who, line.what, line.about) == ("duty", "logger.ask", MN)
    assert line.detail.en == "CN=3011;PolId=w01018: busy"


async def test_an_order_that_cannot_be_is_told_too(site: Site) -> None:
    stream = site.embedded.stream()
    await site.gateway._orders.begun.wait()
    stream.append("commands", to_json(Order("logger.ask", AT, "duty", MN, detail="CN=1062;RtdInterval=1")))
    await eventually(lambda: len(site.audit) == 1)
    assert site.audit[0].who == "duty"
    asked = json.loads(stream.told("asked").get("1") or b"[]")[0]
    assert asked["end"] == "impossible"
    assert "30..3600" in asked["said"]["en"]


async def test_orders_given_before_the_gateway_ran_are_not_carried_out(embedded: Embedded) -> None:
    embedded.stream().append(
        "commands", to_json(Order("logger.ask", AT, "duty", MN, detail="CN=3012;PolId=w01018"))
    )
    stream = AsyncStream(embedded.url)
    gateway = Gateway(stream, ParkClock(lambda: LIVE), Limits(retry_s=0.5))
    site = Site(gateway, await gateway.open("127.0.0.1", 0), embedded, [])
    device = await site.device()
    assert await device.silence(0.4)
    await gateway.close(1.0)
    await stream.close()


async def test_an_operator_asks_from_the_command_line(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    device = await site.device()
    config = load({"TWIN_REDIS_URL": site.embedded.url})
    words = [MN, "CN=1011", "--by", "zhang", "--json"]
    running = asyncio.create_task(asyncio.to_thread(ask_command.main, words, "en", config))
    request = await device.asked("1011")
    device.begin(request)
    device.say("1011", request, [[("SystemTime", "20240601080000")]], "32")
    await device.answers(1)
    device.done(request)
    assert await running == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["by"], told["end"], told["items"]) == ("zhang", "done", [["SystemTime", "20240601080000"]])
    assert ask_command.main([MN, "CN=1062;RtdInterval=1"], "en", config) == 2
    assert "30..3600" in capsys.readouterr().err


async def test_of_two_gateways_the_one_that_has_the_line_asks(site: Site) -> None:
    other_stream, audit = AsyncStream(site.embedded.url), site.audit
    other = Gateway(other_stream, ParkClock(lambda: LIVE), Limits(retry_s=0.5), audit.append, member="2")
    await other.open("127.0.0.1", 0)
    device = await site.device()
    stream = site.embedded.stream()
    await site.gateway._orders.begun.wait()
    stream.append("commands", to_json(Order("logger.ask", AT, "duty", MN, detail="CN=3012;PolId=w01018")))
    stream.append("commands", to_json(Order("logger.ask", AT, "duty", "0" * 24, detail="CN=1011")))
    request = await device.asked("3012")
    device.begin(request)
    device.done(request)
    await eventually(lambda: len(told(stream)) == 2)
    assert await device.silence(0.3)
    assert {(one.mn, one.end) for one in told(stream)} == {(MN, "done"), ("0" * 24, "offline")}
    assert len(audit) == 2
    await other.close(1.0)
    await other_stream.close()
