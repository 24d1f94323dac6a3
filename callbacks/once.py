"""What is costly and the same for every reader: made once, by the first who asks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

T = TypeVar("T")
KEPT = 2  # now, and what one looks at who replays: an answer may hold a day of every reading


class Once:
    """A few answers by what they are about; those who ask for one that is being made wait for it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the answer for a key; what `make` raises is raised, and the next who asks tries again."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            found: T = self._kept[key]
            return found
