"""The drill's clock never goes back, begins at the scenario's hour, and slows down when nature is behind."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from twin.clock import as_ms, park_ms
from twin.ingest.hj212.times import stamp
from twin.simulate.scenarios import KINDS, kind_of
from twin.simulate.world import DrillClock, begin_ms, bounded, step_ms

NIGHT = kind_of("night-discharge")


def test_a_drill_begins_at_its_hour_of_the_last_day_it_was() -> None:
    evening = as_ms(datetime(2026, 11, 22, 14, 0, tzinfo=UTC))  # 22:00 local
    after_midnight = as_ms(datetime(2026, 11, 21, 17, 0, tzinfo=UTC))  # 01:00 local
    assert stamp(begin_ms(NIGHT, 0, evening)) == "20261122015000"
    assert stamp(begin_ms(NIGHT, 0, after_midnight)) == "20261121015000"


@given(st.integers(0, 4 * 10**12), st.integers(0, 4 * 10**12), st.sampled_from(KINDS))
def test_a_drill_begins_later_than_everything_known(after: int, now: int, kind: object) -> None:
    begin = begin_ms(kind, after, now)  # type: ignore[arg-type]
    assert begin > after
    assert begin <= max(now, after + 86_400_000)
    assert stamp(begin)[8:12] == f"{kind.start:%H%M}"  # type: ignore[attr-defined]


@given(st.lists(st.one_of(st.floats(0, 600), st.tuples(st.just("behind"), st.floats(0, 10))), max_size=20))
def test_park_time_never_goes_back(acts: list[float | tuple[str, float]]) -> None:
    clock = DrillClock(wanted=100.0)
    clock.at("night-discharge", 10**12)
    last = clock.now_ms()
    for act in acts:
        if isinstance(act, tuple):
            clock.steer(act[1])
        else:
            clock.run(act)
        now = clock.now_ms()
        assert now >= last
        last = now
    assert park_ms(clock.state, clock.state.wall_ms) <= clock.now_ms()


def test_the_clock_waits_for_nature_and_catches_up_again() -> None:
    clock = DrillClock(wanted=100.0)
    clock.at("x", 10**12)
    clock.run(100.0)
    assert clock.steer(5.0)
    assert clock.state.speed == 50.0
    assert not clock.steer(1.0)
    for _ in range(10):
        clock.steer(0.0)
    assert clock.state.speed == 100.0
    clock.run(0.0)
    assert not clock.steer(0.0)
    assert clock.state.speed == 0.0


def test_speed_has_bounds_and_looks_stay_few() -> None:
    assert [bounded(s) for s in (0.0, 1.0, 77.0, 9999.0)] == [1.0, 1.0, 77.0, 600.0]
    for speed in (1, 20, 40, 41, 120, 300, 301, 600):
        assert speed / (step_ms(speed) / 1000) <= 10
        assert step_ms(speed) <= 60_000
