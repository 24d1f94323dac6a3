"""Two gates that together would put the reach between them over its banks do not both close."""

from __future__ import annotations

from dataclasses import replace

import pytest

from geodata.places import Park
from tests.twin.parks import tiny_park
from twin.interlock import LEAST_H, Interlock


@pytest.fixture(scope="module")
def wet() -> Park:
    """The tiny park on a wet day: 3 m3/s more enter between its gates, and leave by the sea gate."""
    park = tiny_park()
    nodes = park.nodes.assign(inflow_m3s=park.nodes["inflow_m3s"].mask(park.nodes["id"] == "C4", 3.0))
    flow = park.links["flow_m3s"].mask(park.links["id"] == "LC4", -4.26).mask(park.links["id"] == "LG2", 4.26)
    return replace(park, nodes=nodes, links=park.links.assign(flow_m3s=flow))


def test_either_gate_may_close_alone_but_not_both(wet: Park) -> None:
    lock = Interlock(wet)
    assert lock.forbids("G01", []) is None
    assert lock.forbids("G02", []) is None
    for gate, other in (("G01", "G02"), ("G02", "G01")):
        said = lock.forbids(gate, [other])
        assert said is not None
        assert other in said.en
        assert "互锁" in said.zh


def test_a_gate_that_stands_closed_already_is_no_reason_against_itself(wet: Park) -> None:
    assert Interlock(wet).forbids("G01", ["G01"]) is None


def test_in_dry_weather_both_may_close() -> None:
    lock = Interlock(tiny_park())
    hours = lock._hours(["G01", "G02"])
    assert hours is None or hours >= LEAST_H
    assert lock.forbids("G02", ["G01"]) is None


def test_an_unknown_gate_is_an_error(wet: Park) -> None:
    with pytest.raises(KeyError, match="G99"):
        Interlock(wet).forbids("G99", [])
