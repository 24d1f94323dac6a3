"""What was answered is kept: the stream server and the gateway are killed while 78 loggers are sending."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from geodata import park as park_file
from tests.e2e.warm import share
from twin.clock import as_datetime
from twin.config import Config, load
from twin.demo import environment, people, start_roles
from twin.errors import UnavailableError
from twin.history.reader import History
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet
from twin.model import Order, to_json
from twin.simulate import truth as truths
from twin.simulate.truth import Truth
from twin.stream import Stream
from twin.supervisor import Supervisor, free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@dataclass
class Site:
    """A running product with loggers sending to it."""

    folder: Path
    config: Config
    supervisor: Supervisor
    stream: Stream

    def truth(self) -> Truth | None:
        return truths.read(self.folder / "truth.json")

    def answered(self) -> int:
        now = self.truth()
        return now.counts.answered if now else 0

    def wait(self, what: Callable[[], bool], timeout_s: float, complaint: str) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.supervisor.tick()
            try:
                if what():
                    return
            except UnavailableError:
                pass
            time.sleep(0.05)
        logs = {p.name: p.read_text("utf-8", "replace")[-600:] for p in (self.folder / "logs").glob("*.log")}
        raise AssertionError(f"{complaint}: {logs}")

    def go_on(self, frames: int, timeout_s: float = 90.0) -> None:
        """Wait until so many more frames are answered."""
        goal = self.answered() + frames
        self.wait(lambda: self.answered() >= goal, timeout_s, f"{frames} more frames were not answered")

    def kill(self, role: str) -> None:
        """End a role as a power cut would, and wait until the supervisor has it back."""
        before, times = self.supervisor.pid(role), self.supervisor.restarts(role)
        assert before is not None
        os.kill(before, signal.SIGKILL)
        self.wait(lambda: self.supervisor.restarts(role) > times, 60, f"{role} did not come back")


@pytest.fixture
def site() -> Iterator[Site]:
    folder = Path(tempfile.mkdtemp(prefix="twin-e2e-"))
    config = replace(
        load({**os.environ, "TWIN_REDIS_URL": "", "TWIN_DATA": str(folder), "TWIN_LANG": "en"}),
        gateway_port=free_port(),
        plc_port=free_port(),
        port=free_port(),
    )
    share(folder)
    people(config)
    supervisor = Supervisor(environment(config), folder / "logs", lambda t: None)
    files = ("--truth", str(folder / "truth.json"), "--journal", str(folder / "journal"))
    stream = Stream(config.redis)
    try:
        start_roles(supervisor, config, ("sim", "--speed", "150", "--past-hours", "1", *files))
        yield Site(folder, config, supervisor, stream)
    finally:
        stream.close()
        supervisor.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_every_answered_frame_is_in_the_history_whatever_is_killed(site: Site) -> None:
    site.wait(lambda: site.answered() > 600, 90, "the loggers did not get going")
    site.kill("gateway")
    site.go_on(300)
    site.kill("redis")
    site.go_on(300)
    site.kill("gateway")
    site.kill("redis")
    site.go_on(300)

    at = as_datetime(site.stream.clock().park_ms)
    site.stream.append("commands", to_json(Order("drill.stop", at, "test")))

    def settled() -> bool:
        now = site.truth()
        return now is not None and now.waiting == 0 and site.stream.clock().speed == 0

    site.wait(settled, 90, "some frames were never answered")
    promised = truths.answered(site.folder / "journal")
    assert len(promised) > 1500
    missing = promised - kept(site)
    assert not missing, f"{len(missing)} of {len(promised)} answered frames are gone: {sorted(missing)[:5]}"


def kept(site: Site) -> set[tuple[str, str, str]]:
    """(MN, CN, QN) of every frame in the history, read back by the product's own codec."""
    mns = [s.mn for s in park_file.read(site.config.park).stations]
    history = History(site.config.history, site.stream)
    try:
        frames = history.raw_frames(mns, 0, 1 << 53)
    finally:
        history.close()
    packets = [p for f in frames for p in Reader().feed(f.raw) if isinstance(p, Packet)]
    return {(p.mn or "", p.cn or "", p.qn or "") for p in packets}
