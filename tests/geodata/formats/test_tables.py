"""Tables as people keep them: titles above the header, odd marks, formulas, units in the names."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.formats import guard, tables
from geodata.formats.report import FormatError
from geodata.formats.sheet import numbers, plain
from geodata.framing import Settings
from geodata.intake import gather
from tests.geodata import surveys


def test_a_header_below_a_title_is_found(tmp_path: Path) -> None:
    text = "某园区管线普查成果表,,,\n单位:米,,,\n物探点号,X(m),Y(m),地面高程(m)\nWS1,3675214.5,574594.4,4.0\n"
    (tmp_path / "t.csv").write_text(text, "utf-8")
    sheet = tables.read(tmp_path / "t.csv")[0]
    assert list(sheet.frame.columns) == ["物探点号", "X(m)", "Y(m)", "地面高程(m)"]
    assert sheet.first_row == 4
    made = gather([tmp_path / "t.csv"], Settings(crs={"": surveys.PLANE}, axes={"": "yx"}))
    assert made.park is not None, made.report.say("en")
    assert made.park.nodes["ground_m"].tolist() == [4.0]


@pytest.mark.parametrize("mark", [",", "\t", ";", "\uff0c"])
def test_columns_are_divided_by_what_divides_them(tmp_path: Path, mark: str) -> None:
    rows = [["物探点号", "X", "Y"], ["A", "1", "2"], ["B", "3", "4"]]
    (tmp_path / "t.csv").write_text("\n".join(mark.join(r) for r in rows), "utf-8")
    assert tables.read(tmp_path / "t.csv")[0].frame.to_numpy().tolist() == rows[1:]


def test_a_table_of_points_that_name_their_next_is_both(tmp_path: Path) -> None:
    x, y = surveys.origin()
    frame = pd.DataFrame(
        {
            "物探点号": ["A", "A", "B", "C"],
            "连接点号": ["B", "C", "C", ""],
            "X": [y, y, y + 30, y + 60],
            "Y": [x, x, x, x],
            "地面高程": [4.0, 4.0, 3.9, 3.8],
            "管径": [300, 300, 300, ""],
        }
    )
    frame.to_csv(tmp_path / "雨水.csv", index=False)
    made = gather([tmp_path / "雨水.csv"], Settings(crs={"": surveys.PLANE}, axes={"": "yx"}))
    assert made.park is not None, made.report.say("en")
    assert sorted(made.park.nodes["id"]) == ["A", "B", "C"]
    assert made.park.links[["from_node", "to_node"]].to_numpy().tolist() == [
        ["A", "B"],
        ["A", "C"],
        ["B", "C"],
    ]


def test_formulas_stay_text_and_are_neutral_when_written() -> None:
    assert tables.neutral("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert [tables.neutral(v) for v in ("-1.5", "+3", -2.0, "WS1", None)] == ["-1.5", "+3", -2.0, "WS1", None]
    assert [tables.neutral(v)[0] for v in ("@SUM(A1)", "\t=1", "-cmd|' /C calc'!A0")] == ["'", "'", "'"]


@given(st.text(max_size=30))
def test_no_text_passes_for_a_formula(text: str) -> None:
    out = tables.neutral(text)
    assert not out.startswith(tables.DANGEROUS) or float(out) is not None
    assert out.removeprefix("'") == text.removeprefix("'")


def test_a_formula_in_a_cell_is_read_as_text(tmp_path: Path) -> None:
    x, y = surveys.origin()
    (tmp_path / "企业.csv").write_text(
        "企业名称,经度,纬度\n\"=cmd|' /C calc'!A0\",120.8,33.2\n=1+1,120.8,33.2\n", "utf-8"
    )
    made = gather([tmp_path / "企业.csv"], Settings(crs={"": "EPSG:4490"}))
    assert made.park is not None, made.report.say("en")
    assert [e.name.zh for e in made.park.enterprises] == ["=cmd|' /C calc'!A0", "=1+1"]
    assert np.hypot(made.park.enterprises[0].x - x, made.park.enterprises[0].y - y) < 0.01


def test_gbk_is_asked_about_and_a_wrong_word_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("企业名称,经度,纬度\n化工厂,120.8,33.2\n".encode("gbk"))
    assert [g.value for g in tables.read(tmp_path / "t.csv")[0].guesses] == ["gb18030"]
    assert tables.read(tmp_path / "t.csv", "gbk")[0].guesses == []
    with pytest.raises(FormatError, match=r"t\.csv line 1 is not utf-8"):
        tables.read(tmp_path / "t.csv", "utf-8")


def test_ten_million_lines_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_ROWS", 1000)
    (tmp_path / "t.csv").write_text("id,x,y\n" + "a,1,2\n" * 1001)
    with pytest.raises(FormatError, match="more than the limit of 1000"):
        tables.read(tmp_path / "t.csv")
    monkeypatch.setattr(guard, "MAX_BYTES", 100)
    with pytest.raises(FormatError, match="MB"):
        tables.read(tmp_path / "t.csv")


def test_a_workbook_that_is_cut_off_is_named(tmp_path: Path) -> None:
    surveys.workbook(surveys.tables(), tmp_path / "t.xlsx")
    whole = (tmp_path / "t.xlsx").read_bytes()
    (tmp_path / "t.xlsx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match=r"t\.xlsx"):
        tables.read(tmp_path / "t.xlsx")
    (tmp_path / "t.xls").write_text("not a workbook")
    with pytest.raises(FormatError, match=r"t\.xls"):
        tables.read(tmp_path / "t.xls")


def test_cells_are_read_as_people_write_them() -> None:
    column = pd.Series(["1.5", "2.3m", "/", "", "无", "400mm", None, "1,200"], dtype=object)
    values, wrong = numbers(column)
    assert values[[0, 1, 5, 7]].tolist() == [1.5, 2.3, 400.0, 1200.0]
    assert np.isnan(values[[2, 3, 4, 6]]).all()
    assert not wrong.any()
    _, wrong = numbers(pd.Series(["1.2.3", "nine", "inf"], dtype=object))
    assert wrong.tolist() == [True, True, False]
    assert [plain(v) for v in (3.0, " WS1 ", None, 2.5)] == ["3", "WS1", "", "2.5"]
