"""The park as collections of features: what stands where, and what it says now.

A collection is columns: ids, shapes in WGS 84, properties. What never changes in a version of the park is
built once; values of stations and gates are read from the live board at every request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata import crs
from geodata.places import Gate, Park, Station
from geodata.words import Text
from layers.feature import lonlat
from twin.clock import as_datetime
from twin.factors import factor
from twin.model import Level, Point

if TYPE_CHECKING:
    from callbacks.pages import Web

Columns = dict[str, Sequence[Any]]
Bools = NDArray[np.bool_]

TITLES: dict[str, Text] = {
    "station": Text("监测站点及现值", "Stations with their values now"),
    "reading": Text("各站点各因子的最近读数", "The last reading of every factor of every station"),
    "gate": Text("闸门及现状", "Gates as they stand now"),
    "enterprise": Text("企业", "Enterprises"),
    "outlet": Text("排口", "Outlets"),
    "receptor": Text("敏感点", "Receptors"),
    "device": Text("企业端的阀和泵", "Valves and pumps of enterprises"),
    "pool": Text("应急池", "Emergency pools"),
    "facility": Text("污水厂与泵站", "Works and pump stations"),
    "node": Text("管网节点", "Nodes of the network"),
    "link": Text("管段、渠段、河段、泵、阀、闸", "Pipes, channels, reaches, pumps, valves and gates"),
}
SCENERY = Text("底图：{name}", "Drawn layer {name}")


@dataclass(frozen=True, slots=True, eq=False)
class Collection:
    """n features of one kind.

    Attributes
    ----------
    shapes : (n,) geometry
        In WGS 84, longitude first; empty where the park lies in a plane without a place on Earth.
    columns : dict
        n values of each property that does not change with the water.
    live : callable
        Gives the columns that do; their names are in `live_names`.
    moments : str
        The property that says when a feature was so; empty where features are not of a moment.
    """

    id: str
    title: Text
    ids: tuple[str, ...]
    shapes: NDArray[np.object_]
    columns: Columns
    live: Callable[[], Columns] = dict
    live_names: tuple[str, ...] = ()
    moments: str = ""

    @property
    def properties(self) -> tuple[str, ...]:
        """Names of all properties."""
        return (*self.columns, *self.live_names)

    def bounds(self) -> list[float] | None:
        """Return west, south, east, north of all features; None where nothing has a place."""
        if not len(self.shapes):
            return None
        found = shapely.total_bounds(self.shapes)
        return [float(v) for v in found] if np.isfinite(found).all() else None


def collections(web: Web) -> dict[str, Collection]:
    """Return the collections of the park a web process shows now."""
    park = web.park
    made = [
        _stations(web),
        _readings(web),
        _gates(web),
        *(
            _records(park, name, rows)
            for name, rows in (
                ("enterprise", park.enterprises),
                ("outlet", park.outlets),
                ("receptor", park.receptors),
                *((("device", park.devices),) if park.devices else ()),
                ("pool", park.pools),
                ("facility", park.facilities),
            )
        ),
        _table(park, "node", park.nodes, shapely.points(park.nodes["x"], park.nodes["y"])),
        _table(park, "link", park.links, park.links.geometry.to_numpy()),
        *_scenery(park),
    ]
    return {c.id: c for c in made}


def plain(value: Any) -> Any:
    """Return a value as JSON has it: text, number, true or false, or nothing."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return None
    if isinstance(value, bool | int | float):
        return value
    return str(value)


def _records(park: Park, name: str, rows: Sequence[Any]) -> Collection:
    shapes = _placed(shapely.points([r.x for r in rows], [r.y for r in rows]), park)
    return Collection(name, TITLES[name], tuple(r.id for r in rows), shapes, _columns(rows))


def _columns(rows: Sequence[Any]) -> Columns:
    """Turn records into columns: texts become two, lists one text; the id and the place stand elsewhere."""
    found: Columns = {}
    for field in fields(rows[0]) if rows else ():
        values = [getattr(r, field.name) for r in rows]
        if field.name in ("id", "x", "y"):
            continue
        if any(isinstance(v, Text) for v in values):
            found |= {f"{field.name}_zh": [v.zh for v in values], f"{field.name}_en": [v.en for v in values]}
        elif any(isinstance(v, tuple) for v in values):
            found[field.name] = [_listed(v) for v in values]
        else:
            found[field.name] = [plain(v) for v in values]
    return found


def _listed(value: tuple[Any, ...]) -> str:
    return ", ".join("-".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in value)


def _table(park: Park, name: str, table: Any, shapes: Any) -> Collection:
    names = [c for c in table.columns if c not in ("id", "x", "y", "geometry")]
    columns: Columns = {c: [plain(v) for v in table[c].tolist()] for c in names}
    return Collection(name, TITLES[name], tuple(map(str, table["id"])), _placed(shapes, park), columns)


def _scenery(park: Park) -> Iterator[Collection]:
    for name, table in park.scenery.items():
        if table is None or table.empty:
            continue
        columns: Columns = {
            c: [plain(v) for v in table[c].tolist()] for c in table.columns if c != table.geometry.name
        }
        ids = tuple(str(i) for i in range(1, len(table) + 1))
        title = SCENERY.fill(name=name)
        yield Collection(f"map_{name}", title, ids, _placed(table.geometry.to_numpy(), park), columns)


def _stations(web: Web) -> Collection:
    base = _records(web.park, "station", web.park.stations)
    factors = tuple(dict.fromkeys(f for s in web.park.stations for f in s.factors))
    return Collection(
        *(base.id, base.title, base.ids, base.shapes, base.columns),
        live=partial(_station_values, web, web.park.stations, factors),
        live_names=("level", "at", *factors),
    )


def _station_values(web: Web, stations: Sequence[Station], factors: tuple[str, ...]) -> Columns:
    board = web.live.board
    levels, moments = [], []
    values: dict[str, list[Any]] = {f: [] for f in factors}
    for s in stations:
        read = {f: board.reading(Point(s.id, f)) for f in s.factors}
        for f in factors:
            values[f].append(plain(read[f].value) if f in read else None)
        newest = max((r.at_ms for r in read.values()), default=0)
        moments.append(_moment(newest))
        levels.append(max((r.level for r in read.values()), default=0))
    return {"level": [_word(v) for v in levels], "at": moments, **values}


def _readings(web: Web) -> Collection:
    park = web.park
    points = [(s, f) for s in park.stations for f in s.factors]
    known = [factor(f) for _, f in points]
    base: Columns = {
        "station": [s.id for s, _ in points],
        "mn": [s.mn for s, _ in points],
        "factor": [f for _, f in points],
        "factor_zh": [f.name.zh for f in known],
        "factor_en": [f.name.en for f in known],
        "unit": [f.unit for f in known],
    }
    return Collection(
        "reading",
        TITLES["reading"],
        tuple(f"{s.id}:{f}" for s, f in points),
        _placed(shapely.points([s.x for s, _ in points], [s.y for s, _ in points]), park),
        base,
        live=partial(_reading_values, web, [Point(s.id, f) for s, f in points]),
        live_names=("value", "level", "at"),
        moments="at",
    )


def _reading_values(web: Web, points: Sequence[Point]) -> Columns:
    read = [web.live.board.reading(p) for p in points]
    return {
        "value": [plain(r.value) for r in read],
        "level": [_word(r.level) for r in read],
        "at": [_moment(r.at_ms) for r in read],
    }


def _gates(web: Web) -> Collection:
    base = _records(web.park, "gate", web.park.gates)
    return Collection(
        *(base.id, base.title, base.ids, base.shapes, base.columns),
        live=partial(_gate_states, web, web.park.gates),
        live_names=("position", "state", "at"),
    )


def _gate_states(web: Web, gates: Sequence[Gate]) -> Columns:
    now: Mapping[str, Any] = {g.gate: g for g in web.live.facts.gates}
    return {
        "position": [plain(now[g.id].position) if g.id in now else None for g in gates],
        "state": [web.live.gate_word(g.id) for g in gates],
        "at": [now[g.id].at.strftime("%Y-%m-%dT%H:%M:%SZ") if g.id in now else None for g in gates],
    }


def _word(level: int) -> str:
    return Level(level).name.lower()


def _moment(ms: int) -> str | None:
    return as_datetime(ms).strftime("%Y-%m-%dT%H:%M:%SZ") if ms else None


def _placed(shapes: Any, park: Park) -> NDArray[np.object_]:
    """Return shapes in WGS 84; empty ones where the park's plane has no place on Earth."""
    found = np.asarray(shapes, object)
    if not len(found):
        return found
    if crs.is_local(park.crs):
        return np.full(len(found), shapely.GeometryCollection(), object)
    return np.asarray(lonlat(found, park.crs), object)
