"""Readings in several shards of a real server, read as one stream; and names that one at a time may hold."""

from __future__ import annotations

import time

from tests.embedded import Embedded
from twin.stream import AsyncStream, Stream


def sharded(embedded: Embedded, shards: int = 3) -> Stream:
    embedded.streams.append(Stream(f"{embedded.url}?shards={shards}"))
    return embedded.streams[-1]


def test_many_shards_read_like_one_stream(embedded: Embedded) -> None:
    s = sharded(embedded)
    s.join("readings", "watch")
    s.join("readings", "watch")
    ids = [s.append("readings", bytes([i]), i % 3) for i in range(9)]
    assert sorted(e.body[0] for e in s.since("readings")) == list(range(9))
    first = s.since("readings", count=4)
    rest = s.since("readings", first[-1].id)
    assert sorted(e.body[0] for e in first + rest) == list(range(9))
    assert len(s.last("readings", 2)) == 2
    taken = s.take(["readings"], "watch", "a", wait_ms=10)
    assert sorted(e.id for _, e in taken) == sorted(ids)
    s.ack("readings", "watch", ids[:4])
    assert sorted(e.id for e in s.pending("readings", "watch", "a")) == sorted(ids[4:])
    assert s.take(["readings"], "watch", "a", wait_ms=10) == []


def test_what_one_consumer_left_another_claims(embedded: Embedded) -> None:
    s = sharded(embedded)
    s.join("readings", "watch")
    ids = [s.append("readings", bytes([i]), i % 3) for i in range(7)]
    assert len(s.take(["readings"], "watch", "a", wait_ms=10)) == 7
    s.ack("readings", "watch", ids[:2])
    assert s.claim("readings", "watch", "b") == 5
    assert s.claim("readings", "watch", "b") == 0
    assert s.pending("readings", "watch", "a") == []
    assert sorted(e.id for e in s.pending("readings", "watch", "b")) == sorted(ids[2:])


def test_with_shards_nothing_is_trimmed_that_a_group_has_not_done(embedded: Embedded) -> None:
    s = sharded(embedded, 2)
    s.join("readings", "history")
    ids = [s.append("readings", b"x", i % 2) for i in range(6)]
    time.sleep(0.002)
    end = s.append("readings", b"x", 0)
    assert s.trim("readings", end) == 0
    s.take(["readings"], "history", "a", wait_ms=10)
    s.ack("readings", "history", [*ids[::2], ids[1], end])
    assert s.trim("readings", end) == 4  # shard 0 up to the end, shard 1 up to what still waits
    assert s.length("readings") == 3


def test_a_name_is_held_by_one_until_it_lets_go_or_runs_out(embedded: Embedded) -> None:
    s = embedded.stream()
    assert s.hold("watch", "a", 60_000)
    assert s.hold("watch", "a", 60_000)
    assert not s.hold("watch", "b", 60_000)
    s.let_go("watch", "b")
    assert not s.hold("watch", "b", 60_000)
    s.let_go("watch", "a")
    assert s.hold("watch", "b", 1)
    time.sleep(0.01)
    assert s.hold("watch", "a", 60_000)


async def test_following_many_shards_misses_nothing(embedded: Embedded) -> None:
    s, a = sharded(embedded), AsyncStream(f"{embedded.url}?shards=3")
    s.append("events", b"e")
    sent = [s.append("readings", bytes([i]), i % 3) for i in range(5)]
    after = {"readings": "0", "events": "0"}
    found = []
    for more in range(3):
        for name, entry in await a.follow(after, wait_ms=5):  # type: ignore[arg-type]
            after[name] = entry.id
            found.append((name, entry.body))
        sent.append(await a.append("readings", bytes([5 + more]), shard=2 - more))
    for name, entry in await a.follow(after, wait_ms=5):  # type: ignore[arg-type]
        found.append((name, entry.body))
    assert sorted(body[0] for name, body in found if name == "readings") == list(range(8))
    assert found.count(("events", b"e")) == 1
    await a.close()
