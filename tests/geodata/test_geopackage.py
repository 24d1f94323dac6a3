"""What is read from a GeoPackage is what GDAL reads from it, of one moment, or is refused in words."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from geodata import geopackage
from geodata import park as parks
from geodata.crs import LOCAL


def by_gdal(path: Path, layer: str) -> pd.DataFrame:
    frame = pyogrio.read_dataframe(path, layer=layer)
    for column in frame.columns:
        if frame[column].dtype in ("str", object):
            frame[column] = frame[column].fillna("").astype(object)
    return frame


def by_us(path: Path, layer: str) -> pd.DataFrame:
    with geopackage.opened(path) as file:
        return file.table(layer)


def agree(path: Path, layer: str) -> None:
    ours, theirs = by_us(path, layer), by_gdal(path, layer)
    pd.testing.assert_frame_equal(pd.DataFrame(ours), pd.DataFrame(theirs))
    assert getattr(ours, "crs", None) == getattr(theirs, "crs", None)
    assert type(ours) is type(theirs)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A layer of every kind of column, with what is not known in each."""
    path = tmp_path / "it's a file #1?.gpkg"
    frame = gpd.GeoDataFrame(
        {
            'say "it"': ["水", None, ""],
            "whole": [1, 2, 3],
            "short": np.array([1, 2, 3], np.int16),
            "some": pd.array([7, None, 9], "Int64"),
            "number": [1.5, np.nan, -0.0],
            "single": np.array([1.5, 2.5, np.nan], np.float32),
            "truth": [True, False, True],
        },
        geometry=[
            shapely.Point(1, 2),
            shapely.LineString([(0, 0, 5), (1, 1, 6)]),
            shapely.MultiPoint([(0, 0), (3, 3)]),
        ],
        crs="EPSG:4549",
    )
    pyogrio.write_dataframe(frame, path, layer="mixed", driver="GPKG")
    pyogrio.write_dataframe(frame.drop(columns="geometry"), path, layer="plain", driver="GPKG", append=True)
    local = frame[["whole", "geometry"]].iloc[:0].set_crs(LOCAL, allow_override=True)
    pyogrio.write_dataframe(local, path, layer="none", driver="GPKG", append=True)
    return path


@pytest.mark.parametrize("layer", ["mixed", "plain", "none"])
@pytest.mark.parametrize("many", [0, geopackage.MANY])
def test_every_kind_of_column_is_read_as_gdal_does(
    mixed: Path, layer: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geopackage, "MANY", many)
    agree(mixed, layer)


@pytest.mark.parametrize("layer", ["station", "gate", "link", "map_parcel", "map_label", "provenance"])
def test_the_demo_parks_layers_too(layer: str) -> None:
    agree(parks.demo_path(), layer)


def test_an_open_file_stays_what_it_was(mixed: Path, tmp_path: Path) -> None:
    with geopackage.opened(mixed) as file:
        before = file.columns("plain")["whole"].tolist()
        other = tmp_path / "other.gpkg"
        pyogrio.write_dataframe(pd.DataFrame({"whole": [8]}), other, layer="plain", driver="GPKG")
        other.replace(mixed)
        assert file.columns("plain")["whole"].tolist() == before == [1, 2, 3]
    assert by_us(mixed, "plain")["whole"].tolist() == [8]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE mixed SET whole = 'seven'", "seven"),
        ("UPDATE mixed SET geom = x'00' WHERE fid = 1", "geometry"),
        ("UPDATE mixed SET geom = x'47500001000000000102030405' WHERE fid = 1", "geometry"),
        ("DROP TABLE mixed", "no such table"),
        ("DROP TABLE gpkg_contents", "gpkg_contents"),
    ],
)
def test_what_is_written_wrongly_is_said(mixed: Path, change: str, words: str) -> None:
    with sqlite3.connect(mixed) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f'DROP TRIGGER "{name}"')  # they call functions that only GDAL has
        file.execute(change)
    file.close()
    with pytest.raises(ValueError, match=words):
        by_us(mixed, "mixed")


@pytest.mark.parametrize("content", [b"", b"<kml/>", b"SQLite format 3\0 and then nothing"])
def test_what_is_no_geopackage_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.gpkg"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"p\.gpkg is no GeoPackage"):
        by_us(path, "plain")
