"""Many shards in one order: never an older entry behind a younger one, whatever was killed in between."""

from __future__ import annotations

import random
import threading
import time

from tests.embedded import Embedded
from twin.in_order import InOrder
from twin.shards import place
from twin.stream import Stream


class Scribe:
    """What a writer of history does: takes a batch, notes the last of it, acknowledges; and dies anywhere."""

    def __init__(self) -> None:
        self.until = (0, 0)
        self.kept: list[str] = []

    def step(self, s: InOrder, rnd: random.Random) -> bool:
        """Take one batch; False where it died."""
        entries, after = [], "0"
        while got := s.pending("readings", "history", "writer", after, 7):
            known = [e for e in got if place(e.id) <= self.until]
            s.ack("readings", "history", [e.id for e in known])
            entries += got[len(known) :]
            after = got[-1].id
        entries += [e for _, e in s.take(["readings"], "history", "writer", count=5, wait_ms=1)]
        if not entries or rnd.random() < 0.2:
            return not entries
        self.kept += [e.id for e in entries]
        self.until = place(entries[-1].id)
        if rnd.random() < 0.2:
            return False
        s.ack("readings", "history", [e.id for e in entries])
        return True


def test_in_order_and_exactly_once_whatever_dies(embedded: Embedded) -> None:
    url, rnd = f"{embedded.url}?shards=3", random.Random(4)
    s = Stream(url)
    s.join("readings", "history")
    sent: list[str] = []

    def send() -> None:
        other, chance = Stream(url), random.Random(5)
        sent.extend(other.append("readings", b"%d" % i, chance.choice([0, 0, 1, 2])) for i in range(1500))
        other.close()

    sender = threading.Thread(target=send)
    sender.start()
    scribe, reader, died = Scribe(), InOrder(url), 0
    while sender.is_alive() or len(scribe.kept) < len(sent):
        if not scribe.step(reader, rnd):
            reader.close()
            reader, died = InOrder(url), died + 1
    sender.join(60)
    assert died > 20
    assert len(scribe.kept) == 1500
    assert scribe.kept == sorted(sent, key=place)
    reader.close()
    s.close()


def come(reader: InOrder, count: int) -> list[str]:
    """So many new entries, once their order is sure."""
    found: list[str] = []
    until = time.monotonic() + 60
    while len(found) < count:
        assert time.monotonic() < until, "they do not come"
        found += [e.id for _, e in reader.take(["readings"], "history", "writer", wait_ms=20)]
    return found


def test_what_was_given_out_before_a_death_is_not_new_after_it(embedded: Embedded) -> None:
    """Of one shard nothing came for a while, then something that nobody read before the reader died."""
    url = f"{embedded.url}?shards=2"
    s = Stream(url)
    s.join("readings", "history")
    first = s.append("readings", b"a", 1)
    time.sleep(0.002)  # so that it is of another millisecond
    second = s.append("readings", b"b", 0)
    reader = InOrder(url)
    given = come(reader, 2)
    reader.close()
    third = s.append("readings", b"c", 1)
    again = InOrder(url)
    assert [e.id for e in again.pending("readings", "history", "writer")] == given == [first, second]
    assert come(again, 1) == [third]
    again.close()
    s.close()


def test_one_shard_is_read_as_ever(embedded: Embedded) -> None:
    s = InOrder(embedded.url)
    s.join("readings", "history")
    sent = [s.append("readings", b"x") for _ in range(3)]
    assert [e.id for _, e in s.take(["readings"], "history", "writer", wait_ms=1)] == sent
    assert [e.id for e in s.pending("readings", "history", "writer")] == sent
    s.close()
