"""A park is the same after a trip to disk, and its version follows its content and nothing else."""

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from geodata import crs
from geodata import park as park_file
from geodata.places import Park
from geodata.words import Text
from layers.feature import lonlat
from tests.geodata.parks import demo_park


@pytest.fixture(scope="module")
def park() -> Park:
    return demo_park()


def test_round_trip_is_equal(park: Park, tmp_path: Path) -> None:
    path = tmp_path / "copy.gpkg"
    park_file.write(park, path)
    again = park_file.read(path)
    for _, _, attribute in park_file.RECORDS:
        assert getattr(again, attribute) == getattr(park, attribute)
    pd.testing.assert_frame_equal(again.nodes, park.nodes)
    pd.testing.assert_frame_equal(pd.DataFrame(again.links), pd.DataFrame(park.links))
    assert again.scenery.keys() == park.scenery.keys()
    for name, table in park.scenery.items():
        assert again.scenery[name].geometry.geom_equals_exact(table.geometry, 0.0).all(), name
    assert (again.id, again.name, again.crs, again.version) == (park.id, park.name, park.crs, park.version)
    assert list(tmp_path.iterdir()) == [path]


def test_version_is_the_start_of_the_hash(park: Park) -> None:
    assert park.version == park_file.content_hash(park)[:12]


def _moved_vertex(park: Park) -> Park:
    links = park.links.copy()
    links.loc[3, "geometry"] = links.geometry.iloc[4]
    return replace(park, links=links)


def _deeper(park: Park) -> Park:
    nodes = park.nodes.copy()
    nodes.loc[0, "invert_m"] += 0.001
    return replace(park, nodes=nodes)


def _without_scenery(park: Park) -> Park:
    return replace(park, scenery=dict(list(park.scenery.items())[1:]))


@pytest.mark.parametrize(
    "edit",
    [
        _moved_vertex,
        _deeper,
        _without_scenery,
        lambda p: replace(p, name=Text(p.name.zh, p.name.en + ".")),
        lambda p: replace(p, gates=(replace(p.gates[0], leakage=0.9), *p.gates[1:])),
        lambda p: replace(p, stations=tuple(reversed(p.stations))),
        lambda p: replace(p, fingerprints=p.fingerprints[:-1]),
    ],
)
def test_any_edit_changes_the_hash(park: Park, edit) -> None:  # type: ignore[no-untyped-def]
    assert park_file.content_hash(edit(park)) != park_file.content_hash(park)


def test_hash_does_not_see_the_order_of_layers(park: Park) -> None:
    turned = replace(park, scenery=dict(reversed(park.scenery.items())))
    assert park_file.content_hash(turned) == park_file.content_hash(park)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.gpkg"):
        park_file.read(tmp_path / "none.gpkg")


def test_missing_layer_is_named(park: Park, tmp_path: Path) -> None:
    path = tmp_path / "half.gpkg"
    pyogrio.write_dataframe(pd.DataFrame({"id": ["a"]}), path, layer="park", driver="GPKG")
    with pytest.raises(ValueError, match="no layer enterprise"):
        park_file.read(path)


def test_missing_column_is_named(park: Park, tmp_path: Path) -> None:
    path = tmp_path / "odd.gpkg"
    park_file.write(replace(park, nodes=park.nodes.drop(columns="stage_m")), path)
    with pytest.raises(ValueError, match="layer node has no column stage_m"):
        park_file.read(path)


def test_shipped_file_stays_small() -> None:
    assert park_file.demo_path().stat().st_size < 6_000_000


def test_a_park_in_a_local_grid_keeps_it_and_is_shown_where_it_lies(tmp_path: Path) -> None:
    demo = demo_park()
    local = "grid:EPSG:4549,dx=500000,dy=3300000,scale=1.00002,rotation=12.5"
    x, y = crs.convert(demo.nodes["x"], demo.nodes["y"], demo.crs, local)

    def turn(points: np.ndarray) -> np.ndarray:
        return np.column_stack(crs.convert(points[:, 0], points[:, 1], demo.crs, local))

    lines = shapely.transform(demo.links.geometry.to_numpy(), turn)
    gates = []
    for g in demo.gates:
        gx, gy = crs.convert(g.x, g.y, demo.crs, local)
        gates.append(replace(g, x=float(gx), y=float(gy)))
    made = replace(
        demo,
        crs=local,
        nodes=demo.nodes.assign(x=x, y=y),
        links=demo.links.set_geometry(gpd.GeoSeries(lines, crs=crs.LOCAL)),
        gates=tuple(gates),
        enterprises=(),
        outlets=(),
        stations=(),
        receptors=(),
        pools=(),
        facilities=(),
        fingerprints=(),
        scenery={},
    )
    park_file.write(made, tmp_path / "local.gpkg")
    park = park_file.read(tmp_path / "local.gpkg")
    assert park.crs == local
    at = [crs.to_lonlat(g.x, g.y, p.crs) for p in (demo, park) for g in p.gates]
    n = len(demo.gates)
    assert np.abs(np.array(at[:n]) - np.array(at[n:])).max() < 1e-8  # a millimetre
    shown = lonlat(park.links.geometry.to_numpy(), park.crs)
    wanted = lonlat(demo.links.geometry.to_numpy(), demo.crs)
    assert float(shapely.hausdorff_distance(shown, wanted).max()) < 2e-7  # what rounding leaves: centimetres
