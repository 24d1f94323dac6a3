"""A park on disk: one GeoPackage, readable by any GIS, and the hash that names its version.

What the file holds is said in `geodata.schema` and printed in docs/park-schema.md.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Container, Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyogrio.raw
import shapely
from numpy.typing import NDArray

from geodata import crs as door
from geodata import geopackage, places, provenance
from geodata.geopackage import Columns, GeoPackage
from geodata.places import Park
from geodata.schema import EXTRA, TABLES
from geodata.words import Text

VERSION_CHARS = 12
SCENERY_PREFIX = "map_"
SOURCES, DEVICES = "source", "device"
KEY = {"FID": "fid"}
SYNCHRONOUS = "OGR_SQLITE_SYNCHRONOUS"
FLOW_FIELD = ("flow_m3s", "velocity_ms", "depth_m", "reversal")

Record = TypeVar("Record")

# Layer of the file, class of its records, attribute of Park.
RECORDS: tuple[tuple[str, type, str], ...] = (
    ("enterprise", places.Enterprise, "enterprises"),
    ("outlet", places.Outlet, "outlets"),
    ("gate", places.Gate, "gates"),
    ("station", places.Station, "stations"),
    ("receptor", places.Receptor, "receptors"),
    ("pool", places.Pool, "pools"),
    ("facility", places.Facility, "facilities"),
    ("fingerprint", places.Fingerprint, "fingerprints"),
)

EVERY = (*RECORDS, (DEVICES, places.Device, "devices"))  # with those whose layer may be missing


def demo_path() -> Path:
    """Return where the shipped demo park lies."""
    return Path(__file__).parent / "data" / "demo_park.gpkg"


def write(park: Park, path: Path) -> None:
    """Write a park as a GeoPackage, replacing the file in one step; it is on the disk when this returns."""
    part = path.with_name(path.stem + ".part.gpkg")
    part.unlink(missing_ok=True)
    before = pyogrio.get_gdal_config_option(SYNCHRONOUS)
    # One sync of the finished file instead of several for every layer: nobody reads it before.
    pyogrio.set_gdal_config_options({SYNCHRONOUS: "OFF"})
    try:
        _write_layers(park, part)
    finally:
        pyogrio.set_gdal_config_options({SYNCHRONOUS: before})
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(path)


def _write_layers(park: Park, part: Path) -> None:
    crs = door.of_layers(park.crs)
    head = {"id": park.id, "name_zh": park.name.zh, "name_en": park.name.en, "crs": park.crs}
    _write_rows([head], list(head), crs, part, "park")
    for layer, kind, attribute in RECORDS:
        _write_records(getattr(park, attribute), kind, crs, part, layer)
    nodes = park.nodes.copy()
    points = gpd.GeoDataFrame(nodes, geometry=gpd.points_from_xy(nodes["x"], nodes["y"]), crs=crs)
    _write_table(points, part, "node")
    _write_table(_in(park.links, crs), part, "link")
    for name, table in park.scenery.items():
        _write_table(_in(table, crs), part, SCENERY_PREFIX + name)
    if park.provenance:
        _write_table(park.provenance.frame(), part, provenance.LAYER)
    if park.sources:
        _write_records(park.sources, places.Source, crs, part, SOURCES)
    if park.devices:
        _write_records(park.devices, places.Device, crs, part, DEVICES)


def read(path: Path) -> Park:
    """Read a park.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a table or a column of `geodata.schema.TABLES` is missing; the message names it.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    with geopackage.opened(path) as file:
        missing = [n for n in TABLES if n not in file.layers]
        if missing:
            raise ValueError(f"{path.name} has no layer {', '.join(missing)}")
        head = {name: values[:1].tolist() for name, values in _told(file, "park").items()}
        if not all(head.values()):
            raise ValueError(f"{path.name} says nothing of its park: layer park has no row")
        records: dict[str, Any] = {a: _from_columns(_told(file, layer), kind) for layer, kind, a in RECORDS}
        # Nodes carry x and y themselves: a hundred thousand points need not be made to be thrown away.
        nodes, links = file.table("node", geometry=False), file.table("link")
        for name, table in (("node", nodes), ("link", links)):
            _demand(TABLES[name].columns, table.columns, name)
        park = Park(
            id=str(head["id"][0]),
            name=Text(str(head["name_zh"][0]), str(head["name_en"][0])),
            crs=str(head["crs"][0]),
            version="",
            nodes=nodes,
            links=links,
            scenery={
                n.removeprefix(SCENERY_PREFIX): file.table(n)
                for n in sorted(file.layers)
                if n.startswith(SCENERY_PREFIX)
            },
            provenance=_provenance(file),
            sources=_sources(file),
            devices=_from_columns(_told(file, DEVICES), places.Device) if DEVICES in file.layers else (),
            **records,
        )
    return replace(park, version=content_hash(park)[:VERSION_CHARS])


def content_hash(park: Park) -> str:
    """Return the SHA-256 (hex) of everything a park says, whatever file or order of layers it came in."""
    digest = hashlib.sha256()
    digest.update(json.dumps([park.id, park.name.zh, park.name.en, park.crs], ensure_ascii=False).encode())
    for layer, _, attribute in RECORDS:
        rows = [_flat(r) for r in getattr(park, attribute)]
        digest.update(json.dumps([layer, rows], ensure_ascii=False, sort_keys=True).encode())
    tables = {"node": park.nodes, "link": park.links}
    tables |= {SCENERY_PREFIX + n: t for n, t in park.scenery.items()}
    for name in sorted(tables):
        digest.update(name.encode())
        for column in sorted(tables[name].columns):
            digest.update(f"|{column}|".encode())
            digest.update(_column_bytes(tables[name][column]))
    # Nothing of these changes nothing: parks older than they are keep their versions.
    if park.provenance:
        said = [(*key, *origin) for key, origin in sorted(park.provenance.said.items())]
        digest.update(json.dumps([provenance.LAYER, said], ensure_ascii=False).encode())
    if park.sources:
        rows = [{k: v for k, v in _flat(s).items() if v or k != "as_of_by"} for s in park.sources]
        digest.update(json.dumps([SOURCES, rows], ensure_ascii=False, sort_keys=True).encode())
    if park.devices:
        rows = [_flat(d) for d in park.devices]
        digest.update(json.dumps([DEVICES, rows], ensure_ascii=False, sort_keys=True).encode())
    return digest.hexdigest()


def _told(file: GeoPackage, layer: str) -> Columns:
    """The columns of a layer, with all that `geodata.schema` says it has."""
    columns = file.columns(layer)
    _demand((TABLES | EXTRA)[layer].columns, columns, layer)
    return columns


def _demand(wanted: Iterable[str], found: Container[str], layer: str) -> None:
    missing = [c for c in wanted if c not in found]
    if missing:
        raise ValueError(f"layer {layer} has no column {', '.join(missing)}")


def _provenance(file: GeoPackage) -> provenance.Provenance:
    if provenance.LAYER not in file.layers:
        return provenance.Provenance()
    return provenance.Provenance.of(_told(file, provenance.LAYER))


def _sources(file: GeoPackage) -> tuple[places.Source, ...]:
    """Read the files of a park; older ones do not say how their day is known."""
    if SOURCES not in file.layers:
        return ()
    found = file.columns(SOURCES)
    rows = len(next(iter(found.values()), ()))
    found = {"as_of_by": np.full(rows, "", object)} | found
    _demand(columns_of(places.Source), found, SOURCES)
    return _from_columns(found, places.Source)


def keep_flow_field(park: Park, old: Park) -> Park:
    """Return `park` with the stored flow field of `old`, if both have the same links; else `park`."""
    if list(park.links["id"]) != list(old.links["id"]):
        return park
    links = park.links.copy()
    for column in FLOW_FIELD:
        links[column] = old.links[column].to_numpy()
    made = replace(park, links=links)
    return replace(made, version=content_hash(made)[:VERSION_CHARS])


def _column_bytes(column: pd.Series) -> bytes:
    if column.name == "geometry":
        return b"".join(bytes(w) for w in shapely.to_wkb(column.to_numpy(), byte_order=1))
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype="<f8") + 0.0  # one zero, not two
        values[np.isnan(values)] = np.nan  # and one NaN
        return bytes(values.tobytes())
    return json.dumps(["" if v is None else v for v in column.tolist()], ensure_ascii=False).encode()


def _flat(record: object) -> dict[str, Any]:
    """Turn a record into one row: texts become two columns, tuples one JSON column."""
    row: dict[str, Any] = {}
    for f in fields(record):  # type: ignore[arg-type]
        value = getattr(record, f.name)
        if isinstance(value, Text):
            row[f"{f.name}_zh"], row[f"{f.name}_en"] = value.zh, value.en
        elif isinstance(value, tuple):
            row[f.name] = json.dumps(value)
        elif value is None:
            row[f.name] = ""
        elif isinstance(value, str):
            row[f.name] = str(value)
        elif f.type == "float":
            row[f.name] = float(value)
        else:
            row[f.name] = value
    return row


def _unflat(kind: type[Record], row: dict[str, Any]) -> Record:
    values: dict[str, Any] = {}
    for f in fields(kind):  # type: ignore[arg-type]
        hint = str(f.type)
        if hint == "Text":
            values[f.name] = Text(row[f"{f.name}_zh"], row[f"{f.name}_en"])
            continue
        value = row[f.name]
        if hint.startswith("tuple"):
            values[f.name] = tuple(tuple(v) if isinstance(v, list) else v for v in json.loads(value))
        elif hint in ("DeviceKind", "GateKind", "OutletKind", "StationKind"):
            values[f.name] = getattr(places, hint)(value)
        elif hint == "str | None":
            values[f.name] = value or None
        elif hint in ("float", "int", "bool", "str"):
            values[f.name] = {"float": float, "int": int, "bool": bool, "str": str}[hint](value)
        else:
            raise TypeError(f"{kind.__name__}.{f.name}: no rule to read {hint}")
    return kind(**values)


def frame_of(records: tuple[Any, ...], kind: type) -> pd.DataFrame:
    """Return records as the rows of their layer, without the geometry."""
    return pd.DataFrame([_flat(r) for r in records], columns=None if records else columns_of(kind))


def _from_columns(columns: Columns, kind: type[Record]) -> tuple[Record, ...]:
    names = columns_of(kind)
    rows = zip(*(columns[n].tolist() for n in names), strict=True)
    return tuple(_unflat(kind, dict(zip(names, row, strict=True))) for row in rows)


def columns_of(kind: type) -> list[str]:
    """Return the columns a record class takes in its layer (the geometry not counted)."""
    found: list[str] = []
    for f in fields(kind):
        found += [f"{f.name}_zh", f"{f.name}_en"] if str(f.type) == "Text" else [f.name]
    return found


def _in(table: Any, crs: str) -> Any:
    """The same table in the CRS its file says, where that is another word for the same plane."""
    return table.set_crs(crs, allow_override=True) if crs == door.LOCAL else table


def _write_table(frame: pd.DataFrame, path: Path, layer: str) -> None:
    pyogrio.write_dataframe(frame, path, layer=layer, driver="GPKG", append=path.exists(), layer_options=KEY)


def _write_records(records: tuple[Any, ...], kind: type, crs: str, path: Path, layer: str) -> None:
    _write_rows([_flat(r) for r in records], columns_of(kind), crs, path, layer)


def _write_rows(rows: list[dict[str, Any]], names: list[str], crs: str, path: Path, layer: str) -> None:
    """Write rows without a frame between: it costs more than the few dozen rows of most layers."""
    columns = {n: _packed([row[n] for row in rows]) for n in names}
    points = None
    if "x" in columns:
        points = shapely.to_wkb(shapely.points(columns["x"].astype(float), columns["y"].astype(float)))
    pyogrio.raw.write(
        path,
        points,
        list(columns.values()),
        list(columns),
        layer=layer,
        driver="GPKG",
        geometry_type=None if points is None else "Point",
        crs=None if points is None else door.for_gdal(crs),
        append=path.exists(),
        layer_options=KEY,
    )


def _packed(values: list[Any]) -> NDArray[Any]:
    """Make a column of values, of the narrowest type that holds them all."""
    kinds = {type(v) for v in values}
    for dtype, fit in ((bool, {bool}), (np.int64, {int}), (np.float64, {int, float})):
        if kinds and kinds <= fit:
            return np.array(values, dtype)
    return np.array(values, object)
