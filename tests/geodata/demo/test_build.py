"""The demo park: built the same every time, whole, and as large as it says."""

import itertools
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import shapely

from geodata import crs
from geodata import park as park_file
from geodata.demo import frame, names
from geodata.demo.build import build
from geodata.places import DeviceKind, GateKind, LinkKind, OutletKind, Park, StationKind
from tests.geodata.parks import demo_park


@pytest.fixture(scope="module")
def park() -> Park:
    return build()


@pytest.fixture(scope="module")
def shipped() -> Park:
    return demo_park()


def test_building_again_gives_the_same(park: Park) -> None:
    assert park_file.content_hash(build()) == park_file.content_hash(park)


def test_shipped_file_is_what_the_script_builds(park: Park, shipped: Park) -> None:
    links = shipped.links.copy()
    links[list(park_file.FLOW_FIELD)] = 0.0
    assert park_file.content_hash(replace(shipped, links=links)) == park_file.content_hash(park)


def test_shipped_flow_field_is_filled(shipped: Park) -> None:
    assert (shipped.links["flow_m3s"].abs() > 0.004).mean() > 0.98


def test_counts(park: Park) -> None:
    assert len(park.enterprises) == 40
    outlets = Counter(o.kind for o in park.outlets)
    assert outlets[OutletKind.WASTEWATER] == 32
    assert outlets[OutletKind.RAIN] == 40
    assert len(park.gates) == 13
    assert {g.kind for g in park.gates} == set(GateKind)
    assert sum(g.kind is GateKind.SEA for g in park.gates) == 3
    stations = Counter(s.kind for s in park.stations)
    assert stations == {
        StationKind.OUTLET: 32,
        StationKind.CANAL: 20,
        StationKind.CHANNEL: 20,
        StationKind.WORKS: 4,
        StationKind.PUMP_STATION: 2,
    }
    devices = Counter(d.kind for d in park.devices)
    assert devices == {DeviceKind.RAIN_VALVE: 40, DeviceKind.PIPE_VALVE: 32, DeviceKind.PUMP: 32}
    assert {o for d in park.devices for o in d.outlets} == {o.id for o in park.outlets}
    units = [m.modbus_unit for m in park.movables]
    assert len(set(units)) == len(units)
    assert max(units) <= 247  # what Modbus can address
    assert len(park.receptors) >= 4
    assert next(p for p in park.pools if p.id == "P01").capacity_m3 == 120_000
    assert 500 <= len(park.links) <= 850


def test_area_is_about_61_km2() -> None:
    assert pytest.approx(61.06) == frame.WIDTH * frame.HEIGHT / 1e6


def test_it_lies_where_it_says(park: Park) -> None:
    lon, lat = crs.to_lonlat(park.nodes["x"], park.nodes["y"], park.crs)
    assert lon.min() > 120.7
    assert lon.max() < 121.0
    assert lat.min() > 33.1
    assert lat.max() < 33.3


def test_every_reference_is_kept(park: Park) -> None:
    nodes, links = set(park.nodes["id"]), set(park.links["id"])
    firms = {e.id for e in park.enterprises}
    assert len(nodes) == len(park.nodes)
    assert len(links) == len(park.links)
    assert set(park.links["from_node"]) | set(park.links["to_node"]) <= nodes
    assert {o.node for o in park.outlets} | {s.node for s in park.stations} <= nodes
    assert {r.node for r in park.receptors} | {f.node for f in park.facilities} <= nodes
    assert {o.enterprise for o in park.outlets} <= firms
    assert {s.enterprise for s in park.stations} - {None} <= firms
    assert {f.enterprise for f in park.fingerprints} == firms
    assert {g.link for g in park.gates} == set(park.links.loc[park.links["kind"] == LinkKind.GATE, "id"])
    assert set(park.links["enterprise"]) - {""} <= firms


def test_lines_start_and_end_at_their_nodes(park: Park) -> None:
    at = park.nodes.set_index("id")[["x", "y"]]
    for k in park.links.itertuples():
        first, last = k.geometry.coords[0], k.geometry.coords[-1]
        assert np.hypot(*(np.array(first) - at.loc[k.from_node])) < 0.05, k.id
        assert np.hypot(*(np.array(last) - at.loc[k.to_node])) < 0.05, k.id


def test_ids_of_equipment(park: Park) -> None:
    numbers = [s.mn for s in park.stations]
    assert len(set(numbers)) == 78
    assert all(re.fullmatch(r"[0-9A-F]{24}|[0-9A-Z]{14}", n) for n in numbers)
    assert sum(len(n) == 14 for n in numbers) == 3
    assert [g.modbus_unit for g in park.gates] == list(range(1, 14))


def test_credit_codes_carry_their_check_digit(park: Park) -> None:
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    for firm in park.enterprises:
        assert len(firm.uscc) == 18
        total = sum(alphabet.index(c) * pow(3, i, 31) for i, c in enumerate(firm.uscc[:17]))
        assert (total + alphabet.index(firm.uscc[17])) % 31 == 0


def test_one_pipe_per_enterprise(park: Park) -> None:
    owned = {k.enterprise for k in park.links.itertuples() if k.rack.startswith("trunk")} - {""}
    shared = {e.id for e in park.enterprises if e.slots}
    assert len(owned) == 27
    assert len(shared) == 5
    crossing = Counter(o.enterprise for o in park.outlets if o.kind is OutletKind.CROSSING)
    assert set(crossing) <= owned
    assert len(crossing) >= 20
    assert max(crossing.values()) <= 2


def test_slots_of_the_shared_pipe_do_not_overlap(park: Park) -> None:
    spans = sorted(s for e in park.enterprises for s in e.slots)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))


def test_channels_serve_several_enterprises(park: Park) -> None:
    users = Counter(o.node.split("-")[0] for o in park.outlets if o.kind is OutletKind.RAIN)
    assert len(users) >= 17
    assert users["YQ09"] == 3


def test_crossings_lie_on_the_water_they_name(park: Park) -> None:
    at = park.nodes.set_index("id")[["x", "y"]]
    for outlet in park.outlets:
        if outlet.kind is OutletKind.CROSSING:
            assert np.hypot(outlet.x - at.loc[outlet.node].x, outlet.y - at.loc[outlet.node].y) < 130, (
                outlet.id
            )


def test_raw_water_is_spread_by_trade(park: Park) -> None:
    assert len(park.fingerprints) == 40 * len(names.FACTORS)
    for factor in names.FACTORS:
        logs = np.log([f.value for f in park.fingerprints if f.factor == factor])
        assert 0.7 < logs.std() < 2.0, factor
    by = {(f.enterprise, f.factor): f.value for f in park.fingerprints}
    assert all(by[e.id, "w21001"] > by[e.id, "w21003"] for e in park.enterprises)


def test_drawn_shapes_are_valid(park: Park) -> None:
    for name, table in park.scenery.items():
        assert shapely.is_valid(table.geometry.to_numpy()).all(), name
        assert table.crs.to_string() == park.crs
