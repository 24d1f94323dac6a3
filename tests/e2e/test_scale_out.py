"""Two gateways and two watches on a Redis Cluster of three nodes, with one of each killed under load."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.kills import Loggers, Site, accounted
from twin.errors import UnavailableError
from twin.nodes import Nodes
from twin.stream import Stream
from twin.supervisor import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


class Park(Site):
    """Two processes of each role."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, url)
        self.ports = {"1": free_port(), "2": free_port()}

    def settings(self, member: str) -> dict[str, str]:
        return {"TWIN_MEMBER": member, "TWIN_GATEWAY_PORT": str(self.ports[member])}

    def duties(self, stream: Stream) -> dict[str, list[str]]:
        """What each watch says it has."""
        return {m: json.loads(body)["duties"] for m, body in stream.told("watch.members").items()}


@pytest.fixture
def cluster() -> Iterator[Nodes]:
    it = Nodes(3)
    try:
        it.open()
        yield it
    finally:
        it.close()


def wait(what: Callable[[], bool], complaint: str, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if what():
                return
        except UnavailableError:
            pass
        time.sleep(0.05)
    raise AssertionError(complaint)


def test_a_cluster_carries_the_load_and_the_dead_are_followed(cluster: Nodes) -> None:
    folder = Path(tempfile.mkdtemp(prefix="twin-scale-"))
    park = Park(folder, cluster.url)
    loggers = Loggers(*park.ports.values())
    try:
        for role in ("gateway-1", "gateway-2", "watch-1", "watch-2"):
            park.start(role)
        loggers.start()
        with closing(Stream(cluster.url)) as stream:

            def go_on(frames: int) -> None:
                goal = loggers.answered + frames
                wait(lambda: loggers.answered >= goal, f"{frames} more frames were not answered")

            go_on(300)
            used = [key for key in stream._keys("readings") if stream._call("xlen", key)]
            nodes = {stream._call("cluster_keyslot", key) * 3 // 16_384 for key in used}
            assert nodes == {0, 1, 2}  # every node has some of the shards, and its share of the load
            wait(lambda: sorted(map(len, park.duties(stream).values())) == [1, 1], "duties are not shared")

            dead = next(m for m, duties in park.duties(stream).items() if "detecting" in duties)
            left = "2" if dead == "1" else "1"
            park.kill(f"watch-{dead}")
            go_on(100)
            wait(lambda: len(park.duties(stream)[left]) == 2, "nobody took over")
            wait(lambda: waiting(stream, dead) == 0, "what the dead watch had taken was not claimed")

            park.kill("gateway-1")
            go_on(100)
            cluster.kill(2)
            time.sleep(0.5)
            cluster.start(2)
            park.start("gateway-1")
            go_on(100)

            loggers.finishing.set()
            loggers.join(60)
            assert not loggers.is_alive(), "some frames were never answered"
            assert loggers.failure is None, loggers.failure
            found = accounted(park, loggers)
            told = json.loads(stream.get("stations") or b"{}")
            assert set(stream.told("gateways")) == {"1", "2"}
        assert (found["lost"], found["raw_lost"], found["wrong"], found["doubled"]) == (0, 0, 0, 0), found
        assert len(told["by_mn"]) == len(loggers.all)
    finally:
        loggers.ended.set()
        park.close()
        shutil.rmtree(folder, ignore_errors=True)


def waiting(stream: Stream, member: str) -> int:
    """Entries that a member of the group of detectors has taken and not finished."""
    return sum(
        row["pending"]
        for key in stream._keys("readings")
        for row in stream._call("xinfo_consumers", key, "watch")
        if row["name"] == member.encode()
    )
