"""Entering a sample's result on the desk: who may, what is refused in words, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callbacks import login, sample_form
from callbacks.wording import local
from tests.callbacks import story
from tests.callbacks.test_emergency import Stream
from tests.callbacks.words import text
from twin import lab
from twin.model import Event, from_json

SAID = {"barcode": "B-7", "time": "", "factor": "w01018", "value": "812.5", "person": "Li"}


@pytest.fixture
def web(told: story.Story, tmp_path: Path) -> Iterator[Any]:
    with story.book(tmp_path) as (records, access):
        story.put(records, told)
        yield SimpleNamespace(
            park=told.park, network=story.network(), stream=Stream(told), records=records, access=access
        )


def press(web: Any, told: story.Story, who: str = "duty", **other: str) -> tuple[bool, str]:
    said = {**SAID, "node": str(web.network.node_ids[0]), **other}
    return sample_form.press(web, told.incident.id, said, (who, f"demo-{who}"), "en")


def test_a_result_is_kept_put_on_record_and_told_to_the_advice(web: Any, told: story.Story) -> None:
    done, said = press(web, told)
    assert done, said
    (kept,) = lab.of(web.records, told.incident.id)
    assert (kept.barcode, kept.factor, kept.value, kept.person) == ("B-7", "w01018", 812.5, "Li")
    assert kept.entered_by == "duty"
    assert abs(kept.at - story.NOW) < timedelta(minutes=1)
    events = [from_json(b, Event) for n, b in web.stream.sent if n == "events"]
    assert [(e.kind, e.about) for e in events] == [("result.entered", told.incident.id)]
    line = next(a for a in web.records.audits(told.incident.id) if a.what == "sample.entered")
    assert "B-7" in line.detail.zh


def test_the_same_bottle_again_corrects_it(web: Any, told: story.Story) -> None:
    press(web, told)
    press(web, told, value="90")
    assert [r.value for r in lab.of(web.records, told.incident.id)] == [90.0]
    assert len([a for a in web.records.audits(told.incident.id) if a.what == "sample.entered"]) == 2


@pytest.mark.parametrize(
    ("other", "word"),
    [
        ({"who": "nobody"}, "wrong"),
        ({"who": "viewer"}, "may not"),
        ({"barcode": " "}, "barcode"),
        ({"value": "much"}, "number"),
        ({"time": "half past"}, "02:35"),
        ({"node": "nowhere"}, "nowhere"),
    ],
)
def test_what_is_not_taken_is_said(web: Any, told: story.Story, other: dict[str, str], word: str) -> None:
    done, said = press(web, told, **other)
    assert not done
    assert word in said
    assert lab.of(web.records, told.incident.id) == []


def test_a_clock_is_read_as_the_last_time_it_showed_that() -> None:
    assert sample_form.moment("", story.NOW) == story.NOW
    at = sample_form.moment(f"{local(story.NOW - timedelta(minutes=3)):%H:%M}", story.NOW)
    assert at is not None
    assert timedelta(0) <= story.NOW - at < timedelta(minutes=4)
    later = sample_form.moment(f"{local(story.NOW + timedelta(minutes=9)):%H:%M}", story.NOW)
    assert later is not None
    assert later < story.NOW - timedelta(hours=23)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_form_names_its_fields(lang: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "reader", lambda: None)
    said = text(sample_form.form(lang))
    for word in (*sample_form.FIELDS.values(), sample_form.TITLE, sample_form.KEEP):
        assert word.say(lang) in said
