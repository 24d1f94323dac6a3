"""Ways, what drains where, and how the water runs with gates as they stand, on the park known by heart."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import box

from geodata import park as park_file
from geodata.network import Network
from geodata.places import Park
from geodata.profile import profile
from tests.twin.parks import tiny_park
from twin import park_query, park_trace
from twin.errors import ConfigError, MissingError
from twin.park_now import network_now, positions, present
from twin.query import barred, drained, way


@pytest.fixture(scope="module")
def park() -> Park:
    park = tiny_park()
    links = park.links.copy()
    links.loc[links["id"] == "LC2", "direction_source"] = "assumed"
    parcels = gpd.GeoDataFrame(
        {"kind": "let", "enterprise": ["E01", "E02", "E02", ""]},
        geometry=[box(0, 0, 100, 100), box(0, 0, 200, 100), box(0, 0, 100, 50), box(0, 0, 9, 9)],
        crs=park.crs,
    )
    made = replace(park, links=links, scenery={"parcel": parcels})
    return replace(made, version=park_file.content_hash(made)[:12])


@pytest.fixture(scope="module")
def network(park: Park) -> Network:
    return Network.from_park(park)


def test_a_way_runs_with_the_water_and_says_what_of_it_is_assumed(park: Park, network: Network) -> None:
    found = way(park, network, "E01-YS001", "R2")
    assert found is not None
    assert found.links == ("LN1", "LN2", "LN3", "LC2", "LG1", "LC4")
    assert found.nodes == ("N1", "N2", "N3", "C2", "C3", "C4", "C5")
    assert found.length_m == 300 + 300 + 400 + 600 + 10 + 900
    assert found.assumed == ("LC2",)
    steps = [network.travel_s[network.links[k]] for k in found.links]
    assert list(found.seconds) == pytest.approx([0.0, *np.cumsum(steps)])
    assert profile(park, network, found.links).nodes == found.nodes
    assert way(park, network, "R2", "E01-YS001") is None
    assert way(park, network, "E01-YS001", "R2", ["G01"]) is None
    assert way(park, network, "E01-YS001", "R2", ["S02"]) is None


def test_a_way_may_begin_and_end_with_links_and_with_all_outlets_of_a_firm(
    park: Park, network: Network
) -> None:
    found = way(park, network, "LN2", "G01")
    assert found is not None
    assert found.links == ("LN2", "LN3", "LC2", "LG1")
    assert (found.nodes[0], found.nodes[-1]) == ("N2", "C4")
    from_firm = way(park, network, "E02", "S02")  # its pipe crosses the canal just there
    assert from_firm is not None
    assert (from_firm.nodes, from_firm.links, from_firm.seconds) == (("C3",), (), (0.0,))
    same = way(park, network, "LN2", "LN2")
    assert same is not None
    assert (same.links, same.nodes) == (("LN2",), ("N2", "N3"))
    with pytest.raises(MissingError):
        way(park, network, "E01", "NOBODY")


def test_what_drains_to_a_station(park: Park, network: Network) -> None:
    found = drained(park, network, "S01")
    assert list(found.enterprises) == ["E02", "E01"]
    assert list(found.outlets) == ["E02-YS001", "E01-YS001"]
    assert found.area_ha == pytest.approx(1.0 + 2.0 + 0.5)
    assert found.length_m == 600
    assert found.flow_m3s == pytest.approx(0.06)
    # E02's pipe crosses the canal at S02: a leak would come in there, but E02 does not drain there by it.
    assert "E02-CX01" not in drained(park, network, "S02").outlets
    assert list(drained(park, network, "S01", ["LN1"]).enterprises) == ["E02"]
    assert math.isnan(drained(replace(park, scenery={}), network, "S01").area_ha)


def test_a_shut_gate_changes_how_the_canals_run(park: Park, network: Network) -> None:
    usual = present(park, network, {"G01": 0.99, "GATE OF ANOTHER PARK": 0.0})
    assert usual.travel_s is network.travel_s
    shut = present(park, network, {"G01": 0.0})
    k = shut.gates["G01"]
    assert not shut.open[k]
    above = shut.links["LC2"]
    assert shut.flow_m3s[above] < network.flow_m3s[network.links["LC2"]]
    assert shut.travel_s[above] > network.travel_s[network.links["LC2"]]
    assert set(shut.upstream("C5").nodes.tolist()) == {"C4", "C5"}


def test_bars_shut_links_and_what_leaves_nodes(network: Network) -> None:
    assert barred(network, ["N2"]).downstream("N1").nodes.tolist() == ["N1", "N2"]
    assert not barred(network, ["G01"]).open[network.gates["G01"]]
    with pytest.raises(KeyError):
        barred(network, ["G99"])


@pytest.fixture(scope="module")
def file(park: Park, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("park") / "p.gpkg"
    park_file.write(park, path)
    return path


def test_the_commands_print_what_the_functions_say(
    park: Park, network: Network, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert park_query.path([str(file), "--from", "N1", "--to", "C3", "--json"], "en") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["links"] == ["LN1", "LN2", "LN3", "LC2"]
    assert printed["assumed_links"] == ["LC2"]
    assert printed["profile"]["chainage_m"] == [0.0, 300.0, 600.0, 1000.0, 1600.0]
    assert printed["profile"]["bottom_m"][0] == [2.6, 2.45]
    assert printed["version"] == park.version
    assert park_query.path([str(file), "--from", "N1", "--to", "C5", "--gate", "G01=0"], "en") == 1
    assert "no water runs from N1 to C5" in capsys.readouterr().err
    assert park_query.path([str(file), "--from", "N1", "--to", "C5"], "zh") == 0
    assert "N1 到 C5：2510 m" in capsys.readouterr().out
    assert park_query.drains([str(file), "--at", "S01", "--json"], "en") == 0
    assert list(json.loads(capsys.readouterr().out)["enterprises"]) == ["E02", "E01"]
    assert park_query.drains([str(file), "--at", "S01", "--barrier", "LN1"], "en") == 0
    assert capsys.readouterr().out.startswith("draining to S01: 1 enterprises, 2.5 ha of ground")
    words = [str(file), "--from", "C5", "--direction", "upstream", "--gate", "G01=0", "--json"]
    assert park_trace.main(words, "en") == 0
    assert json.loads(capsys.readouterr().out)["nodes"] == ["C5", "C4"]


def test_gates_on_the_command_line_are_checked(
    park: Park, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert positions(park, ["G01=0.5", "a=b=1"], "en") == {"G01": 0.5, "a=b": 1.0}
    for text in ("G01", "G01=2", "G01=nan", "=1", "G01=-0.1"):
        with pytest.raises(ConfigError, match="--gate"):
            positions(park, [text], "en")
    with pytest.raises(MissingError, match="G99"):
        network_now(park, file, ["G99=0"], "en")
    off = network_now(park, file, ["LP1=0"], "en")
    assert off.downstream("P1").nodes.tolist() == ["P1"]
    assert park_query.drains([str(file), "--at", "NO"], "en") == 2
    assert capsys.readouterr().err.count("\n") == 1
