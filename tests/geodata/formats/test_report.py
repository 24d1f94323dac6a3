"""The account names rows, reasons and options in both languages."""

import json

from geodata.formats.report import Guess, LayerReport, Report
from geodata.words import Text


def test_the_account_in_words_and_as_json() -> None:
    layer = LayerReport("a.shp", "a", "Shapefile", read=9, mapped=2, role="node")
    layer.skip(Text("没有编号", "it has no id"), range(1, 8), "点号")
    layer.warn(Text("管径按 mm 读", "sizes are read in mm"))
    report = Report(
        [layer], [Guess("a.shp", "crs", "", Text("六位", "six digits"), "--crs EPSG:4549", ("EPSG:4548",))]
    )
    zh, en = report.say("zh"), report.say("en")
    assert "a.shp：节点，读入 9，采用 2，跳过 7" in zh
    assert "跳过 第 1, 2, 3, 4, 5 等 7 行: 点号: 没有编号" in zh
    assert "skipped row 1, 2, 3, 4, 5 and more, 7 in all: 点号: it has no id" in en
    assert "cannot be told. Proof: six digits" in en
    assert "--crs EPSG:4549" in en
    told = json.loads(json.dumps(report.as_json()))
    assert told["files"][0]["skipped"] == 7
    assert told["files"][0]["notes"][0] == {
        "row": 1, "field": "点号", "skipped": True, "reason": {"zh": "没有编号", "en": "it has no id"},
    }  # fmt: skip
    assert told["guesses"][0]["proof"]["zh"] == "六位"
    assert report.asks
