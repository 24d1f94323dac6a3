"""Safe mends put right what was found and break nothing else; the park they were given stays as it was."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from shapely.geometry import LineString

from geodata import park as park_file
from geodata.check import mends
from geodata.check.findings import Finding
from geodata.check.kinds import KINDS
from geodata.check.run import check
from geodata.places import Fingerprint, Park
from tests.geodata.parks import demo_park


@cache
def good() -> Park:
    return replace(demo_park(), scenery={})  # scenery only slows the hash


def with_links(park: Park, **columns: dict[str, Any]) -> Park:
    links = park.links.copy()
    for column, values in columns.items():
        for key, value in values.items():
            if column == "geometry":
                lines = links.geometry.copy()
                lines[links.index[links["id"] == key][0]] = value
                links = links.set_geometry(lines)
            else:
                links.loc[links["id"] == key, column] = value
    return replace(park, links=links)


def copied(park: Park, like: str, **values: Any) -> Park:
    row = park.links[park.links["id"] == like].assign(**values)
    return replace(park, links=pd.concat([park.links, row], ignore_index=True))


def line(id: str) -> LineString:
    return good().links.set_index("id").geometry[id]


def spoilt() -> dict[str, Park]:
    park = good()
    at = park.nodes.set_index("id").loc["YQ06-08"]
    twin = park.nodes[park.nodes["id"] == "YQ06-08"].assign(id="TWIN", x=at["x"] + 0.05, inflow_m3s=0.0)
    alone = twin.assign(id="ALONE", x=at["x"] + 300.0, y=at["y"] + 300.0)
    doubled = replace(park, nodes=pd.concat([park.nodes, twin], ignore_index=True))
    gate = replace(park.gate("G05"), x=578_000.0)
    stray = Fingerprint("E66", "w01018", 5.0, "x", "")
    first, *rest = line("YQ05-06").coords
    return {
        "self_loop": copied(park, "YQ02-05", id="LOOP", to_node="YQ02-04"),
        "link_twice": copied(park, "YQ16-05", id="AGAIN"),
        "isolated_node": replace(park, nodes=pd.concat([park.nodes, alone], ignore_index=True)),
        "reversed": mends.reverse_link(park, "YQ10-06"),
        "zero_length": with_links(park, length_m={"YQ03-04": 0.0}),
        "length_differs": with_links(park, length_m={"YQ03-04": 900.0}),
        "end_off_node": with_links(
            park, geometry={"YQ05-06": LineString([(first[0] + 4.0, first[1]), *rest])}
        ),
        "duplicate_points": with_links(doubled, from_node={"YQ06-09": "TWIN"}),
        "gate_off_river": replace(park, gates=tuple(gate if g.id == "G05" else g for g in park.gates)),
        "fingerprint_unknown_enterprise": replace(park, fingerprints=(*park.fingerprints, stray)),
    }


def test_the_table_of_kinds_says_which_mends_there_are() -> None:
    assert set(mends.MENDS) == {kind for kind, k in KINDS.items() if k.safe} == set(spoilt())


@pytest.mark.parametrize("kind", sorted(mends.MENDS))
def test_a_mend_leaves_nothing_to_find_and_the_old_park_alone(kind: str) -> None:
    bad = spoilt()[kind]
    before = park_file.content_hash(bad)
    (found,) = check(bad)
    assert (found.kind, found.safe) == (kind, True)
    mended = mends.mend(bad, found)
    assert check(mended) == ()
    assert park_file.content_hash(bad) == before
    assert mended.version == park_file.content_hash(mended)[:12] != before[:12]


def test_reversing_twice_is_the_same_link_again() -> None:
    once = mends.reverse_link(good(), "YQ01-24")
    row, was = once.links.set_index("id").loc["YQ01-24"], good().links.set_index("id").loc["YQ01-24"]
    assert (row["from_node"], row["offset_in_m"], row["flow_m3s"]) == ("V1-01", 2.447, was["flow_m3s"])
    assert row["geometry"].coords[0] == was["geometry"].coords[-1]
    twice = mends.reverse_link(once, "YQ01-24")
    columns = [c for c in good().links.columns if c != "direction_source"]
    assert twice.links[columns].equals(good().links[columns])


def test_a_line_drawn_from_end_to_start_is_turned_before_its_ends_are_moved() -> None:
    bent = LineString([*line("YQ05-06").coords[:1], (578_100.0, 3_676_500.0), *line("YQ05-06").coords[-1:]])
    bad = with_links(good(), geometry={"YQ05-06": shapely.reverse(bent)})
    mended = mends.snap_ends(bad, "YQ05-06").links.set_index("id").geometry["YQ05-06"]
    assert mended.equals_exact(bent, 0.01)


def test_merging_moves_every_user_of_the_node() -> None:
    park = spoilt()["duplicate_points"]
    stations = (replace(park.stations[0], node="TWIN"), *park.stations[1:])
    merged = mends.merge_nodes(replace(park, stations=stations), "YQ06-08", "TWIN")
    assert merged.stations[0].node == "YQ06-08"
    assert "TWIN" not in set(merged.nodes["id"]) | set(merged.links["from_node"])


def test_what_stands_between_two_nodes_is_never_merged_away() -> None:
    gate = good().links.set_index("id").loc["G05"]
    with pytest.raises(ValueError, match="G05 stands between"):
        mends.merge_nodes(good(), gate["from_node"], gate["to_node"])


def test_a_node_in_use_is_not_dropped() -> None:
    with pytest.raises(ValueError, match="in use"):
        mends.drop_node(good(), "H1-05")


def test_what_is_gone_cannot_be_mended() -> None:
    (found,) = check(spoilt()["self_loop"])
    with pytest.raises(KeyError):
        mends.mend(good(), found)


def test_there_is_no_mend_that_makes_up_data() -> None:
    bad = replace(good(), links=gpd.GeoDataFrame(good().links.assign(width_m=1.0, height_m=0.0)))
    found: Finding = check(bad)[0]
    assert not found.safe
    with pytest.raises(ValueError, match="no safe mend"):
        mends.mend(bad, found)
