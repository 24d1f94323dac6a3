"""The park at a moment gone by, for pages that know only the present: stream and history as they were then.

With `twin.records_past.RecordsThen` they are what a page asks. Whatever is later is not there, what was never
written down is not known, and nothing can be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.clock import ClockState
from twin.curves import Rows
from twin.history.reader import History, RawFrame
from twin.model import GateState, to_json
from twin.records_past import refuse
from twin.stream import Entry, Keys, Name, Stream


class StreamThen(Stream):
    """What the stream server said at a moment, as far as it was written down: park time and gates.

    Parameters
    ----------
    clock : ClockState
        Stands at the moment.

    Raises
    ------
    RefusedError
        From every method that writes.
    """

    def __init__(self, clock: ClockState, gates: Sequence[GateState]) -> None:
        self._clock, self._gates = clock, to_json(list(gates))
        self.keys = Keys()

    def close(self) -> None:
        """Nothing was opened."""

    def clock(self) -> ClockState:
        """Read park time's state: it stands."""
        return self._clock

    def get(self, name: str) -> bytes | None:
        """Read a piece of state; only how gates, valves and pumps stood was kept."""
        return self._gates if name in ("gates", "devices") else None

    def told(self, name: str) -> dict[str, bytes]:
        """What processes said of themselves was not kept."""
        return {}

    def since(self, name: Name, after: str | Sequence[str] = "0", count: int = 1000) -> list[Entry]:
        """Entries were not kept."""
        return []

    def last(self, name: Name, count: int = 1) -> list[Entry]:
        """Entries were not kept."""
        return []

    def length(self, name: Name) -> int:
        """Entries were not kept."""
        return 0

    def _keys(self, name: Name) -> list[str]:
        refuse()

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        refuse()


class HistoryThen(History):
    """Readings until a moment; later ones are not seen.

    A value that was received late counts at the moment it is for: what is shown is what was measured.
    """

    def __init__(self, now: History, at_ms: int) -> None:
        self._now, self._at_ms, self._known = now, at_ms, now._known

    def close(self) -> None:
        """Leave the query engine to the history it belongs to."""

    def raw_frames(self, mn: str | Sequence[str], from_ms: int, to_ms: int) -> list[RawFrame]:
        """Frames of a logger until then."""
        return self._now.raw_frames(mn, from_ms, min(to_ms, self._at_ms))

    def span(self) -> tuple[int, int] | None:
        """First and last moment until then."""
        held = self._now.span()
        return None if held is None or held[0] > self._at_ms else (held[0], min(held[1], self._at_ms))

    def _find(
        self,
        mn: str | Sequence[str] | None,
        factor: str | None,
        from_ms: int,
        to_ms: int,
        cn: str,
        stat: str | None,
        *,
        received: bool = False,
    ) -> tuple[Rows, NDArray[np.int64]]:
        until = min(to_ms, self._at_ms)
        return self._now._find(mn, factor, from_ms, until, cn, stat, received=received)
