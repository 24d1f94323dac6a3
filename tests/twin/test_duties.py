"""Duties against a real server: one holder each, both shared out, the dead followed, the frozen stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tests.embedded import Embedded
from twin import duties as module
from twin.clock import wall_ms
from twin.duties import Duties

NAMES = ("detecting", "writing")


class Clock:
    """Time that a test may let pass."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_s

    def wall_ms(self) -> int:
        return wall_ms() + round(self.ahead_s * 1000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    it = Clock()
    monkeypatch.setattr(module, "time", it)
    monkeypatch.setattr(module, "wall_ms", it.wall_ms)
    return it


def mine(one: Duties) -> list[str]:
    return [name for name in NAMES if one.has(name)]


def test_alone_a_process_has_everything_at_once(embedded: Embedded) -> None:
    one = Duties("watch", "1", NAMES)
    assert mine(one) == []
    one.look(embedded.stream())
    assert mine(one) == list(NAMES)


def test_a_second_process_is_left_something_and_takes_over_when_the_first_is_silent(
    embedded: Embedded, clock: Clock
) -> None:
    stream = embedded.stream()
    one, two = (Duties("watch", name, NAMES, hold_s=60.0) for name in "12")
    one.look(stream)
    two.look(stream)
    assert (mine(one), mine(two)) == (list(NAMES), [])
    one.look(stream)  # sees that the second has nothing
    two.look(stream)
    assert (mine(one), mine(two)) == (["detecting"], ["writing"])
    for _ in range(3):
        one.look(stream)
        two.look(stream)
    assert (mine(one), mine(two)) == (["detecting"], ["writing"])
    stream.let_go("watch.detecting", "1")  # the first is dead now, and its hold runs out
    for _ in range(8):
        clock.ahead_s += 20.0
        two.look(stream)
    assert mine(two) == list(NAMES)
    assert mine(one) == []  # even if it only slept
    one.look(stream)
    assert mine(one) == []


def test_the_same_process_started_again_goes_on_at_once(embedded: Embedded) -> None:
    Duties("watch", "1", NAMES).look(embedded.stream())
    again = Duties("watch", "1", NAMES)
    again.look(embedded.stream())
    assert mine(again) == list(NAMES)


def test_while_the_server_is_away_a_duty_is_kept_and_given_back_at_the_end(
    embedded: Embedded, clock: Clock
) -> None:
    one, stop = Duties("watch", "1", NAMES, hold_s=3.0), threading.Event()
    thread = threading.Thread(target=one.run, args=(embedded.url, stop))
    thread.start()
    wait(lambda: mine(one) == list(NAMES))
    embedded.kill()
    clock.ahead_s = 60.0  # far longer than it holds: it asks, and nobody answers
    wait(lambda: mine(one) == list(NAMES))
    embedded.start()
    wait(lambda: not one._asking and mine(one) == list(NAMES))
    stop.set()
    thread.join(60)
    two = Duties("watch", "2", NAMES, hold_s=60)
    two.look(embedded.stream())
    assert "detecting" in mine(two)


def test_a_name_still_held_is_not_taken_even_from_one_long_unheard(
    embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Duties("watch", "old", NAMES)
    old.look(embedded.stream())
    now = module.wall_ms()
    monkeypatch.setattr(module, "wall_ms", lambda: now + 60_000)
    new = Duties("watch", "new", NAMES)
    new.look(embedded.stream())
    assert mine(new) == []  # still held by name: nobody takes it before it has run out


def wait(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not what():
        assert time.monotonic() < until
        time.sleep(0.01)
