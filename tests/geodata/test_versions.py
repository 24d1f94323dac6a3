"""Versions of a park: saved, listed, compared, restored; nothing is lost, and damage is noticed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Thread

import pandas as pd
import pytest
from shapely.geometry import LineString

from geodata import park as park_file
from geodata.places import Park
from geodata.versions import JOURNAL, Change, Store, compare
from tests.geodata.parks import demo_park

AT = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


@cache
def demo() -> Park:
    """A corner of the demo park, quick to write."""
    park = demo_park()
    nodes = park.nodes[park.nodes["id"].str.match("H1|YQ01|V1")].reset_index(drop=True)
    inside = park.links["from_node"].isin(nodes["id"]) & park.links["to_node"].isin(nodes["id"])
    scenery = {name: park.scenery[name] for name in ("boundary", "jetty")}
    return replace(park, nodes=nodes, links=park.links[inside].reset_index(drop=True), scenery=scenery)


def other_park() -> Park:
    """The demo with something added, removed, moved and changed."""
    park = demo()
    nodes = park.nodes[park.nodes["id"] != "YQ01-00"].copy()
    nodes.loc[nodes["id"] == "H1-05", "x"] += 3.0
    nodes.loc[nodes["id"] == "H1-06", "invert_m"] -= 0.5
    new = nodes.iloc[:1].assign(id="NEW")
    links = park.links.copy()
    lines = links.geometry.copy()
    row = links.index[links["id"] == "H1-09"][0]
    lines[row] = LineString([(x, y + 12.0) for x, y in lines[row].coords])
    links = links.set_geometry(lines)
    links.loc[links["id"] == "H1-10", ["length_m", "roughness"]] = [200.0, 0.03]
    gate = replace(park.gates[0], x=park.gates[0].x + 5.0, stroke_s=600.0)
    return replace(
        park,
        nodes=pd.concat([nodes, new], ignore_index=True),
        links=links,
        gates=(gate, *park.gates[1:]),
        stations=park.stations[1:],
        fingerprints=(replace(park.fingerprints[0], value=1.0), *park.fingerprints[1:]),
        scenery={**park.scenery, "jetty": park.scenery["jetty"].iloc[1:]},
    )


def test_a_saved_park_comes_back_with_its_version(tmp_path: Path) -> None:
    store = Store(tmp_path / "versions")
    assert store.list() == ()
    assert store.current() is None
    saved = store.save(demo(), "first", "u1", AT)
    park = store.load(saved.version)
    assert saved.version == park.version == park_file.content_hash(demo())[:12]
    assert store.list() == (saved,)
    assert (saved.note, saved.by, saved.at, saved.parent) == ("first", "u1", AT, "")


def test_the_same_content_again_is_no_new_version(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.save(demo(), "first", "u1", AT)
    assert store.save(store.load(first.version), "again", "u2", AT + timedelta(hours=1)) == first
    assert len(store.list()) == 1


def test_an_old_version_is_restored_and_the_newer_one_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.save(demo(), "first", "u1", AT)
    second = store.save(other_park(), "second", "u2", AT + timedelta(hours=1))
    back = store.restore(first.version, "u3", AT + timedelta(hours=2))
    assert [v.version for v in store.list()] == [first.version, second.version, first.version]
    assert store.current() == back
    assert back.parent == second.version
    assert store.load(second.version).stations == other_park().stations
    with pytest.raises(KeyError):
        store.restore("000000000000", "u3", AT)


def test_comparing_says_what_was_added_removed_moved_and_changed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    a = store.save(demo(), "", "u1", AT).version
    b = store.save(other_park(), "", "u1", AT).version
    found = store.compare(a, b)
    assert found["node"] == Change(("NEW",), ("YQ01-00",), {"H1-05": 3.0}, {"H1-06": ("invert_m",)})
    assert found["link"] == Change((), (), {"H1-09": 12.0}, {"H1-10": ("length_m", "roughness")})
    assert found["gate"] == Change((), (), {"G01": 5.0}, {"G01": ("stroke_s",)})
    assert found["station"] == Change((), ("S01",))
    assert found["fingerprint"] == Change(changed={"E01/w01018": ("value",)})
    assert found["map_jetty"] == Change((), ("-1",))
    assert set(found) == {"node", "link", "gate", "station", "fingerprint", "map_jetty"}
    assert store.compare(a, a) == {}
    back = store.compare(b, a)
    assert (back["node"].added, back["node"].removed) == (("YQ01-00",), ("NEW",))


def test_another_name_of_the_park_is_a_change() -> None:
    assert compare(demo(), replace(demo(), crs="EPSG:4528"))["park"] == Change(changed={"chaoyu": ("crs",)})


def test_a_file_somebody_changed_is_not_taken_for_the_version(tmp_path: Path) -> None:
    store = Store(tmp_path)
    version = store.save(demo(), "", "u1", AT).version
    park_file.write(other_park(), store.path(version))
    with pytest.raises(ValueError, match="changed after it was saved"):
        store.load(version)


def test_a_line_torn_by_a_crash_is_as_if_never_saved(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.save(demo(), "first", "u1", AT)
    with (tmp_path / JOURNAL).open("a") as journal:
        journal.write('{"version": "0123')
    assert store.list() == (first,)
    second = store.save(other_park(), "second", "u1", AT)
    assert [v.version for v in store.list()] == [second.version, first.version]
    assert all(json.loads(line) for line in (tmp_path / JOURNAL).read_text().splitlines())


def test_installing_replaces_the_file_the_processes_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "versions")
    version = store.save(other_park(), "", "u1", AT).version
    live = tmp_path / "park.gpkg"
    park_file.write(demo(), live)
    store.install(version, live)
    assert park_file.read(live).version == version
    assert sorted(p.name for p in tmp_path.iterdir()) == ["park.gpkg", "versions"]
    with pytest.raises(KeyError):
        store.install("000000000000", live)


def test_a_time_without_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="zone"):
        Store(tmp_path).save(demo(), "", "u1", AT.replace(tzinfo=None))


def test_two_saving_at_once_lose_nothing(tmp_path: Path) -> None:
    def save(number: int) -> None:
        pool = replace(demo().pools[0], stored_m3=float(number))
        Store(tmp_path).save(replace(demo(), scenery={}, pools=(pool,)), str(number), "u", AT)

    threads = [Thread(target=save, args=(i,)) for i in (1, 2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    versions = Store(tmp_path).list()
    assert sorted(v.note for v in versions) == ["1", "2"]
    assert versions[0].parent == versions[1].version


def test_valves_and_pumps_of_enterprises_are_compared_too() -> None:
    park = demo()
    first, second = park.devices[:2]
    other = replace(park, devices=(replace(first, x=first.x + 2.0, stroke_s=7.0), *park.devices[2:]))
    found = compare(park, other)["device"]
    assert found.removed == (second.id,)
    assert found.moved == {first.id: 2.0}
    assert set(found.changed[first.id]) == {"stroke_s"}
