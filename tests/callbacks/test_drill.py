"""The drill bar: every button is one order on the commands stream."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callbacks import drill
from twin.access import Access
from twin.errors import UnavailableError
from twin.model import Order, from_json
from twin.records import Records
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


DUTY = ("duty", "demo-duty")


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    book = Records(f"sqlite:///{tmp_path / 'records.sqlite'}")
    book.create()
    Access(book).add_demo_users()
    yield book
    book.close()


def web(post: Post, records: Records) -> Any:
    return SimpleNamespace(stream=post, records=records, access=Access(records))


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


def test_pressing_sends_one_order_and_says_so(records: Records) -> None:
    post = Post()
    assert drill.press(web(post, records), "start", "tank-overflow", DUTY, "en") == "Sent: Tank overflow"
    assert [(o.about, o.by) for o in post.sent] == [("tank-overflow", "duty")]
    assert [(line.who, line.what, line.about) for line in records.audits()] == [
        ("duty", "drill.start", "tank-overflow")
    ]


@pytest.mark.parametrize(
    ("who", "said", "audited"),
    [
        (("", ""), "A duty officer or commander orders drills: give account and password", []),
        (("duty", "demo-dut"), "Account or password is wrong; nothing was sent", ["duty"]),
        (("nobody", "demo-duty"), "Account or password is wrong; nothing was sent", ["nobody"]),
        (
            ("viewer", "demo-viewer"),
            "Visitor may not order drills; a duty officer or commander must",
            ["viewer"],
        ),
    ],
)
def test_only_who_may_order_drills_does(
    records: Records, who: tuple[str, str], said: str, audited: list[str]
) -> None:
    post = Post()
    assert drill.press(web(post, records), "stop", "stop", who, "en") == said
    assert post.sent == []
    lines = records.audits()
    assert [line.who for line in lines if line.what == "drill.refused"] == audited


def test_when_the_stream_is_away_nothing_is_claimed(records: Records) -> None:
    away = web(Post(away=True), records)
    assert drill.press(away, "stop", "stop", DUTY, "zh") == "数据流服务没有应答，未发出"


def test_the_bar_offers_exactly_the_scenarios_there_are() -> None:
    assert {kind.name: kind.title for kind in KINDS} == drill.SCENARIOS
