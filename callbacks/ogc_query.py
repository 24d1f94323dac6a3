"""What a request for features asks, and which features that is (OGC 17-069r4, 7.15 and 7.16)."""

from __future__ import annotations

import json
from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import shapely
from numpy.typing import NDArray

from callbacks.features import Bools, Collection, Columns

USUAL, MOST = 100, 10_000
GEOJSON = "application/geo+json"
KNOWN = ("limit", "offset", "bbox", "datetime", "f")
FORMATS = ("json", "geojson")

Rows = NDArray[np.int64]


class QueryError(ValueError):
    """A parameter that is not known, or whose value is wrong."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked.

    Attributes
    ----------
    bbox : tuple of float or None
        West, south, east, north; west above east crosses the antimeridian.
    since, until : datetime or None
        Both ends count; None is open.
    timed : bool
        Whether a time is asked for at all.
    wanted : mapping
        Values of properties.
    """

    limit: int
    offset: int
    bbox: tuple[float, float, float, float] | None
    timed: bool
    since: datetime | None
    until: datetime | None
    wanted: Mapping[str, str]

    @staticmethod
    def nothing_but(query: Mapping[str, str], names: Names[str]) -> None:
        """Refuse parameters that are not among these, and formats there are not.

        Raises
        ------
        QueryError
            There is such a one.
        """
        for name in query:
            if name not in names:
                raise QueryError(f"there is no parameter {name}; there are {', '.join(sorted(names))}")
        if query.get("f", "json") not in FORMATS:
            raise QueryError(f"f={query['f']}: answers are written as {' or '.join(FORMATS)}")


def parse(collection: Collection, query: Mapping[str, str]) -> Query:
    """Read the parameters of a request for a collection's items.

    Raises
    ------
    QueryError
        A parameter is not known or its value is wrong; the sentence names it.
    """
    Query.nothing_but(query, (*KNOWN, *collection.properties))
    since, until = _times(query["datetime"]) if "datetime" in query else (None, None)
    limit = _whole(query, "limit", USUAL, 1)
    return Query(
        limit=min(limit, MOST),  # 7.15.2: more than the server's most is no error, fewer are given
        offset=_whole(query, "offset", 0, 0),
        bbox=_bbox(query["bbox"]) if "bbox" in query else None,
        timed="datetime" in query,
        since=since,
        until=until,
        wanted={k: v for k, v in query.items() if k not in KNOWN},
    )


def chosen(collection: Collection, query: Query) -> tuple[Rows, Columns]:
    """Return the features that are asked for, all pages of them, and the live columns of this moment."""
    live = collection.live()
    keep = np.ones(len(collection.ids), bool)
    if query.bbox is not None:
        keep &= _within(collection.shapes, query.bbox)
    if query.timed and collection.moments:
        keep &= _during((live or collection.columns)[collection.moments], query)
    for name, value in query.wanted.items():
        column = collection.columns[name] if name in collection.columns else live[name]
        keep &= np.fromiter((_same(v, value) for v in column), bool, len(keep))
    return np.flatnonzero(keep), live


def features(
    collection: Collection, query: Query, rows: Rows, live: Columns, base: str, given: Mapping[str, str]
) -> dict[str, Any]:
    """Return one page as a GeoJSON FeatureCollection with its links."""
    page = rows[query.offset : query.offset + query.limit]
    here = f"{base}/collections/{quote(collection.id)}/items"

    def link(rel: str, offset: int) -> dict[str, str]:
        asked = dict(given)
        if rel != "self":
            asked |= {"offset": str(offset), "limit": str(query.limit)}
        tail = f"?{urlencode(asked)}" if asked else ""
        return {"rel": rel, "type": GEOJSON, "title": rel, "href": here + tail}

    links = [link("self", query.offset), {**_up(collection, base), "rel": "collection"}]
    if query.offset + query.limit < len(rows):
        links.append(link("next", query.offset + query.limit))
    if query.offset > 0:
        links.append(link("prev", max(query.offset - query.limit, 0)))
    return {
        "type": "FeatureCollection",
        "numberMatched": len(rows),
        "numberReturned": len(page),
        "links": links,
        "features": _written(collection, page, live),
    }


def one(collection: Collection, key: str, base: str) -> dict[str, Any] | None:
    """Return one feature with its links; None where there is none of that id."""
    if key not in collection.ids:
        return None
    row = np.array([collection.ids.index(key)])
    made = _written(collection, row, collection.live())[0]
    here = f"{base}/collections/{quote(collection.id)}/items/{quote(key, safe='')}"
    return made | {"links": [{"rel": "self", "type": GEOJSON, "href": here}, _up(collection, base)]}


def _up(collection: Collection, base: str) -> dict[str, str]:
    href = f"{base}/collections/{quote(collection.id)}"
    return {"rel": "collection", "type": "application/json", "title": collection.title.en, "href": href}


def _written(collection: Collection, rows: Rows, live: Columns) -> list[dict[str, Any]]:
    columns = collection.columns | live
    shapes = [
        None if shape is None or shape.is_empty else json.loads(shapely.to_geojson(shape))
        for shape in collection.shapes[rows]
    ]
    return [
        {
            "type": "Feature",
            "id": collection.ids[row],
            "geometry": shape,
            "properties": {name: column[row] for name, column in columns.items()},
        }
        for row, shape in zip(rows.tolist(), shapes, strict=True)
    ]


def _whole(query: Mapping[str, str], name: str, usual: int, least: int) -> int:
    text = query.get(name)
    if text is None:
        return usual
    if not text.isascii() or not text.isdigit() or len(text) > 12 or int(text) < least:
        raise QueryError(f"{name}={text}: a whole number of {least} or more is wanted")
    return int(text)


def _bbox(text: str) -> tuple[float, float, float, float]:
    try:
        numbers = [float(v) for v in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 6:  # with heights, which nothing here has
        numbers = [*numbers[:2], *numbers[3:5]]
    west, south, east, north = numbers if len(numbers) == 4 else [np.nan] * 4
    good = abs(west) <= 180 and abs(east) <= 180 and -90 <= south <= north <= 90
    if not good:
        raise QueryError(f"bbox={text}: west,south,east,north in degrees is wanted")
    return west, south, east, north


def _within(shapes: NDArray[np.object_], box: tuple[float, float, float, float]) -> Bools:
    west, south, east, north = box
    parts = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    found = np.zeros(len(shapes), bool)
    for a, b in parts:
        found |= shapely.intersects(shapes, shapely.box(a, south, b, north))
    return found


def _times(text: str) -> tuple[datetime | None, datetime | None]:
    ends = text.split("/")
    if len(ends) > 2 or (len(ends) == 2 and all(e in ("", "..") for e in ends) and ends != ["..", ".."]):
        raise QueryError(f"datetime={text}: a moment, or two with / between, is wanted")
    read = [None if len(ends) == 2 and e in ("", "..") else _moment(e, text) for e in ends]
    first, last = (read[0], read[0]) if len(read) == 1 else (read[0], read[1])
    if first is not None and last is not None and first > last:
        raise QueryError(f"datetime={text}: ends before it begins")
    return first, last


def _moment(text: str, whole: str) -> datetime:
    try:
        if "T" not in text.upper():
            raise ValueError  # RFC 3339, 5.6: a date-time
        found = datetime.fromisoformat(text.upper())
        if found.tzinfo is None:
            raise ValueError
    except ValueError as error:
        raise QueryError(f"datetime={whole}: {text!r} is no moment like 2026-01-31T08:00:00Z") from error
    return found.astimezone(UTC)


def _during(moments: Sequence[str | None], query: Query) -> Bools:
    """Which features are of the time asked for; one without a moment is of every time (7.15.4)."""
    read = [None if m is None else datetime.fromisoformat(m) for m in moments]
    return np.array(
        [
            m is None
            or ((query.since is None or m >= query.since) and (query.until is None or m <= query.until))
            for m in read
        ],
        bool,
    )


def _same(value: Any, text: str) -> bool:
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, int | float):
        try:
            return float(text) == value
        except ValueError:
            return False
    return text == ("" if value is None else value)
