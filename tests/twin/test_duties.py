"""Duties against a real server: one holder each, both shared out, the dead followed, the frozen stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tests.conftest import Embedded
from twin import duties as module
from twin.duties import Duties

NAMES = ("detecting", "writing")


def mine(one: Duties) -> list[str]:
    return [name for name in NAMES if one.has(name)]


def test_alone_a_process_has_everything_at_once(embedded: Embedded) -> None:
    one = Duties("watch", "1", NAMES)
    assert mine(one) == []
    one.look(embedded.stream())
    assert mine(one) == list(NAMES)


def test_a_second_process_is_left_something_and_takes_over_when_the_first_is_silent(
    embedded: Embedded,
) -> None:
    stream = embedded.stream()
    one, two = (Duties("watch", name, NAMES, hold_s=0.4) for name in "12")
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
    until = time.monotonic() + 5
    while mine(two) != list(NAMES) and time.monotonic() < until:  # the first is dead now
        two.look(stream)
        time.sleep(0.02)
    assert mine(two) == list(NAMES)
    assert mine(one) == []  # even if it only slept
    one.look(stream)
    assert mine(one) == []


def test_the_same_process_started_again_goes_on_at_once(embedded: Embedded) -> None:
    Duties("watch", "1", NAMES).look(embedded.stream())
    again = Duties("watch", "1", NAMES)
    again.look(embedded.stream())
    assert mine(again) == list(NAMES)


def test_while_the_server_is_away_a_duty_is_kept_and_given_back_at_the_end(embedded: Embedded) -> None:
    one, stop = Duties("watch", "1", NAMES, hold_s=0.2), threading.Event()
    thread = threading.Thread(target=one.run, args=(embedded.url, stop))
    thread.start()
    wait(lambda: mine(one) == list(NAMES))
    embedded.kill()
    time.sleep(0.5)
    assert mine(one) == list(NAMES)
    embedded.start()
    time.sleep(0.3)
    assert mine(one) == list(NAMES)
    stop.set()
    thread.join()
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
    until = time.monotonic() + 5
    while not what():
        assert time.monotonic() < until
        time.sleep(0.01)
