"""`twin park path` and `twin park drains`: a way from A to B with its profile, and what drains to a place."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from geodata.network import Network
from geodata.places import Park
from geodata.profile import profile
from geodata.words import Lang, Text
from twin import query
from twin.errors import ConfigError, MissingError
from twin.park_file import open_park
from twin.park_now import GATE, network_now
from twin.park_trace import AS_JSON, BARRIER, FILE, FROM

ABOUT_PATH = Text(
    "水从 A 到 B 的最快路径：节点、管段、用时、纵断面",
    "the fastest way of water from A to B: nodes, links, times, longitudinal profile",
)
ABOUT_DRAINS = Text(
    "哪些企业、多大面积、多长管渠汇到这里", "which enterprises, how much ground and pipe drain to a place"
)
TO = Text("终点的编号", "id of the end")
AT = Text("地点的编号", "id of the place")
NO_WAY = Text("水不会从 {a} 流到 {b}", "no water runs from {a} to {b}")
WAY = Text("{a} 到 {b}：{m:.0f} m，{s:.0f} s", "{a} to {b}: {m:.0f} m, {s:.0f} s")
DRAINS = Text(
    "汇到 {id}：企业 {firms} 家，地块 {ha} ha，管渠 {km:.2f} km",
    "draining to {id}: {firms} enterprises, {ha} ha of ground, {km:.2f} km of pipe and channel",
)


def path(words: Sequence[str], lang: Lang, flows: Path | None = None) -> int:
    """Answer `twin park path`; 0 where there is a way, 1 where there is none, 2 where something is wrong."""
    o = _grammar("path", ABOUT_PATH, lang, ("--from", "start", FROM), ("--to", "end", TO)).parse_args(
        list(words)
    )
    try:
        park = open_park(o.file, flows=flows)
        network = network_now(park, o.file, o.gate, lang)
        found = query.way(park, network, o.start, o.end, o.barrier, lang)
    except (MissingError, ConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if found is None:
        sys.stderr.write(NO_WAY.fill(a=o.start, b=o.end).say(lang) + "\n")
        return 1
    if o.json:
        sys.stdout.write(json.dumps(as_json(park, network, found), ensure_ascii=False) + "\n")
        return 0
    head = WAY.say(lang).format(a=o.start, b=o.end, m=found.length_m, s=found.seconds[-1])
    lines = [f"{n}\t{s:.0f} s" for n, s in zip(found.nodes, found.seconds, strict=True)]
    sys.stdout.write("\n".join([head, *lines]) + "\n")
    return 0


def as_json(park: Park, network: Network, found: query.Way) -> dict[str, Any]:
    """Return a way as the command prints it; levels nobody knows are null."""
    shown: dict[str, Any] = {}
    if found.links:
        p = profile(park, network, found.links)
        shown = {
            "chainage_m": _numbers(p.chainage_m),
            "ground_m": _numbers(p.ground_m),
            **{
                name: [_numbers(row) for row in column]
                for name, column in (("bottom_m", p.bottom_m), ("top_m", p.top_m), ("water_m", p.water_m))
            },
        }
    return {
        "nodes": list(found.nodes),
        "links": list(found.links),
        "travel_s": {n: round(s, 1) for n, s in zip(found.nodes, found.seconds, strict=True)},
        "length_m": round(found.length_m, 2),
        "assumed_links": list(found.assumed),
        "profile": shown,
        "version": park.version,
    }


def drains(words: Sequence[str], lang: Lang, flows: Path | None = None) -> int:
    """Answer `twin park drains`; 0, or 2 where something is wrong."""
    o = _grammar("drains", ABOUT_DRAINS, lang, ("--at", "at", AT)).parse_args(list(words))
    try:
        park = open_park(o.file, flows=flows)
        network = network_now(park, o.file, o.gate, lang)
        found = query.drained(park, network, o.at, o.barrier, lang)
    except (MissingError, ConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if o.json:
        body = {
            "enterprises": {k: round(v, 1) for k, v in found.enterprises.items()},
            "outlets": {k: round(v, 1) for k, v in found.outlets.items()},
            "area_ha": _number(found.area_ha),
            "length_m": round(found.length_m, 2),
            "flow_m3s": _number(found.flow_m3s, 6),
            "version": park.version,
        }
        sys.stdout.write(json.dumps(body, ensure_ascii=False) + "\n")
        return 0
    area = "?" if math.isnan(found.area_ha) else f"{found.area_ha:.1f}"
    head = DRAINS.say(lang).format(id=o.at, firms=len(found.enterprises), ha=area, km=found.length_m / 1000)
    lines = [f"{firm}\t{s:.0f} s" for firm, s in found.enterprises.items()]
    sys.stdout.write("\n".join([head, *lines]) + "\n")
    return 0


def _grammar(name: str, about: Text, lang: Lang, *given: tuple[str, str, Text]) -> argparse.ArgumentParser:
    grammar = argparse.ArgumentParser(prog=f"twin park {name}", description=about.say(lang))
    grammar.add_argument("file", type=Path, help=FILE.say(lang))
    for flag, dest, text in given:
        grammar.add_argument(flag, dest=dest, required=True, metavar="ID", help=text.say(lang))
    grammar.add_argument(
        "--barrier", action="extend", nargs="+", default=[], metavar="ID", help=BARRIER.say(lang)
    )
    grammar.add_argument("--gate", action="append", default=[], metavar="ID=0..1", help=GATE.say(lang))
    grammar.add_argument("--json", action="store_true", help=AS_JSON.say(lang))
    return grammar


def _numbers(values: Any) -> list[float | None]:
    return [_number(v) for v in np.asarray(values, float).tolist()]


def _number(value: float, digits: int = 3) -> float | None:
    return round(value, digits) if math.isfinite(value) else None
