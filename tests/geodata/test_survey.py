"""Sizes, levels and directions as surveys write them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString

from geodata.survey import directed, levels, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("400", ("circular", 400.0, 400.0)),
        ("DN400", ("circular", 400.0, 400.0)),
        ("Φ300", ("circular", 300.0, 300.0)),
        ("300mm", ("circular", 300.0, 300.0)),
        ("600×400", ("rectangle", 400.0, 600.0)),
        ("600*400", ("rectangle", 400.0, 600.0)),
        *((text, None) for text in ("0", "abc", "", "1x2x3")),
    ],
)
def test_sizes(text: str, size: tuple[str, float, float] | None) -> None:
    assert parse_size(text) == size


def links(**columns: object) -> pd.DataFrame:
    base = {
        "from_node": ["a"],
        "to_node": ["b"],
        "direction_source": [""],
        "declared": [0],
        "pressed": [False],
        **{f"{e}_{w}_m": [np.nan] for e in ("from", "to") for w in ("level", "depth")},
        "offset_in_m": [np.nan],
        "offset_out_m": [np.nan],
        "geometry": [LineString([(0, 0), (1, 0)])],
    }
    return pd.DataFrame({**base, **{k: [v] for k, v in columns.items()}})


@given(st.sampled_from([-1, 0, 1]), st.booleans(), st.floats(-5, 5), st.floats(-5, 5))
def test_water_runs_as_declared_or_down(declared: int, pressed: bool, a: float, b: float) -> None:
    made = directed(links(declared=declared, pressed=pressed, from_level_m=a, to_level_m=b)).iloc[0]
    falls = abs(a - b) > 1e-4 and not pressed
    back = declared < 0 or (declared == 0 and falls and a < b)
    assert (made["from_node"], made["to_node"]) == (("b", "a") if back else ("a", "b"))
    assert made["geometry"].coords[0] == ((1, 0) if back else (0, 0))
    assert made["direction_source"] == ("declared" if declared else "invert" if falls else "assumed")
    if falls and not declared:
        assert made["from_level_m"] >= made["to_level_m"]


def test_missing_levels_say_assumed_and_a_known_source_stays() -> None:
    assert directed(links()).iloc[0]["direction_source"] == "assumed"
    kept = directed(links(direction_source="flow", from_level_m=0.0, to_level_m=9.0)).iloc[0]
    assert (kept["direction_source"], kept["from_node"]) == ("flow", "a")


def test_levels_fill_from_ground_and_depth() -> None:
    nodes = pd.DataFrame(
        {"id": ["a", "b"], "ground_m": [4.0, np.nan], "invert_m": np.nan, "max_depth_m": np.nan}
    )
    full, pipes = levels(nodes, links(from_depth_m=1.5, to_level_m=2.2))
    assert full["invert_m"].tolist() == pytest.approx([2.5, 2.2])
    assert full["max_depth_m"].iloc[0] == pytest.approx(1.5)
    assert pipes[["from_level_m", "to_level_m", "offset_in_m", "offset_out_m"]].iloc[
        0
    ].tolist() == pytest.approx([2.5, 2.2, 0, 0])


def test_nothing_known_stays_unknown() -> None:
    nodes = pd.DataFrame({"id": ["a", "b"], "ground_m": np.nan, "invert_m": np.nan, "max_depth_m": np.nan})
    full, pipes = levels(nodes, links())
    assert full["invert_m"].isna().all()
    assert pipes["offset_in_m"].tolist() == [0.0]


@pytest.mark.parametrize(
    ("own", "source"),
    [
        ({}, "invert"),  # the bottoms of its manholes are all that is known
        ({"from_depth_m": 1.0}, "assumed"),  # a sump at the other end says nothing
        ({"from_depth_m": 1.0, "to_depth_m": 2.0}, "invert"),
    ],
)
def test_a_pipe_without_levels_lies_on_its_manholes_bottoms(own: dict[str, float], source: str) -> None:
    nodes = pd.DataFrame(
        {"id": ["a", "b"], "ground_m": [4.0, 4.0], "invert_m": [2.4, 2.6], "max_depth_m": [np.nan, np.nan]}
    )
    made = directed(levels(nodes, links(**own))[1]).iloc[0]
    assert made["direction_source"] == source
    assert (made["from_node"] == "b") == (own == {})
