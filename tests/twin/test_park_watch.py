"""A running process gets a new park without restart, and never a broken one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from geodata import park as park_file
from geodata.park import VERSION_CHARS, content_hash
from geodata.places import Park, Receptor
from geodata.versions import Store
from geodata.words import Text
from tests.geodata.parks import demo_park
from twin.errors import ConfigError, MissingError
from twin.park_watch import ParkWatch, Present, Renewal

AT = datetime(2026, 7, 1, tzinfo=UTC)


@cache
def corner() -> Park:
    park = demo_park()
    nodes = park.nodes[park.nodes["id"].str.startswith("YQ01")].reset_index(drop=True)
    inside = park.links["from_node"].isin(nodes["id"]) & park.links["to_node"].isin(nodes["id"])
    links = park.links[inside].reset_index(drop=True)
    return replace(
        park, nodes=nodes, links=links, scenery={}, gates=(), outlets=(), stations=(), receptors=()
    )


def corner_version() -> str:
    return content_hash(corner())[:VERSION_CHARS]


def cut(park: Park) -> Park:
    """The same with a link gone: nothing above it reaches the end any more."""
    return replace(park, links=park.links[park.links["id"] != "YQ01-10"].reset_index(drop=True))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("written") / "park.gpkg"
    park_file.write(corner(), path)
    return path


@pytest.fixture
def live(tmp_path: Path, written: Path) -> Path:
    return Path(shutil.copyfile(written, tmp_path / "park.gpkg"))


def test_the_next_trace_after_a_new_version_uses_it_and_says_so(tmp_path: Path, live: Path) -> None:
    watch = ParkWatch(live)
    old = watch.present
    assert len(old.network.upstream("YQ01-20").nodes) == 21
    assert not watch.look()
    store = Store(tmp_path / "versions")
    saved = store.save(cut(corner()), "a link removed", "u1", AT)
    store.install(saved.version, live)
    assert watch.look()
    assert watch.version == watch.present.park.version == saved.version
    assert len(watch.present.network.upstream("YQ01-20").nodes) == 11
    assert len(old.network.upstream("YQ01-20").nodes) == 21
    assert not watch.look()


def test_the_same_content_in_a_new_file_changes_nothing(live: Path) -> None:
    watch = ParkWatch(live)
    before = watch.present
    park_file.write(corner(), live)
    assert not watch.look()
    assert watch.present is before


def test_a_broken_file_is_reported_and_the_good_park_kept(live: Path) -> None:
    watch = ParkWatch(live)
    version = watch.version
    live.write_bytes(b"no park")
    assert not watch.look()
    assert "park.gpkg" in watch.trouble
    assert watch.version == version
    live.unlink()
    assert not watch.look()
    assert watch.trouble
    park_file.write(cut(corner()), live)
    assert watch.look()
    assert watch.trouble == ""


def test_a_park_whose_links_end_nowhere_is_not_used(live: Path) -> None:
    watch = ParkWatch(live)
    links = corner().links.copy()
    links.loc[3, "to_node"] = "GONE"
    park_file.write(replace(corner(), links=links), live)
    assert not watch.look()
    assert "twin park check" in watch.trouble


def test_what_stands_nowhere_is_told_and_the_park_not_used(live: Path) -> None:
    watch = ParkWatch(live)
    lost = Receptor("R9", Text("海", "sea"), "NOWHERE", 0.0, 0.0)
    park_file.write(replace(corner(), receptors=(lost,)), live)
    assert not watch.look()
    assert "receptor R9 at NOWHERE" in watch.trouble


def test_the_first_place_with_a_file_counts_from_when_it_is_there(tmp_path: Path, live: Path) -> None:
    saved = tmp_path / "data" / "park.gpkg"
    watch = ParkWatch((saved, live))
    assert watch.version == corner_version()
    saved.parent.mkdir()
    park_file.write(cut(corner()), saved)
    assert watch.look()
    assert watch.version != corner_version()


def test_what_a_process_makes_of_its_park_is_made_beside_it_and_taken_once(live: Path) -> None:
    watch = ParkWatch(live)
    made: list[Present] = []

    def build(present: Present) -> int:
        made.append(present)
        return len(present.park.links)

    renewal = Renewal(watch, build)
    assert not renewal.look()
    assert renewal.take() is None
    park_file.write(cut(corner()), live)
    assert renewal.look()
    assert renewal.look()  # still lies ready, and is not built again
    assert made == [watch.present]
    assert renewal.take() == len(cut(corner()).links)
    assert renewal.take() is None


def test_a_park_the_process_can_make_nothing_of_is_told(live: Path) -> None:
    def build(_: Present) -> None:
        raise KeyError("G77")

    watch = ParkWatch(live)
    renewal = Renewal(watch, build)
    park_file.write(cut(corner()), live)
    assert not renewal.look()
    assert "G77" in renewal.trouble
    assert watch.version in renewal.trouble


def test_there_must_be_a_park_to_begin_with(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        ParkWatch(tmp_path / "none.gpkg")
    (tmp_path / "bad.gpkg").write_text("x")
    with pytest.raises(ConfigError):
        ParkWatch(tmp_path / "bad.gpkg")
