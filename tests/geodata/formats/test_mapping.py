"""Layers are told by their names and fields; what is guessed can be kept, edited and handed back."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, Point

from geodata.formats.aliases import same, system_of
from geodata.formats.mapping import ROLES, LayerMap, dump, fields_for, guess, load
from geodata.formats.report import FormatError
from geodata.formats.sheet import Sheet


def sheet(layer: str, columns: list[str], shape: object | None = None) -> Sheet:
    frame = pd.DataFrame([["1"] * len(columns)], columns=columns)
    geometry = None if shape is None else np.array([shape], object)
    return Sheet("f.gpkg", layer, "GeoPackage", frame, geometry)


LINE, POINT = LineString([(0, 0), (1, 1)]), Point(0, 0)


@pytest.mark.parametrize(
    ("layer", "columns", "shape", "role"),
    [
        ("FSP", ["物探点号", "X", "Y", "地面高程"], None, "node"),
        ("FSL", ["起点点号", "终点点号", "管径"], None, "link"),
        ("YS_LINE", ["a"], LINE, "link"),
        ("POINT", ["Exp_No"], POINT, "node"),
        ("企业", ["名称"], POINT, "enterprise"),
        ("Sheet1", ["单位名称", "统一社会信用代码", "经度", "纬度"], None, "enterprise"),
        ("雨水排口", ["名称"], POINT, "outlet"),
        ("截污闸", ["名称"], POINT, "gate"),
        ("Sheet2", ["站名", "MN号", "经度", "纬度"], None, "station"),
        ("应急池", ["名称"], POINT, "pool"),
        ("道路", ["名称"], LINE, "scenery"),
        ("说明", ["备注"], None, "skip"),
    ],
)
def test_roles(layer: str, columns: list[str], shape: object | None, role: str) -> None:
    assert guess(sheet(layer, columns, shape)).role == role


def test_fields_with_units_and_cut_names() -> None:
    found = fields_for("link", ["起点点号", "终点点号", "管径(mm)", "起点埋深(m)", "材质"])
    assert found == {
        "from_node": "起点点号",
        "to_node": "终点点号",
        "size": "管径(mm)",
        "from_depth_m": "起点埋深(m)",
        "material": "材质",
    }
    assert same("物探点", "物探点号")
    assert not same("点", "点号")


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("WS", "sewage"),
        ("YSP", "rain"),
        ("ys_line", "rain"),
        ("污水管", "sewage"),
        ("HS", "sewage"),
        ("河道", "canal"),
        ("RQ", None),
        ("电力", None),
    ],
)
def test_class_codes(name: str, system: str | None) -> None:
    assert system_of(name) == (True, system)


@pytest.mark.parametrize("name", ["points", "news", "图层1", "analysis"])
def test_words_that_only_hold_a_code_are_not_classes(name: str) -> None:
    assert system_of(name) == (False, None)


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=20).filter(lambda s: s.isprintable()),
        st.builds(
            LayerMap,
            st.sampled_from(ROLES),
            crs=st.text(max_size=9),
            encoding=st.just("gbk"),
            axes=st.sampled_from(["", "xy", "yx"]),
        ),
        max_size=3,
    )
)
def test_a_mapping_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, mapping: dict[str, LayerMap]
) -> None:
    file = tmp_path_factory.mktemp("m") / "m.toml"
    file.write_text(dump(mapping), "utf-8")
    assert load(file) == mapping


def test_fields_are_kept_too(tmp_path: Path) -> None:
    mapping = {'a "b"/层 1': LayerMap("node", {"id": '点"号', "x": "X\\"})}
    (tmp_path / "m.toml").write_text(dump(mapping), "utf-8")
    assert load(tmp_path / "m.toml") == mapping


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[x", "cannot be read"),
        ("a = 1", r"\[a\]"),
        ('["f/l"]\nrole = "nodes"', "role = nodes is not known; known are: node, link"),
        ('["f/l"]\nrole = "node"\n["f/l".fields]\nlevel = "z"', "level is not known; known are: id, x, y"),
        ('["f/l"]\nrole = "node"\ncolour = "red"', "colour is not known"),
        ('["f/l"]\nrole = "node"\naxes = "ne"', "axes is not known; known are: xy, yx"),
    ],
)
def test_a_wrong_mapping_names_layer_and_mend(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "m.toml").write_text(text, "utf-8")
    with pytest.raises(FormatError, match=says):
        load(tmp_path / "m.toml")
