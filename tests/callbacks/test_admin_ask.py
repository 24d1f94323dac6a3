"""Asking a logger from the administration page: only what may be sent, and only with a signature."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from callbacks import admin_ask
from callbacks.admin_ask import form, results, written
from callbacks.admin_form import Press
from tests.callbacks.words import classed, text, walk
from twin.errors import RefusedError
from twin.ingest.hj212.exchange import EXE_RTN
from twin.ingest.hj212.requests import OPERATIONS, parse
from twin.ingest.orders import Asked

LANGS = ("zh", "en")
MN = "010000A8900016F000169DC0"
AT = datetime(2026, 11, 22, tzinfo=UTC)


def fields(shown: Any) -> set[str]:
    found = [
        n.to_plotly_json()["props"].get("data-name") for n in walk(shown) if hasattr(n, "to_plotly_json")
    ]
    return {str(name) for name in found if name}


@pytest.mark.parametrize("lang", LANGS)
def test_every_request_has_its_fields_and_a_signature(lang: Any) -> None:
    assert form("", "1011", lang) is None
    for cn, operation in OPERATIONS.items():
        shown = fields(form(MN, cn, lang))
        wanted = {name for name in (*operation.needed, *operation.optional) if name != "Info" or cn == "3021"}
        assert wanted | {"cn", "user", "password", "reason"} == shown


def test_a_form_becomes_a_request_or_says_why_not() -> None:
    sent = Press("send", fields={"cn": "1062", "RtdInterval": " 60 ", "OverTime": "9"})
    assert written(sent) == "CN=1062;RtdInterval=60"
    info = {"cn": "3021", "PolId": "w01018", "InfoId": "i13013", "Info": "168"}
    assert parse(written(Press("send", fields=info))).value("i13013-Info") == "168"
    for wrong in ({"cn": "1062"}, {"cn": "9999"}, {"cn": "1062", "RtdInterval": "1"}):
        with pytest.raises(RefusedError):
            written(Press("send", fields=wrong))


class House:
    """What of the web process a signature needs."""

    def __init__(self, person: Any) -> None:
        self.person, self.orders, self.lines = person, [], []
        self.stream = self.records = self.access = self

    def authenticate(self, name: str, password: str) -> Any:
        return self.person if password == "right" else None

    def may(self, person: Any, act: Any) -> bool:
        return person.role == "admin"

    def append(self, name: str, body: bytes) -> None:
        self.orders.append((name, body))

    def audit(self, line: Any) -> None:
        self.lines.append(line)


@pytest.mark.parametrize(
    ("role", "password", "reason", "out"),
    [
        ("admin", "right", "why", True),
        ("viewer", "right", "why", False),
        ("admin", "no", "why", False),
        ("admin", "right", "", False),
    ],
)
def test_only_an_administrator_with_a_reason_asks(role: str, password: str, reason: str, out: bool) -> None:
    from geodata.words import Text
    from twin.access import Role, User

    house: Any = House(User("wang", Text("王", "Wang"), Role(role)))
    fields = {"cn": "1072", "NewPW": "abc123", "user": "wang", "password": password, "reason": reason}
    done, _ = admin_ask.send(house, MN, Press("send", fields=fields))
    assert (done, len(house.orders)) == (out, int(out))
    if out:
        assert b"NewPW=abc123" in house.orders[0][1]
        assert "abc123" not in repr(house.lines)


@pytest.mark.parametrize("lang", LANGS)
def test_results_of_this_logger_newest_first(lang: Any) -> None:
    found = [
        Asked(f"{MN}/1", "wang", AT, MN, "CN=1011", "done", EXE_RTN["1"], items=(("SystemTime", "2026"),)),
        Asked(f"{MN}/2", "wang", AT, MN, "CN=3011;PolId=w01018", "failed", EXE_RTN["5"]),
        Asked("x/3", "wang", AT, "x", "CN=1011", "done", EXE_RTN["1"]),
    ]
    shown = results(found, MN, lang)
    assert len([n for n in walk(shown) if type(n).__name__ == "Li"]) == 2
    assert len(classed(shown, "tx-alarm")) == 1
    assert "SystemTime=2026" in text(shown)
    assert EXE_RTN["5"].say(lang) in text(shown)
    assert classed(results([], MN, lang), "empty")
