"""The profile along a way, on the demo park: chainage, levels and times that follow each other."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from geodata.network import Network
from geodata.places import Park
from geodata.profile import profile
from tests.geodata.parks import demo_park


@cache
def demo() -> tuple[Park, Network]:
    park = demo_park()
    return park, Network.from_park(park)


def test_a_channel_falls_along_its_profile() -> None:
    park, network = demo()
    way = network.path("YQ01-00", "YQ01-23")
    found = profile(park, network, way)
    assert found.nodes[:2] == ("YQ01-00", "YQ01-01")
    assert found.nodes[-1] == "YQ01-23"
    assert found.chainage_m[-1] == pytest.approx(park.links.set_index("id").loc[list(way), "length_m"].sum())
    assert (np.diff(found.chainage_m) > 0).all()
    assert (found.bottom_m[:, 0] > found.bottom_m[:, 1]).all()
    assert found.bottom_m[1:, 0] == pytest.approx(found.bottom_m[:-1, 1])
    assert (found.water_m > found.bottom_m).all()
    assert (found.top_m > found.water_m).all()
    assert (found.ground_m > found.node_bottom_m).all()
    reached = network.downstream("YQ01-00")
    at_end = dict(zip(reached.nodes.tolist(), reached.travel_s.tolist(), strict=True))["YQ01-23"]
    assert found.travel_s[-1] == pytest.approx(at_end)


def test_the_mouth_of_a_channel_stands_above_the_canal() -> None:
    park, network = demo()
    found = profile(park, network, ["YQ01-24"])
    offset = park.links.set_index("id").loc["YQ01-24", "offset_out_m"]
    assert found.bottom_m[0, 1] - found.node_bottom_m[1] == pytest.approx(offset)


def test_a_link_passed_backwards_is_entered_at_its_end() -> None:
    park, network = demo()
    back = network.with_flow(-network.flow_m3s)
    there, here = profile(park, network, ["YQ01-24"]), profile(park, back, ["YQ01-24"])
    assert here.nodes == there.nodes[::-1]
    assert here.bottom_m[0].tolist() == there.bottom_m[0, ::-1].tolist()


def test_links_that_do_not_meet_have_no_profile() -> None:
    park, network = demo()
    with pytest.raises(ValueError, match="YQ01-01 and YQ01-05 do not meet"):
        profile(park, network, ["YQ01-01", "YQ01-05"])
    with pytest.raises(ValueError, match="at least one"):
        profile(park, network, [])
    with pytest.raises(KeyError):
        profile(park, network, ["nothing"])
