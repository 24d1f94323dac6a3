"""Every limit in the right unit, from a row somebody checked, and none where the law has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from geodata.places import Park
from tests.twin.parks import tiny_park
from twin.errors import ConfigError
from twin.limits import Limit, Limits, strictest, table


def limits_of(limit_set: str, factors: tuple[str, ...] = ("w01018",)) -> Limits:
    park = tiny_park()
    station = replace(park.stations[0], limit_set=limit_set, factors=factors)
    return Limits.load(replace(park, stations=(station,)))


def test_canal_stations_take_the_surface_water_class() -> None:
    limits = Limits.load(tiny_park())
    cod = limits.of("S02", "w01018")
    assert cod is not None
    assert (cod.low, cod.high, cod.unit, cod.verified) == (None, 40.0, "mg/L", True)
    assert cod.standard == "GB 3838-2002 V"
    ph = limits.of("S02", "w01001")
    assert ph is not None
    assert (ph.low, ph.high) == (6.0, 9.0)


def test_conductivity_flow_and_temperature_have_no_limit() -> None:
    limits = Limits.load(tiny_park())
    assert [limits.of("S02", f) for f in ("w01014", "w00000", "w01010")] == [None] * 3
    assert limits.of("S99", "w01018") is None


def test_outlets_take_the_contract_which_is_never_shown_as_law() -> None:
    limits = Limits.load(tiny_park())
    bounds = {}
    for code in ("w01001", "w01018", "w21003", "w21001", "w21011"):
        limit = limits.of("S04", code)
        assert limit is not None
        assert "不是法定" in limit.source.zh
        assert "not a legal limit" in limit.source.en
        assert limit.title.say("en") == "Sewer contract"
        bounds[code] = (limit.low, limit.high)
    assert bounds == {
        "w01001": (6.0, 9.0),
        "w01018": (None, 500.0),
        "w21003": (None, 35.0),
        "w21001": (None, 70.0),
        "w21011": (None, 8.0),
    }


def test_lake_rows_do_not_judge_a_canal_unless_asked() -> None:
    plain = limits_of("GB 3838-2002/V", ("w21001", "w21011"))
    assert plain.of("S01", "w21001") is None  # total nitrogen: lakes and reservoirs only
    phosphorus = plain.of("S01", "w21011")
    assert phosphorus is not None
    assert phosphorus.high == 0.4
    lake = limits_of("GB 3838-2002/V/湖库", ("w21001", "w21011", "w01018"))
    assert [getattr(lake.of("S01", f), "high", None) for f in ("w21001", "w21011", "w01018")] == [
        2.0,
        0.2,
        40.0,
    ]


def test_of_several_rows_the_strictest_counts_and_says_under_which_condition() -> None:
    works = limits_of("GB 18918-2002/1A", ("w21003", "w21011"))
    ammonia, phosphorus = works.of("S01", "w21003"), works.of("S01", "w21011")
    assert ammonia is not None
    assert phosphorus is not None
    assert (ammonia.high, phosphorus.high) == (5.0, 0.5)
    assert ammonia.title.zh == "GB 18918-2002 一级A (水温>12℃)"
    assert ammonia.title.en == "GB 18918-2002 Grade 1A (water >12℃)"
    winter = limits_of("GB 18918-2002/一级A/水温≤12℃", ("w21003",)).of("S01", "w21003")
    assert winter is not None
    assert winter.high == 8.0


def test_limits_in_mg_are_turned_into_the_unit_the_factor_is_sent_in() -> None:
    limits = limits_of("GB 3838-2002/I", ("w20111", "w20115", "w20119", "w20122"))
    found = [limits.of("S01", f) for f in ("w20111", "w20115", "w20119", "w20122")]
    assert [(x.high, x.unit) for x in found if x] == [
        (0.05, "μg/L"),
        (1.0, "μg/L"),
        (50.0, "μg/L"),
        (0.01, "mg/L"),
    ]


def test_what_nobody_checked_or_nobody_can_compare_never_judges() -> None:
    sewer = limits_of("GB/T 31962-2015/B级", ("w01018", "w21003"))
    assert sewer.of("S01", "w01018") is None
    shown = sewer.unverified("S01", "w21003")
    assert shown is not None
    assert (shown.high, shown.verified) == (45.0, False)
    dye = limits_of(
        "GB 8978-1996/一级", ("w01002", "w25002")
    )  # dilution times against degrees; no unit known
    assert [dye.of("S01", f) for f in ("w01002", "w25002")] == [None, None]
    assert dye.unverified("S01", "w01002") is not None


def test_the_whole_table_is_loaded_and_unverified_rows_are_marked() -> None:
    rows = table()
    assert len(rows) == 503  # 543 less the 40 without a code
    marked = [r for r in rows if r.limit.source.zh.startswith("UNVERIFIED")]
    assert len(marked) == 94  # 103 less the 9 without a code
    assert not any(r.limit.verified for r in marked)
    assert all(r.limit.low is not None or r.limit.high is not None for r in rows)
    assert not any("一" <= letter <= "鿿" for r in rows for letter in r.limit.title.en)


def test_values_are_rounded_half_to_even_before_they_are_judged() -> None:
    limit = Limit(6.0, 9.0, "x", True)
    assert [limit.broken_by(v, 1) for v in (9.04, 9.06, 5.96, 5.94, 7.0)] == [False, True, False, True, False]
    assert Limit(None, 0.5, "x", True).broken_by(0.5, 2) is False
    assert Limit(2.0, None, "x", True).broken_by(1.9, 2) is True


def test_strictest_prefers_the_lowest_upper_bound_then_the_highest_lower_one() -> None:
    low, high = Limit(5.0, None, "a", True), Limit(7.5, None, "b", True)
    assert strictest([low, high]) is high
    assert strictest([Limit(None, 9.0, "a", True), Limit(None, 3.0, "b", True)]) == Limit(
        None, 3.0, "b", True
    )
    assert strictest([]) is None


def test_a_set_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match=r"S01.*'GB 3838-2002/VI'"):
        limits_of("GB 3838-2002/VI")
    assert limits_of("").of("S01", "w01018") is None


def test_a_park_brings_its_own_contracts(tmp_path: Path) -> None:
    park: Park = tiny_park()
    own = tmp_path / "limits.toml"
    head = '[permit]\ntitle={zh="合同",en="Contract"}\nsource={zh="号",en="No. 7"}\n[permit.limits]\n'
    own.write_text(head + 'w01018={high=300,unit="mg/L"}\n', "utf-8")
    limit = Limits.load(park, own).of("S04", "w01018")
    assert limit is not None
    assert (limit.high, limit.source.en) == (300.0, "No. 7")
    for wrong in (
        'w01018={high=300,unit="g/L"}\n',
        "w01018={high=300}\n",
        "w01018=[\n",
        'w01018={unit="mg/L",high="x"}\n',
    ):
        own.write_text(head + wrong, "utf-8")
        with pytest.raises(ConfigError, match=r"limits\.toml"):
            Limits.load(park, own)
    with pytest.raises(ConfigError, match="nowhere"):
        Limits.load(park, tmp_path / "nowhere.toml")
