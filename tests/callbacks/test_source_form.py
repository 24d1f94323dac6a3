"""Signing who it was: who may, what is told when it cannot be kept, and where it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callbacks import dossier, source_form, suspects
from callbacks.signing import Outcome, Signature
from geodata.words import Text
from tests.callbacks import story
from tests.callbacks.test_emergency import Stream
from tests.callbacks.words import text
from twin import confirmed


@pytest.fixture
def web(told: story.Story, tmp_path: Path) -> Iterator[Any]:
    with story.book(tmp_path) as (records, access):
        story.put(records, told)
        yield SimpleNamespace(stream=Stream(told), records=records, access=access, park=told.park)


def press(web: Any, told: story.Story, who: str, grounds: str = "执法采样吻合", by: str = "duty") -> Outcome:
    mark = Signature(by, f"demo-{by}", "")
    return source_form.press(web, who, grounds, told.incident.id, mark, None, story.NOW)


def test_what_was_signed_stands_above_the_ranking(web: Any, told: story.Story) -> None:
    who = told.park.enterprises[0]
    assert press(web, told, who.id).done
    case = dossier.of(web.records, told.incident)
    people = {"duty": Text("李泽远", "Li Zeyuan")}
    shown = source_form.shown(case.source, told.park, people, "zh")
    assert text(shown).startswith(f"已查实：{who.short.zh}")
    assert "执法采样吻合（李泽远" in text(shown)
    enterprises = {e.id: e for e in told.park.enterprises}
    panel = text(suspects.show(case.ranking, enterprises, "zh", found=shown))
    assert panel.index("已查实") < panel.index("%")


def test_a_source_on_no_list_can_be_found_too(web: Any, told: story.Story) -> None:
    assert press(web, told, confirmed.UNLISTED).done
    case = dossier.of(web.records, told.incident)
    assert "Confirmed: a source on no list" in text(source_form.shown(case.source, told.park, {}, "en"))


def test_nothing_is_shown_while_nobody_has_signed(web: Any, told: story.Story) -> None:
    assert source_form.shown(dossier.of(web.records, told.incident).source, told.park, {}, "zh") is None


@pytest.mark.parametrize(
    ("who", "grounds", "by", "says"),
    [
        ("", "x", "duty", confirmed.NOBODY.zh),
        (confirmed.UNLISTED, "", "duty", confirmed.NO_GROUNDS.zh),
        (confirmed.UNLISTED, "x", "viewer", "无权"),
        (confirmed.UNLISTED, "x", "nobody", "账号或口令不对"),
    ],
)
def test_what_is_not_signed_for_is_not_kept(
    web: Any, told: story.Story, who: str, grounds: str, by: str, says: str
) -> None:
    outcome = press(web, told, who, grounds, by)
    assert not outcome.done
    assert says in outcome.text.zh
    assert confirmed.of(web.records, told.incident.id) == []
