"""How gates stood is written down when one moves and now and then, and believed for a while only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from twin.errors import UnavailableError
from twin.gate_log import BELIEVED, EVERY, GateLog, gates_at
from twin.model import GateState

T0 = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
G1, G2 = GateState("G1", 1.0, False, False, T0), GateState("G2", 0.0, False, False, T0)
S = timedelta(seconds=1)


class Book:
    """Keeps rows in order; may be away."""

    def __init__(self) -> None:
        self.rows: list[tuple[datetime, tuple[GateState, ...]]] = []
        self.away = False

    def put_gates(self, gates: Sequence[GateState], at: datetime) -> None:
        if self.away:
            raise UnavailableError("away")
        self.rows.append((at, tuple(gates)))

    def gates(self, at: datetime, since: datetime) -> list[GateState]:
        return [g for t, row in self.rows if since <= t <= at for g in row]


def test_what_stands_still_is_written_now_and_then() -> None:
    log = GateLog(book := Book())
    wrote = [log.take((G1, G2), T0 + n * timedelta(minutes=1)) for n in range(25)]
    assert [n for n, done in enumerate(wrote) if done] == [0, 10, 20]
    assert len(book.rows) == 3


@pytest.mark.parametrize(
    "change",
    [{"position": 0.9}, {"moving": True}, {"failed": True}, {"position": None}],
    ids=["moved", "moving", "failed", "lost"],
)
def test_a_change_is_written_at_once(change: dict[str, object]) -> None:
    log = GateLog(Book())
    log.take((G1, G2), T0)
    assert log.take((replace(G1, **change), G2), T0 + S)  # type: ignore[arg-type]
    assert not log.take((replace(G1, **change), G2), T0 + 2 * S)  # type: ignore[arg-type]


def test_a_trembling_position_is_not_a_change_but_its_sum_is() -> None:
    log = GateLog(Book())
    log.take((G1,), T0)
    wrote = [log.take((replace(G1, position=1.0 - 0.006 * n),), T0 + n * S) for n in range(1, 8)]
    assert wrote == [False, False, False, True, False, False, False]


def test_a_clock_set_back_is_written_and_no_gates_are_not() -> None:
    log = GateLog(Book())
    assert not log.take((), T0)
    assert log.take((G1,), T0)
    assert log.take((G1,), T0 - 10 * EVERY)


def test_what_could_not_be_written_is_tried_again() -> None:
    log = GateLog(book := Book())
    book.away = True
    with pytest.raises(UnavailableError):
        log.take((G1,), T0)
    book.away = False
    assert log.take((G1,), T0 + S)


def test_a_row_is_believed_for_a_while() -> None:
    GateLog(book := Book()).take((G1,), T0)
    assert gates_at(book, T0 - S) == []
    assert gates_at(book, T0 + BELIEVED) == [replace(G1, at=T0 + BELIEVED)]
    assert gates_at(book, T0 + BELIEVED + S) == []
