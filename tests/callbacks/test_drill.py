"""The drill bar: every button is one order on the commands stream."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from callbacks import drill
from twin.errors import UnavailableError
from twin.model import Order, from_json
from twin.simulate.scenarios import KINDS

AT = datetime(2026, 11, 22, tzinfo=UTC)


class Post:
    """A stream that keeps what is appended, or is away."""

    def __init__(self, away: bool = False) -> None:
        self.away, self.sent = away, list[Order]()

    def append(self, name: str, body: bytes) -> str:
        if self.away:
            raise UnavailableError("away")
        assert name == "commands"
        self.sent.append(from_json(body, Order))
        return "1-0"


def web(post: Post) -> Any:
    return SimpleNamespace(stream=post)


@pytest.mark.parametrize(
    ("act", "value", "kind", "about", "number"),
    [
        ("start", "pipe-leak", "drill.start", "pipe-leak", drill.DEFAULT_SPEED),
        ("speed", "60", "drill.speed", "", 60.0),
        ("stop", "stop", "drill.stop", "", 0.0),
    ],
)
def test_orders(act: str, value: str, kind: str, about: str, number: float) -> None:
    found = drill.order(act, value, "web", AT)
    assert (found.kind, found.about, found.number, found.by) == (kind, about, number, "web")


def test_pressing_sends_one_order_and_says_so() -> None:
    post = Post()
    assert drill.press(web(post), "start", "tank-overflow", "en") == "Sent: Tank overflow"
    assert [o.about for o in post.sent] == ["tank-overflow"]


def test_when_the_stream_is_away_nothing_is_claimed() -> None:
    assert drill.press(web(Post(away=True)), "stop", "stop", "zh") == "数据流服务没有应答，未发出"


def test_the_bar_offers_exactly_the_scenarios_there_are() -> None:
    assert {kind.name: kind.title for kind in KINDS} == drill.SCENARIOS
