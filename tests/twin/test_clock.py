"""Park time follows wall time at the drill's speed."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from twin.clock import LIVE, ClockState, ParkClock, as_datetime, as_ms, park_ms


def test_live_time_is_wall_time() -> None:
    assert park_ms(LIVE, 1_000) == 1_000


@given(st.floats(1, 600), st.integers(0, 10**7))
def test_a_drill_runs_at_its_speed(speed: float, elapsed: int) -> None:
    state = ClockState(True, "night-discharge", speed, 5_000, 1_000)
    assert park_ms(state, 1_000 + elapsed) == 5_000 + round(elapsed * speed)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - the zone is put on below
def test_milliseconds_and_datetimes_agree(naive: datetime) -> None:
    at = naive.replace(microsecond=naive.microsecond // 1000 * 1000, tzinfo=UTC)
    assert as_datetime(as_ms(at)) == at


def test_the_clock_reads_its_state_each_time() -> None:
    states = iter([ClockState(True, "x", 1.0, 0, 0), LIVE])
    clock = ParkClock(lambda: next(states))
    assert clock.state.drill is True
    assert clock.state.drill is False
