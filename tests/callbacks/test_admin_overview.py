"""Administration: conformance from the gateway's counters, rejects with reason and bytes, users, audit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callbacks import admin_overview as admin
from geodata.words import Text
from tests.callbacks import stage, story
from tests.callbacks.words import classed, text, walk
from twin.access import Role, User
from twin.clock import wall_ms
from twin.model import AuditLine

LANGS = ("zh", "en")


@pytest.fixture(scope="module")
def counters() -> dict[str, Any]:
    return dict(json.loads(stage.counters(story.demo_park())))


def _rows(shown: Any) -> list[str]:
    return [text(n) for n in walk(shown) if type(n).__name__ == "Tr"][1:]


@pytest.mark.parametrize("lang", LANGS)
def test_every_logger_is_listed_the_worst_first(counters: dict[str, Any], lang: Any) -> None:
    rows = _rows(admin.stations(story.demo_park(), counters, wall_ms(), lang))
    assert len(rows) == 78
    assert "14" in rows[0]
    assert sum("crc lower case" in r for r in rows) == 11


def test_a_logger_never_heard_is_said_so(counters: dict[str, Any]) -> None:
    park = story.demo_park()
    some = {"by_mn": {k: v for k, v in counters["by_mn"].items() if k != park.stations[0].mn}}
    shown = admin.stations(park, some, wall_ms(), "zh")
    assert sum("没有来过" in row for row in _rows(shown)) == 1
    assert all("没有来过" in row for row in _rows(admin.stations(park, None, wall_ms(), "zh")))


@pytest.mark.parametrize("lang", LANGS)
def test_totals_and_their_absence(counters: dict[str, Any], lang: Any) -> None:
    shown = text(admin.summary(story.demo_park(), counters, lang))
    assert "78 / 78" in shown
    assert classed(admin.summary(story.demo_park(), None, lang), "failed")


def test_rejects_show_reason_and_bytes_but_run_nothing() -> None:
    raw = b'##0101QN=2026;MN=1"><script>alert(1)</script>\r\n\xff'
    row = {"at_ms": wall_ms(), "mn": "", "peer": "10.0.0.8:1", "reason": "crc_mismatch", "hex": raw.hex()}
    shown = admin.rejects([row], "zh")
    assert "CRC 不符" in text(shown)
    assert "\\x0d\\x0a\\xff" in text(shown)
    assert not [n for n in walk(shown) if type(n).__name__ == "Script"]
    assert "没有拒收" in text(admin.rejects([], "zh"))


def test_bytes_are_bounded_and_a_bad_dump_is_shown_as_it_is() -> None:
    assert len(admin.readable((b"a" * 10_000).hex())) <= admin.SHOWN_BYTES + 2
    assert admin.readable("zz") == "zz"
    assert admin.reason("some new reason", "zh") == "some new reason"


@pytest.mark.parametrize("lang", LANGS)
def test_users_and_audit(lang: Any) -> None:
    people = [User("duty", Text("李泽远", "Li Zeyuan"), Role.DUTY_OFFICER)]
    shown = text(admin.users(people, lang))
    assert ("值班长" if lang == "zh" else "duty officer") in shown
    lines = [AuditLine(story.NOW, "duty", "command.approved", story.ID, Text("批准关闭 G05", "closing G05"))]
    shown = text(admin.audit(lines, {u.name: u.display for u in people}, lang))
    assert people[0].display.say(lang) in shown
    assert story.ID in shown
    assert classed(admin.audit([], {}, lang), "empty")


def test_a_logger_that_comes_through_another_door_is_no_stranger(counters: dict[str, Any]) -> None:
    park = story.demo_park()
    mn = park.stations[0].mn
    some = {"by_mn": {k: v for k, v in counters["by_mn"].items() if k != mn}}
    told = json.dumps({"doors": [{"by_mn": {mn: counters["by_mn"][mn], park.stations[1].mn: {}}}]}).encode()
    both = admin.with_doors(some, told)
    assert both is not None
    assert both["by_mn"] == counters["by_mn"]  # what the gateway counts itself stays
    assert sum("没有来过" in row for row in _rows(admin.stations(park, both, wall_ms(), "zh"))) == 0
    assert admin.with_doors(None, None) is None
    assert admin.with_doors(some, b"{}") == some
