"""Traces by hand, from every kind of id, on a park small enough to know by heart."""

from __future__ import annotations

import json
import os
import random
import re
import warnings
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import networkx as nx
import pytest
from epanet import toolkit

from geodata import park as park_file
from geodata.framing import Settings
from geodata.intake import gather
from geodata.network import Network
from geodata.places import Park
from geodata.words import Text
from tests.twin.parks import tiny_park
from twin import park_trace
from twin.errors import MissingError
from twin.park_file import open_park

MODELS = Path(__file__).parents[1] / "data" / "networks"


@pytest.fixture(scope="module")
def park() -> Park:
    park = tiny_park()
    links = park.links.copy()
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
    assert "S03 的上游：2 个节点" in capsys.readouterr().out


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


def drawn(file: Path) -> dict[str, tuple[str, str]]:
    """The model's links by a reader of its own: the first three words of every line of their sections."""
    found = {}
    for name in ("CONDUITS", "PUMPS", "ORIFICES", "WEIRS", "PIPES", "VALVES"):
        body = re.search(rf"^\[{name}\]$(.*?)^\[", file.read_text("utf-8"), re.S | re.M)
        for line in body[1].splitlines() if body else []:
            if line.strip() and not line.strip().startswith(";"):
                key, a, b = line.split()[:3]
                found[key] = (a, b)
    return found


def epanet_says(file: Path) -> dict[str, float]:
    """Mean flow of every link over the second day, by EPANET itself, hour by hour."""
    project = toolkit.createproject()
    toolkit.open(project, str(file), os.devnull, "")
    toolkit.settimeparam(project, toolkit.DURATION, 48 * 3600)
    toolkit.settimeparam(project, toolkit.HYDSTEP, 900)
    links = range(1, toolkit.getcount(project, toolkit.LINKCOUNT) + 1)
    mean = dict.fromkeys((toolkit.getlinkid(project, k) for k in links), 0.0)
    toolkit.openH(project)
    toolkit.initH(project, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while (now := toolkit.runH(project)) < 48 * 3600:
            flows = [toolkit.getlinkvalue(project, k, toolkit.FLOW) for k in links]
            stood = toolkit.nextH(project)
            if now >= 24 * 3600:
                mean = {k: q + stood * f for (k, q), f in zip(mean.items(), flows, strict=True)}
    toolkit.close(project)
    toolkit.deleteproject(project)
    return {k: q / 86400 for k, q in mean.items()}


def agree_with_networkx(park: Park, graph: nx.MultiDiGraph, seed: str) -> None:
    """On 50 random pairs, free and with barriers, reached is what networkx reaches."""
    dice, network = random.Random(seed), Network.from_park(park)
    nodes = sorted(graph.nodes)
    for a, b in (dice.sample(nodes, 2) for _ in range(50)):
        bars = [x for x in dice.sample(nodes, 3) if x != a]
        for direction, reached in (("upstream", nx.ancestors), ("downstream", nx.descendants)):
            found = park_trace.trace(park, network, a, direction)
            assert set(found["nodes"]) == {a, *reached(graph, a)}
            assert (b in found["travel_s"]) == (b in reached(graph, a))
            leaving = graph.in_edges if direction == "upstream" else graph.out_edges
            cut = nx.restricted_view(graph, [], list(leaving(bars, keys=True)))
            assert set(park_trace.trace(park, network, a, direction, bars)["nodes"]) == {a, *reached(cut, a)}


def graph_of(file: Path, flows: Mapping[str, float], shut: Collection[str] = ()) -> nx.MultiDiGraph:
    graph = nx.MultiDiGraph()
    for key, (a, b) in drawn(file).items():
        graph.add_nodes_from((a, b))
        if key not in shut:
            graph.add_edge(*((b, a) if flows.get(key, 0.0) < 0 else (a, b)), key)
    return graph


def test_a_pressure_network_runs_as_epanet_says(capsys: pytest.CaptureFixture[str]) -> None:
    file = MODELS / "ky10.inp"
    said: list[Text] = []
    park = open_park(file, said)
    assert "24 h; 1022 links" in said[0].en
    flows = epanet_says(file)
    clear = {k for k, q in flows.items() if abs(q) > 0.5}  # gallons a minute; slower ones hang on the step
    assert len(clear) > 900
    stored = dict(zip(park.links["id"], park.links["flow_m3s"], strict=True))
    assert [k for k in clear if (stored[k] < 0) != (flows[k] < 0)] == []
    assert set(park.links["direction_source"]) == {"declared", "flow", "assumed"}
    assert (park.links["direction_source"] == "assumed").sum() == 20
    shut = set(park.links["id"][park.links["status"] == "closed"])
    agree_with_networkx(park, graph_of(file, stored, shut), "ky10")
    assert park_trace.main([str(file), "--from", "J-1", "--direction", "upstream", "--json"], "en") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["version"] == park.version
    assert "EPANET" in printed.err


@pytest.mark.parametrize("model", ["cid203", "infoswmm7", "user5"])
def test_sewer_models_are_traced_as_networkx_does(model: str) -> None:
    file = MODELS / f"{model}.inp"
    park = gather([file], Settings(yes=True, snap_m=0.0)).park
    assert park is not None
    shut = set(park.links["id"][park.links["status"] == "closed"])
    assert shut <= set(park.links["id"][park.links["kind"] == "pump"])
    agree_with_networkx(park, graph_of(file, {}, shut), model)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["cid203", "infoswmm7", "user5"])
def test_sewer_models_run_as_swmm_says(model: str) -> None:
    file = MODELS / f"{model}.inp"
    park = open_park(file)
    stored = dict(zip(park.links["id"], park.links["flow_m3s"], strict=True))
    assert sum(q > 0 for q in stored.values()) > 0.8 * len(stored)
    assert set(park.links["direction_source"][park.links["flow_m3s"] < 0]) <= {"flow"}
    shut = set(park.links["id"][park.links["status"] == "closed"])
    agree_with_networkx(park, graph_of(file, stored, shut), model)


def test_a_wrong_model_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "m.inp"
    file.write_text("[JUNCTIONS]\nA 1\n[CONDUITS]\nC A\n")
    assert park_trace.main([str(file), "--from", "A", "--direction", "upstream"], "en") == 2
    err = capsys.readouterr().err
    assert err.startswith(f"{file} cannot be read as a model: ")
    assert err.count("\n") == 1
