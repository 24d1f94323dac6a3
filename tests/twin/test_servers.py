"""What TWIN_REDIS_URL may say."""

from __future__ import annotations

import pytest

from twin.errors import ConfigError
from twin.servers import Keys, Server, server


def test_single_servers_and_clusters() -> None:
    assert server("unix:///tmp/x.sock") == Server("unix:///tmp/x.sock", (), 1)
    assert server("redis://h:1/2?shards=4&protocol=3") == Server("redis://h:1/2?protocol=3", (), 4)
    assert server("redis+cluster://a:1,b:2") == Server("redis://a:1", (("a", 1), ("b", 2)), 12)
    found = server("rediss+cluster://me:pw@a:1,b:2?shards=12")
    assert found == Server("rediss://me:pw@a:1", (("a", 1), ("b", 2)), 12)


@pytest.mark.parametrize(
    "url", ["redis://h?shards=0", "redis://h?shards=many", "redis://h?shards=257", "redis+cluster://a,b:1"]
)
def test_what_cannot_be_meant_is_said(url: str) -> None:
    with pytest.raises(ConfigError, match="TWIN_REDIS_URL"):
        server(url)


def test_everything_of_a_shard_has_one_hash_tag() -> None:
    keys = Keys("park", 3)
    assert keys.stream("readings") == "{park:3}:readings"
    assert keys.state("clock") == "{park:3}:state:clock"
