"""Stations as places on the map."""

from __future__ import annotations

from typing import Any

from geodata.places import Park, StationKind
from geodata.words import Text
from twin.factors import factor

KINDS: dict[StationKind, Text] = {
    StationKind.OUTLET: Text("排口监测", "outlet station"),
    StationKind.CHANNEL: Text("雨水渠监测", "rain channel station"),
    StationKind.CANAL: Text("河道监测", "canal station"),
    StationKind.WORKS: Text("污水厂监测", "works station"),
    StationKind.PUMP_STATION: Text("泵站监测", "pump station"),
}


def rows(park: Park) -> list[dict[str, Any]]:
    """Return one row a station: what the map and the search need, with x and y in the park's CRS."""
    return [
        {
            "layer": "station",
            "id": s.id,
            "zh": s.name.zh,
            "en": s.name.en,
            "kind": str(s.kind),
            "mn": s.mn,
            "node": s.node,
            "enterprise": s.enterprise or "",
            "factors": [_factor(code) for code in s.factors],
            "x": s.x,
            "y": s.y,
        }
        for s in park.stations
    ]


def _factor(code: str) -> list[Any]:
    it = factor(code)
    return [code, it.short.zh, it.short.en, it.unit, it.decimals]
