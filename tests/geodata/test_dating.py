"""Of which day a layer is, and how that is known; a day nobody told is left empty."""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from geodata import dating, park, provenance
from geodata.dating import Day, Known
from geodata.formats.report import FormatError
from geodata.framing import Settings
from geodata.intake import gather
from geodata.places import Park
from tests.geodata import surveys
from tests.geodata.parks import demo_park

MARCH = datetime(2025, 3, 7, 4, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["2025年3月", "2025/3/7", "", "unknown"], "2025-03-07"),
        (["20241231", "2019"], "2024-12-31"),
        (["2023.0", "2022-11"], "2023"),
        (["45210", "3025-01-01", "2025-13-01", "1-2-3"], ""),
        ([], ""),
    ],
)
def test_the_newest_of_many_dates_as_people_write_them(written: list[str], read: str) -> None:
    assert dating.newest(written) == read


def test_a_person_goes_before_rows_and_rows_before_the_file() -> None:
    rows = ["2024-05-01", "2024-06-02"]
    assert dating.day("2025", "探测日期", rows, "2025-03-07") == Day("2025", Known.STATED)
    assert dating.day("", "探测日期", rows, "2025-03-07") == Day("2024-06-02", Known.ROWS)
    assert dating.day("", "建设年代", rows, "2025-03-07") == Day("2025-03-07", Known.FILE)
    assert dating.day("", "", [], "") == Day("", Known.NOT)


def test_only_dates_may_be_said() -> None:
    dating.check({"": "2025", "a": "2025-06", "b": "2025-06-30"})
    with pytest.raises(FormatError, match="last summer"):
        dating.check({"a": "last summer"})


def test_a_file_whose_time_nobody_kept_is_of_no_day(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    os.utime(path, (MARCH, MARCH))
    assert dating.changed(path) == dating.changed(tmp_path) == "2025-03-07"
    os.utime(path, (0, 0))
    assert dating.changed(path) == ""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A survey of two tables; one of its points tells its own day."""
    tables = surveys.tables()
    days = [""] * (len(tables["WSP"]) - 1) + ["2024-11-05"]
    tables["WSP"] = pd.DataFrame(tables["WSP"]).assign(探测日期=days)
    path = tmp_path / "survey.xlsx"
    surveys.workbook(tables, path)
    os.utime(path, (MARCH, MARCH))
    return path


def imported(path: Path, settings: Settings) -> Park:
    made = gather([path], replace(settings, near=surveys.HERE, yes=True)).park
    assert made is not None
    return made


def days(found: Park) -> dict[str, tuple[str, str]]:
    return {s.layer: (s.as_of, s.as_of_by) for s in found.sources}


def test_each_layer_keeps_its_day_and_how_it_is_known(book: Path, tmp_path: Path) -> None:
    found = imported(book, Settings(file_dates=True))
    assert days(found) == {"WSP": ("2024-11-05", "rows"), "WSL": ("2025-03-07", "file")}
    park.write(found, tmp_path / "park.gpkg")
    back = park.read(tmp_path / "park.gpkg")
    assert back.sources == found.sources
    assert park.content_hash(back) == park.content_hash(found)
    assert days(imported(book, Settings())) == {"WSP": ("2024-11-05", "rows"), "WSL": ("", "")}


def test_a_day_a_person_states_is_that_of_every_row_without_one(book: Path) -> None:
    found = imported(book, Settings(as_of={"survey.xlsx": "2025-01"}))
    assert set(days(found).values()) == {("2025-01", "stated")}
    assert sorted(set(found.nodes["as_of"])) == ["2024-11-05", "2025-01"]
    assert set(found.links["as_of"]) == {"2025-01"}
    name = str(found.links["id"].iloc[0])
    said = provenance.origin(found, "link", name, "roughness")
    assert said is not None
    assert said.as_of == "2025-01"


def test_files_in_an_archive_keep_the_day_it_gives_them(book: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("survey.xlsx", (2023, 2, 1, 9, 0, 0)), book.read_bytes())
    assert days(imported(packed, Settings(file_dates=True)))["WSL"] == ("2023-02-01", "file")


def test_a_park_older_than_this_keeps_its_version() -> None:
    old = demo_park()
    assert all(s.as_of_by == "" for s in old.sources)
    assert old.version == park.content_hash(old)[: park.VERSION_CHARS]
