"""Where the streams are: what TWIN_REDIS_URL says, and the names of everything that is kept there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from twin.errors import ConfigError

Name = Literal["readings", "events", "commands", "rejects"]
CLUSTER_SHARDS = 12  # of a cluster whose URL names no number: a few for each of the usual nodes
MOST_SHARDS = 256


class Keys:
    """Names of everything one shard of one park keeps in Redis."""

    def __init__(self, park: str = "park", shard: int = 0) -> None:
        self.park = park
        self._tag = f"{{{park}:{shard}}}"

    def stream(self, name: Name) -> str:
        """Key of a stream."""
        return f"{self._tag}:{name}"

    def state(self, name: str) -> str:
        """Key of a small piece of present state."""
        return f"{self._tag}:state:{name}"


@dataclass(frozen=True, slots=True)
class Server:
    """Where the streams are, as TWIN_REDIS_URL says it.

    Attributes
    ----------
    url : str
        What the client takes.
    nodes : tuple of (host, port)
        Of a cluster: some of its nodes; empty for a single server.
    shards : int
        Over how many streams readings are spread.
    """

    url: str
    nodes: tuple[tuple[str, int], ...]
    shards: int


def server(url: str) -> Server:
    """Read the URL of a stream server, for example `redis+cluster://host-a:6379,host-b:6379?shards=12`.

    Raises
    ------
    ConfigError
        The number of shards or a node's port is none.
    """
    plain, _, query = url.partition("?")
    said = parse_qs(query)
    cluster = plain.startswith(("redis+cluster://", "rediss+cluster://"))
    text = (said.pop("shards", None) or [str(CLUSTER_SHARDS if cluster else 1)])[0]
    if not text.isdecimal() or not 1 <= int(text) <= MOST_SHARDS:
        raise ConfigError(f"TWIN_REDIS_URL={url}: shards={text} is not a number from 1 to {MOST_SHARDS}")
    rest = "&".join(f"{name}={value}" for name, values in said.items() for value in values)
    plain = plain.replace("+cluster://", "://", 1) + (f"?{rest}" if rest else "")
    if not cluster:
        return Server(plain, (), int(text))
    place = urlsplit(plain).netloc
    nodes = []
    for node in place.rpartition("@")[2].split(","):
        host, colon, port = node.rpartition(":")
        if not port.isdecimal():
            raise ConfigError(f"TWIN_REDIS_URL={url}: {node!r} is not host:port")
        nodes.append((host if colon else node, int(port)))
    whole = place.rpartition("@")[0] + "@" if "@" in place else ""
    first = f"{nodes[0][0]}:{nodes[0][1]}"
    return Server(plain.replace(place, f"{whole}{first}", 1), tuple(nodes), int(text))
