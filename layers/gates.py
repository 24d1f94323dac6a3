"""Gates as places on the map: a bar or two posts across the canal."""

from __future__ import annotations

from typing import Any

from geodata.places import GateKind, Park
from geodata.words import Text

KINDS: dict[GateKind, Text] = {
    GateKind.REGULATE: Text("节制闸", "check gate"),
    GateKind.INTERCEPT: Text("截污闸", "intercepting gate"),
    GateKind.INTAKE: Text("引水闸", "intake gate"),
    GateKind.SEA: Text("出海闸", "sea gate"),
}
STATES: dict[str, Text] = {
    "open": Text("开", "open"),
    "part": Text("半开", "part open"),
    "closed": Text("关", "closed"),
    "moving": Text("动作", "moving"),
    "failed": Text("故障", "failed"),
    "unknown": Text("无反馈", "no feedback"),
}


def rows(park: Park) -> list[dict[str, Any]]:
    """Return one row a gate, with x and y in the park's CRS and the axis angle of its canal in degrees."""
    widths = dict(zip(park.links["id"], park.links["width_m"], strict=True))
    nodes = dict(zip(park.links["id"], park.links["from_node"], strict=True))
    return [
        {
            "layer": "gate",
            "id": g.id,
            "zh": g.name.zh,
            "en": g.name.en,
            "kind": str(g.kind),
            "link": g.link,
            "node": str(nodes.get(g.link, "")),
            "angle": round(g.angle, 1),
            "width": float(widths.get(g.link, 20.0)),
            "normal": g.normal_position,
            "x": g.x,
            "y": g.y,
        }
        for g in park.gates
    ]
