"""Checks of what people speak of: enterprises, outlets, gates, stations, receptors, pools, fingerprints."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order
from shapely.geometry.base import BaseGeometry

from geodata import crs
from geodata.check.codes import credit_check, is_mn
from geodata.check.findings import Finding, finding
from geodata.check.table import Table, find, point
from geodata.places import OutletKind, Park

GATE_M = 30.0  # how far a gate's point may lie from its link
OFF_NODE_M = {OutletKind.WASTEWATER: 50.0, OutletKind.RAIN: 50.0, OutletKind.CROSSING: 150.0}
STATION_M = 50.0
OUTSIDE_M = 5_000.0  # how far outside its border a park may reach: outfalls, receptors
SPREAD_M = 50_000.0  # the same from the middle of the network, where there is no border
CHINA = (73.0, 136.0, 3.0, 54.0)  # degrees: west, east, south, north
LAYERS = (
    ("enterprise", "enterprises"),
    ("outlet", "outlets"),
    ("gate", "gates"),
    ("station", "stations"),
    ("receptor", "receptors"),
    ("pool", "pools"),
    ("facility", "facilities"),
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the rest of the product knows and a park may name; None where nobody can say.

    factors: HJ 212-2017 codes. limit_sets: the names among those given that are limits.
    """

    factors: frozenset[str] | None = None
    limit_sets: frozenset[str] | None = None


def check(park: Park, t: Table, known: Known) -> Iterator[Finding]:
    """Give every finding about the park's places."""
    yield from _ids(park, t)
    if (lost := _crs(park, t)) is not None:
        yield lost
    else:
        yield from _positions(park, t)
    yield from _enterprises(park)
    yield from _slots(park)
    yield from _outlets(park, t)
    yield from _gates(park, t)
    yield from _stations(park, t, known)
    yield from _receptors(park, t)
    yield from _stores(park, t)
    yield from _fingerprints(park, known)


def _ids(park: Park, t: Table) -> Iterator[Finding]:
    for layer, attribute in LAYERS:
        records = getattr(park, attribute)
        for key, count in Counter(r.id for r in records).items():
            if count > 1:
                first = next(r for r in records if r.id == key)
                yield finding("id_twice", layer, key, point(first.x, first.y), value=count)
    for layer, ids, where in (("node", t.node, t.point), ("link", t.link, t.line)):
        twice = pd.Series(ids)[pd.Series(ids).duplicated(keep=False)]
        for key, rows in twice.groupby(twice).indices.items():
            at = int(twice.index[rows[0]])
            yield finding("id_twice", layer, str(key), where(at), value=len(rows))


def _crs(park: Park, t: Table) -> Finding | None:
    """The park lies nowhere in China, or nobody can say where: the finding, or None."""
    if not crs.is_known(park.crs):
        return finding("crs_unknown", "park", park.id, None, value=park.crs)
    if crs.is_local(park.crs):  # a model in its own plane
        return None
    x, y = float(np.nanmedian(t.x)), float(np.nanmedian(t.y))
    lon, lat = (float(v) for v in crs.to_lonlat(x, y, park.crs))
    west, east, south, north = CHINA
    if west <= lon <= east and south <= lat <= north:
        return None
    said = {"value": park.crs, "lon": f"{lon:.4f}", "lat": f"{lat:.4f}"}
    return finding("crs_out_of_zone", "park", park.id, point(x, y), **said)


def _positions(park: Park, t: Table) -> Iterator[Finding]:
    border = park.scenery.get("boundary")
    if border is not None and len(border):
        inside, room = border.geometry.union_all(), OUTSIDE_M
    else:
        inside, room = shapely.Point(np.nanmedian(t.x), np.nanmedian(t.y)), SPREAD_M
    rows = [(layer, r.id, r.x, r.y) for layer, attribute in LAYERS for r in getattr(park, attribute)]
    names = [*((a, b) for a, b, _, _ in rows), *(("node", n) for n in t.node)]
    x, y = np.append([r[2] for r in rows], t.x), np.append([r[3] for r in rows], t.y)
    nowhere = ~(np.isfinite(x) & np.isfinite(y))
    points = shapely.points(np.where(nowhere, 0.0, x), np.where(nowhere, 0.0, y))
    shapely.prepare(inside)
    off = np.where(shapely.covers(inside, points), 0.0, np.inf)
    outside = np.flatnonzero(off > 0)
    off[outside] = shapely.distance(inside, points[outside])
    for i in np.flatnonzero(nowhere | (off > room)):
        layer, key = names[i]
        if nowhere[i]:
            yield finding("no_position", layer, key, None)
        else:
            yield finding("outside_park", layer, key, points[i], value=f"{off[i] / 1000:.1f}")


def _enterprises(park: Park) -> Iterator[Finding]:
    owners = {o.enterprise for o in park.outlets}
    seen: dict[str, str] = {}
    for e in park.enterprises:
        at = point(e.x, e.y)
        if e.id not in owners:
            yield finding("enterprise_without_outlet", "enterprise", e.id, at)
        right = credit_check(e.uscc)
        if right is None:
            yield finding("uscc_malformed", "enterprise", e.id, at, value=e.uscc)
        elif right != e.uscc[-1]:
            yield finding("uscc_wrong", "enterprise", e.id, at, value=e.uscc, limit=right)
        if e.uscc and seen.setdefault(e.uscc, e.id) != e.id:
            yield finding("uscc_twice", "enterprise", e.id, at, seen[e.uscc])


def _slots(park: Park) -> Iterator[Finding]:
    """Hours on the shared pipe that cannot be read, or that two enterprises have at once."""
    spans: list[tuple[int, int, str, tuple[str, str]]] = []
    place = {e.id: point(e.x, e.y) for e in park.enterprises}
    for e in park.enterprises:
        for slot in e.slots:
            start, end = (_minute(word) for word in slot)
            if start is None or end is None:
                yield finding("slot_malformed", "enterprise", e.id, place[e.id], value="–".join(slot))
            elif start < end:
                spans.append((start, end, e.id, slot))
            else:  # past midnight
                spans += [(start, 1440, e.id, slot), (0, end, e.id, slot)]
    told: set[tuple[str, str]] = set()
    spans.sort(key=lambda s: s[:2])
    for i, (_, end, a, slot) in enumerate(spans):
        for start, _, b, other in spans[i + 1 :]:
            if start >= end:
                break
            pair = (min(a, b), max(a, b))
            if a != b and pair not in told:
                told.add(pair)
                words = f"{'–'.join(slot)}, {'–'.join(other)}"
                yield finding("slot_overlap", "enterprise", a, place[a], b, value=words)


def _minute(word: str) -> int | None:
    """Return the minute of the day of "HH:MM"; 24:00 ends it."""
    if not re.fullmatch(r"\d{1,2}:[0-5]\d", word):
        return None
    hour, minute = (int(w) for w in word.split(":"))
    return hour * 60 + minute if hour < 24 or (hour, minute) == (24, 0) else None


def _outlets(park: Park, t: Table) -> Iterator[Finding]:
    firms = {e.id for e in park.enterprises}
    rows = _node_rows(t, park.outlets)
    for o, row in zip(park.outlets, rows, strict=True):
        at = point(o.x, o.y)
        if o.enterprise not in firms:
            yield finding("outlet_without_enterprise", "outlet", o.id, at, o.enterprise)
        if row < 0:
            yield finding("outlet_off_network", "outlet", o.id, at, o.node)
        elif (off := _apart(t, row, o)) > OFF_NODE_M[o.kind]:
            yield finding("outlet_off_node", "outlet", o.id, at, o.node, value=f"{off:.0f}")


def _node_rows(t: Table, records: Iterable[Any]) -> list[int]:
    return [int(i) for i in find(t.node_at, pd.Series([r.node for r in records], dtype=object))]


def _apart(t: Table, row: int, record: Any) -> float:
    return math.hypot(t.x[row] - record.x, t.y[row] - record.y)


def _gates(park: Park, t: Table) -> Iterator[Finding]:
    rows = find(t.link_at, pd.Series([g.link for g in park.gates], dtype=object))
    owner = park.links["gate"].fillna("").to_numpy(object)
    units: dict[int, str] = {}
    for g, row in zip(park.gates, rows, strict=True):
        at = point(g.x, g.y)
        if row < 0:
            yield finding("gate_without_link", "gate", g.id, at, g.link)
        elif t.kind[row] not in ("gate", "valve") or owner[row] not in ("", g.id):
            yield finding("gate_link_mismatch", "gate", g.id, at, g.link)
        line: BaseGeometry | None = t.lines[row] if row >= 0 else None
        if at is not None and line is not None and (off := line.distance(at)) > GATE_M:
            yield finding("gate_off_river", "gate", g.id, at, g.link, value=f"{off:.0f}")
        if g.remote and units.setdefault(g.modbus_unit, g.id) != g.id:
            first = units[g.modbus_unit]
            yield finding("gate_unit_twice", "gate", g.id, at, first, value=g.modbus_unit)


def _stations(park: Park, t: Table, known: Known) -> Iterator[Finding]:
    firms = {e.id for e in park.enterprises}
    mns: dict[str, str] = {}
    for s, row in zip(park.stations, _node_rows(t, park.stations), strict=True):
        at = point(s.x, s.y)
        if not is_mn(s.mn):
            yield finding("mn_malformed", "station", s.id, at, value=s.mn)
        if s.mn and mns.setdefault(s.mn, s.id) != s.id:
            yield finding("mn_twice", "station", s.id, at, mns[s.mn])
        if not s.factors:
            yield finding("station_without_factor", "station", s.id, at)
        for code in s.factors if known.factors is not None else ():
            if known.factors is not None and code not in known.factors:
                yield finding("station_unknown_factor", "station", s.id, at, value=code)
        if known.limit_sets is not None and s.limit_set not in known.limit_sets:
            yield finding("station_unknown_limits", "station", s.id, at, value=s.limit_set)
        if s.enterprise is not None and s.enterprise not in firms:
            yield finding("station_unknown_enterprise", "station", s.id, at, s.enterprise)
        if row < 0:
            yield finding("station_off_network", "station", s.id, at, s.node)
        elif (off := _apart(t, row, s)) > STATION_M:
            yield finding("station_off_node", "station", s.id, at, s.node, value=f"{off:.0f}")


def _receptors(park: Park, t: Table) -> Iterator[Finding]:
    """Receptors that no outlet can reach even if every canal reach ran the other way."""
    n = len(t.node)
    rows = np.array(_node_rows(t, park.outlets), int)
    outlets = rows[rows >= 0]
    either = t.whole & np.isin(t.kind.astype(str), ("reach", "gate"))
    tail = np.concatenate([t.tail[t.whole], t.head[either], np.full(len(outlets), n)])
    head = np.concatenate([t.head[t.whole], t.tail[either], outlets])
    graph = coo_array((np.ones(len(tail)), (tail, head)), shape=(n + 1, n + 1)).tocsr()
    wet = np.zeros(n + 1, bool)
    wet[breadth_first_order(graph, n, return_predecessors=False)] = True
    for r, row in zip(park.receptors, _node_rows(t, park.receptors), strict=True):
        if row < 0:
            yield finding("receptor_off_network", "receptor", r.id, point(r.x, r.y), r.node)
        elif not wet[row]:
            yield finding("receptor_unreachable", "receptor", r.id, point(r.x, r.y))


def _stores(park: Park, t: Table) -> Iterator[Finding]:
    for p in park.pools:
        if p.stored_m3 > p.capacity_m3:
            values = {"value": f"{p.stored_m3:.0f}", "limit": f"{p.capacity_m3:.0f}"}
            yield finding("pool_over_capacity", "pool", p.id, point(p.x, p.y), **values)
    for f, row in zip(park.facilities, _node_rows(t, park.facilities), strict=True):
        if row < 0:
            yield finding("facility_off_network", "facility", f.id, point(f.x, f.y), f.node)


def _fingerprints(park: Park, known: Known) -> Iterator[Finding]:
    firms = {e.id: point(e.x, e.y) for e in park.enterprises}
    for key in dict.fromkeys(f.enterprise for f in park.fingerprints):
        if key not in firms:
            yield finding("fingerprint_unknown_enterprise", "fingerprint", key, None)
    for f in park.fingerprints:
        at = firms.get(f.enterprise)
        if known.factors is not None and f.factor not in known.factors:
            yield finding("fingerprint_unknown_factor", "fingerprint", f.enterprise, at, value=f.factor)
        if not f.value > 0:
            said = {"other": f.factor, "value": f"{f.value:g}"}
            yield finding("fingerprint_not_positive", "fingerprint", f.enterprise, at, **said)
