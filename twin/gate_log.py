"""How every gate stood when: written down when one moves, and now and then when none does.

A row holds all gates, so that one look tells the whole park. It is believed for a while only: where nobody
wrote, because the process was down or its clock stood elsewhere, a gate is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from twin.model import GateState

EVERY = timedelta(minutes=10)  # of park time, between rows while nothing moves
BELIEVED = timedelta(minutes=15)
STEP = 0.02  # share of its way after which a moving gate is written down again


class Book(Protocol):
    """Where rows are kept; `twin.records.Records` is one."""

    def put_gates(self, gates: Sequence[GateState], at: datetime) -> None: ...
    def gates(self, at: datetime, since: datetime) -> list[GateState]: ...


class GateLog:
    """Writes down how gates stand.

    Parameters
    ----------
    book : Book
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._kept: dict[str, GateState] = {}
        self._at: datetime | None = None

    def take(self, gates: Sequence[GateState], now: datetime) -> bool:
        """Look at the gates, and write a row where it is time to; True if one was written.

        Raises
        ------
        UnavailableError
            The records are away; the next look tries again.
        """
        due = self._at is None or not timedelta(0) <= now - self._at < EVERY
        if not gates or not (due or any(_moved(self._kept.get(g.gate), g) for g in gates)):
            return False
        self._book.put_gates(gates, now)
        self._kept, self._at = {g.gate: g for g in gates}, now
        return True


def gates_at(book: Book, at: datetime) -> list[GateState]:
    """Return how the gates stood at a moment; none where it was not written down.

    Raises
    ------
    UnavailableError
        The records are away.
    """
    return [replace(gate, at=at) for gate in book.gates(at, at - BELIEVED)]


def _moved(old: GateState | None, new: GateState) -> bool:
    if old is None or (old.moving, old.failed) != (new.moving, new.failed):
        return True
    if old.position is None or new.position is None:
        return old.position is not new.position
    return abs(old.position - new.position) >= STEP
