"""Findings as files that a surveyor opens: GeoPackage, GeoJSON, Excel or CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from geodata import crs
from geodata.check.findings import Finding

# A cell that begins with one of these is a formula to a spreadsheet.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".xlsx": "XLSX", ".csv": "CSV"}
LAYER = "findings"


def frame(findings: Sequence[Finding], park_crs: str) -> gpd.GeoDataFrame:
    """Return the findings as a table, one row each, with a point on the feature as x and y (m)."""
    columns = ("severity", "kind", "layer", "id", "other", "sentence_zh", "sentence_en", "mend_zh", "mend_en")
    rows = [
        (
            *(str(f.severity), f.kind, f.layer, f.feature, f.other),
            *(f.sentence.zh, f.sentence.en, f.mend.zh, f.mend.en),
        )
        for f in findings
    ]
    table = pd.DataFrame(rows, columns=list(columns), dtype=object)
    table["safe"] = pd.Series([f.safe for f in findings], dtype=bool)
    points = gpd.GeoSeries([f.geometry for f in findings], crs=park_crs).representative_point()
    table["x"], table["y"] = points.x.round(2), points.y.round(2)
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries([f.geometry for f in findings], crs=park_crs))


def write(findings: Sequence[Finding], park_crs: str, path: Path) -> None:
    """Write findings as the file's ending says, replacing the file in one step.

    Spreadsheets get no geometry but x and y, and no cell that a spreadsheet would run.

    Raises
    ------
    ValueError
        The ending is none of `DRIVERS`.
    """
    ending = path.suffix.lower()
    if ending not in DRIVERS:
        raise ValueError(f"{path.name}: findings are written as {', '.join(DRIVERS)}")
    table = frame(findings, park_crs)
    part = path.with_name(f".{path.stem}.part{ending}")
    part.unlink(missing_ok=True)
    if ending in (".xlsx", ".csv"):
        plain = pd.DataFrame(table.drop(columns="geometry"))
        for column in plain.columns:
            if plain[column].dtype == object:
                plain[column] = plain[column].map(harmless)
        if ending == ".csv":
            plain.to_csv(part, index=False, encoding="utf-8-sig")  # Excel takes the mark for UTF-8
        else:
            pyogrio.write_dataframe(plain, part, layer=LAYER, driver="XLSX")
    else:
        if ending == ".geojson":
            table = crs.to_wgs84(table)
        pyogrio.write_dataframe(table, part, layer=LAYER, driver=DRIVERS[ending])
    part.replace(path)


def harmless(cell: object) -> object:
    """Put an apostrophe before a text that a spreadsheet would take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
