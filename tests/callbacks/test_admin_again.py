"""Sending again from the doors tab: a platform that is set, a span that is one, and a signature."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from callbacks import admin_again
from callbacks.admin_again import form, results, written
from callbacks.admin_form import Press
from geodata.words import Text
from tests.callbacks.test_admin_ask import House, fields
from tests.callbacks.words import classed, text, walk
from twin.access import Role, User
from twin.errors import RefusedError
from twin.forward.again import QUEUED, Done

AT = datetime(2026, 11, 22, tzinfo=UTC)
LANGS = ("zh", "en")


@pytest.mark.parametrize("lang", LANGS)
def test_a_form_only_where_a_platform_is_set(lang: Any) -> None:
    assert form([], lang) is None
    assert fields(form(["city"], lang)) == {"target", "what", "begin", "end", "user", "password", "reason"}


def test_what_is_sent_again() -> None:
    assert written(Press("send", fields={"what": "refused", "begin": "x"})) == "refused"
    span = {"what": "span", "begin": " 2026-11-20 08:00", "end": "2026-11-21"}
    assert written(Press("send", fields=span)) == "2026-11-20 08:00..2026-11-21"
    with pytest.raises(RefusedError):
        written(Press("send", fields={"what": "span"}))


@pytest.mark.parametrize(("password", "out"), [("right", True), ("wrong", False)])
def test_only_with_a_signature(password: str, out: bool) -> None:
    house: Any = House(User("wang", Text("王", "Wang"), Role.ADMIN))
    sent = {"target": "city", "what": "refused", "user": "wang", "password": password, "reason": "why"}
    done, _ = admin_again.send(house, Press("send", fields=sent))
    assert (done, len(house.orders)) == (out, int(out))
    assert len(house.lines) == 1


@pytest.mark.parametrize("lang", LANGS)
def test_results_in_words(lang: Any) -> None:
    assert results([], lang) is None
    found = [
        Done("1-0", AT, "wang", "city", "2026-11-20..2026-11-21", True, QUEUED.fill(n=7)),
        Done("2-0", AT, "wang", "town", "refused", False, Text("没有", "none")),
    ]
    shown = results(found, lang)
    assert len([n for n in walk(shown) if type(n).__name__ == "Li"]) == 2
    assert len(classed(shown, "tx-alarm")) == 1
    assert "2026-11-20 – 2026-11-21" in text(shown)
    assert "7" in text(shown)
