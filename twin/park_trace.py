"""`twin park trace FILE`: what lies upstream or downstream of anything that has an id, how far in time."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from geodata.network import Network
from geodata.places import Park
from geodata.words import Lang, Text
from twin.errors import ConfigError, MissingError
from twin.park_file import open_park
from twin.park_now import GATE, network_now

ABOUT = Text("从任一要素向上游或下游追踪", "trace upstream or downstream of anything")
FILE = Text("园区文件 .gpkg，或 .inp 模型", "a park file .gpkg, or an .inp model")
FROM = Text(
    "节点、管段、排口、站点、闸、企业等的编号", "id of a node, link, outlet, station, gate, enterprise, ..."
)
DIRECTION = Text("方向：upstream 上游，downstream 下游", "which way")
BARRIER = Text(
    "不通过的闸、管段或节点，可重复",
    "gate or link that is not passed, or node that is reached and not passed",
)
AS_JSON = Text("结果写成一个 JSON 对象", "print one JSON object")
SUM = Text(
    "{id} 的{direction}：{nodes} 个节点，{links} 条管段，企业：{enterprises}",
    "{direction} of {id}: {nodes} nodes, {links} links, enterprises: {enterprises}",
)
UP, DOWN, NONE = Text("上游", "upstream"), Text("下游", "downstream"), Text("无", "none")
ASSUMED = Text("其中 {count} 条管段的流向是推测的", "the direction of {count} of these links is assumed")
UNKNOWN = Text("没有编号为 {id} 的要素", "there is nothing with the id {id}")
NEAREST = Text("；相近的有 {near}", "; near to it are {near}")
CLOSE, MANY = 5, 20_000  # suggestions, and ids that are compared with a wrong one letter by letter


class Start(NamedTuple):
    """Where a trace begins: nodes, and the link itself where one was named."""

    nodes: tuple[str, ...]
    links: tuple[str, ...] = ()


def main(words: Sequence[str], lang: Lang, flows: Path | None = None) -> int:
    """Trace once; returns 0, or 2 where the file or an id is wrong."""
    grammar = argparse.ArgumentParser(prog="twin park trace", description=ABOUT.say(lang))
    grammar.add_argument("file", type=Path, help=FILE.say(lang))
    grammar.add_argument("--from", dest="start", required=True, metavar="ID", help=FROM.say(lang))
    grammar.add_argument(
        "--direction", required=True, choices=("upstream", "downstream"), help=DIRECTION.say(lang)
    )
    grammar.add_argument(
        "--barrier", action="extend", nargs="+", default=[], metavar="ID", help=BARRIER.say(lang)
    )
    grammar.add_argument("--gate", action="append", default=[], metavar="ID=0..1", help=GATE.say(lang))
    grammar.add_argument("--json", action="store_true", help=AS_JSON.say(lang))
    o = grammar.parse_args(list(words))
    try:
        said: list[Text] = []
        park = open_park(o.file, said, flows)
        sys.stderr.write("".join(f"{t.say(lang)}\n" for t in said))
        found = trace(park, network_now(park, o.file, o.gate, lang), o.start, o.direction, o.barrier, lang)
    except (MissingError, ConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    text = json.dumps(found, ensure_ascii=False) if o.json else in_words(o.start, o.direction, found, lang)
    sys.stdout.write(text + "\n")
    return 0


def trace(
    park: Park,
    network: Network,
    start: str,
    direction: str,
    barriers: Collection[str] = (),
    lang: Lang = "en",
) -> dict[str, Any]:
    """Trace from anything that has an id.

    Parameters
    ----------
    start : str
        A node, link, gate, outlet, station, enterprise (all its outlets), receptor or facility. A trace from
        a link or gate holds it, and begins at its upper end going up, at its lower end going down.
    direction : str
        upstream or downstream.
    barriers : collection of str
        Ids as for `start`; a gate or link is not passed, anything else bars the nodes it stands at.

    Returns
    -------
    dict
        nodes (nearest in time first), links, travel_s (node to seconds, at the stored flow), enterprises
        (those with an outlet at one of the nodes, nearest first), assumed_links, version.

    Raises
    ------
    MissingError
        There is no such id; the sentence names the nearest.
    """
    back = direction == "upstream"
    places = Places(park, network, lang)
    begin = places.start(start, back=back)
    bars = [b for name in barriers for b in places.bar(name)]
    walk = network.upstream if back else network.downstream
    seconds: dict[str, float] = {}
    links = dict.fromkeys(begin.links)
    for node in begin.nodes:
        reached = walk(node, [b for b in bars if b != node])
        for name, s in zip(reached.nodes.tolist(), reached.travel_s.tolist(), strict=True):
            seconds[name] = min(s, seconds.get(name, s))
        links |= dict.fromkeys(reached.links.tolist())
    nodes = sorted(seconds, key=lambda n: (seconds[n], n))
    assumed = set(network.assumed)
    return {
        "nodes": nodes,
        "links": list(links),
        "travel_s": {n: round(seconds[n], 1) for n in nodes},
        "enterprises": _enterprises(park, seconds),
        "assumed_links": [k for k in links if k in assumed],
        "version": park.version,
    }


def _enterprises(park: Park, seconds: dict[str, float]) -> list[str]:
    """Enterprises with an outlet at a reached node, the nearest first."""
    nearest: dict[str, float] = {}
    for o in park.outlets:
        if o.node in seconds:
            nearest[o.enterprise] = min(seconds[o.node], nearest.get(o.enterprise, seconds[o.node]))
    return sorted(nearest, key=lambda e: (nearest[e], e))


class Places:
    """Everything of a park that has an id and lies on its network."""

    def __init__(self, park: Park, network: Network, lang: Lang = "en") -> None:
        self.park, self.network, self.lang = park, network, lang

    def start(self, id: str, *, back: bool) -> Start:
        """Return where a trace from an id begins; a node goes before a link of the same id, and so on down.

        Raises
        ------
        MissingError
            There is nothing of that id on the network.
        """
        net = self.network
        if id in net.nodes:
            return Start((id,))
        link = id if id in net.links else next((g.link for g in self.park.gates if g.id == id), "")
        if link in net.links:
            end = (net.tail if back else net.head)[net.links[link]]
            return Start((str(net.node_ids[end]),), (link,))
        nodes = tuple(dict.fromkeys(node for name, node in self._standing() if name == id))
        if not nodes:
            raise MissingError(self._unknown(id))
        return Start(nodes)

    def bar(self, id: str) -> tuple[str, ...]:
        """Return what bars the way at an id: a gate, a link, or nodes.

        Raises
        ------
        MissingError
            There is nothing of that id on the network.
        """
        if id in self.network.gates or id in self.network.links:
            return (id,)
        return self.start(id, back=True).nodes

    def _standing(self) -> Iterator[tuple[str, str]]:
        """Ids that stand at a node of the network, with the node."""
        p = self.park
        records: tuple[Any, ...] = (*p.outlets, *p.stations, *p.receptors, *p.facilities)
        standing = [(str(r.id), str(r.node)) for r in records]
        standing += [(o.enterprise, o.node) for o in p.outlets]
        return ((name, node) for name, node in standing if node in self.network.nodes)

    def _unknown(self, id: str) -> str:
        said = UNKNOWN.fill(id=id).say(self.lang)
        near = nearest(id, chain((name for name, _ in self._standing()), self.network.gates, self._ids()))
        return said + NEAREST.fill(near=", ".join(near)).say(self.lang) if near else said

    def _ids(self) -> Iterator[str]:
        return chain(self.network.node_ids.tolist(), self.network.link_ids.tolist())


def nearest(id: str, names: Iterator[str]) -> list[str]:
    """Return the few ids that look most like a wrong one; of very many only those that begin like it."""
    lower = {n.lower(): n for n in names}
    if len(lower) > MANY:
        lower = {k: n for k, n in lower.items() if k[:2] == id.lower()[:2]}
    close = difflib.get_close_matches(id.lower(), list(lower)[:MANY], n=CLOSE, cutoff=0.5)
    return [lower[k] for k in close]


def in_words(start: str, direction: str, found: dict[str, Any], lang: Lang) -> str:
    """Return the answer for people."""
    way = UP if direction == "upstream" else DOWN
    firms = ", ".join(found["enterprises"]) or NONE.say(lang)
    counts = {"nodes": len(found["nodes"]), "links": len(found["links"])}
    lines = [SUM.fill(id=start, direction=way, enterprises=firms, **counts).say(lang)]
    if found["assumed_links"]:
        lines.append(ASSUMED.fill(count=len(found["assumed_links"])).say(lang))
    lines += [f"{node}\t{seconds:.0f} s" for node, seconds in found["travel_s"].items()]
    return "\n".join(lines)
