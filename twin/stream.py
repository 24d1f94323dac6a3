"""The stream: append, read, acknowledge, since. The only door to Redis.

Keys carry a `{park:shard}` hash tag, so on a Redis Cluster everything of one shard stays on one node. An
append that has returned is durable where the server syncs before it answers (the embedded one does).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import redis
import redis.asyncio
from redis.exceptions import RedisError, ResponseError

from twin.clock import LIVE, ClockState
from twin.errors import UnavailableError
from twin.model import from_json, to_json

Name = Literal["readings", "events", "commands", "rejects"]
BODY = b"b"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a stream: its id and its bytes."""

    id: str
    body: bytes

    @property
    def at_ms(self) -> int:
        """Wall clock of the append, epoch milliseconds."""
        return int(self.id.split("-")[0])


class Keys:
    """Names of everything one shard of one park keeps in Redis."""

    def __init__(self, park: str = "park", shard: int = 0) -> None:
        self._tag = f"{{{park}:{shard}}}"

    def stream(self, name: Name) -> str:
        """Key of a stream."""
        return f"{self._tag}:{name}"

    def state(self, name: str) -> str:
        """Key of a small piece of present state."""
        return f"{self._tag}:state:{name}"


def _entries(reply: Any) -> list[Entry]:
    return [Entry(i.decode(), f[BODY]) for i, f in reply if f]


class Stream:
    """Blocking access, for workers and tests.

    Every method raises `UnavailableError` when the server is away.
    """

    def __init__(self, url: str, keys: Keys | None = None) -> None:
        self.keys = keys or Keys()
        self._r = redis.Redis.from_url(url, socket_timeout=10, socket_connect_timeout=2)

    def close(self) -> None:
        """Close the connection."""
        self._r.close()

    def ping(self) -> bool:
        """Tell whether the server answers."""
        try:
            return bool(self._r.ping())
        except (RedisError, OSError):
            return False

    def append(self, name: Name, body: bytes) -> str:
        """Append one entry and return its id."""
        return str(self._call(self._r.xadd, self.keys.stream(name), {BODY: body}).decode())

    def join(self, name: Name, group: str, start: str = "0") -> None:
        """Make sure a consumer group exists; a new one starts at `start` ("0" the oldest entry, "$" now)."""
        try:
            self._call(self._r.xgroup_create, self.keys.stream(name), group, start, True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def take(
        self, names: Sequence[Name], group: str, consumer: str, *, count: int = 64, wait_ms: int = 500
    ) -> list[tuple[Name, Entry]]:
        """Read new entries for a consumer, waiting at most `wait_ms`."""
        keys: dict[Any, Any] = {self.keys.stream(n): ">" for n in names}
        reply = self._call(self._r.xreadgroup, group, consumer, keys, count, max(wait_ms, 1))
        return self._by_name(names, reply)

    def pending(
        self, name: Name, group: str, consumer: str, after: str = "0", count: int = 64
    ) -> list[Entry]:
        """Read again what this consumer took and never acknowledged, after a restart."""
        key = self.keys.stream(name)
        reply = self._call(self._r.xreadgroup, group, consumer, {key: after}, count)
        return [entry for _, entry in self._by_name([name], reply)]

    def ack(self, name: Name, group: str, ids: Iterable[str]) -> None:
        """Say that entries are dealt with."""
        wanted = list(ids)
        if wanted:
            self._call(self._r.xack, self.keys.stream(name), group, *wanted)

    def since(self, name: Name, after: str = "0", count: int = 1000) -> list[Entry]:
        """Entries after an id, oldest first."""
        low = "-" if after == "0" else f"({after}"
        return _entries(self._call(self._r.xrange, self.keys.stream(name), low, "+", count))

    def last(self, name: Name, count: int = 1) -> list[Entry]:
        """The newest entries, oldest of them first."""
        return _entries(self._call(self._r.xrevrange, self.keys.stream(name), "+", "-", count))[::-1]

    def length(self, name: Name) -> int:
        """Number of entries kept."""
        return int(self._call(self._r.xlen, self.keys.stream(name)))

    def trim(self, name: Name, before_id: str) -> int:
        """Drop entries older than an id; returns how many."""
        return int(self._call(self._r.xtrim, self.keys.stream(name), minid=before_id, approximate=False))

    def put(self, name: str, body: bytes) -> None:
        """Set a piece of present state."""
        self._call(self._r.set, self.keys.state(name), body)

    def get(self, name: str) -> bytes | None:
        """Read a piece of present state."""
        value = self._call(self._r.get, self.keys.state(name))
        return None if value is None else bytes(value)

    def put_clock(self, state: ClockState) -> None:
        """Publish park time."""
        self.put("clock", to_json(state))

    def clock(self) -> ClockState:
        """Read park time's state; live where nothing is published."""
        body = self.get("clock")
        return LIVE if body is None else from_json(body, ClockState)

    def _by_name(self, names: Sequence[Name], reply: Any) -> list[tuple[Name, Entry]]:
        by_key = {self.keys.stream(n).encode(): n for n in names}
        rows = reply.items() if isinstance(reply, dict) else reply or []
        return [(by_key[key], entry) for key, got in rows for entry in _entries(_flat(got))]

    @staticmethod
    def _call(function: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except ResponseError:
            raise
        except (RedisError, OSError) as error:
            raise UnavailableError(f"the stream server does not answer: {error}") from error


def _flat(got: Any) -> Any:
    """Bring both reply shapes of the client (flat, or one list deeper) to pairs of id and fields."""
    return got[0] if got and isinstance(got[0], list) else got


class AsyncStream:
    """The same for event loops: the gateway's append, the web's reading."""

    def __init__(self, url: str, keys: Keys | None = None) -> None:
        self.keys = keys or Keys()
        self._r = redis.asyncio.Redis.from_url(url, socket_timeout=10, socket_connect_timeout=2)

    async def close(self) -> None:
        """Close the connection."""
        await self._r.aclose()

    async def append(self, name: Name, body: bytes, most: int | None = None) -> str:
        """Append one entry and return its id; of more than about `most` entries the oldest give way."""
        return str(
            (await self._call(self._r.xadd(self.keys.stream(name), {BODY: body}, maxlen=most))).decode()
        )

    async def follow(
        self, after: dict[Name, str], *, count: int = 256, wait_ms: int = 500
    ) -> list[tuple[Name, Entry]]:
        """Entries of several streams after the given ids ("$" for from now on), waiting at most `wait_ms`."""
        names = list(after)
        keys: dict[Any, Any] = {self.keys.stream(n): i for n, i in after.items()}
        reply = await self._call(self._r.xread(keys, count, max(wait_ms, 1)))
        by_key = {self.keys.stream(n).encode(): n for n in names}
        rows = reply.items() if isinstance(reply, dict) else reply or []
        return [(by_key[key], entry) for key, got in rows for entry in _entries(_flat(got))]

    async def since(self, name: Name, after: str = "0", count: int = 1000) -> list[Entry]:
        """Entries after an id, oldest first."""
        low = "-" if after == "0" else f"({after}"
        return _entries(await self._call(self._r.xrange(self.keys.stream(name), low, "+", count)))

    async def last(self, name: Name, count: int = 1) -> list[Entry]:
        """The newest entries, oldest of them first."""
        return _entries(await self._call(self._r.xrevrange(self.keys.stream(name), "+", "-", count)))[::-1]

    async def put(self, name: str, body: bytes) -> None:
        """Set a piece of present state."""
        await self._call(self._r.set(self.keys.state(name), body))

    async def get(self, name: str) -> bytes | None:
        """Read a piece of present state."""
        value = await self._call(self._r.get(self.keys.state(name)))
        return None if value is None else bytes(value)

    async def clock(self) -> ClockState:
        """Read park time's state; live where nothing is published."""
        body = await self.get("clock")
        return LIVE if body is None else from_json(body, ClockState)

    @staticmethod
    async def _call(awaitable: Any) -> Any:
        try:
            return await awaitable
        except ResponseError:
            raise
        except (RedisError, OSError) as error:
            raise UnavailableError(f"the stream server does not answer: {error}") from error
