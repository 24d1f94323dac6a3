"""An operator lets frames go up again: by the command line, through the running role, to a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.embedded import Embedded
from tests.twin.forward.test_relay import MNS, T0, answer, block, platform, target, upload
from tests.twin.ingest.rigs import until
from twin import forward_command
from twin.config import load
from twin.errors import RefusedError
from twin.forward.again import Again, Span
from twin.forward.past import Old
from twin.forward.relay import Filler, Relay
from twin.forward.spool import Spool
from twin.ingest.hj212 import times
from twin.model import AuditLine
from twin.stream import AsyncStream


class Shelf:
    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def about(self, mns: Sequence[str], cns: Sequence[str], from_ms: int, to_ms: int) -> Iterator[list[Old]]:
        self.asked.append((from_ms, to_ms))
        assert "2011" in cns
        yield [Old(MNS[0], "2011", T0, upload(MNS[0], i)) for i in (0, 1)]

    def newest(self, mn: str) -> list[Old]:
        return []


@pytest.mark.parametrize(
    "text", ["", "refused", "2026-11-20", "2026-11-21..2026-11-20", "1990-01-01..2026-01-01"]
)
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        Span.read(text)


def test_a_span_in_the_words_of_the_park() -> None:
    assert (
        Span.read("2026-11-20..2026-11-20 00:00:01+08:00").to_ms - 1000
        == Span.read("2026-11-20..2026-11-20").from_ms
    )


async def test_what_was_refused_and_a_span_of_time_go_up_again(
    embedded: Embedded, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refusing = {times.qn(T0 + 1000)}

    async with platform(
        lambda p: [answer(p, "9012", "ExeRtn=3") if p.qn in refusing else answer(p)]
    ) as there:
        to, past, lines = target(there.port), Shelf(), list[AuditLine]()
        stream, spool = AsyncStream(embedded.url), Spool(tmp_path / "spool.sqlite")
        filler = Filler([to], spool, embedded.stream())
        again = Again([to], spool, embedded.stream(), past, MNS, lines.append)
        relay = Relay([to], spool, stream, filler, None, past, MNS, [again.run])
        relay.open()
        try:
            sync = embedded.stream()
            await until(lambda: b"forward" in repr(groups(sync)).encode(), "the relay did not join")
            sync.append("readings", block((MNS[0], 1), (MNS[0], 2)))
            await until(lambda: spool.refused("city") == {"ExeRtn=3": 1}, "not refused")
            refusing.clear()
            config = load({"TWIN_REDIS_URL": embedded.url})

            async def twin(*words: str) -> tuple[int, str]:
                code = await asyncio.to_thread(forward_command.main, list(words), "en", config)
                return code, "".join(capsys.readouterr())

            await until(lambda: sync.get("forward"), "no status")
            code, said = await twin("show")
            assert (code, said.startswith("city ")) == (0, True)
            assert await twin("again", "city", "--refused", "--by", "zhang") == (
                0,
                "1 refused frames wait again\n",
            )
            await until(lambda: relay.uppers[0].counts["relayed"] == 2, "what was refused did not go up")
            span = ("--from", "2026-11-22", "--to", "2026-11-23")
            assert await twin("again", "city", *span) == (0, "2 frames wait again\n")
            await until(lambda: relay.uppers[0].counts["relayed"] == 4, "the span did not go up")
            assert past.asked == [
                (Span.read("2026-11-22..2026-11-23").from_ms, Span.read("2026-11-22..2026-11-23").to_ms)
            ]
            assert (await twin("again", "nobody", "--refused"))[0] == 1
            assert (await twin("again", "city"))[0] == 2
            assert [(line.who, line.about) for line in lines] == [
                ("zhang", "city"),
                ("operator", "city"),
                ("operator", "nobody"),
            ]
            await until(lambda: not spool.waiting.get("city"), "what was answered still waits")
            await relay.publish()
            found = json.loads((await twin("show", "--json"))[1])
            assert (found[0]["waiting"], found[0]["refused"]) == (0, {})
        finally:
            await relay.close()
            spool.close()
            await stream.close()


def groups(stream: object) -> object:
    try:
        keys = stream.keys.stream("readings"), stream.keys.stream("commands")  # type: ignore[attr-defined]
        return [stream._call("xinfo_groups", key) for key in keys]  # type: ignore[attr-defined]
    except Exception:
        return []
