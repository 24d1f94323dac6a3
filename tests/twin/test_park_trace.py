"""Traces by hand, from every kind of id, on a park small enough to know by heart."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path

import networkx as nx
import pytest

from geodata import park as park_file
from geodata.network import Network
from geodata.places import Park
from tests.twin.parks import tiny_park
from twin import park_trace
from twin.errors import MissingError
from twin.park_file import network_of, open_park

MODELS = Path(__file__).parents[1] / "data" / "networks"


@pytest.fixture(scope="module")
def park() -> Park:
    park = tiny_park()
    links = park.links.assign(capacity_m3s=0.0)
    links.loc[links["id"] == "LN2", "direction_source"] = "assumed"
    made = replace(park, links=links)
    return replace(made, version=park_file.content_hash(made)[:12])


@pytest.fixture(scope="module")
def network(park: Park) -> Network:
    return Network.from_park(park)


def up(park: Park, network: Network, start: str, *barriers: str) -> dict[str, object]:
    return park_trace.trace(park, network, start, "upstream", barriers)


def test_upstream_of_a_station_names_who_could_have_done_it(park: Park, network: Network) -> None:
    found = up(park, network, "S01")
    assert found["nodes"] == ["N3", "N2", "N1"]
    assert found["links"] == ["LN1", "LN2"]
    assert found["enterprises"] == ["E02", "E01"]
    assert found["assumed_links"] == ["LN2"]
    assert found["version"] == park.version
    assert list(found) == ["nodes", "links", "travel_s", "enterprises", "assumed_links", "version"]


def test_travel_times_are_those_of_the_stored_flow(park: Park, network: Network) -> None:
    found = up(park, network, "N3")
    k = network.links["LN2"]
    assert found["travel_s"] == {
        "N3": 0.0,
        "N2": pytest.approx(network.travel_s[k], abs=0.1),
        "N1": pytest.approx(network.travel_s[k] + network.travel_s[network.links["LN1"]], abs=0.1),
    }


def test_every_kind_of_id_is_a_start(park: Park, network: Network) -> None:
    assert up(park, network, "E01-YS001")["nodes"] == ["N1"]
    assert up(park, network, "LN2") == up(park, network, "N2") | {
        "links": ["LN2", "LN1"],
        "assumed_links": ["LN2"],
    }
    gate = park_trace.trace(park, network, "G01", "downstream")
    assert gate["links"][0] == "LG1"
    assert gate["nodes"][0] == "C4"
    assert "C3" in up(park, network, "G01")["nodes"]
    assert up(park, network, "R2") == up(park, network, "C5")
    firm = park_trace.trace(park, network, "E02", "downstream")
    assert {"P2", "N2", "C3"} <= set(firm["nodes"])
    assert firm["travel_s"]["C3"] == 0.0
    assert up(park, network, park.facilities[0].id)["nodes"][0] == park.facilities[0].node


def test_barriers_stop_the_walk(park: Park, network: Network) -> None:
    free = up(park, network, "S03")
    assert {"C1", "C4", "N1"} <= set(free["nodes"])
    barred = up(park, network, "S03", "G01")
    assert barred["nodes"] == ["C5", "C4"]
    assert barred["enterprises"] == ["E03"]
    at_station = up(park, network, "S03", "S02", "LN1")
    assert set(at_station["nodes"]) == {"C5", "C4", "C3"}


def test_an_unknown_id_is_answered_with_the_nearest(park: Park, network: Network) -> None:
    with pytest.raises(MissingError, match=r"id S0l; near to it are S0\d"):
        up(park, network, "S0l")
    with pytest.raises(MissingError, match=r"QQQQ$"):
        up(park, network, "QQQQ")
    with pytest.raises(MissingError, match="G1"):
        up(park, network, "S01", "G1")


def test_the_command_prints_one_json_object(
    park: Park, network: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "p.gpkg"
    park_file.write(park, path)
    words = [str(path), "--from", "S03", "--direction", "upstream", "--barrier", "G01", "--json"]
    assert park_trace.main(words, "zh") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == up(park, network, "S03", "G01")
    assert park_trace.main(words[:-1], "zh") == 0
    assert "S03 的上游:2 个节点" in capsys.readouterr().out


def test_a_wrong_file_or_id_is_one_sentence(
    tmp_path: Path, park: Park, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "p.gpkg"
    assert park_trace.main([str(path), "--from", "x", "--direction", "upstream"], "en") == 2
    assert capsys.readouterr().err == f"there is no file {path}\n"
    links = park.links.copy()
    links.loc[0, "to_node"] = "GONE"
    park_file.write(replace(park, links=links), path)
    assert park_trace.main([str(path), "--from", "N1", "--direction", "upstream"], "en") == 2
    assert "twin park check" in capsys.readouterr().err


def ways(file: Path) -> nx.DiGraph:
    """The model's links by a reader of its own: the second and third word of every line of their sections."""
    graph = nx.DiGraph()
    for name in ("CONDUITS", "PUMPS", "ORIFICES", "WEIRS", "PIPES", "VALVES"):
        body = re.search(rf"^\[{name}\]$(.*?)^\[", file.read_text("utf-8"), re.S | re.M)
        for line in body[1].splitlines() if body else []:
            if line.strip() and not line.strip().startswith(";"):
                graph.add_edge(*line.split()[1:3])
    return graph


@pytest.mark.parametrize("model", ["cid203", "infoswmm7", "user5", "ky10"])
def test_models_made_by_others_are_traced_as_networkx_does(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = MODELS / f"{model}.inp"
    graph, dice = ways(file), random.Random(model)
    park = open_park(file)
    network = network_of(park, file)
    nodes = sorted(graph.nodes)
    for a, b in (dice.sample(nodes, 2) for _ in range(50)):
        bars = [x for x in dice.sample(nodes, 3) if x != a]
        for direction, reached in (("upstream", nx.ancestors), ("downstream", nx.descendants)):
            found = park_trace.trace(park, network, a, direction)
            assert set(found["nodes"]) == {a, *reached(graph, a)}
            assert (b in found["travel_s"]) == (b in reached(graph, a))
            leaving = graph.in_edges if direction == "upstream" else graph.out_edges
            cut = nx.restricted_view(graph, [], list(leaving(bars)))
            assert set(park_trace.trace(park, network, a, direction, bars)["nodes"]) == {a, *reached(cut, a)}
    assert park_trace.main([str(file), "--from", a, "--direction", "upstream", "--json"], "en") == 0
    assert set(json.loads(capsys.readouterr().out)["nodes"]) == {a, *nx.ancestors(graph, a)}


def test_a_wrong_model_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "m.inp"
    file.write_text("[JUNCTIONS]\nA 1\n[CONDUITS]\nC A\n")
    assert park_trace.main([str(file), "--from", "A", "--direction", "upstream"], "en") == 2
    err = capsys.readouterr().err
    assert err.startswith(f"{file} cannot be read as a model: ")
    assert err.count("\n") == 1
