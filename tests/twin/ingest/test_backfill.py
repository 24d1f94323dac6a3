"""Files of the past into the history: Excel and CSV as people keep them, twice, corrected, and broken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter

from geodata import park as parks
from tests.embedded import Embedded
from tests.twin.parks import tiny_park
from twin import __main__ as cli
from twin.history.reader import History
from twin.records import Records

AT = 1_795_305_900_000
S = tiny_park().stations[0]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, embedded: Embedded) -> None:
    path = tmp_path / "park.gpkg"
    parks.write(tiny_park(), path)
    for name, value in (("DATA", tmp_path), ("PARK", path), ("REDIS_URL", embedded.url), ("LANG", "en")):
        monkeypatch.setenv(f"TWIN_{name}", str(value))


@pytest.fixture
def history(tmp_path: Path, embedded: Embedded) -> Iterator[History]:
    it = History(tmp_path / "history", embedded.stream())
    yield it
    it.close()


def hours(history: History, code: str = "w01018") -> list[tuple[int, float]]:
    curve = history.series(S.mn, code, 0, AT + 10**9, "2061")
    return list(zip(curve.at_ms.tolist(), curve.value.tolist(), strict=True))


def workbook(path: Path, *rows: tuple[object, ...]) -> Path:
    book = xlsxwriter.Workbook(str(path))
    sheet, moment = book.add_worksheet("一号"), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    sheet.write(0, 0, "2026年11月 在线监测数据")
    for i, row in enumerate([("站点", "监测时间", "COD(mg/L)", "氨氮(mg/L)"), *rows], 1):
        for k, cell in enumerate(row):
            if isinstance(cell, datetime):
                sheet.write_datetime(i, k, cell, moment)
            else:
                sheet.write(i, k, cell)
    book.close()
    return path


def test_a_workbook_twice_and_corrected(
    tmp_path: Path, history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    when = datetime(2026, 11, 22, 8, 5)  # noqa: DTZ001 - as a workbook has it
    path = workbook(tmp_path / "a.xlsx", (S.id, when, 12.5, 0.5))
    for _ in range(2):
        assert cli.main(["backfill", str(path), "--kind", "2061", "--by", "li"]) == 0
        assert hours(history) == [(AT, 12.5)]
        assert hours(history, "w21003") == [(AT, 0.5)]
    assert "2 readings taken, 0 refused" in capsys.readouterr().out
    path = workbook(tmp_path / "a.xlsx", (S.id, when, 13.0, "/"))
    assert cli.main(["backfill", str(path), "--kind", "2061"]) == 0
    assert hours(history) == [(AT, 13.0)]
    records = Records(f"sqlite:///{tmp_path / 'records.sqlite'}")
    lines = [line for line in records.audits(limit=10) if line.what == "backfill"]
    records.close()
    assert "li" in {line.who for line in lines}
    assert len(lines) == 3


def test_a_csv_in_gbk_with_wrong_rows(
    tmp_path: Path, history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        "站点,因子,监测时间,监测值,标记,类型",
        f"{S.name.zh},COD,2026/11/22 8:05,12.5,S,小时",
        "S99,COD,2026/11/22 8:05,1,,小时",
        f"{S.id},COD,2026/13/22 8:05,1,,小时",
        f"{S.id},COD,2026/11/22 8:05,约12,,小时",
    ]
    path = tmp_path / "b.csv"
    path.write_bytes("\n".join(rows).encode("gb18030"))
    assert cli.main(["backfill", str(path)]) == 1
    both = capsys.readouterr()
    assert "1 readings taken, 3 refused" in both.out
    for row, word in ((3, "no such station"), (4, "time cannot be read"), (5, "not a number")):
        assert any(f"row {row}," in line and word in line for line in both.err.splitlines()), both.err
    assert hours(history) == [(AT, 12.5)]


def test_a_mapping_says_what_no_head_does(tmp_path: Path, history: History) -> None:
    (tmp_path / "m.toml").write_text(
        f'station = "{S.id}"\nkind = "2061"\n[columns]\nT = "time"\nY = "w01018"\n'
    )
    (tmp_path / "c.csv").write_text("T,Y\n20261122080500,12.5\n")
    assert cli.main(["backfill", str(tmp_path / "c.csv"), "--mapping", str(tmp_path / "m.toml")]) == 0
    assert hours(history) == [(AT, 12.5)]


def test_what_cannot_be_read_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "d.csv").write_text("站点,COD\nS1,5\n")
    assert cli.main(["backfill", str(tmp_path / "d.csv")]) == 2
    assert "no column is time" in capsys.readouterr().err
    (tmp_path / "e.xlsx").write_bytes(b"PK\x03\x04 rubbish")
    assert cli.main(["backfill", str(tmp_path / "e.xlsx")]) == 2
    (tmp_path / "m.toml").write_text('[columns]\nA = "nonsense"\n')
    words = ["backfill", str(tmp_path / "d.csv"), "--mapping", str(tmp_path / "m.toml")]
    assert cli.main(words) == 2
    assert "nonsense" in capsys.readouterr().err
