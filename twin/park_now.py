"""A park's network with gates, valves and pumps as a command line says they stand now."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from geodata.network import Network
from geodata.places import Park, System
from geodata.words import Lang, Text
from twin.errors import ConfigError, MissingError
from twin.park_file import network_of
from twin.plan.field import Canals

MOVED = 0.02  # a gate within this of where it usually stands has not moved

GATE = Text(
    "闸、阀、泵或管段现在的开度,0 到 1，可重复", "how far a gate, valve, pump or link is open now, 0 to 1"
)
BAD_GATE = Text(
    "--gate {text}：应写成 编号=0 到 1 之间的数", "--gate {text}: ID=number from 0 to 1 is wanted"
)
NO_GATE = Text("没有闸或管段 {id}", "there is no gate or link {id}")


def present(park: Park, network: Network, positions: Mapping[str, float]) -> Network:
    """Return the network as the water runs with gates where they stand.

    Where a gate of a canal stands elsewhere than usual the canals are marched to where they settle: reaches
    may turn, slow down or stand. Sewers and rain channels keep their flow.

    Parameters
    ----------
    network : Network
        With gates as they usually stand.
    positions : mapping of str to float
        Gates by id, 0 closed to 1 open; unknown ids are left out, gates not named stand as usual.
    """
    known = {g: p for g, p in positions.items() if g in network.gates}
    usual = {g.id: g.normal_position for g in park.gates}
    moved = {g: p for g, p in known.items() if abs(p - usual.get(g, 1.0)) > MOVED}
    canal = any(network.system[network.gates[g]] == str(System.CANAL) for g in moved)
    if not canal:
        return network.with_gates(known)
    stage = Canals.of(park, network).after(moved)[-1]
    return network.with_flow(stage.flow).with_gates(known)


def positions(park: Park, words: Sequence[str], lang: Lang) -> dict[str, float]:
    """Read ID=0.3 words.

    Raises
    ------
    ConfigError
        One of them is not that.
    """
    found: dict[str, float] = {}
    for text in words:
        name, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not name or not 0 <= value <= 1:
            raise ConfigError(BAD_GATE.fill(text=text).say(lang))
        found[name] = value
    return found


def network_now(park: Park, path: Path, words: Sequence[str], lang: Lang) -> Network:
    """Return the network of a file with gates and other links as a command line says they stand.

    Raises
    ------
    ConfigError, MissingError
        The file has no usable network, a word is wrong, or there is no such gate or link.
    """
    network = network_of(park, path)
    stand = positions(park, words, lang)
    for name in stand:
        if name not in network.gates and name not in network.links:
            raise MissingError(NO_GATE.fill(id=name).say(lang))
    gates = {k: v for k, v in stand.items() if k in network.gates}
    others = {k: v for k, v in stand.items() if k not in network.gates}
    return present(park, network, gates).with_gates(others)
