"""Stream and history of a moment: what was written down then, and no way to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.embedded import Embedded
from tests.twin.parks import real_time, tiny_park
from twin.blocks import encode
from twin.clock import ClockState, as_datetime, park_ms
from twin.errors import RefusedError
from twin.history.reader import History
from twin.model import GateState, from_json
from twin.past import HistoryThen, StreamThen

PARK = tiny_park()
T0 = 1_795_305_600_000
STANDS = ClockState(False, "", 0.0, T0, 0)


def test_a_clock_that_stands_tells_its_moment_also_where_there_is_no_drill() -> None:
    assert park_ms(STANDS, T0 + 999_999) == T0


def test_the_stream_tells_clock_and_gates_and_nothing_else() -> None:
    gates = [GateState("G01", 0.5, True, False, as_datetime(T0))]
    then = StreamThen(STANDS, gates)
    assert then.clock() == STANDS
    assert from_json(then.get("gates") or b"", list[GateState]) == gates
    assert then.get("stations") is None
    assert (then.told("gateway"), then.length("events")) == ({}, 0)
    assert then.last("events") == then.since("events") == []
    then.close()


def test_the_stream_of_a_moment_takes_nothing() -> None:
    then = StreamThen(STANDS, [])
    for write in (
        lambda: then.append("commands", b"{}"),
        lambda: then.put("gates", b"[]"),
        lambda: then.tell("a", "b", b"c"),
        lambda: then.put_clock(STANDS),
        lambda: then.hold("a", "b", 1),
    ):
        with pytest.raises(RefusedError, match="replay"):
            write()


def test_the_history_ends_at_the_moment(embedded: Embedded, tmp_path: Path) -> None:
    stream = embedded.stream()
    for n in range(10):
        stream.append("readings", encode(real_time(PARK, "S02", T0 + n * 60_000, {"w01018": float(n)})))
    now = History(tmp_path / "history", stream)
    then = HistoryThen(now, T0 + 300_000)
    mn = PARK.station("S02").mn
    whole = then.series(mn, "w01018", T0, T0 + 999_999_999)
    assert whole.value.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert then.latest(T0 + 999_999_999, 10**9).curve(mn, "w01018").value.tolist() == [5.0]
    assert len(then.versions(mn, "w01018", T0, T0 + 10**9).at_ms) == 6
    assert then.raw_frames(mn, T0 + 301_000, T0 + 10**9) == []
    assert then.span() is None
    then.close()
    assert len(now.series(mn, "w01018", T0, T0 + 10**9).at_ms) == 10
    now.close()
