"""The notice of an open incident over the atlas."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from callbacks import notice
from geodata.network import Network
from geodata.words import Text
from tests.twin.parks import tiny_park
from twin.model import Incident, IncidentState, Level

PARK = tiny_park()
AT = datetime(2026, 11, 22, 2, 31, tzinfo=UTC)
MILD = Incident(
    "EV-1", AT + timedelta(hours=1), IncidentState.OPEN, Level.ALARM, Text("轻", "mild"), ("S01",),
    ("w01018",), (), AT,
)  # fmt: skip
GRAVE = replace(MILD, id="EV-2", opened=AT, level=Level.CRITICAL, title=Text("重", "grave"))


class Book:
    """Records that hold some incidents and nothing else."""

    def __init__(self, *incidents: Incident) -> None:
        self._held = incidents

    def incidents(self, states: frozenset[IncidentState]) -> list[Incident]:
        return [i for i in self._held if i.state in states]

    def incident(self, key: str) -> Incident | None:
        return next((i for i in self._held if i.id == key), None)

    def ranking(self, _key: str) -> None:
        return None

    def plans(self, _key: str) -> None:
        return None


def web(*incidents: Incident) -> Any:
    live = SimpleNamespace(now_ms=lambda: int(AT.timestamp() * 1000))
    return SimpleNamespace(records=Book(*incidents), park=PARK, live=live, network=Network.from_park(PARK))


def written(made: Any) -> str:
    return json.dumps(made.to_plotly_json(), default=lambda c: c.to_plotly_json(), ensure_ascii=False)


def test_nothing_open_says_nothing() -> None:
    closed = replace(GRAVE, state=IncidentState.CLOSED)
    assert notice.notice(web(closed), "zh") is None
    assert notice.notice(web(), "zh") is None


def test_the_gravest_is_named_and_the_others_counted() -> None:
    text = written(notice.notice(web(MILD, GRAVE), "en"))
    assert "grave" in text
    assert "mild" not in text
    assert "1 more" in text
    assert "/emergency/EV-2" in text
    assert '"data-lv": "critical"' in text


def test_an_incident_is_drawn_as_far_as_it_is_known() -> None:
    drawing = notice.drawing(web(MILD), "EV-1", "en")
    assert drawing is not None
    assert [f["properties"]["kind"] for f in drawing["features"]] == ["alarm"]
    assert notice.drawing(web(MILD), "EV-9", "en") is None
