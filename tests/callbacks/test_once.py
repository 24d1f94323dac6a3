"""One count for all who look."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from callbacks.once import KEPT, Once


def test_many_readers_one_count() -> None:
    once, made, go = Once(), [], Event()

    def make() -> int:
        go.wait(5)
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(once.get, "a minute", make) for _ in range(8)]
        go.set()
        assert [a.result() for a in asked] == [1] * 8
    assert once.get("the next", make) == 2


def test_a_failure_is_not_kept_and_only_a_few_answers_are() -> None:
    once = Once()
    with pytest.raises(ZeroDivisionError):
        once.get(0, lambda: 1 // 0)
    assert once.get(0, lambda: 7) == 7
    for n in range(1, KEPT + 1):
        once.get(n, lambda: None)
    assert once.get(0, lambda: 8) == 8
