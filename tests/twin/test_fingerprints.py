"""The fingerprint library: versions, tables with faults named by row and field, and what learning takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata import park as parks
from geodata.places import Park
from geodata.words import Text
from tests.twin.parks import tiny_park
from twin import __main__ as cli
from twin.blocks import BlockBuilder, Series, encode
from twin.clock import as_ms
from twin.curves import Curve
from twin.fingerprint_learning import LEAST, learn
from twin.fingerprints import (
    LEARNED,
    LEARNER,
    PERMIT,
    Library,
    Print,
    days_note,
    in_force,
    install,
    latest,
    of_park,
    of_version,
    read_csv,
    write_csv,
)
from twin.history.reader import History
from twin.history.writer import Writer
from twin.limits import Limits
from twin.model import Anomaly, Kind, Level, Point
from twin.records import Records

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
COD = Print("E01", "", "w01018", 2400.0, 0.3, 12, date(2026, 10, 1), "lab")


@pytest.fixture(scope="module")
def park() -> Park:
    return tiny_park()


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    it = Records(f"sqlite:///{tmp_path / 'records.sqlite'}")
    it.create()
    yield it
    it.close()


def test_every_change_is_a_version_and_the_same_again_is_none(records: Records) -> None:
    assert latest(records) is None
    first = install(records, [COD], NOW, "li")
    assert first is not None
    assert first.version == 1
    assert install(records, [COD], NOW, "li") is None
    more = install(records, [replace(COD, value=2000.0), replace(COD, factor="w21003")], NOW, "wang")
    assert more is not None
    assert [p.value for p in more.prints] == [2000.0, 2400.0]
    assert latest(records) == more
    assert more.of("E01", "").keys() == {"w01018", "w21003"}


def test_a_version_is_found_however_many_came_after_it(records: Records) -> None:
    """A list of papers ends after the newest two hundred."""
    first = install(records, [COD], NOW, "li")
    assert first is not None
    for n in range(2, 203):
        records.add_paper("fingerprints", f"{n:08d}", "", NOW + timedelta(days=n), replace(first, version=n))
    assert of_version(records, 1) == first
    assert of_version(records, 203) is None


def test_the_library_goes_before_the_park_file(records: Records, park: Park) -> None:
    assert in_force(park, latest(records)) is park
    install(records, [replace(COD, value=999.0), replace(COD, outlet="E01-DW001", value=50.0)], NOW, "li")
    now = {(f.enterprise, f.factor): f.value for f in in_force(park, latest(records)).fingerprints}
    assert now["E01", "w01018"] == 999.0
    assert len(now) == len(park.fingerprints)
    assert now["E02", "w01018"] == 600.0


@given(
    value=st.floats(0.001, 1e6),
    spread=st.floats(0, 3),
    samples=st.integers(0, 10**6),
    day=st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    source=st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), max_size=12),
)
def test_a_table_is_read_as_it_was_written(
    park: Park, value: float, spread: float, samples: int, day: date, source: str
) -> None:
    one = Print("E01", "E01-DW001", "w21003", value, spread, samples, day, source)
    found, faults = read_csv(write_csv([one]), park)
    assert faults == []
    assert found[0].value == pytest.approx(value, rel=1e-5)
    assert found[0].spread == pytest.approx(spread, rel=1e-2)
    assert (found[0].samples, found[0].as_of, found[0].source) == (samples, day, source)


@pytest.mark.parametrize(
    ("cells", "field", "why"),
    [
        ("E99,,w01018,5,2026-06", "enterprise", "enterprise"),
        ("E01,E02-DW001,w01018,5,2026-06", "outlet", "outlet"),
        ("E01,,w99999x,5,2026-06", "factor", "factor"),
        ("E01,,w01018,five,2026-06", "value", "number"),
        ("E01,,w01018,-5,2026-06", "value", "above 0"),
        ("E01,,w01018,5,June", "as_of", "date"),
        ("E02,,w01018,5,2026-06", "factor", "row before"),
    ],
)
def test_a_fault_names_row_and_field_and_nothing_is_taken(
    park: Park, cells: str, field: str, why: str
) -> None:
    text = f"enterprise,outlet,factor,value,as_of\nE02,,w01018,600,2026-06\n{cells}\n"
    found, faults = read_csv(text, park)
    assert found == []
    assert [(f.row, f.field) for f in faults] == [(3, field)]
    assert why in faults[0].text().en
    assert faults[0].text().zh.startswith("第 3 行")


def test_units_are_turned_and_a_missing_column_is_said_once(park: Park) -> None:
    found, faults = read_csv("enterprise,factor,value,unit,as_of\nE01,w01018,2.4,g/L,2026-06-30\n", park)
    assert faults == []
    assert found[0].value == pytest.approx(2400.0)
    _, faults = read_csv("enterprise,factor,value,unit,as_of\nE01,w01018,2.4,stone,2026-06-30\n", park)
    assert [f.field for f in faults] == ["unit"]
    _, faults = read_csv("enterprise,factor,value\nE01,w01018,2\n", park)
    assert [(f.row, f.field) for f in faults] == [(1, "as_of")]


def written(folder: Path, park: Park, hours: int, values: dict[str, np.ndarray]) -> History:
    """A history that holds hour means of S04, in files."""
    from twin.embedded import start
    from twin.stream import Stream

    server = start(folder / "redis", folder / "r.sock")
    stream, writer = Stream(f"unix://{folder / 'r.sock'}"), Writer(folder / "history")
    try:
        builder = BlockBuilder()
        for k in range(hours):
            at = as_ms(NOW - timedelta(hours=hours - k))
            mn = park.station("S04").mn
            rows = [(Series(mn, f, "2061", "Avg"), at, float(v[k]), ord("N")) for f, v in values.items()]
            builder.add(b"frame %d" % k, at, rows)
        stream.join("readings", "history")
        stream.append("readings", encode(builder.build()))
        writer.step(stream, now=True)
    finally:
        writer.close()
        stream.close()
        server.kill()
        server.wait(60)
    return History(folder / "history")


def test_normal_discharge_teaches_and_bad_hours_do_not(tmp_path: Path, park: Park) -> None:
    hours = 72
    dice = np.random.default_rng(1)
    cod = 80.0 * np.exp(dice.normal(0, 0.1, hours))
    cod[30:40] = 5000.0
    history = written(tmp_path, park, hours, {"w01018": cod, "w21003": np.full(3, 9.0).repeat(24)})
    a = Anomaly(
        "a",
        Point("S04", "w01018"),
        Kind.EXCEEDANCE,
        "limit",
        NOW - timedelta(hours=hours - 30),
        5000.0,
        500.0,
        Level.ALARM,
        10.0,
        Text("", ""),
        until=NOW - timedelta(hours=hours - 39),
    )
    found = {p.factor: p for p in learn(park, history, [a], Limits.load(park), NOW)}
    assert found["w01018"].value == pytest.approx(80.0, rel=0.05)
    assert 0.05 < found["w01018"].spread < 0.2
    assert found["w01018"].samples == hours - 12
    assert found["w01018"].source == LEARNED
    assert found["w01018"].as_of == date(2026, 11, 21)
    assert found["w21003"].value == pytest.approx(9.0)
    unheard = [p for p in found.values() if p.source == PERMIT]
    assert all(p.samples == 0 and p.value > 0 for p in unheard)
    assert "w21011" in {p.factor for p in unheard}
    assert not {"w00000", "w01001"} & found.keys()
    history.close()
    few = Curve(np.arange(LEAST - 1, dtype=np.int64), np.ones(LEAST - 1), np.zeros(LEAST - 1, np.uint8))
    assert len(few.at_ms) < LEAST


def test_a_version_says_why_in_words_also_one_that_was_learned() -> None:
    by_hand = Library(1, NOW, "li", "June samples", ())
    assert by_hand.why == Text("June samples", "June samples")
    learned = replace(by_hand, by=LEARNER, note=days_note(30.0))
    assert learned.why == Text("最近 30 天的读数", "readings of the last 30 days")


def test_the_command_exports_what_it_imports_again(
    tmp_path: Path, park: Park, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parks.write(park, tmp_path / "park.gpkg")
    for name, value in (("DATA", tmp_path / "d"), ("PARK", tmp_path / "park.gpkg"), ("LANG", "en")):
        monkeypatch.setenv(f"TWIN_{name}", str(value))
    table = tmp_path / "prints.csv"
    assert cli.main(["fingerprints", "export", str(table)]) == 0
    text = table.read_text("utf-8-sig")
    assert len(text.splitlines()) == 1 + len(of_park(park))
    table.write_text(text.replace("2400", "2500"), "gb18030")
    assert cli.main(["fingerprints", "import", str(table), "--by", "li"]) == 0
    assert "version 1, 15 prints" in capsys.readouterr().out
    assert cli.main(["fingerprints", "import", str(table), "--by", "li"]) == 0
    assert "nothing has changed" in capsys.readouterr().out
    assert cli.main(["fingerprints", "export", "-"]) == 0
    assert "E01,,w01018,2500,mg/L" in capsys.readouterr().out
    table.write_text(text.replace("E01,", "E77,"), "utf-8")
    assert cli.main(["fingerprints", "import", str(table), "--by", "li"]) == 1
    assert "row 2, enterprise “E77”" in capsys.readouterr().err
    assert cli.main(["fingerprints", "learn", "--dry"]) == 0
    assert ",permit" in capsys.readouterr().out
