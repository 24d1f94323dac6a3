"""What a check found, and what differs between two versions, as drawings for the map."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import shapely

from geodata.check.findings import Finding
from geodata.park import EVERY
from geodata.places import Park
from geodata.versions import Change
from layers.feature import lonlat

MOST = 3000
"""Marks drawn at once; the worst findings, or the first changes, come first."""


def findings(park: Park, found: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings that have a place as marks with the tone of their severity."""
    placed = [f for f in found if f.geometry is not None and not f.geometry.is_empty][:MOST]
    # Lines are marked at a point on them: drawn whole, a hundred of them hide the park.
    points = [f.geometry.representative_point() for f in placed if f.geometry is not None]
    rows = [{"kind": "mark", "tone": str(f.severity), "fit": False} for f in placed]
    return _features(park.crs, points, rows)


def picked(park: Park, finding: Finding) -> list[dict[str, Any]]:
    """Return one finding as the mark the map flies to."""
    if finding.geometry is None or finding.geometry.is_empty:
        return []
    title = " · ".join(x for x in (finding.feature, finding.other) if x)
    return _features(park.crs, [finding.geometry], [{"kind": "mark", "tone": "picked", "title": title}])


def changes(old: Park, new: Park, found: Mapping[str, Change], *, fit: bool = True) -> list[dict[str, Any]]:
    """Return what differs from one park to another as marks: added, removed, moved, changed."""
    made: list[dict[str, Any]] = []
    for layer, change in found.items():
        before, after = shapes(old, layer), shapes(new, layer)
        for tone, ids, where, source in (
            ("changed", change.changed, after, new.crs),
            ("moved", change.moved, after, new.crs),
            ("added", change.added, after, new.crs),
            ("removed", change.removed, before, old.crs),
        ):
            known = [i for i in ids if i in where][: max(MOST - len(made), 0)]
            rows = [{"kind": "mark", "tone": tone, "fit": fit} for _ in known]
            made += _features(source, [where[i] for i in known], rows)
    return made


def shape_of(park: Park, layer: str, id: str) -> list[dict[str, Any]]:
    """Return one feature as the mark the map flies to; nothing where it has no place."""
    found = shapes(park, layer).get(id)
    row = {"kind": "mark", "tone": "picked", "title": id}
    return _features(park.crs, [found], [row]) if found is not None else []


def shapes(park: Park, layer: str) -> dict[str, Any]:
    """Return where the features of a layer lie, by id, in the park's CRS."""
    if layer == "link":
        ids, lines = park.links["id"].astype(str), park.links.geometry.to_numpy()
        return {i: g for i, g in zip(ids, lines, strict=True) if g is not None and not g.is_empty}
    if layer == "node":
        table = park.nodes
        return _points(table["id"].astype(str), table["x"].to_numpy(float), table["y"].to_numpy(float))
    attribute = next((a for name, _, a in EVERY if name == layer), "")
    records = [r for r in getattr(park, attribute, ()) if hasattr(r, "x")]
    x, y = (np.array([getattr(r, c) for r in records], float) for c in ("x", "y"))
    return _points([r.id for r in records], x, y)


def _points(ids: Iterable[str], x: Any, y: Any) -> dict[str, Any]:
    known = np.isfinite(x) & np.isfinite(y)
    points = shapely.points(x, y)
    return {i: p for i, p, k in zip(ids, points, known, strict=True) if k}


def _features(source: str, found: list[Any], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not found:
        return []
    texts = shapely.to_geojson(lonlat(np.asarray(found, object), source))
    return [
        {"type": "Feature", "properties": row, "geometry": json.loads(text)}
        for row, text in zip(rows, texts, strict=True)
    ]
