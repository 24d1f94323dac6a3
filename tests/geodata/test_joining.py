"""Ends that lie together are one node, ends that do not are not, and nothing is lost on the way."""

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString

from geodata.formats.report import LayerReport
from geodata.joining import Joined, Part, join

SNAP = 0.5


def part(frame: pd.DataFrame, name: str = "f") -> Part:
    return Part(name, frame, LayerReport(name, "l", "test", read=len(frame), mapped=len(frame)))


def lines(shapes: list[LineString], system: str = "rain", kind: str = "pipe") -> pd.DataFrame:
    n = len(shapes)
    frame = pd.DataFrame(
        {"id": [""] * n, "from_node": [""] * n, "to_node": [""] * n, "system": system, "kind": kind}
    )
    frame["length_m"], frame["row"], frame["source"] = np.nan, range(1, n + 1), [f"f:{i}" for i in range(n)]
    frame["geometry"] = shapes
    return frame


def run(*frames: pd.DataFrame) -> Joined:
    return join([], [part(f, str(i)) for i, f in enumerate(frames)], SNAP)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=15),
    st.integers(0, 2**31),
)
def test_a_drawing_gives_the_graph_it_was_drawn_from(edges: list[tuple[int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    place = {v: (100.0 * v, 37.0 * v * v) for v in range(6)}
    edges = [(a, b) for a, b in edges if a != b]

    def near(v: int) -> np.ndarray:
        return np.array(place[v]) + rng.uniform(-0.15, 0.15, 2)  # any two are within the tolerance

    shapes = [LineString([near(a), near(b)]) for a, b in edges]
    if not shapes:
        return
    made = run(lines(shapes))
    nodes = made.nodes.set_index("id")
    vertex = {n: min(place, key=lambda v: np.hypot(*(np.array(place[v]) - xy))) for n, xy in
              zip(nodes.index, nodes[["x", "y"]].to_numpy(), strict=True)}  # fmt: skip
    got = sorted(
        (vertex[a], vertex[b]) for a, b in zip(made.links["from_node"], made.links["to_node"], strict=True)
    )
    assert got == sorted(edges)
    assert len(nodes) == len({v for e in edges for v in e})
    assert made.links["id"].is_unique
    assert nx.is_connected(nx.Graph(edges)) == nx.is_connected(
        nx.from_pandas_edgelist(made.links, "from_node", "to_node")
    )


def test_beyond_the_tolerance_nothing_is_joined() -> None:
    made = run(lines([LineString([(0, 0), (10, 0)]), LineString([(10.6, 0), (20, 0)])]))
    assert len(made.nodes) == 4


def test_rain_and_sewage_do_not_meet_but_both_meet_the_canal() -> None:
    rain = lines([LineString([(0, 0), (10, 0)])], "rain")
    sewage = lines([LineString([(0, 5), (10, 0.1)])], "sewage")
    assert len(run(rain, sewage).nodes) == 4
    canal = lines([LineString([(10, -50), (10, 50)])], "canal", "reach")
    nodes = pd.DataFrame({"id": ["M"], "system": ["canal"], "x": [10.0], "y": [0.0]})
    made = join([part(nodes)], [part(rain, "r"), part(sewage, "s"), part(canal, "c")], SNAP)
    assert set(made.links.loc[made.links["system"] != "canal", "to_node"]) == {"M"}
    reaches = made.links[made.links["system"] == "canal"]
    assert (reaches["to_node"].iloc[0], reaches["from_node"].iloc[1]) == ("M", "M")  # split where they meet
    assert gpd.GeoSeries(reaches["geometry"]).length.sum() == 100.0
    assert reaches["length_m"].sum() == 100.0


def test_loops_and_doubled_ids_are_said() -> None:
    frame = lines(
        [LineString([(0, 0), (5, 5), (0.1, 0)]), LineString([(0, 0), (9, 0)]), LineString([(9, 0), (9, 9)])]
    )
    frame["id"] = ["loop", "P", "P"]
    made = run(frame)
    assert list(made.links["id"]) == ["P", "P#2"]
    assert [t.en.split(" ")[0] for t in made.said if "begin and end" in t.en or "share an id" in t.en] == [
        "1",
        "1",
    ]
