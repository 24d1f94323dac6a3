"""A park as GeoJSON for the browser: WGS 84, built once for each park version, compressed once.

Shelves, so that what is drawn first can arrive first: `ground` (coast, sea, fields, roads), `plots` (water,
parcels, tanks, racks), `network` (links, turned the way their water runs), `places`, and as columns `sites`
(stations, where there are very many) and `points` (the order of the live feed).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from geodata import crs
from geodata.places import Park
from layers import gates, network, stations
from layers.feature import DECIMALS, lonlat

GROUND = (
    "sea",
    "land",
    "flat",
    "bathymetry",
    "field",
    "green",
    "road",
    "dike",
    "jetty",
    "outfall",
    "boundary",
)
NOWHERE = (120.0, 33.0, 120.1, 33.1)
"""Shown of a park in which nothing has a position."""
DENSE = 3000
"""More stations than this are sent as columns and drawn as a cloud."""
PLOTS = ("canal", "parcel", "plot", "tank", "pool", "rack", "label")


@dataclass(frozen=True, slots=True)
class Layer:
    """One GeoJSON document, as it is sent."""

    plain: bytes
    gzipped: bytes
    etag: str


class Shelf:
    """The park's geometry, each layer built when first asked for; may be asked from several threads."""

    def __init__(self, park: Park) -> None:
        self._park = park
        self._built: dict[str, Layer] = {}
        self._building = threading.Lock()

    @property
    def version(self) -> str:
        """Version of the park that is on it."""
        return self._park.version

    def get(self, name: str) -> Layer | None:
        """Return a layer, None if there is none of that name."""
        if name not in MAKERS:
            return None
        with self._building:
            if name not in self._built:
                self._built[name] = pack(MAKERS[name](self._park))
        return self._built[name]


def pack(collection: Mapping[str, Any]) -> Layer:
    """Return a collection as it is sent."""
    plain = json.dumps(collection, ensure_ascii=False, separators=(",", ":")).encode()
    etag = f'"{hashlib.sha256(plain).hexdigest()[:20]}"'
    return Layer(plain, gzip.compress(plain, 6, mtime=0), etag)


def ground(park: Park) -> dict[str, Any]:
    """Return coast, sea, fields and roads."""
    return _collection(park, _scenery(park, GROUND))


def plots(park: Park) -> dict[str, Any]:
    """Return parcels, plots, tanks, canals as water, racks and the labels of water and roads."""
    return _collection(park, _scenery(park, PLOTS))


def links(park: Park) -> dict[str, Any]:
    """Return pipes, rain channels and reaches."""
    return _collection(park, _features(network.rows(park), network.shapes(park), park.crs))


def places(park: Park) -> dict[str, Any]:
    """Return everything with a name and a point; very many stations come by themselves, as `sites`."""
    dense = len(park.stations) > DENSE
    rows = [*([] if dense else stations.rows(park)), *gates.rows(park), *network.place_rows(park)]
    points = shapely.points([r.pop("x") for r in rows], [r.pop("y") for r in rows])
    return _collection(park, _features(rows, points, park.crs)) | {"dense": dense}


def sites(park: Park) -> dict[str, Any]:
    """Return the stations as columns: degrees, kind and name, in the park's order, which `points` has too."""
    at = park.stations
    lon, lat = crs.to_lonlat([s.x for s in at], [s.y for s in at], park.crs) if at else ((), ())
    kinds = sorted({str(s.kind) for s in at})
    place = {kind: n for n, kind in enumerate(kinds)}
    return {
        "version": park.version,
        "id": [s.id for s in at],
        "lon": [round(v, DECIMALS) if math.isfinite(v) else None for v in lon],
        "lat": [round(v, DECIMALS) if math.isfinite(v) else None for v in lat],
        "kinds": kinds,
        "kind": [place[str(s.kind)] for s in at],
        "zh": [s.name.zh for s in at],
        "en": [s.name.en for s in at],
    }


def points(park: Park) -> dict[str, Any]:
    """Return the order of the live feed's columns: stations, how many points each has, and their factors."""
    codes = sorted({code for s in park.stations for code in s.factors})
    place = {code: n for n, code in enumerate(codes)}
    return {
        "version": park.version,
        "stations": [s.id for s in park.stations],
        "many": [len(s.factors) for s in park.stations],
        "factors": codes,
        "factor": [place[code] for s in park.stations for code in s.factors],
    }


MAKERS: dict[str, Callable[[Park], dict[str, Any]]] = {
    "ground": ground,
    "plots": plots,
    "network": links,
    "places": places,
    "sites": sites,
    "points": points,
}


def bounds(park: Park) -> list[float]:
    """Return [west, south, east, north] in degrees of what the park is about.

    That is its enterprises and its stations; of a park that has neither, its network.
    """
    x, y = (np.array([getattr(r, c) for r in (*park.stations, *park.enterprises)], float) for c in ("x", "y"))
    if not np.isfinite(x).any():
        x, y = (park.nodes[c].to_numpy(float) for c in ("x", "y"))
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return list(NOWHERE)
    x, y = x[known], y[known]
    lon, lat = crs.to_lonlat(x, y, park.crs)
    return [round(float(v), DECIMALS) for v in (lon.min(), lat.min(), lon.max(), lat.max())]


def _collection(park: Park, features: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "version": park.version,
        "bounds": bounds(park),
        "features": list(features),
    }


def _scenery(park: Park, names: Iterable[str]) -> Iterable[dict[str, Any]]:
    for name in names:
        table = park.scenery.get(name)
        if table is None or table.empty:
            continue
        columns = [c for c in table.columns if c != table.geometry.name]
        rows = [
            {"layer": name} | {k: v for k, v in row.items() if not _nothing(v)}
            for row in table[columns].to_dict("records")
        ] or [{"layer": name}] * len(table)
        yield from _features(rows, table.geometry.to_numpy(), park.crs)


def _nothing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _features(rows: list[dict[str, Any]], shapes: Any, source: str) -> list[dict[str, Any]]:
    texts = shapely.to_geojson(lonlat(np.asarray(shapes, object), source))
    return [
        {"type": "Feature", "properties": row, "geometry": json.loads(text)}
        for row, text in zip(rows, texts, strict=True)
    ]
