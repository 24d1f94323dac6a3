"""Results of samples: what is refused, in words, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from geodata.network import Network
from tests.twin.parks import tiny_park
from twin import lab

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
GOOD = lab.Typed("B-1", "N2", NOW - timedelta(minutes=20), "w01018", 240.0, "Wang")


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.from_park(tiny_park())


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        (replace(GOOD, barcode=""), "barcode"),
        (replace(GOOD, barcode="x" * 50), "too long"),
        (replace(GOOD, node="nowhere"), "nowhere"),
        (replace(GOOD, factor="w99999"), "w99999"),
        (replace(GOOD, value=float("nan")), "number"),
        (replace(GOOD, value=-1.0), "number"),
        (replace(GOOD, person=""), "took"),
        (replace(GOOD, at=NOW + timedelta(minutes=1)), "future"),
        (replace(GOOD, at=NOW - timedelta(days=4)), "three days"),
    ],
)
def test_what_is_wrong_is_said(network: Network, typed: lab.Typed, word: str) -> None:
    said = lab.wrong(typed, network, NOW)
    assert said is not None
    assert word in said.en
    assert said.zh


def test_what_is_right_is_taken(network: Network) -> None:
    assert lab.wrong(GOOD, network, NOW) is None
