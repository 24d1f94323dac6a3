"""A little of the two long benches of the demo park, with the real engine: who did it, what is one event."""

from __future__ import annotations

import pytest

from geodata.places import Park
from tests.bench import correlation, demo_trace, live_day
from tests.geodata.parks import demo_park
from twin.park_watch import Present

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def park() -> Park:
    return demo_park()


@pytest.fixture(autouse=True)
def fresh(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine run here, whatever was kept of it elsewhere."""
    monkeypatch.setattr(live_day, "CACHE", tmp_path_factory.getbasetemp() / "water")


def test_a_release_by_a_rain_outlet_is_seen_and_named(park: Park) -> None:
    score = demo_trace.play(park, Present.of(park), demo_trace.draw(park, 1, 0))
    assert score.two
    assert score.incidents == 1
    assert score.stations >= 2
    assert [look.leader for look in score.looks] == [score.enterprise] * len(demo_trace.LOOKS_S)


def test_two_releases_at_once_stay_two_and_a_fault_and_batches_are_none(park: Park) -> None:
    play = correlation.draw(park, 1, 2)
    assert len(play.releases) == 2
    assert play.batches >= 2
    score = correlation.play_day(park, Present.of(park), play)
    assert (score.incidents, score.matched, score.visible) == (2, 2, 2)
    assert score.strange == 0
    assert (score.called, score.accused) == (score.faults, 0)
