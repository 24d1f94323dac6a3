"""Runs of engines are kept by content, and whatever lies in the folder never spoils an answer."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from geodata.formats import inp
from geodata.words import Text
from tests.twin.test_hydraulics_imported import PRESSURE
from twin.hydraulics import epanet, imported, kept
from twin.hydraulics.kept import Kept
from twin.hydraulics.watched import FORM, Watched
from twin.park_file import open_park


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "e.inp"
    path.write_text(PRESSURE)
    return path


def flows(park: object) -> dict[str, float]:
    links = park.links  # type: ignore[attr-defined]
    return dict(zip(links["id"], links["flow_m3s"], strict=True))


def test_a_second_opening_computes_nothing_and_says_the_same(file: Path, tmp_path: Path) -> None:
    first: list[Text] = []
    park = open_park(file, first, tmp_path / "flows")
    with mock.patch.object(epanet, "watch", side_effect=AssertionError("it ran again")):
        again: list[Text] = []
        second = open_park(file, again, tmp_path / "flows")
    assert flows(second) == flows(park)
    assert second.version == park.version
    assert again == first
    moved = file.rename(tmp_path / "other name.inp")
    with mock.patch.object(epanet, "watch", side_effect=AssertionError("it ran again")):
        assert flows(open_park(moved, None, tmp_path / "flows")) == flows(park)


def test_another_content_form_or_engine_is_computed_anew(file: Path, tmp_path: Path) -> None:
    store = Kept(tmp_path / "flows")
    park = open_park(file, None, store.folder)
    assert store.find(file, "EPANET") is not None
    assert store.find(file, "SWMM") is None
    with mock.patch.object(kept, "FORM", FORM + 1):
        assert store.find(file, "EPANET") is None
    file.write_text(PRESSURE.replace("B 8 5", "B 8 10"))
    assert store.find(file, "EPANET") is None
    assert flows(open_park(file, None, store.folder))["p1"] == pytest.approx(2 * flows(park)["p1"])


@pytest.mark.parametrize("spoilt", [b"", b"PK", b"no archive at all"])
def test_a_spoilt_run_is_computed_anew(file: Path, tmp_path: Path, spoilt: bytes) -> None:
    park = open_park(file, None, tmp_path / "flows")
    (run,) = (tmp_path / "flows").iterdir()
    run.write_bytes(spoilt)
    assert flows(open_park(file, None, tmp_path / "flows")) == flows(park)
    (run,) = (tmp_path / "flows").iterdir()
    assert len(run.read_bytes()) > 100


def test_a_model_that_reads_other_files_is_computed_every_time(file: Path, tmp_path: Path) -> None:
    store, none = Kept(tmp_path / "flows"), np.zeros(0)
    seen = Watched((), none, none, none, none, 1.0)
    store.keep(file, "SWMM", inp.split("m", "[TIMESERIES]\nrain FILE rain.dat\n"), seen)
    assert store.find(file, "SWMM") is None
    store.keep(file, "SWMM", inp.split("m", "[TITLE]\nthe file in use\n"), seen)
    assert store.find(file, "SWMM") is not None


def test_a_folder_that_cannot_be_written_keeps_nothing(file: Path, tmp_path: Path) -> None:
    (tmp_path / "flows").write_text("a file")
    park = open_park(file, None, tmp_path / "flows")
    assert set(park.links["direction_source"]) == {"declared", "flow", "assumed"}


def test_only_the_last_used_are_kept(file: Path, tmp_path: Path) -> None:
    store = Kept(tmp_path / "flows")
    with mock.patch.object(kept, "MOST", 2):
        for demand in (5, 6, 7):
            file.write_text(PRESSURE.replace("B 8 5", f"B 8 {demand}"))
            open_park(file, None, store.folder)
    assert len(list(store.folder.iterdir())) == 2
    assert store.find(file, "EPANET") is not None


def test_a_run_tells_how_far_it_is(file: Path) -> None:
    told: list[tuple[Text, float]] = []
    park = open_park(file)
    imported.with_engine_flow(park, [file], tell=lambda text, share: told.append((text, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert {text.en for text, _ in told} == {"EPANET runs e.inp for its directions"}
    assert np.all(np.diff(shares) >= 0)
