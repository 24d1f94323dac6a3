"""Small survey files that tests write as contractors do."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
from shapely import LineString, Point, transform
from shapely.geometry.base import BaseGeometry

from geodata import crs

HERE = (120.8, 33.2)
PLANE = "EPSG:4549"

POINTS = pd.DataFrame(
    {
        "物探点号": ["WS1", "WS2", "WS3", "WS4"],
        "dx": [0.0, 60.0, 120.0, 180.0],
        "dy": [0.0, 5.0, 5.0, 40.0],
        "地面高程": [4.00, 3.95, 3.90, 3.80],
        "附属物": ["检查井", "检查井", "检查井", "排水口"],
    }
)
LINES = pd.DataFrame(
    {
        "起点点号": ["WS1", "WS3", "WS3"],
        "终点点号": ["WS2", "WS2", "WS4"],
        "起点埋深": [1.50, 1.90, 1.95],
        "终点埋深": [1.60, 1.75, 2.10],
        "管径": ["400", "400", "600x400"],
        "材质": ["PE", "砼", "砼"],
        "流向": ["0", "1", "2"],
    }
)


def origin(plane: str = PLANE) -> tuple[float, float]:
    """East and north of the place where the small survey lies."""
    x, y = crs.to_metres(*HERE, plane)
    return float(x), float(y)


def points(plane: str = PLANE) -> gpd.GeoDataFrame:
    """The points as a layer."""
    x, y = origin(plane)
    shapes = [Point(x + a, y + b) for a, b in zip(POINTS["dx"], POINTS["dy"], strict=True)]
    return gpd.GeoDataFrame(POINTS.drop(columns=["dx", "dy"]), geometry=shapes, crs=plane)


def lines(plane: str = PLANE) -> gpd.GeoDataFrame:
    """The lines as a layer that names its ends."""
    at = dict(zip(POINTS["物探点号"], points(plane).geometry, strict=True))
    shapes = [LineString([at[a], at[b]]) for a, b in zip(LINES["起点点号"], LINES["终点点号"], strict=True)]
    return gpd.GeoDataFrame(LINES.copy(), geometry=shapes, crs=plane)


def swap(shape: BaseGeometry) -> BaseGeometry:
    """North first."""
    return transform(shape, lambda xy: np.asarray(xy)[:, ::-1])


def shapefile(
    frame: gpd.GeoDataFrame, path: Path, *, encoding: str = "gbk", cpg: bool = False, prj: bool = False
) -> None:
    """Write a Shapefile as a contractor's program does: GBK, often without .cpg and .prj."""
    pyogrio.write_dataframe(frame, path, driver="ESRI Shapefile", encoding=encoding)
    if not cpg:
        path.with_suffix(".cpg").unlink(missing_ok=True)
        dbf = bytearray(path.with_suffix(".dbf").read_bytes())
        dbf[29] = 0  # the language byte says nothing
        path.with_suffix(".dbf").write_bytes(bytes(dbf))
    if not prj:
        path.with_suffix(".prj").unlink(missing_ok=True)


def workbook(sheets: dict[str, pd.DataFrame], path: Path) -> None:
    """Write an Excel file of several sheets."""
    for i, (name, frame) in enumerate(sheets.items()):
        pyogrio.write_dataframe(frame, path, layer=name, driver="XLSX", append=i > 0)


def tables(plane: str = PLANE) -> dict[str, pd.DataFrame]:
    """The points and lines as survey tables: X is north, Y is east."""
    x, y = origin(plane)
    table = POINTS.rename(columns={"dx": "Y", "dy": "X"}).assign(Y=POINTS["dx"] + x, X=POINTS["dy"] + y)
    return {"WSP": table[["物探点号", "X", "Y", "地面高程", "附属物"]], "WSL": LINES.copy()}
