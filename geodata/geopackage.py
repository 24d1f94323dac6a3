"""A GeoPackage read as what it is, one SQLite file: opened once, every layer of the same moment.

GDAL opens and lists the whole file anew for every layer it is asked for, which was nine tenths of reading a
park of thirty layers, and a file replaced in between was read half and half. A layer of very many rows is
left to it all the same, for its Arrow columns, and files are written by it (`geodata.park.write`).

Source: OGC 12-128r18, GeoPackage Encoding Standard 1.3.1: clauses 1.1.1.1.3 (column types), 1.1.2 (reference
systems), 1.1.3 (contents) and 2.1.3 (geometry blobs).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray

MANY = 20_000  # rows from which Arrow is quicker, the opening included
WAIT_S = 5.0  # for somebody who is just writing into the file
ENVELOPE = (0, 32, 48, 48, 64)  # bytes, by the three bits that say which one there is
DTYPES: dict[str, Any] = {
    "BOOLEAN": np.bool_,
    "TINYINT": np.int16,
    "SMALLINT": np.int16,
    "MEDIUMINT": np.int32,
    "INT": np.int64,
    "INTEGER": np.int64,
    "FLOAT": np.float32,
    "DOUBLE": np.float64,
    "REAL": np.float64,
}
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class GeoPackage:
    """An open file; every layer is read as it was when the file was opened.

    Attributes
    ----------
    layers : frozenset of str
        The names of its layers, with and without geometry.
    """

    layers: frozenset[str]
    _path: Path
    _file: sqlite3.Connection

    def columns(self, layer: str) -> Columns:
        """Return the columns of a layer but its key and its geometry, each with one value a row.

        An empty (NULL) text is ``""``, an empty number NaN.

        Raises
        ------
        ValueError
            A value is not of its column's type.
        """
        fields = self._fields(layer)
        rows = self._rows(layer, *fields)
        values = zip(*rows, strict=True) if rows else ((),) * len(fields)
        return {n: _column(kind, of) for (n, kind), of in zip(fields.items(), values, strict=True)}

    def table(self, layer: str, *, geometry: bool = True) -> pd.DataFrame | gpd.GeoDataFrame:
        """Return a layer as a table, with its geometry if it has one that is wanted.

        Raises
        ------
        ValueError
            A value is not of its column's type, or a geometry is none.
        """
        if self._file.execute(f"SELECT count(*) FROM {_quoted(layer)}").fetchone()[0] > MANY:  # noqa: S608
            return _by_arrow(self._path, layer, geometry)
        found = self._file.execute(
            "SELECT column_name, srs_id FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
        ).fetchone()
        table = _frame(self.columns(layer))
        if found is None or not geometry:
            return table
        try:
            shapes = shapely.from_wkb(_wkb([blob for (blob,) in self._rows(layer, found[0])]))
        except (shapely.errors.ShapelyError, TypeError) as error:
            raise ValueError(f"layer {layer} has a geometry that is none: {error}") from error
        return gpd.GeoDataFrame(table, geometry=np.asarray(shapes, object), crs=self._crs(found[1]))

    def _fields(self, layer: str) -> dict[str, str]:
        """Name and type of every column but the key and the geometry."""
        drawn = self._file.execute(
            "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
        ).fetchall()
        info = self._file.execute("SELECT name, type, pk FROM pragma_table_info(?)", (layer,)).fetchall()
        return {str(n): str(kind).upper() for n, kind, key in info if not key and (n,) not in drawn}

    def _rows(self, layer: str, *names: str) -> list[tuple[Any, ...]]:
        asked = f"SELECT {', '.join(map(_quoted, names))} FROM {_quoted(layer)}"  # noqa: S608 (quoted)
        return self._file.execute(asked).fetchall()

    def _crs(self, srs: int) -> str | None:
        """As GDAL says it: the number of an authority, or in full."""
        found = self._file.execute("SELECT * FROM gpkg_spatial_ref_sys WHERE srs_id = ?", (srs,))
        names = [c[0] for c in found.description]
        said = dict(zip(names, found.fetchone() or (), strict=False))
        if str(said.get("organization", "")).upper() == "EPSG":
            return f"EPSG:{said['organization_coordsys_id']}"
        texts = (str(said.get(c) or "undefined") for c in ("definition_12_063", "definition"))
        return next((t for t in texts if t.lower() != "undefined"), None)


@contextmanager
def opened(path: Path) -> Iterator[GeoPackage]:
    """Open a file to read it.

    Raises
    ------
    ValueError
        It is no GeoPackage; the message names it.
    """
    where = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(where, uri=True, timeout=WAIT_S)) as file:
            file.execute("BEGIN")
            kinds = ("features", "attributes")
            rows = file.execute("SELECT table_name FROM gpkg_contents WHERE data_type IN (?, ?)", kinds)
            yield GeoPackage(frozenset(str(name) for (name,) in rows), path, file)
    except sqlite3.Error as error:
        raise ValueError(f"{path.name} is no GeoPackage that can be read: {error}") from error


def _column(kind: str, values: tuple[Any, ...]) -> NDArray[Any]:
    dtype = DTYPES.get(kind.partition("(")[0])
    if dtype is not None and (issubclass(dtype, np.floating) or None not in values):
        return np.array(values, dtype)
    if dtype is not None and dtype is not np.bool_:
        return np.array(values, np.float64)  # whole numbers, some of them not known
    out = np.empty(len(values), object)
    out[:] = ["" if v is None else v for v in values]
    return out


def _frame(columns: Columns) -> pd.DataFrame:
    # Said to be objects: pandas would look at every text first and make columns of Arrow of them.
    return pd.DataFrame({n: pd.Series(v, dtype=v.dtype, copy=False) for n, v in columns.items()}, copy=False)


def _by_arrow(path: Path, layer: str, geometry: bool) -> pd.DataFrame | gpd.GeoDataFrame:
    table = pyogrio.read_dataframe(path, layer=layer, use_arrow=True, read_geometry=geometry)
    for column in table.columns:
        if column != "geometry" and not pd.api.types.is_numeric_dtype(table[column]):
            table[column] = table[column].fillna("").astype(object)
    return table


def _wkb(blobs: list[bytes | None]) -> list[bytes | None]:
    """The well-known binary in each geometry blob (clause 2.1.3.1.1); what is empty stays so."""
    try:
        flags = {b[3] for b in blobs if b is not None}
        starts = {f: 8 + ENVELOPE[f >> 1 & 0b111] for f in flags}
    except IndexError as error:
        raise ValueError("a geometry is not written as a GeoPackage does") from error
    return [None if b is None else b[starts[b[3]] :] for b in blobs]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
