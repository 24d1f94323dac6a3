"""Saving for everybody: never a park nobody can use, always a way back, and told who and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from geodata import park as park_file
from geodata.places import Park
from geodata.versions import Store
from tests.twin.parks import tiny_park
from twin import park_release
from twin.config import Config
from twin.errors import ConfigError, UnavailableError
from twin.model import from_json
from twin.park_release import KEY, Saved
from twin.park_watch import ParkWatch

AT = datetime(2026, 7, 1, tzinfo=UTC)


class Board:
    """Present state in a dictionary."""

    def __init__(self, away: bool = False) -> None:
        self.away, self.state = away, dict[str, bytes]()

    def put(self, name: str, body: bytes) -> None:
        if self.away:
            raise UnavailableError("away")
        self.state[name] = body


def park() -> Park:
    it = tiny_park()
    return replace(it, links=it.links.assign(capacity_m3s=0.0))


def other() -> Park:
    it = park()
    return replace(it, gates=(replace(it.gates[0], phone="0573-9"), it.gates[1]))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    park_file.write(park(), tmp_path / "mine.gpkg")
    return Config(data=tmp_path / "data", park=tmp_path / "mine.gpkg")


def test_a_saved_park_is_used_and_there_is_a_way_back(config: Config) -> None:
    watch, board = ParkWatch(config.parks), Board()
    before = watch.version
    saved = park_release.save(config, board, other(), "new phone", "u1", AT)
    assert watch.look()
    assert watch.version == saved.version
    assert from_json(board.state[KEY], Saved) == Saved(saved.version, AT, "u1", "new phone")
    history = Store(config.versions).list()
    assert [(v.version, v.note) for v in history] == [
        (saved.version, "new phone"),
        (before, park_release.FIRST),
    ]
    park_release.restore(config, board, before, "u2", AT)
    assert watch.look()
    assert watch.version == before
    assert from_json(board.state[KEY], Saved).by == "u2"


def test_a_park_that_no_process_could_use_is_not_saved(config: Config) -> None:
    bad = replace(park(), stations=(replace(park().stations[0], limit_set="no such limits"),))
    with pytest.raises(ConfigError, match="no such limits"):
        park_release.save(config, Board(), bad, "", "u1", AT)
    links = park().links
    links.loc[0, "to_node"] = "GONE"
    with pytest.raises(ConfigError, match="network"):
        park_release.save(config, Board(), replace(park(), links=links), "", "u1", AT)
    assert Store(config.versions).list() == ()
    assert not ParkWatch(config.parks).trouble


def test_without_a_stream_the_file_still_counts(config: Config) -> None:
    watch = ParkWatch(config.parks)
    park_release.save(config, Board(away=True), other(), "", "u1", AT)
    assert watch.look()


def test_the_shipped_park_is_saved_beside_the_data(tmp_path: Path) -> None:
    from twin.config import SHIPPED

    demo = Config(data=tmp_path, park=SHIPPED)
    before = SHIPPED.read_bytes()
    park_release.save(demo, Board(), other(), "", "u1", AT)
    assert (tmp_path / "park.gpkg").is_file()
    assert SHIPPED.read_bytes() == before
