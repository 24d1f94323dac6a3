"""The catalogue is there whole or not at all; one writer; strangers and leftovers are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import ConfigError, UnavailableError
from twin.history import catalogue
from twin.history.catalogue import EMPTY, Catalogue, File, Lock, Watched

place = st.tuples(st.integers(0, 2**42), st.integers(0, 99))
file = st.builds(
    File,
    st.sampled_from(catalogue.KINDS),
    st.text(max_size=5),
    st.just("2026-11-22"),
    *[st.integers(0, 2**42)] * 6,
    place,
    place,
)


def one(name: str) -> File:
    return File("readings", name, "2026-11-22", 0, 1, 1, 0, 5, 6, (1, 0), (2, 0))


WHOLE = st.builds(
    Catalogue,
    st.lists(place, max_size=3).map(tuple),
    st.integers(0),
    st.integers(0),
    st.lists(file, max_size=3).map(tuple),
)


@settings(max_examples=25, deadline=None)
@given(WHOLE)
def test_a_catalogue_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, it: Catalogue
) -> None:
    folder = tmp_path_factory.mktemp("c")
    it = it._replace(gone=(("frames", "old.parquet", 7),))
    catalogue.save(folder, it)
    assert catalogue.load(folder) == it


def test_a_reader_notices_a_change_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(tmp_path)
    assert watched.now() == EMPTY
    first = EMPTY._replace(files=(one("a"),))
    catalogue.save(tmp_path, first)
    assert watched.now() == first
    monkeypatch.setattr(catalogue, "load", lambda _: pytest.fail("read again without need"))
    assert watched.now() == first
    monkeypatch.undo()
    catalogue.save(tmp_path, EMPTY)
    assert watched.now() == EMPTY


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    seen: list[str] = []

    def half(path: Path) -> None:
        path.write_bytes(b"half")
        seen.extend(p.name for p in tmp_path.iterdir())
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        catalogue.appear(tmp_path / "part", half)
    assert seen
    assert seen != ["part"]
    assert list(tmp_path.iterdir()) == []
    catalogue.appear(tmp_path / "deep" / "part", lambda p: p.write_bytes(b"whole"))
    assert (tmp_path / "deep" / "part").read_bytes() == b"whole"


def test_what_no_catalogue_names_is_swept_away(tmp_path: Path) -> None:
    it = EMPTY._replace(files=(one("kept"),), gone=(("readings", "still read", 1),))
    (tmp_path / "readings").mkdir()
    for name in ("kept", "still read", "orphan", ".half.tmp"):
        (tmp_path / "readings" / name).touch()
    (tmp_path / ".catalogue.json.tmp").touch()
    catalogue.sweep(tmp_path, it)
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["kept", "still read"]


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    with pytest.raises(UnavailableError, match="another process"):
        Lock(tmp_path)
    lock.close()
    Lock(tmp_path).close()


def test_other_versions_are_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "readings").mkdir()
    (tmp_path / "readings" / "1-0_2-0_5-6_0.parquet").touch()
    with pytest.raises(ConfigError, match="earlier version"):
        catalogue.load(tmp_path)
    (tmp_path / catalogue.NAME).write_text('{"version": 9}')
    with pytest.raises(ConfigError, match="version 9"):
        catalogue.load(tmp_path)
    (tmp_path / catalogue.NAME).write_text("not json")
    with pytest.raises(UnavailableError, match="catalogue"):
        catalogue.load(tmp_path)
