"""Which version each process works with: what is wrong stands out, and silence is never agreement."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callbacks import park_use
from geodata.versions import Version
from tests.callbacks.words import classed, text
from tests.twin.parks import tiny_park
from twin.clock import wall_ms
from twin.errors import UnavailableError

SAVED = Version("tiny-1", datetime(2026, 7, 1, 4, 30, tzinfo=UTC), "duty", "new gate")


def web(state: dict[str, bytes] | None, trouble: str = "") -> Any:
    def get(name: str) -> bytes | None:
        if state is None:
            raise UnavailableError("away")
        return state.get(name)

    ground, config = SimpleNamespace(trouble=lambda: trouble), SimpleNamespace(versions=Path("nowhere"))
    return SimpleNamespace(park=tiny_park(), ground=ground, stream=SimpleNamespace(get=get), config=config)


@pytest.fixture(autouse=True)
def saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(park_use.Store, "current", lambda self: SAVED)


def beat(version: str, trouble: str = "", age_ms: int = 0) -> dict[str, Any]:
    return {"at_ms": -age_ms, "park": version, "trouble": trouble}


def now(beats: dict[str, dict[str, Any]]) -> dict[str, bytes]:
    """What the roles said, counted from now."""
    return {k: json.dumps(b | {"at_ms": wall_ms() + b["at_ms"]}).encode() for k, b in beats.items()}


def test_all_with_one_version_raises_nothing() -> None:
    state = now({"watch": beat("tiny-1"), "advise": beat("tiny-1")})
    shown = park_use.line(web(state), "zh")
    assert not classed(shown, "tx-alarm")
    assert "07-01 12:30 duty 保存 tiny-1：new gate" in text(shown)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"watch": beat("tiny-0"), "advise": beat("tiny-1")}, ["does not use tiny-1, which was saved last"]),
        ({"watch": beat("tiny-1", "no layer gate"), "advise": beat("tiny-1")}, ["no layer gate"]),
        ({"watch": beat("tiny-1", age_ms=60_000), "advise": beat("tiny-1")}, ["does not answer"]),
        ({}, ["does not answer", "does not answer"]),
    ],
)
def test_what_is_wrong_is_said_of_whom(state: dict[str, dict[str, Any]], said: list[str]) -> None:
    shown = park_use.line(web(now(state)), "en")
    assert [text(n) for n in classed(shown, "tx-alarm")] == said


def test_the_pages_own_trouble_is_shown_without_a_stream() -> None:
    shown = park_use.line(web(None, "park.gpkg cannot be read"), "en")
    assert [text(n) for n in classed(shown, "tx-alarm")] == ["park.gpkg cannot be read"]
