"""Gates cut the plume: what passed before they shut goes on, what comes after stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.network import Network
from geodata.words import Text
from layers.incidents import fronts
from layers.plume import _lags, let_through
from tests.twin.parks import tiny_park
from twin.model import Arrival, Incident, IncidentState, Level, PlanSet

PARK = tiny_park()
NET = Network.from_park(PARK)
AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
PATH = ("LC2", "LG1", "LC4", "LG2")
INCIDENT = Incident(
    "EV-1", AT, IncidentState.OPEN, Level.CRITICAL, Text("测", "t"), ("S02",), ("w01018",), (), AT
)


def _planset(minutes: float) -> PlanSet:
    at = AT + timedelta(minutes=minutes)
    arrival = Arrival("G02", at - timedelta(minutes=5), at, at + timedelta(minutes=9), 1.0)
    return PlanSet("EV-1", AT, (), (arrival,), PATH, PARK.version)


def _shut(**minutes: float) -> dict[str, datetime]:
    return {gate: AT + timedelta(minutes=n) for gate, n in minutes.items()}


def test_links_before_a_gate_are_not_cut_and_all_behind_it_are() -> None:
    found = let_through(PARK, NET, INCIDENT, _planset(30.0), {"A": _shut(G01=20.0), "B": _shut(G02=20.0)})
    assert {link for link, of in found.items() if "A" in of} == {"LG1", "LC4", "LG2"}
    assert {of["A"] for of in found.values()} == {1_200_000}  # the station stands at the gate
    assert {link: of["B"] for link, of in found.items() if "B" in of} == {"LG2": -600_000}


def test_the_earlier_of_two_gates_in_a_row_decides() -> None:
    both = {"A": _shut(G01=90.0, G02=20.0), "B": _shut(G01=20.0, G02=900.0), "none": _shut()}
    found = let_through(PARK, NET, INCIDENT, _planset(30.0), both)
    assert found["LC4"]["A"] == 5_400_000  # an hour and a half of it passes G01 ...
    assert found["LG2"]["A"] == -600_000  # ... and nothing of its middle G02
    assert found["LG2"]["B"] == found["LC4"]["B"] == 1_200_000
    assert all("none" not in of for of in found.values())


def test_a_gate_that_is_no_gate_of_this_water_cuts_nothing() -> None:
    assert let_through(PARK, NET, INCIDENT, _planset(30.0), {"A": _shut(G99=1.0)}) == {}


def test_fronts_say_which_link_they_are() -> None:
    drawn = fronts(PARK, NET, INCIDENT, None, _planset(30.0))
    assert {f["properties"]["link"] for f in drawn} <= set(PATH)
    assert drawn


@given(st.lists(st.floats(-1e5, 1e5), min_size=2, max_size=2))
def test_of_two_ways_round_the_more_open_one_counts(shut: list[float]) -> None:
    """A diamond: 0 -> 1 -> 3 and 0 -> 2 -> 3 -> 4, a gate in either arm."""

    class Diamond:
        tail = np.array([0, 1, 0, 2, 3])
        head = np.array([1, 3, 2, 3, 4])

    passes = np.array([0.0, 60.0, 90.0, 200.0, 300.0])
    lags = _lags(Diamond(), range(5), passes, {0: shut[0], 2: shut[1]})  # type: ignore[arg-type]
    assert lags[4] == pytest.approx(max(shut))
    assert _lags(Diamond(), range(5), passes, {0: shut[0]})[4] == np.inf  # type: ignore[arg-type]
