"""The park's clocks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from geodata import zone
from twin import config
from twin.errors import ConfigError
from twin.ingest.hj212.times import epoch_ms, stamp
from twin.ingest.moments import moment_ms
from twin.scorecard import month_start

AT = datetime(2026, 7, 1, 16, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def china() -> Iterator[None]:
    yield
    zone.live_in(zone.CHINA)


def test_where_nothing_is_said_it_is_china() -> None:
    assert zone.label(zone.here()) == "Asia/Shanghai"
    assert zone.local(AT).isoformat() == "2026-07-02T00:30:00+08:00"
    assert config.load({}).zone is zone.CHINA


def test_a_park_elsewhere_reads_and_writes_its_own_time_and_hj_212_its_own() -> None:
    zone.live_in(config.load({"TWIN_ZONE": "Europe/Berlin"}).zone)
    assert zone.label(zone.here()) == "Europe/Berlin"
    assert f"{zone.local(AT):%H:%M}" == "18:30"
    winter = datetime(2026, 12, 1, tzinfo=UTC)
    assert [zone.ahead_s(t.timestamp()) for t in (AT, winter)] == [7200.0, 3600.0]
    at_ms = round(AT.timestamp() * 1000)
    assert moment_ms("2026-07-01 18:30:00") == at_ms
    assert epoch_ms(stamp(at_ms)) == at_ms
    assert stamp(at_ms) == "20260702003000"


def test_a_month_begins_at_the_parks_own_midnight() -> None:
    now_ms = round(AT.timestamp() * 1000)
    assert month_start(now_ms) == round(datetime(2026, 6, 30, 16, tzinfo=UTC).timestamp() * 1000)
    zone.live_in(zone.named("America/New_York"))
    assert month_start(now_ms) == round(datetime(2026, 7, 1, 4, tzinfo=UTC).timestamp() * 1000)


def test_a_zone_of_no_place_is_refused() -> None:
    for name in ("Mars/Base", "../etc/passwd", "/etc/passwd"):
        with pytest.raises(ConfigError, match="TWIN_ZONE"):
            config.load({"TWIN_ZONE": name})
