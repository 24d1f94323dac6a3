"""The doors tab: every door, every upper platform, and nothing unknown shown as well."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callbacks import admin_doors
from tests.callbacks.words import classed, text, walk

NOW = 1_795_305_900_000
LANGS = ("zh", "en")
STATION = {"skew_ms": -90_000, "reasons": {"not_a_number": 2}, "deviations": {"empty_value": 1}}
DOOR = {
    "kind": "modbus", "name": "works-1", "connected": True, "trouble": "", "frames": 1200, "readings": 3600,
    "rejects": 2, "held": 7, "nameless": {"modbus_exception_2": 5}, "by_mn": {"M1": STATION},
}  # fmt: skip
TARGET = {
    "name": "city", "address": "10.1.0.5:9212", "connected": False, "trouble": "no route", "waiting": 1234,
    "lag_s": 7200.0, "relayed": 99, "resent": 3, "dropped": 4, "refused": {"ExeRtn=2": 2},
    "blocked": {"M1": "QnRtn=4", "M2": "QnRtn=4"},
}  # fmt: skip


def doors(row: dict[str, Any], lang: Any = "zh", at: int = NOW) -> Any:
    return admin_doors.doors({"at_ms": at, "doors": [row]}, NOW, lang)


def targets(row: dict[str, Any], lang: Any = "zh", at: int = NOW) -> Any:
    return admin_doors.targets({"at_ms": at, "targets": [row]}, NOW, lang)


@pytest.mark.parametrize("lang", LANGS)
def test_a_door_with_its_counts_and_reasons(lang: Any) -> None:
    shown = text(doors(DOOR, lang))
    for word in ("works-1", "1200", "3600", "90 s", "×5", "×2"):
        assert word in shown, shown
    assert ("Modbus 异常 2" if lang == "zh" else "Modbus exception 2") in shown
    assert ("已连接" if lang == "zh" else "connected") in shown


@pytest.mark.parametrize("lang", LANGS)
def test_a_platform_with_its_queue(lang: Any) -> None:
    shown = text(targets(TARGET, lang))
    for word in ("city", "10.1.0.5:9212", "no route", "1234", "99", "ExeRtn=2 ×2"):
        assert word in shown, shown
    assert ("MN 不符 ×2 数采仪等待" if lang == "zh" else "wrong MN ×2 loggers held") in shown


def test_what_tells_nothing_is_never_shown_as_well() -> None:
    for shown in (doors(DOOR, at=NOW - 60_000), targets(TARGET | {"trouble": ""}, at=NOW - 60_000)):
        assert "进程未运行" in text(shown)
        assert "已连接" not in text(shown)
    assert "已连接" not in text(doors(DOOR | {"connected": False}))
    assert "已连接" not in text(doors(DOOR | {"trouble": "no route"}))


@pytest.mark.parametrize("lang", LANGS)
def test_where_nothing_is_set_it_says_what_would_be(lang: Any) -> None:
    for shown in (
        admin_doors.doors(None, NOW, lang),
        admin_doors.targets({}, NOW, lang),
        admin_doors.rest({}, lang),
    ):
        assert classed(shown, "empty")


def test_rest_of_all_web_processes_together() -> None:
    one = {"taken": 5, "refused": 1, "requests": {"207": 1}, "reasons": {"not_a_number": 1}, "last_ms": NOW}
    shown = text(admin_doors.rest({"a": json.dumps(one).encode(), "b": json.dumps(one).encode()}, "zh"))
    assert "10" in shown
    assert "不是数字 ×2" in shown


def test_what_a_peer_says_is_shown_and_never_run() -> None:
    shown = doors(DOOR | {"trouble": "<script>alert(1)</script>"})
    assert "<script>" in text(shown)
    assert not [n for n in walk(shown) if type(n).__name__ == "Script"]
