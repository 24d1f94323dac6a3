"""Indicators are counted by hand-checkable rules; what readings do not say is absent, never green."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from geodata.places import Enterprise, Station, StationKind
from geodata.words import Text
from twin import scorecard
from twin.clock import as_datetime, as_ms
from twin.curves import Curve
from twin.errors import ConfigError
from twin.history.columns import DAY_MS, ZONE_MS
from twin.limits import Limit, Limits
from twin.model import Anomaly, Kind, Level, Point
from twin.quality import rules
from twin.quality.point import MEANS, PointValues, values
from twin.scorecard import Indicator, Month

COD, FLOW = "w01018", "w00000"
NOW = datetime(2026, 11, 4, 2, 0, tzinfo=UTC)  # ten in the morning of the fourth, park time
START = scorecard.month_start(as_ms(NOW))
RULES = rules.load()
FIRM = Enterprise(
    id="E01",
    name=Text("甲", "A"),
    short=Text("甲", "A"),
    uscc="",
    trade=Text("农药", "pesticides"),
    permit_no="",
    permit_category="key",
    phone="",
    x=0.0,
    y=0.0,
    cod_permit_t=8.76,
    nh3n_permit_t=0.0,
)
STATION = Station(
    "S01", Text("一", "one"), StationKind.OUTLET, "mn1", "n1", (COD, FLOW), 60, "permit", "E01", 0.0, 0.0
)
LIMITS = Limits({("S01", COD): Limit(None, 500.0, "permit", True)}, {})


def _curve(value: float, days: tuple[float, float] = (0.0, 3.0), step_s: float = 600.0) -> Curve:
    at = np.arange(START + days[0] * DAY_MS, START + days[1] * DAY_MS, step_s * 1000).astype(np.int64)
    return Curve(at, np.full(len(at), value), np.full(len(at), ord("N"), np.uint8))


def _point(curve: Curve, code: str, flow: Curve | None) -> PointValues:
    return values(curve, flow, code, MEANS, 600.0, START, as_ms(NOW), RULES)


def _month(cod: Curve, flow: Curve, *anomalies: Anomaly, firm: Enterprise = FIRM) -> Month:
    found = {("S01", COD): _point(cod, COD, flow), ("S01", FLOW): _point(flow, FLOW, None)}
    return Month(firm, [STATION], found, anomalies, 2, NOW)


def _over(start_h: float, minutes: float | None, value: float = 1000.0) -> Anomaly:
    since = as_datetime(START) + timedelta(hours=start_h)
    until = None if minutes is None else since + timedelta(minutes=minutes)
    point = Point("S01", COD)
    return Anomaly(
        f"a{start_h}",
        point,
        Kind.EXCEEDANCE,
        "limit",
        since,
        value,
        500.0,
        Level.ALARM,
        1.0,
        Text("", ""),
        until,
    )


def test_the_month_begins_at_the_parks_own_midnight() -> None:
    assert as_datetime(START).astimezone().timestamp() == datetime(2026, 10, 31, 16, tzinfo=UTC).timestamp()
    assert scorecard.month_start(START) == START
    assert scorecard.month_start(START - 1) < START


def test_a_load_is_against_the_permit_for_the_hours_that_are_valid() -> None:
    # 8.76 t a year is 1 kg an hour, and so is 100 mg/L in 2.7778 L/s.
    full = scorecard.score(_month(_curve(100.0), _curve(1000 / 360)), LIMITS, RULES)["cod_load"]
    assert full.value == pytest.approx(100.0, rel=1e-6)
    half = _month(_curve(50.0, (0.0, 2.0)), _curve(1000 / 360))
    short = scorecard.score(half, LIMITS, RULES)["cod_load"]
    assert short.value == pytest.approx(50.0, rel=1e-6)
    assert short.point == ("S01", COD)


def test_what_is_put_in_place_of_missing_days_is_told_apart() -> None:
    cod = _curve(100.0, (0.0, 2.0))
    found = scorecard.score(_month(cod, _curve(1000 / 360)), LIMITS, RULES)["cod_load"]
    assert found.note is not None
    assert "缺测另补 24.0 kg" in found.note.zh
    assert found.value == pytest.approx(100.0, rel=1e-6)


def test_rates_of_days_within_limits() -> None:
    found = scorecard.score(_month(_curve(600.0), _curve(2.0)), LIMITS, RULES)
    assert found["contract_rate"].value == 0.0
    assert "standard_rate" not in found, "nothing is judged by a standard here"
    assert found["transmission"].value is not None
    assert "nh3n_load" not in found
    assert "pool" not in found


def test_exceedances_tell_how_long_and_how_far() -> None:
    month = _month(_curve(100.0), _curve(2.0), _over(1, 30, 1500.0), _over(30, None))
    found = scorecard.score(month, LIMITS, RULES)
    assert found["exceedances"].value == 2.0
    assert found["exceedances"].note is not None
    assert "3.0 倍" in found["exceedances"].note.zh
    assert found["handling"].value == 30.0
    quiet = scorecard.score(_month(_curve(100.0), _curve(2.0)), LIMITS, RULES)
    assert quiet["exceedances"].value == 0.0
    assert "handling" not in quiet


def test_what_nobody_watched_is_not_called_good() -> None:
    at = np.arange(START, START + 3 * DAY_MS, 600_000, dtype=np.int64)
    slots = (("08:00", "12:00"),)
    flow = np.zeros(len(at))
    hole = (at > START + 14 * 3_600_000) & (at < START + 20 * 3_600_000)
    assert scorecard.slots_kept(at[~hole], flow[~hole], slots, 0.0).tolist() == [True]
    assert scorecard.slots_kept(at, np.where(hole, np.nan, flow), slots, 0.0).tolist() == [True]
    assert not len(scorecard.slots_kept(at, np.full(len(at), np.nan), slots, 0.0))
    silent = Month(FIRM, [STATION], {}, [], 0, NOW)
    assert "exceedances" not in scorecard.score(silent, LIMITS, RULES)


def test_nothing_watched_is_nothing_counted() -> None:
    assert scorecard.score(Month(FIRM, [], {}, [], 0, NOW), LIMITS, RULES) == {}


def test_a_slot_is_kept_where_nothing_runs_after_it() -> None:
    at = np.arange(START, START + 3 * DAY_MS, 600_000, dtype=np.int64)
    hour = (at + ZONE_MS) % DAY_MS / 3_600_000
    flow = np.where((hour >= 8) & (hour < 12), 5.0, 0.0)
    slots = (("08:00", "12:00"),)
    # The slots of the first and second day are watched until the next one; that of the third is not over.
    assert scorecard.slots_kept(at, flow, slots, 0.0).tolist() == [True, True]
    flow[(at >= START + DAY_MS + 20 * 3_600_000) & (at < START + DAY_MS + 21 * 3_600_000)] = 4.0
    assert scorecard.slots_kept(at, flow, slots, 0.0).tolist() == [True, False]
    firm = replace(FIRM, slots=slots)
    kept = scorecard.score(
        _month(_curve(100.0), Curve(at, flow, np.full(len(at), ord("N"), np.uint8)), firm=firm), LIMITS, RULES
    )["slots"]
    assert kept.value == 50.0


def test_a_slot_may_end_after_midnight() -> None:
    at = np.arange(START, START + 3 * DAY_MS, 600_000, dtype=np.int64)
    hour = (at + ZONE_MS) % DAY_MS / 3_600_000
    night = (hour >= 22) | (hour < 2)
    assert scorecard.slots_kept(at, np.where(night, 5.0, 0.0), (("22:00", "02:00"),), 0.0).all()
    assert not scorecard.slots_kept(at, np.full(len(at), 1.0), (("22:00", "02:00"),), 0.0).any()
    assert len(scorecard.slots_kept(at[:0], np.empty(0), (("22:00", "02:00"),), 0.0)) == 0


def test_a_day_is_as_bad_as_its_worst_mean_and_opens_to_it() -> None:
    month = _month(_curve(600.0, (1.0, 2.0)), _curve(2.0), _over(49, 10))
    squares = scorecard.calendar(month, LIMITS)
    assert [s.level for s in squares] == [Level.OFFLINE, Level.ALARM, Level.WARNING, Level.OFFLINE]
    assert squares[1].point == ("S01", COD)
    assert squares[0].point is None
    fine = scorecard.calendar(_month(_curve(100.0), _curve(2.0)), LIMITS)
    assert [s.level for s in fine] == [Level.NORMAL] * 3 + [Level.OFFLINE]


def test_levels_follow_the_file_and_no_value_is_never_green() -> None:
    by_key = {it.key: it for it in scorecard.load()}
    load, sent = by_key["cod_load"], by_key["transmission"]
    assert [load.level(v) for v in (80.0, 80.1, 100.1)] == [Level.NORMAL, Level.WARNING, Level.ALARM]
    assert [sent.level(v) for v in (95.0, 94.9, 89.9)] == [Level.NORMAL, Level.WARNING, Level.ALARM]
    assert by_key["intake"].level(3.0) is Level.OFFLINE, "nobody has said what is good"
    assert all(it.level(None) is Level.OFFLINE for it in by_key.values())
    assert all(it.needs.zh and it.needs.en for it in by_key.values())


def test_rank_is_among_those_that_have_a_value() -> None:
    by_key = {it.key: it for it in scorecard.load()}
    place = scorecard.standing(by_key["cod_load"], 50.0, [50.0, 40.0, None, 90.0])
    assert place is not None
    assert (place.rank, place.of, place.middle) == (2, 3, 50.0)
    place = scorecard.standing(by_key["transmission"], 99.0, [99.0, 99.0, 98.0])
    assert place is not None
    assert place.rank == 1
    assert scorecard.standing(by_key["cod_load"], None, [1.0, 2.0]) is None
    assert scorecard.standing(by_key["cod_load"], 1.0, [1.0]) is None


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ('period = "month"', 'period = "week"', "cod_load"),
        ("fair = 100.0", "fair = 10.0", "cod_load"),
        ('unit = "%"', "", "unit"),
        ("[nh3n_load]", "[nh3n_load", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, old: str, new: str, wrong: str) -> None:
    text = resources.files("twin").joinpath("data", "indicators.toml").read_text("utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigError, match=wrong) as error:
        scorecard.load(path)
    assert "mine.toml" in str(error.value)


def test_a_level_needs_both_bounds() -> None:
    it = Indicator("k", Text("", ""), Text("", ""), "%", "now", 1.0, None, True, Text("", ""))
    assert it.level(0.0) is Level.OFFLINE
