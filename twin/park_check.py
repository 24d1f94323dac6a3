"""`twin park check FILE`: what is wrong in a park file, in words or as JSON, and as a file of findings."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from geodata import crs
from geodata.check import export
from geodata.check.findings import Finding, Severity
from geodata.check.places import Known
from geodata.check.run import check
from geodata.places import Park
from geodata.words import Lang, Text
from twin import factors
from twin.errors import ConfigError, MissingError
from twin.limits import Limits
from twin.park_file import open_park

ABOUT = Text("检查园区文件", "check a park file")
FILE = Text("园区文件 .gpkg，或 .inp 模型", "a park file .gpkg, or an .inp model")
AS_JSON = Text("结果写成一个 JSON 对象", "print one JSON object")
EXPORT = Text(
    "检查结果另存为 .gpkg、.geojson、.xlsx 或 .csv", "write the findings as .gpkg, .geojson, .xlsx or .csv"
)
CLEAN = Text("{path}：没有发现问题", "{path}: nothing is wrong")
SUM = Text(
    "{path}：错误 {error}，警告 {warning}，提示 {note}",
    "{path}: {error} errors, {warning} warnings, {note} notes",
)
MEND = Text("处理：{mend}", "mend: {mend}")
SEVERITIES = {
    Severity.ERROR: Text("错误", "error"),
    Severity.WARNING: Text("警告", "warning"),
    Severity.NOTE: Text("提示", "note"),
}


def known(park: Park, limits: Path | None = None) -> Known:
    """Return the factors of the product and which of the limit sets a park names exist.

    Parameters
    ----------
    limits : Path, optional
        The park's own TOML file of limits.

    Raises
    ------
    ConfigError
        The file cannot be used.
    """
    Limits.load(replace(park, stations=()), limits)
    exist = {name for name in {s.limit_set for s in park.stations} if _exists(park, name, limits)}
    return Known(frozenset(f.code for f in factors.known()), frozenset(exist))


def _exists(park: Park, name: str, limits: Path | None) -> bool:
    station = next(s for s in park.stations if s.limit_set == name)
    try:
        Limits.load(replace(park, stations=(station,)), limits)
    except ConfigError:
        return False
    return True


def main(words: Sequence[str], lang: Lang, flows: Path | None = None) -> int:
    """Check one file; returns 0 without errors, 1 with, 2 if it cannot be read."""
    grammar = argparse.ArgumentParser(prog="twin park check", description=ABOUT.say(lang))
    grammar.add_argument("file", type=Path, help=FILE.say(lang))
    grammar.add_argument("--json", action="store_true", help=AS_JSON.say(lang))
    grammar.add_argument("--export", type=Path, metavar="OUT", help=EXPORT.say(lang))
    o = grammar.parse_args(list(words))
    began = time.perf_counter()
    try:
        park = open_park(o.file, flows=flows)
        found = check(park, known(park))
        if o.export is not None:
            export.write(found, park.crs, o.export)
    except (MissingError, ConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (ValueError, OSError) as error:  # the file of findings
        sys.stderr.write(f"{o.export}: {error}\n")
        return 2
    took = time.perf_counter() - began
    if o.json:
        sys.stdout.write(json.dumps(as_json(park, o.file, found, took), ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(as_text(o.file, found, lang))
    return 1 if any(f.severity is Severity.ERROR for f in found) else 0


def as_json(park: Park, path: Path, found: Sequence[Finding], took_s: float) -> dict[str, Any]:
    """Return the report; x, y are in the park's CRS (m), lon, lat WGS 84."""
    count = Counter(f.severity for f in found)
    places = _places(park, found)
    return {
        "file": str(path),
        "park": park.id,
        "version": park.version,
        "crs": park.crs,
        "errors": count[Severity.ERROR],
        "warnings": count[Severity.WARNING],
        "notes": count[Severity.NOTE],
        "kinds": dict(sorted(Counter(f.kind for f in found).items())),
        "seconds": round(took_s, 3),
        "findings": [
            {
                "kind": f.kind,
                "severity": str(f.severity),
                "layer": f.layer,
                "id": f.feature,
                "other": f.other,
                **place,
                "sentence": {"zh": f.sentence.zh, "en": f.sentence.en},
                "mend": {"zh": f.mend.zh, "en": f.mend.en},
                "safe": f.safe,
            }
            for f, place in zip(found, places, strict=True)
        ],
    }


def _places(park: Park, found: Sequence[Finding]) -> list[dict[str, float | None]]:
    if not found:
        return []
    points = [f.geometry.representative_point() if f.geometry is not None else None for f in found]
    x = np.array([p.x if p is not None and not p.is_empty else np.nan for p in points])
    y = np.array([p.y if p is not None and not p.is_empty else np.nan for p in points])
    nowhere = np.full(len(x), np.nan)  # a model in its own plane, or a CRS that does not exist
    somewhere = crs.is_known(park.crs) and not crs.is_local(park.crs)
    lon, lat = crs.to_lonlat(x, y, park.crs) if somewhere else (nowhere, nowhere)
    columns = {"x": x.round(2), "y": y.round(2), "lon": lon.round(7), "lat": lat.round(7)}
    return [
        {name: float(v[i]) if np.isfinite(v[i]) else None for name, v in columns.items()}
        for i in range(len(found))
    ]


def as_text(path: Path, found: Sequence[Finding], lang: Lang) -> str:
    """Return the report for people, one finding a line."""
    if not found:
        return CLEAN.fill(path=path).say(lang) + "\n"
    count = Counter(f.severity for f in found)
    lines = [SUM.fill(path=path, **{str(s): count[s] for s in Severity}).say(lang)]
    for f in found:
        mend = MEND.fill(mend=f.mend).say(lang)
        lines.append(f"{SEVERITIES[f.severity].say(lang)}  {f.sentence.say(lang)}  ({mend})")
    return "\n".join(lines) + "\n"
