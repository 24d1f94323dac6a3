"""Units: plain multiples are turned, everything else is left to a person."""

from __future__ import annotations

import pytest

from twin.ingest.units import folded, multiple


@pytest.mark.parametrize(
    ("unit", "code", "expected"),
    [
        ("mg/L", "w01018", 1.0),
        ("μg/L", "w01018", 1e-3),
        ("ug/l", "w01018", 1e-3),
        ("g/m³", "w01018", 1.0),
        ("", "w01018", 1.0),
        ("mS/cm", "w01014", 1000.0),
        ("m3/h", "w00000", 1000 / 3600),
        ("m³/s", "w00000", 1000.0),
        ("°C", "w01010", 1.0),
        ("anything", "x99999", 1.0),  # nobody knows the factor: its unit is what is sent
    ],
)
def test_what_is_a_plain_multiple_is_turned(unit: str, code: str, expected: float) -> None:
    assert multiple(unit, code) == pytest.approx(expected)


@pytest.mark.parametrize(("unit", "code"), [("K", "w01010"), ("mg/L", "w00000"), ("%", "w01018")])
def test_what_is_not_is_refused(unit: str, code: str) -> None:
    assert multiple(unit, code) is None


def test_the_ways_to_write_a_unit_are_one() -> None:
    assert len({folded(u) for u in ("µS/cm", "μS/cm", "uS/CM", "US / cm")}) == 1
