"""The stream: append, read, acknowledge, since. The only door to Redis.

Keys carry a `{park:shard}` hash tag, so on a Redis Cluster everything of one shard stays on one node.
Readings may be spread over several shards (`?shards=N` in the URL); everything else is small and stands in
shard 0. Whoever reads sees one stream. An append that has returned is durable where the server syncs before
it answers (the embedded one does).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.cluster
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError, ResponseError
from redis.retry import Retry

from twin.clock import LIVE, ClockState
from twin.errors import UnavailableError
from twin.model import from_json, to_json
from twin.servers import Keys as Keys
from twin.servers import Name as Name
from twin.servers import Server, server
from twin.shards import Batch, Shards
from twin.shards import Entry as Entry
from twin.shards import place as place_of

BODY = b"b"
SHARDED: Literal["readings"] = "readings"
ANSWER_S, CONNECT_S = 10, 2
LOOK_MS = 50  # longest wait for one shard while there are others to look at
_NOT_NOW = ("MISCONF", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "LOADING", "OOM", "NOREPLICAS", "TRYAGAIN")
_AWAY = (RedisError, RedisClusterException, OSError)
# The holder lengthens its hold; a free name is taken; anybody else's is left alone.
_HOLD = (
    "local h = redis.call('GET', KEYS[1]) if h and h ~= ARGV[1] then return 0 end "
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1"
)
_LET_GO = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class _Sharded:
    """Keys of every shard, and what both kinds of access do with them."""

    def __init__(self, where: Server, keys: Keys | None) -> None:
        self.keys = keys or Keys()
        self.shards = where.shards
        more = [Keys(self.keys.park, shard) for shard in range(1, where.shards)]
        self._all = [self.keys, *more]
        self._ids = Shards(where.shards)
        self._plain = Shards(1)

    def _of(self, name: Name) -> Shards:
        return self._ids if name == SHARDED else self._plain

    def inside(self, name: Name, id: str) -> tuple[int, tuple[int, int]]:
        """Return the shard of an entry and the id it has there: within a shard ids only grow."""
        shard, own = self._of(name).inner(id)
        return shard, place_of(own)

    def _keys(self, name: Name) -> list[str]:
        return [keys.stream(name) for keys in (self._all if name == SHARDED else self._all[:1])]


class Stream(_Sharded):
    """Blocking access, for workers and tests.

    Every method raises `UnavailableError` when the server is away.
    """

    def __init__(self, url: str, keys: Keys | None = None) -> None:
        where = server(url)
        super().__init__(where, keys)
        self._r: Any
        if where.nodes:
            nodes = [
                redis.cluster.ClusterNode(host, port)  # type: ignore[no-untyped-call]
                for host, port in where.nodes
            ]
            self._connect: Callable[[], Any] = lambda: redis.cluster.RedisCluster.from_url(
                where.url,
                startup_nodes=nodes,
                retry=Retry(NoBackoff(), 1),
                socket_timeout=ANSWER_S,
                socket_connect_timeout=CONNECT_S,
            )
            self._r = None  # a cluster's client asks the nodes as soon as it is made
        else:
            self._r = redis.Redis.from_url(
                where.url, socket_timeout=ANSWER_S, socket_connect_timeout=CONNECT_S
            )

    def close(self) -> None:
        """Close the connection."""
        if self._r is not None:
            self._r.close()

    def ping(self) -> bool:
        """Tell whether the server answers."""
        try:
            return bool(self._call("ping"))
        except (UnavailableError, ResponseError):
            return False

    def append(self, name: Name, body: bytes, shard: int = 0) -> str:
        """Append one entry and return its id."""
        own = str(self._call("xadd", self._keys(name)[shard], {BODY: body}).decode())
        return self._of(name).outer(shard, own)

    def join(self, name: Name, group: str, start: str = "0") -> None:
        """Make sure a consumer group exists; a new one starts at `start` ("0" the oldest entry, "$" now)."""
        for key in self._keys(name):
            try:
                self._call("xgroup_create", key, group, start, True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    def take(
        self, names: Sequence[Name], group: str, consumer: str, *, count: int = 64, wait_ms: int = 500
    ) -> list[tuple[Name, Entry]]:
        """Read new entries for a consumer, waiting at most `wait_ms`.

        Of several shards those that answer are read; only if none has anything is another's failure told.
        """
        if SHARDED not in names or self.shards == 1:
            keys = {self._keys(n)[0]: ">" for n in names}
            return self._by_name(
                names, self._call("xreadgroup", group, consumer, keys, count, max(wait_ms, 1))
            )
        out: list[tuple[Name, Entry]] = []
        failure: UnavailableError | None = None
        for wait in (None, max(wait_ms // self.shards, 1)):
            for shard in range(self.shards):
                there = [n for n in names if shard < len(self._keys(n))]
                keys = {self._keys(n)[shard]: ">" for n in there}
                try:
                    reply = self._call("xreadgroup", group, consumer, keys, count, wait)
                except UnavailableError as error:
                    failure = error
                    continue
                out += self._by_name(there, reply, shard)
            if out:
                return out
        if failure is not None:
            raise failure
        return out

    def pending(
        self, name: Name, group: str, consumer: str, after: str = "0", count: int = 64
    ) -> list[Entry]:
        """Read again what this consumer took and never acknowledged, after a restart."""
        ids = self._of(name)
        before = ids.after(after, exact=True)
        batches = [
            _batch(_rows(self._call("xreadgroup", group, consumer, {key: own}, count)))
            for key, own in zip(self._keys(name), before, strict=True)
        ]
        return ids.merge(batches, before, count)

    def claim(self, name: Name, group: str, consumer: str) -> int:
        """Make everything that any consumer of a group took and never acknowledged this consumer's own.

        For one who knows that the others have ended; returns how many entries it was.
        """
        claimed = 0
        for key in self._keys(name):
            # By hand and not with XAUTOCLAIM: the client leaves out of its answer where to go on.
            for row in self._others(key, group, consumer):
                claimed += len(self._call("xclaim", key, group, consumer, 0, row, justid=True))
        return claimed

    def _others(self, key: str, group: str, consumer: str) -> Iterator[list[bytes]]:
        """Ids that other consumers hold, a thousand at a time."""
        for other in self._call("xinfo_consumers", key, group):
            while other["pending"] and other["name"] != consumer.encode():
                rows = self._call("xpending_range", key, group, "-", "+", 1000, other["name"])
                if not rows:
                    break
                yield [row["message_id"] for row in rows]

    def held(self, name: Name, group: str, consumer: str) -> int:
        """How many entries a consumer of a group has taken and not acknowledged."""
        rows = (row for key in self._keys(name) for row in self._call("xinfo_consumers", key, group))
        return sum(int(row["pending"]) for row in rows if row["name"] == consumer.encode())

    def ack(self, name: Name, group: str, ids: Iterable[str]) -> None:
        """Say that entries are dealt with."""
        for shard, own in self._of(name).by_shard(ids).items():
            self._call("xack", self._keys(name)[shard], group, *own)

    def since(self, name: Name, after: str | Sequence[str] = "0", count: int = 1000) -> list[Entry]:
        """Entries after an id, or after an id of each shard's own, oldest first."""
        ids = self._of(name)
        before = ids.after(after) if isinstance(after, str) else tuple(after)
        batches = [
            _batch(self._call("xrange", key, _low(own), "+", count))
            for key, own in zip(self._keys(name), before, strict=True)
        ]
        return ids.merge(batches, before, count)

    def last(self, name: Name, count: int = 1) -> list[Entry]:
        """The newest entries, oldest of them first."""
        batches = [_batch(self._call("xrevrange", key, "+", "-", count))[::-1] for key in self._keys(name)]
        return self._of(name).merge(batches, _newest(batches))[-count:]

    def length(self, name: Name) -> int:
        """Number of entries kept."""
        return sum(int(self._call("xlen", key)) for key in self._keys(name))

    def trim(self, name: Name, before_id: str) -> int:
        """Drop entries older than an id; returns how many.

        With several shards nothing is dropped that a group has not dealt with: one shard's newest may be
        older than what another has finished.
        """
        dropped = 0
        for key in self._keys(name):
            least = before_id
            if self.shards > 1 and name == SHARDED:
                least = min([before_id, *self._unfinished(key)], key=_order)
            dropped += int(self._call("xtrim", key, minid=least, approximate=False))
        return dropped

    def _unfinished(self, key: str) -> list[str]:
        """Of every group the first id that is not dealt with, or the last that was given out."""
        out = []
        for group in self._call("xinfo_groups", key):
            waiting = self._call("xpending", key, group["name"])
            first = waiting["min"] if waiting["pending"] else group["last-delivered-id"]
            out.append(first.decode() if isinstance(first, bytes) else str(first))
        return out

    def put(self, name: str, body: bytes) -> None:
        """Set a piece of present state."""
        self._call("set", self.keys.state(name), body)

    def get(self, name: str) -> bytes | None:
        """Read a piece of present state."""
        value = self._call("get", self.keys.state(name))
        return None if value is None else bytes(value)

    def tell(self, name: str, member: str, body: bytes) -> None:
        """Set one process's part of a piece of state that several processes tell about themselves."""
        self._call("hset", self.keys.state(name), member, body)

    def told(self, name: str) -> dict[str, bytes]:
        """Read what every process has told, by process."""
        return _told(self._call("hgetall", self.keys.state(name)))

    def hold(self, name: str, who: str, ms: int) -> bool:
        """Take a name that one process at a time may hold, or hold it longer; False while another has it."""
        return bool(self._call("eval", _HOLD, 1, self.keys.state(f"hold:{name}"), who, ms))

    def let_go(self, name: str, who: str) -> None:
        """Give a held name back at once."""
        self._call("eval", _LET_GO, 1, self.keys.state(f"hold:{name}"), who)

    def put_clock(self, state: ClockState) -> None:
        """Publish park time."""
        self.put("clock", to_json(state))

    def clock(self) -> ClockState:
        """Read park time's state; live where nothing is published."""
        body = self.get("clock")
        return LIVE if body is None else from_json(body, ClockState)

    def _by_name(self, names: Sequence[Name], reply: Any, shard: int = 0) -> list[tuple[Name, Entry]]:
        by_key = {self._keys(n)[shard].encode(): n for n in names}
        rows = reply.items() if isinstance(reply, dict) else reply or []
        return [
            (by_key[key], Entry(self._of(by_key[key]).outer(shard, own), body))
            for key, got in rows
            for own, body in _batch(_flat(got))
        ]

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._r is None:
                self._r = self._connect()
            return getattr(self._r, method)(*args, **kwargs)
        except _AWAY as error:
            raise _told_apart(error) from error


def _told_apart(error: Exception) -> Exception:
    """Return what to raise: the server's refusal of a wrong command as it is, anything else as being away."""
    if isinstance(error, ResponseError) and not str(error).startswith(_NOT_NOW):
        return error
    return UnavailableError(f"the stream server does not answer: {error}")


def _flat(got: Any) -> Any:
    """Bring both reply shapes of the client (flat, or one list deeper) to pairs of id and fields."""
    return got[0] if got and isinstance(got[0], list) else got


def _rows(reply: Any) -> Any:
    """Return the rows of a reply about one stream."""
    rows = list(reply.items() if isinstance(reply, dict) else reply or [])
    return _flat(rows[0][1]) if rows else []


def _batch(rows: Any) -> Batch:
    return [(i.decode(), f[BODY]) for i, f in rows if f]


def _newest(batches: Sequence[Batch]) -> list[str]:
    return [batch[-1][0] if batch else "0" for batch in batches]


def _low(after: str) -> str:
    return "-" if after == "0" else f"({after}"


def _order(id: str) -> tuple[int, int]:
    ms, _, n = id.partition("-")
    return int(ms), int(n or 0)


def _told(reply: Any) -> dict[str, bytes]:
    return {member.decode(): bytes(body) for member, body in reply.items()}


class AsyncStream(_Sharded):
    """The same for event loops: the gateway's append, the web's reading."""

    def __init__(self, url: str, keys: Keys | None = None) -> None:
        where = server(url)
        super().__init__(where, keys)
        self._r: Any
        if where.nodes:
            self._r = redis.asyncio.cluster.RedisCluster.from_url(
                where.url,
                startup_nodes=[redis.asyncio.cluster.ClusterNode(host, port) for host, port in where.nodes],
                socket_timeout=ANSWER_S,
                socket_connect_timeout=CONNECT_S,
            )
        else:
            self._r = redis.asyncio.Redis.from_url(
                where.url, socket_timeout=ANSWER_S, socket_connect_timeout=CONNECT_S
            )

    async def close(self) -> None:
        """Close the connection."""
        await self._r.aclose()

    async def append(self, name: Name, body: bytes, most: int | None = None, *, shard: int = 0) -> str:
        """Append one entry and return its id; of more than about `most` entries the oldest give way."""
        own = await self._call(self._r.xadd(self._keys(name)[shard], {BODY: body}, maxlen=most))
        return self._of(name).outer(shard, own.decode())

    async def follow(
        self, after: dict[Name, str], *, count: int = 256, wait_ms: int = 500
    ) -> list[tuple[Name, Entry]]:
        """Entries of several streams after the given ids ("$" for from now on), waiting at most `wait_ms`."""
        names: dict[str, Name] = {}
        groups: list[dict[str, str]] = [{} for _ in range(self.shards if SHARDED in after else 1)]
        for name, reached in after.items():
            own = zip(self._keys(name), self._of(name).after(reached), strict=True)
            for group, (key, place) in zip(groups, own, strict=False):
                group[key], names[key] = place, name
        found: dict[Name, list[Batch]] = {name: [[] for _ in self._keys(name)] for name in after}
        for shard, group in enumerate(groups):
            # Streams of different shards may stand on different servers: only the last look waits.
            last = shard == len(groups) - 1 and not any(map(any, found.values()))
            wait = max(min(wait_ms, wait_ms if len(groups) == 1 else LOOK_MS), 1) if last else None
            reply = await self._call(self._r.xread(group, count, wait))
            for key, got in reply.items() if isinstance(reply, dict) else reply or []:
                found[names[key.decode()]][shard] = _batch(_flat(got))
        return [
            (name, entry)
            for name, batches in found.items()
            for entry in self._of(name).merge(batches, self._of(name).after(after[name]))
        ]

    async def since(self, name: Name, after: str = "0", count: int = 1000) -> list[Entry]:
        """Entries after an id, oldest first."""
        ids = self._of(name)
        before = ids.after(after)
        batches = [
            _batch(await self._call(self._r.xrange(key, _low(own), "+", count)))
            for key, own in zip(self._keys(name), before, strict=True)
        ]
        return ids.merge(batches, before, count)

    async def last(self, name: Name, count: int = 1, *, shard: int | None = None) -> list[Entry]:
        """The newest entries, oldest of them first; of one shard where one is named."""
        keys = self._keys(name)
        batches: list[Batch] = [
            _batch(await self._call(self._r.xrevrange(key, "+", "-", count)))[::-1]
            if shard in (None, i)
            else []
            for i, key in enumerate(keys)
        ]
        return self._of(name).merge(batches, _newest(batches))[-count:]

    async def put(self, name: str, body: bytes) -> None:
        """Set a piece of present state."""
        await self._call(self._r.set(self.keys.state(name), body))

    async def get(self, name: str) -> bytes | None:
        """Read a piece of present state."""
        value = await self._call(self._r.get(self.keys.state(name)))
        return None if value is None else bytes(value)

    async def tell(self, name: str, member: str, body: bytes) -> None:
        """Set one process's part of a piece of state that several processes tell about themselves."""
        await self._call(self._r.hset(self.keys.state(name), member, body))

    async def told(self, name: str) -> dict[str, bytes]:
        """Read what every process has told, by process."""
        return _told(await self._call(self._r.hgetall(self.keys.state(name))))

    async def claim(self, name: str, who: str, ms: int) -> bool:
        """Take a name that only the first who asks for it gets, for a while."""
        return bool(await self._call(self._r.set(self.keys.state(f"hold:{name}"), who, nx=True, px=ms)))

    async def clock(self) -> ClockState:
        """Read park time's state; live where nothing is published."""
        body = await self.get("clock")
        return LIVE if body is None else from_json(body, ClockState)

    @staticmethod
    async def _call(awaitable: Any) -> Any:
        try:
            return await awaitable
        except (AttributeError, RuntimeError) as error:
            # The cluster's client writes to a line that another task's failure has just made it close.
            raise UnavailableError(f"the stream server's line is closed: {error}") from error
        except _AWAY as error:
            raise _told_apart(error) from error
