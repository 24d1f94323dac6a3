"""Moments in every way machines and tables write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.ingest.hj212.times import qn, stamp
from twin.ingest.moments import FIRST_MS, LAST_MS, moment_ms

AT = 1_795_305_900_000


@pytest.mark.parametrize(
    "written",
    [
        AT,
        AT / 1000,
        str(AT),
        str(AT // 1000),
        "20261122080500",
        "20261122080500000",
        "2026-11-22T08:05:00+08:00",
        "2026-11-22T00:05:00Z",
        "2026-11-22 08:05:00",
        "2026/11/22 8:05",
        "2026.11.22 8:05:00",
        "2026年11月22日 8时05分",
        datetime(2026, 11, 22, 0, 5, tzinfo=UTC),
        datetime(2026, 11, 22, 8, 5),  # noqa: DTZ001 - a table's moment, without a zone
    ],
)
def test_one_moment_in_many_forms(written: object) -> None:
    assert moment_ms(written) == AT


def test_a_day_may_end_at_24() -> None:
    assert moment_ms("2026/11/21 24:00") == moment_ms("2026-11-22 00:00:00")


@pytest.mark.parametrize(
    "written",
    ["", "yesterday", "0", 0, 1, True, None, "20261322080500", "2026-02-30", "24:30", "2026/11/21 24:10",
     float("nan"), float("inf"), -AT, "1999-12-31", 10**18, "²026-11-22"],
)  # fmt: skip
def test_what_is_no_moment(written: object) -> None:
    assert moment_ms(written) is None


@given(st.integers(FIRST_MS, LAST_MS - 1))
def test_what_we_write_we_read(at_ms: int) -> None:
    assert moment_ms(at_ms) == at_ms
    assert moment_ms(qn(at_ms)) == at_ms
    assert moment_ms(stamp(at_ms)) == at_ms // 1000 * 1000


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_none(text: str) -> None:
    found = moment_ms(text)
    assert found is None or FIRST_MS <= found < LAST_MS
