"""A park as files that other programs open: GeoPackage, GeoJSON, Excel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from geodata import crs
from geodata import park as park_file
from geodata.check.export import harmless
from geodata.places import Park
from geodata.schema import EXTRA, OPTIONAL, TABLES

FORMATS = {"gpkg": ".gpkg", "geojson": ".geojson", "xlsx": ".xlsx"}
MEDIA = {
    "gpkg": "application/geopackage+sqlite3",
    "geojson": "application/geo+json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
DEGREES = 7  # decimals: a centimetre
MOST_CHARS = 32_767  # a cell of Excel holds no more


def write(park: Park, path: Path, form: str = "") -> None:
    """Write a park, replacing the file in one step.

    Parameters
    ----------
    form : str
        One of `FORMATS`; by the file's ending where nothing is said. A GeoPackage is a whole park file again.
        GeoJSON is one FeatureCollection in WGS 84 (RFC 7946), each feature with its layer. Excel has a sheet
        for each table, places as longitude and latitude, and a sheet that tells what the columns mean.

    Raises
    ------
    ValueError
        There is no such format, or GeoJSON is asked of a park that lies in a plane without a place on Earth.
    """
    known = {ending: name for name, ending in FORMATS.items()}
    wanted = form or known.get(path.suffix.lower(), "")
    if wanted not in FORMATS:
        raise ValueError(f"{path.name}: a park is written as {', '.join(FORMATS)}")
    if wanted == "geojson" and crs.is_local(park.crs):
        raise ValueError(f"{park.crs} has no place on Earth, and GeoJSON is longitude and latitude")
    part = path.with_name(f".{path.stem}.part{FORMATS[wanted]}")
    part.unlink(missing_ok=True)
    {"gpkg": _geopackage, "geojson": _geojson, "xlsx": _excel}[wanted](park, part)
    part.replace(path)


def _geopackage(park: Park, path: Path) -> None:
    park_file.write(park, path)


def _geojson(park: Park, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        head = {"type": "FeatureCollection", "name": park.id, "version": park.version}
        file.write(json.dumps(head, ensure_ascii=False)[:-1] + ',"features":[\n')
        before = ""
        for name, table, shapes in tables(park):
            if shapes is None:
                continue
            rows = (
                pd.DataFrame(table).astype(object).where(pd.DataFrame(table).notna(), None).to_dict("records")
            )
            for row, shape in zip(rows, shapely.to_geojson(_degrees(shapes, park.crs)), strict=True):
                properties = json.dumps({"layer": name} | row, ensure_ascii=False, default=_plain)
                file.write(f'{before}{{"type":"Feature","properties":{properties},"geometry":{shape}}}')
                before = ",\n"
        file.write("\n]}\n")


def _excel(park: Park, path: Path) -> None:
    options = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": False}
    with pd.ExcelWriter(path, engine="xlsxwriter", engine_kwargs={"options": options}) as book:
        for name, table, shapes in tables(park):
            if name.startswith(park_file.SCENERY_PREFIX):
                continue
            sheet = pd.DataFrame(table).copy()
            if shapes is not None and not crs.is_local(park.crs):
                points = _degrees(shapely.point_on_surface(shapes), park.crs)
                sheet["lon"], sheet["lat"] = shapely.get_x(points), shapely.get_y(points)
            for column in sheet.columns:
                if not pd.api.types.is_numeric_dtype(sheet[column]):
                    sheet[column] = [_cell(v) for v in sheet[column].tolist()]
            sheet.to_excel(book, sheet_name=name, index=False, freeze_panes=(1, 0))
        _guide().to_excel(book, sheet_name="columns", index=False, freeze_panes=(1, 0))


def tables(park: Park) -> Iterator[tuple[str, Any, Any]]:
    """Give every layer of a park: name, table without its geometry, and shapes in the park's CRS or None."""
    head = {"id": park.id, "name_zh": park.name.zh, "name_en": park.name.en, "crs": park.crs}
    yield "park", pd.DataFrame([head | {"version": park.version}]), None
    for layer, kind, attribute in park_file.EVERY:
        if not getattr(park, attribute) and layer not in TABLES:
            continue
        table = park_file.frame_of(getattr(park, attribute), kind)
        placed = "x" in table.columns
        yield (
            layer,
            table,
            shapely.points(table["x"].to_numpy(float), table["y"].to_numpy(float)) if placed else None,
        )
    nodes = park.nodes
    yield "node", nodes, shapely.points(nodes["x"].to_numpy(float), nodes["y"].to_numpy(float))
    yield "link", park.links.drop(columns="geometry"), park.links.geometry.to_numpy()
    for name, table in park.scenery.items():
        if table is not None and len(table):
            shapes = table.geometry.to_numpy()
            yield park_file.SCENERY_PREFIX + name, table.drop(columns=table.geometry.name), shapes


def _points(table: pd.DataFrame) -> Any:
    return shapely.points(table["x"].to_numpy(float), table["y"].to_numpy(float))


def _degrees(shapes: Any, source: str) -> Any:
    def move(points: np.ndarray) -> np.ndarray:
        lon, lat = crs.to_lonlat(points[:, 0], points[:, 1], source)
        return np.column_stack([lon.round(DEGREES), lat.round(DEGREES)])

    return shapely.transform(np.asarray(shapes, object), move)


def _guide() -> pd.DataFrame:
    """What every column means."""
    rows = [
        {"sheet": name, "column": column, "meaning": text}
        for name, layer in (TABLES | {park_file.DEVICES: EXTRA[park_file.DEVICES]}).items()
        for column, text in {**layer.columns, **OPTIONAL.get(name, {})}.items()
    ]
    return pd.DataFrame(rows)


def _cell(value: Any) -> Any:
    return "" if value is None or value != value else harmless(str(value)[:MOST_CHARS])


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)
